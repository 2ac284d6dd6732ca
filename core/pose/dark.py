"""Pictures taken in the dark: made readable for the pose networks alone, and left told from right where noise mistakes them."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.pose import skeleton
from core.types import Frame, Pose

_DARK: Final = 100.0
"""Level below which nearly everything in a dark picture lies."""
_LIFTED: Final = 120.0
_MOST_GAIN: Final = 4.0
_SIGMA: Final = 1.5 / 640
"""Of the blur that takes the noise out, in longer sides of the picture. Averaging over time smears a dancer instead."""
_EVERY: Final = 8
_HELD_SECONDS: Final = 0.3
_FORGET_SECONDS: Final = 0.5
_NEARER: Final = 0.7
_OTHER_SIDE: Final = np.array(
    [0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9, *(i + 1 if i % 2 else i - 1 for i in range(11, 33))], np.int64
)
"""The landmark on the other side, for each."""
_WHOLE: Final = (0, 0)


def readable(image: Frame) -> tuple[Frame, bool]:
    """Return the picture as people are to be looked for in it, and whether it is a dark one: those are denoised, then lifted."""
    top = float(np.percentile(image[::_EVERY, ::_EVERY].max(axis=2), 98))
    if top >= _DARK:
        return image, False
    sigma = _SIGMA * max(image.shape[:2])
    # the noise first: lifted with it, a picture is worse than a dark one
    calm = cv2.GaussianBlur(image, (0, 0), sigma) if sigma >= 0.3 else image
    return np.asarray(cv2.convertScaleAbs(calm, alpha=min(_LIFTED / max(top, 1.0), _MOST_GAIN)), np.uint8), True


class SideHold:
    """Keeps left and right of one person for as long as a change of sides does not last. Holds state: one for each person."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the person."""
        self._last: NDArray[np.float32] | None = None
        self._seen_at = 0.0
        self._since: dict[tuple[int, int], float] = {}

    def held(self, pose: Pose, seconds: float) -> Pose:
        """Return the next pose with the sides that the one before had, unless it has had others for .3 seconds."""
        landmarks, before = pose.landmarks, self._last
        if before is None or seconds - self._seen_at > _FORGET_SECONDS:
            self._since = {}
        else:
            landmarks = self._like(before, landmarks, seconds)
        self._last, self._seen_at = landmarks, seconds
        return Pose(landmarks, pose.colours)

    def _like(self, before: NDArray[np.float32], landmarks: NDArray[np.float32], seconds: float) -> NDArray[np.float32]:
        """Landmarks with the sides of those before, as far as they have had others for a moment only."""
        if _is_swapped(landmarks, before):
            if not self._is_new(_WHOLE, seconds):
                self._since = {}
                return landmarks
            landmarks = landmarks[_OTHER_SIDE]
        else:
            self._since.pop(_WHOLE, None)
        # seen from the side, a trunk changes its sides on its own
        for pair in (skeleton.SHOULDERS, skeleton.HIPS):
            left, right = pair
            across, across_before = landmarks[left, :2] - landmarks[right, :2], before[left, :2] - before[right, :2]
            if across @ across_before >= 0:
                self._since.pop(pair, None)
            elif self._is_new(pair, seconds):
                landmarks = landmarks.copy()
                landmarks[[left, right]] = landmarks[[right, left]]
            else:
                del self._since[pair]
        return landmarks

    def _is_new(self, what: tuple[int, int], seconds: float) -> bool:
        """Whether something that has changed its sides has done so for less than .3 seconds."""
        return seconds - self._since.setdefault(what, seconds) < _HELD_SECONDS - 1e-6


def _is_swapped(now: NDArray[np.float32], before: NDArray[np.float32]) -> bool:
    """Whether landmarks with their sides changed are much nearer to those before; who turns round passes through both alike."""
    apart, swapped = (
        float(np.linalg.norm((points - before)[:, :2], axis=1).mean()) for points in (now, now[_OTHER_SIDE])
    )
    return swapped < _NEARER * apart
