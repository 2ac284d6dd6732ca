"""Whether a performer from elsewhere can be danced with: found out by making one frame with every generator they bring."""

from __future__ import annotations

import logging
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.errors import DanceError, PackInvalid
from core.generators.base import Generator
from core.generators.registry import create_generator, list_generators
from core.pipeline import PerformerRenderer, performer_statistics
from core.pose.skeleton import FEET
from core.targets.store import Target
from core.types import Frame, Picture, Pose

logger = logging.getLogger(__name__)

_SEEN: Final = 16
"""Levels of a mask, or of grey, from which something is there at all."""


def prove(target: Target) -> None:
    """Make one frame with every generator of a performer and look at it. Generators that this version lacks are passed over.

    Raises:
        PackInvalid: a generator cannot draw, or draws nobody.
    """
    index, pose = _clearest(target)
    for spec in list_generators(target.manifest.generator_names()):
        try:
            picture = _drawn(target, create_generator(spec.name, target), pose)
        except DanceError as error:
            raise PackInvalid(f"Nothing can be drawn by {spec.name}: {error}") from error
        except Exception as error:  # whatever a stranger's numbers make libraries raise
            logger.info("%s cannot draw", spec.name, exc_info=error)
            raise PackInvalid(f"Nothing can be drawn by {spec.name}.") from error
        _look_at(picture, target.frames[index], spec.name)


def _clearest(target: Target) -> tuple[int, Pose]:
    """The frame in which most of the person is inside the picture, and the pose there."""
    poses: NDArray[np.float32] = np.asarray(target.poses)
    with np.errstate(invalid="ignore"):
        inside = ((poses[..., :2] >= 0) & (poses[..., :2] < target.size)).all(2).sum(1)
    index = int(np.argmax(np.where(target.found, inside, -1)))
    return index, Pose(poses[index])


def _drawn(target: Target, generator: Generator, pose: Pose) -> Picture:
    """The performer doing what they do in ``pose``, by the way that a dance takes."""
    act = PerformerRenderer(target, generator)
    asked = act.fit(pose, performer_statistics(target), float(pose.xy[list(FEET), 1].max()))
    if not np.isfinite(asked.landmarks).all():
        raise PackInvalid("nothing can be asked of such a body.")
    (choice,) = generator.choose_all([asked], [Fraction(0)])
    return act.draw(asked, choice)


def _look_at(picture: Picture, footage: Frame, name: str) -> None:
    """Hold what was made against what it should be like.

    Raises:
        PackInvalid: nobody is in it, or nothing but black is.
    """
    if picture.image.shape != footage.shape or picture.image.dtype != np.uint8:
        raise PackInvalid(f"What {name} draws is no picture of the performer.")
    if picture.alpha.max() < _SEEN:
        raise PackInvalid(f"What {name} draws shows nobody.")
    if picture.image.max() < _SEEN <= footage.max():
        raise PackInvalid(f"What {name} draws is black.")
