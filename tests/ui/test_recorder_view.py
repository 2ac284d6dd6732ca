"""Filming oneself on the train page, without a browser: what is chosen and said, and what becomes of the recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic, sleep
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.live import recording_guide
from core.ui import live_view as ui_live
from core.ui.app_services import AppServices
from core.ui.footage import MOST_PARTS, WAY
from tests.live.camera import SIZE, dance_frames, picture
from tests.ui.conftest import run_until
from tests.waiting import PATIENCE, until

Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def component(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the connection was last given. The component itself needs a server and a browser: AppTest has neither."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(ui_live, "webrtc_streamer", lambda **arguments: given.update(arguments))
    return given


@pytest.fixture
def train(open_app: Open) -> AppTest:
    return open_app().switch_page("pages/train.py").run()


@pytest.fixture
def filming(train: AppTest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[AppTest, Any]]:
    """The page, and the stream of a browser that has connected. It counts from one, not from five."""
    monkeypatch.setattr(recording_guide, "COUNT_SECONDS", 1)
    train.segmented_control(key=WAY).set_value("film").run()
    stream = train.session_state["film"].stream
    stream.begin()
    yield train, stream
    stream.close()


def words(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.info, *app.error, *app.subheader]
    return " ".join(str(element.value) for element in shown)


def film(session: Any, seconds: float) -> None:
    """Dance before the camera until so much is recorded."""
    frames = dance_frames()
    deadline, number = monotonic() + PATIENCE, 0
    while session.status().recorded < seconds and not session.over:
        assert monotonic() < deadline
        session.put(picture(frames[number % len(frames)], number, 15))
        number += 1
        sleep(1 / 15)


def test_it_is_a_second_way_beside_the_uploader(train: AppTest, component: dict[str, Any]) -> None:
    assert not train.exception
    assert train.segmented_control(key=WAY).value == "upload"
    footage_uploaders = len(train.file_uploader)
    assert not component
    train.segmented_control(key=WAY).set_value("film").run()
    assert not train.exception
    assert len(train.file_uploader) == footage_uploaders - 1
    assert "large words on the picture" in words(train)
    assert component["media_stream_constraints"]["audio"] is False
    assert component["media_stream_constraints"]["video"]["width"] == {"ideal": 960}
    assert component["source_video_track"] is train.session_state["film"].stream.track
    assert component["desired_playing_state"] is None


def test_what_was_filmed_is_a_part_like_any_other(filming: tuple[AppTest, Any], shared: AppServices) -> None:
    app, stream = filming
    assert "Not recording yet" in str(app.run().get("progress")[0].proto.text)
    film(stream.session, 2.6)
    assert "of all moves seen" in str(app.run().get("progress")[0].proto.text)
    stream.close()
    given = app.session_state["footage"]
    run_until(app, lambda: given.roles != [])
    (part,) = given.parts(app.session_state["visit"])
    assert part.name == "filmed 1.mp4"
    assert app.segmented_control(key=WAY).value == "upload"
    assert given.check is not None
    run_until(app, lambda: "being looked at" not in words(app))
    assert "This will not look good." in words(app), "it is too short"
    assert "filmed 1" in words(app)
    assert shared.live.free

    app.segmented_control(key=WAY).set_value("film").run()
    again = app.session_state["film"]
    assert again.stream is not stream
    assert again.stream.session is None


def test_less_than_two_seconds_are_not_kept(filming: tuple[AppTest, Any], shared: AppServices) -> None:
    app, stream = filming
    film(stream.session, 0.5)
    stream.close()
    run_until(app, lambda: "nothing was kept" in words(app))
    assert app.session_state["footage"].roles == []
    assert list(shared.files.folder.iterdir()) == []
    assert app.segmented_control(key=WAY).value == "film"


def test_the_end_waits_until_the_browser_has_let_go(filming: tuple[AppTest, Any], component: dict[str, Any]) -> None:
    app, stream = filming
    mine = app.session_state["film"]
    app.session_state[mine.key] = SimpleNamespace(state=SimpleNamespace(playing=True, signalling=False))
    film(stream.session, 2.2)
    stream.session._end("That is plenty: stopped.")
    run_until(app, lambda: mine.ready)
    assert component["desired_playing_state"] is False
    assert app.session_state["footage"].roles == []
    app.session_state[mine.key].state.playing = False
    app.run()
    assert not app.exception
    assert len(app.session_state["footage"].roles) == 1
    assert "That is plenty" in words(app)


def test_whoever_turns_to_the_uploader_has_ended_it(filming: tuple[AppTest, Any]) -> None:
    app, stream = filming
    film(stream.session, 2.2)
    app.segmented_control(key=WAY).set_value("upload").run()
    assert stream.over
    run_until(app, lambda: len(app.session_state["footage"].roles) == 1)


def test_whoever_leaves_while_filming_leaves_nothing(filming: tuple[AppTest, Any], shared: AppServices) -> None:
    app, stream = filming
    film(stream.session, 1)
    app.session_state["film"].close()
    until(lambda: list(shared.files.folder.iterdir()) == [] and shared.live.free)
    assert stream.over


def test_who_finds_no_place_is_told(open_app: Open, shared: AppServices) -> None:
    guests = [open_app().switch_page("pages/train.py").run() for _ in range(shared.live.places + 1)]
    for app in guests:
        app.segmented_control(key=WAY).set_value("film").run()
    streams = [app.session_state["film"].stream for app in guests[:-1]]
    for stream in streams:
        stream.begin()
    assert "dance live here just now" in words(guests[-1].run())
    for stream in streams:
        stream.close()
    assert "just now" not in words(guests[-1].run())


def test_a_camera_that_shows_nobody_is_told_of_on_the_page(filming: tuple[AppTest, Any]) -> None:
    app, stream = filming
    stream._seen = True
    for number in range(30):
        stream.session.put(picture(np.full((SIZE[1], SIZE[0], 3), 120, np.uint8), number, 15))
        sleep(0.05)
    run_until(app, lambda: "Nobody is in view" in words(app))


def test_with_as_many_videos_as_can_be_there_is_no_further_way(train: AppTest, shared: AppServices) -> None:
    given, visitor = train.session_state["footage"], train.session_state["visit"]
    for number in range(MOST_PARTS):
        hold = shared.files.new_file(f"{number}.mp4", ".mp4")
        hold.stored.path.write_bytes(dance_video())
        visitor.session_files.put(f"footage-{number}", hold)
        given.roles.append(f"footage-{number}")
    train.run()
    assert not train.exception
    assert not any(control.key == WAY for control in train.segmented_control)


def dance_video() -> bytes:
    from core.bundled import dances

    video = dances.find("omar-street")
    assert video is not None
    return video.read_bytes()
