"""Several people in view of a live stream: who they are, to choose from, and who of them is followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from core.live.eye import Seen
from core.pose.whom import box_of
from core.types import Frame, Pose

MARK_SECONDS: Final = 2.0
"""How long whoever is followed anew is marked."""

_SETTLE_SECONDS: Final = 0.6
"""Somebody who passes by is nobody to choose."""
_STAY_SECONDS: Final = 2.0
"""How long the choice stays after somebody was in view last, so that it does not come and go."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """Somebody in view: the number to follow them by, a picture of them, and whether they are followed."""

    number: int
    image: Frame
    followed: bool


@dataclass(frozen=True, slots=True)
class _Several:
    """The last picture that showed several people: when it came, and since when there are several (monotonic seconds)."""

    seen: Seen
    at: float
    since: float


class Crowd:
    """Who is in view. Takes in pictures in one thread; any thread may ask."""

    def __init__(self) -> None:
        self._several: _Several | None = None
        self._followed: int | None = None
        self._mark_until = float("-inf")

    def take_in(self, seen: Seen, now: float) -> None:
        """Note who is in the next picture that was looked at."""
        if not seen.looked:
            return
        before = self._several
        if len(seen.listed) > 1:
            went_on = before is not None and now - before.at <= _STAY_SECONDS
            self._several = _Several(seen, now, before.since if went_on and before is not None else now)
        followed = next((one.number for one in seen.listed if one.followed), None)
        if followed is not None and followed != self._followed:
            # of somebody alone it goes without saying
            if self._followed is not None and self._chosen_from(now) is not None:
                self._mark_until = now + MARK_SECONDS
            self._followed = followed

    def portraits(self, now: float) -> list[Portrait]:
        """Whom there is to choose, those known longest first; nobody where there is no choice."""
        several = self._chosen_from(now)
        if several is None:
            return []
        image = several.seen.image
        return [Portrait(one.number, _around(image, one.pose), one.followed) for one in several.seen.listed]

    def marks(self, now: float) -> bool:
        """Whether to mark whoever is followed."""
        return now < self._mark_until

    def _chosen_from(self, now: float) -> _Several | None:
        several = self._several
        if several is None or now - several.at > _STAY_SECONDS or several.at - several.since < _SETTLE_SECONDS:
            return None
        return several


def _around(image: Frame, pose: Pose) -> Frame:
    size = (image.shape[1], image.shape[0])
    left, top, right, bottom = box_of(pose, size).pixels(size)
    return np.ascontiguousarray(image[top:bottom, left:right])
