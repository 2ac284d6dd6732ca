"""A pose as a stick figure on a dark ground, for people to look at (generators draw their own)."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from core.pose import skeleton
from core.types import Frame, Pose

_LEFT: Final = (255, 138, 92)
_RIGHT: Final = (92, 178, 255)
_MIDDLE: Final = (236, 236, 240)
GROUND: Final = (20, 21, 28)
"""The colour behind stick figures."""

_SEEN = 0.35


def _colour(a: int, b: int) -> tuple[int, int, int]:
    # MediaPipe numbers the left side odd and the right side even
    if a % 2 and b % 2:
        return _LEFT
    return _RIGHT if a % 2 == 0 and b % 2 == 0 else _MIDDLE


def draw_pose(pose: Pose | None, size: tuple[int, int], onto: Frame | None = None) -> Frame:
    """The stick figure of ``pose`` on a picture of ``size`` (width, height), or on a copy of ``onto``. Left is warm."""
    canvas = np.full((size[1], size[0], 3), GROUND, np.uint8) if onto is None else onto.copy()
    if pose is None:
        return canvas
    thick = max(2, round(max(size) / 110))
    for a, b in skeleton.EDGES:
        if min(pose.visibility[a], pose.visibility[b]) >= _SEEN:
            cv2.line(canvas, _pixel(pose, a), _pixel(pose, b), _colour(a, b), thick, cv2.LINE_AA)
    if pose.visibility[skeleton.NOSE] >= _SEEN:
        radius = float(np.linalg.norm(pose.xy[7] - pose.xy[8])) * 0.75
        cv2.circle(canvas, _pixel(pose, skeleton.NOSE), max(int(radius), 2 * thick), _MIDDLE, thick, cv2.LINE_AA)
    return canvas


def _pixel(pose: Pose, joint: int) -> tuple[int, int]:
    x, y = np.clip(pose.xy[joint], -8000, 8000)
    return round(float(x)), round(float(y))
