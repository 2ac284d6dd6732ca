"""The training loop: epochs, validation, the best so far, checkpoints, and going on exactly where a killed run stopped.

Everything random in an epoch follows from the seed and the epoch's number. A run that was resumed is therefore the run that
was never stopped, as long as its length is given in epochs.
"""

from __future__ import annotations

import csv
import logging
import math
import pickle
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final, Protocol

import cv2
import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from core.errors import OutputFailed, UnusableInput
from core.rendering.canvas import COLOURS
from core.services.training_runs import CHECKPOINT, LONGEST_MINUTES, METRICS, SHEETS
from core.training.adversarial import AdversarialLoss, Windows
from core.training.curves import write_curves
from core.training.recipes import Recipe
from core.utils.parsing import check_number

logger = logging.getLogger(__name__)

CURVES: Final = "curves.svg"
_MOST_EPOCHS: Final = 1_000_000

L1_WEIGHT: Final = 50.0
"""Of the L1 error beside what a critic asks (Isola et al., CVPR 2017, eq. 4, have 100)."""

_LEEWAY: Final = 1.1
"""How much of the smallest held-out error a run may give up that is taught to be sharp: sharp pictures are further from the right
ones, pixel by pixel, than blurred ones are. The newest network within it is kept."""

_VALIDATED: Final = 40
_ON_SHEET: Final = 6
_SMOOTHING: Final = 0.995
_FOLLOWED: Final = 4
"""After so many steps the running mean goes on, once the first steps are over: reading all weights again takes time."""
_WARM_UP: Final = 100
_LAST_RATE: Final = 0.01
_LONGEST_NORM: Final = 1.0
_PATIENCE: Final = 0.35
"""Share of the run without a better validation after which it stops."""
_TOLD_EVERY: Final = 0.5
_VALIDATIONS: Final = 40
"""How often a run is validated."""


class Task(Protocol):
    """What is taught: see ``core.training.point_task``."""

    def loss(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> Tensor:
        """Of some frames."""

    def loss_and_window(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> tuple[Tensor, Windows]:
        """The same, and a window of each for a critic."""

    def draw(self, network: nn.Module, i: int) -> Tensor:
        """(LAYERS, height, width) of a frame as it will be served."""

    def wanted(self, i: int) -> Tensor:
        """(LAYERS, height, width) of the same frame as it should be."""


@dataclass(frozen=True, slots=True)
class TrainingBudget:
    """How long to train: one of the two.

    Raises:
        UnusableInput: neither, both, nothing at all, or longer than a week.
    """

    epochs: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.epochs, self.minutes) if value is not None]
        if len(given) != 1 or not given[0] > 0:
            raise UnusableInput("Say how long to train, either in epochs or in minutes, and more than none.")
        check_number(given[0], 0, LONGEST_MINUTES if self.epochs is None else _MOST_EPOCHS, "How long to train")

    def share(self, epochs: int, minutes: float) -> float:
        """How much of it is done, 0 to 1."""
        done = epochs / self.epochs if self.epochs is not None else minutes / float(self.minutes or 1)
        return min(done, 1.0)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of ``metrics.csv``.

    Attributes:
        loss: L1 error of what was learnt from, 1 for a value of 255.
        critic: the critic's own loss, where there is one.
        asked: what it asks of the generator.
        validation_l1: mean absolute error over held-out canvases, 1 for a value of 255.
    """

    epoch: int
    minutes: float
    rate: float
    loss: float
    critic: float | None
    asked: float | None
    validation_l1: float | None
    best: bool


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """How far a run is between two steps.

    Attributes:
        share: of its length, 0 to 1.
        minutes: of training so far.
        epoch: whole ones, or rounds, so far.
        loss: mean over the steps since the last moment.
        frames_per_second: learnt from since the last moment.
    """

    share: float
    minutes: float
    epoch: int
    loss: float
    frames_per_second: float


@dataclass(slots=True)
class _State:
    """What a checkpoint keeps beside the tensors."""

    epoch: int = 0
    step: int = 0
    minutes: float = 0.0
    best_l1: float = math.inf
    kept_l1: float = math.inf
    best_share: float = 0.0
    validated_share: float = 0.0
    frames: int = 0


@dataclass(frozen=True, slots=True)
class Trained:
    """The best network of a run.

    ``validation_l1`` and ``held_out_l1`` (at seed scale, as served) are None where nothing was held out. ``diverged`` where the
    run ended because the loss was no number any more.
    """

    state: dict[str, Tensor]
    epochs: int
    minutes: float
    validation_l1: float | None
    held_out_l1: float | None = None
    diverged: bool = False


@dataclass
class Trainer:
    """One run.

    Several processes may each make one: every one sees its share of each epoch, their steps are taken together, and the first
    alone validates and writes.

    Attributes:
        fabric: device, precision, and the other processes.
        network: to be taught; its initial weights come from the caller's seed.
        task: what it is taught.
        recipe: rates and sizes.
        train, held_out: (n,) frames of the task to learn from and to be judged by; with none held out the last is kept.
        folder: of the run.
        seed: of everything random.
        length: of the run.
        rival: a critic that is trained along, for adversarial recipes.
        identity: what is trained on what, in words: a run is resumed as the same one only.
        round_frames: after so many frames an epoch counts as over: what is validated and kept after every epoch is then not far
            apart however long the footage is. All of them where None.
        shuffle: puts frames into the order of an epoch; any order unless given.
        stop: asked between steps; a run that is stopped keeps its checkpoint.
        watch: told twice a second how far it is; the time it takes does not count, so that waiting there is a pause.
        diverged: whether the loss was no number at last.
    """

    fabric: Fabric
    network: nn.Module
    task: Task
    recipe: Recipe
    train: Tensor
    held_out: Tensor
    folder: Path
    seed: int
    length: TrainingBudget
    identity: str = ""
    rival: AdversarialLoss | None = None
    round_frames: int | None = None
    shuffle: Callable[[Tensor, torch.Generator], Tensor] = lambda frames, draws: frames[
        torch.randperm(len(frames), generator=draws)
    ]
    stop: Callable[[], bool] = lambda: False
    watch: Callable[[TrainingProgress], None] = lambda _: None
    progress: Callable[[float, Row], None] = lambda _share, _row: None
    _state: _State = field(default_factory=_State)

    def __post_init__(self) -> None:
        optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=self.recipe.rate, weight_decay=self.recipe.decay, fused=True
        )
        self._shown, self._optimizer = self.fabric.setup(self.network, optimizer)
        self._verdicts: list[Tensor] = []
        self._untold: list[Tensor] = []
        self._untold_frames, self._told_at = 0, monotonic()
        self._smooth = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}
        self._best = {name: tensor.clone() for name, tensor in self._smooth.items()}
        self._good = {name: tensor.clone() for name, tensor in self._smooth.items()}
        self._state.frames = self.recipe.frames
        self.diverged = False

    def run(self, *, resume: bool = False) -> Trained:
        """Train until the length is reached, nothing gets better, or ``stop`` says so.

        Raises:
            UnusableInput: to be resumed, and there is no checkpoint of this run.
            OutputFailed: the run's folder cannot be written.
        """
        try:
            self._begin(resume)
            while not self._finished():
                if not self._epoch():
                    break
                self._save()
        except OSError as error:
            raise OutputFailed(f"The run could not be kept in {self.folder}: {error.strerror or error}.") from error
        known = math.isfinite(self._state.best_l1)
        best = self._best if known else self._smooth
        kept_l1 = self._state.kept_l1 if known else None
        return Trained(best, self._state.epoch, self._state.minutes, kept_l1, diverged=self.diverged)

    @property
    def newest(self) -> Trained:
        """The network as it is now, for whoever wants to see it before the end."""
        state = {name: tensor.clone() for name, tensor in self._smooth.items()}
        return Trained(state, self._state.epoch, self._state.minutes, None)

    def _begin(self, resume: bool) -> None:
        if resume:
            self._load()
        elif self.fabric.is_global_zero:
            self._clear()
        self.fabric.barrier()
        logger.info("process %d of %d is ready", self.fabric.global_rank + 1, self.fabric.world_size)

    def _clear(self) -> None:
        """A run's folder with nothing in it of the run before."""
        (self.folder / SHEETS).mkdir(parents=True, exist_ok=True)
        for old in (self.folder / SHEETS).glob("*.webp"):
            old.unlink()
        (self.folder / CHECKPOINT).unlink(missing_ok=True)
        with (self.folder / METRICS).open("w", newline="") as file:
            csv.DictWriter(file, Row.__dataclass_fields__).writeheader()

    def _share(self) -> float:
        return self.length.share(self._state.epoch, self._state.minutes)

    def _finished(self) -> bool:
        share = self._share()
        return share >= 1 or (len(self.held_out) > 0 and share - self._state.best_share > _PATIENCE)

    def _epoch(self) -> bool:
        """Every frame once, in an order of its own; False where it was broken off and does not count."""
        began, losses = monotonic(), []
        draws = torch.Generator().manual_seed(self.seed * 1_000_003 + self._state.epoch)
        torch.manual_seed(self.seed * 1_000_003 + self._state.epoch)
        self.network.train()
        order = self._mine(self.shuffle(self.train, draws)[: self.round_frames], draws)
        minutes = self._state.minutes
        rate = 0.0
        done = 0
        while done < len(order):
            if self._in_step(self.stop()):
                return False
            rate = self._rate()
            frames = order[done : done + self._state.frames]
            try:
                losses.append(self._step(frames, draws, rate))
            except torch.OutOfMemoryError as error:
                self._learn_from_fewer(len(frames), error)
                continue
            done += len(frames)
            self._state.minutes = minutes + (monotonic() - began) / 60
            began += self._tell(losses[-1], len(frames))
        loss = self._over_all(torch.stack(losses).mean())
        asked = self._over_all(torch.stack(self._verdicts).mean()) if self._verdicts else 0.0
        if not (math.isfinite(loss) and math.isfinite(asked)):
            logger.warning("the loss of epoch %d is no number: the network before it is kept", self._state.epoch + 1)
            self.diverged = True
            self._smooth = self._good
            return False
        self._state.epoch += 1
        self._report(rate, loss)
        self._good = {name: tensor.clone() for name, tensor in self._smooth.items()}
        return True

    def _tell(self, loss: Tensor, frames: int) -> float:
        """Now and then, how far it is; returns the seconds that whoever is told took."""
        self._untold.append(loss)
        self._untold_frames += frames
        now = monotonic()
        if now - self._told_at < _TOLD_EVERY:
            return 0.0
        speed = self._untold_frames / (now - self._told_at)
        mean = float(torch.stack(self._untold).mean())
        self.watch(TrainingProgress(self._share(), self._state.minutes, self._state.epoch, mean, speed))
        self._untold.clear()
        self._untold_frames, self._told_at = 0, monotonic()
        return self._told_at - now

    def _mine(self, order: Tensor, draws: torch.Generator) -> Tensor:
        """This process's share of an epoch, and random numbers of its own; everything where it is alone."""
        rank, count = self.fabric.global_rank, self.fabric.world_size
        if rank:
            draws.manual_seed(draws.initial_seed() + rank * 7919)
        return order[rank::count][: max(len(order) // count, 1)]

    def _in_step(self, stop: bool) -> bool:
        """Whether any process was told to stop; and one clock for all, which the rate goes by."""
        if self.fabric.world_size > 1:
            told = torch.tensor([float(stop), self._state.minutes], device=self.fabric.device, dtype=torch.float64)
            most: list[float] = self.fabric.all_reduce(told, reduce_op="max").tolist()
            stop, self._state.minutes = most[0] > 0, most[1]
        return stop

    def _over_all(self, value: Tensor) -> float:
        """A mean over all processes."""
        return float(self.fabric.all_reduce(value.float(), reduce_op="mean") if self.fabric.world_size > 1 else value)

    def _learn_from_fewer(self, frames: int, error: torch.OutOfMemoryError) -> None:
        """Half as many frames in a step from here on.

        Raises:
            UnusableInput: not even one fits.
        """
        if frames == 1 or self.fabric.world_size > 1:
            words = "even one frame" if frames == 1 else f"{frames} frames, and several devices go in step"
            raise UnusableInput(f"A device has no memory for {words}: choose a smaller --size.") from error
        self._optimizer.zero_grad()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self._state.frames = frames // 2
        logger.warning("The device has no memory for %d frames a step: going on with %d.", frames, frames // 2)

    def _rate(self) -> float:
        falling = _LAST_RATE + (1 - _LAST_RATE) * 0.5 * (1 + math.cos(math.pi * self._share()))
        return self.recipe.rate * falling * min(1.0, (self._state.step + 1) / _WARM_UP)

    def _step(self, frames: Tensor, draws: torch.Generator, rate: float) -> Tensor:
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        if self.rival is None:
            error = loss = self.task.loss(self._shown, frames, draws)
        else:
            verdict = self.rival.improve(self._shown, frames, draws)
            error, view = self.task.loss_and_window(self._shown, frames, draws)
            asked = self.rival.asked(view)
            loss = L1_WEIGHT * error + asked
            self._verdicts.append(torch.stack([verdict, asked.detach()]))
        self._optimizer.zero_grad()
        self.fabric.backward(loss)
        self._shorten()
        self._optimizer.step()
        self._state.step += 1
        if self._state.step < _WARM_UP:
            self._follow(1)
        elif not self._state.step % _FOLLOWED:
            self._follow(_FOLLOWED)
        return error.detach()

    @torch.no_grad()
    def _shorten(self) -> None:
        """Gradients of no more than the longest norm; most are shorter, and need not be written again."""
        weights = [weight for weight in self.network.parameters() if weight.grad is not None]
        norm = nn.utils.get_total_norm([weight.grad for weight in weights if weight.grad is not None])
        if not norm <= _LONGEST_NORM:
            nn.utils.clip_grads_with_norm_(weights, _LONGEST_NORM, norm)

    @torch.no_grad()
    def _follow(self, steps: int) -> None:
        """The network that is kept is a running mean of the trained one: less noisy than any single step's."""
        keep = min(_SMOOTHING, self._state.step / (self._state.step + 10)) ** steps
        now = self.network.state_dict()
        floats = [name for name, tensor in now.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([self._smooth[name] for name in floats], [now[name] for name in floats], 1 - keep)
        for name in now.keys() - set(floats):
            self._smooth[name].copy_(now[name])

    def _report(self, rate: float, loss: float) -> None:
        share, error, best = self._share(), None, False
        if share - self._state.validated_share >= 1 / _VALIDATIONS or share >= 1:
            self._state.validated_share = share
            error = self.fabric.broadcast(self._validate() if self.fabric.is_global_zero else None)
            leeway = _LEEWAY if self.rival is not None or self.recipe.sharp else 1.0
            best = error is not None and error < self._state.best_l1 * leeway
            if best and error is not None:
                self._state.best_l1, self._state.best_share = min(error, self._state.best_l1), share
                self._state.kept_l1 = error
                self._best = {name: tensor.clone() for name, tensor in self._smooth.items()}
        critic, asked = torch.stack(self._verdicts).mean(0).tolist() if self._verdicts else (None, None)
        self._verdicts.clear()
        if not self.fabric.is_global_zero:
            return
        row = Row(self._state.epoch, self._state.minutes, rate, loss, critic, asked, error, best)
        with (self.folder / METRICS).open("a", newline="") as file:
            csv.DictWriter(file, Row.__dataclass_fields__).writerow(asdict(row))
        if error is not None or share >= 1:
            write_curves(self.folder / METRICS, self.folder / CURVES)
        self.progress(share, row)

    @torch.no_grad()
    def _validate(self) -> float | None:
        """Mean absolute error over held-out frames of the smooth network; a sheet of pictures as well."""
        trained = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        self.network.load_state_dict(self._smooth)
        self.network.eval()
        try:
            judged = self.held_out if len(self.held_out) else self.train
            shown = judged[torch.linspace(0, len(judged) - 1, min(_VALIDATED, len(judged))).long()].tolist()
            pairs = [(self.task.draw(self.network, i), self.task.wanted(i)) for i in shown]
            self._sheet(pairs[:: max(1, len(pairs) // _ON_SHEET)][:_ON_SHEET])
            errors = [float((made - wanted).abs().mean()) for made, wanted in pairs]
            return float(np.mean(errors)) if len(self.held_out) else None
        finally:
            self.network.load_state_dict(trained)

    def _sheet(self, pairs: list[tuple[Tensor, Tensor]]) -> None:
        """What should be seen above, what is drawn below."""
        columns = [np.vstack([_picture(wanted), _picture(made)]) for made, wanted in pairs]
        # of many people, each has a canvas of its own
        tallest = max(len(column) for column in columns)
        columns = [np.pad(column, ((0, tallest - len(column)), (0, 0), (0, 0))) for column in columns]
        sheet = np.ascontiguousarray(np.hstack(columns)[..., ::-1])
        coded = cv2.imencode(".webp", sheet, [cv2.IMWRITE_WEBP_QUALITY, 85])[1]
        (self.folder / SHEETS / f"{self._state.epoch:05d}.webp").write_bytes(coded.tobytes())

    def _save(self) -> None:
        if not self.fabric.is_global_zero:
            return
        content = {
            "identity": f"{self.identity} {self.seed}",
            "state": asdict(self._state),
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "smooth": self._smooth,
            "best": self._best,
            "rival": None if self.rival is None else self.rival.state_dict(),
        }
        part = self.folder / f"{CHECKPOINT}.part"
        try:
            torch.save(content, part)
            part.replace(self.folder / CHECKPOINT)
        except RuntimeError as error:
            # what torch makes of a disk that is full
            raise OutputFailed(f"The checkpoint could not be kept in {self.folder}: is the disk full?") from error
        finally:
            part.unlink(missing_ok=True)

    def _load(self) -> None:
        path = self.folder / CHECKPOINT
        if not path.is_file():
            raise UnusableInput(f"There is no run to resume in {self.folder}: leave out --resume.")
        content = _checkpoint(path)
        if content["identity"] != f"{self.identity} {self.seed}":
            raise UnusableInput(
                f"The run in {self.folder} was of another network, size, seed or footage: give the same again, or leave out "
                "--resume."
            )
        try:
            self.network.load_state_dict(content["network"])
            self._optimizer.load_state_dict(content["optimizer"])
            if self.rival is not None:
                self.rival.load_state_dict(content["rival"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise UnusableInput(f"The run in {self.folder} was of another network: leave out --resume.") from error
        for name, tensor in self._smooth.items():
            tensor.copy_(content["smooth"][name])
            self._best[name].copy_(content["best"][name])
            self._good[name].copy_(content["smooth"][name])
        self._state = _State(**content["state"])
        self.fabric.barrier()
        if self.fabric.is_global_zero:
            self._forget_later_rows()

    def _forget_later_rows(self) -> None:
        """Drop what a killed run wrote of an epoch after its last checkpoint."""
        with (self.folder / METRICS).open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if int(row["epoch"]) <= self._state.epoch]
        with (self.folder / METRICS).open("w", newline="") as file:
            writer = csv.DictWriter(file, Row.__dataclass_fields__)
            writer.writeheader()
            writer.writerows(rows)


def _checkpoint(path: Path) -> dict[str, Any]:
    """What a run saved.

    Raises:
        UnusableInput: it is damaged.
    """
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if not {"identity", "state", "network", "optimizer", "smooth", "best"} <= set(content):
            raise ValueError("parts are missing")
    except (OSError, EOFError, ValueError, TypeError, RuntimeError, pickle.UnpicklingError) as error:
        raise UnusableInput(f"The checkpoint {path} is damaged: leave out --resume.") from error
    return content


def _picture(layers: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    picture = (layers[:COLOURS].permute(1, 2, 0).cpu().numpy() * 255).astype(np.uint8)
    return np.ascontiguousarray(picture)
