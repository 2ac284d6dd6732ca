"""A person put together from pictures of themselves: each part of the body taken from the picture that shows it best, and moved.

Six parts, cut out once and warped by linear blend skinning backwards, both as in ``core.warping.limb_warp``, but each from
another picture, and all of them as far as the pose asks: nothing is held back for fear of rubber. Trunk and head lie in one
layer, legs in a second and arms in a third one, so that each goes on behind the next. What does not fit together, a network
sees to (``core.networks.realtime``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core.conditioning.limb_fields import (
    CELL,
    CROWN,
    EARS,
    LEFT_HAND,
    NECK,
    PART_LAYERS,
    PELVIS,
    RIGHT_HAND,
    Box,
    Points,
    cells,
)
from core.types import Alpha, Frame
from core.warping.cut import cut_by_labels
from core.warping.garment import lifted
from core.warping.limb_warp import Sheet, depths
from core.warping.outline import CRISP, NOWHERE, STANDARD, Outline, above_hem, cloth_points, cut_level, hem_shares

TRUNK, HEAD, LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG = PARTS = range(6)
"""The parts; a choice has a picture for each, in this order."""

_LAYER: Final = (0, 0, 2, 2, 1, 1)
"""That each part lies in."""

_CLOTH: Final = 39
"""The first of the points beside those of ``limb_fields.points_on``: those of :func:`core.warping.outline.cloth_points`."""

_Bone: TypeAlias = tuple[int, int, float, float]

_BONES: Final[tuple[tuple[_Bone, ...], ...]] = (
    ((NECK, PELVIS, 0.26, 0.6), (11, 23, 0.14, 0.6), (12, 24, 0.14, 0.6), (11, 12, 0.16, 0.5), (23, 24, 0.18, 0.35)),
    ((NECK, EARS, 0.11, 0.2), (7, 8, 0.14, 0.2), (EARS, CROWN, 0.14, 0.2), (EARS, 0, 0.10, 0.2)),
    ((11, 13, 0.12, 0.3), (13, 15, 0.10, 0.25), (15, LEFT_HAND, 0.10, 0.15)),
    ((12, 14, 0.12, 0.3), (14, 16, 0.10, 0.25), (16, RIGHT_HAND, 0.10, 0.15)),
    ((23, 25, 0.15, 0.45), (25, 27, 0.12, 0.4), (27, 31, 0.09, 0.15)),
    ((24, 26, 0.15, 0.45), (26, 28, 0.12, 0.4), (28, 32, 0.09, 0.15)),
)
"""From, to, radius, and the length from which on a bone has a direction in the picture; in torso lengths."""

_KIND: Final = {
    **dict.fromkeys([(11, 13), (12, 14)], "upper_arm"),
    **dict.fromkeys([(13, 15), (14, 16), (15, LEFT_HAND), (16, RIGHT_HAND)], "forearm"),
    **dict.fromkeys([(23, 25), (24, 26)], "thigh"),
    **dict.fromkeys([(25, 27), (26, 28)], "shin"),
    **dict.fromkeys([(NECK, PELVIS), (11, 23), (12, 24), (11, 12), (23, 24)], "trunk"),
}
"""By its ends, which of the widths of an outline is a bone's."""

_FACE: Final = (0, 2, 5, 7, 8, 9, 10)

_STRETCH: Final = (0.7, 1.4)
_HEAD_SCALE: Final = (0.93, 1.07)
_REACH: Final = (4.0, 5.0, 3.5, 3.5, 4.0, 4.0)
"""Radii beyond which a part has no pixels."""
_CLOTH_RADIUS: Final = 0.2
"""Torso lengths, the least around the bones that cloth follows."""
_CLOTH_REACH: Final = 6.0
"""The same for a trunk from which something hangs."""


class _Layout:
    """The bones of every part of a person of one outline, as arrays.

    Attributes:
        start, end: (bones,) points between which they lie.
        radius, clear: (bones,) see :data:`_BONES`.
        part: (bones,) whose they are.
        of: for each part, which of the bones are its own.
        reach: for each part, radii beyond which it has no pixels.
        far: for each part, what a bone weighs so far away.
        ends: (bones of the trunk,) share of each one's length at which cloth ends; None where there is none.
    """

    def __init__(self, outline: Outline) -> None:
        cloth = bool(outline.hem)
        worn = outline.model_copy(update={"thigh": STANDARD.thigh, "shin": STANDARD.shin}) if cloth else outline
        parts = [
            [(a, b, r * (worn.wider(_KIND[a, b]) if (a, b) in _KIND else 1.0), clear) for a, b, r, clear in part]
            for part in _BONES
        ]
        self.ends = None
        if cloth:
            bones, ends = _cloth(outline)
            self.ends = np.array([NOWHERE] * len(parts[TRUNK]) + ends)
            parts[TRUNK] += bones
        every = np.array([bone for part in parts for bone in part], np.float32)
        self.start, self.end = every[:, 0].astype(int), every[:, 1].astype(int)
        self.radius, self.clear = every[:, 2], every[:, 3]
        self.part = np.repeat(np.arange(len(PARTS)), [len(part) for part in parts])
        self.of = tuple(slice(*np.searchsorted(self.part, [part, part + 1]).tolist()) for part in PARTS)
        self.reach = (_CLOTH_REACH, *_REACH[1:]) if cloth else _REACH
        self.far = tuple(1 / (0.02 + reach * reach) ** 2 for reach in self.reach)


def _cloth(outline: Outline) -> tuple[list[_Bone], list[float]]:
    """The bones that what hangs from the hips follows, and where beside each of them it ends, see ``_Layout.ends``.

    They are the thighs and lines between them, and the same of the shins where it is long.
    """
    thigh, shin = (max(_CLOTH_RADIUS, 0.15 * outline.wider(kind)) for kind in ("thigh", "shin"))
    chains = [(first, first + 1, first + 2) for first in range(_CLOTH, _CLOTH + 15, 3)]
    upper = [(hip, knee, thigh, 0.45) for hip, knee, _ in chains]
    ends = [share for share in hem_shares(outline) for _ in chains]
    if cut_level(outline) <= 1:
        return upper, ends[: len(upper)]
    lower = [(knee, ankle, shin, 0.4) for _, knee, ankle in chains]
    return upper + lower, ends


_TRUNK_SIDES: Final = slice(1, 5)
"""Of the bones, those along and across the trunk beside its middle."""

_layout = lru_cache(maxsize=64)(_Layout)
_LEAST_AREA: Final = (0.1, 0.1, 0.1, 0.1, 0.25, 0.25)
"""Of the picture's own that a part may cover at least: three, or for legs two times as large in either direction is the most."""
_FAINT: Final = 8
_WORTH_FILLING: Final = 0.01
"""Share of a part's rectangle below which what hides it is left made up."""
_FLOW_LEAST: Final = 32
"""Pixels of a side below which no optical flow is looked for."""
_SHIRT: Final = (-0.25, 0.4)
"""Torso lengths below the hips at which a shirt ends before a thigh that is lifted, and lower than which none ends."""
_HEM_STEEP: Final = 64.0
"""Grey levels to a pixel across that edge."""
_MISSED: Final = (4.0, 10.0)
"""Grey levels left between two pictures along the flow between them, up to which it is believed, and from which on not."""
_SIDEWAYS: Final = (0.2, 0.45)
"""Torso lengths between the shoulders in the picture at which a trunk is seen from the side, and from which on it has sides."""
_HOLE_EDGE: Final = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of the person in one picture.

    Attributes:
        image: (height, width, 4) uint8, colours times mask, and mask: what of a canvas the part fills.
        left, top: where on that canvas.
        made_up: (height, width) uint8, how much of it something else hides in that picture; None where that is next to nothing.
        hangs: (height, width) uint8, how much of it is a shirt that hangs over the legs; None where nothing is known to.
        replaced: (n, 4) uint8, what ``image`` was where it is filled in, see :func:`_near_holes`; None where it is not.
    """

    image: NDArray[np.uint8]
    left: int
    top: int
    made_up: Alpha | None = None
    hangs: Alpha | None = None
    replaced: NDArray[np.uint8] | None = None

    @property
    def held_bytes(self) -> int:
        """Of its pictures."""
        held = (self.image, self.made_up, self.hangs, self.replaced)
        return sum(picture.nbytes for picture in held if picture is not None)

    @property
    def unfilled(self) -> NDArray[np.uint8]:
        """``image`` without what was filled in."""
        if self.replaced is None or self.made_up is None:
            return self.image
        image = self.image.copy()
        image[_near_holes(self.made_up) > 0] = self.replaced
        return image


class _Moved(NamedTuple):
    """A part that was warped: (height, width, 4), where in the box it lies, and how much of it is a shirt that hangs."""

    image: NDArray[np.uint8]
    spot: Box
    hangs: Alpha | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A picture of the person to take parts from: a piece for each, and the person's points on the canvas."""

    pieces: tuple[Piece, ...]
    points: Points

    @property
    def held_bytes(self) -> int:
        """Of its pictures."""
        return sum(piece.held_bytes for piece in self.pieces)


def snapshot(
    image: NDArray[np.uint8],
    points: Points,
    unit: float,
    outline: Outline = STANDARD,
    shares: NDArray[np.uint8] | None = None,
) -> Snapshot:
    """Cut a person into parts.

    Args:
        image: (height, width, 4) uint8 of a canvas: colours times mask, and mask.
        points: of the person.
        unit: torso length in pixels of the canvas.
        outline: of the person.
        shares: (LABELS, height, width), which part each pixel shows; by the distance to the bones where it is not known.
    """
    mask = np.ascontiguousarray(image[..., 3])
    found = cv2.boundingRect(cv2.compare(mask, _FAINT, cv2.CMP_GT))
    if found[2] == 0:
        return Snapshot((_NOTHING,) * len(PARTS), points)
    x, y, width, height = found
    here = (slice(y, y + height), slice(x, x + width))
    mask = np.ascontiguousarray(mask[here])
    colours = cv2.cvtColor(np.ascontiguousarray(image[here]), cv2.COLOR_RGBA2RGB)
    # where a soft outline lets the stage through, colours are dark: cut apart, every part must be whole
    bright = np.asarray(cv2.divide(colours, cv2.cvtColor(mask, cv2.COLOR_GRAY2RGB), scale=255), np.uint8)
    own = points[:33] - np.array([x, y, 0, 0], np.float32)
    if shares is not None:
        parts, hangs = cut_by_labels(
            bright, mask, own, unit, outline, np.ascontiguousarray(shares[:, here[0], here[1]])
        )
        over = [hangs if part == TRUNK else None for part in PARTS]
        return Snapshot(tuple(_piece(*part, found, own) for part, own in zip(parts, over, strict=True)), points)
    sheet = Sheet(bright, mask, (0, 0, width, height), own, unit, outline)
    return Snapshot(tuple(_piece(sheet.picture_of(part), sheet.cuts[part], None, found) for part in PARTS), points)


def _piece(
    picture: Frame, cut: Alpha, made_up: Alpha | None, found: Sequence[int], hangs: Alpha | None = None
) -> Piece:
    everything = cut if made_up is None else cv2.max(cut, made_up)
    x, y, width, height = cv2.boundingRect(cv2.compare(everything, _FAINT, cv2.CMP_GT))
    if width == 0:
        return _NOTHING
    spot = (slice(y, y + height), slice(x, x + width))
    share = np.ascontiguousarray(cut[spot])
    colours = cv2.multiply(np.ascontiguousarray(picture[spot]), cv2.cvtColor(share, cv2.COLOR_GRAY2RGB), scale=1 / 255)
    hole = None
    if made_up is not None and cv2.countNonZero(made_up) > _WORTH_FILLING * width * height:
        hole = np.ascontiguousarray(made_up[spot])
    over = None if hangs is None else np.ascontiguousarray(hangs[spot])
    return Piece(cv2.merge([colours, share]), found[0] + x, found[1] + y, hole, over)


def completed(picture: Snapshot, part: int, other: Snapshot, unit: float, outline: Outline = STANDARD) -> Snapshot:
    """The same picture, with what something hides of a part taken from another one in which it is seen.

    Args:
        part: which of :data:`PARTS`.
        other: the other picture.
        unit: torso length in pixels of the canvas.
        outline: of the person, as the pictures were cut.
    """
    piece, source = picture.pieces[part], other.pieces[part]
    if piece.made_up is None:
        return picture
    # what was filled in there itself depends on which pictures were completed before
    image = source.unfilled
    if source.made_up is not None:
        image = np.asarray(
            cv2.multiply(image, cv2.merge([cv2.bitwise_not(source.made_up)] * 4), scale=1 / 255), np.uint8
        )
    alone = Snapshot(
        tuple(Piece(image, source.left, source.top) if number == part else _NOTHING for number in PARTS), other.points
    )
    height, width = piece.image.shape[:2]
    left, top = (side // CELL * CELL for side in (piece.left, piece.top))
    right, bottom = (-(-side // CELL) * CELL for side in (piece.left + width, piece.top + height))
    warped = warp_parts(picture.points, unit, [alone] * len(PARTS), Box(left, top, right - left, bottom - top), outline)
    rows, columns = (
        slice(first, first + size) for first, size in ((piece.top - top, height), (piece.left - left, width))
    )
    found = warped[_LAYER[part]][rows, columns].astype(np.float32)
    own = piece.image.astype(np.float32)
    around = _near_holes(piece.made_up)
    hole = around[..., None] / np.float32(255) * (found[..., 3:] / 255)
    # it is filled as far as it was taken to go, and becomes no larger
    cover = np.maximum(own[..., 3:], piece.made_up[..., None] * (found[..., 3:] / 255))
    bright = found[..., :3] / np.maximum(found[..., 3:], 1) * cover
    before = own[..., :3] / np.maximum(own[..., 3:], 1) * cover
    empty = own[..., 3:] == 0
    mixed = np.where(empty, bright, before + hole * (bright - before))
    changed = around > 0
    image = piece.image.copy()
    image[changed] = np.concatenate([mixed, cover], 2).round().astype(np.uint8)[changed]
    whole = replace(piece, image=image, replaced=piece.image[changed])
    return replace(picture, pieces=tuple(whole if number == part else own for number, own in enumerate(picture.pieces)))


def _near_holes(made_up: Alpha) -> Alpha:
    """How much of what a part shows is filled in where something hides it, and a pixel around that."""
    return np.asarray(cv2.blur(cv2.dilate(made_up, _HOLE_EDGE), (3, 3)), np.uint8)


def resized(snapshot: Snapshot, matrix: NDArray[np.float64], points: Points) -> Snapshot:
    """The same picture with fewer pixels.

    Args:
        matrix: (2, 3) from pixels of the smaller canvas to those of the snapshot's, which is not turned.
        points: of the person, on the smaller canvas.
    """
    return Snapshot(tuple(_resized(piece, matrix) for piece in snapshot.pieces), points)


def _resized(piece: Piece, matrix: NDArray[np.float64]) -> Piece:
    scale, corner = float(matrix[0, 0]), matrix[:, 2] - (piece.left, piece.top)
    size = piece.image.shape[1::-1]
    first = np.floor((-0.5 - corner) / scale).astype(int)
    last = np.ceil((np.array(size) - 0.5 - corner) / scale).astype(int)
    # a pixel is the mean of what it covers, as where a canvas is cut out
    soft = cv2.GaussianBlur(piece.image, (0, 0), 0.45 * scale)
    moved = np.array([[scale, 0, corner[0] + scale * first[0]], [0, scale, corner[1] + scale * first[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (last - first + 1).tolist()
    image, hangs = (
        None if picture is None else np.asarray(cv2.warpAffine(picture, moved, size, flags=flags), np.uint8)
        for picture in (soft, piece.hangs)
    )
    assert image is not None
    return Piece(image, int(first[0]), int(first[1]), hangs=hangs)


_NOTHING: Final = Piece(np.zeros((1, 1, 4), np.uint8), 0, 0)


def warp_parts(
    points: Points,
    unit: float,
    chosen: Sequence[Snapshot | Sequence[tuple[Snapshot, float]]],
    box: Box,
    outline: Outline = STANDARD,
) -> NDArray[np.uint8]:
    """The person in another pose, put together from parts.

    Args:
        points: the pose to show, on its canvas.
        unit: torso length in pixels of the canvas.
        chosen: for each part the picture to take it from, or several with their shares, which add up to 1.
        box: what of the canvas to show.
        outline: of the person, as the pictures were cut.

    Returns:
        (PART_LAYERS, box.height, box.width, 4) uint8: trunk and head; legs; arms. Colours times mask, and mask.
    """
    shares = [[(picture, 1.0)] if isinstance(picture, Snapshot) else picture for picture in chosen]
    layout = _layout(outline)
    bones = [
        _Bones.of(points, unit, [own[min(turn, len(own) - 1)][0] for own in shares], layout)
        for turn in range(max(map(len, shares)))
    ]
    layers = np.zeros((PART_LAYERS, box.height, box.width, 4), np.uint8)
    laid: dict[int, Box] = {}
    shirts: list[tuple[_Moved, float]] = []
    far_first = np.argsort(-depths(points[:33], unit), kind="stable")
    for part in (int(number) for number in far_first):
        warped = [
            (found, share)
            for (picture, share), turn in zip(shares[part], bones, strict=False)
            if (found := _warped(turn, part, picture.pieces[part], box)) is not None
        ]
        if not warped:
            continue
        if part == TRUNK:
            shirts = warped
        image, spot = warped[0][0][:2] if len(shares[part]) == 1 else _mixed(warped)
        layer = layers[_LAYER[part]]
        # two parts lie in a layer: where they have nothing in common, there is nothing to lay over anything
        other = laid.setdefault(_LAYER[part], spot)
        place = spot.common(other) if other is not spot else None
        under = None if place is None else layer[place.rows, place.columns].copy()
        layer[spot.rows, spot.columns] = image
        if place is not None:
            over = np.ascontiguousarray(layer[place.rows, place.columns])
            hidden = cv2.bitwise_not(cv2.extractChannel(over, 3))
            layer[place.rows, place.columns] = cv2.add(
                over, cv2.multiply(under, cv2.merge([hidden] * 4), scale=1 / 255)
            )
    if outline.hem:
        _dress(layers[_LAYER[LEFT_LEG]], layers[_LAYER[TRUNK]])
    else:
        _lay_shirt(layers, points, unit, shirts, box)
    return layers


def _lay_shirt(
    layers: NDArray[np.uint8], points: Points, unit: float, shirts: Sequence[tuple[_Moved, float]], box: Box
) -> None:
    """Paint a shirt that hangs over the hips onto the legs, but for a thigh that is lifted before it."""
    first, second = lifted(points[:33], unit)
    for (_, spot, hangs), share in shirts:
        if hangs is None:
            continue
        shown = hangs
        if min(first, second) < 1:
            shown = cv2.bitwise_and(hangs, _before_thighs(points, unit, (first, second), box, spot))
        legs, trunk = (layers[_LAYER[part]][spot.rows, spot.columns] for part in (LEFT_LEG, TRUNK))
        cover = cv2.merge([cv2.multiply(shown, cv2.compare(legs[..., 3], 0, cv2.CMP_GT), scale=share / 255)] * 4)
        legs[:] = cv2.add(
            cv2.multiply(legs, cv2.bitwise_not(cover), scale=1 / 255), cv2.multiply(trunk, cover, scale=1 / 255)
        )


def _before_thighs(points: Points, unit: float, hanging: tuple[float, float], box: Box, spot: Box) -> Alpha:
    """(spot.height, spot.width): 255 where a shirt lies before the thighs: where one is lifted, it ends higher up.

    Args:
        hanging: for the left and the right thigh, 1 where it is not lifted, 0 where all of it lies before the shirt.
        spot: what of ``box`` to tell of.
    """
    left, top = box.left + spot.left, box.top + spot.top
    hip, other = (float(points[joint, 0]) - left for joint in (23, 24))
    x = np.arange(spot.width, dtype=np.float32)
    share = hanging[0] + (hanging[1] - hanging[0]) * np.clip(
        (x - hip) / (other - hip if abs(other - hip) > 1 else 1), 0, 1
    )
    down = points[PELVIS, :2] - points[NECK, :2]
    down = down / max(float(np.hypot(*down)), 1e-3)
    y = np.arange(spot.height, dtype=np.float32)[:, None] + top - points[PELVIS, 1]
    below = y * down[1] + (x + left - points[PELVIS, 0]) * down[0]
    ends = unit * (_SHIRT[0] + (_SHIRT[1] - _SHIRT[0]) * share)
    return np.asarray(np.clip((ends - below) * _HEM_STEEP + 127, 0, 255), np.uint8)


def _warped(bones: _Bones, part: int, piece: Piece, box: Box) -> _Moved | None:
    """One part in the pose; None where nothing of it is in the box."""
    found = bones.found(part, piece, box)
    if found is None:
        return None
    maps, shown, left, top = found
    height, width = maps.shape[:2]
    size, true = (width * CELL, height * CELL), shown if shown is not None else _true(maps, _LEAST_AREA[part])
    maps = cv2.resize(maps, size, interpolation=cv2.INTER_LINEAR)
    warped = cv2.remap(piece.image, maps, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
    if true is not None:
        share = cv2.resize(true, size, interpolation=cv2.INTER_LINEAR)
        if shown is not None:
            share = cv2.LUT(share, CRISP)
        warped = cv2.multiply(warped, cv2.merge([share] * 4), scale=1 / 255)
    hangs = None
    if piece.hangs is not None:
        hangs = np.asarray(
            cv2.remap(piece.hangs, maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), np.uint8
        )
    return _Moved(np.asarray(warped, np.uint8), Box(left, top, *size), hangs)


def _mixed(warped: Sequence[tuple[_Moved, float]]) -> tuple[NDArray[np.uint8], Box]:
    """Several pictures of one part, each with its share, as one.

    Two are moved towards each other along the optical flow between them: laid over each other as they are, a face would have
    four eyes.
    """
    boxes = [part.spot for part, _ in warped]
    left, top = min(box.left for box in boxes), min(box.top for box in boxes)
    right, bottom = (max(b.left + b.width for b in boxes), max(b.top + b.height for b in boxes))
    around = Box(left, top, right - left, bottom - top)
    images = [np.zeros((around.height, around.width, 4), np.uint8) for _ in warped]
    for (part, _), whole in zip(warped, images, strict=True):
        here = part.spot.inside(around)
        whole[here.rows, here.columns] = part.image
    shares = [share for _, share in warped]
    if len(images) == 2:
        images = _met(images[0], images[1], shares[1])
        # mixed evenly they are softer than either: their colours change faster than their places
        shares = [share * share / (shares[0] ** 2 + shares[1] ** 2) * sum(shares) for share in shares]
    mixed = np.zeros_like(images[0])
    for image, share in zip(images, shares, strict=True):
        cv2.scaleAdd(image, share, mixed, mixed)
    return mixed, around


def _met(first: NDArray[np.uint8], second: NDArray[np.uint8], share: float) -> list[NDArray[np.uint8]]:
    """Two pictures (height, width, 4) of one part, each moved towards the other; ``share`` of the way is the first one's."""
    height, width = first.shape[:2]
    small = (max(width // 2, _FLOW_LEAST), max(height // 2, _FLOW_LEAST))
    grey = [
        cv2.cvtColor(cv2.resize(i, small, interpolation=cv2.INTER_AREA), cv2.COLOR_RGBA2GRAY) for i in (first, second)
    ]
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    search.setFinestScale(1)
    flow = _trusted(search.calc(grey[0], grey[1], None), grey[0], grey[1])
    flow = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR) * (width / small[0], height / small[1])
    flow = flow.astype(np.float32)
    grid = np.dstack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))
    return [
        np.asarray(cv2.remap(image, grid + np.float32(way) * flow, None, cv2.INTER_LINEAR), np.uint8)
        for image, way in ((first, -share), (second, 1 - share))
    ]


def _trusted(flow: NDArray[np.float32], first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The flow between two grey pictures where it finds what it looks for, and none where it does not: it would bend a print."""
    height, width = first.shape
    grid = np.dstack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))
    missed = cv2.absdiff(first, cv2.remap(second, grid + flow, None, cv2.INTER_LINEAR))
    missed = cv2.blur(missed, (9, 9)).astype(np.float32)
    trust = cv2.blur(np.clip((_MISSED[1] - missed) / (_MISSED[1] - _MISSED[0]), 0, 1), (15, 15))
    return np.asarray(flow * trust[..., None], np.float32)


def _dress(legs: NDArray[np.uint8], cloth: NDArray[np.uint8]) -> None:
    """Paint what hangs over the legs onto them: their layer is laid over the trunk's, and is to look as if it lay below."""
    cover, bare = cv2.extractChannel(legs, 3), cv2.bitwise_not(cv2.extractChannel(cloth, 3))
    own = cv2.multiply(legs, cv2.merge([bare] * 4), scale=1 / 255)
    legs[:] = cv2.add(own, cv2.multiply(cloth, cv2.merge([cover] * 4), scale=1 / 255))


@dataclass(frozen=True, slots=True)
class _Bones:
    """Where every bone of a pose finds its pixels in the pictures of the parts.

    All of (bones,), but for the head: where they start, which way and how far they go, in the pose; the same in the chosen
    pictures, and how much longer they are there; how thick they are, in pixels.
    """

    layout: _Layout
    unit: float
    worth: NDArray[np.float32]
    start: NDArray[np.complex128]
    direction: NDArray[np.complex128]
    length: NDArray[np.float64]
    own_start: NDArray[np.complex128]
    own_direction: NDArray[np.complex128]
    stretch: NDArray[np.float64]
    radius: NDArray[np.float64]
    head: tuple[complex, complex]

    @classmethod
    def of(cls, points: Points, unit: float, chosen: Sequence[Snapshot], layout: _Layout) -> _Bones:
        theirs = np.stack([snapshot.points for snapshot in chosen])
        own, asked = _extended(theirs), _extended(points)
        start, end = asked[layout.start], asked[layout.end]
        own_start, own_end = (own[layout.part, joint] for joint in (layout.start, layout.end))
        way, own_way = end - start, own_end - own_start
        length, own_length = np.abs(way) + 1e-4, np.abs(own_way) + 1e-4
        direction = way / length
        # a bone that points at the camera has no direction: it goes with the spine
        clear = np.minimum(np.minimum(length, own_length) / (layout.clear * unit), 1)
        turn = own_way / own_length * np.conj(direction)
        turn = turn[0] * np.exp(1j * clear * np.angle(turn * np.conj(turn[0])))
        stretch = np.clip(own_length / length, *_STRETCH) ** clear
        head = _head(points, theirs[HEAD])
        radius = layout.radius.astype(np.float64) * unit
        worth = np.ones(len(layout.radius), np.float32)
        worth[_TRUNK_SIDES] = _facing(asked, own[TRUNK], unit)
        return cls(layout, unit, worth, start, direction, length, own_start, direction * turn, stretch, radius, head)

    def found(
        self, part: int, piece: Piece, box: Box
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8] | None, int, int] | None:
        """(rows, columns, 2) for the cells of ``box`` where a part is seen: where on its piece; and their corner, in pixels.

        Between them, (rows, columns): how much is shown of a trunk from which cloth hangs, else None.

        None where nothing of it is in the box.
        """
        here = self.layout.of[part]
        start, direction, length = self.start[here], self.direction[here], self.length[here]
        region = _region(
            start, start + direction * length, self.layout.reach[part] * float(self.radius[here].max()), box
        )
        if region is None:
            return None
        x, y = cells(region)
        from_x, from_y = x - _wide(start.real), y - _wide(start.imag)
        right, down = _wide(direction.real), _wide(direction.imag)
        along = from_x * right + from_y * down
        across = from_y * right - from_x * down
        beyond = along - np.clip(along, 0, _wide(length))
        cloth = None
        if part == TRUNK and self.layout.ends is not None:
            off = np.hypot(beyond, across)
            cloth = above_hem(along, off, self.layout.ends * length, self.unit)
        weight = 1 / (0.02 + (beyond * beyond + across * across) * _wide(1 / self.radius[here] ** 2)) ** 2
        if part == HEAD:
            turn, offset = self.head
            a, b = np.float32(turn.real), np.float32(turn.imag)
            own_x = (a * x - b * y)[0] + np.float32(offset.real)
            own_y = (b * x + a * y)[0] + np.float32(offset.imag)
        else:
            near = weight * _wide(self.worth[here])
            near /= near.sum(0)
            own_start, own_direction = self.own_start[here], self.own_direction[here]
            right, down = _wide(own_direction.real), _wide(own_direction.imag)
            along *= _wide(self.stretch[here])
            own_x = ((_wide(own_start.real) + along * right - across * down) * near).sum(0)
            own_y = ((_wide(own_start.imag) + along * down + across * right) * near).sum(0)
        own_x -= np.float32(piece.left)
        own_y -= np.float32(piece.top)
        height, width = piece.image.shape[:2]
        seen = weight.max(0) > self.layout.far[part]
        if cloth is not None:
            seen &= cloth > 0
        # a cell tells of the pixels around it as well
        reach = 1.5 * CELL
        seen &= (own_x > -reach) & (own_x < width + reach) & (own_y > -reach) & (own_y < height + reach)
        rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
        if not len(rows):
            return None
        r0, r1, c0, c1 = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
        maps = np.dstack([own_x[r0:r1, c0:c1], own_y[r0:r1, c0:c1]])
        shown = None if cloth is None else np.ascontiguousarray(cloth[r0:r1, c0:c1])
        return maps, shown, region.left - box.left + c0 * CELL, region.top - box.top + r0 * CELL


def _true(maps: NDArray[np.float32], least: float) -> NDArray[np.uint8] | None:
    """(rows, columns): 255 where a map (rows, columns, 2) shows things about as large as they are; None where it does everywhere.

    Between bones that are folded onto each other the same spot can be asked for all over: a shoe as large as a door.
    """
    if min(maps.shape[:2]) < 2:
        return None
    corner = maps[:-1, :-1]
    across, down = maps[:-1, 1:] - corner, maps[1:, :-1] - corner
    true = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0] > least * CELL * CELL
    if true.all():
        return None
    # the last row and column have no neighbours to tell
    return np.pad(true, ((0, 1), (0, 1)), mode="edge").astype(np.uint8) * np.uint8(255)


def _region(start: NDArray[np.complex128], end: NDArray[np.complex128], reach: float, box: Box) -> Box | None:
    """The cells of a box that lie within ``reach`` of some bones' ends; None where there are none."""
    ends = np.concatenate([start, end])
    left, top = (max(edge, least) for edge, least in zip(_cells_from(ends, -reach), (box.left, box.top), strict=True))
    right, bottom = (
        min(edge + CELL, most)
        for edge, most in zip(_cells_from(ends, reach), (box.left + box.width, box.top + box.height), strict=True)
    )
    return Box(left, top, right - left, bottom - top) if right > left and bottom > top else None


def _cells_from(ends: NDArray[np.complex128], reach: float) -> tuple[int, int]:
    """Left and top of the cell that lies ``reach`` beyond the last of the points, or for less than 0 before the first."""
    edge = np.max if reach > 0 else np.min
    x, y = (int((edge(side) + reach) // CELL) * CELL for side in (ends.real, ends.imag))
    return x, y


def _head(points: Points, own: Points) -> tuple[complex, complex]:
    """Where a head that moves as one piece is found: the turn and scale, and the shift, that fit the face best."""
    face, own_face = _complex(points[list(_FACE)]), _complex(own[list(_FACE)])
    middle, own_middle = face.mean(), own_face.mean()
    fit = np.vdot(face - middle, own_face - own_middle) / max(float(np.vdot(face - middle, face - middle).real), 1e-6)
    size = max(abs(fit), 1e-6)
    fit *= min(max(size, _HEAD_SCALE[0]), _HEAD_SCALE[1]) / size
    return complex(fit), complex(own_middle - fit * middle)


def _facing(asked: NDArray[np.complex128], own: NDArray[np.complex128], unit: float) -> float:
    """How far a trunk shows both of its sides, asked and in its picture: from beside they lie on each other and would fold it."""
    spines = [at[PELVIS] - at[NECK] for at in (asked, own)]
    widths = [
        ((at[11] - at[12]) * np.conj(spine)).imag / max(abs(spine), 1e-3)
        for at, spine in zip((asked, own), spines, strict=True)
    ]
    least, enough = _SIDEWAYS
    width = min(np.sign(widths[0]) * wide for wide in widths) / unit
    return float(np.clip((width - least) / (enough - least), 0, 1))


def _extended(points: NDArray[np.float32]) -> NDArray[np.complex128]:
    """(..., 54): points x + iy, and those of :data:`_CLOTH`."""
    plane = _complex(points[..., :_CLOTH, :])
    return np.concatenate([plane, cloth_points(plane)], -1)


def _complex(points: NDArray[np.float32]) -> NDArray[np.complex128]:
    return points[..., 0] + 1j * points[..., 1].astype(np.float64)


def _wide(values: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)[:, None, None]
