"""The bundled footage against the bundled dances, from the exact joints that the renderer wrote to ``tests/data``."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.bundled import dances
from core.conditioning import pose_encoding
from core.pose import skeleton
from core.targets.split import even_blocks

DATA = Path(__file__).parent / "data"
PERFORMERS = ("mira", "theo")
DANCES = ("june-sway", "lina-disco", "omar-street")
MARGIN = 0.02
"""Torso lengths by which a dance is farther from the footage than the footage's own held-out blocks."""
FASTEST = 30.0
"""Pixels a frame; at the size of these figures and 25 fps about 3.5 metres a second, a hand that is flung."""
Poses = NDArray[np.float32]


def coordinates(name: str) -> Poses:
    """(frames, 26) as generators compare poses: hip-centred, in torso lengths of the person's own body."""
    joints = known(name)
    landmarks = np.zeros((len(joints), 33, 4), np.float32)
    landmarks[:, list(skeleton.JOINTS), :2] = joints
    torso = joints[:, 1:3].mean(1) - joints[:, 7:9].mean(1)
    unit = float(np.percentile(np.linalg.norm(torso, axis=1), 85))
    return pose_encoding.encode(landmarks, unit)


def known(name: str) -> NDArray[np.float32]:
    """(frames, 13, 2) pixels."""
    with np.load(DATA / f"{name}_joints.npz") as stored:
        return np.asarray(stored["xy"], np.float32)


def rate(name: str) -> float:
    """Frames per second."""
    with np.load(DATA / f"{name}_joints.npz") as stored:
        return float(stored["fps"])


def to_nearest(queries: Poses, poses: Poses) -> NDArray[np.float32]:
    """(queries,) root mean square over the 26 coordinates to the nearest of ``poses``, torso lengths."""
    squares = (queries**2).sum(1)[:, None] - 2 * queries @ poses.T + (poses**2).sum(1)[None]
    return np.asarray(np.sqrt(np.maximum(squares.min(1), 0) / pose_encoding.COORDINATES), np.float32)


@pytest.mark.parametrize("dance", DANCES)
@pytest.mark.parametrize("performer", PERFORMERS)
def test_a_dance_is_no_rerun_of_the_footage(
    performer: str, dance: str, record_property: Callable[[str, object], None]
) -> None:
    own = coordinates(performer)
    split = even_blocks(len(own), Fraction(rate(performer)))
    within = float(np.median(to_nearest(own[split.held_out], own[split.train])))
    away = float(np.median(to_nearest(coordinates(dance), own)))
    record_property("held_out_blocks", within)
    record_property("dance", away)
    assert away > within + MARGIN, (
        f"median {away:.3f} torso lengths to the nearest pose of {performer}, held-out blocks {within:.3f}"
    )


@pytest.mark.parametrize("dance", DANCES)
def test_nobody_moves_faster_than_a_quick_dancer(dance: str) -> None:
    moves = np.linalg.norm(np.diff(known(dance), axis=0), axis=2)
    frame, joint = np.unravel_index(moves.argmax(), moves.shape)
    assert moves.max() <= FASTEST, f"joint {joint} moves {moves.max():.0f} pixels after frame {frame}"


@pytest.mark.parametrize("performer", PERFORMERS)
def test_the_footage_has_every_view_and_arms_everywhere(performer: str) -> None:
    joints = coordinates(performer).reshape(-1, 13, 2)
    assert len(joints) / rate(performer) >= 60
    across = joints[:, 1, 0] - joints[:, 2, 0]  # left shoulder against right: positive from the front
    for seen in (across > 0.38, np.abs(across) < 0.25, across < -0.38):
        assert seen.mean() > 0.1
    nose = joints[:, 0, 0] - joints[:, 1:3, 0].mean(1)
    sideways = np.abs(across) < 0.25
    assert (nose[sideways] > 0.08).sum() > 25, "no profile to the right of the picture"
    assert (nose[sideways] < -0.08).sum() > 25, "no profile to the left of the picture"
    for wrist in (5, 6):
        angle = np.arctan2(*(joints[:, wrist] - joints[:, wrist - 4]).T[::-1])
        counts, _ = np.histogram(angle, bins=16, range=(-np.pi, np.pi))
        assert counts.min() >= 5, f"a hand never points into a sixteenth of the circle: {counts}"
    lowest = joints[:, 11:, 1].max(1)
    assert lowest.min() < 0.75 * np.median(lowest), "the dancer never goes down to the floor"
    assert (joints[:, 11:, 1].min(1) < 0.35).sum() > 5, "no foot is kicked as high as the hips"


def test_dances_are_three_others_and_one_is_upright() -> None:
    found = {dance.id: dance for dance in dances.list_dances()}
    assert set(DANCES) == set(found)
    for name in DANCES:
        assert 8 <= len(known(name)) / rate(name) <= 17
        assert found[name].picture.stat().st_size < 150_000
    assert sum(dance.video.stat().st_size for dance in found.values()) < 5_000_000
