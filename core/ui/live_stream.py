"""What one visitor has of the live page: their stream, what they recorded. Outlives reruns; nobody else sees it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from core.live.live_settings import LiveSettings, OpenCast
from core.live.session import LiveSession, Shown
from core.live.stream_limiter import StreamLimiter
from core.services.file_store import FileLease, StoredFile
from core.settings import settings
from core.ui.app_services import AppServices, app_services
from core.ui.images import jpeg
from core.ui.visitor_state import OWN, RECORDING, UPLOAD, VisitorState
from core.ui.webrtc import Sink, Stream

if TYPE_CHECKING:
    from core.live.recording import Recorded

RECORDING_NAME: Final = "my mirror.mp4"

_SNAPSHOT_QUALITY: Final = 93


class MirrorStream(Stream[LiveSession]):
    """A connection whose pictures dance: camera and microphone into a live session.

    Args:
        room: where it needs a place.
        open_cast: opens performers and generators.
        wish: what to show first.

    Attributes:
        microphone: what ``webrtc_streamer`` is given.
        hears: whether the browser sends sound.
    """

    def __init__(self, room: StreamLimiter, open_cast: OpenCast, wish: LiveSettings) -> None:
        super().__init__(room, self._open)
        self.microphone = Sink(self._hear)
        self.hears = False
        self._open_cast = open_cast
        self._wish = wish

    def wish(self, wish: LiveSettings) -> None:
        """Show something else."""
        self._wish = wish
        if self.session is not None:
            self.session.wish(wish)

    def _open(self, show: Callable[[Shown], None], ended: Callable[[], None]) -> LiveSession:
        session = LiveSession(self._open_cast, self._wish, show, ended=ended)
        self.track.on_delivered = session.delivered
        return session

    def _hear(self, piece: Any) -> None:
        self.hears = True
        if self.session is not None:
            self.session.hear(piece)


@dataclass
class Mirror:
    """One visitor's live page.

    Attributes:
        stream: the connection that runs, or that START will begin; None before the first look at the page.
        notice: why the last one ended, to show until the next begins.
        recorded: the last recording; its file is on the visitor's shelf.
        snapshot: the last snapshot, a JPEG.
    """

    stream: MirrorStream | None = None
    notice: str | None = None
    recorded: Recorded | None = None
    snapshot: bytes | None = None
    _writing: tuple[FileLease, LiveSession] | None = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        """Whether pictures go to and fro, or are about to."""
        return self.stream is not None and self.stream.running

    @property
    def recording(self) -> bool:
        """Whether a recording was begun and not put away yet."""
        return self._writing is not None

    def stream_for(self, wish: LiveSettings, *, playing: bool, served: bool) -> MirrorStream:
        """The stream to give to the connection. One that ended is replaced once the browser has stopped as well.

        Args:
            playing: whether the browser still plays, or is about to.
            served: whether ICE servers are set.
        """
        if self.stream is not None and self.stream.over:
            self.notice = self.stream.ended or self.complaint(served=served) or self.notice
            if not playing:
                self.stream = None
        if self.stream is None:
            self.stream = MirrorStream(app_services().live, app_services().performers.get, wish)
        self.stream.wish(wish)
        return self.stream

    def complaint(self, *, served: bool) -> str | None:
        """What is wrong with the line, a sentence. ``served``: whether ICE servers are set."""
        return None if self.stream is None else self.stream.complaint(served=served)

    def record(self, visitor: VisitorState, shared: AppServices, sound: bool) -> None:
        """Begin a recording; nothing happens while there is one.

        A click can be told twice, when the page looks again by itself at that moment.

        Raises:
            OverLimit: there is no room for it.
        """
        session = None if self.stream is None else self.stream.session
        if session is None or self.recording:
            return
        hold = shared.files.new_file(RECORDING_NAME, ".mp4", owner=visitor.id)
        try:
            session.record(hold.stored.path, sound=sound, longest=settings().max_seconds)
        except BaseException:
            hold.release()
            raise
        self._writing = hold, session

    def put_away(self, visitor: VisitorState) -> None:
        """End the recording, if there is one, and keep it on the visitor's shelf.

        Raises:
            DanceError: it could not be written.
        """
        writing, self._writing = self._writing, None
        if writing is None:
            return
        hold, session = writing
        try:
            with hold.stored.named():
                recorded = session.stop_recording()
        except BaseException:
            hold.release()
            raise
        if recorded is None:
            hold.release()
            return
        hold.stored.settle()
        visitor.session_files.put(RECORDING, hold)
        self.recorded = recorded

    def recording_is_over(self) -> bool:
        """Whether a recording ended by itself and waits to be put away."""
        return self._writing is not None and (self._writing[1].over or self._writing[1].status().recording is None)

    def snap(self) -> None:
        """Keep the picture that is shown now."""
        session = None if self.stream is None else self.stream.session
        newest = None if session is None else session.newest
        if newest is not None:
            self.snapshot = jpeg(newest.image, quality=_SNAPSHOT_QUALITY)

    def close(self) -> None:
        """The visitor is gone. Does not wait: this may be the server's event loop."""
        threading.Thread(target=self._close, name="live-close", daemon=True).start()

    def _close(self) -> None:
        if self.stream is not None:
            self.stream.close()
        if self._writing is not None:
            hold, session = self._writing
            # what is still being written would come back after it was deleted
            session.close()
            hold.release()


def mirror() -> Mirror:
    """The one of this session."""
    made: Mirror = st.session_state.setdefault("mirror", Mirror())
    _closed_at_the_end(made)
    return made


@st.cache_resource(scope="session", show_spinner=False, on_release=lambda made: made.close())
def _closed_at_the_end(_mirror: Mirror) -> Mirror:
    return _mirror


def recording_of(visitor: VisitorState) -> StoredFile | None:
    """The file of the last recording."""
    return visitor.session_files.get(RECORDING)


def use_as_source(visitor: VisitorState) -> None:
    """Make the last recording the visitor's own video on the dance page.

    Raises:
        UnusableInput: it is no longer there.
    """
    stored = recording_of(visitor)
    if stored is not None:
        visitor.session_files.put(UPLOAD, stored.hold())
        visitor.dance = OWN
        visitor.uploads += 1
