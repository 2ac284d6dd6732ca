"""One comparison as background jobs: first the grid of all generators, then how good each of them is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from core.bundled.answers import find_answer
from core.errors import DanceError
from core.services.file_store import FileLease, StoredFile
from core.services.job_queue import Job, JobHandle
from core.ui.app_services import AppServices
from core.ui.dance_job import JobRequest, ProgressPublisher, at_work, hold, share_done
from core.ui.images import jpeg
from core.ui.video_info import page_budget
from core.utils.memory_budget import CachedItem

if TYPE_CHECKING:
    from core.evaluation.grid import Comparison
    from core.evaluation.measure import Measured
    from core.transfer import Progress, SourceAnalysis
    from core.types import Frame
    from core.video.audio import AudioTrack

_POSTER_SIDE: Final = 320


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareRequest(JobRequest):
    """What a visitor asked for."""

    generators: tuple[str, ...]

    @property
    def known(self) -> Path | None:
        """The right answer, where there is one; of a part of the dance there is none, see ``whole``."""
        return None if self.upload is not None or not self.whole else find_answer(self.performer, self.dance)

    @property
    def whole(self) -> bool:
        """Whether all of the dance is compared. Where a part of it stands on the stage, the whole dance decides."""
        return self.start == 0 and self.end is None

    def share(self, progress: Progress) -> float:
        """How much of the whole is done, 0 to 1."""
        return share_done(progress, again=self.again, watching=3 / (3 + len(self.generators)))


@dataclass
class CompareResult:
    """What came of it: the grid, a small JPEG of its middle, and the id of the job that measures it, where one could be begun."""

    comparison: Comparison
    seen: CachedItem[SourceAnalysis]
    sound: AudioTrack | None
    video: Path
    poster: bytes
    measuring: str | None = None


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured so far, and the video of each generator alone."""

    measured: tuple[Measured, ...] = ()
    videos: dict[str, Path] = field(default_factory=dict)


CompareJob: TypeAlias = "Job[Progress, CompareResult]"
MeasureJob: TypeAlias = "Job[tuple[float, Measures], Measures]"
"""Its progress is the share that is done, and what is known by then."""


def start_comparing(
    app_services: AppServices, request: CompareRequest, seen: SourceAnalysis | None = None
) -> CompareJob:
    """Queue a comparison; it is measured as soon as it is made.

    Raises:
        TooBusy: too many wait.
        OverLimit: there is no room for the result.
        UnusableInput: an upload is no longer there.
    """
    request = replace(request, again=seen is not None)
    app_services.make_way(request.owner)
    with contextlib.ExitStack() as holding:
        guest = hold(holding, request.guest, request.upload)
        output = app_services.files.new_file(request.title, ".mp4", owner=request.owner)
        holding.callback(output.release)
        work = _compare(app_services, request, seen, output, guest)
        release = holding.pop_all().close
    return app_services.jobs.submit(work, about=request, release=release, owner=request.owner, kind="compare")


def start_measuring(app_services: AppServices, request: CompareRequest, compared: CompareResult) -> None:
    """Queue the measuring of a comparison, of which ``compared`` then knows.

    Raises:
        TooBusy: too many wait.
        OverLimit: there is no room for the single videos.
        UnusableInput: an upload or a visitor's performer is no longer there.
    """
    with contextlib.ExitStack() as holding:
        guest = hold(holding, request.guest, request.upload)
        outputs: dict[str, StoredFile] = {}
        for part in compared.comparison.parts:
            output = app_services.files.new_file(part.title, ".mp4", owner=request.owner)
            holding.callback(output.release)
            outputs[part.name] = output.stored
        work = _measure(app_services, request, compared, outputs, guest)
        release = holding.pop_all().close
    compared.measuring = app_services.jobs.submit(work, release=release, owner=request.owner, kind="measure").id


def _compare(
    app_services: AppServices,
    request: CompareRequest,
    seen: SourceAnalysis | None,
    output: FileLease,
    guest: FileLease | None,
) -> Callable[[JobHandle[Progress]], CompareResult]:
    def work(handle: JobHandle[Progress]) -> CompareResult:
        from core.evaluation.grid import compare

        with contextlib.ExitStack() as working:
            at_work(working, guest, [output.stored], request.upload)
            opened = [app_services.performers.get(request.performer, name) for name in request.generators]
            comparison, looked = compare(
                request.video, opened[0][0], [generator for _, generator in opened], output.stored.path,
                person=request.person, start=request.start, end=request.end, budget=page_budget(request.rate),
                answer=request.known, seen=seen, progress=ProgressPublisher(handle), cancelled=handle.cancelled,
            )  # fmt: skip
            middle = grid_at(output.stored.path, comparison, len(comparison.moves.times) // 2)
            kept = app_services.memory.keep(looked, lambda seen: seen.held_bytes)
            compared = CompareResult(comparison, kept, looked.sound, output.stored.path, jpeg(middle, _POSTER_SIDE))
            if not handle.cancelled():
                # where the line is full it can be asked for later
                with contextlib.suppress(DanceError):
                    start_measuring(app_services, request, compared)
        return compared

    return work


def grid_at(video: Path, comparison: Comparison, frame: int) -> Frame:
    """The whole grid at that frame."""
    from core.video.reader import VideoReader

    with VideoReader(video, start=float(comparison.moves.times[frame])) as reader:
        return next(iter(reader)).image


def _measure(
    app_services: AppServices,
    request: CompareRequest,
    compared: CompareResult,
    outputs: dict[str, StoredFile],
    guest: FileLease | None,
) -> Callable[[JobHandle[tuple[float, Measures]]], Measures]:
    comparison = compared.comparison
    videos = {name: output.path for name, output in outputs.items()}

    def work(handle: JobHandle[tuple[float, Measures]]) -> Measures:
        from core.evaluation.evaluate import footage_sharpness
        from core.evaluation.measure import measure
        from core.video.probe import probe

        done = Measures()
        with contextlib.ExitStack() as working:
            at_work(working, guest, outputs.values(), request.upload)
            target, _ = app_services.performers.get(request.performer, request.generators[0])
            footage = None if comparison.answer is not None else footage_sharpness(target)
            rate = probe(compared.video).rate
            for place, part in enumerate(comparison.parts):

                def tell(share: float, place: int = place, known: Measures = done) -> None:
                    handle.tell(((place + share) / len(comparison.parts), known))

                measured = measure(
                    target, app_services.performers.get(request.performer, part.name)[1], part, comparison.moves,
                    videos[part.name], rate=rate, sound=compared.sound, answer=comparison.answer,
                    stretch=(request.start, request.end), footage=footage, progress=tell, cancelled=handle.cancelled,
                )  # fmt: skip
                done = Measures((*done.measured, measured), {**done.videos, part.name: videos[part.name]})
        return done

    return work
