"""Figures in whom no pose is found, drawn before a plain wall."""

from __future__ import annotations

import cv2
import numpy as np

from core.pose.joints import BONES, Joints, standing
from core.types import Frame

SIZE = (360, 480)
FLOOR = 390


def robot() -> tuple[Frame, Joints]:
    """A figure of boxes, and where its joints are."""
    joints = standing(SIZE)
    points = (joints * SIZE).astype(int)
    image = np.full((SIZE[1], SIZE[0], 3), (214, 222, 230), np.uint8)
    image[FLOOR:] = (150, 140, 128)
    for a, b in BONES[3:]:
        cv2.line(image, points[a].tolist(), points[b].tolist(), (60, 90, 160), 20)
    cv2.fillConvexPoly(image, points[[1, 2, 8, 7]].astype(np.int32), (190, 60, 50))
    x, y = points[0].tolist()
    cv2.rectangle(image, (x - 26, y - 30), (x + 26, y + 26), (230, 190, 40), -1)
    return image, joints
