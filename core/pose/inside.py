"""Keeping the performer inside the picture of his own stage: his path across it is narrowed and eased, he is not scaled.

A source whose camera moves along carries its dancer far to one side. Files know the whole path and shrink it towards the
place that is the performer's own, as far as his body needs; what an outstretched arm needs on top is given for that moment.
Live streams push him back as he reaches the edge and let him return slowly.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import ndimage

from core.pose import skeleton
from core.pose.turns import Array, smooth_in_time

_MARGIN: Final = 0.12
"""Torso lengths that a body reaches beyond its landmarks."""
_EASE: Final = 0.15
_REACH: Final = 3 * _EASE
_PUSH, _RETURN = 0.06, 1.0
"""Seconds in which a live stream gives way to the edge, and in which it comes back."""


class InsideStage:
    """Keeps bodies between the left and the right edge of a picture.

    Args:
        width: of the picture, in pixels.
        centre: x where the performer usually is.
        torso: the performer's torso length in pixels.
    """

    def __init__(self, width: int, centre: float, torso: float) -> None:
        self._low, self._high = _MARGIN * torso, width - _MARGIN * torso
        self._centre = centre

    def shifts(self, track: Array, seconds: Array) -> Array:
        """(N,) pixels to move each body of a sequence to the right; all of it is known.

        Args:
            track: (N, 33, 4) landmarks.
            seconds: (N,) their times.
        """
        x = track[:, list(skeleton.HIPS), 0].mean(axis=1)
        left, right = track[..., 0].min(axis=1), track[..., 0].max(axis=1)
        narrowed = self._narrowed(x, float(np.median(x - left)), float(np.median(right - x)))
        need = self._need(left + narrowed, right + narrowed)
        return narrowed + _eased(np.maximum(need, 0), seconds) - _eased(np.maximum(-need, 0), seconds)

    def _narrowed(self, x: Array, left: float, right: float) -> Array:
        """Shifts that shrink the path of the hips until a body that reaches so far to both sides is inside everywhere."""
        low, high = self._low + left, self._high - right
        if low > high:
            low = high = (low + high) / 2
        centre = float(np.clip(self._centre, low, high))
        away = x - centre
        room = np.where(away > 0, high - centre, centre - low)
        share = float(np.min(np.where(np.abs(away) > room, room / np.maximum(np.abs(away), 1e-6), 1.0)))
        return (share - 1) * away

    def _need(self, left: Array, right: Array) -> Array:
        """The smallest shifts that bring bodies inside, centred where they are wider than the picture."""
        to_right, to_left = np.maximum(self._low - left, 0), np.maximum(right - self._high, 0)
        middle = (self._low + self._high - left - right) / 2
        wide = right - left > self._high - self._low
        return np.asarray(np.where(wide, middle, to_right - to_left))

    def step(self, landmarks: Array, before: float, span: float) -> float:
        """The shift for the next body of a live stream, ``span`` seconds after one that was shifted by ``before``."""
        need = float(self._need(landmarks[:, 0].min(), landmarks[:, 0].max()))
        pushed = need * before < 0 or abs(need) > abs(before)
        return before + (need - before) * (1 - float(np.exp(-span / (_PUSH if pushed else _RETURN))))


def _eased(need: Array, seconds: Array) -> Array:
    """A smooth curve that is nowhere below ``need`` (N,)."""
    if not need.any():
        return need
    spacing = float(np.median(np.diff(seconds))) if len(seconds) > 1 else 1.0
    reach = 2 * int(np.ceil(_REACH / max(spacing, 1e-3))) + 1
    return smooth_in_time(ndimage.grey_dilation(need, reach, mode="nearest"), seconds, _EASE)
