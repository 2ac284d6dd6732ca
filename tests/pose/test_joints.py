"""Poses set by hand: thirteen joints are enough for all of a body."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import UnusableInput
from core.pose import skeleton
from core.pose.joints import BONES, TITLES, joints_of, pose_of, standing
from core.targets.store import load_target
from core.types import Pose

SIZE = (600, 800)


@pytest.mark.parametrize("size", [(600, 800), (1280, 720), (200, 900)])
def test_it_begins_with_somebody_whole_in_the_middle(size: tuple[int, int]) -> None:
    joints = standing(size)
    assert joints.shape == (len(TITLES), 2)
    assert ((joints > 0.02) & (joints < 0.98)).all()
    assert joints.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.12)
    assert joints[TITLES.index("Left wrist"), 0] > joints[TITLES.index("Right wrist"), 0], "who faces us"
    assert max(max(bone) for bone in BONES) < len(TITLES)


def test_the_joints_are_where_they_were_set() -> None:
    joints = standing(SIZE)
    pose = pose_of(joints, SIZE)
    assert np.isfinite(pose.landmarks).all()
    assert joints_of(pose, SIZE) == pytest.approx(joints, abs=1e-5)


def test_what_was_not_set_lies_about_where_it_was_found() -> None:
    """Of the joints of real poses face, hands and feet come back to a fifth of a torso, a face turned the right way."""
    with load_target("theo") as theo:
        for frame in (0, 40, 80):
            found = Pose(np.asarray(theo.poses[frame]))
            size = (theo.width, theo.height)
            made = pose_of(joints_of(found, size), size)
            unit = float(np.hypot(*(found.xy[[11, 12]].mean(0) - found.xy[[23, 24]].mean(0))))
            off = np.hypot(*(made.xy - found.xy).T) / unit
            assert off[list(skeleton.HEAD)].mean() < 0.15
            assert off[15:23].mean() < 0.2
            assert off[27:].mean() < 0.25
            assert np.sign(made.landmarks[0, 2]) == np.sign(found.landmarks[0, 2])


def test_who_turns_their_back_looks_away() -> None:
    joints = standing(SIZE)
    joints[:, 0] = 1 - joints[:, 0]
    assert pose_of(joints, SIZE).landmarks[0, 2] > 0


def test_joints_that_are_no_body_are_refused() -> None:
    with pytest.raises(UnusableInput, match="drag each point"):
        pose_of(np.full((13, 2), 0.5), SIZE)
