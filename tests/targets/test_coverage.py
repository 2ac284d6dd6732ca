from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from core import paths
from core.pose import skeleton
from core.targets.coverage import MOVES, SEEN, Coverage, Move, coverage_of
from core.types import Pose
from tests.bodies import moved, standing

PERFORMERS = ("mira", "theo")
LEFT_HAND, RIGHT_HAND = (15, 17, 19, 21), (16, 18, 20, 22)
UPPER_ARM, FOREARM, THIGH = 0, 1, 4
OUT, DOWN, UP = 0, 2, 6


def poses_of(performer: str) -> NDArray[np.float32]:
    """(N, 33, 4): 68 s at 25 frames a second, danced so that everything is in it."""
    with np.load(paths.BUNDLED_PERFORMERS / performer / "poses.npz") as stored:
        return np.asarray(stored["landmarks"], np.float32)


def seen(*poses: Pose, seconds: float = 1.0) -> Coverage:
    """Each of these poses for so long."""
    return coverage_of(np.stack([pose.landmarks for pose in poses]), 1 / seconds)


def made(coverage: Coverage) -> set[Move]:
    return {move for move in MOVES if coverage.moves[move] >= SEEN}


def swapped(poses: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same people in a mirror: left is right, and so are their names."""
    order = list(range(33))
    for name, place in ((name, place) for place, name in enumerate(skeleton.NAMES) if "left" in name):
        other = skeleton.NAMES.index(name.replace("left", "right"))
        order[place], order[other] = other, place
    mirrored = poses[:, order].copy()
    mirrored[..., 0] *= -1
    return mirrored


@pytest.mark.parametrize("performer", PERFORMERS)
def test_footage_made_to_hold_everything_lacks_nothing(performer: str) -> None:
    coverage = coverage_of(poses_of(performer), 25)
    assert coverage.missing == ()
    assert coverage.share == 1
    assert coverage.seconds == pytest.approx(68, abs=1)
    assert coverage.turns.sum() == pytest.approx(coverage.seconds, rel=1e-4)
    assert coverage.turns.argmax() == 0


@pytest.mark.parametrize("performer", PERFORMERS)
def test_a_mirror_swaps_left_and_right(performer: str) -> None:
    poses = poses_of(performer)
    straight, mirrored = coverage_of(poses, 25), coverage_of(swapped(poses), 25)
    np.testing.assert_allclose(mirrored.turns, straight.turns[[0, 7, 6, 5, 4, 3, 2, 1]], atol=0.2)
    np.testing.assert_allclose(mirrored.bones, straight.bones[[2, 3, 0, 1, 6, 7, 4, 5]], atol=0.2)
    for move, seconds in straight.moves.items():
        other = {"left": move.replace("left", "right"), "right": move.replace("right", "left")}
        name = next((other[side] for side in other if side in move), move)
        assert mirrored.moves[name] == pytest.approx(seconds, abs=0.2)  # type: ignore[index]


@pytest.mark.parametrize("performer", PERFORMERS)
def test_what_is_cut_out_is_missed(performer: str) -> None:
    poses = poses_of(performer)
    raised = np.any(poses[:, [15, 16], 1] < poses[:, [0], 1] + 40, axis=1)
    assert "Raise both arms above your head for a few seconds." in coverage_of(poses[~raised], 25).missing
    from_behind = poses[:, 11, 0] < poses[:, 12, 0] - 20
    lacking = coverage_of(poses[~from_behind], 25)
    assert "Turn your back to the camera for a few seconds." in lacking.missing
    assert coverage_of(poses[from_behind], 25).missing[0] == "Face the camera for a while."


def test_turning_left_is_the_persons_own_left() -> None:
    sideways = standing()
    sideways.landmarks[:, 0] = 200
    sideways.landmarks[[11, 23], 2], sideways.landmarks[[12, 24], 2] = 40, -40
    assert seen(sideways).turns.argmax() == 2
    sideways.landmarks[:, 2] *= -1
    assert seen(sideways).turns.argmax() == 6


def test_somebody_who_stands_there() -> None:
    coverage = seen(*[standing()] * 40)
    assert coverage.seconds == 40
    assert made(coverage) == set()
    assert coverage.share == pytest.approx(1 / 20)
    assert coverage.missing == (
        "Turn slowly on the spot, once all the way round.",
        "Raise both arms above your head for a few seconds.",
        "Stretch both arms out to the sides.",
        "Bring both hands together in front of your chest.",
        "Lift one knee, then the other.",
        "Stand with your feet wide apart.",
        "Bend your knees and go down low.",
        "Lean to your left, then to your right.",
    )
    assert (coverage.bones.argmax(axis=1) == DOWN).all()


@pytest.mark.parametrize("from_behind", [False, True])
def test_moves_are_told_apart(from_behind: bool) -> None:
    # by hand, in a torso of 80 pixels; from behind the person's left is on the left of the picture
    flip = -1 if from_behind else 1

    def posed(*changes: tuple[tuple[int, ...], float, float]) -> set[Move]:
        pose = standing()
        for joints, dx, dy in changes:
            pose = moved(pose, dx, dy, joints)
        pose.landmarks[:, 0] = 200 + flip * (pose.landmarks[:, 0] - 200)
        return made(seen(pose))

    assert posed((LEFT_HAND, 0, -160), ((13,), 0, -80)) == {"left_arm_up"}
    assert posed((RIGHT_HAND, -70, -80), ((14,), -35, -40)) == {"right_arm_out"}
    assert posed((LEFT_HAND, -35, -40)) == {"left_hand_in"}
    assert posed(((26, 28, 30, 32), 0, -40)) == {"right_foot_up"}
    assert posed(((27, 29, 31), 45, 0), ((28, 30, 32), -45, 0)) == {"feet_apart"}
    assert posed((tuple(range(25)), 0, 40)) == {"crouch"}
    assert posed((tuple(range(23)), 24, 0)) == {"lean_left"}


def test_only_what_lacks_on_one_side_is_asked_of_it() -> None:
    one = moved(standing(), dy=-160, joints=LEFT_HAND)
    assert "Raise your right arm above your head." in seen(one).missing
    assert not any("left arm above" in sentence for sentence in seen(one).missing)


def test_what_is_hidden_was_not_seen() -> None:
    legless = standing()
    legless.landmarks[25:, 3] = 0.1
    coverage = seen(legless)
    assert coverage.bones[UPPER_ARM, DOWN] == 1
    assert coverage.bones[THIGH].sum() == 0


def test_nobody_at_all() -> None:
    for nobody in (np.zeros((0, 33, 4), np.float32), np.full((5, 33, 4), np.nan, np.float32)):
        coverage = coverage_of(nobody, 4)
        assert (coverage.seconds, coverage.share) == (0, 0)
        assert coverage.missing[0] == "Face the camera for a while."


@pytest.mark.parametrize("size", [(960, 640), (400, 700), (301, 199)])
def test_the_picture_brightens_with_what_was_seen(size: tuple[int, int]) -> None:
    nothing = coverage_of(np.zeros((0, 33, 4), np.float32), 4).picture(size)
    little, everything = seen(*[standing()] * 4).picture(size), coverage_of(poses_of("mira"), 25).picture(size)
    assert {picture.shape for picture in (nothing, little, everything)} == {(size[1], size[0], 3)}
    assert nothing.dtype == np.uint8
    levels = [float(picture.mean()) for picture in (nothing, little, everything)]
    assert levels[0] + 1 < levels[1] < levels[2] - 5


def test_left_is_warm_and_on_the_right_of_the_picture() -> None:
    raised = moved(standing(), dy=-160, joints=LEFT_HAND)
    difference = seen(*[raised] * 4).picture().astype(int) - seen(*[standing()] * 4).picture()
    body = difference[:, :570]
    rows, columns = np.nonzero(body.max(axis=2) > 60)
    assert len(rows) > 500
    assert columns.min() > 570 / 2
    assert (body[rows, columns, 0] > body[rows, columns, 2]).mean() > 0.9
