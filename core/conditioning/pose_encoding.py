"""From a pose to what a generator is given: 26 coordinates, and the points of a canvas that ask for their colours."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.pose import skeleton
from core.rendering.canvas import Canvas
from core.types import Pose

COORDINATES = 26

STICKS: Final = 9
"""Layers of a stick image."""

TRUNK_LEVELS: Final = 190
"""By how many grey levels the last two layers of a stick image rise from one end of the trunk to the other."""

_TRUNK_START: Final = 60
_STICK: Final = 0.08
_SHORTEST: Final = 0.1
_HEAD_RADIUS: Final = 0.22
_FRACTION_BITS: Final = 3
_FRACTION: Final = 1 << _FRACTION_BITS
_STICK_LIMBS: Final = (
    ((11, 13), (13, 15), (15, 17), (15, 19), (15, 21)), ((12, 14), (14, 16), (16, 18), (16, 20), (16, 22)),
    ((23, 25), (25, 27), (27, 29), (29, 31), (27, 31)), ((24, 26), (26, 28), (28, 30), (30, 32), (28, 32)),
)  # fmt: skip

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


@lru_cache(maxsize=16)
def canvas_grid(canvas: Canvas, unit: float, step: int = 1) -> NDArray[np.float32]:
    """(height / step, width / step, 2) float32, read-only: where a canvas has its pixels, from where the hips put it.

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
    return canvas_grid(canvas, unit, step) + from_hips(canvas, pose, unit)


def from_hips(canvas: Canvas, pose: Pose, unit: float) -> NDArray[np.float32]:
    """(2,): what has to be added to :func:`canvas_grid`, that it counts from the hips of ``pose``."""
    return (canvas.snapped(pose) / unit).astype(np.float32)


def around_person(canvas: Canvas, pose: Pose, unit: float) -> NDArray[np.bool_]:
    """(canvas.height, canvas.width): where on the canvas of ``pose`` anything of the person can be."""
    matrix = canvas.matrix(pose)
    xy = (pose.xy - 0.5 - matrix[:, 2]) / canvas.scale
    torso = unit / canvas.scale
    drawn = np.zeros((canvas.height, canvas.width), np.uint8)
    cv2.fillConvexPoly(drawn, _whole(xy[[*skeleton.SHOULDERS, *reversed(skeleton.HIPS)]]), 1)
    for a, b, reach, beyond in _REACHES:
        end = xy[b] + beyond * (xy[b] - xy[a])
        cv2.line(drawn, _whole(xy[a]).tolist(), _whole(end).tolist(), 1, max(round(2 * reach * torso), 1))
    head = xy[list(skeleton.HEAD)].mean(0)
    cv2.circle(drawn, _whole(head).tolist(), round(_HEAD_REACH * torso), 1, -1)
    return drawn.astype(np.bool_)


def stick_image(canvas: Canvas, pose: Pose, unit: float) -> NDArray[np.uint8]:
    """(STICKS, canvas.height / 2, canvas.width / 2): the skeleton as a network is shown it, on the canvas of ``pose``.

    A layer each for the trunk as seen from the front and from the back, the head with the way it looks, left arm, right arm,
    left leg, right leg, hands and feet included, and two that grow brighter across the trunk and along it: without them a
    network has to measure from the edges where a stripe goes. Limbs are the brighter the nearer they are, and nearer parts of
    one hide farther ones.
    """
    matrix = canvas.matrix(pose)
    # landmarks count from the corner of the picture, pixels from their middles; that of a half-size one lies between two
    xy = ((pose.xy - 0.5 - matrix[:, 2]) / canvas.scale - 0.5) / 2
    torso = unit / canvas.scale / 2
    sticks = np.zeros((STICKS, canvas.height // 2, canvas.width // 2), np.uint8)
    _draw_trunk(sticks, xy, torso)
    _draw_head(sticks[2], pose, xy, torso)
    thick = max(round(_STICK * torso), 1)
    for layer, limb in zip(sticks[3:7], _STICK_LIMBS, strict=True):
        depth = {part: float(pose.landmarks[list(part), 2].mean()) / unit for part in limb}
        for a, b in sorted(limb, key=lambda part: -depth[part]):
            bright = round(min(max(160 - 95 * depth[a, b], 70), 255))
            cv2.line(layer, *_ends(xy, a, b), bright, thick, cv2.LINE_AA, _FRACTION_BITS)
    return sticks


def _draw_trunk(sticks: NDArray[np.uint8], xy: NDArray[np.floating[Any]], torso: float) -> None:
    across = float(xy[skeleton.LEFT_SHOULDER, 0] - xy[skeleton.RIGHT_SHOULDER, 0]) / torso
    front = min(max(0.5 + across, 0.0), 1.0)
    corners = xy[[*skeleton.SHOULDERS, *reversed(skeleton.HIPS)]]
    quad = _fine(corners)
    for layer, share in ((sticks[0], front), (sticks[1], 1 - front)):
        cv2.fillConvexPoly(layer, quad, round(255 * share), cv2.LINE_AA, _FRACTION_BITS)
    height, width = sticks.shape[1:]
    # smooth edges are a pixel wider
    left, top = np.clip(np.floor(corners.min(0)) - 1, 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(0)) + 2, 0, (width, height)).astype(int)
    shoulders, hips = corners[:2].mean(0), corners[2:].mean(0)
    sides = (corners[[0, 3]].mean(0), corners[[1, 2]].mean(0))
    rows, columns = np.arange(top, bottom)[:, None], np.arange(left, right)[None]
    inside = np.maximum(sticks[0, top:bottom, left:right], sticks[1, top:bottom, left:right]) > 0
    for layer, start, end in ((sticks[7], *sides), (sticks[8], hips, shoulders)):
        way = (end - start) / max(float(((end - start) ** 2).sum()), (_SHORTEST * torso) ** 2)
        share = (columns - start[0]) * way[0] + (rows - start[1]) * way[1]
        layer[top:bottom, left:right] = np.where(inside, np.clip(_TRUNK_START + TRUNK_LEVELS * share, 30, 255), 0)


def _draw_head(layer: NDArray[np.uint8], pose: Pose, xy: NDArray[np.floating[Any]], torso: float) -> None:
    ears = xy[[7, 8]].mean(0)
    nose_ahead = float(pose.landmarks[skeleton.NOSE, 2]) < float(pose.landmarks[[7, 8], 2].mean())
    centre = _fine((ears + xy[skeleton.NOSE]) / 2)
    cv2.circle(layer, centre.tolist(), round(_HEAD_RADIUS * torso * _FRACTION), 100, -1, cv2.LINE_AA, _FRACTION_BITS)
    ends = _fine(ears).tolist(), _fine(xy[skeleton.NOSE]).tolist()
    bright = 255 if nose_ahead else 170
    cv2.line(layer, *ends, bright, max(round(_STICK * torso), 1), cv2.LINE_AA, _FRACTION_BITS)


def _ends(xy: NDArray[np.floating[Any]], a: int, b: int) -> tuple[list[int], list[int]]:
    return _fine(xy[a]).tolist(), _fine(xy[b]).tolist()


def _fine(xy: NDArray[np.floating[Any]]) -> NDArray[np.int32]:
    """Places in the fractions of a pixel that OpenCV draws with: a limb that moves by half a pixel is seen to move."""
    return np.asarray(np.rint(np.clip(xy, -4000, 4000) * _FRACTION), np.int32)


def _whole(xy: NDArray[np.floating[Any]]) -> NDArray[np.int32]:
    return np.asarray(np.rint(np.clip(xy, -4000, 4000)), np.int32)
