"""Looking at a whole video: everybody in every frame, once. Following, smoothing and retargeting come after and cost nothing.

Frames do not depend on each other (see estimator.py), so several are looked at side by side and the result is the same
whatever the number of threads.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from queue import SimpleQueue
from time import perf_counter

import cv2
import numpy as np
from numpy.typing import NDArray

from core.pose.estimator import Landmarker
from core.pose.person import Follower, Person
from core.types import Pose, VideoFrame

_CUT_LEVELS = 28.0
_THUMBNAIL = (32, 32)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One frame looked at: everybody found, and what it cost."""

    frame: VideoFrame
    people: list[Pose]
    milliseconds: float


@dataclass(slots=True)
class Analysis:
    """Everybody in every frame of one video. Lists run over frames.

    ``size`` is (width, height) of the frames that were looked at; ``cuts`` are the numbers of frames that begin a shot.
    """

    size: tuple[int, int]
    times: list[Fraction] = field(default_factory=list)
    people: list[list[Pose]] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    _last: NDArray[np.uint8] | None = None

    def add(self, sighting: Sighting) -> None:
        """Take in the next frame."""
        small = cv2.cvtColor(
            cv2.resize(sighting.frame.image, _THUMBNAIL, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY
        )
        if self._last is not None and float(cv2.absdiff(small, self._last).mean()) > _CUT_LEVELS:
            self.cuts.append(len(self.times))
        self._last = np.asarray(small, np.uint8)
        self.times.append(sighting.frame.time)
        self.people.append(sighting.people)

    def follow(self, person: Person) -> list[Pose | None]:
        """The chosen person in each frame, unsmoothed."""
        follower = Follower(person)
        cuts = set(self.cuts)
        result: list[Pose | None] = []
        for i, (time, people) in enumerate(zip(self.times, self.people, strict=True)):
            if i in cuts:
                follower.reset()
            result.append(follower.pick(people, float(time), self.size))
        return result

    @property
    def seconds(self) -> list[float]:
        """Times as floats."""
        return [float(t) for t in self.times]


def look(frames: Iterable[VideoFrame], workers: int | None = None) -> Iterator[Sighting]:
    """Everybody in each frame, in order. A handful of frames is in memory at a time.

    Args:
        frames: decoded in the calling thread, one ahead of need.
        workers: threads, each with a graph of its own; by default one for each core, at most four.
    """
    count = workers or min(4, os.cpu_count() or 1)
    idle: SimpleQueue[Landmarker] = SimpleQueue()
    landmarkers = [Landmarker() for _ in range(count)]
    for landmarker in landmarkers:
        idle.put(landmarker)

    def sight(frame: VideoFrame) -> Sighting:
        landmarker = idle.get()
        try:
            start = perf_counter()
            people = [d.pose for d in landmarker.people(frame.image)]
            return Sighting(frame, people, (perf_counter() - start) * 1000)
        finally:
            idle.put(landmarker)

    pool = ThreadPoolExecutor(count, thread_name_prefix="pose")
    try:
        waiting: deque[Future[Sighting]] = deque()
        for frame in frames:
            waiting.append(pool.submit(sight, frame))
            if len(waiting) > count + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        for landmarker in landmarkers:
            landmarker.close()
