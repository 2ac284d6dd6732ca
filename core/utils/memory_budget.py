"""One limit for what is kept in memory only because it may be asked for again: performers, networks, what was seen in videos.

A thing is in use while anybody but the budget refers to it. What is in use is never let go of, and never made twice: whoever
asks for it meanwhile gets the same one. Of the rest the least recently used goes first.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")

_M_ARENA_MAX: Final = -8
"""glibc's number of that setting (malloc.h)."""
_ARENAS: Final = 2


class CachedItem(Generic[T]):
    """A thing in a budget's hands. Made by :meth:`MemoryBudget.keep`."""

    def __init__(self, budget: MemoryBudget, thing: T, cost: Callable[[T], int]) -> None:
        self._budget: Final = budget
        self._cost: Final = cost
        self._weak: Final = weakref.ref(thing)
        # None while the budget does not keep it
        self._strong: T | None = thing

    def get(self) -> T | None:
        """The thing, which counts as used just now; None once it was let go of."""
        return self._budget._use(self)

    @property
    def gone(self) -> bool:
        """Whether it was let go of, and nobody uses it any more."""
        return self._weak() is None

    def forget(self) -> None:
        """Let go of it, whatever room there is. Whoever uses it still has it."""
        self._budget._forget(self)

    def _bytes(self) -> int:
        thing = self._weak()
        return 0 if thing is None else self._cost(thing)


class MemoryBudget:
    """Keeps things up to a number of bytes. Any thread may use it.

    Args:
        most: bytes to keep. The thing that was used last is kept even where it is larger than that.

    Example:
        >>> budget = MemoryBudget(400 << 20)
        >>> kept = budget.keep(load_target("mira"), lambda target: target.held_bytes)
        >>> target = kept.get() or load_target("mira")
    """

    def __init__(self, most: int) -> None:
        self.most: Final = most
        self._lock = threading.RLock()
        # the least recently used first
        self._kept: OrderedDict[int, CachedItem[Any]] = OrderedDict()

    def keep(self, thing: T, cost: Callable[[T], int]) -> CachedItem[T]:
        """Keep ``thing``, which must allow weak references, for as long as there is room.

        Args:
            cost: the bytes that it holds just now. Asked again and again, and given the thing so that it need not refer to it.
        """
        kept = CachedItem(self, thing, cost)
        with self._lock:
            self._kept[id(kept)] = kept
        self.settle()
        return kept

    @property
    def used(self) -> int:
        """Bytes of everything that is kept or was kept and is still in use."""
        with self._lock:
            self._tidy()
            return sum(kept._bytes() for kept in self._kept.values())

    def settle(self) -> bool:
        """Let go of what is not in use until the rest is within the limit; True when something was let go of.

        Things grow while they are used: to be called now and then.
        """
        release = False
        with self._lock:
            # one at a time: a generator that goes may be all that used its performer
            while self.used > self.most and self._let_one_go():
                release = True
        return release

    def _let_one_go(self) -> bool:
        """Let go of the least recently used thing that is not in use, but never of the last one; False where all are."""
        for key, kept in list(self._kept.items())[:-1]:
            kept._strong = None
            thing = kept._weak()
            if thing is None:
                del self._kept[key]
                return True
            kept._strong = thing
        return False

    def _tidy(self) -> None:
        for key, kept in list(self._kept.items()):
            if kept.gone:
                del self._kept[key]

    def _use(self, kept: CachedItem[T]) -> T | None:
        with self._lock:
            thing = kept._weak()
            if thing is not None:
                kept._strong = thing
                self._kept[id(kept)] = kept
                self._kept.move_to_end(id(kept))
        return thing

    def _forget(self, kept: CachedItem[Any]) -> None:
        with self._lock:
            kept._strong = None
            if kept.gone:
                self._kept.pop(id(kept), None)


def use_few_arenas() -> None:
    """Let glibc keep what is freed in two arenas at most. To be called before threads begin; does nothing without glibc.

    It would make up to eight for each core, one for each thread that asks for memory, and a page of an arena is given back only
    when nothing on it is used any more. A server that danced and mirrored holds 70 to 100 MB less with two, and takes as much
    time.
    """
    if sys.platform == "linux":
        limit: Any = getattr(ctypes.CDLL(None), "mallopt", None)
        if limit is not None:
            limit(_M_ARENA_MAX, _ARENAS)


def give_back_memory() -> None:
    """Return freed memory to the system: glibc keeps it otherwise, several hundred megabytes after a few transfers.

    Takes some tens of milliseconds in which no other Python thread runs.
    """
    gc.collect()
    if sys.platform == "linux":
        trim: Any = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
