"""Whoever dances in a live stream: found, followed, smoothed and measured from what was seen so far."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from core.pose.cuts import PictureChanges, elsewhere
from core.pose.estimator import PoseEstimator
from core.pose.person_selection import Listed, Person
from core.pose.retarget import BodyStatistics, LiveBody
from core.pose.smoothing import BRIDGE, OneEuro
from core.types import Pose, VideoFrame
from core.utils.closeable import Closeable

_FARTHEST_GUESS: Final = 0.1
_SURVEY_EVERY: Final = 1.0
"""Seconds between looks for a second person: such a frame is a few milliseconds late."""
_SETTLED: Final = 0.12
"""Seconds after which whoever is suddenly elsewhere is there for good, where the picture did not change at once; until then they
are shown as they were."""


@dataclass(frozen=True, slots=True)
class TrackedPose:
    """The dancer at one moment.

    Attributes:
        seconds: of the stream.
        pose: source pixels, smoothed.
        body, ground: what the pose is retargeted with.
        held: whether this is an earlier sight, kept over a moment in which nobody was found.
        shot: number of the shot: another one when the camera was switched.
    """

    seconds: float
    pose: Pose
    body: BodyStatistics
    ground: float
    held: bool = False
    shot: int = 0


class LiveDancer(Closeable):
    """Follows one person through one live stream. Holds state; close it at the end.

    Args:
        person: whom to follow when several are in view.

    Attributes:
        people: how many were in view when last looked.
        listed: who they were, in pixels; see :meth:`core.pose.person_selection.Follower.listed`.
    """

    def __init__(self, person: Person = "largest") -> None:
        self.people = 0
        self.listed: list[Listed] = []
        self._person = person
        self._estimator: PoseEstimator | None = None
        self._filter = OneEuro()
        self._body = LiveBody()
        self._changes = PictureChanges()
        self._shot = 0
        self._recent: list[TrackedPose] = []
        self._forget_steps()

    def close(self) -> None:
        """Give back what is native."""
        if self._estimator is not None:
            self._estimator.close()
            self._estimator = None

    def reset(self) -> None:
        """Forget who was seen, as when the camera is turned; the networks stay."""
        if self._estimator is not None:
            self._estimator.reset()
        self._begin()

    def _begin(self) -> None:
        """Know nothing of a dancer."""
        self._filter.reset()
        self._body.reset()
        self._changes = PictureChanges()
        self._shot += 1
        self._recent = []
        self._forget_steps()

    def _forget_steps(self) -> None:
        self._changed = False
        self._raw: tuple[float, Pose] | None = None
        self._before_step: Pose | None = None
        self._stepped = 0.0

    def follow(self, one: Listed) -> None:
        """From now on follow somebody who was ``listed``."""
        if self._estimator is not None:
            self._estimator.follow(one)
            self._begin()

    def look(self, frame: VideoFrame) -> TrackedPose | None:
        """The dancer in the next frame; None when nobody is there.

        A missed detection holds the last sight for as long as files would bridge.
        """
        if self._estimator is None:
            self._estimator = PoseEstimator(person=self._person, survey_every=_SURVEY_EVERY, sweep=False)
        changed = self._changes.at(frame.image)
        found = self._estimator.detect(frame.image, float(frame.time) * 1000, changed=changed)
        self.people, self.listed = self._estimator.in_view, self._estimator.listed
        return self.take(None if found is None else found.pose, float(frame.time), changed=changed)

    def take(self, pose: Pose | None, seconds: float, *, changed: bool = False) -> TrackedPose | None:
        """The dancer in the next frame, where it is known already where they are; None for a frame without them.

        Args:
            changed: whether the picture changed at once (:class:`core.pose.cuts.PictureChanges`).
        """
        self._changed |= changed
        return self._bridged(seconds) if pose is None else self._take_in(pose, seconds)

    def guess(self, seconds: float) -> TrackedPose | None:
        """The dancer at ``seconds``, a frame that is not looked at: on from the last two sights in a straight line."""
        if len(self._recent) < 2 or seconds - self._recent[-1].seconds > _FARTHEST_GUESS:
            return self._bridged(seconds)
        before, last = self._recent
        ahead = (seconds - last.seconds) / max(last.seconds - before.seconds, 1e-3)
        landmarks = last.pose.landmarks.copy()
        landmarks[:, :3] += np.float32(min(ahead, 1.0)) * (landmarks[:, :3] - before.pose.landmarks[:, :3])
        return replace(last, seconds=seconds, pose=Pose(landmarks))

    def _take_in(self, pose: Pose, seconds: float) -> TrackedPose:
        if self._recent and seconds - self._recent[-1].seconds > BRIDGE:
            self._recent = []
        begins = self._begins_shot(pose, seconds)
        if self._before_step is not None and self._recent and seconds - self._recent[-1].seconds <= BRIDGE:
            return replace(self._recent[-1], held=True)
        if begins:
            self._shot += 1
            self._recent = []
            self._body.begin_shot()
            self._filter.reset()
        smooth = self._filter.smooth(pose, seconds)
        sight = TrackedPose(seconds, smooth, *self._body.add(smooth, seconds), shot=self._shot)
        self._recent = [*self._recent[-1:], sight]
        return sight

    def _begins_shot(self, pose: Pose, seconds: float) -> bool:
        """Whether the next pose is in another shot than the last, as far as can be told by now."""
        last, self._raw = self._raw, (seconds, pose)
        changed, self._changed = self._changed, False
        if last is None:
            return False
        span = seconds - last[0]
        if changed and (span > BRIDGE or elsewhere(last[1], pose, span, changed=True)):
            self._before_step = None
            return True
        if elsewhere(last[1], pose, span, changed=False):
            self._before_step = self._before_step or last[1]
            self._stepped = seconds
        if self._before_step is None:
            return False
        back = not elsewhere(self._before_step, pose, 0.0, changed=False)
        if back or seconds - self._stepped >= _SETTLED:
            self._before_step = None
            return not back
        return False

    def _bridged(self, seconds: float) -> TrackedPose | None:
        if not self._recent or seconds - self._recent[-1].seconds > BRIDGE:
            return None
        return replace(self._recent[-1], held=True)
