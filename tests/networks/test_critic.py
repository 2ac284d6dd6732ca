from __future__ import annotations

import pytest
import torch
from torch import nn

from core.networks.critic import Critic, Norm


def seeded(norm: Norm) -> Critic:
    torch.manual_seed(0)
    critic = Critic(11, norm)
    critic.train()
    return critic


def windows(count: int = 3, side: int = 32) -> torch.Tensor:
    return torch.randn((count, 11, side, side), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("side", [16, 32, 128])
def test_a_verdict_on_every_patch(norm: Norm, side: int) -> None:
    critic = seeded(norm)
    verdict = critic(windows(2, side))
    assert verdict.shape == (2, 1, side // 8, side // 8)
    assert verdict.std() > 0
    verdict.square().sum().backward()
    silent = [
        name
        for name, weight in critic.named_parameters()
        # what is added before a norm is taken away by it
        if (weight.grad is None or not weight.grad.any()) and name not in {"layers.2.bias", "layers.5.bias"}
    ]
    assert silent == []


def others_change_it(norm: Norm) -> bool:
    critic, here = seeded(norm), windows()
    there = here.clone()
    there[1:] *= 3
    return not torch.allclose(critic(here)[0], critic(there)[0], atol=1e-4)


def test_a_gradient_penalty_is_one_of_single_pictures() -> None:
    assert not others_change_it("instance")


def test_batch_norm_looks_at_all_of_them() -> None:
    assert others_change_it("batch")


def test_the_first_convolution_has_no_norm() -> None:
    """Radford et al., "DCGAN", ICLR 2016: or the critic could not tell a dark picture from a bright one."""
    for norm, kind in (("batch", nn.BatchNorm2d), ("instance", nn.InstanceNorm2d)):
        layers = list(seeded(norm).layers)  # type: ignore[arg-type]
        assert [place for place, layer in enumerate(layers) if isinstance(layer, kind)] == [3, 6]


def test_where_it_looks_the_verdict_changes() -> None:
    critic, here = seeded("instance").eval(), windows(1, 128)
    there = here.clone()
    there[..., :8, :8] = there[..., :8, :8].flip(-1)
    change = (critic(here) - critic(there)).abs()[0, 0]
    assert change[0, 0] > 10 * change[-1, -1]
