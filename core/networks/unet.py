"""Convolutional: stick image to picture.

An encoder-decoder with skips (Ronneberger et al., MICCAI 2015) as Isola et al., "Image-to-Image Translation" (CVPR 2017), use
it. The stick image comes at half the size of the picture: it holds nothing finer, and the largest layers cost a quarter.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.conditioning.pose_encoding import STICKS, TRUNK_LEVELS
from core.networks.blocks import Residual, Step
from core.networks.config import UNetConfig
from core.rendering.canvas import LAYERS

_WAVES: Final = (2, 4, 8)
"""How often each wave goes up and down over the length of a trunk. From a plain slope a network takes long to learn stripes
(Tancik et al., "Fourier Features", NeurIPS 2020)."""


class UNet(nn.Module):
    """Stick images (B, STICKS, h, w) to (B, LAYERS, 2 h, 2 w), 1 for a value of 255; h and w are multiples of 8."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        widths = config.widths
        self.read = Step(STICKS + 4 * len(_WAVES), widths[0])
        self.down = nn.ModuleList(_Down(narrow, wide, residual=config.residual) for narrow, wide in pairwise(widths))
        self.attend = SelfAttention(widths[-1]) if config.attention else nn.Identity()
        self.up = nn.ModuleList(
            _Up(wide, narrow, residual=config.residual) for narrow, wide in reversed(list(pairwise(widths)))
        )
        self.draw = nn.Conv2d(widths[0], 4 * LAYERS, 3, padding=1)
        # the four pixels of a square begin alike, or it would be drawn in dots for long (Aitken et al., arXiv 1707.02937)
        for part in (self.draw.weight, self.draw.bias):
            part.data = part.data[::4].repeat_interleave(4, 0)

    def forward(self, sticks: Tensor) -> Tensor:
        """See the class."""
        x = self.read(torch.cat([sticks, _waves(sticks[:, -2:])], 1))
        passed = []
        for down in self.down:
            passed.append(x)
            x = down(x)
        x = self.attend(x)
        for up, skipped in zip(self.up, reversed(passed), strict=True):
            x = up(x, skipped)
        return functional.pixel_shuffle(self.draw(x), 2)


def _waves(trunk: Tensor) -> Tensor:
    """Places on the trunk (B, 2, h, w) as sines and cosines, (B, 4 × waves, h, w), nothing beside it."""
    on_it = (trunk * 20).clamp(0, 1)
    turns = [2 * math.pi * 255 / TRUNK_LEVELS * count * trunk for count in _WAVES]
    return torch.cat([wave * on_it for turn in turns for wave in (turn.sin(), turn.cos())], 1)


class _Down(nn.Module):
    """To half the size."""

    def __init__(self, narrow: int, wide: int, *, residual: bool) -> None:
        super().__init__()
        self.halve = Step(narrow, wide, 2)
        self.work = Residual(wide) if residual else Step(wide, wide)

    def forward(self, x: Tensor) -> Tensor:
        return self.work(self.halve(x))


class _Up(nn.Module):
    """To twice the size, joined with what was there on the way down."""

    def __init__(self, wide: int, narrow: int, *, residual: bool) -> None:
        super().__init__()
        self.join = Step(wide + narrow, narrow)
        self.work = Residual(narrow) if residual else nn.Identity()

    def forward(self, x: Tensor, skipped: Tensor) -> Tensor:
        larger = functional.interpolate(x, scale_factor=2.0, mode="nearest")
        return self.work(self.join(torch.cat([larger, skipped], 1)))


class SelfAttention(nn.Module):
    """Every place looks at every other (Zhang et al., "Self-Attention GANs", ICML 2019, eq. 1 to 3), (B, C, h, w) to the same.

    ``gamma`` starts at 0: the network learns to look around after it has learnt to look close by.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = max(width // 8, 4)
        self.ask = nn.Conv2d(width, inner, 1)
        self.offer = nn.Conv2d(width, inner, 1)
        self.value = nn.Conv2d(width, width // 2, 1)
        self.back = nn.Conv2d(width // 2, width, 1)
        self.gamma = nn.Parameter(torch.zeros(1))

    def weights(self, x: Tensor) -> Tensor:
        """(B, h w, h w): how much each place takes from each other."""
        asked, offered = self.ask(x).flatten(2), self.offer(x).flatten(2)
        return (asked.transpose(1, 2) @ offered).softmax(-1)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        taken = self.value(x).flatten(2) @ self.weights(x).transpose(1, 2)
        return x + self.gamma * self.back(taken.reshape(x.shape[0], -1, x.shape[2], x.shape[3]))
