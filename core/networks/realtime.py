"""Copy and repair: warped pictures of the person in, the person out, at the canvas's full size.

A network of a few million weights cannot keep a face or a stripe in mind. It need not: ``core.warping.parts`` brings it
pictures of them, roughly in place. It says, for every pixel, how much of them to copy (a gate for each of the two layers, laid
one over the other) and draws what is missing. Warping and copying in image space with a learnt mask follow Siarohin et
al., "First Order Motion Model" (NeurIPS 2019, eq. 12), and Zakharov et al., "Bilayer Synthesis" (ECCV 2020).

Everything that is large is cheap: an eighth of the size for thinking, two steps of few channels at a quarter and at half,
and at full size nothing but three products.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.limbs import FIELDS, TOLD
from core.networks.blocks import Residual, Step
from core.networks.config import RealtimeConfig


class Realtime(nn.Module):
    """Fields (B, FIELDS, h / 8, w / 8), told (B, TOLD) and parts (B, 2, h, w, 4) uint8 to (B, layers, h, w), 1 for 255.

    h and w are multiples of 32. The fields are those of :func:`core.limbs.limb_fields`, the parts those of
    :func:`core.warping.parts.warp_parts`.
    """

    def __init__(self, config: RealtimeConfig, layers: int) -> None:
        super().__init__()
        wide, wider, widest = config.widths
        quarter, half = config.head
        eighth = 2 * half
        self.layers = layers
        self.see_half = Step(8, half, 2)
        self.see_quarter = Step(half, quarter, 2)
        self.see_eighth = Step(quarter, eighth, 2)
        self.place = nn.Conv2d(FIELDS, wide, 1)
        self.read = Step(eighth, wide)
        self.tell = nn.Sequential(nn.Linear(TOLD, 128), nn.ReLU(), nn.Linear(128, widest))
        self.at_8 = Residual(wide)
        self.down_16 = Step(wide, wider, 2)
        self.at_16 = nn.Sequential(Residual(wider), Residual(wider))
        self.down_32 = Step(wider, widest, 2)
        self.at_32 = nn.Sequential(Residual(widest), Residual(widest))
        self.up_16 = nn.Conv2d(widest, wider, 1)
        self.again_16 = Residual(wider)
        self.up_8 = nn.Conv2d(wider, wide, 1)
        self.again_8 = Residual(wide)
        self.up_4 = nn.Conv2d(wide, 4 * quarter, 1)
        self.seen_4 = nn.Conv2d(quarter, quarter, 1)
        self.at_4 = Residual(quarter)
        self.up_2 = nn.Conv2d(quarter, 4 * half, 1)
        self.at_2 = Step(half, half)
        self.draw = nn.Conv2d(half, 4 * layers, 3, padding=1)
        self.copy_body = nn.Conv2d(half, 4, 3, padding=1)
        self.copy_arms = nn.Conv2d(half, 4, 3, padding=1)

    def forward(self, fields: Tensor, told: Tensor, parts: Tensor) -> Tensor:
        """See the class."""
        body, arms = (parts[:, layer].permute(0, 3, 1, 2).float() * (1 / 255) for layer in (0, 1))
        half = self.see_half(torch.cat([body, arms], 1))
        quarter = self.see_quarter(half)
        x8 = self.at_8(functional.relu(self.place(fields) + self.read(self.see_eighth(quarter))))
        x16 = self.at_16(self.down_16(x8))
        x32 = self.at_32(self.down_32(x16) + self.tell(told)[:, :, None, None])
        x16 = self.again_16(_twice(self.up_16(x32)) + x16)
        x8 = self.again_8(_twice(self.up_8(x16)) + x8)
        x4 = self.at_4(functional.pixel_shuffle(self.up_4(x8), 2) + self.seen_4(quarter))
        x2 = self.at_2(functional.pixel_shuffle(self.up_2(x4), 2) + half)
        drawn = functional.pixel_shuffle(self.draw(x2), 2).sigmoid()
        kept = min(self.layers, 4)
        picture = drawn[:, :kept]
        for layer, gate in ((body, self.copy_body), (arms, self.copy_arms)):
            picture = picture + functional.pixel_shuffle(gate(x2), 2).sigmoid() * (layer[:, :kept] - picture)
        return picture if kept == self.layers else torch.cat([picture, drawn[:, kept:]], 1)


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
