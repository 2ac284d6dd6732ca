"""Trainings as a server keeps them: what was ordered, how far it is, what came of it; in a folder that outlives the server.

A run's folder lies beside those of the command line and is the same: ``run.json`` says what was ordered and how far it is,
``metrics.csv``, ``sheets`` and the checkpoint are the trainer's. Nothing here needs torch.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core import paths
from core.errors import OutputFailed
from core.inference.device_selection import Device
from core.targets.split import SplitName
from core.utils.file_lock import alone, is_taken
from core.utils.processes import is_alive, this_process

logger = logging.getLogger(__name__)

RECORD: Final = "run.json"
METRICS: Final = "metrics.csv"
SHEETS: Final = "sheets"
CHECKPOINT: Final = "last.pt"
LONGEST_MINUTES: Final = 60 * 24 * 7

RunState = Literal["waiting", "training", "interrupted", "stopped", "failed", "done"]
"""``interrupted``: whatever trained it is gone; it can go on where it was. ``stopped``: a person stopped it; so can that."""

UNFINISHED: Final[frozenset[RunState]] = frozenset({"waiting", "training"})
BEING_TRAINED: Final = (
    "This is being trained already, by another command or an app on this computer: wait until that is over."
)
_NAME: Final = r"^[a-z0-9-]{1,60}$"


class TrainingRun(BaseModel):
    """What is kept of a run.

    Attributes:
        target, generator: whose, and which.
        split: what of the footage is learnt from.
        device: to train on.
        minutes: how long in all, those before an interruption among them.
        state: see :data:`RunState`.
        error: why it failed, a sentence.
        trained: minutes so far.
        created: seconds since 1970.
        keeper: the server that has it in hand, as :func:`core.utils.processes.this_process` names it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    target: str = Field(pattern=_NAME)
    generator: str = Field(pattern=_NAME)
    split: SplitName = "blocks"
    device: Device = "auto"
    minutes: float = Field(gt=0, le=LONGEST_MINUTES)
    state: RunState = "waiting"
    error: str | None = Field(default=None, max_length=1000)
    trained: float = Field(default=0.0, ge=0)
    created: float = Field(default=0.0, ge=0)
    keeper: str = Field(default="", max_length=60)

    @property
    def id(self) -> str:
        """Name of its folder."""
        return run_id(self.target, self.generator, self.split)

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        return runs_root() / self.id

    def save(self) -> None:
        """Keep it, in place of what was kept of it before.

        Raises:
            OutputFailed: no permission, no room.
        """
        part = self.folder / f".{RECORD}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
            part.replace(self.folder / RECORD)
        except OSError as error:
            raise OutputFailed(f"The training cannot be kept in {self.folder}: {error.strerror or error}.") from error
        finally:
            part.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Point:
    """One line of a run's figures: minutes of training, and the errors then; None where nothing was measured."""

    minutes: float
    loss: float
    held_out: float | None


def owned_by_other_process(record: TrainingRun) -> bool:
    """Whether another server, which lives, has it in hand."""
    return record.state in UNFINISHED and record.keeper != this_process() and is_alive(record.keeper)


@contextmanager
def claimed(run: str) -> Iterator[None]:
    """Have the run of that id to oneself: command lines and apps hold the same lock while they train it.

    Raises:
        UnusableInput: another process trains it just now.
        OutputFailed: the lock cannot be kept.
    """
    with alone(_lock_of(run), BEING_TRAINED):
        yield


def is_claimed(run: str) -> bool:
    """Whether a process trains the run of that id just now."""
    return is_taken(_lock_of(run))


def _lock_of(run: str) -> str:
    return f"training-{run}"


def run_id(target: str, generator: str, split: SplitName) -> str:
    """What the run of a performer's generator is called: there is one for each split."""
    return f"{target}-{generator}-{split}"


def runs_root() -> Path:
    """The folder of all runs."""
    return paths.data_root() / "runs"


def list_records() -> list[TrainingRun]:
    """All runs that a server keeps, oldest first; what cannot be read is passed over."""
    found = [record for folder in sorted(runs_root().glob("*")) if (record := read_record(folder)) is not None]
    return sorted(found, key=lambda record: record.created)


def read_record(folder: Path) -> TrainingRun | None:
    """What is kept of a run in ``folder``; None where it is none, or damaged."""
    try:
        record = TrainingRun.model_validate_json((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ValidationError) as error:
        logger.warning("the training in %s cannot be read: %s", folder, error)
        return None
    return record if record.id == folder.name else None


def curve(folder: Path) -> list[Point]:
    """What was measured in a run so far."""
    try:
        with (folder / METRICS).open(newline="") as file:
            return list(_points(csv.DictReader(file)))
    except (OSError, csv.Error):
        return []


def _points(rows: Iterator[dict[str, str]] | csv.DictReader[str]) -> Iterator[Point]:
    for row in rows:
        try:
            held_out = row.get("validation_l1")
            yield Point(float(row["minutes"]), float(row["loss"]), float(held_out) if held_out else None)
        except (KeyError, TypeError, ValueError):
            # the line that is being written just now
            return


def sheets(folder: Path) -> list[Path]:
    """Pictures of held-out frames, above what is to be seen and below what is drawn, oldest first."""
    return sorted((folder / SHEETS).glob("*.webp"))
