from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from core.rendering.shadow import light_left, light_on_floor
from core.types import Floor, Frame, Pose
from tests.bodies import standing
from tests.puppets import wall


def flat(level: int) -> Frame:
    return np.full((120, 160, 3), level, np.uint8)


def nobody() -> NDArray[np.uint8]:
    return np.zeros((120, 160), np.uint8)


def test_no_shadow_on_the_empty_stage() -> None:
    left = light_left(wall(), np.zeros(wall().shape[:2], np.uint8), wall())
    assert left.shape == (64, 64)
    assert (left == 255).all()


def test_half_the_light_is_half() -> None:
    left = light_left(flat(80), nobody(), flat(160))
    inside = left[25:-25, 25:-25]
    np.testing.assert_allclose(inside, 0.5 * 255 * 1.05, atol=2)


def test_grain_is_no_shadow() -> None:
    rng = np.random.default_rng(0)
    grainy = (160 + rng.integers(-6, 1, flat(0).shape)).astype(np.uint8)
    assert (light_left(grainy, nobody(), flat(160)) == 255).all()


def test_what_is_brighter_is_no_shadow() -> None:
    assert (light_left(flat(240), nobody(), flat(120)) == 255).all()


def test_a_black_stage_has_none() -> None:
    assert light_left(flat(0), nobody(), flat(0)).shape == (60, 80), "0 of 0 is no failure"


def test_a_dark_person_casts_none_where_they_stand() -> None:
    frame, mask = flat(160), nobody()
    frame[40:80, 60:100], mask[40:80, 60:100] = 5, 255
    left = light_left(frame, mask, flat(160))
    assert (left == 255).all()


def test_a_shadow_at_the_feet_reaches_up_to_them() -> None:
    """The rim that is neither person nor stage takes the shadow beside it, or it would glow."""
    frame, mask = np.full((240, 320, 3), 160, np.uint8), np.zeros((240, 320), np.uint8)
    frame[120:200, 80:240] = 80
    frame[60:160, 150:170], mask[60:160, 150:170] = 5, 255
    left = light_left(frame, mask, np.full_like(frame, 160))
    assert left[70, 60] == pytest.approx(134, abs=8), "in the shadow"
    assert left[68:76, [73, 74, 85, 86]].max() < 165, "right beside the person"
    assert left[40, 73:87].min() > 240, "where they stand in the light"


def test_a_shadow_fades_towards_the_edge_of_the_picture() -> None:
    left = light_left(flat(80), nobody(), flat(160))
    row = left[30, :22].astype(int)
    assert row[0] == 255
    assert (np.diff(row) <= 0).all()
    assert row[21] < 150


FLOOR = Floor(400.0, 400.0)


def darkest(light: NDArray[np.uint8], x: float) -> int:
    """Around the floor's line, near x."""
    return int(light[390:430, round(x) - 12 : round(x) + 12].min())


def test_each_foot_on_the_floor_casts_a_shadow_and_a_lifted_one_does_not() -> None:
    pose = standing(x=256.0)
    left, right = (float(pose.xy[list(foot), 0].mean()) for foot in ((27, 29, 31), (28, 30, 32)))
    light = light_on_floor((512, 512, 3), pose, FLOOR)
    assert light.shape == (512, 512)
    assert max(darkest(light, left), darkest(light, right)) < 150
    assert (light[:300] == 255).all(), "the wall is lit"
    lifted = Pose(pose.landmarks.copy())
    lifted.landmarks[[27, 29, 31], 1] -= 60
    one = light_on_floor((512, 512, 3), lifted, FLOOR)
    assert darkest(one, right) < 150
    assert darkest(one, left) > darkest(one, right) + 30


def test_who_leaps_leaves_a_fainter_shadow_on_the_floor_below() -> None:
    on, above = (light_on_floor((512, 512), standing(x=256.0, floor=y), FLOOR) for y in (400.0, 340.0))
    assert on.min() < 150
    assert 180 < above.min() < 245
    assert abs(int(np.argmin(above.min(axis=1))) - 400) < 15


def test_who_steps_back_takes_the_shadow_along() -> None:
    pose = standing(x=256.0, floor=350.0)
    deep = light_on_floor((512, 512), pose, Floor(400.0, 340.0))
    assert deep.min() < 150
    assert abs(int(np.argmin(deep.min(axis=1))) - 352) < 12


def test_feet_out_of_the_picture_cast_no_shadow_in_it() -> None:
    pose = standing(x=256.0, floor=570.0)
    assert (light_on_floor((512, 512), pose, Floor(563.0, 563.0)) == 255).all()


def test_who_kneels_casts_a_shadow_under_the_knees() -> None:
    pose = standing(x=256.0)
    pose.landmarks[[25, 26], 0] = 340
    pose.landmarks[[25, 26], 1] = 395
    assert darkest(light_on_floor((512, 512), pose, FLOOR), 340) < 170
