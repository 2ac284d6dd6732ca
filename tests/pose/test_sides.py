from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.reports.camera import TURNED_AWAY, known_turned_away, write_turned_away
from core.pose.sides import with_sides_kept
from core.pose.smoothing import OneEuro, smooth_offline
from core.pose.video_analysis import look
from core.types import Pose
from core.video.reader import VideoReader
from tests.bodies import moved, standing

MIRRORED = [0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9, *(i + (1 if i % 2 else -1) for i in range(11, 33))]


def dancing(count: int) -> list[Pose]:
    """Somebody who steps from side to side and swings the arms."""
    return [
        moved(moved(standing(), 30 * np.sin(i / 6)), 20 * np.sin(i / 3), -20, (13, 14, 15, 16)) for i in range(count)
    ]


def exchanged(poses: list[Pose], first: int, count: int) -> list[Pose]:
    """The poses with left and right exchanged for some frames."""
    return [Pose(p.landmarks[MIRRORED]) if first <= i < first + count else p for i, p in enumerate(poses)]


def seconds(poses: list[Pose], rate: int = 25) -> list[float]:
    return [i / rate for i in range(len(poses))]


@pytest.mark.parametrize("rate", [25, 60])
@pytest.mark.parametrize(("first", "count"), [(20, 1), (20, 4), (0, 3), (37, 3)])
def test_a_body_that_is_mirrored_for_a_moment_is_not(first: int, count: int, rate: int) -> None:
    poses = dancing(40)
    wanted = smooth_offline(poses, seconds(poses, rate))
    found = smooth_offline(exchanged(poses, first, count), seconds(poses, rate))
    for a, b in zip(wanted, found, strict=True):
        assert a is not None
        assert b is not None
        assert np.array_equal(a.landmarks, b.landmarks)


def test_live_does_not_show_it_either() -> None:
    poses = dancing(40)
    usual, live = OneEuro(), OneEuro()
    for wrong, right, time in zip(exchanged(poses, 20, 4), poses, seconds(poses), strict=True):
        assert np.array_equal(live.smooth(wrong, time).landmarks, usual.smooth(right, time).landmarks)


def test_whoever_stays_turned_round_is_believed() -> None:
    poses = exchanged(dancing(80), 20, 60)
    track = np.stack([pose.landmarks for pose in poses])
    assert with_sides_kept(track, np.array(seconds(poses)), 80) is track
    live = OneEuro()
    shown = [live.smooth(pose, time) for pose, time in zip(poses, seconds(poses), strict=True)]
    assert np.abs(shown[-1].xy - poses[-1].xy).max() < 5


@pytest.mark.parametrize("frames", [8, 12, 25])
def test_a_pirouette_is_left_alone(frames: int) -> None:
    """A whole turn in a third of a second is as fast as people turn."""
    poses = []
    for i in range(3 * frames):
        landmarks = standing().landmarks.copy()
        landmarks[:, 0] = 200 + (landmarks[:, 0] - 200) * np.cos(2 * np.pi * i / frames)
        poses.append(Pose(landmarks))
    track = np.stack([pose.landmarks for pose in poses])
    assert with_sides_kept(track, np.array(seconds(poses)), 80) is track


def test_a_back_that_is_taken_for_a_front_for_a_moment(tmp_path: Path) -> None:
    clip = tmp_path / "turned_away.mp4"
    write_turned_away(clip)
    with VideoReader(clip) as reader:
        sightings = list(look(reader))
    times = [float(s.frame.time) for s in sightings]
    live = OneEuro()
    streamed = [None if s.pose is None else live.smooth(s.pose, t) for s, t in zip(sightings, times, strict=True)]
    across = known_turned_away()
    assert len(across) == TURNED_AWAY[1] - TURNED_AWAY[0] == len(times)
    assert across.max() < -60
    for poses in (smooth_offline([s.pose for s in sightings], times), streamed):
        assert max(pose.xy[11, 0] - pose.xy[12, 0] for pose in poses if pose is not None) < 10
