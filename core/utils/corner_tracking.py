"""Corners of a picture and where they are in another one: what cameras that move are told by.

Corners (Shi and Tomasi 1994) are tracked from one picture to another by pyramidal Lucas-Kanade (Bouguet 2000).
"""

from __future__ import annotations

from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Homography: TypeAlias = NDArray[np.float64]
"""(3, 3), takes points of one picture in pixels to those of another; the last entry is 1."""
Points: TypeAlias = NDArray[np.float32]
"""(N, 2) pixels."""

_APART: Final = 7
_QUALITY: Final = 0.01
_LEAST_AREA: Final = 0.05


def transformed(points: NDArray[np.float64] | Points, homography: NDArray[np.floating]) -> NDArray[np.float64]:
    """``points`` (N, 2) in pixels of the other picture."""
    turned = np.asarray(points, np.float64) @ homography[:, :2].T + homography[:, 2]
    return np.asarray(turned[:, :2] / turned[:, 2:], np.float64)


def normalised(homography: NDArray[np.floating]) -> Homography:
    """The same homography with 1 as its last entry."""
    return np.asarray(homography / homography[2, 2], np.float64)


def spread_corners(grey: NDArray[np.uint8], free: NDArray[np.uint8], each: int) -> Points:
    """Corners all over the picture, so that a poster full of letters does not outvote the rest of the room.

    Args:
        grey: (height, width).
        free: the same, above 0 where corners may lie.
        each: how many at most in each box; a quarter of the picture's longer side is the side of a box.
    """
    height, width = grey.shape
    side = box_side((width, height))
    found = []
    for top in range(0, height, side):
        for left in range(0, width, side):
            box = slice(top, top + side), slice(left, left + side)
            points = cv2.goodFeaturesToTrack(grey[box], each, _QUALITY, _APART, mask=np.ascontiguousarray(free[box]))
            if points is not None:
                found.append(points[:, 0] + (left, top))
    return np.concatenate(found).astype(np.float32) if found else np.zeros((0, 2), np.float32)


def box_side(size: tuple[int, int]) -> int:
    """Side in pixels of the boxes that corners are spread over, in a picture of (width, height)."""
    return max(1, max(size) // 4)


def track(
    before: NDArray[np.uint8],
    now: NDArray[np.uint8],
    corners: Points,
    start: Points,
    free: NDArray[np.uint8],
    *,
    window: int,
    levels: int,
    rounds: int,
) -> tuple[Points, NDArray[np.bool_]]:
    """Where corners of one grey picture are in another, and which of them were found there, and are free.

    Args:
        start: about where they are.
        free: (height, width), above 0 where corners of the other picture may lie.
        window, levels: sides in pixels of what is compared, and how often both pictures are halved for it.
        rounds: most steps at each level.
    """
    at, status, _ = cv2.calcOpticalFlowPyrLK(
        before, now, corners[:, None], start[:, None].copy(),
        winSize=(window, window), maxLevel=levels, flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, rounds, 0.01),
    )  # fmt: skip
    at = at[:, 0]
    columns, rows = np.rint(at).astype(int).T
    height, width = now.shape
    inside = (columns >= 0) & (rows >= 0) & (columns < width) & (rows < height)
    kept = (status[:, 0] > 0) & inside
    kept[kept] = free[rows[kept], columns[kept]] > 0
    return at, kept


def corners_of(size: tuple[int, int]) -> NDArray[np.float64]:
    """(4, 2): the corners of a picture of (width, height), clockwise from the upper left."""
    width, height = size
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def overlap(to_other: Homography, size: tuple[int, int]) -> tuple[float, float]:
    """Share of the other picture that a picture still shows, and how much larger its pixels are there.

    Args:
        to_other: takes its pixels to those of the other one.
        size: (width, height) of both.
    """
    corners = transformed(corners_of(size), to_other).astype(np.float32)
    frame = corners_of(size).astype(np.float32)
    area = float(cv2.contourArea(corners))
    if area < _LEAST_AREA * size[0] * size[1] or not cv2.isContourConvex(corners):
        return 0.0, 1.0
    shared, _ = cv2.intersectConvexConvex(corners, frame)
    return float(shared) / (size[0] * size[1]), float(np.sqrt(area / (size[0] * size[1])))
