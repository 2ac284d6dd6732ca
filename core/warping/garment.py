"""Where a shirt ends and trousers begin, by their colours.

Which part of the body a pixel shows does not say which garment: a shirt that hangs over the hips lies on the thighs, and its hem,
cut out with them, would swing with each leg. Where shirt and trousers differ in colour, everything of the shirt's is the trunk's.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.types import Alpha, Frame
from core.warping.reach import CHEST, PELVIS, Landmarks, Points, points_of

_FEWER: Final = 3
"""Pixels of a picture for one that is looked at, across and down."""
_TRUNK, _LEGS = 1, (5, 6)
"""Labels, see :data:`core.limbs.LABELS`."""
_HIPS, _KNEES = (23, 24), (25, 26)
_ABOVE: Final = 0.2
"""Torso lengths above the hips from which on all that the trunk shows is the shirt's."""
_ALONG: Final = (0.55, 1.3)
"""Torso lengths from the hips between which all that a leg shows is the trousers'; beyond come shoes."""
_REACH: Final = (-0.25, 0.5, 0.75)
"""Torso lengths above and below the hips, and to either side, where a hem can be."""
_NEAR: Final = 0.06
"""Torso lengths around a pixel of which it is not sure, in which others tell what it is."""
_BEGINS: Final = 0.1
"""Torso lengths over which, coming from above, it is taken more and more to hang over the legs."""
_BAND: Final = 0.05
"""Torso lengths by which a shirt goes on below its last sure pixel: hems have bands, and shadows below them."""
_MEET: Final = ((0.0, 0.28), (0.3, 0.06))
"""Torso lengths below the hips, and to either side of their middle, within which trouser legs meet; the same farther down."""
_HIPS_APART: Final = (0.15, 0.27)
"""Torso lengths between the hips in the picture, up to which a body is seen from the side and from which on it is not."""
_SAMPLES: Final = 120
_FEWEST: Final = 40
_LIKE: Final = 0.08
"""Share of the samples that a pixel is held against: those most like it. A colour that is rare in a garment does not count."""
_SURE: Final = 200
_APART: Final = 14.0
"""Distance in CIE Lab by which one garment must be nearer in colour than the other."""
_MOSTLY: Final = 0.35
"""Share of a garment's samples that must be so far from the other's for the two to be told apart."""
_RAISED: Final = (0.05, 0.25)
"""Torso lengths by which a knee lies below its hip, up to which its thigh is lifted before the shirt, and from which on the shirt
hangs over it."""


def told_apart(
    colours: Frame, shares: NDArray[np.uint8], own: Landmarks, unit: float
) -> tuple[NDArray[np.uint8], Alpha] | None:
    """Return the shares with all of the shirt in the trunk's, and where the shirt hangs over the hips.

    Args:
        colours: (height, width, 3) RGB of the person.
        shares: (LABELS, height, width), how surely each pixel shows each part.
        own: the pose, in pixels of the picture.
        unit: torso length in pixels.

    Returns:
        None where shirt and trousers do not differ, or one of them is not seen.
    """
    points = points_of(own)
    hips = points[PELVIS]
    down = hips - points[CHEST]
    if abs(down) < 0.3 * unit:
        return None
    down /= abs(down)
    height, width = shares.shape[1:]
    size = (max(width // _FEWER, 1), max(height // _FEWER, 1))
    x, y = (np.arange(side) * _FEWER + (_FEWER - 1) / 2 for side in size)
    there = (x[None] + 1j * y[:, None] - hips) * np.conj(down) / unit
    # along and across the trunk, whichever way it leans
    level, across = there.real, there.imag
    small = cv2.resize(colours, size, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    trunk, *legs = (cv2.resize(shares[i], size, interpolation=cv2.INTER_AREA) for i in (_TRUNK, *_LEGS))
    leg = cv2.add(legs[0], legs[1])
    from_hips = np.min([np.abs(x[None] + 1j * y[:, None] - points[hip]) for hip in _HIPS], axis=0) / unit
    shirt = _samples(lab, (trunk > _SURE) & (level < -_ABOVE))
    trousers = _samples(lab, (leg > _SURE) & (from_hips > _ALONG[0]) & (from_hips < _ALONG[1]))
    if shirt is None or trousers is None:
        return None
    if min((_unlike(a, b) > _APART).mean() for a, b in ((shirt, trousers), (trousers, shirt))) < _MOSTLY:
        return None
    zone = (level > _REACH[0]) & (level < _REACH[1]) & (np.abs(across) < _REACH[2]) & (cv2.add(trunk, leg) > 127)
    left, top, wide, high = cv2.boundingRect(zone.astype(np.uint8))
    if not wide:
        return None
    some = (slice(top, top + high), slice(left, left + wide))
    lead = np.zeros((high, wide), np.float32)
    lead[zone[some]] = _unlike(lab[zone], trousers) - _unlike(lab[zone], shirt)
    lead = _decided(lead, max(round(_NEAR * unit / _FEWER), 1))
    hangs = np.clip((level[some] - _REACH[0]) * (255 / _BEGINS), 0, 255).astype(np.uint8)
    here = tuple(
        slice(round(s.start * n), round(s.stop * n))
        for s, n in zip(some, (height / size[1], width / size[0]), strict=True)
    )
    larger = (here[1].stop - here[1].start, here[0].stop - here[0].start)
    lead, hangs = (cv2.resize(i, larger, interpolation=cv2.INTER_LINEAR) for i in (lead, hangs))
    parts = shares.copy()
    parts[:, here[0], here[1]] = _relabelled(np.ascontiguousarray(parts[:, here[0], here[1]]), lead)
    shirt_over = np.zeros((height, width), np.uint8)
    shirt_over[here] = cv2.multiply(parts[_TRUNK][here], hangs, scale=1 / 255)
    band = max(round(_BAND * unit), 1)
    shirt_over = cv2.dilate(shirt_over, np.ones((2 * band + 1, 1), np.uint8))
    _between_thighs(shirt_over, points, down, unit)
    return parts, shirt_over


def _between_thighs(over: Alpha, points: Points, down: complex, unit: float) -> None:
    """Add where two trouser legs meet: it goes with the trunk, or each thigh would take half of it along.

    From the side one leg hides the other, and they meet nowhere.
    """
    apart = abs(((points[_HIPS[0]] - points[_HIPS[1]]) * np.conj(down)).imag) / unit
    least, enough = _HIPS_APART
    open_wide = min(max((apart - least) / (enough - least), 0.0), 1.0)
    if not open_wide:
        return
    corners = [
        points[PELVIS] + unit * down * (low + 1j * side * wide * open_wide)
        for low, wide, sides in ((*_MEET[0], (-1, 1)), (*_MEET[1], (1, -1)))
        for side in sides
    ]
    outline = np.array([[round(16 * corner.real), round(16 * corner.imag)] for corner in corners], np.int32)
    cv2.fillConvexPoly(over, outline, 255, cv2.LINE_AA, shift=4)


def _decided(lead: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Return the same, where what may be either goes with what is near: both may have white stripes."""
    sure = (np.abs(lead) > _APART).astype(np.float32)
    size = (2 * reach + 1, 2 * reach + 1)
    near = cv2.blur(lead * sure, size) / np.maximum(cv2.blur(sure, size), 1e-3)
    return np.where(sure > 0, lead, near).astype(np.float32)


def lifted(asked: Landmarks, unit: float) -> tuple[float, float]:
    """Return for each thigh of a pose, left and right, how far the shirt hangs over it: 0 where it is lifted before the shirt."""
    points = points_of(asked)
    drops = ((points[knee] - points[hip]).imag / unit for hip, knee in zip(_HIPS, _KNEES, strict=True))
    low, high = _RAISED
    left, right = (float(np.clip((drop - low) / (high - low), 0, 1)) for drop in drops)
    return left, right


def _relabelled(shares: NDArray[np.uint8], lead: NDArray[np.float32]) -> NDArray[np.uint8]:
    trunk, left, right = (shares[i].astype(np.float32) for i in (_TRUNK, *_LEGS))
    both = left + right
    # between pixels of either the lead crosses zero: only where nothing tells is it left as it is
    to_trunk = np.where(lead > _APART / 4, both, 0)
    to_legs = np.where(lead < -_APART / 4, trunk, 0)
    more = (to_legs - to_trunk) / np.maximum(both, 1)
    result = shares.copy()
    result[_TRUNK] = np.clip(trunk + to_trunk - np.where(both > 0, to_legs, 0), 0, 255)
    for label, own in zip(_LEGS, (left, right), strict=True):
        result[label] = np.clip(own + own * more, 0, 255)
    return result


def _samples(lab: NDArray[np.float32], where: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    """Return (n, 3) colours spread over the pixels; None where there are too few."""
    found = lab[where]
    if len(found) < _FEWEST:
        return None
    return np.asarray(found[np.linspace(0, len(found) - 1, min(_SAMPLES, len(found))).astype(int)])


def _unlike(colours: NDArray[np.float32], samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (n,): the distance of each colour (n, 3) from the samples (m, 3) that are most like it."""
    squares = (colours**2).sum(1)[:, None] + (samples**2).sum(1) - 2 * colours @ samples.T
    few = max(round(_LIKE * len(samples)), 1)
    nearest = np.partition(squares, few, axis=1)[:, :few]
    return np.asarray(np.sqrt(nearest.clip(0)).mean(axis=1), np.float32)
