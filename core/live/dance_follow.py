"""A dance to follow: who dances it plays beside you, and how alike your poses are runs along.

Poses are compared by the angles at eight joints, as they are seen in the picture, so that neither build nor place counts;
as in a mirror, what counts is that both look alike on the screen. Somebody who follows is a little late: the last two
seconds are held against the dance at every lag up to 0.8 s, and the best one counts.
"""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Iterator
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

Angles = NDArray[np.float32]
"""(8,) degrees from 0 to 180; NaN where a joint is out of view."""

_JOINTS: Final = (
    (11, 13, 15), (12, 14, 16), (23, 11, 13), (24, 12, 14), (11, 23, 25), (12, 24, 26), (23, 25, 27), (24, 26, 28),
)  # fmt: skip
"""Elbows, shoulders, hips and knees: the joint in the middle, and what its angle lies between."""

_SEEN: Final = 0.5
_RATE: Final = 10.0
_SIDE: Final = 384
_ALIKE, _UNLIKE = 10.0, 70.0
_MEMORY: Final = 2.0
_LAGS: Final = np.arange(-0.2, 0.81, 0.1)
_FEWEST: Final = 4


def joint_angles(pose: Pose) -> Angles:
    """The angles at elbows, shoulders, hips and knees."""
    points = pose.xy.astype(np.float64)
    first, middle, last = (points[[joint[n] for joint in _JOINTS]] for n in range(3))
    a, b = first - middle, last - middle
    lengths = np.maximum(np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), 1e-6)
    angles = np.degrees(np.arccos(np.clip((a * b).sum(axis=1) / lengths, -1, 1)))
    seen = pose.visibility[np.array(_JOINTS)].min(axis=1) >= _SEEN
    return np.where(seen, angles, np.nan).astype(np.float32)


def likeness(mine: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.float32]:
    """(...) from 0 to 1 for angles (..., 8): 1 within 10 degrees at each joint, 0 from 70; NaN where too little is seen."""
    apart = np.abs(mine - theirs)
    alike = np.clip((_UNLIKE - apart) / (_UNLIKE - _ALIKE), 0, 1)
    known = ~np.isnan(alike)
    count = known.sum(axis=-1)
    total = np.where(known, alike, 0).sum(axis=-1)
    return np.where(count >= _FEWEST, total / np.maximum(count, 1), np.nan).astype(np.float32)


@dataclass(frozen=True, slots=True)
class DanceMoves:
    """The moves of a dance: seconds (N,), growing, and angles (N, 8)."""

    seconds: NDArray[np.float64]
    angles: NDArray[np.float32]

    @property
    def length(self) -> float:
        """Seconds from start to end."""
        return float(self.seconds[-1]) + 1 / _RATE if len(self.seconds) else 0.0

    def at(self, seconds: NDArray[np.float64]) -> NDArray[np.float32]:
        """(..., 8) the angles at those seconds, of a dance that begins again at its end."""
        times = np.mod(seconds, self.length)
        place = np.clip(np.searchsorted(self.seconds, times), 0, len(self.seconds) - 1)
        before = np.maximum(place - 1, 0)
        nearer = np.abs(self.seconds[before] - times) < np.abs(self.seconds[place] - times)
        return self.angles[np.where(nearer, before, place)]


def learn_moves(video: Path) -> DanceMoves:
    """The moves of a video, watched at ten pictures a second; kept, so that it is watched once on a machine.

    Raises:
        NotAVideo: it cannot be read.
    """
    kept = _kept(video)
    try:
        with np.load(kept) as known:
            return DanceMoves(known["seconds"], known["angles"])
    except (OSError, ValueError, KeyError):
        pass
    moves = _watch(video)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, seconds=moves.seconds, angles=moves.angles)
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
    nothing = np.full(len(_JOINTS), np.nan, np.float32)
    angles = [nothing if pose is None else joint_angles(pose) for pose in smooth_offline(poses, seconds)]
    return DanceMoves(np.array(seconds), np.array(angles, np.float32))


class Score:
    """How alike a stream of poses is to a dance, as it goes on."""

    def __init__(self, moves: DanceMoves) -> None:
        self._moves = moves
        self._recent: deque[tuple[float, Angles]] = deque()
        self._sum, self._count = 0.0, 0

    def add(self, pose: Pose, seconds: float) -> float | None:
        """The next pose, ``seconds`` after the dance began; returns the score now, 0 to 1, None before there is one."""
        self._recent.append((seconds, joint_angles(pose)))
        while seconds - self._recent[0][0] > _MEMORY:
            self._recent.popleft()
        now = self.now()
        if now is not None:
            self._sum, self._count = self._sum + now, self._count + 1
        return now

    def now(self) -> float | None:
        """Over the last two seconds."""
        if not self._recent:
            return None
        times = np.array([t for t, _ in self._recent])
        mine = np.stack([angles for _, angles in self._recent])
        theirs = self._moves.at(times[None] - _LAGS[:, None])
        alike = likeness(mine[None], theirs)
        known = ~np.isnan(alike)
        enough = known.sum(axis=1) >= max(_FEWEST, len(times) // 3)
        if not enough.any():
            return None
        means = np.where(known, alike, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        return float(means[enough].max())

    @property
    def mean(self) -> float | None:
        """Over the whole time."""
        return self._sum / self._count if self._count else None


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
