"""A person put together from pictures of themselves: each part of the body taken from the picture that shows it best, and moved.

Six parts, cut out once and warped by linear blend skinning backwards, both as in ``core.warping.bend``, but each from another
picture, and all of them as far as the pose asks: nothing is held back for fear of rubber. Trunk, head and legs are laid over each
other in one layer; the arms lie in a second one, so that the trunk goes on behind them. What does not fit together, a network
sees to (``core.networks.realtime``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.limbs import CELL, CROWN, EARS, LEFT_HAND, NECK, PELVIS, RIGHT_HAND, Box, Points, cells
from core.types import Alpha, Frame
from core.warping.bend import Sheet, depths

TRUNK, HEAD, LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG = PARTS = range(6)
"""The parts; a choice has a picture for each, in this order."""

_BONES: Final = (
    ((NECK, PELVIS, 0.26, 0.6), (11, 23, 0.14, 0.6), (12, 24, 0.14, 0.6), (11, 12, 0.16, 0.5), (23, 24, 0.18, 0.35)),
    ((NECK, EARS, 0.11, 0.2), (7, 8, 0.14, 0.2), (EARS, CROWN, 0.14, 0.2), (EARS, 0, 0.10, 0.2)),
    ((11, 13, 0.12, 0.3), (13, 15, 0.10, 0.25), (15, LEFT_HAND, 0.10, 0.15)),
    ((12, 14, 0.12, 0.3), (14, 16, 0.10, 0.25), (16, RIGHT_HAND, 0.10, 0.15)),
    ((23, 25, 0.15, 0.45), (25, 27, 0.12, 0.4), (27, 31, 0.09, 0.15)),
    ((24, 26, 0.15, 0.45), (26, 28, 0.12, 0.4), (28, 32, 0.09, 0.15)),
)
"""From, to, radius, and the length from which on a bone has a direction in the picture; in torso lengths."""

_ALL: Final = np.array([bone for part in _BONES for bone in part], np.float32)
_START, _END = _ALL[:, 0].astype(int), _ALL[:, 1].astype(int)
_RADIUS, _CLEAR = _ALL[:, 2], _ALL[:, 3]
_PART: Final = np.repeat(np.arange(6), [len(part) for part in _BONES])
_SLICES: Final = tuple(slice(*np.searchsorted(_PART, [part, part + 1]).tolist()) for part in PARTS)
_FACE: Final = (0, 2, 5, 7, 8, 9, 10)

_STRETCH: Final = (0.7, 1.4)
_HEAD_SCALE: Final = (0.93, 1.07)
_FAR: Final = tuple(1 / (0.02 + reach * reach) ** 2 for reach in (4.0, 5.0, 3.5, 3.5, 4.0, 4.0))
"""What a bone weighs so many radii away, beyond which a part has no pixels."""
_FAINT: Final = 8


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of the person in one picture.

    Attributes:
        image: (height, width, 4) uint8, colours times mask, and mask: what of a canvas the part fills.
        left, top: where on that canvas.
    """

    image: NDArray[np.uint8]
    left: int
    top: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A picture of the person to take parts from: a piece for each, and the person's points on the canvas."""

    pieces: tuple[Piece, ...]
    points: Points


def snapshot(image: NDArray[np.uint8], points: Points, unit: float) -> Snapshot:
    """Cut a person into parts.

    Args:
        image: (height, width, 4) uint8 of a canvas: colours times mask, and mask.
        points: of the person.
        unit: torso length in pixels of the canvas.
    """
    mask = np.ascontiguousarray(image[..., 3])
    found = cv2.boundingRect(cv2.compare(mask, _FAINT, cv2.CMP_GT))
    if found[2] == 0:
        return Snapshot((_NOTHING,) * len(PARTS), points)
    # where a soft outline lets the stage through, colours are dark: cut apart, every part must be whole
    bright = np.asarray(cv2.divide(image[..., :3], cv2.merge([mask] * 3), scale=255), np.uint8)
    sheet = Sheet(bright, mask, found, points[:33], unit)
    return Snapshot(tuple(_piece(sheet.picture_of(part), sheet.cuts[part], found) for part in PARTS), points)


def _piece(picture: Frame, cut: Alpha, found: Sequence[int]) -> Piece:
    x, y, width, height = cv2.boundingRect(cv2.compare(cut, _FAINT, cv2.CMP_GT))
    if width == 0:
        return _NOTHING
    spot = (slice(y, y + height), slice(x, x + width))
    share = np.ascontiguousarray(cut[spot])
    colours = cv2.multiply(np.ascontiguousarray(picture[spot]), cv2.merge([share] * 3), scale=1 / 255)
    return Piece(np.dstack([colours, share]), found[0] + x, found[1] + y)


_NOTHING: Final = Piece(np.zeros((1, 1, 4), np.uint8), 0, 0)


def warp_parts(points: Points, unit: float, chosen: Sequence[Snapshot], box: Box) -> NDArray[np.uint8]:
    """The person in another pose, put together from parts.

    Args:
        points: the pose to show, on its canvas.
        unit: torso length in pixels of the canvas.
        chosen: for each part the picture to take it from.
        box: what of the canvas to show.

    Returns:
        (2, box.height, box.width, 4) uint8: trunk, head and legs; arms. Colours times mask, and mask.
    """
    weight, from_x, from_y = _skinned(points, unit, chosen, box)
    layers = np.zeros((2, box.height, box.width, 4), np.uint8)
    far_first = np.argsort(-depths(points[:33], unit), kind="stable")
    for part in (int(number) for number in far_first):
        here = _SLICES[part]
        loud = weight[here].max(0)
        shown = loud > _FAR[part]
        rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
        if not len(rows):
            continue
        r0, r1 = max(int(rows[0]) - 1, 0), min(int(rows[-1]) + 2, shown.shape[0])
        c0, c1 = max(int(columns[0]) - 1, 0), min(int(columns[-1]) + 2, shown.shape[1])
        near = weight[here, r0:r1, c0:c1]
        near /= near.sum(0)
        piece = chosen[part].pieces[part]
        maps = np.dstack(
            [
                (from_x[here, r0:r1, c0:c1] * near).sum(0) - piece.left,
                (from_y[here, r0:r1, c0:c1] * near).sum(0) - piece.top,
            ]
        )
        size = ((c1 - c0) * CELL, (r1 - r0) * CELL)
        maps = cv2.resize(maps, size, interpolation=cv2.INTER_LINEAR)
        warped = cv2.remap(piece.image, maps, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
        spot = layers[1 if part in (LEFT_ARM, RIGHT_ARM) else 0, r0 * CELL : r1 * CELL, c0 * CELL : c1 * CELL]
        left = cv2.bitwise_not(cv2.extractChannel(warped, 3))
        behind = cv2.multiply(np.ascontiguousarray(spot), cv2.merge([left] * 4), scale=1 / 255)
        np.copyto(spot, cv2.add(behind, warped))
    return layers


def _skinned(
    points: Points, unit: float, chosen: Sequence[Snapshot], box: Box
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """(bones, rows, columns) each: how near a cell is to a bone, and where on the chosen canvas the bone finds it."""
    x, y = cells(box)
    theirs = np.stack([snapshot.points for snapshot in chosen])
    start, end = _complex(points[_START]), _complex(points[_END])
    own_start, own_end = _complex(theirs[_PART, _START]), _complex(theirs[_PART, _END])
    way, own_way = end - start, own_end - own_start
    length, own_length = np.abs(way) + 1e-4, np.abs(own_way) + 1e-4
    direction = way / length
    # a bone that points at the camera has no direction: it goes with the spine
    clear = np.minimum(np.minimum(length, own_length) / (_CLEAR * unit), 1)
    turn = own_way / own_length * np.conj(direction)
    turn = turn[0] * np.exp(1j * clear * np.angle(turn * np.conj(turn[0])))
    along_there = direction * turn
    stretch = np.clip(own_length / length, *_STRETCH) ** clear
    from_x, from_y = x - _wide(start.real), y - _wide(start.imag)
    right, down = _wide(direction.real), _wide(direction.imag)
    along = from_x * right + from_y * down
    across = from_y * right - from_x * down
    beyond = along - np.clip(along, 0, _wide(length))
    apart = (beyond * beyond + across * across) * _wide(1 / (_RADIUS * unit) ** 2)
    weight = 1 / (0.02 + apart) ** 2
    along *= _wide(stretch)
    own_x = _wide(own_start.real) + along * _wide(along_there.real) - across * _wide(along_there.imag)
    own_y = _wide(own_start.imag) + along * _wide(along_there.imag) + across * _wide(along_there.real)
    own_x[_SLICES[HEAD]], own_y[_SLICES[HEAD]] = _head(points, theirs[HEAD], x, y)
    return np.asarray(weight, np.float32), np.asarray(own_x, np.float32), np.asarray(own_y, np.float32)


def _head(
    points: Points, own: Points, x: NDArray[np.float32], y: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where a head that moves as one piece is found: the turn, scale and shift that fit the face best."""
    face, own_face = _complex(points[list(_FACE)]), _complex(own[list(_FACE)])
    middle, own_middle = face.mean(), own_face.mean()
    fit = np.vdot(face - middle, own_face - own_middle) / max(float(np.vdot(face - middle, face - middle).real), 1e-6)
    size = max(abs(fit), 1e-6)
    fit *= min(max(size, _HEAD_SCALE[0]), _HEAD_SCALE[1]) / size
    offset = own_middle - fit * middle
    a, b = np.float32(fit.real), np.float32(fit.imag)
    return (
        np.broadcast_to(a * x - b * y + np.float32(offset.real), (1, y.shape[1], x.shape[2])),
        np.broadcast_to(b * x + a * y + np.float32(offset.imag), (1, y.shape[1], x.shape[2])),
    )


def _complex(points: NDArray[np.float32]) -> NDArray[np.complex128]:
    return points[..., 0] + 1j * points[..., 1].astype(np.float64)


def _wide(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)[:, None, None]
