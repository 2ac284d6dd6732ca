"""Finding the dancer where that is hard: far away, beside others, through crossings, in the dark, before an audience."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.reports import finding
from core import paths
from core.pose.blazepose import BlazePose, Found, Region
from core.pose.dark import SideHold, readable
from core.pose.estimator import PeopleTracker, PoseEstimator, find_people
from core.pose.person_selection import Follower, Person, body_of
from core.pose.tiles import Part, TileWatch, tiles
from core.types import Frame, Pose
from core.video.reader import VideoReader
from tests.bodies import moved, standing

CROSSINGS = [
    (("june-sway", 1.0), ("omar-street", 1.0)),
    (("omar-street", 6.0), ("lina-disco", 1.0)),
    (("lina-disco", 6.0), ("june-sway", 5.0)),
    (("june-sway", 5.0), ("lina-disco", 6.0)),
]


def live(frames: list[Frame], person: Person = "largest") -> list[Pose | None]:
    """What a live stream finds of somebody."""
    with PoseEstimator(person=person, sweep=False) as estimator:
        found = [estimator.detect(picture, 1000 * i / finding.RATE) for i, picture in enumerate(frames)]
    return [None if one is None else one.pose for one in found]


class Counting(BlazePose):
    """Notes how often the networks looked."""

    looks = 0
    detections = 0

    def landmarks(self, image: Frame, region: Region) -> Found:
        self.looks += 1
        return super().landmarks(image, region)

    def detect(self, image: Frame, most: int, *, part: Part | None = None, sure: float = 0.5) -> list[Region]:
        self.detections += 1
        return super().detect(image, most, part=part, sure=sure)


# ---- small


@pytest.mark.parametrize("share", [0.15, 0.11])
def test_a_small_dancer_is_found_in_every_frame_of_a_file(share: float) -> None:
    frames = [cv2.resize(f, (1280, 720), interpolation=cv2.INTER_AREA) for f in finding.far_away(share, 16)]
    sightings, _ = finding.seen([np.asarray(f, np.uint8) for f in frames])
    poses = [pose for pose in finding.poses_of(sightings) if pose is not None]
    assert len(poses) == len(frames)
    assert finding.leaps(poses) == 0
    assert [body_of(p).x for p in poses] == [pytest.approx(1300 / 1.5, abs=30)] * len(frames)


def test_a_small_dancer_is_found_live_by_what_moves() -> None:
    frames = [
        np.asarray(cv2.resize(f, (1280, 720), interpolation=cv2.INTER_AREA), np.uint8)
        for f in finding.far_away(0.15, 30)
    ]
    poses = live(frames)
    assert all(pose is not None for pose in poses[20:])


def test_stages_without_anybody_show_nobody() -> None:
    for performer in ("mira", "theo"):
        plate = cv2.cvtColor(
            cv2.imread(str(paths.PROJECT / f"assets/performers/{performer}/plate.png")), cv2.COLOR_BGR2RGB
        )
        for side in (512, 1280):
            with find_people() as finder:
                assert finder.people(np.asarray(cv2.resize(plate, (side, side)), np.uint8), 0.0) == []


def test_a_room_whose_dancer_is_covered_shows_nobody(shared_data: Path) -> None:
    with VideoReader(shared_data / "videos" / "taichi2.mp4", end=20.0, every=5.0) as reader:
        for frame in reader:
            with find_people(masks=True) as finder, find_people() as again:
                (found,) = finder.people(frame.image, 0.0)
                assert found.mask is not None
                body = np.asarray(found.mask > 0.2, np.uint8)
                small = cv2.resize(frame.image, (240, 180), interpolation=cv2.INTER_AREA)
                covered = cv2.dilate(cv2.resize(body, (240, 180)), np.ones((9, 9)))
                empty = cv2.resize(cv2.inpaint(small, covered, 5, cv2.INPAINT_TELEA), (960, 720))
                wide = cv2.dilate(body, np.ones((25, 25)))[..., None]
                assert again.people(np.where(wide > 0, empty, frame.image), 0.0) == []


def test_an_empty_room_costs_few_looks() -> None:
    random = np.random.default_rng(0)
    networks = Counting()
    tracker = PeopleTracker(networks, sweep=False)
    for i in range(50):
        noisy = finding.wall((640, 360)) + random.normal(0, 3, (360, 640, 3))
        assert tracker.people(noisy.clip(0, 255).astype(np.uint8), i / 25) == []
    # the whole picture each time, and two tiles a second
    assert 50 < networks.detections <= 55


def test_tiles_cover_the_picture_and_overlap() -> None:
    for size in ((1280, 720), (720, 1280), (1280, 547), (512, 512)):
        for level in tiles(size):
            seen = np.zeros(size[::-1], np.uint8)
            for tile in level:
                seen[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] = 1
                assert tile.of(seen[..., None]).shape[:2] == (tile.height, tile.width)
            assert seen.all()
    assert tiles((90, 60)) == []


def test_the_tile_in_which_something_moves_is_next() -> None:
    watch, picture = TileWatch(), finding.wall((640, 360))
    watch.next(picture, 0.0)
    picture[200:260, 500:520] = 255
    for i in range(1, 4):
        tile = watch.next(picture, i * 0.11)
        assert tile is not None
        assert tile.x <= 510 < tile.x + tile.width
        assert tile.y <= 230 < tile.y + tile.height
    assert watch.next(picture, 0.45) is None


def test_a_part_is_what_lies_inside() -> None:
    assert Part.around(10, 90, 40, (100, 100)) == Part(0, 70, 30, 30)
    assert Part.around(-40, 50, 40, (100, 100)) is None


# ---- others


def test_either_of_two_side_by_side_is_followed_in_every_frame() -> None:
    frames = finding.side_by_side(12)
    places: list[tuple[Person, float]] = [("left", 600), ("right", 1180)]
    for person, place in places:
        for poses in (live(frames, person), finding.poses_of(finding.seen(frames, person)[0])):
            bodies = [body_of(pose) for pose in poses if pose is not None]
            assert [body.x for body in bodies] == [pytest.approx(place, abs=90)] * len(frames)


def test_somebody_small_who_was_covered_is_found_again_where_they_were() -> None:
    frames = [
        np.asarray(cv2.resize(f, (1280, 720), interpolation=cv2.INTER_AREA), np.uint8)
        for f in finding.far_away(0.15, 20)
    ]
    for picture in frames[8:12]:
        picture[200:400, 800:930] = (30, 40, 90)
    with PoseEstimator() as estimator:
        found = [estimator.detect(picture, 40 * i) is not None for i, picture in enumerate(frames)]
    assert found[:8] == [True] * 8
    assert found[12:] == [True] * 8


@pytest.mark.parametrize(
    ("pair", "light"),
    [(CROSSINGS[0], 60), (CROSSINGS[1], 0), (CROSSINGS[2], 0), (CROSSINGS[2], 1), (CROSSINGS[3], -20)],
)
def test_whoever_crosses_somebody_is_followed_to_the_other_side(
    pair: tuple[tuple[str, float], tuple[str, float]], light: int
) -> None:
    frames = finding.crossing(*pair, light)
    places: list[tuple[Person, float]] = [("left", 510), ("right", 130)]
    for person, end in places:
        for poses in (live(frames, person), finding.poses_of(finding.seen(frames, person)[0])):
            seen = [pose for pose in poses if pose is not None]
            assert len(seen) > 0.75 * len(frames)
            assert body_of(seen[-1]).x == pytest.approx(end, abs=60)


def test_somebody_who_comes_near_to_the_camera_does_not_hide_a_small_dancer() -> None:
    follower = Follower("left")
    dancer = standing(x=100, torso=20)
    assert follower.pick([dancer], 0.0, (640, 480)) is dancer
    assert follower.pick([standing(x=400, torso=90), moved(dancer, 2)], 0.04, (640, 480)) is not None


def test_an_audience_costs_no_look() -> None:
    """A row of people cut off at the waist, none of whom is followed; the poses are those of the dancer alone."""
    networks, alone = Counting(), PeopleTracker(BlazePose())
    tracker, follower = PeopleTracker(networks), Follower()
    followed: int | None = None
    pairs = list(zip(finding.in_front_of(27, 25), finding.in_front_of(0, 25), strict=True))
    for i, (picture, empty) in enumerate(pairs):
        chosen = follower.pick_from(tracker.people(picture, i / 12.5, followed=followed), i / 12.5, (1280, 720))
        assert chosen is not None
        followed = chosen.track
        (reference,) = alone.people(empty, i / 12.5)
        apart = np.linalg.norm(chosen.pose.xy - reference.pose.xy, axis=1).mean()
        assert apart < 0.06 * body_of(reference.pose).height
    assert networks.looks + networks.detections < 1.3 * len(pairs)


# ---- the dark


def test_a_bright_picture_is_looked_at_as_it_is_and_a_dark_one_without_its_noise() -> None:
    bright = finding.cut_out("omar-street", 1.0, 1)[0][0]
    assert readable(bright)[0] is bright
    noise = np.random.default_rng(0).normal(0, 8, bright.shape)
    dim = (bright * 0.25 + noise).clip(0, 255).astype(np.uint8)
    calm, dark = readable(dim)
    assert dark
    gain = float(np.median(calm)) / float(np.median(dim))
    assert 1.2 < gain <= 4.2
    wanted = (bright * 0.25 * gain).clip(0, 255)
    assert np.abs(calm - wanted).mean() < 0.5 * np.abs(dim * gain - wanted).mean()


def test_left_and_right_do_not_change_for_a_moment_in_the_dark(tmp_path: Path) -> None:
    finding.write(tmp_path / "dark.mp4", finding.dark(), crf=28)
    poses = finding.poses_of(finding.seen(tmp_path / "dark.mp4")[0])
    assert all(pose is not None for pose in poses)
    assert finding.short_flips(poses) == 0


def test_sides_are_held_for_a_moment_and_no_longer() -> None:
    hold, pose = SideHold(), standing()
    other = list(range(33))
    for left in range(11, 33, 2):
        other[left], other[left + 1] = left + 1, left
    turned = Pose(pose.landmarks[other])
    seen = [hold.held(turned if i in (3, 4) or i >= 8 else pose, i / 25) for i in range(20)]
    right_way = [float(p.xy[11, 0] - p.xy[12, 0]) * float(pose.xy[11, 0] - pose.xy[12, 0]) > 0 for p in seen]
    assert right_way == [True] * 16 + [False] * 4
