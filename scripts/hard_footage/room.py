"""Rooms of boxes and painted panels, drawn by casting rays: true perspective, soft shadows, dark corners.

Metres: x to the right, y up, z away from the camera, which stands at x = z = 0. A camera that only turns and zooms sees
a homography of one wide picture, so one picture is all that such a camera needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from . import textures
from .textures import PIXELS_A_METRE, Colour, Floats, Image

EYE: Final = np.array([0.0, 1.15, 0.0])
PITCH: Final = np.radians(4.0)
"""How far the camera looks down."""
HEIGHT: Final = 2.7
BACK: Final = 4.3
"""From the camera to the wall behind the person."""

_FINE: Final = 2
_LIT: Final = 8
_RAYS: Final = 28
_STRIP: Final = 256
_GAMMA: Final = 2.2
_LONG: Final = 8.0
"""Half the width, in metres, from which a room is lit by a row of lamps and not by one."""


@dataclass(slots=True)
class Box:
    """A box from ``low`` to ``high`` (x, y, z), covered with ``picture``; ``alpha`` gives a panel another outline.

    ``fit`` stretches the picture over the front, otherwise it has 400 pixels a metre. ``blocks``: whether it throws a
    shadow worth computing. ``shines``: it is as bright as its picture whatever the light.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    picture: Image
    alpha: Image | None = None
    fit: bool = False
    blocks: bool = True
    shines: bool = False


@dataclass(slots=True)
class Room:
    """What stands in it. ``patches`` are panels (x and y from and to, z) whose picture changes while it is filmed."""

    half_width: float
    boxes: list[Box] = field(default_factory=list)
    patches: dict[str, tuple[float, float, float, float, float]] = field(default_factory=dict)
    lamp: tuple[float, float, float] = (0.5, 2.5, 2.2)


@dataclass(frozen=True, slots=True)
class View:
    """The picture plane that a room is drawn on: ``matrix`` takes (x, y down, z) of a looking camera to pixels.

    ``running``: each column is seen from straight in front of it, as by a camera that runs along the wall.
    """

    size: tuple[int, int]
    matrix: NDArray[np.float64]
    running: bool = False


def draw(room: Room, view: View, rng: np.random.Generator) -> Image:
    """(height, width, 3) RGB: the room without anybody."""
    light = _light(room, view, rng)
    width, height = view.size
    picture = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _STRIP):
        bottom = min(top + _STRIP, height)
        rays = _Rays(view, _FINE, top, bottom)
        colour = _colours(room, rays, _first_hits(room.boxes, rays))
        shade = cv2.resize(light, (rays.width, height * _FINE), interpolation=cv2.INTER_LINEAR)[
            top * _FINE : bottom * _FINE
        ]
        colour[..., :3] *= np.where(colour[..., 3:] > 0, 1.0, shade)
        fine = 255.0 * np.clip(colour[..., :3], 0, 1) ** (1 / _GAMMA)
        picture[top:bottom] = textures.finished(cv2.resize(fine, (width, bottom - top), interpolation=cv2.INTER_AREA))
    return picture


def seen_at(points: NDArray[np.float64], view: View) -> NDArray[np.float64]:
    """Points of the room (n, 3) to pixels of ``view`` (n, 2)."""
    looked = (points - EYE) @ _TURNED
    looked[:, 1] *= -1
    if view.running:
        looked[:, 0] *= looked[:, 2] / BACK
    pixels = looked @ view.matrix.T
    return np.asarray(pixels[:, :2] / pixels[:, 2:])


_TURNED: Final = np.array([[1, 0, 0], [0, np.cos(PITCH), -np.sin(PITCH)], [0, np.sin(PITCH), np.cos(PITCH)]])
"""Columns: right, up and forwards of the camera."""


class _Rays:
    """The rays of rows ``top`` to ``bottom`` of a view, ``fine`` for each pixel's side."""

    def __init__(self, view: View, fine: float, top: int, bottom: int) -> None:
        self.view, self.fine, self.top = view, fine, top
        self.width, self.height = round(view.size[0] * fine), round((bottom - top) * fine)
        inverse = np.linalg.inv(view.matrix)
        columns = (np.arange(self.width) + 0.5) / fine
        rows = (np.arange(self.height) + 0.5) / fine + top
        across = inverse[0, 0] * columns + inverse[0, 2]
        down = inverse[1, 1] * rows + inverse[1, 2]
        self.direction = np.empty((self.height, self.width, 3), np.float32)
        flat = np.stack(
            np.broadcast_arrays(0.0 * across[None, :] if view.running else across[None, :], -down[:, None], 1.0), -1
        )
        self.direction[:] = flat @ _TURNED.T
        self.origin = np.broadcast_to(EYE.astype(np.float32), self.direction.shape).copy()
        if view.running:
            self.origin[..., 0] = (across * BACK)[None, :]

    def window(self, box: Box) -> tuple[slice, slice]:
        """The rays that can meet a box."""
        corners = np.array(
            [
                [x, y, z]
                for x in (box.low[0], box.high[0])
                for y in (box.low[1], box.high[1])
                for z in (box.low[2], box.high[2])
            ]
        )
        if corners[:, 2].min() < 0.3:
            return slice(0, self.height), slice(0, self.width)
        pixels = (seen_at(corners, self.view) - (0, self.top)) * self.fine
        if self.view.running:
            pixels[:, 0] = (
                (np.array([corners[:, 0].min(), corners[:, 0].max()] * 4)) / BACK * self.view.matrix[0, 0]
                + self.view.matrix[0, 2]
            ) * self.fine
        low, high = np.floor(pixels.min(axis=0)).astype(int) - 1, np.ceil(pixels.max(axis=0)).astype(int) + 2
        left, upper = np.maximum(low, 0)
        return slice(int(upper), max(int(high[1]), int(upper))), slice(int(left), max(int(high[0]), int(left)))


@dataclass(slots=True)
class _Hits:
    distance: Floats
    box: NDArray[np.int16]
    axis: NDArray[np.int8]


def _meet(origin: Floats, direction: Floats, box: Box) -> tuple[Floats, NDArray[np.int8]]:
    """Distance to a box along each ray, infinite where it is missed, and the axis of the side that is met."""
    enter = np.full(direction.shape[:2], -np.inf, np.float32)
    leave = np.full(direction.shape[:2], np.inf, np.float32)
    side = np.zeros(direction.shape[:2], np.int8)
    for axis in range(3):
        with np.errstate(divide="ignore", invalid="ignore"):
            one = (np.float32(box.low[axis]) - origin[..., axis]) / direction[..., axis]
            other = (np.float32(box.high[axis]) - origin[..., axis]) / direction[..., axis]
        near = np.fmin(one, other)
        side[near > enter] = axis
        # not a number where a ray runs in the very plane of a side
        np.fmax(enter, near, out=enter)
        np.fmin(leave, np.fmax(one, other), out=leave)
    return np.where((enter <= leave) & (enter > 1e-3), enter, np.float32(np.inf)), side


def _first_hits(boxes: list[Box], rays: _Rays) -> _Hits:
    shape = rays.direction.shape[:2]
    hits = _Hits(np.full(shape, np.inf, np.float32), np.full(shape, -1, np.int16), np.zeros(shape, np.int8))
    for number, box in enumerate(boxes):
        rows, columns = rays.window(box)
        if (
            rows.stop <= rows.start
            or columns.stop <= columns.start
            or rows.start >= shape[0]
            or columns.start >= shape[1]
        ):
            continue
        origin, direction = rays.origin[rows, columns], rays.direction[rows, columns]
        distance, axis = _meet(origin, direction, box)
        nearer = distance < hits.distance[rows, columns]
        if box.alpha is not None:
            points = origin + np.where(np.isfinite(distance), distance, 0)[..., None] * direction
            nearer &= _sampled(box.alpha, _across(points, axis, box, box.alpha)) > 127
        for target, value in ((hits.distance, distance), (hits.box, np.int16(number)), (hits.axis, axis)):
            part = target[rows, columns]
            part[nearer] = value[nearer] if isinstance(value, np.ndarray) and value.ndim else value
    return hits


def _across(points: NDArray[np.floating], axis: NDArray[np.int8], box: Box, picture: Image) -> Floats:
    """(height, width, 2): where in its picture each point of a box lies, pixels."""
    low, high = np.array(box.low, np.float32), np.array(box.high, np.float32)
    u = np.where(axis == 0, points[..., 2] - low[2], points[..., 0] - low[0])
    v = np.where(axis == 1, points[..., 2] - low[2], high[1] - points[..., 1])
    height, width = picture.shape[:2]
    if box.fit:
        return np.asarray(np.stack([u / (high[0] - low[0]) * width, v / (high[1] - low[1]) * height], -1), np.float32)
    return np.asarray(np.stack([u * PIXELS_A_METRE % (width - 1), v * PIXELS_A_METRE % (height - 1)], -1), np.float32)


def _sampled(picture: Image, where: Floats) -> NDArray[np.uint8]:
    # the walls of a room are textured in strips, so that the largest maps stay below OpenCV's 32767
    return np.asarray(
        cv2.remap(picture, where - 0.5, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def _colours(room: Room, rays: _Rays, hits: _Hits) -> Floats:
    """(height, width, 4) linear: colour, and 1 where it shines by itself."""
    colour = np.zeros((*hits.box.shape, 4), np.float32)
    for number in np.unique(hits.box[hits.box >= 0]).tolist():
        box = room.boxes[number]
        rows, columns = np.nonzero(hits.box == number)
        block = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
        here = hits.box[block] == number
        distance = np.where(here, hits.distance[block], 0)
        points = rays.origin[block] + distance[..., None] * rays.direction[block]
        seen = _sampled(box.picture, _across(points, hits.axis[block], box, box.picture))
        part = colour[block]
        part[here, :3] = (seen[here].astype(np.float32) / 255.0) ** _GAMMA
        part[here, 3] = box.shines
    return colour


def _light(room: Room, view: View, rng: np.random.Generator) -> Floats:
    """(height, width, 3), an eighth of the fine picture: light that falls there, from a lamp and from all around."""
    rays = _Rays(view, _FINE / _LIT, 0, view.size[1])
    hits = _first_hits(room.boxes, rays)
    distance = np.where(np.isfinite(hits.distance), hits.distance, 5.0)
    towards = np.take_along_axis(rays.direction, hits.axis[..., None].astype(np.int64), 2)
    normal = np.zeros_like(rays.direction)
    np.put_along_axis(normal, hits.axis[..., None].astype(np.int64), -np.sign(towards), 2)
    points = rays.origin + distance[..., None] * rays.direction + 0.004 * normal
    blocking = [box for box in room.boxes if box.blocks]
    lamp, around = np.zeros(distance.shape, np.float32), np.zeros(distance.shape, np.float32)
    for _ in range(_RAYS):
        lamp += _from_lamp(points, normal, room, blocking, rng)
        around += _from_around(points, normal, blocking, rng)
    warm, cool = np.array([1.0, 0.93, 0.82], np.float32), np.array([0.92, 0.97, 1.0], np.float32)
    total = 1.2 * lamp[..., None] / _RAYS * warm + 0.75 * around[..., None] / _RAYS * cool
    return np.asarray(cv2.medianBlur(total.astype(np.float32), 5), np.float32)


def _from_lamp(points: Floats, normal: Floats, room: Room, blocking: list[Box], rng: np.random.Generator) -> Floats:
    spot = np.array(room.lamp, np.float32) + rng.normal(0, (0.3, 0.02, 0.3), points.shape).astype(np.float32)
    if room.half_width > _LONG:
        spot[..., 0] = points[..., 0] + rng.uniform(-2.5, 2.5, points.shape[:2])
    way = spot - points
    far = np.linalg.norm(way, axis=-1)
    facing = np.clip((way * normal).sum(-1) / far, 0, 1)
    free = _free(points, way, 1.0, blocking)
    return np.asarray(facing * free * 4.5 / (1.5 + far * far), np.float32)


def _from_around(points: Floats, normal: Floats, blocking: list[Box], rng: np.random.Generator) -> Floats:
    way = rng.standard_normal(points.shape).astype(np.float32)
    way = way / np.linalg.norm(way, axis=-1, keepdims=True) + normal
    way = way / np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), 1e-3)
    return _free(points, way, 1.1, blocking)


def _free(points: Floats, way: Floats, reach: float, blocking: list[Box]) -> Floats:
    free = np.ones(points.shape[:2], np.bool_)
    for box in blocking:
        free &= ~(_meet(points, way, box)[0] < reach)
    return free.astype(np.float32)


def furnished(rng: np.random.Generator, half_width: float, walls: str, floors: str, *, furniture: bool = True) -> Room:
    """A room with this and that along its back wall; without furniture there is a skirting board and a light switch."""
    room = Room(half_width, lamp=(float(rng.uniform(-1.0, 1.0)), 2.5, 2.3))
    _shell(room, rng, walls, floors)
    if not furniture:
        room.boxes.append(_plain((1.05, 1.05, BACK - 0.012), (1.13, 1.13, BACK), (232, 230, 225)))
        return room
    x = -half_width + 0.25
    makers = list(_STATIONS)
    order: list[Callable[[Room, np.random.Generator, float], float]] = []
    while x < half_width - 0.7:
        if not order:
            order = [makers[i] for i in rng.permutation(len(makers))]
        x = order.pop()(room, rng, x) + float(rng.uniform(0.1, 0.35))
    return room


def _shell(room: Room, rng: np.random.Generator, walls: str, floors: str) -> None:
    half, deep = room.half_width, 0.2
    paper: Colour = _pick(rng, ((196, 203, 190), (205, 196, 182), (176, 192, 204), (214, 208, 200), (178, 160, 150)))
    ground: Colour = _pick(rng, ((168, 128, 92), (120, 92, 70), (150, 148, 142), (186, 158, 124)))
    paper = (168, 104, 84) if walls == "brick" else (212, 209, 202) if walls == "plain" else paper
    length = min(round(2 * half * PIXELS_A_METRE), 3200)
    papered = textures.wall(rng, walls, (length, round(HEIGHT * PIXELS_A_METRE)), paper)
    laid = textures.floor(rng, floors, (length, 2000), ground)
    room.boxes += [
        Box((-half - 1, -deep, -1), (half + 1, 0, BACK + 1), laid),
        Box((-half - 1, 0, BACK), (half + 1, HEIGHT, BACK + deep), papered),
        Box((-half - deep, 0, -1), (-half, HEIGHT, BACK + 1), papered),
        Box((half, 0, -1), (half + deep, HEIGHT, BACK + 1), papered),
        _plain((-half - 1, HEIGHT, -1), (half + 1, HEIGHT + deep, BACK + 1), (236, 234, 230), blocks=False),
        _plain((-half, 0, BACK - 0.015), (half, 0.09, BACK), (236, 232, 224), blocks=False),
    ]


def _pick(rng: np.random.Generator, choices: tuple[Colour, ...]) -> Colour:
    return choices[int(rng.integers(len(choices)))]


def _plain(
    low: tuple[float, float, float], high: tuple[float, float, float], colour: Colour, *, blocks: bool = True
) -> Box:
    return Box(low, high, textures.finished(textures.flat(8, 8, colour)), blocks=blocks)


def _woody(rng: np.random.Generator) -> Image:
    return textures.wood(rng, (800, 400), _pick(rng, ((150, 104, 66), (96, 66, 46), (196, 164, 120), (222, 218, 210))))


def _hang(room: Room, rng: np.random.Generator, left: float, width: float, bottom: float, height: float) -> None:
    size = max(round(width * PIXELS_A_METRE), 40), max(round(height * PIXELS_A_METRE), 40)
    low, high = (left, bottom, BACK - 0.03), (left + width, bottom + height, BACK)
    room.boxes.append(Box(low, high, textures.art(rng, size), fit=True))


def _shelf(room: Room, rng: np.random.Generator, x: float) -> float:
    width, top, deep = float(rng.uniform(0.8, 1.2)), float(rng.uniform(1.5, 2.1)), 0.32
    wood, front = _woody(rng), BACK - 0.32
    room.boxes += [
        Box((x, 0, front), (x + 0.03, top, BACK), wood),
        Box((x + width - 0.03, 0, front), (x + width, top, BACK), wood),
    ]
    for level in np.arange(0.06, top, 0.36).tolist():
        room.boxes.append(Box((x, level, front), (x + width, level + 0.025, BACK), wood))
        at = x + 0.05
        while at < x + width - 0.1 and level + 0.3 < top:
            thick, tall = float(rng.uniform(0.02, 0.06)), float(rng.uniform(0.17, 0.29))
            if rng.random() < 0.85:
                colour: Colour = tuple(int(v) for v in rng.integers(25, 225, 3))  # type: ignore[assignment]  # three of them
                z = front + float(rng.uniform(0.03, 0.1))
                room.boxes.append(
                    _plain((at, level + 0.025, z), (at + thick, level + tall, z + 0.15), colour, blocks=False)
                )
            at += thick + 0.004
    room.boxes.append(_plain((x, 0, BACK - 0.01), (x + width, top, BACK), (110, 88, 68)))
    return x + width + 0 * deep


def _sofa(room: Room, rng: np.random.Generator, x: float) -> float:
    width, front = float(rng.uniform(1.5, 2.0)), BACK - 0.85
    cloth = textures.fabric(
        rng, (900, 500), _pick(rng, ((120, 132, 140), (150, 92, 76), (84, 104, 92), (190, 176, 156)))
    )
    room.boxes += [
        Box((x, 0.08, front), (x + width, 0.42, BACK - 0.1), cloth),
        Box((x, 0.42, BACK - 0.32), (x + width, 0.85, BACK - 0.08), cloth),
        Box((x, 0.08, front), (x + 0.18, 0.6, BACK - 0.1), cloth),
        Box((x + width - 0.18, 0.08, front), (x + width, 0.6, BACK - 0.1), cloth),
    ]
    for place in (0.25, width - 0.65):
        cushion = textures.fabric(
            rng, (200, 200), _pick(rng, ((196, 120, 60), (60, 90, 130), (220, 210, 190), (140, 50, 60)))
        )
        room.boxes.append(Box((x + place, 0.43, BACK - 0.46), (x + place + 0.4, 0.8, BACK - 0.34), cushion))
    _hang(room, rng, x + 0.2, 0.5, 1.2, 0.65)
    _hang(room, rng, x + 0.9, 0.4, 1.3, 0.4)
    return x + width


def _window(room: Room, rng: np.random.Generator, x: float) -> float:
    width = float(rng.uniform(1.1, 1.6))
    room.boxes.append(
        Box(
            (x, 0.85, BACK - 0.01),
            (x + width, 2.2, BACK),
            textures.outdoors(rng, (round(width * 400), 540)),
            fit=True,
            shines=True,
        )
    )
    for left in (x - 0.03, x + width / 2 - 0.02, x + width):
        room.boxes.append(_plain((left, 0.82, BACK - 0.05), (left + 0.045, 2.23, BACK), (240, 240, 236)))
    for level in (0.8, 2.2):
        room.boxes.append(
            _plain((x - 0.05, level, BACK - 0.09), (x + width + 0.07, level + 0.04, BACK), (240, 240, 236))
        )
    colour = _pick(rng, ((170, 120, 96), (120, 134, 150), (206, 196, 170)))
    for left in (x - 0.25, x + width - 0.15):
        room.boxes.append(
            Box(
                (left, 0.1, BACK - 0.14),
                (left + 0.4, 2.35, BACK - 0.1),
                textures.curtain(rng, (160, 900), colour),
                fit=True,
            )
        )
    for rib in np.arange(x + 0.1, x + width - 0.1, 0.08).tolist():
        room.boxes.append(
            _plain((rib, 0.12, BACK - 0.11), (rib + 0.06, 0.65, BACK - 0.02), (232, 230, 226), blocks=False)
        )
    return x + width + 0.25


def _plants(room: Room, rng: np.random.Generator, x: float) -> float:
    size = float(rng.uniform(0.9, 1.3))
    picture, alpha = textures.plant(rng, (round(0.9 * size * 400), round(size * 400)))
    z = BACK - 0.4
    room.boxes += [
        _plain(
            (x + 0.45 * size - 0.16, 0, z - 0.16),
            (x + 0.45 * size + 0.16, 0.34, z + 0.16),
            _pick(rng, ((176, 98, 70), (220, 216, 208), (70, 74, 80))),
        ),
        Box((x, 0.3, z - 0.005), (x + 0.9 * size, 0.3 + size, z), picture, alpha, fit=True, blocks=False),
    ]
    return x + 0.9 * size


def _cabinet(room: Room, rng: np.random.Generator, x: float) -> float:
    width, front = float(rng.uniform(1.3, 1.7)), BACK - 0.42
    wood = _woody(rng)
    room.boxes.append(Box((x, 0.08, front), (x + width, 0.55, BACK - 0.02), wood))
    for part in range(1, 3):
        seam = x + width * part / 3
        room.boxes.append(_plain((seam, 0.1, front - 0.004), (seam + 0.012, 0.53, front), (40, 30, 26), blocks=False))
    middle, z = x + width / 2, BACK - 0.18
    room.boxes += [
        _plain((middle - 0.15, 0.55, z - 0.08), (middle + 0.15, 0.6, z + 0.08), (24, 24, 26)),
        _plain((middle - 0.56, 0.6, z), (middle + 0.56, 1.26, z + 0.05), (18, 18, 20)),
        _plain((middle - 0.53, 0.63, z - 0.002), (middle + 0.53, 1.23, z), (34, 36, 40), blocks=False),
    ]
    room.patches.setdefault("screen", (middle - 0.53, 0.63, middle + 0.53, 1.23, z - 0.002))
    _clock(room, middle + float(rng.uniform(-0.3, 0.3)), 1.75)
    return x + width


def _clock(room: Room, x: float, y: float) -> None:
    low, high = (x - 0.2, y - 0.1, BACK - 0.04), (x + 0.2, y + 0.1, BACK)
    room.boxes.append(_plain(low, high, (30, 30, 32)))
    room.patches.setdefault("clock", (low[0] + 0.02, low[1] + 0.02, high[0] - 0.02, high[1] - 0.02, low[2]))


def _door(room: Room, rng: np.random.Generator, x: float) -> float:
    colour = _pick(rng, ((226, 222, 214), (140, 100, 70), (90, 110, 120)))
    frame: Colour = (236, 234, 228)
    leaf = textures.wood(rng, (340, 820), colour)
    for top, bottom in ((60, 330), (400, 760)):
        cv2.rectangle(leaf, (50, top), (290, bottom), tuple(int(v * 0.8) for v in colour), 6)
        cv2.rectangle(leaf, (56, top + 6), (284, bottom - 6), tuple(min(int(v * 1.08), 255) for v in colour), 3)
    room.boxes += [
        _plain((x, 0, BACK - 0.05), (x + 0.08, 2.1, BACK), frame),
        _plain((x + 0.93, 0, BACK - 0.05), (x + 1.01, 2.1, BACK), frame),
        _plain((x, 2.05, BACK - 0.05), (x + 1.01, 2.13, BACK), frame),
        Box((x + 0.08, 0, BACK - 0.02), (x + 0.93, 2.05, BACK), leaf, fit=True),
        _plain((x + 0.14, 1.0, BACK - 0.07), (x + 0.26, 1.03, BACK - 0.04), (150, 150, 148)),
    ]
    return x + 1.0


def _desk(room: Room, rng: np.random.Generator, x: float) -> float:
    width, front = float(rng.uniform(1.1, 1.4)), BACK - 0.65
    wood = _woody(rng)
    room.boxes.append(Box((x, 0.7, front), (x + width, 0.74, BACK - 0.02), wood))
    for left in (x + 0.03, x + width - 0.08):
        for z in (front + 0.03, BACK - 0.1):
            room.boxes.append(Box((left, 0, z), (left + 0.05, 0.7, z + 0.05), wood))
    for _ in range(6):
        at, tall = x + float(rng.uniform(0.05, width - 0.25)), float(rng.uniform(0.06, 0.3))
        z, breadth = front + float(rng.uniform(0.1, 0.35)), float(rng.uniform(0.06, 0.2))
        colour = _pick(rng, ((180, 60, 50), (50, 90, 140), (230, 226, 215), (60, 60, 64), (210, 170, 70)))
        room.boxes.append(_plain((at, 0.74, z), (at + breadth, 0.74 + tall, z + 0.12), colour))
    for i in range(int(rng.integers(2, 5))):
        _hang(
            room, rng, x + 0.05 + 0.32 * i, 0.27, 1.15 + float(rng.uniform(-0.06, 0.06)), float(rng.uniform(0.24, 0.36))
        )
    return x + width


_STATIONS: Final = (_shelf, _sofa, _window, _plants, _cabinet, _door, _desk)
