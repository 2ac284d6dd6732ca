"""One dance as a background job: what was asked, the work itself, what came of it."""

from __future__ import annotations

import contextlib
import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias

from core.services.file_store import FileLease, StoredFile
from core.services.job_queue import Job, JobHandle
from core.ui.app_services import AppServices
from core.ui.images import jpeg
from core.ui.text import WITHIN
from core.ui.video_info import page_budget
from core.utils.memory_budget import CachedItem
from core.video.formats import MP4, OutputFormat

if TYPE_CHECKING:
    from core.pose.person_selection import Person
    from core.rendering.compositing import Layout
    from core.rendering.reframing import Shape
    from core.targets.store import Target
    from core.transfer import Progress, Report, SourceAnalysis
    from core.types import Frame

_POSTER_SIDE = 320
_SETTLING_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRequest:
    """Who shall dance what: what a dance and a comparison have in common.

    ``dance`` and ``title`` name the source; ``upload`` is set where it is the visitor's own. ``start`` and ``end`` are seconds.
    ``guest`` is set where the visitor brought the performer, who is held until the work is over. ``owner`` is whose result it is,
    and ``browser`` the secret of the browser that asked for it.
    ``rate`` is how many pictures a second are made at most, None for the usual.
    ``frames`` is about how many pictures that stretch has.
    ``again`` when that stretch was watched before, which saves three quarters of a dance's time.
    """

    dance: str
    title: str
    video: Path
    performer: str
    performer_name: str
    person: Person = "largest"
    start: float = 0.0
    end: float | None = None
    rate: float | None = None
    upload: StoredFile | None = None
    guest: StoredFile | None = None
    owner: str = ""
    browser: str = field(default="", repr=False)
    frames: float = 0.0
    again: bool = False

    @property
    def watched(self) -> tuple[Path, float, float | None, float | None, Person]:
        """Which stretch of which video, and who in it: what two requests have in common needs to be watched only once."""
        return self.video, self.start, self.end, self.rate, self.person

    @property
    def words(self) -> str:
        """For people."""
        return f"{self.performer_name} in “{self.title}”"

    def file_name(self, suffix: str, what: str = "") -> str:
        """What a file of the result is called when it is downloaded; ``what`` says which."""
        dancer = self.performer if self.guest is None else self.performer_name
        danced = self.dance if self.upload is None else Path(self.title).stem
        words = re.sub(r"[^a-z0-9]+", "-", f"{dancer} {danced} {what}".lower()).strip("-")
        return f"{words or 'dance'}{suffix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DanceRequest(JobRequest):
    """What a visitor asked for.

    ``background`` is ``stage``, ``studio``, ``green``, ``transparent``, a colour as ``#rrggbb``, or ``picture``, which then is
    ``backdrop``. ``shape`` frames the performer anew, and ``label`` says in a corner that it is generated.
    """

    generator: str
    layout: Layout = "result"
    background: str = "stage"
    backdrop: StoredFile | None = None
    format: OutputFormat = MP4
    shape: Shape | None = None
    label: bool | None = None

    def share(self, progress: Progress) -> float:
        """How much of the whole is done, 0 to 1."""
        return share_done(progress, again=self.again)


@dataclass(frozen=True, slots=True)
class TransferResult:
    """What came of it. ``poster`` is a small JPEG from its middle; ``seen`` is kept as long as there is room."""

    report: Report
    seen: CachedItem[SourceAnalysis]
    video: Path
    poster: bytes


DanceJob: TypeAlias = "Job[Progress, TransferResult]"


def start(app_services: AppServices, request: DanceRequest, seen: SourceAnalysis | None = None) -> DanceJob:
    """Queue a dance. ``seen`` is what an earlier one saw of the same person in the same stretch of the same source.

    Raises:
        TooBusy: too many wait.
        OverLimit: there is no room for the result.
        UnusableInput: an upload is no longer there.
    """
    request = replace(request, again=seen is not None)
    app_services.make_way(request.owner)
    with contextlib.ExitStack() as holding:
        guest = hold(holding, request.guest, request.upload, request.backdrop)
        output = app_services.files.new_file(request.title, request.format.suffix, owner=request.owner)
        holding.callback(output.release)
        work = _work(app_services, request, seen, output, guest)
        release = holding.pop_all().close
    return app_services.jobs.submit(work, about=request, release=release, owner=request.owner, kind="dance")


def hold(holding: contextlib.ExitStack, guest: StoredFile | None, *files: StoredFile | None) -> FileLease | None:
    """Hold what some work needs as long as its result; returns the claim on a visitor's performer, for :func:`at_work`.

    Raises:
        UnusableInput: something is no longer there.
    """
    for stored in files:
        if stored is not None:
            holding.callback(stored.hold().release)
    held = None if guest is None else guest.hold()
    if held is not None:
        holding.callback(held.release)
    return held


def at_work(
    working: contextlib.ExitStack, guest: FileLease | None, made: Iterable[StoredFile], *files: StoredFile | None
) -> None:
    """Until the work is over, its errors speak of files by their owner's names.

    Then what was made counts for as much room as it takes, and a visitor's performer is let go.
    """
    for output in made:
        working.enter_context(output.named())
        working.callback(output.settle)
    for stored in (*files, None if guest is None else guest.stored):
        if stored is not None:
            working.enter_context(stored.named())
    if guest is not None:
        # the result is kept for a while, the performer only until they have danced
        working.callback(guest.release)


def share_done(progress: Progress, *, again: bool, watching: float = 0.75) -> float:
    """How much of the whole is done, 0 to 1, where ``watching`` is the share of the first pass unless it is left out."""
    if not progress.total:
        return 0.0
    share = min(progress.done / progress.total, 1.0)
    if again:
        return share
    return watching * share if progress.phase == "looking" else watching + (1 - watching) * share


def _work(
    app_services: AppServices,
    request: DanceRequest,
    seen: SourceAnalysis | None,
    output: FileLease,
    guest: FileLease | None,
) -> Callable[[JobHandle[Progress]], TransferResult]:
    def work(handle: JobHandle[Progress]) -> TransferResult:
        from core.transfer import transfer

        with contextlib.ExitStack() as names:
            at_work(names, guest, [output.stored], request.upload, request.backdrop)
            target, generator = app_services.performers.get(request.performer, request.generator)
            poster = _Poster()
            report, looked = transfer(
                request.video, target, generator, output.stored.path, _options(request, target),
                seen=seen, progress=ProgressPublisher(handle, poster), cancelled=handle.cancelled,
            )  # fmt: skip
        if request.upload is not None:
            report = replace(report, warnings=[request.upload.shown(warning) for warning in report.warnings])
        app_services.speed.note(report, again=request.again)
        kept = app_services.memory.keep(looked, lambda seen: seen.held_bytes)
        return TransferResult(report, kept, output.stored.path, poster.coded(output.stored.path))

    return work


def _options(request: DanceRequest, target: Target) -> Any:
    from core.pipeline import background_for
    from core.transfer import TransferOptions

    text = request.background if request.backdrop is None else str(request.backdrop.path)
    return TransferOptions(
        person=request.person,
        layout=request.layout,
        background=background_for(target, text),
        start=request.start,
        end=request.end,
        budget=page_budget(request.rate),
        shape=request.shape,
        label=request.label,
    )


class _Poster:
    """Remembers the preview nearest to the middle of the dance."""

    def __init__(self) -> None:
        self._nearest = 1.0
        self._image: Frame | None = None

    def consider(self, progress: Progress) -> None:
        if progress.preview is None or progress.phase != "dancing" or not progress.total:
            return
        away = abs(progress.done / progress.total - 0.5)
        if away < self._nearest:
            self._nearest, self._image = away, progress.preview

    def coded(self, video: Path) -> bytes:
        from core.video.formats import PNG_ZIP
        from core.video.reader import VideoReader

        if self._image is None and video.suffix == PNG_ZIP.suffix:
            from core.video.sequence import first_picture

            self._image = first_picture(video)
        if self._image is None:
            # danced faster than previews are made
            with VideoReader(video) as reader:
                self._image = next(iter(reader)).image
        # the performer stands at the right of every layout
        return jpeg(self._image[:, -self._image.shape[0] :], _POSTER_SIDE)


class ProgressPublisher:
    """Passes on what a transfer tells, the preview apart so that it outlives words without one."""

    def __init__(self, handle: JobHandle[Progress], poster: _Poster | None = None) -> None:
        self._handle, self._poster = handle, poster
        self._left = Settling()

    def __call__(self, progress: Progress) -> None:
        """The newest word."""
        if self._poster is not None:
            self._poster.consider(progress)
        if progress.preview is not None:
            self._handle.show((progress.phase, progress.preview))
        # the last word is kept with the result, and a picture with it would be too
        left = self._left.settled(progress.seconds_left, monotonic())
        self._handle.tell(replace(progress, preview=None, seconds_left=left))


class Settling:
    """Keeps an estimate of the time that is left to itself until it is known to a third."""

    def __init__(self) -> None:
        self._ends: deque[tuple[float, float]] = deque()

    def settled(self, left: float | None, now: float) -> float | None:
        """``left``, in seconds, where what was estimated in the last seconds foretells the same end to a third of it."""
        if left is None:
            self._ends.clear()
            return None
        self._ends.append((now, now + left))
        while len(self._ends) > 1 and self._ends[1][0] <= now - _SETTLING_SECONDS:
            self._ends.popleft()
        if now - self._ends[0][0] < _SETTLING_SECONDS:
            return None
        ends = [end for _, end in self._ends]
        return left if max(ends) - min(ends) <= left * (WITHIN - 1) else None
