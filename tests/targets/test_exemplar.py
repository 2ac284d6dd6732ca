"""What stood behind somebody, filled in with pieces of the rest. The true stages are those of the bundled performers."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.targets.exemplar import filled_alike
from core.targets.store import load_target
from core.types import Frame


def person_shaped(size: tuple[int, int]) -> NDArray[np.bool_]:
    """A hole as large as somebody with an arm held out."""
    width, height = size
    hole = np.zeros((height, width), np.uint8)
    cv2.ellipse(hole, (width // 2, height * 3 // 5), (width // 9, height // 3), 0, 0, 360, 1, -1)
    cv2.line(hole, (width // 2, height // 2), (width * 3 // 4, height * 2 // 5), 1, width // 14)
    return hole > 0


def detail(picture: Frame, where: NDArray[np.bool_]) -> float:
    """Mean difference from the picture blurred."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 4))[where].mean())


def bricks(size: tuple[int, int]) -> Frame:
    """A brick wall above a plain floor."""
    width, height = size
    wall = np.full((height, width, 3), (170, 90, 70), np.uint8)
    for row, y in enumerate(range(0, height, 16)):
        cv2.line(wall, (0, y), (width, y), (220, 210, 200), 2)
        for x in range(16 * (row % 2), width, 32):
            cv2.line(wall, (x, y), (x, y + 16), (220, 210, 200), 2)
    wall[height * 3 // 4 :] = (90, 90, 95)
    return wall


@pytest.mark.parametrize("performer", ["mira", "theo"])
def test_a_wall_goes_on_behind_somebody(performer: str) -> None:
    with load_target(performer) as target:
        plate = np.ascontiguousarray(target.plate)
    hole = person_shaped(plate.shape[1::-1])
    spoilt = plate.copy()
    spoilt[hole] = (255, 0, 255)
    began = time.process_time()
    made = filled_alike(spoilt, hole)
    assert time.process_time() - began < 10, "four seconds of a processor on a busy machine"
    assert np.array_equal(made[~hole], plate[~hole])
    apart = np.abs(made.astype(int) - plate)[hole]
    assert apart.mean() < 14
    assert (apart.max(axis=1) > 80).mean() < 0.05


def test_bricks_stay_bricks_and_floor_stays_floor() -> None:
    wall = bricks((512, 384))
    hole = person_shaped((512, 384))
    made = filled_alike(np.where(hole[..., None], 0, wall).astype(np.uint8), hole)
    above, below = hole.copy(), hole.copy()
    above[280:], below[:296] = False, False
    assert detail(made, above) > 0.6 * detail(wall, above), "not smeared"
    assert np.abs(made[below].astype(int) - (90, 90, 95)).max() < 30, "no bricks on the floor"


@pytest.mark.parametrize("size", [(40, 30), (16, 200), (200, 16)])
def test_small_pictures_and_hardly_anything_known(size: tuple[int, int]) -> None:
    picture = bricks(size)
    hole = np.ones(size[::-1], np.bool_)
    hole[:2] = False
    made = filled_alike(picture, hole)
    assert made.shape == picture.shape
    assert np.array_equal(made[:2], picture[:2])
    assert np.array_equal(filled_alike(picture, hole), made), "the same every time"
