"""Where the cells of a canvas lie on a body: each told by its place along, across and in front of every limb.

A colour belongs to a place on the body, not on the picture (see ``core.networks.bone_encoding``, which does the same for single
points). Hands, feet and the head have segments of their own, and every segment tells how near the camera it is and how far it
points at it, so that left and right, front and back, near and far are never guessed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.pose import skeleton
from core.rendering.canvas import Canvas
from core.types import Pose

Points: TypeAlias = NDArray[np.float32]
"""(39, 4): the 33 landmarks and the six below; x, y and z in pixels of a canvas, and visibility."""

NECK, PELVIS, EARS, LEFT_HAND, RIGHT_HAND, CROWN = range(33, 39)
"""Middle of the shoulders, of the hips, of the ears; the middle of each hand; the top of the head."""

CROWN_SHARE: Final = 0.7
"""Of the way from the neck to the ears by which the top of the head lies beyond them."""

CELL: Final = 8
"""Pixels of a canvas to the side of a cell."""

FEATURES: Final = 6
"""Numbers that a segment tells a cell."""


BEYOND: Final = (0.06, 0.1)
"""Nearness, the first of those numbers, below which nobody is, and from which on anything may be drawn: 4 and 3 radii of a bone,
as far as wide trousers and sleeves are from theirs."""


class Segment(NamedTuple):
    """A piece of the body between two points; ``radius`` is how thick it is, in torso lengths."""

    start: int
    end: int
    radius: float


SEGMENTS: Final = tuple(
    Segment(*segment)
    for segment in (
        (11, 13, 0.11), (13, 15, 0.09), (15, LEFT_HAND, 0.08), (15, 21, 0.06), (LEFT_HAND, 19, 0.06),
        (12, 14, 0.11), (14, 16, 0.09), (16, RIGHT_HAND, 0.08), (16, 22, 0.06), (RIGHT_HAND, 20, 0.06),
        (23, 25, 0.15), (25, 27, 0.12), (27, 31, 0.08), (29, 31, 0.07),
        (24, 26, 0.15), (26, 28, 0.12), (28, 32, 0.08), (30, 32, 0.07),
        (NECK, PELVIS, 0.26), (11, 12, 0.16), (23, 24, 0.18), (11, 23, 0.14), (12, 24, 0.14), (NECK, EARS, 0.11),
        (7, 8, 0.14), (EARS, CROWN, 0.14), (EARS, 0, 0.10), (2, 5, 0.07), (9, 10, 0.06),
    )
)  # fmt: skip

FIELDS: Final = len(SEGMENTS) * FEATURES
"""Channels of :func:`limb_fields`."""

PART_LAYERS: Final = 3
"""Layers that a person's parts are laid in: trunk and head, legs, arms (``core.warping.part_warp``)."""

LABELS: Final = 8
"""What a pixel can show: 0 nobody, 1 trunk, 2 head with all hair, 3 and 4 left and right arm, 5 and 6 left and right leg, 7 cloth
that hangs from the hips over the legs."""
CLOTH_LABEL: Final = 7

VECTOR: Final = 33 * 4
"""Numbers of :func:`pose_vector`."""

TOLD: Final = VECTOR + 6
"""Numbers beside the fields: the pose, and how unlike it the picture of each of six parts is."""

_START: Final = np.array([segment.start for segment in SEGMENTS])
_END: Final = np.array([segment.end for segment in SEGMENTS])
_RADIUS: Final = np.array([segment.radius for segment in SEGMENTS], np.float32)


class Box(NamedTuple):
    """A rectangle of a picture, in pixels. Where it is asked for cells, all four are multiples of :data:`CELL`."""

    left: int
    top: int
    width: int
    height: int

    @property
    def rows(self) -> slice:
        """Those of a picture that lie in it."""
        return slice(self.top, self.top + self.height)

    @property
    def columns(self) -> slice:
        """Those of a picture that lie in it."""
        return slice(self.left, self.left + self.width)

    def halved(self) -> Box:
        """The same in a picture of half the size."""
        return Box(self.left // 2, self.top // 2, self.width // 2, self.height // 2)

    def doubled(self) -> Box:
        """The same in a picture of twice the size."""
        return Box(2 * self.left, 2 * self.top, 2 * self.width, 2 * self.height)

    def inside(self, other: Box) -> Box:
        """The same in the picture that ``other`` cuts out."""
        return Box(self.left - other.left, self.top - other.top, self.width, self.height)

    def common(self, other: Box) -> Box | None:
        """What both have; None where that is nothing."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        right = min(self.left + self.width, other.left + other.width)
        bottom = min(self.top + self.height, other.top + other.height)
        return Box(left, top, right - left, bottom - top) if right > left and bottom > top else None


def points_on(canvas: Canvas, pose: Pose) -> Points:
    """The points of a pose on its canvas, whose pixels have their middles at whole numbers."""
    landmarks = pose.landmarks
    matrix = canvas.matrix(pose).astype(np.float32)
    points = np.empty((39, 4), np.float32)
    points[:33, :2] = (landmarks[:, :2] - 0.5 - matrix[:, 2]) / canvas.scale
    points[:33, 2] = landmarks[:, 2] / canvas.scale
    points[:33, 3] = landmarks[:, 3]
    points[NECK] = (points[11] + points[12]) / 2
    points[PELVIS] = (points[23] + points[24]) / 2
    points[EARS] = (points[7] + points[8]) / 2
    points[LEFT_HAND] = (points[17] + points[19]) / 2
    points[RIGHT_HAND] = (points[18] + points[20]) / 2
    points[CROWN] = points[EARS] + CROWN_SHARE * (points[EARS] - points[NECK])
    return points


@lru_cache(maxsize=64)
def cells(box: Box) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(1, 1, columns) x and (1, rows, 1) y of the middles of the cells of a box."""
    x = box.left + (np.arange(box.width // CELL, dtype=np.float32) + 0.5) * CELL - 0.5
    y = box.top + (np.arange(box.height // CELL, dtype=np.float32) + 0.5) * CELL - 0.5
    return x[None, None, :], y[None, :, None]


def limb_fields(points: Points, unit: float, box: Box) -> NDArray[np.float32]:
    """What the cells of a box are told of a pose.

    Of every segment: how near it is, where along it and across it a cell lies (twice along, coarsely and finely), how near
    the camera it is and how far it points at it. All fade with the distance.

    Args:
        points: of the pose, see :func:`points_on`.
        unit: torso length in pixels of the canvas.

    Returns:
        (FIELDS, box.height / CELL, box.width / CELL) float32.
    """
    start, end = points[_START], points[_END]
    x, y = cells(box)
    way = end[:, :2] - start[:, :2]
    length = np.sqrt((way * way).sum(1)) + 1e-3
    direction = way / length[:, None]
    across_scale = _wide(1 / (_RADIUS * unit))
    from_x, from_y = x - _wide(start[:, 0]), y - _wide(start[:, 1])
    right, down = _wide(direction[:, 0]), _wide(direction[:, 1])
    along = from_x * right + from_y * down
    across = (from_y * right - from_x * down) * across_scale
    beyond = (along - np.clip(along, 0, _wide(length))) * across_scale
    near = 1 / (1 + beyond * beyond + across * across)
    fields = np.empty((len(SEGMENTS), FEATURES, *near.shape[1:]), np.float32)
    fields[:, 0] = near
    fields[:, 1] = np.clip(along * _wide(2 / np.maximum(length, 0.04 * unit)) - 1, -2.5, 2.5) * near
    fields[:, 2] = np.clip(across, -2.5, 2.5) * near
    fields[:, 3] = np.clip((along - _wide(length / 2)) / np.float32(0.2 * unit), -3, 3) * near
    depth = ((start[:, 2] + end[:, 2]) / 2 - points[PELVIS, 2]) / (0.5 * unit)
    fields[:, 4] = near * _wide(np.clip(depth, -3, 3))
    fields[:, 5] = near * _wide(np.clip((end[:, 2] - start[:, 2]) / (0.3 * unit), -3, 3))
    return fields.reshape(FIELDS, *near.shape[1:])


def _wide(values: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)[:, None, None]


def pose_vector(landmarks: NDArray[np.float32], unit: float) -> NDArray[np.float32]:
    """(VECTOR,): all 33 landmarks around the hips in torso lengths, and their visibility: what no cell sees of the rest.

    Args:
        landmarks: (33, 4).
        unit: torso length in their pixels.
    """
    hips = landmarks[list(skeleton.HIPS), :3].mean(0)
    around = (landmarks[:, :3] - hips) / unit
    return np.concatenate([around.reshape(-1), landmarks[:, 3]]).astype(np.float32)
