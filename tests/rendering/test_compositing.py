from __future__ import annotations

import cv2
import numpy as np
import pytest

from core.rendering.compositing import Background
from core.types import Floor, Frame, Picture
from tests.bodies import standing

SIZE = (120, 90)


def person_on(stage: Frame) -> Picture:
    """A dark blue ellipse with a soft edge in front of a stage."""
    alpha = np.zeros(SIZE[::-1], np.uint8)
    cv2.ellipse(alpha, (60, 45), (25, 35), 0, 0, 360, 255, -1)
    alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 2), np.uint8)
    share = alpha[..., None] / 255
    image = share * np.array([20, 30, 120]) + (1 - share) * stage
    return Picture(np.asarray(np.rint(image), np.uint8), alpha)


@pytest.mark.parametrize("colour", [(0, 177, 64), (255, 255, 255), (0, 0, 0)])
def test_another_background_shows_no_rim_of_the_old_stage(colour: tuple[int, int, int]) -> None:
    bright = np.full((*SIZE[::-1], 3), (240, 230, 200), np.uint8)
    other = np.full((*SIZE[::-1], 3), colour, np.uint8)
    made = Background(other).behind(person_on(bright), bright)
    assert np.abs(made.astype(int) - person_on(other).image).max() <= 4


def test_a_shadow_on_the_stage_leaves_no_hole_in_the_background() -> None:
    stage = np.full((*SIZE[::-1], 3), 200, np.uint8)
    person = person_on(stage)
    image = person.image.copy()
    image[80:] = image[80:] // 2
    made = Background(np.full_like(stage, 255)).behind(Picture(image, person.alpha), stage)
    assert made[80:, :20].min() == 255


def test_on_their_own_stage_nothing_changes() -> None:
    stage = np.full((*SIZE[::-1], 3), 200, np.uint8)
    person = person_on(stage)
    assert Background().behind(person, stage) is person.image


def test_a_background_with_a_floor_takes_the_performers_shadow() -> None:
    stage = np.full((512, 512, 3), 200, np.uint8)
    nobody = Picture(stage, np.zeros((512, 512), np.uint8))
    pose = standing(x=256.0)
    line = float(pose.xy[27:, 1].max())
    white = np.full_like(stage, 255)
    with_floor = Background(white, Floor(line, line))
    made = with_floor.behind(nobody, stage, pose)
    assert made.min() < 150
    assert (made[:100] == 255).all()
    assert (with_floor.behind(nobody, stage) == 255).all(), "nobody, no shadow"
    assert (Background(white).behind(nobody, stage, pose) == 255).all(), "a colour to be keyed has no floor"
