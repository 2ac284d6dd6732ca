"""Performers whom visitors bring to a public app: theirs alone, and gone when they are."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.bundled import dances
from core.errors import OverLimit, PackInvalid, TargetNotFound
from core.live.live_settings import LiveSettings
from core.live.session import LiveSession
from core.services.file_store import FileLease
from core.settings import settings
from core.targets.archive import export_pack
from core.targets.edit import rename_target, set_portrait
from core.targets.store import list_targets
from core.ui import live_view as ui_live
from core.ui.app_services import AppServices, app_services
from core.ui.performer_list import MOST_GUESTS
from tests.live.camera import dance_frames, feed_until
from tests.puppets import make_puppet
from tests.ui.test_dance_page import chosen, job_of, query
from tests.ui.test_train_page import words
from tests.waiting import PATIENCE

Open = Callable[..., AppTest]

pytestmark = pytest.mark.skipif(not dances.list_dances(), reason="the bundled dances are not here")


@pytest.fixture(autouse=True)
def hosted(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANCE_HOSTED", "1")
    settings.cache_clear()
    st.cache_resource.clear()


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The zip of a performer who is called Anna."""
    root = tmp_path_factory.mktemp("anna")
    make_puppet(root)
    cv2.imwrite(str(root / "face.png"), np.full((40, 30, 3), 99, np.uint8))
    set_portrait("puppet", root / "face.png", root)
    rename_target("puppet", "Anna", root)
    export_pack("puppet", root / "anna.zip", root)
    return (root / "anna.zip").read_bytes()


@pytest.fixture
def guest(shared: AppServices, pack: bytes) -> FileLease:
    """Anna, held by nobody else."""
    return shared.take_guest(io.BytesIO(pack), "anna.zip", len(pack))


def pack_uploaders(app: AppTest) -> list[Any]:
    """Those for performers from elsewhere; photos have one of their own."""
    return [uploader for uploader in app.file_uploader if str(uploader.key).startswith("import-pack")]


def bring(app: AppTest, content: bytes, name: str = "anna.zip") -> AppTest:
    app.switch_page("pages/train.py").run()
    pack_uploaders(app)[0].set_value((name, content, "application/zip")).run()
    assert not app.exception
    return app


def guests(app: AppTest) -> list[str]:
    """Ids of those the visitor brought."""
    return [performer.id for performer in app.session_state["visit"].performers()]


def offered(app: AppTest) -> list[str]:
    """Ids of the performers that can be chosen."""
    begin = "pick-performer-"
    return [b.key.removeprefix(begin) for b in app.button if b.key and b.key.startswith(begin)]


def dance_as(app: AppTest, performer: str) -> None:
    app.button(key=f"dance-as-{performer}").click().run()
    # the button leads there, which AppTest forgets with the next click
    app.switch_page("pages/dance.py").run()


def folders(shared: AppServices) -> list[Path]:
    return sorted(shared.files.performers.iterdir())


def test_who_is_brought_dances_and_nobody_else_sees_them(open_app: Open, shared: AppServices, pack: bytes) -> None:
    app = bring(open_app(), pack)
    (anna,) = guests(app)
    assert anna != "puppet"
    assert "**Anna**" in words(app)
    assert any("image/webp" in html.proto.body for html in app.get("html"))
    assert not app.text_input, "nobody is renamed"
    assert [folder.name for folder in folders(shared)] == [anna]
    assert not list(shared.files.folder.glob("*.zip"))
    assert anna not in [performer.id for performer in list_targets()]
    other = open_app()
    assert anna not in offered(other)
    assert "Anna" not in words(other.switch_page("pages/train.py").run())

    dance_as(app, anna)
    assert chosen(app, "performer") == [f"pick-performer-{anna}"]
    app.slider(key="part-june-sway").set_value((0.0, 1.0))
    app.button(key="dance").click().run()
    job = job_of(app, shared)
    assert job.wait(PATIENCE)
    assert job.state == "done", job.error
    assert job.about.file_name(".mp4") == "anna-june-sway.mp4"
    assert not app.run().exception
    assert len(app.get("video")) == 1

    other = open_app(job=query(app, "job"))
    assert not other.exception
    assert anna not in offered(other)
    assert chosen(other, "performer") == ["pick-performer-mira"], "the usual one"

    app.session_state["visit"].session_files.clear()
    assert folders(shared) == []
    assert job.result.video.is_file(), "what was danced is kept for its link"
    assert anna not in offered(app.run())
    assert not app.exception


def test_who_is_brought_is_compared_and_goes_with_the_visit(open_app: Open, shared: AppServices, pack: bytes) -> None:
    app = bring(open_app(), pack)
    (anna,) = guests(app)
    app.switch_page("pages/compare.py").run()
    app.button(key=f"pick-performer-{anna}").click().run()
    app.button_group(key="compare-generators").set_value(["nearest", "nearest-frame"]).run()
    app.slider(key="part-june-sway").set_value((0.0, 0.6)).run()
    app.button(key="compare").click().run()
    job = shared.jobs.find(query(app, "comparison") or "")
    assert job is not None
    assert job.wait(PATIENCE)
    assert job.state == "done", job.error
    assert job.result is not None
    measuring = shared.jobs.find(job.result.measuring)
    assert measuring is not None
    assert measuring.wait(PATIENCE)
    assert measuring.state == "done", measuring.error
    assert not app.run().exception
    assert query(app, "performer") is None, "nobody else has her"
    assert "no longer here" not in words(app)

    app.session_state["visit"].session_files.clear()
    assert folders(shared) == []
    assert not app.run().exception
    assert "The performer is no longer here." in words(app)
    assert any('data-generator="nearest"' in html.proto.body for html in app.get("html")), "the numbers stay"


def test_who_is_removed_is_gone(open_app: Open, shared: AppServices, pack: bytes) -> None:
    app = bring(open_app(), pack)
    (anna,) = guests(app)
    target, _ = shared.performers.get(anna, "nearest")
    app.button(key=f"remove-{anna}").click().run()
    assert not app.exception
    assert "**Anna**" not in words(app)
    assert folders(shared) == []
    assert target.frames._file.closed
    with pytest.raises(TargetNotFound):
        shared.performers.get(anna, "nearest")
    assert not [key for key in shared.performers._open if key[0] == anna]


def test_a_dance_that_waits_or_runs_keeps_its_performer(open_app: Open, shared: AppServices, pack: bytes) -> None:
    app = bring(open_app(), pack)
    (anna,) = guests(app)
    dance_as(app, anna)
    go = threading.Event()
    shared.jobs.submit(lambda handle: go.wait(PATIENCE))
    app.slider(key="part-june-sway").set_value((0.0, 1.0))
    app.button(key="dance").click().run()
    job = job_of(app, shared)
    app.session_state["visit"].session_files.clear()
    assert [folder.name for folder in folders(shared)] == [anna]
    assert anna not in offered(app.run()), "for that dance alone"
    go.set()
    assert job.wait(PATIENCE)
    assert job.state == "done", job.error
    assert folders(shared) == [], "and no longer than that"


def test_a_dance_that_is_cancelled_in_line_lets_them_go(open_app: Open, shared: AppServices, pack: bytes) -> None:
    app = bring(open_app(), pack)
    (anna,) = guests(app)
    dance_as(app, anna)
    go = threading.Event()
    shared.jobs.submit(lambda handle: go.wait(PATIENCE))
    app.button(key="dance").click().run()
    app.session_state["visit"].session_files.clear()
    shared.jobs.cancel(job_of(app, shared))
    assert folders(shared) == []
    go.set()


def test_three_at_a_time(open_app: Open, shared: AppServices, pack: bytes) -> None:
    app = open_app()
    for count in range(1, MOST_GUESTS + 1):
        app = bring(app, pack)
        assert len(set(guests(app))) == count
    assert not pack_uploaders(app)
    assert "remove one" in words(app)
    app.button(key=f"remove-{guests(app)[0]}").click().run()
    assert len(pack_uploaders(app)) == 1
    assert len(folders(shared)) == MOST_GUESTS - 1


def test_what_is_no_performer_is_refused_and_leaves_nothing(open_app: Open, shared: AppServices, pack: bytes) -> None:
    app = open_app()
    for content in (b"PK\x03\x04nonsense", pack[:-30]):
        app = bring(app, content, "evil.zip")
        assert "evil.zip" in words(app)
        assert guests(app) == []
    assert not [path for path in shared.files.folder.rglob("*") if path.is_file()]
    with pytest.raises(PackInvalid):
        shared.take_guest(io.BytesIO(b"words"), "words.zip", 5)


def test_a_file_is_no_larger_than_any_upload(shared: AppServices, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANCE_MAX_UPLOAD_MB", "1")
    settings.cache_clear()
    with pytest.raises(OverLimit, match=r"anna.zip is 2 MB: the limit here is 1 MB"):
        shared.take_guest(io.BytesIO(), "anna.zip", 2 << 20)


def test_on_the_live_page_too(open_app: Open, pack: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ui_live, "webrtc_streamer", lambda **_: None)
    app = bring(open_app(), pack)
    (anna,) = guests(app)
    app.switch_page("pages/live.py").run()
    app.button(key=f"pick-performer-{anna}").click().run()
    assert not app.exception
    assert app.session_state["mirror"].stream._wish.performer == anna
    assert anna not in offered(open_app().switch_page("pages/live.py").run())
    app.session_state["visit"].session_files.clear()
    app.run()
    assert not app.exception
    assert app.session_state["mirror"].stream._wish.performer == "mira"


def test_a_stream_that_still_shows_them_ends_with_a_sentence(shared: AppServices, guest: FileLease) -> None:
    seen: list[Any] = []
    wish = LiveSettings(guest.stored.path.name, "nearest")
    with LiveSession(shared.performers.get, wish, seen.append) as session:
        feed_until(session, dance_frames(), lambda: len(seen) > 2)
        guest.release()
        feed_until(session, dance_frames(), lambda: session.over)
        assert session.status().ended == "This performer is no longer here: choose another one."
    assert not guest.stored.path.exists()


def test_they_are_deleted_when_the_app_stops(guest: FileLease) -> None:
    folder = guest.stored.path
    assert folder.is_dir()
    app_services().close()
    assert not folder.exists()
