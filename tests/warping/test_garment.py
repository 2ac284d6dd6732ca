"""A shirt that hangs over the hips is of one piece, whatever the legs do."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.conditioning.limb_fields import LABELS, points_on
from core.types import Frame, Pose
from core.warping.garment import lifted, told_apart
from core.warping.outline import STANDARD
from core.warping.part_warp import snapshot, warp_parts
from tests.bodies import moved, standing
from tests.warping.test_part_warp import CANVAS, TORSO, WHOLE, laid, painted

RED, BLUE, GREY = (210, 40, 40), (40, 60, 200), (120, 120, 120)
HEM = 24
"""Pixels below the hips at which the shirt ends."""
APART = moved(moved(standing(), dx=45, joints=(25, 27, 29, 31)), dx=-45, joints=(26, 28, 30, 32))
"""Legs spread wide."""


def dressed(pose: Pose, shirt: tuple[int, int, int], trousers: tuple[int, int, int]) -> NDArray[np.uint8]:
    """(height, width, 4): somebody whose shirt hangs over both thighs."""
    points = points_on(CANVAS, pose)
    image = painted(points)
    xy = np.rint(points[:, :2]).astype(int)
    for hip, knee, ankle in ((23, 25, 27), (24, 26, 28)):
        for a, b in ((hip, knee), (knee, ankle)):
            cv2.line(image, xy[a].tolist(), xy[b].tolist(), (*trousers, 255), 20)
    shoulders, hips = xy[[11, 12]], xy[[24, 23]] + np.array([[-10, HEM], [10, HEM]])
    cv2.fillConvexPoly(image, np.concatenate([shoulders, hips]), (*shirt, 255))
    return image


def labelled(pose: Pose, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(LABELS, height, width): all that lies below the hips is a leg's, as the segmenter says."""
    shares = np.zeros((LABELS, CANVAS.height, CANVAS.width), np.uint8)
    points = points_on(CANVAS, pose)
    person = image[..., 3] > 0
    y, x = np.mgrid[: CANVAS.height, : CANVAS.width]
    below = y > points[[23, 24], 1].mean()
    left = np.abs(x - points[25, 0]) < np.abs(x - points[26, 0])
    for label, where in ((1, ~below), (5, below & left), (6, below & ~left)):
        shares[label] = 255 * (person & where)
    return shares


def colours_of(image: NDArray[np.uint8]) -> Frame:
    return np.ascontiguousarray(image[..., :3])


def test_what_has_the_shirts_colour_is_the_trunks() -> None:
    pose = standing()
    image = dressed(pose, RED, BLUE)
    own = points_on(CANVAS, pose)[:33]
    found = told_apart(colours_of(image), labelled(pose, image), own, TORSO)
    assert found is not None
    shares, hangs = found
    shirt = (image[..., :3] == RED).all(-1)
    y = np.mgrid[: CANVAS.height, : CANVAS.width][0]
    hem = shirt & (y > own[23, 1] + 4) & (y < own[23, 1] + HEM - 6)
    assert hem.sum() > 100
    assert (shares[1][hem] > 200).mean() > 0.95
    assert (hangs[hem] > 200).mean() > 0.95
    trousers = (image[..., :3] == BLUE).all(-1) & (y > own[23, 1] + HEM + 8)
    assert not (shares[1][trousers] > 60).any()
    assert not hangs[y < own[11, 1] + 20].any(), "of the hem alone"
    assert (shares.sum(0, dtype=int) <= 256).all()


@pytest.mark.parametrize(("shirt", "trousers"), [(GREY, GREY), (GREY, (128, 120, 114))])
def test_garments_of_one_colour_are_left_as_they_are(
    shirt: tuple[int, int, int], trousers: tuple[int, int, int]
) -> None:
    pose = standing()
    image = dressed(pose, shirt, trousers)
    assert told_apart(colours_of(image), labelled(pose, image), points_on(CANVAS, pose)[:33], TORSO) is None


def test_nobody_in_view_has_no_garments() -> None:
    empty = np.zeros((CANVAS.height, CANVAS.width, 4), np.uint8)
    pose = standing()
    assert told_apart(colours_of(empty), labelled(pose, empty), points_on(CANVAS, pose)[:33], TORSO) is None


def test_a_hem_stays_straight_where_legs_are_spread() -> None:
    own, asked = (points_on(CANVAS, pose) for pose in (standing(), APART))
    image = dressed(standing(), RED, BLUE)
    cut = snapshot(image, own, TORSO, STANDARD, labelled(standing(), image))
    made = laid(warp_parts(asked, TORSO, [cut] * 6, WHOLE))
    red = (np.abs(made[..., :3] - RED).max(-1) < 60) & (made[..., 3] > 200)
    middle = round(float(asked[[23, 24], 0].mean()))
    hips = float(asked[[23, 24], 1].mean())
    reach = round(float(abs(asked[23, 0] - asked[24, 0]) / 2))
    ends = [np.flatnonzero(red[:, x]).max() - hips for x in range(middle - reach, middle + reach + 1, 4)]
    assert min(ends) > HEM - 8, "it hangs over both legs"
    assert max(ends) < HEM + 8, "and nowhere farther down"


def test_a_thigh_that_is_lifted_lies_before_the_shirt() -> None:
    lifted_knee = standing().landmarks.copy()
    lifted_knee[[25, 27, 29, 31], 1] -= lifted_knee[25, 1] - lifted_knee[23, 1] + 10
    left, right = lifted(points_on(CANVAS, Pose(lifted_knee))[:33], TORSO)
    assert left == 0
    assert right == 1
