"""Cameras that only turn, tilt, roll and zoom, and the light in which they film, over time.

Each frame of such a camera is a homography of every other, so that the truth is known exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .room import BACK

Matrix: TypeAlias = NDArray[np.float64]

FOCAL: Final = 970.0
"""Pixels, of a picture whose shorter side has 720: a phone's main camera."""


@dataclass(frozen=True, slots=True)
class Aim:
    """Where the camera looks: degrees of yaw, pitch and roll, zoom, and how far it was moved aside (metres).

    ``lean`` is the shear of a rolling shutter, pixels across for each pixel down. ``off`` shifts the picture in pixels, as
    software that zooms into a corner does.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    zoom: float = 1.0
    aside: float = 0.0
    lean: float = 0.0
    off: tuple[float, float] = (0.0, 0.0)


Path: TypeAlias = Callable[[float], Aim]
"""Seconds to where the camera looks."""
Gains: TypeAlias = Callable[[float], NDArray[np.float32]]
"""Seconds to factors of red, green and blue."""


def intrinsics(size: tuple[int, int]) -> Matrix:
    """Looking direction to pixels, for a picture of (width, height)."""
    return np.array([[FOCAL, 0, size[0] / 2], [0, FOCAL, size[1] / 2], [0, 0, 1.0]])


def to_reference(aim: Aim, size: tuple[int, int]) -> Matrix:
    """Pixels of a frame to those of the view straight ahead, both of (width, height)."""
    return np.asarray(shifted(FOCAL * aim.aside / BACK) @ turning(aim, size) @ np.linalg.inv(_picture(aim, size)))


def shifted(x: float, y: float = 0.0) -> Matrix:
    """So many pixels to the right and down."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1.0]])


def turning(aim: Aim, size: tuple[int, int]) -> Matrix:
    """Pixels of an unzoomed camera that looks that way to those of the view straight ahead."""
    yaw, pitch, roll = np.radians([aim.yaw, aim.pitch, aim.roll])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    lens = intrinsics(size)
    return np.asarray(lens @ about_y @ about_x @ about_z @ np.linalg.inv(lens))


def _picture(aim: Aim, size: tuple[int, int]) -> Matrix:
    """Pixels before zoom and shutter to pixels after."""
    x, y = size[0] / 2, size[1] / 2
    zoom = np.array(
        [[aim.zoom, 0, x * (1 - aim.zoom) + aim.off[0]], [0, aim.zoom, y * (1 - aim.zoom) + aim.off[1]], [0, 0, 1]]
    )
    shutter = np.array([[1, aim.lean, -aim.lean * y], [0, 1, 0], [0, 0, 1]])
    return np.asarray(shutter @ zoom)


class Wander:
    """Smooth noise of mean square 1 over time, made of sines between two frequencies (hertz)."""

    def __init__(self, rng: np.random.Generator, slowest: float, fastest: float) -> None:
        self._hertz = np.exp(rng.uniform(np.log(slowest), np.log(fastest), 12))
        self._phase = rng.uniform(0, 2 * np.pi, 12)
        self._weight = self._hertz**-0.7
        self._weight *= np.sqrt(2.0 / (self._weight**2).sum())

    def __call__(self, seconds: float) -> float:
        """Its value then."""
        return float((self._weight * np.sin(2 * np.pi * self._hertz * seconds + self._phase)).sum())


class Hand:
    """A hand that holds a camera: ``sway`` and ``tremble`` in degrees (root mean square)."""

    def __init__(self, rng: np.random.Generator, sway: float, tremble: float) -> None:
        self._sway, self._tremble = sway, tremble
        self._slow = [Wander(rng, 0.08, 0.8) for _ in range(5)]
        self._fast = [Wander(rng, 3.0, 9.0) for _ in range(3)]

    def __call__(self, seconds: float) -> Aim:
        """Where it holds the camera."""
        yaw, pitch, roll, zoom, aside = (wander(seconds) for wander in self._slow)
        quick = [self._tremble * wander(seconds) for wander in self._fast]
        return Aim(
            yaw=self._sway * yaw + quick[0],
            pitch=self._sway * 0.8 * pitch + quick[1],
            roll=self._sway * 0.7 * roll + quick[2],
            zoom=1.0 + 0.012 * self._sway * zoom,
            aside=0.04 * self._sway * aside,
            lean=0.006 * self._tremble * self._fast[0](seconds + 0.25),
        )


def eased(seconds: float, knots: list[tuple[float, float]]) -> float:
    """Through (seconds, value) points, standing still for a moment at each."""
    for (start, low), (end, high) in pairwise(knots):
        if seconds < end:
            share = min(max((seconds - start) / (end - start), 0.0), 1.0)
            return low + (high - low) * share * share * (3 - 2 * share)
    return knots[-1][1]
