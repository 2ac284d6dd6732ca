"""Looking at a whole video once, and following one person through it. Smoothing and retargeting come after and cost nothing.

Two lanes look side by side, one at the even frames and one at the odd, each tracking its own: always two, so that the
result does not depend on the machine. One lane would leave a core idle (a picture is looked at by one thread); more would
track frames too far apart. Whom each lane found is followed in the order of the frames, and the lane is told a few frames later
whom of them that is, so that it need not look at everybody else every time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fractions import Fraction
from time import perf_counter

import cv2
import numpy as np
from numpy.typing import NDArray

from core.pose.chosen import Chosen
from core.pose.detection import Detection
from core.pose.estimator import find_people
from core.pose.person import Follower, Person, body_of
from core.types import Frame, Pose, VideoFrame

LANES = 2
_CUT_LEVELS = 28.0
_THUMBNAIL = (32, 32)
_TRACED = 600
"""Most frames that somebody is traced back over."""
_TRACE_GAP = Fraction(1, 2)
"""Seconds in which they are not found after which they were not there before."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One frame looked at.

    Attributes:
        people: everybody whom somebody looked at in this frame; all in view where nobody is followed.
        pose: the followed one's, unsmoothed; None where they were not found, or nobody is followed.
        cut: whether a shot begins with this frame.
        milliseconds: what looking took.
    """

    frame: VideoFrame
    people: list[Pose]
    pose: Pose | None
    cut: bool
    milliseconds: float


@dataclass(slots=True)
class Analysis:
    """One person in every frame of one video. Lists run over frames.

    Attributes:
        size: (width, height) of the frames that were looked at.
        person: whom it follows. Of anybody else it knows nothing: another choice needs another look.
        poses: theirs, unsmoothed; None where they were not found.
        cuts: numbers of the frames that begin a shot.
    """

    size: tuple[int, int]
    person: Person = "largest"
    times: list[Fraction] = field(default_factory=list)
    poses: list[Pose | None] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    # everybody in the last frames, while the person is not known in any of them
    _before: deque[list[Pose]] = field(default_factory=lambda: deque(maxlen=_TRACED), repr=False, compare=False)

    def add(self, sighting: Sighting) -> None:
        """Take in the next frame of a :func:`look` for the same person.

        Where somebody who was chosen by where they are later on is known only now, they are traced back from here.
        """
        if sighting.cut:
            self.cuts.append(len(self.times))
            self._before.clear()
        self.times.append(sighting.frame.time)
        self.poses.append(sighting.pose)
        if sighting.pose is not None:
            self._trace_back(sighting)
        elif isinstance(self.person, Chosen):
            self._before.append(sighting.people)

    def _trace_back(self, known: Sighting) -> None:
        """Fill in where the person was just before a frame in which they are known."""
        if not self._before or known.pose is None or not isinstance(self.person, Chosen):
            return
        body = body_of(known.pose)
        follower = Follower(replace(self.person, seconds=0.0, x=body.x / self.size[0], y=body.y / self.size[1]))
        end, last = known.frame.time, known.frame.time
        follower.pick(known.people, 0.0, self.size)
        for back, people in enumerate(reversed(self._before), 2):
            time = self.times[-back]
            pose = follower.pick(people, float(end - time), self.size)
            if pose is not None:
                self.poses[-back], last = pose, time
            elif last - time > _TRACE_GAP:
                break
        self._before.clear()

    @property
    def seconds(self) -> list[float]:
        """Times as floats."""
        return [float(t) for t in self.times]


class _Cuts:
    """Tells where a shot begins, frame by frame."""

    def __init__(self) -> None:
        self._last: NDArray[np.uint8] | None = None

    def at(self, image: Frame) -> bool:
        """Whether the next picture (RGB) shows something else altogether."""
        small, before = _thumbnail(image), self._last
        self._last = small
        return before is not None and float(cv2.absdiff(small, before).mean()) > _CUT_LEVELS


def _thumbnail(image: Frame) -> NDArray[np.uint8]:
    """A picture (RGB) in a few grey pixels, to tell cuts by."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    # grey and halved first: a tenth of the price of shrinking a large picture of three colours at one go
    while min(grey.shape) >= 8 * _THUMBNAIL[0]:
        grey = cv2.resize(grey, (grey.shape[1] // 2, grey.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(grey, _THUMBNAIL, interpolation=cv2.INTER_AREA), np.uint8)


def look(frames: Iterable[VideoFrame], person: Person | None = "largest") -> Iterator[Sighting]:
    """Look for a person in each frame, in order. A handful of frames is in memory at a time.

    Args:
        frames: decoded in the calling thread, a few ahead of need.
        person: whom to follow. None follows nobody, and looks at everybody in every frame.
    """
    lanes = [_Lane() for _ in range(LANES)]
    cuts = _Cuts()
    follower = None if person is None else Follower(person)
    waiting: deque[tuple[_Lane, Future[_Looked]]] = deque()

    def next_sighting() -> Sighting:
        lane, future = waiting.popleft()
        looked = future.result()
        return looked.sighting(None) if follower is None else lane.follow(looked, follower)

    try:
        for frame in frames:
            lane, cut = lanes[frame.index % LANES], cuts.at(frame.image)
            if cut:
                for one in lanes:
                    one.begin_shot()
            waiting.append((lane, lane.submit(frame, cut)))
            if len(waiting) > LANES + 1:
                yield next_sighting()
        while waiting:
            yield next_sighting()
    finally:
        for lane in lanes:
            lane.close()


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a lane found in a frame."""

    frame: VideoFrame
    found: list[Detection]
    cut: bool
    milliseconds: float

    def sighting(self, pose: Pose | None) -> Sighting:
        people = [detection.pose for detection in self.found if detection.fresh]
        return Sighting(self.frame, people, pose, self.cut, self.milliseconds)


class _Lane:
    """One thread with one finder, which sees its frames in order. Its methods are called by one other thread."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="pose")
        self._finder = find_people()
        self._followed: int | None = None
        self._missing = False
        self._anew = False

    def begin_shot(self) -> None:
        """Forget everybody before the next frame of this lane."""
        self._anew, self._followed = True, None

    def submit(self, frame: VideoFrame, cut: bool) -> Future[_Looked]:
        anew, self._anew = self._anew, False
        return self._pool.submit(self._look, frame, cut, anew, self._followed, self._missing)

    def _look(self, frame: VideoFrame, cut: bool, anew: bool, followed: int | None, missing: bool) -> _Looked:
        start = perf_counter()
        if anew:
            self._finder.reset()
        found = self._finder.people(frame.image, float(frame.time), followed=followed, missing=missing)
        return _Looked(frame, found, cut, (perf_counter() - start) * 1000)

    def follow(self, looked: _Looked, follower: Follower) -> Sighting:
        """Pick the followed one among those found, and look for them from the next frame on that is submitted."""
        if looked.cut:
            follower.reset()
        image = looked.frame.image
        chosen = follower.pick_from(looked.found, float(looked.frame.time), (image.shape[1], image.shape[0]))
        self._followed = None if chosen is None else chosen.track
        self._missing = chosen is None
        return looked.sighting(None if chosen is None else chosen.pose)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._finder.close()
