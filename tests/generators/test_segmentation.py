"""The network that ships, on footage that it has never seen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from core.conditioning.limb_fields import LABELS, Points, points_on
from core.generators.realtime import person_of_frame
from core.generators.segmentation import MOST_UNIT, SIDE, fitted, part_shares, placed
from core.pipeline import performer_statistics
from core.rendering.canvas import Canvas
from core.targets.store import Target, load_target

SPOTS = {0: 2, 11: 1, 12: 1, 13: 3, 14: 4, 15: 3, 16: 4, 25: 5, 26: 6, 27: 5, 28: 6, 31: 5, 32: 6}
"""Landmarks, and what is to be seen there; shoulders are the trunk's or the arm's."""
SHOULDERS = {11: 3, 12: 4}


def shown(target: Target, frame: int) -> tuple[NDArray[np.uint8], Points, float]:
    """The person in a frame, the points of their pose and their torso length."""
    pose = target.pose(frame)
    assert pose is not None
    unit = performer_statistics(target).near[1]
    canvas = Canvas(width=512, height=512, scale=1.0, left=-256.0, top=-256.0)
    return person_of_frame(target, canvas, frame), points_on(canvas, pose), unit


@pytest.mark.parametrize("who", ["mira", "theo"])
def test_what_is_seen_at_a_landmark_is_the_part_it_belongs_to(who: str) -> None:
    right = total = 0
    with load_target(who) as target:
        frames = np.flatnonzero(target.found)
        for frame in frames[np.linspace(5, len(frames) - 5, 24).astype(int)].tolist():
            picture, points, unit = shown(target, frame)
            shares = part_shares(picture, points, unit)
            for landmark, label in SPOTS.items():
                x, y = np.rint(points[landmark, :2]).astype(int)
                inside = 0 <= x < 512 and 0 <= y < 512 and picture[y, x, 3] > 250
                if not inside or points[landmark, 3] < 0.9:
                    continue
                total += 1
                right += int(shares[1:, y, x].argmax()) + 1 in {label, SHOULDERS.get(landmark, label)}
    assert total > 200
    # some landmarks lie behind another part
    assert right / total > 0.9, f"{right} of {total}"


def test_shares_are_of_the_person_alone_and_as_large_as_the_picture() -> None:
    with load_target("theo") as target:
        picture, points, unit = shown(target, int(np.flatnonzero(target.found)[100]))
    shares = part_shares(picture, points, unit)
    assert shares.shape == (LABELS, *picture.shape[:2])
    person = picture[..., 3] > 250
    whole = shares.sum(0, dtype=int)[person]
    assert np.abs(np.percentile(whole, (5, 95)) - 255).max() < 12
    assert (shares[0][person] < 128).mean() > 0.97, "hardly anything of the person is nobody"
    nobody = part_shares(np.zeros_like(picture), points, unit)
    assert not nobody.any()


def test_a_picture_is_understood_at_any_size() -> None:
    import cv2

    with load_target("mira") as target:
        picture, points, unit = shown(target, int(np.flatnonzero(target.found)[200]))
    labels = part_shares(picture, points, unit)[1:].argmax(0)
    for scale in (0.5, 2.0):
        size = (int(512 * scale), int(512 * scale))
        other = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        matrix = np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2]])
        found = part_shares(np.asarray(other, np.uint8), placed(points, matrix), unit * scale)[1:].argmax(0)
        back = cv2.resize(found.astype(np.uint8), (512, 512), interpolation=cv2.INTER_NEAREST)
        assert (back == labels)[picture[..., 3] > 250].mean() > 0.9


def test_half_a_body_is_shown_no_larger_than_a_whole_one() -> None:
    mask = np.zeros((400, 400), np.uint8)
    mask[150:250, 150:230] = 255
    matrix = fitted(mask, 100.0)
    assert matrix is not None
    assert matrix[0, 0] == pytest.approx(MOST_UNIT / 100)
    middle = matrix @ (189.5, 199.5, 1)
    np.testing.assert_allclose(middle, (SIDE - 1) / 2, atol=1)
    assert fitted(np.zeros_like(mask), 100.0) is None


def test_threads_may_ask_at_the_same_time() -> None:
    with load_target("theo") as target:
        frames = np.flatnonzero(target.found)[[50, 400, 700]].tolist()
        asked = [shown(target, frame) for frame in frames]
    alone = [part_shares(*one) for one in asked]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda one: part_shares(*one), asked * 3))
    for i, found in enumerate(together):
        np.testing.assert_array_equal(found, alone[i % 3])
