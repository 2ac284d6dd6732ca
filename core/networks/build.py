"""Networks from their configs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.networks.config import NetworkConfig, RealtimeConfig, SegmenterConfig, UNetConfig
from core.networks.mlp import Mlp
from core.networks.realtime import Realtime
from core.networks.segmenter import Segmenter
from core.networks.unet import UNet


def build(config: NetworkConfig) -> nn.Module:
    """The untrained network that ``config`` describes."""
    if isinstance(config.network, UNetConfig):
        return UNet(config.network)
    if isinstance(config.network, RealtimeConfig):
        return Realtime(config.network)
    if isinstance(config.network, SegmenterConfig):
        return Segmenter(config.network)
    return Mlp(config.network)


class Drawn(nn.Module):
    """A network as it is served: what it draws as grey levels, uint8."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> Tensor:
        """The network's inputs to its output as uint8."""
        return (self.network(*inputs).clamp(0, 1) * 255 + 0.5).to(torch.uint8)
