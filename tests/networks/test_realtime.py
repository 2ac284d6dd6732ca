from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from core.conditioning.limb_fields import BEYOND, CELL, FIELDS, PART_LAYERS, TOLD
from core.networks.build import build
from core.networks.config import RealtimeConfig
from core.networks.realtime import Realtime, blend
from core.rendering.canvas import KEPT, LAYERS
from tests.puppets import small_realtime_config, small_state

SMALL = RealtimeConfig(widths=(8, 12, 16), head=(8, 8))


def inputs(height: int = 32, width: int = 64, count: int = 1, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    draws = torch.Generator().manual_seed(seed)
    fields = torch.randn((count, FIELDS, height // CELL, width // CELL), generator=draws)
    parts = torch.randint(0, 256, (count, PART_LAYERS, height, width, 4), generator=draws, dtype=torch.uint8)
    return fields, torch.randn((count, TOLD), generator=draws), parts


EVERYWHERE = torch.ones((1, FIELDS, 4, 8))
"""Fields of a body that could be anywhere on a canvas of 64 times 128 pixels."""


def mixed(height: int = 32, width: int = 64, *, gates: tuple[float, float, float]) -> Tensor:
    """What a network could say whose gates are open (1) or shut (0) everywhere: grey, in half light."""
    mix = torch.full((1, LAYERS + PART_LAYERS, height, width), 0.5)
    for layer, gate in enumerate(gates):
        mix[:, KEPT + layer] = gate
    return mix


@pytest.mark.parametrize("size", [(64, 96), (128, 32)])
def test_one_network_draws_every_size(size: tuple[int, int]) -> None:
    network = Realtime(SMALL).eval()
    assert network(*inputs(*size, count=2)).shape == (2, LAYERS + PART_LAYERS, *size)


def test_gates_copy_the_pictures_exactly() -> None:
    """At full size, mask and all: arms over legs over trunk over what is drawn."""
    _, _, parts = inputs(64, 128)
    everywhere = torch.full((1, PART_LAYERS, 32, 64, 4), 255, dtype=torch.uint8)
    trunk, legs, arms = (parts[:, layer].permute(0, 3, 1, 2).float() / 255 for layer in range(3))

    def over(upper: Tensor, lower: Tensor) -> Tensor:
        return upper + lower * (1 - upper[:, 3:])

    wanted = {
        (1.0, 0.0, 0.0): trunk,
        (1.0, 1.0, 0.0): over(legs, trunk),
        (1.0, 1.0, 1.0): over(arms, over(legs, trunk)),
        (0.0, 0.0, 0.0): torch.full_like(arms, 0.5),
    }
    for gates, goal in wanted.items():
        made = blend(mixed(gates=gates), EVERYWHERE, everywhere, parts)
        assert made.shape == (1, LAYERS, 64, 128)
        torch.testing.assert_close(made[:, :KEPT], goal, atol=1e-5, rtol=0)
        assert (made[:, 4] == 0.5).all(), "there is no light to copy"


def test_a_gate_that_has_nothing_to_show_takes_nothing_away() -> None:
    parts, small = inputs(64, 128)[2], torch.zeros((1, PART_LAYERS, 32, 64, 4), dtype=torch.uint8)
    small[:, 0, 10, 20] = 255
    parts[:, :, :16] = 0
    made = blend(mixed(gates=(1.0, 1.0, 1.0)), EVERYWHERE, small, parts)
    assert (made[:, :4, :12] == 0.5).all()
    copied = parts[:, 0].permute(0, 3, 1, 2)[:, :, 18:24, 38:44].float() / 255
    torch.testing.assert_close(made[:, :4, 18:24, 38:44], copied, atol=1e-5, rtol=0)


def test_nothing_is_drawn_where_no_part_of_the_body_can_be() -> None:
    """The right half of the canvas is too far from every bone."""
    fields = EVERYWHERE.clone()
    fields[..., 4:] = BEYOND[0] / 2
    nothing = torch.zeros((1, PART_LAYERS, 32, 64, 4), dtype=torch.uint8)
    made = blend(mixed(gates=(0.0, 0.0, 0.0)), fields, nothing, inputs(64, 128)[2])
    assert (made[:, :KEPT, :, :52] == 0.5).all()
    assert (made[:, :KEPT, :, 76:] == 0).all()
    assert (made[:, KEPT] == 0.5).all(), "light lies anywhere"


def test_light_is_soft() -> None:
    mix = mixed(gates=(0.0, 0.0, 0.0))
    mix[:, -1] = torch.tensor([0.0, 1.0]).repeat(32)
    made = blend(mix, EVERYWHERE, inputs()[2], inputs(64, 128)[2])
    torch.testing.assert_close(made[:, 4], torch.full_like(made[:, 4], 0.5), atol=1e-5, rtol=0)


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
    network = Realtime(SMALL).train()
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    losses = []
    for step in range(60):
        told = inputs(32, 32, count=4, seed=step)
        parts = inputs(64, 64, count=4, seed=1000 + step)[2]
        wanted = parts[:, 0].permute(0, 3, 1, 2).float() / 255
        loss = (
            (blend(network(*told), EVERYWHERE[..., :4].expand(4, -1, -1, -1), told[2], parts)[:, :4] - wanted)
            .abs()
            .mean()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    # noise cannot be drawn: its mean is .25 off
    assert losses[0] > 0.15
    assert np.mean(losses[-5:]) < 0.06


def test_as_large_as_it_is_said_to_be() -> None:
    count = sum(weight.numel() for weight in Realtime(RealtimeConfig()).parameters())
    assert 2 * count < 4e6, "bytes in half precision"
