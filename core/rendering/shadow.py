"""The shadow a person casts: on an empty stage that was filmed, and on a floor of ours."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.pose import skeleton
from core.types import Alpha, Floor, Frame, Pose

_CONTACTS: Final = ((27, 29, 31), (28, 30, 32), (25,), (26,), (23, 24), (15, 19), (16, 20), (0,))
"""Joints of what can lie on a floor: feet, knees, hips, hands, head."""
_CONTACT: Final = 0.4
"""Light that is left right under what touches the floor."""
_UNDER_BODY: Final = 0.8
"""Light that is left of a lamp above, in the middle between the feet."""
_SOLE: Final = 0.05
"""Torso lengths by which soles lie below the joints of a foot."""
_LIFTED: Final = 0.25
"""Torso lengths above the floor at which what touched it casts no more shadow of its own."""
_FAR_OUT: Final = 20_000
_SHRINK: Final = 4
"""Soft shadows are drawn at a quarter of the picture's size."""

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


def light_on_floor(shape: tuple[int, ...], pose: Pose, floor: Floor) -> Alpha:
    """(height, width): the light that a body leaves of a lit floor, 255 where it casts no shadow.

    Dark and narrow below each part that touches the floor, less so the higher it is; wide and faint below all of the body.

    Args:
        shape: (height, width, ...) of the picture.
        pose: in its pixels.
        floor: where the body stands; what is higher than its far line is in the air.
    """
    height, width = shape[0], shape[1]
    unit = _unit(pose)
    lows = [float(pose.xy[list(part), 1].max()) for part in _CONTACTS]
    ground = min(max(*lows[:2], floor.far), floor.near)
    if ground >= height:
        return np.full((height, width), 255, np.uint8)
    small = (-(-height // _SHRINK), -(-width // _SHRINK))
    touched = (1 - _CONTACT) * _touching(small, pose, lows, ground, unit)
    below = (1 - _UNDER_BODY) * _below_body(small, pose, max(ground - max(lows), 0.0), ground, unit)
    light = (255 * (1 - touched) * (1 - below) + 0.5).astype(np.uint8)
    whole = cv2.resize(light, (small[1] * _SHRINK, small[0] * _SHRINK), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(whole[:height, :width], np.uint8)


def _unit(pose: Pose) -> float:
    """Length of the trunk in pixels; bent towards the camera it is as long as the shoulders tell."""
    shoulders, hips = pose.xy[list(skeleton.SHOULDERS)], pose.xy[list(skeleton.HIPS)]
    trunk = float(np.hypot(*(shoulders.mean(axis=0) - hips.mean(axis=0))))
    return max(trunk, float(np.hypot(*(shoulders[0] - shoulders[1]))), 1.0)


def _touching(shape: tuple[int, int], pose: Pose, lows: list[float], ground: float, unit: float) -> NDArray[np.float32]:
    """Shares of shadow, at a quarter of the size, below what touches the floor."""
    dark = np.zeros(shape, np.float32)
    for part, low in zip(_CONTACTS, lows, strict=True):
        lifted = max(ground - low, 0.0)
        share = 1.0 - lifted / (_LIFTED * unit)
        if share > 0:
            across = pose.xy[list(part), 0]
            # a foot may be higher in the picture because it is lifted, or because it stands behind the other one
            centre = (float(across.mean()), low + lifted / 2 + _SOLE * unit)
            radii = (max(float(np.ptp(across)), 0.2 * unit) / 2 + 0.1 * unit, 0.08 * unit)
            dark = np.maximum(dark, share * _spot(shape, centre, radii))
    return np.asarray(cv2.GaussianBlur(dark, (0, 0), max(0.05 * unit / _SHRINK, 0.5)), np.float32)


def _below_body(shape: tuple[int, int], pose: Pose, lifted: float, ground: float, unit: float) -> NDArray[np.float32]:
    """Shares of the wide shadow of all of the body, wider and fainter below one that leaps."""
    feet, hips = pose.xy[list(skeleton.FEET), 0], pose.xy[list(skeleton.HIPS), 0]
    fading = 1 + lifted / unit
    centre = ((float(feet.mean()) + float(hips.mean())) / 2, ground)
    spot = _spot(shape, centre, (float(np.ptp(feet)) / 2 + 0.45 * unit, 0.16 * unit))
    return np.asarray(cv2.GaussianBlur(spot, (0, 0), max(0.14 * unit / _SHRINK * fading, 0.5)) / fading, np.float32)


def _spot(shape: tuple[int, ...], centre: tuple[float, float], radii: tuple[float, float]) -> NDArray[np.float32]:
    """An ellipse of ones, given in pixels of the full picture."""
    x, y = (np.clip(v, -_FAR_OUT, _FAR_OUT) / _SHRINK for v in centre)
    box = ((float(x), float(y)), (2 * radii[0] / _SHRINK, 2 * radii[1] / _SHRINK), 0.0)
    return np.asarray(cv2.ellipse(np.zeros(shape, np.float32), box, 1.0, -1), np.float32)


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
