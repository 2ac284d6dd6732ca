"""What every visitor of one running app shares: job centre, live room, work folder, opened performers, measured speed."""

from __future__ import annotations

import atexit
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic, time
from typing import TYPE_CHECKING, BinaryIO, Protocol

import psutil
import streamlit as st

from core import __version__
from core.bundled import dances
from core.errors import Cancelled, DanceError
from core.live.stream_limiter import StreamLimiter
from core.services.file_store import MEGABYTE, FileLease, StorageLimits, Workspace, delete
from core.services.job_queue import JobQueue
from core.services.operator_status import OperatorStatus
from core.services.training_estimate import TrainingEstimator
from core.services.training_runs import UNFINISHED
from core.services.training_service import TrainingService
from core.settings import settings
from core.targets.store import find_guests_in
from core.utils.memory_budget import CachedItem, MemoryBudget, give_back_memory
from core.utils.memory_usage import tree_memory

if TYPE_CHECKING:
    from core.generators.base import Generator
    from core.targets.store import Target, TargetSummary
    from core.transfer import Report, SourceAnalysis

logger = logging.getLogger(__name__)

_MEASURED_SECONDS = 1.6
_MEASURES = 3
"""How many of the last dances tell how fast this computer is."""
_FINDING_BYTES = 150_000_000
"""What OpenVINO and the networks that find people take of the budget, with what a dance leaves behind in the allocator: they are
used for everything, and so always kept (benchmarks/pose.py, benchmarks/memory.py)."""
_LOOK_EVERY_SECONDS = 5.0
_REST_BYTES, _BUSY_BYTES = 4_000_000, 64_000_000
"""What the process grows by until freed memory is given back, at rest and while somebody dances."""
_RETRY_SECONDS = 3.0
_CLOSING_SECONDS = 5.0
"""How long what runs in the background may take to notice that the app ends."""


class PerformerCache:
    """Opened performers and their generators, shared by everybody; kept as long as the budget has room for them."""

    def __init__(self, memory: MemoryBudget) -> None:
        self._memory = memory
        self._open: dict[tuple[str, int], _Opened] = {}
        self._lock = threading.Lock()

    def get(self, performer: str, generator: str) -> tuple[Target, Generator]:
        """The performer and a generator made for them. Opened anew when the manifest was touched.

        Raises:
            TargetNotFound, PackInvalid, GeneratorNotFound, WeightsMissing: as the loaders do.
        """
        from core.generators.registry import create_generator
        from core.targets.store import load_target

        with self._lock:
            key = (performer, _stamp(performer))
            opened = self._open.get(key)
            target = None if opened is None else opened.target.get()
            if opened is None or target is None:
                target = load_target(performer)
                kept = self._memory.keep(target, lambda target: target.held_bytes)
                # generators outlive a performer who was let go of, as long as somebody uses them
                self._open[key] = opened = _Opened(kept, {} if opened is None else opened.generators)
            made = None if generator not in opened.generators else opened.generators[generator].get()
            if made is None:
                made = create_generator(generator, target)
                opened.generators[generator] = self._memory.keep(made, lambda made: made.held_bytes)
            self._tidy(key)
            return target, made

    def holds(self, performer: str, generator: str) -> bool:
        """Whether it is open."""
        with self._lock:
            opened = self._open.get((performer, _stamp(performer)))
            made = None if opened is None else opened.generators.get(generator)
            return made is not None and not made.gone

    def delete_performer(self, folder: Path) -> None:
        """Close what is open of the performer in ``folder``, and delete it; nobody opens it in between.

        Raises:
            OSError: it cannot be deleted.
        """
        with self._lock:
            for key in [key for key in self._open if key[0] == folder.name]:
                opened = self._open.pop(key)
                target = opened.target.get()
                opened.forget()
                if target is not None:
                    target.close()
            delete(folder)

    def _tidy(self, newest: tuple[str, int]) -> None:
        """Forget what was let go of, and earlier states of a performer whose manifest was touched."""
        for key, opened in list(self._open.items()):
            if key[0] == newest[0] and key != newest:
                opened.forget()
            opened.generators = {name: kept for name, kept in opened.generators.items() if not kept.gone}
            if not opened.generators and opened.target.gone:
                del self._open[key]


@dataclass
class _Opened:
    """A performer and what was opened to draw them."""

    target: CachedItem[Target]
    generators: dict[str, CachedItem[Generator]]

    def forget(self) -> None:
        """Let go of all of it."""
        self.target.forget()
        for generator in self.generators.values():
            generator.forget()


def _stamp(performer: str) -> int:
    from core.targets.manifest import MANIFEST
    from core.targets.store import find_place

    place = find_place(performer)
    return 0 if place is None else (place.folder / MANIFEST).stat().st_mtime_ns


class Speed:
    """Frames a second that this machine really made, of the last few dances."""

    def __init__(self) -> None:
        self._whole: deque[float] = deque(maxlen=_MEASURES)
        self._again: deque[float] = deque(maxlen=_MEASURES)

    @property
    def known(self) -> bool:
        """Whether as much was measured as is needed to say anything."""
        return len(self._whole) > 1

    def note(self, report: Report, *, again: bool) -> None:
        """Take in a finished dance; ``again`` when its source had been analysed before."""
        (self._again if again else self._whole).append(report.fps_steady)

    def seconds(self, frames: float, *, again: bool) -> tuple[float, float] | None:
        """How long that many frames will take, at least and at most; None until it was measured twice."""
        if not self.known:
            return None
        measured = list((again and self._again) or self._whole)
        return frames / max(measured), frames / min(measured)


class Visitor(Protocol):
    """Somebody who is here."""

    def in_view(self) -> set[str]:
        """Ids of the jobs that their pages show."""


class ActiveVisitors:
    """Who is here, and so which results are in use."""

    def __init__(self) -> None:
        self._here: dict[str, Visitor] = {}
        self._lock = threading.Lock()

    def come(self, owner: str, visitor: Visitor) -> None:
        """They are here. ``owner`` is what their files and jobs carry."""
        with self._lock:
            self._here[owner] = visitor

    @property
    def count(self) -> int:
        """How many are here."""
        with self._lock:
            return len(self._here)

    def leave(self, owner: str) -> None:
        """They are gone, or seem to be."""
        with self._lock:
            self._here.pop(owner, None)

    def in_view(self) -> set[str]:
        """Ids of the jobs that any of them looks at."""
        with self._lock:
            here = list(self._here.values())
        return set().union(*(visitor.in_view() for visitor in here))


@dataclass
class AppServices:
    """The shared things, made once for the process."""

    jobs: JobQueue
    files: Workspace
    live: StreamLimiter = field(default_factory=lambda: StreamLimiter(settings().live_at_once))
    visitors: ActiveVisitors = field(default_factory=ActiveVisitors)
    memory: MemoryBudget = field(default_factory=lambda: MemoryBudget(max(settings().memory_bytes - _FINDING_BYTES, 0)))
    performers: PerformerCache = field(init=False)
    speed: Speed = field(default_factory=Speed)
    training_service: TrainingService | None = None
    training_estimator: TrainingEstimator | None = None
    started: float = field(default_factory=time)
    _born: float = field(default_factory=monotonic)
    _warm: threading.Lock = field(default_factory=threading.Lock)
    _closed: threading.Event = field(default_factory=threading.Event)
    _warmed: set[tuple[str, str]] = field(default_factory=set)
    _warming: list[threading.Thread] = field(default_factory=list)
    _left: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.performers = PerformerCache(self.memory)
        threading.Thread(target=self._keep_small, name="memory", daemon=True).start()

    def warm_up(self) -> None:
        """Once, in the background: dance a second or so, so that the models are loaded and the speed is known."""
        if self._warm.acquire(blocking=False):
            self.in_background(self._measure, name="warm-up")

    def warm(self, performer: str, generator: str) -> None:
        """Once for each, in the background: load what a first picture would wait for, then what later ones would."""
        if (performer, generator) in self._warmed and self.performers.holds(performer, generator):
            return
        self._warmed.add((performer, generator))
        self.in_background(partial(self._load, performer, generator), name=f"warm-{generator}")

    @property
    def closing(self) -> threading.Event:
        """Set when the app ends."""
        return self._closed

    def in_background(self, work: Callable[[], None], name: str) -> None:
        """Do some work in a thread of its own, which has to end soon once the app is ``closing``."""
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._warming = [other for other in self._warming if other.is_alive()] + [thread]
        thread.start()

    def take_guest(self, upload: BinaryIO, name: str, size: int, *, owner: str = "") -> FileLease:
        """A visitor's own performer from their zip, under an id that nobody can guess.

        Raises:
            OverLimit: too many bytes, or no room for them.
            PackInvalid: damaged, unsafe, or no performer at all.
            OutputFailed: no room.
        """
        from core.targets.archive import import_pack

        most = settings().max_upload_mb * MEGABYTE
        pack = self.files.take(upload, name, size, most, owner=owner)
        try:
            guest = self.files.new_performer(name, self.delete_performer, owner=owner, size=size)
        except BaseException:
            pack.release()
            raise
        try:
            with pack.stored.named(), guest.stored.named():
                import_pack(
                    pack.stored.path, into=self.files.performers, target_id=guest.stored.path.name, most_bytes=most
                )
            guest.stored.settle()
        except BaseException:
            guest.release()
            raise
        finally:
            pack.release()
        return guest

    def make_way(self, owner: str) -> None:
        """Forget that owner's oldest results that they do not look at, so that another one is not one too many."""
        while len(self.jobs.results(owner)) >= settings().visit_results:
            if not forget_oldest(self.jobs, self.visitors, owner):
                return

    def delete_performer(self, folder: Path) -> None:
        """Forget a visitor's performer, and delete it.

        Raises:
            OSError: it cannot be deleted.
        """
        # a copy: other visitors' performers are warmed meanwhile
        self._warmed.difference_update([warm for warm in list(self._warmed) if warm[0] == folder.name])
        self.performers.delete_performer(folder)

    def somebody_left(self) -> None:
        """A visitor is gone, and what was theirs alone with them. Does not wait."""
        self._left.set()

    def _keep_small(self) -> None:
        """Now and then let go of what there is no room for, and give back what was freed. Runs in a thread of its own."""
        resting = psutil.Process().memory_info().rss
        while not self._closed.wait(_LOOK_EVERY_SECONDS):
            release = self.memory.settle()
            grown = psutil.Process().memory_info().rss - resting
            busy = self.jobs.busy or self.live.taken > 0
            # while pictures are made it would hold them up, so only where it is worth that
            if grown > (_BUSY_BYTES if busy else _REST_BYTES) or (not busy and (release or self._left.is_set())):
                self._left.clear()
                give_back_memory()
                resting = psutil.Process().memory_info().rss

    def _load(self, performer: str, generator: str) -> None:
        try:
            made = self.performers.get(performer, generator)[1]
            made.warm_up()
            made.prepare(self._may_prepare)
        except DanceError as error:
            # the dance itself will say it to the person who asks for one
            logger.info("%s of %s is not warm: %s", generator, performer, error)
        except Exception:
            logger.exception("%s of %s could not be warmed up", generator, performer)

    def _may_prepare(self) -> bool:
        """Wait until no visitor's job needs the processor; False once the app is closed."""
        while self.jobs.busy:
            if self._closed.wait(_RETRY_SECONDS):
                break
        return not self._closed.is_set()

    def _measure(self) -> None:
        try:
            while not (self.speed.known or self._closed.is_set()):
                try:
                    if not self._dance_a_little():
                        return
                except Cancelled:
                    # a visitor's dance goes first, and tells the speed as well
                    self._closed.wait(_RETRY_SECONDS)
        except DanceError as error:
            logger.warning("no speed measured: %s", error)
        except Exception:
            logger.exception("the warm-up failed")

    def _dance_a_little(self) -> bool:
        """Measure once; False where there is nothing to dance."""
        from core.generators.base import default_generator
        from core.targets.store import list_targets
        from core.transfer import TransferOptions, transfer

        sources, performers = dances.list_dances(), list_targets()
        if not sources or not performers:
            return False
        performer = default_performer(performers, sources[0].id)
        output = self.files.new_file("warm-up", ".mp4")
        options = TransferOptions(end=_MEASURED_SECONDS)
        try:
            target, generator = self.performers.get(performer.id, default_generator(performer.advised))
            seen: SourceAnalysis | None = None
            for again in (False, True):
                report, seen = transfer(
                    sources[0].video, target, generator, output.stored.path, options,
                    seen=seen, cancelled=lambda: self.jobs.busy or self._closed.is_set(),
                )  # fmt: skip
                self.speed.note(report, again=again)
            return True
        finally:
            output.release()

    def status(self) -> OperatorStatus:
        """How the app is just now, in numbers."""
        limits, trainings = settings(), self.training_service
        return OperatorStatus(
            version=__version__,
            hosted=limits.hosted,
            started=self.started,
            uptime=monotonic() - self._born,
            jobs=self.jobs.counts(),
            live_streams=self.live.taken,
            live_places=self.live.places,
            visitors=self.visitors.count,
            trainings=None if trainings is None else sum(run.state in UNFINISHED for run in trainings.records()),
            memory_bytes=round(tree_memory() * 1e6),
            disk_bytes=self.files.used(),
            disk_limit_bytes=limits.disk_bytes,
        )

    def close(self) -> None:
        """Stop all work and delete all files."""
        self._closed.set()
        if self.training_estimator is not None:
            self.training_estimator.close()
        if self.training_service is not None:
            self.training_service.close()
        self.live.close()
        self.jobs.close()
        # cut off in the middle of native code, a thread takes the whole process with it
        deadline = monotonic() + _CLOSING_SECONDS
        for thread in self._warming:
            thread.join(max(0.0, deadline - monotonic()))
        find_guests_in(None)
        self.files.close()


@st.cache_resource(show_spinner=False, on_release=lambda made: made.close())
def app_services() -> AppServices:
    """The one of this process.

    Raises:
        DanceError: a setting or the work folder cannot be used.
    """
    limits = settings()
    jobs, visitors = JobQueue(workers=limits.jobs_at_once, keep_seconds=limits.result_minutes * 60), ActiveVisitors()

    def free(owner: str | None) -> bool:
        return forget_oldest(jobs, visitors, owner)

    files = Workspace(room=StorageLimits(limits.disk_bytes, limits.visit_disk_bytes, free))
    made = AppServices(jobs, files, visitors=visitors)
    # somebody of a photo is a guest wherever the app runs
    find_guests_in(made.files.performers)
    if not limits.hosted:
        made.training_service, made.training_estimator = TrainingService(), TrainingEstimator()
    atexit.register(made.close)
    return made


def forget_oldest(jobs: JobQueue, visitors: ActiveVisitors, owner: str | None) -> bool:
    """Forget the oldest result that nobody looks at, of that owner or of anybody; False where there is none."""
    in_view = visitors.in_view()
    for job in jobs.results(owner):
        if job.id not in in_view:
            logger.info("a result is forgotten before its time, to make room")
            jobs.forget(job)
            return True
    return False


def default_performer(performers: list[TargetSummary], dance: str) -> TargetSummary:
    """The first who is not the dancer of that dance: a performer doing their own dance is no transfer."""
    return next((p for p in performers if not dance.startswith(f"{p.id}-")), performers[0])
