"""The live page: what is chosen, the picture itself, what is told of it, and what is kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import streamlit as st
from streamlit_webrtc import WebRtcMode, webrtc_streamer

from core.bundled.dances import find, list_dances
from core.errors import DanceError
from core.live.layout import LiveLayout
from core.live.live_settings import LiveSettings
from core.live.session import LiveSession, LiveStatus
from core.ui.app_services import app_services
from core.ui.ice import IceServer
from core.ui.image_picker import Card, pick
from core.ui.images import as_url, jpeg, tag
from core.ui.live_stream import RECORDING_NAME, Mirror, recording_of, use_as_source
from core.ui.options import choose_background, choose_generator, choose_of, choose_performer
from core.ui.text import plain
from core.ui.visitor_state import VisitorState
from core.ui.webrtc import Stream

if TYPE_CHECKING:
    from core.targets.store import TargetSummary

KEY: Final = "live"
"""The connection's key; ``st.session_state`` holds its context under it."""

_LAYOUTS: Final[dict[LiveLayout, str]] = {
    "mirror": "Mirror",
    "side-by-side": "Side by side",
    "inset": "Camera in corner",
    "skeleton": "Skeleton",
}
_LOOK_AGAIN_SECONDS: Final = 1.0
_ASK_AGAIN_SECONDS: Final = 3.0
_PORTRAIT_SIDE: Final = 200
_SOUND_STARTS: Final = 0.3
"""Seconds from asking a browser to play a sound until it does."""
CAMERA: Final = {"width": {"ideal": 640}, "height": {"ideal": 480}, "frameRate": {"ideal": 30, "max": 30}}
SCREEN: Final = {
    "autoPlay": True,
    "controls": True,
    "muted": True,
    "style": {"width": "100%", "borderRadius": "1.2rem"},
}
WORDS: Final = {
    "start": "Start",
    "stop": "Stop",
    "select_device": "Choose a camera",
    "media_api_not_available": "This browser gives no camera to this page: it must be opened at https:// or on localhost.",
    "device_access_denied": "The camera was refused. Allow it beside the address of the page, and start again.",
    "device_not_available": "The camera cannot be used: plug it in, or close the program that uses it.",
}
_STAGES: Final = {
    "wait": "waiting", "convert": "camera picture", "pose": "finding you", "retarget": "fitting the moves",
    "generate": "drawing", "composite": "putting together",
}  # fmt: skip


def choose_wish(visitor: VisitorState, performers: list[TargetSummary]) -> LiveSettings:
    """What to show, of whom, and how."""
    st.subheader("1 · The performer", anchor=False)
    performer = choose_performer(visitor, performers, "")
    generator = choose_generator(performer, live=True)
    app_services().warm(performer.id, generator)
    st.subheader("2 · The picture", anchor=False)
    layout = choose_of("Layout", _LAYOUTS, "live-layout")
    flip = st.toggle("Flip left and right", True, key="live-flip", persist_state="session")
    background, backdrop = choose_background(visitor)
    dance = _choose_dance()
    behind = background if backdrop is None else str(backdrop.path)
    return LiveSettings(performer.id, generator, layout, behind, flip, dance)


def _choose_dance() -> str | None:
    titles = {dance.id: dance.title for dance in list_dances()}
    chosen: str | None = st.selectbox(
        "A dance to follow",
        list(titles),
        index=None,
        placeholder="None",
        format_func=titles.__getitem__,
        key="live-dance",
        persist_state="session",
        filter_mode=None,
        help="Plays beside you, and a score tells how alike you move.",
    )
    return chosen


def show_connection(visitor: VisitorState, mine: Mirror, wish: LiveSettings, servers: list[IceServer]) -> None:
    """The picture with START and STOP; in its place a sentence while nobody else can be let in."""
    if mine.recording_is_over():
        _put_away(visitor, mine)
    playing = is_playing(KEY)
    stream = mine.stream_for(wish, playing=playing, served=bool(servers))
    if not playing and not app_services().live.free:
        wait_for_a_place()
        return
    if mine.notice:
        st.info(plain(visitor.session_files.shown(mine.notice)))
        if playing and not stream.over:
            mine.notice = None
    sound = bool(st.session_state.get("live-sound", False))
    connect(KEY, stream, servers, {"video": CAMERA, "audio": sound}, sink_audio_track=stream.microphone)


def connect(key: str, stream: Stream[Any], servers: list[IceServer], asked: dict[str, Any], **options: Any) -> None:
    """The picture with START and STOP.

    Args:
        key: of the connection.
        stream: where the camera's pictures go, and the shown ones come from.
        servers: see ``core.ui.ice``.
        asked: what the browser is asked for, as WebRTC spells it.
        options: others of ``webrtc_streamer``.
    """
    webrtc_streamer(
        key=key,
        mode=WebRtcMode.SENDRECV,
        rtc_configuration={"iceServers": servers},
        media_stream_constraints=asked,
        source_video_track=stream.track,
        sink_video_track=stream.camera,
        desired_playing_state=False if is_playing(key) and stream.over else None,
        video_html_attrs=SCREEN,
        translations=WORDS,
        media_toggle_controls=False,
        **options,
    )


def is_playing(key: str) -> bool:
    """Whether the browser plays, or is about to."""
    context: Any = st.session_state.get(key)
    return context is not None and bool(context.state.playing or context.state.signalling)


@st.fragment(run_every=_ASK_AGAIN_SECONDS)
def wait_for_a_place() -> None:
    """The sentence for whoever is not let in, until there is room."""
    from core.live.stream_limiter import full_words

    if app_services().live.free:
        st.rerun()
    st.info(full_words(app_services().live.places))


def show_watch(visitor: VisitorState, mine: Mirror, servers: list[IceServer]) -> None:
    """What is told of the stream and what can be done with it; looks again by itself while it runs."""
    running = mine.running
    st.fragment(_watch, run_every=_LOOK_AGAIN_SECONDS if running else None)(visitor, mine, bool(servers), running)
    if not running:
        _before_start()


def _watch(visitor: VisitorState, mine: Mirror, served: bool, was_running: bool) -> None:
    if mine.recording_is_over():
        _put_away(visitor, mine)
        st.rerun()
    if mine.running != was_running:
        st.rerun()
    stream = mine.stream
    session = None if stream is None else stream.session
    if not was_running or stream is None or session is None:
        return
    status = session.status()
    for sentence in (mine.complaint(served=served), status.hint, status.quality, status.notice, status.dance):
        if sentence:
            st.info(plain(visitor.session_files.shown(sentence)))
    _choose_person(session)
    _buttons(visitor, mine, status)
    if status.playing is None:
        st.session_state.pop("live-music", None)
    else:
        _play_music(session, status.playing)
    if status.score is not None:
        mean = f" · {100 * status.score_mean:.0f} % on the whole" if status.score_mean is not None else ""
        st.progress(status.score, text=f"As alike as {100 * status.score:.0f} %{mean}")
    st.html(figures_html(status))


def _choose_person(session: LiveSession) -> None:
    """Whom to follow, while several are in view: each as the camera sees them now."""
    portraits = {str(portrait.one.number): portrait for portrait in session.portraits()}
    if not portraits:
        return
    st.markdown("**Who should we follow?**")
    cards = [
        Card(number, f"Person {n}", as_url(jpeg(portrait.image, _PORTRAIT_SIDE)))
        for n, (number, portrait) in enumerate(portraits.items(), 1)
    ]
    followed = next((number for number, portrait in portraits.items() if portrait.one.followed), None)
    pick("live-person", cards, followed, lambda number: session.follow(portraits[number]), columns=4)


def _play_music(session: LiveSession, dance: str) -> None:
    """The sound of the dance that is followed, over and over, as its pictures are, which begin anew with it."""
    video = find(dance)
    if video is None:
        return
    if st.session_state.get("live-music") != (id(session), dance):
        st.session_state["live-music"] = id(session), dance
        session.restart_dance(_SOUND_STARTS)
    st.audio(video, format="audio/mp4", loop=True, autoplay=True)


def _buttons(visitor: VisitorState, mine: Mirror, status: LiveStatus) -> None:
    with st.container(horizontal=True, key="live-buttons"):
        if mine.recording:
            if st.button(f"Stop recording · {status.recording or 0:.0f} s", key="live-stop-recording", type="primary"):
                _put_away(visitor, mine)
                st.rerun()
        else:
            hears = mine.stream is not None and mine.stream.hears
            st.button(
                "Record",
                key="live-record",
                icon=":material/fiber_manual_record:",
                on_click=mine.record,
                args=(visitor, app_services(), hears),
            )
        if st.button("Snapshot", key="live-snapshot", icon=":material/photo_camera:"):
            mine.snap()
            st.rerun()


def _put_away(visitor: VisitorState, mine: Mirror) -> None:
    try:
        mine.put_away(visitor)
    except DanceError as error:
        mine.notice = str(error)


def figures_html(status: LiveStatus) -> str:
    """The figures as four boxes and a line on each stage."""
    figures = status.figures
    latency = "–" if figures.latency is None else f"{figures.latency.p50:.0f} ms"
    late = "–" if figures.latency is None else f"{figures.latency.p95:.0f} ms"
    facts = (
        (f"{figures.different_fps:.0f}", "different pictures a second"),
        (f"{figures.camera_fps:.0f}", "from the camera"),
        (latency, "from camera picture to yours, here"),
        (late, "of which 5 in 100 are slower"),
    )
    cells = "".join(f"<div><b>{value}</b><span>{name}</span></div>" for value, name in facts)
    known = ((words, figures.stages[name]) for name, words in _STAGES.items() if name in figures.stages)
    stages = " · ".join(f"{words} {spread.p50:.0f} ({spread.p95:.0f})" for words, spread in known)
    line = f'<p class="stages">Milliseconds, median (95 in 100): {stages}</p>' if stages else ""
    return f'<div class="numbers live">{cells}</div>{line}'


def _before_start() -> None:
    st.toggle(
        "Microphone in recordings", False, key="live-sound", persist_state="session",
        help="Your browser asks for it with the next START. Nobody hears it live.",
    )  # fmt: skip
    st.caption("Your camera's pictures are looked at and forgotten; nothing is kept unless you record.")
    camera_help()


def camera_help() -> None:
    """What hinders a camera from starting."""
    host = urlsplit(st.context.url or "").hostname
    if urlsplit(st.context.url or "").scheme == "http" and host not in {"localhost", "127.0.0.1", "::1", None}:
        st.warning(
            "Browsers give a camera only to pages at https:// or on localhost: open this page at such an address."
        )


def show_kept(visitor: VisitorState, mine: Mirror) -> None:
    """The last recording and the last snapshot."""
    stored = recording_of(visitor)
    if stored is not None and mine.recorded is not None and stored.path.is_file():
        st.subheader("Your recording", anchor=False)
        st.video(stored.path)
        if mine.recorded.left_out:
            st.caption(f"{mine.recorded.left_out} pictures were left out because this computer was busy.")
        with st.container(horizontal=True):
            st.download_button(
                "Download", data=stored.path.read_bytes, file_name=RECORDING_NAME.replace(" ", "-"), mime="video/mp4",
                key="live-download", on_click="ignore", icon=":material/download:",
            )  # fmt: skip
            if st.button("Use in Dance", key="live-as-source", icon=":material/movie:"):
                try:
                    use_as_source(visitor)
                    st.switch_page("pages/dance.py")
                except DanceError as error:
                    st.error(plain(str(error)))
    if mine.snapshot is not None:
        st.html(tag(as_url(mine.snapshot), "Your snapshot", "snapshot"))
        st.download_button(
            "Download the snapshot", data=mine.snapshot, file_name="my-mirror.jpg", mime="image/jpeg",
            key="live-download-snapshot", on_click="ignore", icon=":material/download:",
        )  # fmt: skip
