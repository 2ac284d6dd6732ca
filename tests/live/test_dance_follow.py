"""How alike a dance and whoever follows it are, on the real dances."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from core.bundled import dances
from core.live.dance_follow import DanceMoves, DancePlayer, Score, joint_angles, learn_moves, likeness
from core.pose.video_analysis import Analysis, look
from core.types import Pose, VideoFrame
from core.video.reader import VideoReader
from tests.bodies import standing

START, END = 3.0, 8.0


@lru_cache(maxsize=4)
def poses(dance: str) -> list[tuple[float, Pose]]:
    """What a stretch of a bundled dance shows, by another way than the one that learns it."""
    video = dances.find(dance)
    if video is None:
        pytest.skip("the bundled dances are not here")
    with VideoReader(video, start=START, end=END, max_side=384) as reader:
        analysis = Analysis(reader.size)
        every_third = (VideoFrame(n // 3, f.time, f.image) for n, f in enumerate(reader) if n % 3 == 0)
        for sighting in look(every_third):
            analysis.add(sighting)
    followed = zip(analysis.seconds, analysis.poses, strict=True)
    return [(seconds, pose) for seconds, pose in followed if pose is not None]


def moves(dance: str) -> DanceMoves:
    track = poses(dance)
    return DanceMoves(np.array([t for t, _ in track]), np.stack([joint_angles(pose) for _, pose in track]))


def score(follower: list[tuple[float, Pose]], late: float = 0.0) -> float:
    keeping = Score(moves("omar-street"))
    for seconds, pose in follower:
        keeping.add(pose, seconds + late)
    assert keeping.mean is not None
    return keeping.mean


def test_whoever_does_it_right_scores_high_also_when_late_and_others_do_not() -> None:
    right, late = score(poses("omar-street")), score(poses("omar-street"), late=0.5)
    other = score(poses("june-sway"))
    still = score([(seconds, standing()) for seconds, _ in poses("omar-street")])
    assert right > 0.9
    assert late > 0.85
    assert other < right - 0.15
    assert still < right - 0.15


def test_build_place_and_size_do_not_count() -> None:
    pose = standing()
    other = Pose(pose.landmarks * np.array([2.5, 2.5, 2.5, 1], np.float32) + np.array([90, -40, 0, 0], np.float32))
    assert likeness(joint_angles(pose), joint_angles(other)) == pytest.approx(1)


def test_what_is_out_of_view_is_left_out() -> None:
    landmarks = standing().landmarks.copy()
    landmarks[25:, 3] = 0.0
    desk = joint_angles(Pose(landmarks))
    assert np.isnan(desk[4:]).all()
    assert likeness(desk, joint_angles(standing())) == pytest.approx(1)
    landmarks[:, 3] = 0.0
    assert np.isnan(likeness(joint_angles(Pose(landmarks)), desk))


def test_moves_are_learnt_once_and_the_dance_plays_by_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.live import dance_follow
    from tests.media import write_video

    monkeypatch.setenv("DANCE_CACHE", str(tmp_path))
    video = dances.find("omar-street")
    if video is None:
        pytest.skip("the bundled dances are not here")
    with VideoReader(video, start=START, end=START + 2, max_side=384) as reader:
        clip = write_video(tmp_path / "clip.mp4", [frame.image for frame in reader])
    learnt = learn_moves(clip)
    assert 10 <= len(learnt.seconds) <= 26
    assert np.isfinite(learnt.angles).mean() > 0.7
    assert learnt.length == pytest.approx(2, abs=0.2)
    monkeypatch.setattr(dance_follow, "_watch", lambda video: pytest.fail("watched twice"))
    kept = learn_moves(clip)
    assert np.array_equal(kept.angles, learnt.angles, equal_nan=True)

    with DancePlayer(clip) as player:
        first, middle = player.at(0.0, 2.0), player.at(1.0, 2.0)
        assert first is not None
        assert middle is not None
        first = first.copy()
        assert np.abs(first.astype(int) - middle).mean() > 1
        again = player.at(2.0, 2.0)
        assert again is not None
        assert np.array_equal(again, first)
    with DancePlayer(tmp_path / "gone.mp4") as gone:
        assert gone.at(0.0, 2.0) is None
