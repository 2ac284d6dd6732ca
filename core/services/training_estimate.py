"""How long making and training a performer takes on this computer, from a trial of five seconds. Torch is never imported here."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Final

from core import paths
from core.utils.closeable import Closeable

logger = logging.getLogger(__name__)

TRIAL_SECONDS: Final = 90.0
"""After which a trial is given up."""

_TRIAL: Final = "core.training.throughput_probe"
_LEARNT_FROM: Final = 0.8
"""Of the footage; the rest is held out to judge by."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """How fast this computer is.

    Attributes:
        generator: that was tried.
        device: what trained, in words.
        cutting: seconds to find and cut out the person in one frame.
        preparing: seconds to prepare one frame for learning.
        learning: frames learnt from in a second.
    """

    generator: str
    device: str
    cutting: float
    preparing: float
    learning: float

    def ready_after(self, frames: int, minutes: float) -> float:
        """Seconds from the click until a performer of so many frames is trained for so many minutes."""
        return frames * (self.cutting + self.preparing) + 60 * minutes

    def rounds(self, frames: int, minutes: float) -> float:
        """How often each frame is learnt from in that time."""
        return 60 * minutes * self.learning / max(frames * _LEARNT_FROM, 1)


class TrainingEstimator(Closeable):
    """Tries each generator once, in a process of its own, when somebody first asks."""

    def __init__(self) -> None:
        self._paces: dict[str, Throughput | None] = {}
        self._trial: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._one = threading.Lock()
        self._waiting = 0
        self._closed = False

    def pace(self, generator: str) -> Throughput | None:
        """How fast it is; None while that is being found out, and where it cannot be."""
        with self._lock:
            if generator in self._paces or self._closed:
                return self._paces.get(generator)
            self._paces[generator] = None
            self._waiting += 1
        threading.Thread(target=self._find_out, args=(generator,), name="trial", daemon=True).start()
        return None

    @property
    def trying(self) -> bool:
        """Whether something is being tried just now, or about to be."""
        return self._waiting > 0

    def close(self) -> None:
        """End what is being tried."""
        with self._lock:
            self._closed = True
            if self._trial is not None:
                self._trial.kill()

    def _find_out(self, generator: str) -> None:
        try:
            # two at once would slow each other down
            with self._one:
                self._paces[generator] = self._tried(generator)
        except (OSError, subprocess.TimeoutExpired, IndexError, TypeError, ValueError) as error:
            logger.warning("how fast %s is trained here could not be found out: %s", generator, error)
        finally:
            with self._lock:
                self._waiting -= 1

    def _tried(self, generator: str) -> Throughput | None:
        """What a trial found; None where the app ends."""
        with self._lock:
            if self._closed:
                return None
            self._trial = process = subprocess.Popen(
                [sys.executable, "-m", _TRIAL, generator],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=paths.PROJECT, text=True, encoding="utf-8",
            )  # fmt: skip
        try:
            told, _ = process.communicate(timeout=TRIAL_SECONDS)
        finally:
            process.kill()
            process.wait()
        return Throughput(**json.loads(told.splitlines()[-1]))
