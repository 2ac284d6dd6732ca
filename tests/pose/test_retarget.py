from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from core.pose.retarget import LiveBody, Retargeter, ground_lines, measure_body, measure_shots
from core.types import Pose
from tests.bodies import bone, moved, standing

PERFORMER = [standing(x=256, floor=480, torso=110, arm=1.25, leg=0.9) for _ in range(30)]
DANCER = [standing(x=500, floor=600, torso=60) for _ in range(30)]
# long enough for its lengths to be believed
LONG = DANCER * 100


def _fit(poses: list[Pose], at: int = 0) -> Pose:
    dancer = measure_body(poses)
    grounds = ground_lines(list(poses), [i / 25 for i in range(len(poses))], dancer.legs_seen)
    return Retargeter(measure_body(PERFORMER)).fit(poses[at], dancer, grounds[at])


def test_a_standing_dancer_becomes_the_standing_performer() -> None:
    asked = _fit(LONG)
    assert np.abs(asked.xy - PERFORMER[0].xy).max() < 2.0


def test_limbs_take_the_performers_lengths() -> None:
    asked = _fit(LONG)
    for parent, child in ((11, 13), (13, 15), (23, 25), (25, 27), (11, 12)):
        assert bone(asked, parent, child) == pytest.approx(bone(PERFORMER[0], parent, child), rel=0.02)


def test_a_short_clip_that_never_shows_an_arm_at_length_does_not_stretch_it() -> None:
    pointing = PERFORMER[0].landmarks.copy()
    for joint in (13, 15, 17, 19, 21):
        pointing[joint, :2] = pointing[11, :2] + 0.5 * (pointing[joint, :2] - pointing[11, :2])
        pointing[joint + 1, :2] = pointing[12, :2] + 0.5 * (pointing[joint + 1, :2] - pointing[12, :2])
    seen = bone(Pose(pointing), 11, 13)
    short, long = (_fit([Pose(pointing)] * frames) for frames in (12, 3000))
    assert bone(short, 11, 13) < 1.15 * seen
    assert bone(long, 11, 13) > 1.5 * seen


def test_foreshortening_is_kept() -> None:
    poses = list(LONG)
    pointing = poses[5].landmarks.copy()
    pointing[15:22:2, :2] = pointing[13, :2] + 0.5 * (pointing[15:22:2, :2] - pointing[13, :2])
    poses[5] = Pose(pointing)
    asked = _fit(poses, 5)
    assert bone(asked, 13, 15) == pytest.approx(0.5 * bone(PERFORMER[0], 13, 15), rel=0.02)


def test_feet_stay_on_the_performers_floor_through_a_squat() -> None:
    poses = list(DANCER)
    upper = tuple(i for i in range(33) if i not in {27, 28, 29, 30, 31, 32})
    poses[10:20] = [moved(p, dy=30, joints=upper) for p in poses[10:20]]
    asked = _fit(poses, 15)
    assert asked.xy[[29, 30, 31, 32], 1].max() == pytest.approx(480, abs=1)


def test_a_jump_leaves_the_floor_and_keeps_its_size() -> None:
    poses = list(DANCER)
    poses[12:16] = [moved(p, dy=-24) for p in poses[12:16]]
    asked = _fit(poses, 14)
    assert asked.xy[[29, 30, 31, 32], 1].max() == pytest.approx(480 - 24 * 110 / 60, abs=3)


def test_a_step_aside_is_a_step_aside() -> None:
    poses = [*DANCER, *[moved(DANCER[0], dx=36)] * 10]
    asked = _fit(poses, 35)
    assert asked.xy[[27, 28], 0].mean() == pytest.approx(256 + 36 * 110 / 60, abs=2)


def test_coming_nearer_is_not_growing() -> None:
    # the dancer walks towards the camera; the performer's footage knows one distance only
    poses = [standing(x=500, floor=500 + 4 * i, torso=45 + 0.6 * i) for i in range(50)]
    first, last = _fit(poses, 0), _fit(poses, 49)
    assert bone(first, 11, 23) == pytest.approx(bone(last, 11, 23), rel=0.06)
    assert abs(first.xy[31, 1] - last.xy[31, 1]) < 12


def test_depth_is_matched_where_both_rooms_have_it() -> None:
    walks = [standing(x=500, floor=500 + 4 * i, torso=45 + 0.6 * i) for i in range(50)]
    performer = [standing(x=256, floor=400 + 2 * i, torso=80 + 0.8 * i) for i in range(50)]
    dancer = measure_body(walks)
    fitter = Retargeter(measure_body(performer))
    far = fitter.fit(walks[2], dancer, 508.0)
    near = fitter.fit(walks[47], dancer, 688.0)
    assert bone(near, 11, 23) > 1.3 * bone(far, 11, 23)
    assert near.xy[31, 1] > far.xy[31, 1] + 60


def turned_aside(pose: Pose) -> Pose:
    """The same seen from the side: left and right lie over each other."""
    landmarks = pose.landmarks.copy()
    middle = landmarks[:, 0].mean()
    landmarks[:, 0] = middle + 0.1 * (landmarks[:, 0] - middle)
    return Pose(landmarks)


def test_a_rest_pose_faces_the_camera_where_the_footage_ever_does() -> None:
    """From the side legs spread least; half a body would be given legs that walk out of the picture."""
    astride = moved(moved(standing(), dx=14, joints=(25, 27, 29, 31)), dx=-14, joints=(26, 28, 30, 32))
    aside = turned_aside(standing())
    rest = measure_body([aside] * 20 + [astride] * 5 + [aside] * 20).standing
    widest = abs(astride.xy[23, 0] - astride.xy[24, 0])
    assert abs(rest.xy[23, 0] - rest.xy[24, 0]) >= 0.85 * widest
    assert measure_body([aside] * 20).standing is aside, "who is only seen from the side rests so"


def test_a_desk_webcam_gets_the_performers_standing_legs() -> None:
    hidden = []
    for p in DANCER:
        landmarks = moved(p, dx=-180, dy=200).landmarks.copy()
        landmarks[23:, 3] = 0.05
        hidden.append(Pose(landmarks))
    waved = hidden[3].landmarks.copy()
    waved[15, 1] -= 60
    hidden[3] = Pose(waved)
    asked = _fit(hidden, 3)
    assert np.abs(asked.xy[23:] - PERFORMER[0].xy[23:]).max() < 2
    assert np.abs(asked.xy[11] - PERFORMER[0].xy[11]).max() < 12
    assert asked.xy[15, 1] < PERFORMER[0].xy[15, 1] - 60


def test_whose_footage_ends_at_the_thighs_dances_from_there_up() -> None:
    """Shoulders go where the dancer's go, sideways and down; up, where the cut would be seen, they stay."""
    half = []
    for pose in PERFORMER:
        landmarks = pose.landmarks.copy()
        landmarks[25:, 3] = 0.1
        half.append(Pose(landmarks))
    performer = measure_body(half)
    assert not performer.legs_seen
    dancer = measure_body(LONG)
    shoulders = PERFORMER[0].xy[[11, 12]].mean(axis=0)

    def asked(pose: Pose) -> Pose:
        return Retargeter(performer).fit(pose, dancer, dancer.near[0])

    assert np.abs(asked(LONG[0]).xy[[11, 12]].mean(axis=0) - shoulders).max() < 4
    scale = performer.near[1] / dancer.near[1]
    aside = asked(moved(LONG[0], dx=10)).xy[[11, 12]].mean(axis=0)
    assert aside[0] - shoulders[0] == pytest.approx(10 * scale, rel=0.1)
    down = asked(moved(LONG[0], dy=20)).xy[[11, 12]].mean(axis=0)
    assert down[1] - shoulders[1] == pytest.approx(20 * scale, rel=0.25)
    jump = asked(moved(LONG[0], dy=-40)).xy[[11, 12]].mean(axis=0)
    assert abs(jump[1] - shoulders[1]) < 4
    legs = asked(LONG[0]).xy[[25, 26, 27, 28]]
    assert np.abs(legs - PERFORMER[0].xy[[25, 26, 27, 28]]).max() < 4, "of legs that were never seen nothing is asked"


def test_the_ground_ignores_a_jump_and_holds_through_gaps() -> None:
    poses: list[Pose | None] = [*DANCER, *[moved(DANCER[0], dy=-40)] * 8, *DANCER]
    poses[40:44] = [None] * 4
    lines = ground_lines(poses, [i / 25 for i in range(len(poses))], True)
    assert max(abs(y - 600) for y in lines) < 3


def test_live_statistics_settle_within_a_second() -> None:
    body = LiveBody()
    whole = measure_body(DANCER)
    crouched = [moved(p, dy=15, joints=(0, 11, 12)) for p in DANCER[:5]]
    for i, pose in enumerate([*crouched, *DANCER[:20]]):
        dancer, ground = body.add(pose, i / 25)
    assert dancer.near[1] == pytest.approx(whole.near[1], rel=0.03)
    assert ground == pytest.approx(600, abs=2)


def test_statistics_of_nobody_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        measure_body([])


def test_live_legs_that_leave_the_picture_and_come_back_are_noticed_within_two_seconds() -> None:
    body = LiveBody()
    desk = standing(x=500, floor=1000, torso=160)
    landmarks = desk.landmarks.copy()
    landmarks[25:, 3] = 0.1
    views = [DANCER[0]] * 200 + [Pose(landmarks)] * 60 + [DANCER[0]] * 60
    seen = [body.add(pose, i / 25)[0].legs_seen for i, pose in enumerate(views)]
    assert all(seen[:200])
    assert not any(seen[200 + 50 : 260])
    assert all(seen[260 + 50 :])


def upside_down(pose: Pose, floor: float) -> Pose:
    """The same on its hands or its head, the lowest of them on the line y = ``floor``."""
    landmarks = pose.landmarks.copy()
    landmarks[:, 1] *= -1
    landmarks[:, 1] += floor - landmarks[:, 1].max()
    return Pose(landmarks)


def arms_up(pose: Pose) -> Pose:
    landmarks = pose.landmarks.copy()
    for side in (0, 1):
        arm = [joint + side for joint in (13, 15, 17, 19, 21)]
        landmarks[arm, 1] = 2 * landmarks[11 + side, 1] - landmarks[arm, 1]
    return Pose(landmarks)


@pytest.mark.parametrize("lift", [lambda pose: pose, arms_up], ids=["on the head", "on the hands"])
def test_upside_down_the_head_or_the_hands_stand_on_the_performers_floor(lift: Callable[[Pose], Pose]) -> None:
    poses = [upside_down(lift(moved(pose, dx=i % 3)), 600) for i, pose in enumerate(LONG[:100])]
    asked = _fit(poses, 50)
    assert asked.xy[:, 1].max() == pytest.approx(480, abs=2)
    assert asked.xy[[27, 28], 1].max() < 300
    assert asked.xy[[27, 28], 0].mean() == pytest.approx(256, abs=8)


def test_from_the_feet_to_the_hands_and_back_the_floor_stays_and_a_hop_on_the_hands_is_a_hop() -> None:
    hands = [upside_down(arms_up(pose), 600) for pose in DANCER]
    hop = [moved(pose, dy=-24) for pose in hands[:6]]
    poses = [*DANCER, *hands, *hop, *hands, *DANCER]
    lowest = [float(_fit(poses, at).xy[:, 1].max()) for at in (15, 45, 63, 80, 110)]
    assert lowest == [pytest.approx(y, abs=4) for y in (480, 480, 480 - 24 * 110 / 60, 480, 480)]


def test_a_hand_on_the_floor_in_front_of_the_feet_does_not_lift_the_feet() -> None:
    poses = list(LONG[:100])
    bent = poses[50].landmarks.copy()
    bent[[15, 17, 19, 21], 1] = 600 + 0.3 * 60
    poses[50:60] = [Pose(bent)] * 10
    assert _fit(poses, 55).xy[[29, 30, 31, 32], 1].max() == pytest.approx(480, abs=1)


def close_up(pose: Pose) -> Pose:
    """Head to hips, twice as near; legs are guessed out of the picture."""
    landmarks = pose.scaled(2.0).landmarks.copy()
    landmarks[:, :2] -= (500, 500)
    landmarks[23:, 3] = 0.1
    return Pose(landmarks)


def test_each_shot_has_a_size_and_a_ground_of_its_own_and_they_share_the_bones() -> None:
    broad = [moved(moved(pose, dx=12, joints=(11,)), dx=-12, joints=(12,)) for pose in DANCER]
    shots = [broad, [close_up(pose) for pose in broad], [moved(pose.scaled(1.5), dy=-200) for pose in broad[:6]]]
    whole, near, short = measure_shots(shots)
    assert [body.legs_seen for body in (whole, near, short)] == [True, False, True]
    assert near.near[1] == pytest.approx(2 * whole.near[1], rel=0.03)
    assert short.near[0] == pytest.approx(1.5 * 600 - 200)
    assert short.near[1] == pytest.approx(1.5 * whole.near[1], rel=0.03)
    assert near.bones == whole.bones == short.bones


def test_a_shot_that_shows_the_torso_short_is_not_taken_for_a_small_body() -> None:
    bent = [moved(pose, dy=25, joints=(*range(23),)) for pose in DANCER[:6]]
    whole, short = measure_shots([LONG, bent])
    assert measure_body(bent).near[1] < 0.65 * whole.near[1]
    assert short.near[1] > 0.8 * whole.near[1]


def test_a_rest_pose_faces_the_front_in_footage_that_hardly_shows_it() -> None:
    aside = turned_aside(standing())
    astride = moved(moved(standing(), dx=14, joints=(25, 27, 29, 31)), dx=-14, joints=(26, 28, 30, 32))
    rest = measure_body([aside] * 600 + [astride] * 6).standing
    assert rest is astride


def test_live_a_new_shot_keeps_the_build_and_nothing_else() -> None:
    body = LiveBody()
    for i, pose in enumerate(LONG[:100]):
        before, _ = body.add(pose, i / 25)
    body.begin_shot()
    bent = moved(DANCER[0].scaled(1.5), dy=-200)
    after, ground = body.add(bent, 4.0)
    assert ground == pytest.approx(1.5 * 600 - 200, abs=1)
    assert after.near[1] == pytest.approx(1.5 * before.near[1], rel=0.03)
    assert after.bones == before.bones
    assert after.trust == before.trust
