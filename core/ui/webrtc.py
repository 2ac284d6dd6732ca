"""One WebRTC connection: the camera into a session, whose pictures go out to the browser.

Not a frame callback: that is asked once for each camera picture and answers with whatever is ready, which costs up to two
camera intervals. Here a picture goes out the moment it is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from fractions import Fraction
from time import monotonic
from typing import Any, Final, Generic, Protocol, TypeVar

from aiortc import MediaStreamTrack
from aiortc.codecs import h264, vpx
from aiortc.mediastreams import MediaStreamError
from av.video.frame import VideoFrame as Picture
from av.video.reformatter import VideoReformatter

from core.errors import DanceError
from core.live.session import Shown
from core.live.stream_limiter import StreamLimiter, StreamLimitReached
from core.services.job_queue import UNEXPECTED

logger = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 10.0
"""How long a browser may take to connect before the page says what could be missing."""

# aiortc's own are meant for small talking heads: half a megabit at first, one and a half at most. Browsers tell what the line
# carries, and it goes by that.
vpx.DEFAULT_BITRATE, vpx.MAX_BITRATE = 2_000_000, 6_000_000
h264.DEFAULT_BITRATE, h264.MAX_BITRATE = 2_000_000, 6_000_000

NO_CONNECTION: Final = (
    "Your browser and this server found no way to each other. Where they are not on one computer or one network, a TURN server "
    "has to carry the pictures: whoever runs this app sets DANCE_TURN_URL and DANCE_TURN_SECRET, or DANCE_ICE_SERVERS."
)
NO_CONNECTION_WITH_SERVERS: Final = (
    "Your browser and this server found no way to each other, although STUN or TURN servers are set: they may be down, or their "
    "credentials wrong."
)
SILENT: Final = (
    "No pictures arrive from your camera any more: is it unplugged, or used by another program? Stop and start again."
)

_SILENT_SECONDS: Final = 3.0
_TICKS: Final = 90_000
_REPEAT_SECONDS: Final = 1.0


class MirrorTrack(MediaStreamTrack):
    """What the browser is shown: the newest picture, as soon as there is one.

    A picture stays up for a second; then it is sent again, so that a browser that lost something is not left waiting.
    """

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.on_delivered: Callable[[Shown], None] = lambda shown: None
        self._scaler = VideoReformatter()
        self._ready: tuple[Picture, Shown] | None = None
        self._last: Picture | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event: asyncio.Event | None = None
        self._start: float | None = None
        self._stamp = -1

    def offer(self, shown: Shown) -> None:
        """The next picture, in place of one that was not sent yet. Called by the thread that draws."""
        made = self._scaler.reformat(Picture.from_ndarray(shown.image, "rgb24"), format="yuv420p", threads=1)
        self._ready = made, shown
        self._wake()

    def _wake(self) -> None:
        loop, event = self._loop, self._event
        if loop is not None and event is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the app ends
                loop.call_soon_threadsafe(event.set)

    async def recv(self) -> Picture:
        """The next picture; waits for it.

        Raises:
            MediaStreamError: the track was stopped.
        """
        if self._event is None:
            self._loop, self._event = asyncio.get_running_loop(), asyncio.Event()
        while self.readyState == "live":
            ready, self._ready = self._ready, None
            if ready is not None:
                return self._stamped(*ready)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._event.wait(), _REPEAT_SECONDS)
            repeat = not self._event.is_set() and self._last is not None
            self._event.clear()
            if repeat and self._ready is None and self._last is not None:
                return self._stamped(self._last, None)
        raise MediaStreamError

    def _stamped(self, picture: Picture, shown: Shown | None) -> Picture:
        now = monotonic()
        self._start = now if self._start is None else self._start
        self._stamp = max(self._stamp + 1, round((now - self._start) * _TICKS))
        picture.pts, picture.time_base = self._stamp, Fraction(1, _TICKS)
        self._last = picture
        if shown is not None:
            self.on_delivered(shown)
        return picture

    def stop(self) -> None:
        """End it; whoever waits for a picture is told. Any thread."""
        loop = self._loop
        if loop is not None and loop.is_running():
            loop.call_soon_threadsafe(super().stop)
        else:
            super().stop()
        self._wake()


class Sink:
    """Takes what the browser sends of one kind, on the connection's event loop.

    Its shape is that of ``streamlit_webrtc.MediaSink``. ``begin`` is called when the connection is agreed on, ``take`` with
    each piece, ``end`` when nothing will come any more, perhaps twice.
    """

    def __init__(
        self,
        take: Callable[[Any], None],
        *,
        begin: Callable[[], None] = lambda: None,
        end: Callable[[], None] = lambda: None,
    ) -> None:
        self._take = take
        self._begin = begin
        self._end = end
        self._track: MediaStreamTrack | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def addTrack(self, track: MediaStreamTrack) -> None:  # noqa: N802  (the library's name)
        """Take from this track."""
        self._track = track

    def hasTrack(self) -> bool:  # noqa: N802
        """Whether there is one."""
        return self._track is not None

    def start(self) -> None:
        """Begin to take. On the event loop."""
        if self._track is None or self._task is not None:
            return
        self._loop = asyncio.get_running_loop()
        self._begin()
        self._task = self._loop.create_task(self._run(self._track))

    def stop(self) -> None:
        """Take nothing any more. Any thread."""
        task, self._task, self._track = self._task, None, None
        if task is not None and self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(task.cancel)
        self._end()

    async def _run(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                self._take(await track.recv())
        except MediaStreamError:
            pass
        finally:
            self._end()


class StreamStatus(Protocol):
    """What a session tells of itself."""

    @property
    def ended(self) -> str | None:
        """Why it ended by itself."""


class Session(Protocol):
    """What happens with the camera's pictures. Nothing but ``close`` waits."""

    @property
    def over(self) -> bool:
        """Whether it has ended, or is about to."""

    @property
    def silent_seconds(self) -> float:
        """Since the last camera picture, or since it began."""

    def put(self, picture: Picture) -> None:
        """The next camera picture."""

    def status(self) -> StreamStatus:
        """What can be told just now."""

    def stop(self) -> None:
        """Let it end."""

    def close(self) -> None:
        """End it, and wait until everything is given back."""


Kind = TypeVar("Kind", bound=Session)


class Stream(Generic[Kind]):
    """One visitor's connection, from START to STOP. Made anew for each.

    Args:
        room: where it needs a place.
        open_session: begins the session; given what to call with each picture to show, and what to call when it ends by
            itself. Must not wait.

    Attributes:
        track, camera: what ``webrtc_streamer`` is given.
        session: what happens with the pictures, once connected.
        ended: the sentence why it ended by itself or was not let in, None otherwise.
    """

    def __init__(
        self, room: StreamLimiter, open_session: Callable[[Callable[[Shown], None], Callable[[], None]], Kind]
    ) -> None:
        self.track = MirrorTrack()
        self.camera = Sink(self._see, begin=self.begin, end=self.close_soon)
        self.session: Kind | None = None
        self._refused: str | None = None
        self._room = room
        self._open_session = open_session
        self._begun: float | None = None
        self._seen = False
        self._over = False
        self._lock = threading.Lock()

    @property
    def over(self) -> bool:
        """Whether it ended; a new one is needed."""
        session = self.session
        return self._over or (session is not None and session.over)

    @property
    def running(self) -> bool:
        """Whether it holds a place."""
        return self._begun is not None and not self.over

    @property
    def ended(self) -> str | None:
        """See above."""
        session = self.session
        return self._refused or (None if session is None else session.status().ended)

    @property
    def connecting_seconds(self) -> float | None:
        """How long the browser has been trying to connect; None before, and once it has."""
        return None if self._begun is None or self._seen else monotonic() - self._begun

    @property
    def silent_seconds(self) -> float:
        """See ``core.live.stream_limiter.LimitedStream``."""
        session = self.session
        if session is not None:
            return session.silent_seconds
        return 0.0 if self._begun is None else monotonic() - self._begun

    def complaint(self, *, served: bool) -> str | None:
        """What is wrong with the line, a sentence. ``served``: whether ICE servers are set."""
        if (self.connecting_seconds or 0.0) > CONNECT_SECONDS:
            return NO_CONNECTION_WITH_SERVERS if served else NO_CONNECTION
        connected = self.running and self.connecting_seconds is None
        return SILENT if connected and self.silent_seconds > _SILENT_SECONDS else None

    def begin(self) -> None:
        """Take a place and start. Called when browser and server agreed on a connection."""
        with self._lock:
            if self._over or self._begun is not None:
                return
            self._begun = monotonic()
        try:
            self._room.enter(self)
        except StreamLimitReached as error:
            self._refused = str(error)
            self.close_soon()
            return
        try:
            self.session = self._open_session(self.track.offer, self.close_soon)
        except Exception as error:
            # this is the connection's event loop: nobody would hear of it, and the place would stay taken
            if not isinstance(error, DanceError):
                logger.exception("a live session could not be begun")
            self._refused = str(error) if isinstance(error, DanceError) else UNEXPECTED
            self.close_soon()
            return
        if self.over:
            # it was closed in between, by somebody who saw no session yet
            self._close_aside()

    def close_soon(self) -> None:
        """End it without waiting, as an event loop must."""
        if self._mark_over():
            self._close_aside()

    def close(self) -> None:
        """End it and wait until everything is given back."""
        if self._mark_over():
            self._close()

    def _mark_over(self) -> bool:
        with self._lock:
            first, self._over = not self._over, True
        session = self.session
        if session is not None:
            session.stop()
        return first

    def _close_aside(self) -> None:
        threading.Thread(target=self._close, name="live-close", daemon=True).start()

    def _close(self) -> None:
        self.track.stop()
        try:
            if self.session is not None:
                self.session.close()
        finally:
            self._room.leave(self)

    def _see(self, picture: Picture) -> None:
        self._seen = True
        session = self.session
        if session is not None:
            session.put(picture)
