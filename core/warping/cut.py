"""A person in a picture, cut into parts by what each pixel shows.

Where something else lies over a part, the part is not what is seen there: a hand before the hip is no hip. What is hidden is
filled with the part's own colours from around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.conditioning.limb_fields import CLOTH_LABEL
from core.types import Alpha, Frame
from core.warping.garment import told_apart
from core.warping.joint_limits import CHEST, Landmarks, points_of
from core.warping.limb_warp import cut_by_distance, depths, layers_of_body, points_with_hem, spread_colours
from core.warping.outline import Outline

_TRUNK, _HEAD, _LEGS = 0, 1, (4, 5)
_NEIGHBOURS: Final = (
    (0, 1, CHEST, (0.10, 0.18), (0.35, 0.5)),
    (0, 2, 11, (0.15, 0.25), (0.2, 0.3)),
    (0, 3, 12, (0.15, 0.25), (0.2, 0.3)),
    (0, 4, 23, (0.25, 0.4), (0.45, 0.6)),
    (0, 5, 24, (0.25, 0.4), (0.45, 0.6)),
)
"""Two parts that hang together; the point where they do; torso lengths around it within which each goes on over the other, and
to where that fades; the same within which none is taken to hide the other."""
_SURE: Final = np.clip((np.arange(256) - 128.0) * 2 + 165, 0, 255).astype(np.uint8)
"""How much of a part is cut out, by its share of what it and the likeliest other have (128 where they are alike)."""
_HIDING: Final = 128
"""Share of other parts, of 255, from which on they hide one."""
_DOUBT: Final = 0.3
"""How much what tells of a part counts where others are nearer."""
_LEAST: Final = 12
"""Of 255, what parts must have together for their shares to tell anything."""
_EDGE: Final = np.ones((5, 5), np.uint8)
_CELL: Final = 8
_SEAM: Final = np.ones((7, 7), np.uint8)
_FAR: Final = (101, 51)
"""Pixels across and down within which a part's own colours must lie for what is hidden to be filled in from them."""


def cut_by_labels(
    colours: Frame,
    mask: Alpha,
    own: Landmarks,
    unit: float,
    outline: Outline,
    shares: NDArray[np.uint8],
) -> tuple[list[tuple[Frame, Alpha, Alpha | None]], Alpha | None]:
    """Colours and mask of each of the six parts, and where others hide it, so that its colours there are made up from around it.

    With them, (height, width), where a shirt hangs over the hips; None where that is not known.

    Args:
        colours: (height, width, 3).
        mask: (height, width), where the person is.
        own: the pose, in pixels of the picture.
        unit: torso length in pixels.
        outline: of the person.
        shares: (LABELS, height, width), how surely each pixel shows each part; see ``core.generators.segmentation``.
    """
    garments = None if outline.hem else told_apart(colours, shares, own, unit)
    hangs = None
    if garments is not None:
        shares, hangs = garments
    points = points_with_hem(points_of(own), outline)
    order = [int(number) for number in np.argsort(depths(own, unit), kind="stable")]
    near, cores = cut_by_distance(mask, points, order, unit, layers_of_body(outline), behind=True)
    likely = [_weighed(share, own) for share, own in zip(_six(shares, near, hem=bool(outline.hem)), near, strict=True)]
    sure = _shares_of_six(likely, near)
    alone = _without_rivals(sure)
    seen = [cv2.multiply(mask, share, scale=1 / 255) for share in alone]
    apart = {joint: _apart(points[joint], unit, mask.shape) for _, _, joint, _, _ in _NEIGHBOURS}
    hiding = np.array([np.delete(sure, part, axis=0).sum(0, dtype=np.uint16) for part in range(len(sure))])
    for one, other, joint, over, beside in _NEIGHBOURS:
        zone, level = (_zone(apart[joint], reach, mask.shape) for reach in (over, beside))
        pairs = ((one, other), (other, one))
        # below a shirt trousers go on as trousers
        for part, neighbour in pairs if hangs is None or other not in _LEGS else pairs[:1]:
            shared = cv2.multiply(zone, sure[neighbour], scale=1 / 255)
            seen[part] = cv2.max(seen[part], cv2.multiply(near[part], shared, scale=1 / 255))
            # a little all along where they meet: warped apart, no gap may open
            seam = cv2.min(cv2.dilate(alone[part], _SEAM), cv2.min(level, alone[neighbour]))
            seen[part] = cv2.max(seen[part], cv2.min(seam, mask))
            hiding[part] -= cv2.multiply(level, sure[neighbour], scale=1 / 255)
    if hangs is not None:
        hangs = cv2.multiply(hangs, seen[_TRUNK], scale=1 / 255)
    return [_whole(colours, *of) for of in zip(seen, cores, hiding, sure, strict=True)], hangs


def _six(shares: NDArray[np.uint8], near: Sequence[Alpha], *, hem: bool) -> list[Alpha]:
    """How surely each pixel shows each of the six parts: hanging cloth is the trunk's, without a hem the legs' too."""
    sure = [np.ascontiguousarray(share) for share in shares[1:CLOTH_LABEL]]
    cloth = np.ascontiguousarray(shares[CLOTH_LABEL])
    if hem:
        sure[_TRUNK] = cv2.add(sure[_TRUNK], cloth)
        return sure
    for part in (_TRUNK, *_LEGS):
        sure[part] = cv2.add(sure[part], cv2.multiply(cloth, cv2.compare(near[part], 127, cv2.CMP_GT), scale=1 / 255))
    return sure


def _weighed(share: Alpha, near: Alpha) -> Alpha:
    """What tells of a part counts less where another part's bones are nearer: fingers beside the hair are taken for hair."""
    trust = cv2.addWeighted(near, 1 - _DOUBT, near, 0, 255 * _DOUBT)
    return np.asarray(cv2.multiply(share, trust, scale=1 / 255), np.uint8)


def _shares_of_six(sure: Sequence[Alpha], near: Sequence[Alpha]) -> list[Alpha]:
    """The same, 255 together: all of a person is of some part, by the distance to the bones where nothing else tells."""
    total = np.sum(sure, axis=0, dtype=np.uint16)
    clear = (total >= _LEAST).astype(np.uint8) * np.uint8(255)
    every = np.maximum(total, 1).clip(0, 255).astype(np.uint8)
    return [
        np.asarray(cv2.copyTo(cv2.divide(share, every, scale=255), clear, other.copy()), np.uint8)
        for share, other in zip(sure, near, strict=True)
    ]


def _without_rivals(sure: Sequence[Alpha]) -> list[Alpha]:
    """How much of each part is seen: nearly all where it is surer than any other."""
    found = []
    for part, share in enumerate(sure):
        rival = np.max([other for number, other in enumerate(sure) if number != part], axis=0)
        both = cv2.add(share, rival, dtype=cv2.CV_16U)
        lead = cv2.divide(share, both, scale=255, dtype=cv2.CV_8U)
        found.append(np.asarray(cv2.LUT(lead, _SURE), np.uint8))
    return found


def _apart(joint: complex, unit: float, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Torso lengths from a joint at the middles of the cells of a picture, ``_CELL`` pixels wide and high."""
    y, x = np.ogrid[: -(-shape[0] // _CELL), : -(-shape[1] // _CELL)]
    middle = (_CELL - 1) / 2
    across, down = x * _CELL + np.float32(middle - joint.real), y * _CELL + np.float32(middle - joint.imag)
    return np.asarray(np.hypot(across, down) / np.float32(unit), np.float32)


def _zone(apart: NDArray[np.float32], reach: tuple[float, float], shape: tuple[int, ...]) -> Alpha:
    """(height, width): 255 where something is no farther apart than the first of ``reach``, 0 from the second on."""
    least, most = reach
    coarse = np.clip((most - apart) * (255 / (most - least)), 0, 255).astype(np.uint8)
    size = (coarse.shape[1] * _CELL, coarse.shape[0] * _CELL)
    return np.ascontiguousarray(
        cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)[: shape[0], : shape[1]], np.uint8
    )


def _whole(
    colours: Frame, seen: Alpha, core: Alpha, hiding: NDArray[np.uint16], sure: Alpha
) -> tuple[Frame, Alpha, Alpha | None]:
    """A part with what others hide of it filled in from beside it, and where that is."""
    hidden = cv2.multiply(core, cv2.compare(hiding, _HIDING, cv2.CMP_GT), scale=1 / 255)
    hidden = cv2.min(hidden, cv2.bitwise_not(seen))
    if not cv2.countNonZero(hidden):
        return colours, seen, None
    # of its own alone: where it goes on over a neighbour it has that one's colours
    known = cv2.erode(cv2.compare(cv2.min(seen, sure), 250, cv2.CMP_GT), _EDGE)
    filled = cv2.min(hidden, cv2.compare(cv2.blur(known, _FAR, borderType=cv2.BORDER_CONSTANT), 0, cv2.CMP_GT))
    fill = spread_colours(colours, np.asarray(known, np.uint8))
    # the seen edge is soft, and has the colours of what lies over it
    below = (cv2.dilate(filled, _EDGE) > 0)[..., None] & (known == 0)[..., None]
    whole = np.ascontiguousarray(np.where(below, fill, colours), np.uint8)
    return whole, np.asarray(cv2.max(seen, filled), np.uint8), np.asarray(hidden, np.uint8)
