from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import GeneratorNotFound
from core.generators.nearest import PoseIndex, SequenceCosts, _transition, choose_sequence, placement
from core.generators.pose_features import traits
from core.generators.registry import create_generator, list_generators
from core.pose.smoothing import torso_length
from core.targets.store import Target, load_target
from core.types import Pose
from tests.bodies import moved, standing

COSTS = SequenceCosts()


def _footage(count: int = 80) -> NDArray[np.float32]:
    """Somebody lifts the left arm, slowly and steadily, and then the right one."""
    frames = []
    for i in range(count):
        joints = (13, 15, 17, 19, 21) if i < count // 2 else (14, 16, 18, 20, 22)
        frames.append(moved(standing(), dy=-2.0 * (i % (count // 2)), joints=joints).landmarks)
    return np.stack(frames)


def _index(landmarks: NDArray[np.float32]) -> PoseIndex:
    found = ~np.isnan(landmarks[:, 0, 0])
    data = SimpleNamespace(poses=landmarks, found=found, runs=np.zeros(len(landmarks), np.int32))
    return PoseIndex(cast(Target, data))


def test_two_takes_do_not_flow_into_each_other() -> None:
    landmarks = _footage()
    index = _index(landmarks)
    index.runs = (np.arange(80) >= 20).astype(np.int32)
    cost = _transition(index, np.array([18, 19]), np.array([19, 20]), 1.0, COSTS)
    assert cost[0, 0] == 0
    assert cost[1, 1] >= COSTS.jump


def _jumps(places: NDArray[np.int64]) -> int:
    steps = np.diff(places)
    return int(((steps < 0) | (steps > 3)).sum())


def test_distance_is_that_of_the_traits_by_their_weights() -> None:
    landmarks = _footage(2)
    index = _index(landmarks)
    query = landmarks[0].copy()
    query[15, 0] += index.unit
    values, weights = traits(np.stack([landmarks[0], query]), index.unit)
    both = weights[0] * weights[1]
    expected = np.sqrt((both * (values[0] - values[1]) ** 2).sum() / both.sum())
    assert expected > 0.05
    assert index.distances(query[None])[0, 0] == pytest.approx(expected, rel=0.01)


def test_a_turned_limb_is_nearer_than_one_that_points_at_the_camera() -> None:
    landmarks = _footage(2)[:1]
    index = _index(landmarks)
    turned, foreshortened = landmarks[0].copy(), landmarks[0].copy()
    elbow, wrist = landmarks[0, 13, :2], landmarks[0, 15, :2]
    length = float(np.linalg.norm(wrist - elbow))
    turned[[15, 17, 19, 21], 0] += 0.5 * length
    foreshortened[[15, 17, 19, 21], 1] -= 0.8 * length
    foreshortened[[15, 17, 19, 21], 2] -= 0.6 * length
    near, far = index.distances(np.stack([turned, foreshortened]))[:, 0]
    assert near < far


def test_joints_that_were_not_seen_do_not_count() -> None:
    landmarks = _footage(2)
    query = landmarks[0].copy()
    query[15] = (9000, 9000, 0, 0.0)
    assert _index(landmarks).distances(query[None])[0, 0] < 0.6


def test_frames_without_a_person_are_never_chosen() -> None:
    landmarks = _footage()
    landmarks[10:20] = np.nan
    query = _footage()[15][None]
    places = choose_sequence(_index(landmarks), query, 1.0, COSTS)
    assert _index(landmarks).frames[places[0]] in {9, 20}


def test_the_footage_itself_is_danced_frame_by_frame() -> None:
    landmarks = _footage()
    places = choose_sequence(_index(landmarks), landmarks, 1.0, COSTS)
    assert list(places) == list(range(80))


def test_a_noisy_dance_flows_where_the_plain_nearest_frame_stutters() -> None:
    landmarks = _footage()
    dice = np.random.default_rng(0)
    noisy = landmarks.copy()
    noisy[:, :, :2] += dice.normal(0, 12, noisy[:, :, :2].shape)
    index = _index(landmarks)
    plain = index.distances(noisy).argmin(axis=1)
    flowing = choose_sequence(index, noisy, 1.0, COSTS)
    assert _jumps(flowing) <= 2
    assert _jumps(plain) > 10


def test_half_the_frame_rate_takes_every_second_frame() -> None:
    landmarks = _footage()
    places = choose_sequence(_index(landmarks), landmarks[:40:2], 2.0, COSTS)
    assert list(places) == list(range(0, 40, 2))


def test_windows_of_a_long_dance_join_without_a_seam() -> None:
    landmarks = _footage()
    long = np.concatenate([landmarks, landmarks[::-1]] * 12)
    index = _index(landmarks)
    places = choose_sequence(index, long, 1.0, COSTS)
    assert len(places) == len(long)
    around = places[1300:1400]
    assert np.abs(index.distances(long[1300:1400])[np.arange(100), around]).max() < 0.1


def test_placement_moves_and_scales_without_turning() -> None:
    own = standing(x=200, floor=400, torso=80)
    asked = standing(x=260, floor=420, torso=88)
    matrix = placement(own.landmarks, asked.landmarks)
    assert matrix[0, 0] == pytest.approx(1.1, rel=0.01)
    assert matrix[0, 1] == matrix[1, 0] == 0
    there = own.xy[27] * matrix[0, 0] + matrix[:, 2]
    assert np.abs(there - asked.xy[27]).max() < 1


def test_a_crouch_does_not_shrink_the_performer() -> None:
    own = standing()
    crouched = moved(standing(), dy=90, joints=tuple(range(27)))
    assert placement(own.landmarks, crouched.landmarks)[0, 0] >= 0.85


def test_an_unknown_generator_is_named_and_the_known_ones_listed(mira: Target) -> None:
    with pytest.raises(GeneratorNotFound, match="nearest, nearest-frame"):
        create_generator("dream", mira)
    assert {"nearest", "nearest-frame"} <= {spec.name for spec in list_generators(trained=[])}


@pytest.fixture(scope="module")
def mira() -> Target:
    return load_target("mira")


@pytest.mark.parametrize("name", ["nearest", "nearest-frame"])
def test_dancing_her_own_footage_gives_it_back(mira: Target, name: str) -> None:
    generator = create_generator(name, mira)
    shown = [50, 51, 52]
    asked = [Pose(np.array(mira.poses[i])) for i in shown]
    choices = generator.choose_all(list(asked), [Fraction(i, 25) for i in range(3)])
    assert choices == shown
    picture = generator.generate(asked[1], choices[1])
    truth = mira.frames[51].astype(int)
    inside = picture.alpha == 255
    assert inside.mean() > 0.05
    assert np.abs(picture.image.astype(int) - truth)[inside].mean() < 3
    assert np.abs(picture.image.astype(int) - truth).mean() < 3


def test_she_is_bent_towards_what_is_asked(mira: Target) -> None:
    generator = create_generator("nearest", mira)
    pose = Pose(np.array(mira.poses[50]))
    shown = generator.generate(moved(pose, dx=25, joints=(27, 29, 31)), 50)
    still = generator.generate(pose, 50)
    foot = pose.xy[31]
    spot = (slice(int(foot[1]) - 6, int(foot[1]) + 3), slice(int(foot[0]) + 12, int(foot[0]) + 28))
    assert shown.alpha[spot].mean() > still.alpha[spot].mean() + 100
    # her head stays where it was
    head = (slice(0, int(pose.xy[11, 1]) - 20), slice(None))
    assert np.abs(shown.alpha[head].astype(int) - still.alpha[head]).mean() < 1


def test_she_steps_aside_with_her_shadow_and_leaves_the_stage_whole(mira: Target) -> None:
    generator = create_generator("nearest", mira)
    pose = Pose(np.array(mira.poses[50]))
    aside = generator.generate(moved(pose, dx=torso_length(pose) / 2), 50)
    before = mira.masks[50] == 255
    left_behind = before & (aside.alpha == 0)
    assert left_behind.sum() > 500
    # where she stood there is floor and wall again, up to the shadow that falls there now
    apart = np.abs(aside.image.astype(int) - mira.plate.astype(int)).mean(axis=2)[left_behind]
    assert np.median(apart) < 2
    darker = (mira.plate.astype(int) - aside.image.astype(int)).mean(axis=2)
    assert ((darker > 20) & (aside.alpha == 0)).sum() > 500


def test_the_live_way_follows_too(mira: Target) -> None:
    chooser = create_generator("nearest", mira).chooser()
    chosen = [chooser.choose(Pose(np.array(mira.poses[i])), i / 25) for i in range(40, 60)]
    assert chosen == list(range(40, 60))


def test_both_say_what_they_are_good_at() -> None:
    for spec in list_generators():
        assert 20 < len(spec.strength) < 140
        assert spec.title


def _left_hand_at(x: float, y: float) -> Pose:
    """Standing, the left forearm up, its hand at a place told in pixels."""
    pose = standing()
    landmarks = pose.landmarks.copy()
    hand = np.array([x, y], np.float32)
    elbow = landmarks[11, :2] + np.array([30.0, 10.0], np.float32)
    landmarks[13, :2], landmarks[15, :2], landmarks[[17, 19, 21], :2] = elbow, (elbow + hand) / 2, hand
    return Pose(landmarks)


def test_a_face_behind_an_arm_is_shown_for_such_poses_alone() -> None:
    """A hand beside the head is nearer to one before the face than to one stretched out, and yet that one is taken."""
    nose = standing().xy[0]
    before, beside, far = (_left_hand_at(float(nose[0]) + dx, float(nose[1])) for dx in (0.0, 55.0, 150.0))
    asked = beside.landmarks
    assert np.abs(asked - before.landmarks).sum() < np.abs(asked - far.landmarks).sum()
    index = _index(np.stack([before.landmarks, far.landmarks]))
    apart = index.distances(asked[None])[0]
    assert apart[1] < apart[0]
    apart = index.distances(before.landmarks[None])[0]
    assert apart[0] < apart[1], "and for one before the face it is the one"
