"""Who is filmed: a bundled performer, cut out with the masks it was rendered with, and a cat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.targets.store import Target

from .textures import Floats

_FLOOR: Final = 380
_FADE: Final = 40


@dataclass(frozen=True, slots=True)
class Cutout:
    """Somebody without a room.

    Attributes:
        layer: (height, width, 4) float32: colour times alpha, 0 to 255, and alpha, 0 to 1.
        shadow: (height, width, 4), black in the same way.
    """

    layer: Floats
    shadow: Floats


def performer(target: Target, index: int) -> Cutout:
    """Frame ``index`` of a bundled performer."""
    if target.masks is None or target.plate is None:
        raise ValueError(f"{target.id} has no masks or no plate")
    frame = target.frames[index].astype(np.float32)
    alpha = target.masks[index].astype(np.float32) / 255.0
    # at the edge the frame shows some of the studio: the colour just inside goes on there instead
    weight = np.maximum(alpha - 0.5, 0.0)[..., None] ** 2
    inner = (
        cv2.GaussianBlur(frame * weight, (0, 0), 1.5)
        / np.maximum(cv2.GaussianBlur(weight, (0, 0), 1.5), 1e-4)[..., None]
    )
    sure = np.clip((alpha - 0.85) / 0.15, 0.0, 1.0)[..., None]
    colour = np.where(alpha[..., None] > 0, sure * frame + (1 - sure) * inner, 0.0)
    layer = np.concatenate([colour * alpha[..., None], alpha[..., None]], axis=2)
    return Cutout(np.asarray(layer, np.float32), _shadow(frame, target.plate.astype(np.float32), alpha))


def _trimmed(layer: Floats) -> tuple[Floats, NDArray[np.float64]]:
    """The part of a layer that is not empty, and what takes its pixels to those of the whole."""
    seen = layer[..., 3] > 0
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not len(rows):
        return layer[:1, :1], np.eye(3)
    top, left = max(int(rows[0]) - 2, 0), max(int(columns[0]) - 2, 0)
    part = layer[top : int(rows[-1]) + 3, left : int(columns[-1]) + 3]
    return np.ascontiguousarray(part), np.array([[1, 0, left], [0, 1, top], [0, 0, 1.0]])


def _shadow(frame: Floats, plate: Floats, alpha: Floats) -> Floats:
    free = (cv2.dilate(alpha, np.ones((3, 3))) < 0.02).astype(np.float32)
    share = np.clip((frame.sum(axis=2) + 1) / (plate.sum(axis=2) + 1), 0.3, 1.0)
    dark = cv2.GaussianBlur((1 - share) * free, (0, 0), 2.0) / np.maximum(cv2.GaussianBlur(free, (0, 0), 2.0), 0.05)
    dark = np.clip((dark - 0.06) * 1.08, 0.0, 0.7)
    dark[:_FLOOR] = 0.0
    height, width = dark.shape
    x, y = np.arange(width), np.arange(height)
    fade_x = np.clip(np.minimum(x, width - 1 - x) / _FADE, 0, 1)
    fade_y = np.clip(np.minimum(y - _FLOOR, height - 1 - y) / (_FADE / 2), 0, 1)
    shadow = np.zeros((height, width, 4), np.float32)
    shadow[..., 3] = dark * fade_x[None, :] * fade_y[:, None]
    return shadow


def cat(phase: float, *, leftwards: bool) -> Floats:
    """(110, 200, 4), premultiplied as a :class:`Cutout`'s layer: a tabby that walks; ``phase`` in steps."""
    scale = 4
    canvas = np.zeros((110 * scale, 200 * scale, 4), np.uint8)
    fur, dark = (146, 118, 88, 255), (84, 64, 46, 255)

    def at(x: float, y: float) -> tuple[int, int]:
        return int(x * scale), int(y * scale)

    def line(start: tuple[int, int], end: tuple[int, int], colour: tuple[int, ...], width: float) -> None:
        cv2.line(canvas, start, end, colour, int(width * scale), cv2.LINE_AA)

    for hip, shift, colour in ((62, 0.5, dark), (128, 0.0, dark), (56, 0.0, fur), (122, 0.5, fur)):
        swing = 14 * np.sin(2 * np.pi * (phase + shift))
        line(at(hip, 62), at(hip + swing * 0.5, 82), colour, 10)
        line(at(hip + swing * 0.5, 82), at(hip + swing, 104), colour, 7)
    tail = np.array([at(42 - 4 * i, 50 - 6 * i + 3 * np.sin(0.7 * i + 2 * np.pi * phase)) for i in range(8)], np.int32)
    cv2.polylines(canvas, [tail], False, dark, 7 * scale, cv2.LINE_AA)
    cv2.ellipse(canvas, at(90, 56), at(52, 19), 0, 0, 360, fur, -1, cv2.LINE_AA)
    for stripe in range(60, 130, 12):
        line(at(stripe, 40), at(stripe - 3, 62), dark, 3)
    cv2.circle(canvas, at(150, 42), 17 * scale, fur, -1, cv2.LINE_AA)
    for x in (140, 156):
        ear = np.array([at(x - 6, 30), at(x, 14), at(x + 7, 30)], np.int32)
        cv2.fillPoly(canvas, [ear], dark, cv2.LINE_AA)
    cv2.circle(canvas, at(157, 40), int(2.5 * scale), (220, 210, 90, 255), -1, cv2.LINE_AA)
    small = cv2.resize(canvas.astype(np.float32), (200, 110), interpolation=cv2.INTER_AREA)
    small[..., 3] /= 255.0
    small = small[:, ::-1] if leftwards else small
    return np.ascontiguousarray(small)


def over(picture: Floats, layer: Floats, matrix: NDArray[np.float64]) -> tuple[tuple[slice, slice], Floats]:
    """Lay a premultiplied layer over ``picture`` (height, width, 3); ``matrix`` takes the layer's pixels to the picture's.

    Returns:
        The part of the picture (rows, columns) that it may have changed, and the layer's alpha there.
    """
    part, warped = placed(layer, matrix, (picture.shape[1], picture.shape[0]))
    for channel in range(3):
        below = picture[..., channel][part]
        below *= 1.0 - warped[..., 3]
        below += warped[..., channel]
    return part, warped[..., 3]


def placed(layer: Floats, matrix: NDArray[np.float64], size: tuple[int, int]) -> tuple[tuple[slice, slice], Floats]:
    """The part (rows, columns) of a picture of (width, height) that a layer falls on, and the layer as it is there."""
    layer, whole = _trimmed(layer)
    matrix = matrix @ whole
    part = falls_on(layer, matrix, size)
    rows, columns = part
    moved = np.array([[1, 0, -columns.start], [0, 1, -rows.start], [0, 0, 1.0]]) @ matrix
    shape = max(columns.stop - columns.start, 0), max(rows.stop - rows.start, 0)
    if not all(shape):
        return part, np.zeros((shape[1], shape[0], 4), np.float32)
    warped = cv2.warpPerspective(layer, moved, shape, flags=cv2.INTER_CUBIC)
    np.clip(warped, 0.0, 255.0, out=warped)
    np.minimum(warped[..., 3], 1.0, out=warped[..., 3])
    return part, np.asarray(warped, np.float32)


def falls_on(layer: Floats, matrix: NDArray[np.float64], size: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of a picture of (width, height) that hold a layer's corners and all between."""
    height, width = layer.shape[:2]
    corners = matrix @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]], float)
    points = corners[:2] / corners[2]
    low = np.clip(np.floor(points.min(axis=1)).astype(int) - 2, 0, size)
    high = np.clip(np.ceil(points.max(axis=1)).astype(int) + 2, 0, size)
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))
