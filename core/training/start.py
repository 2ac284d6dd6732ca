"""Where a new performer's training begins: a network that many people taught what a body is.

Ten minutes of two cores teach a network little about arms that cross and skirts that swing, and most of that is the same for
everybody. So it is learnt once, from people who were never filmed (``scripts/performers/crowd.py``), and ships; a person's own
minutes go into what is theirs.

What copies sees whom it draws, so one network learns from all at once. What draws from a stick image does not see it: it learns
one person for a few steps, then another, and the running mean of its weights is kept, from which each of them is few steps away
(Nichol et al., "Reptile", arXiv 1803.02999, without going back in between).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from core import paths
from core.errors import OutputFailed, PackInvalid
from core.networks.config import AnyNetwork, NetworkConfig
from core.training.adversarial import Windows
from core.training.copies import CopyTask
from core.training.pictures import PictureTask

logger = logging.getLogger(__name__)

STARTS: Final = paths.WEIGHTS / "start"
"""Where what ships lies: ``GENERATOR.json`` and ``GENERATOR.safetensors``."""

MANY: Final = "many-people"
"""What a network's record names as that which it began with."""


class StartConfig(BaseModel):
    """What a start is.

    Attributes:
        network: class and sizes: only the same can begin with it.
        people, minutes: that taught it, and how long.
        recipe: the command that makes it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    generator: str = Field(pattern=r"^[a-z0-9-]{1,60}$")
    network: Annotated[AnyNetwork, Field(discriminator="kind")]
    people: int = Field(ge=1)
    minutes: float = Field(ge=0)
    recipe: str = Field(max_length=500)


def save_start(config: StartConfig, state: dict[str, Tensor], folder: Path | None = None) -> None:
    """Keep a start, its weights at half precision.

    Raises:
        OutputFailed: no permission, no room.
    """
    folder = folder or STARTS
    halves = {name: (x.half() if x.is_floating_point() else x).cpu().contiguous() for name, x in state.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(halves, folder / f"{config.generator}.safetensors")
        (folder / f"{config.generator}.json").write_text(json.dumps(config.model_dump(mode="json"), indent=2) + "\n")
    except (OSError, SafetensorError) as error:
        raise OutputFailed(f"The start could not be kept in {folder}: {error}.") from error


def start_for(config: NetworkConfig, folder: Path | None = None) -> StartConfig | None:
    """The start that a network can begin with; None where there is none for one like it.

    Raises:
        PackInvalid: there is one, and it is damaged.
    """
    path = (folder or STARTS) / f"{config.generator}.json"
    try:
        found = StartConfig.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise PackInvalid(f"{path} is damaged: install this version again.") from error
    return found if found.network == config.network else None


def begin(network: nn.Module, start: StartConfig, folder: Path | None = None) -> None:
    """Fill a network with a start's weights.

    Raises:
        PackInvalid: the file is damaged.
    """
    path = (folder or STARTS) / f"{start.generator}.safetensors"
    try:
        network.load_state_dict(load_file(path))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise PackInvalid(f"{path} is damaged: install this version again.") from error


@dataclass(frozen=True, slots=True)
class Member:
    """One of many who are learnt from: a task of their own, and where their frames begin among all."""

    task: CopyTask | PictureTask
    first: int
    count: int


class Crowd:
    """Loss and pictures of a network that learns from many people at once; see ``core.training.trainer.Task``.

    Args:
        tasks: one for each person.
        counts: how many frames each of them has.
    """

    def __init__(self, tasks: Sequence[CopyTask | PictureTask], counts: Sequence[int]) -> None:
        firsts = np.concatenate([[0], np.cumsum(counts)]).tolist()
        self.members = [Member(*of) for of in zip(tasks, firsts, counts, strict=False)]
        self._whose = torch.from_numpy(np.repeat(np.arange(len(counts)), counts))

    def frames_of(self, people: Sequence[int]) -> Tensor:
        """Numbers of all frames of those people."""
        every = [torch.arange(m.first, m.first + m.count) for m in (self.members[p] for p in people)]
        return torch.cat(every) if every else torch.zeros(0, dtype=torch.long)

    def one_by_one(self, length: int) -> Callable[[Tensor, torch.Generator], Tensor]:
        """For a trainer: one person's frames for ``length`` of them, then another's."""

        def shuffle(frames: Tensor, draws: torch.Generator) -> Tensor:
            mixed = frames[torch.randperm(len(frames), generator=draws)]
            pieces: list[Tensor] = []
            for person in self._whose[mixed].unique():
                pieces += mixed[self._whose[mixed] == person].split(length)
            return torch.cat([pieces[i] for i in torch.randperm(len(pieces), generator=draws).tolist()])

        return shuffle

    def loss(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> Tensor:
        """Of some frames of anybody's."""
        total = torch.zeros(())
        for together in self._alike(frames):
            part = self.members[int(self._whose[together[0]])].task
            total = total + part.loss_of(network, self._seen(together, draws)) * (len(together) / len(frames))
        return total

    def loss_and_window(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> tuple[Tensor, Windows]:
        """Not for critics: they learn one performer.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("a start is learnt without a critic")

    def _alike(self, frames: Tensor) -> Iterator[Tensor]:
        """Frames whose windows are of one size."""

        def size(frame: int) -> tuple[int, int]:
            return self.members[int(self._whose[frame])].task.window

        for _, alike in groupby(sorted(frames.tolist(), key=size), size):
            yield torch.tensor(list(alike))

    def _seen(self, frames: Tensor, draws: torch.Generator) -> tuple[Tensor, ...]:
        parts = []
        for person in self._whose[frames].unique().tolist():
            member = self.members[person]
            parts.append(member.task.seen(frames[self._whose[frames] == person] - member.first, draws))
        return tuple(torch.cat(kind) for kind in zip(*parts, strict=True))

    def _of(self, i: int) -> tuple[CopyTask | PictureTask, int]:
        member = self.members[int(self._whose[i])]
        return member.task, i - member.first

    def draw(self, network: nn.Module, i: int) -> Tensor:
        """(LAYERS, height, width) of frame ``i``."""
        task, own = self._of(i)
        return task.draw(network, own)

    def wanted(self, i: int) -> Tensor:
        """(LAYERS, height, width) that frame ``i`` should be."""
        task, own = self._of(i)
        return task.wanted(own)
