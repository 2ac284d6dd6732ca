"""Train what new performers begin with: ``python -m scripts.train_start RENDERED [GENERATOR...] [--minutes M]``.

``RENDERED`` is what ``scripts.performers.crowd`` made. Its people are built into performers in a folder aside, one network learns
from all of them but the last two, who say how well it draws somebody it has never seen, and ``weights/start`` keeps it.
"""

from __future__ import annotations

import argparse
import logging
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
import torch

from core import paths
from core.generators.part_retrieval import select
from core.networks.build import build
from core.networks.config import NetworkConfig, RealtimeConfig, block_of
from core.networks.start import STARTS, StartConfig
from core.pipeline import performer_statistics
from core.targets.build import build_target
from core.targets.extent import BLOCK
from core.targets.split import Split
from core.targets.store import Target, open_target, place_in
from core.training.copy_task import CopyTask
from core.training.dataset import Examples, prepare
from core.training.image_task import PictureTask
from core.training.pretrained import MultiPersonTask, save_start
from core.training.recipes import Recipe, recipe_of
from core.training.train import learning_device
from core.training.trainer import Row, Trainer, TrainingBudget
from core.warping.outline import STANDARD

MINUTES: Final = {"realtime": 40.0, "unet-attn": 20.0}
SIZES: Final = {"realtime": (640, 448, 352), "unet-attn": (256,)}
"""Of the canvases: people stand near cameras and far from them."""
REMEMBERED: Final = 128
FEW: Final = 0.3
"""How often a network that copies is taught with one to four frames of a person: as many as somebody has photos."""
STRETCH: Final = 16
"""Steps with one person before the next, for a network that does not see whom it draws."""
HELD_OUT: Final = 2
ROUND_FRAMES: Final = 1600


def performers(rendered: Path, folder: Path) -> list[Target]:
    """Everybody who was rendered, as performers."""
    found = []
    for video in sorted(rendered.glob("crowd-[0-9][0-9][0-9].mp4")):
        place = place_in(folder, video.stem)
        if not place.folder.is_dir():
            build_target(
                video,
                id=video.stem,
                name=video.stem,
                into=folder,
                stage=video.with_name(f"{video.stem}_plate.png"),
                masks=video.with_name(f"{video.stem}_mask.mp4"),
                licence="MIT",
                source_note="Rendered by scripts/performers: nobody was filmed.",
            )
            print(f"{video.stem} is built", flush=True)
        found.append(open_target(place))
    return found


def everything(target: Target) -> Split:
    """All frames to learn from."""
    return Split(np.ones(target.manifest.frames, np.bool_), np.zeros(target.manifest.frames, np.bool_))


def member(target: Target, generator: str, recipe: Recipe, size: int) -> tuple[Examples, NetworkConfig]:
    """What is learnt from one person, and the network as it would be for them alone."""
    unit = performer_statistics(target).near[1]
    examples = prepare(target, everything(target), size, unit, block=max(BLOCK, block_of(recipe.network)))
    memory: tuple[int, ...] = ()
    if isinstance(recipe.network, RealtimeConfig):
        memory = tuple(int(examples.frames[i]) for i in select(examples.landmarks, unit, REMEMBERED))
    config = NetworkConfig(
        generator=generator,
        network=recipe.network,
        canvas=examples.canvas,
        unit=unit,
        memory=memory,
        outline=target.outline if memory else STANDARD,
    )
    return examples, config


def task_of(examples: Examples, config: NetworkConfig, rate: Fraction, device: torch.device) -> CopyTask | PictureTask:
    """The task of one person."""
    if config.memory:
        return CopyTask(examples, config, device, neighbours=max(1, round(rate)), few=FEW)
    return PictureTask(examples, config, device)


def train_start(
    targets: list[Target], generator: str, length: TrainingBudget, run: Path, out: Path, *, resume: bool
) -> None:
    """Train a start and keep it."""
    recipe, sizes = recipe_of(generator), SIZES[generator]
    fabric = learning_device("auto")
    made = [member(target, generator, recipe, sizes[i % len(sizes)]) for i, target in enumerate(targets)]
    tasks = [task_of(*of, target.rate, fabric.device) for of, target in zip(made, targets, strict=True)]
    crowd = MultiPersonTask(tasks, [len(examples.frames) for examples, _ in made])
    alone = not made[0][1].memory
    known = list(range(len(targets) - HELD_OUT))
    torch.manual_seed(0)
    trainer = Trainer(
        fabric=fabric,
        network=build(made[0][1]).to(memory_format=torch.channels_last),
        task=crowd,
        recipe=recipe,
        train=crowd.frames_of(known),
        # nobody's colours can be known from a pose: there the newest is kept
        held_out=crowd.frames_of([] if alone else range(len(known), len(targets))),
        folder=run,
        seed=0,
        length=length,
        identity=f"{generator} {len(targets)}",
        round_frames=ROUND_FRAMES,
        progress=lambda share, row: print(f"{share:.0%} {_told(row)}", flush=True),
    )
    if alone:
        trainer.shuffle = crowd.one_by_one(STRETCH * recipe.frames)
    trained = trainer.run(resume=resume)
    config = StartConfig(
        generator=generator,
        network=recipe.network,
        size=recipe.size,
        precision=recipe.precision,
        people=len(known),
        minutes=round(trained.minutes, 1),
        recipe=f"python -m scripts.train_start RENDERED {generator} --minutes {trained.minutes:.0f}",
    )
    save_start(config, trained.state, out)
    print(f"{generator}: {trained.epochs} rounds in {trained.minutes:.1f} minutes", flush=True)


def _told(row: Row) -> str:
    held_out = "" if row.validation_l1 is None else f", of strangers {row.validation_l1:.4f}"
    return f"{row.minutes:.1f} min: loss {row.loss:.4f}{held_out}"


def main() -> None:
    """See the module's docstring."""
    logging.basicConfig(level=logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rendered", type=Path)
    parser.add_argument("generators", nargs="*", default=list(MINUTES))
    parser.add_argument("--minutes", type=float, help="for each, instead of its own")
    parser.add_argument("--work", type=Path, default=paths.cache_root() / "start", help="performers, examples and runs")
    parser.add_argument("--out", type=Path, default=STARTS)
    parser.add_argument("--resume", action="store_true", help="go on with a run that was stopped")
    given = parser.parse_args()
    targets = performers(given.rendered, given.work / "performers")
    for generator in given.generators:
        length = TrainingBudget(minutes=given.minutes or MINUTES[generator])
        train_start(targets, generator, length, given.work / "runs" / generator, given.out, resume=given.resume)


if __name__ == "__main__":
    main()
