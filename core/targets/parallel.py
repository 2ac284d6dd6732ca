"""A few of many things, spread evenly over all that come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")


class Spread(Generic[T]):
    """Keeps at most ``2 * most - 1`` of the things that come, and gives ``most`` of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: list[T] = []
        self._came, self._every = 0, 1

    def add(self, make: Callable[[], T]) -> None:
        """Take in the next one, which is made only where it is wanted."""
        if self._came % self._every == 0:
            self._kept.append(make())
            if len(self._kept) == 2 * self._most:
                del self._kept[1::2]
                self._every *= 2
        self._came += 1

    def chosen(self) -> list[T]:
        """At most as many as are wanted, in the order in which they came."""
        if len(self._kept) <= self._most:
            return list(self._kept)
        return [self._kept[i] for i in np.linspace(0, len(self._kept) - 1, self._most).round().astype(int)]
