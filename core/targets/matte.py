"""Cutting the performer out of the footage: the empty stage behind, and a soft mask with true edges.

MediaPipe's segmentation knows where the person is, to two or three pixels, and loses a hand now and then. Along its rim
the mask is found from the picture itself: a pixel there is a mixture of the person's colour just inside and the stage's
colour just outside. Where the camera stands still the empty stage behind is known, so its pattern does not disturb, and
a lost hand is what differs from it in more than brightness (a shadow only darkens).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.types import Alpha, Frame, Pose

_STILL_RESIDUAL: Final = 20
_SHADOWED_SHARE: Final = 0.08
_OTHER_SHARE: Final = 0.01
_FEWEST_VIEWS: Final = 3
_STRIPE: Final = 32
_NO_VIEW: Final = 65_535
_SHADOW_STEP: Final = 8
_DARKEST_SHADOW: Final = 0.35
_BRIGHTEST: Final = 1.04
_SURE_PERSON: Final = 30.0
_ALIKE: Final = 20.0
_UNLIKE: Final = 50.0
_RIM: Final = 3
_NEARBY: Final = 15
_SEEN: Final = 0.4
_LIMBS: Final = (
    (11, 13), (13, 15), (15, 17), (15, 19), (12, 14), (14, 16), (16, 18), (16, 20),
    (23, 25), (25, 27), (24, 26), (26, 28),
)  # fmt: skip


def empty_stage(frames: Sequence[Frame], masks: Sequence[Alpha]) -> Frame | None:
    """What stands behind the person, from frames spread over the footage; None when the camera moved.

    Each pixel is the median over the frames in which the person is well away from it; what was never uncovered is
    filled in from around it. The camera counts as still when that stage explains what frames show around the person.

    Args:
        frames: (height, width, 3) each.
        masks: (height, width) each, the person's rough masks of the same frames.
    """
    covered = np.stack([_dilated(mask > 40, _pixels(mask, 0.03)) for mask in masks])
    stack = np.stack(frames)
    plate = np.empty(frames[0].shape, np.uint8)
    for top in range(0, len(plate), _STRIPE):
        rows = slice(top, top + _STRIPE)
        plate[rows] = _median_where_seen(stack[:, rows], covered[:, rows])
    if not _explains(plate, stack, covered):
        return None
    hidden = (~covered).sum(axis=0) < min(_FEWEST_VIEWS, len(frames))
    if hidden.mean() > 0.5:
        return None
    return np.ascontiguousarray(cv2.inpaint(plate, hidden.astype(np.uint8), 5, cv2.INPAINT_TELEA))


def refine(frame: Frame, rough: Alpha, plate: Frame | None, pose: Pose | None) -> Alpha:
    """The person's soft mask with edges where the picture has them.

    Args:
        frame: (height, width, 3).
        rough: (height, width), the segmentation's mask of the same frame.
        plate: the empty stage, None where the camera moved.
        pose: where the limbs are, so that a hand which the segmentation missed is found again (with a plate only).
    """
    box = _box(rough, pose)
    alpha = np.zeros_like(rough)
    alpha[box] = _refined(frame[box], rough[box], None if plate is None else plate[box], _moved(pose, box))
    return alpha


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


def _refined(frame: Frame, rough: Alpha, plate: Frame | None, pose: Pose | None) -> Alpha:
    if not rough.size:
        return rough
    if plate is not None and pose is not None:
        rough = np.maximum(rough, _missed_limbs(frame, rough, plate, pose))
    reach = _RIM
    inside = _eroded(rough > 127, reach)
    near = _dilated(rough > 127, reach)
    band = near & ~inside
    believed = _steep(rough.astype(np.float32) / 255.0)
    alpha = np.where(band, _composition(frame, plate, inside, ~near, believed), inside.astype(np.float32))
    return np.ascontiguousarray((cv2.GaussianBlur(alpha, (0, 0), 0.5) * 255.0 + 0.5).astype(np.uint8))


def _composition(
    frame: Frame,
    plate: Frame | None,
    inside: NDArray[np.bool_],
    outside: NDArray[np.bool_],
    believed: NDArray[np.float32],
) -> NDArray[np.float32]:
    """(height, width) in [0, 1]: how much of the person each pixel is mixed of.

    Solves ``seen = a * person + (1 - a) * stage`` (Smith and Blinn 1996) with the person's colour taken from just
    inside, the stage's from the plate in the light of just outside. Where the two are not surely
    apart, as beside a pattern, ``believed`` stands.
    """
    seen = frame.astype(np.float32)
    person, unsure = _spread(seen, inside)
    stage, pattern = _spread(seen, outside)
    if plate is None:
        unsure = unsure + pattern
    else:
        empty = plate.astype(np.float32)
        light = (stage + 4.0) / (_spread(empty, outside)[0] + 4.0)
        stage = np.clip(empty * np.clip(light, _DARKEST_SHADOW, _BRIGHTEST), 0.0, 255.0)
    apart = person - stage
    distance = (apart * apart).sum(axis=2)
    share = np.clip(((seen - stage) * apart).sum(axis=2) / np.maximum(distance, 1.0), 0.0, 1.0)
    trust = np.clip((np.sqrt(distance) - unsure - _ALIKE) / (_UNLIKE - _ALIKE), 0.0, 1.0)
    return np.asarray(trust * _steep(share) + (1.0 - trust) * believed, np.float32)


def _spread(values: NDArray[np.float32], where: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean (height, width, 3) of the near pixels that count, and how far they scatter about it (height, width)."""
    weight = where.astype(np.float32)[..., None]
    window = (_NEARBY, _NEARBY)
    counts = cv2.blur(weight, window)[..., None]
    some = counts > 1e-4
    counts = np.maximum(counts, 1e-4)
    mean = np.where(some, cv2.blur(values * weight, window) / counts, values)
    square = np.where(some, cv2.blur(values * values * weight, window) / counts, mean * mean)
    return mean, np.sqrt(np.maximum(square - mean * mean, 0.0).sum(axis=2))


def _steep(share: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is nearly all or nearly nothing is meant to be just that: veils around the person come from there."""
    return np.asarray(np.clip((share - 0.2) / 0.7, 0.0, 1.0), np.float32)


def _missed_limbs(frame: Frame, rough: Alpha, plate: Frame, pose: Pose) -> Alpha:
    """(height, width), 255 where a limb should be and the stage is plainly covered by something, joined to the body."""
    found = _limbs(rough.shape, pose) & (_difference(frame, plate) > _SURE_PERSON)
    opened = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    body = rough > 127
    _, labels = cv2.connectedComponents(opened | body.astype(np.uint8), connectivity=8)
    joined = np.isin(labels, np.unique(labels[body])) & (labels > 0)
    return np.asarray(np.where(joined & (opened > 0), 255, 0), np.uint8)


def _difference(frame: Frame, plate: Frame) -> NDArray[np.float32]:
    """(height, width): distance of each pixel's colour from the stage's, lit or in shadow."""
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


def _median_where_seen(stack: NDArray[np.uint8], covered: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(rows, width, 3): the stage as seen in ``stack`` where not ``covered``; over everything where always covered.

    The median, unless the brightest third of the views agrees on something much brighter: then the person's shadow lay
    there most of the time.
    """
    always = covered.all(axis=0)
    values = np.where((covered & ~always)[..., None], np.uint16(_NO_VIEW), stack.astype(np.uint16))
    values.sort(axis=0)
    last = np.where(always, len(stack), (~covered).sum(axis=0)) - 1
    middle, bright = (_at_rank(values, last * share // 6) for share in (3, 5))
    shadowed = (bright.astype(np.int16) - middle).mean(axis=2, keepdims=True) > _SHADOW_STEP
    return np.asarray(np.where(shadowed, bright, middle), np.uint8)


def _at_rank(values: NDArray[np.uint16], rank: NDArray[np.int64]) -> NDArray[np.uint8]:
    return np.asarray(np.take_along_axis(values, rank[None, ..., None], axis=0)[0], np.uint8)


def _explains(plate: Frame, stack: NDArray[np.uint8], covered: NDArray[np.bool_]) -> bool:
    """Whether the frames, outside the person, look like the plate: that is what a plate is needed for.

    The person's shadow may make some of it darker; hardly anything may have another colour.
    """
    off, other = [], []
    for frame, person in zip(stack, covered, strict=True):
        stage = ~person
        if stage.any():
            off.append((cv2.absdiff(frame, plate).max(axis=2)[stage] > _STILL_RESIDUAL).mean())
            other.append((_difference(frame, plate)[stage] > _STILL_RESIDUAL).mean())
    if not off:
        return False
    return bool(np.percentile(off, 75) <= _SHADOWED_SHARE and np.percentile(other, 75) <= _OTHER_SHARE)


def _dilated(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), _disc(reach)) > 0)


def _eroded(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    return np.asarray(cv2.erode(mask.astype(np.uint8), _disc(reach)) > 0)


def _disc(reach: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)), np.uint8)


def _pixels(mask: Alpha, share: float) -> int:
    return max(2, round(float(max(mask.shape)) * share))
