"""Left and right that change places for a moment: a back taken for a front, a leg for the other one.

No body jumps into its mirror image between two frames and back a moment later. Each frame is taken as it was found or with left
and right exchanged, whichever moves less from frame to frame; being exchanged costs something for every second, so that whoever
stays turned round is believed. Files weigh the whole course (Viterbi), live streams what was seen so far.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.pose import skeleton

_MIRRORED: Final = np.array(
    [0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9, *(i + (1 if i % 2 else -1) for i in range(11, 33))], np.intp
)
"""For each landmark its fellow on the other side."""
_WATCHED: Final = np.array([i for i in skeleton.JOINTS if i != skeleton.NOSE], np.intp)
_SECOND: Final = 1.5
"""Torso lengths, on the average of the joints, that a second of being exchanged costs."""
_CHANGE: Final = 0.05
"""The same, of each change."""


def with_sides_kept(track: NDArray[np.float32], seconds: NDArray[np.float64], torso: float) -> NDArray[np.float32]:
    """The landmarks of a whole run with left and right exchanged where they were for a moment.

    Args:
        track: (N, 33, 4); it is returned itself where there is nothing to exchange.
        seconds: (N,) times of the frames.
        torso: length in pixels.
    """
    straight, crossed = _steps(track, torso)
    spans = np.diff(seconds, prepend=seconds[0])
    costs, came = np.array([0.0, 0.0]), np.zeros((len(track), 2), np.intp)
    for i in range(1, len(track)):
        costs, came[i] = _weighed(costs, float(straight[i - 1]), float(crossed[i - 1]), float(spans[i]))
    exchanged = np.zeros(len(track), np.bool_)
    state = int(costs.argmin())
    for i in range(len(track) - 1, -1, -1):
        exchanged[i] = state
        state = int(came[i, state])
    if not exchanged.any():
        return track
    return np.where(exchanged[:, None, None], track[:, _MIRRORED], track)


class Sides:
    """Keeps left and right of one live stream. State of one stream."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None
        self._costs = np.zeros(2)
        self._seconds = 0.0

    def step(self, landmarks: NDArray[np.float32], seconds: float, torso: float) -> NDArray[np.float32]:
        """The next landmarks (33, 4), exchanged for as long as they look like the mirror image of those before.

        Args:
            torso: length in pixels.
        """
        if self._last is not None:
            straight, crossed = _steps(np.stack([self._last, landmarks]), torso)
            span = seconds - self._seconds
            self._costs, _ = _weighed(self._costs, float(straight[0]), float(crossed[0]), span)
            self._costs = self._costs - self._costs.min()
        else:
            self._costs = np.array([0.0, _CHANGE])
        self._last, self._seconds = landmarks, seconds
        return landmarks[_MIRRORED] if self._costs[1] < self._costs[0] else landmarks


def _steps(track: NDArray[np.float32], torso: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N - 1,) twice: how far the joints go from frame to frame, in torso lengths, and how far to the next mirror image."""
    places = track[:, _WATCHED, :2].astype(np.float64)
    mirrored = track[:, _MIRRORED[_WATCHED], :2]
    straight, crossed = places[1:] - places[:-1], mirrored[1:] - places[:-1]
    near, far = (np.linalg.norm(step, axis=2).mean(axis=1) / torso for step in (straight, crossed))
    return near, far


def _weighed(
    costs: NDArray[np.float64], straight: float, crossed: float, span: float
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """What it costs to have come to the next frame as it was found, and exchanged; and from which of the two."""
    change = crossed + _CHANGE
    ways = costs + np.array([[straight, change], [change, straight]])
    came = ways.argmin(axis=1)
    return ways.min(axis=1) + np.array([0.0, _SECOND * span]), came
