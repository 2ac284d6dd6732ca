from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.targets.camera import CameraPath, CameraTracker
from core.types import Frame
from core.utils.corner_tracking import transformed

SIZE = (320, 240)
NOBODY = np.zeros(SIZE[::-1], np.uint8)


def room(seed: int = 0, size: tuple[int, int] = (900, 500)) -> Frame:
    """A wall with boxes on it."""
    rng = np.random.default_rng(seed)
    picture = np.full((size[1], size[0], 3), 150, np.uint8)
    for _ in range(260):
        x, y = rng.integers(0, size[0]), rng.integers(0, size[1])
        w, h = rng.integers(8, 60, 2)
        cv2.rectangle(picture, (int(x), int(y)), (int(x + w), int(y + h)), rng.integers(20, 235, 3).tolist(), -1)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.8), np.uint8)


def seen(
    place: Frame, x: float, y: float, *, turn: float = 0.0, zoom: float = 1.0
) -> tuple[Frame, NDArray[np.float64]]:
    """What a camera at (x, y) sees of a place, and the homography from its picture to the place."""
    c, s = np.cos(turn) / zoom, np.sin(turn) / zoom
    to_place = np.array([[c, -s, x], [s, c, y], [0, 0, 1]])
    view = cv2.warpPerspective(place, np.linalg.inv(to_place), SIZE, flags=cv2.INTER_LINEAR)
    noise = np.random.default_rng(int(10 * x + y)).normal(0, 2, view.shape)
    return np.clip(view + noise, 0, 255).astype(np.uint8), to_place


def followed(views: list[Frame], person: NDArray[np.uint8] = NOBODY) -> CameraPath:
    camera = CameraTracker(SIZE)
    for view in views:
        camera.add(view, person)
    return camera.path()


def farthest(path: CameraPath, places: list[NDArray[np.float64]]) -> float:
    """Pixels, of each frame's own, by which the middle part of any frame is registered wrongly to the first one."""
    points = np.array([[40, 30], [280, 30], [280, 210], [40, 210]], np.float64)
    first = np.linalg.inv(places[0])
    wrong = [
        np.abs(transformed(transformed(points, first @ place), np.linalg.inv(found)) - points).max()
        for found, place in zip(path.to_shot, places, strict=True)
    ]
    return float(max(wrong))


def hand(count: int) -> list[dict[str, float]]:
    t = np.arange(count) / 10
    return [
        {
            "x": 200 + 9 * np.sin(2 * a),
            "y": 120 + 6 * np.cos(3 * a),
            "turn": 0.02 * np.sin(a),
            "zoom": 1 + 0.03 * np.sin(1.3 * a),
        }
        for a in t
    ]


WAYS: dict[str, list[dict[str, float]]] = {
    "hand-held": hand(40),
    "pan": [{"x": 100 + 9.0 * i, "y": 120} for i in range(50)],
    "zoom": [{"x": 200 - 2 * i, "y": 120 - 1.5 * i, "zoom": 1.8 * 0.97**i} for i in range(40)],
    "jumps": [{"x": 180 + 60 * (i % 3), "y": 120 + 30 * (i % 2)} for i in range(12)],
}


@pytest.mark.parametrize("way", WAYS)
def test_a_camera_that_moves_is_followed(way: str) -> None:
    views, places = zip(*[seen(room(), **step) for step in WAYS[way]], strict=True)
    path = followed(list(views))
    assert set(path.shots) == {0}
    assert path.moves(0)
    assert farthest(path, list(places)) < 2


def test_a_camera_that_stands_still_is_known_to() -> None:
    views = [seen(room(), 200 + 0.001 * i, 120)[0] for i in range(20)]
    path = followed(views)
    assert not path.moves(0)
    assert all(np.array_equal(h, np.eye(3)) for h in path.to_shot)


def test_letters_and_somebody_walking_by_do_not_move_the_camera() -> None:
    """Burnt-in letters stand still in the picture while the room moves behind them, and a passer-by moves on his own."""
    views, places = [], []
    for i, step in enumerate(hand(40)):
        view, place = seen(room(), **step)
        cv2.putText(view, f"LINE {i // 8}", (40, 225), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (255, 255, 255), 3)
        cv2.rectangle(view, (8 * i, 120), (8 * i + 25, 200), (200, 40, 40), -1)
        views.append(view)
        places.append(place)
    assert farthest(followed(views), places) < 2.5


def test_the_person_is_not_the_room() -> None:
    """A large person with patterned clothes sways; the camera does not."""
    person = np.zeros(SIZE[::-1], np.uint8)
    cv2.rectangle(person, (90, 20), (230, 239), 255, -1)
    shirt = room(5)
    views = []
    for i in range(20):
        view, _ = seen(room(), 200, 120)
        x = 100 + round(12 * np.sin(i / 3))
        view[25:235, x : x + 120] = shirt[25:235, 100:220]
        views.append(view)
    assert not followed(views, person).moves(0)


def test_another_place_is_another_shot_and_the_first_one_is_known_again() -> None:
    first = [seen(room(), 200 + i, 120)[0] for i in range(5)]
    second = [seen(room(7), 200 + i, 120)[0] for i in range(4)]
    again = [seen(room(), 230 + i, 125)[0] for i in range(5)]
    assert followed([*first, *second, *again]).shots == (0,) * 5 + (1,) * 4 + (0,) * 5


def test_before_a_bare_wall_nothing_moves() -> None:
    path = followed([np.full((*SIZE[::-1], 3), 140 + i, np.uint8) for i in range(6)])
    assert path.shots == (0,) * 6
    assert not path.moves(0)


def test_another_picture_before_which_nothing_agrees_is_another_shot() -> None:
    wall = np.full((*SIZE[::-1], 3), 140, np.uint8)
    assert followed([wall, wall, wall // 2, wall // 2]).shots == (0, 0, 1, 1)


def test_paths_of_smaller_pictures() -> None:
    views, places = zip(*[seen(room(), **step) for step in hand(10)], strict=True)
    path = followed(list(views)).scaled(0.5, (160, 120))
    points = np.array([[20.0, 20.0]])
    wanted = transformed(2 * points, np.linalg.inv(places[0]) @ places[-1]) / 2
    assert np.abs(transformed(points, path.to_shot[-1]) - wanted).max() < 1
