"""Run decoding, generation and encoding concurrently, with bounded queues. Errors are raised where results are used."""

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
    """Yield ``items``, produced by a background thread at most ``depth`` ahead of the consumer.

    Leaving the loop early stops the thread after the item that it is producing.
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
        except BaseException as error:  # raised in the consuming thread
            last = _Failure(error)
        queue.put(last)

    thread = threading.Thread(target=make, name="prefetch", daemon=True)
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
    """Yield ``work(item)`` for each item, in order, computed by up to ``workers`` threads; with one worker, by the caller.

    ``items`` is read by the calling thread, at most ``workers`` ahead of the result that is waited for. Leaving the loop early
    cancels what has not started and waits for what has.
    """
    if workers < 2:
        yield from map(work, items)
        return
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="side") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                # one more than there are threads, so that none waits for the caller
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


class BackgroundConsumer(Generic[T]):
    """Pass items to a function that runs in a background thread, in order, with at most ``depth`` queued.

    Use it as a context manager: a clean exit waits for the last item. An error in the thread is raised by the next ``put`` or on
    exit, and queued items are dropped.
    """

    def __init__(self, work: Callable[[T], None], depth: int = 4) -> None:
        self._work = work
        self._queue: Queue[object] = Queue(depth)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="consumer", daemon=True)

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
        """Queue the next item; block while the queue is full."""
        if self._error is not None:
            raise self._error
        self._queue.put(item)

    def _run(self) -> None:
        while (item := self._queue.get()) is not _END:
            # keep emptying the queue after an error, or the producer would block for ever
            if self._error is None:
                try:
                    self._work(item)  # type: ignore[arg-type]
                except BaseException as error:
                    self._error = error
