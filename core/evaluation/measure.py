"""How good one generator of a comparison is, frame by frame; its own video is written on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from core.bundled.answers import find_parts
from core.errors import Cancelled
from core.evaluation.evaluate import Evaluation, Sample, Series, judge_series
from core.evaluation.flaws import part_numbers
from core.evaluation.grid import Part, pictures_of
from core.generators.base import Generator
from core.pipeline import PerformerRenderer, RetargetedMotion, performer_statistics
from core.targets.store import Target
from core.types import Frame
from core.utils.prefetch import BackgroundConsumer
from core.video.audio import AudioTrack
from core.video.writer import VideoWriter


@dataclass(frozen=True, slots=True)
class Measured:
    """What one generator scored over a whole dance.

    Attributes:
        name: of the generator.
        evaluation: means; of regions where something to hold it against is known.
        series: the same for each frame.
    """

    name: str
    title: str
    evaluation: Evaluation
    series: Series


def measure(
    target: Target,
    generator: Generator,
    part: Part,
    moves: RetargetedMotion,
    video: Path,
    *,
    rate: Fraction,
    sound: AudioTrack | None = None,
    answer: Path | None = None,
    stretch: tuple[float, float | None] = (0.0, None),
    footage: float | None = None,
    progress: Callable[[float], None] = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Measured:
    """Draw every frame once more, as a transfer does, and judge it before it is coded.

    Args:
        part: what the generator had to do with the comparison.
        moves: what was asked of the performer.
        video: where the generator's own video goes, at these times and with this sound.
        rate: its pictures a second.
        answer: a video of what the right result of the whole source is; ``stretch`` (seconds) of it belongs to the moves.
        footage: see :func:`core.evaluation.evaluate.judge_series`.
        progress: share that is done.
        cancelled: asked for every frame.

    Raises:
        Cancelled: ``cancelled`` said so; nothing is left.
        OutputFailed: the video cannot be written; nothing half-written is left.
    """

    def samples() -> Iterator[Sample]:
        act = PerformerRenderer(target, generator)
        with ExitStack() as opened:
            writer = opened.enter_context(VideoWriter(video, size=target.size, rate=rate, audio=sound))
            encoder = opened.enter_context(BackgroundConsumer[tuple[Frame, Fraction]](lambda item: writer.write(*item)))
            right = pictures_of(answer, stretch, opened)
            parts = pictures_of(None if answer is None else find_parts(answer), stretch, opened)
            for done, (asked, choice, time) in enumerate(zip(moves.asked, part.choices, moves.times, strict=True)):
                if cancelled():
                    raise Cancelled("Stopped: nothing was written.")
                picture = act.draw(asked, choice)
                encoder.put((picture.image, time))
                progress(done / len(moves.times))
                shown = next(parts, None)
                yield Sample(
                    picture.image, asked, drawn=picture.alpha, reference=next(right, None),
                    parts=None if shown is None else part_numbers(shown),
                )  # fmt: skip

    torso = performer_statistics(target).near[1]
    with closing(samples()) as drawn:  # type: ignore[type-var]  # a generator: left in the middle it leaves no file
        evaluation, series = judge_series(drawn, torso, flows=False, footage=footage)
    return Measured(part.name, part.title, evaluation, series)
