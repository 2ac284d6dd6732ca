"""Several generators on the same dance at once: one grid video, perfectly in sync because it is one file.

Decoding, pose, smoothing and retargeting happen once; each generator only generates. The tiles are whole pictures: whoever plays
the grid can cut each of them out at full size.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from core.errors import UnusableInput
from core.generators.base import FrameSelection, Generator
from core.pipeline import Clock, DancePipeline, RetargetedMotion, TransferPlan
from core.pose.draw import draw_pose
from core.pose.person_selection import Person
from core.pose.video_analysis import Analysis, FrameDetections
from core.rendering.compositing import contain
from core.rendering.tile_grid import Mosaic
from core.targets.store import Target
from core.transfer import Progress, Report, SourceAnalysis, produce, told_of_unseen
from core.types import Frame, Pose, VideoFrame
from core.utils.closeable import Closeable
from core.utils.prefetch import PICTURES_AT_ONCE, prefetch
from core.video.provenance import Provenance, SourceType
from core.video.reader import Budget, VideoReader

TileKind: TypeAlias = Literal["source", "skeleton", "generator", "answer"]

MOST_PIXELS: Final = 2560 * 1440
"""Of a grid: fourteen tiles of 512 pixels still have their full size, and laptops decode it in software."""

_KEYFRAMES: Final = 12
"""Pictures between two that decode alone: what a scrubber waits for at most."""

_WORDS: Final[dict[TileKind, str]] = {
    "source": "The dance",
    "skeleton": "Skeleton",
    "answer": "Right answer",
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture of the grid.

    Attributes:
        name: the generator's, else the kind.
        title: as it is written on the tile.
        kind: what it shows.
        box: left, top, width and height in pixels of the grid.
    """

    name: str
    title: str
    kind: TileKind
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Part:
    """What one generator had to do with a comparison.

    Attributes:
        name, title: of the generator.
        choices: for each frame, the performer's frames that it worked from.
        milliseconds: median and 95th percentile of making one picture.
        megabytes: what it needs on disk: its weights, and the footage where it copies from that.
        unhindered: milliseconds of the fastest tenth of the pictures: where this computer has other things to do, the others tell
            of those. None where it was not kept.
    """

    name: str
    title: str
    choices: list[FrameSelection]
    milliseconds: tuple[float, float]
    megabytes: float
    unhindered: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A grid that was made.

    Attributes:
        size: (width, height) of the grid.
        moves: what was asked of the performer, the same of every generator.
        answer: the known answer that is in it, where there is one.
    """

    report: Report
    size: tuple[int, int]
    tiles: tuple[Tile, ...]
    parts: tuple[Part, ...]
    moves: RetargetedMotion
    answer: Path | None


def compare(
    source: Path,
    target: Target,
    generators: Sequence[Generator],
    output: Path,
    *,
    person: Person = "largest",
    start: float = 0.0,
    end: float | None = None,
    budget: Budget | None = None,
    answer: Path | None = None,
    seen: SourceAnalysis | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Comparison, SourceAnalysis]:
    """Make the grid video of ``source`` by all ``generators`` of one performer.

    Args:
        budget: of what is read of the source.
        answer: a video of what the right result of the whole source is, where it is known.
        seen, progress, cancelled: see :func:`core.transfer.transfer`.

    Raises:
        UnusableInput: fewer than two generators, or one twice; or the source cannot be used.
        OutputFailed, Cancelled: as :func:`core.transfer.transfer`; nothing half-written is left.
    """
    names = [generator.spec.name for generator in generators]
    if len(set(names)) != len(names) or len(names) < 2:
        raise UnusableInput("A comparison takes two or more different generators.")
    inputs = [*target.files(), *([] if answer is None else [answer])]
    with ComparisonGrid(target, generators, person, answer, (start, end)) as grid:
        report, seen = produce(
            source, grid, output, person=person, inputs=inputs, start=start, end=end, budget=budget,
            seen=seen, progress=progress, cancelled=cancelled,
        )  # fmt: skip
        return grid.result(told_of_unseen(report, target)), seen


class ComparisonGrid(Closeable):
    """The grid as a :class:`core.transfer.FrameProducer`. Close it, or use it as a context."""

    needs_source = True
    transparent = False
    provenance = Provenance(SourceType.COMPOSITE)
    keyframe_interval = _KEYFRAMES
    at_once = PICTURES_AT_ONCE

    def __init__(
        self,
        target: Target,
        generators: Sequence[Generator],
        person: Person,
        answer: Path | None,
        stretch: tuple[float, float | None],
    ) -> None:
        self._target, self._generators, self._answer = target, generators, answer
        self.cost = len(generators) / 3
        self._opened = ExitStack()
        self._pipelines = [self._opened.enter_context(DancePipeline(target, g, person=person)) for g in generators]
        self._plans: list[TransferPlan] = []
        self._answers = pictures_of(answer, stretch, self._opened)
        self._answers_read = 0
        self._last_answers: deque[Frame | None] = deque([None], maxlen=2 * PICTURES_AT_ONCE)
        self._reading = threading.Lock()
        self._mosaic = Mosaic([title for _, title, _ in self._named()], target.size, most_pixels=MOST_PIXELS)

    def close(self) -> None:
        """Close the answer's video, and what the pipelines hold."""
        self._opened.close()

    def _named(self) -> list[tuple[str, str, TileKind]]:
        """Name, title and kind of every tile, in order: what was given, what was made of it, what is right."""
        made: list[tuple[str, str, TileKind]] = [(g.spec.name, g.spec.title, "generator") for g in self._generators]
        known = [_worded("answer")] if self._answer is not None else []
        return [_worded("source"), _worded("skeleton"), *made, *known]

    def size(self, source: tuple[int, int]) -> tuple[int, int]:
        """See ``FrameProducer``."""
        return self._mosaic.size

    def live(self, sighting: FrameDetections) -> Frame:
        """See ``FrameProducer``: the first generator alone."""
        return self._pipelines[0].step(sighting.frame, sighting=sighting).image

    def plan(self, analysis: Analysis) -> RetargetedMotion:
        """See ``FrameProducer``."""
        moves = self._pipelines[0].moves(analysis)
        self._plans = [pipeline.plan(moves) for pipeline in self._pipelines]
        return moves

    def step(self, frame: VideoFrame) -> tuple[Frame, dict[str, float]]:
        """See ``FrameProducer``; the time of each generator is a stage of its own, see :func:`stage_of`."""
        clock = Clock()
        made = []
        for generator, pipeline, plan in zip(self._generators, self._pipelines, self._plans, strict=True):
            result = pipeline.step(frame, plan)
            clock.milliseconds[stage_of(generator.spec.name)] = result.milliseconds["generate"]
            made.append(result.image)
        with clock.stage("composite"):
            shown = [
                frame.image,
                self._skeleton(frame, self._plans[0].poses[frame.index]),
                *made,
                *self._answer_at(frame.index),
            ]
            image = self._mosaic.compose(shown)
        return image, clock.milliseconds

    def _skeleton(self, frame: VideoFrame, pose: Pose | None) -> Frame:
        height, width = frame.image.shape[:2]
        factor = min(self._mosaic.tile[0] / width, self._mosaic.tile[1] / height)
        size = max(1, round(width * factor)), max(1, round(height * factor))
        return contain(draw_pose(None if pose is None else pose.scaled(factor), size), self._mosaic.tile)

    def _answer_at(self, index: int) -> list[Frame]:
        """The known answer to a frame of the dance, the last one where it has ended; nothing where none is known."""
        if self._answer is None:
            return []
        with self._reading:
            # read in order, asked for by threads that may be a few frames apart
            while self._answers_read <= index:
                self._last_answers.append(next(self._answers, self._last_answers[-1]))
                self._answers_read += 1
            answer = self._last_answers[index - self._answers_read]
        return [self._target.plate if answer is None else answer]

    def result(self, report: Report) -> Comparison:
        """What came of it."""
        tiles = [Tile(*named, box) for named, box in zip(self._named(), self._mosaic.boxes, strict=True)]
        parts = [
            Part(
                name=generator.spec.name,
                title=generator.spec.title,
                choices=plan.choices,
                milliseconds=_spread(report, generator.spec.name),
                unhindered=report.stages[stage_of(generator.spec.name)]["p10"],
                megabytes=megabytes_of(self._target, generator),
            )
            for generator, plan in zip(self._generators, self._plans, strict=True)
        ]
        moves = self._plans[0].moves
        return Comparison(report, self._mosaic.size, tuple(tiles), tuple(parts), moves, self._answer)


def pictures_of(answer: Path | None, stretch: tuple[float, float | None], opened: ExitStack) -> Iterator[Frame]:
    """The pictures of a known answer that belong to a stretch of the dance (seconds), as long as there are any.

    Args:
        opened: closes the video.
    """
    if answer is None:
        return iter(())
    reader = opened.enter_context(VideoReader(answer, start=stretch[0], end=stretch[1]))
    frames = opened.enter_context(closing(prefetch(reader)))
    return (frame.image for frame in frames)


def _worded(kind: TileKind) -> tuple[str, str, TileKind]:
    return kind, _WORDS[kind], kind


def stage_of(generator: str) -> str:
    """What the time of a generator is called in a report."""
    return f"generate {generator}"


def _spread(report: Report, generator: str) -> tuple[float, float]:
    stage = report.stages[stage_of(generator)]
    return stage["p50"], stage["p95"]


def megabytes_of(target: Target, generator: Generator) -> float:
    """What a generator needs on disk, in MB (10^6 bytes): its weights, and the footage where it takes pixels from that."""
    manifest = target.manifest
    weights = [w for w in manifest.generators if w.name == generator.spec.name]
    entries = [entry for trained in weights for entry in trained.files.values()]
    if generator.copies:
        entries += [manifest.files[role] for role in ("frames", "masks", "poses")]
    return sum(entry.bytes for entry in entries) / 1e6
