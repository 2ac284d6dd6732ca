from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from core.utils.prefetch import side_by_side
from tests.waiting import PATIENCE


def test_two_threads_work_at_once_and_results_come_in_order() -> None:
    # neither of the first two comes back before both are at work
    together = threading.Barrier(2)

    def work(item: int) -> int:
        if item < 2:
            together.wait(timeout=PATIENCE)
        return item * item

    assert list(side_by_side(work, range(20), workers=2)) == [item * item for item in range(20)]


def test_one_worker_is_the_calling_thread() -> None:
    assert set(side_by_side(lambda _: threading.current_thread(), range(3), workers=1)) == {threading.current_thread()}


def test_items_are_read_only_a_little_ahead() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            read.append(item)
            yield item

    results = side_by_side(lambda item: item, items(), workers=2)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert len(read) <= 5 + 2
    results.close()


def test_an_error_comes_in_its_place() -> None:
    def work(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return item

    results = side_by_side(work, range(10), workers=2)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_leaving_early_ends_the_threads() -> None:
    results = side_by_side(lambda _: threading.current_thread(), range(100), workers=2)
    worker = next(results)
    results.close()
    worker.join(timeout=PATIENCE)
    assert not worker.is_alive()
