from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from core.conditioning import pose_encoding
from core.networks.blocks import Excitation, ResidualBlock
from core.networks.build import Drawn, build
from core.networks.config import MlpConfig
from core.networks.mlp import Mlp
from core.rendering.canvas import LAYERS, Behind, layers_of
from tests.bodies import moved
from tests.puppets import dance, puppet, puppet_light, small_config, wall

SMALL = MlpConfig(trunk=32, trunk_blocks=1, width=24, depth=2, dropout=0.0)


def seeded(config: MlpConfig = SMALL) -> Mlp:
    torch.manual_seed(0)
    network = Mlp(config)
    network.eval()
    return network


def points(count: int = 50, batch: int = 1) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (batch, count, 2)).astype(np.float32))


@pytest.mark.parametrize("excitation", [False, True])
def test_shapes_and_gradients(excitation: bool) -> None:
    network = build(small_config(excitation=excitation))
    out = network(torch.randn(3, 26), points(40, 3))
    assert out.shape == (3, 40, LAYERS)
    assert torch.isfinite(out).all()
    out.square().sum().backward()
    silent = [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert silent == [], "every weight is learnt"


def names(network: nn.Module) -> set[str]:
    return {name.rpartition(".")[0].rpartition(".")[2] for name in network.state_dict()}


def test_without_excitation_there_are_no_weights_of_it() -> None:
    assert {"excite", "squeeze"} <= names(seeded())
    plain = seeded(SMALL.model_copy(update={"excitation": False}))
    assert not {"excite", "squeeze", "weigh"} & names(plain)


def test_the_pose_says_how_much_each_channel_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all other ways from the coordinates to a pixel cut, excitation alone still changes the picture."""
    network = seeded()
    with torch.no_grad():
        network.greet.weight.zero_()
        for step in network.steps:
            step.get_submodule("shift").weight.zero_()
    size = network.bones.size
    monkeypatch.setattr(network.bones, "forward", lambda _, asked: torch.ones(1, asked.shape[1], size))
    one, other = torch.randn(2, 1, 26)
    assert (network(one, points()) - network(other, points())).abs().max() > 1e-3
    with torch.no_grad():
        for step in network.steps:
            step.get_submodule("excite").weight.zero_()
    torch.testing.assert_close(network(one, points()), network(other, points()))


def test_an_untrained_excitation_lets_everything_through() -> None:
    block = Excitation(16)
    nn.init.zeros_(block.excite.weight)
    nn.init.zeros_(block.excite.bias)
    x = torch.randn(4, 16)
    torch.testing.assert_close(block(x), x)


@pytest.mark.parametrize("excitation", [False, True])
def test_a_residual_block_begins_at_its_input(excitation: bool) -> None:
    block = ResidualBlock(16, 0.5, excitation=excitation).eval()
    x = torch.randn(4, 16)
    assert (block(x) - x).abs().max() > 1e-3
    nn.init.zeros_(block.second.weight)
    nn.init.zeros_(block.second.bias)
    torch.testing.assert_close(block(x), x)


def test_each_point_is_asked_alone() -> None:
    network, pose, asked = seeded(), torch.randn(1, 26), points(60)
    together = network(pose, asked)
    torch.testing.assert_close(together[:, 20:30], network(pose, asked[:, 20:30]), atol=1e-5, rtol=1e-4)
    order = torch.randperm(60)
    torch.testing.assert_close(together[:, order], network(pose, asked[:, order]), atol=1e-5, rtol=1e-4)


def test_dropout_while_training_alone() -> None:
    network = seeded(SMALL.model_copy(update={"dropout": 0.5}))
    pose = torch.randn(1, 26)
    torch.testing.assert_close(network(pose, points()), network(pose, points()))
    network.train()
    assert (network(pose, points()) - network(pose, points())).abs().max() > 1e-4


def test_what_is_served_are_grey_levels() -> None:
    class Ramp(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    levels = Drawn(Ramp())(torch.tensor([-3.0, 0.0, 0.25 / 255, 0.75 / 255, 0.5, 1.0, 7.0]))
    assert levels.dtype == torch.uint8
    assert levels.tolist() == [0, 0, 0, 1, 128, 255, 255]


def test_it_learns_two_pictures_by_heart() -> None:
    config = small_config()
    poses = [dance(1)[0], moved(dance(1)[0], dx=25, dy=-25, joints=(13, 15, 17))]
    wanted = []
    for pose in poses:
        frame, mask = puppet(pose)
        wanted.append(layers_of(frame, config.canvas, pose, Behind(mask, puppet_light(pose), wall())).reshape(5, -1).T)
    truth = torch.from_numpy(np.stack(wanted)).float() / 255
    told = torch.from_numpy(np.stack([pose_encoding.encode(p.landmarks, config.unit) for p in poses]))
    asked = torch.from_numpy(pose_encoding.canvas_points(config.canvas, poses[0], config.unit).reshape(1, -1, 2))
    person = torch.from_numpy(np.flatnonzero((truth[..., 3] > 0).any(0).numpy()))
    torch.manual_seed(0)
    network = Mlp(MlpConfig(trunk=32, trunk_blocks=1, width=48, depth=2, dropout=0.0))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for step in range(100):
        optimizer.param_groups[0]["lr"] = 1e-2 * (1 - step / 100)
        anywhere, here = torch.randint(asked.shape[1], (128,)), person[torch.randint(len(person), (384,))]
        chosen = torch.cat([anywhere, here])
        loss = (network(told, asked[:, chosen].expand(2, -1, -1)) - truth[:, chosen]).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        made = network.eval()(told, asked.expand(2, -1, -1)).clamp(0, 1)
    assert float((made - truth).abs().mean()) < 0.03
    moving = (truth[0, :, 3] - truth[1, :, 3]).abs() > 0.5
    assert moving.sum() > 30
    # one picture for both, however good, is half of their difference off where they differ
    halfway = float((truth[0] - truth[1])[moving].abs().mean()) / 2
    assert float((made - truth)[:, moving].abs().mean()) < 0.6 * halfway
    lifted_arm = moved(poses[0], dy=-15, joints=(15, 17))
    changed = pose_encoding.encode(lifted_arm.landmarks, config.unit)
    with torch.no_grad():
        lifted = network(torch.from_numpy(changed)[None], asked).clamp(0, 1)
    assert (lifted - made[:1]).abs().max() > 0.1, "another pose is another picture"
