"""A window of another shape follows the performer steadily, and never cuts them off."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from core.bundled import dances
from core.errors import UnusableInput
from core.generators.registry import create_generator
from core.rendering.compositing import Background
from core.rendering.reframing import SHAPES, Framing, Shape, frame_performer, grown, parse_shape, performer_boxes
from core.targets.store import load_target
from core.transfer import TransferOptions, transfer
from core.types import Pose
from tests.bodies import standing
from tests.video.test_formats import of_zip

RATE = 25.0
PICTURE = (512, 512)


def walk(count: int = 200) -> list[Pose | None]:
    """Somebody of 200 pixels who stands, runs to the right, and comes back."""
    points = standing().xy
    scale = 200 / np.ptp(points[:, 1])
    middle = points.mean(axis=0)
    xs = 120 + 270 * np.clip(np.sin(np.linspace(0, 2 * np.pi, count)) * 1.5, 0, 1)
    small = standing().landmarks.copy()
    small[:, :2] = (points - middle) * scale
    return [Pose(small).moved(float(x), 300.0) for x in xs]


def framed(shape: Shape, poses: list[Pose | None], cuts: list[int] | None = None) -> Framing:
    return frame_performer(poses, [n / RATE for n in range(len(poses))], cuts or [], PICTURE, shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_performer_is_inside_and_the_shape_is_right(shape: Shape) -> None:
    poses = walk()
    framing, boxes = framed(shape, poses), performer_boxes(poses, PICTURE)
    width, height = framing.size
    across, down = (int(part) for part in shape.split(":"))
    assert width % 2 == height % 2 == 0
    assert abs(width / height - across / down) < 3 / height
    assert (framing.corners <= boxes[:, :2] + 1e-6).all()
    assert (framing.corners + framing.size >= boxes[:, 2:] - 1e-6).all()


def test_it_moves_softly_and_only_as_far_as_it_must() -> None:
    poses = walk()
    x = framed("9:16", poses).corners[:, 0]
    middles = performer_boxes(poses, PICTURE)[:, [0, 2]].mean(axis=1)
    assert 0 < np.ptp(x) < np.ptp(middles)
    # pixels a frame, and how much that changes: by less than a tenth of how the performer's does
    assert np.abs(np.diff(x, 2)).max() < 0.5
    assert np.abs(np.diff(x, 2)).max() < np.abs(np.diff(middles, 2)).max()
    still = framed("9:16", [standing_small()] * 50).corners
    assert np.ptp(still, axis=0).max() < 1e-6


def standing_small() -> Pose:
    pose = walk(2)[0]
    assert pose is not None
    return pose


def test_at_a_cut_it_may_jump() -> None:
    poses: list[Pose | None] = [*[standing_small().moved(-60, 0)] * 40, *[standing_small().moved(250, 0)] * 40]
    smooth, cut = (framed("9:16", poses, cuts) for cuts in ([], [40]))
    assert smooth.size[0] > cut.size[0], "a window for both sides at once has to be larger"
    steps = np.abs(np.diff(cut.corners[:, 0]))
    assert steps[39] > 50
    assert np.delete(steps, 39).max() < 1e-6


def test_nobody_at_times_and_nobody_at_all() -> None:
    poses: list[Pose | None] = [None, None, *walk(20), None]
    assert np.isfinite(framed("9:16", poses).corners).all()
    assert framed("1:1", [None] * 5).size == PICTURE


def test_the_stage_goes_on_without_a_seam_and_without_things_twice() -> None:
    stage = np.full((100, 100, 3), 60, np.uint8)
    stage[85:] = 140
    stage[40:50, 30:40] = 255
    larger = grown(stage, 50, 80, 50, 80)
    assert larger.shape == (260, 200, 3)
    assert np.array_equal(larger[80:180, 50:150], stage)
    assert (larger[180:, :, 0] == 140).all(), "floor below the floor"
    assert (larger == 255).all(axis=2).sum() == 100
    for a, b in itertools.pairwise([*larger[75:85, 60].astype(int)]):
        assert np.abs(a - b).max() < 2


def test_of_a_real_dance_nothing_of_the_performer_is_lost(tmp_path: Path) -> None:
    """The same dance whole and framed anew, transparent: as many opaque pixels in both."""
    dance, target = dances.find("lina-disco"), load_target("theo")
    assert dance is not None
    generator = create_generator("nearest", target)
    seen, sums = None, {}
    for shape in (None, "9:16"):
        options = TransferOptions(start=2, end=3, background=Background(transparent=True), shape=shape)
        made = tmp_path / f"{shape and 'framed'}.zip"
        report, seen = transfer(dance, target, generator, made, options, seen=seen, previews=False)
        pictures = of_zip(made)
        assert (pictures[0].shape[1], pictures[0].shape[0]) == report.size
        sums[shape] = np.array([picture[..., 3].astype(float).sum() for picture in pictures])
    assert report.size[0] < report.size[1]
    assert np.abs(sums["9:16"] / sums[None] - 1).max() < 0.005


def test_what_cannot_be_framed_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="9:16, 1:1, 16:9"):
        parse_shape("4:3")
    with pytest.raises(UnusableInput, match="performer alone"):
        TransferOptions(shape="1:1", layout="triptych").check()
