"""How each generator is trained unless told otherwise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from core.errors import GeneratorNotFound
from core.networks.config import MlpConfig, RealtimeConfig, UNetConfig

Objective: TypeAlias = Literal["bce", "wgan-gp"]
"""How a critic is trained: cross entropy, or as a Wasserstein distance with a gradient penalty."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A generator's network and how it is taught.

    Attributes:
        network: class and sizes.
        size: pixels of the canvas's longer side, or as many as the footage has.
        precision: what it may be served in without showing it.
        rate: highest learning rate.
        decay: weight decay.
        frames: in one step.
        points: of each of these frames.
        minutes: of training where no length is given.
        objective: of the critic; None for the L1 error alone.
        start: the generator whose weights to begin with, where the performer has them.
    """

    network: MlpConfig | UNetConfig | RealtimeConfig
    size: int = 192
    precision: Literal["f32", "bf16"] = "f32"
    rate: float = 2e-3
    decay: float = 1e-3
    frames: int = 16
    points: int = 1024
    minutes: float = 15.0
    objective: Objective | None = None
    start: str | None = None

    @property
    def sharp(self) -> bool:
        """Whether it is taught to be sharp even where that is further from the right picture, pixel by pixel."""
        return self.objective is not None or isinstance(self.network, RealtimeConfig)


_MLP: Final = Recipe(MlpConfig())
_UNET: Final = Recipe(UNetConfig(), size=256, precision="bf16", rate=1e-3, frames=8, minutes=15.0)

_REALTIME: Final = Recipe(RealtimeConfig(), size=640, precision="bf16", rate=1e-3, frames=8, minutes=40.0)

RECIPES: Final = {
    "realtime": _REALTIME,
    "mlp": replace(_MLP, network=MlpConfig(dropout=0.2, excitation=False)),
    "mlp-se": _MLP,
    "unet": replace(_UNET, network=UNetConfig(residual=False, attention=False)),
    "unet-attn": _UNET,
    "gan-bce-mlp": replace(_MLP, rate=5e-4, frames=8, objective="bce", start="mlp-se"),
    "gan-bce-unet": replace(_UNET, rate=5e-4, objective="bce", start="unet-attn"),
    "wgan-gp-mlp": replace(_MLP, rate=5e-4, frames=8, objective="wgan-gp", start="mlp-se"),
    "wgan-gp-unet": replace(_UNET, rate=5e-4, objective="wgan-gp", start="unet-attn"),
}


def recipe_of(generator: str) -> Recipe:
    """The recipe of that generator.

    Raises:
        GeneratorNotFound: there is none, or it needs no training.
    """
    if generator not in RECIPES:
        raise GeneratorNotFound(f"'{generator[:60]}' is nothing to train: there are {', '.join(sorted(RECIPES))}.")
    return RECIPES[generator]
