"""The benchmark of faces, hands and views; the detectors themselves are those of MediaPipe."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.features import SIDE, squares, view_of
from core.types import Pose
from tests.bodies import moved, standing


def turned(degrees: float) -> Pose:
    """Standing, turned around the vertical."""
    landmarks = standing().landmarks.copy()
    middle = landmarks[[11, 12], :3].mean(0)
    angle = np.radians(degrees)
    x, z = landmarks[:, 0] - middle[0], landmarks[:, 2] - middle[2]
    landmarks[:, 0] = middle[0] + x * np.cos(angle) - z * np.sin(angle)
    landmarks[:, 2] = middle[2] + x * np.sin(angle) + z * np.cos(angle)
    return Pose(landmarks)


@pytest.mark.parametrize(
    ("degrees", "view"),
    [
        (0, "front"),
        (20, "front"),
        (-50, "quarter"),
        (50, "quarter"),
        (90, "side"),
        (-90, "side"),
        (150, "back"),
        (180, "back"),
    ],
)
def test_which_side_is_seen(degrees: float, view: str) -> None:
    assert view_of(turned(degrees)) == view


def test_squares_lie_around_head_and_hands() -> None:
    pose = moved(standing(), dx=40, joints=(15, 17, 19, 21))
    torso = float(np.linalg.norm(pose.xy[[11, 12]].mean(0) - pose.xy[[23, 24]].mean(0)))
    image = np.zeros((900, 900, 3), np.uint8)
    for colour, joints in ((80, (7, 8)), (160, (15, 19)), (240, (16, 20))):
        x, y = np.rint(pose.xy[list(joints)].mean(0)).astype(int)
        image[y - 3 : y + 4, x - 3 : x + 4] = colour
    cut = squares(image, pose, torso)
    assert cut.shape == (3, SIDE, SIDE, 3)
    assert [int(square[SIDE // 2, SIDE // 2, 0]) for square in cut] == [80, 160, 240]
