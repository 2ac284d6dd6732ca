"""The live page without a browser: what is chosen and said. The pictures themselves are in tests/ui/test_webrtc.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.errors import DanceError
from core.live.session import LiveStatus
from core.live.stream_stats import Spread, Summary
from core.ui import live_view as ui_live
from core.ui.app_services import AppServices
from core.ui.ice import coturn, ice_servers
from tests.live.camera import dance_frames, feed, feed_until
from tests.waiting import until

Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def component(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the connection was last given. The component itself needs a server and a browser: AppTest has neither."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(ui_live, "webrtc_streamer", lambda **arguments: given.update(arguments))
    return given


@pytest.fixture
def live(open_app: Open) -> AppTest:
    return open_app().switch_page("pages/live.py").run()


def words(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption, *app.info, *app.error, *app.warning]
    return " ".join(str(element.value) for element in shown)


def on_air(app: AppTest) -> Any:
    """The visitor's stream, begun as if a browser had connected."""
    stream = app.session_state["mirror"].stream
    stream.begin()
    return stream


@pytest.fixture
def streaming(live: AppTest) -> Iterator[tuple[AppTest, Any]]:
    stream = on_air(live)
    yield live, stream
    stream.close()


def test_it_opens_with_a_performer_and_says_what_to_do(live: AppTest, component: dict[str, Any]) -> None:
    assert not live.exception
    assert not live.error
    assert live.segmented_control(key="live-layout").value == "mirror"
    assert live.toggle(key="live-flip").value
    assert live.selectbox(key="live-dance").value is None
    assert "Allow it" in component["translations"]["device_access_denied"]
    stream = live.session_state["mirror"].stream
    assert component["source_video_track"] is stream.track
    assert component["rtc_configuration"] == {"iceServers": []}, "anything else asks a server of Google's"


def test_every_choice_reaches_the_stream_while_it_runs(streaming: tuple[AppTest, Any]) -> None:
    app, stream = streaming
    app.button(key="pick-performer-theo").click().run()
    app.segmented_control(key="live-layout").set_value("inset").run()
    app.segmented_control(key="background").set_value("green").run()
    app.toggle(key="live-flip").set_value(False).run()
    assert not app.exception
    wish = stream._wish
    assert (wish.performer, wish.layout, wish.background, wish.flip) == ("theo", "inset", "green", False)
    assert app.session_state["mirror"].stream is stream


def test_while_it_runs_it_tells_and_records_and_hands_on(streaming: tuple[AppTest, Any], shared: AppServices) -> None:
    app, stream = streaming
    feed_until(stream.session, dance_frames(), lambda: stream.session.newest is not None)
    stream._seen = True
    app.run()
    assert any("different pictures a second" in html.proto.body for html in app.get("html"))

    app.button(key="live-record").click().run()
    feed(stream.session, dance_frames())
    recorder = stream.session._recorder
    app.session_state["mirror"].record(app.session_state["visit"], shared, False)
    assert stream.session._recorder is recorder, "a click that is told twice begins nothing anew"
    app.button(key="live-snapshot").click().run()
    app.button(key="live-stop-recording").click().run()
    assert not app.exception
    assert len(app.get("video")) == 1
    mine = app.session_state["mirror"]
    assert mine.snapshot.startswith(b"\xff\xd8")
    assert mine.recorded.frames > 5

    app.button(key="live-as-source").click().run()
    visitor = app.session_state["visit"]
    assert visitor.dance == "own"
    assert visitor.upload.path.is_file()
    assert visitor.upload.name == "my mirror.mp4"


def test_whom_to_follow_is_asked_while_several_are_in_view(streaming: tuple[AppTest, Any]) -> None:
    app, stream = streaming
    alone = dance_frames()[:20]
    both = [np.ascontiguousarray(np.hstack([image[:, 160:480], image[:, 160:480]])) for image in alone]

    def asked() -> list[Any]:
        return [button for button in app.button if (button.key or "").startswith("pick-live-person-")]

    feed_until(stream.session, alone, lambda: stream.session.newest is not None)
    app.run()
    assert not asked()
    feed_until(stream.session, both, lambda: len(stream.session.portraits()) == 2)
    app.run()
    one, other = asked()
    assert sorted([one.proto.type, other.proto.type]) == ["primary", "secondary"]
    wanted = next(portrait for portrait in stream.session.portraits() if not portrait.one.followed)
    (one if one.proto.type == "secondary" else other).click().run()

    def followed() -> bool:
        places = [portrait.one.person.x for portrait in stream.session.portraits() if portrait.one.followed]
        return bool(places) and abs(places[0] - wanted.one.person.x) < 0.2

    feed_until(stream.session, both, followed)
    assert not app.run().exception


def test_the_dance_to_follow_is_heard_as_it_begins(streaming: tuple[AppTest, Any]) -> None:
    app, stream = streaming
    app.selectbox(key="live-dance").set_value("june-sway").run()
    feed_until(stream.session, dance_frames(), lambda: stream.session.status().playing is not None)
    silent = stream.session._following
    app.run()
    (sound,) = app.get("audio")
    assert sound.proto.loop
    assert sound.proto.autoplay
    heard = stream.session._following
    assert heard.started > silent.started, "pictures and sound would not begin together"
    app.run()
    assert stream.session._following is heard, "it would begin anew every second"
    app.selectbox(key="live-dance").set_value(None).run()
    feed_until(stream.session, dance_frames(), lambda: stream.session.status().playing is None)
    app.run()
    assert not app.get("audio")


def test_a_recording_survives_the_end_of_its_stream(streaming: tuple[AppTest, Any]) -> None:
    app, stream = streaming
    feed_until(stream.session, dance_frames(), lambda: stream.session.newest is not None)
    app.run()
    app.button(key="live-record").click().run()
    feed(stream.session, dance_frames()[:12])
    stream.close()
    app.run()
    assert not app.exception
    assert len(app.get("video")) == 1
    assert app.session_state["mirror"].stream is not stream


def test_whoever_leaves_while_recording_leaves_nothing(streaming: tuple[AppTest, Any], shared: AppServices) -> None:
    app, stream = streaming
    feed_until(stream.session, dance_frames(), lambda: stream.session.newest is not None)
    app.run()
    app.button(key="live-record").click().run()
    feed(stream.session, dance_frames()[:12])
    app.session_state["mirror"].close()
    until(lambda: list(shared.files.folder.iterdir()) == [])
    assert stream.over
    assert shared.live.free


def test_the_third_is_told_and_let_in_later(open_app: Open, shared: AppServices) -> None:
    guests = [open_app().switch_page("pages/live.py").run() for _ in range(3)]
    streams = [on_air(app) for app in guests[:2]]
    third = guests[2].run()
    assert "2 people dance live here just now" in words(third)
    streams[0].close()
    assert "just now" not in words(third.run())
    streams[1].close()


def test_a_browser_that_does_not_connect_is_told_what_is_missing(
    streaming: tuple[AppTest, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    app, stream = streaming
    assert "TURN" not in words(app.run())
    stream._begun -= 11
    assert "TURN" in words(app.run())


def test_why_it_ended_is_said_and_the_browser_told_to_stop(
    streaming: tuple[AppTest, Any], component: dict[str, Any]
) -> None:
    app, stream = streaming
    app.session_state[ui_live.KEY] = SimpleNamespace(state=SimpleNamespace(playing=True, signalling=False))
    app.run()
    assert not component["desired_playing_state"]
    stream.session._end("Nobody was in view for 10 minutes, so the mirror was switched off.")
    stream.close()
    assert "switched off" in words(app.run())
    assert component.pop("desired_playing_state") is False
    app.session_state[ui_live.KEY].state.playing = False
    assert "switched off" in words(app.run())
    assert component["desired_playing_state"] is None
    assert component["source_video_track"] is app.session_state["mirror"].stream.track
    assert app.session_state["mirror"].stream is not stream


def test_a_wrong_setting_is_a_sentence(open_app: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANCE_TURN_URL", "turn:turn.example.org:3478")
    app = open_app().switch_page("pages/live.py").run()
    assert not app.exception
    assert "set both" in app.error[0].value


class TestIceServers:
    def test_none_by_default(self) -> None:
        assert ice_servers() == []

    def test_a_list_of_ones_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        servers = [{"urls": ["turn:a.example:3478"], "username": "u", "credential": "c"}]
        monkeypatch.setenv("DANCE_ICE_SERVERS", json.dumps(servers))
        assert ice_servers() == servers

    @pytest.mark.parametrize("text", ["turn:a.example", "[]", '[{"url": "turn:a"}]', "3"])
    def test_what_is_no_list_is_refused(self, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        monkeypatch.setenv("DANCE_ICE_SERVERS", text)
        with pytest.raises(DanceError, match="DANCE_ICE_SERVERS"):
            ice_servers()

    def test_secrets_come_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DANCE_ICE_SERVERS", '[{"urls": "stun:environment"}]')
        monkeypatch.setattr(st, "secrets", {"DANCE_ICE_SERVERS": [{"urls": "stun:secrets"}]})
        assert ice_servers() == [{"urls": "stun:secrets"}]

    def test_coturn_takes_these_credentials(self) -> None:
        """The digest was made by openssl: `printf 86400 | openssl dgst -sha1 -hmac north -binary | base64`."""
        server = coturn("turn:turn.example.org:3478", "north", now=0)
        assert server["username"] == "86400"
        assert server["credential"] == OPENSSL


OPENSSL = "eajt6WNkZ2X+Zybd9RgeqGLkiEg="


def test_the_figures_are_told_as_they_are() -> None:
    figures = Summary(30.0, 24.0, 21.4, Spread(61.0, 93.0), {"pose": Spread(17.2, 25.0)}, 0.0)
    html = ui_live.figures_html(LiveStatus(figures))
    assert "<b>21</b>" in html
    assert "<b>61 ms</b>" in html
    assert "finding you 17 (25)" in html
    assert "–" in ui_live.figures_html(LiveStatus(Summary()))
