"""The kinds of footage: who, where, how filmed and in what light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .camera import Aim, Gains, Hand, Path, Wander, eased

WIDE: Final = (1280, 720)
UPRIGHT: Final = (720, 1280)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of footage.

    Attributes:
        what: in words.
        camera: makes the camera's path from random numbers and the length in seconds.
        light: makes the gains over time; None: they stay.
        performer: id of the bundled performer who dances.
        size: (width, height).
        rate: frames a second.
        walls, floors, furniture: of the room.
        half_width: of the room, metres.
        follow: whether the performer moves along with the camera's yaw, as somebody who is followed.
        run: metres a second that the camera runs along the wall.
        near: whether something near the camera stands in the picture's corner and moves with parallax.
        burnt: whether subtitles and a logo are burnt in.
        moving: whether a clock and a screen change.
        cat: whether a cat walks through the room.
        noise: of the sensor, grey levels.
        bitrate: of the file, bits a second; None for a good one.
        shutter: share of the time between two frames for which the shutter is open.
        stage: whether one stage can be found.
    """

    what: str
    camera: Callable[[np.random.Generator, float], Path]
    light: Callable[[np.random.Generator], Gains] | None = None
    performer: str = "mira"
    size: tuple[int, int] = WIDE
    rate: int = 25
    walls: str = "paint"
    floors: str = "planks"
    furniture: bool = True
    half_width: float = 3.6
    follow: bool = False
    run: float = 0.0
    near: bool = False
    burnt: bool = False
    moving: bool = False
    cat: bool = False
    noise: float = 1.5
    bitrate: int | None = None
    shutter: float = 0.0
    stage: bool = True


def _hand(sway: float, tremble: float) -> Callable[[np.random.Generator, float], Path]:
    return lambda rng, seconds: Hand(rng, sway, tremble)


def _slow_pan(rng: np.random.Generator, seconds: float) -> Path:
    hand, knots = Hand(rng, 0.1, 0.02), [(0.0, -8.0), (0.5, 8.0), (0.9, -6.0)]
    return lambda t: replace(hand(t), yaw=hand(t).yaw + eased(t / seconds, knots))


def _fast_pan(rng: np.random.Generator, seconds: float) -> Path:
    hand = Hand(rng, 0.3, 0.04)
    knots = [(0.0, 0.0), (0.1, 0.0), (0.22, -14.0), (0.3, -14.0), (0.55, 12.0), (0.7, 14.0), (0.9, 30.0)]
    return lambda t: replace(hand(t), yaw=hand(t).yaw + eased(t / seconds, knots))


def _zoom(rng: np.random.Generator, seconds: float) -> Path:
    hand = Hand(rng, 0.08, 0.02)
    knots = [(0.0, 1.0), (0.12, 1.0), (0.25, 1.35), (0.4, 1.35), (0.6, 1.05), (0.8, 1.25), (1.0, 1.0)]

    def path(t: float) -> Aim:
        zoom = eased(t / seconds, knots)
        return replace(hand(t), zoom=zoom, off=(60 * (zoom - 1), -150 * (zoom - 1)))

    return path


def _drift(rng: np.random.Generator) -> Gains:
    slow, red, blue = Wander(rng, 0.05, 0.25), Wander(rng, 0.04, 0.2), Wander(rng, 0.04, 0.2)
    level, knots = 0.0, [(0.0, 0.0)]
    for jump in np.sort(rng.uniform(2, 14, 3)).tolist():
        after = float(rng.normal(0, 0.10))
        knots += [(jump, level), (jump + 0.4, after)]
        level = after

    def gains(t: float) -> NDArray[np.float32]:
        exposure = 0.88 * np.exp(0.16 * slow(t) + eased(t, knots))
        return np.array([exposure * np.exp(0.06 * red(t)), exposure, exposure * np.exp(0.07 * blue(t))], np.float32)

    return gains


def _dim(rng: np.random.Generator) -> Gains:
    flicker = Wander(rng, 0.3, 3.0)
    return lambda t: np.array([0.48, 0.42, 0.32], np.float32) * np.float32(1 + 0.02 * flicker(t))


KINDS: Final[dict[str, Kind]] = {
    "hand-held": Kind(
        "a hand that shakes and rolls, something near in the corner",
        _hand(0.9, 0.10), walls="brick", near=True, shutter=0.35, rate=30,
    ),
    "slow-pan": Kind("a slow pan to and fro", _slow_pan, performer="theo", walls="wallpaper", floors="carpet"),
    "fast-pan": Kind(
        "a fast pan that leaves the first view behind", _fast_pan, walls="panels", half_width=6.0, follow=True, shutter=0.4,
    ),
    "zoom": Kind("software that zooms in and out", _zoom, performer="theo", walls="concrete", floors="tiles"),
    "subtitles": Kind("subtitles and a logo burnt in", _hand(0.12, 0.02), walls="wallpaper", burnt=True),
    "screens": Kind("a clock that changes, a screen that flickers", _hand(0.04, 0.01), performer="theo", moving=True),
    "exposure": Kind("exposure and white balance that drift", _hand(0.15, 0.03), _drift, size=UPRIGHT, floors="carpet"),
    "dark": Kind(
        "a dark room, noise, few bits", _hand(0.3, 0.04), _dim, performer="theo", walls="paint", noise=9.0,
        bitrate=900_000, rate=24,
    ),
    "cat": Kind("a cat that walks by", _hand(0.3, 0.05), walls="brick", floors="tiles", cat=True, rate=30),
    "bare-wall": Kind(
        "a hand before a wall without a pattern", _hand(0.7, 0.08), performer="theo", size=UPRIGHT, walls="plain",
        floors="carpet", furniture=False, shutter=0.3,
    ),
    "running": Kind(
        "a camera that runs along", _hand(0.4, 0.06), walls="wallpaper", run=0.9, half_width=16.0, follow=True, near=True,
        stage=False,
    ),
}  # fmt: skip
"""In the last there is no one stage, in the others there is."""

STILL: Final = {
    f"still-{performer}{shape}": Kind(
        "the same dance before a camera that stands still", _hand(0.0, 0.0), performer=performer, size=size, noise=0.0
    )
    for performer in ("mira", "theo")
    for shape, size in (("", WIDE), ("-upright", UPRIGHT))
}
"""What the others are compared with."""
