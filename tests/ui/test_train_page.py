"""The train page without a browser. Training itself is tested in tests/services, the whole way in tests/browser."""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import paths
from core.services.training_runs import TrainingRun
from core.targets.store import list_targets, load_target
from core.types import Frame
from core.ui.app_services import AppServices
from core.ui.build_job import MakeRequest, free_id, make
from core.ui.loss_chart import curve_svg
from core.video.reader import VideoReader
from tests.media import write_video
from tests.puppets import make_puppet
from tests.ui.conftest import run_until
from tests.waiting import until

Open = Callable[..., AppTest]


@pytest.fixture
def own() -> Path:
    """A performer of the visitor's own."""
    return make_puppet(paths.user_performers())


@pytest.fixture
def interrupted(own: Path) -> TrainingRun:
    """A training that a server left which is no more."""
    return keep(TrainingRun(target="puppet", generator="mlp", minutes=30, device="cpu", state="training", trained=1.0))


def opened(open_app: Open) -> AppTest:
    app = open_app().switch_page("pages/train.py").run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.info, *app.error, *app.subheader]
    return " ".join(str(element.value) for element in shown)


def keep(record: TrainingRun) -> TrainingRun:
    """Leave a run as an earlier server did."""
    record.save()
    (record.folder / "metrics.csv").write_text(
        "epoch,minutes,rate,loss,critic,asked,validation_l1,best\n1,0.5,0.001,0.4,,,0.05,True\n2,1.0,0.001,0.2,,,0.04,True\n"
    )
    (record.folder / "sheets").mkdir(exist_ok=True)
    for number in (1, 2):
        cv2.imwrite(str(record.folder / "sheets" / f"{number:05d}.webp"), np.full((8, 8, 3), 90, np.uint8))
    return record


def test_it_says_what_is_missing_until_training_can_begin(open_app: Open, tmp_path: Path) -> None:
    app = opened(open_app)
    assert app.button(key="train").disabled
    assert "Choose a video first." in words(app)
    short = write_video(tmp_path / "short.mp4", [np.full((96, 96, 3), 90, np.uint8)] * 10, rate=10)
    app.file_uploader[0].set_value([("short.mp4", short.read_bytes(), "video/mp4")]).run()
    run_until(app, lambda: "being looked at" not in words(app))
    assert "This cannot be used yet." in words(app)
    assert app.error
    assert "This footage cannot be used" in words(app)
    assert app.button(key="train").disabled
    given = app.session_state["footage"]
    assert len(given.roles) == 1
    app.button(key=f"remove-1-{given.uploads}").click().run()
    assert "Choose a video first." in words(app)
    assert not app.error


def pictures_of(app: AppTest) -> str:
    """The page's HTML elements."""
    return " ".join(str(element.proto.body) for element in app.get("html"))


def swaying(pictures: list[Frame]) -> list[Frame]:
    """The same, as from a camera that is held by hand."""
    lefts = [round(16 + 16 * np.sin(place / 2)) for place in range(len(pictures))]
    return [np.ascontiguousarray(p[:, left : left + 284]) for p, left in zip(pictures, lefts, strict=True)]


def test_a_camera_in_a_hand_will_do_and_three_moves_are_shown(open_app: Open, tmp_path: Path) -> None:
    with VideoReader(paths.BUNDLED_PERFORMERS / "mira" / "frames.mp4", max_side=316, every=0.5) as reader:
        pictures = [frame.image for frame in itertools.islice(reader, 124)]
    still = [np.ascontiguousarray(picture[:, 16:300]) for picture in pictures[:20]]
    films = {"on a shelf.mp4": still, "by hand.mp4": swaying(pictures)}
    given = [(name, write_video(tmp_path / name, film, 4).read_bytes(), "video/mp4") for name, film in films.items()]
    app = opened(open_app)
    app.file_uploader[0].set_value(given).run()
    run_until(app, lambda: "being looked at" not in words(app))
    assert not app.exception
    assert not app.error
    assert "This will do." in words(app)
    assert "your room" in pictures_of(app)
    assert "data:image/webp" in pictures_of(app), "three moves, before any training"
    assert "Give your performer a name." in words(app)


def test_what_is_no_video_is_refused_in_a_sentence(open_app: Open) -> None:
    app = opened(open_app)
    app.file_uploader[0].set_value([("words.mp4", b"no video at all", "video/mp4")]).run()
    assert "words.mp4" in words(app)
    assert app.session_state["footage"].roles == []


def test_a_public_app_trains_nobody_and_says_why(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.settings import settings

    monkeypatch.setenv("DANCE_HOSTED", "1")
    settings.cache_clear()
    import streamlit as st

    st.cache_resource.clear()
    app = opened(open_app)
    assert "switched off" in words(app)
    assert not app.button
    kinds = [list(uploader.proto.type) for uploader in app.file_uploader]
    assert ".jpg" in kinds[0], "a photo needs no training"
    assert kinds[1:] == [[".zip"]], "what was trained elsewhere"


def test_an_interrupted_training_is_shown_and_goes_on(interrupted: TrainingRun, open_app: Open) -> None:
    record = interrupted
    app = opened(open_app)
    assert "Interrupted" in words(app)
    assert any("image/svg+xml" in html.proto.body for html in app.get("html"))
    assert app.select_slider[0].value == -1
    app.select_slider[0].set_value(0).run()
    assert not app.exception
    # nothing was kept of its network: it begins anew
    app.button(key=f"resume-{record.id}").click().run()
    run_until(app, lambda: any(b.key == f"pause-{record.id}" for b in app.button))
    app.button(key=f"pause-{record.id}").click().run()
    app.button(key=f"stop-{record.id}").click().run()
    run_until(app, lambda: any(b.key == f"resume-{record.id}" for b in app.button))
    assert not app.exception
    assert "10 more minutes" in [b.label for b in app.button]


def test_two_who_press_at_once_train_it_once(interrupted: TrainingRun, open_app: Open, shared: AppServices) -> None:
    first, second = opened(open_app), opened(open_app)
    for app in (first, second):
        app.button(key=f"resume-{interrupted.id}").click().run()
        assert not app.exception
    assert not first.toast
    assert "being trained already" in second.toast[0].value
    assert shared.training_service is not None
    assert [record.state in {"waiting", "training"} for record in shared.training_service.records()] == [True]
    shared.training_service.stop(interrupted.id)


def test_ones_own_performers_are_renamed_handed_on_and_deleted(open_app: Open, shared: AppServices, own: Path) -> None:
    app = opened(open_app)
    app.text_input(key="name-puppet").set_value("Anna").run()
    assert next(t for t in list_targets() if t.id == "puppet").name == "Anna"
    assert "Anna" in words(app)
    app.text_input(key="name-puppet").set_value(" ").run()
    assert "A name has" in words(app)
    assert not app.exception

    app.button(key="pack-puppet").click().run()
    pack = app.session_state["visit"].session_files.get("pack-puppet").path.read_bytes()
    assert "manifest.json" in zipfile.ZipFile(io.BytesIO(pack)).namelist()

    app.button(key="delete-puppet").click().run()
    app.button(key="delete-yes").click().run()
    assert not app.exception
    assert not any(t.own for t in list_targets())

    app.file_uploader(key="import-pack-0").set_value(("anna.zip", pack, "application/zip")).run()
    assert [t.name for t in list_targets() if t.own] == ["Anna"]
    assert "Anna" in words(app)


def test_a_performer_in_training_is_not_deleted(open_app: Open, shared: AppServices, own: Path) -> None:
    assert shared.training_service is not None
    run = shared.training_service.start(TrainingRun(target="puppet", generator="mlp", minutes=30, device="cpu"))
    app = opened(open_app)
    app.button(key="delete-puppet").click().run()
    app.button(key="delete-yes").click().run()
    assert "being trained" in words(app)
    assert any(t.own for t in list_targets())
    shared.training_service.stop(run)


def test_a_pack_that_is_none_is_refused(open_app: Open) -> None:
    app = opened(open_app)
    app.file_uploader(key="import-pack-0").set_value(("evil.zip", b"PK\x03\x04nonsense", "application/zip")).run()
    assert "evil.zip" in words(app)
    assert not app.exception


@pytest.mark.parametrize(
    ("name", "made"),
    [("Anna", "anna"), ("Änna Ö. 2!", "anna-o-2"), ("李雷", "performer"), ("mira", "mira-2"), ("a" * 80, "a" * 30)],
)
def test_ids_come_from_names(name: str, made: str) -> None:
    assert free_id(name) == made


def test_two_of_one_name_are_both_made(shared: AppServices, tmp_path: Path) -> None:
    """As from two tabs in which Train was pressed."""
    assert shared.training_service is not None
    with load_target("theo") as theo:
        clip = write_video(tmp_path / "me.mp4", [theo.frames[4 * i] for i in range(24)], rate=10)
    jobs = []
    for _ in range(2):
        with clip.open("rb") as file:
            part = shared.files.take(file, "me.mp4", clip.stat().st_size, 1 << 30)
        jobs.append(make(shared, MakeRequest("Anna", (part.stored,), True, "mlp", 30.0)))
        part.release()
    until(lambda: all(job.over for job in jobs))
    assert [job.error for job in jobs] == [None, None]
    assert {t.id: t.name for t in list_targets() if t.own} == {"anna": "Anna", "anna-2": "Anna"}
    assert {record.target for record in shared.training_service.records()} == {"anna", "anna-2"}


def test_curves_are_drawn_from_their_own_first_error_down() -> None:
    drawn = curve_svg((("where it <learns>", [(0.0, 0.4), (1.0, 0.2)]), ("not seen", [])), 2.0)
    assert "&lt;learns&gt;" in drawn
    ElementTree.fromstring(drawn)
    lines = [part.split('"')[0] for part in drawn.split('class="line" points="')[1:]]
    heights = [float(point.split(",")[1]) for point in lines[0].split()]
    assert heights[1] > heights[0], "what falls goes down"
    assert len(lines[0].split()) == 2
    assert lines[1] == ""


def test_what_is_no_number_is_left_out_of_a_curve() -> None:
    whole, broken = [(0.0, 0.4), (1.0, 0.2)], [(0.0, 0.4), (1.0, 0.2), (1.5, float("inf")), (2.0, float("nan"))]
    assert curve_svg([("loss", broken)], 2.0) == curve_svg([("loss", whole)], 2.0)
