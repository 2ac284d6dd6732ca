"""Footage filmed on the spot: one visitor's camera, what they are told meanwhile, and the video put with the others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import streamlit as st

from core.live.footage_recorder import SHORTEST, FootageRecorder, RecordingStatus
from core.live.session import Shown
from core.services.file_store import FileLease
from core.ui.app_services import app_services
from core.ui.footage import WAY, Footage, add_parts
from core.ui.ice import IceServer
from core.ui.live_view import camera_help, connect, is_playing, wait_for_a_place
from core.ui.text import plain
from core.ui.visitor_state import VisitorState
from core.ui.webrtc import Stream

_LOOK_AGAIN_SECONDS: Final = 1.0
_CAMERA: Final = {"width": {"ideal": 960}, "height": {"ideal": 720}, "frameRate": {"ideal": 25, "max": 30}}
_TOO_SHORT: Final = f"Less than {SHORTEST:.0f} seconds were recorded, so nothing was kept."
_BEFORE: Final = (
    "Put the camera somewhere, or let somebody hold it, press Start and step back: the recording begins by itself once all "
    "of you is in view, and large words on the picture say what to do next. The button in the picture's corner makes it as "
    "large as the screen. No sound is recorded."
)


@dataclass
class Film:
    """What one visitor films. Outlives reruns; nobody else sees it.

    Attributes:
        stream: the connection that runs, or that START will begin.
        notice: what came of the last one, to show until the next begins.
        let_go: whether the browser has given the camera back after it ended.
    """

    stream: Stream[FootageRecorder] | None = None
    notice: str | None = None
    release: bool = False
    _hold: FileLease | None = field(default=None, repr=False)
    _made: int = 0
    _kept: int = 0

    @property
    def key(self) -> str:
        """Of the connection: each has one of its own, so that none inherits what another left."""
        return f"film-{self._made}"

    @property
    def running(self) -> bool:
        """Whether pictures go to and fro, or are about to."""
        return self.stream is not None and self.stream.running

    @property
    def over(self) -> bool:
        """Whether it ended and was not put away yet."""
        return self.stream is not None and self.stream.over

    @property
    def ready(self) -> bool:
        """Whether it can be put away: the file is whole."""
        stream = self.stream
        return stream is not None and stream.over and (stream.session is None or stream.session.finished)

    def ready_stream(self, visitor: VisitorState) -> Stream[FootageRecorder]:
        """The stream to give to the connection.

        Raises:
            OverLimit: there is no room for what it would record.
        """
        if self.stream is None:
            hold = app_services().files.new_file(f"filmed {self._kept + 1}.mp4", ".mp4", owner=visitor.id)
            path = hold.stored.path

            def begin(show: Callable[[Shown], None], ended: Callable[[], None]) -> FootageRecorder:
                return FootageRecorder(path, show, ended=ended)

            self.stream, self._hold, self.release = Stream(app_services().live, begin), hold, False
            self._made += 1
        return self.stream

    def put_away(self, visitor: VisitorState, given: Footage) -> None:
        """Put what was recorded with the other videos, or say why there is nothing."""
        st.session_state.pop(self.key, None)
        stream, hold = self.stream, self._hold
        self.stream = self._hold = None
        if stream is None or hold is None:
            return
        session, self.notice = stream.session, stream.ended
        recorded = None if session is None else session.recorded
        if recorded is None or recorded.seconds < SHORTEST:
            hold.release()
            if session is not None:
                self.notice = hold.stored.shown(session.error) if session.error else self.notice or _TOO_SHORT
            return
        self._kept += 1
        hold.stored.settle()
        add_parts(visitor, given, {f"footage-{hold.stored.path.stem}": hold})
        # on to what was found out about it
        st.session_state[WAY] = "upload"

    def close(self) -> None:
        """The visitor is gone. Does not wait: this may be the server's event loop."""
        threading.Thread(target=self._close, name="live-close", daemon=True).start()

    def _close(self) -> None:
        stream, hold = self.stream, self._hold
        if stream is not None:
            stream.close()
            if stream.session is not None:
                # what is still being written would come back after it was deleted
                stream.session.close()
        if hold is not None:
            hold.release()


def film() -> Film:
    """The one of this session."""
    made: Film = st.session_state.setdefault("film", Film())
    _closed_at_the_end(made)
    return made


@st.cache_resource(scope="session", show_spinner=False, on_release=lambda made: made.close())
def _closed_at_the_end(_film: Film) -> Film:
    return _film


def take_in(visitor: VisitorState, given: Footage, mine: Film) -> None:
    """Put away what is whole by now. Before anything of the page is shown, as that changes what is."""
    if mine.ready and (mine.release or st.session_state.get(WAY) != "film"):
        mine.put_away(visitor, given)


def show_filming(visitor: VisitorState, mine: Film, servers: list[IceServer], *, wanted: bool) -> None:
    """The camera where it is wanted, and what is told of it."""
    if mine.running:
        mine.notice = None
    if mine.notice:
        st.info(plain(mine.notice))
    if wanted:
        _show_connection(visitor, mine, servers)
    elif mine.stream is not None and mine.running:
        mine.stream.close_soon()
    if mine.running or mine.over:
        st.fragment(_watch, run_every=_LOOK_AGAIN_SECONDS)(mine, bool(servers), _state(mine))
    elif wanted:
        st.caption(_BEFORE)
        camera_help()


def _show_connection(visitor: VisitorState, mine: Film, servers: list[IceServer]) -> None:
    stream, playing = mine.ready_stream(visitor), is_playing(mine.key)
    if not (playing or stream.over or app_services().live.free):
        wait_for_a_place()
        return
    connect(mine.key, stream, servers, {"video": _CAMERA, "audio": False})
    if mine.ready and not is_playing(mine.key):
        mine.release = True
        st.rerun()


def _state(mine: Film) -> tuple[bool, bool]:
    return mine.running, mine.ready


def _watch(mine: Film, served: bool, before: tuple[bool, bool]) -> None:
    if _state(mine) != before:
        st.rerun()
    stream = mine.stream
    session = None if stream is None else stream.session
    if stream is None or session is None or stream.over:
        st.caption("One moment: your video is being put together…")
        return
    status = session.status()
    for sentence in (stream.complaint(served=served), status.hint):
        if sentence:
            st.info(plain(sentence))
    st.progress(status.coverage.share, text=_progress(status))
    st.markdown(f"**{plain(status.words)}**")


def _progress(status: RecordingStatus) -> str:
    if status.phase in {"waiting", "counting"}:
        return "Not recording yet"
    minutes, seconds = divmod(int(status.recorded), 60)
    return f"{minutes}:{seconds:02d} recorded · {100 * status.coverage.share:.0f} % of all moves seen"
