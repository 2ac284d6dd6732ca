"""Rotation matrices and the two-bone inverse kinematics."""

import math

import numpy as np
from scipy.spatial.transform import Rotation

from .meshes import Floats


def rot_x(angle: float) -> Floats:
    """Rotation about x (lateral), radians."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def rot_y(angle: float) -> Floats:
    """Rotation about y (depth), radians."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def rot_z(angle: float) -> Floats:
    """Rotation about z (up), radians."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def about(axis: Floats, angle: float) -> Floats:
    """Rotation about any unit axis."""
    return Rotation.from_rotvec(axis * angle).as_matrix()


def rotation_vector(matrix: Floats) -> Floats:
    """Axis times angle, (3,)."""
    return Rotation.from_matrix(matrix).as_rotvec()


def slerp(a: Floats, b: Floats, t: float) -> Floats:
    """The rotation a fraction `t` of the way from `a` to `b`."""
    return a @ Rotation.from_rotvec(rotation_vector(a.T @ b) * t).as_matrix()


def between(a: Floats, b: Floats) -> Floats:
    """The smallest rotation that turns unit vector `a` into unit vector `b`."""
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis)
    if sine < 1e-9:
        return np.eye(3)
    return about(axis / sine, math.atan2(sine, float(a @ b)))


def twist_angle(rotation: Floats, axis: Floats) -> float:
    """How far `rotation` turns about `axis` (swing-twist decomposition), in -pi..pi."""
    q = Rotation.from_matrix(rotation).as_quat()
    angle = 2 * math.atan2(q[:3] @ axis, q[3])
    return (angle + math.pi) % (2 * math.pi) - math.pi


def bone_frame(direction: Floats, hinge: Floats) -> Floats:
    """An orthonormal frame with `direction` as its first and `hinge` nearly its second column."""
    x = direction / np.linalg.norm(direction)
    y = hinge - x * (hinge @ x)
    y = y / np.linalg.norm(y)
    return np.stack([x, y, np.cross(x, y)], 1)


class TwoBoneLimb:
    """An arm or leg: solves for both bones from start, goal and the side to which the joint bends."""

    def __init__(self, a: Floats, b: Floats, c: Floats, bends_towards: tuple[float, float, float]) -> None:
        """Joints `a`, `b`, `c` in the rest pose, metres."""
        upper, lower = b - a, c - b
        hinge = np.cross(upper, bends_towards)
        self.upper, self.lower = float(np.linalg.norm(upper)), float(np.linalg.norm(lower))
        self.rest_upper, self.rest_lower = bone_frame(upper, hinge), bone_frame(lower, hinge)

    @property
    def length(self) -> float:
        """Both bones stretched, metres."""
        return self.upper + self.lower

    @property
    def upper_axis(self) -> Floats:
        """Direction of the upper bone at rest."""
        return self.rest_upper[:, 0]

    @property
    def lower_axis(self) -> Floats:
        """Direction of the lower bone at rest."""
        return self.rest_lower[:, 0]

    def solve(self, start: Floats, goal: Floats, pole: Floats) -> tuple[Floats, Floats, float]:
        """Rotations of upper and lower bone, and the joint's bend in radians; goals out of reach are approached."""
        a, b = self.upper, self.lower
        direction = goal - start
        distance = float(np.linalg.norm(direction))
        direction = direction / distance
        distance = min(max(distance, abs(a - b) + 0.04), (a + b) * 0.9985)
        side = pole - direction * (pole @ direction)
        side /= np.linalg.norm(side) + 1e-9
        along = (a * a - b * b + distance * distance) / (2 * distance)
        out = math.sqrt(max(a * a - along * along, 0))
        first = direction * along + side * out
        second = direction * distance - first
        hinge = np.cross(side, direction)
        bend = math.acos(float(np.clip(first @ second / (a * b), -1, 1)))
        return bone_frame(first, hinge) @ self.rest_upper.T, bone_frame(second, hinge) @ self.rest_lower.T, bend
