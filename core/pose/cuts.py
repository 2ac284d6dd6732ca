"""Where shots begin: where the picture changes at once and the dancer is elsewhere, or as large as never before, with it.

The picture tells at once, so that a tracker can look afresh; but flashes and flickering light change it too, and a dissolve never
changes it at once. So what counts in the end is the dancer: whoever goes on as before is in the same shot, and somebody who stays
elsewhere from one frame to the next is in another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.pose.smoothing import BRIDGE, torso_length
from core.types import Frame, Pose

_THUMBNAIL: Final = (32, 32)
_LEVELS: Final = 28.0
"""Mean change in grey levels from which a picture is another one, however much the ones before it changed."""
_TIMES: Final = 2.5
_BEYOND: Final = np.array([2.0, 1.0])
"""A change at once is so many times as large as any of those before it, and then some grey levels: in the mean over the picture,
or in the median, which somebody who moves before a wall does not change, but a camera that is nearer now does."""
_RECENT: Final = 8
"""Changes that a change is held against."""

_MOVED: Final = (0.25, 3.0)
_STEPPED: Final = (0.5, 8.0)
"""Torso lengths, and torso lengths a second, by which a body's landmarks move at most within a shot: where the picture changed at
once, and where it did not."""
_GREW: Final = (0.05, 0.5)
_SWELLED: Final = (0.2, 1.0)
"""The same for the logarithm of its size."""
_SEEN: Final = 0.5
_FEWEST: Final = 8
"""Landmarks that are seen in two poses, from which on they are compared by those alone."""
_SETTLED: Final = 8
"""Frames with the dancer, before and after, by whose medians somebody is elsewhere for good where the picture tells nothing."""

_MIXED: Final = 0.2
"""Seconds before and after such a step in which a mixture of two pictures may still be seen."""
_MOST: Final = 0.6
"""Share of them that must be like that."""


class PictureChanges:
    """Tells in which pictures of a stream everything changes at once. State of one stream."""

    def __init__(self) -> None:
        self._last: NDArray[np.uint8] | None = None
        self._recent: deque[NDArray[np.float64]] = deque(maxlen=_RECENT)

    def at(self, image: Frame) -> bool:
        """Whether the next picture (RGB) differs from the last one far more than pictures did until then."""
        small, before = _thumbnail(image), self._last
        self._last = small
        if before is None:
            return False
        change = cv2.absdiff(small, before)
        sizes = np.array([change.mean(), np.median(change)])
        at_once = bool(sizes[0] > _LEVELS)
        if self._recent:
            at_once |= bool((sizes > _TIMES * np.max(self._recent, axis=0) + _BEYOND).any())
        if at_once:
            self._recent.clear()
        else:
            self._recent.append(sizes)
        return at_once


def _thumbnail(image: Frame) -> NDArray[np.uint8]:
    """A picture (RGB) in a few grey pixels."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    # grey and halved first: a tenth of the price of shrinking a large picture of three colours at one go
    while min(grey.shape) >= 8 * _THUMBNAIL[0]:
        grey = cv2.resize(grey, (grey.shape[1] // 2, grey.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(grey, _THUMBNAIL, interpolation=cv2.INTER_AREA), np.uint8)


def elsewhere(before: Pose, after: Pose, seconds: float, *, changed: bool) -> bool:
    """Whether a body cannot have come from one pose to the other within so many seconds.

    Args:
        changed: whether the picture changed at once in between; less is believed to be a move then.
    """
    # guesses at what is out of view jump about
    seen = (before.visibility >= _SEEN) & (after.visibility >= _SEEN)
    some = seen if seen.sum() >= _FEWEST else slice(None)
    first, second = before.xy[some].astype(np.float64), after.xy[some].astype(np.float64)
    unit = max(torso_length(before), torso_length(after))
    moved = float(np.linalg.norm(second - first, axis=1).mean()) / unit
    grew = abs(float(np.log(_spread(second) / _spread(first))))
    (move, moves), (growth, growths) = (_MOVED, _GREW) if changed else (_STEPPED, _SWELLED)
    return moved > move + moves * seconds or grew > growth + growths * seconds


def _spread(points: NDArray[np.float64]) -> float:
    """How large a body is, however it is turned."""
    return max(float(np.linalg.norm(points - points.mean(axis=0))), 1.0)


def shot_starts(poses: Sequence[Pose | None], seconds: Sequence[float], changed: Collection[int]) -> list[int]:
    """Numbers of the frames that begin a shot, after the first.

    Args:
        poses: the dancer's in each frame, unsmoothed; None where they were not found.
        seconds: times of the frames, growing.
        changed: numbers of the frames in which the picture changed at once.
    """
    found = [i for i, pose in enumerate(poses) if pose is not None]
    starts: list[int] = []
    for place, (last, now) in enumerate(pairwise(found), start=1):
        span = seconds[now] - seconds[last]
        before, after = poses[last], poses[now]
        if before is None or after is None:
            continue
        at = next((i for i in range(last + 1, now + 1) if i in changed), None)
        if at is not None:
            if span > BRIDGE or elsewhere(before, after, span, changed=True):
                starts.append(at)
        elif span <= BRIDGE and elsewhere(before, after, span, changed=False) and _for_good(poses, found, place):
            if starts and starts[-1] not in changed and seconds[now] - seconds[starts[-1]] <= BRIDGE:
                # of one picture that becomes another: what was found in between was nothing
                starts.pop()
            starts.append(now)
    return starts


def shots_of(cuts: Sequence[int], frames: int) -> list[slice]:
    """The shots of a video, in order, none of them empty.

    Args:
        cuts: numbers of the frames that begin another shot, growing.
        frames: how many there are in all.
    """
    return [slice(begin, end) for begin, end in pairwise([0, *cuts, frames]) if begin < end]


def without_mixtures(
    poses: Sequence[Pose | None], seconds: Sequence[float], starts: Sequence[int], changed: Collection[int]
) -> list[Pose | None]:
    """The poses without those of moments in which one picture slowly becomes another: what is found in both at once is nobody.

    Args:
        poses, seconds, changed: see :func:`shot_starts`.
        starts: what that returned.
    """
    kept = list(poses)
    found = [i for i, pose in enumerate(poses) if pose is not None]
    for start in starts:
        if start in changed:
            continue
        place = found.index(start)
        for frames in (found[place:], found[:place][::-1]):
            near = sum(abs(seconds[i] - seconds[start]) <= _MIXED for i in frames)
            usual = _usual(poses, frames[near : near + _SETTLED])
            for i in frames[:near]:
                pose = poses[i]
                if usual is None or pose is None or not elsewhere(usual, pose, 0.0, changed=True):
                    break
                kept[i] = None
    return kept


def _for_good(poses: Sequence[Pose | None], found: Sequence[int], place: int) -> bool:
    """Whether the dancer was in one place before frame ``found[place]`` and is in another one from there on.

    Mistakes of the estimator end soon, or go on from frame to frame.
    """
    before = _usual(poses, found[max(place - _SETTLED, 0) : place])
    after = _usual(poses, found[place : place + _SETTLED])
    return before is not None and after is not None and elsewhere(before, after, 0.0, changed=False)


def _usual(poses: Sequence[Pose | None], frames: Sequence[int]) -> Pose | None:
    """The median of the poses in some frames; None where too few of them are like it, or there are none."""
    some = [pose for i in frames if (pose := poses[i]) is not None]
    if not some:
        return None
    usual = Pose(np.median([pose.landmarks for pose in some], axis=0))
    like = sum(not elsewhere(usual, pose, 0.0, changed=False) for pose in some)
    return usual if like >= _MOST * len(some) else None
