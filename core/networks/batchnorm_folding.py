"""Batch norms into the convolutions before them, as OpenVINO computes them, and out again to train on.

Folded, a graph's weights are the network's and are stored once. A network that goes on learning needs its norms back: they
divide by what they see, and would take a folded scale for a fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

_KEPT = ("weight", "running_mean", "running_var")


def norms(network: nn.Module) -> Iterator[tuple[str, nn.Conv2d, nn.BatchNorm2d]]:
    """Every batch norm by name, with the convolution before it."""
    convolution: nn.Conv2d | None = None
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            convolution = module
        elif isinstance(module, nn.BatchNorm2d) and convolution is not None:
            yield name, convolution, module


@torch.no_grad()
def fold(network: nn.Module) -> dict[str, Tensor]:
    """Move each norm's scale into its convolution; what is left of a norm adds a constant.

    Returns:
        What :func:`unfold` needs, under names that no weight has.
    """
    kept: dict[str, Tensor] = {}
    for name, convolution, norm in norms(network):
        kept |= {f"unfolded.{name}.{part}": getattr(norm, part).clone() for part in _KEPT}
        scale = _scale(norm)
        convolution.weight *= scale[:, None, None, None]
        norm.bias -= norm.running_mean * scale
        norm.weight.fill_(1)
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
    return kept


@torch.no_grad()
def unfold(network: nn.Module, kept: Mapping[str, Tensor]) -> None:
    """Undo :func:`fold`.

    Raises:
        KeyError: something of a norm is missing.
    """
    for name, convolution, norm in norms(network):
        for part in _KEPT:
            getattr(norm, part).copy_(kept[f"unfolded.{name}.{part}"])
        scale = _scale(norm)
        convolution.weight /= scale[:, None, None, None]
        norm.bias += norm.running_mean * scale


def _scale(norm: nn.BatchNorm2d) -> Tensor:
    """By which the norm multiplies; never exactly nothing, which could not be undone."""
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return torch.where(scale.abs() < 1e-6, 1e-6, scale)
