"""A whole video through the pipeline: progress, cancel, report. Every file surface calls ``transfer`` and nothing else.

Two passes. The first looks at every frame (pose is by far the dearest stage); the second makes and encodes every frame by a
plan that knows the whole dance. Decoding, generation and encoding run in threads beside each other; the libraries that do
the work let go of the interpreter meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np

from core.compositing import Background, Layout, layout_size
from core.errors import Cancelled
from core.generators.base import Generator
from core.pipeline import DancePipeline, Plan
from core.pose.analysis import Analysis, Sighting, look
from core.pose.person import Person
from core.settings import settings
from core.targets.store import Target
from core.threads import Beside, ahead
from core.types import Frame, VideoFrame
from core.video.audio import AudioTrack
from core.video.probe import VideoInfo
from core.video.reader import VideoReader
from core.video.writer import VideoWriter

_PREVIEW_EVERY = 0.25
_WARM_UP = 20
_RATE_WINDOW = 2.0

Phase = Literal["looking", "dancing"]


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """What to make of a source. ``start`` and ``end`` are seconds of the source."""

    person: Person = "largest"
    layout: Layout = "result"
    background: Background = field(default_factory=Background)
    start: float = 0.0
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What the first pass found in one stretch of a source: everybody in every frame, and the sound that belongs to it."""

    analysis: Analysis
    sound: AudioTrack | None
    warnings: list[str]


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
    """What happened, in numbers. ``stages`` maps a stage to the median and 95th percentile of its milliseconds a frame."""

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
        }


def transfer(
    source: Path,
    target: Target,
    generator: Generator,
    output: Path,
    options: TransferOptions | None = None,
    *,
    seen: Seen | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Report, Seen]:
    """Make the performer's video of ``source`` and write it to ``output``.

    Args:
        seen: what an earlier transfer of the same stretch of the same source returned; saves looking again.
        progress: called now and then from this thread.
        cancelled: asked for every frame.

    Returns:
        The report, and what was seen in the source.

    Raises:
        UnusableInput: the source cannot be used.
        OutputFailed: the result cannot be written; nothing half-written is left.
        Cancelled: ``cancelled`` said so; nothing is left either.
    """
    return _Transfer(source, target, generator, output, options or TransferOptions(), progress, cancelled).run(seen)


class _Transfer:
    """One run of ``transfer``; its fields are what the two passes share."""

    def __init__(
        self,
        source: Path,
        target: Target,
        generator: Generator,
        output: Path,
        options: TransferOptions,
        progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._source, self._output, self._options = source, output, options
        self._target = target
        self._pipeline = DancePipeline(
            target, generator, person=options.person, layout=options.layout, background=options.background
        )
        self._progress, self._cancelled = progress, cancelled
        self._stages: dict[str, list[float]] = defaultdict(list)
        self._warm_up = 0.0
        self._size = target.size

    def run(self, seen: Seen | None) -> tuple[Report, Seen]:
        start = perf_counter()
        with self._pipeline, self._reader() as reader:
            seen = seen or self._look(reader)
            plan = self._plan(seen.analysis)
            out, warnings = self._dance(reader, seen, plan)
        seconds = perf_counter() - start
        return self._report(reader.info, plan, out, seconds, [*seen.warnings, *warnings]), seen

    def _reader(self) -> VideoReader:
        return VideoReader(
            self._source, start=self._options.start, end=self._options.end, max_side=settings().analysis_side
        )

    def _frames_expected(self, info: VideoInfo) -> int | None:
        if info.duration is None:
            return None
        end = info.duration if self._options.end is None else min(self._options.end, info.duration)
        return max(1, round((end - self._options.start) * float(info.rate)))

    def _look(self, reader: VideoReader) -> Seen:
        """First pass: everybody in every frame."""
        analysis = Analysis(reader.size)
        total = self._frames_expected(reader.info)
        meter = _Meter()
        for sighting in look(ahead(self._timed(reader), depth=2)):
            self._stop_if_cancelled()
            analysis.add(sighting)
            self._stages["pose"].append(sighting.milliseconds)
            meter.tick()
            preview = self._live_preview(sighting) if meter.preview_due() else None
            if preview is not None or meter.word_due():
                self._progress(_looking(meter, total, preview))
        self._warm_up += meter.warm_up
        return Seen(analysis, reader.sound(), list(reader.warnings))

    def _timed(self, frames: VideoReader) -> Iterator[VideoFrame]:
        start = perf_counter()
        for frame in frames:
            self._stages["decode"].append((perf_counter() - start) * 1000)
            yield frame
            start = perf_counter()

    def _live_preview(self, sighting: Sighting) -> Frame:
        return self._pipeline.step(sighting.frame, people=sighting.people).image

    def _plan(self, analysis: Analysis) -> Plan:
        start = perf_counter()
        plan = self._pipeline.analyse(analysis)
        self._stages["smooth, retarget, choose"] = [(perf_counter() - start) * 1000 / len(plan.poses)]
        return plan

    def _dance(self, reader: VideoReader, seen: Seen, plan: Plan) -> tuple[int, list[str]]:
        """Second pass: make and encode every frame. Returns their number, and what the writer had to say."""
        size = self._size = layout_size(self._options.layout, reader.size, self._target.size)
        meter, total = _Meter(), len(plan.poses)

        with VideoWriter(self._output, size=size, rate=reader.info.rate, audio=seen.sound) as writer:

            def encode(item: tuple[Frame, Fraction]) -> None:
                start = perf_counter()
                writer.write(*item)
                self._stages["encode"].append((perf_counter() - start) * 1000)

            with Beside(encode) as encoder:
                for frame in self._frames_to_make(reader, seen.analysis.times):
                    self._stop_if_cancelled()
                    result = self._pipeline.step(frame, plan)
                    for stage, milliseconds in result.milliseconds.items():
                        self._stages[stage].append(milliseconds)
                    encoder.put((result.image, frame.time))
                    meter.tick()
                    self._tell(meter, total, result.image)
        self._warm_up += meter.warm_up
        return meter.done, writer.warnings

    def _tell(self, meter: _Meter, total: int, image: Frame) -> None:
        due = meter.preview_due()
        if due or meter.word_due():
            fps = meter.fps()
            self._progress(
                Progress("dancing", meter.done, total, fps, (total - meter.done) / fps, image if due else None)
            )

    def _frames_to_make(self, reader: VideoReader, times: list[Fraction]) -> Iterator[VideoFrame]:
        if not self._pipeline.needs_source:
            nothing = np.zeros((1, 1, 3), np.uint8)
            yield from (VideoFrame(i, time, nothing) for i, time in enumerate(times))
            return
        # the first pass saw this many: a file that grows meanwhile must not outrun the plan
        yield from islice(ahead(reader), len(times))

    def _stop_if_cancelled(self) -> None:
        if self._cancelled():
            raise Cancelled("Stopped: nothing was written.")

    def _report(self, info: VideoInfo, plan: Plan, out: int, seconds: float, warnings: list[str]) -> Report:
        steady = (out - _WARM_UP) / max(seconds - self._warm_up, 1e-9) if out > _WARM_UP else out / seconds
        stages = {
            name: {"p50": round(float(np.median(ms)), 3), "p95": round(float(np.percentile(ms, 95)), 3)}
            for name, ms in self._stages.items()
        }
        return Report(
            frames_in=len(plan.poses),
            frames_out=out,
            frames_with_pose=plan.found,
            source_fps=float(info.rate),
            seconds=seconds,
            fps=out / seconds,
            fps_steady=steady,
            stages=stages,
            warnings=list(dict.fromkeys(warnings)),
            size=self._size,
        )


def _looking(meter: _Meter, total: int | None, preview: Frame | None) -> Progress:
    fps = meter.fps()
    # making frames takes about a third of the time that looking at them does
    left = None if total is None else (max(total - meter.done, 0) + total / 3) / fps
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
