"""What becomes of an upload: held once, in memory no longer than needed, and not at all where something went wrong."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
import streamlit as st
from PIL import Image
from streamlit.runtime.context import ContextProxy
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.testing.v1 import AppTest

from core import paths
from core.bundled import dances
from core.rendering import compositing
from core.services.file_store import MEGABYTE
from core.services.job_queue import UNEXPECTED
from core.settings import settings
from core.targets import archive, edit
from core.targets.archive import export_pack
from core.transfer import Report
from core.ui import video_info
from core.ui.app_services import AppServices, app_services
from core.ui.server import BROWSER
from tests.puppets import make_puppet
from tests.ui.test_dance_page import dance_to_the_end, job_of, query, upload, video, words
from tests.waiting import PATIENCE, until

Open = Callable[..., AppTest]
Held = Callable[[], list[bytes]]

SECRET = "/srv/secret/4Jx_working-name.mp4"

pytestmark = pytest.mark.skipif(not dances.list_dances(), reason="the bundled dances are not here")


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    """The uploads that Streamlit has in memory just now."""
    managers: list[MemoryUploadedFileManager] = []
    add = MemoryUploadedFileManager.add_file

    def noticed(manager: MemoryUploadedFileManager, session: str, file: Any) -> None:
        managers.append(manager)
        add(manager, session, file)

    monkeypatch.setattr(MemoryUploadedFileManager, "add_file", noticed)
    return lambda: [file.data for of in managers[-1:] for files in of.file_storage.values() for file in files.values()]


def break_down(*_: Any, **__: Any) -> NoReturn:
    """What nobody expected, with words that are nobody's business."""
    raise RuntimeError(f"{SECRET} is broken")


def files_of(shared: AppServices) -> list[Path]:
    return [path for path in shared.files.folder.rglob("*") if path.is_file()]


def picture() -> bytes:
    coded = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 120)).save(coded, "PNG")
    return coded.getvalue()


def packed(folder: Path) -> bytes:
    """A performer's zip."""
    make_puppet(folder)
    export_pack("puppet", folder / "puppet.zip", folder)
    return (folder / "puppet.zip").read_bytes()


# ---- every door by which something comes in


def give_video(app: AppTest) -> AppTest:
    return upload(app, "mine.mp4", video())


def give_backdrop(app: AppTest) -> AppTest:
    app.segmented_control(key="background").set_value("picture").run()
    app.file_uploader(key="backdrop-0").set_value(("mine.png", picture(), "image/png"))
    return app.run()


def give_footage(app: AppTest) -> AppTest:
    app.switch_page("pages/train.py").run()
    found = next(u for u in app.file_uploader if (u.key or "").startswith("footage-"))
    found.set_value([("one.mp4", video(), "video/mp4"), ("two.mp4", video(), "video/mp4")])
    return app.run()


def give_performer(app: AppTest, content: bytes) -> AppTest:
    app.switch_page("pages/train.py").run()
    found = next(u for u in app.file_uploader if (u.key or "").startswith("import-pack"))
    found.set_value(("mine.zip", content, "application/zip"))
    return app.run()


def give_portrait(app: AppTest) -> AppTest:
    app.switch_page("pages/train.py").run()
    app.file_uploader(key="portrait-puppet-0").set_value(("mine.png", picture(), "image/png"))
    return app.run()


@pytest.mark.parametrize("door", ["video", "backdrop", "footage", "performer", "guest", "portrait"])
def test_what_nobody_expected_leaves_nothing_of_an_upload(
    open_app: Open, held: Held, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, door: str,
) -> None:  # fmt: skip
    if door == "guest":
        monkeypatch.setenv("DANCE_HOSTED", "1")
        settings.cache_clear()
        st.cache_resource.clear()
    shared: AppServices = request.getfixturevalue("shared")
    content = packed(tmp_path / "elsewhere")
    if door == "portrait":
        make_puppet(paths.user_performers())
    monkeypatch.setattr(video_info, "_refuse_large_pictures", break_down)
    monkeypatch.setattr(compositing, "parse_background", break_down)
    monkeypatch.setattr(archive, "import_pack", break_down)
    monkeypatch.setattr(edit, "set_portrait", break_down)
    give = {
        "video": give_video,
        "backdrop": give_backdrop,
        "footage": give_footage,
        "performer": lambda app: give_performer(app, content),
        "guest": lambda app: give_performer(app, content),
        "portrait": give_portrait,
    }[door]

    with caplog.at_level(logging.ERROR):
        app = give(open_app())

    assert UNEXPECTED in words(app)
    assert words(app).count(UNEXPECTED) == (2 if door == "footage" else 1)
    for _ in range(4):
        assert not app.exception
        assert "secret" not in words(app)
        assert files_of(shared) == []
        assert held() == []
        app.run()
    assert SECRET in caplog.text, "whoever runs it can look it up"


def test_what_is_refused_leaves_nothing_either_and_is_said_until_something_else_is_done(
    open_app: Open, shared: AppServices, held: Held
) -> None:
    app = upload(open_app(), "words.mp4", b"words" * 99)
    for _ in range(3):
        assert "is not a video" in app.error[0].value
        assert files_of(shared) == []
        assert held() == []
        app.run()
    app = upload(app, "mine.mp4", video())
    assert not app.error
    assert len(files_of(shared)) == 1


def test_memory_is_given_back_as_soon_as_an_upload_is_stored(open_app: Open, shared: AppServices, held: Held) -> None:
    app = open_app()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        app = upload(app, name, video())
        assert held() == []
        assert len(files_of(shared)) == 1, "the last one takes the place of those before"
    app = give_backdrop(app)
    assert held() == []
    assert len(files_of(shared)) == 2
    app.button(key="remove-backdrop").click().run()
    assert len(files_of(shared)) == 1
    app = give_footage(app)
    assert held() == []
    assert len(app.session_state["footage"].roles) == 2
    assert not app.exception


def test_a_page_that_breaks_says_one_sentence(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_app()
    monkeypatch.setattr("core.ui.options.default_performer", break_down)
    app.run()
    assert not app.exception
    assert app.error[0].value == UNEXPECTED
    monkeypatch.undo()


def test_a_dance_that_breaks_says_one_sentence_and_leaves_the_upload_alone(
    open_app: Open, shared: AppServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = upload(open_app(), "mine.mp4", video())
    (uploaded,) = files_of(shared)

    def half(source: Path, target: Any, generator: Any, output: Path, *_: Any, **__: Any) -> NoReturn:
        output.write_bytes(b"half")
        break_down()

    monkeypatch.setattr("core.transfer.transfer", half)
    app.button(key="dance").click().run()
    job = job_of(app, shared)
    assert job.wait(PATIENCE)
    app.run()
    assert app.error[0].value == UNEXPECTED
    assert files_of(shared) == [uploaded]
    app.session_state["visit"].session_files.clear()
    assert files_of(shared) == []


def test_an_upload_that_is_taken_in_while_its_visitor_leaves_is_not_kept(open_app: Open, shared: AppServices) -> None:
    app = open_app()
    visitor = app.session_state["visit"]
    visitor.session_files.away()
    visitor.session_files._grace = 0.05
    late = shared.files.take(io.BytesIO(b"video"), "late.mp4", 5, MEGABYTE)
    visitor.session_files.put("upload", late)
    until(lambda: files_of(shared) == [], what="the upload to go")


# ---- an address gives the result


@pytest.fixture
def browsers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secrets of those who come, one after the other."""
    left = iter(["mine", "strangers", "", "mine"])
    monkeypatch.setattr(
        ContextProxy, "cookies", property(lambda _: {BROWSER: secret} if (secret := next(left)) else {})
    )


@pytest.mark.usefixtures("browsers")
def test_an_address_gives_the_result_and_the_upload_only_to_the_browser_it_came_from(
    open_app: Open, shared: AppServices
) -> None:
    mine = upload(open_app(), "mine.mp4", (paths.BUNDLED_DANCES / "june-sway.mp4").read_bytes())
    next(s for s in mine.slider if s.label == "Trim").set_value((0.0, 1.0))
    mine.button(key="dance").click().run()
    job = job_of(mine, shared)
    assert job.wait(PATIENCE)
    assert job.state == "done", job.error
    mine.run()
    assert mine.session_state["visit"].upload is not None

    for _ in range(2):
        stranger = open_app(job=query(mine, "job"))
        assert not stranger.exception
        assert len(stranger.get("video")) == 1, "the result"
        visitor = stranger.session_state["visit"]
        assert visitor.upload is None
        assert visitor.dance != "own"
        stranger.button(key="pick-dance-own").click().run()
        assert visitor.upload is None
        assert stranger.button(key="dance").disabled

    reloaded = open_app(job=query(mine, "job"))
    assert reloaded.session_state["visit"].upload is job.about.upload
    assert reloaded.session_state["visit"].dance == "own"


# ---- so much and no more


@pytest.fixture
def small(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server with little room: three results are kept of a visit."""
    monkeypatch.setenv("DANCE_VISIT_RESULTS", "3")
    settings.cache_clear()


@pytest.mark.usefixtures("small")
def test_of_one_visit_so_many_results_are_kept(open_app: Open, shared: AppServices) -> None:
    app, made = open_app(), []
    for _ in range(5):
        app = dance_to_the_end(app, shared, 0.5)
        made.append(job_of(app, shared))
    kept = [job for job in made if shared.jobs.find(job.id) is not None]
    assert kept == made[-3:]
    assert [job.result.video.is_file() for job in kept] == [True] * 3
    assert len(files_of(shared)) == 3


def test_the_oldest_results_that_nobody_looks_at_go_when_there_is_no_room(
    open_app: Open, shared: AppServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (dance_to_the_end(open_app(), shared, 0.5) for _ in range(2))
    oldest, newer = job_of(first, shared), job_of(second, shared)
    third = dance_to_the_end(second, shared, 0.6)
    room = shared.files._room
    assert room is not None
    # what is in view: the first visitor's only one and the second's last
    assert room.free(None)
    assert shared.jobs.find(newer.id) is None
    assert shared.jobs.find(oldest.id) is oldest
    assert not room.free(None), "the rest is looked at"
    assert len(third.run().get("video")) == 1


@pytest.mark.parametrize("variable", ["DANCE_DISK_MB", "DANCE_VISIT_DISK_MB"])
def test_where_nothing_can_be_freed_it_is_said(open_app: Open, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "64")
    settings.cache_clear()
    st.cache_resource.clear()
    full = app_services()
    # no measuring beside the test, which needs room as well
    for _ in range(2):
        full.speed.note(cast(Report, SimpleNamespace(fps_steady=50.0)), again=False)
    app = open_app()
    owner = app.session_state["visit"].id
    taken = full.files.new_file("much.mp4", owner=owner, size=64 * MEGABYTE)
    app = upload(app, "mine.mp4", video())
    assert not app.exception
    assert "There is no room for mine" in app.error[0].value.replace("\\", "")
    assert files_of(full) == []
    app.button(key="pick-dance-june-sway").click().run()
    app.button(key="dance").click().run()
    assert "There is no room for June" in app.error[0].value
    taken.release()
    app.button(key="dance").click().run()
    assert not app.error
