"""Poses set by hand: from the thirteen joints that somebody marked in a picture to all that a pose has."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.errors import UnusableInput
from core.pose import skeleton
from core.types import LANDMARKS, Pose

TITLES: Final = (
    "Nose", "Left shoulder", "Right shoulder", "Left elbow", "Right elbow", "Left wrist", "Right wrist", "Left hip", "Right hip",
    "Left knee", "Right knee", "Left ankle", "Right ankle",
)  # fmt: skip
"""Of :data:`core.pose.skeleton.JOINTS`, for people; left and right are those of whoever is in the picture."""

BONES: Final = (
    (0, 1),
    (0, 2),
    (1, 2),
    (1, 3),
    (3, 5),
    (2, 4),
    (4, 6),
    (1, 7),
    (2, 8),
    (7, 8),
    (7, 9),
    (9, 11),
    (8, 10),
    (10, 12),
)
"""Pairs of them that a line joins."""

Joints = NDArray[np.float64]
"""(13, 2): x and y in shares of the picture's width and height."""

_STANDING: Final = (
    (0.0, -2.55), (0.38, -2.0), (-0.38, -2.0), (0.62, -1.35), (-0.62, -1.35), (0.78, -0.75), (-0.78, -0.75),
    (0.22, -1.0), (-0.22, -1.0), (0.26, 0.0), (-0.26, 0.0), (0.28, 0.95), (-0.28, 0.95),
)  # fmt: skip
"""Of somebody who faces the camera, x and y in torso lengths from between the knees."""
_HEIGHT: Final = 4.4
"""Torso lengths that a picture of them is high."""
_FACE: Final = (
    (1, 0.10, 0.20), (2, 0.16, 0.21), (3, 0.22, 0.20), (4, -0.10, 0.20), (5, -0.16, 0.21), (6, -0.22, 0.20), (7, 0.33, 0.10),
    (8, -0.33, 0.10), (9, 0.10, -0.20), (10, -0.10, -0.20),
)  # fmt: skip
"""Landmarks of the face: how far to the left of the nose and above it, in distances from neck to nose."""
_HANDS: Final = (
    (13, 15, (17, 0.17, 0.05), (19, 0.19, -0.03), (21, 0.10, -0.08)),
    (14, 16, (18, 0.17, 0.05), (20, 0.19, -0.03), (22, 0.10, -0.08)),
)
_FEET: Final = ((25, 27, (29, 0.10, -0.02), (31, 0.20, 0.12)), (26, 28, (30, 0.10, -0.02), (32, 0.20, 0.12)))
"""Joint before, joint, and landmarks: how far along the limb beyond the joint, and outwards, in torso lengths."""
_FACE_DEPTH: Final = 0.35
"""Torso lengths by which a face is nearer to the camera than the hips."""
_SMALLEST: Final = 8.0
"""Pixels of a torso below which it has no direction."""


def standing(size: tuple[int, int]) -> Joints:
    """Somebody who stands in the middle of a picture of ``size`` (width, height): where to begin."""
    width, height = size
    unit = height / _HEIGHT
    points = np.array(_STANDING) * unit
    points[:, 0] *= min(1.0, 0.45 * width / float(np.abs(points[:, 0]).max()))
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    return np.asarray((points - middle) / (width, height) + 0.5, np.float64)


def joints_of(pose: Pose, size: tuple[int, int]) -> Joints:
    """The joints of a pose in a picture of ``size`` (width, height), as far as they lie inside."""
    return np.clip(pose.xy[list(skeleton.JOINTS)].astype(np.float64) / size, 0.0, 1.0)


def pose_of(joints: Joints, size: tuple[int, int]) -> Pose:
    """The pose with those joints, in pixels of a picture of ``size`` (width, height); face, hands and feet go on from them.

    Raises:
        UnusableInput: shoulders and hips lie in one place.
    """
    landmarks = np.zeros((LANDMARKS, 4))
    landmarks[:, 3] = 1.0
    xy = landmarks[:, :2]
    xy[list(skeleton.JOINTS)] = joints * size
    shoulders, hips = xy[list(skeleton.SHOULDERS)], xy[list(skeleton.HIPS)]
    neck = shoulders.mean(axis=0)
    unit = float(np.hypot(*(neck - hips.mean(axis=0))))
    if unit < _SMALLEST:
        raise UnusableInput("Shoulders and hips lie in one place: drag each point to its joint.")
    to_left = shoulders[0] - shoulders[1]
    _add_face(xy, neck, to_left, unit)
    for before, joint, *more in (*_HANDS, *_FEET):
        along = _direction(xy[joint] - xy[before])
        outwards = _across(along, to_left if joint % 2 else -to_left)
        for landmark, far, aside in more:
            xy[landmark] = xy[joint] + unit * (far * along + aside * outwards)
    # who has their left on our right faces us
    facing = -1.0 if to_left[0] >= 0 else 1.0
    landmarks[list(skeleton.HEAD), 2] = facing * _FACE_DEPTH * unit
    return Pose(landmarks.astype(np.float32))


def _add_face(xy: NDArray[np.float64], neck: NDArray[np.float64], to_left: NDArray[np.float64], unit: float) -> None:
    nose = xy[skeleton.NOSE]
    up = _direction(nose - neck)
    left, length = _across(up, to_left), max(float(np.hypot(*(nose - neck))), 0.2 * unit)
    for landmark, aside, above in _FACE:
        xy[landmark] = nose + length * (aside * left + above * up)


def _direction(along: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of length 1; down where there is none."""
    length = float(np.hypot(*along))
    return along / length if length > 1e-6 else np.array([0.0, 1.0])


def _across(along: NDArray[np.float64], towards: NDArray[np.float64]) -> NDArray[np.float64]:
    """At right angles to a direction, on the side of ``towards``."""
    across = np.array([-along[1], along[0]])
    return across if across @ towards >= 0 else -across
