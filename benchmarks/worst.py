"""The frames of a transfer that a viewer is most likely to call broken, on one sheet.

    python -m benchmarks.worst VIDEO [--target theo] [--generator realtime] [--out assets/readme/worst.webp]

Frames are ordered by how far the pose that is found in the result lies from the one that was asked for (AKD of that frame alone,
joints that are not found counting as far as anything in it), and at least half a second apart, so that one bad moment is there
once. Only what was made is shown, each with its second.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from benchmarks.quality import analysed
from core import paths
from core.evaluate import Sample, danced
from core.generators.registry import create_generator
from core.metrics import pose_error
from core.pose.detection import PeopleFinder
from core.pose.estimator import find_people
from core.pose.person import body_of
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
    small[:18, : 10 + 8 * len(words)] = 0
    cv2.putText(small, words, (5, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
    return np.asarray(small, np.uint8)


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--target", default="theo")
    parser.add_argument("--generator", default="realtime")
    parser.add_argument("--out", type=Path, default=paths.ASSETS / "readme" / "worst.webp")
    given = parser.parse_args()
    analysis = analysed(given.video)
    with load_target(given.target) as performer, find_people(tracking=False) as finder:
        errors, tiles = [], []
        generator = create_generator(given.generator, performer)
        for sample, second in zip(danced(performer, generator, analysis), analysis.seconds, strict=True):
            errors.append(badness(sample, finder))
            tiles.append(tile(sample.output, f"{second:.1f} s"))
    seconds = analysis.seconds
    rate = (len(seconds) - 1) / (seconds[-1] - seconds[0])
    chosen = worst(errors, round(APART * rate), COLUMNS * ROWS)
    lines = [np.hstack([tiles[i] for i in chosen[row * COLUMNS : (row + 1) * COLUMNS]]) for row in range(ROWS)]
    coded = cv2.imencode(".webp", np.vstack(lines)[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, 80])[1]
    given.out.write_bytes(coded.tobytes())
    print(
        {"median": round(float(np.median(errors)), 2), "worst": round(errors[max(chosen, key=errors.__getitem__)], 2)}
    )


if __name__ == "__main__":
    main()
