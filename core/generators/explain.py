"""Pictures for people of what a generator works from. No network is shown any of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from core.conditioning.limb_fields import EARS, LEFT_HAND, RIGHT_HAND, Box, points_on
from core.generators.base import Explanation
from core.pose import skeleton
from core.pose.draw import GROUND
from core.rendering.canvas import KEPT, Canvas, Layers
from core.types import Frame, Pose

LARGEST: Final = 512
"""Pixels of a picture's longer side at most."""

BACKDROP: Final = (110, 110, 110)
"""The colour behind people who were cut out: dark hair and light shirts both stand out from it."""

_LEFT, _RIGHT, _MIDDLE = (255, 138, 92), (92, 178, 255), (236, 236, 240)
"""As stick figures are drawn for people (``core.pose.draw``): left is warm."""
_LEFT_LEG, _RIGHT_LEG = (255, 84, 128), (128, 116, 255)
_FRONT, _BACK = (52, 150, 96), (150, 76, 160)
_FAINTEST: Final = 70
"""The least grey level that limbs have in a stick image."""

_MARGIN: Final = 0.45
"""Torso lengths that a picture of a person reaches beyond their landmarks."""

_HEAT: Final = np.array((255, 176, 32), np.float32)
_DIMMED: Final = 0.5
_ALIKE: Final = 0.25
"""Share of their weights by which two places may differ and still look at the same."""
_MOST: Final = 0.9
_SPREAD: Final = 0.5
"""Share of all places that get most of the weight, from which on it is spread over everything."""
_UNUSED: Final = 1e-3
"""What attention finds is multiplied by less where a network has not learnt to use it: it begins with 0."""
_FULL: Final = 8.0
"""How many times its even share a place must get to be shown as brightly as any."""

_ASKING: Final = (
    ("left hand", LEFT_HAND), ("right hand", RIGHT_HAND), ("head", EARS), ("left foot", 31), ("right foot", 32),
)  # fmt: skip
"""Places of the body that are asked where they look, and their points."""

HARDLY_SEEN: Final = 0.5
"""Visibility of a joint below which a camera has hardly seen it."""


def sized(picture: NDArray[np.uint8], *, larger: bool = False) -> Frame:
    """The picture with at most :data:`LARGEST` pixels to its longer side; exactly so many where it may be made ``larger``."""
    scale = LARGEST / max(picture.shape[:2])
    if scale == 1 or (scale > 1 and not larger):
        return np.ascontiguousarray(picture)
    size = [max(round(side * scale), 1) for side in picture.shape[1::-1]]
    way = cv2.INTER_LINEAR if scale > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), size, interpolation=way), np.uint8)


def around(xy: NDArray[np.floating], unit: float, size: tuple[int, int]) -> Box:
    """What of a picture of ``size`` (width, height) shows a person.

    Args:
        xy: (N, 2), where their points are in it.
        unit: their torso length in it.
    """
    most = np.array(size)
    first = np.clip(np.floor(xy.min(0) - _MARGIN * unit), 0, most - 1).astype(int)
    last = np.clip(np.ceil(xy.max(0) + _MARGIN * unit), first + 1, most).astype(int)
    return Box(*first.tolist(), *(last - first).tolist())


def laid(pictures: Iterable[NDArray[np.uint8]], size: tuple[int, int]) -> Frame:
    """Pictures (height, width, 4), colours times mask and mask, laid over each other and all of them over a plain ground."""
    under: NDArray[np.float32] = np.full((size[1], size[0], 3), BACKDROP, np.float32)
    for picture in pictures:
        cover = picture[..., 3:].astype(np.float32) / 255
        under = np.asarray(under * (1 - cover) + picture[..., :3], np.float32)
    return under.astype(np.uint8)


def person_drawn(layers: Layers) -> Frame:
    """(height, width, 3): what a network drew on a canvas, without the stage."""
    return laid([layers[:KEPT].transpose(1, 2, 0)], (layers.shape[2], layers.shape[1]))


# ---- what networks are told


def sticks_in_colour(sticks: NDArray[np.uint8], canvas: Canvas, pose: Pose, unit: float) -> Frame:
    """Draw the stick image of a pose (``pose_encoding.stick_image``): one colour for each limb, the nearer the brighter.

    The trunk is green from the front and purple from behind, goes from warm to cool across and grows brighter upwards.
    """
    levels = sticks.astype(np.float32)
    across, along = levels[7:, ..., None] / 255
    cover = np.clip((levels[0] + levels[1]) / 255, 0, 1)[..., None]
    sides = (levels[0, ..., None] * _FRONT + levels[1, ..., None] * _BACK) / 255
    tint = (1 - across) * _LEFT + across * np.array(_RIGHT, np.float32)
    picture = np.full((*sticks.shape[1:], 3), GROUND, np.float32)
    picture = picture * (1 - cover) + (0.7 * sides + 0.3 * cover * tint) * (0.5 + 0.5 * along)
    limbs = ((5, _LEFT_LEG), (6, _RIGHT_LEG), (2, _MIDDLE), (3, _LEFT), (4, _RIGHT))
    for layer, colour in limbs:
        level = levels[layer, ..., None]
        cover = np.clip(level / _FAINTEST, 0, 1)
        picture = picture * (1 - cover) + cover * (0.4 + 0.6 * level / 255) * np.array(colour, np.float32)
    points = points_on(canvas, pose)[:, :2] / 2
    here = around(points, unit / canvas.scale / 2, (sticks.shape[2], sticks.shape[1]))
    return sized(picture[here.rows, here.columns].astype(np.uint8), larger=True)


def joints_on_canvas(canvas: Canvas, pose: Pose, unit: float) -> Frame:
    """The 13 joints of a pose as dots; as rings where a camera hardly saw them."""
    scale = LARGEST / max(canvas.width, canvas.height)
    picture = np.full((round(canvas.height * scale), round(canvas.width * scale), 3), GROUND, np.uint8)
    points = (points_on(canvas, pose)[:33, :2] + 0.5) * scale
    radius = max(round(0.07 * unit / canvas.scale * scale), 2)
    for joint in skeleton.JOINTS:
        colour = _MIDDLE if joint == skeleton.NOSE else _LEFT if joint % 2 else _RIGHT
        thick = 2 if pose.visibility[joint] < HARDLY_SEEN else cv2.FILLED
        cv2.circle(picture, _pixel(points[joint]), radius, colour, thick, cv2.LINE_AA)
    return picture


def _pixel(point: NDArray[np.floating]) -> tuple[int, int]:
    x, y = np.clip(point, -8000, 8000)
    return round(float(x)), round(float(y))


# ---- where networks look


def looks(
    weights: NDArray[np.float32], drawn: Frame, canvas: Canvas, pose: Pose, *, gamma: float = 1.0
) -> list[Explanation]:
    """Where hands, head and feet look; places that look at the same are shown together, and those beyond the canvas are not.

    Args:
        weights: (places, places), how much each place takes from each other, row by row of a coarse grid on the canvas.
        drawn: what the network drew on the canvas.
        gamma: by how much the network multiplies what its places take.
    """
    cell = round((canvas.width * canvas.height / len(weights)) ** 0.5)
    grid = canvas.width // cell, canvas.height // cell
    points = (points_on(canvas, pose)[:, :2] + 0.5) / cell
    together: list[list[_Asking]] = []
    for name, point in _ASKING:
        column, row = np.floor(points[point]).astype(int).tolist()
        if not (0 <= column < grid[0] and 0 <= row < grid[1]):
            continue
        asking = _Asking(name, points[point], weights[row * grid[0] + column])
        near = next((group for group in together if _apart(group[0].looks, asking.looks) < _ALIKE), None)
        if near is None:
            together.append([asking])
        else:
            near.append(asking)
    return [_look(weights, group, drawn, grid, gamma) for group in together]


class _Asking(NamedTuple):
    """A place of the body: its name, where it lies on the grid, and how much it takes from every place of that."""

    name: str
    at: NDArray[np.float32]
    looks: NDArray[np.float32]


def _apart(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """The share of its weight that one place would have to move to look as another does."""
    return np.asarray(np.abs(one - other).sum(-1) / 2, np.float32)


def _look(
    weights: NDArray[np.float32], group: Sequence[_Asking], drawn: Frame, grid: tuple[int, int], gamma: float
) -> Explanation:
    row = np.mean([asking.looks for asking in group], axis=0)
    count = places_for(row)
    note = f"{_MOST:.0%} of the weight lies on {count} of {len(row)} places"
    if count > _SPREAD * len(row):
        note += ": it looks everywhere alike, and hardly uses this"
    also = float((_apart(weights, row) < _ALIKE).mean())
    if also > _SPREAD:
        note += f"; {also:.0%} of the picture looks there too"
    if abs(gamma) < _UNUSED:
        note += f"; what it finds counts {abs(gamma):.4f}, next to nothing"
    everybody = "hands, head and feet" if len(group) == len(_ASKING) else ", ".join(asking.name for asking in group)
    title = f"{everybody.capitalize()} {'looks' if len(group) == 1 else 'look'} at"
    return Explanation(title, _heat(row.reshape(grid[::-1]), group, drawn), f"{note}.")


def places_for(row: NDArray[np.float32]) -> int:
    """How many of the places that are looked at most get nine tenths of the weight together."""
    return int((np.sort(row)[::-1].cumsum() < _MOST * row.sum()).sum()) + 1


def _heat(row: NDArray[np.float32], group: Sequence[_Asking], drawn: Frame) -> Frame:
    """What is looked at glows over the dimmed picture; rings mark who looks."""
    grey = cv2.cvtColor(cv2.cvtColor(sized(drawn, larger=True), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    height, width = grey.shape[:2]
    share = row / max(float(row.max()), _FULL / row.size)
    glow = cv2.resize(share, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    picture = np.asarray(grey * (_DIMMED * (1 - glow)) + _HEAT * glow, np.uint8)
    cell = width / row.shape[1]
    for asking in group:
        cv2.circle(picture, _pixel(asking.at * cell), round(0.6 * cell), (255, 255, 255), 2, cv2.LINE_AA)
    return picture
