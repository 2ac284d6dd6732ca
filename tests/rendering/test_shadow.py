from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from core.rendering.shadow import light_left
from core.types import Frame
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
