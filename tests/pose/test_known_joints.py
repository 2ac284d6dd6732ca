"""Against what the renderer knows: where BlazePose is wrong, by how much, and how late."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.pose import MEDIAPIPE, USED, Track, delay, detect, joints, live, measure
from core import paths
from core.pose.smoothing import smooth_offline
from core.pose.video_analysis import Analysis, look
from core.settings import settings
from core.targets.store import load_target
from core.types import Pose
from core.video.reader import VideoReader
from core.video.writer import VideoWriter
from tests.conftest import PROJECT

FIRST, COUNT = 50, 100


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of a performer's footage."""
    mira = load_target("mira")
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with VideoWriter(path, size=mira.size, rate=mira.rate, crf=12) as writer:
        for i in range(COUNT):
            writer.write(mira.frames[FIRST + i], i / mira.rate)
    return path


@pytest.fixture(scope="module")
def known() -> Track:
    with np.load(PROJECT / "tests" / "data" / "mira_joints.npz") as stored:
        return np.asarray(stored["xy"], np.float64)[FIRST : FIRST + COUNT]


def _unit(known: Track) -> float:
    return float(np.percentile(np.linalg.norm((known[:, 1] + known[:, 2] - known[:, 7] - known[:, 8]) / 2, axis=1), 90))


@pytest.fixture(scope="module")
def afresh(clip: Path) -> tuple[list[Pose | None], list[float]]:
    poses, times, _ = detect(clip, f"{USED}, afresh")
    return poses, times


def test_everybody_is_found_near_the_known_joints(afresh: tuple[list[Pose | None], list[float]], known: Track) -> None:
    figures = measure(known, joints(afresh[0]), _unit(known))
    assert figures["found"] >= 0.99
    assert figures["error_with_offset"] < 0.06


@pytest.mark.long
@pytest.mark.parametrize("dance", ["june-sway", "lina-disco", "omar-street"])
def test_dancers_are_found_near_the_known_joints(dance: str) -> None:
    with VideoReader(paths.BUNDLED_DANCES / f"{dance}.mp4", max_side=settings().analysis_side) as reader:
        analysis = Analysis(reader.size)
        for sighting in look(reader):
            analysis.add(sighting)
    with np.load(PROJECT / "tests" / "data" / f"{dance}_joints.npz") as stored:
        exact = np.asarray(stored["xy"], np.float64)
    poses = analysis.poses
    assert np.mean([pose is not None for pose in poses]) >= 0.99
    found = joints(smooth_offline(poses, analysis.seconds, analysis.cuts))
    assert measure(exact, found, _unit(exact))["error_with_offset"] < 0.06


def test_smoothing_a_file_is_steadier_as_near_and_not_late(
    afresh: tuple[list[Pose | None], list[float]], known: Track
) -> None:
    raw = measure(known, joints(afresh[0]), _unit(known))
    smooth = joints(smooth_offline(*afresh))
    figures = measure(known, smooth, _unit(known))
    assert figures["error"] <= raw["error"]
    assert figures["jitter"] < 0.7 * raw["jitter"]
    assert abs(delay(known, smooth)) < 0.2


def test_tracking_is_as_near_as_mediapipes_graph_and_as_a_fresh_look(
    clip: Path, afresh: tuple[list[Pose | None], list[float]], known: Track
) -> None:
    unit = _unit(known)
    ours, theirs = (measure(known, joints(detect(clip, mode)[0]), unit) for mode in (USED, MEDIAPIPE))
    assert ours["error"] < 1.05 * theirs["error"]
    assert ours["error"] < 1.05 * measure(known, joints(afresh[0]), unit)["error"]
    assert ours["found"] >= theirs["found"]
    assert ours["delay_frames"] <= theirs["delay_frames"] + 0.1


def test_live_poses_lag_at_most_one_frame(clip: Path, known: Track) -> None:
    poses, times, _ = detect(clip, USED)
    assert 0 <= delay(known, joints(live(poses, times))) <= 1.0
