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
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from core.errors import OutputFailed, PackInvalid
from core.inference.torch_runner import load_weights
from core.networks.config import NetworkConfig, RealtimeConfig, block_of
from core.networks.start import STARTS, StartConfig, read_start
from core.rendering.canvas import Canvas
from core.training.adversarial import Windows
from core.training.copy_task import CopyTask
from core.training.export import export
from core.training.image_task import PictureTask

logger = logging.getLogger(__name__)


def save_start(config: StartConfig, state: dict[str, Tensor], folder: Path | None = None) -> None:
    """Keep a start as it is served; see :mod:`core.networks.start`.

    Raises:
        OutputFailed: no permission, no room.
        DanceError: what OpenVINO computes is not what torch computes.
    """
    folder = folder or STARTS
    copies = isinstance(config.network, RealtimeConfig)
    side = 4 * block_of(config.network)
    anybody = NetworkConfig(
        generator=config.generator,
        network=config.network,
        canvas=Canvas(width=side, height=side, scale=1.0, left=0.0, top=0.0),
        unit=side / 4,
        memory=(0,) if copies else (),
    )
    try:
        with tempfile.TemporaryDirectory() as scratch:
            files = export(anybody, state, Path(scratch))
            folder.mkdir(parents=True, exist_ok=True)
            # what does not see whom it draws draws nobody before it has learnt them
            for path in [files.weights, *([files.graph] if copies else [])]:
                shutil.copyfile(path, folder / path.name)
        (folder / files.config.name).write_text(json.dumps(config.model_dump(mode="json"), indent=2) + "\n")
    except (OSError, SafetensorError) as error:
        raise OutputFailed(f"The start could not be kept in {folder}: {error}.") from error


def start_for(config: NetworkConfig, folder: Path | None = None) -> StartConfig | None:
    """The start that a network can begin with; None where there is none for one like it.

    Raises:
        PackInvalid: there is one, and it is damaged.
    """
    found = read_start(config.generator, folder or STARTS)
    return found if found is not None and found.network == config.network else None


def begin(network: nn.Module, start: StartConfig, folder: Path | None = None) -> None:
    """Fill a network with a start's weights.

    Raises:
        PackInvalid: the file is damaged.
    """
    path = (folder or STARTS) / f"{start.generator}.safetensors"
    try:
        load_weights(network, path, to_train=True)
    except PackInvalid as error:
        raise PackInvalid(f"{path} is damaged: install this version again.") from error


@dataclass(frozen=True, slots=True)
class Member:
    """One of many who are learnt from: a task of their own, and where their frames begin among all."""

    task: CopyTask | PictureTask
    first: int
    count: int


class MultiPersonTask:
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
