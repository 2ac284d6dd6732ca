from __future__ import annotations

from functools import reduce
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.canvas import Canvas
from core.limbs import NECK, PELVIS, Box, Points, points_on
from core.types import Pose
from core.warping import parts
from core.warping.parts import HEAD, LEFT_ARM, LEFT_LEG, PARTS, TRUNK, Snapshot, snapshot, warp_parts
from tests.bodies import moved, standing

TORSO = 80.0
CANVAS = Canvas(width=256, height=352, scale=1.0, left=-128.0, top=-220.0)
WHOLE = Box(0, 0, CANVAS.width, CANVAS.height)
LEFT_HAND = (15, 17, 19, 21)
COLOURS = {"arm": (220, 40, 40), "leg": (40, 60, 200), "trunk": (240, 240, 40), "head": (40, 200, 60)}
_LIMBS = (
    ("leg", (23, 25, 27), 20), ("leg", (24, 26, 28), 20), ("trunk", (), 0), ("head", (), 0),
    ("arm", (11, 13, 15, 19), 14), ("arm", (12, 14, 16, 20), 14),
)  # fmt: skip


def painted(points: Points) -> NDArray[np.uint8]:
    """A person with legs, trunk, head and arms of one colour each, on their canvas."""
    image = np.zeros((CANVAS.height, CANVAS.width, 4), np.uint8)
    xy = np.rint(points[:, :2]).astype(np.int32)
    for name, joints, thick in _LIMBS:
        colour = (*COLOURS[name], 255)
        if name == "trunk":
            cv2.fillConvexPoly(image, xy[[11, 12, 24, 23]], colour)
        elif name == "head":
            cv2.circle(image, xy[0].tolist(), 22, colour, -1)
        for a, b in pairwise(joints):
            cv2.line(image, xy[a].tolist(), xy[b].tolist(), colour, thick)
    return image


def seen(pose: Pose) -> Snapshot:
    points = points_on(CANVAS, pose)
    return snapshot(painted(points), points, TORSO)


def laid(parts: NDArray[np.uint8]) -> NDArray[np.float64]:
    return reduce(lambda under, over: under * (1 - over[..., 3:] / 255) + over, parts.astype(float))


def at(image: NDArray[np.float64], point: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(image[round(float(point[1])), round(float(point[0]))])


def test_a_pose_that_was_seen_is_the_picture_itself() -> None:
    pose = moved(standing(), dx=50, joints=LEFT_HAND)
    points = points_on(CANVAS, pose)
    made = laid(warp_parts(points, TORSO, [seen(pose)] * 6, WHOLE))
    wanted = painted(points).astype(float)
    off = np.abs(made - wanted).max(-1) > 60
    assert off.sum() < 0.06 * (wanted[..., 3] > 0).sum(), "but for seams"


def test_a_limb_goes_where_it_is_asked() -> None:
    up = moved(moved(standing(), dx=30, dy=-40, joints=(13,)), dx=50, dy=-130, joints=LEFT_HAND)
    points = points_on(CANVAS, up)
    aside = moved(moved(standing(), dx=30, joints=(13,)), dx=60, joints=LEFT_HAND)
    made = laid(warp_parts(points, TORSO, [seen(aside)] * 6, WHOLE))
    for spot in ((points[13] + points[15]) / 2, points[15]):
        np.testing.assert_allclose(at(made, spot), (*COLOURS["arm"], 255), atol=30)
    assert at(made, points_on(CANVAS, aside)[15])[3] < 60, "and is not where it was"
    np.testing.assert_allclose(at(made, points[27]), (*COLOURS["leg"], 255), atol=30)


def test_parts_come_from_pictures_of_their_own() -> None:
    pose = standing()
    points = points_on(CANVAS, pose)
    other = painted(points).copy()
    other[..., :3] = (10, 10, 10)
    pictures = [seen(pose)] * 6
    pictures[LEFT_LEG] = snapshot(other, points, TORSO)
    made = laid(warp_parts(points, TORSO, pictures, WHOLE))
    np.testing.assert_allclose(at(made, points[25]), (10, 10, 10, 255), atol=20)
    np.testing.assert_allclose(at(made, points[26]), (*COLOURS["leg"], 255), atol=20)


def test_a_part_of_two_pictures_is_mostly_the_larger_one() -> None:
    pose = standing()
    points = points_on(CANVAS, pose)
    other = painted(points).copy()
    other[..., :3] = (10, 10, 10)
    dark = snapshot(other, points, TORSO)
    pictures: list[Snapshot | list[tuple[Snapshot, float]]] = [seen(pose)] * 6
    pictures[LEFT_LEG] = [(seen(pose), 0.7), (dark, 0.3)]
    made = laid(warp_parts(points, TORSO, pictures, WHOLE))
    most = 0.7**2 / (0.7**2 + 0.3**2)
    mean = most * np.array(COLOURS["leg"]) + (1 - most) * 10
    np.testing.assert_allclose(at(made, points[25]), (*mean, 255), atol=20)
    np.testing.assert_allclose(at(made, points[26]), (*COLOURS["leg"], 255), atol=20)


def test_two_pictures_of_a_face_meet_instead_of_lying_over_each_other() -> None:
    """A mark 6 pixels lower in the second picture is one mark half way, not two."""
    points, marked = points_on(CANVAS, standing()), []
    spot = points[[11, 12, 23, 24], :2].mean(0)
    for down in (-3, 3):
        image = painted(points)
        cv2.circle(image, (round(float(spot[0])), round(float(spot[1])) + down), 8, (250, 250, 250, 255), -1)
        marked.append(snapshot(image, points, TORSO))
    pictures: list[Snapshot | list[tuple[Snapshot, float]]] = [seen(standing())] * 6
    pictures[TRUNK] = [(marked[0], 0.5), (marked[1], 0.5)]
    trunk = warp_parts(points, TORSO, pictures, WHOLE)[0]
    column = trunk[:, round(float(spot[0])), 2].astype(int)
    bright = np.flatnonzero(column > 150)
    assert 14 <= len(bright) <= 19, "as large as one"
    assert abs(bright.mean() - spot[1]) < 1.5


def test_the_trunk_goes_on_behind_an_arm() -> None:
    before = moved(standing(), dx=-32, dy=-30, joints=LEFT_HAND)
    landmarks = before.landmarks.copy()
    landmarks[[13, *LEFT_HAND], 2] = -60
    folded = Pose(landmarks)
    parts = warp_parts(points_on(CANVAS, standing()), TORSO, [seen(folded)] * 6, WHOLE)
    trunk = points_on(CANVAS, standing())[[11, 12, 23, 24], :2].mean(0)
    np.testing.assert_allclose(
        parts[0][round(float(trunk[1])), round(float(trunk[0]))], (*COLOURS["trunk"], 255), atol=40
    )


def test_arms_and_legs_have_layers_of_their_own() -> None:
    points = points_on(CANVAS, moved(standing(), dx=50, joints=LEFT_HAND))
    trunk, legs, arms = warp_parts(points, TORSO, [seen(moved(standing(), dx=50, joints=LEFT_HAND))] * 6, WHOLE)
    assert at(arms.astype(float), points[15])[3] > 200
    assert at(legs.astype(float), points[27])[3] > 200
    for layer, point in ((trunk, points[15]), (trunk, points[27]), (legs, points[15]), (arms, points[27])):
        assert at(layer.astype(float), point)[3] < 60


def test_a_head_is_turned_and_not_stretched() -> None:
    """Its picture is larger by a half than asked: it stays nearly as large as it is."""
    near = standing().landmarks.copy()
    near[:11, :2] = near[0, :2] + 1.5 * (near[:11, :2] - near[0, :2])
    points = points_on(CANVAS, standing())
    parts = warp_parts(points, TORSO, [seen(Pose(near))] * 6, WHOLE)
    green = (parts[0].astype(int) - (*COLOURS["head"], 255))[..., :3]
    assert (np.abs(green).max(-1) < 40).sum() == pytest.approx(np.pi * 22**2, rel=0.35)


def test_a_window_is_cut_from_the_whole() -> None:
    pose, box = moved(standing(), dx=40, joints=LEFT_HAND), Box(64, 96, 128, 192)
    points, pictures = points_on(CANVAS, pose), [seen(standing())] * 6
    whole, window = (warp_parts(points, TORSO, pictures, b).astype(int) for b in (WHOLE, box))
    inside = whole[:, 96:288, 64:192]
    # maps between cells are made up differently along a window's sides
    assert np.abs(inside - window)[:, 8:-8, 8:-8].mean() < 0.5


def test_what_is_out_of_view_or_was_never_seen_is_left_out() -> None:
    points = points_on(CANVAS, standing())
    nothing = snapshot(np.zeros((CANVAS.height, CANVAS.width, 4), np.uint8), points, TORSO)
    assert not warp_parts(points, TORSO, [nothing] * 6, WHOLE).any()
    far = points.copy()
    far[:, 0] += 5000
    assert not warp_parts(far, TORSO, [seen(standing())] * 6, WHOLE).any()


def test_a_person_is_cut_into_all_six() -> None:
    pieces = seen(moved(standing(), dx=50, joints=LEFT_HAND)).pieces
    assert len(pieces) == len(PARTS) == 6
    assert all(piece.image[..., 3].any() for piece in pieces)
    colour = {TRUNK: "trunk", HEAD: "head", LEFT_ARM: "arm", LEFT_LEG: "leg"}
    for part, name in colour.items():
        solid = pieces[part].image[pieces[part].image[..., 3] > 250][:, :3]
        assert (np.abs(np.median(solid, 0) - COLOURS[name]) < 10).all(), name


def test_nothing_is_shown_as_large_as_a_door() -> None:
    rows, columns = np.mgrid[:6, :9].astype(np.float32) * 8
    own = np.dstack([columns, rows])
    assert parts._true(own, 0.1) is None
    assert parts._true(own[:1], 0.1) is None, "a single row has no size"
    own[:, 5:] = own[:, 5:6] + 0.2 * (own[:, 5:] - own[:, 5:6]) * [1, 0] + (own[:, 5:] - own[:, 5:6]) * [0, 1]
    own[:, 5:, 1] *= 0.2
    true = parts._true(own, 0.1)
    assert true is not None
    assert (true[:, :4] == 255).all()
    assert not true[:, 6:].any()


def test_a_trunk_seen_from_the_side_has_no_holes() -> None:
    """In both poses one shoulder hides the other, left before right in one and right before left in the other."""
    own, asked = standing().landmarks.copy(), standing().landmarks.copy()
    middle = own[[23, 24], 0].mean()
    for landmarks, side in ((own, 0.25), (asked, -0.25)):
        landmarks[[11, 12, 23, 24], 0] = middle + side * (landmarks[[11, 12, 23, 24], 0] - middle)
    points, wanted = points_on(CANVAS, Pose(own)), points_on(CANVAS, Pose(asked))
    # a trunk is as deep as it is wide, however near each other its joints are in the picture
    picture = snapshot(painted(points_on(CANVAS, standing())), points, TORSO)
    made = laid(warp_parts(wanted, TORSO, [picture] * 6, WHOLE))
    spine = [wanted[NECK] + share * (wanted[PELVIS] - wanted[NECK]) for share in np.linspace(0.2, 0.8, 7)]
    for across in (-8, 0, 8):
        assert min(at(made, spot + np.array([across, 0, 0, 0], np.float32))[3] for spot in spine) > 250
