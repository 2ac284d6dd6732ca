"""Batch norms into their convolutions and out again."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from core.conditioning.pose_encoding import STICKS
from core.networks.batchnorm_folding import fold, unfold
from core.networks.config import UNetConfig
from core.networks.unet import UNet


@pytest.fixture
def network() -> UNet:
    """As after some training: norms that scale and shift."""
    torch.manual_seed(1)
    network = UNet(UNetConfig(widths=(8, 12, 16)))
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.normal_(1, 0.4)
                module.bias.normal_(0, 0.3)
                module.running_mean.normal_(0, 0.5)
                module.running_var.uniform_(0.2, 3)
    network.eval()
    return network


def test_folded_it_draws_the_same_and_its_norms_only_add(network: UNet) -> None:
    sticks = torch.rand(2, STICKS, 16, 16)
    with torch.no_grad():
        before = network(sticks)
        fold(network)
        torch.testing.assert_close(network(sticks), before, atol=2e-5, rtol=1e-4)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            scale = module.weight / (module.running_var + module.eps).sqrt()
            torch.testing.assert_close(scale, torch.ones_like(scale))


def test_unfolded_it_is_the_network_that_was_trained(network: UNet) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    unfold(network, fold(network))
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, before[name], atol=1e-5, rtol=1e-4)


def test_a_channel_that_was_switched_off_comes_back(network: UNet) -> None:
    network.read.norm.weight.data[3] = 0
    before = network.read.convolve.weight.clone()
    unfold(network, fold(network))
    torch.testing.assert_close(network.read.convolve.weight, before, atol=1e-5, rtol=1e-3)


def test_without_what_was_kept_it_cannot_be_undone(network: UNet) -> None:
    kept = fold(network)
    del kept[next(iter(kept))]
    with pytest.raises(KeyError):
        unfold(network, kept)
