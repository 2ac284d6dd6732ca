"""The camera's own motion, taken out of the poses of a dance: the sway of a hand that films is not the dancer's.

Corners of a keyframe, wherever nobody is, are tracked into every frame of a shot in a small grey picture, and a turn and a zoom
of the camera is fitted to what most of them do (iteratively reweighted least squares, Geman-McClure weights), on from that of the
frame before. Only the pose is brought to the view of one frame of its shot; no picture is. Files, which know the whole shot, take
that out with care:

- a camera that stands changes nothing, to the bit;
- a camera that runs along with the dancer does not send the performer across the whole room: beyond a certain distance only its
  shaking is taken out;
- a zoom is taken out unless it makes the dancer's size less steady, as that of a camera does that walks after somebody;
- nothing is taken out where what of the body stands, mostly a foot, would begin to move: a large screen that plays behind the
  dancer is not the camera.

Live does none of this: the camera of a mirror stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core.pose import skeleton
from core.pose.cuts import shots_of
from core.pose.turns import smooth_in_time
from core.types import Frame, Pose
from core.utils.corner_tracking import (
    Homography,
    Points,
    box_side,
    normalised,
    overlap,
    spread_corners,
    track,
    transformed,
)

Array: TypeAlias = NDArray[np.float64]

_SIDE: Final = 480
"""Frames are halved until their longer side has fewer pixels than this."""
_EACH: Final = 5
_WINDOW, _LEVELS, _ROUNDS = 13, 2, 7
_FEWEST: Final = 8
_AROUND: Final = np.array([(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)])
_SHARP: Final = 1.0
"""Squared grey levels a pixel by which the picture changes at a corner at least, in any direction."""
_UNMOVED: Final = 0.15
"""Pixels of the small picture by which most corners move while the camera stands, noise and all."""
_REACHES: Final = (5.0, 1.5, 0.5)
"""Pixels of the small picture from which on a corner counts less, step by step."""
_RIDGE: Final = np.diag([1e-6, 1e-6, 1.0, 1.0, 1.0, 1.0])
"""What a corner counts for that says there is no roll, no zoom and no turn: where there are few, only a shift is fitted."""
_AGREES: Final = 1.0
_AGREEING: Final = 0.3
_HELD: Final = 1 / 3
"""Share of the boxes with corners that have to go on as before where something larger moves."""
_REFRESH_BELOW: Final = 0.5
"""Share of a keyframe's corners that still agree below which the next keyframe is taken."""
_OVERLAP: Final = 0.6
_CLOSER: Final = 1.4
_BLIND: Final = 6
"""Frames in a row that cannot be registered after which registration begins anew from where it was."""
_NEAR_PERSON: Final = 0.04

_STILL: Final = 0.001
"""Of the picture's longer side: by how much a camera that stands still seems to move."""
_MOST_FRAMES: Final = 98
_FARTHEST: Final = 1.5
"""Torso lengths to each side that a camera is followed while it runs along."""
_SLOW: Final = 0.4
"""Seconds (standard deviation) over which running along is told from shaking."""
_BODY: Final = (skeleton.SHOULDERS, skeleton.HIPS, (skeleton.LEFT_ANKLE, skeleton.RIGHT_ANKLE))
_QUIET: Final = ((27, 29, 31), (28, 30, 32), skeleton.HIPS, skeleton.SHOULDERS)
_SEEN: Final = 0.5
_QUIETER: Final = 40
"""Per cent of the frames in which something of a dancer usually stands still."""
_AS_QUIET: Final = 1.05


class CameraMotion:
    """Tells how the camera moves, frame by frame of one stream."""

    def __init__(self) -> None:
        self._key: _Keyframe | None = None
        self._to_key: Homography = np.eye(3)
        self._missed = 0
        self._moves = False

    def add(self, image: Frame, people: Sequence[Pose], *, cut: bool) -> Homography:
        """Take in the next frame; returns what takes its pixels to those of the first frame of its shot.

        Args:
            image: RGB.
            people: everybody who is known to be in it: the room is what is left. The first one dances.
            cut: whether a shot begins with it.
        """
        grey = _small(image)
        scale = image.shape[1] / grey.shape[1]
        if not (cut or self._moves or self._key is None) and self._key.unmoved(grey):
            return _scaled(self._key.to_shot, scale)
        free = _free(grey.shape, people, 1 / scale)
        if self._key is None or cut or self._key.grey.shape != grey.shape:
            self._begin(grey, free, np.eye(3))
            self._moves = False
            return np.eye(3)
        found = self._key.register(grey, free, self._to_key)
        if found is None:
            self._missed += 1
            to_shot = normalised(self._key.to_shot @ self._to_key)
            if self._missed >= _BLIND:
                self._begin(grey, free, to_shot)
            return _scaled(to_shot, scale)
        self._missed = 0
        self._to_key, agreeing = found
        self._moves = True
        to_shot = normalised(self._key.to_shot @ self._to_key)
        shared, zoom = overlap(self._to_key, (grey.shape[1], grey.shape[0]))
        if agreeing < _REFRESH_BELOW or shared < _OVERLAP or not 1 / _CLOSER < zoom < _CLOSER:
            # a chain of homographies bends out of shape: from here on only what the dancer's place does is kept
            place = _middle(people, grey.shape, scale)
            self._begin(grey, free, _similar(to_shot, place))
        return _scaled(to_shot, scale)

    def _begin(self, grey: NDArray[np.uint8], free: NDArray[np.uint8], to_shot: Homography) -> None:
        self._key, self._to_key, self._missed = _Keyframe(grey, free, to_shot), np.eye(3), 0


class _Keyframe:
    """A frame that others are registered to; ``to_shot`` takes its pixels to those of the first frame of the shot."""

    def __init__(self, grey: NDArray[np.uint8], free: NDArray[np.uint8], to_shot: Homography) -> None:
        self.grey = grey
        self.to_shot = to_shot
        corners = spread_corners(grey, free, _EACH)
        slopes = [cv2.Sobel(grey, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1))]
        across, down = (_around(slope, corners) for slope in slopes)
        xx, xy, yy = (across * across).sum(axis=0), (across * down).sum(axis=0), (down * down).sum(axis=0)
        # on a bare wall the best corners are noise
        sharp = (xx + yy) / 2 - np.hypot((xx - yy) / 2, xy) > _SHARP * len(_AROUND)
        self._corners = corners[sharp]
        self._grey_there = _around(grey, self._corners)
        self._slopes = np.stack([across, down])[..., sharp]
        self._structure = xx[sharp], xy[sharp], yy[sharp]
        boxes = (self._corners // box_side((grey.shape[1], grey.shape[0]))).astype(np.int64) @ (1, 8)
        self._boxes = np.unique(boxes, return_inverse=True)[1]

    def unmoved(self, grey: NDArray[np.uint8]) -> bool:
        """Whether most corners are where they were, by one step of Lucas-Kanade at each: a tenth of the price of tracking."""
        if not self.usable or grey.shape != self.grey.shape:
            return False
        change = self._grey_there - _around(grey, self._corners)
        (xx, xy, yy), (across, down) = self._structure, (self._slopes * change).sum(axis=1)
        moved = np.hypot(yy * across - xy * down, xx * down - xy * across) / np.maximum(xx * yy - xy * xy, 1e-3)
        return bool(np.median(moved) < _UNMOVED)

    @property
    def usable(self) -> bool:
        """Whether there is enough to go by."""
        return len(self._corners) >= _FEWEST

    def register(
        self, grey: NDArray[np.uint8], free: NDArray[np.uint8], guess: Homography
    ) -> tuple[Homography, float] | None:
        """What takes the pixels of a frame to this one's, and the share of corners that agree; None where too few do.

        Args:
            guess: that of the frame before.
        """
        if not self.usable:
            return None
        about = transformed(self._corners, np.linalg.inv(guess)).astype(np.float32)
        at, kept = track(self.grey, grey, self._corners, about, free, window=_WINDOW, levels=_LEVELS, rounds=_ROUNDS)
        if kept.sum() < _FEWEST:
            return None
        points, corners, boxes = at[kept], self._corners[kept], self._boxes[kept]
        start, reaches = self._start(points, corners, boxes, guess)
        to_key = _fitted(points, corners, start, reaches, grey.shape)
        agreeing = np.linalg.norm(transformed(points, to_key) - corners, axis=1) < _AGREES
        if agreeing.sum() < max(_FEWEST, _AGREEING * len(agreeing)):
            return None
        return to_key, float(agreeing.sum()) / len(self._corners)

    def _start(
        self, points: Points, corners: Points, boxes: NDArray[np.int64], guess: Homography
    ) -> tuple[Homography, tuple[float, ...]]:
        """Where to begin to fit, and how far to reach.

        As before where enough of the room went on like that, else moved as most of it did.
        A screen behind the dancer may have more corners than the room; it does not have the whole picture.
        """
        apart = corners - transformed(points, guess)
        held = np.bincount(boxes, np.linalg.norm(apart, axis=1) < _AGREES)
        if (held > 0.5 * np.bincount(boxes)).sum() >= _HELD * len(np.unique(boxes)):
            return guess, _REACHES[1:]
        moved = guess.copy()
        moved[:2] += np.outer(np.median(apart, axis=0), guess[2])
        return moved, _REACHES


def _around(picture: NDArray[np.uint8] | NDArray[np.float32], corners: Points) -> NDArray[np.float32]:
    """(9, N): what is around the corners."""
    height, width = picture.shape
    x, y = np.moveaxis(corners.astype(np.int64) + _AROUND[:, None], 2, 0)
    return np.asarray(picture[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)], np.float32)


def _fitted(
    points: Points, others: Points, start: Homography, reaches: tuple[float, ...], shape: tuple[int, ...]
) -> Homography:
    """The turn and zoom of a camera that takes most of ``points`` to ``others``, on from a first guess.

    A small yaw and pitch move a picture by a constant and by a term of second order in the place; together with roll and zoom
    these are six numbers, linear in the displacements.

    Args:
        reaches: pixels from which on a corner counts less, step by step.
        shape: (height, width) of the pictures.
    """
    half, count = max(shape) / 2, len(points)
    middle = np.array([shape[1] / 2, shape[0] / 2])
    from_centred = np.array([[half, 0, middle[0]], [0, half, middle[1]], [0, 0, 1.0]])
    to_centred = np.array([[1 / half, 0, -middle[0] / half], [0, 1 / half, -middle[1] / half], [0, 0, 1.0]])
    here, there = (points - middle) / half, (others - middle) / half
    to_other = to_centred @ start @ from_centred
    design = np.zeros((2, count, 6))
    design[0, :, 0] = design[1, :, 1] = 1
    for reach in reaches:
        at = transformed(here, to_other)
        apart = there - at
        weight = (1 + (apart * apart).sum(axis=1) * (half / reach) ** 2) ** -2.0
        x, y = at.T
        # grow, roll, yaw, pitch, after the shift across and down
        design[0, :, 2], design[0, :, 3], design[0, :, 4], design[0, :, 5] = x, -y, x * x, x * y
        design[1, :, 2], design[1, :, 3], design[1, :, 4], design[1, :, 5] = y, x, x * y, y * y
        weighted = (design * weight[:, None]).reshape(-1, 6).T
        normal = weighted @ design.reshape(-1, 6) + _RIDGE
        tx, ty, grow, roll, yaw, pitch = np.linalg.solve(normal, weighted @ apart.T.reshape(-1))
        to_other = np.array([[1 + grow, -roll, tx], [roll, 1 + grow, ty], [-yaw, -pitch, 1.0]]) @ to_other
    return normalised(from_centred @ to_other @ to_centred)


def _small(image: Frame) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    while max(grey.shape) >= _SIDE:
        grey = cv2.resize(grey, (grey.shape[1] // 2, grey.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(grey, np.uint8)


def _free(shape: tuple[int, ...], people: Sequence[Pose], scale: float) -> NDArray[np.uint8]:
    """1 where nobody is known to be."""
    free = np.ones(shape, np.uint8)
    for pose in people:
        hull = cv2.convexHull(np.clip(np.rint(pose.xy * scale), -4000, 4000).astype(np.int32))
        # landmarks end at wrists, eyes and toes
        beyond = max(3, round(_NEAR_PERSON * 2 * float(np.ptp(hull[:, 0], axis=0).max())))
        cv2.fillConvexPoly(free, hull, 0)
        cv2.polylines(free, [hull], True, 0, 2 * beyond)
    return free


def _middle(people: Sequence[Pose], shape: tuple[int, ...], scale: float) -> Array:
    """(1, 2) where the dancer is in the small picture, its middle where nobody is."""
    if not people:
        return np.array([[shape[1] / 2, shape[0] / 2]])
    return np.asarray(people[0].xy[list(skeleton.HIPS)].mean(axis=0)[None] / scale, np.float64)


def _similar(homography: Homography, place: Array) -> Homography:
    """The similarity that does at a place (1, 2) what the homography does there."""
    to = transformed(place, homography)[0]
    a, b = _turned(homography, place)
    x, y = place[0]
    return np.array([[a, -b, to[0] - a * x + b * y], [b, a, to[1] - b * x - a * y], [0, 0, 1.0]])


def _turned(homography: Homography, place: Array) -> tuple[float, float]:
    """Cosine and sine of the roll at a place, times the zoom."""
    step = np.eye(2) / 2
    near = transformed(place + step, homography) - transformed(place - step, homography)
    (xx, yx), (xy, yy) = near
    return float(xx + yy) / 2, float(yx - xy) / 2


def _scaled(homography: Homography, factor: float) -> Homography:
    """The same for pictures ``factor`` times as large."""
    return normalised(np.diag([factor, factor, 1.0]) @ homography @ np.diag([1 / factor, 1 / factor, 1.0]))


def steadied(
    views: Sequence[Homography], poses: Sequence[Pose | None], seconds: Sequence[float], cuts: Sequence[int], side: int
) -> list[Homography | None]:
    """What brings the dancer of each frame of a whole file to where a camera that stands would see them.

    Args:
        views: of each frame, see :meth:`CameraMotion.add`.
        poses: the dancer's, unsmoothed.
        seconds: times of the frames.
        cuts: numbers of the frames that begin a shot.
        side: the longer side of the pictures, in pixels.

    Returns:
        For each frame what to transform its pose by; None in shots where nothing is to be taken out.
    """
    result: list[Homography | None] = [None] * len(views)
    for shot_frames in shots_of(cuts, len(views)):
        first, end = shot_frames.start, shot_frames.stop
        there = [i for i in range(first, end) if poses[i] is not None]
        if len(there) < 2 or all(np.array_equal(view, views[first]) for view in views[first:end]):
            continue
        shot = _Shot(
            np.stack(views[first:end]),
            np.array(there) - first,
            np.stack([p.landmarks for i in there if (p := poses[i]) is not None]).astype(np.float64),
            np.array(seconds[first:end]),
        )
        if shot.still(side):
            continue
        result[first:end] = shot.steadied()
    return result


def in_view(pose: Pose, view: Homography | None) -> Pose:
    """A pose brought to another view of the same room; None for the same view."""
    if view is None:
        return pose
    a, b = _turned(view, pose.xy[list(skeleton.HIPS)].mean(axis=0, dtype=np.float64)[None])
    landmarks = pose.landmarks.copy()
    landmarks[:, :2] = transformed(pose.xy, view)
    landmarks[:, 2] *= np.hypot(a, b)
    return Pose(landmarks, pose.colours)


class _Shot:
    """One shot of a file.

    Args:
        views: (N, 3, 3) of its frames.
        there: numbers of the frames in which the dancer was found.
        track: their landmarks.
        seconds: (N,) times.
    """

    def __init__(self, views: Array, there: NDArray[np.int64], track: Array, seconds: Array) -> None:
        self._seconds = seconds
        self._there = there
        self._track = track
        everywhere = np.arange(len(views))
        body = np.stack([track[:, list(part), :2].mean(axis=1) for part in _BODY], axis=1)
        self._body = np.stack(
            [[np.interp(everywhere, there, body[:, i, k]) for k in (0, 1)] for i in range(len(_BODY))]
        ).transpose(2, 0, 1)
        self._torso = float(np.median(np.linalg.norm(body[:, 0] - body[:, 1], axis=1)))
        self._views = self._from_middle(views)

    def _from_middle(self, views: Array) -> Array:
        """The views as seen from that one of them which is nearest to the middle of all."""
        moved = self._moved(views)
        middle = np.linalg.norm(moved - np.median(moved, axis=0), axis=(1, 2)).argmin()
        return np.stack([normalised(np.linalg.inv(views[middle]) @ view) for view in views])

    def _moved(self, views: Array) -> Array:
        """(N, 3, 2): how far each view moves shoulders, hips and ankles."""
        return np.stack([transformed(at, view) - at for at, view in zip(self._body, views, strict=True)])

    def still(self, side: int) -> bool:
        """Whether the camera stands, as far as can be told; ``side`` is the longer one of the pictures."""
        moved = self._moved(self._views)
        off = np.linalg.norm(moved - np.median(moved, axis=0), axis=2).max(axis=1)
        return bool(np.percentile(off, _MOST_FRAMES) < _STILL * side)

    def steadied(self) -> list[Homography | None]:
        """See :func:`steadied`."""
        sized = self._with_true_sizes()
        found = [self._followed(sized, reach * self._torso) for reach in (_FARTHEST, 0.0)]
        before, (along, shaken) = self._unrest(None), (self._unrest(views) for views in found)
        if along > _AS_QUIET * min(before, shaken):
            found.reverse()
        if min(along, shaken) > _AS_QUIET * before:
            return [None] * len(found[0])
        return list(found[0])

    def _with_true_sizes(self) -> Array:
        """The views without their zoom, where the dancer's size in the picture did not follow it.

        The background of a camera that walks up to a dancer who walks away grows; the dancer does not.
        """
        here = self._body[:, 1]
        zoom = np.array([np.hypot(*_turned(v, p[None])) for v, p in zip(self._views, here, strict=True)])
        sizes = np.linalg.norm(self._body[:, 0] - self._body[:, 1], axis=1) + self._torso
        if np.std(np.log(sizes * zoom)) <= _AS_QUIET * np.std(np.log(sizes)):
            return self._views
        at = np.stack([transformed(p[None], v)[0] for p, v in zip(here, self._views, strict=True)])
        return np.stack([_about(p, 1 / z) @ v for p, z, v in zip(at, zoom, self._views, strict=True)])

    def _followed(self, views: Array, reach: float) -> Array:
        """The views, moved on where the camera goes farther than ``reach`` pixels: with 0, only its shaking is left."""
        moved = self._moved(views)[:, 1]
        slow = smooth_in_time(moved, self._seconds, _SLOW)
        pulled, off = np.zeros_like(slow), np.zeros(2)
        for i, at in enumerate(slow):
            off = np.clip(off, at - reach, at + reach)
            pulled[i] = off
        if not pulled.any():
            return views
        pulled = smooth_in_time(pulled, self._seconds, _SLOW)
        return np.stack([_shifted(-off) @ view for off, view in zip(pulled, views, strict=True)])

    def _unrest(self, views: Array | None) -> float:
        """How fast the part of the body moves that moves least: a foot that stands. In pixels a second, in the quieter frames."""
        seen = [part for part in _QUIET if np.median(self._track[:, list(part), 3]) >= _SEEN]
        parts = np.stack([self._track[:, list(part), :2].mean(axis=1) for part in seen or _QUIET], axis=1)
        if views is not None:
            parts = np.stack([transformed(at, views[i]) for at, i in zip(parts, self._there, strict=True)])
        spans = np.diff(self._seconds[self._there])
        least = np.linalg.norm(np.diff(parts, axis=0), axis=2).min(axis=1) / spans
        return float(np.percentile(least, _QUIETER))


def _shifted(by: Array) -> Homography:
    return np.array([[1, 0, by[0]], [0, 1, by[1]], [0, 0, 1.0]])


def _about(place: Array, factor: float) -> Homography:
    """A zoom about a place (2,)."""
    x, y = (1 - factor) * place
    return np.array([[factor, 0, x], [0, factor, y], [0, 0, 1.0]])
