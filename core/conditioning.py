"""From a pose to what a generator is given: 26 coordinates, and the points of a canvas that ask for their colours."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.canvas import Canvas
from core.pose import skeleton
from core.types import Pose

COORDINATES = 26

_HEAD_REACH: Final = 0.48
_REACHES: Final = (
    (11, 12, 0.25, 0.0), (23, 24, 0.3, 0.0), (11, 23, 0.25, 0.0), (12, 24, 0.25, 0.0),
    (11, 13, 0.22, 0.0), (12, 14, 0.22, 0.0), (13, 15, 0.2, 0.6), (14, 16, 0.2, 0.6),
    (23, 25, 0.3, 0.0), (24, 26, 0.3, 0.0), (25, 27, 0.28, 0.0), (26, 28, 0.28, 0.0),
    (29, 31, 0.22, 0.3), (30, 32, 0.22, 0.3), (27, 29, 0.2, 0.0), (28, 30, 0.2, 0.0),
)  # fmt: skip
"""Landmarks that a piece of the body lies between, how far to its sides it reaches and how far beyond its end: in torso
lengths, and in lengths of the piece."""


def encode(landmarks: NDArray[np.float32], unit: float) -> NDArray[np.float32]:
    """13 joints as 26 coordinates, hip-centred, in torso lengths.

    Args:
        landmarks: (..., 33, 4) x, y, z, visibility.
        unit: the performer's torso length in pixels. One length for all frames: the torso of the frame itself shrinks when
            the body bends, and would blow up the arms.

    Returns:
        (..., 26) float32.
    """
    joints = landmarks[..., list(skeleton.JOINTS), :2]
    hips = landmarks[..., list(skeleton.HIPS), :2].mean(axis=-2, keepdims=True)
    flat = ((joints - hips) / unit).reshape(*landmarks.shape[:-2], COORDINATES)
    return np.asarray(flat, np.float32)


def weights(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., 26) float32: the visibility of the joint behind each coordinate."""
    seen = np.clip(landmarks[..., list(skeleton.JOINTS), 3], 0.0, 1.0)
    return np.repeat(seen, 2, axis=-1).astype(np.float32)


def pose_inputs(landmarks: NDArray[np.float32], unit: float, *, whole_frame: bool) -> NDArray[np.float32]:
    """What a fully connected network is told of poses.

    Args:
        landmarks: (..., 33, 4) x, y, z, visibility.
        unit: the performer's torso length in pixels.
        whole_frame: add the hips' place in the frame and the torso's length, all in ``unit``.

    Returns:
        (..., 26) or (..., 29) float32.
    """
    coordinates = encode(landmarks, unit)
    if not whole_frame:
        return coordinates
    hips = landmarks[..., list(skeleton.HIPS), :2].mean(axis=-2)
    torso = landmarks[..., list(skeleton.SHOULDERS), :2].mean(axis=-2) - hips
    length = np.linalg.norm(torso, axis=-1, keepdims=True)
    return np.concatenate([coordinates, hips / unit, length / unit], axis=-1).astype(np.float32)


@lru_cache(maxsize=16)
def canvas_grid(canvas: Canvas, unit: float, step: int = 1) -> NDArray[np.float32]:
    """(height / step, width / step, 2) float32, read-only: where a canvas has its pixels, from what it goes along with.

    In torso lengths, the same for every pose.

    Args:
        step: side of the squares of pixels that are one point each.
    """
    rows = (np.arange(canvas.height // step) + 0.5) * step * canvas.scale + canvas.top
    columns = (np.arange(canvas.width // step) + 0.5) * step * canvas.scale + canvas.left
    grid = np.stack(np.broadcast_arrays(columns[None], rows[:, None]), -1).astype(np.float32) / np.float32(unit)
    grid.flags.writeable = False
    return grid


def canvas_points(canvas: Canvas, pose: Pose, unit: float, step: int = 1) -> NDArray[np.float32]:
    """:func:`canvas_grid` from the hips of ``pose``, as a network of points is asked."""
    grid = canvas_grid(canvas, unit, step)
    if canvas.follows == "hips":
        return grid
    return np.asarray(grid - pose.xy[list(skeleton.HIPS)].mean(0) / np.float32(unit), np.float32)


def around_person(canvas: Canvas, pose: Pose, unit: float) -> NDArray[np.bool_]:
    """(canvas.height, canvas.width): where on the canvas of ``pose`` anything of the person can be."""
    matrix = canvas.matrix(pose)
    xy = (pose.xy - matrix[:, 2]) / canvas.scale
    torso = unit / canvas.scale
    drawn = np.zeros((canvas.height, canvas.width), np.uint8)
    cv2.fillConvexPoly(drawn, _whole(xy[[*skeleton.SHOULDERS, *reversed(skeleton.HIPS)]]), 1)
    for a, b, reach, beyond in _REACHES:
        end = xy[b] + beyond * (xy[b] - xy[a])
        cv2.line(drawn, _whole(xy[a]).tolist(), _whole(end).tolist(), 1, max(round(2 * reach * torso), 1))
    head = xy[list(skeleton.HEAD)].mean(0)
    cv2.circle(drawn, _whole(head).tolist(), round(_HEAD_REACH * torso), 1, -1)
    return drawn.astype(np.bool_)


def _whole(xy: NDArray[np.floating[Any]]) -> NDArray[np.int32]:
    return np.asarray(np.rint(np.clip(xy, -4000, 4000)), np.int32)
