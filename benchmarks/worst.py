"""The frames of a transfer that a viewer is most likely to call broken, on one sheet.

    python -m benchmarks.worst VIDEO [--target theo] [--generator realtime] [--out assets/readme/worst.webp]
        [--by akd | misplaced | extra | missing | worst_patch | pops]

Frames are ordered by how far the pose that is found in the result lies from the one that was asked for (AKD of that frame alone,
joints that are not found counting as far as anything in it). With ``--by`` a flaw of ``core.evaluation.flaws``, VIDEO is the id
of a bundled dance, whose right answer is known: frames are ordered by that flaw, and the right answer is shown below each.
Frames shown are at least half a second apart, so that one bad moment is there once; each has its second.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np

from benchmarks.quality import analysed, beside_answer
from core import paths
from core.bundled.dances import list_dances
from core.errors import UnusableInput
from core.evaluation.evaluate import Sample, danced, judge_flaws
from core.evaluation.flaws import Flaws
from core.evaluation.metrics import pose_error
from core.generators.registry import create_generator
from core.pose.detection import PeopleFinder
from core.pose.estimator import find_people
from core.pose.person_selection import body_of
from core.targets.store import load_target
from core.types import Frame

COLUMNS, ROWS = 8, 3
TILE = 192
APART = 0.5
"""Seconds between frames that are shown."""
MISSING = 60.0
"""What a joint that is not found counts, in pixels at 256: half a body."""


def badness(sample: Sample, finder: PeopleFinder) -> float:
    """Mean distance of the joints of one frame from where they were asked for, in pixels at 256."""
    if sample.asked is None:
        return 0.0
    people = finder.people(sample.output, 0.0)
    found = max((person.pose for person in people), key=lambda pose: body_of(pose).height, default=None)
    error = pose_error([sample.asked], [found], (sample.output.shape[1], sample.output.shape[0]))
    if np.isnan(error.mkr):
        return 0.0
    near = 0.0 if np.isnan(error.akd) else error.akd
    return near * (1 - error.mkr) + MISSING * error.mkr


def worst(errors: list[float], least_apart: int, count: int) -> list[int]:
    """Frames with the largest errors, no two of them nearer than ``least_apart``, in order of time."""
    chosen: list[int] = []
    for i in np.argsort(errors)[::-1].tolist():
        if all(abs(i - other) >= least_apart for other in chosen):
            chosen.append(i)
        if len(chosen) == count:
            break
    return sorted(chosen)


def tile(image: Frame, words: str) -> Frame:
    """A small picture with a word in its corner."""
    small = cv2.resize(image, (TILE, TILE), interpolation=cv2.INTER_AREA)
    small[: 18 if words else 0, : 10 + 8 * len(words)] = 0
    cv2.putText(small, words, (5, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(small, np.uint8)


def by_flaw(dance_id: str, target: str, generator: str, flaw: str, into: Path) -> None:
    """The sheet of a bundled dance by one flaw of ``core.evaluation.flaws``: what was made above what is right, the worst first.

    Raises:
        UnusableInput: there is no bundled dance of that id, or no answer to it.
    """
    dance = next((dance for dance in list_dances() if dance.id == dance_id), None)
    if dance is None:
        raise UnusableInput(f"{dance_id} is no bundled dance, and of others the right answer is not known.")
    analysis = analysed(dance.video)
    tiles: list[Frame] = []
    with load_target(target) as performer:
        made = danced(performer, create_generator(generator, performer), analysis)

        def shown() -> Iterator[Sample]:
            seconds = iter(analysis.seconds)
            for sample in beside_answer(performer, dance, made):
                if sample.reference is not None:
                    pair = tile(sample.output, f"{next(seconds):.1f} s"), tile(sample.reference, "")
                    tiles.append(np.vstack(pair))
                yield sample

        _, found = judge_flaws(shown())
    errors = [float(np.nan_to_num(getattr(flaws, flaw))) for flaws in found]
    chosen = worst(errors, round(APART * rate_of(analysis.seconds)), COLUMNS * ROWS)
    write_sheet([tiles[i] for i in sorted(chosen, key=errors.__getitem__, reverse=True)], into)
    print({"by": flaw, "median": round(float(np.median(errors)), 4), "worst": round(max(errors), 4)})


def rate_of(seconds: Sequence[float]) -> float:
    """Frames in a second."""
    return (len(seconds) - 1) / (seconds[-1] - seconds[0])


def write_sheet(tiles: list[Frame], into: Path) -> None:
    """The tiles in rows; the last row is filled with black."""
    tiles = tiles + [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    lines = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    coded = cv2.imencode(".webp", np.vstack(lines)[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 80])[1]
    into.write_bytes(coded.tobytes())


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path, help="a video, or with --by a flaw the id of a bundled dance")
    parser.add_argument("--target", default="theo")
    parser.add_argument("--generator", default="realtime")
    parser.add_argument("--out", type=Path, default=paths.ASSETS / "readme" / "worst.webp")
    flaws = [flaw.name for flaw in fields(Flaws) if flaw.name != "shift"]
    parser.add_argument("--by", choices=["akd", *flaws], default="akd", help="what frames are ordered by")
    given = parser.parse_args()
    if given.by != "akd":
        by_flaw(str(given.video), given.target, given.generator, given.by, given.out)
        return
    analysis = analysed(given.video)
    with load_target(given.target) as performer, find_people(tracking=False) as finder:
        errors, tiles = [], []
        generator = create_generator(given.generator, performer)
        for sample, second in zip(danced(performer, generator, analysis), analysis.seconds, strict=True):
            errors.append(badness(sample, finder))
            tiles.append(tile(sample.output, f"{second:.1f} s"))
    chosen = worst(errors, round(APART * rate_of(analysis.seconds)), COLUMNS * ROWS)
    write_sheet([tiles[i] for i in chosen], given.out)
    print(
        {"median": round(float(np.median(errors)), 2), "worst": round(errors[max(chosen, key=errors.__getitem__)], 2)}
    )


if __name__ == "__main__":
    main()
