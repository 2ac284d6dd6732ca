"""How near the found joints come to the known ones, and how late: both ways of looking, raw and smoothed.

    python -m benchmarks.pose FOOTAGE.mp4 JOINTS.json [--label TEXT]

JOINTS.json is what ``scripts/performers`` writes beside a rendering: ``xy`` (frames, 13, 2) in pixels and ``fps``. Errors
are in torso lengths; ``error`` with each joint's constant offset (MediaPipe's hip is not the renderer's) taken out. Appends
to ``results/pose.csv``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import append
from core.pose import skeleton
from core.pose.estimator import Landmarker
from core.pose.smoothing import OneEuro, smooth_offline
from core.types import Pose
from core.video.reader import VideoReader

Track = NDArray[np.float64]


MODES = ("afresh", "tracked", "tracked and filtered by MediaPipe")


def detect(clip: Path, mode: str) -> tuple[list[Pose | None], list[float], float]:
    """Poses, times, and milliseconds of CPU a frame, of somebody who is alone in the clip."""
    poses: list[Pose | None] = []
    times: list[float] = []
    spent = 0.0
    tracking = mode != "afresh"
    with VideoReader(clip) as reader, Landmarker(most=1, tracking=tracking, filtered=mode == MODES[2]) as landmarker:
        for frame in reader:
            start = time.process_time()
            found = landmarker.people(frame.image)
            spent += time.process_time() - start
            poses.append(found[0].pose if found else None)
            times.append(float(frame.time))
    return poses, times, spent * 1000 / len(poses)


def joints(poses: list[Pose | None]) -> Track:
    """(frames, 13, 2), NaN where nobody was found."""
    nobody = np.full((len(skeleton.JOINTS), 2), np.nan)
    return np.array([nobody if p is None else p.xy[list(skeleton.JOINTS)] for p in poses], np.float64)


def delay(known: Track, found: Track) -> float:
    """Frames by which ``found`` is late: the shift of the known joints that correlates best, to a twentieth of a frame."""
    clock = np.arange(len(known))
    inside = slice(10, -10)
    before, after = known.reshape(len(known), -1), found.reshape(len(found), -1)[inside]

    def score(shift: float) -> float:
        moved = np.stack([np.interp(clock - shift, clock, column) for column in before.T], axis=1)[inside]
        a, b = moved - moved.mean(axis=0), after - np.nanmean(after, axis=0)
        return float((np.nansum(a * b, axis=0) / np.sqrt(np.nansum(a * a, axis=0) * np.nansum(b * b, axis=0))).mean())

    shifts = np.arange(-3, 3.01, 0.05)
    return float(shifts[int(np.argmax([score(s) for s in shifts]))])


def measure(known: Track, found: Track, unit: float) -> dict[str, float]:
    """One row's figures."""
    apart = found - known
    centred = apart - np.nanmedian(apart, axis=0)
    errors = np.linalg.norm(centred, axis=2) / unit
    third = np.linalg.norm(np.diff(found, 3, axis=0), axis=2) / unit
    return {
        "found": round(float(np.mean(~np.isnan(found[:, 0, 0]))), 4),
        "error_with_offset": round(float(np.nanmean(np.linalg.norm(apart, axis=2))) / unit, 4),
        "error": round(float(np.nanmean(errors)), 4),
        "error_median": round(float(np.nanmedian(errors)), 4),
        "error_p95": round(float(np.nanpercentile(errors, 95)), 4),
        "jitter": round(float(np.nanmean(third)), 4),
        "delay_frames": round(delay(known, found), 2),
    }


def live(poses: list[Pose | None], times: list[float]) -> list[Pose | None]:
    """Through the One Euro filter."""
    smoother = OneEuro()
    return [None if p is None else smoother.smooth(p, t) for p, t in zip(poses, times, strict=True)]


def main() -> None:
    """Measure and append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("joints", type=Path)
    parser.add_argument("--label", default="")
    given = parser.parse_args()
    known = np.array(json.loads(given.joints.read_text())["xy"], np.float64)
    unit = float(np.percentile(np.linalg.norm((known[:, 1] + known[:, 2] - known[:, 7] - known[:, 8]) / 2, axis=1), 90))
    smoothers: dict[str, Callable[[list[Pose | None], list[float]], list[Pose | None]]] = {
        "raw": lambda poses, _: poses,
        "one euro": live,
        "zero phase": smooth_offline,
    }
    for mode in MODES:
        poses, times, milliseconds = detect(given.clip, mode)
        for name, smoother in smoothers.items():
            row = {
                "label": given.label,
                "clip": given.clip.name,
                "mode": mode,
                "smoothing": name,
                "cpu_ms": round(milliseconds, 1),
                **measure(known, joints(smoother(poses, times)), unit),
            }
            append("pose", row)
            print(row, flush=True)


if __name__ == "__main__":
    main()
