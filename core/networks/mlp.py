"""Fully connected: 26 coordinates to a picture.

A fully connected last layer, as the course project had, can only mix the pictures it holds: 400 of them, chosen as well as
can be (principal components), redraw unseen poses with 17.6 dB inside the person, and a network that must also choose the
mixture got 11.4 dB and drew ghosts of limbs. Here every pixel asks the same small network instead, telling it where it lies
relative to each bone; the coordinates decide by excitation which of its channels count.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.networks.blocks import ResidualBlock
from core.networks.config import MlpConfig
from core.networks.fields import BoneFields, PlaceFields


class Mlp(nn.Module):
    """Pose (B, inputs) and points (B, P, 2) to (B, P, layers), 1 for a value of 255.

    Points are in torso lengths from the middle of the hips. With 29 inputs the last three are the hips' place in the frame
    and the torso's length, in torso lengths, and points know their place in the frame too.
    """

    def __init__(self, config: MlpConfig, inputs: int, layers: int) -> None:
        super().__init__()
        self.read = nn.Linear(inputs, config.trunk)
        blocks = (
            ResidualBlock(config.trunk, config.dropout, excitation=config.excitation)
            for _ in range(config.trunk_blocks)
        )
        self.trunk = nn.Sequential(*blocks, nn.LayerNorm(config.trunk))
        self.bones = BoneFields()
        self.place = PlaceFields() if inputs > 26 else None
        features = self.bones.size + (0 if self.place is None else self.place.size)
        self.first = nn.Linear(features, config.width)
        self.greet = nn.Linear(config.trunk, config.width)
        self.steps = nn.ModuleList(
            _PixelStep(config.width, config.trunk, excitation=config.excitation) for _ in range(config.depth)
        )
        self.draw = nn.Linear(config.width, layers)

    def forward(self, pose: Tensor, points: Tensor) -> Tensor:
        """See the class."""
        told = self.trunk(self.read(pose))
        features = self.bones(pose, points)
        if self.place is not None:
            features = torch.cat([features, self.place(points + pose[:, None, 26:28])], -1)
        x = functional.silu(self.first(features) + self.greet(told)[:, None])
        for step in self.steps:
            x = step(x, told)
        return self.draw(x)


class _PixelStep(nn.Module):
    """A fully connected layer around a skip, the same for every pixel: (B, P, N) and what was told (B, M) to (B, P, N)."""

    def __init__(self, width: int, told: int, *, excitation: bool) -> None:
        super().__init__()
        self.mix = nn.Linear(width, width)
        self.shift = nn.Linear(told, width)
        self.excite = nn.Linear(told, width) if excitation else None

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        inner = self.mix(x)
        if self.excite is not None:
            inner = inner * (2 * self.excite(told).sigmoid())[:, None]
        return x + functional.silu(inner + self.shift(told)[:, None])
