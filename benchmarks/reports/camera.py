"""A camera in the hand: a bundled dance, whose camera stands, as one sees it that sways and trembles. And a back turned to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.pose import JOINTS, known_joints
from benchmarks.quality import analysed
from benchmarks.reports.case import Case, Outcome
from core.bundled import dances
from core.generators.registry import create_generator
from core.pipeline import DancePipeline
from core.pose.smoothing import smooth_offline
from core.targets.store import load_target
from core.types import Pose
from core.video.reader import VideoReader
from core.video.writer import VideoWriter
from scripts.hard_footage.camera import Aim, Hand, to_reference

Way: TypeAlias = Callable[[float], Aim]
"""Seconds to where the camera looks."""

DANCE: Final = "omar-street"
SECONDS: Final = 6.0
_PLANTED: Final = 0.15
"""Pixels that a known ankle moves in a frame at most while its foot stands."""
_LONG: Final = 6
_MOST_SLIDE: Final = 1.0
_MOST_OFF: Final = 4.0
_ASKED: Final = f"feet that stand slide {_MOST_SLIDE:g} px a frame at most, the poses those of a camera that stands"
TURNED_AWAY: Final = (400, 445)
"""Frames of Mira's footage, from and to."""
_MOST_EXCHANGED: Final = 2
_KEPT: Final = f"left and right of somebody who turns away stay, but for {_MOST_EXCHANGED} frames"
_FEET: Final = ([27, 29, 31], [28, 30, 32])


def write_filmed(dance: Path, into: Path, way: Way, *, seconds: float | None = None) -> list[NDArray[np.float64]]:
    """Write a dance as a moving camera sees it; returns what takes the pixels of each frame to those of the dance.

    What lies beyond the dance's picture is its mirror image: nothing of the dancer is cropped, and no border shows.
    """
    views = []
    with (
        VideoReader(dance, end=seconds) as reader,
        VideoWriter(into, size=reader.size, rate=reader.info.rate, crf=12) as writer,
    ):
        for frame in reader:
            view = to_reference(way(float(frame.time)), reader.size)
            views.append(view)
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            image = cv2.warpPerspective(frame.image, view, reader.size, flags=flags, borderMode=cv2.BORDER_REFLECT)
            writer.write(np.asarray(image, np.uint8), frame.time)
    return views


def by_hand(sway: float, tremble: float) -> Way:
    """A hand that holds a camera: degrees (root mean square) of slow and of fast motion."""
    return Hand(np.random.default_rng(7), sway, tremble)


def slide(asked: list[Pose | None], joints: Path) -> float:
    """Pixels that a foot which stands moves in a frame on the average, in the performer's pictures.

    Args:
        joints: what the renderer knows of the dancer, whose ankles tell which feet stand.
    """
    known = known_joints(joints)[0][: len(asked), 11:13]
    stands = ndimage.binary_opening(np.linalg.norm(np.diff(known, axis=0), axis=2) < _PLANTED, np.ones((_LONG, 1)))
    nowhere = np.full((2, 2), np.nan)
    feet = np.array([nowhere if p is None else [p.xy[foot].mean(axis=0) for foot in _FEET] for p in asked])
    return float(np.nanmean(np.linalg.norm(np.diff(feet, axis=0), axis=2)[stands]))


def panned(seconds: float) -> Aim:
    """A hand that pans by eight degrees within six seconds, and zooms by a quarter meanwhile."""
    aim, share = by_hand(0.3, 0.05)(seconds), min(seconds / SECONDS, 1.0)
    return replace(aim, yaw=aim.yaw + 4 - 8 * share, zoom=aim.zoom * (0.85 + 0.2 * share))


def asked_by(clip: Path) -> list[Pose | None]:
    """The poses that a clip asks of Mira, in her pixels."""
    with load_target("mira") as mira, DancePipeline(mira, create_generator("nearest", mira)) as pipeline:
        return pipeline.moves(analysed(clip)).asked


def apart(asked: list[Pose | None], right: list[Pose | None]) -> float:
    """Pixels between landmarks on the average, but for where the performer stands as a whole."""
    pairs = [(a.xy, b.xy) for a, b in zip(asked, right, strict=True) if a is not None and b is not None]
    off = np.array([a - b for a, b in pairs])
    return float(np.linalg.norm(off - np.median(off, axis=(0, 1)), axis=2).mean())


def dance_video() -> Path:
    """The dance that the clips are made of."""
    return next(dance.video for dance in dances.list_dances() if dance.id == DANCE)


def _make(way: Way) -> Callable[[Path], None]:
    def make(clip: Path) -> None:
        write_filmed(dance_video(), clip, way, seconds=SECONDS)

    return make


def _judge(clip: Path) -> Outcome:
    asked, joints = asked_by(clip), JOINTS / f"{DANCE}_joints.npz"
    right = asked_by(dance_video())[: len(asked)]
    slides, usual, off = slide(asked, joints), slide(right, joints), apart(asked, right)
    words = f"feet that stand slide {slides:.2f} px a frame (still camera {usual:.2f}), landmarks {off:.1f} px off"
    return Outcome(words, slides <= _MOST_SLIDE and off <= _MOST_OFF)


def write_turned_away(clip: Path) -> None:
    """Write a piece of Mira's footage in which she dances with her back to the camera."""
    with load_target("mira") as mira, VideoWriter(clip, size=mira.size, rate=mira.rate, crf=12) as writer:
        for i, number in enumerate(range(*TURNED_AWAY)):
            writer.write(mira.frames[number], i / mira.rate)


def known_turned_away() -> NDArray[np.float64]:
    """(frames,): pixels by which her left shoulder lies to the right of the other one in that clip; below 0 seen from behind."""
    known = known_joints(JOINTS / "mira_joints.npz")[0][slice(*TURNED_AWAY)]
    return np.asarray(known[:, 1, 0] - known[:, 2, 0], np.float64)


def _judge_turned_away(clip: Path) -> Outcome:
    analysis = analysed(clip)
    poses = smooth_offline(analysis.poses, analysis.seconds, analysis.cuts)
    found = np.array([np.nan if p is None else p.xy[11, 0] - p.xy[12, 0] for p in poses])
    wrong = int((found * known_turned_away()[: len(found)] < 0).sum())
    return Outcome(f"left and right exchanged in {wrong} of {len(found)} frames", wrong <= _MOST_EXCHANGED)


FILMED_BY_HAND: Final = (
    Case("hand_held.mp4", _ASKED, _make(by_hand(0.6, 0.3)), _judge),
    Case("hand_held_pan.mp4", _ASKED, _make(panned), _judge),
)
CASES: Final[tuple[Case, ...]] = (
    *FILMED_BY_HAND,
    Case("turned_away.mp4", _KEPT, write_turned_away, _judge_turned_away),
)
