"""A picture of the performer for lists: head and shoulders from the frame that faces the camera best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from core.types import Frame, Pose

_NOSE, _EARS, _SHOULDERS, _WRISTS, _HIPS = 0, (7, 8), (11, 12), (15, 16), (23, 24)
_ASPECT: Final = 3 / 4
_TALLEST: Final = 480
LARGEST: Final = (360, 480)
"""(width, height) of a portrait, of which smaller pictures have the shape."""
_ABOVE_NOSE: Final = 0.42
_IN_SHOULDERS: Final = 2.6
_WORTH_IT: Final = 1.03
_UPRIGHT: Final = 1.2
"""Length of the trunk in breadths of the shoulders, in the picture, from which somebody stands upright."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A cropped portrait and how good it is."""

    score: float
    picture: Frame


def better(best: Candidate | None, image: Frame, pose: Pose) -> Candidate:
    """``best``, or a portrait cut from ``image`` where that is clearly better."""
    score = frontal(pose)
    if best is not None and score <= best.score * _WORTH_IT:
        return best
    return Candidate(score, fitted(_head_and_shoulders(image, pose)))


def frontal(pose: Pose) -> float:
    """How well a pose serves as a portrait: face and shoulders seen, turned to the camera, upright, hands down."""
    xy = pose.xy
    seen = float(pose.visibility[[_NOSE, *_EARS, *_SHOULDERS]].min())
    breadth = float(xy[11, 0] - xy[12, 0])  # the left shoulder is on the right of someone who faces the camera
    ears = float(xy[7, 0] - xy[8, 0])
    tall = max(float(np.ptp(xy[:, 1])), 1.0)
    if breadth <= 0 or ears <= 0:
        return 0.01 * seen
    centred = 1.0 - min(abs(float(xy[_NOSE, 0] - xy[list(_EARS), 0].mean())) / ears, 1.0)
    level = 1.0 - min(abs(float(xy[11, 1] - xy[12, 1])) / breadth, 1.0)
    # who crouches or leans over is short and broad, and no portrait
    torso = float(xy[list(_HIPS), 1].mean() - xy[list(_SHOULDERS), 1].mean())
    upright = min(max(torso / (_UPRIGHT * breadth), 0.0), 1.0)
    hands_down = float((xy[list(_WRISTS), 1] > xy[list(_SHOULDERS), 1].max() + 0.5 * breadth).mean())
    return seen * (0.2 + breadth / tall) * (0.3 + centred) * (0.3 + level) * (0.6 + 0.4 * hands_down) * (0.2 + upright)


def fitted(picture: Frame) -> Frame:
    """The middle of ``picture`` at 3:4, at most 480 pixels high."""
    height, width = picture.shape[:2]
    cut_width, cut_height = min(width, round(height * _ASPECT)), min(height, round(width / _ASPECT))
    left, top = (width - cut_width) // 2, (height - cut_height) // 2
    cut = picture[top : top + cut_height, left : left + cut_width]
    if cut_height > _TALLEST:
        cut = np.asarray(cv2.resize(cut, (round(_TALLEST * _ASPECT), _TALLEST), interpolation=cv2.INTER_AREA), np.uint8)
    return np.ascontiguousarray(cut)


def _head_and_shoulders(image: Frame, pose: Pose) -> Frame:
    """A 3:4 cut around the head, moved inside the picture where it would leave it."""
    rows, columns = image.shape[:2]
    shoulders = float(np.hypot(*(pose.xy[11] - pose.xy[12])))
    height = min(max(_IN_SHOULDERS * shoulders, 48.0), rows, columns / _ASPECT)
    width = height * _ASPECT
    x, y = (float(value) for value in pose.xy[_NOSE])
    left = int(np.clip(x - width / 2, 0, columns - width))
    top = int(np.clip(y - _ABOVE_NOSE * height, 0, rows - height))
    return image[top : top + max(int(height), 1), left : left + max(int(width), 1)]
