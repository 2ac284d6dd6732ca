"""How large a canvas a performer needs: what they reached in their footage, and what their arms and legs can reach."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from core.errors import NobodyFound
from core.pose import skeleton
from core.rendering.canvas import Canvas
from core.targets.store import Target

_MARGIN: Final = 0.12
"""Torso lengths around everything that the footage reached."""
_REACH: Final = (-1.75, -2.3, 1.75, 1.9)
"""Torso lengths from the hips to the left, up, to the right and down that hands and feet can reach."""
BLOCK: Final = 16
_SEEN: Final = 64


def fit_canvas(known: Target, size: int, unit: float, block: int = BLOCK) -> Canvas:
    """The canvas that holds the person in every known frame, and whatever of the frame their arms and legs can reach.

    Footage need not show raised arms: a dance may ask for them, and where the canvas ends they would end at a straight edge.
    """
    left, top, right, bottom = _joined(_extent(known), _within_reach(known, unit))
    margin = _MARGIN * unit
    left, top, right, bottom = left - margin, top - margin, right + margin, bottom + margin
    # pixels finer than the footage's hold nothing
    scale = max(right - left, bottom - top, size) / size
    width, height = (_whole_blocks(length / scale, block) for length in (right - left, bottom - top))
    return Canvas(width=width, height=height, scale=scale, left=left, top=top)


def _whole_blocks(length: float, block: int) -> int:
    return max(int(np.ceil(length / block - 1e-6)), 1) * block


def _extent(known: Target) -> tuple[float, float, float, float]:
    """Left, top, right and bottom that the person reached, from the hips, in pixels."""
    reached = []
    for i in np.flatnonzero(known.found):
        x, y, width, height = cv2.boundingRect((known.masks[int(i)] > _SEEN).astype(np.uint8))
        if width:
            hip_x, hip_y = known.poses[i][list(skeleton.HIPS), :2].mean(0)
            reached.append((x - hip_x, y - hip_y, x + width - hip_x, y + height - hip_y))
    if not reached:
        raise NobodyFound(f"The masks of {known.name} show nobody: build this performer again.")
    every = np.array(reached)
    return (*every[:, :2].min(0).tolist(), *every[:, 2:].max(0).tolist())


def _within_reach(known: Target, unit: float) -> tuple[float, float, float, float]:
    """Left, top, right and bottom that a body can reach from the hips without leaving the frame, in pixels."""
    hips = known.poses[known.found][:, list(skeleton.HIPS), :2].mean(1)
    low, high = hips.min(0), hips.max(0)
    left, top, right, bottom = (length * unit for length in _REACH)
    return (
        max(left, -float(high[0])),
        max(top, -float(high[1])),
        min(right, float(known.width - low[0])),
        min(bottom, float(known.height - low[1])),
    )


def _joined(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    """The rectangle (left, top, right, bottom) that holds both."""
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])
