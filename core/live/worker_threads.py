"""The threads of one stream: begun together and ended together, with a sentence where one of them breaks."""

from __future__ import annotations

import logging
import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final

from core.errors import DanceError
from core.utils.closeable import Closeable

logger = logging.getLogger(__name__)

STOP_SECONDS: Final = 2.0
"""How long the end of a stream may take."""


class WorkerThreads(Closeable):
    """What is done with the pictures of one stream, each work in a thread of its own.

    Args:
        ended: called once, in one of the threads, when it ends by itself.
        broken: the sentence for a fault of ours.
    """

    def __init__(self, ended: Callable[[], None], broken: str) -> None:
        self._tell_ended = ended
        self._broken = broken
        self._ended: str | None = None
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    @abstractmethod
    def stop(self) -> None:
        """Let it end, without waiting."""

    def _begin(self, works: Mapping[str, Callable[[], None]]) -> None:
        """Start them, by name."""
        self._threads = [
            threading.Thread(target=self._guard, args=(work,), name=f"live-{name}", daemon=True)
            for name, work in works.items()
        ]
        for thread in self._threads:
            thread.start()

    def _stop_and_wait(self) -> float:
        """Wait for the threads for at most :data:`STOP_SECONDS`; when those are over, on a monotonic clock."""
        self.stop()
        deadline = monotonic() + STOP_SECONDS
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - monotonic()))
        return deadline

    def _end(self, why: str) -> None:
        with self._lock:
            first, self._ended = self._ended is None, self._ended or why
        self.stop()
        if first:
            self._tell_ended()

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except DanceError as error:
            self._end(str(error))
        except Exception:
            logger.exception("a live stream broke")
            self._end(self._broken)
