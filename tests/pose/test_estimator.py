from __future__ import annotations

import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.bundled import dances
from core.errors import WeightsMissing
from core.pose import skeleton
from core.pose.blazepose import BlazePose, Found, Region, refine_on_heat_maps
from core.pose.detection import clothes_colours
from core.pose.estimator import PeopleTracker, PoseEstimator, find_people
from core.pose.mediapipe_graph import MediaPipeTracker
from core.pose.person_selection import Follower, Person, body_of
from core.pose.video_analysis import Analysis, look
from core.settings import settings
from core.types import Frame, VideoFrame
from core.video.reader import VideoReader
from tests.conftest import PROJECT

Mask = NDArray[np.float32]


def frames_of(dance: str, start: float, count: int, every: int = 1) -> list[Frame]:
    found = dances.find(dance)
    assert found is not None
    taken: list[Frame] = []
    with VideoReader(found, start=start, max_side=settings().analysis_side) as reader:
        for frame in reader:
            if frame.index % every == 0:
                taken.append(frame.image)
            if len(taken) == count:
                break
    return taken


@pytest.fixture(scope="module")
def single() -> Frame:
    return frames_of("omar-street", 1.0, 1)[0]


@pytest.fixture(scope="module")
def couple(single: Frame) -> Frame:
    return np.ascontiguousarray(np.hstack([single, single[:, ::-1]]))


def test_a_missing_model_is_named() -> None:
    for engine in (BlazePose, MediaPipeTracker):
        with pytest.raises(WeightsMissing, match=r"absent\.task"):
            engine(model=Path("absent.task"))


def test_poses_and_masks_are_those_of_mediapipes_graph() -> None:
    """The reference: the same networks in MediaPipe's own graph. Its fresh look is .04 of a torso from its tracked one."""
    apart, depth, overlap = [], [], []
    with MediaPipeTracker(most=1, masks=True) as reference, PeopleTracker(BlazePose(masks=True)) as tracker:
        for i, image in enumerate(frames_of("lina-disco", 2.0, 25)):
            (theirs,), (ours,) = reference.people(image, i / 25), tracker.people(image, i / 25)
            torso = np.linalg.norm(theirs.pose.xy[[11, 12]].mean(axis=0) - theirs.pose.xy[[23, 24]].mean(axis=0))
            joints = list(skeleton.JOINTS)
            difference = (ours.pose.landmarks - theirs.pose.landmarks)[joints] / torso
            apart.append(np.linalg.norm(difference[:, :2], axis=1).mean())
            depth.append(np.abs(difference[:, 2]).mean())
            assert theirs.mask is not None
            assert ours.mask is not None
            a, b = theirs.mask > 0.5, ours.mask > 0.5
            overlap.append((a & b).sum() / (a | b).sum())
    assert np.mean(apart) < 0.03
    assert np.mean(depth) < 0.25
    assert np.mean(overlap) > 0.93


def test_the_mask_lies_on_the_person(single: Frame) -> None:
    with PoseEstimator(masks=True) as estimator:
        found = estimator.detect(single, 0)
    assert found is not None
    assert found.mask is not None
    assert found.mask.shape == single.shape[:2]
    hips = found.pose.xy[[23, 24]].mean(axis=0).round().astype(int)
    assert found.mask[hips[1], hips[0]] > 0.8
    assert found.mask[10, 10] < 0.2


def test_the_one_on_the_right_is_followed_when_asked_for(couple: Frame) -> None:
    with PoseEstimator(person="right") as right, PoseEstimator(person="left") as left:
        for i in range(3):
            there, here = right.detect(couple, i * 40), left.detect(couple, i * 40)
            assert there is not None
            assert here is not None
            assert there.pose.xy[0, 0] > 512 > here.pose.xy[0, 0]


def test_a_second_person_is_noticed_within_a_second_and_gone_when_they_are(single: Frame, couple: Frame) -> None:
    with find_people() as finder:
        assert [len(finder.people(single, i * 0.1)) for i in range(10)] == [1] * 10
        assert len(finder.people(couple, 1.05)) == 2
        assert len(finder.people(couple, 1.15)) == 2
        assert [len(finder.people(single, 1.2 + i / 10)) for i in range(5)] == [1] * 5


def test_somebody_who_was_lost_is_found_in_the_very_next_picture(single: Frame) -> None:
    elsewhere = np.ascontiguousarray(np.roll(single, single.shape[1] // 2, axis=1))
    with find_people() as finder:
        assert len(finder.people(single, 0.0)) == 1
        assert finder.people(np.zeros_like(single), 0.04) == []
        assert len(finder.people(elsewhere, 0.08)) == 1


@pytest.mark.parametrize("turn", [cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180])
def test_whoever_lies_or_stands_on_their_head_is_found_where_they_are(single: Frame, turn: int) -> None:
    turned = np.asarray(cv2.rotate(single, turn), np.uint8)
    with find_people() as finder:
        (upright,), (found,) = finder.people(single, 0.0), PeopleTracker(BlazePose()).people(turned, 0.0)
    height, width = single.shape[:2]
    x, y = upright.pose.xy.T
    expected = np.stack([height - y, x] if turn == cv2.ROTATE_90_CLOCKWISE else [width - x, height - y], axis=1)
    joints = list(skeleton.JOINTS)
    torso = np.linalg.norm(upright.pose.xy[11] - upright.pose.xy[23])
    assert np.linalg.norm(found.pose.xy[joints] - expected[joints], axis=1).mean() < 0.1 * torso


@pytest.mark.parametrize("shape", [(1, 1), (2, 900), (900, 2), (17, 33)])
def test_pictures_too_small_for_anybody_show_nobody(shape: tuple[int, int]) -> None:
    with find_people() as finder:
        assert finder.people(np.full((*shape, 3), 128, np.uint8), 0.0) == []


def test_a_region_that_cannot_be_is_none() -> None:
    here = np.array([10.0, 10.0], np.float32)
    assert Region.around(here, here) is None
    assert Region.around(here, np.array([np.nan, 0.0], np.float32)) is None
    upright = Region.around(here, here - np.array([0.0, 100.0], np.float32))
    assert upright is not None
    assert upright.angle == pytest.approx(0.0)
    assert upright.matrix() @ [128, 128, 1] == pytest.approx([10, 10])


def test_refinement_moves_to_the_centre_of_mass_where_the_map_is_sure_and_only_there() -> None:
    values = np.array([[100.0, 60.0, 7.0], [100.0, 60.0, 7.0], [-5.0, 300.0, 7.0], [1.0, 254.0, 7.0]], np.float32)
    heat = np.full((64, 64, 4), -9.0, np.float32)
    heat[16, 26, 0] = 9.0
    heat[63, 1, 3] = 9.0
    before = values.copy()
    refine_on_heat_maps(values, heat)
    assert values[0] == pytest.approx([104, 64, 7], abs=0.3)
    assert np.array_equal(values[1:3], before[1:3])
    assert values[3] == pytest.approx([4, 252, 7], abs=0.3)


def cut_out(dance: str, start: float, count: int) -> list[tuple[Frame, Mask]]:
    """Frames of a rendered dancer, each with the share of each pixel that the dancer covers."""
    images = frames_of(dance, start, count)
    with find_people(masks=True) as finder:
        found = [finder.people(image, i / 25)[0] for i, image in enumerate(images)]
    return [(image, d.mask[..., None]) for image, d in zip(images, found, strict=True) if d.mask is not None]


STAGE = (640, 360)


def laid(stage: Frame, part: tuple[Frame, Mask], centre: float) -> Frame:
    """``stage`` with a dancer in front, whose middle in their own picture comes to stand at ``centre``."""
    image, mask = part
    scale = 330 / image.shape[0]
    middle = float((mask[..., 0].sum(axis=0) @ np.arange(image.shape[1])) / mask.sum())
    matrix = np.array([[scale, 0, centre - middle * scale], [0, scale, 20.0]])
    alpha = cv2.warpAffine(mask, matrix, STAGE)[..., None]
    return np.asarray(cv2.warpAffine(image, matrix, STAGE) * alpha + stage * (1 - alpha), np.uint8)


def wall(light: int = 115) -> Frame:
    return np.full((STAGE[1], STAGE[0], 3), light, np.uint8)


@pytest.fixture(scope="module")
def changing_places() -> list[Frame]:
    """One walks through the picture from the left, in front; the other from the right."""
    count = 60
    pairs = zip(cut_out("june-sway", 1.0, count), cut_out("omar-street", 1.0, count), strict=True)
    pictures = []
    for i, (front, behind) in enumerate(pairs):
        walked = 380 * i / (count - 1)
        pictures.append(np.ascontiguousarray(laid(laid(wall(), behind, 510 - walked), front, 130 + walked)))
    return pictures


def test_two_rendered_dancers_who_change_places_keep_their_identities(changing_places: list[Frame]) -> None:
    """Neither becomes the other where everybody is looked at in every frame."""
    followers = {"left": Follower("left"), "right": Follower("right")}
    last: dict[str, float] = {}
    both = 0
    with find_people() as finder:
        for i, picture in enumerate(changing_places):
            poses = [found.pose for found in finder.people(picture, i / 25)]
            both += len(poses) == 2
            for name, follower in followers.items():
                chosen = follower.pick(poses, i / 25, STAGE)
                if chosen is not None:
                    last[name] = body_of(chosen).x
    assert both > 0.6 * len(changing_places)
    assert last["left"] == pytest.approx(510, abs=60)
    assert last["right"] == pytest.approx(130, abs=60)


@pytest.mark.parametrize(("person", "end"), [("left", 510), ("right", 130), ((0.2, 0.5), 510), (2, 130)])
def test_one_of_two_who_change_places_is_followed_while_the_other_is_looked_at_now_and_then(
    changing_places: list[Frame], person: Person, end: float
) -> None:
    with PoseEstimator(person=person) as estimator:
        alone = [estimator.detect(picture, 40 * i) for i, picture in enumerate(changing_places)]
    frames = [VideoFrame(i, Fraction(i, 25), picture) for i, picture in enumerate(changing_places)]
    in_lanes = [sighting.pose for sighting in look(frames, person)]
    for poses in ([None if found is None else found.pose for found in alone], in_lanes):
        # whoever walks behind is hidden for a moment
        assert np.mean([pose is not None for pose in poses]) > 0.8
        last = next(pose for pose in reversed(poses) if pose is not None)
        assert body_of(last).x == pytest.approx(end, abs=60)


class Counting(BlazePose):
    """Notes how often somebody was looked at."""

    looks = 0

    def landmarks(self, image: Frame, region: Region) -> Found:
        self.looks += 1
        return super().landmarks(image, region)


@pytest.fixture(scope="module")
def audience() -> list[Frame]:
    """A dancer in the middle, and two who stand at the sides."""
    standing = cut_out("omar-street", 1.0, 1)[0]
    sides = laid(laid(wall(), standing, 90), standing, 550)
    return [np.ascontiguousarray(laid(sides, dancer, 320)) for dancer in cut_out("june-sway", 2.0, 50)]


def test_whoever_stands_aside_is_looked_at_a_few_times_a_second(audience: list[Frame]) -> None:
    networks = Counting()
    tracker, everybody = PeopleTracker(networks), PeopleTracker(BlazePose())
    follower = Follower((0.5, 0.5))
    followed: int | None = None
    for i, picture in enumerate(audience):
        found = tracker.people(picture, i / 25, followed=followed)
        assert len(found) == 3
        chosen = follower.pick_from(found, i / 25, STAGE)
        assert chosen is not None
        assert chosen.fresh
        assert followed is None or chosen.track == followed
        followed = chosen.track
        # what is found of the dancer is what is found where everybody is looked at
        reference = min(everybody.people(picture, i / 25), key=lambda d: abs(body_of(d.pose).x - 320))
        assert np.array_equal(chosen.pose.landmarks, reference.pose.landmarks)
    assert len(audience) < networks.looks < 1.5 * len(audience)


def test_everybody_is_looked_at_as_soon_as_the_followed_one_is_lost(audience: list[Frame], single: Frame) -> None:
    empty = np.ascontiguousarray(laid(wall(), cut_out("omar-street", 1.0, 1)[0], 90))
    with find_people() as finder:
        found = finder.people(audience[0], 0.0)
        dancer = min(found, key=lambda d: abs(body_of(d.pose).x - 320))
        assert not all(d.fresh for d in finder.people(audience[1], 0.04, followed=dancer.track))
        left = finder.people(empty, 0.08, followed=dancer.track)
    assert [d.fresh for d in left] == [True]
    assert body_of(left[0].pose).x == pytest.approx(90, abs=40)


def test_whoever_is_chosen_is_chosen_anew_after_a_cut(audience: list[Frame]) -> None:
    """The second shot shows others elsewhere; both lanes begin anew, and none keeps whom it followed."""
    dancer, other = cut_out("june-sway", 1.0, 1)[0], cut_out("omar-street", 1.0, 1)[0]
    shot = np.ascontiguousarray(laid(laid(wall(190), dancer, 200), other, 430))
    pictures = [*audience[:15], *[shot] * 15]
    frames = [VideoFrame(i, Fraction(i, 25), picture) for i, picture in enumerate(pictures)]
    asked: list[tuple[Person, float, float]] = [("right", 550, 430), ("left", 90, 200)]
    for person, before, after in asked:
        analysis = Analysis(STAGE, person)
        for sighting in look(frames, person):
            analysis.add(sighting)
        assert analysis.cuts == [15]
        places = [None if pose is None else body_of(pose).x for pose in analysis.poses]
        assert places[:15] == [pytest.approx(before, abs=40)] * 15
        assert places[15:] == [pytest.approx(after, abs=40)] * 15


def test_colours_are_those_of_the_clothes() -> None:
    image = np.zeros((200, 100, 3), np.uint8)
    image[:100] = (200, 30, 30)
    image[100:] = (20, 40, 180)
    landmarks = np.zeros((33, 4), np.float32)
    landmarks[[11, 12, 23, 24, 25, 26], :2] = [[70, 20], [30, 20], [65, 95], [35, 95], [64, 190], [36, 190]]
    red, blue = clothes_colours(image, landmarks).reshape(2, 3)
    assert red[1] > 50
    assert blue[2] < -50


def test_two_streams_do_not_open_twice_the_threads(single: Frame) -> None:
    code = (
        "import sys, psutil, numpy as np, threading\n"
        "from core.pose.estimator import find_people\n"
        "image = np.load(sys.argv[1])\n"
        "def look(n):\n"
        "    finders = [find_people() for _ in range(n)]\n"
        "    threads = [threading.Thread(target=lambda f=f: [f.people(image, i / 9) for i in range(9)]) for f in finders]\n"
        "    [t.start() for t in threads]; [t.join() for t in threads]\n"
        "    return psutil.Process().num_threads()\n"
        "print(look(1), look(2), look(6))\n"
    )
    counts = _in_a_process(code, single)
    assert counts[1] <= counts[0] + 1
    assert counts[2] <= counts[0] + 1


def _in_a_process(code: str, image: Frame) -> list[int]:
    """The numbers that a program prints which is given a picture."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/image.npy", image)
        done = subprocess.run(
            [sys.executable, "-c", code, f"{folder}/image.npy"],
            cwd=PROJECT, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return [int(word) for word in done.stdout.split()]


def test_two_threads_that_begin_at_once_both_find_somebody(single: Frame) -> None:
    code = (
        "import sys, threading, numpy as np\n"
        "from core.pose.estimator import find_people\n"
        "image, made = np.load(sys.argv[1]), []\n"
        "def begin():\n"
        "    with find_people() as finder:\n"
        "        made.append(len(finder.people(image, 0.0)))\n"
        "threads = [threading.Thread(target=begin) for _ in range(4)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "print(*made)\n"
    )
    assert _in_a_process(code, single) == [1, 1, 1, 1]


def test_mediapipe_takes_over_where_the_setting_says_so(monkeypatch: pytest.MonkeyPatch, single: Frame) -> None:
    monkeypatch.setenv("DANCE_POSE_ENGINE", "mediapipe")
    settings.cache_clear()
    try:
        with find_people() as finder:
            assert isinstance(finder, MediaPipeTracker)
            assert len(finder.people(single, 0.0)) == 1
    finally:
        settings.cache_clear()
