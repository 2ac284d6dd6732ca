"""Background work: start it, watch it, stop it, come back to it. Knows nothing of videos or pages.

A job's id is a secret that nobody can guess: whoever holds it may watch the job, stop it and take its result, and nobody
else learns that it exists.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Generic, Literal, TypeVar

from core.errors import Cancelled, DanceError

logger = logging.getLogger(__name__)

State = Literal["waiting", "running", "done", "failed", "cancelled"]
Outcome = Literal["done", "failed", "crashed", "cancelled", "refused"]
"""How a job ended, for whoever runs the app: ``crashed`` failed by an error that nobody expected, ``refused`` never began."""

P = TypeVar("P")
R = TypeVar("R")

LONGEST_QUEUE: Final = 20
UNEXPECTED: Final = "Something went wrong on our side. Please try again; if it happens again, try another file."


class TooBusy(DanceError):
    """Too many jobs wait already."""


def log_name(secret: str) -> str:
    """Return the name under which a job stands in logs: always the same for the same id, which cannot be found from it."""
    return hashlib.sha256(secret.encode()).hexdigest()[:12]


def log_job(name: str, kind: str, outcome: str, seconds: float, reason: str | None = None, waited: float = 0.0) -> None:
    """Write the one line of a job that is over.

    Args:
        name: see :func:`log_name`.
        kind: of job, a word of ours.
        outcome: how it ended.
        seconds: how long it ran.
        reason: class of the error that ended it. Not its sentence, which speaks of files by their owner's names.
        waited: seconds in line.
    """
    fields = {"job": name, "kind": kind, "outcome": outcome, "seconds": round(seconds, 3), "waited": round(waited, 3)}
    logger.info(
        "job %(job)s (%(kind)s): %(outcome)s after %(seconds).1f s" + ("" if reason is None else ", %(reason)s"),
        fields if reason is None else {**fields, "reason": reason},
    )


@dataclass(frozen=True, slots=True)
class JobCounts:
    """What a queue does and did, in numbers.

    Attributes:
        waiting: jobs in line.
        running: jobs under way.
        ended: jobs that are over, by kind and outcome, since the start.
        seconds: how long those ran, by kind.
    """

    waiting: int
    running: int
    ended: Mapping[tuple[str, Outcome], int]
    seconds: Mapping[str, float]


class JobHandle(Generic[P]):
    """What the work itself sees of its job."""

    def __init__(self, job: Job[P, Any]) -> None:
        self._job = job

    def tell(self, progress: P) -> None:
        """Put up the newest progress in place of what was there; nobody need ever look at it."""
        self._job.progress = progress

    def show(self, preview: object) -> None:
        """Put up the newest preview in place of what was there."""
        self._job.preview = preview

    def cancelled(self) -> bool:
        """Whether the work should stop."""
        return self._job.cancel_asked


class Job(Generic[P, R]):
    """One piece of background work. Every field may be read from any thread at any time.

    Attributes:
        id: the secret that finds it again.
        kind: a word of ours for what it does, for logs and counts.
        about: whatever the caller wants to find with it.
        owner: whose result it will be, empty where it is nobody's.
        state: how far it is.
        progress: the newest word of the work, None before the first.
        preview: the newest preview, None before the first and after the end.
        result: what the work returned, None unless ``done``.
        error: the sentence to show when ``failed``.
        seconds: how long it ran, or has run so far.
    """

    def __init__(
        self,
        work: Callable[[JobHandle[P]], R],
        about: Any,
        release: Callable[[], None],
        owner: str,
        kind: str,
        note: Callable[[Job[Any, Any], Outcome, str | None], None],
    ) -> None:
        self.id: Final = secrets.token_urlsafe(16)
        self.kind: Final = kind
        self.about: Final = about
        self.owner: Final = owner
        self.state: State = "waiting"
        self.progress: P | None = None
        self.preview: Any = None
        self.result: R | None = None
        self.error: str | None = None
        self._work: Callable[[JobHandle[P]], R] | None = work
        self._release: Callable[[], None] | None = release
        self._cancel = threading.Event()
        self._over = threading.Event()
        self._note: Final = note
        self._submitted: Final = monotonic()
        self._started: float | None = None
        self._ended: float | None = None

    @property
    def cancel_asked(self) -> bool:
        """Whether somebody asked it to stop."""
        return self._cancel.is_set()

    @property
    def over(self) -> bool:
        """Done, failed or cancelled."""
        return self._over.is_set()

    @property
    def seconds(self) -> float:
        """Seconds of running."""
        if self._started is None:
            return 0.0
        return (self._ended or monotonic()) - self._started

    @property
    def waited(self) -> float:
        """Seconds that it waited, or has waited so far, until it ran or was over."""
        return (self._started or self._ended or monotonic()) - self._submitted

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is over; False when that took longer than ``timeout`` seconds."""
        return self._over.wait(timeout)

    def _run(self) -> None:
        work, self._work = self._work, None
        if work is None:
            return
        try:
            result = work(JobHandle(self))
        except Cancelled:
            self._end("cancelled")
        except DanceError as error:
            self._end("failed", error=str(error), reason=error)
        except BaseException as error:  # the thread must live on for the next job
            logger.exception("job failed unexpectedly")
            self._end("failed", error=UNEXPECTED, reason=error)
        else:
            if self.cancel_asked:
                self._end("cancelled")
            else:
                self._end("done", result=result)

    def _end(
        self,
        state: Literal["done", "failed", "cancelled"],
        *,
        result: R | None = None,
        error: str | None = None,
        reason: BaseException | None = None,
    ) -> None:
        self.result, self.error, self.preview = result, error, None
        self._ended = monotonic()
        self.state = state
        crashed = reason is not None and not isinstance(reason, DanceError)
        self._note(self, "crashed" if crashed else state, None if reason is None else type(reason).__name__)
        if state != "done":
            self._let_go()
        self._over.set()

    def _forget(self) -> None:
        self.result = None
        self._let_go()

    def _let_go(self) -> None:
        self._work = None
        release, self._release = self._release, None
        if release is None:
            return
        try:
            release()
        except Exception:
            logger.exception("a job's things could not be released")


class JobQueue:
    """Runs jobs, a bounded number side by side, the others in order of arrival.

    Args:
        workers: jobs that run at once.
        keep_seconds: how long a job can be found after its end.
        longest_queue: most jobs that wait.
    """

    def __init__(self, *, workers: int = 1, keep_seconds: float = 3600.0, longest_queue: int = LONGEST_QUEUE) -> None:
        self._keep_seconds = keep_seconds
        self._longest_queue = longest_queue
        self._jobs: OrderedDict[str, Job[Any, Any]] = OrderedDict()
        self._queue: deque[Job[Any, Any]] = deque()
        self._running: set[Job[Any, Any]] = set()
        self._ended: Counter[tuple[str, Outcome]] = Counter()
        self._seconds: dict[str, float] = {}
        self._noting = threading.Lock()
        self._closed = False
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._work, name=f"job worker {n + 1}", daemon=True) for n in range(workers)
        ]
        self._threads.append(threading.Thread(target=self._tidy, name="job janitor", daemon=True))
        for thread in self._threads:
            thread.start()

    def submit(
        self,
        work: Callable[[JobHandle[P]], R],
        *,
        about: Any = None,
        release: Callable[[], None] = lambda: None,
        owner: str = "",
        kind: str = "other",
    ) -> Job[P, R]:
        """Queue ``work``.

        Args:
            about: anything to keep with the job.
            owner: whose result it will be.
            kind: a word for what it does, for logs and counts; never a visitor's.
            release: called once: when the job is refused, fails or is cancelled, or when its result is forgotten.

        Raises:
            TooBusy: too many wait already, or the centre is closing.
        """
        job = Job(work, about, release, owner, kind, self._note)
        try:
            with self._changed:
                self._refuse_if_full()
                self._jobs[job.id] = job
                self._queue.append(job)
                self._changed.notify_all()
        except BaseException as error:
            job._let_go()
            self._note(job, "refused", type(error).__name__)
            raise
        return job

    def _refuse_if_full(self) -> None:
        if self._closed:
            raise TooBusy("The app is being stopped: start it again and try then.")
        if len(self._queue) >= self._longest_queue:
            raise TooBusy("Too many dances are waiting just now: please try again in a few minutes.")

    def find(self, job_id: str) -> Job[Any, Any] | None:
        """The job of that id; None when there never was one or its time is over."""
        with self._changed:
            return self._jobs.get(job_id)

    def results(self, owner: str | None = None) -> list[Job[Any, Any]]:
        """Jobs that are somebody's and have a result, the first to end first; of that owner, or of anybody."""
        with self._changed:
            done = [job for job in self._jobs.values() if job.over and job.result is not None and job.owner]
        return sorted((job for job in done if owner in {None, job.owner}), key=lambda job: job._ended or 0.0)

    def forget(self, job: Job[Any, Any]) -> None:
        """Forget a job before its time, with its result. One that is not over stays as it is."""
        with self._changed:
            if not job.over or self._jobs.pop(job.id, None) is None:
                return
        job._forget()

    def place(self, job: Job[Any, Any]) -> int:
        """How many jobs run or wait before this one can start; 0 once it has."""
        return len(self.ahead(job))

    def ahead(self, job: Job[Any, Any]) -> list[Job[Any, Any]]:
        """The jobs that run or wait before this one can start, those that run first; none once it has."""
        with self._changed:
            if job not in self._queue:
                return []
            workers, place = len(self._threads) - 1, self._queue.index(job)
            before = [*self._running, *list(self._queue)[:place]]
            return before[max(0, workers - 1) :] if len(before) >= workers else []

    def counts(self) -> JobCounts:
        """How many jobs wait, run and are over."""
        with self._changed:
            waiting, running = len(self._queue), len(self._running)
        with self._noting:
            return JobCounts(waiting, running, dict(self._ended), dict(self._seconds))

    def _note(self, job: Job[Any, Any], outcome: Outcome, reason: str | None) -> None:
        """Count a job that is over, and write its line in the log."""
        with self._noting:
            self._ended[job.kind, outcome] += 1
            self._seconds[job.kind] = self._seconds.get(job.kind, 0.0) + job.seconds
        log_job(log_name(job.id), job.kind, outcome, job.seconds, reason, job.waited)

    @property
    def busy(self) -> bool:
        """Whether anything runs or waits."""
        with self._changed:
            return bool(self._queue or self._running)

    def cancel(self, job: Job[Any, Any]) -> None:
        """Stop a job, waiting or running. A running one ends when its work next asks; one that is over stays as it is."""
        with self._changed:
            if job.over:
                return
            job._cancel.set()
            waiting = job in self._queue
            if waiting:
                self._queue.remove(job)
        if waiting:
            job._end("cancelled")
            with self._changed:
                self._changed.notify_all()

    def close(self, timeout: float = 5.0) -> None:
        """Stop everything, wait up to ``timeout`` seconds for what runs, and let go of every result."""
        with self._changed:
            self._closed = True
            for job in list(self._jobs.values()):
                job._cancel.set()
            waiting, self._queue = list(self._queue), deque()
            self._changed.notify_all()
        for job in waiting:
            job._end("cancelled")
        deadline = monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        with self._changed:
            jobs, self._jobs = list(self._jobs.values()), OrderedDict()
        for job in jobs:
            if job.over:
                job._let_go()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job._run()
            with self._changed:
                self._running.discard(job)
                self._changed.notify_all()

    def _next(self) -> Job[Any, Any] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._queue)
            if self._closed:
                return None
            job = self._queue.popleft()
            self._running.add(job)
            # together with leaving the queue, so that a cancel meets it either waiting or running
            job._started = monotonic()
            job.state = "running"
            return job

    def _tidy(self) -> None:
        """Forget jobs whose time is over, and sleep until the next one's is."""
        while True:
            with self._changed:
                if self._closed:
                    return
                expired = [job for job in self._jobs.values() if self._time_left(job) <= 0]
                for job in expired:
                    del self._jobs[job.id]
                if not expired:
                    left = [self._time_left(job) for job in self._jobs.values() if job._ended is not None]
                    self._changed.wait(min(left, default=None))
            for job in expired:
                job._forget()

    def _time_left(self, job: Job[Any, Any]) -> float:
        """Seconds until it is forgotten."""
        return self._keep_seconds if job._ended is None else job._ended + self._keep_seconds - monotonic()
