"""How alike a dance and whoever follows it are, on the real dances."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from core.bundled import dances
from core.live.dance_follow import DancePlayer, Score, learn_moves, moves_of
from core.pose.skeleton import MIRRORED
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


BEAT = 60 / 120
"""Seconds; the bundled dances have 96 to 122 beats a minute."""


def score(dance: str, follower: list[tuple[float, Pose]], late: float = 0.0) -> float:
    track = poses(dance)
    keeping = Score(moves_of([pose for _, pose in track], [time for time, _ in track]))
    for seconds, pose in follower:
        keeping.add(pose, seconds + late)
    return keeping.mean or 0.0


def in_a_mirror(follower: list[tuple[float, Pose]]) -> list[tuple[float, Pose]]:
    turned = [
        (seconds, pose.landmarks[list(MIRRORED)] * np.array([-1, 1, 1, 1], np.float32)) for seconds, pose in follower
    ]
    return [(seconds, Pose(landmarks).moved(400, 0)) for seconds, landmarks in turned]


def jittering(pose: Pose, like: list[tuple[float, Pose]]) -> list[tuple[float, Pose]]:
    """Somebody who stands, as a pose network sees them: joints tremble by a hundredth of the body."""
    draw = np.random.default_rng(0)
    tremble = 0.01 * np.ptp(pose.xy[:, 1])
    noises = draw.normal(0, tremble, (len(like), 33, 4)).astype(np.float32) * np.array([1, 1, 1, 0], np.float32)
    return [(seconds, Pose(pose.landmarks + noise)) for (seconds, _), noise in zip(like, noises, strict=True)]


@pytest.mark.parametrize("dance", ["omar-street", "june-sway", "lina-disco"])
def test_the_score_tells_who_dances_it(dance: str) -> None:
    right = poses(dance)
    assert score(dance, right) >= 0.9
    assert 0.6 <= score(dance, right, late=BEAT / 2) <= 0.8
    assert score(dance, right, late=2 * BEAT) <= 0.35
    for pose in (right[0][1], right[len(right) // 2][1]):
        assert score(dance, jittering(pose, right)) <= 0.1
    for other in {"omar-street", "june-sway", "lina-disco"} - {dance}:
        assert score(dance, poses(other)) <= 0.35
        assert score(dance, in_a_mirror(poses(other))) <= 0.35


def test_either_side_build_place_and_size_do_not_count() -> None:
    right = poses("omar-street")
    assert score("omar-street", in_a_mirror(right)) >= 0.9
    larger = [(t, Pose(p.landmarks * np.array([2.5, 2.5, 2.5, 1], np.float32)).moved(90, -40)) for t, p in right]
    assert score("omar-street", larger) == pytest.approx(score("omar-street", right), abs=0.01)


def test_of_a_desk_camera_the_arms_count() -> None:
    def seated(pose: Pose) -> Pose:
        landmarks = pose.landmarks.copy()
        landmarks[23:, 3] = 0.0
        return Pose(landmarks)

    right = [(t, seated(pose)) for t, pose in poses("omar-street")]
    assert score("omar-street", right) >= 0.9
    assert score("omar-street", jittering(right[0][1], right)) <= 0.1
    nothing = [(t, Pose(pose.landmarks * np.array([1, 1, 1, 0], np.float32))) for t, pose in right]
    assert score("omar-street", nothing) == 0.0


def test_what_the_dance_does_not_move_does_not_count() -> None:
    """Legs that walk where the dance's stand still cost nothing; arms that do not what the dance's do cost all."""
    track = poses("omar-street")
    still = track[0][1].landmarks[23:].copy()

    def legs_of(pose: Pose) -> Pose:
        landmarks = pose.landmarks.copy()
        landmarks[23:] = still
        return Pose(landmarks)

    calm = [(t, legs_of(pose)) for t, pose in track]
    keeping = Score(moves_of([pose for _, pose in calm], [t for t, _ in calm]))
    for seconds, pose in calm:
        landmarks = pose.landmarks.copy()
        landmarks[25::2, 0] += 30 * np.sin(4 * seconds)
        keeping.add(Pose(landmarks), seconds)
    assert keeping.mean is not None
    assert keeping.mean >= 0.9


def test_a_dance_that_rests_gives_no_score() -> None:
    still = [(n / 10, standing()) for n in range(50)]
    keeping = Score(moves_of([pose for _, pose in still], [t for t, _ in still]))
    assert [keeping.add(pose, seconds) for seconds, pose in still] == [None] * 50
    assert keeping.mean is None


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
    assert np.isfinite(learnt.places).mean() > 0.7
    assert learnt.length == pytest.approx(2, abs=0.2)
    monkeypatch.setattr(dance_follow, "_watch", lambda video: pytest.fail("watched twice"))
    kept = learn_moves(clip)
    assert np.array_equal(kept.places, learnt.places, equal_nan=True)

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
