"""Keeping the performer inside the picture of his own stage: his path across it is narrowed and eased, he is not scaled.

A source whose camera moves along carries its dancer far to one side. Files know the whole path of a shot and shrink it towards
the place that is the performer's own, by one factor, so that planted feet slide no more than that asks, as far as his body
needs with its arms; what an arm needs on top that is stretched out as it seldom is, is given for that moment. Live streams push
him back as he reaches the edge and let him return slowly. Nobody sinks below the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import ndimage

from core.pose import skeleton
from core.pose.turns import Array, smooth_in_time

_MARGIN: Final = 0.12
"""Torso lengths that a body reaches beyond its landmarks."""
_REACHES: Final = (50, 90)
"""Percentiles over time of how far a body reaches to one side, arms included. A path that has no room for the first is narrowed
until the body is inside but seldom, at most until there is room for the second everywhere."""
_SELDOM: Final = 0.1
"""Share of the frames in which an arm may need more than that."""
_TRIES: Final = 9
_EASE: Final = 0.15
_REACH: Final = 3 * _EASE
_PUSH, _RETURN = 0.06, 1.0
"""Seconds in which a live stream gives way to the edge, and in which it comes back."""


class InsideStage:
    """Keeps bodies between the left and the right edge of a picture, and above the lower one.

    Args:
        width: of the picture, in pixels.
        centre: x where the performer usually is.
        torso: the performer's torso length in pixels.
        height: of the picture; None where whatever is below it stays there.
    """

    def __init__(self, width: int, centre: float, torso: float, height: int | None = None) -> None:
        self._width = width
        self._low, self._high = _MARGIN * torso, width - _MARGIN * torso
        self._floor = np.inf if height is None else height - _MARGIN * torso / 2
        self._centre = centre

    def kept_inside(self, tracks: Sequence[Array], clocks: Sequence[Array]) -> list[Array]:
        """The bodies of one shot, moved; all of it is known.

        Args:
            tracks: (N, 33, 4) landmarks for each of the stretches in which somebody is there.
            clocks: (N,) seconds for each.
        """
        if not tracks:
            return []
        left, x, right = np.concatenate([_sides(track) for track in tracks], axis=1)
        parts = np.split(self._narrowed(left, x, right), np.cumsum([len(track) for track in tracks])[:-1])
        return [self._moved(*of) for of in zip(tracks, parts, clocks, strict=True)]

    def _moved(self, track: Array, shifts: Array, seconds: Array) -> Array:
        """Bodies moved to the right by ``shifts``, and by what they need on top to be inside."""
        left, _, right = _sides(track) + shifts
        need = self._need(left, right)
        moved = track.copy()
        eased = _eased(np.maximum(need, 0), seconds) - _eased(np.maximum(-need, 0), seconds)
        moved[..., 0] += (shifts + eased)[:, None]
        return self.above_the_edge(moved)

    def above_the_edge(self, track: Array) -> Array:
        """The bodies (N, 33, 4), those lifted that would sink below the picture."""
        sunk = np.maximum(track[..., 1].max(axis=1) - self._floor, 0.0)
        if not sunk.any():
            return track
        lifted = track.copy()
        lifted[..., 1] -= sunk[:, None]
        return lifted

    def _narrowed(self, left: Array, x: Array, right: Array) -> Array:
        """Shifts that shrink the path of the hips ``x`` by one factor, so that bodies are inside but for some moments."""
        (_, most), (centre, least) = (
            self._factor(x, float(np.percentile(x - left, share)), float(np.percentile(right - x, share)))
            for share in _REACHES
        )
        shifts = np.zeros_like(x)
        if most == 1:
            return shifts
        for factor in np.linspace(most, least, _TRIES):
            shifts = (factor - 1) * (x - centre)
            if np.mean(self._need(left + shifts, right + shifts) != 0) <= _SELDOM:
                break
        return shifts

    def _factor(self, x: Array, left: float, right: float) -> tuple[float, float]:
        """Around where, and by what, to shrink a path until a body that reaches so far to both sides is inside everywhere."""
        low, high = self._low + left, self._high - right
        if low > high:
            low = high = (low + high) / 2
        centre = float(np.clip(self._centre, low, high))
        away = x - centre
        room = np.where(away > 0, high - centre, centre - low)
        return centre, float(np.min(np.where(np.abs(away) > room, room / np.maximum(np.abs(away), 1e-6), 1.0)))

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
        shift = before + (need - before) * (1 - float(np.exp(-span / (_PUSH if pushed else _RETURN))))
        # however fast it comes, the edge itself holds
        least, most = sorted((-float(landmarks[:, 0].min()), self._width - float(landmarks[:, 0].max())))
        return min(max(shift, least), most)


def _sides(track: Array) -> Array:
    """(3, N) x of the leftmost landmark, of the middle of the hips and of the rightmost landmark of each body."""
    x = track[..., 0]
    return np.stack([x.min(axis=1), x[:, list(skeleton.HIPS)].mean(axis=1), x.max(axis=1)])


def _eased(need: Array, seconds: Array) -> Array:
    """A smooth curve that is nowhere below ``need`` (N,)."""
    if not need.any():
        return need
    spacing = float(np.median(np.diff(seconds))) if len(seconds) > 1 else 1.0
    reach = 2 * int(np.ceil(_REACH / max(spacing, 1e-3))) + 1
    return smooth_in_time(ndimage.grey_dilation(need, reach, mode="nearest"), seconds, _EASE)
