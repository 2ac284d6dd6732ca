"""Whoever dances in a live stream: found, followed, smoothed and measured from what was seen so far."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from core.closing import Closing
from core.pose.estimator import PoseEstimator
from core.pose.person import Person
from core.pose.retarget import BodyStatistics, LiveBody
from core.pose.smoothing import BRIDGE, OneEuro
from core.types import Pose, VideoFrame

_FARTHEST_GUESS: Final = 0.1
_SURVEY_EVERY: Final = 1.0
"""Seconds between looks for a second person: such a frame is a few milliseconds late."""


@dataclass(frozen=True, slots=True)
class Sight:
    """The dancer at one moment.

    Attributes:
        seconds: of the stream.
        pose: source pixels, smoothed.
        body, ground: what the pose is retargeted with.
        held: whether this is an earlier sight, kept over a moment in which nobody was found.
    """

    seconds: float
    pose: Pose
    body: BodyStatistics
    ground: float
    held: bool = False


class LiveDancer(Closing):
    """Follows one person through one live stream. Holds state; close it at the end.

    Args:
        person: whom to follow when several are in view.

    Attributes:
        people: how many were in view when last looked.
    """

    def __init__(self, person: Person = "largest") -> None:
        self.people = 0
        self._person = person
        self._estimator: PoseEstimator | None = None
        self._filter = OneEuro()
        self._body = LiveBody()
        self._recent: list[Sight] = []

    def close(self) -> None:
        """Give back what is native."""
        if self._estimator is not None:
            self._estimator.close()
            self._estimator = None

    def reset(self) -> None:
        """Forget who was seen, as when the camera is turned; the networks stay."""
        if self._estimator is not None:
            self._estimator.reset()
        self._filter.reset()
        self._body.reset()
        self._recent = []

    def look(self, frame: VideoFrame) -> Sight | None:
        """The dancer in the next frame; None when nobody is there.

        A missed detection holds the last sight for as long as files would bridge.
        """
        if self._estimator is None:
            self._estimator = PoseEstimator(person=self._person, survey_every=_SURVEY_EVERY, sweep=False)
        found = self._estimator.detect(frame.image, float(frame.time) * 1000)
        self.people = self._estimator.in_view
        return self.take(None if found is None else found.pose, float(frame.time))

    def take(self, pose: Pose | None, seconds: float) -> Sight | None:
        """The dancer in the next frame, where it is known already where they are; None for a frame without them."""
        return self._bridged(seconds) if pose is None else self._take_in(pose, seconds)

    def guess(self, seconds: float) -> Sight | None:
        """The dancer at ``seconds``, a frame that is not looked at: on from the last two sights in a straight line."""
        if len(self._recent) < 2 or seconds - self._recent[-1].seconds > _FARTHEST_GUESS:
            return self._bridged(seconds)
        before, last = self._recent
        ahead = (seconds - last.seconds) / max(last.seconds - before.seconds, 1e-3)
        landmarks = last.pose.landmarks.copy()
        landmarks[:, :3] += np.float32(min(ahead, 1.0)) * (landmarks[:, :3] - before.pose.landmarks[:, :3])
        return replace(last, seconds=seconds, pose=Pose(landmarks))

    def _take_in(self, pose: Pose, seconds: float) -> Sight:
        if self._recent and seconds - self._recent[-1].seconds > BRIDGE:
            self._recent = []
        smooth = self._filter.smooth(pose, seconds)
        sight = Sight(seconds, smooth, *self._body.add(smooth, seconds))
        self._recent = [*self._recent[-1:], sight]
        return sight

    def _bridged(self, seconds: float) -> Sight | None:
        if not self._recent or seconds - self._recent[-1].seconds > BRIDGE:
            return None
        return replace(self._recent[-1], held=True)
