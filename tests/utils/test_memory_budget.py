from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import psutil
import pytest

from core.settings import Settings
from core.utils.memory_budget import CachedItem, MemoryBudget, give_back_memory
from tests.conftest import PROJECT


class Thing:
    """Something of a known size, which may hold another."""

    def __init__(self, size: int, other: Thing | None = None) -> None:
        self.size = size
        self.other = other


@pytest.fixture(autouse=True)
def counted_only() -> Iterator[None]:
    """What is let go of is gone at once, without the collector."""
    gc.disable()
    yield
    gc.enable()


def keep(budget: MemoryBudget, size: int, other: Thing | None = None) -> CachedItem[Thing]:
    return budget.keep(Thing(size, other), lambda thing: thing.size)


def test_the_least_recently_used_goes_first() -> None:
    budget = MemoryBudget(100)
    first, second, third = (keep(budget, 30) for _ in range(3))
    assert first.get() is not None
    keep(budget, 30)
    assert [kept.gone for kept in (first, second, third)] == [False, True, False]
    assert budget.used == 90


def test_what_is_in_use_stays_and_is_never_made_twice() -> None:
    budget = MemoryBudget(100)
    running = keep(budget, 80)
    used = running.get()
    newest = keep(budget, 80)
    assert running.get() is used
    assert budget.used == 160, "what is in use counts too"

    newest.get()
    del used
    assert budget.settle()
    assert running.gone
    assert running.get() is None
    assert not newest.gone


def test_what_was_used_last_stays_even_where_it_is_too_large() -> None:
    budget = MemoryBudget(10)
    small, large = keep(budget, 5), keep(budget, 50)
    assert small.gone
    assert not budget.settle()
    assert large.get() is not None


def test_things_grow_while_they_are_used() -> None:
    budget = MemoryBudget(100)
    first, second = keep(budget, 40), keep(budget, 40)
    thing = second.get()
    assert thing is not None
    assert not budget.settle()
    thing.size = 90
    assert budget.settle()
    assert first.gone


def test_what_another_thing_uses_goes_with_it() -> None:
    budget = MemoryBudget(100)
    performer = keep(budget, 60)
    generator = keep(budget, 30, performer.get())
    newest = keep(budget, 90)
    assert performer.gone
    assert generator.gone
    assert not newest.gone


def test_what_is_forgotten_is_gone_unless_somebody_uses_it() -> None:
    budget = MemoryBudget(100)
    kept, other = keep(budget, 10), keep(budget, 10)
    thing = kept.get()
    kept.forget()
    other.forget()
    assert other.gone
    assert kept.get() is thing
    kept.forget()
    del thing
    assert kept.gone
    assert budget.used == 0


def test_one_setting_says_how_much_and_less_when_hosted() -> None:
    assert Settings.model_validate({}).memory_bytes == 400_000_000
    assert Settings.model_validate({"hosted": True}).memory_bytes < 400_000_000
    assert Settings.model_validate({"hosted": True, "memory_mb": 900}).memory_bytes == 900_000_000
    assert Settings.model_validate({"memory_mb": 0}).memory_bytes == 0


@pytest.mark.skipif(sys.platform != "linux", reason="glibc keeps what others give back by themselves")
def test_freed_memory_is_given_back_to_the_system() -> None:
    # small pieces, of which some stay between the others: glibc keeps what is freed around those
    pieces = [np.ones(60_000, np.uint8) for _ in range(2000)]
    some = pieces[::20]
    del pieces
    full = psutil.Process().memory_info().rss
    give_back_memory()
    assert psutil.Process().memory_info().rss < full - 80_000_000
    assert all(piece.all() for piece in some)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's arenas")
def test_many_threads_share_few_arenas() -> None:
    code = (
        "import ctypes, sys, tempfile, threading\n"
        "from core.utils.memory_budget import use_few_arenas\n"
        "libc = ctypes.CDLL(None)\n"
        "if not hasattr(libc, 'malloc_info'): sys.exit(77)\n"
        "if sys.argv[1] == 'few': use_few_arenas()\n"
        "together = threading.Barrier(12)\n"
        "def work():\n"
        "    together.wait(); libc.malloc(1000); together.wait()\n"
        "threads = [threading.Thread(target=work) for _ in range(12)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "libc.fopen.restype = ctypes.c_void_p\n"
        "name = tempfile.mktemp()\n"
        "file = ctypes.c_void_p(libc.fopen(name.encode(), b'w'))\n"
        "libc.malloc_info(0, file); libc.fclose(file)\n"
        "print(open(name).read().count('<heap nr='))\n"
    )

    def arenas(how: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", code, how], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        if done.returncode == 77:
            pytest.skip("this C library has no arenas")
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    assert arenas("few") <= 2 < arenas("usual")
