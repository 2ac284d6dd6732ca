"""From which sides a body was filmed, and how to turn a dancer so that no other side of the performer is asked for.

Angles are radians round the vertical axis: 0 faces the camera, a quarter turn shows the person's left to the right of the
picture's depth (see :func:`turn_of`). Files choose the whole course of a turn at once, by dynamic programming over a circle of
directions; live streams choose step by step by the same costs, taking the direction asked now to last for a moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

DEPTH: Final = 0.4
"""MediaPipe tells the depth of shoulders, hips and ears about two and a half times too large."""

_STATES: Final = 72
_STEP: Final = 2 * np.pi / _STATES
_CIRCLE: Final = np.arange(_STATES) * _STEP

_NEAR: Final = np.radians(7.5)
_SECONDS: Final = 0.3
"""A direction is known when the footage has this many seconds within ``_NEAR`` of it."""
_GAP: Final = np.radians(40.0)
"""A gap of this width between known directions is filled from both of its sides."""
_BLINK: Final = np.radians(45.0)

_FASTEST: Final = np.radians(240.0)
"""A second, for turns that the dancer does not make: from one end of what is known to the other."""
_HASTE: Final = np.radians(720.0)
"""The same through directions that are not known, which are to be seen as shortly as possible."""
_UNKNOWN: Final = 3.0
_ALL_UNKNOWN: Final = np.radians(30.0)
_MOVE: Final = 0.3
"""What a radian of such a turn costs; being turned away from what is asked costs 1 - cos(angle) a second."""
_FORESIGHT: Final = 0.7
_LOOKS: Final = 10
_EASE: Final = 0.1
"""Seconds over which files round off the corners of a course, and live streams take in a step of it."""


def wrapped(angle: Array) -> Array:
    """The same direction within half a turn of 0."""
    return np.asarray((angle + np.pi) % (2 * np.pi) - np.pi)


_APART: Final = wrapped(_CIRCLE[None, :] - _CIRCLE[:, None])


def turn_of(landmarks: NDArray[np.floating], lefts: Sequence[int], rights: Sequence[int]) -> Array:
    """(N,) how far each body is turned, told by pairs of landmarks (``lefts``, ``rights``) on both of its sides.

    Args:
        landmarks: (N, 33, 4) as in :class:`core.types.Pose`.
    """
    across = (landmarks[:, list(lefts), :3] - landmarks[:, list(rights), :3]).sum(axis=1)
    return np.asarray(np.arctan2(DEPTH * across[:, 2], across[:, 0]), np.float64)


class KnownTurns:
    """The directions that footage shows one part of a body from.

    Args:
        angles: (N,) of the footage's frames in order of time.
        rate: frames a second.
    """

    def __init__(self, angles: Array, rate: float) -> None:
        steady = angles[_steady(angles)]
        apart = np.abs(wrapped(steady[:, None] - _CIRCLE))
        seconds = (apart <= _NEAR).sum(axis=0) / rate
        known = np.flatnonzero(seconds >= min(_SECONDS, 0.5 * float(seconds.max())))
        self._away = np.abs(wrapped(_CIRCLE[_filled(known)][:, None] - _CIRCLE)).min(axis=0)
        self._unknown = _UNKNOWN * np.minimum(self._away / _ALL_UNKNOWN, 1.0)
        self._between = (self._away > 0)[:, None] | (self._away > 0)
        self._ahead: dict[int, Array] = {}

    @property
    def everything(self) -> bool:
        """Whether every direction is known."""
        return not self._away.any()

    def beyond(self, angles: Array) -> Array:
        """How far (radians) each direction is from the nearest one that the footage can show."""
        return np.asarray(np.interp(angles % (2 * np.pi), [*_CIRCLE, 2 * np.pi], [*self._away, self._away[0]]))

    def bring(self, angles: Array, seconds: Array) -> Array:
        """(N,) by how much to turn each body of a sequence, so that it shows a known side, smoothly in time.

        Args:
            angles: (N,) that are asked for.
            seconds: (N,) their times, growing.
        """
        if self.everything or not self.beyond(angles).any():
            return np.zeros(len(angles))
        course = _refined(self._course(angles, seconds), angles)
        turns = smooth_in_time(np.unwrap(wrapped(course - angles)), seconds, _EASE)
        # rounding a corner leads out of what is known, unless the course itself crosses a gap there
        rounded = angles + turns
        away = np.where(self.beyond(course) <= _STEP, self.beyond(rounded), 0.0)
        return turns + np.where(self.beyond(rounded + away) < self.beyond(rounded - away), away, -away)

    def _course(self, angles: Array, seconds: Array) -> NDArray[np.int64]:
        """The cheapest sequence of directions (Viterbi)."""
        near = _nearest(angles)
        spans = np.diff(seconds, prepend=seconds[0] - (seconds[1] - seconds[0] if len(seconds) > 1 else 0.04))
        total = self._stay(near[0]) * spans[0]
        back = np.zeros((len(near), _STATES), np.int64)
        for t in range(1, len(near)):
            step = total[:, None] + self._moving(int(near[t] - near[t - 1]), float(spans[t]))
            back[t] = step.argmin(axis=0)
            total = step[back[t], np.arange(_STATES)] + self._stay(near[t]) * spans[t]
        path = np.empty(len(near), np.int64)
        path[-1] = int(total.argmin())
        for t in range(len(near) - 1, 0, -1):
            path[t - 1] = back[t, path[t]]
        return path

    def _stay(self, asked: int) -> Array:
        """(72,) what a second in each direction costs while ``asked`` is asked for."""
        return np.asarray(1 - np.cos(_CIRCLE - _CIRCLE[asked]) + self._unknown)

    def ahead(self, asked: int) -> Array:
        """(72,) what the next moment costs from each direction, if ``asked`` goes on being asked for."""
        if asked not in self._ahead:
            span = _FORESIGHT / _LOOKS
            moving, stay, total = self._moving(0, span), self._stay(asked) * span, np.zeros(_STATES)
            for _ in range(_LOOKS):
                total = (moving + stay + total).min(axis=1)
            self._ahead[asked] = total
        return self._ahead[asked]

    def _moving(self, asked: int, span: float) -> Array:
        """(72, 72) what it costs to go from one direction to another while what is asked moves by ``asked`` places.

        Staying is free, and so is moving as the dancer does.
        """
        along = float(wrapped(np.array(asked * _STEP)))
        cost = _MOVE * np.minimum(np.abs(_APART), np.abs(wrapped(_APART - along)))
        fastest = np.where(self._between, max(_HASTE * span, abs(along)), max(_FASTEST * span, abs(along)))
        return np.where(np.abs(_APART) <= fastest + 1.01 * _STEP, cost, np.inf)

    def step(self, before: int | None, asked_before: int, asked: int, span: float) -> int:
        """The next direction of a live stream, ``span`` seconds after ``before``; directions by their place on the circle."""
        cost = self._stay(asked) * span + self.ahead(asked)
        if before is not None:
            cost = cost + self._moving(asked - asked_before, span)[before]
        return int(cost.argmin())


class TurnFollower:
    """Brings the directions asked for in one live stream to known ones. State of one stream.

    Args:
        known: what the footage shows.
    """

    def __init__(self, known: KnownTurns) -> None:
        self._known = known
        self.reset()

    def reset(self) -> None:
        """Begin anew at the next direction."""
        self._place: int | None = None
        self._asked = 0
        self._course = 0.0
        self._behind = 0.0
        self._seconds = 0.0

    def step(self, angle: float, seconds: float) -> float:
        """By how much to turn the body that is asked for at ``seconds``."""
        if self._known.everything:
            return 0.0
        asked = int(_nearest(np.array([angle]))[0])
        span = max(seconds - self._seconds, 1e-3)
        began, was = self._place is None, self._place == self._asked
        self._place = self._known.step(self._place, self._asked, asked, span)
        course = float(_refined(np.array([self._place]), np.array([angle]))[0])
        if began:
            self._behind = 0.0
        elif not (was and self._place == asked):
            # a step that the dancer did not make is taken in over a moment
            self._behind += float(wrapped(np.array(self._course - course)))
        self._behind *= float(np.exp(-span / _EASE))
        self._asked, self._course, self._seconds = asked, course, seconds
        return float(wrapped(np.array(course + self._behind - angle)))


def smooth_in_time(values: Array, seconds: Array, sigma: float) -> Array:
    """Gaussian mean over time (axis 0) for any spacing of times; ``sigma`` in seconds."""
    column = (-1, *[1] * (values.ndim - 1))
    total, weight = values.copy(), np.ones(len(seconds))
    for shift in range(1, len(seconds)):
        apart = seconds[shift:] - seconds[:-shift]
        if apart.min() > 3 * sigma:
            break
        kernel = np.exp(-0.5 * (apart / sigma) ** 2) * (apart <= 3 * sigma)
        total[shift:] += kernel.reshape(column) * values[:-shift]
        total[:-shift] += kernel.reshape(column) * values[shift:]
        weight[shift:] += kernel
        weight[:-shift] += kernel
    return np.asarray(total / weight.reshape(column))


def _steady(angles: Array) -> NDArray[np.bool_]:
    """Frames whose direction is like one of the two beside them: an estimator takes a back for a front now and then."""
    if len(angles) < 3:
        return np.ones(len(angles), np.bool_)
    jumps = np.abs(wrapped(np.diff(angles))) < _BLINK
    return np.concatenate([jumps[:1], jumps[1:] | jumps[:-1], jumps[-1:]])


def _filled(known: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places on the circle that are known, and those of narrow gaps between them."""
    following = np.append(known[1:], known[0] + _STATES)
    wide = round(_GAP / _STEP)
    runs = [np.arange(a, b if b - a <= wide else a + 1) for a, b in zip(known, following, strict=True)]
    return np.asarray(np.concatenate(runs) % _STATES)


def _nearest(angles: Array) -> NDArray[np.int64]:
    """Places of directions on the circle."""
    return np.rint(angles / _STEP).astype(np.int64) % _STATES


def _refined(places: NDArray[np.int64], angles: Array) -> Array:
    """The directions at those places, each moved by half a place at most towards what is asked."""
    course = _CIRCLE[places]
    return np.asarray(course + np.clip(wrapped(angles - course), -_STEP / 2, _STEP / 2))
