"""A whole video through the pipeline: progress, cancel, report. Every file surface calls ``transfer``, or ``produce`` with a
show of its own.

Two passes. The first looks at every frame; the second makes and encodes every frame by a plan that knows the whole dance.
Decoding, generation and encoding run in threads beside each other, and two pictures are made at once, each by one thread; the
libraries that do the work let go of the interpreter meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Generator as PythonGenerator
from contextlib import closing
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from core.errors import Cancelled, UnusableInput
from core.generators.base import Generator
from core.pipeline import DancePipeline, RetargetedMotion, TransferPlan
from core.pose.known_views import share_beyond
from core.pose.motion_export import check_motion_name, write_motion
from core.pose.person_selection import Person
from core.pose.skeleton import JOINTS, WRISTS
from core.pose.video_analysis import Analysis, FrameDetections, look
from core.rendering.compositing import Background, Layout, layout_size, over_grey
from core.rendering.reframing import Reframer, Shape, frame_performer
from core.settings import PoseEngine, settings
from core.targets.store import Target
from core.types import LANDMARKS, Frame, Pose, VideoFrame
from core.utils.parsing import check_number
from core.utils.prefetch import PICTURES_AT_ONCE, BackgroundConsumer, prefetch, side_by_side
from core.video.audio import AudioTrack
from core.video.formats import check_transparency, format_of
from core.video.probe import VideoInfo
from core.video.provenance import Provenance, SourceType
from core.video.reader import Budget, VideoReader
from core.video.still import check_still_name, write_still
from core.video.writing import usable_result, writer_for

_PREVIEW_EVERY = 0.25
_POSE_BYTES = LANDMARKS * 4 * 4 + 250
_FRAME_BYTES = 450
_WARM_UP = 20
_RATE_WINDOW = 2.0
_MOST_SECONDS = 1e6
_SAME_PACE = Fraction(1, 4)
_SLOWEST = Fraction(1, 10)
_WORTH_A_WORD = 0.05

Phase = Literal["looking", "dancing"]
_Made: TypeAlias = PythonGenerator[tuple[Fraction, Frame, dict[str, float]], None, None]


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """What to make of a source. ``start`` and ``end`` are seconds of the source; no more is made than the budget allows.

    ``shape`` frames the performer anew, None keeps their whole picture. ``label`` says whether the pictures say that they are
    generated, None leaves it to the installation. ``poster`` and ``motion`` are files to write besides: the most striking
    picture (JPEG or PNG), and what the dancer does (:mod:`core.pose.motion_export`).
    """

    person: Person = "largest"
    layout: Layout = "result"
    background: Background = field(default_factory=Background)
    start: float = 0.0
    end: float | None = None
    budget: Budget = field(default_factory=Budget)
    shape: Shape | None = None
    label: bool | None = None
    poster: Path | None = None
    motion: Path | None = None

    def check(self) -> None:
        """Refuse before the work what cannot be made.

        Raises:
            UnusableInput: a sentence on what.
        """
        if self.shape is not None and self.layout != "result":
            raise UnusableInput("Only the performer alone can be framed anew: leave the layout at result.")
        if self.poster is not None:
            check_still_name(self.poster)
        if self.motion is not None:
            check_motion_name(self.motion)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class SourceAnalysis:
    """What the first pass found in one stretch of a source: one person in every frame, and the sound that belongs to it.

    ``until`` is when the stretch ends, in seconds from the first frame; None where the source ended before.
    """

    analysis: Analysis
    sound: AudioTrack | None
    warnings: list[str]
    until: Fraction | None = None

    @property
    def held_bytes(self) -> int:
        """About how much memory it takes."""
        people = sum(pose is not None for pose in self.analysis.poses)
        return people * _POSE_BYTES + len(self.analysis.times) * _FRAME_BYTES


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a transfer is.

    ``done`` of ``total`` frames of this phase (``total`` is None when the file does not say), ``fps`` of the last seconds,
    ``seconds_left`` for all of it. ``preview`` is the newest frame; while ``phase`` is ``looking`` it was made the live way,
    without knowing the future, and may differ from the result.
    """

    phase: Phase
    done: int
    total: int | None
    fps: float
    seconds_left: float | None
    preview: Frame | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What happened, in numbers. ``stages`` maps a stage to the 10th, 50th and 95th percentile of its milliseconds a frame, and
    to the seconds that it took in all. ``seen`` is the mean over frames of how much of what was asked the performer's footage
    shows, 0 to 1; ``beyond`` is the share of frames that asked beyond it (:mod:`core.pose.known_views`).
    """

    frames_in: int
    frames_out: int
    frames_with_pose: int
    source_fps: float
    seconds: float
    fps: float
    fps_steady: float
    stages: dict[str, dict[str, float]]
    warnings: list[str]
    size: tuple[int, int]
    pose_engine: PoseEngine
    seen: float
    beyond: float

    def as_json(self) -> dict[str, Any]:
        """Plain numbers, lists and words."""
        return {
            "frames_in": self.frames_in,
            "frames_out": self.frames_out,
            "frames_with_pose": self.frames_with_pose,
            "source_fps": round(self.source_fps, 4),
            "seconds": round(self.seconds, 3),
            "fps": round(self.fps, 2),
            "fps_steady": round(self.fps_steady, 2),
            "stages": self.stages,
            "warnings": self.warnings,
            "size": list(self.size),
            "pose_engine": self.pose_engine,
            "seen": round(self.seen, 4),
            "beyond": round(self.beyond, 4),
        }


class FrameProducer(Protocol):
    """What is made of a source. ``produce`` asks for a ``plan`` once everybody was seen, and then for every frame in order."""

    @property
    def needs_source(self) -> bool:
        """Whether ``step`` looks at the pixels of its frame."""

    @property
    def keyframe_interval(self) -> int | None:
        """See :class:`core.video.writer.VideoWriter`."""

    @property
    def transparent(self) -> bool:
        """Whether its pictures are RGBA."""

    @property
    def provenance(self) -> Provenance:
        """What its file says of how it came to be."""

    @property
    def cost(self) -> float:
        """About how long a picture takes to make, where looking at one takes 1."""

    @property
    def at_once(self) -> int:
        """How many threads may call ``step`` at once; with more than one, frames may come a little out of order."""

    def size(self, source: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of its pictures for a source of that size."""

    def live(self, sighting: FrameDetections) -> Frame:
        """A preview, while the future is not known."""

    def plan(self, analysis: Analysis) -> RetargetedMotion:
        """Prepare for a whole file.

        Raises:
            NobodyFound: no frame shows a person.
        """

    def step(self, frame: VideoFrame) -> tuple[Frame, dict[str, float]]:
        """The next picture, and the milliseconds that each stage of it took."""


class _Solo:
    """One performer by one generator."""

    keyframe_interval = None
    cost = 1 / 3
    at_once = PICTURES_AT_ONCE

    def __init__(self, pipeline: DancePipeline, target: Target, generator: str, options: TransferOptions) -> None:
        self._pipeline, self._performer, self._options = pipeline, target.size, options
        self.needs_source = pipeline.needs_source
        self.transparent = pipeline.transparent
        kind = SourceType.COMPOSITE if self.needs_source else SourceType.SYNTHETIC
        self.provenance = Provenance(kind, generator, options.label)
        self.moves: RetargetedMotion | None = None
        self.poster: Frame | None = None
        self._plan: TransferPlan | None = None
        self._reframer: Reframer | None = None
        self._striking = -1

    def size(self, source: tuple[int, int]) -> tuple[int, int]:
        if self._reframer is not None:
            return self._reframer.size
        return layout_size(self._options.layout, source, self._performer)

    def live(self, sighting: FrameDetections) -> Frame:
        return self._pipeline.step(sighting.frame, sighting=sighting).image

    def plan(self, analysis: Analysis) -> RetargetedMotion:
        self._plan = self._pipeline.analyse(analysis)
        self.moves = self._plan.moves
        if self._options.shape is not None:
            framing = frame_performer(
                self._plan.asked, analysis.seconds, analysis.cuts, self._performer, self._options.shape
            )
            self._reframer = Reframer(framing, self._pipeline.behind, self._performer)
        if self._options.poster is not None:
            self._striking = most_striking(self._plan.asked)
        return self._plan.moves

    def step(self, frame: VideoFrame) -> tuple[Frame, dict[str, float]]:
        result = self._pipeline.step(frame, self._plan)
        image = result.image if self._reframer is None else self._reframer.cut(result.image, frame.index)
        if frame.index == self._striking:
            self.poster = image
        return image, result.milliseconds


def transfer(
    source: Path,
    target: Target,
    generator: Generator,
    output: Path,
    options: TransferOptions | None = None,
    *,
    seen: SourceAnalysis | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    previews: bool = True,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Report, SourceAnalysis]:
    """Make the performer's video of ``source`` and write it to ``output``.

    Args:
        seen: what an earlier transfer of the same stretch of the same source returned; saves looking again, unless somebody
            else was followed there.
        progress: called now and then from this thread.
        previews: whether ``progress`` is given pictures; while everybody is looked for, they are made for that alone.
        cancelled: asked for every frame.

    Returns:
        The report, and what was seen in the source.

    Raises:
        UnusableInput: the source cannot be used, or what is asked cannot be made.
        OutputRefused: ``output`` is no file that can be written, or one that is read for it: the source, the performer's own.
        OutputFailed: the result cannot be written; nothing half-written is left.
        Cancelled: ``cancelled`` said so; nothing is left either.
    """
    options = options or TransferOptions()
    options.check()
    with DancePipeline(
        target, generator, person=options.person, layout=options.layout, background=options.background
    ) as pipeline:
        solo = _Solo(pipeline, target, generator.spec.name, options)
        report, seen = produce(
            source, solo, output, person=options.person, inputs=target.files(),
            start=options.start, end=options.end, budget=options.budget,
            seen=seen, progress=progress, previews=previews, cancelled=cancelled,
        )  # fmt: skip
    if options.poster is not None and solo.poster is not None:
        write_still(options.poster, solo.poster, solo.provenance)
    if options.motion is not None and solo.moves is not None:
        write_motion(options.motion, solo.moves.poses, seen.analysis.seconds, frame_rate(seen.analysis.times))
    return told_of_unseen(report, target), seen


def told_of_unseen(report: Report, target: Target) -> Report:
    """The report with a sentence about how much of the dance the performer's footage never shows, where that is worth one.

    Of photos, which show a side or two, that goes without saying.
    """
    if report.beyond < _WORTH_A_WORD or target.manifest.of_photos:
        return report
    sentence = (
        f"{report.beyond:.0%} of this dance asks for sides or moves that the footage of {target.name} never shows: "
        "there the nearest that it shows are danced."
    )
    return replace(report, warnings=[*report.warnings, sentence])


def produce(
    source: Path,
    show: FrameProducer,
    output: Path,
    *,
    person: Person = "largest",
    inputs: Iterable[Path] = (),
    start: float = 0.0,
    end: float | None = None,
    budget: Budget | None = None,
    seen: SourceAnalysis | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    previews: bool = True,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Report, SourceAnalysis]:
    """Make the video of a show from ``start`` to ``end`` seconds of ``source``.

    ``inputs`` are files that the show reads; everything else is as for :func:`transfer`.
    """
    check_number(start, 0, _MOST_SECONDS, "The first second")
    if end is not None:
        check_number(end, 0, _MOST_SECONDS, "The last second")
    usable_result(output, [source, *inputs])
    if show.transparent:
        check_transparency(format_of(output))
    if seen is not None and seen.analysis.person != person:
        seen = None
    return _Production(source, show, output, person, (start, end), budget, progress, previews, cancelled).run(seen)


class _Production:
    """One run of ``produce``; its fields are what the two passes share."""

    def __init__(
        self,
        source: Path,
        show: FrameProducer,
        output: Path,
        person: Person,
        stretch: tuple[float, float | None],
        budget: Budget | None,
        progress: Callable[[Progress], None],
        previews: bool,
        cancelled: Callable[[], bool],
    ) -> None:
        self._source, self._show, self._output, self._person = source, show, output, person
        self._start, self._end = stretch
        self._budget = budget or Budget()
        self._progress, self._previews, self._cancelled = progress, previews, cancelled
        self._stages: dict[str, list[float]] = defaultdict(list)
        self._warm_up = 0.0
        self._size = (0, 0)

    def run(self, seen: SourceAnalysis | None) -> tuple[Report, SourceAnalysis]:
        start = perf_counter()
        with self._reader() as reader:
            seen = seen or self._look(reader)
            moves = self._plan(seen.analysis)
            out, warnings = self._dance(reader, seen)
        seconds = perf_counter() - start
        return self._report(reader.info, moves, out, seconds, [*seen.warnings, *warnings]), seen

    def _reader(self) -> VideoReader:
        return VideoReader(
            self._source, start=self._start, end=self._end, max_side=settings().analysis_side, budget=self._budget
        )

    def _frames_expected(self, info: VideoInfo) -> int | None:
        if info.duration is None:
            return None
        end = info.duration if self._end is None else min(self._end, info.duration)
        return self._budget.frames_of(end - self._start, float(info.rate))

    def _look(self, reader: VideoReader) -> SourceAnalysis:
        """First pass: the dancer in every frame."""
        analysis = Analysis(reader.size, self._person)
        total = self._frames_expected(reader.info)
        meter = _Meter()
        for sighting in look(prefetch(self._timed(reader), depth=2), self._person):
            self._stop_if_cancelled()
            analysis.add(sighting)
            self._stages["pose"].append(sighting.milliseconds)
            meter.tick()
            preview = self._show.live(sighting) if self._previews and meter.preview_due() else None
            preview = None if preview is None else over_grey(preview)
            if preview is not None or meter.word_due():
                self._progress(_looking(meter, total, self._show.cost, preview))
        self._warm_up += meter.warm_up
        return SourceAnalysis(analysis, reader.sound(), list(reader.warnings), reader.until)

    def _timed(self, frames: VideoReader) -> Iterator[VideoFrame]:
        start = perf_counter()
        for frame in frames:
            self._stages["decode"].append((perf_counter() - start) * 1000)
            yield frame
            start = perf_counter()

    def _plan(self, analysis: Analysis) -> RetargetedMotion:
        start = perf_counter()
        moves = self._show.plan(analysis)
        count = len(moves.poses)
        self._stages["smooth, retarget, choose"] = [(perf_counter() - start) * 1000 / count] * count
        return moves

    def _dance(self, reader: VideoReader, seen: SourceAnalysis) -> tuple[int, list[str]]:
        """Second pass: make and encode every frame. Returns their number, and what the writer had to say."""
        size = self._size = self._show.size(reader.size)
        meter, total = _Meter(), len(seen.analysis.times)
        rate = _usual_rate(seen.analysis.times, reader.info.rate)

        with writer_for(
            self._output, format_of(self._output), size=size, rate=rate, audio=seen.sound, until=self._until(seen, rate),
            keyframe_interval=self._show.keyframe_interval, transparent=self._show.transparent,
            provenance=self._show.provenance,
        ) as writer:  # fmt: skip

            def encode(item: tuple[Frame, Fraction]) -> None:
                start = perf_counter()
                writer.write(*item)
                self._stages["encode"].append((perf_counter() - start) * 1000)

            with BackgroundConsumer(encode) as encoder, closing(self._pictures(reader, seen.analysis.times)) as made:
                for time, image, milliseconds in made:
                    self._stop_if_cancelled()
                    for stage, taken in milliseconds.items():
                        self._stages[stage].append(taken)
                    encoder.put((image, time))
                    meter.tick()
                    self._tell(meter, total, image)
        self._warm_up += meter.warm_up
        return meter.done, writer.warnings

    def _pictures(self, reader: VideoReader, times: list[Fraction]) -> _Made:
        """Every picture in order: when it is shown, itself, and what ``FrameProducer.step`` says of its stages."""

        def make(frame: VideoFrame) -> tuple[Fraction, Frame, dict[str, float]]:
            return frame.time, *self._show.step(frame)

        return side_by_side(make, self._frames_to_make(reader, times), self._show.at_once)

    def _until(self, seen: SourceAnalysis, rate: Fraction) -> Fraction:
        """Seconds of the output at which its last picture ends: where the stretch does, else after a usual time."""
        if seen.until is not None:
            return seen.until
        usual = seen.analysis.times[-1] + 1 / rate
        return usual if self._end is None else min(usual, Fraction(self._end) - Fraction(self._start))

    def _tell(self, meter: _Meter, total: int, image: Frame) -> None:
        due = self._previews and meter.preview_due()
        if due or meter.word_due():
            fps = meter.fps()
            self._progress(
                Progress(
                    "dancing", meter.done, total, fps, (total - meter.done) / fps, over_grey(image) if due else None
                )
            )

    def _frames_to_make(self, reader: VideoReader, times: list[Fraction]) -> Iterator[VideoFrame]:
        if not self._show.needs_source:
            nothing = np.zeros((1, 1, 3), np.uint8)
            yield from (VideoFrame(i, time, nothing) for i, time in enumerate(times))
            return
        # the first pass saw this many: a file that grows meanwhile must not outrun the plan
        yield from islice(prefetch(reader), len(times))

    def _stop_if_cancelled(self) -> None:
        if self._cancelled():
            raise Cancelled("Stopped: nothing was written.")

    def _report(
        self, info: VideoInfo, moves: RetargetedMotion, out: int, seconds: float, warnings: list[str]
    ) -> Report:
        steady = (out - _WARM_UP) / max(seconds - self._warm_up, 1e-9) if out > _WARM_UP else out / seconds
        stages = {
            name: {
                "p10": round(float(np.percentile(ms, 10)), 3),
                "p50": round(float(np.median(ms)), 3),
                "p95": round(float(np.percentile(ms, 95)), 3),
                "seconds": round(sum(ms) / 1000, 3),
            }
            for name, ms in self._stages.items()
        }
        return Report(
            frames_in=len(moves.poses),
            frames_out=out,
            frames_with_pose=moves.found,
            source_fps=float(info.rate),
            seconds=seconds,
            fps=out / seconds,
            fps_steady=steady,
            stages=stages,
            warnings=list(dict.fromkeys(warnings)),
            size=self._size,
            pose_engine=settings().pose_engine,
            seen=float(np.nanmean(moves.seen)),
            beyond=share_beyond(moves.seen),
        )


def frame_rate(times: list[Fraction]) -> Fraction:
    """Pictures a second that pictures at these times usually have."""
    return _usual_rate(times, Fraction(25)).limit_denominator(1001)


def most_striking(asked: list[Pose | None]) -> int:
    """The number of the frame whose pose reaches out farthest, -1 where there is none."""
    reaches = [
        0.0 if pose is None else float(np.ptp(pose.xy[list(JOINTS)], axis=0).sum() + np.ptp(pose.xy[list(WRISTS), 0]))
        for pose in asked
    ]
    return int(np.argmax(reaches)) if reaches else -1


def _usual_rate(times: list[Fraction], stated: Fraction) -> Fraction:
    """Pictures a second: as the file states, unless the half of its pictures follow each other at another pace."""
    if len(times) < 2:
        return stated
    usual = Fraction(median(later - earlier for earlier, later in pairwise(times)))
    if abs(usual * stated - 1) < _SAME_PACE:
        return stated
    return max(1 / usual, _SLOWEST).limit_denominator(1001)


def _looking(meter: _Meter, total: int | None, cost: float, preview: Frame | None) -> Progress:
    fps = meter.fps()
    left = None if total is None else (max(total - meter.done, 0) + total * cost) / fps
    return Progress("looking", meter.done, total, fps, left, preview)


class _Meter:
    """Counts frames of one pass: how many, how fast, and whether a word or a preview is due."""

    def __init__(self) -> None:
        self._start = self._said = perf_counter()
        self._shown = 0.0
        self._recent: list[tuple[float, int]] = [(self._start, 0)]
        self.done = 0
        self.warm_up = 0.0

    def tick(self) -> None:
        """One more frame is done."""
        self.done += 1
        if self.done == _WARM_UP:
            self.warm_up = perf_counter() - self._start

    def fps(self) -> float:
        """Frames a second over the last seconds."""
        now = perf_counter()
        self._recent.append((now, self.done))
        while len(self._recent) > 2 and now - self._recent[0][0] > _RATE_WINDOW:
            self._recent.pop(0)
        then, done = self._recent[0]
        return max((self.done - done) / max(now - then, 1e-6), 0.1)

    def word_due(self) -> bool:
        """At most ten words a second."""
        now = perf_counter()
        if now - self._said < 0.1:
            return False
        self._said = now
        return True

    def preview_due(self) -> bool:
        """The first frame, then four a second."""
        now = perf_counter()
        if now - self._shown < _PREVIEW_EVERY:
            return False
        self._shown = now
        return True
