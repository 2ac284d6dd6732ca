"""Training beside the app: one run at a time in a process of its own, the others in line; all of them survive the server.

A process, not a thread: it can be slowed down for the sake of whoever dances meanwhile, gives its memory back when it ends, and
cannot take the server down with it. Torch is never imported here.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import threading
from collections import deque
from dataclasses import dataclass, field, replace
from time import time
from typing import Any, Final, Literal

from core import paths
from core.errors import DanceError, UnusableInput
from core.services.job_queue import log_job, log_name
from core.services.training_runs import (
    BEING_TRAINED,
    CHECKPOINT,
    LONGEST_MINUTES,
    UNFINISHED,
    RunState,
    TrainingRun,
    is_claimed,
    list_records,
    owned_by_other_process,
    read_record,
    runs_root,
)
from core.utils.closeable import Closeable
from core.utils.processes import this_process

logger = logging.getLogger(__name__)

LOG: Final = "log.txt"
DIED: Final = (
    "The training ended without a word, as when memory runs out. Go on where it was, or train something smaller."
)
STOP_SECONDS: Final = 20.0
"""How long a training may take to end when the app does."""

_KEPT_MOMENTS: Final = 2400
_WORKER: Final = "core.training.worker"

Phase = Literal["starting", "preparing", "training", "paused", "ending"]


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How far a training is that is under way.

    Attributes:
        phase: what it does.
        share: of the preparing, or of the training, 0 to 1.
        minutes: trained so far.
        frames_per_second: learnt from, at last.
        held_out: error over held-out frames, at last.
        given: how often the performer was given what is learnt so far.
        losses: (minutes, loss), the newest last.
    """

    phase: Phase = "starting"
    share: float = 0.0
    minutes: float = 0.0
    frames_per_second: float = 0.0
    held_out: float | None = None
    given: int = 0
    losses: tuple[tuple[float, float], ...] = ()


@dataclass(slots=True)
class _Run:
    """A run of this server."""

    record: TrainingRun
    standing: RunStatus = field(default_factory=RunStatus)
    process: subprocess.Popen[str] | None = None
    losses: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_KEPT_MOMENTS))
    stop: bool = False


class TrainingService(Closeable):
    """The trainings of one installation. Any thread may ask; nothing waits but ``close``."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._closed = False
        self._line: deque[str] = deque()
        self._runs: dict[str, _Run] = {}
        for record in list_records():
            if owned_by_other_process(record):
                continue
            self._runs[record.id] = run = _Run(record)
            if record.state in UNFINISHED:
                self._settle(run, "interrupted")
        self._thread = threading.Thread(target=self._work, name="studio", daemon=True)
        self._thread.start()

    # ---- what a person wants

    def start(self, record: TrainingRun) -> str:
        """Train that, as soon as nothing else is trained; the id of the run.

        What an earlier run of the same generator left is trained anew, unless it was interrupted or stopped (``resume``).

        Raises:
            UnusableInput: it is under way already.
            OutputFailed: it cannot be kept.
        """
        with self._changed:
            self._refuse(record.id)
            (record.folder / CHECKPOINT).unlink(missing_ok=True)
            self._queue(
                record.model_copy(update={"state": "waiting", "error": None, "trained": 0.0, "created": time()})
            )
        return record.id

    def resume(self, run_id: str, more_minutes: float = 0.0) -> None:
        """Go on where it was, and for longer than was ordered where so wished.

        Raises:
            UnusableInput: it is under way already, or there is none.
            OutputFailed: it cannot be kept.
        """
        with self._changed:
            self._refuse(run_id)
            record = self._known(run_id).record
            minutes = min(max(record.minutes, record.trained) + more_minutes, LONGEST_MINUTES)
            self._queue(record.model_copy(update={"state": "waiting", "error": None, "minutes": minutes}))

    def pause(self, run_id: str) -> None:
        """Let it rest; it keeps its place and its memory."""
        self._say(run_id, "pause")

    def go_on(self, run_id: str) -> None:
        """End a pause."""
        self._say(run_id, "go")

    def give(self, run_id: str) -> None:
        """Let the performer have what is learnt so far, while training goes on."""
        self._say(run_id, "give")

    def stop(self, run_id: str) -> None:
        """End it; the performer gets what was best. One that waits leaves the line."""
        with self._changed:
            run = self._runs.get(run_id)
            if run is None or run.record.state not in UNFINISHED:
                return
            run.stop = True
            if run_id in self._line:
                self._line.remove(run_id)
                self._settle(run, "stopped")
        self._say(run_id, "stop")

    def forget(self, run_id: str) -> None:
        """Delete a run that is over, its curves and pictures with it. What the performer was given stays.

        Raises:
            UnusableInput: it is under way.
        """
        with self._changed:
            self._refuse(run_id)
            run = self._runs.pop(run_id, None)
        if run is not None:
            shutil.rmtree(run.record.folder, ignore_errors=True)

    def forget_target(self, target: str) -> None:
        """The same for all runs of a performer.

        Raises:
            UnusableInput: one is under way.
        """
        for record in self.records():
            if record.target == target:
                self.forget(record.id)

    # ---- what can be seen

    def records(self) -> list[TrainingRun]:
        """All runs, newest first."""
        with self._changed:
            return sorted((run.record for run in self._runs.values()), key=lambda record: -record.created)

    def find(self, run_id: str) -> TrainingRun | None:
        """The run of that id; None where there is none."""
        with self._changed:
            run = self._runs.get(run_id)
            return None if run is None else run.record

    def standing(self, run_id: str) -> RunStatus | None:
        """How far it is; None where it is not under way."""
        with self._changed:
            run = self._runs.get(run_id)
            if run is None or run.record.state != "training":
                return None
            return replace(run.standing, losses=tuple(run.losses))

    @property
    def busy(self) -> bool:
        """Whether anything is trained just now."""
        with self._changed:
            return any(run.record.state == "training" for run in self._runs.values())

    def place(self, run_id: str) -> int:
        """How many trainings come before it; 0 once it is under way."""
        with self._changed:
            if run_id not in self._line:
                return 0
            return self._line.index(run_id) + self.busy

    def close(self) -> None:
        """End the training; it is interrupted, and can go on when the app runs again."""
        with self._changed:
            self._closed = True
            self._line.clear()
            running = [run.process for run in self._runs.values() if run.process is not None]
            self._changed.notify_all()
        for process in running:
            _hang_up(process)
        self._thread.join(STOP_SECONDS)
        for process in running:
            if process.poll() is None:
                process.kill()
        for run in self._runs.values():
            if run.record.state in UNFINISHED:
                self._settle(run, "interrupted")

    # ---- inside

    def _known(self, run_id: str) -> _Run:
        run = self._runs.get(run_id)
        if run is None:
            raise UnusableInput("That training is no longer here: start a new one.")
        return run

    def _refuse(self, run_id: str) -> None:
        run = self._runs.get(run_id)
        if run is not None and run.record.state in UNFINISHED:
            raise UnusableInput("This is being trained already: look at it below, or stop it first.")
        kept = read_record(runs_root() / run_id)
        if kept is not None and owned_by_other_process(kept):
            raise UnusableInput("Another app that runs on this computer is training this just now: look there.")
        if is_claimed(run_id):
            raise UnusableInput(BEING_TRAINED)

    def _queue(self, record: TrainingRun) -> None:
        if self._closed:
            raise DanceError("The app is being stopped: start it again and try then.")
        record = record.model_copy(update={"keeper": this_process()})
        record.save()
        # what is resumed has been trained for a while: nobody is shown that it begins at 0 again
        self._runs[record.id] = _Run(record, RunStatus(minutes=record.trained))
        self._line.append(record.id)
        self._changed.notify_all()

    def _say(self, run_id: str, command: str) -> None:
        with self._changed:
            run = self._runs.get(run_id)
            process = None if run is None else run.process
        if process is None or process.stdin is None:
            return
        try:
            process.stdin.write(f"{command}\n")
            process.stdin.flush()
        except (OSError, ValueError):
            logger.info("%s has ended and takes no '%s' any more", run_id, command)

    def _work(self) -> None:
        while (run := self._next()) is not None:
            try:
                self._train(run)
            except DanceError as error:
                self._settle(run, "failed", str(error))
            except Exception:
                logger.exception("%s could not be trained", run.record.id)
                self._settle(run, "failed", "Something went wrong on our side: the log says what.")

    def _next(self) -> _Run | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._line)
            if self._closed:
                return None
            run = self._runs[self._line.popleft()]
            run.record = run.record.model_copy(update={"state": "training"})
        return run

    def _train(self, run: _Run) -> None:
        run.record.save()
        folder = run.record.folder
        with (folder / LOG).open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", _WORKER, str(folder)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=paths.PROJECT, text=True, encoding="utf-8",
            )  # fmt: skip
        with process:
            with self._changed:
                run.process = process
                closed, stop = self._closed, run.stop
            if closed:
                _hang_up(process)
            elif stop:
                self._say(run.record.id, "stop")
            last = self._listen(run, process)
        with self._changed:
            run.process = None
        if last is None:
            self._settle(run, "interrupted", None if self._closed else DIED)
        elif last["kind"] == "stopped" and not run.stop:
            self._settle(run, "interrupted")
        else:
            self._settle(run, last["kind"], last.get("error"), last.get("minutes"))

    def _listen(self, run: _Run, process: subprocess.Popen[str]) -> dict[str, Any] | None:
        """Take in what it tells until it ends; its last word, None where it ended without one."""
        last: dict[str, Any] | None = None
        for line in process.stdout or ():
            try:
                told: dict[str, Any] = json.loads(line)
            except ValueError:
                continue
            if told.get("kind") in {"done", "stopped", "failed"}:
                last = told
            else:
                self._take_in(run, told)
        return last

    def _take_in(self, run: _Run, told: dict[str, Any]) -> None:
        now = run.standing
        match told.get("kind"):
            case "preparing":
                now = replace(now, phase="preparing", share=told["share"])
            case "moment":
                run.losses.append((told["minutes"], told["loss"]))
                now = replace(
                    now, phase="ending" if run.stop else "training", share=told["share"], minutes=told["minutes"],
                    frames_per_second=told["frames_per_second"],
                )  # fmt: skip
            case "round":
                now = replace(
                    now, share=told["share"], minutes=told["minutes"], held_out=told["held_out"] or now.held_out
                )
                run.record = run.record.model_copy(update={"trained": told["minutes"]})
                run.record.save()
            case "paused":
                now = replace(now, phase="paused")
            case "going":
                now = replace(now, phase="training")
            case "given":
                now = replace(now, given=now.given + 1)
        with self._changed:
            run.standing = now

    def _settle(self, run: _Run, state: RunState, error: str | None = None, minutes: float | None = None) -> None:
        so_far = run.record.trained if minutes is None else minutes
        run.record = run.record.model_copy(update={"state": state, "error": error, "trained": so_far})
        # the run's id has the performer's name in it
        log_job(log_name(run.record.id), "training", state, so_far * 60)
        try:
            run.record.save()
        except DanceError:
            logger.exception("how %s ended could not be kept", run.record.id)


def _hang_up(process: subprocess.Popen[str]) -> None:
    """Let it know that nobody is there any more."""
    try:
        if process.stdin is not None:
            process.stdin.close()
    except OSError:
        logger.debug("a training was gone already")
