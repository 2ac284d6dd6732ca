"""A person's picture bent, limb by limb, towards another pose.

:func:`bend` samples the picture backwards, one layer each for trunk, head, arms and legs. The field of a layer is linear
blend skinning with bones in the plane: each bone maps its surroundings by a turn and a stretch along itself, and a spot
blends the bones near it, as in "Image Deformation Using Moving Least Squares" (Schaefer et al., SIGGRAPH 2006) with segments
instead of points. Layers are cut out of the picture by the distance to the person's own bones, nearer ones first, and put
back together in the asked order of depth; so an arm that leaves the trunk takes nothing of it along.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core.pose import skeleton
from core.rendering.compositing import blend
from core.types import Alpha, Frame
from core.warping.joint_limits import (
    BOUNDS,
    CHEST,
    CROWN,
    FACE,
    LEFT_HAND,
    RIGHT_HAND,
    WAIST,
    Bounds,
    Landmarks,
    Points,
    points_of,
    reachable,
)
from core.warping.outline import (
    CRISP,
    NOWHERE,
    STANDARD,
    Outline,
    above_hem,
    cloth_points,
    cut_level,
    hem_shares,
    level_points,
)


@dataclass(frozen=True, slots=True)
class _Part:
    """One layer.

    ``bones`` are (from, to, radius in torso lengths) that the layer is made of; ``joined`` are bones of its neighbours that
    bend it near the joint; ``reach`` is how far from its bones it may have pixels, and ``hidden`` how far from them it is
    taken to go on behind what hides it, in torso lengths and in radii. ``cut`` are the bones whose surroundings are the
    layer's in the picture, where those are others than ``bones``. ``ends`` tells for each bone at which share of its length what
    hangs ends, see :func:`core.warping.outline.above_hem`.
    """

    bones: tuple[tuple[int, int, float], ...]
    joined: tuple[tuple[int, int, float], ...]
    reach: float
    hidden: float
    cut: tuple[tuple[int, int, float], ...] = ()
    ends: tuple[float, ...] = ()


_SPINE: Final = ((WAIST, CHEST, 0.22), (23, 11, 0.13), (24, 12, 0.13))
_TRUNK, _HEAD, _ARMS, _LEGS = 0, 1, (2, 3), (4, 5)
_PARTS: Final = (
    _Part(
        (*_SPINE, (11, 12, 0.14), (23, 24, 0.13)),
        ((11, 13, 0.1), (12, 14, 0.1), (23, 25, 0.14), (24, 26, 0.14)), 0.45, 0.75,
    ),
    _Part(((FACE, CROWN, 0.24),), _SPINE, 0.8, 1.0),
    _Part(((11, 13, 0.15), (13, 15, 0.12), (15, LEFT_HAND, 0.12)), _SPINE, 0.25, 0.0),
    _Part(((12, 14, 0.15), (14, 16, 0.12), (16, RIGHT_HAND, 0.12)), _SPINE, 0.25, 0.0),
    _Part(((23, 25, 0.18), (25, 27, 0.13), (27, 31, 0.11), (29, 31, 0.1)), (_SPINE[0], _SPINE[1]), 0.35, 1.0),
    _Part(((24, 26, 0.18), (26, 28, 0.13), (28, 32, 0.11), (30, 32, 0.1)), (_SPINE[0], _SPINE[2]), 0.35, 1.0),
)  # fmt: skip
"""Trunk, head, left and right arm, left and right leg."""

_CLOTH: Final = 40
"""Points beside those of ``joint_limits.points_of``: first those of :func:`core.warping.outline.cloth_points`."""
_CLOTH_HEMS, _LEFT_HEM, _RIGHT_HEM = 55, 60, 61
"""Then where what hangs from the hips ends on each of its lines, and on either leg."""

_KIND: Final = {
    **dict.fromkeys([(11, 13), (12, 14)], "upper_arm"),
    **dict.fromkeys([(13, 15), (14, 16), (15, LEFT_HAND), (16, RIGHT_HAND)], "forearm"),
    **dict.fromkeys([(23, 25), (24, 26)], "thigh"),
    **dict.fromkeys([(25, 27), (26, 28)], "shin"),
    **dict.fromkeys([(WAIST, CHEST), (23, 11), (24, 12), (11, 12), (23, 24)], "trunk"),
}
"""By its ends, which of the widths of an outline is a bone's."""

_ANKLE_LEVEL: Final = 2.0

_CLOTH_RADIUS: Final = 0.2
"""Torso lengths, the least around the bones that cloth follows."""

_BEHIND_CLOTH: Final = 2.0
"""Torso lengths by which legs lie behind what hangs over them."""


@lru_cache(maxsize=64)
def layers_of_body(outline: Outline) -> tuple[_Part, ...]:
    """The layers of a person of that outline: wider where they are, and thighs with the trunk where something hangs."""
    if outline == STANDARD:
        return _PARTS
    worn = outline.model_copy(update={"thigh": STANDARD.thigh, "shin": STANDARD.shin}) if outline.hem else outline
    parts = [_widened(part, worn) for part in _PARTS]
    if outline.hem:
        parts[_TRUNK] = _with_cloth(parts[_TRUNK], outline)
        for number, hem in zip(_LEGS, (_LEFT_HEM, _RIGHT_HEM), strict=True):
            thigh, shin, *foot = parts[number].bones
            level = cut_level(outline)
            below = ((hem, shin[1], shin[2]),) if level > 1 else ((hem, thigh[1], thigh[2]), shin)
            parts[number] = replace(parts[number], cut=(*(below if level < _ANKLE_LEVEL else ()), *foot))
    return tuple(parts)


def _widened(part: _Part, outline: Outline) -> _Part:
    """The layer of somebody who is wider."""
    times = [outline.wider(_KIND[bone[:2]]) if bone[:2] in _KIND else 1.0 for bone in part.bones]
    bones = tuple((start, end, radius * more) for (start, end, radius), more in zip(part.bones, times, strict=True))
    return replace(part, bones=bones, reach=part.reach * max(times))


def _with_cloth(trunk: _Part, outline: Outline) -> _Part:
    """The trunk and what hangs from it: the thighs bend it, and lines between them; where it is long, the shins too."""
    thigh, shin = (max(_CLOTH_RADIUS, 0.18 * outline.wider(kind)) for kind in ("thigh", "shin"))
    long = cut_level(outline) > 1
    chains = [
        (first, first + 1, first + 2, hem)
        for first, hem in zip(range(_CLOTH, _CLOTH_HEMS, 3), range(_CLOTH_HEMS, _LEFT_HEM), strict=True)
    ]
    upper = tuple((hip, knee, thigh) for hip, knee, _, _ in chains)
    lower = tuple((knee, ankle, shin) for _, knee, ankle, _ in chains) if long else ()
    above, last = (upper, lower) if long else ((), upper)
    ends = [share for share in hem_shares(outline) for _ in chains]
    return replace(
        trunk,
        bones=(*trunk.bones, *upper, *lower),
        joined=tuple(bone for bone in trunk.joined if bone[0] not in skeleton.HIPS),
        reach=max(trunk.reach, 0.45 * outline.wider("thigh"), 0.45 * outline.wider("shin") * long),
        hidden=1.0,
        cut=(*trunk.bones, *above, *((bone[0], chain[3], bone[2]) for bone, chain in zip(last, chains, strict=True))),
        ends=(*[NOWHERE] * len(trunk.bones), *ends[: len(upper + lower)]),
    )


def points_with_hem(points: Points, outline: Outline) -> Points:
    """The 40 points of a body, and those of :data:`_CLOTH` and :data:`_CLOTH_HEMS`."""
    level, cloth = cut_level(outline), cloth_points(points)
    upper = int(level > 1)
    start, end = cloth[upper::3], cloth[upper + 1 :: 3]
    return np.concatenate([points, cloth, start + (level - upper) * (end - start), level_points(points, level)])


_ARM_REACH: Final = 1.5
"""Radii of an arm within which what is nearest to it is taken to be of it."""

_JOINTS: Final = (CHEST, 11, 12, 23, 24)
"""Where layers hang together."""

_CELL: Final = 8
"""Pixels between two places at which fields are worked out."""

_SEAM: Final = 3.0
"""Pixels by which layers overlap where they hang together."""

_PIXEL: Final = 16.0
_STEEP: Final = np.clip((np.arange(256) - 128) * (128 / _PIXEL) + 128, 0, 255).astype(np.uint8)
"""From a margin around a cut, ``_PIXEL`` levels to a pixel, to an edge two pixels wide."""

_BESIDE: Final = 32
"""Pixels around what arms hide from which it is filled in."""

_TWICE: Final = (0.8, 1.4)
"""Radii by which a spot may lie farther from a bone than where it comes from did, and how near it is never doubted."""

_EDGE: Final = np.ones((5, 5), np.uint8)


@dataclass(frozen=True, slots=True)
class Warped:
    """A bent person: where in the picture, what, and how much of it covers what lies behind.

    ``box`` are the rows and columns of the whole picture that ``image`` (height, width, 3) and ``alpha`` (height, width) fill.
    """

    box: tuple[slice, slice]
    image: Frame
    alpha: Alpha


def bend(
    frame: Frame, mask: Alpha, own: Landmarks, asked: Landmarks, place: NDArray[np.float64], unit: float,
    bounds: Bounds = BOUNDS, outline: Outline = STANDARD,
) -> Warped | None:  # fmt: skip
    """The person of ``frame`` bent towards the asked pose; None where nothing of them is in view.

    Args:
        frame: (height, width, 3).
        mask: (height, width), where the person is in it.
        own: the pose in ``frame``, in its pixels.
        asked: the pose to show, in pixels of the result, which is of the size of ``frame``.
        place: (2, 3), scale and shift without a turn: where the unbent person would be put.
        unit: the person's torso length in ``frame``, in pixels.
        bounds: how far each bone may go.
        outline: how wide the person is, and what hangs between their legs.
    """
    found = cv2.boundingRect(mask)
    if found[2] == 0:
        return None
    here = _placed(own, place)
    scale = float(place[0, 0])
    goal = points_with_hem(reachable(here, asked, unit * scale, bounds), outline)
    sheet, parts = Sheet(frame, mask, found, own, unit, outline), layers_of_body(outline)
    boxes = [_box(goal, part, unit * scale, frame.shape) for part in parts]
    seen = [box for box in boxes if box is not None]
    if not seen:
        return None
    canvas = _Canvas(seen, frame.shape)
    for number in reversed(_shown_order(here, asked, unit * scale, outline)):
        box = boxes[number]
        field = None if box is None else _field(parts[number], goal, sheet.points, unit, scale, box)
        patch = None if field is None else field.trimmed(cv2.boundingRect(sheet.cuts[number]), frame.shape)
        if patch is not None:
            canvas.lay(patch, *sheet.sampled(number, patch))
    return Warped(canvas.place, canvas.image, canvas.alpha)


def _placed(own: Landmarks, place: NDArray[np.float64]) -> Landmarks:
    here = own.copy()
    here[:, :3] *= place[0, 0]
    here[:, :2] += place[:, 2].astype(np.float32)
    return here


def depths(landmarks: Landmarks, unit: float) -> NDArray[np.float64]:
    """(6,) how far from the camera each layer is."""
    z = landmarks[:, 2].astype(np.float64)
    trunk = z[[11, 12, 23, 24]].mean()
    arms = z[[[13, 15], [14, 16]]].mean(axis=1) - 0.15 * unit
    # the shirt hangs over the trousers unless a knee is well in front of it
    legs = z[[[25, 27], [26, 28]]].mean(axis=1) + 0.5 * unit
    return np.array([trunk, trunk - 0.05 * unit, *arms, *legs])


def _shown_order(own: Landmarks, asked: Landmarks, unit: float, outline: Outline) -> list[int]:
    """Numbers of the layers, nearest first: as in the picture unless the asked pose is clearly another, or noise would show."""
    mine = depths(own, unit)
    if outline.hem:
        mine[list(_LEGS)] += _BEHIND_CLOTH * unit
    change = depths(asked, unit) - mine
    clear = np.sign(change) * np.maximum(np.abs(change) - 0.25 * unit, 0.0)
    return [int(number) for number in np.argsort(mine + clear, kind="stable")]


class Sheet:
    """The person as they are in the picture, cut into layers.

    Args:
        frame, mask: see :func:`bend`.
        found: x, y, width and height of where the mask is.
        own: the pose in ``frame``, in its pixels.
        unit: torso length in pixels.
        outline: see :func:`bend`.

    Attributes:
        points: the own points in pixels of the cut-out.
        cuts: the mask of each layer.
    """

    def __init__(
        self, frame: Frame, mask: Alpha, found: _Box, own: Landmarks, unit: float, outline: Outline = STANDARD
    ) -> None:
        x, y, w, h = found
        crop = (slice(y, y + h), slice(x, x + w))
        self.points = points_with_hem(points_of(own) - complex(x, y), outline)
        order = [int(number) for number in np.argsort(depths(own, unit), kind="stable")]
        self._picture = np.ascontiguousarray(frame[crop])
        self.cuts, _ = cut_by_distance(
            np.ascontiguousarray(mask[crop]), self.points, order, unit, layers_of_body(outline)
        )
        self._bare = self._without_arms(order, unit)

    def picture_of(self, number: int) -> Frame:
        """The cut-out's colours for a layer: trunk and head go on behind the arms."""
        return self._bare if number in (_TRUNK, _HEAD) else self._picture

    def sampled(self, number: int, patch: _Patch) -> tuple[Frame, Alpha]:
        """Colours and cover of a layer at every pixel of the patch."""
        picture = self.picture_of(number)
        colours = cv2.remap(picture, patch.maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        cover = cv2.remap(self.cuts[number], patch.maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return np.asarray(colours, np.uint8), np.asarray(cv2.multiply(cover, patch.share, scale=1 / 255), np.uint8)

    def _without_arms(self, order: list[int], unit: float) -> Frame:
        """The picture with what the arms hide of trunk and head filled in from beside it."""
        before = [self.cuts[number].copy() for number in order[: order.index(_TRUNK)] if number in _ARMS]
        if not before:
            return self._picture
        arms = before[0] if len(before) == 1 else cv2.max(before[0], before[1])
        for shoulder in self.points[list(skeleton.SHOULDERS)]:
            # sleeve and shirt are one there
            cv2.circle(arms, (round(shoulder.real), round(shoulder.imag)), round(0.18 * unit), 0, -1)
        behind = cv2.max(self.cuts[_TRUNK], self.cuts[_HEAD])
        hidden = cv2.compare(cv2.min(arms, behind), 250, cv2.CMP_GT)
        x, y, w, h = cv2.boundingRect(hidden)
        if w == 0:
            return self._picture
        seen = cv2.min(behind, cv2.bitwise_not(cv2.dilate(arms, _EDGE)))
        near = (slice(max(y - _BESIDE, 0), y + h + _BESIDE), slice(max(x - _BESIDE, 0), x + w + _BESIDE))
        result = self._picture.copy()
        filled = spread_colours(np.ascontiguousarray(self._picture[near]), np.ascontiguousarray(seen[near], np.uint8))
        np.copyto(result[near], filled, where=hidden[near][..., None] > 0)
        return result


def spread_colours(picture: Frame, seen: Alpha) -> Frame:
    """Colours spread from where ``seen`` to everywhere, mostly sideways: stripes and folds run around a body."""
    size = (max(picture.shape[1] // 2, 1), max(picture.shape[0] // 2, 1))
    weight = cv2.resize(seen, size, interpolation=cv2.INTER_AREA).astype(np.float32)[..., None]
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    stacked = np.concatenate([small * weight, weight], axis=2)
    near = cv2.blur(stacked, (25, 3), borderType=cv2.BORDER_CONSTANT)
    far = cv2.blur(stacked, (61, 31), borderType=cv2.BORDER_CONSTANT)
    mixed = near + 0.02 * far
    filled = (mixed[..., :3] / np.maximum(mixed[..., 3:], 1e-3)).clip(0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(filled, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def cut_by_distance(
    person: Alpha, own: Points, order: Sequence[int], unit: float, parts: Sequence[_Part], *, behind: bool = False
) -> tuple[list[Alpha], list[Alpha]]:
    """The mask of each layer, cut by the distance to the own bones: the nearest takes a spot, or the one in front.

    Returns:
        The masks; and, where ``behind`` is asked for, what each layer is taken to fill whatever lies over it: nothing for layers
        that do not go on behind others.
    """
    height, width = person.shape
    grid = _grid((0, 0, width, height))
    bones = [bone for part in parts for bone in part.cut or part.bones]
    apart = _Bones(bones, own, unit).ratios(grid)
    ends = np.cumsum([0, *(len(part.cut or part.bones) for part in parts)])
    near = np.stack([apart[a:b].min(axis=0) for a, b in pairwise(ends)])
    rivalry = np.maximum(near, 1.0)
    for rank, number in enumerate(order):
        rivalry[number] += 0.05 * rank
    # wide sleeves and the like are the trunk's, as far as an arm's layer does not reach
    rivalry[list(_ARMS)] += 10.0 * (near[list(_ARMS)] > _ARM_REACH)
    joint = np.abs(grid[None] - _wide(own[list(_JOINTS)])).min(axis=0) < 0.3 * unit
    seam = np.where(joint, _SEAM, 0.0).astype(np.float32)
    radius = 0.1 * unit

    def enlarged(margin: NDArray[np.float32]) -> Alpha:
        coarse = np.clip(margin * _PIXEL + 128, 0, 255).astype(np.uint8)
        share = cv2.LUT(_enlarged(coarse)[:height, :width], _STEEP)
        return np.asarray(cv2.multiply(person, share, scale=1 / 255), np.uint8)

    cuts, cores = [], []
    for number, part in enumerate(parts):
        margin = np.delete(rivalry, number, axis=0).min(axis=0) - rivalry[number]
        filled = np.zeros_like(person) if behind else None
        if part.hidden:
            # a leg goes on below what hangs over it
            core = (
                _Bones(part.bones, own, unit).ratios(grid).min(axis=0) if part.cut and number in _LEGS else near[number]
            )
            margin = np.maximum(margin, part.hidden - core)
            filled = enlarged((part.hidden - core) * radius) if behind else None
        if filled is not None:
            cores.append(filled)
        cuts.append(enlarged(margin * radius + seam))
    return cuts, cores


class _Canvas:
    """What the layers are laid upon, back to front."""

    def __init__(self, boxes: Sequence[_Box], shape: tuple[int, ...]) -> None:
        low, high = np.min(boxes, axis=0), np.max(boxes, axis=0)
        # a grid of cells ends up to a cell beyond its box
        right, bottom = min(int(high[2]) + _CELL, shape[1]), min(int(high[3]) + _CELL, shape[0])
        self._left, self._top = max(int(low[0]), 0), max(int(low[1]), 0)
        self.place = (slice(self._top, bottom), slice(self._left, right))
        self.image: Frame = np.zeros((bottom - self._top, right - self._left, 3), np.uint8)
        self.alpha: Alpha = np.zeros((bottom - self._top, right - self._left), np.uint8)

    def lay(self, patch: _Patch, colours: Frame, cover: Alpha) -> None:
        """Lay a layer over what is there; colours where nothing was are the layer's alone."""
        left, top, right, bottom = patch.box
        spot = (slice(top - self._top, bottom - self._top), slice(left - self._left, right - self._left))
        under = self.alpha[spot]
        mixed = blend(colours, np.ascontiguousarray(self.image[spot]), cover)
        cv2.copyTo(colours, cv2.compare(under, 0, cv2.CMP_EQ), mixed)
        self.image[spot] = mixed
        self.alpha[spot] = cv2.max(under, cover)


_Box: TypeAlias = tuple[int, int, int, int]


def _box(points: Points, part: _Part, unit: float, shape: tuple[int, ...]) -> _Box | None:
    """left, top, right, bottom of a layer, perhaps beyond the picture; None if all of it is out of view."""
    ends = points[[joint for bone in part.bones for joint in bone[:2]]]
    more = part.reach * unit + _CELL
    left, right = math.floor(ends.real.min() - more), math.ceil(ends.real.max() + more)
    top, bottom = math.floor(ends.imag.min() - more), math.ceil(ends.imag.max() + more)
    if min(right, shape[1]) - max(left, 0) < 2 or min(bottom, shape[0]) - max(top, 0) < 2:
        return None
    # what lies farther out than the picture is wide is never seen
    return max(left, -shape[1]), max(top, -shape[0]), min(right, 2 * shape[1]), min(bottom, 2 * shape[0])


def _grid(box: _Box) -> NDArray[np.complex64]:
    """(rows, columns) centres of the cells that cover ``box``."""
    columns, rows = -(-(box[2] - box[0]) // _CELL), -(-(box[3] - box[1]) // _CELL)
    x = box[0] + (np.arange(columns, dtype=np.float32) + 0.5) * _CELL - 0.5
    y = box[1] + (np.arange(rows, dtype=np.float32) + 0.5) * _CELL - 0.5
    return np.asarray(x[None, :] + 1j * y[:, None], np.complex64)


def _enlarged(cells: NDArray[np.generic]) -> NDArray[np.generic]:
    """Values of cells at every pixel."""
    size = (cells.shape[1] * _CELL, cells.shape[0] * _CELL)
    return np.asarray(cv2.resize(cells, size, interpolation=cv2.INTER_LINEAR))


def _wide(values: NDArray[np.complex128] | NDArray[np.float64]) -> NDArray[np.complex64]:
    return np.asarray(values, np.complex64)[:, None, None]


class _Bones:
    """Some bones of one body, as (bones, 1, 1) arrays: start, direction, length and radius in pixels."""

    def __init__(self, bones: Sequence[tuple[int, int, float]], points: Points, unit: float) -> None:
        start = points[[bone[0] for bone in bones]]
        along = points[[bone[1] for bone in bones]] - start
        length = np.maximum(np.abs(along), 1e-3)
        self.start, self.direction = _wide(start), _wide(np.where(length > 1e-3, along / length, 1))
        self.length = _wide(length).real
        self.radius = _wide(np.array([bone[2] for bone in bones]) * unit).real

    def split(self, grid: NDArray[np.complex64]) -> tuple[NDArray[np.float32], NDArray[np.complex64]]:
        """(bones, rows, columns): how far along the bone each spot is, and where it is seen from the nearest spot of it."""
        turned = (grid - self.start) * np.conj(self.direction)
        along = np.clip(turned.real, 0.0, self.length)
        return along, turned - along

    def ratios(self, grid: NDArray[np.complex64]) -> NDArray[np.float32]:
        """(bones, rows, columns): distance to each bone in its radii."""
        return np.asarray(np.abs(self.split(grid)[1]) / self.radius, np.float32)


@dataclass(frozen=True, slots=True)
class _Patch:
    """A field at every pixel of ``box``: ``maps`` as ``cv2.remap`` takes them, ``share`` how much the layer shows there."""

    box: _Box
    maps: NDArray[np.float32]
    share: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Field:
    """On the cells of ``box``: where each spot comes from, x + iy, and how much (0 to 255) of the layer may show there.

    ``hemmed`` where that ends at a hem.
    """

    box: _Box
    origin: NDArray[np.complex64]
    share: NDArray[np.uint8]
    hemmed: bool

    def trimmed(self, found: _Box, shape: tuple[int, ...]) -> _Patch | None:
        """The part within a picture of ``shape`` that shows anything of the layer.

        ``found`` (x, y, width, height) is where the layer lies in the own picture.
        """
        x, y, w, h = found
        across, down = self.origin.real, self.origin.imag
        shown = (self.share > 0) & (across > x - _CELL) & (across < x + w + _CELL)
        shown &= (down > y - _CELL) & (down < y + h + _CELL)
        rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
        if not len(rows) or w == 0:
            return None
        r0, r1 = max(int(rows[0]) - 1, 0), min(int(rows[-1]) + 2, shown.shape[0])
        c0, c1 = max(int(columns[0]) - 1, 0), min(int(columns[-1]) + 2, shown.shape[1])
        pairs = np.ascontiguousarray(self.origin[r0:r1, c0:c1]).view(np.float32).reshape(r1 - r0, c1 - c0, 2)
        maps, share = _enlarged(pairs), _enlarged(self.share[r0:r1, c0:c1])
        if self.hemmed:
            share = cv2.LUT(np.asarray(share, np.uint8), CRISP)
        left, top = self.box[0] + c0 * _CELL, self.box[1] + r0 * _CELL
        box = (max(left, 0), max(top, 0), min(left + share.shape[1], shape[1]), min(top + share.shape[0], shape[0]))
        if box[2] <= box[0] or box[3] <= box[1]:
            return None
        inside = (slice(box[1] - top, box[3] - top), slice(box[0] - left, box[2] - left))
        return _Patch(box, np.asarray(maps[inside], np.float32), np.asarray(share[inside], np.uint8))


def _field(part: _Part, goal: Points, own: Points, unit: float, scale: float, box: _Box) -> _Field:
    """Linear blend skinning, backwards.

    Args:
        part: the layer.
        goal: points of the bent person.
        own: points of the person as they are, in pixels of their own picture.
        unit: torso length in the own picture.
        scale: of the bent picture against the own one.
        box: where in the bent picture.
    """
    grid = _grid(box)
    bones = (*part.bones, *part.joined)
    there, here = _Bones(bones, goal, unit * scale), _Bones(bones, own, unit)
    along, off = there.split(grid)
    apart = np.abs(off) / there.radius
    weight = 1 / (0.02 + apart * apart) ** 2
    spots = here.start + (along * (here.length / there.length) + off / np.float32(scale)) * here.direction
    origin = np.asarray((spots * weight).sum(axis=0) / weight.sum(axis=0), np.complex64)
    # far from all bones, and between bones that part, the blend leads back to the body, which would show a second time
    own_count = len(part.bones)
    now = apart[:own_count].min(axis=0)
    was = _Bones(part.bones, own, unit).ratios(origin).min(axis=0)
    doubled = np.minimum(now - was - _TWICE[0], now - _TWICE[1])
    share = np.clip(127 - 400 * doubled, 0, 255).astype(np.uint8)
    if part.ends:
        own_bones = slice(own_count)
        hem = np.array(part.ends) * there.length[own_bones, 0, 0]
        down = along[own_bones] + off[own_bones].real
        share = np.minimum(share, above_hem(down, np.abs(off[own_bones]), hem, unit * scale))
    return _Field(box, origin, share, bool(part.ends))
