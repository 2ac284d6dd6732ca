"""How wide one person is around their bones, and what hangs between their legs: measured from the masks of their footage.

A standard body in trousers is known beforehand. Wide sleeves, a coat, a skirt or a kimono are not: how far the mask reaches to
either side of each bone says how wide they are, and whether the space between two legs that are apart is covered says how far
down something hangs. Parts of a person (:mod:`core.warping.limb_warp`, :mod:`core.warping.part_warp`) are cut out accordingly.
"""

from __future__ import annotations

from typing import Annotated, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from core.types import Alpha

_Width: TypeAlias = Annotated[float, Field(gt=0, le=4, allow_inf_nan=False)]

_CLEARLY: Final = 1.4
"""Times the standard body's width from which on a person counts as wider than it."""
_WIDEST: Final = 2.2
"""The most that the radii of parts are multiplied by."""


class Outline(BaseModel):
    """The outline of one clothed person. The defaults are a standard body in trousers.

    Attributes:
        trunk, upper_arm, forearm, thigh, shin: distance from the bone to the edge of the mask across it, in torso lengths.
        hem: how far down something covers the space between the legs: 0 for trousers, 1 to the knees, 2 to the ankles.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trunk: _Width = 0.33
    upper_arm: _Width = 0.14
    forearm: _Width = 0.12
    thigh: _Width = 0.19
    shin: _Width = 0.15
    hem: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = 0.0

    def wider(self, bone: str) -> float:
        """How many times a standard body's radius a part should have around a bone: 1 unless the person is clearly wider."""
        times = float(getattr(self, bone)) / float(getattr(STANDARD, bone))
        return min(times, _WIDEST) if times >= _CLEARLY else 1.0


STANDARD: Final = Outline()
"""Somebody in trousers, with sleeves that lie close."""


class Masks(Protocol):
    """Soft masks (height, width) by number of the frame."""

    def __getitem__(self, index: int, /) -> Alpha:
        """The mask of a frame."""
        ...


_MOST_FRAMES: Final = 80
_SEEN: Final = 0.5
_SOLID: Final = 128

_CHEST, _PELVIS = 33, 34
"""Middle of the shoulders and of the hips, added to the landmarks."""

_BONES: Final = (
    ("upper_arm", 11, 13), ("upper_arm", 12, 14), ("forearm", 13, 15), ("forearm", 14, 16),
    ("thigh", 23, 25), ("thigh", 24, 26), ("shin", 25, 27), ("shin", 26, 28),
    ("trunk", _CHEST, _PELVIS), ("", 11, 23), ("", 12, 24),
)  # fmt: skip
"""Kind and ends of the bones; those without a kind are not measured, they only tell what is the trunk's."""
_LIMB: Final = np.array([0, 1, 0, 1, 2, 3, 2, 3, 4, 4, 4])
"""Which of the bones belong to one limb: a ray that comes nearer to another limb measures nothing."""
_KINDS: Final = tuple(dict.fromkeys(kind for kind, _, _ in _BONES if kind))
_START: Final = np.array([start for _, start, _ in _BONES])
_END: Final = np.array([end for _, _, end in _BONES])
_ALONG: Final = np.linspace(0.25, 0.9, 6)
_STEP, _FARTHEST = 0.02, 0.9
"""Torso lengths between the samples of a ray, and the length of a ray."""
_LONG_ENOUGH: Final = 0.3
"""Torso lengths below which a bone points at the camera and has no sides."""
_LEAST_SEEN: Final = 8
"""Measurements below which the standard is kept."""
_RAYS, _FRAMES = 75.0, 60.0
"""Percentiles: of the rays of one bone in one frame, and of those values over the footage."""

_LEVELS: Final = tuple(round(0.1 * level, 1) for level in range(3, 21))
_APART: Final = (0.5, 0.4)
"""Torso lengths between the bones of two thighs, and of two shins, from which on the stage shows between trouser legs."""
_LOW: Final = 0.4
"""Torso lengths by which the knees lie below the hips of somebody whose trunk does not hang between their thighs."""
_MIDDLE: Final = np.linspace(0.38, 0.62, 7)
"""Where between the two legs is looked."""
_MOSTLY: Final = 0.55
_HIGHEST_HEM: Final = 0.6
"""What covers less than this is the seat of trousers."""
_THIGHS_TELL: Final = 0.8
"""A level that must have been seen, or one above it: wide trousers cover the space between shins that are hardly apart."""


def measure_outline(poses: NDArray[np.float32], masks: Masks, unit: float) -> Outline:
    """The outline of a person from a few frames of their footage, spread over it, those in which the legs are apart first.

    Args:
        poses: (N, 33, 4), x, y and z in pixels and visibility, NaN where nobody is.
        masks: of the same N frames.
        unit: torso length in pixels.
    """
    widths: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    covered: list[NDArray[np.float64]] = []
    for i in _frames(poses, unit):
        pose, solid = poses[i].astype(np.float64), masks[i] >= _SOLID
        pose = np.vstack([pose, pose[11:13].mean(0), pose[23:25].mean(0)])
        points, seen = pose[:, 0] + 1j * pose[:, 1], pose[:, 3] >= _SEEN
        covered.append(_covered(points, seen, solid, unit))
        for kind, width in _widths(points, seen, solid, unit):
            widths[kind].append(width)
    known = {kind: round(float(np.percentile(of, _FRAMES)), 3) for kind, of in widths.items() if len(of) >= _LEAST_SEEN}
    return Outline(hem=_hem(np.array(covered)) if covered else 0.0, **known)


def _frames(poses: NDArray[np.float32], unit: float) -> list[int]:
    """Numbers of frames to look at: of every stretch of the footage the one whose legs are farthest apart."""
    found = np.flatnonzero(np.isfinite(poses[:, :, :2]).all((1, 2)))
    if not len(found):
        return []
    xy = poses[found][:, :, :2]
    apart = np.linalg.norm(xy[:, 25] - xy[:, 26], axis=1) + 0.5 * np.linalg.norm(xy[:, 27] - xy[:, 28], axis=1)
    low = xy[:, 25:27, 1].mean(1) - xy[:, 23:25, 1].mean(1) > _LOW * unit
    worth = np.where(low, apart, 0.0)
    stretches = np.array_split(np.arange(len(found)), min(_MOST_FRAMES, len(found)))
    return [int(found[stretch[worth[stretch].argmax()]]) for stretch in stretches]


def _widths(
    points: NDArray[np.complex128], seen: NDArray[np.bool_], solid: NDArray[np.bool_], unit: float
) -> list[tuple[str, float]]:
    """Kind and width in torso lengths of each bone that shows its sides in one frame."""
    start, end = points[_START], points[_END]
    length = np.abs(end - start) + 1e-6
    clear = seen[_START] & seen[_END] & (length > _LONG_ENOUGH * unit)
    way = (end - start) / length
    reach = np.arange(_STEP, _FARTHEST, _STEP) * unit
    # axes: bones, along each, its two sides, steps of a ray
    base = start[:, None] + (end - start)[:, None] * _ALONG
    sides = 1j * way[:, None] * np.array([1, -1])
    rays = base[:, :, None, None] + sides[:, None, :, None] * reach
    inside, within = _sampled(solid, rays)
    ends = (~inside).argmax(-1)
    open_ended = inside.all(-1)
    # where a ray comes nearer to another limb than to its own, that limb is what it would measure
    apart = np.stack([_distance(rays, s, e) for s, e in zip(start, end, strict=True)])
    other = _LIMB[:, None] != _LIMB[None]
    nearest_other = np.stack([apart[other[bone]].min(0)[bone] for bone in range(len(_BONES))])
    nearest_own = np.stack([apart[~other[bone]].min(0)[bone] for bone in range(len(_BONES))])
    until = np.arange(len(reach)) <= ends[..., None]
    valid = ((nearest_own < nearest_other) & within | ~until).all(-1) & ~open_ended & inside[..., 0]
    result = []
    for bone, (kind, _, _) in enumerate(_BONES):
        values = ends[bone][valid[bone]] * _STEP
        if kind and clear[bone] and len(values) >= 2:
            result.append((kind, float(np.percentile(values, _RAYS)) + _STEP))
    return result


def _sampled(solid: NDArray[np.bool_], spots: NDArray[np.complex128]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each spot is in the mask, and whether it is in the picture at all."""
    x, y = np.floor(spots.real).astype(int), np.floor(spots.imag).astype(int)
    within = (x >= 0) & (x < solid.shape[1]) & (y >= 0) & (y < solid.shape[0])
    return solid[np.clip(y, 0, solid.shape[0] - 1), np.clip(x, 0, solid.shape[1] - 1)] & within, within


def _distance(spots: NDArray[np.complex128], start: complex, end: complex) -> NDArray[np.float64]:
    """From each spot to the nearest point of a bone, in pixels."""
    length = abs(end - start) + 1e-6
    turned = (spots - start) * np.conj((end - start) / length)
    return np.asarray(np.abs(turned - np.clip(turned.real, 0, length)))


def level_points(points: NDArray[np.complex128], level: float) -> tuple[complex, complex]:
    """Where on the left and the right leg a level lies: 0 at the hips, 1 at the knees, 2 at the ankles."""
    upper = 23 if level <= 1 else 25
    share = level if level <= 1 else level - 1
    ends = [points[upper + side] + share * (points[upper + 2 + side] - points[upper + side]) for side in (0, 1)]
    return complex(ends[0]), complex(ends[1])


INNER: Final = (0.25, 0.5, 0.75)
"""Where between the right and the left leg the lines lie that cloth between two legs follows."""
NOWHERE: Final = np.inf
"""Of a bone beside which cloth never ends."""


_ROOM: Final = 0.12
"""Levels below a measured hem that still go with what hangs: a hem is not equally low in every frame."""
_AT_JOINT: Final = 0.05
"""Levels from the knee within which a piece of a bone would be too short to have a direction."""
_LEG: Final = 0.14
"""Torso lengths around the bones of a leg within which what shows below a hem may be the leg."""
_FADE: Final = 32.0
"""Grey levels by which cloth fades with each pixel below its hem."""


CRISP: Final = np.clip((np.arange(256) - 128) * 4 + 128, 0, 255).astype(np.uint8)
"""From what :func:`above_hem` gives, enlarged, to a hem two pixels wide."""


def above_hem(
    down: NDArray[np.float32], off: NDArray[np.float32], hem: NDArray[np.floating], unit: float
) -> NDArray[np.uint8]:
    """How much of cloth is shown: 255, but for what lies below the hem and on no leg, which would be a leg a second time.

    Args:
        down: (bones, rows, columns) pixels from the start of each bone along it.
        off: the same, distance from each bone in pixels.
        hem: (bones,) pixels along each bone where cloth ends: first those of bones that are none of the cloth's
            (:data:`NOWHERE`), then the two of the thighs and those of the lines between them, then the same of the shins if any.
        unit: torso length in pixels.
    """
    nearest = off.argmin(0)[None]
    of_legs = np.arange(len(hem))[::-1] % (2 + len(INNER)) >= len(INNER)
    keep = np.where(of_legs, _LEG * unit, -np.inf)
    below, beside = (np.take_along_axis(of, nearest, 0)[0] for of in (down, off))
    hidden = np.minimum(below - hem[nearest[0]], beside - keep[nearest[0]])
    return np.asarray(np.clip(127 - _FADE * hidden, 0, 255), np.uint8)


def cut_level(outline: Outline) -> float:
    """The level down to which what hangs is cut out with the trunk: somewhat below the hem, and not just at a joint.

    2 for what reaches the floor: of the legs only the feet are seen.
    """
    level = outline.hem + _ROOM
    if level > 2 - _AT_JOINT:
        return 2.0
    return level if abs(level - 1) > _AT_JOINT else 1 + _AT_JOINT


def hem_shares(outline: Outline) -> tuple[float, float]:
    """At which share of the length of thighs and shins cloth ends."""
    if cut_level(outline) == 2:
        return NOWHERE, NOWHERE
    return outline.hem if outline.hem <= 1 else NOWHERE, max(outline.hem - 1, 0.0)


def cloth_points(points: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """(..., 15): for both legs and the :data:`INNER` lines the places at hips, knees and ankles that cloth follows.

    Cloth knows no left and right leg: of hips, knees and ankles, the one that lies farther right in the picture comes first, so
    that cloth over crossed legs is not turned inside out.

    Args:
        points: (..., n) landmarks and more, x + iy.
    """
    left, right = points[..., [23, 25, 27]], points[..., [24, 26, 28]]
    crossed = left.real < right.real
    first, second = np.where(crossed, right, left), np.where(crossed, left, right)
    between = [second + share * (first - second) for share in INNER]
    return np.concatenate([first, second, *between], -1)


def _covered(
    points: NDArray[np.complex128], seen: NDArray[np.bool_], solid: NDArray[np.bool_], unit: float
) -> NDArray[np.float64]:
    """(levels,): share of the middle between two legs that is the person; NaN where it cannot be told."""
    result = np.full(len(_LEVELS), np.nan)
    low = (points[25] + points[26] - points[23] - points[24]).imag / 2 > _LOW * unit
    if not (low and seen[23:27].all()):
        return result
    for place, level in enumerate(_LEVELS):
        left, right = level_points(points, level)
        shin = level > 1
        if abs(left - right) < _APART[shin] * unit or (shin and not seen[27:29].all()):
            continue
        inside, within = _sampled(solid, np.asarray(left + (right - left) * _MIDDLE, np.complex128))
        if within.all():
            result[place] = inside.mean()
    return result


def _hem(covered: NDArray[np.float64]) -> float:
    """The level down to which the space between the legs is covered in most frames (frames, levels); 0 for trousers."""
    told = (~np.isnan(covered)).sum(0)
    share = (covered > 0.9).sum(0) / np.maximum(told, 1)
    hem = 0.0
    for level, count, often in zip(_LEVELS, told, share, strict=True):
        if count < _LEAST_SEEN:
            continue
        if often < _MOSTLY or (not hem and level > _THIGHS_TELL):
            break
        hem = level
    # it lies between the last level that is covered and the next
    return min(round(hem + 0.05, 2), 2.0) if hem >= _HIGHEST_HEM else 0.0
