"""What identifies a trained network: saved as JSON beside its weights, and all that is needed to build it again.

Plain data, readable without torch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from core.errors import PackInvalid
from core.rendering.canvas import Canvas
from core.targets.split import SplitName
from core.warping.outline import STANDARD, Outline

MAX_CONFIG_BYTES: Final = 64 * 1024

CONFIG, WEIGHTS, GRAPH = "config", "weights", "graph"
"""Roles of a trained network's files in a manifest."""


_Width = Annotated[int, Field(ge=4, le=512)]
_Frame = Annotated[int, Field(ge=0, lt=1 << 24)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class MlpConfig(_Model):
    """A fully connected network that every pixel of the canvas asks for its colour (``core.networks.mlp``).

    Attributes:
        trunk, trunk_blocks: width and number of residual blocks of the part that reads the coordinates.
        width, depth: of the part that every pixel goes through.
        dropout: share of the trunk's units left out while training.
        excitation: whether the coordinates say how strongly each of a pixel's channels counts (squeeze-and-excitation).
    """

    kind: Literal["mlp"] = "mlp"
    trunk: Annotated[int, Field(ge=8, le=2048)] = 256
    trunk_blocks: Annotated[int, Field(ge=0, le=16)] = 2
    width: Annotated[int, Field(ge=8, le=512)] = 96
    depth: Annotated[int, Field(ge=1, le=16)] = 4
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    excitation: bool = True


class UNetConfig(_Model):
    """A convolutional encoder-decoder with skips from a stick image to a picture (``core.networks.unet``).

    Attributes:
        widths: channels at half the canvas's size, and at every halving from there.
        residual: two convolutions around a skip at every size, instead of one.
        attention: self-attention at the smallest size.
    """

    kind: Literal["unet"] = "unet"
    widths: Annotated[tuple[_Width, ...], Field(min_length=2, max_length=6)] = (32, 64, 96, 128)
    residual: bool = True
    attention: bool = True


class RealtimeConfig(_Model):
    """A convolutional network that copies from warped pictures of the person and repairs (``core.networks.realtime``).

    Attributes:
        widths: channels at a sixteenth, a thirty-second and a sixty-fourth of the canvas's size.
        head: channels at an eighth and at a quarter of it.
    """

    kind: Literal["realtime"] = "realtime"
    widths: tuple[_Width, _Width, _Width] = (80, 112, 128)
    head: tuple[_Width, _Width] = (48, 32)


class SegmenterConfig(_Model):
    """A convolutional network that says which part of the body each pixel shows (``core.networks.segmenter``).

    Attributes:
        widths: channels at a half, a quarter, an eighth, a sixteenth and a thirty-second of the picture's size.
    """

    kind: Literal["segmenter"] = "segmenter"
    widths: tuple[_Width, _Width, _Width, _Width, _Width] = (24, 40, 64, 96, 128)


AnyNetwork: TypeAlias = MlpConfig | UNetConfig | RealtimeConfig | SegmenterConfig


class Training(_Model):
    """How the network came about, for the record and to make it again.

    Attributes:
        validation_l1: mean absolute error over held-out canvases, 1 for a value of 255: what the best epoch was chosen by.
        held_out_l1: L1 at seed scale of the held-out frames as they are served, pixels from -1 to 1.
        begun_with: the generator whose weights were the first; ``many-people`` for ``core.networks.start``.
    """

    split: SplitName
    seed: int
    epochs: int = Field(ge=0)
    minutes: float = Field(ge=0)
    validation_l1: float | None
    held_out_l1: float | None = None
    begun_with: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,60}$")
    versions: dict[str, str] = Field(default_factory=dict, max_length=16)


class NetworkConfig(_Model):
    """A network of one performer.

    Attributes:
        generator: the name it is chosen by.
        network: its class and sizes.
        canvas: where and how large it draws.
        unit: the performer's torso length in pixels, by which coordinates are divided.
        precision: what it may be computed in without showing it.
        memory: the performer's frames that parts of the person are taken from, for a network that copies.
        outline: of the performer, by which those parts are cut; the standard body's in files that name none.
    """

    schema_version: Literal[1] = 1
    generator: str = Field(pattern=r"^[a-z0-9-]{1,60}$")
    network: Annotated[AnyNetwork, Field(discriminator="kind")]
    canvas: Canvas
    unit: float = Field(gt=1, le=4096, allow_inf_nan=False)
    precision: Literal["f32", "bf16"] = "f32"
    memory: Annotated[tuple[_Frame, ...], Field(max_length=1024)] = ()
    outline: Outline = STANDARD
    training: Training | None = None

    @model_validator(mode="after")
    def _canvas_can_be_halved(self) -> Self:
        whole = self.block
        if self.canvas.width % whole or self.canvas.height % whole:
            raise ValueError(f"the canvas of this network is a multiple of {whole} pixels wide and high")
        if isinstance(self.network, RealtimeConfig) != bool(self.memory):
            raise ValueError("a network that copies has a memory, and no other has")
        return self

    @property
    def block(self) -> int:
        """Of how many pixels the canvas's sides are multiples."""
        return block_of(self.network)

    def to_json(self) -> str:
        """The text of the file."""
        return json.dumps(self.model_dump(mode="json"), indent=2) + "\n"


def block_of(network: AnyNetwork) -> int:
    """Of how many pixels the sides of a canvas must be multiples for that network."""
    if isinstance(network, RealtimeConfig):
        return 64
    if isinstance(network, SegmenterConfig):
        return 32
    return 2 ** len(network.widths) if isinstance(network, UNetConfig) else 1


def read_config(path: Path) -> NetworkConfig:
    """The config in a file.

    Raises:
        PackInvalid: it is none, or says something that a config cannot say.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CONFIG_BYTES + 1)
        if len(text) > MAX_CONFIG_BYTES:
            raise PackInvalid(f"{path.name} is too large to describe a network.")
        return NetworkConfig.model_validate_json(text)
    except (OSError, ValidationError) as error:
        if isinstance(error, ValidationError) and any(_of_whole_frames(part) for part in error.errors()):
            raise PackInvalid(
                f"{path.name} was trained by an earlier version on whole frames: train it again."
            ) from error
        raise PackInvalid(f"{path.name} does not describe a network that this version can run.") from error


def _of_whole_frames(error: ErrorDetails) -> bool:
    """Whether what is wrong with a config is that its canvas was the whole frame."""
    return error["loc"] == ("canvas", "follows") and error["input"] == "frame"
