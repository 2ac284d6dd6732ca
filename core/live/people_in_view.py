"""Several people in view of a live stream: who they are, to choose from, and who of them is followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from core.live.frame_analyzer import AnalyzedPicture
from core.pose import skeleton
from core.pose.person_selection import Listed
from core.types import Frame, Pose

MARK_SECONDS: Final = 2.0
"""How long whoever is followed anew is marked."""

_SETTLE_SECONDS: Final = 0.6
"""Somebody who passes by is nobody to choose."""
_STAY_SECONDS: Final = 2.0
"""How long the choice stays after somebody was in view last, so that it does not come and go."""
_PORTRAIT: Final = 1.1
"""Half the side of a portrait, in lengths of the trunk."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """Somebody in view, and a picture of them."""

    one: Listed
    image: Frame


@dataclass(frozen=True, slots=True)
class _Several:
    """The last picture that showed several people: when it came, and since when there are several (monotonic seconds)."""

    seen: AnalyzedPicture
    at: float
    since: float


class PeopleInView:
    """Who is in view. Takes in pictures in one thread; any thread may ask."""

    def __init__(self) -> None:
        self._several: _Several | None = None
        self._followed: int | None = None
        self._changed_at = float("-inf")

    def take_in(self, seen: AnalyzedPicture, at: float) -> None:
        """Note who is in the next picture that was looked at, which came ``at`` a monotonic clock."""
        if not seen.looked:
            return
        before = self._several
        if len(seen.listed) > 1:
            self._several = _Several(seen, at, at if before is None else before.since)
        elif before is not None and at - before.at > _STAY_SECONDS:
            self._several = None
        followed = next((one.number for one in seen.listed if one.followed), None)
        if followed is not None and followed != self._followed:
            # of somebody alone it goes without saying
            if self._followed is not None and self._settled() is not None:
                self._changed_at = at
            self._followed = followed

    def portraits(self) -> list[Portrait]:
        """Whom there is to choose, those known longest first; nobody where there is no choice."""
        several = self._settled()
        if several is None:
            return []
        return [Portrait(one, _portrait(several.seen.image, one.pose)) for one in several.seen.listed]

    def marks(self, at: float) -> bool:
        """Whether to mark whoever is followed, in a picture that came then."""
        return 0.0 <= at - self._changed_at < MARK_SECONDS

    def _settled(self) -> _Several | None:
        several = self._several
        return None if several is None or several.at - several.since < _SETTLE_SECONDS else several


def _portrait(image: Frame, pose: Pose) -> Frame:
    """A square from the head to the waist, or what of it is in the picture."""
    shoulders, hips = (pose.xy[list(pair)].mean(axis=0) for pair in (skeleton.SHOULDERS, skeleton.HIPS))
    middle = (pose.xy[skeleton.NOSE] + 2 * shoulders) / 3
    half = max(_PORTRAIT * float(np.hypot(*(shoulders - hips))), 8.0)
    height, width = image.shape[:2]
    left, top = (int(np.clip(at - half, 0, most - 1)) for at, most in zip(middle, (width, height), strict=True))
    right, bottom = (round(at + half) for at in middle)
    return np.ascontiguousarray(image[top : max(bottom, top + 1), left : max(right, left + 1)])
