from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core import conditioning
from core.canvas import Canvas
from core.pipeline import performer_statistics
from core.pose import skeleton
from core.targets.split import split_of
from core.targets.store import load_target
from core.training.examples import fit_canvas
from core.types import Pose
from tests.bodies import moved, standing
from tests.puppets import TORSO, dance


def canvas_of(**changes: Any) -> Canvas:
    whole = {"width": 64, "height": 48, "scale": 2.77, "left": -80.0, "top": -60.0, "follows": "hips"}
    return Canvas.model_validate(whole | changes)


@pytest.mark.parametrize("follows", ["hips", "frame"])
@pytest.mark.parametrize("scale", [0.6, 1.0, 2.77])
def test_points_lie_where_the_matrix_puts_their_pixels(scale: float, follows: str) -> None:
    canvas, pose = canvas_of(scale=scale, follows=follows), dance(5)[4]
    points = conditioning.canvas_points(canvas, pose, TORSO)
    assert points.shape == (48, 64, 2)
    hips = pose.xy[list(skeleton.HIPS)].mean(0)
    matrix = canvas.matrix(pose)
    for row, column in ((0, 0), (47, 63), (10, 31)):
        pixel = matrix @ (column, row, 1)
        # landmarks count from the corner of the first pixel, pixels from its middle
        np.testing.assert_allclose(points[row, column] * TORSO + hips, pixel + 0.5, atol=2e-3)


@pytest.mark.parametrize("step", [2, 4])
def test_a_coarse_point_is_the_middle_of_its_square(step: int) -> None:
    canvas, pose = canvas_of(), dance(1)[0]
    fine = conditioning.canvas_points(canvas, pose, TORSO)
    coarse = conditioning.canvas_points(canvas, pose, TORSO, step)
    assert coarse.shape == (48 // step, 64 // step, 2)
    means = fine.reshape(48 // step, step, 64 // step, step, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(coarse, means, atol=1e-4)


def test_the_person_alone_is_the_same_anywhere_on_the_stage() -> None:
    canvas, pose = canvas_of(), standing()
    there = moved(pose, 37.25, -12.5)
    told = [conditioning.pose_inputs(p.landmarks, 80.0, whole_frame=False) for p in (pose, there)]
    assert told[0].shape == (26,)
    np.testing.assert_allclose(told[0], told[1], atol=1e-5)
    points = [conditioning.canvas_points(canvas, p, 80.0) for p in (pose, there)]
    np.testing.assert_array_equal(points[0], points[1])
    near = [conditioning.around_person(canvas, p, 80.0) for p in (pose, moved(pose, 64, -16))]
    np.testing.assert_array_equal(near[0], near[1])


def test_a_whole_frame_knows_where_and_how_large() -> None:
    pose = standing(torso=80.0)
    told = conditioning.pose_inputs(pose.landmarks, 40.0, whole_frame=True)
    hips = pose.xy[list(skeleton.HIPS)].mean(0)
    assert told.shape == (29,)
    np.testing.assert_array_equal(told[:26], conditioning.encode(pose.landmarks, 40.0))
    np.testing.assert_allclose(told[26:28], hips / 40, rtol=1e-6)
    assert told[28] == pytest.approx(2.0, rel=1e-5)
    aside = conditioning.pose_inputs(moved(pose, 20, 0).landmarks, 40.0, whole_frame=True)
    np.testing.assert_allclose((aside - told)[26:], [0.5, 0, 0], atol=1e-5)


def test_many_poses_at_once_are_each_alone() -> None:
    many = np.stack([pose.landmarks for pose in dance(6)])
    told = conditioning.pose_inputs(many, TORSO, whole_frame=True)
    assert told.shape == (6, 29)
    for row, pose in zip(told, many, strict=True):
        np.testing.assert_allclose(row, conditioning.pose_inputs(pose, TORSO, whole_frame=True), rtol=1e-6)


def test_points_of_a_frame_move_against_the_person() -> None:
    canvas, pose = canvas_of(follows="frame"), standing()
    shift = conditioning.canvas_points(canvas, moved(pose, 8, -16), 80.0) - conditioning.canvas_points(
        canvas, pose, 80.0
    )
    np.testing.assert_allclose(shift, np.broadcast_to([-0.1, 0.2], shift.shape), atol=1e-5)


def test_somebody_far_outside_is_nowhere_on_a_frame() -> None:
    canvas = canvas_of(follows="frame", left=0.0, top=0.0)
    assert conditioning.around_person(canvas, moved(standing(), 1e5, 0), 80.0).sum() == 0


@pytest.mark.parametrize("name", ["mira", "theo"])
def test_the_region_that_is_asked_holds_the_person(name: str) -> None:
    """What lies outside is never drawn."""
    with load_target(name) as target:
        assert target.masks is not None
        unit = performer_statistics(target).near[1]
        canvas = fit_canvas(_some(target), 192, unit)
        assert canvas.follows == "hips"
        assert max(canvas.width, canvas.height) == 192
        shares, asked = [], []
        for i in np.flatnonzero(target.found)[7::61]:
            pose = Pose(np.array(target.poses[i]))
            mask = canvas.cut(target.masks[int(i)], pose)
            near = conditioning.around_person(canvas, pose, unit)
            shares.append(mask[near].sum(dtype=float) / max(mask.sum(dtype=float), 1))
            asked.append(near.mean())
    assert len(shares) > 15
    assert min(shares) >= 0.97, min(shares)
    assert float(np.mean(shares)) >= 0.995, shares
    assert float(np.mean(asked)) < 0.5, "and it spares most of the canvas"


def _some(target: Any) -> Any:
    """A performer of whom every twentieth frame is known: decoding all takes seconds."""
    from core.targets.split import Subset

    kept = np.zeros(target.manifest.frames, np.bool_)
    kept[::20] = True
    return Subset(target, kept & split_of(target, "all").train)
