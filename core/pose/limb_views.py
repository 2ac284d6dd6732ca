"""How arms, legs and trunk were seen in footage: how they were bent, how much they pointed at the camera or away from it.

A limb that the footage shows somewhere can be turned in the picture and still look right, so its direction counts for less
than its foreshortening. What is asked beyond that is drawn towards the nearest that was seen, as far as it is too far away.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from core.pose.bones import PLACE, TRUNK, Vectors
from core.pose.turns import Array


class Limb(NamedTuple):
    """``bones`` by their place in ``BONES``, ``tips`` what turns along with the last of them; ``tolerance`` in shares of a bone,
    up to which a limb looks like one that was seen."""

    bones: tuple[int, ...]
    tips: tuple[int, ...]
    tolerance: float


def _limb(start: int, middle: int, end: int, tips: tuple[int, ...], tolerance: float) -> Limb:
    return Limb((PLACE[start, middle], PLACE[middle, end]), tuple(PLACE[end, tip] for tip in tips), tolerance)


LIMBS: Final = (
    _limb(11, 13, 15, (17, 19, 21), 0.4),
    _limb(12, 14, 16, (18, 20, 22), 0.4),
    _limb(23, 25, 27, (), 0.4),
    _limb(24, 26, 28, (), 0.4),
    Limb((TRUNK,), (), 0.25),
)

LEGS: Final = (2, 3)
"""Places of the legs in :data:`LIMBS`."""

_LENGTH, _TOWARDS, _DIRECTION, _BEND = 1.0, 0.5, 0.35, 0.5
"""Weights of: length in the picture, pointing at the camera or away, direction in the picture, how it is bent there."""
_LIKE: Final = 0.15
_AT_ONCE: Final = 512
_WAYS: Final = 16
_MOST_BENT: Final = np.radians(100)
"""By how much a limb of a photo may be bent otherwise than it is seen there."""
_MOST: Final = 2000
"""Frames to compare with; of longer footage some are left out, evenly: the ones beside them are alike."""


def _in_plane() -> Vectors:
    """(N, 2, 3): a limb across the line of sight, turned and bent any way."""
    angles = np.arange(_WAYS) * (2 * np.pi / _WAYS)
    ways = np.stack([np.cos(angles), np.sin(angles), np.zeros(_WAYS)], axis=1)
    upper, lower = np.divmod(np.arange(_WAYS * _WAYS), _WAYS)
    return np.stack([ways[upper], ways[lower]], axis=1)


_IN_PLANE: Final = _in_plane()


def _bent_alike(views: Vectors, seen: Vectors) -> Vectors:
    """Those of ``views`` (N, 2, 3) that are bent in the picture about as one that was seen: others come out with two elbows."""
    bends = [
        (limb[:, 1, 0] + 1j * limb[:, 1, 1]) / (limb[:, 0, 0] + 1j * limb[:, 0, 1] + 1e-6) for limb in (views, seen)
    ]
    apart = np.abs(np.angle(bends[0][:, None] * np.conj(bends[1])))
    return np.asarray(views[apart.min(axis=1) <= _MOST_BENT])


class LimbViews:
    """What was seen of one limb.

    Args:
        limb: which one.
        vectors: (N, bones, 3) of the footage's poses.
        lengths: (N, bones) how long those are in the picture at most.
        photos: whether the footage is some photos, which show a limb once or twice: it may be turned and bent in the picture.
    """

    def __init__(self, limb: Limb, vectors: Vectors, lengths: Array, *, photos: bool = False) -> None:
        self._limb = limb
        few = slice(None, None, -(-len(vectors) // _MOST))
        self._seen = _upright(vectors[few], lengths[few], limb)
        if photos and TRUNK not in limb.bones:
            self._seen = np.concatenate([self._seen, _bent_alike(_IN_PLANE, self._seen)])
        self._traits = _traits(self._seen)

    def towards(self, vectors: Vectors, lengths: Array) -> tuple[Vectors, Array]:
        """By how much to change the bones of poses, (N, bones of the limb, 3) pixels, and how far each is from what was seen.

        The latter is (N,) in shares of a bone, beyond what is tolerated.
        """
        changes, beyond = [], []
        for first in range(0, len(vectors), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            change, far = self._nearer(vectors[some], lengths[some])
            changes.append(change)
            beyond.append(far)
        return np.concatenate(changes), np.concatenate(beyond)

    def _nearer(self, vectors: Vectors, lengths: Array) -> tuple[Vectors, Array]:
        asked = _upright(vectors, lengths, self._limb)
        traits = _traits(asked)
        squares = (traits**2).sum(1)[:, None] - 2 * traits @ self._traits.T + (self._traits**2).sum(1)
        nearest = np.sqrt(np.maximum(squares.min(axis=1), 0.0))
        beyond = np.maximum(nearest - self._limb.tolerance, 0.0)
        if not beyond.any():
            return np.zeros_like(asked), beyond
        weight = np.exp((squares.min(axis=1, keepdims=True) - squares) / (2 * _LIKE**2))
        weight /= weight.sum(axis=1, keepdims=True)
        seen = (weight @ self._seen.reshape(len(self._seen), -1)).reshape(asked.shape)
        # means of directions are too short
        usual = weight @ np.linalg.norm(self._seen, axis=2)
        seen *= (usual / np.maximum(np.linalg.norm(seen, axis=2), 1e-3))[..., None]
        share = (beyond / np.maximum(nearest, 1e-6))[:, None, None]
        change = share * (seen - asked)
        if TRUNK not in self._limb.bones:
            change = _rotated(change, _tilt(vectors))
        return change * lengths[:, list(self._limb.bones), None], beyond


def with_changes(vectors: Vectors, limb: Limb, change: Vectors) -> Vectors:
    """The bones after those of one limb were changed; hands turn with the forearm."""
    result = vectors.copy()
    result[:, list(limb.bones)] += change
    if limb.tips:
        last = limb.bones[-1]
        turn = _units(result[:, last]) - _units(vectors[:, last])
        for tip in limb.tips:
            result[:, tip] += np.linalg.norm(vectors[:, tip], axis=1)[:, None] * turn
    return result


def _units(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6))


def _tilt(vectors: Vectors) -> Array:
    """(N,) by how much each trunk leans in the picture, radians; 0 where it points at the camera."""
    x, y, z = vectors[:, TRUNK].T
    flat = np.hypot(x, y)
    return np.where(flat > 0.3 * np.abs(z), np.arctan2(x, -y), 0.0)


def _rotated(bones: Vectors, angles: Array) -> Vectors:
    """Bones turned in the picture by ``angles`` (N,)."""
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    x, y, z = np.moveaxis(bones, 2, 0)
    return np.stack([x * cos - y * sin, x * sin + y * cos, z], axis=2)


def _upright(vectors: Vectors, lengths: Array, limb: Limb) -> Vectors:
    """The limb's bones in shares of their lengths, as if the trunk stood upright; the trunk's own as it is."""
    bones = list(limb.bones)
    shares = vectors[:, bones] / lengths[:, bones, None]
    return np.asarray(shares) if TRUNK in limb.bones else _rotated(shares, -_tilt(vectors))


def _traits(shares: Vectors) -> Array:
    """(N, traits) numbers whose distance says how unlike two views of the limb are."""
    flat = shares[..., :2]
    columns = [
        _LENGTH * np.linalg.norm(flat, axis=2),
        _TOWARDS * shares[..., 2],
        _DIRECTION * flat.reshape(len(flat), -1),
    ]
    if shares.shape[1] == 2:
        first, second = flat[:, 0], flat[:, 1]
        cross = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
        columns.append(_BEND * np.stack([cross, (first * second).sum(axis=1)], axis=1))
    return np.concatenate(columns, axis=1)
