"""A body as bones in space: vectors in pixels whose depth is told in the same measure as width and height.

MediaPipe's depth is too large, by a factor that differs from bone to bone. For limbs it serves for the sign alone: how deep a
bone points is what is missing of its length in the picture. Any change of bones is carried back to landmarks as a difference,
so that bones which did not change leave every landmark as it was.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.pose import skeleton
from core.pose.retarget import BodyStatistics
from core.pose.turns import DEPTH, Array, wrapped
from core.types import LANDMARKS

Vectors: TypeAlias = NDArray[np.float64]
"""(N, bones, 3): x to the right, y down, z away from the camera, in pixels; bones in the order of :data:`BONES`."""

PELVIS, NECK, EARS = range(LANDMARKS, LANDMARKS + 3)
"""Middle of the hips, of the shoulders, of the ears."""


class Bone(NamedTuple):
    """From ``start`` to ``end``. ``length`` names its length in :class:`BodyStatistics`, ``times`` that; ``depth`` is the size
    of MediaPipe's depth along it; ``limb`` says that its depth is told by its length."""

    start: int
    end: int
    length: str
    times: float = 1.0
    depth: float = 1 / DEPTH
    limb: bool = False


_LIMB_DEPTH: Final = {"upper_arm": 2.0, "forearm": 2.8, "thigh": 1.3, "shin": 2.7}
"""Medians over the frames of three performers in which a bone seems shorter than half its length."""


def _limbs() -> list[Bone]:
    return [
        Bone(start, end, name, depth=_LIMB_DEPTH[name.partition("_")[2]], limb=True)
        for start, end, name in skeleton.LIMBS
    ]


def _tips() -> list[Bone]:
    names = ("hand", "hand", "foot", "foot")
    return [
        Bone(joint, tip, name) for (joint, tips), name in zip(skeleton.EXTREMITIES, names, strict=True) for tip in tips
    ]


BONES: Final = (
    Bone(PELVIS, NECK, "torso"),
    *(Bone(PELVIS, hip, "hips", 0.5) for hip in skeleton.HIPS),
    *(Bone(NECK, shoulder, "shoulders", 0.5) for shoulder in skeleton.SHOULDERS),
    Bone(NECK, EARS, "neck"),
    *(Bone(EARS, point, "head") for point in skeleton.HEAD),
    *_limbs(),
    *_tips(),
)
"""Those nearer to the hips before those that hang on them."""

PLACE: Final = {(bone.start, bone.end): place for place, bone in enumerate(BONES)}
TRUNK: Final = PLACE[PELVIS, NECK]
FACE: Final = tuple(place for place, bone in enumerate(BONES) if bone.start == EARS)
_SIDES: Final = tuple(place for place, bone in enumerate(BONES) if bone.length in {"hips", "shoulders"})
_START: Final = np.array([bone.start for bone in BONES])
_END: Final = np.array([bone.end for bone in BONES])
_DEPTH: Final = np.array([bone.depth for bone in BONES])
_LIMB: Final = np.array([bone.limb for bone in BONES])
_LEGS: Final = tuple((PLACE[PELVIS, hip], PLACE[hip, hip + 2], PLACE[hip + 2, hip + 4]) for hip in skeleton.HIPS)
_LOWER: Final = frozenset(
    place for place, bone in enumerate(BONES) if bone.start == PELVIS or bone.end in (*skeleton.HIPS, *skeleton.LEGS)
)
"""The trunk, the hips and all that hangs on them."""
_SURE: Final = 0.3
"""Share of a limb's length that it must point away by, as MediaPipe tells, for the sign to count."""
_WIDTHS: Final = (0.75, 1.3)
_ALL_TURNED: Final = np.radians(30.0)
_SIMILAR: Final = np.radians(6.0)


def lengths_of(body: BodyStatistics, grounds: Array) -> Array:
    """(N, bones) lengths in pixels of the bones of somebody who stands on the lines ``grounds`` (N,)."""
    shares = np.array([bone.times * (1.0 if bone.length == "torso" else body.bones[bone.length]) for bone in BONES])
    torsos = np.array([body.torso_at(float(ground)) for ground in grounds])
    return np.asarray(np.maximum(torsos[:, None] * shares, 1e-3))


def bones_of(track: Array, lengths: Array) -> Vectors:
    """The bones of poses.

    Args:
        track: (N, 33, 4) landmarks.
        lengths: (N, bones) see :func:`lengths_of`.
    """
    points = _with_middles(track[..., :3])
    vectors = points[:, _END] - points[:, _START]
    told = vectors[..., 2] / _DEPTH
    missing = np.sqrt(np.maximum(lengths**2 - (vectors[..., :2] ** 2).sum(axis=2), 0.0))
    vectors[..., 2] = np.where(_LIMB, missing * np.tanh(told / (_SURE * lengths)), told)
    return vectors


def turned(vectors: Vectors, lengths: Array, body: Array, face: Array, *, hanging: bool = False) -> Vectors:
    """The bones after the body was turned by ``body`` (N,) radians round the vertical, and the face by ``face`` instead.

    Args:
        hanging: turn what is above the trunk alone: hips and legs are the performer's own, at rest.
    """
    angles = np.repeat(body[:, None], len(BONES), axis=1)
    angles[:, list(FACE)] = face[:, None]
    if hanging:
        angles[:, list(_LOWER)] = 0.0
    cos, sin = np.cos(angles), np.sin(angles)
    x, y, z = np.moveaxis(vectors, 2, 0)
    share = np.minimum(np.abs(wrapped(body)) / _ALL_TURNED, 1.0)[:, None]
    if not hanging:
        z = z + share * _balance(vectors)
    result = np.stack([x * cos - z * sin, y, x * sin + z * cos], axis=2)
    # seen from the side, the width of hips and shoulders is told by depth alone
    sides = [place for place in _SIDES if not (hanging and place in _LOWER)]
    widths = np.linalg.norm(vectors[:, sides][..., [0, 2]], axis=2)
    factor = np.clip(lengths[:, sides] / np.maximum(widths, 1e-3), *_WIDTHS) ** share
    result[:, sides] *= np.stack([factor, np.ones_like(factor), factor], axis=2)
    return np.asarray(result)


def _balance(vectors: Vectors) -> Array:
    """(N, bones) what to add to the depth of legs, so that the trunk is above the feet or between them.

    What is behind whom is the least certain: seen from the side, a body that falls over would come of it.
    """
    feet = np.stack([vectors[:, list(leg), 2].sum(axis=1) for leg in _LEGS])
    trunk = vectors[:, TRUNK, 2] / 2
    missing = np.maximum(trunk - feet.max(axis=0), 0) - np.maximum(feet.min(axis=0) - trunk, 0)
    result = np.zeros(vectors.shape[:2])
    for leg in _LEGS:
        result[:, list(leg[1:])] = missing[:, None] / 2
    return result


class Faces:
    """What a head looks like from each side it was seen from: means over frames of the footage.

    The landmarks of a face that is turned away are guesses, and turning guesses makes no face.

    Args:
        vectors, lengths: of the footage's poses.
        angles: (N,) how far the face is turned in them.
    """

    def __init__(self, vectors: Vectors, lengths: Array, angles: Array) -> None:
        self._angles = angles
        self._shares = (vectors / lengths[..., None])[:, list(FACE)].reshape(len(vectors), -1)

    def put(self, vectors: Vectors, lengths: Array, turns: Array, angles: Array) -> Vectors:
        """The bones with a face as it was seen at ``angles`` (N,), the more the further it was turned (``turns``, N)."""
        apart = wrapped(angles[:, None] - self._angles)
        # relative to the nearest, or all would be nothing where none is near
        nearest = (apart**2).min(axis=1, keepdims=True)
        weight = np.exp((nearest - apart**2) / (2 * _SIMILAR**2))
        weight /= weight.sum(axis=1, keepdims=True)
        face = (weight @ self._shares).reshape(len(vectors), len(FACE), 3) * lengths[:, list(FACE), None]
        share = np.minimum(np.abs(wrapped(turns)) / _ALL_TURNED, 1.0)[:, None, None]
        result = vectors.copy()
        result[:, list(FACE)] += share * (face - result[:, list(FACE)])
        return result


def with_bones(track: Array, before: Vectors, after: Vectors) -> Array:
    """(N, 33, 4) landmarks of poses whose bones were ``before`` and are ``after``; the middle of the hips stays."""
    change = (after - before) * np.stack([np.ones_like(_DEPTH), np.ones_like(_DEPTH), _DEPTH], axis=1)
    moved = np.zeros((len(track), LANDMARKS + 3, 3))
    for place, bone in enumerate(BONES):
        moved[:, bone.end] = moved[:, bone.start] + change[:, place]
    result = track.copy()
    result[..., :3] += moved[:, :LANDMARKS]
    return result


def _with_middles(points: Array) -> Array:
    middles = [points[:, list(pair)].mean(axis=1) for pair in (skeleton.HIPS, skeleton.SHOULDERS, (7, 8))]
    return np.concatenate([points, np.stack(middles, axis=1)], axis=1)
