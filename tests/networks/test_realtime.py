from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from core.limbs import CELL, FIELDS, TOLD
from core.networks.build import build
from core.networks.config import RealtimeConfig
from core.networks.realtime import Realtime
from tests.puppets import small_realtime_config, small_state

SMALL = RealtimeConfig(widths=(8, 12, 16), head=(8, 8))


def inputs(height: int = 64, width: int = 96, count: int = 1, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    draws = torch.Generator().manual_seed(seed)
    fields = torch.randn((count, FIELDS, height // CELL, width // CELL), generator=draws)
    parts = torch.randint(0, 256, (count, 2, height, width, 4), generator=draws, dtype=torch.uint8)
    return fields, torch.randn((count, TOLD), generator=draws), parts


def with_gates(body: float, arms: float) -> Realtime:
    """A network whose gates are open or shut everywhere."""
    torch.manual_seed(0)
    network = Realtime(SMALL, 5)
    network.eval()
    for gate, value in ((network.copy_body, body), (network.copy_arms, arms)):
        torch.nn.init.zeros_(gate.weight)
        assert gate.bias is not None
        torch.nn.init.constant_(gate.bias, value)
    return network


@pytest.mark.parametrize("layers", [3, 5])
@pytest.mark.parametrize("size", [(64, 96), (128, 32)])
def test_one_network_draws_every_size(layers: int, size: tuple[int, int]) -> None:
    network = Realtime(SMALL, layers).eval()
    assert network(*inputs(*size, count=2)).shape == (2, layers, *size)


@torch.no_grad()
def test_gates_copy_the_pictures_exactly() -> None:
    """Arms over body over what is drawn, mask and all."""
    told = inputs()
    body, arms = (told[2][:, layer].permute(0, 3, 1, 2).float() / 255 for layer in (0, 1))
    torch.testing.assert_close(with_gates(40, -40)(*told)[:, :4], body, atol=1e-5, rtol=0)
    torch.testing.assert_close(with_gates(40, 40)(*told)[:, :4], arms, atol=1e-5, rtol=0)
    drawn = with_gates(-40, -40)
    other = (told[0], told[1], torch.flip(told[2], (2,)))
    assert (drawn(*told) - drawn(*other)).abs().max() > 1e-4, "what is drawn goes by the pictures as well"
    light = with_gates(40, 40)(*told)[:, 4]
    assert ((light > 0) & (light < 1)).all(), "there is no light to copy"


@torch.no_grad()
def test_everything_it_is_told_matters() -> None:
    network = build(small_realtime_config()).eval()
    network.load_state_dict(small_state(small_realtime_config()))
    told = inputs()
    drawn = network(*told)
    for place, other in enumerate(inputs(seed=1)):
        changed = list(told)
        changed[place] = other
        assert (network(*changed) - drawn).abs().max() > 1e-3


def test_it_learns_to_copy() -> None:
    """Pictures that are what should be seen: a few steps, and it copies rather than draws."""
    torch.manual_seed(0)
    network = Realtime(SMALL, 5).train()
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    losses = []
    for step in range(60):
        told = inputs(32, 32, count=4, seed=step)
        wanted = told[2][:, 0].permute(0, 3, 1, 2).float() / 255
        loss = (network(*told)[:, :4] - wanted).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    # noise cannot be drawn: its mean is .25 off
    assert losses[0] > 0.15
    assert np.mean(losses[-5:]) < 0.06


def test_as_large_as_it_is_said_to_be() -> None:
    count = sum(weight.numel() for weight in Realtime(RealtimeConfig(), 5).parameters())
    assert 2 * count < 4e6, "bytes in half precision"
