"""Taking the noise out of poses over time.

Live, the future is unknown: a One Euro filter (Casiez, Roussel and Vogel, CHI 2012) on each coordinate, in torso lengths so
that its two constants mean the same for a near and a far person. For files the future is known: a Gaussian over time with
zero phase, weighted by visibility, which never lags. Against the known joints of the rendered performers a standard
deviation of one frame at 25 fps comes nearest (benchmarks/pose.py); wider ones cut the corners of fast moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.pose import skeleton
from core.pose.sides import Sides, with_sides_kept
from core.types import LANDMARKS, Pose

SIGMA = 0.04
"""Standard deviation in seconds of the offline Gaussian."""

BRIDGE = 0.5
"""Longest gap without a person, in seconds, that is interpolated."""

_REACH = 3.0


def torso_length(pose: Pose) -> float:
    """Distance between the middle of the shoulders and the middle of the hips, in pixels, never below one pixel."""
    shoulders = pose.xy[list(skeleton.SHOULDERS)].mean(axis=0)
    hips = pose.xy[list(skeleton.HIPS)].mean(axis=0)
    return max(float(np.linalg.norm(shoulders - hips)), 1.0)


def smooth_offline(
    poses: Sequence[Pose | None], times: Sequence[float], cuts: Sequence[int] = (), sigma: float = SIGMA
) -> list[Pose | None]:
    """Keep left and right, bridge short gaps, then smooth with zero phase; no smoothing reaches across a cut or a long gap.

    Where nobody is found for a moment around a cut, each shot's last or first pose is held up to the cut.

    Args:
        poses: one for each frame, None where nobody was found.
        times: seconds of each frame, growing; the rate may vary.
        cuts: numbers of frames that begin another shot.
        sigma: standard deviation in seconds.
    """
    result: list[Pose | None] = [None] * len(poses)
    runs = _runs(poses, times, cuts)
    for run in runs:
        inside = range(run[0], run[-1] + 1)
        clock, every = (np.array([times[i] for i in frames]) for frames in (run, inside))
        track = np.stack([p.landmarks for i in run if (p := poses[i]) is not None])
        track = with_sides_kept(track, clock, _usual_torso(track))
        smooth = _gaussian(_interpolate(track, clock, every), every, sigma)
        for i, landmarks in zip(inside, smooth, strict=True):
            result[i] = Pose(landmarks)
    for before, after in pairwise(runs):
        last, first = before[-1], after[0]
        if times[first] - times[last] <= BRIDGE:
            cut = next(cut for cut in sorted(cuts) if last < cut <= first)
            result[last + 1 : cut] = [result[last]] * (cut - last - 1)
            result[cut:first] = [result[first]] * (first - cut)
    return result


def _usual_torso(track: NDArray[np.float32]) -> float:
    """Torso length in pixels over (N, 33, 4) landmarks, never below one pixel."""
    ends = [track[:, list(pair), :2].mean(axis=1) for pair in (skeleton.SHOULDERS, skeleton.HIPS)]
    return max(float(np.median(np.linalg.norm(ends[0] - ends[1], axis=1))), 1.0)


def _runs(poses: Sequence[Pose | None], times: Sequence[float], cuts: Sequence[int]) -> list[list[int]]:
    """Numbers of the frames with a pose, parted at cuts and at gaps that are too long to bridge."""
    starts = sorted(cuts)
    runs: list[list[int]] = []
    for i in (i for i, pose in enumerate(poses) if pose is not None):
        last = runs[-1][-1] if runs else None
        if last is None or times[i] - times[last] > BRIDGE or any(last < cut <= i for cut in starts):
            runs.append([i])
        else:
            runs[-1].append(i)
    return runs


def _interpolate(
    track: NDArray[np.float32], known: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.float32]:
    if len(known) == len(wanted):
        return track
    flat = track.reshape(len(known), -1)
    columns = [np.interp(wanted, known, column) for column in flat.T]
    return np.stack(columns, axis=1).reshape(len(wanted), LANDMARKS, 4).astype(np.float32)


def _gaussian(track: NDArray[np.float32], times: NDArray[np.float64], sigma: float) -> NDArray[np.float32]:
    """Weighted mean over time, with weights from the times themselves so that a varying rate does not matter."""
    total = np.zeros_like(track, np.float64)
    weight = np.zeros((*track.shape[:2], 1))
    trust = track[:, :, 3:4].astype(np.float64) + 0.05
    step = float(np.diff(times).min()) if len(times) > 1 else sigma
    radius = min(len(times) - 1, int(np.ceil(_REACH * sigma / max(step, 1e-3))))
    for shift in range(-radius, radius + 1):
        there = np.arange(max(0, shift), min(len(times), len(times) + shift))
        here = there - shift
        apart = times[there] - times[here]
        kernel = np.exp(-0.5 * (apart / sigma) ** 2) * (np.abs(apart) <= _REACH * sigma)
        w = kernel[:, None, None] * trust[there]
        total[here] += w * track[there]
        weight[here] += w
    return (total / weight).astype(np.float32)


class OneEuro:
    """Causal smoothing of one stream of poses. State of one stream; ``reset`` after a cut.

    Args:
        min_cutoff: Hz at rest; lower is steadier.
        beta: how much faster moves (torso lengths per second) open the filter; higher lags less.
    """

    def __init__(self, min_cutoff: float = 2.0, beta: float = 20.0, speed_cutoff: float = 1.0) -> None:
        self._min_cutoff = min_cutoff
        self._beta = beta
        self._speed_cutoff = speed_cutoff
        self.reset()

    def reset(self) -> None:
        """Begin anew at the next pose."""
        self._value: NDArray[np.float64] | None = None
        self._sides = Sides()
        self._speed = np.zeros((LANDMARKS, 3))
        self._unit = 1.0
        self._time = 0.0

    def smooth(self, pose: Pose, seconds: float) -> Pose:
        """The smoothed pose for a raw one at ``seconds``."""
        elapsed = seconds - self._time
        if self._value is None or elapsed > BRIDGE:
            self._sides, self._unit = Sides(), torso_length(pose)
            self._sides.step(pose.landmarks, seconds, self._unit)
            self._value, self._time = pose.landmarks[:, :3].astype(np.float64), seconds
            self._speed = np.zeros_like(self._value)
            return pose
        landmarks = self._sides.step(pose.landmarks, seconds, self._unit)
        raw = landmarks[:, :3].astype(np.float64)
        elapsed = max(elapsed, 1e-3)
        # the unit follows slowly: a torso seen from above shortens for a moment without the person coming nearer
        self._unit += float(_share(elapsed, 0.2)) * (torso_length(pose) - self._unit)
        speed = (raw - self._value) / self._unit / elapsed
        self._speed += _share(elapsed, self._speed_cutoff) * (speed - self._speed)
        cutoff = self._min_cutoff + self._beta * np.abs(self._speed)
        self._value = self._value + _share(elapsed, cutoff) * (raw - self._value)
        self._time = seconds
        return Pose(np.concatenate([self._value, landmarks[:, 3:]], axis=1).astype(np.float32))


def _share(elapsed: float, cutoff: float | NDArray[np.float64]) -> float | NDArray[np.float64]:
    """Weight of the new value in a first-order low pass of ``cutoff`` Hz after ``elapsed`` seconds."""
    rate = 2 * np.pi * cutoff * elapsed
    return rate / (rate + 1)
