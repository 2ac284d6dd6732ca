"""Flaws that a viewer would point at, measured where the right answer and its part map are known.

``core.evaluation.metrics`` says how far two pictures are apart on average; a second hand at the hip hardly moves such a mean.
Here each kind of flaw has a measure of its own: :func:`misplaced`, :func:`extra`, :func:`missing`, :func:`worst_patch` and
:func:`pops`.

All lengths are in pixels of a picture whose longer side is ``SIDE``: other pictures are brought to that size by
:func:`at_scale`. Before anything is compared, the answer is moved as a whole to where the output has drawn the person
(:func:`shift_between`, :func:`moved`): how far a body stands from where it should stand is what AKD tells, and would drown
everything else in these measures. What is undefined is NaN.

A part map is (height, width) uint8: 0 where the stage is seen, 1 trunk, 2 head and hair, 3 left and 4 right arm, 5 left and
6 right leg, 7 skirt or coat tails.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from core.types import Alpha, Frame

SIDE: Final = 512
"""Lengths are in pixels of pictures with this longer side."""

REACH: Final = 5
"""How far a pixel or a patch may lie off before it counts as wrong."""

MARGIN: Final = 6
"""How far off the outline the person may be seen, or the stage, before it counts."""

PATCH: Final = 32
"""Side of a patch."""

_CELL: Final = 8
"""Patches begin at every eighth pixel, across and down."""

_FILLED: Final = 0.25
"""Share of a patch that the person fills at least; a hand fills no more of one."""

_PERCENTILE: Final = 99

_UNLIKE: Final = 12.0
"""Distance from which a colour is visibly another one, at a glance and under other light."""

_SHARE: Final = 0.01
"""Of another part's pixels that a colour must cover to be one of the part's colours: what is wrong there must be plain."""

_FEW: Final = 0.003
"""Of its own part's pixels that a colour must cover to be right there; less is where two colours run into each other."""

_LIGHT: Final = 0.5
"""Weight of lightness in distances of colours: the same cloth is darker on the side that the lamp does not reach."""

_BIN: Final = 8
"""Side of the cubes of CIELAB in which the colours of a part are gathered."""

_FURTHEST: Final = 24
"""How far the whole answer is moved at most."""

_DRAWN: Final = 128
"""Alpha from which a pixel shows the person."""

_TWINS: Final = ((1,), (2,), (3, 4), (5, 6), (7,))
"""The parts by number, left and right together: trunk, head, arms, legs, and what hangs below the hips."""

PART_STEP: Final = 32
"""Grey levels from one label to the next in the video of a part map."""

Parts: TypeAlias = NDArray[np.uint8]
Flags: TypeAlias = NDArray[np.bool_]
Shift: TypeAlias = tuple[int, int]
Flow: TypeAlias = NDArray[np.float32]
_Kind = TypeVar("_Kind", bound=np.generic)

_SHIFTS: Final[tuple[Shift, ...]] = tuple(
    sorted(
        ((dx, dy) for dx in range(-REACH, REACH + 1) for dy in range(-REACH, REACH + 1) if math.hypot(dx, dy) <= REACH),
        key=lambda shift: math.hypot(*shift),
    )
)
"""Right and down in pixels, the nearest first."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One picture and what it shows where.

    Attributes:
        image: (height, width, 3) uint8.
        person: (height, width) bool, where the person is seen.
    """

    image: Frame
    person: Flags


def at_scale(image: Frame) -> Frame:
    """A picture, or a soft mask, with ``SIDE`` as longer side."""
    size = _size_at_scale(image.shape)
    if size == image.shape[1::-1]:
        return image
    method = cv2.INTER_AREA if size[0] < image.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)


def shown(image: Frame, drawn: Alpha) -> Shown:
    """A picture at scale, and the person in it, who is seen where ``drawn`` is one half or more."""
    return Shown(at_scale(image), np.asarray(at_scale(drawn) >= _DRAWN))


def parts_at_scale(parts: Parts) -> Parts:
    """A part map at the size that :func:`at_scale` gives its picture; labels are never mixed."""
    size = _size_at_scale(parts.shape)
    if size == parts.shape[::-1]:
        return parts
    return np.asarray(cv2.resize(parts, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def _size_at_scale(shape: tuple[int, ...]) -> tuple[int, int]:
    scale = SIDE / max(shape[:2])
    return max(round(shape[1] * scale), 1), max(round(shape[0] * scale), 1)


def part_numbers(image: Frame) -> Parts:
    """The part map in a picture of a part video, whose grey levels are ``PART_STEP`` apart."""
    return np.asarray((image[..., 0].astype(np.uint16) + PART_STEP // 2) // PART_STEP, np.uint8)


def shift_between(drawn: Flags, person: Flags) -> Shift:
    """Right and down in pixels: where to move the answer's person so that most of it lies over the one drawn.

    Of shifts up to 24 pixels each way that cover alike, the shortest. (0, 0) where nobody is in one of the two.
    """
    if not drawn.any() or not person.any():
        return 0, 0
    room = cv2.copyMakeBorder(drawn.astype(np.float32), *(_FURTHEST,) * 4, cv2.BORDER_CONSTANT, value=0.0)
    covered = np.asarray(cv2.matchTemplate(room, person.astype(np.float32), cv2.TM_CCORR))
    offsets = np.arange(-_FURTHEST, _FURTHEST + 1)
    covered = np.round(covered) - 1e-3 * np.hypot(offsets[:, None], offsets)
    down, right = np.unravel_index(int(covered.argmax()), covered.shape)
    return int(right) - _FURTHEST, int(down) - _FURTHEST


def moved(values: NDArray[_Kind], shift: Shift) -> NDArray[_Kind]:
    """(height, width, ...) moved right and down by whole pixels; the border goes on where nothing comes in."""
    (right, down), (height, width) = shift, values.shape[:2]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return values[rows[:, None], columns]


def extra(drawn: Flags, person: Flags) -> float:
    """Share of the picture that shows person more than 6 pixels away from where the answer has any.

    ``|{p: drawn(p), distance(p, person) > 6}| / |picture|``.

    Args:
        drawn: (height, width) bool, the person in the output.
        person: the same of the answer.
    """
    return float(extra_at(drawn, person).mean())


def extra_at(drawn: Flags, person: Flags) -> Flags:
    """The pixels that :func:`extra` counts."""
    return drawn & (_distance_to(person) > MARGIN)


def missing(drawn: Flags, person: Flags) -> float:
    """Share of the picture that shows stage more than 6 pixels inside the answer's outline.

    ``|{p: not drawn(p), distance(p, stage) > 6}| / |picture|``.

    Args:
        drawn: (height, width) bool, the person in the output.
        person: the same of the answer.
    """
    return float(missing_at(drawn, person).mean())


def missing_at(drawn: Flags, person: Flags) -> Flags:
    """The pixels that :func:`missing` counts."""
    return ~drawn & (_distance_to(~person) > MARGIN)


def _distance_to(where: Flags) -> NDArray[np.float32]:
    """Distance in pixels from each pixel to the nearest of ``where``; infinite where there is none."""
    if not where.any():
        return np.full(where.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform((~where).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def misplaced(output: Shown, image: Frame, parts: Parts) -> float:
    """Share of the person's pixels that show the colours of another part of the body than the one that belongs there.

    The parts of a pixel p are those within 5 pixels of it in the answer, and their twins: left and right wear the same. Let
    ``own(p)`` be the smallest distance of the output's colour at p from the answer's pixels within 5 pixels of p and from all
    colours of the parts of p, and ``other(p)`` that from the plain colours of all other parts. The pixels with ``own(p) > 12``
    and ``other(p) < own(p) / 2`` are misplaced: visibly wrong, and clearly another part's. Distances are in CIELAB with half
    the lightness. The colours of a part are the means over the cubes, 8 wide, that hold at least 0.3 % of its pixels
    in the answer; its plain colours those of at least 1 %.

    Args:
        output: what was drawn.
        image: the answer, (height, width, 3) uint8, moved to where the output has the person.
        parts: its part map.

    Returns:
        Of the pixels where output and answer both show the person, the share; NaN where they share none.
    """
    both = output.person & (parts > 0)
    return float(misplaced_at(output, image, parts).sum() / both.sum()) if both.any() else math.nan


def misplaced_at(output: Shown, image: Frame, parts: Parts) -> Flags:
    """The pixels that :func:`misplaced` counts, (height, width) bool."""
    wrong = np.zeros(parts.shape, np.bool_)
    box = _box_of(parts > 0)
    if box is not None:
        wrong[box] = _misplaced_in(Shown(output.image[box], output.person[box]), image[box], parts[box])
    return wrong


def _misplaced_in(output: Shown, image: Frame, parts: Parts) -> Flags:
    """The same of a cut-out that holds the person and at least ``REACH`` pixels around it, where the picture has them."""
    wrong = np.zeros(parts.shape, np.bool_)
    rows, columns = np.nonzero(output.person & (parts > 0))
    answer = _lab(image)
    right = cv2.copyMakeBorder(answer, *(REACH,) * 4, cv2.BORDER_REPLICATE)
    colours = _lab(output.image)[rows, columns]
    own = np.full(len(rows), np.inf, np.float32)
    doubtful = np.arange(len(rows))
    for across, down in _SHIFTS:
        at = right[rows[doubtful] + REACH + down, columns[doubtful] + REACH + across]
        own[doubtful] = np.minimum(own[doubtful], np.linalg.norm(colours[doubtful] - at, axis=1))
        doubtful = doubtful[own[doubtful] > _UNLIKE]
    rows, columns, own = rows[doubtful], columns[doubtful], own[doubtful]
    mine, other = _from_parts(colours[doubtful], rows, columns, answer, parts)
    own = np.minimum(own, mine)
    marked = (own > _UNLIKE) & (other < own / 2)
    wrong[rows[marked], columns[marked]] = True
    return wrong


def _from_parts(
    colours: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    answer: NDArray[np.float32],
    parts: Parts,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(n,) each: distance of each colour from those of the parts of its pixel, and from those of all other parts."""
    nearest = np.full((2, len(colours)), np.inf, np.float32)
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * REACH + 1, 2 * REACH + 1))
    for twins in _TWINS:
        far = cv2.dilate(np.isin(parts, twins).astype(np.uint8), around)[rows, columns] == 0
        for part in twins:
            shown = answer[parts == part]
            for kind, counted, least in ((0, ~far, _FEW), (1, far, _SHARE)):
                palette = palette_of(shown, least * len(shown))
                if len(palette) and counted.any():
                    apart = np.linalg.norm(colours[counted][:, None] - palette, axis=2).min(axis=1)
                    nearest[kind, counted] = np.minimum(nearest[kind, counted], apart)
    return nearest[0], nearest[1]


def palette_of(colours: NDArray[np.float32], least: float) -> NDArray[np.float32]:
    """(n, 3): the mean colours of the cubes, 8 wide, that hold at least ``least`` of ``colours``, (m, 3)."""
    cubes = np.floor(colours / _BIN).astype(np.int64) + 64
    numbers = (cubes[:, 0] * 128 + cubes[:, 1]) * 128 + cubes[:, 2]
    _, places, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    sums = np.stack([np.bincount(places, weights=colours[:, channel]) for channel in range(3)], axis=1)
    return np.asarray((sums / counts[:, None])[counts >= least], np.float32)


def _lab(image: Frame) -> NDArray[np.float32]:
    """CIELAB with half the lightness."""
    lab = cv2.cvtColor(image.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2Lab)
    return np.asarray(lab * np.array([_LIGHT, 1, 1], np.float32), np.float32)


def worst_patch(output: Frame, image: Frame, person: Flags) -> float:
    """99th percentile, over 32 × 32 patches inside the person, of L1 after the patch was moved by at most 5 pixels.

    Of a patch P: ``min over |d| <= 5 of mean over P's person pixels of |output(p + d) - image(p)|``, pixels scaled to
    [-1, 1]. Patches begin at every eighth pixel; those count that the person fills to a quarter or more.

    Args:
        output: (height, width, 3) uint8.
        image: the answer, moved to where the output has the person.
        person: (height, width) bool, the person in the answer.

    Returns:
        NaN where there is no such patch.
    """
    errors = patch_errors(output, image, person)
    return float(np.nanpercentile(errors, _PERCENTILE)) if not np.isnan(errors).all() else math.nan


def patch_errors(output: Frame, image: Frame, person: Flags) -> NDArray[np.float32]:
    """(rows, columns): the L1 of :func:`worst_patch` of the patch that begins at each eighth pixel; NaN where none counts."""
    box = _box_of(person)
    if box is None:
        return np.full((1, 1), np.nan, np.float32)
    rows, columns = box
    right, inside = image[box], cv2.merge([person[box].astype(np.uint8) * 255] * 3)
    wide = cv2.copyMakeBorder(output, *(REACH,) * 4, cv2.BORDER_REPLICATE)
    least: NDArray[np.float32] | None = None
    for across, down in _SHIFTS:
        there = wide[
            rows.start + REACH + down : rows.stop + REACH + down,
            columns.start + REACH + across : columns.stop + REACH + across,
        ]
        sums = _over_patches(cv2.bitwise_and(cv2.absdiff(there, right), inside))
        least = sums if least is None else np.minimum(least, sums)
    return _means(np.asarray(least), person[box]) * np.float32(2 / 255)


def _box_of(person: Flags) -> tuple[slice, slice] | None:
    """Rows and columns of the person and half a patch around, beginning at an eighth pixel; None where nobody is."""
    if not person.any():
        return None
    rows, columns = np.flatnonzero(person.any(axis=1)), np.flatnonzero(person.any(axis=0))
    top, left = (int(place[0]) // _CELL * _CELL - PATCH // 2 for place in (rows, columns))
    bottom, right = (int(place[-1]) + 1 + PATCH // 2 for place in (rows, columns))
    height, width = person.shape
    return slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width))


def _over_patches(values: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Sums of (height, width, channels) over the patches that begin at every eighth pixel, the last ones reaching out of it."""
    height, width = (-side % _CELL + PATCH - _CELL for side in values.shape[:2])
    filled = cv2.copyMakeBorder(values, 0, height, 0, width, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    sums = cv2.integral(filled)[::_CELL, ::_CELL]
    size = PATCH // _CELL
    within = sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
    return np.asarray(within.sum(axis=2) if within.ndim == 3 else within, np.float32)


def _means(sums: NDArray[np.float32], person: Flags) -> NDArray[np.float32]:
    """Over the three channels of the person's pixels of each patch; NaN where there are too few."""
    amounts = _over_patches(person.astype(np.uint8))
    return np.where(amounts >= _FILLED * PATCH**2, sums / np.maximum(3 * amounts, 1), np.nan).astype(np.float32)


def flow_back(before: Frame, after: Frame) -> Flow:
    """(height, width, 2) pixels: where each pixel of ``after`` was in ``before``. Dense inverse search, Kroeger et al. 2016."""
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (after, before)]
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return np.asarray(search.calc(grey[0], grey[1], None), np.float32)


def change(before: Frame, after: Frame, flow: Flow, person: Flags) -> float:
    """99th percentile, over 32 × 32 patches inside the person, of the change that motion does not explain, in grey levels.

    Of a patch P: ``mean over P's person pixels of |after(p) - before(p + flow(p))|``; patches as in :func:`worst_patch`.

    Args:
        before, after: (height, width, 3) uint8, consecutive frames.
        flow: of the right answer, see :func:`flow_back`.
        person: (height, width) bool, the person in the answer to ``after``.

    Returns:
        NaN where there is no such patch.
    """
    box = _box_of(person)
    if box is None:
        return math.nan
    height, width = person.shape
    across, down = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    brought = cv2.remap(
        before,
        (across + flow[..., 0])[box],
        (down + flow[..., 1])[box],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    inside = cv2.merge([person[box].astype(np.uint8) * 255] * 3)
    means = _means(_over_patches(cv2.bitwise_and(cv2.absdiff(after[box], brought), inside)), person[box])
    return float(np.nanpercentile(means, _PERCENTILE)) if not np.isnan(means).all() else math.nan


def pops(output: Iterable[Shown], answers: Iterable[Shown]) -> float:
    """How much more the output changes by itself than the right answer does; 1 is ideal.

    ``mean over frames of change(output) / mean over frames of change(answer)``, both along the answer's own flow
    (:func:`change`), which is moved to where the output has the person.

    Args:
        output: pictures of one video.
        answers: the right ones.

    Returns:
        NaN where no two frames have the person, or the answer does not change at all.
    """
    changes = [
        change_pair(before[0], after[0], before[1], after[1])
        for before, after in pairwise(zip(output, answers, strict=True))
    ]
    return ratio_of_changes(changes)


def change_pair(before: Shown, after: Shown, right_before: Shown, right_after: Shown) -> tuple[float, float]:
    """One pair's share of :func:`pops`: the change of the output and that of the answer."""
    flow = np.zeros((*right_after.person.shape, 2), np.float32)
    box = _box_of(right_before.person | right_after.person)
    if box is not None:
        flow[box] = flow_back(right_before.image[box], right_after.image[box])
    shift = shift_between(after.person, right_after.person)
    there = change(before.image, after.image, moved(flow, shift), moved(right_after.person, shift))
    return there, change(right_before.image, right_after.image, flow, right_after.person)


def ratio_of_changes(changes: Iterable[tuple[float, float]]) -> float:
    """:func:`pops` of what :func:`change_pair` gave for each pair."""
    known = np.array([pair for pair in changes if not any(map(math.isnan, pair))], np.float64).reshape(-1, 2)
    output, right = known.sum(axis=0)
    return float(output / right) if right > 0 else math.nan


@dataclass(frozen=True, slots=True)
class Flaws:
    """What is measured on one output, see the functions of these names; NaN where it is not known.

    Attributes:
        shift: how far the answer was moved to where the output has the person, in pixels.
    """

    misplaced: float = math.nan
    extra: float = math.nan
    missing: float = math.nan
    worst_patch: float = math.nan
    pops: float = math.nan
    shift: float = math.nan


def flaws_of(output: Shown, image: Frame, parts: Parts) -> Flaws:
    """The flaws of one picture by itself (all but ``pops``), the answer moved to where the output has the person.

    Args:
        output: what was drawn, at scale.
        image: what is right, at scale.
        parts: its part map.
    """
    shift = shift_between(output.person, parts > 0)
    image, parts = moved(image, shift), moved(parts, shift)
    person = parts > 0
    return Flaws(
        misplaced=misplaced(output, image, parts),
        extra=extra(output.person, person),
        missing=missing(output.person, person),
        worst_patch=worst_patch(output.image, image, person),
        shift=math.hypot(*shift),
    )
