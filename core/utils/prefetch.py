"""Small ways to let decoding, generation and encoding run beside each other. Errors surface where the results are used."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Queue
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

T = TypeVar("T")
R = TypeVar("R")

PICTURES_AT_ONCE: Final = min(2, os.cpu_count() or 1)
"""Pictures of a file that are made at the same time. Not more on larger machines: each takes memory of its own."""

_END = object()


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def prefetch(items: Iterable[T], depth: int = 3) -> Generator[T, None, None]:
    """``items``, made in a thread of their own up to ``depth`` before they are asked for.

    Leaving the loop early stops the thread after the item it is making.
    """
    queue: Queue[object] = Queue(depth)
    stopped = threading.Event()

    def make() -> None:
        last: object = _END
        try:
            for item in items:
                queue.put(item)
                if stopped.is_set():
                    break
        except BaseException as error:  # handed to the thread that asks for the next item
            last = _Failure(error)
        queue.put(last)

    thread = threading.Thread(target=make, name="ahead", daemon=True)
    thread.start()
    try:
        while (item := queue.get()) is not _END:
            if isinstance(item, _Failure):
                raise item.error
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        while thread.is_alive():
            if not queue.empty():
                queue.get_nowait()
            thread.join(0.01)


def side_by_side(work: Callable[[T], R], items: Iterable[T], workers: int) -> Generator[R, None, None]:
    """``work(item)`` for each item, in order, by up to ``workers`` threads at once; one worker is the calling thread.

    ``items`` is read by the calling thread, at most ``workers`` items ahead of the result that is asked for. Leaving the loop
    early drops what no thread has begun, and waits for what one has.
    """
    if workers < 2:
        yield from map(work, items)
        return
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="side") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                # one more than there are threads: none waits for the caller
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


class BackgroundConsumer(Generic[T]):
    """Hands items to a function that runs in a thread of its own, in order, at most ``depth`` waiting.

    As a context it waits for the last item on a clean exit. An error in the thread is raised by the next ``put`` or at the
    end, and what still waits is dropped.
    """

    def __init__(self, work: Callable[[T], None], depth: int = 4) -> None:
        self._work = work
        self._queue: Queue[object] = Queue(depth)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="beside", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and self._error is None:
            self._error = error
        self._queue.put(_END)
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def put(self, item: T) -> None:
        """Hand over the next item; waits while too many wait already."""
        if self._error is not None:
            raise self._error
        self._queue.put(item)

    def _run(self) -> None:
        while (item := self._queue.get()) is not _END:
            # after an error the queue is still emptied, or the other side would wait for ever
            if self._error is None:
                try:
                    self._work(item)  # type: ignore[arg-type]
                except BaseException as error:
                    self._error = error
