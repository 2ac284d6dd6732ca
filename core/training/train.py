"""Training a generator for a performer, from the footage to the weights that are served."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from lightning_fabric import Fabric

from core import paths
from core.errors import Cancelled, UnusableInput
from core.networks.build import build
from core.networks.config import CONFIG, GRAPH, WEIGHTS, NetworkConfig, Training
from core.networks.serve import require
from core.pipeline import performer_statistics
from core.runtime import Device
from core.targets.split import SplitName, split_of
from core.targets.store import Target
from core.targets.trained import add_generator
from core.training.examples import Examples, prepare
from core.training.export import export
from core.training.points import PointTask
from core.training.recipes import Recipe, recipe_of
from core.training.trainer import Length, Row, Trained, Trainer

logger = logging.getLogger(__name__)

SMALLEST, LARGEST = 64, 512


@dataclass(frozen=True, slots=True)
class Order:
    """What to train.

    Attributes:
        generator: its name.
        split: what of the footage to learn from.
        size: pixels of the canvas's longer side; the recipe's own where None.
        seed: of the initial weights and of everything drawn.
        length: of the run; the recipe's own where None.
        device: to train on; ``auto`` takes a graphics card where there is one.
        resume: go on with the run that was stopped.
    """

    generator: str
    split: SplitName = "blocks"
    size: int | None = None
    seed: int = 0
    length: Length | None = None
    device: Device = "auto"
    resume: bool = False

    def __post_init__(self) -> None:
        if self.size is not None and not SMALLEST <= self.size <= LARGEST:
            raise UnusableInput(f"A canvas is {SMALLEST} to {LARGEST} pixels high, not {self.size}.")


def run_folder(target_id: str, order: Order) -> Path:
    """Where a run keeps its checkpoint, its figures and its sheets."""
    return paths.data_root() / "runs" / f"{target_id}-{order.generator}-{order.split}"


def train(
    target: Target,
    order: Order,
    *,
    preparing: Callable[[float], None] = lambda _: None,
    progress: Callable[[float, Row], None] = lambda _share, _row: None,
    stop: Callable[[], bool] = lambda: False,
    root: Path | None = None,
) -> Trained:
    """Train a generator and give it to the performer.

    Args:
        target: the performer.
        order: what to train.
        preparing: share of the examples that are ready.
        progress: share of the training that is done, and the newest figures.
        stop: asked between steps; what was best so far is kept then too.
        root: the folder of performers in which the performer is, where that is none of the usual ones.

    Raises:
        GeneratorNotFound: nothing to train has that name.
        NobodyFound: the split leaves nobody to learn from.
        UnusableInput: nothing to resume, or a device that is not there.
        Cancelled: stopped before anything was learnt.
        OutputFailed: the disk is full or read-only.
    """
    recipe = recipe_of(order.generator)
    fabric = _fabric(order.device)
    unit = performer_statistics(target).near[1]
    examples = prepare(target, split_of(target, order.split), order.size or recipe.size, unit, preparing)
    config = NetworkConfig(
        generator=order.generator, network=recipe.network, canvas=examples.canvas, unit=unit, precision=recipe.precision
    )
    trainer = _trainer(fabric, examples, config, recipe, order, run_folder(target.id, order))
    trainer.stop, trainer.progress = stop, progress
    trained = trainer.run(resume=order.resume)
    if not trained.epochs:
        raise Cancelled(
            "Stopped before the first round through the footage was over: nothing was learnt, nothing is changed."
        )
    _keep(target, config, order, trained, root)
    return trained


def _fabric(device: Device) -> Fabric:
    """Mixed precision where the device computes in it faster."""
    require(device)
    # a line on how the precision was chosen, for a person who did not choose it
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    accelerator = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    halves = accelerator == "cuda" or (accelerator == "cpu" and _fast_bfloat16())
    return Fabric(accelerator=accelerator, devices=1, precision="bf16-mixed" if halves else "32-true")


def _fast_bfloat16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _trainer(
    fabric: Fabric, examples: Examples, config: NetworkConfig, recipe: Recipe, order: Order, folder: Path
) -> Trainer:
    torch.manual_seed(order.seed)
    everything = order.split == "all"
    return Trainer(
        fabric=fabric,
        network=build(config),
        task=PointTask(examples, config, recipe, fabric.device),
        recipe=recipe,
        train=torch.from_numpy(examples.train),
        # judged by what it learnt from, a network is always getting better
        held_out=torch.from_numpy(examples.held_out[:0] if everything else examples.held_out),
        folder=folder,
        identity=f"{config.to_json()}{order.split}",
        seed=order.seed,
        length=order.length or Length(minutes=recipe.minutes),
    )


def _keep(target: Target, config: NetworkConfig, order: Order, trained: Trained, root: Path | None) -> None:
    training = Training(
        split=order.split,
        seed=order.seed,
        epochs=trained.epochs,
        minutes=round(trained.minutes, 2),
        validation_l1=None if trained.validation_l1 is None else round(trained.validation_l1, 6),
        versions={name: version(name) for name in ("torch", "openvino", "lightning-fabric")},
    )
    config = config.model_copy(update={"training": training})
    state = {name: tensor.cpu() for name, tensor in trained.state.items()}
    with tempfile.TemporaryDirectory() as folder:
        files = export(config, state, Path(folder))
        roles = {CONFIG: files.config, WEIGHTS: files.weights, GRAPH: files.graph}
        recipe = _recipe(target.id, order, config, trained)
        add_generator(target.id, order.generator, roles, licence=target.licence, recipe=recipe, root=root)


def _recipe(target_id: str, order: Order, config: NetworkConfig, trained: Trained) -> str:
    """The command that trains the same again."""
    size = max(config.canvas.width, config.canvas.height)
    return (
        f"python -m core train --target {target_id} --generator {order.generator} --split {order.split} --size {size} "
        f"--seed {order.seed} --epochs {trained.epochs}"
    )
