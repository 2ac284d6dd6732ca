from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from core.conditioning.limb_fields import CLOTH_LABEL, LABELS, Points, points_on
from core.rendering.canvas import Canvas
from core.types import Pose
from core.warping.outline import STANDARD
from core.warping.part_warp import HEAD, LEFT_ARM, LEFT_LEG, RIGHT_ARM, TRUNK, Piece, completed, snapshot
from tests.bodies import moved, standing

TORSO = 80.0
CANVAS = Canvas(width=256, height=352, scale=1.0, left=-128.0, top=-220.0)
LEFT_HAND = (15, 17, 19, 21)
COLOURS = {1: (240, 240, 40), 2: (40, 200, 60), 3: (220, 40, 40), 4: (220, 90, 40), 5: (40, 60, 200), 6: (40, 110, 200)}
_LIMBS: tuple[tuple[int, tuple[int, ...], int], ...] = (
    (5, (23, 25, 27), 26),
    (6, (24, 26, 28), 26),
    (3, (11, 13, 15, 19), 16),
    (4, (12, 14, 16, 20), 16),
)


def painted(points: Points) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A person with a colour for each part, arms over everything, and how surely each pixel shows each of them."""
    labels = np.zeros((CANVAS.height, CANVAS.width), np.uint8)
    xy = np.rint(points[:, :2]).astype(np.int32)
    for label, joints, thick in _LIMBS[:2]:
        for a, b in pairwise(joints):
            cv2.line(labels, xy[a].tolist(), xy[b].tolist(), label, thick)
    cv2.fillConvexPoly(labels, xy[[11, 12, 24, 23]], 1)
    cv2.circle(labels, xy[0].tolist(), 22, 2, -1)
    for label, joints, thick in _LIMBS[2:]:
        for a, b in pairwise(joints):
            cv2.line(labels, xy[a].tolist(), xy[b].tolist(), label, thick)
    image = np.zeros((*labels.shape, 4), np.uint8)
    for part, colour in COLOURS.items():
        image[labels == part] = np.array([*colour, 255], np.uint8)
    shares = np.stack([(labels == label) * np.uint8(255) for label in range(LABELS)]).astype(np.uint8)
    return image, shares


def count(piece: Piece, label: int, below: float = 0.0) -> int:
    """Pixels of a piece that have a part's colour, below a row of the canvas."""
    off = np.abs(piece.image[..., :3].astype(int) - COLOURS[label]).max(-1)
    rows = piece.top + np.arange(len(off))[:, None] > below
    return int(((off < 20) & (piece.image[..., 3] > 200) & rows).sum())


def hand_before_the_hip() -> Pose:
    landmarks = standing().landmarks.copy()
    landmarks[13, :2] = landmarks[23, :2] + (45, -40)
    landmarks[list(LEFT_HAND), :2] = (landmarks[23, :2] + landmarks[24, :2]) / 2 + (8, 4)
    landmarks[[13, *LEFT_HAND], 2] -= 40
    return Pose(landmarks)


def test_a_hand_before_the_hip_is_no_hip() -> None:
    pose = hand_before_the_hip()
    points = points_on(CANVAS, pose)
    image, shares = painted(points)
    blind, knowing = snapshot(image, points, TORSO), snapshot(image, points, TORSO, STANDARD, shares)
    # the sleeve goes on over the shoulder
    chest = float(points[[11, 23], 1].mean())
    over = sum(count(blind.pieces[part], 3, chest) for part in (TRUNK, LEFT_LEG))
    assert over > 40, "by the distance to the bones alone it is copied along"
    assert sum(count(knowing.pieces[part], 3, chest) for part in (TRUNK, HEAD, LEFT_LEG, RIGHT_ARM)) == 0
    assert count(knowing.pieces[LEFT_ARM], 3) > 0.9 * (shares[3] > 0).sum() - 60


def test_what_a_hand_hides_is_filled_with_what_is_around_it() -> None:
    pose = hand_before_the_hip()
    points = points_on(CANVAS, pose)
    image, shares = painted(points)
    trunk = snapshot(image, points, TORSO, STANDARD, shares).pieces[TRUNK]
    x, y = np.rint(points[15, :2] - (0, 5)).astype(int)
    assert shares[3, y, x] == 255, "the forearm lies there"
    spot = trunk.image[y - trunk.top, x - trunk.left]
    np.testing.assert_allclose(spot, (*COLOURS[1], 255), atol=25)


def test_parts_go_on_over_each_other_where_they_hang_together() -> None:
    """Cut sharply, a bent shoulder would open a gap."""
    pose = moved(moved(standing(), dx=30, joints=(13,)), dx=60, joints=LEFT_HAND)
    points = points_on(CANVAS, pose)
    image, shares = painted(points)
    parts = snapshot(image, points, TORSO, STANDARD, shares).pieces
    assert count(parts[LEFT_ARM], 1) > 10, "some of the trunk at the shoulder"
    assert count(parts[TRUNK], 3) > 10
    assert count(parts[LEFT_ARM], 5) == 0


def test_nothing_of_a_person_is_lost_or_taken_from_afar() -> None:
    """Where nothing tells which part a pixel is of, the distance to the bones does; hanging cloth is the trunk's."""
    points = points_on(CANVAS, standing())
    image, shares = painted(points)
    unknown = np.zeros_like(shares)
    blind, knowing = snapshot(image, points, TORSO), snapshot(image, points, TORSO, STANDARD, unknown)
    for one, other in zip(blind.pieces, knowing.pieces, strict=True):
        assert (
            abs(int((one.image[..., 3] > 128).sum()) - int((other.image[..., 3] > 128).sum()))
            < 0.08 * (one.image[..., 3] > 128).sum()
        )
    shares[CLOTH_LABEL], shares[1] = shares[1], 0
    dressed = snapshot(image, points, TORSO, STANDARD.model_copy(update={"hem": 0.6}), shares)
    assert count(dressed.pieces[TRUNK], 1) > 0.8 * (shares[CLOTH_LABEL] > 0).sum()


def test_what_a_hand_hides_is_taken_from_a_picture_that_shows_it() -> None:
    """A badge lies below the hand; in the other picture, in which the person stands elsewhere, the hand hangs down."""
    badge = (90, 20, 160)
    covered, bare = hand_before_the_hip(), moved(standing(), 9, -6)
    pictures = {}
    for name, pose in (("covered", covered), ("bare", bare)):
        points = points_on(CANVAS, pose)
        image, shares = painted(points)
        hand = points_on(CANVAS, covered)[15, :2] - (0, 5)
        middle = np.rint(points[24, :2] + hand - points_on(CANVAS, covered)[24, :2]).astype(int)
        spot = np.zeros(image.shape[:2], np.uint8)
        cv2.circle(spot, middle.tolist(), 7, 255, -1)
        image[(spot > 0) & (shares[1] == 255), :3] = badge
        pictures[name] = (snapshot(image, points, TORSO, STANDARD, shares), middle)
    whole = completed(pictures["covered"][0], TRUNK, pictures["bare"][0], TORSO)
    x, y = pictures["covered"][1]

    def at(piece: Piece) -> NDArray[np.uint8]:
        return np.asarray(piece.image[y - piece.top, x - piece.left])

    assert np.abs(at(pictures["covered"][0].pieces[TRUNK])[:3].astype(int) - badge).max() > 60, "it is made up at first"
    np.testing.assert_allclose(at(whole.pieces[TRUNK]), (*badge, 255), atol=30)
    assert whole.pieces[LEFT_ARM] is pictures["covered"][0].pieces[LEFT_ARM]
    before, after = (picture.pieces[TRUNK].image[..., 3] for picture in (pictures["covered"][0], whole))
    assert (np.abs(before.astype(int) - after) <= 3).all(), "the part is no larger and no smaller"
