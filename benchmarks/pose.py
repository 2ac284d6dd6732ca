"""How near the found joints come to the known ones, how late, and at what price: MediaPipe's graph and ours, in turns.

    python -m benchmarks.pose [CLIP.mp4 ...] [--joints FOLDER] [--rounds 3] [--label TEXT]

FOLDER holds ``CLIP_joints.npz`` with what the renderer knows: ``xy`` (frames, 13, 2) in pixels. Errors are in torso lengths;
``error`` with each joint's constant offset (MediaPipe's hip is not the renderer's) taken out. Appends to ``results/pose.csv``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import append
from core.bundled import dances
from core.paths import PROJECT
from core.pose import skeleton
from core.pose.blazepose import BlazePose
from core.pose.detection import PeopleFinder
from core.pose.estimator import PeopleTracker
from core.pose.mediapipe_graph import MediaPipeTracker
from core.pose.smoothing import OneEuro, smooth_offline
from core.pose.video_analysis import LANES
from core.types import Pose
from core.utils.memory_usage import PeakMemory
from core.video.reader import VideoReader

JOINTS: Final = PROJECT / "tests" / "data"
Track = NDArray[np.float64]


MEDIAPIPE: Final = "mediapipe, tracked"
MODES: Final[dict[str, Callable[[], PeopleFinder]]] = {
    MEDIAPIPE: lambda: MediaPipeTracker(most=1),
    "mediapipe, afresh": lambda: MediaPipeTracker(tracking=False),
    "mediapipe, tracked and filtered": lambda: MediaPipeTracker(most=1, filtered=True),
    "openvino f32": lambda: PeopleTracker(BlazePose(precision="f32")),
    "openvino bf16": lambda: PeopleTracker(BlazePose()),
    "openvino bf16, afresh": lambda: PeopleTracker(BlazePose(), tracking=False),
}
"""Ways to find people, by name; ``openvino bf16`` is what the app uses where the processor has bfloat16."""

USED: Final = "openvino bf16"


def detect(clip: Path, mode: str, *, people: int = 1) -> tuple[list[Pose | None], list[float], float]:
    """Poses, times, and milliseconds of CPU a frame, of somebody who is alone in the clip.

    Args:
        people: how often they stand side by side in the picture that is looked at; the pose is that of the first found.
    """
    poses: list[Pose | None] = []
    times: list[float] = []
    spent = 0.0
    with VideoReader(clip) as reader, MODES[mode]() as finder:
        for frame in reader:
            image = np.ascontiguousarray(np.hstack([frame.image] * people))
            start = time.process_time()
            found = finder.people(image, float(frame.time))
            # what a first picture costs (threads, buffers) is not what a picture costs
            spent += time.process_time() - start if times else 0.0
            poses.append(found[0].pose if found else None)
            times.append(float(frame.time))
    return poses, times, spent * 1000 / (len(poses) - 1)


def memory(clip: Path, mode: str) -> float:
    """MB (10^6 bytes) that looking at a file takes at most: in a process of its own, over what importing took."""
    asked = [sys.executable, "-m", "benchmarks.pose", "--memory-of", mode, str(clip)]
    return float(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[-1])


def _memory_here(clip: Path, mode: str) -> float:
    """What :func:`memory` says, in this process: two lanes, as :func:`core.pose.video_analysis.look` has."""
    finders: list[PeopleFinder] = []
    with VideoReader(clip) as reader, PeakMemory() as peak:
        before = peak.megabytes
        for frame in islice(reader, 60):
            if len(finders) < LANES:
                finders.append(MODES[mode]())
            finders[frame.index % LANES].people(frame.image, float(frame.time))
    for finder in finders:
        finder.close()
    return peak.megabytes - before


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


def depth(poses: list[Pose | None], reference: list[Pose | None], unit: float) -> float:
    """Mean distance of z from the reference's, in torso lengths, over the joints that were found by both."""
    chosen = list(skeleton.JOINTS)
    both = [
        np.abs(a.landmarks[chosen, 2] - b.landmarks[chosen, 2])
        for a, b in zip(poses, reference, strict=True)
        if a is not None and b is not None
    ]
    return float(np.mean(both)) / unit


def known_joints(path: Path) -> tuple[Track, float]:
    """The known joints of a rendering, and the length of its torso in pixels."""
    with np.load(path) as stored:
        known = np.asarray(stored["xy"], np.float64)
    trunk = (known[:, 1] + known[:, 2] - known[:, 7] - known[:, 8]) / 2
    return known, float(np.percentile(np.linalg.norm(trunk, axis=1), 90))


def compare(clip: Path, joints_file: Path, label: str, rounds: int) -> None:
    """Measure every mode in turns, and append."""
    known, unit = known_joints(joints_file)
    smoothers: dict[str, Callable[[list[Pose | None], list[float]], list[Pose | None]]] = {
        "raw": lambda poses, _: poses,
        "one euro": live,
        "zero phase": smooth_offline,
    }
    alone: dict[str, list[float]] = {mode: [] for mode in MODES}
    found: dict[str, tuple[list[Pose | None], list[float]]] = {}
    for _ in range(rounds):
        for mode in MODES:
            poses, times, milliseconds = detect(clip, mode)
            alone[mode].append(milliseconds)
            found[mode] = poses, times
    for mode, (poses, times) in found.items():
        costs = {
            "cpu_ms": round(median(alone[mode]), 2),
            "cpu_ms_of_mediapipe": round(median(alone[mode]) / median(alone[MEDIAPIPE]), 3),
            "cpu_ms_two_people": round(detect(clip, mode, people=2)[2], 2) if mode == USED else "",
            "memory_mb": round(memory(clip, mode), 1),
            "z_from_mediapipe": round(depth(poses, found[MEDIAPIPE][0], unit), 4),
        }
        for name, smoother in smoothers.items():
            figures = measure(known, joints(smoother(poses, times)), unit)
            row = {"label": label, "clip": clip.name, "mode": mode, "smoothing": name, **costs, **figures}
            append("pose", row)
            print(row, flush=True)


def main() -> None:
    """Measure and append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="*", help="renderings; the bundled dances unless given")
    parser.add_argument("--joints", type=Path, default=JOINTS, help="folder with CLIP_joints.npz of each")
    parser.add_argument("--label", default="")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-of", choices=MODES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.exemplar_bank_of:
        print(_memory_here(given.clips[0], given.exemplar_bank_of))
        return
    for clip in given.clips or [dance.video for dance in dances.list_dances()]:
        compare(clip, given.joints / f"{clip.stem}_joints.npz", given.label, given.rounds)


if __name__ == "__main__":
    main()
