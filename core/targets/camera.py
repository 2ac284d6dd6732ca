"""How the camera moved while footage was filmed, from the picture outside of the person.

Every frame is registered to a keyframe: corners of the keyframe are tracked into the frame (:mod:`core.utils.corner_tracking`),
and MAGSAC (Barath et al. 2020) finds the homography that most of them agree on. Where a camera that stands still, or a
similarity, explains them as well, that is taken: a homography that is free to follow the noise of a few corners bends the rest
of the picture. Corners are always tracked from the keyframe itself, so that errors do not add up from frame to frame. When the
view has drifted too far away the last registered frame becomes the next keyframe, and homographies are chained. Fast movements
and cuts are registered by descriptors (ORB, Rublee et al. 2011), and where nothing agrees a new shot begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.types import Alpha, Frame
from core.utils.corner_tracking import (
    Homography,
    Points,
    corners_of,
    normalised,
    overlap,
    spread_corners,
    track,
    transformed,
)

_SIDE: Final = 640
"""Longer side in pixels at which frames are registered."""
_CORNERS: Final = 400
_TOLERANCE: Final = 1.5
"""Pixels of the small picture by which a corner may miss the homography."""
_FEWEST: Final = 12
_AGREEING: Final = 0.35
_AS_GOOD: Final = 0.95
"""Share of the corners which a homography explains that a simpler movement has to explain."""
_REFRESH_BELOW: Final = 0.5
"""Share of a keyframe's corners that are still found below which the next keyframe is taken."""
_OVERLAP: Final = 0.6
_CLOSER: Final = 1.5
"""Change of scale from which a keyframe's corners are too unlike the frame's to be tracked well."""
_WINDOW: Final = 21
_LEVELS: Final = 3
_ROUNDS: Final = 20
_NEAR_PERSON: Final = 0.02
_STILL: Final = 0.6
"""Pixels of the small picture by which the corners of the view move in a camera that stands still."""
_REMEMBERED: Final = 12
"""Keyframes that a frame is compared with after a cut."""
_MOST_FRAMES: Final = 95
"""Per cent of the frames in which a camera that stands still has to be seen standing still."""
_LEAST_FREE: Final = 0.05
_SAME: Final = 10.0
"""Grey levels by which pictures of the same differ: noise, and a shadow's edge."""


@dataclass(frozen=True, slots=True)
class CameraPath:
    """Where the camera looked in each frame.

    Attributes:
        shots: for each frame the number of the shot it belongs to: only frames of one shot are registered to each other.
        to_shot: for each frame the homography from its pixels to those of the first frame of its shot.
        size: (width, height) of the frames.
    """

    shots: tuple[int, ...]
    to_shot: tuple[Homography, ...]
    size: tuple[int, int]

    def scaled(self, factor: float, size: tuple[int, int]) -> CameraPath:
        """The same path for frames of ``size``, ``factor`` times as large."""
        up, down = np.diag([factor, factor, 1.0]), np.diag([1 / factor, 1 / factor, 1.0])
        return CameraPath(self.shots, tuple(normalised(up @ h @ down) for h in self.to_shot), size)

    @property
    def longest_shot(self) -> int:
        """The shot with the most frames."""
        return int(np.bincount(self.shots).argmax())

    def moves(self, shot: int) -> bool:
        """Whether the camera moves in the shot by more than what registration is good for."""
        off = _from_middle(self._of(shot), self.size)
        return bool(np.percentile(off, _MOST_FRAMES) > _STILL * max(self.size) / _SIDE)

    def reference(self, shot: int) -> Homography:
        """From the first frame of the shot to its reference view: the view nearest to the middle of all."""
        mine = self._of(shot)
        return normalised(np.linalg.inv(mine[int(_from_middle(mine, self.size).argmin())]))

    def _of(self, shot: int) -> list[Homography]:
        return [h for h, of in zip(self.to_shot, self.shots, strict=True) if of == shot]


def _from_middle(views: Sequence[Homography], size: tuple[int, int]) -> NDArray[np.float64]:
    """(N,): pixels by which the corners of each view lie off where those of all usually do."""
    corners = corners_of(size)
    places = np.stack([transformed(corners, h) for h in views])
    return np.asarray(np.abs(places - np.median(places, axis=0)).max(axis=(1, 2)), np.float64)


class CameraTracker:
    """Registers the frames of footage one after the other.

    Args:
        size: (width, height) of the frames.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._scale = min(1.0, _SIDE / max(size))
        self._to_shot: list[Homography] = []
        self._shots: list[int] = []
        self._shots_begun = 0
        self._keys: list[_Keyframe] = []
        self._key: _Keyframe | None = None
        self._last: _View | None = None

    def add(self, image: Frame, person: Alpha) -> None:
        """Register the next frame.

        Args:
            image: (height, width, 3).
            person: (height, width), above 0 where the person is; corners there are not used.
        """
        view = self._view(image, person)
        if self._key is None or self._last is None:
            self._begin(view)
            return
        found = self._key.register(view, self._last.to_key)
        if found is None and self._last.view is not self._key.view:
            # too far from the keyframe: the last frame that was registered is nearer
            self._take(self._last)
            found = self._key.register(view, np.eye(3))
        if found is None and view.same_as(self._last.view):
            # a bare wall, or somebody who hides nearly all of the room: nothing to go by, and nothing that moved
            found = self._last.to_key, _REFRESH_BELOW
        if found is None:
            found = self._match(view)
        if found is None:
            self._begin(view)
            return
        to_key, tracked = found
        self._last = _View(view, to_key)
        self._shots.append(self._key.shot)
        self._to_shot.append(normalised(self._key.to_shot @ to_key))
        if tracked < _REFRESH_BELOW or _drifted(to_key, view):
            self._take(self._last)

    def path(self) -> CameraPath:
        """The path over all frames that were added, at least one."""
        small = CameraPath(tuple(self._shots), tuple(self._to_shot), self._size)
        return small.scaled(1 / self._scale, self._size)

    def _view(self, image: Frame, person: Alpha) -> _Picture:
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        size = tuple(round(side * self._scale) for side in self._size)
        if self._scale < 1.0:
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        near = max(3, round(_NEAR_PERSON * max(size)))
        free = cv2.resize(person, size, interpolation=cv2.INTER_AREA) < 24
        kernel = np.ones((2 * near + 1, 2 * near + 1), np.uint8)
        return _Picture(np.asarray(grey, np.uint8), cv2.erode(free.astype(np.uint8), kernel, borderValue=1))

    def _match(self, view: _Picture) -> tuple[Homography, float] | None:
        """Register a frame to any earlier keyframe by descriptors, the latest first; that one goes on being used."""
        for key in reversed(self._keys):
            found = key.match(view)
            if found is not None:
                self._key = key
                return found
        return None

    def _begin(self, view: _Picture) -> None:
        shot = self._shots_begun
        self._shots_begun += 1
        self._shots.append(shot)
        self._to_shot.append(np.eye(3))
        self._remember(_Keyframe(view, np.eye(3), shot))

    def _take(self, frame: _View) -> None:
        """Let a registered frame be the next keyframe."""
        assert self._key is not None
        self._remember(_Keyframe(frame.view, normalised(self._key.to_shot @ frame.to_key), self._key.shot))

    def _remember(self, key: _Keyframe) -> None:
        self._key, self._last = key, _View(key.view, np.eye(3))
        self._keys = [*self._keys[-_REMEMBERED + 1 :], key]


@dataclass(frozen=True, slots=True)
class _Picture:
    """A small grey picture, and 1 where the person is not."""

    grey: NDArray[np.uint8]
    free: NDArray[np.uint8]

    def same_as(self, other: _Picture) -> bool:
        """Whether both show the same wherever nobody is in either."""
        free = cv2.bitwise_and(self.free, other.free)
        if free.mean() < _LEAST_FREE:
            return False
        apart = cv2.absdiff(cv2.GaussianBlur(self.grey, (0, 0), 1.5), cv2.GaussianBlur(other.grey, (0, 0), 1.5))
        return bool(np.percentile(apart[free > 0], 95) < _SAME)


@dataclass(frozen=True, slots=True)
class _View:
    """A registered frame: ``to_key`` takes its pixels to those of the keyframe."""

    view: _Picture
    to_key: Homography


class _Keyframe:
    """A frame that others are registered to; ``to_shot`` takes its pixels to those of the first frame of shot ``shot``."""

    def __init__(self, view: _Picture, to_shot: Homography, shot: int) -> None:
        self.view = view
        self.to_shot = to_shot
        self.shot = shot
        self._corners = spread_corners(view.grey, view.free, _CORNERS // 10)
        self._described: tuple[Points, NDArray[np.uint8] | None] | None = None

    def register(self, view: _Picture, guess: Homography) -> tuple[Homography, float] | None:
        """The homography from ``view`` to this keyframe, and the share of corners that agree with it.

        Args:
            guess: the homography of a frame shortly before.
        """
        if len(self._corners) < _FEWEST:
            return None
        start = transformed(self._corners, np.linalg.inv(guess)).astype(np.float32)
        at, kept = track(
            self.view.grey, view.grey, self._corners, start, view.free, window=_WINDOW, levels=_LEVELS, rounds=_ROUNDS
        )
        found = _agreed(at[kept], self._corners[kept])
        if found is None:
            return None
        homography, agreeing = found
        if agreeing.mean() < _AGREEING:
            return None
        return homography, float(agreeing.sum()) / len(self._corners)

    def match(self, view: _Picture) -> tuple[Homography, float] | None:
        """As :meth:`register`, by descriptors: for views far from each other."""
        if self._described is None:
            self._described = _described(self.view)
        points, descriptors = self._described
        others, theirs = _described(view)
        if descriptors is None or theirs is None or min(len(points), len(others)) < _FEWEST:
            return None
        pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(theirs, descriptors, k=2)
        good = [p[0] for p in pairs if len(p) == 2 and p[0].distance < 0.75 * p[1].distance]
        if len(good) < _FEWEST:
            return None
        found = _agreed(others[[m.queryIdx for m in good]], points[[m.trainIdx for m in good]])
        if found is None or found[1].mean() < _AGREEING:
            return None
        # pairs that agree are exact to about a pixel: the corners say more
        return self.register(view, found[0]) or (found[0], _REFRESH_BELOW)


def _described(view: _Picture) -> tuple[Points, NDArray[np.uint8] | None]:
    points, descriptors = cv2.ORB.create(1500).detectAndCompute(view.grey, view.free)
    return np.array([point.pt for point in points], np.float32).reshape(-1, 2), descriptors


def _agreed(points: Points, others: Points) -> tuple[Homography, NDArray[np.bool_]] | None:
    """The simplest movement from ``points`` to ``others`` that most agree on, and which do; None where hardly any agree."""
    if len(points) < _FEWEST:
        return None
    general, _ = cv2.findHomography(points, others, cv2.USAC_MAGSAC, _TOLERANCE, maxIters=2000, confidence=0.999)
    if general is None or not np.isfinite(general).all() or abs(general[2, 2]) < 1e-6:
        return None
    general = normalised(np.asarray(general, np.float64))
    agreeing = _misses(points, others, general) < _TOLERANCE
    if agreeing.sum() < _FEWEST:
        return None
    still = _misses(points, others, np.eye(3)) < _STILL
    if still.sum() >= _AS_GOOD * agreeing.sum():
        return np.eye(3), still
    similar, _ = cv2.estimateAffinePartial2D(
        points[agreeing], others[agreeing], method=cv2.RANSAC, ransacReprojThreshold=_TOLERANCE
    )
    if similar is not None:
        similarity = np.vstack([np.asarray(similar, np.float64), [0.0, 0.0, 1.0]])
        alike = _misses(points, others, similarity) < _TOLERANCE
        if alike.sum() >= _AS_GOOD * agreeing.sum():
            return similarity, alike
    return general, agreeing


def _misses(points: Points, others: Points, homography: Homography) -> NDArray[np.float64]:
    """(N,): pixels between where ``homography`` takes each point and where it was found."""
    return np.asarray(np.linalg.norm(transformed(points, homography) - others, axis=1), np.float64)


def _drifted(to_key: Homography, view: _Picture) -> bool:
    shared, zoom = overlap(to_key, (view.grey.shape[1], view.grey.shape[0]))
    return shared < _OVERLAP or not 1 / _CLOSER < zoom < _CLOSER
