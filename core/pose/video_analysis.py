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

import numpy as np

from core.pose.appearance_match import Chosen
from core.pose.camera import CameraMotion
from core.pose.cuts import PictureChanges, shot_starts
from core.pose.detection import Detection
from core.pose.estimator import find_people
from core.pose.person_selection import Follower, Person, body_of
from core.types import Pose, VideoFrame
from core.utils.corner_tracking import Homography

LANES = 2
_AS_BEFORE: Homography = np.eye(3)
_TRACED = 600
"""Most frames that somebody is traced back over."""
_TRACE_GAP = Fraction(1, 2)
"""Seconds in which they are not found after which they were not there before."""


@dataclass(frozen=True, slots=True)
class FrameDetections:
    """One frame looked at.

    Attributes:
        people: everybody whom somebody looked at in this frame; all in view where nobody is followed.
        pose: the followed one's, unsmoothed; None where they were not found, or nobody is followed.
        changed: whether the picture differs from the one before far more than pictures did until then: a shot may begin here.
        milliseconds: what looking took.
        view: what takes its pixels to those of the first frame of its shot, None where nobody is followed
            (:mod:`core.pose.camera`).
    """

    frame: VideoFrame
    people: list[Pose]
    pose: Pose | None
    changed: bool
    milliseconds: float
    view: Homography | None = None


@dataclass(slots=True)
class Analysis:
    """One person in every frame of one video. Lists run over frames.

    Attributes:
        size: (width, height) of the frames that were looked at.
        person: whom it follows. Of anybody else it knows nothing: another choice needs another look.
        poses: theirs, unsmoothed; None where they were not found.
        changed: numbers of the frames in which the picture changed at once.
        views: what takes the pixels of each frame to those of the first one of its shot.
    """

    size: tuple[int, int]
    person: Person = "largest"
    times: list[Fraction] = field(default_factory=list)
    poses: list[Pose | None] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    views: list[Homography] = field(default_factory=list)
    # everybody in the last frames, while the person is not known in any of them
    _before: deque[list[Pose]] = field(default_factory=lambda: deque(maxlen=_TRACED), repr=False, compare=False)

    def add(self, sighting: FrameDetections) -> None:
        """Take in the next frame of a :func:`look` for the same person.

        Where somebody who was chosen by where they are later on is known only now, they are traced back from here.
        """
        if sighting.changed:
            self.changed.append(len(self.times))
            self._before.clear()
        self.times.append(sighting.frame.time)
        self.poses.append(sighting.pose)
        self.views.append(_AS_BEFORE if sighting.view is None else sighting.view)
        if sighting.pose is not None:
            self._trace_back(sighting)
        elif isinstance(self.person, Chosen):
            self._before.append(sighting.people)

    def _trace_back(self, known: FrameDetections) -> None:
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

    @property
    def cuts(self) -> list[int]:
        """Numbers of the frames that begin a shot, after the first; see :mod:`core.pose.cuts`."""
        return shot_starts(self.poses, self.seconds, self.changed)


def look(frames: Iterable[VideoFrame], person: Person | None = "largest") -> Iterator[FrameDetections]:
    """Look for a person in each frame, in order. A handful of frames is in memory at a time.

    Args:
        frames: decoded in the calling thread, a few ahead of need.
        person: whom to follow. None follows nobody, and looks at everybody in every frame.
    """
    lanes = [_Lane() for _ in range(LANES)]
    changes = PictureChanges()
    follower = None if person is None else Follower(person)
    camera = CameraMotion()
    waiting: deque[tuple[_Lane, Future[_Looked]]] = deque()

    def next_sighting() -> FrameDetections:
        lane, future = waiting.popleft()
        looked = future.result()
        if follower is None:
            return looked.sighting(None)
        sighting = lane.follow(looked, follower)
        return replace(
            sighting, view=camera.add(looked.frame.image, looked.everybody(sighting.pose), cut=looked.changed)
        )

    try:
        for frame in frames:
            lane, changed = lanes[frame.index % LANES], changes.at(frame.image) or frame.cut
            if changed:
                for one in lanes:
                    one.look_afresh()
            waiting.append((lane, lane.submit(frame, changed)))
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
    changed: bool
    milliseconds: float

    def sighting(self, pose: Pose | None) -> FrameDetections:
        people = [detection.pose for detection in self.found if detection.fresh]
        return FrameDetections(self.frame, people, pose, self.changed, self.milliseconds)

    def everybody(self, followed: Pose | None) -> list[Pose]:
        """Whoever is known to be in view, looked at or not, the followed one first."""
        return sorted((detection.pose for detection in self.found), key=lambda pose: pose is not followed)


class _Lane:
    """One thread with one finder, which sees its frames in order. Its methods are called by one other thread."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="pose")
        self._finder = find_people()
        self._followed: int | None = None
        self._missing = False
        self._anew = False

    def look_afresh(self) -> None:
        """Forget everybody before the next frame of this lane."""
        self._anew, self._followed = True, None

    def submit(self, frame: VideoFrame, changed: bool) -> Future[_Looked]:
        anew, self._anew = self._anew, False
        return self._pool.submit(self._look, frame, changed, anew, self._followed, self._missing)

    def _look(self, frame: VideoFrame, changed: bool, anew: bool, followed: int | None, missing: bool) -> _Looked:
        start = perf_counter()
        if anew:
            self._finder.reset()
        # what is black around a picture would make everybody in it smaller
        found = self._finder.people(frame.picture, float(frame.time), followed=followed, missing=missing)
        if frame.box is not None:
            found = [replace(detection, pose=detection.pose.moved(*frame.corner)) for detection in found]
        return _Looked(frame, found, changed, (perf_counter() - start) * 1000)

    def follow(self, looked: _Looked, follower: Follower) -> FrameDetections:
        """Pick the followed one among those found, and look for them from the next frame on that is submitted."""
        image = looked.frame.image
        size = (image.shape[1], image.shape[0])
        chosen = follower.pick_from(looked.found, float(looked.frame.time), size, changed=looked.changed)
        self._followed = None if chosen is None else chosen.track
        self._missing = chosen is None
        return looked.sighting(None if chosen is None else chosen.pose)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._finder.close()
