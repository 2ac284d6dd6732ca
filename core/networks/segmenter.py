"""Which part of the body each pixel of a person shows.

A convolutional encoder-decoder with skips (Ronneberger et al., "U-Net", MICCAI 2015). It is told the pose as well as the picture:
colours say where a forearm ends and the shirt behind it begins, the pose says whose forearm it is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.conditioning.limb_fields import FIELDS, LABELS
from core.networks.blocks import Residual, Step
from core.networks.config import SegmenterConfig

_FINE = 16
"""Channels at the picture's own size, beside its colours."""


class Segmenter(nn.Module):
    """Picture (B, h, w, 4) uint8 and fields (B, FIELDS, h / 8, w / 8) to shares of the labels (B, LABELS, h, w), together 1.

    h and w are multiples of 32. The picture is colours times mask, and mask; the fields are those of
    :func:`core.conditioning.limb_fields.limb_fields`, the labels those of :data:`core.conditioning.limb_fields.LABELS`.
    """

    def __init__(self, config: SegmenterConfig) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth, last = config.widths
        self.see_2 = Step(4, half, 2)
        self.see_4 = nn.Sequential(Step(half, quarter, 2), Residual(quarter))
        self.see_8 = Step(quarter, eighth, 2)
        self.place = nn.Conv2d(FIELDS, eighth, 1)
        self.at_8 = Residual(eighth)
        self.down_16 = nn.Sequential(Step(eighth, sixteenth, 2), Residual(sixteenth))
        self.down_32 = nn.Sequential(Step(sixteenth, last, 2), Residual(last), Residual(last))
        self.up_16 = nn.Conv2d(last, sixteenth, 1)
        self.again_16 = Residual(sixteenth)
        self.up_8 = nn.Conv2d(sixteenth, eighth, 1)
        self.again_8 = Residual(eighth)
        self.up_4 = nn.Conv2d(eighth, quarter, 1)
        self.again_4 = Residual(quarter)
        self.up_2 = nn.Conv2d(quarter, half, 1)
        self.again_2 = Step(half, half)
        self.up_1 = nn.Conv2d(half, _FINE, 1)
        self.draw = nn.Sequential(Step(_FINE + 4, _FINE), nn.Conv2d(_FINE, LABELS, 3, padding=1))

    def logits(self, picture: Tensor, fields: Tensor) -> Tensor:
        """(B, LABELS, h, w), before they are made shares."""
        fine = picture.permute(0, 3, 1, 2).float() * (1 / 255)
        x2 = self.see_2(fine)
        x4 = self.see_4(x2)
        x8 = self.at_8(self.see_8(x4) + functional.relu(self.place(fields)))
        x16 = self.down_16(x8)
        x16 = self.again_16(_twice(self.up_16(self.down_32(x16))) + x16)
        x8 = self.again_8(_twice(self.up_8(x16)) + x8)
        x4 = self.again_4(_twice(self.up_4(x8)) + x4)
        x2 = self.again_2(_twice(self.up_2(x4)) + x2)
        drawn: Tensor = self.draw(torch.cat([_twice(self.up_1(x2)), fine], 1))
        return drawn

    def forward(self, picture: Tensor, fields: Tensor) -> Tensor:
        """See the class."""
        return self.logits(picture, fields).softmax(1)


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
