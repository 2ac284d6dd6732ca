"""Footage filmed on the spot: one visitor's camera, what they are told meanwhile, and the video put with the others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import streamlit as st

from core.live.filming import SHORTEST, Filming, FilmNews
from core.live.session import Shown
from core.ui.footage import WAY, Footage, add_parts
from core.ui.house import house
from core.ui.ice import IceServer
from core.ui.live import camera_help, connect, is_playing, wait_for_a_place
from core.ui.stream import Stream
from core.ui.visit import Visit
from core.ui.words import plain
from core.workspace import Hold

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

    stream: Stream[Filming] | None = None
    notice: str | None = None
    let_go: bool = False
    _hold: Hold | None = field(default=None, repr=False)
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

    def ready_stream(self, here: Visit) -> Stream[Filming]:
        """The stream to give to the connection.

        Raises:
            OverLimit: there is no room for what it would record.
        """
        if self.stream is None:
            hold = house().files.new_file(f"filmed {self._kept + 1}.mp4", ".mp4", owner=here.id)
            path = hold.stored.path

            def begin(show: Callable[[Shown], None], ended: Callable[[], None]) -> Filming:
                return Filming(path, show, ended=ended)

            self.stream, self._hold, self.let_go = Stream(house().live, begin), hold, False
            self._made += 1
        return self.stream

    def put_away(self, here: Visit, given: Footage) -> None:
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
        add_parts(here, given, {f"footage-{hold.stored.path.stem}": hold})
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


def take_in(here: Visit, given: Footage, mine: Film) -> None:
    """Put away what is whole by now. Before anything of the page is shown, as that changes what is."""
    if mine.ready and (mine.let_go or st.session_state.get(WAY) != "film"):
        mine.put_away(here, given)


def show_filming(here: Visit, mine: Film, servers: list[IceServer], *, wanted: bool) -> None:
    """The camera where it is wanted, and what is told of it."""
    if mine.running:
        mine.notice = None
    if mine.notice:
        st.info(plain(mine.notice))
    if wanted:
        _show_connection(here, mine, servers)
    elif mine.stream is not None and mine.running:
        mine.stream.close_soon()
    if mine.running or mine.over:
        st.fragment(_watch, run_every=_LOOK_AGAIN_SECONDS)(mine, bool(servers), _state(mine))
    elif wanted:
        st.caption(_BEFORE)
        camera_help()


def _show_connection(here: Visit, mine: Film, servers: list[IceServer]) -> None:
    stream, playing = mine.ready_stream(here), is_playing(mine.key)
    if not (playing or stream.over or house().live.free):
        wait_for_a_place()
        return
    connect(mine.key, stream, servers, {"video": _CAMERA, "audio": False})
    if mine.ready and not is_playing(mine.key):
        mine.let_go = True
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
    news = session.news()
    for sentence in (stream.complaint(served=served), news.hint):
        if sentence:
            st.info(plain(sentence))
    st.progress(news.coverage.share, text=_progress(news))
    st.markdown(f"**{plain(news.words)}**")


def _progress(news: FilmNews) -> str:
    if news.phase in {"waiting", "counting"}:
        return "Not recording yet"
    minutes, seconds = divmod(int(news.recorded), 60)
    return f"{minutes}:{seconds:02d} recorded · {100 * news.coverage.share:.0f} % of all moves seen"
