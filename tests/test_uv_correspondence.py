"""What is measured of exact places on the body, on surfaces made up here."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.uv_correspondence import (
    LABELS,
    MIDDLE,
    SIDES,
    STEP,
    TEXEL,
    Atlas,
    clean_pixels,
    looked_up,
    median,
    relit,
    shaken,
)
from scripts.performers import parts as rendered

FRONT = 1 * SIDES + 2  # the trunk, seen from before
BEHIND_IT = 3 * SIDES + 2
HEIGHT, WIDTH = 120, 90


def surface(chart: int = FRONT, metres: float = 0.004, aside: float = 0.0) -> NDArray[np.uint16]:
    """A flat piece of the body, 60 by 80 pixels of so many metres, which begins ``aside`` metres from the middle."""
    made = np.zeros((HEIGHT, WIDTH, 3), np.uint16)
    rows, columns = np.mgrid[:80, :60]
    made[20:100, 15:75, 0] = MIDDLE + np.round((aside + columns * metres) / STEP)
    made[20:100, 15:75, 1] = MIDDLE + np.round(rows * metres / STEP)
    made[20:100, 15:75, 2] = chart + 1
    return made


def picture(seed: int = 0) -> NDArray[np.uint8]:
    soft = cv2.GaussianBlur(np.random.default_rng(seed).uniform(0, 255, (HEIGHT, WIDTH, 3)), (0, 0), 2.5)
    return np.asarray(255 * (soft - soft.min()) / np.ptp(soft), np.uint8)


def mask() -> NDArray[np.uint8]:
    return np.where(surface()[..., 2] > 0, 255, 0).astype(np.uint8)


def test_a_frame_looked_up_in_its_own_tile_is_itself() -> None:
    atlas = Atlas(iter([surface()]))
    places, frame = atlas.places(surface()), picture()
    found, seen = looked_up(atlas.unwrapped(frame, places, clean_pixels(surface(), mask())), places)
    assert seen[21:99, 16:74].all()
    assert not seen[mask() == 0].any()
    assert np.abs(found - frame)[seen].mean() < 2


def test_a_spot_is_found_wherever_it_is_seen() -> None:
    """A picture of the same surface, half as large and eight pixels further along it."""
    near, far = surface(), surface(metres=0.008, aside=0.064)
    atlas = Atlas(iter([near, far]))
    frame = picture()
    tile = atlas.unwrapped(frame, atlas.places(near), clean_pixels(near, mask()))
    found, seen = looked_up(tile, atlas.places(far))
    spot = (slice(25, 55), slice(17, 35))  # its column 20 + n shows the near one's 15 + 16 + 2 (5 + n)
    assert seen[spot].all()
    expected = frame[20 + 2 * 5 : 20 + 2 * 35 : 2, 15 + 16 + 2 * 2 : 15 + 16 + 2 * 20 : 2]
    assert np.abs(found[spot] - expected).mean() < 4


def test_what_lies_beside_another_part_is_left_out_unless_the_surface_goes_on() -> None:
    apart, whole = surface(), surface()
    apart[20:100, 45:75] = surface(BEHIND_IT, aside=0.5)[20:100, 45:75]
    whole[20:100, 45:75, 2] = BEHIND_IT + 1
    assert not clean_pixels(apart, mask())[20:100, 44:46].any()
    assert clean_pixels(apart, mask())[20:100, 20:40].all()
    assert clean_pixels(whole, mask())[20:100, 44:46].all()


def test_the_base_forgets_what_one_frame_of_three_shows() -> None:
    atlas = Atlas(iter([surface()]))
    places, clean = atlas.places(surface()), clean_pixels(surface(), mask())
    usual, other = picture(), picture(1)
    tiles = [atlas.unwrapped(frame, places, clean) for frame in (usual, other, usual)]
    assert np.array_equal(median(tiles)[tiles[0][..., 3] > 0], tiles[0][tiles[0][..., 3] > 0])
    assert (median(tiles)[..., 3] == 255).all()


@pytest.mark.parametrize("pixels", [1.0, 4.0])
def test_noise_is_as_long_as_it_says(pixels: float) -> None:
    atlas = Atlas(iter([surface()]))
    places = atlas.places(surface())
    moved = shaken(places, pixels, np.random.default_rng(0))
    assert np.array_equal(moved.chart, places.chart)
    inner = (slice(40, 80), slice(30, 60))
    lengths = [
        np.linalg.norm(shaken(places, pixels, np.random.default_rng(n)).at[inner] - places.at[inner], axis=2).mean()
        for n in range(12)
    ]
    assert np.mean(lengths) * TEXEL / 0.004 == pytest.approx(pixels, rel=0.2)


def test_light_is_taken_over_and_stripes_are_not() -> None:
    part = np.where(mask() > 0, 0, -1)
    bright = picture().astype(np.float32) * 0.5
    dark = bright * np.linspace(0.6, 1.4, HEIGHT, dtype=np.float32)[:, None, None]
    lit = relit(dark, bright, mask() > 0, part, 8.0)
    inside = (slice(35, 85), slice(25, 65))
    assert np.abs(lit - bright)[inside].mean() < 0.3 * np.abs(dark - bright)[inside].mean()
    other = picture(1).astype(np.float32) * 0.5
    assert np.abs(relit(dark, other, mask() > 0, part, 8.0) - other)[inside].mean() > 8


def test_labels_are_the_renderers() -> None:
    assert len(rendered.LABELS) == LABELS
