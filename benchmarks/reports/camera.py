"""Clips that a hand filmed: the bundled dances, whose camera stands, seen by one that sways."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.pose import JOINTS, known_joints
from benchmarks.reports.case import Case, Outcome
from core import dances
from core.pipeline import DancePipeline, Moves
from core.pose import skeleton
from core.pose.analysis import Analysis, look
from core.settings import settings
from core.targets.store import Target, load_target
from core.types import Pose
from core.video.reader import VideoReader
from core.video.writer import VideoWriter
from scripts.hard_footage.camera import Aim, Hand, to_reference

Way = Callable[[float], Aim]
"""Seconds to where the camera looks."""


def write_filmed(dance: Path, into: Path, way: Way, *, seconds: float | None = None) -> list[NDArray[np.float64]]:
    """Write a dance as a camera that moves sees it; returns what takes the pixels of each frame to those of the dance.

    Args:
        way: its zoom has to be such that no border shows.
    """
    views = []
    with VideoReader(dance, end=seconds) as reader, VideoWriter(into, size=reader.size, rate=reader.info.rate) as writer:
        for frame in reader:
            view = to_reference(way(float(frame.time)), reader.size)
            views.append(view)
            image = cv2.warpPerspective(
                frame.image, view, reader.size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT
            )
            writer.write(np.asarray(image, np.uint8), frame.time)
    return views


def by_hand(seed: int, sway: float = 0.8, tremble: float = 0.15, zoom: float = 1.0) -> Way:
    """A hand that holds a camera (degrees, root mean square)."""
    hand = Hand(np.random.default_rng(seed), sway, tremble)

    def way(seconds: float) -> Aim:
        aim = hand(seconds)
        return Aim(aim.yaw, aim.pitch, aim.roll, zoom * aim.zoom)

    return way
