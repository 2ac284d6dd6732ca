"""Who dances live in this process, and how many may at once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic
from typing import Final, Protocol

from core.errors import DanceError

logger = logging.getLogger(__name__)

SILENT_SECONDS: Final = 40.0
"""A stream that no camera picture reached for so long is closed: its browser crashed, or the line is cut."""

_LOOK_EVERY: Final = 2.0


class StreamLimitReached(DanceError):
    """As many as can dance live at once already do."""


class LimitedStream(Protocol):
    """A live stream, as the room sees it."""

    @property
    def silent_seconds(self) -> float:
        """Since the last camera picture, or since it began."""

    def close(self) -> None:
        """End it and give back what it holds."""


class StreamLimiter:
    """Lets in up to ``places`` streams, and shows out those that fell silent.

    Args:
        places: streams at once.
        silent_seconds: after which a stream without pictures is closed.
        clock: monotonic seconds.
    """

    def __init__(
        self, places: int, *, silent_seconds: float = SILENT_SECONDS, clock: Callable[[], float] = monotonic
    ) -> None:
        self.places = places
        self._silent = silent_seconds
        self._clock = clock
        self._guests: set[LimitedStream] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._watch: threading.Thread | None = None

    @property
    def taken(self) -> int:
        """How many dance just now."""
        with self._lock:
            return len(self._guests)

    @property
    def free(self) -> bool:
        """Whether another one would be let in."""
        return self.taken < self.places

    def enter(self, guest: LimitedStream) -> None:
        """Let a stream in.

        Raises:
            RoomFull: all places are taken, or the app is being stopped.
        """
        with self._lock:
            if self._closed.is_set():
                raise StreamLimitReached("The app is being stopped: start it again and try then.")
            if len(self._guests) >= self.places:
                raise StreamLimitReached(full_words(self.places))
            self._guests.add(guest)
            if self._watch is None:
                self._watch = threading.Thread(target=self._look_around, name="live-room", daemon=True)
                self._watch.start()

    def leave(self, guest: LimitedStream) -> None:
        """A stream is over. Leaving twice does no harm."""
        with self._lock:
            self._guests.discard(guest)

    def close(self) -> None:
        """End every stream, for good."""
        self._closed.set()
        with self._lock:
            guests, self._guests = list(self._guests), set()
        for guest in guests:
            guest.close()
        if self._watch is not None:
            self._watch.join(_LOOK_EVERY)

    def _look_around(self) -> None:
        while not self._closed.wait(min(_LOOK_EVERY, self._silent / 2)):
            with self._lock:
                silent = [guest for guest in self._guests if guest.silent_seconds > self._silent]
            for guest in silent:
                logger.info("a live stream fell silent and is closed")
                guest.close()
                self.leave(guest)


def full_words(places: int) -> str:
    """The sentence for whoever is not let in."""
    who = "Somebody else dances" if places == 1 else f"{places} people dance"
    return f"{who} live here just now, which is all this computer can keep up with: try again in a moment."
