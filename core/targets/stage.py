"""The one still stage that footage was filmed on, seen by a camera that may have moved.

Every frame is brought to the view of one reference frame (:mod:`core.targets.camera`), and its light to that of the others.
What stands behind the person is then the median over the frames in which each spot was uncovered. Letters, a clock or a
flickering screen disturb some of the picture, a wrong registration nearly all of it: that tells whether there is a stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.targets.camera import CameraPath
from core.targets.exemplar import filled_alike
from core.targets.matte import colour_difference, dilated
from core.types import Alpha, Frame
from core.utils.corner_tracking import Homography, transformed

_PERSON: Final = 40
_NEAR_PERSON: Final = 0.03
_STRIPE: Final = 32
_NO_VIEW: Final = 65_535
_SHADOW_STEP: Final = 8
_SHADE_HUE: Final = 14
_LETTERS: Final = 225
"""Grey levels of the brightest channel from which something may be burnt-in letters."""
_FEWEST_VIEWS: Final = 3
_ROOM: Final = 0.02
"""Shares of the picture's height that are kept free around the person where the stage is larger than the view."""
_MOST_GROWTH: Final = 0.5
"""Shares of the view's width and height by which the stage may be larger."""
_MOST_OFF_STAGE: Final = 0.1
"""Share of the frames in which the person may be somewhere else."""
_LEAST_GROWTH: Final = 0.02
_MOST_HIDDEN: Final = 0.6
_OFF: Final = 20
_TILES: Final = 8
_TILE_OTHER: Final = 0.05
"""Share of a tile's pixels that may have another colour in three of four frames."""
_TILES_EXPLAINED: Final = 0.7
_TILE_SEEN: Final = 0.2
_LEAST_FRAMES: Final = 0.5
_GAINS: Final = (0.4, 2.5)
_EXPOSED: Final = (16, 240)
_GAIN_PIXELS: Final = 200
_GAIN_STEP: Final = 4
_WIDE_HOLE: Final = 6
"""Pixels from the edge of a hole to its middle."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One of the frames in which the stage is looked for.

    Attributes:
        index: its number in the footage.
        image: (height, width, 3).
        person: (height, width), the person's rough mask, 255 where they are.
    """

    index: int
    image: Frame
    person: Alpha


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A still stage and where each frame of the footage lies on it.

    Attributes:
        picture: (height, width, 3), nobody on it.
        known: (height, width), False where it was never uncovered and had to be filled in.
        to_stage: for each frame the homography from its pixels to those of ``picture``; None for a frame of another place.
        view: the homography from the pixels of the reference view.
        still: whether the camera stood still.
    """

    picture: Frame
    known: NDArray[np.bool_]
    to_stage: tuple[Homography | None, ...]
    view: Homography
    still: bool

    def placed(self, index: int) -> Homography:
        """From pixels of frame ``index`` to the stage; one of another place is laid where the reference view lies."""
        own = self.to_stage[index]
        return self.view if own is None else own


def find_stage(samples: Sequence[Sample], path: CameraPath, given: Frame | None = None) -> Stage | None:
    """The stage behind the person; None where no still picture explains what the frames show around them.

    Args:
        samples: frames spread over the footage, all of one size.
        path: the camera's, in pixels of the samples.
        given: a picture of the empty stage, where one was taken; ``path`` ends with the view from which it was.
    """
    if given is not None:
        return _given(samples, path, given)
    shot = path.longest_shot
    if path.shots.count(shot) < _LEAST_FRAMES * len(path.shots):
        return None
    still = not path.moves(shot)
    to_reference = _to_reference(path, shot, still=still)
    seen = [sample for sample in samples if path.shots[sample.index] == shot]
    corner, size = _extent(seen, to_reference, path.size)
    if _off_stage(seen, to_reference, corner, size) > _MOST_OFF_STAGE:
        return None
    shift = np.array([[1.0, 0.0, -corner[0]], [0.0, 1.0, -corner[1]], [0.0, 0.0, 1.0]])
    to_stage = tuple(None if h is None else shift @ h for h in to_reference)
    stack, hidden = _on_stage(seen, to_stage, size)
    plate = _evened(stack, hidden)
    views = (~hidden).sum(axis=0)
    known = np.asarray(views >= min(_FEWEST_VIEWS, len(seen)), np.bool_)
    if (~known).mean() > _MOST_HIDDEN or not _explains(plate, stack, hidden):
        return None
    return Stage(filled(plate, ~known), known, to_stage, shift, still)


def _given(samples: Sequence[Sample], path: CameraPath, picture: Frame) -> Stage | None:
    """The stage that ``picture`` shows, whole; None where the footage shows another one."""
    shot = path.shots[-1]
    if path.shots.count(shot) < _LEAST_FRAMES * len(path.shots):
        return None
    to_picture = np.linalg.inv(path.to_shot[-1])
    still = not path.moves(shot)
    to_stage = tuple(
        None if of != shot else np.eye(3) if still else to_picture @ h
        for h, of in zip(path.to_shot, path.shots, strict=True)
    )
    seen = [sample for sample in samples if to_stage[sample.index] is not None]
    stack, hidden = _on_stage(seen, to_stage, path.size)
    for frame, covered in zip(stack, hidden, strict=True):
        frame[:] = lit(np.ascontiguousarray(frame), light_gains(frame, picture, ~covered))
    if not _explains(picture, stack, hidden):
        return None
    return Stage(picture, np.ones(picture.shape[:2], np.bool_), to_stage, np.eye(3), still)


def around_person(person: Alpha) -> NDArray[np.bool_]:
    """(height, width): where a rough mask has the person, and near enough to them not to be trusted as stage."""
    return dilated(person > _PERSON, max(2, round(max(person.shape) * _NEAR_PERSON)))


def brought(
    picture: Frame | Alpha, to_stage: Homography, size: tuple[int, int], *, mask: bool = False
) -> Frame | Alpha:
    """A frame, or with ``mask`` a mask, on a stage of ``size`` (width, height).

    What it does not show repeats the frame's edge, and is 0 in a mask.
    """
    if np.allclose(to_stage, np.eye(3), atol=1e-9) and (picture.shape[1], picture.shape[0]) == size:
        return picture
    way, border = (cv2.INTER_LINEAR, cv2.BORDER_CONSTANT) if mask else (cv2.INTER_CUBIC, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.warpPerspective(picture, to_stage, size, flags=way, borderMode=border), np.uint8)


def light_gains(frame: Frame, plate: Frame, free: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(3,): what each channel of ``frame`` is multiplied by to have the light of ``plate``.

    The median ratio over pixels that are ``free`` (height, width) of the person, neither dark nor overexposed. 1 where
    there are too few of them.
    """
    step = slice(None, None, _GAIN_STEP)
    mine, theirs, usable = frame[step, step], plate[step, step], free[step, step]
    exposed = (np.minimum(mine, theirs).min(axis=2) > _EXPOSED[0]) & (
        np.maximum(mine, theirs).max(axis=2) < _EXPOSED[1]
    )
    usable = usable & exposed
    if usable.sum() < _GAIN_PIXELS:
        return np.ones(3, np.float32)
    ratios = theirs[usable].astype(np.float32) / mine[usable].astype(np.float32)
    return np.asarray(np.clip(np.median(ratios, axis=0), *_GAINS), np.float32)


def lit(frame: Frame, gains: NDArray[np.float32]) -> Frame:
    """``frame`` with each channel multiplied by its gain; a change that nobody sees is left out."""
    if np.abs(gains - 1).max() < 0.5 / 255:
        return frame
    table = np.clip(np.arange(256, dtype=np.float32)[:, None] * gains + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(frame, table[None]), np.uint8)


def filled(picture: Frame, hole: NDArray[np.bool_]) -> Frame:
    """``picture`` with ``hole`` (height, width) filled in from around it.

    Narrow holes are inpainted (Telea 2004), which would draw lines across a wide one: that is made up of patches of the rest.
    """
    if not hole.any() or hole.all():
        return np.ascontiguousarray(picture)
    widest = float(cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3).max())
    if widest > _WIDE_HOLE:
        return filled_alike(picture, hole)
    return np.asarray(cv2.inpaint(picture, hole.astype(np.uint8), 5, cv2.INPAINT_TELEA), np.uint8)


def _to_reference(path: CameraPath, shot: int, *, still: bool) -> list[Homography | None]:
    """For each frame the homography to the reference view; all the same where the camera stood still."""
    if still:
        return [np.eye(3) if of == shot else None for of in path.shots]
    reference = path.reference(shot)
    return [reference @ h if of == shot else None for h, of in zip(path.to_shot, path.shots, strict=True)]


def _extent(
    samples: Sequence[Sample], to_reference: Sequence[Homography | None], size: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Top left corner in the reference view, and (width, height), of the stage: that view, and wherever the person went.

    Where the camera followed somebody across a room, part of what they did lies outside of the reference view.
    """
    width, height = size
    boxes, views = [], []
    for sample in samples:
        h = to_reference[sample.index]
        x, y, w, tall = cv2.boundingRect((sample.person > _PERSON).astype(np.uint8))
        if h is not None and w:
            boxes.append(_box(np.array([[x, y], [x + w, y], [x, y + tall], [x + w, y + tall]], np.float64), h))
            views.append(_box(np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64), h))
    if not boxes:
        return (0, 0), size
    room = _ROOM * height
    people, seen = np.stack(boxes), np.stack(views)
    low = np.maximum(np.percentile(people[:, :2], 2, axis=0) - room, seen[:, :2].min(axis=0))
    high = np.minimum(np.percentile(people[:, 2:], 98, axis=0) + room, seen[:, 2:].max(axis=0))
    grown = [_grown(float(a), float(b), side) for a, b, side in zip(low, high, size, strict=True)]
    (left, right), (top, bottom) = grown
    return (left, top), (right - left, bottom - top)


def _off_stage(
    samples: Sequence[Sample],
    to_reference: Sequence[Homography | None],
    corner: tuple[int, int],
    size: tuple[int, int],
) -> float:
    """Share of the frames whose person is not on the stage: a camera that runs along leaves any one place."""
    off, people = 0, 0
    for sample in samples:
        h = to_reference[sample.index]
        x, y, w, tall = cv2.boundingRect((sample.person > _PERSON).astype(np.uint8))
        if h is not None and w:
            across, down = transformed(np.array([[x + w / 2, y + tall / 2]]), h)[0] - corner
            people += 1
            off += not (0 <= across <= size[0] and 0 <= down <= size[1])
    return off / max(people, 1)


def _grown(low: float, high: float, side: int) -> tuple[int, int]:
    """Begin and end of the stage along one side of the reference view, an even number of pixels apart."""
    before, after = max(-low, 0.0), max(high - side, 0.0)
    most = _MOST_GROWTH * side
    if before + after > most:
        before, after = before * most / (before + after), after * most / (before + after)
    before, after = (0.0 if grown < _LEAST_GROWTH * side else grown for grown in (before, after))
    begin = -round(before)
    return begin, begin + (side + round(before) + round(after)) // 2 * 2


def _box(points: NDArray[np.float64], homography: Homography) -> NDArray[np.float64]:
    """(4,): left, top, right, bottom of where ``points`` come to lie."""
    there = transformed(points, homography)
    return np.concatenate([there.min(axis=0), there.max(axis=0)])


def _on_stage(
    samples: Sequence[Sample], to_stage: Sequence[Homography | None], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """(N, height, width, 3) frames on the stage, and (N, height, width) where they do not show it."""
    frames, hidden = [], []
    for sample in samples:
        h = to_stage[sample.index]
        if h is None:
            continue
        person = around_person(sample.person).astype(np.uint8) * np.uint8(255)
        view = np.full(sample.person.shape, 255, np.uint8)
        frames.append(brought(sample.image, h, size))
        outside = brought(view, h, size, mask=True) < 255
        hidden.append((brought(person, h, size, mask=True) > 0) | outside)
    return np.stack(frames), np.stack(hidden)


def _evened(stack: NDArray[np.uint8], hidden: NDArray[np.bool_]) -> Frame:
    """The stage behind the frames of ``stack``, whose light is evened out on the way (in place)."""
    plate = _median(stack, hidden)
    changed = False
    for frame, covered in zip(stack, hidden, strict=True):
        gains = light_gains(frame, plate, ~covered)
        even = lit(np.ascontiguousarray(frame), gains)
        changed |= even is not frame and bool(np.abs(gains - 1).max() > 0.01)
        frame[:] = even
    return _median(stack, hidden) if changed else plate


def _median(stack: NDArray[np.uint8], hidden: NDArray[np.bool_]) -> Frame:
    """(height, width, 3): the median over the frames that show each spot; over all of them where none does.

    Unless the brightest third of the views agrees on something much brighter: then the person's shadow lay there most of
    the time.
    """
    plate = np.empty(stack.shape[1:], np.uint8)
    for top in range(0, len(plate), _STRIPE):
        rows = slice(top, top + _STRIPE)
        plate[rows] = _median_of_rows(stack[:, rows], hidden[:, rows])
    return plate


def _median_of_rows(stack: NDArray[np.uint8], hidden: NDArray[np.bool_]) -> NDArray[np.uint8]:
    always = hidden.all(axis=0)
    values = np.where((hidden & ~always)[..., None], np.uint16(_NO_VIEW), stack.astype(np.uint16))
    values.sort(axis=0)
    last = np.where(always, len(stack), (~hidden).sum(axis=0)) - 1
    middle, light, bright = (_at_rank(values, last * share // 30).astype(np.int16) for share in (15, 21, 25))
    # letters that come and go are bright as well: the brighter views must agree, or show the same colour in more light
    agreed = np.abs(bright - light).max(axis=2, keepdims=True) <= _SHADOW_STEP
    shadowed = (agreed | _shaded(middle, bright)) & ((bright - middle).mean(axis=2, keepdims=True) > _SHADOW_STEP)
    return np.asarray(np.where(shadowed, bright, middle), np.uint8)


def _shaded(dark: NDArray[np.int16], bright: NDArray[np.int16]) -> NDArray[np.bool_]:
    """(rows, width, 1): whether ``dark`` is ``bright`` in shadow; what is as bright as letters are is not asked."""
    lit_up = bright.astype(np.float32)
    share = (dark * lit_up).sum(axis=2, keepdims=True) / np.maximum((lit_up * lit_up).sum(axis=2, keepdims=True), 1.0)
    apart = np.abs(dark - share * lit_up).max(axis=2, keepdims=True)
    return np.asarray((apart <= _SHADE_HUE) & (bright.max(axis=2, keepdims=True) < _LETTERS), np.bool_)


def _at_rank(values: NDArray[np.uint16], rank: NDArray[np.int64]) -> NDArray[np.uint8]:
    return np.asarray(np.take_along_axis(values, rank[None, ..., None], axis=0)[0], np.uint8)


def _explains(plate: Frame, stack: NDArray[np.uint8], hidden: NDArray[np.bool_]) -> bool:
    """Whether most tiles of the frames, outside of the person, have the plate's colours, lit or in shadow."""
    others, weights = [], []
    for frame, covered in zip(stack, hidden, strict=True):
        seen = (~covered).astype(np.float32)
        other = ((colour_difference(frame, plate) > _OFF) & ~covered).astype(np.float32)
        share = _tiled(seen)
        others.append(np.where(share > _TILE_SEEN, _tiled(other) / np.maximum(share, 1e-6), np.nan))
        weights.append(share)
    seen_ever = np.any(np.isfinite(np.stack(others)), axis=0)
    if not seen_ever.any():
        return False
    typical = np.nanpercentile(np.stack(others)[:, seen_ever], 75, axis=0)
    return bool((typical <= _TILE_OTHER).mean() >= _TILES_EXPLAINED)


def _tiled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(values, (_TILES, _TILES), interpolation=cv2.INTER_AREA), np.float32)
