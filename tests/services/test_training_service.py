"""Trainings in processes of their own: real ones, of performers so small that they take seconds."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest

from core import paths
from core.errors import UnusableInput
from core.services.training_runs import TrainingRun, curve, list_records, read_record, sheets
from core.services.training_service import DIED, TrainingService
from core.targets.store import load_target
from tests.puppets import make_puppet
from tests.video.test_writer import mounted
from tests.waiting import PATIENCE, until

LONG = 30.0


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DANCE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DANCE_CACHE", str(tmp_path / "cache"))
    make_puppet(paths.user_performers())
    return tmp_path


@pytest.fixture
def studio(own_data: Path) -> Iterator[TrainingService]:
    with TrainingService() as made:
        yield made


def order(minutes: float = LONG, generator: str = "mlp", target: str = "puppet") -> TrainingRun:
    return TrainingRun(target=target, generator=generator, minutes=minutes, device="cpu")


def until_learning(studio: TrainingService, run: str, rounds: int = 1) -> None:
    found = studio.find(run)
    assert found is not None
    until(lambda: len(curve(found.folder)) >= rounds or over(studio, run), what="it learns")
    assert not over(studio, run), studio.find(run)


def over(studio: TrainingService, run: str) -> bool:
    record = studio.find(run)
    return record is None or record.state not in {"waiting", "training"}


def state(studio: TrainingService, run: str) -> str:
    record = studio.find(run)
    assert record is not None
    return record.state


def generators() -> tuple[str, ...]:
    with load_target("puppet") as target:
        return tuple(target.manifest.generator_names())


def test_what_is_ordered_is_trained_and_given(studio: TrainingService) -> None:
    assert "mlp" not in generators()
    begun = monotonic()
    run = studio.start(order(0.1))
    phases = set()
    while not over(studio, run):
        standing = studio.standing(run)
        if standing is not None:
            phases.add(standing.phase)
        sleep(0.02)
    record = studio.find(run)
    assert record is not None
    assert (record.state, record.error) == ("done", None)
    assert {"starting", "training"} <= phases
    # it may end before its time, where nothing gets better
    assert 0 < record.trained <= (monotonic() - begun) / 60
    assert "mlp" in generators()
    points = curve(record.folder)
    assert points[-1].loss < points[0].loss
    assert sheets(record.folder)
    assert read_record(record.folder) == record
    assert studio.standing(run) is None


def test_one_is_trained_at_a_time_and_others_see_their_place(studio: TrainingService) -> None:
    first, second, third = (studio.start(order(generator=name)) for name in ("mlp", "mlp-se", "unet"))
    until(lambda: state(studio, first) == "training", what="the first one begins")
    assert [studio.place(run) for run in (first, second, third)] == [0, 1, 2]
    studio.stop(second)
    assert state(studio, second) == "stopped"
    assert studio.place(third) == 1
    with pytest.raises(UnusableInput, match="already"):
        studio.start(order())
    with pytest.raises(UnusableInput, match="already"):
        studio.forget(third)
    studio.stop(third)
    studio.forget(third)
    assert studio.find(third) is None
    assert [record.id for record in list_records()] == [first, second]


def test_a_pause_costs_nothing_and_the_performer_can_be_tried_meanwhile(studio: TrainingService) -> None:
    run = studio.start(order())
    until_learning(studio, run)
    studio.pause(run)

    def phase() -> str:
        standing = studio.standing(run)
        return "" if standing is None else standing.phase

    until(lambda: phase() == "paused", what="it pauses")
    before = studio.standing(run)
    studio.give(run)
    until(lambda: "mlp" in generators(), what="the performer has it")
    until(lambda: (s := studio.standing(run)) is not None and s.given == 1, what="it is told")
    assert phase() == "paused"
    after = studio.standing(run)
    assert before is not None
    assert after is not None
    assert after.minutes == before.minutes
    went_on = monotonic()
    studio.go_on(run)
    until(lambda: phase() == "training", what="it goes on")
    later = studio.standing(run)
    passed = (monotonic() - went_on) / 60
    assert later is not None
    assert later.minutes <= before.minutes + passed, "the pause does not count"
    assert later.losses[: len(before.losses)] == before.losses


def test_stopped_it_keeps_what_was_learnt_and_can_go_on(studio: TrainingService) -> None:
    run = studio.start(order())
    until_learning(studio, run, rounds=2)
    studio.stop(run)
    until(lambda: over(studio, run), what="it stops")
    record = studio.find(run)
    assert record is not None
    assert (record.state, record.error) == ("stopped", None)
    assert "mlp" in generators()
    known = len(curve(record.folder))
    more = record.trained + 0.05 - record.minutes
    studio.resume(run, more_minutes=more)
    until(lambda: over(studio, run), what="it is done")
    longer = studio.find(run)
    assert longer is not None
    assert (longer.state, longer.error) == ("done", None)
    assert longer.trained > record.trained
    assert len(curve(longer.folder)) > known


def test_what_cannot_be_trained_says_why(studio: TrainingService) -> None:
    nobody, nothing = studio.start(order(target="nobody-there")), studio.start(order(generator="crayon"))
    until(lambda: over(studio, nobody) and over(studio, nothing), what="both fail")
    for run, word in ((nobody, "performer"), (nothing, "crayon")):
        record = studio.find(run)
        assert record is not None
        assert record.state == "failed"
        assert word in str(record.error)


def test_of_two_who_ask_at_once_one_is_told(studio: TrainingService) -> None:
    both, told = threading.Barrier(2), list[str]()

    def ask() -> None:
        both.wait()
        try:
            studio.start(order())
        except UnusableInput as error:
            told.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == ["This is being trained already: look at it below, or stop it first."]
    assert [record.state in {"waiting", "training"} for record in studio.records()] == [True]


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """All data on a disk that a performer fits on and no checkpoint."""
    place = tmp_path / "disk"
    place.mkdir()
    with mounted(place, "size=2m"):
        monkeypatch.setenv("DANCE_DATA", str(place))
        make_puppet(paths.user_performers())
        yield place


def test_a_full_disk_ends_a_training_and_not_the_next(small_disk: Path, studio: TrainingService) -> None:
    first, second = (studio.start(order(generator=name)) for name in ("mlp", "mlp-se"))
    until(lambda: over(studio, first) and over(studio, second), what="there is no room for either")
    for run in (first, second):
        record = studio.find(run)
        assert record is not None
        assert record.state == "failed"
        assert re.search("disk|space", str(record.error)), record.error
    assert generators() == ("nearest", "nearest-frame")
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True, capture_output=True)
    third = studio.start(order(0.05))
    until(lambda: over(studio, third), what="with room again it is trained")
    assert state(studio, third) == "done"
    assert "mlp" in generators()


def test_a_training_that_dies_is_interrupted_and_goes_on(studio: TrainingService) -> None:
    run = studio.start(order())
    until_learning(studio, run, rounds=2)
    (worker,) = psutil.Process().children()
    worker.kill()
    until(lambda: over(studio, run), what="its death is noticed")
    record = studio.find(run)
    assert record is not None
    assert (record.state, record.error) == ("interrupted", DIED)
    rounds = len(curve(record.folder))
    studio.resume(run)
    until_learning(studio, run, rounds=rounds + 1)
    standing = studio.standing(run)
    assert standing is not None
    assert standing.minutes >= record.trained


SERVER = """
    import sys, time
    from core.services.training_runs import TrainingRun
    from core.services.training_service import TrainingService
    service = TrainingService()
    service.start(TrainingRun(target="puppet", generator="mlp", minutes=30, device="cpu"))
    time.sleep(300)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_a_server_that_is_killed_loses_the_last_moments_only(own_data: Path) -> None:
    server = subprocess.Popen([sys.executable, "-c", textwrap.dedent(SERVER)], cwd=paths.PROJECT)
    folder = order().folder
    until(lambda: len(curve(folder)) >= 3, what="it learns")
    (worker,) = psutil.Process(server.pid).children()
    with TrainingService() as other:
        assert other.records() == [], "what a living server has in hand is left to it"
        with pytest.raises(UnusableInput, match="Another app"):
            other.start(order())
    server.send_signal(signal.SIGKILL)
    server.wait(PATIENCE)
    until(lambda: not worker.is_running(), what="the training ends as well")
    left = read_record(folder)
    assert left is not None
    assert left.state == "training"
    rounds = len(curve(folder))
    with TrainingService() as studio:
        (record,) = studio.records()
        assert record.state == "interrupted"
        studio.resume(record.id)
        until_learning(studio, record.id, rounds=rounds + 1)
        minutes = [point.minutes for point in curve(folder)]
        assert minutes == sorted(minutes), "it goes on and does not begin anew"
    assert read_record(folder) is not None
    assert list_records()[0].state == "interrupted", "an app that is stopped interrupts as well"
