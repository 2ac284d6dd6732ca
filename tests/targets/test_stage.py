from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.targets.camera import CameraTracker
from core.targets.stage import Sample, Stage, filled, find_stage, light_gains, lit
from core.types import Frame
from tests.targets.test_camera import SIZE, hand, room, seen
from tests.targets.test_matte import scene, stage

PLACE = room(3)


def still(scenes: list[tuple[Frame, NDArray[np.uint8]]]) -> Stage | None:
    """The stage of scenes before a camera on a stand."""
    camera = CameraTracker((scenes[0][0].shape[1], scenes[0][0].shape[0]))
    for frame, mask in scenes:
        camera.add(frame, mask)
    return find_stage([Sample(i, *of) for i, of in enumerate(scenes)], camera.path())


def filmed(
    steps: list[dict[str, Any]], spoil: Any = lambda view, i: view
) -> tuple[Stage | None, list[NDArray[np.float64]]]:
    """The stage behind somebody who walks across the room, filmed by a camera that does those steps."""
    camera, samples, places = CameraTracker(SIZE), [], []
    for i, step in enumerate(steps):
        view, to_place = seen(PLACE, **step)
        middle = round(60 + 200 * i / len(steps))
        person = np.zeros(SIZE[::-1], np.uint8)
        cv2.ellipse(person, (middle, 140), (22, 80), 0, 0, 360, 255, -1)
        view[person > 0] = (30, 30, 160)
        view = spoil(view, i)
        camera.add(view, person)
        samples.append(Sample(i, view, person))
        places.append(to_place)
    return find_stage(samples, camera.path()), places


def error(found: Stage, place: NDArray[np.float64], index: int) -> float:
    """Mean grey levels by which the stage is off in what frame ``index`` shows, whose camera was at ``place``."""
    size = (found.picture.shape[1], found.picture.shape[0])
    to_stage = found.to_stage[index]
    assert to_stage is not None
    truth = cv2.warpPerspective(PLACE, to_stage @ np.linalg.inv(place), size)
    inside = cv2.warpPerspective(np.full(SIZE[::-1], 255, np.uint8), to_stage, size) > 250
    return float(np.abs(found.picture.astype(int) - truth).mean(axis=2)[inside].mean())


def test_the_empty_stage_is_found_behind_someone_who_moves() -> None:
    found = still([scene(left, shadow=True) for left in np.linspace(20, 140, 30)])
    assert found is not None
    assert found.known.mean() > 0.95
    assert np.abs(found.picture.astype(int) - stage()).mean() < 2.5
    assert np.abs(found.picture.astype(int) - stage()).max() < 40


def test_a_shadow_that_lay_there_most_of_the_time_is_not_in_the_stage() -> None:
    found = still([scene(60 + i % 3, shadow=i % 3 > 0) for i in range(30)])
    assert found is not None
    assert np.abs(found.picture[70:95, 82:96].astype(int) - stage()[70:95, 82:96]).mean() < 8


def test_a_shadow_that_is_now_deep_now_faint_is_not_in_the_stage() -> None:
    scenes = []
    for i, left in enumerate(np.linspace(20, 60, 30)):
        frame, mask = scene(left)
        spot = frame[70:110, 100:140]
        spot[:] = (spot * (0.45, 0.45, 0.45, 0.75, 1.0)[i % 5]).astype(np.uint8)
        scenes.append((frame, mask))
    found = still(scenes)
    assert found is not None
    assert np.abs(found.picture[70:110, 100:140].astype(int) - stage()[70:110, 100:140]).mean() < 8


def test_what_is_never_uncovered_is_filled_in_from_around() -> None:
    found = still([scene(80 + i % 3) for i in range(12)])
    assert found is not None
    assert not found.known[60, 80]
    assert found.picture[40:80, 75:85, 0].mean() > 100, "the blue person is still there"


@pytest.mark.parametrize(
    "steps",
    [
        hand(60),
        [{"x": 150 + 2.5 * i, "y": 120} for i in range(60)],
        [{"x": 200, "y": 120, "zoom": 1.0 + i / 200} for i in range(60)],
    ],
    ids=["hand-held", "pan", "zoom"],
)
def test_a_camera_that_moves_has_the_one_stage(steps: list[dict[str, Any]]) -> None:
    found, places = filmed(steps)
    assert found is not None
    assert not found.still
    assert max(error(found, places[i], i) for i in (0, 30, 59)) < 8


def _subtitled(view: Frame, i: int) -> Frame:
    cv2.putText(view, f"WORDS {i // 10}", (30, 225), cv2.FONT_HERSHEY_SIMPLEX, 1.3, (255, 255, 255), 3)
    cv2.putText(view, "LOGO", (240, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (240, 240, 20), 2)
    return view


def _screen(view: Frame, i: int) -> Frame:
    view[30:80, 20:90] = np.random.default_rng(i).integers(0, 255, 3)
    return view


def _cat(view: Frame, i: int) -> Frame:
    cv2.ellipse(view, (5 * i, 215), (24, 12), 0, 0, 360, (20, 20, 20), -1)
    return view


def _clouds(view: Frame, i: int) -> Frame:
    warm = np.array([1.0, 0.95 + 0.05 * np.sin(i / 7), 0.9 - 0.1 * np.sin(i / 7)])
    return np.asarray(np.clip(view * (0.85 + 0.25 * np.sin(i / 9)) * warm, 0, 255), np.uint8)


@pytest.mark.parametrize("spoil", [_subtitled, _screen, _cat, _clouds])
def test_letters_a_screen_a_cat_and_clouds_leave_the_stage_as_it_is(spoil: Any) -> None:
    found, _ = filmed(hand(60), spoil)
    assert found is not None


def test_what_was_lit_otherwise_is_evened_out() -> None:
    """The stage has the light of the middle of the film, and each frame is brought to it."""
    found, _ = filmed(hand(60), _clouds)
    assert found is not None
    view = _clouds(seen(PLACE, **hand(60)[42])[0], 42)
    home = found.to_stage[42]
    assert home is not None
    there = cv2.warpPerspective(view, home, (found.picture.shape[1], found.picture.shape[0]))
    inside = cv2.warpPerspective(np.full(SIZE[::-1], 255, np.uint8), home, there.shape[1::-1]) > 250
    even = lit(there, light_gains(there, found.picture, inside))
    assert np.abs(even.astype(int) - found.picture)[inside].mean() < 10
    assert np.abs(there.astype(int) - found.picture)[inside].mean() > 12, "it was lit as the others before"


def test_a_camera_that_runs_along_has_no_stage() -> None:
    """Depth everywhere: near things pass by faster than far ones, and no still picture explains them."""
    camera, samples = CameraTracker(SIZE), []
    near, nobody = room(9, (2600, 500)), np.zeros(SIZE[::-1], np.uint8)
    mask = cv2.GaussianBlur(np.random.default_rng(1).random((500, 2600)).astype(np.float32), (0, 0), 9) > 0.5
    for i in range(40):
        view, _ = seen(PLACE, 100 + 4 * i, 120)
        box = slice(120, 360), slice(22 * i, 22 * i + 320)
        view = np.where(mask[box][..., None], near[box], view)
        camera.add(view, nobody)
        samples.append(Sample(i, view, nobody))
    assert find_stage(samples, camera.path()) is None


def test_somebody_who_is_followed_far_along_a_wall_has_no_one_stage() -> None:
    """A flat wall explains every frame, and the person is elsewhere in most of them."""
    wall, camera, samples = np.hstack([room(seed) for seed in (3, 4)]), CameraTracker(SIZE), []
    for i in range(60):
        view, _ = seen(wall, 20 + 20.0 * i, 120)
        person = np.zeros(SIZE[::-1], np.uint8)
        cv2.ellipse(person, (160, 140), (20, 80), 0, 0, 360, 255, -1)
        view[person > 0] = (30, 30, 160)
        camera.add(view, person)
        samples.append(Sample(i, view, person))
    assert set(camera.path().shots) == {0}
    assert find_stage(samples, camera.path()) is None


def test_the_stage_grows_to_where_the_person_went() -> None:
    """The camera follows somebody to the side."""
    camera, samples = CameraTracker(SIZE), []
    for i in range(40):
        view, _ = seen(PLACE, 100 + 4.0 * i, 120)
        person = np.zeros(SIZE[::-1], np.uint8)
        cv2.ellipse(person, (160, 140), (20, 80), 0, 0, 360, 255, -1)
        view[person > 0] = (30, 30, 160)
        camera.add(view, person)
        samples.append(Sample(i, view, person))
    found = find_stage(samples, camera.path())
    assert found is not None
    assert found.picture.shape[1] >= SIZE[0]
    assert found.picture.shape[0] == SIZE[1]
    assert all(side % 2 == 0 for side in found.picture.shape[:2])


def test_a_given_picture_of_the_stage_is_taken_where_the_footage_shows_it() -> None:
    scenes = [scene(left) for left in np.linspace(20, 140, 20)]
    for picture, shows_it in ((stage(), True), (room(2)[:120, :160], False)):
        camera = CameraTracker((160, 120))
        for frame, mask in scenes:
            camera.add(frame, mask)
        camera.add(picture, np.zeros((120, 160), np.uint8))
        found = find_stage([Sample(i, *of) for i, of in enumerate(scenes)], camera.path(), picture)
        assert (found is not None) == shows_it
        assert found is None or found.picture is picture


def test_a_wide_hole_is_made_up_of_the_rest() -> None:
    """A wall of bricks with a person-sized hole is bricks again, not a smear."""
    y, x = np.mgrid[:200, :200]
    wall = np.where(((y % 16) < 2) | (((x + 8 * (y // 16 % 2)) % 32) < 2), 220, 120).astype(np.uint8)
    picture = np.dstack([wall, wall // 2, wall // 3])
    hole = np.zeros((200, 200), np.bool_)
    hole[40:180, 80:120] = True
    spoilt = picture.copy()
    spoilt[hole] = 0
    made = filled(spoilt, hole)
    assert np.array_equal(made[~hole], picture[~hole])
    assert made[hole].std() > 0.6 * picture[hole].std()
    assert np.abs(made[hole].mean(axis=0) - picture[hole].mean(axis=0)).max() < 12
