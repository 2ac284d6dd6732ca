"""Several pictures as one: a grid of tiles, each with a label on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.pose.draw import GROUND
from core.rendering.compositing import contain
from core.types import Frame

MOST_PIXELS: Final = 1280 * 960
"""Of a whole grid: what phones play and x264 encodes without becoming the longest part of the work."""

_GAP: Final = 4
_LABEL_SHARE: Final = 14
_SMALLEST_LABEL: Final = 11
_DIMMED: Final = 0.35


class Mosaic:
    """A grid of ``labels``, as square as they allow.

    Args:
        labels: one for each tile, from left to right and top to bottom.
        tile: (width, height) of the pictures.
        most_pixels: of the whole; tiles are made smaller where they would have more.

    Attributes:
        size: (width, height) of the whole, even.
        tile: (width, height) of a tile, even.
        boxes: left, top, width and height of every tile.
    """

    def __init__(self, labels: Sequence[str], tile: tuple[int, int], *, most_pixels: int = MOST_PIXELS) -> None:
        self._columns = _columns(len(labels), tile)
        rows = -(-len(labels) // self._columns)
        scale = min(1.0, math.sqrt(most_pixels / (self._columns * tile[0] * rows * tile[1])))
        # even, as the gap: the seams lie on whole chroma samples
        self.tile = max(2, round(tile[0] * scale / 2) * 2), max(2, round(tile[1] * scale / 2) * 2)
        self._labels = [_label(text, self.tile) for text in labels]
        self.size = (
            self._columns * (self.tile[0] + _GAP) - _GAP,
            rows * (self.tile[1] + _GAP) - _GAP,
        )
        self._empty = np.full((self.size[1], self.size[0], 3), GROUND, np.uint8)
        places = (divmod(number, self._columns) for number in range(len(labels)))
        self.boxes = [
            (column * (self.tile[0] + _GAP), row * (self.tile[1] + _GAP), *self.tile) for row, column in places
        ]

    def compose(self, pictures: Sequence[Frame]) -> Frame:
        """The grid of ``pictures``, RGB of any size, one for each label."""
        # copied: filled with a colour anew it would take as long as all else
        whole = self._empty.copy()
        for picture, label, (left, top, width, height) in zip(pictures, self._labels, self.boxes, strict=True):
            tile = whole[top : top + height, left : left + width]
            tile[:] = picture if picture.shape == tile.shape else contain(picture, self.tile)
            corner = tile[: label.shape[0], : label.shape[1]]
            corner[:] = np.maximum(corner * _DIMMED, label[..., None]).astype(np.uint8)
        return whole


def _columns(count: int, tile: tuple[int, int]) -> int:
    """How many of ``count`` tiles to put beside each other for a whole that is nearest to 4:3, with few left empty."""

    def fault(columns: int) -> float:
        rows = -(-count // columns)
        aspect = columns * tile[0] / (rows * tile[1])
        return abs(math.log(aspect * 3 / 4)) + 0.3 * (columns * rows - count)

    return min(range(1, count + 1), key=fault)


def _label(text: str, tile: tuple[int, int]) -> NDArray[np.uint8]:
    """(height, width) uint8: white words, no wider than a tile."""
    from PIL import Image, ImageDraw, ImageFont

    size = max(_SMALLEST_LABEL, tile[1] // _LABEL_SHARE)
    font = ImageFont.load_default(size)
    pad = size // 3
    # as high for every text
    _, top, _, bottom = font.getbbox("Ág")
    picture = Image.new("L", (math.ceil(font.getlength(text)) + 2 * pad, math.ceil(bottom - top) + pad))
    ImageDraw.Draw(picture).text((pad, pad // 2 - top), text, fill=255, font=font)
    return np.asarray(picture, np.uint8)[: tile[1], : tile[0]]
