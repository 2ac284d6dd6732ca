"""Fully connected: 26 coordinates to a picture.

A fully connected last layer, as the course project had, can only mix the pictures it holds: 400 of them, chosen as well as
can be (principal components), redraw unseen poses with 17.6 dB inside the person, and a network that must also choose the
mixture got 11.4 dB and drew ghosts of limbs. Here every pixel asks the same small network instead, telling it where it lies
relative to each bone; the coordinates decide by excitation which of its channels count.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from core.conditioning.pose_encoding import COORDINATES
from core.networks.blocks import ResidualBlock
from core.networks.bone_encoding import BoneFields
from core.networks.config import MlpConfig
from core.rendering.canvas import LAYERS


class Mlp(nn.Module):
    """Pose (B, COORDINATES) and points (B, P, 2) to (B, P, LAYERS), 1 for a value of 255.

    Points are in torso lengths from the middle of the hips.
    """

    def __init__(self, config: MlpConfig) -> None:
        super().__init__()
        self.read = nn.Linear(COORDINATES, config.trunk)
        blocks = (
            ResidualBlock(config.trunk, config.dropout, excitation=config.excitation)
            for _ in range(config.trunk_blocks)
        )
        self.trunk = nn.Sequential(*blocks, nn.LayerNorm(config.trunk))
        self.bones = BoneFields()
        self.first = nn.Linear(self.bones.size, config.width)
        self.greet = nn.Linear(config.trunk, config.width)
        self.steps = nn.ModuleList(
            _PixelStep(config.width, config.trunk, excitation=config.excitation) for _ in range(config.depth)
        )
        self.draw = nn.Linear(config.width, LAYERS)

    def forward(self, pose: Tensor, points: Tensor) -> Tensor:
        """See the class."""
        told = self.trunk(self.read(pose))
        x = functional.silu(self.first(self.bones(pose, points)) + self.greet(told)[:, None])
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
