"""Cameras and their matrices; the cameras that film the dance and the portrait."""

import math
from dataclasses import dataclass, replace

import numpy as np

from .meshes import Floats

Size = tuple[int, int]
"""Width and height of a picture, pixels."""


def perspective(field_of_view: float, aspect: float, near: float, far: float) -> Floats:
    """OpenGL projection; `field_of_view` from bottom to top, `aspect` width by height."""
    t = 1 / math.tan(field_of_view / 2)
    return np.array(
        [
            [t / aspect, 0, 0, 0],
            [0, t, 0, 0],
            [0, 0, (far + near) / (near - far), 2 * far * near / (near - far)],
            [0, 0, -1, 0],
        ]
    )


def orthographic(half_width: float, near: float, far: float) -> Floats:
    """OpenGL projection of a square box."""
    depth = far - near
    return np.array(
        [[1 / half_width, 0, 0, 0], [0, 1 / half_width, 0, 0], [0, 0, -2 / depth, -(far + near) / depth], [0, 0, 0, 1]]
    )


def look_at(eye: Floats, target: Floats) -> Floats:
    """View matrix with z up."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[0, :3], matrix[1, :3], matrix[2, :3] = right, np.cross(right, forward), -forward
    matrix[:3, 3] = -matrix[:3, :3] @ eye
    return matrix


@dataclass(frozen=True)
class Camera:
    """A still camera, metres and radians, and the part of the stage its shadow map covers."""

    eye: Floats
    target: Floats
    field_of_view: float
    near: float
    far: float
    shadow_centre: Floats
    shadow_reach: float
    size: Size

    @property
    def aspect(self) -> float:
        """Width of the picture by its height."""
        return self.size[0] / self.size[1]

    @property
    def view_projection(self) -> Floats:
        """World to clip space, (4, 4)."""
        return perspective(self.field_of_view, self.aspect, self.near, self.far) @ look_at(self.eye, self.target)

    def light_projection(self, light: Floats) -> Floats:
        """World to the shadow map of a far light in direction `light`, (4, 4)."""
        return orthographic(self.shadow_reach, 0.5, 9) @ look_at(self.shadow_centre + light * 4.5, self.shadow_centre)

    def project(self, points: Floats) -> Floats:
        """World points (n, 3) to pixels (n, 2)."""
        clip = np.column_stack([points, np.ones(len(points))]) @ self.view_projection.T
        x, y = clip[:, 0] / clip[:, 3], clip[:, 1] / clip[:, 3]
        return np.stack([(x * 0.5 + 0.5) * self.size[0], (0.5 - y * 0.5) * self.size[1]], 1)


STAGE_SHADOW = 2.3
"""Half the side of the square the shadow map covers for the whole stage, metres."""


def dance_camera(height: float, size: Size) -> Camera:
    """Films someone `height` metres tall from head to toe, as close as their moves allow."""
    half_view = 0.640 * height / min(1.0, 1.30 * size[0] / size[1])
    eye, target = (
        np.array([0, -2.55, 0.80]) * height,
        np.array([0, 0, 0.580 * height + 0.6 * (half_view - 0.640 * height)]),
    )
    return Camera(
        eye=eye,
        target=target,
        field_of_view=2 * math.atan(half_view / float(np.linalg.norm(target - eye))),
        near=2.0,
        far=12.0,
        shadow_centre=np.array([0, 0.3, 0.9]),
        shadow_reach=STAGE_SHADOW,
        size=size,
    )


def closest(camera: Camera, points: Floats, margin: float) -> Camera:
    """The camera moved sideways, tilted and zoomed until `points` (n, 3) fill the picture up to `margin`, a share of it.

    The distance stays, and with it the perspective.
    """
    for _ in range(8):
        seen = camera.project(points) / camera.size
        low, high = seen.min(0), seen.max(0)
        tangent = math.tan(camera.field_of_view / 2)
        height = 2 * tangent * float(np.linalg.norm(camera.target - camera.eye))
        aside, up = (low + high - 1) / 2 * [height * camera.aspect, -height]
        zoom = float((high - low).max()) / (1 - 2 * margin)
        camera = replace(
            camera,
            eye=camera.eye + np.array([aside, 0, 0]),
            target=camera.target + np.array([aside, 0, up]),
            field_of_view=2 * math.atan(tangent * zoom),
        )
    return camera


def portrait_camera(face: Floats, size: int) -> Camera:
    """Films head and chest; `face` is the point between the eyes, metres."""
    target = face + np.array([0, 0, -0.085])
    eye = face + np.array([0.0, -1.9, 0.02])
    return Camera(
        eye=eye,
        target=target,
        field_of_view=2 * math.atan(0.255 / 1.9),
        near=0.8,
        far=8.0,
        shadow_centre=target,
        shadow_reach=0.55,
        size=(size, size),
    )
