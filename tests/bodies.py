"""Made-up bodies for tests: a stick person of known build, in any place and pose."""

from __future__ import annotations

import numpy as np

from core.types import Pose

# x to the person's left, y up from the floor, both in torso lengths, standing with arms hanging; left side only
_HALF = {
    11: (0.36, 2.70), 13: (0.40, 2.15), 15: (0.42, 1.65), 17: (0.44, 1.48), 19: (0.42, 1.45), 21: (0.38, 1.52),
    23: (0.18, 1.70), 25: (0.20, 0.90), 27: (0.20, 0.12), 29: (0.18, 0.03), 31: (0.26, 0.0),
    1: (0.04, 3.25), 2: (0.07, 3.25), 3: (0.10, 3.25), 7: (0.15, 3.20), 9: (0.05, 3.05),
}  # fmt: skip
_PAIR = {i: i + 1 for i in (11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 7, 9)} | {1: 4, 2: 5, 3: 6}


def standing(
    *,
    x: float = 200.0,
    floor: float = 400.0,
    torso: float = 80.0,
    arm: float = 1.0,
    leg: float = 1.0,
    seen: float = 1.0,
) -> Pose:
    """A person facing the camera, feet on the line y = ``floor``; ``arm`` and ``leg`` stretch those limbs."""
    points = np.zeros((33, 4), np.float32)
    points[0, :2] = (0.0, 3.15)
    for left, (dx, dy) in _HALF.items():
        points[left, :2], points[_PAIR[left], :2] = (dx, dy), (-dx, dy)
    for side in (0, 1):
        shoulder, hip = points[11 + side, :2].copy(), points[23 + side, :2].copy()
        for joint in (13, 15, 17, 19, 21):
            points[joint + side, :2] = shoulder + (points[joint + side, :2] - shoulder) * arm
        for joint in (25, 27, 29, 31):
            points[joint + side, :2] = hip + (points[joint + side, :2] - hip) * leg
    points[:, 1] -= points[:, 1].min()
    points[:, 0] = x + points[:, 0] * torso
    points[:, 1] = floor - points[:, 1] * torso
    points[:, 3] = seen
    return Pose(points)


def moved(pose: Pose, dx: float = 0.0, dy: float = 0.0, joints: tuple[int, ...] | None = None) -> Pose:
    """The pose with some landmarks (all by default) shifted by pixels."""
    landmarks = pose.landmarks.copy()
    landmarks[list(joints) if joints else slice(None), :2] += (dx, dy)
    return Pose(landmarks)


def bone(pose: Pose, parent: int, child: int) -> float:
    """Length in pixels between two landmarks."""
    return float(np.linalg.norm(pose.xy[parent] - pose.xy[child]))
