"""What one photo is worth beside a minute of footage, where the right answer is known.

    python -m benchmarks.photo [--targets mira theo] [--every N] [--label TEXT]

Makes a performer of one frontal frame of each bundled performer (``core.services.photo_performer``) and lets both dance the
bundled dances with ``realtime``. Appends to ``results/photo.csv``: means of ``core.evaluation.metrics`` and flaws of
``core.evaluation.flaws`` beside the answers that ship, over one frame of ``--every``.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2

from benchmarks.machine import append
from benchmarks.quality import analysed, figures, flaw_figures
from core.bundled.answers import find_answer, find_parts
from core.bundled.dances import Dance, list_dances
from core.errors import UnusableInput
from core.evaluation.evaluate import Sample, judge
from core.evaluation.flaws import part_numbers
from core.generators.registry import create_generator
from core.pipeline import DancePipeline, performer_statistics
from core.pose.video_analysis import Analysis
from core.services.photo_performer import GENERATOR, build_from_photos
from core.targets.photo import look_at
from core.targets.store import Target, load_target
from core.video.reader import VideoReader

FRONTAL: Final = 40
"""A frame in which both bundled performers face the camera, arms away from the body."""
MEANS: Final = ("frames", "akd", "mkr", "box_ssim", "box_sharpness")
FLAWS: Final = ("misplaced", "extra", "missing", "worst_patch")


def of_one_photo(performer: Target, folder: Path) -> Target:
    """The same person, of one frame of theirs."""
    photo = folder / f"{performer.id}.png"
    cv2.imwrite(str(photo), performer.frames[FRONTAL][..., ::-1])
    return build_from_photos(look_at([photo]), id=f"{performer.id}-photo", name=performer.name, into=folder)


def danced(performer: Target, of: str, dance: Dance, analysis: Analysis, every: int) -> Iterator[Sample]:
    """One frame of ``every`` danced as a transfer does it, beside the answer that ships and its part map.

    Args:
        of: id of the bundled performer who is right.
    """
    generator = create_generator(GENERATOR, performer)
    answer = find_answer(of, dance.id)
    parts = None if answer is None else find_parts(answer)
    if answer is None or parts is None:
        raise UnusableInput(f"Of {of} in {dance.id} there is no answer with part maps.")
    with DancePipeline(performer, generator) as pipeline:
        plan = pipeline.analyse(analysis)
    with VideoReader(answer) as pictures, VideoReader(parts) as maps:
        frames = zip(plan.asked, plan.choices, pictures, maps, strict=True)
        for i, (asked, choice, right, map_) in enumerate(frames):
            if i % every == 0 and asked is not None:
                made = generator.generate(asked, choice)
                # a stretch each: none follows another
                yield Sample(
                    made.image, asked, i, drawn=made.alpha, reference=right.image, parts=part_numbers(map_.image)
                )


def measured(performer: Target, of: str, dance: Dance, analysis: Analysis, every: int) -> dict[str, object]:
    """The columns of one row."""
    result = judge(danced(performer, of, dance, analysis, every), performer_statistics(performer).near[1], flows=False)
    means, flaws = figures(result), flaw_figures(result.flaws)
    return {name: means[name] for name in MEANS} | {name: flaws[name] for name in FLAWS}


def main() -> None:
    """Build, dance, measure, append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", nargs="+", default=["mira", "theo"])
    parser.add_argument("--every", type=int, default=6)
    parser.add_argument("--label", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        people: list[tuple[str, str, Target]] = []
        for target_id in given.targets:
            performer = load_target(target_id)
            people += [(target_id, "footage", performer), (target_id, "photo", of_one_photo(performer, Path(folder)))]
        for dance in list_dances():
            analysis = analysed(dance.video)
            for of, kind, performer in people:
                row = {"label": given.label, "performer": of, "made of": kind, "source": dance.id,
                       "every": given.every, **measured(performer, of, dance, analysis, given.every)}  # fmt: skip
                append("photo", row)
                print(row, flush=True)


if __name__ == "__main__":
    main()
