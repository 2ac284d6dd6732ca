"""How much memory this process and its children hold."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_EVERY_SECONDS = 0.4


class PeakMemory:
    """The most memory held while the context was open, in MB (10^6 bytes), summed over the process tree.

    Proportional set size on Linux, where pages shared between processes count once; elsewhere the resident size.
    """

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._done.wait(_EVERY_SECONDS):
            self._look()

    def _look(self) -> None:
        self.megabytes = max(self.megabytes, tree_memory())


def tree_memory(root: psutil.Process | None = None) -> float:
    """MB that a process and its children hold now; this one and its own by default."""
    here = root or psutil.Process()
    return sum(_held(process) for process in (here, *here.children(recursive=True))) / 1e6


def _held(process: psutil.Process) -> float:
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
        return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        pass
    try:
        return float(process.memory_info().rss)
    except psutil.Error:
        return 0.0
