from __future__ import annotations

import numpy as np
import pytest

from core.pose.smoothing import OneEuro, smooth_offline
from core.types import Pose
from tests.bodies import moved, standing

RATE = 25.0


def _waving(count: int, noise: float, seed: int = 0) -> tuple[list[Pose], list[Pose]]:
    """A body that sways 40 px at half a hertz, known and with noise (pixels)."""
    dice = np.random.default_rng(seed)
    known, noisy = [], []
    for i in range(count):
        pose = moved(standing(), 40 * np.sin(np.pi * i / RATE))
        jitter = np.zeros((33, 4), np.float32)
        jitter[:, :2] = dice.normal(0, noise, (33, 2))
        known.append(pose)
        noisy.append(Pose(pose.landmarks + jitter))
    return known, noisy


def _error(a: list[Pose], b: list[Pose]) -> float:
    return float(np.mean([np.linalg.norm(p.xy - q.xy, axis=1).mean() for p, q in zip(a, b, strict=True)]))


def _delay(known: list[Pose], filtered: list[Pose]) -> float:
    """Frames by which the filtered sway is late: the peak of the cross-correlation, to a tenth of a frame."""
    a, b = (np.array([p.xy[:, 0].mean() for p in poses]) for poses in (known, filtered))
    clock = np.arange(len(a))
    inside = slice(20, -20)
    shifts = np.arange(-3, 3.05, 0.1)
    scores = [np.corrcoef(np.interp(clock - s, clock, a)[inside], b[inside])[0, 1] for s in shifts]
    return float(shifts[int(np.argmax(scores))])


def test_files_are_smoothed_without_delay() -> None:
    known, noisy = _waving(150, noise=2.0)
    smooth = [p for p in smooth_offline(list(noisy), [i / RATE for i in range(150)]) if p is not None]
    assert _error(known, smooth) < 0.65 * _error(known, noisy)
    assert abs(_delay(known, smooth)) < 0.1


def test_live_is_smoothed_and_at_most_one_frame_late() -> None:
    known, noisy = _waving(150, noise=0.5)
    live = OneEuro()
    smooth = [live.smooth(p, i / RATE) for i, p in enumerate(noisy)]
    assert 0 <= _delay(known, smooth) <= 1.0


def test_live_is_steady_at_rest() -> None:
    dice = np.random.default_rng(1)
    live = OneEuro()
    noise = dice.normal(0, 0.5, (100, 33, 4)).astype(np.float32)
    raw = [Pose(standing().landmarks + n) for n in noise]
    smooth = [live.smooth(p, i / RATE) for i, p in enumerate(raw)]

    def shake(poses: list[Pose]) -> float:
        return float(np.abs(np.diff([p.xy for p in poses[20:]], axis=0)).mean())

    assert shake(smooth) < 0.6 * shake(raw)


def test_short_gaps_are_bridged_and_long_ones_stay_empty() -> None:
    known, _ = _waving(100, noise=0)
    poses: list[Pose | None] = list(known)
    poses[20:30] = [None] * 10
    poses[50:80] = [None] * 30
    smooth = smooth_offline(poses, [i / RATE for i in range(100)])
    assert [i for i, p in enumerate(smooth) if p is None] == list(range(50, 80))
    middle = smooth[25]
    assert middle is not None
    assert np.abs(middle.xy - known[25].xy).max() < 8


def test_nothing_reaches_across_a_cut() -> None:
    left, right = [standing(x=100)] * 10, [standing(x=400)] * 10
    smooth = smooth_offline([*left, *right], [i / RATE for i in range(20)], cuts=[10])
    assert np.allclose(smooth[9].xy, left[0].xy)  # type: ignore[union-attr]
    assert np.allclose(smooth[10].xy, right[0].xy)  # type: ignore[union-attr]


def test_one_frame_is_a_video() -> None:
    only = standing()
    assert np.allclose(smooth_offline([only], [0.0])[0].xy, only.xy)  # type: ignore[union-attr]


@pytest.mark.parametrize("uneven", [False, True])
def test_a_steady_move_stays_where_it_is_at_any_rate(uneven: bool) -> None:
    times = np.cumsum(np.tile([0.02, 0.05] if uneven else [0.035, 0.035], 30))
    poses = [moved(standing(), 100 * t) for t in times]
    smooth = smooth_offline(list(poses), list(times))
    inner = range(8, 52)
    assert max(abs(smooth[i].xy - poses[i].xy).max() for i in inner) < 1.0  # type: ignore[union-attr]


def test_landmarks_that_were_not_seen_lean_on_their_neighbours_in_time() -> None:
    poses = [standing() for _ in range(9)]
    wrong = poses[4].landmarks.copy()
    wrong[15] = (900, 900, 0, 0.0)
    smooth = smooth_offline([*poses[:4], Pose(wrong), *poses[5:]], [i / RATE for i in range(9)])
    assert np.linalg.norm(smooth[4].xy[15] - poses[4].xy[15]) < 40  # type: ignore[union-attr]


def test_a_cut_around_which_nobody_is_found_for_a_moment_leaves_no_frame_empty() -> None:
    left, right = standing(x=100), standing(x=300)
    poses: list[Pose | None] = [*[left] * 10, None, None, None, *[right] * 10]
    smooth = smooth_offline(poses, [i / RATE for i in range(23)], cuts=[11])
    x = [None if pose is None else round(float(pose.xy[0, 0])) for pose in smooth]
    assert x == [100] * 11 + [300] * 12
