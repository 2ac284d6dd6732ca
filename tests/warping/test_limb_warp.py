from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.targets.matte import body_shape
from core.types import Alpha, Frame, Pose
from core.warping.joint_limits import BOUNDS, Landmarks, reachable
from core.warping.limb_warp import bend
from tests.bodies import moved, standing

UNIT = 80.0
STILL = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
LEFT_ARM = (13, 15, 17, 19, 21)


def _turned(pose: Pose, degrees: float, joint: int, joints: tuple[int, ...]) -> Pose:
    """The pose with ``joints`` turned about ``joint``, clockwise as it is seen."""
    landmarks = pose.landmarks.copy()
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[c, -s], [s, c]])
    centre = landmarks[joint, :2]
    landmarks[list(joints), :2] = (landmarks[list(joints), :2] - centre) @ turn.T + centre
    return Pose(landmarks)


def _arm_out() -> Pose:
    """The left arm held out to the side, the feet apart."""
    pose = moved(moved(standing(), dx=20, joints=(25, 27, 29, 31)), dx=-20, joints=(26, 28, 30, 32))
    return _turned(pose, -70, 11, LEFT_ARM)


def _photo(pose: Pose) -> tuple[Frame, Alpha]:
    """Soft noise, and the body as a mask."""
    dice = np.random.default_rng(1)
    noise = cv2.GaussianBlur(dice.integers(0, 256, (480, 420, 3)).astype(np.uint8), (0, 0), 2)
    return np.asarray(noise, np.uint8), body_shape((480, 420), pose)


def _angle(points: NDArray[np.complex128], parent: int, child: int) -> float:
    return float(np.degrees(np.angle(points[child] - points[parent])))


def _complex(landmarks: Landmarks) -> NDArray[np.complex128]:
    return landmarks[:, 0] + 1j * landmarks[:, 1].astype(np.float64)


def test_asked_for_their_own_pose_nobody_changes() -> None:
    pose = _arm_out()
    frame, mask = _photo(pose)
    result = bend(frame, mask, pose.landmarks, pose.landmarks, STILL, UNIT)
    assert result is not None
    inside = (result.alpha == 255) & (mask[result.box] == 255)
    assert inside.sum() > 0.97 * (mask == 255).sum()
    assert np.abs(result.image.astype(int) - frame[result.box])[inside].max() <= 1
    assert not result.alpha[mask[result.box] == 0].any()


def test_an_arm_lands_where_it_is_asked_for() -> None:
    own = _arm_out()
    frame, mask = _photo(own)
    frame[:] = 90
    wrist = own.xy[15]
    cv2.circle(frame, (round(float(wrist[0])), round(float(wrist[1]))), 4, (250, 0, 0), -1)
    asked = _turned(own, -50, 11, LEFT_ARM)
    result = bend(frame, mask, own.landmarks, asked.landmarks, STILL, UNIT)
    assert result is not None
    red = (result.image[..., 0] > 180) & (result.alpha > 128)
    rows, columns = np.nonzero(red)
    there = columns.mean() + result.box[1].start, rows.mean() + result.box[0].start
    assert there == pytest.approx((float(asked.xy[15, 0]), float(asked.xy[15, 1])), abs=2.5)
    # and nothing of it is left where it was
    assert result.alpha[int(wrist[1]) - result.box[0].start, int(wrist[0]) - result.box[1].start] == 0


def test_the_rest_of_the_body_stays_when_an_arm_moves() -> None:
    own = _arm_out()
    frame, mask = _photo(own)
    result = bend(frame, mask, own.landmarks, _turned(own, -50, 11, LEFT_ARM).landmarks, STILL, UNIT)
    assert result is not None
    legs = np.zeros_like(mask)
    legs[int(own.xy[23, 1]) + 10 :] = 255
    inside = (mask == 255)[result.box] & (legs == 255)[result.box]
    assert np.abs(result.image.astype(int) - frame[result.box])[inside].mean() < 1
    assert (result.alpha[inside] > 250).mean() > 0.99


def test_place_moves_and_scales() -> None:
    own = _arm_out()
    frame, mask = _photo(own)
    place = np.array([[0.8, 0.0, 60.0], [0.0, 0.8, 40.0]])
    landmarks = own.landmarks.copy()
    landmarks[:, :2] = landmarks[:, :2] * 0.8 + (60, 40)
    result = bend(frame, mask, own.landmarks, landmarks, place, UNIT)
    assert result is not None
    expected = cv2.warpAffine(mask, place, (420, 480))
    assert np.abs(result.alpha.astype(int) - expected[result.box]).mean() < 1
    assert result.alpha.sum() == pytest.approx(expected.sum(), rel=0.02)


@pytest.mark.parametrize("degrees", [100, 140, 170, -120])
def test_no_arm_turns_farther_than_its_bound(degrees: float) -> None:
    own = _arm_out().landmarks
    goal = reachable(own, _turned(_arm_out(), degrees, 11, LEFT_ARM).landmarks, UNIT)
    turned = (_angle(goal, 11, 13) - _angle(_complex(own), 11, 13) + 180) % 360 - 180
    assert abs(turned) <= BOUNDS.arm.turn + 0.01
    assert np.sign(turned) == np.sign(degrees)


def test_an_arm_asked_to_the_other_side_does_not_flip() -> None:
    own = _arm_out()
    ways = [_angle(reachable(own.landmarks, _turned(own, d, 11, LEFT_ARM).landmarks, UNIT), 11, 13) for d in (179, 181)]
    assert ways[0] == pytest.approx(ways[1], abs=3)


@pytest.mark.parametrize("stretch", [0.1, 3.0])
def test_bones_stretch_within_their_bounds(stretch: float) -> None:
    own = _arm_out().landmarks
    asked = own.copy()
    asked[[13, 15, 17, 19, 21], :2] = asked[11, :2] + (asked[[13, 15, 17, 19, 21], :2] - asked[11, :2]) * stretch
    goal, mine = reachable(own, asked, UNIT), _complex(own)
    ratio = abs(goal[13] - goal[11]) / abs(mine[13] - mine[11])
    assert ratio == pytest.approx(np.clip(stretch, *BOUNDS.arm.stretch), rel=0.01)


def test_a_joint_that_was_not_seen_moves_nothing() -> None:
    own = _arm_out()
    asked = _turned(own, -50, 11, LEFT_ARM).landmarks
    asked[[13, 15], 3] = 0.1
    goal = reachable(own.landmarks, asked, UNIT)
    assert _angle(goal, 11, 13) == pytest.approx(_angle(_complex(own.landmarks), 11, 13), abs=0.01)


def test_feet_stand_on_the_asked_floor_even_where_legs_cannot_reach() -> None:
    own = _arm_out().landmarks
    asked = moved(Pose(own), dy=120, joints=tuple(range(25))).landmarks
    goal = reachable(own, asked, UNIT)
    feet = [27, 28, 29, 30, 31, 32]
    assert goal[feet].imag.max() == pytest.approx(asked[feet, 1].max(), abs=0.5)


def test_an_arm_over_the_face_stays_there() -> None:
    own = _arm_out()
    landmarks = own.landmarks.copy()
    landmarks[15, :2] = landmarks[0, :2]
    landmarks[[17, 19, 21], :2] = landmarks[0, :2] - (0, 5)
    asked = _turned(Pose(landmarks), -50, 11, LEFT_ARM).landmarks
    goal = reachable(landmarks, asked, UNIT)
    assert _angle(goal, 11, 13) == pytest.approx(_angle(_complex(landmarks), 11, 13), abs=0.01)


@pytest.mark.parametrize("spread", [0.0, 1e-4, 5000.0])
def test_strange_landmarks_tear_nobody_and_raise_nothing(spread: float) -> None:
    own = _arm_out()
    frame, mask = _photo(own)
    dice = np.random.default_rng(2)
    odd = own.landmarks.copy()
    odd[:, :3] = np.array([210, 240, 0]) + dice.normal(0, spread, (33, 3))
    goal = reachable(own.landmarks, odd, UNIT)
    assert np.isfinite(goal).all()
    mine = _complex(own.landmarks)
    for parent, child in ((11, 13), (23, 25), (25, 27)):
        assert 0.6 <= abs(goal[child] - goal[parent]) / abs(mine[child] - mine[parent]) <= 1.6 + 1e-6
    for pair in ((own.landmarks, odd), (odd, own.landmarks), (odd, odd)):
        result = bend(frame, mask, *pair, STILL, UNIT)
        assert result is None or np.isfinite(result.image).all()


def test_nobody_in_the_mask_gives_nobody() -> None:
    pose = _arm_out()
    frame, mask = _photo(pose)
    assert bend(frame, np.zeros_like(mask), pose.landmarks, pose.landmarks, STILL, UNIT) is None


def test_what_lands_outside_the_picture_is_cut_off() -> None:
    pose = _arm_out()
    frame, mask = _photo(pose)
    aside = moved(pose, dx=200).landmarks
    place = np.array([[1.0, 0.0, 200.0], [0.0, 1.0, 0.0]])
    result = bend(frame, mask, pose.landmarks, aside, place, UNIT)
    assert result is not None
    assert result.box[1].stop <= 420
    gone = moved(pose, dx=2000).landmarks
    far = np.array([[1.0, 0.0, 2000.0], [0.0, 1.0, 0.0]])
    assert bend(frame, mask, pose.landmarks, gone, far, UNIT) is None
