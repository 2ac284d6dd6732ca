from __future__ import annotations

import numpy as np

from core.targets.portrait import frontal
from core.types import Pose
from tests.bodies import standing


def leaning(share: float) -> Pose:
    """Somebody whose trunk is seen at that share of its length, as when they crouch or lean over."""
    landmarks = standing().landmarks.copy()
    hips = landmarks[[23, 24], 1].mean()
    above = landmarks[:, 1] < hips
    landmarks[above, 1] = hips + share * (landmarks[above, 1] - hips)
    return Pose(landmarks)


def test_who_stands_upright_makes_the_better_portrait() -> None:
    scores = [frontal(leaning(share)) for share in (1.0, 0.6, 0.2)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 1.5 * scores[2]


def test_who_shows_their_back_makes_none() -> None:
    turned = standing().landmarks.copy()
    turned[:, 0] = 2 * turned[:, 0].mean() - turned[:, 0]
    assert frontal(Pose(turned)) < 0.05 * frontal(standing())
    assert np.isfinite(frontal(Pose(turned)))
