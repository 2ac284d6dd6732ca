"""Training a generator for a performer, from the footage to the weights that are served."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy

from core.errors import Cancelled, DanceError, GeneratorNotFound, UnusableInput, WeightsMissing
from core.evaluation import metrics
from core.evaluation.evaluate import against_recut
from core.generators.neural import draw
from core.generators.part_retrieval import select
from core.generators.realtime import exemplar_bank_of
from core.inference.device_selection import Device
from core.inference.runner import NetworkFiles, open_runner
from core.inference.torch_runner import load_weights, require
from core.networks.build import build
from core.networks.config import (
    CONFIG,
    GRAPH,
    WEIGHTS,
    NetworkConfig,
    RealtimeConfig,
    Training,
    UNetConfig,
    block_of,
    read_config,
)
from core.networks.start import MANY, StartConfig
from core.pipeline import performer_statistics
from core.rendering.canvas import compose
from core.services.training_runs import claimed, run_id, runs_root
from core.targets.extent import BLOCK
from core.targets.split import Split, SplitName, split_of
from core.targets.store import Target, find_place, load_target
from core.targets.weights import add_generator, note_held_out
from core.training.adversarial import AdversarialLoss
from core.training.copy_task import CopyTask
from core.training.dataset import Examples, prepare
from core.training.export import export
from core.training.image_task import PictureTask
from core.training.memory import keep_freed_memory
from core.training.perceptual import load_perceptual
from core.training.point_task import PointTask
from core.training.pretrained import begin, start_for
from core.training.recipes import Recipe, recipe_of
from core.training.trainer import Row, Trained, Trainer, TrainingBudget, TrainingProgress
from core.utils.output_files import usable_folder
from core.utils.parsing import check_number
from core.utils.processes import is_helper
from core.warping.outline import STANDARD

logger = logging.getLogger(__name__)

SMALLEST, LARGEST = 64, 1024
MOST_SEED: Final = 2**32 - 1
MOST_DEVICES: Final = 64

REMEMBERED: Final = 256
"""Frames that a network which copies keeps in mind: as many pictures lie in memory while it is served."""


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """What to train.

    Attributes:
        generator: its name.
        split: what of the footage to learn from.
        size: pixels of the canvas's longer side; the recipe's own where None.
        seed: of the initial weights and of everything drawn.
        length: of the run; the recipe's own where None.
        device: to train on; ``auto`` takes a graphics card where there is one.
        devices: how many of them on each machine, a process each: this command starts the others.
        machines: on how many machines the command was given, each with ``NODE_RANK``, ``MASTER_ADDR`` and ``MASTER_PORT`` set.
        resume: go on with the run that was stopped.
        perceptual: compare pictures by what VGG sees in them as well, where it can be had.
        round_frames: see :class:`core.training.trainer.Trainer`.
        warm: begin with what many people taught, where the recipe has nothing nearer; see ``core.networks.start``.
    """

    generator: str
    split: SplitName = "blocks"
    size: int | None = None
    seed: int = 0
    length: TrainingBudget | None = None
    device: Device = "auto"
    devices: int = 1
    machines: int = 1
    resume: bool = False
    perceptual: bool = False
    round_frames: int | None = None
    warm: bool = True

    def __post_init__(self) -> None:
        if self.size is not None and not SMALLEST <= self.size <= LARGEST:
            raise UnusableInput(f"A canvas is {SMALLEST} to {LARGEST} pixels high, not {self.size}.")
        check_number(self.seed, 0, MOST_SEED, "The seed")
        check_number(self.devices, 1, MOST_DEVICES, "How many devices")
        check_number(self.machines, 1, MOST_DEVICES, "How many machines")


def run_folder(target_id: str, order: TrainingConfig) -> Path:
    """Where a run keeps its checkpoint, its figures and its sheets."""
    return runs_root() / run_id(target_id, order.generator, order.split)


def train(
    target: Target,
    order: TrainingConfig,
    *,
    preparing: Callable[[float], None] = lambda _: None,
    progress: Callable[[float, Row], None] = lambda _share, _row: None,
    watch: Callable[[TrainingProgress, Callable[[], None]], None] = lambda _moment, _give: None,
    given_at_once: Callable[[], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
    root: Path | None = None,
) -> Trained:
    """Train a generator and give it to the performer.

    Args:
        target: the performer.
        order: what to train.
        preparing: share of the examples that are ready.
        progress: share of the training that is done, and the newest figures.
        watch: told how far it is between steps, with a function that gives the performer what is learnt so far; the time
            that either takes does not count.
        given_at_once: what many people taught a network that copies draws well before it learns anything: the performer is
            given that before the first step, and then this is called. None keeps it until the end.
        stop: asked between steps; what was best so far is kept then too.
        root: the folder of performers in which the performer is, where that is none of the usual ones.

    Raises:
        GeneratorNotFound: nothing to train has that name.
        NobodyFound: the split leaves nobody to learn from.
        UnusableInput: nothing to resume, a device that is not there, or another process trains the same just now.
        Cancelled: stopped before anything was learnt.
        DanceError: the loss was no number from the start.
        OutputRefused: the run's folder or the performer's cannot be written to.
        OutputFailed: the disk is full.
    """
    # helpers of this run, on other devices and machines, belong to the process that has claimed it
    with nullcontext() if is_helper() else claimed(run_id(target.id, order.generator, order.split)):
        _look_at_places(target, order, root)
        return _train(target, order, preparing, progress, watch, given_at_once, stop, root)


def _look_at_places(target: Target, order: TrainingConfig, root: Path | None) -> None:
    """Refuse before the work what could not be kept after it.

    Raises:
        OutputRefused: the run's folder or the performer's cannot be written to.
    """
    usable_folder(run_folder(target.id, order))
    place = find_place(target.id, *(() if root is None else (root,)))
    if place is not None:
        usable_folder(place.folder)
        usable_folder(place.weights)


def _train(
    target: Target,
    order: TrainingConfig,
    preparing: Callable[[float], None],
    progress: Callable[[float, Row], None],
    watch: Callable[[TrainingProgress, Callable[[], None]], None],
    given_at_once: Callable[[], None] | None,
    stop: Callable[[], bool],
    root: Path | None,
) -> Trained:
    begun = lesson(target, order, run_folder(target.id, order), split_of(target, order.split), preparing)
    trainer, config, fabric = begun.trainer, begun.config, begun.trainer.fabric
    record = Training(
        split=order.split,
        seed=order.seed,
        epochs=0,
        minutes=0.0,
        validation_l1=None,
        begun_with=begun.begun_with,
        versions={name: version(name) for name in ("torch", "openvino", "lightning-fabric")},
    )

    def give() -> None:
        _keep(target, _described(config, record, trainer.newest), order, trainer.newest, root, judged=False)

    trainer.stop, trainer.progress, trainer.watch = stop, progress, lambda moment: watch(moment, give)
    if given_at_once is not None and begun.begun_with == MANY and config.memory:
        give()
        given_at_once()
    trained = trainer.run(resume=order.resume)
    if not trained.epochs and trainer.diverged:
        raise DanceError(
            f"The loss of '{order.generator}' is no number from the start: nothing was learnt, nothing is changed."
        )
    if not trained.epochs:
        raise Cancelled(
            "Stopped before the first round through the footage was over: nothing was learnt, nothing is changed."
        )
    if not fabric.is_global_zero:
        return trained
    error = _keep(target, _described(config, record, trained), order, trained, root)
    if order.split != "all":
        _hold_against_recut(target.id, order, root)
    return replace(trained, held_out_l1=error)


def _hold_against_recut(target_id: str, order: TrainingConfig, root: Path | None) -> None:
    """Note how the generator draws held-out moves beside re-cut footage: whoever is better is the performer's first choice."""
    with load_target(target_id, *(() if root is None else (root,))) as performer:
        errors = against_recut(performer, order.generator, order.split)
    if errors is not None:
        note_held_out(target_id, order.generator, errors, root)


@dataclass(frozen=True, slots=True)
class TrainingSetup:
    """All that is ready before the first step.

    Attributes:
        begun_with: see :class:`core.networks.config.Training`.
    """

    trainer: Trainer
    config: NetworkConfig
    begun_with: str | None


def lesson(
    target: Target,
    order: TrainingConfig,
    folder: Path,
    split: Split,
    preparing: Callable[[float], None] = lambda _: None,
) -> TrainingSetup:
    """Prepare to train.

    Args:
        folder: of the run.
        split: of the performer's frames.
        preparing: share of the examples that are ready.

    Raises:
        GeneratorNotFound, NobodyFound, UnusableInput, OutputFailed: as :func:`train`.
    """
    recipe = recipe_of(order.generator)
    fabric = learning_device(order.device, order.devices, order.machines)
    fabric.launch()
    unit = performer_statistics(target).near[1]
    with fabric.rank_zero_first(local=True):
        examples = prepare(
            target, split, order.size or recipe.size, unit, preparing, max(BLOCK, block_of(recipe.network))
        )
    config = NetworkConfig(
        generator=order.generator,
        network=recipe.network,
        canvas=examples.canvas,
        unit=unit,
        precision=recipe.precision,
        memory=_memory(examples, recipe),
        outline=target.outline if isinstance(recipe.network, RealtimeConfig) else STANDARD,
    )
    start = _start(target, config, recipe, order)
    begun_with = None if start is None else MANY if isinstance(start, StartConfig) else recipe.start
    return TrainingSetup(_trainer(fabric, examples, config, recipe, order, folder, start), config, begun_with)


def _described(config: NetworkConfig, record: Training, trained: Trained) -> NetworkConfig:
    """The config of a network with how it was trained."""
    error = None if trained.validation_l1 is None else round(trained.validation_l1, 6)
    so_far = {"epochs": trained.epochs, "minutes": round(trained.minutes, 2), "validation_l1": error}
    return config.model_copy(update={"training": record.model_copy(update=so_far)})


def _memory(examples: Examples, recipe: Recipe) -> tuple[int, ...]:
    """The performer's frames that a network which copies may take parts from."""
    if not isinstance(recipe.network, RealtimeConfig):
        return ()
    chosen = select(examples.landmarks[examples.train], examples.unit, REMEMBERED)
    return tuple(int(frame) for frame in examples.frames[examples.train[chosen]])


def learning_device(device: Device, devices: int = 1, machines: int = 1) -> Fabric:
    """The device to train on, in mixed precision where it computes in that faster.

    Raises:
        UnusableInput: there is no such device, or not so many.
    """
    require(device)
    keep_freed_memory()
    # a line on how the precision was chosen, for a person who did not choose it
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    accelerator = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    halves = accelerator == "cuda" or (accelerator == "cpu" and _fast_bfloat16())
    if accelerator == "cuda" and devices > torch.cuda.device_count():
        raise UnusableInput(f"There are {torch.cuda.device_count()} CUDA graphics cards here, not {devices}.")
    # a critic is asked twice before it learns: buffers sent around in between would not be those it was asked with
    together = DDPStrategy(broadcast_buffers=False)
    return Fabric(
        accelerator=accelerator,
        devices=devices,
        num_nodes=machines,
        strategy=together if devices * machines > 1 else "auto",
        precision="bf16-mixed" if halves else "32-true",
    )


def _fast_bfloat16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _trainer(
    fabric: Fabric,
    examples: Examples,
    config: NetworkConfig,
    recipe: Recipe,
    order: TrainingConfig,
    folder: Path,
    start: Path | StartConfig | None,
) -> Trainer:
    torch.manual_seed(order.seed)
    everything = order.split == "all"
    task = _task(examples, config, recipe, order, fabric.device)
    # convolutions are a third faster when a pixel's channels lie side by side
    network = build(config).to(memory_format=torch.channels_last)
    if isinstance(start, StartConfig):
        begin(network, start)
    elif start is not None:
        load_weights(network, start, to_train=True)
    return Trainer(
        fabric=fabric,
        network=network,
        task=task,
        rival=None if recipe.objective is None else AdversarialLoss(fabric, task, recipe.objective),
        recipe=recipe,
        train=torch.from_numpy(examples.train),
        # judged by what it learnt from, a network is always getting better
        held_out=torch.from_numpy(examples.held_out[:0] if everything else examples.held_out),
        folder=folder,
        identity=f"{config.to_json()}{order.split}{' perceptual' if order.perceptual else ''}",
        seed=order.seed,
        length=order.length or TrainingBudget(minutes=recipe.minutes),
        round_frames=order.round_frames,
    )


def _start(target: Target, config: NetworkConfig, recipe: Recipe, order: TrainingConfig) -> Path | StartConfig | None:
    """What to begin with: weights of the performer's that the recipe names, or what many people taught."""
    if order.resume:
        return None
    if recipe.start is not None:
        return _own_start(target, config, recipe.start, order)
    start = start_for(config) if order.warm else None
    if start is not None:
        logger.info("%s begins with what %d people taught", order.generator, start.people)
    return start


def _own_start(target: Target, config: NetworkConfig, name: str, order: TrainingConfig) -> Path | None:
    """Weights of another generator, where the performer has them for this canvas and split."""
    try:
        files = {role: target.weight_file(name, role) for role in (CONFIG, WEIGHTS)}
    except (GeneratorNotFound, WeightsMissing):
        logger.warning("%s has no %s to begin with: %s starts from nothing", target.name, name, order.generator)
        return None
    begun = read_config(files[CONFIG])
    # what was trained on other frames may have seen those that are held out
    same_split = begun.training is not None and begun.training.split == order.split
    if begun.network != config.network or begun.canvas != config.canvas or not same_split:
        logger.warning(
            "%s of %s has another network, canvas or split: %s starts from nothing",
            name,
            target.name,
            order.generator,
        )
        return None
    logger.info("%s begins with the weights of %s", order.generator, name)
    return files[WEIGHTS]


def _task(
    examples: Examples, config: NetworkConfig, recipe: Recipe, order: TrainingConfig, device: torch.device
) -> PointTask | PictureTask | CopyTask:
    if isinstance(config.network, RealtimeConfig):
        return CopyTask(examples, config, device)
    if isinstance(config.network, UNetConfig):
        return PictureTask(examples, config, device, load_perceptual() if order.perceptual else None)
    if order.perceptual:
        logger.warning("%s draws single points: it is trained without the perceptual loss.", config.generator)
    return PointTask(examples, config, recipe, device)


def _keep(
    target: Target,
    config: NetworkConfig,
    order: TrainingConfig,
    trained: Trained,
    root: Path | None,
    *,
    judged: bool = True,
) -> float | None:
    """Export the network and give it to the performer; its L1 at seed scale over the held-out frames, where it is judged."""
    state = {name: tensor.cpu() for name, tensor in trained.state.items()}
    with tempfile.TemporaryDirectory() as folder:
        files = export(config, state, Path(folder))
        error = (
            None
            if order.split == "all" or not judged
            else _held_out_l1(target, config, files, split_of(target, order.split))
        )
        if error is not None and config.training is not None:
            record = config.training.model_copy(update={"held_out_l1": round(error, 5)})
            config = config.model_copy(update={"training": record})
            files.config.write_text(config.to_json())
        roles = {CONFIG: files.config, WEIGHTS: files.weights, GRAPH: files.graph}
        recipe = _recipe(target.id, order, config, trained)
        add_generator(target.id, order.generator, roles, licence=target.licence, recipe=recipe, root=root)
    return error


def _held_out_l1(target: Target, config: NetworkConfig, files: NetworkFiles, split: Split) -> float | None:
    """L1 at seed scale over the held-out frames, drawn by the exported network; None where nobody is in them."""
    run, stage = open_runner(config, files), target.plate
    memory = exemplar_bank_of(target, config) if config.memory else None
    errors = []
    for i in np.flatnonzero(split.held_out & target.found):
        pose = target.pose(int(i))
        if pose is not None:
            if memory is None:
                made = compose(draw(run, config, pose), config.canvas, pose, stage)
            else:
                made = memory.picture(run, pose, stage)
            errors.append(metrics.l1(metrics.seed_scale(made.image), metrics.seed_scale(target.frames[int(i)])))
    return float(np.mean(errors)) if errors else None


def _recipe(target_id: str, order: TrainingConfig, config: NetworkConfig, trained: Trained) -> str:
    """The command that trains the same again."""
    size = max(config.canvas.width, config.canvas.height)
    more = f" --devices {order.devices}" if order.devices > 1 else ""
    more += f" --machines {order.machines}" if order.machines > 1 else ""
    more += " --perceptual" if order.perceptual else ""
    more += "" if order.warm else " --from-nothing"
    length = (
        f"--epochs {trained.epochs}" if order.round_frames is None else f"--minutes {max(trained.minutes, 0.1):.1f}"
    )
    return (
        f"python -m core train --target {target_id} --generator {order.generator} --split {order.split} --size {size} "
        f"--seed {order.seed} {length}{more}"
    )
