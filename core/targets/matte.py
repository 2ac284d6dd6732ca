"""Cutting the performer out of the footage: the empty stage behind, and a soft mask with true edges.

MediaPipe's segmentation knows where the person is, to two or three pixels, trembles, and loses a hand now and then. What
trembles, the camera's noise too, is averaged away over neighbouring frames on the same stage where the picture stays the same;
its rim is then drawn along the edges of the picture by a guided filter (He, Sun and Tang, PAMI 2013). Where the empty stage
behind is known, a lost hand is what differs from it in more than brightness (a shadow only darkens).

Of what was tried against known masks (``benchmarks/footage.py``) this is the best: solving for the share of the person in
each pixel of the rim from the stage's colour and the person's (Smith and Blinn 1996) follows the noise of compressed video,
and takes off what has the stage's colours, with that noise averaged away as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.types import Alpha, Frame, Pose

_DARKEST_SHADOW: Final = 0.35
_BRIGHTEST: Final = 1.04
_SURE_PERSON: Final = 30.0
_SOFT: Final = (0.3, 0.8)
"""Shares of the segmentation's mask that are nothing, and all, of a person."""
_GUIDED_REACH: Final = 3
_GUIDED_NOISE: Final = 30.0
"""Pixels around, and variance of grey levels below which there is no edge."""
_GUIDED: Final = (0.1, 0.9)
_TREMBLE: Final = 8.0
"""Grey levels by which a picture that stays the same differs from frame to frame."""
_SURELY_INSIDE: Final = 250
_NEARBY: Final = 15
_SEEN: Final = 0.4
_LIMBS: Final = (
    (11, 13), (13, 15), (15, 17), (15, 19), (12, 14), (14, 16), (16, 18), (16, 20),
    (23, 25), (25, 27), (24, 26), (26, 28),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Behind:
    """What is known of the empty stage behind the person.

    Attributes:
        picture: (height, width, 3), in the light of the frames.
        known: (height, width), where it was seen; elsewhere the picture is made up.
    """

    picture: Frame
    known: NDArray[np.bool_]

    def part(self, box: tuple[slice, slice]) -> Behind:
        """The part of it that lies in ``box``."""
        return Behind(self.picture[box], self.known[box])


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """A frame as it is compared with its neighbours.

    Attributes:
        image: (height, width, 3).
        rough: (height, width), the segmentation's mask of it.
        smooth: ``image`` without what differs from pixel to pixel.
    """

    image: Frame
    rough: Alpha
    smooth: Frame

    @classmethod
    def of(cls, image: Frame, rough: Alpha) -> Moment:
        """The moment of a frame and its rough mask."""
        return cls(image, rough, np.asarray(cv2.GaussianBlur(image, (0, 0), 1.0), np.uint8))


def refine(frame: Frame, rough: Alpha, behind: Behind | None, pose: Pose | None) -> Alpha:
    """The person's soft mask with edges where the picture has them.

    Args:
        frame: (height, width, 3).
        rough: (height, width), the segmentation's mask of the same frame.
        behind: the empty stage as far as it is known.
        pose: where the limbs are, so that a hand which the segmentation missed is found again (where the stage is known).
    """
    box = _box(rough, pose)
    alpha = np.zeros_like(rough)
    alpha[box] = _refined(frame[box], rough[box], None if behind is None else behind.part(box), _moved(pose, box))
    return alpha


def foreground(frame: Frame, alpha: Alpha, behind: Behind | None, light: Alpha) -> Frame:
    """The person's own colours times their mask, (height, width, 3), without what shines through at soft edges.

    Where the stage behind is known its share is taken off (Smith and Blinn 1996). Elsewhere colours at the edge are those of
    the person just inside: the old wall's would lay a rim around them on any other stage.

    Args:
        alpha: (height, width), the person's mask.
        light: (height, width), how much light of the stage is left, 255 where there is no shadow.
    """
    colours = np.zeros_like(frame)
    x, y, width, height = cv2.boundingRect(alpha)
    # most of a frame is empty; what is near the edge of the box is looked at beyond it
    box = (
        slice(max(y - _NEARBY, 0), y + height + _NEARBY),
        slice(max(x - _NEARBY, 0), x + width + _NEARBY),
    )
    if width:
        part = None if behind is None else behind.part(box)
        colours[box] = _foreground(frame[box], np.ascontiguousarray(alpha[box]), part, np.ascontiguousarray(light[box]))
    return colours


def _foreground(frame: Frame, alpha: Alpha, behind: Behind | None, light: Alpha) -> Frame:
    rim = (alpha > 0) & (alpha < 255)
    inside = _estimated(frame, alpha)
    if behind is not None:
        through = cv2.multiply(cv2.bitwise_not(alpha), light, scale=1 / 255)
        known = cv2.subtract(frame, cv2.multiply(behind.picture, cv2.merge([through] * 3), scale=1 / 255))
        inside = np.where(behind.known[..., None], known, inside)
    solid = cv2.multiply(frame, cv2.merge([alpha] * 3), scale=1 / 255)
    result = np.where(rim[..., None], inside, solid).astype(np.uint8)
    return np.asarray(cv2.min(result, cv2.merge([alpha] * 3)), np.uint8)


def _estimated(frame: Frame, alpha: Alpha) -> NDArray[np.uint8]:
    """Colours times mask with those near the edge taken from just inside."""
    near = _mean_near(frame.astype(np.float32), alpha > _SURELY_INSIDE)
    share = alpha.astype(np.float32)[..., None] / 255.0
    own = np.clip((share - 0.6) / 0.4, 0.0, 1.0)
    return np.asarray(share * (own * frame + (1 - own) * near) + 0.5, np.uint8)


def body_shape(shape: tuple[int, int], pose: Pose) -> Alpha:
    """(height, width) mask drawn from a pose alone, for a frame in which no segmentation was found."""
    canvas = _limbs(shape, pose).astype(np.uint8) * np.uint8(255)
    cv2.fillConvexPoly(canvas, np.rint(pose.xy[[11, 12, 24, 23]]).astype(np.int32), 255)
    head = pose.xy[:11].mean(axis=0)
    radius = 1.6 * float(np.hypot(*(pose.xy[7] - pose.xy[8]))) + 0.15 * _trunk(pose)
    cv2.circle(canvas, (round(float(head[0])), round(float(head[1]))), round(radius), 255, -1)
    return np.asarray(canvas, np.uint8)


def _box(rough: Alpha, pose: Pose | None) -> tuple[slice, slice]:
    """The part of the picture that holds the person, with room around."""
    rows, columns = np.nonzero(rough > 20)
    points = [np.stack([columns, rows], axis=1).astype(np.float32)]
    if pose is not None:
        points.append(pose.xy[pose.visibility >= _SEEN])
    every = np.concatenate(points)
    if not len(every):
        return slice(0, 0), slice(0, 0)
    room = _pixels(rough, 0.05)
    left, top = np.maximum(every.min(axis=0).astype(int) - room, 0)
    right, bottom = np.maximum(every.max(axis=0).astype(int) + room, 0)
    return slice(int(top), int(bottom)), slice(int(left), int(right))


def _moved(pose: Pose | None, box: tuple[slice, slice]) -> Pose | None:
    if pose is None:
        return None
    return Pose(pose.landmarks - np.array([box[1].start, box[0].start, 0, 0], np.float32))


def _refined(frame: Frame, rough: Alpha, behind: Behind | None, pose: Pose | None) -> Alpha:
    if not rough.size:
        return rough
    if behind is not None and pose is not None:
        rough = np.maximum(rough, _missed_limbs(frame, rough, behind, pose))
    share = _stretched(rough.astype(np.float32) / 255.0, *_SOFT)
    drawn = cv2.ximgproc.guidedFilter(frame, share, _GUIDED_REACH, _GUIDED_NOISE)
    return np.asarray(_stretched(drawn, *_GUIDED) * 255.0 + 0.5, np.uint8)


def steadied(here: Moment, others: Sequence[Moment]) -> tuple[Frame, Alpha]:
    """A frame and its rough mask without noise and tremble: means with moments shortly before and after, where all look the same.

    What the camera's sensor and the coder add is gone from both, so that an edge which stands still is found at the same
    place in each frame.

    Args:
        here: the frame of which mask and picture are wanted.
        others: the same view a moment earlier or later.
    """
    box = _box(here.rough, None)
    if not others or not here.rough[box].size:
        return here.image, here.rough
    total = cv2.merge([*cv2.split(here.image[box]), here.rough[box]]).astype(np.float32)
    weights = np.ones(total.shape[:2], np.float32)
    for other in others:
        apart = cv2.absdiff(here.smooth[box], other.smooth[box]).astype(np.float32)
        far = cv2.transform(cv2.multiply(apart, apart), np.full((1, 3), -0.5 / _TREMBLE**2, np.float32))
        alike = cv2.blur(cv2.exp(far), (3, 3))
        there = cv2.merge([*cv2.split(other.image[box]), other.rough[box]]).astype(np.float32)
        total += cv2.merge([alike] * 4) * there
        weights += alike
    mean = (total / weights[..., None] + 0.5).astype(np.uint8)
    image, rough = here.image.copy(), here.rough.copy()
    image[box], rough[box] = mean[..., :3], mean[..., 3]
    return image, rough


def _stretched(share: NDArray[np.float32], nothing: float, all_of_it: float) -> NDArray[np.float32]:
    return np.asarray(np.clip((share - nothing) / (all_of_it - nothing), 0.0, 1.0), np.float32)


def _mean_near(values: NDArray[np.float32], where: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Mean (height, width, 3) of the near pixels that count; the values themselves where none does."""
    weight = where.astype(np.float32)[..., None]
    window = (_NEARBY, _NEARBY)
    counts = cv2.blur(weight, window)[..., None]
    mean = cv2.blur(values * weight, window) / np.maximum(counts, 1e-4)
    return np.asarray(np.where(counts > 1e-4, mean, values), np.float32)


def _missed_limbs(frame: Frame, rough: Alpha, behind: Behind, pose: Pose) -> Alpha:
    """(height, width), 255 where a limb should be and the stage is plainly covered by something, joined to the body."""
    found = _limbs(rough.shape, pose) & behind.known & (colour_difference(frame, behind.picture) > _SURE_PERSON)
    opened = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    body = rough > 127
    _, labels = cv2.connectedComponents(opened | body.astype(np.uint8), connectivity=8)
    joined = np.isin(labels, np.unique(labels[body])) & (labels > 0)
    return np.asarray(np.where(joined & (opened > 0), 255, 0), np.uint8)


def colour_difference(frame: Frame, plate: Frame) -> NDArray[np.float32]:
    """(height, width): distance in grey levels of each pixel's colour from the stage's, lit or in shadow."""
    seen = cv2.GaussianBlur(frame, (0, 0), 0.8).astype(np.float32)
    stage = cv2.GaussianBlur(plate, (0, 0), 0.8).astype(np.float32)
    light = (seen * stage).sum(axis=2) / np.maximum((stage * stage).sum(axis=2), 1.0)
    light = np.clip(light, _DARKEST_SHADOW, _BRIGHTEST)
    return np.asarray(np.linalg.norm(seen - light[..., None] * stage, axis=2), np.float32)


def _limbs(shape: tuple[int, ...], pose: Pose) -> NDArray[np.bool_]:
    """(height, width): within a limb's breadth of a bone that was seen."""
    canvas = np.zeros(shape, np.uint8)
    breadth = max(int(_trunk(pose) * 0.28), 3)
    for a, b in _LIMBS:
        if min(pose.visibility[a], pose.visibility[b]) >= _SEEN:
            start, end = (tuple(int(v) for v in pose.xy[joint]) for joint in (a, b))
            cv2.line(canvas, start, end, 255, breadth)
    return canvas > 0


def _trunk(pose: Pose) -> float:
    return float(np.hypot(*(pose.xy[[11, 12]].mean(axis=0) - pose.xy[[23, 24]].mean(axis=0))))


def dilated(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """``mask`` (height, width) grown by ``reach`` pixels."""
    return np.asarray(cv2.dilate(mask.astype(np.uint8), _disc(reach)) > 0)


def _eroded(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    return np.asarray(cv2.erode(mask.astype(np.uint8), _disc(reach)) > 0)


def _disc(reach: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)), np.uint8)


def _pixels(mask: Alpha, share: float) -> int:
    return max(2, round(float(max(mask.shape)) * share))
