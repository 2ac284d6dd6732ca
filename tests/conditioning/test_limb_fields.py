from __future__ import annotations

import numpy as np
import pytest

from core.conditioning.limb_fields import (
    CELL,
    FEATURES,
    FIELDS,
    NECK,
    PELVIS,
    SEGMENTS,
    VECTOR,
    Box,
    limb_fields,
    points_on,
    pose_vector,
)
from core.rendering.canvas import Canvas
from core.types import Pose
from tests.bodies import moved, standing

TORSO = 80.0
CANVAS = Canvas(width=256, height=320, scale=1.25, left=-160.0, top=-250.0)
WHOLE = Box(0, 0, CANVAS.width, CANVAS.height)
UNIT = TORSO / CANVAS.scale


def fields_of(pose: Pose, box: Box = WHOLE) -> np.ndarray:
    return limb_fields(points_on(CANVAS, pose), UNIT, box).reshape(len(SEGMENTS), FEATURES, box.height // CELL, -1)


def segment(start: int, end: int) -> int:
    return [(s.start, s.end) for s in SEGMENTS].index((start, end))


def cell_of(point: np.ndarray) -> tuple[int, int]:
    return int((point[1] + 0.5) // CELL), int((point[0] + 0.5) // CELL)


def test_points_lie_where_the_canvas_shows_them() -> None:
    """The middle of a canvas pixel is a whole number, whatever the pose's own picture counts from."""
    pose = standing()
    points = points_on(CANVAS, pose)
    picture = np.zeros((480, 480), np.uint8)
    x, y = (round(float(value)) for value in pose.xy[15])
    picture[y - 4 : y + 4, x - 4 : x + 4] = 255
    cut = CANVAS.cut(picture, pose).astype(float)
    rows, columns = np.indices(cut.shape)
    seen = np.array([(columns * cut).sum(), (rows * cut).sum()]) / cut.sum()
    off = (np.array([x, y]) - pose.xy[15]) / CANVAS.scale
    np.testing.assert_allclose(points[15, :2], seen - off, atol=0.1)


def test_points_between_landmarks() -> None:
    pose = standing()
    points = points_on(CANVAS, pose)
    np.testing.assert_allclose(points[NECK], points[[11, 12]].mean(0))
    np.testing.assert_allclose(points[PELVIS], points[[23, 24]].mean(0))
    assert points[38, 1] < points[7, 1], "the crown is above the ears"


def test_a_cell_on_a_limb_is_told_so() -> None:
    pose = moved(standing(), dx=60, joints=(15, 17, 19, 21))
    fields, points = fields_of(pose), points_on(CANVAS, pose)
    forearm = segment(13, 15)
    near = fields[forearm, 0]
    middle = cell_of((points[13] + points[15]) / 2)
    assert near[middle] > 0.7
    assert near[middle] > 5 * near[cell_of(points[28])]
    start, end = (fields[forearm, 1][cell_of(points[joint])] for joint in (13, 15))
    assert start < -0.4 < 0.4 < end, "it knows how far along"


def test_sides_have_signs_and_left_is_not_right() -> None:
    pose = standing()
    fields, points = fields_of(pose), points_on(CANVAS, pose)
    shin = segment(25, 27)
    row, column = cell_of((points[25] + points[27]) / 2)
    assert fields[shin, 2][row, column - 2] * fields[shin, 2][row, column + 2] < 0
    assert fields[shin, 0][row, column] > 2 * fields[segment(26, 28), 0][row, column]


def test_depth_and_foreshortening_are_told() -> None:
    pose = standing()
    landmarks = pose.landmarks.copy()
    landmarks[15, 2] = -0.5 * TORSO
    fields, points = fields_of(Pose(landmarks)), points_on(CANVAS, Pose(landmarks))
    spot = cell_of((points[13] + points[15]) / 2)
    forearm = segment(13, 15)
    assert fields[forearm, 4][spot] < -0.2, "nearer than the hips"
    assert fields[forearm, 5][spot] < -0.8, "its end is nearer than its beginning"
    assert abs(fields_of(pose)[forearm, 5][spot]) < 1e-5


def test_a_window_is_cut_from_the_whole() -> None:
    pose = standing()
    window = Box(64, 96, 128, 160)
    inside = fields_of(pose)[:, :, 96 // CELL : 256 // CELL, 64 // CELL : 192 // CELL]
    np.testing.assert_allclose(fields_of(pose, window), inside, atol=1e-4)
    assert limb_fields(points_on(CANVAS, pose), UNIT, window).shape == (FIELDS, 20, 16)


def test_the_same_pose_elsewhere_and_larger_is_told_the_same() -> None:
    np.testing.assert_allclose(fields_of(standing()), fields_of(moved(standing(), 31, -17)), atol=1e-3)
    twice = CANVAS.model_copy(update={"scale": 2.5, "left": -320.0, "top": -500.0})
    larger = standing(torso=2 * TORSO, x=400, floor=800)
    again = limb_fields(points_on(twice, larger), 2 * TORSO / 2.5, WHOLE)
    np.testing.assert_allclose(again, fields_of(standing()).reshape(again.shape), atol=0.1)


def test_limbs_without_length_are_no_trouble() -> None:
    landmarks = standing().landmarks.copy()
    landmarks[:, :2] = landmarks[0, :2]
    assert np.isfinite(limb_fields(points_on(CANVAS, Pose(landmarks)), UNIT, WHOLE)).all()


@pytest.mark.parametrize("shift", [(0, 0), (40, -25)])
def test_a_vector_of_the_pose(shift: tuple[int, int]) -> None:
    pose = standing(seen=0.7)
    told = pose_vector(moved(pose, *shift).landmarks, TORSO)
    assert told.shape == (VECTOR,)
    np.testing.assert_allclose(told, pose_vector(pose.landmarks, TORSO), atol=1e-5)
    np.testing.assert_allclose(told[99:], 0.7, atol=1e-6)
    assert told[:99].reshape(33, 3)[27, 1] == pytest.approx(1.58, abs=0.05), "ankles lie below hips, in torso lengths"
