"""A dance to follow: who dances it plays beside you, and a score of how alike you move runs along.

Compared are velocities, in torso lengths a second, of limbs, head and trunk against the joint that they hang on, and of the
hips: neither build nor place counts, and standing still is no dance. Each counts by how much the dance moves it. Somebody who
follows is a little late: the last seconds are held against the dance at every lag about its own time, and a lag costs the
more the longer it is, all from half a second on. Who dances as in a mirror and who dances the same side is both right.
"""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core import paths
from core.errors import DanceError
from core.pose.estimator import PoseEstimator
from core.pose.smoothing import smooth_offline
from core.types import Frame, Pose
from core.utils.closeable import Closeable
from core.video.reader import VideoReader

logger = logging.getLogger(__name__)

Places = NDArray[np.float64]
"""(..., parts, 2) where each part of the body is against what it hangs on, in torso lengths; NaN where it is out of view."""

_SHOULDERS, _HIPS = slice(11, 13), slice(23, 25)
_LIMBS: Final = ((11, 13), (12, 14), (11, 15), (12, 16), (23, 25), (24, 26), (23, 27), (24, 28))
"""Elbows, wrists, knees and ankles, left and right: what each hangs on, and itself. Head, trunk and hips come after them."""
_PARTS: Final = len(_LIMBS) + 3
_OTHER_SIDE: Final = (1, 0, 3, 2, 5, 4, 7, 6, 8, 9, 10)

_SEEN: Final = 0.5
_RATE: Final = 10.0
_SIDE: Final = 384
_MEMORY: Final = 3.0
"""Seconds that are compared."""
_FEWEST_SECONDS: Final = 1.5
_STEP: Final = 0.1
"""Seconds before and after a moment between which a velocity is taken."""
_LAGS: Final = np.arange(-0.2, 0.501, 0.05)
_FREE_LAG, _LONGEST_LAG = 0.05, 0.5
_CHANCE, _ALIKE = 0.2, 0.85
"""What velocities of another dance have in common by chance, and from where on they are as alike as people can tell."""
_RESTING: Final = 0.4
"""Torso lengths a second below which a part is not danced with."""
_FULL_SPEED: Final = 0.5
"""Whoever moves at this share of the dance's speed moves enough."""
_SEEN_SHARE: Final = 0.1
"""How much of what the dance moves has to be in view."""


def places_of(pose: Pose) -> Places:
    """Where the parts of a body are."""
    points = pose.xy.astype(np.float64)
    shoulders, hips = points[_SHOULDERS].mean(axis=0), points[_HIPS].mean(axis=0)
    parts = [points[end] - points[start] for start, end in _LIMBS] + [points[0] - shoulders, shoulders - hips, hips]
    visible = np.asarray(pose.visibility >= _SEEN)
    known = [bool(visible[start] and visible[end]) for start, end in _LIMBS]
    trunk = bool(visible[_SHOULDERS].all() and visible[_HIPS].all())
    known += [bool(visible[0] and visible[_SHOULDERS].all()), trunk, trunk]
    return np.where(np.array(known)[:, None], np.stack(parts), np.nan)


def torso_of(pose: Pose) -> float:
    """Pixels from the hips to the shoulders."""
    points = pose.xy.astype(np.float64)
    return float(np.linalg.norm(points[_SHOULDERS].mean(axis=0) - points[_HIPS].mean(axis=0)))


def velocities(seconds: NDArray[np.float64], places: Places, at: NDArray[np.float64]) -> Places:
    """(M, parts, 2) velocities at moments (M,) of places (N, parts, 2) at ``seconds`` (N,), growing."""
    flat = places.reshape(len(places), -1)
    before, after = (
        np.stack([np.interp(at + step, seconds, column) for column in flat.T], axis=1) for step in (-_STEP, _STEP)
    )
    return ((after - before) / (2 * _STEP)).reshape(len(at), *places.shape[1:])


def mirrored(motion: Places) -> Places:
    """The same seen in a mirror."""
    return motion[..., _OTHER_SIDE, :] * (-1.0, 1.0)


def likeness(mine: Places, theirs: Places) -> float | None:
    """How alike velocities (M, parts, 2) are, from 0 to 1; None where the dance rests or too little of it is in view."""
    known = ~np.asarray((np.isnan(mine) | np.isnan(theirs)).any(axis=2), np.bool_)
    a, b = (np.where(known[..., None], motion, 0.0) for motion in (mine, theirs))
    danced = np.sqrt(np.nansum(theirs**2, axis=(0, 2)))
    weights = np.where(danced / np.sqrt(len(theirs)) > _RESTING, danced, 0.0)
    seen = np.where(known.mean(axis=0) >= 0.5, weights, 0.0)
    if not weights.sum() or seen.sum() < _SEEN_SHARE * weights.sum():
        return None
    own, other = (np.sqrt((motion**2).sum(axis=(0, 2))) for motion in (a, b))
    cosine = (a * b).sum(axis=(0, 2)) / np.maximum(own * other, 1e-9)
    enough = np.minimum(own / np.maximum(_FULL_SPEED * other, 1e-9), 1.0)
    alike = float((seen * cosine * enough).sum() / seen.sum())
    return min(max((alike - _CHANCE) / (_ALIKE - _CHANCE), 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class DanceMoves:
    """The moves of a dance: seconds (N,), growing, and places (N, parts, 2)."""

    seconds: NDArray[np.float64]
    places: Places

    @property
    def length(self) -> float:
        """Seconds from start to end."""
        return float(self.seconds[-1]) + 1 / _RATE if len(self.seconds) else 0.0

    def velocities(self, seconds: NDArray[np.float64]) -> Places:
        """(M, parts, 2) at those seconds, of a dance that begins again at its end."""
        return velocities(self.seconds, self.places, np.mod(seconds, self.length))


def moves_of(poses: Sequence[Pose | None], seconds: Sequence[float]) -> DanceMoves:
    """The moves of poses at ``seconds``; None for nobody."""
    torsos = [torso_of(pose) for pose in poses if pose is not None]
    nothing = np.full((_PARTS, 2), np.nan)
    places = [nothing if pose is None else places_of(pose) for pose in poses]
    unit = max(float(np.median(torsos)), 1.0) if torsos else 1.0
    return DanceMoves(np.array(seconds, np.float64), np.array(places).reshape(-1, _PARTS, 2) / unit)


def learn_moves(video: Path) -> DanceMoves:
    """The moves of a video, watched at ten pictures a second; kept, so that it is watched once on a machine.

    Raises:
        NotAVideo: it cannot be read.
    """
    kept = _kept(video)
    try:
        with np.load(kept) as known:
            return DanceMoves(known["seconds"], known["places"])
    except (OSError, ValueError, KeyError):
        pass
    moves = _watch(video)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, seconds=moves.seconds, places=moves.places)
    except OSError as error:
        logger.info("the moves of %s are not kept: %s", video.name, error)
    return moves


def _kept(video: Path) -> Path:
    digest = hashlib.sha256(video.read_bytes()).hexdigest()[:20]
    return paths.cache_root() / "moves" / f"{video.stem}-{digest}.npz"


def _watch(video: Path) -> DanceMoves:
    seconds: list[float] = []
    poses: list[Pose | None] = []
    with VideoReader(video, max_side=_SIDE) as reader, PoseEstimator() as estimator:
        for frame in reader:
            if seconds and float(frame.time) - seconds[-1] < 0.9 / _RATE:
                continue
            found = estimator.detect(frame.image, round(frame.time * 1000))
            poses.append(None if found is None else found.pose)
            seconds.append(float(frame.time))
    return moves_of(smooth_offline(poses, seconds), seconds)


class Score:
    """How alike a stream of poses is to a dance, as it goes on."""

    def __init__(self, moves: DanceMoves) -> None:
        self._moves = moves
        self._recent: deque[tuple[float, Places, float]] = deque()
        # as it is seen, and as in a mirror
        self._sums, self._count = np.zeros(2), 0

    def add(self, pose: Pose, seconds: float) -> float | None:
        """The next pose, ``seconds`` after the dance began; returns the score now, 0 to 1, None before there is one."""
        if self._recent and seconds <= self._recent[-1][0]:
            return None
        self._recent.append((seconds, places_of(pose), torso_of(pose)))
        while seconds - self._recent[0][0] > _MEMORY:
            self._recent.popleft()
        both = self._both()
        if both is None:
            return None
        self._sums, self._count = self._sums + both, self._count + 1
        return float(both[np.argmax(self._sums)])

    def _both(self) -> NDArray[np.float64] | None:
        """(2,) over the last seconds: as it is seen, and as in a mirror."""
        times = np.array([t for t, _, _ in self._recent])
        if times[-1] - times[0] < _FEWEST_SECONDS:
            return None
        unit = max(float(np.median([torso for _, _, torso in self._recent])), 1.0)
        at = np.arange(times[0] + _STEP, times[-1] - _STEP + 1e-6, 1 / _RATE)
        mine = velocities(times, np.stack([places for _, places, _ in self._recent]) / unit, at)
        best = np.full(2, np.nan)
        for lag in _LAGS:
            on_time = min((_LONGEST_LAG - abs(lag)) / (_LONGEST_LAG - _FREE_LAG), 1.0)
            theirs = self._moves.velocities(at - lag)
            for way, motion in enumerate((mine, mirrored(mine))):
                alike = likeness(motion, theirs)
                if alike is not None:
                    best[way] = np.fmax(best[way], alike * max(on_time, 0.0))
        return None if np.isnan(best).any() else best

    @property
    def mean(self) -> float | None:
        """Over the whole time."""
        return float(self._sums.max() / self._count) if self._count else None


class DancePlayer(Closeable):
    """The pictures of a dance by the clock, over and over. Asked by one thread."""

    def __init__(self, video: Path) -> None:
        self._video = video
        self._reader: VideoReader | None = None
        self._frames: Iterator[tuple[float, Frame]] = iter(())
        self._shown: tuple[float, Frame] | None = None
        self._ahead: tuple[float, Frame] | None = None
        self._round = -1

    def again(self) -> DancePlayer:
        """Another one of the same dance."""
        return DancePlayer(self._video)

    def at(self, seconds: float, length: float) -> Frame | None:
        """The picture at ``seconds`` of a dance of that ``length``; None when it cannot be read."""
        number, within = divmod(max(seconds, 0.0), length) if length > 0 else (0.0, 0.0)
        try:
            if int(number) != self._round:
                self._rewind()
                self._round = int(number)
            while self._ahead is not None and self._ahead[0] <= within:
                self._shown, self._ahead = self._ahead, next(self._frames, None)
        except DanceError as error:
            logger.info("%s stops playing: %s", self._video.name, error)
            self._ahead = None
        return None if self._shown is None else self._shown[1]

    def close(self) -> None:
        """Let go of the file."""
        if self._reader is not None:
            self._reader.__exit__(None, None, None)
            self._reader = None

    def _rewind(self) -> None:
        self.close()
        self._reader = VideoReader(self._video, max_side=_SIDE)
        self._reader.__enter__()
        self._frames = ((float(frame.time), frame.image) for frame in self._reader)
        self._ahead = next(self._frames, None)
