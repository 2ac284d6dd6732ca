"""A loss that compares what a network for recognising things sees in two pictures (Johnson et al., ECCV 2016, eq. 2).

Optional: its network (VGG-16, Simonyan and Zisserman, ICLR 2015) comes with torchvision (``requirements-train.txt``), and its
weights are fetched from PyTorch's site the first time. Without either, training goes on without.
"""

from __future__ import annotations

import logging
from typing import Final

import torch
from torch import Tensor, nn

logger = logging.getLogger(__name__)

WEIGHT: Final = 0.02
"""Of this loss beside the L1 error. A guess from the size of VGG's activations: its weights could not be had where this was
written."""

_LEVELS: Final = (3, 8, 15, 22)
"""Layers of VGG-16 after which pictures are compared: the last ReLU before each of the first four poolings."""

_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Perceptual(nn.Module):
    """Pictures (B, 3, h, w) as made and as wanted, 1 for a value of 255, to how differently they are seen.

    Args:
        features: layers, one after the other, of a network that was trained to recognise things.
        levels: indices of those after which the pictures are compared.
    """

    def __init__(self, features: nn.Sequential, levels: tuple[int, ...] = _LEVELS) -> None:
        super().__init__()
        self.features = features[: levels[-1] + 1].eval().requires_grad_(False)
        self.levels = frozenset(levels)
        self.register_buffer("mean", torch.tensor(_MEAN)[None, :, None, None])
        self.register_buffer("spread", torch.tensor(_SPREAD)[None, :, None, None])

    def forward(self, made: Tensor, wanted: Tensor) -> Tensor:
        """Mean absolute difference, summed over the levels."""
        a, b = (made - self.mean) / self.spread, (wanted - self.mean) / self.spread
        total = made.new_zeros(())
        for place, layer in enumerate(self.features):
            a, b = layer(a), layer(b)
            if place in self.levels:
                total = total + (a.float() - b.float()).abs().mean()
        return total


def load_perceptual() -> Perceptual | None:
    """The loss with torchvision's VGG-16; None, and a word on why, where that cannot be had."""
    try:
        # beside some builds of torch it is installed and cannot be imported, with a RuntimeError
        from torchvision.models import VGG16_Weights, vgg16
    except (ImportError, RuntimeError) as error:
        logger.warning("Training without the perceptual loss: torchvision cannot be imported (%s).", _first_line(error))
        return None
    try:
        network = vgg16(weights=VGG16_Weights.IMAGENET1K_V1)
    except (OSError, RuntimeError) as error:
        logger.warning(
            "Training without the perceptual loss: its weights could not be fetched (%s).", _first_line(error)
        )
        return None
    return Perceptual(network.features)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
