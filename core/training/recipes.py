"""How each generator is trained unless told otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from core.errors import GeneratorNotFound
from core.networks.config import MlpConfig


@dataclass(frozen=True, slots=True)
class Recipe:
    """A generator's network and how it is taught.

    Attributes:
        network: class and sizes.
        size: pixels of the canvas's longer side.
        precision: what it may be served in without showing it.
        rate: highest learning rate.
        decay: weight decay.
        frames: in one step.
        points: of each of these frames.
        minutes: of training where no length is given.
    """

    network: MlpConfig
    size: int = 192
    precision: Literal["f32", "bf16"] = "f32"
    rate: float = 2e-3
    decay: float = 1e-3
    frames: int = 16
    points: int = 1024
    minutes: float = 15.0


RECIPES: Final = {"mlp-se": Recipe(MlpConfig(dropout=0.1, excitation=True))}


def recipe_of(generator: str) -> Recipe:
    """The recipe of that generator.

    Raises:
        GeneratorNotFound: there is none, or it needs no training.
    """
    if generator not in RECIPES:
        raise GeneratorNotFound(f"'{generator[:60]}' is nothing to train: there are {', '.join(sorted(RECIPES))}.")
    return RECIPES[generator]
