"""What tells real pictures from made ones while a generator is trained; never served."""

from __future__ import annotations

from typing import Literal, TypeAlias

from torch import Tensor, nn

Norm: TypeAlias = Literal["batch", "instance"]

_WIDTHS = (32, 64, 128)


class Critic(nn.Module):
    """Windows (B, channels, s, s) of pictures, with their stick images, to a verdict on every patch, (B, 1, s / 8, s / 8).

    Strided convolutions (Radford et al., "DCGAN", ICLR 2016) that judge patches (Isola et al., CVPR 2017). Batch norm for the
    cross entropy; instance norm for the gradient penalty, which is one of single pictures (Gulrajani et al., NeurIPS 2017,
    section 4).
    """

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        narrow = channels
        for place, wide in enumerate(_WIDTHS):
            layers.append(nn.Conv2d(narrow, wide, 4, 2, 1))
            if place:
                layers.append(nn.BatchNorm2d(wide) if norm == "batch" else nn.InstanceNorm2d(wide, affine=True))
            layers.append(nn.LeakyReLU(0.2))
            narrow = wide
        self.layers = nn.Sequential(*layers, nn.Conv2d(narrow, 1, 3, padding=1))

    def forward(self, windows: Tensor) -> Tensor:
        """See the class."""
        return self.layers(windows)
