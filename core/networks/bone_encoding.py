"""Where a point lies relative to each bone: what a pixel knows about a pose.

A colour belongs to a place on the body, not on the picture. Given in each bone's own frame (along it and across it), the
place of a stripe stays the same whatever the arm does, so that a network which saw it once can draw it anywhere; A-NeRF
(Su et al., NeurIPS 2021) conditions on bones in the same way. Places are told by sines and cosines of several frequencies
(Mildenhall et al., "NeRF", ECCV 2020), without which a small network paints blurs.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

_NECK, _MIDHIP = 13, 14
# indices into skeleton.JOINTS; then the middle of the shoulders and that of the hips
_TRUNK: Final = ((_NECK, 0), (_MIDHIP, _NECK), (1, 2), (7, 8), (1, 7), (2, 8))
_LIMBS: Final = ((1, 3), (2, 4), (3, 5), (4, 6), (7, 9), (8, 10), (9, 11), (10, 12))
_SEGMENTS: Final = (*_TRUNK, *_LIMBS)

_NEAR = 0.3
_BASE = 6.0
_SHORTEST = 0.02
_OCTAVES: Final = 4


class BoneFields(nn.Module):
    """Coordinates (B, 26) and points (B, P, 2), both from the hips and in torso lengths, to features (B, P, ``size``)."""

    size: Final = len(_SEGMENTS) * (4 + 4 * _OCTAVES)

    def forward(self, coordinates: Tensor, points: Tensor) -> Tensor:
        """See the class."""
        start, end = _ends(coordinates)
        way = end - start
        length = (way.square().sum(-1, keepdim=True) + _SHORTEST**2).sqrt()
        direction = (way / length)[:, None]
        x, y = points[:, :, 0:1] - start[:, None, :, 0], points[:, :, 1:2] - start[:, None, :, 1]
        along = x * direction[..., 0] + y * direction[..., 1]
        across = x * direction[..., 1] - y * direction[..., 0]
        reach = length[:, None, :, 0]
        beyond = along - torch.minimum(along.clamp(min=0), reach)
        near = torch.exp(-(beyond * beyond + across * across) / (2 * _NEAR**2))
        features = [near, near * along * 2, near * across * 3, near * (along - reach) * 2]
        features += [near * wave for wave in _waves(along, _OCTAVES, _BASE) + _waves(across, _OCTAVES, _BASE)]
        return torch.cat(features, -1)


def _ends(coordinates: Tensor) -> tuple[Tensor, Tensor]:
    """Both ends of every segment, (B, S, 2) each."""
    joints = coordinates.reshape(-1, 13, 2)
    neck, hips = (joints[:, 1:2] + joints[:, 2:3]) / 2, (joints[:, 7:8] + joints[:, 8:9]) / 2
    ends = torch.cat([joints, neck, hips], 1)
    return ends[:, [a for a, _ in _SEGMENTS]], ends[:, [b for _, b in _SEGMENTS]]


def _waves(values: Tensor, octaves: int, base: float) -> list[Tensor]:
    """Sine and cosine of ``values`` at ``base`` and its octaves, by doubling the angle: two are computed, the rest follow."""
    sine, cosine = torch.sin(base * values), torch.cos(base * values)
    waves = [sine, cosine]
    for _ in range(octaves - 1):
        sine, cosine = 2 * sine * cosine, 1 - 2 * sine * sine
        waves += [sine, cosine]
    return waves
