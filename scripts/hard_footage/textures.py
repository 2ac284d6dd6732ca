"""Surfaces of a room, painted: walls, floors, pictures, books, leaves. RGB uint8; with alpha where they have a shape."""

from __future__ import annotations

from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]
Colour: TypeAlias = tuple[int, int, int]

PIXELS_A_METRE: Final = 400
WALLS: Final = ("paint", "brick", "panels", "wallpaper", "concrete")
FLOORS: Final = ("planks", "tiles", "carpet")


def noise(rng: np.random.Generator, height: int, width: int, coarsest: int, finest: int = 2) -> Floats:
    """(height, width), mean 0, about -1 to 1: octaves of smooth noise, each half as strong as the one before."""
    total = np.zeros((height, width), np.float32)
    cell, weight = coarsest, 1.0
    while cell >= finest:
        grid = rng.standard_normal((height // cell + 2, width // cell + 2)).astype(np.float32)
        total += weight * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        cell, weight = cell // 2, weight * 0.6
    return np.asarray(total / 2.0, np.float32)


def flat(height: int, width: int, colour: Colour) -> Floats:
    """(height, width, 3) of one colour."""
    return np.broadcast_to(np.array(colour, np.float32), (height, width, 3)).copy()


def finished(picture: NDArray[np.floating]) -> Image:
    """To uint8."""
    return np.asarray(np.clip(picture + 0.5, 0, 255), np.uint8)


def wall(rng: np.random.Generator, kind: str, size: tuple[int, int], colour: Colour) -> Image:
    """A wall of (width, height) pixels, 400 a metre."""
    width, height = size
    picture = flat(height, width, colour)
    picture += 5.0 * noise(rng, height, width, 256, 8)[..., None] + 2.0 * noise(rng, height, width, 6)[..., None]
    if kind == "brick":
        return _bricks(rng, picture)
    if kind == "panels":
        return _boards(rng, picture, 60, horizontal=False)
    if kind == "wallpaper":
        return _motifs(rng, picture)
    if kind == "concrete":
        picture += 12.0 * noise(rng, height, width, 128)[..., None]
    return finished(picture)


def floor(rng: np.random.Generator, kind: str, size: tuple[int, int], colour: Colour) -> Image:
    """A floor of (width, height) pixels, 400 a metre."""
    width, height = size
    picture = flat(height, width, colour) + 4.0 * noise(rng, height, width, 128, 4)[..., None]
    if kind == "planks":
        return _boards(rng, picture, 56, horizontal=False)
    if kind == "tiles":
        picture += 3.0 * noise(rng, height, width, 16)[..., None]
        for offset in range(0, max(width, height), 160):
            for shown in (picture[:, offset : offset + 4], picture[offset : offset + 4]):
                shown[:] = shown * 0.72
        return finished(picture)
    picture += 9.0 * noise(rng, height, width, 8)[..., None]
    return finished(picture)


def _bricks(rng: np.random.Generator, picture: Floats) -> Image:
    height, width = picture.shape[:2]
    base = picture.copy()
    picture[:] = base * 0.35 + 115.0
    for row, top in enumerate(range(0, height, 34)):
        for left in range(-(row % 2) * 48, width, 96):
            tone = rng.normal(1.0, 0.10) * np.array([1.0, rng.normal(0.97, 0.03), rng.normal(0.96, 0.03)])
            brick = slice(top, top + 29), slice(max(left, 0), max(left + 90, 0))
            picture[brick] = base[brick] * tone
    picture += 5.0 * noise(rng, height, width, 8)[..., None]
    return finished(picture)


def _boards(rng: np.random.Generator, picture: Floats, breadth: int, *, horizontal: bool) -> Image:
    if horizontal:
        return np.ascontiguousarray(_boards(rng, picture.transpose(1, 0, 2), breadth, horizontal=False).swapaxes(0, 1))
    height, width = picture.shape[:2]
    grain = cv2.resize(noise(rng, max(height // 16, 4), width, 16), (width, height), interpolation=cv2.INTER_LINEAR)
    picture = picture + 7.0 * grain[..., None]
    for left in range(0, width, breadth):
        start = int(rng.integers(0, 400)) - 400
        while start < height:
            end = start + int(rng.integers(300, 900))
            board = slice(max(start, 0), max(end, 0)), slice(left, left + breadth)
            picture[board] *= rng.normal(1.0, 0.07)
            picture[max(end - 2, 0) : max(end, 0), left : left + breadth] *= 0.75
            start = end
        picture[:, left : left + 2] *= 0.68
    return finished(picture)


def _motifs(rng: np.random.Generator, picture: Floats) -> Image:
    canvas = finished(picture)
    shade = tuple(int(v) for v in np.clip(picture.mean(axis=(0, 1)) + rng.normal(-35, 12, 3), 0, 255))
    for row, y in enumerate(range(40, canvas.shape[0], 88)):
        for x in range(40 + (row % 2) * 44, canvas.shape[1], 88):
            for angle in range(0, 360, 72):
                cv2.ellipse(canvas, (x, y), (20, 6), angle + 9 * row, 20, 330, shade, -1, cv2.LINE_AA)
            cv2.circle(canvas, (x, y), 4, (235, 225, 190), -1, cv2.LINE_AA)
    return canvas


def art(rng: np.random.Generator, size: tuple[int, int]) -> Image:
    """A framed picture: shapes, or hills under a sky."""
    width, height = size
    canvas = finished(flat(height, width, _any_colour(rng, 120, 240)) + 6 * noise(rng, height, width, 64)[..., None])
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(5, 11))):
            centre = int(rng.integers(0, width)), int(rng.integers(0, height))
            axes = int(rng.integers(8, width // 3)), int(rng.integers(8, height // 3))
            cv2.ellipse(canvas, centre, axes, float(rng.integers(180)), 0, 360, _any_colour(rng), -1, cv2.LINE_AA)
    else:
        for level in np.linspace(0.35, 0.9, 5):
            ridge = height * (level + 0.12 * noise(rng, 4, width, width // 3, 6)[1])
            points = np.concatenate([np.stack([np.arange(width), ridge], 1), [[width, height], [0, height]]])
            cv2.fillPoly(canvas, [points.astype(np.int32)], _any_colour(rng, 30, 200), cv2.LINE_AA)
    cv2.rectangle(canvas, (0, 0), (width - 1, height - 1), (238, 235, 228), 2 * max(width // 24, 4))
    cv2.rectangle(canvas, (0, 0), (width - 1, height - 1), _any_colour(rng, 10, 90), 2 * max(width // 60, 3))
    return canvas


def outdoors(rng: np.random.Generator, size: tuple[int, int]) -> Image:
    """What a window shows, out of focus: sky, trees, a house."""
    width, height = size
    fall = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    canvas = finished((1 - fall) * np.array([206, 224, 245], np.float32) + fall * 245 + np.zeros((height, width, 3)))
    cv2.rectangle(canvas, (width // 2, height // 3), (width, height), (186, 150, 130), -1)
    for _ in range(60):
        centre = int(rng.integers(0, width)), int(rng.normal(0.75, 0.14) * height)
        cv2.circle(canvas, centre, int(rng.integers(10, 45)), _near(rng, (96, 128, 74), 26), -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 5), np.uint8)


def curtain(rng: np.random.Generator, size: tuple[int, int], colour: Colour) -> Image:
    """Cloth in folds."""
    width, height = size
    across = np.arange(width, dtype=np.float32)
    folds = np.sin(across / rng.uniform(5, 9) + 2.0 * np.sin(across / 31)) * 22 + np.sin(across / 17) * 14
    return finished(flat(height, width, colour) + folds[None, :, None] + 4 * noise(rng, height, width, 6)[..., None])


def fabric(rng: np.random.Generator, size: tuple[int, int], colour: Colour) -> Image:
    """Woven cloth, sometimes striped or checked."""
    width, height = size
    picture = flat(height, width, colour) + 8 * noise(rng, height, width, 5)[..., None]
    picture += 5 * noise(rng, height, width, 100, 20)[..., None]
    pattern = rng.random()
    step = int(rng.integers(24, 70))
    if pattern < 0.5:
        picture[:, np.arange(width) % step < step // 3] *= 0.8
    if pattern < 0.25:
        picture[np.arange(height) % step < step // 3] *= 0.85
    return finished(picture)


def wood(rng: np.random.Generator, size: tuple[int, int], colour: Colour) -> Image:
    """One board with its grain along its width."""
    width, height = size
    grain = cv2.resize(noise(rng, height, max(width // 24, 4), 12), (width, height), interpolation=cv2.INTER_LINEAR)
    return finished(flat(height, width, colour) + 12 * grain[..., None])


def plant(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Image, Image]:
    """Leaves that grow from the middle of the lower edge: picture and alpha."""
    width, height = size
    picture, alpha = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
    root = np.array([width / 2, height - 1.0])
    for _ in range(int(rng.integers(22, 36))):
        angle = rng.normal(-90, 38)
        reach = rng.uniform(0.35, 0.9) * height
        tip = root + reach * np.array([np.cos(np.radians(angle)) * 0.8, np.sin(np.radians(angle))])
        tip = np.clip(tip, (20, 20), (width - 20, height - 8))
        colour = _near(rng, (70, 112, 56), 28)
        leaf = (int(tip[0]), int(tip[1])), (int(rng.integers(24, 52)), int(rng.integers(7, 16)))
        for canvas, shade in ((picture, colour), (alpha, 255)):
            cv2.line(canvas, root.astype(int).tolist(), leaf[0], shade, 3, cv2.LINE_AA)
            cv2.ellipse(canvas, leaf[0], leaf[1], angle + float(rng.normal(0, 4)), 0, 360, shade, -1, cv2.LINE_AA)
        vein = tuple(min(v + 26, 255) for v in colour)
        cv2.ellipse(picture, leaf[0], (leaf[1][0], 1), angle, 0, 360, vein, -1, cv2.LINE_AA)
    return picture, alpha


def _any_colour(rng: np.random.Generator, low: int = 20, high: int = 235) -> Colour:
    red, green, blue = rng.integers(low, high, 3).tolist()
    return red, green, blue


def _near(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    red, green, blue = np.clip(np.array(colour) + rng.normal(0, spread) + rng.normal(0, spread / 3, 3), 0, 255).tolist()
    return int(red), int(green), int(blue)
