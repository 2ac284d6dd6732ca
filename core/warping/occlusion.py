"""How much of each part of the body lies behind another, told from the pose alone.

Whether a frame shows a part well must be known before the frame is looked up. Spots on each part are held against the bones of
the others: one that is nearer the camera and close enough in the picture hides them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.conditioning.limb_fields import CROWN, EARS, LEFT_HAND, NECK, PELVIS, RIGHT_HAND
from core.pose import skeleton
from core.warping.part_warp import HEAD, LEFT_ARM, LEFT_LEG, PARTS, RIGHT_ARM, RIGHT_LEG, TRUNK

_COVERS: Final = (
    (LEFT_ARM, 11, 13, 0.10), (LEFT_ARM, 13, 15, 0.10), (LEFT_ARM, 15, 19, 0.17),
    (RIGHT_ARM, 12, 14, 0.10), (RIGHT_ARM, 14, 16, 0.10), (RIGHT_ARM, 16, 20, 0.17),
    (LEFT_LEG, 23, 25, 0.16), (LEFT_LEG, 25, 27, 0.12), (LEFT_LEG, 27, 31, 0.08),
    (RIGHT_LEG, 24, 26, 0.16), (RIGHT_LEG, 26, 28, 0.12), (RIGHT_LEG, 28, 32, 0.08),
    (TRUNK, NECK, PELVIS, 0.24), (HEAD, EARS, CROWN, 0.18),
)  # fmt: skip
"""The part that covers, from, to, and how wide it is there in torso lengths; a hand with its fingers."""
_HANDS: Final = np.array([cover[1] in skeleton.WRISTS for cover in _COVERS])
_TANGLED: Final = 0.8
"""How surely a hand hides what it lies beside, whatever its depth: fingers in the hair are not told from it well."""
_SPOTS: Final = (
    *((TRUNK, a, b, share) for a, b in ((11, 23), (12, 24), (NECK, PELVIS)) for share in (0.15, 0.5, 0.85)),
    *((HEAD, a, b, share) for a, b in ((EARS, CROWN), (EARS, 0), (7, 8)) for share in (-0.4, 0.1, 0.9, 1.4)),
    *((LEFT_ARM, a, b, share) for a, b in ((11, 13), (13, 15), (15, LEFT_HAND)) for share in (0.4, 0.9)),
    *((RIGHT_ARM, a, b, share) for a, b in ((12, 14), (14, 16), (16, RIGHT_HAND)) for share in (0.4, 0.9)),
    *((LEFT_LEG, a, b, share) for a, b in ((23, 25), (25, 27), (27, 31)) for share in (0.4, 0.8)),
    *((RIGHT_LEG, a, b, share) for a, b in ((24, 26), (26, 28), (28, 32)) for share in (0.4, 0.8)),
)
"""Whose spot it is, and where it lies between two points or beyond them."""

_NEARER: Final = 0.06
"""Torso lengths by which what hides a spot is nearer than it: depths are told to about so much."""
_SOFT: Final = 0.06
"""Torso lengths across the edge of what hides, and of its lead, within which it hides half."""

_SLACK: Final = 0.1
"""By how much surer a spot may be hidden in a picture than in the pose and cost nothing: landmarks are no more exact."""

_OF, _FROM, _TO = (np.array([spot[i] for spot in _SPOTS], int) for i in range(3))
_SHARE: Final = np.array([spot[3] for spot in _SPOTS], np.float32)[:, None]
_BY, _FIRST, _LAST = (np.array([cover[i] for cover in _COVERS], int) for i in range(3))
_WIDTH: Final = np.array([cover[3] for cover in _COVERS], np.float32)
_OTHERS: Final = (_OF[:, None] != _BY[None, :]).astype(np.float32)
_MEMBERS: Final = np.stack([(part == _OF) / np.count_nonzero(part == _OF) for part in PARTS]).astype(np.float32)


def hidden_spots(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(K, spots): how surely each spot of :data:`_SPOTS` lies behind another part, 0 to 1.

    Args:
        points: (K, 39, 3), those of :func:`core.conditioning.limb_fields.points_on` in torso lengths.
    """
    spots = (points[:, _FROM] + _SHARE * (points[:, _TO] - points[:, _FROM]))[:, :, None]
    first, last = points[:, None, _FIRST], points[:, None, _LAST]
    way = last - first
    flat = way[..., :2]
    along = ((spots - first)[..., :2] * flat).sum(-1) / np.maximum((flat * flat).sum(-1), 1e-6)
    near = first + np.clip(along, 0, 1)[..., None] * way
    apart = np.sqrt(((spots - near)[..., :2] ** 2).sum(-1))
    within = np.clip((_WIDTH - apart) / _SOFT + 0.5, 0, 1)
    ahead = np.clip((spots[..., 2] - near[..., 2] - _NEARER) / _SOFT + 0.5, 0, 1)
    ahead = np.maximum(ahead, _TANGLED * _HANDS)
    return np.asarray((within * ahead * _OTHERS).max(-1), np.float32)


def newly_hidden(have: NDArray[np.float32], asked: NDArray[np.float32]) -> NDArray[np.float32]:
    """(parts, K): share of each part's spots that are hidden in a picture and are to be seen in what is asked.

    Args:
        have: (K, spots) of the pictures, see :func:`hidden_spots`.
        asked: (1, spots) of the pose that is asked for.
    """
    return np.asarray(_MEMBERS @ np.maximum(have - asked - _SLACK, 0).T, np.float32)
