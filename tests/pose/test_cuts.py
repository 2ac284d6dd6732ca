"""Where shots begin: by the picture, and by the dancer."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.reports.placing import dance_pictures, nearer
from core.pose.cuts import PictureChanges, shot_starts, shots_of, without_mixtures
from core.pose.live_tracker import LiveDancer
from core.types import Frame, Pose
from tests.bodies import moved, standing

HERE = standing(x=200, floor=400, torso=80)
THERE = standing(x=420, floor=460, torso=120)


def dancing(pose: Pose, frames: int) -> list[Pose | None]:
    """Somebody who steps from side to side and waves."""
    return [
        moved(moved(pose, dx=20 * np.sin(i / 6)), dy=-60 * np.sin(i / 4), joints=(15, 17, 19, 21))
        for i in range(frames)
    ]


def seconds(poses: list[Pose | None]) -> list[float]:
    return [i / 25 for i in range(len(poses))]


def starts(poses: list[Pose | None], changed: tuple[int, ...] = ()) -> list[int]:
    return shot_starts(poses, seconds(poses), changed)


@pytest.fixture(scope="module")
def pictures() -> list[Frame]:
    return dance_pictures("june-sway", 0, 60)


def changes(pictures: list[Frame]) -> list[int]:
    told = PictureChanges()
    return [i for i, picture in enumerate(pictures) if told.at(picture)]


@pytest.mark.parametrize("dance", ["june-sway", "lina-disco", "omar-street"])
def test_a_dance_before_one_camera_changes_nothing_at_once(dance: str) -> None:
    assert changes(dance_pictures(dance, 0, 200)) == []


@pytest.mark.parametrize("times", [1.1, 1.25, 2.0])
def test_a_cut_to_a_nearer_view_of_the_same_is_seen(pictures: list[Frame], times: float) -> None:
    assert changes([*pictures[:30], *(nearer(picture, 0.5, 0.5, times) for picture in pictures[30:])]) == [30]


def test_a_cut_that_leaves_something_out_is_seen() -> None:
    assert changes([*dance_pictures("omar-street", 0, 30), *dance_pictures("omar-street", 150, 20)]) == [30]


def test_a_flash_changes_the_picture_and_is_no_cut(pictures: list[Frame]) -> None:
    flash = [np.full_like(picture, 250) if i in {30, 31} else picture for i, picture in enumerate(pictures)]
    assert changes(flash) == [30, 32]
    poses = dancing(HERE, 60)
    poses[30] = poses[31] = None
    assert starts(poses, (30, 32)) == []


def test_a_cut_begins_a_shot_where_the_picture_changed_though_somebody_is_found_later() -> None:
    poses = [*dancing(HERE, 30), None, None, *dancing(THERE, 30)]
    assert starts(poses, (30,)) == [30]
    nearby: list[Pose | None] = [*dancing(HERE, 30), *(pose and pose.scaled(1.1) for pose in dancing(HERE, 60)[30:])]
    assert starts(nearby, (30,)) == [30]
    assert starts(nearby) == [], "without a change in the picture that is a move"


def test_whoever_is_elsewhere_for_good_is_in_another_shot_though_the_picture_changed_slowly() -> None:
    poses = [*dancing(HERE, 30), *dancing(THERE, 30)]
    assert starts(poses) == [30]


@pytest.mark.parametrize("mistaken", [(30,), (30, 31), (30, 32, 34, 36, 38, 40, 42, 44)])
def test_mistakes_of_the_estimator_begin_no_shot(mistaken: tuple[int, ...]) -> None:
    poses = dancing(HERE, 60)
    for i in mistaken:
        poses[i] = THERE
    assert starts(poses) == []


def test_what_is_found_in_two_pictures_at_once_is_left_out() -> None:
    between = standing(x=330, floor=450, torso=40)
    poses = [*dancing(HERE, 30), between, between, *dancing(THERE, 30)]
    begun = starts(poses)
    kept = without_mixtures(poses, seconds(poses), begun, ())
    assert len(begun) == 1
    assert [i for i, pose in enumerate(kept) if pose is None] == [30, 31]
    assert without_mixtures(poses, seconds(poses), [30], (30,)) == poses


def test_live_a_cut_begins_a_shot_at_once_and_a_flash_does_not() -> None:
    dancer = LiveDancer()
    for i, pose in enumerate(dancing(HERE, 30)):
        before = dancer.take(pose, i / 25)
    flash = dancer.take(dancing(HERE, 31)[30], 30 / 25, changed=True)
    assert before is not None
    assert flash is not None
    assert flash.shot == before.shot
    after = dancer.take(THERE, 31 / 25, changed=True)
    assert after is not None
    assert after.shot == before.shot + 1
    assert np.array_equal(after.pose.landmarks, THERE.landmarks), "nothing of the shot before is smoothed into it"
    assert abs(after.ground - 460) < 1
    assert abs(after.body.near[1] - 120) < 6
    assert after.body.bones["left_thigh"] == pytest.approx(before.body.bones["left_thigh"])


def test_live_somebody_elsewhere_is_shown_as_before_until_that_is_for_good() -> None:
    dancer = LiveDancer()
    poses = [*dancing(HERE, 30), THERE, *dancing(HERE, 20)[1:], *[THERE] * 10]
    sights = [dancer.take(pose, i / 25) for i, pose in enumerate(poses)]
    shots = [None if sight is None else sight.shot for sight in sights]
    assert shots[:50] == [0] * 50, "one mistake begins no shot"
    held = [sight is not None and sight.held for sight in sights]
    assert held[30]
    assert not any(held[:30])
    assert not any(held[31:50])
    assert held[50]
    assert shots[-1] == 1
    assert not held[-1]


def test_a_change_of_light_alone_is_no_other_place(pictures: list[Frame]) -> None:
    darker = [cv2.convertScaleAbs(picture, alpha=0.4) if i >= 30 else picture for i, picture in enumerate(pictures)]
    assert changes(darker) == [30]
    assert starts(dancing(HERE, 60), (30,)) == []


def test_shots_lie_between_cuts_and_are_never_empty() -> None:
    assert shots_of([], 4) == [slice(0, 4)]
    assert shots_of([1, 3], 4) == [slice(0, 1), slice(1, 3), slice(3, 4)]
    assert shots_of([0, 2, 2, 4], 4) == [slice(0, 2), slice(2, 4)]
    assert shots_of([], 0) == []
