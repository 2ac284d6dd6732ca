from __future__ import annotations

import numpy as np
import pytest

from core.rendering.tile_grid import Mosaic


@pytest.mark.parametrize(("count", "tile", "size"), [(4, (128, 128), (260, 260)), (6, (128, 128), (392, 260))])
def test_a_grid_is_as_square_as_it_can_be(count: int, tile: tuple[int, int], size: tuple[int, int]) -> None:
    assert Mosaic([str(n) for n in range(count)], tile).size == size


@pytest.mark.parametrize("count", range(4, 14))
def test_a_grid_is_never_too_large_to_play(count: int) -> None:
    width, height = Mosaic(["x"] * count, (512, 512)).size
    assert width * height < 1.1 * 1280 * 960
    assert width % 2 == height % 2 == 0


def test_tiles_stand_in_their_order_under_their_labels() -> None:
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0)]
    mosaic = Mosaic(["one", "two", "three", "four"], (128, 128))
    whole = mosaic.compose([np.full((128, 128, 3), colour, np.uint8) for colour in colours])
    assert whole.shape == (mosaic.size[1], mosaic.size[0], 3)
    for number, colour in enumerate(colours):
        top, left = 132 * (number // 2), 132 * (number % 2)
        tile = whole[top : top + 128, left : left + 128]
        assert (tile[64:] == colour).all()
        assert (tile[:20].min(axis=2) > 150).any(), "white words"
