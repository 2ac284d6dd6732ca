from __future__ import annotations

import gc
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
import weakref
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np
import pytest

from core import paths
from core.bundled import dances
from core.errors import TargetNotFound
from core.generators import neural
from core.generators.neural import NeuralGenerator
from core.generators.realtime import RealtimeGenerator
from core.services.file_store import Workspace
from core.services.job_queue import JobQueue
from core.ui.app_services import AppServices, PerformerCache, Speed, app_services, default_performer
from core.ui.dance_job import Settling
from core.ui.text import about
from core.utils.memory_budget import MemoryBudget
from tests.waiting import PATIENCE, until

needs_assets = pytest.mark.skipif(
    not dances.list_dances() or not (paths.BUNDLED_PERFORMERS / "theo").is_dir(),
    reason="the bundled dances and performers are not here",
)


def report(fps: float) -> Any:
    return SimpleNamespace(fps_steady=fps)


def test_speed_is_told_as_far_as_it_was_measured() -> None:
    speed = Speed()
    speed.note(report(50.0), again=False)
    assert not speed.known, "one measure may be anything"
    assert speed.seconds(100, again=False) is None

    speed.note(report(40.0), again=False)
    assert speed.seconds(100, again=False) == pytest.approx((2.0, 2.5))
    assert speed.seconds(100, again=True) == pytest.approx((2.0, 2.5))

    speed.note(report(200.0), again=True)
    assert speed.seconds(100, again=True) == pytest.approx((0.5, 0.5))
    for _ in range(3):
        speed.note(report(25.0), again=False)
    assert speed.seconds(100, again=False) == pytest.approx((4.0, 4.0)), "what was long ago is forgotten"


def test_the_default_performer_is_not_the_dancer() -> None:
    mira: Any = SimpleNamespace(id="mira")
    theo: Any = SimpleNamespace(id="theo")
    both = [mira, theo]

    assert default_performer(both, "mira-dance") is theo
    assert default_performer(both, "theo-dance") is mira
    assert default_performer(both, "own") is mira
    assert default_performer(both[:1], "mira-dance") is mira


def test_one_process_has_one_set_of_services() -> None:
    assert app_services() is app_services()


@needs_assets
def test_performers_are_opened_once_and_anew_when_they_change() -> None:
    mine = paths.user_performers() / "copy"
    shutil.copytree(paths.BUNDLED_PERFORMERS / "theo", mine)
    manifest = mine / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"id": "theo"', '"id": "copy"'))
    performers = PerformerCache(MemoryBudget(1 << 30))

    first = performers.get("copy", "nearest")
    assert performers.get("copy", "nearest") == first
    assert performers.get("copy", "nearest-frame")[0] is first[0]

    os.utime(manifest, ns=(1, 1))
    assert performers.get("copy", "nearest")[0] is not first[0]
    with pytest.raises(TargetNotFound):
        performers.get("nobody", "nearest")


@needs_assets
def test_performers_and_generators_go_when_there_is_no_room_and_stay_while_they_are_used() -> None:
    performers = PerformerCache(memory := MemoryBudget(0))
    target, generator = performers.get("mira", "nearest")
    pose = target.pose(20)
    assert pose is not None
    picture = generator.generate(pose, 20).image

    performers.get("theo", "nearest")
    assert performers.get("mira", "nearest") == (target, generator), "they are in use"
    memory.settle()
    assert not performers.holds("theo", "nearest")
    assert np.array_equal(generator.generate(pose, 20).image, picture)

    used = weakref.ref(target), weakref.ref(generator)
    del target, generator
    performers.get("theo", "nearest")
    gc.collect()
    memory.settle()
    assert [thing() for thing in used] == [None, None]
    again, generator = performers.get("mira", "nearest")
    assert np.array_equal(generator.generate(pose, 20).image, picture)
    assert again.held_bytes > 0


@needs_assets
def test_what_a_generator_holds_is_counted() -> None:
    performers = PerformerCache(memory := MemoryBudget(1 << 30))
    _, generator = performers.get("mira", "realtime")
    before = memory.used
    generator.warm_up()
    network = memory.used - before
    assert network > 5_000_000
    generator.prepare(lambda: True)
    parts = memory.used - before - network
    assert parts > 20_000_000
    smaller = generator.smaller()
    assert smaller is not None
    smaller.warm_up()
    smaller.prepare(lambda: True)
    assert memory.used - before > 1.5 * network + 1.2 * parts


@needs_assets
def test_a_generator_that_was_let_go_of_is_warmed_again() -> None:
    made = AppServices(JobQueue(), Workspace(), memory=MemoryBudget(0))
    try:
        made.warm("theo", "nearest")
        _join("warm-nearest")
        made.performers.get("mira", "nearest-frame")
        made.memory.settle()
        assert not made.performers.holds("theo", "nearest")
        made.warm("theo", "nearest")
        _join("warm-nearest")
        assert made.performers.holds("theo", "nearest")
    finally:
        made.close()


def _join(name: str) -> None:
    for thread in [thread for thread in threading.enumerate() if thread.name == name]:
        thread.join(PATIENCE)


@needs_assets
def test_warming_up_measures_this_machine_and_leaves_nothing() -> None:
    made: AppServices = app_services()
    made.warm_up()
    made.warm_up()

    until(lambda: made.speed.known and made.speed.seconds(1, again=True) != made.speed.seconds(1, again=False))

    for again in (False, True):
        least, most = made.speed.seconds(100, again=again) or (0.0, 0.0)
        assert 0 < least <= most
    until(lambda: list(made.files.folder.iterdir()) == [])


@needs_assets
def test_a_chosen_generator_is_warm_before_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    made = app_services()
    made.warm("mira", "mlp-se")
    (thread,) = (t for t in threading.enumerate() if t.name == "warm-mlp-se")
    made.warm("mira", "mlp-se")
    thread.join(PATIENCE)
    assert not any(t.name == "warm-mlp-se" for t in threading.enumerate()), "once is enough"
    target, generator = made.performers.get("mira", "mlp-se")
    assert isinstance(generator, NeuralGenerator)
    pose = target.pose(20)
    assert pose is not None

    def load(config: object, files: object) -> NoReturn:
        raise AssertionError("the network was not loaded ahead")

    monkeypatch.setattr(neural, "open_runner", load)
    generator.generate(pose, None)


@needs_assets
def test_what_later_pictures_need_is_looked_up_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    made = app_services()
    made.warm("theo", "realtime")
    (thread,) = (t for t in threading.enumerate() if t.name == "warm-realtime")
    thread.join(PATIENCE)
    target, generator = made.performers.get("theo", "realtime")
    assert isinstance(generator, RealtimeGenerator)
    poses = [pose for i in range(0, 400, 20) if (pose := target.pose(i)) is not None]

    def look_up(frame: int) -> NoReturn:
        raise AssertionError(f"frame {frame} was not looked up ahead")

    monkeypatch.setattr(generator.memory, "_look_up", look_up)
    for choice, pose in zip(generator.choose_all(poses, [Fraction(i) for i in range(len(poses))]), poses, strict=True):
        generator.generate(pose, choice)


def test_a_visitors_job_goes_before_what_may_be_needed_later() -> None:
    made, over = app_services(), threading.Event()
    said: list[bool] = []
    made.jobs.submit(lambda _: over.wait(PATIENCE))
    thread = threading.Thread(target=lambda: said.append(made._may_prepare()))
    thread.start()
    thread.join(1.0)
    assert not said
    over.set()
    thread.join(PATIENCE)
    assert said == [True]


def test_what_cannot_be_warmed_up_waits_until_it_is_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        app_services().warm("nobody", "mlp-se")
        until(lambda: "nobody" in caplog.text)
    assert "not warm" in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@needs_assets
def test_a_visitors_dance_goes_before_the_measuring() -> None:
    made = app_services()
    stop = threading.Event()
    made.jobs.submit(lambda handle: stop.wait(PATIENCE))
    made.warm_up()
    time.sleep(1.5)
    assert not made.speed.known
    stop.set()


def test_torch_is_not_loaded_for_a_page(tmp_path: Path) -> None:
    app = Path(__file__).resolve().parents[2] / "app.py"
    code = (
        "import sys; from streamlit.testing.v1 import AppTest\n"
        f"page = AppTest.from_file({str(app)!r}, default_timeout={PATIENCE}).run(); assert not page.exception\n"
        "from core import transfer; print('torch' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=app.parent, env={**os.environ}
    )
    assert ran.stdout.strip() == "False", ran.stderr


def test_what_is_left_is_told_once_it_is_known_to_a_third() -> None:
    wild, steady = Settling(), Settling()
    said = [wild.settled(left, now / 2) for now, left in enumerate([507.0, 200.0, 90.0, 40.0, 25.0, 24.0])]
    assert said == [None] * 6
    told = [steady.settled(30.0 - now / 2, now / 2) for now in range(6)]
    assert told[:4] == [None] * 4, "two seconds have to agree"
    assert told[4:] == [28.0, 27.5]
    assert about(24.0, 30.0) == "27 seconds"
    assert about(20.0, 40.0) == "20 seconds to 40 seconds"
