"""What it costs to follow one dancer of four: three others of the bundled dances stand behind, in one wide picture.

    python -m benchmarks.audience [DANCE ...] [--rounds 3] [--seconds 6] [--label TEXT] [--keep FOLDER]

MediaPipe's graph for four people, ours where everybody is looked at in every frame, and ours where it is told who is followed,
in turns; errors against the known joints as in benchmarks/pose.py. Appends to ``results/pose.csv``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

import cv2
import numpy as np

from benchmarks.machine import append
from benchmarks.pose import JOINTS, MODES, USED, Track, depth, joints, known_joints, live, measure
from core.bundled import dances
from core.pose.detection import PeopleFinder
from core.pose.estimator import PoseEstimator
from core.pose.mediapipe_graph import MediaPipeTracker
from core.pose.person_selection import Follower
from core.pose.smoothing import smooth_offline
from core.types import Frame, Pose
from core.video.reader import VideoReader
from core.video.writer import VideoWriter

MEDIAPIPE: Final = "mediapipe, four people"
FOLLOWERS: Final[dict[str, tuple[Callable[[], PeopleFinder], bool]]] = {
    MEDIAPIPE: (MediaPipeTracker, False),
    f"{USED}, everybody": (MODES[USED], False),
    f"{USED}, one followed": (MODES[USED], True),
}
"""Ways to follow one of several, by name: who finds them, and whether it is told who is followed."""

PLACES: Final = (0.1, 0.31, 0.9)
"""Of those behind, in widths of the picture; the dancer stands around the middle."""

_WALL: Final = (120, 116, 110)
_WIDE: Final = 16 / 9

Layer = tuple[Frame, np.ndarray]
"""A picture and the share of each of its pixels that a person covers, (height, width) float32."""


def follow(clip: Path, mode: str) -> tuple[list[Pose | None], list[float], float]:
    """Poses, times, and milliseconds of CPU a frame, of whoever stands in the middle."""
    make, told = FOLLOWERS[mode]
    follower = Follower((0.5, 0.5))
    followed: int | None = None
    poses: list[Pose | None] = []
    times: list[float] = []
    spent = 0.0
    with VideoReader(clip) as reader, make() as finder:
        for frame in reader:
            start = time.process_time()
            found = finder.people(frame.image, float(frame.time), followed=followed)
            chosen = follower.pick_from(found, float(frame.time), reader.size)
            spent += time.process_time() - start if times else 0.0
            followed = chosen.track if told and chosen is not None else None
            poses.append(None if chosen is None else chosen.pose)
            times.append(float(frame.time))
    return poses, times, spent * 1000 / (len(poses) - 1)


def write_audience(dance: Path, others: Sequence[Path], into: Path, seconds: float) -> tuple[float, float]:
    """Write the first ``seconds`` of a dance with ``others`` behind the dancer; returns where the dance's own corner lies."""
    with ExitStack() as opened:
        reader, *behind = (opened.enter_context(VideoReader(path, end=seconds)) for path in (dance, *others))
        cutters = [opened.enter_context(PoseEstimator(masks=True)) for _ in (dance, *others)]
        height = reader.size[1]
        width = round(height * _WIDE / 2) * 2
        left = (width - reader.size[0]) // 2
        writer = opened.enter_context(VideoWriter(into, size=(width, height), rate=reader.info.rate))
        for frame, *rest in zip(reader, *behind, strict=False):
            stage = np.full((height, width, 3), _WALL, np.float32)
            for place, other, cutter in zip(PLACES, rest, cutters[1:], strict=True):
                layer = _cut(other.image, cutter, frame.time * 1000)
                _lay(stage, layer, height / other.image.shape[0], place * width)
            _lay(stage, _cut(frame.image, cutters[0], frame.time * 1000), 1.0, left + reader.size[0] / 2)
            writer.write(stage.round().astype(np.uint8), frame.time)
    return float(left), 0.0


def _cut(image: Frame, cutter: PoseEstimator, milliseconds: float) -> Layer:
    found = cutter.detect(image, float(milliseconds))
    nobody = np.zeros(image.shape[:2], np.float32)
    return image, nobody if found is None or found.mask is None else found.mask


def _lay(stage: np.ndarray, layer: Layer, scale: float, middle: float) -> None:
    """Lay a person over the stage, in place, with the middle of their picture at ``middle``."""
    image, mask = layer
    size = (stage.shape[1], stage.shape[0])
    matrix = np.array([[scale, 0, middle - scale * image.shape[1] / 2], [0, scale, 0]])
    alpha = cv2.warpAffine(mask, matrix, size)[..., None]
    stage += alpha * (cv2.warpAffine(image, matrix, size) - stage)


def compare(clip: Path, name: str, known: Track, unit: float, label: str, rounds: int) -> None:
    """Measure every way in turns, and append."""
    costs: dict[str, list[float]] = {mode: [] for mode in FOLLOWERS}
    found: dict[str, tuple[list[Pose | None], list[float]]] = {}
    for _ in range(rounds):
        for mode in FOLLOWERS:
            poses, times, milliseconds = follow(clip, mode)
            costs[mode].append(milliseconds)
            found[mode] = poses, times
    for mode, (poses, times) in found.items():
        smoothed = {"raw": poses, "one euro": live(poses, times), "zero phase": smooth_offline(poses, times)}
        for smoothing, track in smoothed.items():
            row = {
                "label": label,
                "clip": name,
                "mode": mode,
                "smoothing": smoothing,
                "cpu_ms": round(median(costs[mode]), 2),
                "cpu_ms_of_mediapipe": round(median(costs[mode]) / median(costs[MEDIAPIPE]), 3),
                "cpu_ms_two_people": "",
                "memory_mb": "",
                "z_from_mediapipe": round(depth(poses, found[MEDIAPIPE][0], unit), 4),
                **measure(known[: len(track)], joints(track), unit),
            }
            append("pose", row)
            print(row, flush=True)


def main() -> None:
    """Make the clips, measure and append."""
    there = {dance.id: dance.video for dance in dances.list_dances()}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dances", nargs="*", choices=[*there, []], default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--label", default="three others behind")
    parser.add_argument(
        "--keep", type=Path, help="folder that the clips are written to; they are thrown away unless given"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.keep or Path(name)
        for dance in given.dances or there:
            clip = folder / f"{dance}-audience.mp4"
            others = [video for other, video in there.items() if other != dance]
            corner = write_audience(there[dance], [*others, others[0]], clip, given.seconds)
            known, unit = known_joints(JOINTS / f"{dance}_joints.npz")
            compare(clip, clip.name, known + np.array(corner), unit, given.label, given.rounds)


if __name__ == "__main__":
    main()
