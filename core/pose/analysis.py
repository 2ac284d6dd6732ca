"""Looking at a whole video: everybody in every frame, once. Following, smoothing and retargeting come after and cost nothing.

Two lanes look side by side, one at the even frames and one at the odd, each tracking its own: always two, so that the
result does not depend on the machine. One lane would leave a core idle (a picture is looked at by one thread); more would
track frames too far apart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from time import perf_counter

import cv2
import numpy as np
from numpy.typing import NDArray

from core.pose.estimator import find_people
from core.pose.person import Follower, Person
from core.types import Frame, Pose, VideoFrame

LANES = 2
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
        small = _thumbnail(sighting.frame.image)
        if self._last is not None and float(cv2.absdiff(small, self._last).mean()) > _CUT_LEVELS:
            self.cuts.append(len(self.times))
        self._last = small
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


def _thumbnail(image: Frame) -> NDArray[np.uint8]:
    """A picture (RGB) in a few grey pixels, to tell cuts by."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    # grey and halved first: a tenth of the price of shrinking a large picture of three colours at one go
    while min(grey.shape) >= 8 * _THUMBNAIL[0]:
        grey = cv2.resize(grey, (grey.shape[1] // 2, grey.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(grey, _THUMBNAIL, interpolation=cv2.INTER_AREA), np.uint8)


def look(frames: Iterable[VideoFrame]) -> Iterator[Sighting]:
    """Everybody in each frame, in order. A handful of frames is in memory at a time.

    Args:
        frames: decoded in the calling thread, a few ahead of need.
    """
    lanes = [_Lane() for _ in range(LANES)]
    waiting: deque[Future[Sighting]] = deque()
    try:
        for frame in frames:
            waiting.append(lanes[frame.index % LANES].submit(frame))
            if len(waiting) > LANES + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for lane in lanes:
            lane.close()


class _Lane:
    """One thread with one finder, which sees its frames in order."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="pose")
        self._finder = find_people()

    def submit(self, frame: VideoFrame) -> Future[Sighting]:
        return self._pool.submit(self._look, frame)

    def _look(self, frame: VideoFrame) -> Sighting:
        start = perf_counter()
        people = [found.pose for found in self._finder.people(frame.image, float(frame.time))]
        return Sighting(frame, people, (perf_counter() - start) * 1000)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._finder.close()
