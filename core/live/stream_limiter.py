"""Limit how many live streams run at once in this process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic
from typing import Final, Protocol

from core.errors import DanceError

logger = logging.getLogger(__name__)

SILENT_SECONDS: Final = 40.0
"""Seconds without a camera picture after which a stream is closed: its browser crashed or lost its connection."""

_CHECK_SECONDS: Final = 2.0


class StreamLimitReached(DanceError):
    """All places are taken."""


class LimitedStream(Protocol):
    """A live stream as the limiter sees it."""

    @property
    def silent_seconds(self) -> float:
        """Seconds since the last camera picture, or since the start."""

    def close(self) -> None:
        """End the stream and release its resources."""


class StreamLimiter:
    """Admit up to ``places`` streams, and close those that stopped sending pictures.

    Args:
        places: the most streams at once.
        silent_seconds: seconds without pictures after which a stream is closed.
        clock: returns monotonic seconds.
    """

    def __init__(
        self, places: int, *, silent_seconds: float = SILENT_SECONDS, clock: Callable[[], float] = monotonic
    ) -> None:
        self.places = places
        self._silent = silent_seconds
        self._clock = clock
        self._streams: set[LimitedStream] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._watch: threading.Thread | None = None

    @property
    def taken(self) -> int:
        """How many streams run."""
        with self._lock:
            return len(self._streams)

    @property
    def free(self) -> bool:
        """Whether another stream would be admitted."""
        return self.taken < self.places

    def enter(self, stream: LimitedStream) -> None:
        """Admit a stream.

        Raises:
            StreamLimitReached: all places are taken, or the app is being stopped.
        """
        with self._lock:
            if self._closed.is_set():
                raise StreamLimitReached("The app is being stopped: start it again and try then.")
            if len(self._streams) >= self.places:
                raise StreamLimitReached(full_words(self.places))
            self._streams.add(stream)
            if self._watch is None:
                self._watch = threading.Thread(target=self._close_silent_streams, name="stream-limiter", daemon=True)
                self._watch.start()

    def leave(self, stream: LimitedStream) -> None:
        """Give back the place of a stream. May be called twice."""
        with self._lock:
            self._streams.discard(stream)

    def close(self) -> None:
        """Close every stream and admit no more."""
        self._closed.set()
        with self._lock:
            streams, self._streams = list(self._streams), set()
        for stream in streams:
            stream.close()
        if self._watch is not None:
            self._watch.join(_CHECK_SECONDS)

    def _close_silent_streams(self) -> None:
        while not self._closed.wait(min(_CHECK_SECONDS, self._silent / 2)):
            with self._lock:
                silent = [stream for stream in self._streams if stream.silent_seconds > self._silent]
            for stream in silent:
                logger.info("a live stream fell silent and is closed")
                stream.close()
                self.leave(stream)


def full_words(places: int) -> str:
    """Return the sentence for a visitor who is not admitted."""
    who = "Somebody else dances" if places == 1 else f"{places} people dance"
    return f"{who} live here just now, which is all this computer can keep up with: try again in a moment."
