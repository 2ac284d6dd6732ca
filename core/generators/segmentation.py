"""Which part of the body each pixel of the performer shows, by the network that ships in ``weights/segmenter``.

What lies over a part in a frame must not be copied with it: a hand before the hip is no hip.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core import paths
from core.conditioning.limb_fields import LABELS, Box, Points, limb_fields
from core.inference.runner import NetworkFiles, Runner, open_runner
from core.networks.config import read_config
from core.types import Alpha

SIDE: Final = 256
"""Pixels of the square that the network is shown."""
MOST_UNIT: Final = 52.0
"""Torso lengths are no longer there, so that half a body is not shown larger than a whole one."""

_MARGIN: Final = 0.06
"""Share of the square on either side that stays free around the person."""
_SEEN: Final = 8

_opening = threading.Lock()


def fitted(mask: Alpha, unit: float) -> NDArray[np.float64] | None:
    """(2, 3) from the pixels of a picture to those of the square that the network is shown; None where nobody is in it.

    Args:
        mask: (height, width), where the person is.
        unit: torso length in pixels.
    """
    x, y, width, height = cv2.boundingRect(cv2.compare(mask, _SEEN, cv2.CMP_GT))
    if width == 0:
        return None
    scale = min((1 - 2 * _MARGIN) * SIDE / max(width, height), MOST_UNIT / unit)
    middle = np.array([x + (width - 1) / 2, y + (height - 1) / 2])
    return np.column_stack([np.eye(2) * scale, (SIDE - 1) / 2 - scale * middle])


def placed(points: Points, matrix: NDArray[np.float64]) -> Points:
    """Points (N, 4) where a matrix (2, 3), which neither shears nor squeezes, takes them; depths grow as lengths do."""
    moved = points.copy()
    moved[:, :2] = points[:, :2] @ matrix[:, :2].T.astype(np.float32) + matrix[:, 2].astype(np.float32)
    moved[:, 2] *= np.float32(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    return moved


def part_shares(picture: NDArray[np.uint8], points: Points, unit: float) -> NDArray[np.uint8]:
    """How surely each pixel shows each part.

    Args:
        picture: (height, width, 4) uint8, the person's colours times their mask, and mask.
        points: of their pose, in its pixels; see :func:`core.conditioning.limb_fields.points_on`.
        unit: torso length in its pixels.

    Returns:
        (LABELS, height, width) uint8, 255 together; see :data:`core.conditioning.limb_fields.LABELS`. Zero everywhere where
        nobody is.
    """
    height, width = picture.shape[:2]
    shares = np.zeros((LABELS, height, width), np.uint8)
    matrix = fitted(np.ascontiguousarray(picture[..., 3]), unit)
    if matrix is None:
        return shares
    scale = float(matrix[0, 0])
    soft = picture if scale >= 1 else cv2.GaussianBlur(picture, (0, 0), 0.45 / scale)
    shown = np.asarray(cv2.warpAffine(soft, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR), np.uint8)
    fields = limb_fields(placed(points, matrix), unit * scale, Box(0, 0, SIDE, SIDE))
    found = _network()(shown[None], fields[None])[0]
    for share, small in zip(shares, found, strict=True):
        cv2.warpAffine(small, matrix, (width, height), share, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return shares


def _network() -> Runner:
    with _opening:
        return _opened()


@lru_cache(maxsize=1)
def _opened() -> Runner:
    files = NetworkFiles(*(paths.SEGMENTER / f"segmenter.{kind}" for kind in ("json", "safetensors", "xml")))
    return open_runner(read_config(files.config), files)
