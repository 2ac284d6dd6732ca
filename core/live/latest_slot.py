"""What lies between the threads of a live stream: one slot each, newest wins, so that nothing ever queues up."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class LatestSlot(Generic[T]):
    """One slot. What is put replaces what nobody took yet; whoever takes waits for the next."""

    def __init__(self) -> None:
        self._item: T | None = None
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: T) -> None:
        """Leave ``item`` in place of what is there. Nothing happens once it is closed."""
        with self._changed:
            if not self._closed:
                self._item = item
                self._changed.notify_all()

    def take(self, timeout: float | None = None) -> T | None:
        """The newest item, waited for; None when the box was closed or nothing came within ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._item is not None, timeout)
            item, self._item = self._item, None
            self._changed.notify_all()
            return item

    def wait_until_taken(self) -> None:
        """Wait until nothing lies in it."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is None)

    @property
    def closed(self) -> bool:
        """Whether nothing will ever come again."""
        return self._closed

    def close(self) -> None:
        """Wake whoever waits, for good; what lies inside is dropped."""
        with self._changed:
            self._closed = True
            self._item = None
            self._changed.notify_all()
