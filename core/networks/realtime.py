"""Copy and repair: small warped pictures of the person in, what to copy of the large ones and what to draw instead out.

A network of a few million weights cannot keep a face or a stripe in mind. It need not: ``core.warping.part_warp`` brings
pictures of them, roughly in place. It says, for every pixel, how much of them to copy (a gate for each of the layers, laid
one over the other) and draws what is missing. Warping and copying in image space with a learnt mask follow Siarohin et
al., "First Order Motion Model" (NeurIPS 2019, eq. 12), and Zakharov et al., "Bilayer Synthesis" (ECCV 2020).

It works at half the canvas's size from beginning to end. What is copied is copied at full size, pixel by pixel
(:func:`blend`), so nothing fine is lost; what is drawn is soft anyway; and a quarter of the pixels cost a quarter.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.conditioning.limb_fields import BEYOND, CELL, FEATURES, FIELDS, PART_LAYERS, TOLD
from core.networks.blocks import Residual, Step
from core.networks.config import RealtimeConfig
from core.rendering.canvas import KEPT, LAYERS

NEAR: Final = 2
SOFT: Final = 4
"""Light is laid over the stage with so many times fewer pixels than it is drawn with: shadows are soft."""

_FINE: Final = 16
"""Channels at half of the canvas's size, beside the parts."""


class Realtime(nn.Module):
    """Fields (B, FIELDS, h / 8, w / 8), told (B, TOLD), parts (B, PART_LAYERS, h, w, 4) uint8 to (B, LAYERS + PART_LAYERS, h, w).

    h and w are half the canvas's, multiples of 32. The fields are those of :func:`core.conditioning.limb_fields.limb_fields`
    and the parts those of :func:`core.warping.part_warp.warp_parts`, at that size. The result, 1 for 255: three colours
    multiplied by the mask that follows; a gate for each layer of parts; the light that is left of the stage.
    """

    def __init__(self, config: RealtimeConfig) -> None:
        super().__init__()
        wide, wider, widest = config.widths
        quarter, half = config.head
        eighth = 2 * half
        self.see_half = Step(4 * PART_LAYERS, half, 2)
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
        self.up_1 = nn.Conv2d(half, _FINE, 1)
        self.draw = nn.Conv2d(_FINE + 4 * PART_LAYERS, LAYERS + PART_LAYERS, 3, padding=1)

    def forward(self, fields: Tensor, told: Tensor, parts: Tensor) -> Tensor:
        """See the class."""
        seen = [parts[:, layer].permute(0, 3, 1, 2).float() * (1 / 255) for layer in range(PART_LAYERS)]
        fine = torch.cat(seen, 1)
        half = self.see_half(fine)
        quarter = self.see_quarter(half)
        x8 = self.at_8(functional.relu(self.place(fields) + self.read(self.see_eighth(quarter))))
        x16 = self.at_16(self.down_16(x8))
        x32 = self.at_32(self.down_32(x16) + self.tell(told)[:, :, None, None])
        x16 = self.again_16(_twice(self.up_16(x32)) + x16)
        x8 = self.again_8(_twice(self.up_8(x16)) + x8)
        x4 = self.at_4(functional.pixel_shuffle(self.up_4(x8), 2) + self.seen_4(quarter))
        x2 = self.at_2(functional.pixel_shuffle(self.up_2(x4), 2) + half)
        # not shuffled: pixels that are drawn apart make a grid
        return self.draw(torch.cat([_twice(self.up_1(x2)), fine], 1)).sigmoid()


def bounded(drawn: Tensor, fields: Tensor) -> Tensor:
    """What was drawn, without what lies where no part of the asked body can be: see :data:`core.conditioning.limb_fields.BEYOND`.

    Args:
        drawn: (B, KEPT, h / 2, w / 2).
        fields: (B, FIELDS, h / 16, w / 16).
    """
    near = fields[:, ::FEATURES].amax(1, keepdim=True)
    return drawn * _larger(((near - BEYOND[0]) / (BEYOND[1] - BEYOND[0])).clamp(0, 1), CELL)


def blend(mix: Tensor, fields: Tensor, small: Tensor, parts: Tensor) -> Tensor:
    """What is seen, at full size: the same that ``core.generators.realtime`` serves.

    A gate counts where its layer has something to copy, and :data:`NEAR` pixels around it. What is copied takes the place of what
    is drawn, and is laid over what is copied of the layers below: the edge of a leg is no gap in the shirt behind it.

    Args:
        mix: (B, LAYERS + PART_LAYERS, h / 2, w / 2), a network's result.
        fields: (B, FIELDS, h / 16, w / 16), what it was told of the pose.
        small: (B, PART_LAYERS, h / 2, w / 2, 4) uint8, what it was shown.
        parts: (B, PART_LAYERS, h, w, 4) uint8, the same at full size.

    Returns:
        (B, LAYERS, h, w), 1 for 255.
    """
    there = functional.max_pool2d(small[..., 3].float(), 2 * NEAR + 1, 1, NEAR) > 0
    fine = _larger(torch.cat([bounded(mix[:, :KEPT], fields), mix[:, KEPT : KEPT + PART_LAYERS] * there], 1), 2)
    copied, left = torch.zeros_like(fine[:, :KEPT]), torch.ones_like(fine[:, :1])
    for layer in range(PART_LAYERS):
        gate = fine[:, KEPT + layer, None]
        over = gate * parts[:, layer].permute(0, 3, 1, 2).float() * (1 / 255)
        copied = over + copied * (1 - over[:, 3:])
        left = left * (1 - gate)
    picture = copied + fine[:, :KEPT] * left
    light = _larger(functional.avg_pool2d(mix[:, KEPT + PART_LAYERS :], SOFT), 2 * SOFT)
    return torch.cat([picture, light], 1)


def _larger(x: Tensor, times: int) -> Tensor:
    return functional.interpolate(x, scale_factor=float(times), mode="bilinear", align_corners=False)


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
