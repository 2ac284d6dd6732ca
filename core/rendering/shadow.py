"""The shadow a person casts on an empty stage."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from core.types import Alpha, Frame

_RIM = np.ones((9, 9), np.uint8)
_AROUND = (9, 9)
_FADE = 20.0


def light_left(frame: Frame, mask: Alpha, plate: Frame) -> NDArray[np.uint8]:
    """How much darker than the empty stage each spot is, at half size: 255 where it is not.

    Where the person hides the stage, the shadow around them goes on.

    A still camera sees the same stage in both, so what is left of their ratio is the shadow the person casts.
    """
    lit, dark, person = (_halved(picture) for picture in (plate, frame, mask))
    ratio = cv2.divide(cv2.cvtColor(dark, cv2.COLOR_RGB2GRAY), cv2.cvtColor(lit, cv2.COLOR_RGB2GRAY), scale=255)
    # a twentieth of darkness is grain and compression, not shadow
    shade = cv2.convertScaleAbs(ratio, alpha=1.05)
    # the person, and the rim that is neither person nor stage, takes the shadow around it
    seen = cv2.compare(cv2.dilate(person, _RIM), 0, cv2.CMP_EQ)
    dark, lit = (_blurred(_halved(cv2.bitwise_and(picture, seen))) for picture in (shade, seen))
    filled = cv2.resize(cv2.divide(cv2.add(dark, 1), cv2.add(lit, 1), scale=255), shade.shape[::-1])
    shade = cv2.GaussianBlur(np.where(seen > 0, shade, filled), (0, 0), 1.5)
    return np.asarray(cv2.max(shade, _border(shade.shape[0], shade.shape[1])), np.uint8)


def _blurred(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.blur(cv2.blur(picture, _AROUND), _AROUND), np.uint8)


def _halved(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    size = (picture.shape[1] // 2, picture.shape[0] // 2)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


@lru_cache(maxsize=8)
def _border(height: int, width: int) -> NDArray[np.uint8]:
    """255 at the edge of a picture, 0 well inside: a shadow that the edge cuts off fades instead of ending in a line."""
    inside = np.zeros((height, width), np.uint8)
    inside[1:-1, 1:-1] = 1
    away = cv2.distanceTransform(inside, cv2.DIST_L1, 3)
    return np.asarray(np.clip(255 * (1 - away / _FADE), 0, 255), np.uint8)
