"""Poses that are hard to find, against what the renderer knows: turned away, arms before the trunk, low, lying, upside down.

    python -m benchmarks.hard_poses

Prints the table of docs/hard_poses.md: the bundled dances as a transfer sees them, also turned by a quarter (somebody who lies)
and by a half (a handstand), and the performers' footage by the poses that it ships with. Errors are in torso lengths.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.pose import JOINTS, Track, joints, known_joints
from core.bundled import dances
from core.pose import skeleton
from core.pose.smoothing import smooth_offline
from core.pose.video_analysis import Analysis, look
from core.settings import settings
from core.targets.store import load_target
from core.types import VideoFrame
from core.video.reader import VideoReader

Flags = NDArray[np.bool_]

_SIDES: Final = {
    "shoulders": (1, 2),
    "elbows": (3, 4),
    "wrists": (5, 6),
    "hips": (7, 8),
    "knees": (9, 10),
    "ankles": (11, 12),
}
_TRUNK: Final = ("shoulders", "hips")
_SURE: Final = 0.15
"""Torso lengths by which two joints have to lie better exchanged to count as exchanged."""
_ACROSS: Final = 0.3
_LOW: Final = 0.65
_QUARTERS: Final = {"": 0, ", lying": 1, ", upside down": 2}


def clips() -> Iterator[tuple[str, Track, Track, float]]:
    """Name, known and found joints, and torso length of every clip."""
    for dance in dances.list_dances():
        known, unit = known_joints(JOINTS / f"{dance.id}_joints.npz")
        for name, quarters in _QUARTERS.items():
            with VideoReader(dance.video, max_side=settings().analysis_side) as reader:
                size, analysis = reader.size, Analysis(reader.size)
                for sighting in look(_turned(frame, quarters) for frame in reader):
                    analysis.add(sighting)
            found = joints(smooth_offline(analysis.poses, analysis.seconds, analysis.cuts))
            yield dance.id + name, known, _turned_back(found, size, quarters), unit
    for performer in ("mira", "theo"):
        known, unit = known_joints(JOINTS / f"{performer}_joints.npz")
        with load_target(performer) as target:
            yield performer, known, np.asarray(target.poses, np.float64)[:, list(skeleton.JOINTS), :2], unit


def _turned(frame: VideoFrame, quarters: int) -> VideoFrame:
    return VideoFrame(frame.index, frame.time, np.ascontiguousarray(np.rot90(frame.image, quarters)))


def _turned_back(found: Track, size: tuple[int, int], quarters: int) -> Track:
    """Joints in a picture that was turned against the clock, in pixels of the picture of that size before."""
    width, height = size
    x, y = found[..., 0], found[..., 1]
    places = {0: (x, y), 1: (width - 1 - y, x), 2: (width - 1 - x, height - 1 - y)}[quarters]
    return np.stack(places, axis=-1)


def kinds(known: Track, unit: float) -> dict[str, Flags]:
    """Which frames are of which kind."""
    across = (known[:, 1, 0] - known[:, 2, 0]) / unit
    stands = known[:, 11:13, 1].mean(axis=1) - known[:, 7:9, 1].mean(axis=1)
    trunk = known[:, [1, 2, 7, 8]]
    low, high = trunk.min(axis=1)[:, None], trunk.max(axis=1)[:, None]
    wrists = known[:, 5:7]
    before = ((wrists > low) & (wrists < high)).all(axis=2).any(axis=1)
    return {
        "all": np.ones(len(known), np.bool_),
        "facing": across > _ACROSS,
        "side-on": np.abs(across) <= _ACROSS,
        "turned away": across < -_ACROSS,
        "a hand before or behind the trunk": before,
        "low": stands < _LOW * np.percentile(stands, 90),
    }


def exchanged(known: Track, found: Track, unit: float, pair: str) -> Flags:
    """Frames in which two joints lie better with left and right exchanged."""
    left, right = _SIDES[pair]
    straight = np.linalg.norm(found[:, [left, right]] - known[:, [left, right]], axis=2).sum(axis=1)
    crossed = np.linalg.norm(found[:, [left, right]] - known[:, [right, left]], axis=2).sum(axis=1)
    return np.asarray(crossed < straight - _SURE * unit)


def told(name: str, known: Track, found: Track, unit: float) -> Iterator[str]:
    """The rows of one clip."""
    errors = np.linalg.norm(found - known, axis=2) / unit
    swaps = {pair: exchanged(known, found, unit, pair) for pair in _SIDES}
    trunk = np.logical_and.reduce([swaps[pair] for pair in _TRUNK])
    for kind, flags in kinds(known, unit).items():
        if not flags.any():
            continue
        body, wrists = (_runs(of & flags) for of in (trunk, swaps["wrists"]))
        figures = f"{np.nanmean(errors[flags]):.3f} | {np.nanmean(errors[flags][:, 5:7]):.3f} | {body} | {wrists}"
        missed = int(np.isnan(found[flags, 0, 0]).sum())
        yield f"| {name} | {kind} | {int(flags.sum())} | {missed} | {figures} |"


def _runs(flags: Flags) -> str:
    """How many frames in how many stretches."""
    _, count = ndimage.label(flags)
    return f"{int(flags.sum())} in {count}" if count else "0"


def main() -> None:
    """Print the table."""
    print("| clip | frames that are | frames | missed | error | of the wrists | trunk exchanged | wrists exchanged |")
    print("|---|---|---|---|---|---|---|---|")
    for clip in clips():
        for row in told(*clip):
            print(row, flush=True)


if __name__ == "__main__":
    main()
