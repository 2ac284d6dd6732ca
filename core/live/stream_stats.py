"""What a live stream really does, counted on the server over the last few seconds.

A browser that is shown the same picture thirty times a second says "30 fps"; here a picture counts only if it differs from
the one before it.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

WINDOW: Final = 5.0
"""Seconds that figures reach back."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and 95th percentile, in milliseconds."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures at one moment.

    Attributes:
        camera_fps: pictures a second that came from the camera.
        made_fps: pictures a second that were made of them and handed on.
        different_fps: those of them that differ from the one before.
        latency: from the arrival of a camera picture to the handing over of what was made of it; None before the first.
        stages: time of each stage of a picture.
        camera_silent: seconds since the last picture of the camera; None before the first.
    """

    camera_fps: float = 0.0
    made_fps: float = 0.0
    different_fps: float = 0.0
    latency: Spread | None = None
    stages: Mapping[str, Spread] = field(default_factory=dict)
    camera_silent: float | None = None


class Figures:
    """Counts. Any thread may note and read; ``now`` is a monotonic clock in seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._camera: deque[float] = deque()
        self._shown: deque[tuple[float, float, bool]] = deque()
        self._stages: defaultdict[str, deque[tuple[float, float]]] = defaultdict(deque)
        self._start: float | None = None
        self._last_camera: float | None = None

    def camera(self, now: float) -> None:
        """A picture came from the camera."""
        with self._lock:
            self._start = now if self._start is None else self._start
            self._last_camera = now
            self._camera.append(now)
            self._forget(now)

    def stages(self, milliseconds: Mapping[str, float], now: float) -> None:
        """One picture went through these stages."""
        with self._lock:
            for name, took in milliseconds.items():
                self._stages[name].append((now, took))

    def shown(self, latency: float, different: bool, now: float) -> None:
        """A picture was handed on, ``latency`` seconds after its camera picture came."""
        with self._lock:
            self._shown.append((now, latency * 1000, different))

    def read(self, now: float) -> Summary:
        """The last :data:`WINDOW` seconds, or as many as there were."""
        with self._lock:
            self._forget(now)
            if self._start is None or self._last_camera is None:
                return Summary()
            span = min(max(now - self._start, 0.5), WINDOW)
            return Summary(
                camera_fps=len(self._camera) / span,
                made_fps=len(self._shown) / span,
                different_fps=sum(different for _, _, different in self._shown) / span,
                latency=_spread([latency for _, latency, _ in self._shown]),
                stages={
                    name: spread for name, took in self._stages.items() if (spread := _spread([ms for _, ms in took]))
                },
                camera_silent=now - self._last_camera,
            )

    def _forget(self, now: float) -> None:
        while self._camera and now - self._camera[0] > WINDOW:
            self._camera.popleft()
        while self._shown and now - self._shown[0][0] > WINDOW:
            self._shown.popleft()
        for took in self._stages.values():
            while took and now - took[0][0] > WINDOW:
                took.popleft()


def _spread(milliseconds: list[float]) -> Spread | None:
    if not milliseconds:
        return None
    p50, p95 = np.percentile(milliseconds, (50, 95))
    return Spread(float(p50), float(p95))
