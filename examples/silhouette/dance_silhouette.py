"""A generator in a package of its own: the performer as a flat silhouette. It needs no training.

Installed into the same environment (``pip install --no-deps examples/silhouette``), it is offered on the pages and by
``python -m core transfer ... --generator silhouette``, like those that ship.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from core.generators.base import FrameSelection, FrameSelector, Generator, GeneratorSpec
from core.generators.registry import register
from core.targets.matte import body_shape
from core.targets.store import Target
from core.types import Picture, Pose

COLOUR = (20, 24, 60)
SPEC = GeneratorSpec(
    name="silhouette", title="Silhouette", strength="The performer as a flat shape. An example.", needs_weights=False
)


class Silhouette(Generator):
    """Draw the outline that the pose alone gives, filled with one colour, on the performer's stage."""

    spec = SPEC

    def __init__(self, target: Target) -> None:
        self._plate = target.plate

    def choose_all(
        self, poses: Sequence[Pose | None], times: Sequence[Fraction], cuts: Sequence[int] = ()
    ) -> list[FrameSelection]:
        """Choose no frame of the footage: nothing is copied."""
        return [None] * len(poses)

    def chooser(self) -> FrameSelector:
        """Return the same for a live stream."""
        return _NoSelector()

    def generate(self, pose: Pose, choice: FrameSelection) -> Picture:
        """Draw one frame. ``pose`` is in pixels of the performer's frames."""
        alpha = body_shape(self._plate.shape[:2], pose)
        share = alpha[..., None] / np.float32(255)
        image = self._plate * (1 - share) + np.array(COLOUR, np.float32) * share
        return Picture(image.astype(np.uint8), alpha)


class _NoSelector(FrameSelector):
    def choose(self, pose: Pose, seconds: float) -> FrameSelection:
        return None


def register_generators() -> None:
    """Register what this package brings; named in pyproject.toml and called once."""
    register(SPEC, Silhouette)
