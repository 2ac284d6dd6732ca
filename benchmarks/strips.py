"""What every generator makes of the same moments, as pictures for the README: ``assets/readme``.

    python -m benchmarks.strips [--answers FOLDER] [--source VIDEO] [--only held-out known-answer real-source]

One row for each generator, at the same moments, above them what is to be seen where that is known; the parts are those of
``benchmarks.quality``. Only what is shown is drawn, so that a new generator gets its row in a minute. A part without its folder
or video is passed over. Of the real source only what was made is shown, for its frames are not ours.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from benchmarks.quality import analysed, answers, names
from core import paths
from core.bundled import dances
from core.generators.base import FrameSelection, Generator
from core.generators.registry import create_generator
from core.pipeline import DancePipeline
from core.pose.video_analysis import Analysis
from core.rendering.compositing import cover
from core.targets.split import Subset, split_of
from core.targets.store import Target, load_target
from core.types import Frame, Pose

COLUMNS: Final = 8
TILE: Final = 192
QUALITY: Final = 68
HELD_OUT, KNOWN = "mira", ("theo", "lina-disco")
"""Whose moves are held out; who dances which dance whose answer is known."""

JobRequest = Sequence[tuple[Pose | None, FrameSelection]]


def moments(count: int) -> list[int]:
    """Frames spread over a sequence, none of them its first or last."""
    return [round(place) for place in np.linspace(0, count - 1, COLUMNS + 2).tolist()[1:-1]]


def drawn(performer: Target, generator: Generator, asked: JobRequest) -> list[Frame]:
    """The pictures of those moments of what is asked."""
    chosen = [asked[i] for i in moments(len(asked))]
    return [performer.plate if pose is None else generator.generate(pose, choice).image for pose, choice in chosen]


def held_out() -> list[tuple[str, list[Frame]]]:
    """Moves that were held out: the footage, and what each makes of their poses without knowing it."""
    rows = []
    with load_target(HELD_OUT) as performer:
        split = split_of(performer, "blocks")
        known = Subset(performer, split.train)
        frames = np.flatnonzero(split.held_out & performer.found)
        rows.append(("footage", [performer.frames[int(frames[i])] for i in moments(len(frames))]))
        for name in names(performer):
            generator, asked = create_generator(name, known), []
            for stretch in split.stretches():
                poses = [performer.pose(int(i)) for i in stretch]
                choices = generator.choose_all(poses, [Fraction(int(i)) / performer.rate for i in stretch])
                asked += [(pose, choice) for pose, choice in zip(poses, choices, strict=True) if pose is not None]
            rows.append((name, drawn(performer, generator, asked)))
    return rows


def danced(performer: Target, analysis: Analysis) -> list[tuple[str, list[Frame]]]:
    """A whole source by every generator of a performer."""
    rows = []
    for name in names(performer):
        generator = create_generator(name, performer)
        with DancePipeline(performer, generator) as pipeline:
            plan = pipeline.analyse(analysis)
        rows.append((name, drawn(performer, generator, list(zip(plan.asked, plan.choices, strict=True)))))
    return rows


def known_answer(folder: Path) -> list[tuple[str, list[Frame]]]:
    """A dance whose right answer is known, and what each makes of it."""
    who, dance = KNOWN
    video = dances.find(dance)
    if video is None:
        raise SystemExit(f"There is no dance '{dance}'.")
    pictures = [sample.output for sample in answers(folder / f"{who}_{dance}")]
    with load_target(who) as performer:
        return [("answer", [pictures[i] for i in moments(len(pictures))]), *danced(performer, analysed(video))]


def real_source(video: Path) -> list[tuple[str, list[Frame]]]:
    """A source without an answer."""
    with load_target(KNOWN[0]) as performer:
        return danced(performer, analysed(video))


def write_strip(path: Path, rows: Sequence[tuple[str, list[Frame]]]) -> None:
    """One row of pictures for each, its name on the first."""
    lines = []
    for name, pictures in rows:
        line = np.hstack([cover(picture, (TILE, TILE)) for picture in pictures])
        line[:22, : 14 + 8 * len(name)] = 0
        cv2.putText(line, name, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
        lines.append(line)
    coded = cv2.imencode(".webp", np.vstack(lines)[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, QUALITY])[1]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(coded.tobytes())


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = ("held-out", "known-answer", "real-source")
    parser.add_argument("--answers", type=Path)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--out", type=Path, default=paths.ASSETS / "readme")
    given = parser.parse_args()
    made = {"held-out": held_out}
    if given.answers is not None:
        made["known-answer"] = lambda: known_answer(given.answers)
    if given.source is not None:
        made["real-source"] = lambda: real_source(given.source)
    for part in given.only:
        if part in made:
            write_strip(given.out / f"{part}.webp", made[part]())
        else:
            print(f"{part} is passed over: its folder or video is not given")


if __name__ == "__main__":
    main()
