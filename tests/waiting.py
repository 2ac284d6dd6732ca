"""Waiting in tests: for a condition, never for a while."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import Final

PATIENCE: Final = 300.0
"""Seconds after which what a test waits for counts as never to come, on however busy a machine."""


def until(
    condition: Callable[[], object], seconds: float = PATIENCE, *, what: str = "the condition", every: float = 0.02
) -> None:
    """Wait until ``condition`` returns something true, looking again ``every`` so many seconds.

    Raises:
        TimeoutError: it did not within ``seconds``.
    """
    deadline = monotonic() + seconds
    while not condition():
        if monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        sleep(every)
