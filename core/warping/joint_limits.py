"""How far a person's joints in a picture can be moved towards another pose.

No frame of anybody's footage has exactly the pose that is asked for. :func:`reachable` moves the person's own joints as far
towards the asked ones as a flat picture can follow without turning to rubber: along the bones from the hips outwards, every
bone turned and stretched within :class:`Bounds`. Points are complex numbers x + iy here: a turn with a stretch is one
multiplication.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.pose import skeleton

Landmarks: TypeAlias = NDArray[np.float32]
"""(33, 4): x, y, z in pixels, visibility."""

Points: TypeAlias = NDArray[np.complex128]
"""(40,): the 33 landmarks and the seven below, x + iy in pixels."""

PELVIS, CHEST, FACE, LEFT_HAND, RIGHT_HAND, CROWN, WAIST = range(33, 40)


_WAIST: Final = 0.25
"""Where along the spine the trunk begins that does not follow the thighs."""

_TANGLED: Final = (0.15, 0.45)
"""Torso lengths from an arm to the face or the other arm: where it does not turn at all, and from where on it is free."""

_LEFT_ARM: Final = (13, 15, LEFT_HAND)
_RIGHT_ARM: Final = (14, 16, RIGHT_HAND)


@dataclass(frozen=True, slots=True)
class Bound:
    """How far one bone may go: ``turn`` in degrees to either side, ``stretch`` as a factor of its length."""

    turn: float
    stretch: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far each kind of bone may go from where it is in the picture."""

    spine: Bound = Bound(30, (0.75, 1.25))
    girdle: Bound = Bound(20, (0.7, 1.35))
    neck: Bound = Bound(25, (0.8, 1.2))
    head: Bound = Bound(20, (0.95, 1.05))
    arm: Bound = Bound(50, (0.7, 1.4))
    forearm: Bound = Bound(60, (0.7, 1.4))
    thigh: Bound = Bound(42, (0.7, 1.4))
    shin: Bound = Bound(42, (0.7, 1.4))
    foot: Bound = Bound(30, (0.75, 1.3))


BOUNDS: Final = Bounds()

_LIMB_BONES: Final = (
    (11, 13, "arm", 0.55), (13, 15, "forearm", 0.5), (12, 14, "arm", 0.55), (14, 16, "forearm", 0.5),
    (23, 25, "thigh", 0.8), (25, 27, "shin", 0.78), (24, 26, "thigh", 0.8), (26, 28, "shin", 0.78),
)  # fmt: skip
"""Parent, child, its bound, and its usual length in torso lengths."""


def points_of(landmarks: Landmarks) -> Points:
    """The 40 points of a pose."""
    points = np.empty(40, np.complex128)
    points[:33] = landmarks[:, 0] + 1j * landmarks[:, 1].astype(np.float64)
    points[PELVIS] = (points[23] + points[24]) / 2
    points[CHEST] = (points[11] + points[12]) / 2
    points[WAIST] = points[PELVIS] + _WAIST * (points[CHEST] - points[PELVIS])
    points[FACE] = points[list(skeleton.HEAD)].mean()
    points[LEFT_HAND] = points[15] + 0.65 * (points[17] + points[19] - 2 * points[15])
    points[RIGHT_HAND] = points[16] + 0.65 * (points[18] + points[20] - 2 * points[16])
    points[CROWN] = points[FACE] + 0.6 * (points[7] + points[8] - points[9] - points[10])
    return points


def reachable(own: Landmarks, asked: Landmarks, unit: float, bounds: Bounds = BOUNDS) -> Points:
    """The person's own points, moved as far towards the asked pose as ``bounds`` let them.

    Args:
        own: the pose in the picture, already moved and scaled to where the person is to stand.
        asked: the pose to show.
        unit: the person's torso length in pixels.
    """
    return _Reach(own, asked, unit, bounds).points()


class _Reach:
    """The walk along the bones, from the hips outwards."""

    def __init__(self, own: Landmarks, asked: Landmarks, unit: float, bounds: Bounds) -> None:
        self._own, self._asked = points_of(own), points_of(asked)
        self._seen = _faith(own[:, 3]) * _faith(asked[:, 3])
        self._unit = unit
        self._bounds = bounds
        self._at = self._own.copy()

    def points(self) -> Points:
        self._trunk()
        self._head()
        left, right = self._free(_LEFT_ARM, _RIGHT_ARM), self._free(_RIGHT_ARM, _LEFT_ARM)
        free = {13: left, 15: left, 14: right, 16: right}
        for parent, child, kind, length in _LIMB_BONES:
            bound: Bound = getattr(self._bounds, kind)
            trust = self._trust(parent, child) * free.get(child, 1.0)
            self._at[child] = self._at[parent] + self._moved(parent, child, bound, 0.4 * length, trust)
        self._hand(13, 15, (17, 19, 21, LEFT_HAND))
        self._hand(14, 16, (18, 20, 22, RIGHT_HAND))
        self._foot(27, 29, 31)
        self._foot(28, 30, 32)
        return self._at + self._left_over()

    def _free(self, arm: Sequence[int], other: Sequence[int]) -> float:
        """0 for an arm that lies over the face or the other arm, where no cut parts them, 1 for one that is clear of both."""
        apart = float(np.abs(self._own[list(arm)][:, None] - self._own[[FACE, *other]]).min())
        return min(max((apart / self._unit - _TANGLED[0]) / (_TANGLED[1] - _TANGLED[0]), 0.0), 1.0)

    def _trunk(self) -> None:
        spine = self._moved(PELVIS, CHEST, self._bounds.spine, 0.6, self._trust(11, 12, 23, 24))
        self._at[PELVIS] = self._asked[PELVIS]
        self._at[WAIST], self._at[CHEST] = self._at[PELVIS] + _WAIST * spine, self._at[PELVIS] + spine
        self._girdle(PELVIS, skeleton.LEFT_HIP, skeleton.RIGHT_HIP)
        self._girdle(CHEST, skeleton.LEFT_SHOULDER, skeleton.RIGHT_SHOULDER)

    def _trust(self, *joints: int) -> float:
        return float(self._seen[list(joints)].min())

    def _moved(self, parent: int, child: int, bound: Bound, long_enough: float, trust: float) -> complex:
        """The own bone as near to the asked one as it may go; ``long_enough`` in torso lengths to have a direction."""
        own = complex(self._own[child] - self._own[parent])
        asked = complex(self._asked[child] - self._asked[parent])
        return own * _change(own, asked, bound, long_enough * self._unit, trust)

    def _girdle(self, middle: int, left: int, right: int) -> None:
        own = complex(self._own[left] - self._own[right]) / 2
        asked = complex(self._asked[left] - self._asked[right]) / 2
        half = own * _change(own, asked, self._bounds.girdle, 0.12 * self._unit, self._trust(left, right))
        self._at[left], self._at[right] = self._at[middle] + half, self._at[middle] - half

    def _head(self) -> None:
        head = [*skeleton.HEAD]
        centre = self._at[CHEST] + self._moved(CHEST, FACE, self._bounds.neck, 0.2, self._trust(0, 11, 12))
        own, asked = self._own[head] - self._own[FACE], self._asked[head] - self._asked[FACE]
        # the turn that fits best; where the two look different ways nothing fits well, and the head turns less
        fit = complex(np.vdot(own, asked)) / max(float(np.vdot(own, own).real), 1e-6)
        turn = _change(1.0, fit, self._bounds.head, 0.7, self._trust(0))
        for point in (*head, CROWN):
            self._at[point] = centre + (self._own[point] - self._own[FACE]) * turn
        self._at[FACE] = centre

    def _hand(self, elbow: int, wrist: int, parts: Sequence[int]) -> None:
        """Hands go with the forearm: their own landmarks are too restless to turn them by."""
        turn = _direction(complex(self._at[wrist] - self._at[elbow])) / _direction(
            complex(self._own[wrist] - self._own[elbow])
        )
        for part in parts:
            self._at[part] = self._at[wrist] + (self._own[part] - self._own[wrist]) * turn

    def _foot(self, ankle: int, heel: int, toes: int) -> None:
        own = complex(self._own[toes] - self._own[heel])
        asked = complex(self._asked[toes] - self._asked[heel])
        turn = _change(own, asked, self._bounds.foot, 0.15 * self._unit, self._trust(heel, toes))
        for part in (heel, toes):
            self._at[part] = self._at[ankle] + (self._own[part] - self._own[ankle]) * turn

    def _left_over(self) -> complex:
        """What the whole body still has to move so that it stands where the asked one stands."""
        feet = list(skeleton.FEET)
        floor = float(self._asked[feet].imag.max() - self._at[feet].imag.max())
        aside = float((self._asked[feet] - self._at[feet]).real.mean()) / 2
        return complex(aside, floor)


def _faith(visibility: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much a landmark takes part: all from 0.6 on, not at all below 0.2."""
    return np.asarray(np.clip((visibility - 0.2) / 0.4, 0.0, 1.0), np.float32)


def _direction(bone: complex) -> complex:
    length = abs(bone)
    return bone / length if length > 1e-3 else 1.0 + 0j


def _change(own: complex, asked: complex, bound: Bound, long_enough: float, trust: float) -> complex:
    """The factor, turn and stretch, that brings ``own`` towards ``asked`` within ``bound``."""
    short = min(abs(own), abs(asked))
    if short < 1e-3 or not math.isfinite(abs(asked)):
        return 1.0 + 0j
    # a bone that points at the camera has no direction in the picture
    clear = trust * min(short / long_enough, 1.0)
    turn = clear * _within(cmath.phase(asked / own), math.radians(bound.turn))
    stretch = min(max(abs(asked) / abs(own), bound.stretch[0]), bound.stretch[1])
    return cmath.rect(stretch**trust, turn)


def _within(angle: float, most: float) -> float:
    """``angle`` up to ``most``; from there back to nothing at half a turn, so that no limb flips from one side to the other."""
    size = abs(angle)
    if size > most:
        size = most * (math.pi - size) / (math.pi - most)
    return math.copysign(size, angle)
