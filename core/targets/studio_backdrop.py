"""A plain studio to stand in, where footage shows no stage of its own, or whenever one likes: a wall, a floor, soft light."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.types import Frame

_WALL: Final = (1.0, 0.985, 0.96)
_FLOOR: Final = (0.93, 0.90, 0.86)
"""Colours at full light: warm greys, so that skin looks alive before them."""
_USUAL_LIGHT: Final = 205.0
_LIGHT: Final = (120.0, 225.0)
_BEHIND: Final = 0.06
"""Shares of the height by which the floor goes on behind the line on which the person stands."""
_HIGHEST_HORIZON: Final = 0.5
_SOFT: Final = 0.025
_FALL_OFF: Final = 0.22
_GRAIN: Final = 0.8
"""Grey levels of noise: without it a smooth wall shows bands once it is coded."""


def studio(size: tuple[int, int], ground: float | None = None, light: float | None = None) -> Frame:
    """(height, width, 3) uint8: an empty studio.

    Args:
        size: (width, height) in pixels.
        ground: y of the line on which people stand; near the bottom of the picture by default.
        light: mean grey level of the person who will stand in it, so that wall and person are lit alike.
    """
    width, height = size
    line = 0.92 * height if ground is None else ground
    horizon = min(max(line - _BEHIND * height, _HIGHEST_HORIZON * height), 1.1 * height)
    level = float(np.clip(_USUAL_LIGHT if light is None else light * 1.7 + 20, *_LIGHT))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    # a wall that curves into the floor has no edge, only a change of tone
    floor = 1 / (1 + np.exp(-(y - horizon) / (_SOFT * height)))
    colour = _mixed(floor)
    centre = (width / 2, 0.42 * height)
    away = ((x - centre[0]) / (0.9 * max(width, height))) ** 2 + ((y - centre[1]) / (1.1 * height)) ** 2
    glow = 1 - _FALL_OFF * np.clip(2.2 * away, 0, 1.6)
    grain = np.random.default_rng(0).normal(0.0, _GRAIN, (height, width, 1)).astype(np.float32)
    return np.asarray(np.clip(level * glow[..., None] * colour + grain + 0.5, 0, 255), np.uint8)


def _mixed(floor: NDArray[np.float32]) -> NDArray[np.float32]:
    share = floor[..., None]
    return np.asarray((1 - share) * np.array(_WALL, np.float32) + share * np.array(_FLOOR, np.float32), np.float32)
