"""What many people taught: the network that a new performer's training begins with, and that draws somebody of one photo at once.

It lies in ``weights/start`` as every trained network does: its norms folded, and what unfolds them beside it. One that
copies has a graph too, as it draws whomever it is shown. Plain data, readable without torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core import paths
from core.errors import PackInvalid
from core.networks.config import AnyNetwork

STARTS: Final = paths.WEIGHTS / "start"
"""Where what ships lies: ``GENERATOR.json`` and ``GENERATOR.safetensors``, and ``GENERATOR.xml`` of one that copies."""

MANY: Final = "many-people"
"""What a network's record names as that which it began with."""


class StartConfig(BaseModel):
    """What a start is.

    Attributes:
        network: class and sizes: only the same can begin with it.
        size: pixels of the longer side of the canvases that it draws on, as of :class:`core.training.recipes.Recipe`.
        precision: what it may be computed in without showing it.
        people, minutes: that taught it, and how long.
        recipe: the command that makes it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    generator: str = Field(pattern=r"^[a-z0-9-]{1,60}$")
    network: Annotated[AnyNetwork, Field(discriminator="kind")]
    size: int = Field(ge=64, le=4096)
    precision: Literal["f32", "bf16"]
    people: int = Field(ge=1)
    minutes: float = Field(ge=0)
    recipe: str = Field(max_length=500)


def read_start(generator: str, folder: Path) -> StartConfig | None:
    """The start of that generator in a folder; None where there is none.

    Raises:
        PackInvalid: there is one, and it is damaged.
    """
    path = folder / f"{generator}.json"
    try:
        return StartConfig.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise PackInvalid(f"{path} is damaged: install this version again.") from error
