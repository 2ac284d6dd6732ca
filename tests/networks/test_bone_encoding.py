from __future__ import annotations

import numpy as np
import pytest
import torch

from core.conditioning import pose_encoding
from core.networks.bone_encoding import BoneFields
from tests.puppets import TORSO, dance

BONES = 14


def told(frame: int = 11) -> torch.Tensor:
    """(1, 26) of one pose of the puppet."""
    return torch.from_numpy(pose_encoding.encode(dance(frame + 1)[frame].landmarks, TORSO))[None]


def some_points(count: int = 200) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).uniform(-1.5, 1.5, (1, count, 2)).astype(np.float32))


def turned(xy: torch.Tensor, degrees: float) -> torch.Tensor:
    angle = np.radians(degrees)
    turn = torch.tensor([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], dtype=torch.float32)
    return xy @ turn


@pytest.mark.parametrize("degrees", [30.0, 90.0, -135.0])
def test_places_on_the_body_stay_when_the_body_turns(degrees: float) -> None:
    pose, points = told(), some_points()
    before = BoneFields()(pose, points)
    assert before.shape == (1, 200, BoneFields.size)
    after = BoneFields()(turned(pose.reshape(1, 13, 2), degrees).reshape(1, 26), turned(points, degrees))
    torch.testing.assert_close(before, after, atol=2e-3, rtol=0)
    alone = BoneFields()(pose, turned(points, degrees))
    assert (before - alone).abs().max() > 0.5, "turning the points alone is seen"


def test_left_and_right_of_a_bone_differ() -> None:
    """A mirror image of pose and points is another place on the body, but for what lies along the bones."""
    pose, points = told(), some_points()
    flip = torch.tensor([-1.0, 1.0])
    mirrored = BoneFields()((pose.reshape(1, 13, 2) * flip).reshape(1, 26), points * flip)
    here = BoneFields()(pose, points)
    near, along, across = (slice(i * BONES, (i + 1) * BONES) for i in range(3))
    torch.testing.assert_close(mirrored[..., near], here[..., near], atol=1e-4, rtol=0)
    torch.testing.assert_close(mirrored[..., along], here[..., along], atol=1e-4, rtol=0)
    torch.testing.assert_close(mirrored[..., across], -here[..., across], atol=1e-4, rtol=0)


def test_only_what_is_near_a_bone_feels_it() -> None:
    pose = told()
    away = BoneFields()(pose, torch.full((1, 1, 2), 40.0))
    assert away.abs().max() < 1e-6
    assert torch.isfinite(away).all()
    joints = pose.reshape(13, 2)
    forearm = (joints[3] + joints[5]) / 2
    near = BoneFields()(pose, forearm.reshape(1, 1, 2))[0, 0, :BONES]
    assert near.max() == pytest.approx(1.0, abs=1e-4), "the middle of a bone lies on it"


def test_moving_a_hand_moves_what_its_bone_says_alone() -> None:
    pose, points = told(), some_points()
    lifted = pose.reshape(1, 13, 2).clone()
    lifted[0, 5, 1] -= 0.4
    change = (BoneFields()(lifted.reshape(1, 26), points) - BoneFields()(pose, points)).abs().amax(dim=(0, 1))
    said_by = np.flatnonzero(change.numpy() > 1e-6) % BONES
    assert len(set(said_by)) == 1, "one segment ends in the wrist"


def test_bones_of_no_length_are_no_failure() -> None:
    features = BoneFields()(torch.zeros(1, 26), torch.zeros(1, 3, 2))
    assert torch.isfinite(features).all()


def test_every_pose_of_a_batch_is_its_own() -> None:
    poses, points = torch.cat([told(2), told(11)]), some_points().expand(2, -1, -1)
    both = BoneFields()(poses, points)
    for i in range(2):
        torch.testing.assert_close(both[i : i + 1], BoneFields()(poses[i : i + 1], points[:1]))
