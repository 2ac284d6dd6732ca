"""The picture of what footage has seen, to be understood without reading.

A figure that faces the viewer: a fan at each shoulder, elbow, hip and knee shows where the bone below it has pointed, the
ring of arrows on the floor which way the body faced, and a card for each move is lit and ticked once it was seen. What is
bright was seen long enough, what is faint is missing. Left is warm, as in every stick figure here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core.pose import skeleton
from core.pose.draw import GROUND
from core.types import Frame

_Point: TypeAlias = tuple[float, float]
_Colour: TypeAlias = tuple[int, int, int]
_Points: TypeAlias = NDArray[np.float64]

_LEFT: Final = (255, 138, 92)
_RIGHT: Final = (92, 178, 255)
_MIDDLE: Final = (236, 236, 240)
_TICK: Final = (104, 214, 146)
_FAINT: Final = (46, 49, 62)
_CARD: Final = (28, 30, 39)
_LIT_CARD: Final = (36, 40, 52)
_FIGURE: Final = (104, 109, 126)
_MISSING_FIGURE: Final = (62, 66, 82)
_TO_DO: Final = 0.3
"""How bright the limbs are that a move still to be made is about: what is missing must be read too."""

_FINER: Final = 2
"""The picture is drawn this many times as large and shrunk: OpenCV's own smooth edges leave steps in thin shapes."""
_SUBPIXEL: Final = 4

_SEEN_LEVEL: Final = 0.5
_GAP: Final = 0.07
_ARC_STEPS: Final = 14

# by kind of bone: the directions that bodies reach (0 outwards, 2 down, 4 inwards, 6 up), and a fan's inner and outer radius
_FANS: Final = {
    "upper_arm": ((6, 7, 0, 1, 2), 0.13, 0.43),
    "forearm": ((0, 1, 2, 3, 4, 5, 6, 7), 0.09, 0.33),
    "thigh": ((0, 1, 2), 0.11, 0.40),
    "shin": ((0, 1, 2, 3), 0.09, 0.34),
}

_NECK: Final = 0.16
_HEAD: Final = 0.24


@dataclass(frozen=True, slots=True)
class _Stance:
    """A stick figure by its angles: degrees from straight down towards the outside, of (upper, lower) bones."""

    left_arm: tuple[float, float] = (24.0, 16.0)
    right_arm: tuple[float, float] = (24.0, 16.0)
    left_leg: tuple[float, float] = (9.0, 4.0)
    right_leg: tuple[float, float] = (9.0, 4.0)
    lean: float = 0.0

    def joints(self, shoulders: float = 0.36, hips: float = 0.18, arms: float = 0.55) -> dict[int, _Point]:
        """Where its joints are, by landmark, in torso lengths about the middle of the hips, y down.

        ``shoulders`` and ``hips`` are half as wide as they, ``arms`` the length of each of an arm's two bones.
        """
        tilt = np.radians(self.lean)
        top = (float(np.sin(tilt)), -float(np.cos(tilt)))
        joints: dict[int, _Point] = {}
        for side, arm, leg in ((1, self.left_arm, self.left_leg), (-1, self.right_arm, self.right_leg)):
            first = 0 if side == 1 else 1
            joints[11 + first] = (top[0] + side * shoulders * -top[1], top[1] + side * shoulders * top[0])
            joints[23 + first] = (side * hips, 0.0)
            for root, bones, lengths in ((11, arm, (arms, arms)), (23, leg, (0.80, 0.78))):
                for below, (angle, length) in enumerate(zip(bones, lengths, strict=True)):
                    start = joints[root + first + 2 * below]
                    turn = np.radians(angle)
                    end = start[0] + side * length * np.sin(turn), start[1] + length * np.cos(turn)
                    joints[root + first + 2 * below + 2] = (float(end[0]), float(end[1]))
        reach = 1.0 + _NECK + _HEAD
        joints[skeleton.NOSE] = (top[0] * reach, top[1] * reach)
        return joints


_CARDS: Final[tuple[tuple[tuple[str, ...], _Stance], ...]] = (
    (("left_arm_up", "right_arm_up"), _Stance(left_arm=(158, 172), right_arm=(158, 172))),
    (("left_arm_out", "right_arm_out"), _Stance(left_arm=(90, 90), right_arm=(90, 90))),
    (("left_hand_in", "right_hand_in"), _Stance(left_arm=(28, -118), right_arm=(28, -118))),
    (("right_foot_up",), _Stance(right_leg=(82, -8), left_leg=(2, 0))),
    (("crouch",), _Stance(left_leg=(68, -24), right_leg=(68, -24), left_arm=(60, 80), right_arm=(60, 80))),
    (("left_foot_up",), _Stance(left_leg=(82, -8), right_leg=(2, 0))),
    (("lean_right",), _Stance(lean=-27, left_arm=(40, 40), right_arm=(2, -4), left_leg=(14, 10))),
    (("feet_apart",), _Stance(left_leg=(36, 30), right_leg=(36, 30), left_arm=(40, 40), right_arm=(40, 40))),
    (("lean_left",), _Stance(lean=27, right_arm=(40, 40), left_arm=(2, -4), right_leg=(14, 10))),
)
_COLUMNS: Final = 3


def draw_repertoire(
    bones: NDArray[np.float32], turns: NDArray[np.float32], moves: Mapping[str, float], size: tuple[int, int]
) -> Frame:
    """The picture, of ``size`` (width, height). All values are 0 for never to 1 for plenty; half is just enough.

    Args:
        bones: (8, 8), as :class:`core.targets.coverage.Coverage` has them.
        turns: (8,), the same.
        moves: by name.
        size: 3:2 or so suits it best, an upright one puts the cards below.
    """
    width, height = size[0] * _FINER, size[1] * _FINER
    pen = _Pen(np.full((height, width, 3), GROUND, np.uint8))
    if width >= height:
        split = round(min(0.60 * width, 1.05 * height))
        _draw_body(pen, bones, turns, (0, 0, split, height))
        _draw_cards(pen, moves, (split, 0, width - split, height))
    else:
        split = round(min(0.60 * height, 1.05 * width))
        _draw_body(pen, bones, turns, (0, 0, width, split))
        _draw_cards(pen, moves, (0, split, width, height - split))
    return np.ascontiguousarray(cv2.resize(pen.canvas, size, interpolation=cv2.INTER_AREA))


class _Pen:
    """Shapes with smooth edges in coordinates that need not be whole pixels."""

    def __init__(self, canvas: Frame) -> None:
        self.canvas = canvas

    def fill(self, points: _Points, colour: _Colour) -> None:
        """A filled polygon (n, 2)."""
        cv2.fillPoly(self.canvas, [_fixed(points)], colour, cv2.LINE_AA, _SUBPIXEL)

    def line(self, points: Sequence[_Point], colour: _Colour, thick: float) -> None:
        """A line with round ends and corners through all points."""
        path = _fixed(np.array(points))
        cv2.polylines(self.canvas, [path], False, colour, max(round(thick), 1), cv2.LINE_AA, _SUBPIXEL)

    def disc(self, centre: _Point, radius: float, colour: _Colour, thick: float | None = None) -> None:
        """A filled circle, or one of a line ``thick``."""
        at = _fixed(np.array(centre)).tolist()
        line = -1 if thick is None else max(round(thick), 1)
        cv2.circle(self.canvas, at, round(radius * 2**_SUBPIXEL), colour, line, cv2.LINE_AA, _SUBPIXEL)

    def card(self, box: tuple[float, float, float, float], radius: float, colour: _Colour) -> None:
        """A filled rectangle (x, y, width, height) with round corners."""
        x, y, width, height = box
        corners = ((x + width - radius, y + height - radius), (x + radius, y + height - radius),
                   (x + radius, y + radius), (x + width - radius, y + radius))  # fmt: skip
        arcs = [_arc(at, (radius, radius), k * np.pi / 2, (k + 1) * np.pi / 2) for k, at in enumerate(corners)]
        self.fill(np.concatenate(arcs), colour)


def _draw_body(
    pen: _Pen, bones: NDArray[np.float32], turns: NDArray[np.float32], box: tuple[int, int, int, int]
) -> None:
    """The figure with its fans on its ring, inside ``box`` (x, y, width, height)."""
    left, top, width, height = box
    scale = min(width / 4.0, height / 4.0)
    centre = left + width / 2, top + height / 2 - 0.10 * scale
    stance = _Stance(left_arm=(66, 40), right_arm=(66, 40), left_leg=(17, 7), right_leg=(17, 7))
    joints = {
        joint: (centre[0] + x * scale, centre[1] + (y + 0.05) * scale)
        for joint, (x, y) in stance.joints(shoulders=0.46, hips=0.24, arms=0.8).items()
    }
    _draw_ring(pen, turns, (centre[0], centre[1] + 1.62 * scale), scale)
    _draw_stick(pen, joints, scale, 0.085, dict.fromkeys(range(33), _FIGURE))
    for (parent, _, name), levels in zip(skeleton.LIMBS, bones, strict=True):
        side, kind = name.split("_", 1)
        _draw_fan(pen, joints[parent], scale, _FANS[kind], levels, 1 if side == "left" else -1)


def _draw_fan(
    pen: _Pen,
    centre: _Point,
    scale: float,
    fan: tuple[tuple[int, ...], float, float],
    levels: NDArray[np.float32],
    side: int,
) -> None:
    sectors, inner, outer = fan
    pen.disc(centre, 0.65 * inner * scale, _FIGURE)
    for sector in sectors:
        middle = sector * np.pi / 4 if side == 1 else np.pi - sector * np.pi / 4
        colour = _mixed(_FAINT, _LEFT if side == 1 else _RIGHT, float(levels[sector]))
        half = np.pi / 8 - _GAP / 2
        pen.fill(_band(centre, (scale * inner, scale * outer), (middle - half, middle + half)), colour)


def _draw_ring(pen: _Pen, turns: NDArray[np.float32], centre: _Point, scale: float) -> None:
    """A ring of arrows on the floor, seen from a little above: facing the camera lights the one towards the viewer."""
    outer, inner, flat = 1.45 * scale, 0.92 * scale, 0.32
    for sector, level in enumerate(turns):
        # facing the camera is down in the picture, the person's left is the viewer's right
        middle = np.pi / 2 - sector * np.pi / 4
        base = _arc((0, 0), (inner, inner), middle - np.pi / 8 + 0.05, middle + np.pi / 8 - 0.05)
        points = np.concatenate([base, [[outer * np.cos(middle), outer * np.sin(middle)]]])
        pen.fill(points * (1.0, flat) + np.array(centre), _mixed(_FAINT, _MIDDLE, float(level)))


def _draw_cards(pen: _Pen, moves: Mapping[str, float], box: tuple[int, int, int, int]) -> None:
    left, top, width, height = box
    rows = -(-len(_CARDS) // _COLUMNS)
    gap = 0.026 * max(width, height)
    side_gap = gap * 1.4
    card = (width - 2 * side_gap - (_COLUMNS - 1) * gap) / _COLUMNS, (height - 2 * side_gap - (rows - 1) * gap) / rows
    for place, (names, stance) in enumerate(_CARDS):
        row, column = divmod(place, _COLUMNS)
        corner = left + side_gap + column * (card[0] + gap), top + side_gap + row * (card[1] + gap)
        _draw_card(pen, (*corner, *card), stance, {name: moves[name] for name in names})


def _draw_card(pen: _Pen, box: tuple[float, float, float, float], stance: _Stance, levels: Mapping[str, float]) -> None:
    x, y, width, height = box
    done = min(levels.values()) >= _SEEN_LEVEL
    pen.card(box, 0.09 * min(width, height), _LIT_CARD if done else _CARD)
    joints = stance.joints()
    low = max(at[1] for at in joints.values())
    across = [at[0] for at in joints.values()]
    scale = min(height / 4.2, width / 3.1)
    middle = x + width / 2 - scale * (min(across) + max(across)) / 2
    # all stand on one floor, low enough for raised arms
    floor = y + height / 2 + 1.72 * scale
    placed = {joint: (middle + at[0] * scale, floor + (at[1] - low) * scale) for joint, at in joints.items()}
    _draw_stick(pen, placed, scale, 0.115, _card_colours(levels))
    corner = x + width - 0.13 * min(width, height), y + 0.13 * min(width, height)
    _draw_mark(pen, corner, 0.065 * min(width, height), done)


def _card_colours(levels: Mapping[str, float]) -> dict[int, _Colour]:
    """A colour for each joint: the limbs that a move is about in their side's, everything else in grey."""
    best = max(levels.values())
    colours = dict.fromkeys(range(33), _mixed(_MISSING_FIGURE, _FIGURE, best / _SEEN_LEVEL))
    for name, seen in levels.items():
        level = max(seen, _TO_DO)
        colours.update(dict.fromkeys(_about(name, 1), _mixed(_FAINT, _LEFT, level)))
        colours.update(dict.fromkeys(_about(name, 0), _mixed(_FAINT, _RIGHT, level)))
        if name.startswith("lean"):
            colours.update(dict.fromkeys((0, 11, 12, 23, 24), _mixed(_FAINT, _MIDDLE, level)))
    return colours


def _about(move: str, odd: int) -> tuple[int, ...]:
    """The joints of one side, odd ones left, that a move is about."""
    mine = "left" if odd else "right"
    arm, leg = tuple(j for j in (13, 14, 15, 16) if j % 2 == odd), tuple(j for j in (25, 26, 27, 28) if j % 2 == odd)
    if move in {"feet_apart", "crouch"}:
        return leg
    if not move.startswith(mine):
        return ()
    return leg if move.endswith("foot_up") else arm


def _draw_mark(pen: _Pen, centre: _Point, radius: float, done: bool) -> None:
    """A tick, or an empty circle."""
    if not done:
        pen.disc(centre, radius, _FAINT, 0.28 * radius)
        return
    pen.disc(centre, radius * 1.15, _TICK)
    x, y = centre
    hook = (
        (x - 0.5 * radius, y + 0.05 * radius),
        (x - 0.12 * radius, y + 0.45 * radius),
        (x + 0.55 * radius, y - 0.4 * radius),
    )
    pen.line(hook, GROUND, 0.34 * radius)


def _draw_stick(
    pen: _Pen, joints: Mapping[int, _Point], scale: float, thick: float, colours: Mapping[int, _Colour]
) -> None:
    """A stick figure; a bone has the colour of its lower joint."""
    line = thick * scale
    shoulders, hips = _between(joints[11], joints[12]), _between(joints[23], joints[24])
    trunk = [joints[11], joints[12], shoulders, hips, joints[23], joints[24]]
    pen.line(trunk, colours[skeleton.NOSE], line)
    for parent, child, _ in skeleton.LIMBS:
        pen.line([joints[parent], joints[child]], colours[child], line)
    pen.disc(joints[skeleton.NOSE], _HEAD * scale, colours[skeleton.NOSE])


def _between(a: _Point, b: _Point) -> _Point:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2


def _band(centre: _Point, radii: tuple[float, float], angles: tuple[float, float]) -> _Points:
    """(n, 2) the outline of a piece of a ring, the outer arc first."""
    inner, outer = radii
    return np.concatenate([_arc(centre, (outer, outer), *angles), _arc(centre, (inner, inner), *angles)[::-1]])


def _arc(centre: _Point, radii: tuple[float, float], start: float, end: float) -> _Points:
    angles = np.linspace(start, end, _ARC_STEPS)
    return np.stack([centre[0] + radii[0] * np.cos(angles), centre[1] + radii[1] * np.sin(angles)], axis=1)


def _mixed(dark: _Colour, bright: _Colour, level: float) -> _Colour:
    share = min(max(level, 0.0), 1.0)
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(dark, bright, strict=True))
    return red, green, blue


def _fixed(points: _Points) -> NDArray[np.int32]:
    """Whole numbers of 1/16 pixel, as OpenCV takes them."""
    return np.rint(points * 2**_SUBPIXEL).astype(np.int32)
