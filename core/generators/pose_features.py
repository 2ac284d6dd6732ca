"""By what a frame of the footage is chosen: the traits that it must share with a pose to be bent into it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.conditioning.pose_encoding import encode, weights
from core.pose import skeleton

_BONES = (*((parent, child) for parent, child, _ in skeleton.LIMBS), skeleton.SHOULDERS, skeleton.HIPS)
_BONE_WORTH = np.array([1.0] * len(skeleton.LIMBS) + [2.0, 2.0], np.float32)
_PLACE_WORTH, _FACE_WORTH, _SPINE_WORTH, _TOUCH_WORTH, _COVER_WORTH = 0.3, 4.0, 2.0, 0.5, 2.0
_DEPTH_WORTH = 0.3
_ARMS = (15, 16, 13, 14)
_TOUCHING = (0.35, 0.4)
_FOREARMS = ((13, 15, 19), (14, 16, 20))
_FACE = (skeleton.NOSE, 7, 8)
_COVERING = 0.3


def traits(landmarks: NDArray[np.float32], unit: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What a frame must share with a pose to be bent into it limb by limb, and what each of it counts.

    Where the joints are matters least, since limbs can be turned. Which way trunk and face look, how far bones point at the
    camera, and whether an arm lies over the trunk or the face cannot be changed in a picture.

    Args:
        landmarks: (..., 33, 4) x, y, z, visibility.
        unit: the performer's torso length in pixels.

    Returns:
        Two (..., 72) float32: values in torso lengths, and weights, visibility included.
    """
    points, seen = landmarks[..., :3] / unit, np.clip(landmarks[..., 3], 0.0, 1.0)
    first, last = [bone[0] for bone in _BONES], [bone[1] for bone in _BONES]
    bones = points[..., last, :] - points[..., first, :]
    depth = np.array([1.0, 1.0, _DEPTH_WORTH], np.float32)
    bone_weights = np.minimum(seen[..., first], seen[..., last])[..., None] * _BONE_WORTH[:, None] * depth
    hips, shoulders = (points[..., list(pair), :2].mean(axis=-2) for pair in (skeleton.HIPS, skeleton.SHOULDERS))
    face = points[..., skeleton.NOSE, :2] - points[..., [7, 8], :2].mean(axis=-2)
    touch, touch_weights = _touches(points[..., :2], seen, (hips + shoulders) / 2, hips)
    cover, cover_weights = _covers(points[..., :2], seen)
    flat = landmarks.shape[:-2]
    values = [encode(landmarks, unit), bones.reshape(*flat, -1), face, shoulders - hips, touch, cover]
    worth = [
        _PLACE_WORTH * weights(landmarks), bone_weights.reshape(*flat, -1), _FACE_WORTH * seen[..., [0, 0]],
        _SPINE_WORTH * seen[..., [11, 11]], _TOUCH_WORTH * touch_weights,
        _COVER_WORTH * cover_weights,
    ]  # fmt: skip
    return np.concatenate(values, axis=-1).astype(np.float32), np.concatenate(worth, axis=-1).astype(np.float32)


def _touches(
    points: NDArray[np.float32], seen: NDArray[np.float32], middle: NDArray[np.float32], hips: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(..., 10) how near wrists and elbows are to the spine, 0 to 1, and they and the fingers to the nose; with weights."""
    spine = (hips - middle)[..., None, :]
    arms = points[..., list(_ARMS), :] - middle[..., None, :]
    along = (arms * spine).sum(axis=-1, keepdims=True) / np.maximum((spine * spine).sum(axis=-1, keepdims=True), 1e-3)
    beside = np.linalg.norm(arms - np.clip(along, -0.7, 0.7) * spine, axis=-1)
    near_face = [*_ARMS, 19, 20]
    before = np.linalg.norm(points[..., near_face, :] - points[..., [skeleton.NOSE], :], axis=-1)
    near = [np.exp(-((apart / size) ** 2)) for apart, size in zip((beside, before), _TOUCHING, strict=True)]
    return np.concatenate(near, axis=-1), seen[..., [*_ARMS, *near_face]]


def _covers(points: NDArray[np.float32], seen: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(..., 2) how much each forearm with its hand lies over the face, 0 to 1; with weights.

    A face that an arm covers is not in the picture: bent to a pose without, it is a smear.
    """
    face = points[..., list(_FACE), :].mean(axis=-2)
    apart = [
        np.minimum(_from_segment(face, points[..., e, :], points[..., w, :]),
                   _from_segment(face, points[..., w, :], points[..., f, :]))
        for e, w, f in _FOREARMS
    ]  # fmt: skip
    return np.exp(-((np.stack(apart, axis=-1) / _COVERING) ** 2)), seen[..., [15, 16]]


def _from_segment(
    point: NDArray[np.float32], start: NDArray[np.float32], end: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(...) how far points (..., 2) are from segments."""
    way = end - start
    share = ((point - start) * way).sum(axis=-1) / np.maximum((way * way).sum(axis=-1), 1e-6)
    return np.asarray(np.linalg.norm(start + np.clip(share, 0, 1)[..., None] * way - point, axis=-1), np.float32)
