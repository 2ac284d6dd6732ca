"""Parts of a picture in which to look for somebody who is too small for a look at the whole of it.

The detector sees whatever it is given in 224 pixels, and finds a body reliably where that is 65 to 190 of them high: a third of
the picture's longer side or more. Tiles of a half, a third and a fifth find whoever is a tenth of a wide picture's height.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.types import Frame

_LEVELS: Final = ((1 / 2, 0.2), (1 / 3, 0.12), (1 / 5, 0.08))
"""Side of the tiles, and by how much neighbours overlap, in longer sides of the picture."""
_LEAST_SIDE: Final = 96
_EVERY_MOVING: Final = 0.1
_EVERY_STILL: Final = 0.5
_CELL: Final = 8
_CHANGED: Final = 8
"""Levels of grey by which a cell of 8 by 8 pixels differs from the picture before where something moves."""


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of a picture, in pixels."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def around(cls, x: float, y: float, side: float, size: tuple[int, int]) -> Part | None:
        """The square around a point, as far as it lies in a picture of ``size`` (width, height); None where none of it does."""
        left, top = (max(round(middle - side / 2), 0) for middle in (x, y))
        right, bottom = min(round(x + side / 2), size[0]), min(round(y + side / 2), size[1])
        return None if right <= left or bottom <= top else cls(left, top, right - left, bottom - top)

    @property
    def side(self) -> int:
        """The longer one."""
        return max(self.width, self.height)

    def of(self, image: Frame) -> Frame:
        """What the picture shows there."""
        return image[self.y : self.y + self.height, self.x : self.x + self.width]


def tiles(size: tuple[int, int]) -> list[list[Part]]:
    """Every tile of a picture of ``size`` (width, height), largest first, level by level."""
    longer = max(size)
    levels = []
    for share, overlap in _LEVELS:
        side = round(share * longer)
        if side >= _LEAST_SIDE:
            across, down = (_steps(length, side, side - overlap * longer) for length in size)
            width, height = min(side, size[0]), min(side, size[1])
            levels.append([Part(x, y, width, height) for y in down for x in across])
    return levels


def _steps(length: int, side: int, step: float) -> list[int]:
    """Where tiles begin that cover a length with at most ``step`` from one to the next."""
    room = length - side
    return [0] if room <= 0 else [round(at) for at in np.linspace(0, room, int(np.ceil(room / step)) + 1)]


class TileWatch:
    """Chooses which tile of a stream's pictures to look at next while nobody is in view.

    It is where most has moved since it was looked at: ten a second where something moves. Where nothing does it is the one
    that was looked at longest ago, two a second.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what was looked at, as after a cut."""
        self._levels: list[list[Part]] = []
        self._size = (0, 0)
        self._cells: NDArray[np.uint8] | None = None
        self._moved: list[NDArray[np.uint8]] = []
        self._looked: list[list[float]] = []
        self._last = float("-inf")
        self._turn = 0

    def next(self, image: Frame, seconds: float) -> Part | None:
        """The tile to look at in the next picture (RGB), or None; times grow from picture to picture."""
        self._note(image)
        elapsed = seconds - self._last
        if not self._levels or elapsed < _EVERY_MOVING:
            return None
        for _ in self._levels:
            self._turn = (self._turn + 1) % len(self._levels)
            moved = self._movement(self._turn)
            if moved.any():
                return self._taken(self._turn, int(moved.argmax()), seconds)
        if elapsed < _EVERY_STILL:
            return None
        _, level, tile = min(
            (looked, level, tile) for level, all_of in enumerate(self._looked) for tile, looked in enumerate(all_of)
        )
        return self._taken(level, tile, seconds)

    def _note(self, image: Frame) -> None:
        """Take in what has moved since the picture before."""
        height, width = image.shape[:2]
        if (width, height) != self._size:
            self.reset()
            self._size, self._levels = (width, height), tiles((width, height))
            self._looked = [[float("-inf")] * len(level) for level in self._levels]
        size = (max(width // _CELL, 1), max(height // _CELL, 1))
        cells = np.asarray(cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA))
        if self._cells is None:
            # nothing is known to have moved yet
            self._moved = [np.zeros(cells.shape, np.uint8) for _ in self._levels]
        else:
            changed = np.asarray(cv2.absdiff(cells, self._cells) > _CHANGED, np.uint8)
            for moved in self._moved:
                np.maximum(moved, changed, out=moved)
        self._cells = cells

    def _movement(self, level: int) -> NDArray[np.int32]:
        """How many cells have moved in each tile of a level since it was looked at."""
        total = cv2.integral(self._moved[level])
        left, top, right, bottom = np.array([_cells_of(tile) for tile in self._levels[level]]).T.clip(
            0, [[total.shape[1] - 1], [total.shape[0] - 1]] * 2
        )
        return np.asarray(total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left], np.int32)

    def _taken(self, level: int, tile: int, seconds: float) -> Part:
        part = self._levels[level][tile]
        left, top, right, bottom = _cells_of(part)
        self._moved[level][top:bottom, left:right] = 0
        self._looked[level][tile] = self._last = seconds
        return part


def _cells_of(part: Part) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a part in cells."""
    right, bottom = (part.x + part.width) // _CELL, (part.y + part.height) // _CELL
    return part.x // _CELL, part.y // _CELL, right, bottom
