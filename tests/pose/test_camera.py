from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.pose import JOINTS
from benchmarks.quality import analysed
from benchmarks.reports.camera import DANCE, FILMED_BY_HAND, apart, asked_by, dance_video, slide
from benchmarks.reports.case import Case
from core.generators.registry import create_generator
from core.pipeline import DancePipeline
from core.pose.camera import CameraMotion, in_view, steadied
from core.pose.video_analysis import Analysis, look
from core.targets.store import load_target
from core.types import Frame, Pose
from core.utils.corner_tracking import Homography, normalised, transformed
from core.video.reader import VideoReader
from tests.bodies import moved, standing
from tests.targets.test_camera import WAYS, hand, room, seen

SHIRT = room(5)
MIDDLE = np.array([[160.0, 120.0]])


def with_dancer(view: Frame, pose: Pose) -> Frame:
    """A picture with a patterned body over it where the pose is."""
    hull = cv2.convexHull(np.rint(pose.xy).astype(np.int32))
    body = cv2.fillConvexPoly(np.zeros(view.shape[:2], np.uint8), hull, 1)
    x = int(pose.xy[:, 0].mean())
    return np.asarray(np.where(body[..., None] > 0, SHIRT[: view.shape[0], 400 - x : 400 - x + view.shape[1]], view))


def sway(count: int) -> Iterator[tuple[int, Pose]]:
    """Somebody small who sways from side to side."""
    for i in range(count):
        yield i, standing(x=160 + 30 * np.sin(i / 4), floor=220, torso=45)


def worst(places: list[Homography], found: list[Homography]) -> float:
    """Pixels by which the middle of any frame is brought wrongly to the first one."""
    first = np.linalg.inv(places[0])
    wrong = [
        transformed(transformed(MIDDLE, first @ place), np.linalg.inv(view)) - MIDDLE
        for place, view in zip(places, found, strict=True)
    ]
    return float(np.abs(wrong).max())


@pytest.mark.parametrize("way", ["hand-held", "pan", "zoom"])
def test_a_camera_that_moves_is_followed_whatever_the_dancer_does(way: str) -> None:
    camera, views, places = CameraMotion(), [], []
    for (i, pose), step in zip(sway(50), WAYS[way], strict=False):
        view, place = seen(room(), **step)
        views.append(camera.add(with_dancer(view, pose), [pose], cut=i == 0))
        places.append(place)
    assert worst(places, views) < 1.5


def test_somebody_in_the_background_is_not_the_room() -> None:
    camera, views, places = CameraMotion(), [], []
    for i, step in enumerate(hand(40)):
        view, place = seen(room(), **step)
        view[60:200, 6 * i : 6 * i + 50] = SHIRT[60:200, 100:150]
        views.append(camera.add(view, [], cut=False))
        places.append(place)
    assert worst(places, views) < 1.0


@pytest.mark.parametrize("place", [room(), np.full((500, 900, 3), 140, np.uint8)], ids=["room", "bare wall"])
def test_a_camera_that_stands_gives_the_very_same_view(place: Frame) -> None:
    camera = CameraMotion()
    for i, pose in sway(30):
        view, _ = seen(place, 200 + 0.001 * i, 120)
        assert np.array_equal(camera.add(with_dancer(view, pose), [pose], cut=False), np.eye(3))


def test_a_cut_begins_anew() -> None:
    camera = CameraMotion()
    for i in range(6):
        view = camera.add(seen(room(), 200 + 4 * i, 120)[0], [], cut=False)
    assert view[0, 2] > 15
    assert np.array_equal(camera.add(seen(room(7), 200, 120)[0], [], cut=True), np.eye(3))


def shaken(count: int) -> list[Homography]:
    """Views of a hand: from the pixels of each frame to those of the first."""
    t = np.arange(count) / 25
    ways = zip(6 * np.sin(9 * t) + 20 * np.sin(t), 5 * np.cos(11 * t), 0.01 * np.sin(7 * t), strict=True)
    views = [np.array([[np.cos(r), -np.sin(r), x], [np.sin(r), np.cos(r), y], [0, 0, 1.0]]) for x, y, r in ways]
    return [normalised(np.linalg.inv(views[0]) @ view) for view in views]


def seen_by(poses: list[Pose], views: list[Homography]) -> list[Pose | None]:
    """Poses in the first frame's pixels, as each frame shows them."""
    return [in_view(pose, normalised(np.linalg.inv(view))) for pose, view in zip(poses, views, strict=True)]


def brought(found: list[Pose | None], views: list[Homography], cuts: tuple[int, ...] = ()) -> np.ndarray:
    """(frames, 33, 2): where a camera that stands would see them."""
    to = steadied(views, found, [i / 25 for i in range(len(found))], cuts, 640)
    return np.array([in_view(pose, view).xy for pose, view in zip(found, to, strict=True) if pose is not None])


def swinging(count: int) -> list[Pose]:
    """Somebody whose feet stand while the rest swings."""
    above = tuple(range(27))
    return [moved(standing(x=300, floor=400), 12 * np.sin(i / 5), 0, above) for i in range(count)]


def test_feet_stand_and_the_dance_stays() -> None:
    poses, views = swinging(100), shaken(100)
    track = brought(seen_by(poses, views), views)
    assert np.linalg.norm(np.diff(track[:, 27:], axis=0), axis=2).max() < 0.05
    across = track[:, 11, 0] - track[:, 27, 0]
    assert np.ptp(across) == pytest.approx(24, abs=2)


def test_whoever_is_missed_for_a_moment_does_not_matter() -> None:
    poses, views = swinging(100), shaken(100)
    found = seen_by(poses, views)
    found[20:26] = [None] * 6
    track = brought(found, views)
    assert len(track) == 94
    assert np.linalg.norm(np.diff(track[:, 27:], axis=0), axis=2).max() < 0.05


def test_each_shot_has_a_camera_of_its_own() -> None:
    poses, views = swinging(100), [*shaken(50), *[np.eye(3)] * 50]
    found = seen_by(poses, views)
    to = steadied(views, found, [i / 25 for i in range(100)], [50], 640)
    assert all(view is not None for view in to[:50])
    assert to[50:] == [None] * 50


def test_a_camera_that_stands_changes_nothing_in_spite_of_noise() -> None:
    rng = np.random.default_rng(0)
    views = [np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]]) for x, y in rng.normal(0, 0.15, (60, 2))]
    found: list[Pose | None] = list(swinging(60))
    assert steadied(views, found, [i / 25 for i in range(60)], [], 640) == [None] * 60


def test_a_screen_behind_the_dancer_is_not_the_camera() -> None:
    """Where planted feet would begin to slide, it was something else that moved."""
    found: list[Pose | None] = list(swinging(100))
    assert steadied(shaken(100), found, [i / 25 for i in range(100)], [], 640) == [None] * 100


def test_a_camera_that_runs_along_does_not_carry_the_dancer_away() -> None:
    walk = [moved(standing(x=0, floor=400), 40 * np.floor(i / 10), 0) for i in range(300)]
    hops = shaken(300)
    views = [np.array([[1, 0, 4.0 * i], [0, 1, 0], [0, 0, 1.0]]) @ shake for i, shake in enumerate(hops)]
    track = brought(seen_by(walk, views), views)
    torso = 80
    assert np.ptp(track[:, 23, 0]) < 4 * torso
    assert np.ptp([pose.xy[23, 0] for pose in walk]) > 14 * torso
    # what the hand shakes is taken out all the same
    assert np.std(np.diff(track[:, 28, 1])) < 0.1 * np.std(np.diff([p.xy[28, 1] for p in seen_by(walk, views) if p]))


def zooming(count: int) -> list[Homography]:
    return [np.diag([0.5 + 0.5 * i / count] * 2 + [1.0]) for i in range(count)]


def test_a_zoom_is_taken_out() -> None:
    poses, views = swinging(100), zooming(100)
    track = brought(seen_by(poses, views), views)
    torsos = np.linalg.norm(track[:, 11] - track[:, 23], axis=1)
    assert np.ptp(torsos) < 0.03 * torsos.mean()


def test_a_camera_that_walks_after_a_dancer_does_not_shrink_them() -> None:
    """The room grows, the dancer, who walks away as fast, does not."""
    found: list[Pose | None] = list(swinging(100))
    track = brought(found, zooming(100))
    torsos = np.linalg.norm(track[:, 11] - track[:, 23], axis=1)
    assert np.ptp(torsos) < 0.03 * torsos.mean()


@pytest.fixture(scope="module")
def right() -> list[Pose | None]:
    """What the dance asks, filmed by the camera that stands."""
    return asked_by(dance_video())


@pytest.mark.parametrize("case", FILMED_BY_HAND, ids=lambda case: case.name)
def test_a_dance_filmed_by_hand_asks_what_it_asks_of_a_camera_that_stands(
    case: Case, right: list[Pose | None], tmp_path: Path
) -> None:
    clip = tmp_path / case.name
    case.make(clip)
    asked = asked_by(clip)
    assert slide(asked, JOINTS / f"{DANCE}_joints.npz") <= 1.0
    assert apart(asked, right[: len(asked)]) <= 4.0


def test_the_bundled_dances_stand_and_their_poses_are_not_touched() -> None:
    with VideoReader(dance_video(), end=2) as reader:
        analysis = Analysis(reader.size)
        for sighting in look(reader):
            analysis.add(sighting)
    assert len(analysis.views) == len(analysis.poses)
    assert all(np.array_equal(view, np.eye(3)) for view in analysis.views)
    with load_target("mira") as mira, DancePipeline(mira, create_generator("nearest", mira)) as pipeline:
        known = pipeline.moves(analysis)
        analysis.views = [np.eye(3)] * len(analysis.poses)
        blind = pipeline.moves(analysis)
    for a, b in zip([*known.asked, *known.poses], [*blind.asked, *blind.poses], strict=True):
        assert a is not None
        assert b is not None
        assert np.array_equal(a.landmarks, b.landmarks)


def test_the_skeleton_lies_over_the_dancer_in_the_source(tmp_path: Path) -> None:
    clip = tmp_path / "hand.mp4"
    FILMED_BY_HAND[0].make(clip)
    analysis = analysed(clip)
    with load_target("mira") as mira, DancePipeline(mira, create_generator("nearest", mira)) as pipeline:
        shown = pipeline.moves(analysis).poses
    off = [np.linalg.norm(a.xy - b.xy, axis=1).mean() for a, b in zip(shown, analysis.poses, strict=True) if a and b]
    assert np.mean(off) < 3
