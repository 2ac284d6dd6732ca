"""A thread-safe slot that holds the newest item only, so that no queue builds up between the threads of a live stream."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class LatestSlot(Generic[T]):
    """A single-item mailbox: ``put`` overwrites an item that was not taken yet, ``take`` waits for the next one."""

    def __init__(self) -> None:
        self._item: T | None = None
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: T) -> None:
        """Store ``item``, overwriting the present one. Do nothing once closed."""
        with self._changed:
            if not self._closed:
                self._item = item
                self._changed.notify_all()

    def take(self, timeout: float | None = None) -> T | None:
        """Wait for the newest item and return it; return None if the slot is closed or ``timeout`` seconds pass."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._item is not None, timeout)
            item, self._item = self._item, None
            self._changed.notify_all()
            return item

    def wait_until_taken(self) -> None:
        """Wait until the slot is empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is None)

    @property
    def closed(self) -> bool:
        """Whether the slot is closed for good."""
        return self._closed

    def close(self) -> None:
        """Drop the item and wake all waiting threads; later ``put`` calls do nothing."""
        with self._changed:
            self._closed = True
            self._item = None
            self._changed.notify_all()
