"""Against what the renderer knows: where MediaPipe is wrong, by how much, and how late."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.pose import MODES, Track, delay, detect, joints, live, measure
from core import paths
from core.pose.analysis import Analysis, look
from core.pose.smoothing import smooth_offline
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
    poses, times, _ = detect(clip, "afresh")
    return poses, times


def test_everybody_is_found_near_the_known_joints(afresh: tuple[list[Pose | None], list[float]], known: Track) -> None:
    figures = measure(known, joints(afresh[0]), _unit(known))
    assert figures["found"] >= 0.99
    assert figures["error_with_offset"] < 0.06


@pytest.mark.long
@pytest.mark.parametrize("dance", ["june-sway", "lina-disco", "omar-street"])
def test_dancers_are_found_near_the_known_joints(dance: str) -> None:
    with VideoReader(paths.BUNDLED_DANCES / f"{dance}.mp4") as reader:
        analysis = Analysis(reader.size)
        for sighting in look(reader):
            analysis.add(sighting)
    with np.load(PROJECT / "tests" / "data" / f"{dance}_joints.npz") as stored:
        exact = np.asarray(stored["xy"], np.float64)
    poses = analysis.follow("largest")
    assert np.mean([pose is not None for pose in poses]) >= 0.99
    found = joints(smooth_offline(poses, analysis.seconds, analysis.cuts))
    assert measure(exact, found, _unit(exact))["error_with_offset"] < 0.06


def test_smoothing_a_file_comes_nearer_without_delay(
    afresh: tuple[list[Pose | None], list[float]], known: Track
) -> None:
    raw = measure(known, joints(afresh[0]), _unit(known))
    smooth = joints(smooth_offline(*afresh))
    assert measure(known, smooth, _unit(known))["error"] < raw["error"]
    assert abs(delay(known, smooth)) < 0.2


def test_tracking_without_its_filter_is_as_near_as_a_fresh_look(
    clip: Path, afresh: tuple[list[Pose | None], list[float]], known: Track
) -> None:
    unit = _unit(known)
    errors = {mode: measure(known, joints(detect(clip, mode)[0]), unit)["error"] for mode in MODES[1:]}
    fresh = measure(known, joints(afresh[0]), unit)["error"]
    assert errors["tracked"] < 1.05 * fresh
    assert errors["tracked"] < 0.95 * errors["tracked and filtered by MediaPipe"]


def test_live_poses_lag_at_most_one_frame(clip: Path, known: Track) -> None:
    poses, times, _ = detect(clip, "tracked")
    assert 0 <= delay(known, joints(live(poses, times))) <= 1.0
