"""Pictures of another shape than the performer's: a window that follows the performer, and the stage grown where it reaches out.

The window has one size for the whole dance, so that nothing zooms: the largest of that shape within the picture, or as large as
the performer needs. It moves as little and as softly as it can while all of the performer stays inside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve1d, gaussian_filter1d, maximum_filter1d, minimum_filter1d

from core.pose.cuts import shots_of
from core.pose.skeleton import HIPS, SHOULDERS
from core.types import Frame, Pose
from core.utils.parsing import one_of

Shape = Literal["9:16", "1:1", "16:9"]
SHAPES: Final[tuple[Shape, ...]] = get_args(Shape)

_ASPECTS: Final[dict[Shape, float]] = {"9:16": 9 / 16, "1:1": 1.0, "16:9": 16 / 9}
_MARGIN: Final = 0.45
"""What hair, hands, feet and clothes reach beyond the joints, in torso lengths."""
_SOFT: Final = 0.6
"""Seconds before and after which a movement of the performer moves the window."""
_DRIFT: Final = 1.0
"""Standard deviation in seconds of what the window takes for the performer's place."""

_STRIP: Final = 0.12
"""How much of the stage, along an edge, it is grown from."""

Boxes = NDArray[np.float64]
"""(N, 4) left, top, right and bottom in pixels; NaN while nobody is there."""


def parse_shape(text: str) -> Shape:
    """The shape of that name.

    Raises:
        UnusableInput: there is none.
    """
    return one_of(text, SHAPES, "Shape")


@dataclass(frozen=True, slots=True)
class Framing:
    """Where the window of each frame lies: its (width, height), even, and (N, 2) its left and top, which may be negative."""

    size: tuple[int, int]
    corners: NDArray[np.float64]


def frame_performer(
    asked: list[Pose | None], seconds: list[float], cuts: list[int], picture: tuple[int, int], shape: Shape
) -> Framing:
    """A window of ``shape`` around the performer in every frame.

    Args:
        asked: the poses that are drawn, in pixels of the performer's picture.
        seconds: their times.
        cuts: numbers of the frames that begin another shot, where the window may jump.
        picture: (width, height) of the performer's picture.
    """
    boxes = performer_boxes(asked, picture)
    step = float(np.median(np.diff(seconds))) if len(seconds) > 1 else 1.0
    reach = max(round(_SOFT / max(step, 1e-3)), 1)
    shots = shots_of(cuts, len(boxes))
    spans = [_spans(boxes[shot], reach) for shot in shots]
    needed = np.max([(span[:, 2:] - span[:, :2]).max(axis=0) for span in spans], axis=0)
    aspect = _ASPECTS[shape]
    height = max(min(picture[1], picture[0] / aspect), needed[1], needed[0] / aspect)
    size = (_even(height * aspect), _even(height))
    corners = [
        np.stack([_path(boxes[shot], span, axis, size[axis], picture[axis], step, reach) for axis in (0, 1)], axis=1)
        for shot, span in zip(shots, spans, strict=True)
    ]
    return Framing(size, np.concatenate(corners))


def performer_boxes(asked: list[Pose | None], picture: tuple[int, int]) -> Boxes:
    """Around all of the performer, within the picture; where nobody is there, as before or after, at last the whole picture."""
    boxes = np.array([np.full(4, np.nan) if pose is None else _box(pose) for pose in asked]).reshape(-1, 4)
    known = np.flatnonzero(~np.isnan(boxes[:, 0]))
    if not len(known):
        return np.tile(np.array([0, 0, *picture], np.float64), (len(boxes), 1))
    everywhere = np.arange(len(boxes))
    filled = np.stack([np.interp(everywhere, known, boxes[known, side]) for side in range(4)], axis=1)
    return np.asarray(np.clip(filled, 0, np.array([*picture, *picture])))


def _box(pose: Pose) -> NDArray[np.float64]:
    points = pose.xy.astype(np.float64)
    torso = float(np.linalg.norm(points[list(SHOULDERS)].mean(axis=0) - points[list(HIPS)].mean(axis=0)))
    # foreshortened, it is still as long
    margin = _MARGIN * max(torso, 0.25 * float(np.ptp(points[:, 1])))
    return np.concatenate([points.min(axis=0) - margin, points.max(axis=0) + margin])


def _spans(boxes: Boxes, reach: int) -> Boxes:
    """What the performer takes within ``reach`` frames of each."""
    width = 2 * reach + 1
    least = minimum_filter1d(boxes[:, :2], width, axis=0, mode="nearest")
    most = maximum_filter1d(boxes[:, 2:], width, axis=0, mode="nearest")
    return np.concatenate([least, most], axis=1)


def _path(
    boxes: Boxes, span: Boxes, axis: int, size: int, picture: int, step: float, reach: int
) -> NDArray[np.float64]:
    """(N,) left or top of the window: never such that the performer, or less of the stage than there is, would be in it.

    Each place is a mean of places that suit all frames within ``reach``, and so suits its own frame.
    """
    middle = gaussian_filter1d((boxes[:, axis] + boxes[:, 2 + axis]) / 2, _DRIFT / step, mode="nearest") - size / 2
    least = np.maximum(span[:, 2 + axis] - size, min(0, picture - size))
    most = np.minimum(span[:, axis], max(0, picture - size))
    kernel = np.hanning(2 * reach + 3)[1:-1]
    return np.asarray(convolve1d(np.clip(middle, least, most), kernel / kernel.sum(), mode="nearest"))


def _even(length: float) -> int:
    return 2 * math.ceil(length / 2 - 1e-6)


class Reframer:
    """Cuts the windows out of pictures.

    Args:
        framing: where they lie.
        behind: (height, width, 3) what stands behind the performer, :func:`grown` where a window reaches out; None for
            transparent pictures, RGBA, which have nothing there.
        picture: (width, height) of the pictures.
    """

    def __init__(self, framing: Framing, behind: Frame | None, picture: tuple[int, int]) -> None:
        self.size = framing.size
        low = np.floor(np.minimum(framing.corners.min(axis=0), 0)).astype(int)
        high = np.ceil(np.maximum(framing.corners.max(axis=0) + framing.size - picture, 0)).astype(int)
        self._left, self._top = (int(-side) + 1 for side in low)
        right, bottom = (int(side) + 1 for side in high)
        if behind is None:
            self._ground = np.zeros((picture[1] + self._top + bottom, picture[0] + self._left + right, 4), np.uint8)
        else:
            self._ground = grown(behind, self._left, self._top, right, bottom)
        self._corners = framing.corners

    def cut(self, image: Frame, index: int) -> Frame:
        """The window of frame ``index`` of ``image``."""
        ground = self._ground.copy()
        height, width = image.shape[:2]
        ground[self._top : self._top + height, self._left : self._left + width] = image
        x, y = self._corners[index] + (self._left, self._top)
        if x == round(x) and y == round(y):
            return np.ascontiguousarray(ground[int(y) : int(y) + self.size[1], int(x) : int(x) + self.size[0]])
        # between whole pixels too: a slow window would stutter
        move = np.array([[1, 0, x], [0, 1, y]], np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(ground, move, self.size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
        )


def grown(stage: Frame, left: int, top: int, right: int, bottom: int) -> Frame:
    """A stage with so many pixels more on each side: what lies along its edges, mirrored and more and more stretched.

    Plain mirroring would show things twice, and wall below the floor.
    """
    height, width = stage.shape[:2]
    across, down = _sources(width, left, right), _sources(height, top, bottom)
    rows, columns = np.repeat(down[:, None], len(across), axis=1), np.repeat(across[None], len(down), axis=0)
    return np.asarray(cv2.remap(stage, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _sources(length: int, before: int, after: int) -> NDArray[np.float32]:
    """Where pixels come from along one side: beyond its ends from ever nearer to a strip's inner edge."""
    place = np.arange(-before, length + after, dtype=np.float64)
    strip = max(_STRIP * length, 1.0)
    outside = np.maximum(-place, place - (length - 1))
    inward = strip * (1 - np.exp(-np.maximum(outside, 0) / strip))
    return np.where(place < 0, inward, np.where(place > length - 1, length - 1 - inward, place)).astype(np.float32)
