"""Train in a process of its own, for a server: ``python -m core.training.worker FOLDER``, the folder of a ``TrainingRun``.

Commands come as lines on standard input: ``pause``, ``go``, ``give`` (let the performer have what is learnt so far), ``stop``.
What happens goes to standard output, a JSON object a line. When standard input ends, whoever started it is gone: it goes too,
and leaves the last checkpoint.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import IO, Final

import psutil

from core.errors import Cancelled, DanceError
from core.services.training_runs import CHECKPOINT, TrainingRun, read_record

logger = logging.getLogger(__name__)

ROUND_FRAMES: Final = 400
"""About twenty seconds of two cores: what a killed run loses at most."""

_NICE: Final = 10
_UNEXPECTED: Final = (
    "Something went wrong on our side while training: the log says what. What was learnt before is kept."
)
_DIVERGED: Final = (
    "After {:.1f} minutes the loss was no number any more, so the training was ended: what was best before is kept."
)


class _Commands:
    """What the server wants, read as it comes."""

    def __init__(self, source: IO[str]) -> None:
        self._source = source
        self._changed = threading.Condition()
        self._paused = self._stopped = self._gone = self._give = False
        threading.Thread(target=self._read, name="commands", daemon=True).start()

    def _read(self) -> None:
        for line in self._source:
            with self._changed:
                match line.strip():
                    case "pause":
                        self._paused = True
                    case "go":
                        self._paused = False
                    case "give":
                        self._give = True
                    case "stop":
                        self._stopped, self._paused = True, False
                self._changed.notify_all()
        with self._changed:
            self._gone, self._paused = True, False
            self._changed.notify_all()

    @property
    def stopped(self) -> bool:
        return self._stopped

    def attend(self, give: Callable[[], None], told: Callable[[str], None]) -> None:
        """Do what is wanted, and wait while it is a pause.

        Raises:
            Cancelled: the server is gone.
        """
        resting = False
        while True:
            with self._changed:
                if self._gone:
                    raise Cancelled("The server is gone.")
                wanted, self._give = self._give, False
                if not wanted and self._rests():
                    if not resting:
                        told("paused")
                    resting = True
                    self._changed.wait()
                    continue
            if wanted:
                give()
                told("given")
                continue
            if resting:
                told("going")
            return

    def _rests(self) -> bool:
        return self._paused


def train_beside(record: TrainingRun, commands: _Commands, tell: Callable[..., None]) -> None:
    """Train what was ordered.

    Args:
        tell: takes a kind, and what to tell of it.
    """
    # read once, when torch is loaded: threads that spin while they wait make a busy machine ten times slower
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from core.targets.store import load_target
    from core.training.train import TrainingConfig, train
    from core.training.trainer import Row, TrainingBudget, TrainingProgress

    resume = (record.folder / CHECKPOINT).is_file()
    order = TrainingConfig(
        record.generator,
        record.split,
        length=TrainingBudget(minutes=record.minutes),
        device=record.device,
        resume=resume,
        round_frames=ROUND_FRAMES,
    )

    def preparing(share: float) -> None:
        tell("preparing", share=share)
        commands.attend(lambda: None, tell)

    def watch(moment: TrainingProgress, give: Callable[[], None]) -> None:
        tell("moment", **asdict(moment))
        commands.attend(give, tell)

    def progress(share: float, row: Row) -> None:
        tell("round", share=share, minutes=row.minutes, held_out=row.validation_l1, best=row.best)

    trained = train(
        load_target(record.target),
        order,
        preparing=preparing,
        progress=progress,
        watch=watch,
        given_at_once=lambda: tell("given"),
        stop=lambda: commands.stopped,
    )
    tell(
        "stopped" if commands.stopped else "done",
        minutes=trained.minutes,
        held_out=trained.held_out_l1,
        error=_DIVERGED.format(trained.minutes) if trained.diverged else None,
    )


def give_way() -> None:
    """Let the app go first, and whoever dances in it."""
    psutil.Process().nice(getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", _NICE))


def main() -> None:
    """See the module's docstring."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    # libraries write to standard output as they like
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1, encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def tell(kind: str, **of: object) -> None:
        out.write(json.dumps({"kind": kind, **of}) + "\n")

    give_way()
    record = read_record(Path(sys.argv[1]))
    if record is None:
        tell("failed", error="There is no training to begin: start it again.")
        return
    try:
        train_beside(record, _Commands(sys.stdin), tell)
    except BrokenPipeError:
        logger.info("nobody listens any more")
    except Cancelled as error:
        tell("stopped", error=str(error))
    except DanceError as error:
        tell("failed", error=str(error))
    except Exception:
        logger.exception("a training broke")
        tell("failed", error=_UNEXPECTED)


if __name__ == "__main__":
    main()
