"""What was never filmed is not asked for: turns, limbs and the path across the stage, in files and live."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from core.pose import skeleton
from core.pose.bones import BONES, bones_of, lengths_of
from core.pose.known_views import BEYOND, KnownViews
from core.pose.retarget import measure_body
from core.pose.turns import DEPTH, KnownTurns, turn_of, wrapped
from core.targets.store import Target, load_target
from core.types import Pose
from tests.bodies import moved, standing

RATE = 25.0
WIDTH = 512
SIDES = ((skeleton.LEFT_SHOULDER, skeleton.LEFT_HIP), (skeleton.RIGHT_SHOULDER, skeleton.RIGHT_HIP))
EARS = ((7,), (8,))

Track = NDArray[np.float32]


def trunks(poses: list[Pose | None]) -> NDArray[np.float64]:
    """Degrees by which each trunk is turned."""
    return np.degrees(turn_of(landmarks(poses), *SIDES))


def landmarks(poses: list[Pose | None]) -> Track:
    return np.stack([pose.landmarks for pose in poses if pose is not None])


def seconds(poses: list[Pose | None]) -> list[float]:
    return [i / RATE for i in range(len(poses))]


def known_views(track: Track, width: int = WIDTH) -> KnownViews:
    return KnownViews(track, measure_body([Pose(pose) for pose in track]), RATE, width)


def turned_body(degrees: float, x: float = 256.0) -> Pose:
    """A standing body with a nose and toes, turned round the vertical; depth as MediaPipe tells it."""
    body = standing(x=0.0, floor=400.0, torso=80.0).landmarks.astype(np.float64)
    depth = np.zeros(33)
    depth[[0, 9, 10]], depth[[31, 32]] = -12.0, -20.0
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    across = body[:, 0].copy()
    body[:, 0] = x + across * cos - depth * sin
    body[:, 2] = (across * sin + depth * cos) / DEPTH
    return Pose(body.astype(np.float32))


def live(known: KnownViews, poses: list[Pose | None]) -> tuple[list[Pose | None], list[float]]:
    stream = known.live()
    steps = [stream.step(pose, second) for pose, second in zip(poses, seconds(poses), strict=True) if pose is not None]
    return [pose for pose, _ in steps], [seen for _, seen in steps]


def in_file(known: KnownViews, poses: list[Pose | None]) -> tuple[list[Pose | None], list[float]]:
    return known.bring(poses, seconds(poses))


ways = pytest.mark.parametrize("way", [in_file, live])
Way = Callable[[KnownViews, "list[Pose | None]"], "tuple[list[Pose | None], list[float]]"]


@pytest.fixture(scope="module")
def mira() -> Target:
    return load_target("mira")


@pytest.fixture(scope="module")
def front(mira: Target) -> KnownViews:
    """Mira, as if she had never turned away."""
    track = np.asarray(mira.poses)[mira.found]
    return known_views(track[np.abs(np.degrees(turn_of(track, *SIDES))) < 35])


@pytest.fixture(scope="module")
def turning() -> list[Pose | None]:
    """Ten seconds of Theo in which he turns all the way round."""
    theo = load_target("theo")
    poses = [theo.pose(i) for i in range(710, 960)]
    assert np.abs(trunks(poses)).max() > 150
    return poses


@ways
def test_what_the_footage_shows_is_left_as_it_is(mira: Target, way: Way) -> None:
    track = np.asarray(mira.poses)[mira.found]
    poses: list[Pose | None] = [Pose(pose) for pose in track[400:650]]
    brought, seen = way(known_views(track), poses)
    assert np.abs(landmarks(brought) - landmarks(poses)).max() < 0.01
    assert min(seen) > 0.99


@ways
def test_whoever_was_filmed_from_the_front_only_faces_the_front(
    front: KnownViews, turning: list[Pose | None], way: Way
) -> None:
    brought, seen = way(front, turning)
    asked, shown = trunks(turning), trunks(brought)
    assert np.abs(shown).max() < 45
    xy = landmarks(brought)[..., :2]
    assert (xy[:, skeleton.LEFT_SHOULDER, 0] > xy[:, skeleton.RIGHT_SHOULDER, 0]).all(), "nobody is folded over"
    far = np.abs(asked) > 90
    assert far.mean() > 0.1
    assert max(np.array(seen)[far]) < BEYOND
    straight = np.abs(asked) < 20
    assert np.abs(shown - asked)[straight].mean() < 5
    assert np.median(np.array(seen)[straight]) > 0.9
    faces = np.degrees(turn_of(landmarks(brought), *EARS))
    assert np.abs(faces).max() < 70


@ways
def test_feet_stay_on_their_line_and_hips_where_they_were(
    front: KnownViews, turning: list[Pose | None], way: Way
) -> None:
    brought, before = landmarks(way(front, turning)[0]), landmarks(turning)
    feet = [track[:, list(skeleton.FEET), 1].max(axis=1) for track in (brought, before)]
    assert np.abs(feet[0] - feet[1]).max() < 0.1
    hips = [track[:, list(skeleton.HIPS), 0].mean(axis=1) for track in (brought, before)]
    reach = before[..., 0].min(axis=1), before[..., 0].max(axis=1)
    inside = (reach[0] > 90) & (reach[1] < WIDTH - 90)
    assert inside.any()
    assert np.abs(hips[0] - hips[1])[inside].mean() < 3


@ways
def test_no_bone_grows_longer_than_the_performer_has(
    front: KnownViews, turning: list[Pose | None], mira: Target, way: Way
) -> None:
    body = measure_body([Pose(pose) for pose in np.asarray(mira.poses)[mira.found]])
    brought = landmarks(way(front, turning)[0]).astype(np.float64)
    before = landmarks(turning).astype(np.float64)
    grounds = brought[:, list(skeleton.FEET), 1].max(axis=1)
    lengths = lengths_of(body, grounds)
    limbs = [place for place, bone in enumerate(BONES) if bone.limb]
    flat, was = (np.linalg.norm(bones_of(t, lengths)[:, limbs, :2], axis=2) for t in (brought, before))
    assert (flat <= 1.2 * np.maximum(lengths[:, limbs], was)).all()


@ways
@pytest.mark.parametrize("speed", [60.0, 180.0, 360.0])
def test_a_steady_turn_swings_to_and_fro_and_never_jumps(way: Way, speed: float) -> None:
    known = known_views(np.stack([turned_body(30 * np.sin(i / 20)).landmarks for i in range(300)]))
    poses: list[Pose | None] = [turned_body(speed * i / RATE) for i in range(200)]
    brought, seen = way(known, poses)
    shown = trunks(brought)
    assert np.abs(shown).max() < 45
    assert shown.max() - shown.min() > 30
    assert np.abs(np.diff(shown)).max() <= 2.5 * max(speed, 240) / RATE, "no faster than a body can turn"
    facing = np.abs(np.degrees(wrapped(np.radians([speed * i / RATE for i in range(200)])))) < 20
    assert np.array(seen)[facing].min() > 0.8
    assert min(seen) < 0.1


@ways
def test_a_gap_between_two_known_sides_is_crossed_in_a_moment(way: Way) -> None:
    filmed = [*(20 * np.sin(np.arange(200) / 20)), *(180 + 20 * np.sin(np.arange(200) / 20))]
    known = known_views(np.stack([turned_body(degrees).landmarks for degrees in filmed]))
    poses: list[Pose | None] = [turned_body(0.9 * i) for i in range(200)]
    shown = np.abs(trunks(way(known, poses)[0]))
    assert shown[0] < 30
    assert shown[-1] > 150
    between = (shown > 45) & (shown < 135)
    assert between.sum() <= 0.35 * RATE


@ways
def test_swaying_with_the_back_to_the_camera_does_not_turn_the_performer_at_every_sway(way: Way) -> None:
    known = known_views(np.stack([turned_body(30 * np.sin(i / 20)).landmarks for i in range(300)]))
    poses: list[Pose | None] = [turned_body(180 + 8 * np.sin(2 * np.pi * i / RATE)) for i in range(200)]
    shown = trunks(way(known, poses)[0])
    assert (np.diff(np.sign(shown[25:])) != 0).sum() <= 1


@pytest.mark.parametrize("filmed", [0.0, 90.0, 180.0, -90.0])
@ways
def test_footage_from_any_one_side_is_danced_from_that_side(way: Way, filmed: float) -> None:
    known = known_views(np.stack([turned_body(filmed + 10 * np.sin(i / 9)).landmarks for i in range(100)]))
    poses: list[Pose | None] = [turned_body(3.0 * i) for i in range(240)]
    shown = trunks(way(known, poses)[0])
    assert np.abs(np.degrees(wrapped(np.radians(shown - filmed)))).max() < 35


@pytest.mark.parametrize("live_way", [False, True])
def test_legs_that_stand_for_a_dancer_without_any_are_not_turned(front: KnownViews, live_way: bool) -> None:
    legs = [*skeleton.HIPS, *skeleton.LEGS]
    poses: list[Pose | None] = []
    for i in range(60):
        upper = turned_body(3.0 * i).landmarks
        upper[legs] = turned_body(0.0).landmarks[legs]
        poses.append(Pose(upper))
    if live_way:
        stream = front.live()
        steps = [stream.step(pose, i / RATE, hanging=True) for i, pose in enumerate(poses) if pose is not None]
        brought, seen = [pose for pose, _ in steps], [share for _, share in steps]
    else:
        found, seen = front.bring(poses, seconds(poses), hanging=True)
        brought = [pose for pose in found if pose is not None]
    for pose, asked in zip(brought, poses, strict=True):
        assert asked is not None
        assert np.allclose(pose.landmarks[legs], asked.landmarks[legs], atol=0.01)
        assert np.degrees(np.abs(turn_of(pose.landmarks[None], (11,), (12,))[0])) < 50
    assert seen[-1] < BEYOND


def test_left_and_right_stay_left_and_right(front: KnownViews) -> None:
    """A left hand raised by somebody seen from behind is the left hand seen from the front."""
    raised = moved(turned_body(180.0), dy=-140.0, joints=(15, 17, 19, 21))
    poses: list[Pose | None] = [raised] * 25
    shown = landmarks(in_file(front, poses)[0])
    assert (shown[:, skeleton.LEFT_WRIST, 1] < shown[:, skeleton.RIGHT_WRIST, 1] - 60).all()
    assert (shown[:, skeleton.LEFT_WRIST, 0] > shown[:, skeleton.RIGHT_WRIST, 0]).all()


def test_live_does_as_files_do(front: KnownViews, turning: list[Pose | None]) -> None:
    (files, seen), (stream, told) = in_file(front, turning), live(front, turning)
    apart = np.linalg.norm(landmarks(files)[..., :2] - landmarks(stream)[..., :2], axis=2).mean()
    moved_by = np.linalg.norm(landmarks(files)[..., :2] - landmarks(turning)[..., :2], axis=2).mean()
    assert apart < 0.1 * 120
    assert apart < 0.5 * moved_by
    assert np.allclose(seen, told, atol=0.05)


def test_a_limb_that_never_pointed_at_the_camera_is_not_asked_to() -> None:
    poses = [moved(standing(x=256.0), dx=dx, joints=(13, 15, 17, 19, 21)) for dx in np.linspace(0, 30, 100)]
    known = known_views(landmarks([*poses]))
    short = poses[0].landmarks.copy()
    shoulder = short[skeleton.LEFT_SHOULDER, :2].copy()
    # both bones of the arm at a fifth of their length: it points at the camera
    arm = [13, 15, 17, 19, 21]
    short[arm, :2] = shoulder + 0.2 * (short[arm, :2] - shoulder)
    short[13, 2], short[[15, 17, 19, 21], 2] = -90.0, -200.0
    for way in (in_file, live):
        brought, seen = way(known, [Pose(short)] * 50)
        after = landmarks(brought)[-1]
        reach = np.linalg.norm(after[15, :2] - after[11, :2]) / np.linalg.norm(short[15, :2] - short[11, :2])
        assert reach > 2
        assert seen[-1] < BEYOND
        others = [joint for joint in range(33) if joint not in arm]
        assert np.abs(after[others] - short[others]).max() < 0.01


def test_a_known_arm_may_point_elsewhere_in_the_picture() -> None:
    poses = [moved(standing(x=256.0), dx=dx, joints=(13, 15, 17, 19, 21)) for dx in np.linspace(0, 30, 100)]
    known = known_views(landmarks([*poses]))
    lifted = poses[0].landmarks.copy()
    arm = [13, 15, 17, 19, 21]
    offset = lifted[arm, :2] - lifted[11, :2]
    lifted[arm, :2] = lifted[11, :2] + offset @ np.array([[0.7, -0.7], [0.7, 0.7]])
    brought, seen = in_file(known, [Pose(lifted)] * 20)
    assert np.abs(landmarks(brought) - lifted).max() < 12
    assert min(seen) > 0.8


@ways
def test_a_path_that_leaves_the_stage_is_narrowed_and_nobody_is_scaled(way: Way) -> None:
    known = known_views(np.stack([standing(x=256.0 + i % 5).landmarks for i in range(60)]))
    poses: list[Pose | None] = [standing(x=256 + 4.0 * i) for i in range(100)]
    brought = landmarks(way(known, poses)[0])
    assert brought[..., 0].max() < WIDTH
    assert brought[..., 0].min() > 0
    assert brought[-1, 23, 0] > 380, "as far to that side as there is room"
    shape = brought[..., :2] - brought[:, 23:24, :2]
    assert np.allclose(shape, shape[0], atol=0.01)
    x = brought[:, 23, 0]
    assert (np.diff(x) > -0.01).all()


def test_a_path_is_narrowed_by_one_factor_with_room_for_the_arms_also_after_an_absence() -> None:
    known = known_views(np.stack([standing(x=256.0 + i % 5).landmarks for i in range(60)]))
    waving = [moved(standing(x=-100 + 7.0 * i), dx=40.0 * (i % 10 < 3), joints=(15, 17, 19, 21)) for i in range(100)]
    poses: list[Pose | None] = [pose if not 40 <= i < 60 else None for i, pose in enumerate(waving)]
    before, after = landmarks(poses), landmarks(in_file(known, poses)[0])
    assert after[..., 0].min() > 0
    assert after[..., 0].max() < WIDTH
    x, y = before[:, 23, 0], after[:, 23, 0]
    slope, offset = np.polyfit(x, y, 1)
    assert 0.3 < slope < 0.8
    assert np.abs(slope * x + offset - y).max() < 0.5


def test_whoever_runs_out_of_a_live_picture_is_held_by_its_edge() -> None:
    known = known_views(np.stack([standing(x=256.0 + i % 5).landmarks for i in range(60)]))
    brought = landmarks(live(known, [standing(x=256 + 40.0 * i) for i in range(50)])[0])
    assert brought[..., 0].max() <= WIDTH + 0.01


@ways
def test_nobody_sinks_below_the_picture(way: Way) -> None:
    track = np.stack([standing(x=256.0 + i % 5).landmarks for i in range(60)])
    body = measure_body([Pose(pose) for pose in track])
    poses: list[Pose | None] = [standing(floor=400 + 2.0 * i) for i in range(50)]
    brought = landmarks(way(KnownViews(track, body, RATE, WIDTH, 450), poses)[0])
    assert brought[..., 1].max() <= 450
    assert np.array_equal(brought[:20], landmarks(poses)[:20])


@ways
def test_a_path_within_the_stage_is_left_alone(way: Way) -> None:
    known = known_views(np.stack([standing(x=256.0 + i % 5).landmarks for i in range(60)]))
    poses: list[Pose | None] = [standing(x=256 + 150 * np.sin(i / 15)) for i in range(100)]
    assert np.array_equal(landmarks(way(known, poses)[0]), landmarks(poses))


@ways
def test_a_body_wider_than_its_stage_stands_in_the_middle(way: Way) -> None:
    known = known_views(np.stack([standing(x=60.0).landmarks] * 30), width=60)
    brought = landmarks(way(known, [standing(x=200.0)] * 30)[0])
    assert np.allclose((brought[..., 0].min(axis=1) + brought[..., 0].max(axis=1)) / 2, 30, atol=1)


@ways
def test_a_hand_at_the_edge_moves_the_body_for_that_moment_only(way: Way) -> None:
    known = known_views(np.stack([standing(x=256.0 + i % 5).landmarks for i in range(60)]))
    poses: list[Pose | None] = [standing(x=420.0) for _ in range(250)]
    for i in range(100, 120):
        reach = 90 * np.sin(np.pi * (i - 99) / 21)
        poses[i] = moved(standing(x=420.0), dx=reach, joints=(15, 17, 19, 21))
    brought = landmarks(way(known, poses)[0])
    assert brought[..., 0].max() < WIDTH + 1
    assert abs(brought[40, 23, 0] - landmarks(poses)[40, 23, 0]) < 1
    assert abs(brought[-1, 23, 0] - landmarks(poses)[-1, 23, 0]) < 3


def test_nobody_stays_nobody(front: KnownViews) -> None:
    poses: list[Pose | None] = [turned_body(0.0)] * 20 + [None] * 30 + [turned_body(170.0)] * 20
    brought, seen = front.bring(poses, seconds(poses))
    assert [pose is None for pose in brought] == [pose is None for pose in poses]
    assert np.isnan(np.array(seen)[20:50]).all()
    assert np.isfinite(np.array(seen)[[*range(20), *range(50, 70)]]).all()


def test_a_live_stream_that_pauses_begins_anew(front: KnownViews) -> None:
    stream = front.live()
    for i in range(10):
        stream.step(turned_body(170.0), i / RATE)
    again, fresh = stream.step(turned_body(-30.0), 60.0), front.live().step(turned_body(-30.0), 0.0)
    assert np.array_equal(again[0].landmarks, fresh[0].landmarks)
    earlier = stream.step(turned_body(-30.0), 1.0)
    assert np.array_equal(earlier[0].landmarks, fresh[0].landmarks)


@pytest.mark.parametrize("count", [1, 2, 5])
@ways
def test_footage_of_a_moment_is_enough_to_stand_by(way: Way, count: int) -> None:
    known = known_views(np.stack([turned_body(5.0 * i).landmarks for i in range(count)]))
    poses: list[Pose | None] = [turned_body(4.0 * i) for i in range(100)]
    brought, seen = way(known, poses)
    assert np.isfinite(landmarks(brought)).all()
    assert np.abs(trunks(brought)).max() < 60
    assert 0 <= min(seen) <= max(seen) <= 1


@ways
def test_poses_without_depth_face_the_front_or_the_back(way: Way) -> None:
    known = known_views(np.stack([standing(x=256.0 + i % 7).landmarks for i in range(50)]))
    flat = turned_body(180.0).landmarks.copy()
    flat[:, 2] = 0.0
    brought = landmarks(way(known, [Pose(flat)] * 30)[0])
    assert (brought[:, skeleton.LEFT_SHOULDER, 0] > brought[:, skeleton.RIGHT_SHOULDER, 0]).all()


def test_one_frame_taken_for_a_back_does_not_make_the_back_known() -> None:
    degrees = 10 * np.sin(np.arange(400) / 10)
    degrees[[50, 90, 91, 170, 230, 231, 300, 350, 351, 380]] = 178
    known = KnownTurns(np.radians(degrees), RATE)
    assert np.degrees(known.beyond(np.radians([180.0])))[0] > 120


def test_a_side_that_was_shown_for_a_moment_counts() -> None:
    degrees = np.concatenate([10 * np.sin(np.arange(400) / 10), np.full(12, 90.0)])
    known = KnownTurns(np.radians(degrees), RATE)
    assert np.degrees(known.beyond(np.radians([90.0])))[0] == 0
    assert np.degrees(known.beyond(np.radians([45.0])))[0] > 15


@ways
def test_of_one_photo_arms_are_raised_as_they_are_asked(way: Way) -> None:
    """Footage that shows hanging arms alone draws others towards them; one photo shows every arm but once."""
    photo = standing(x=256.0, floor=400.0, torso=80.0).landmarks
    raised = photo.copy()
    for shoulder, points in ((11, (13, 15, 17, 19, 21)), (12, (14, 16, 18, 20, 22))):
        raised[list(points), 1] = 2 * photo[shoulder, 1] - photo[list(points), 1]
    asked: list[Pose | None] = [Pose(raised)] * 12
    body = measure_body([Pose(photo)])
    of_photo = KnownViews(photo[None], body, 1.0, WIDTH, photos=True)
    filmed = KnownViews(np.stack([photo] * 12), body, RATE, WIDTH)
    wrists = [landmarks(way(known, asked)[0])[-1, [15, 16], 1] - raised[[15, 16], 1] for known in (of_photo, filmed)]
    assert np.abs(wrists[0]).max() < 3
    assert np.abs(wrists[1]).min() > 6
