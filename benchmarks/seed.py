"""The course project's table, by its own protocol and by one that does not leak: L1 at seed scale on its tai-chi frames.

    python -m benchmarks.seed FOLDER [--generators ...] [--splits random blocks] [--sizes 80] [--minutes M] [--label TEXT]

``FOLDER`` holds ``frames/NNNN.webp`` and ``landmarks.npz``. Builds a performer of it in a folder aside, trains every generator
on each split as ``python -m core train`` does, and appends to ``results/seed.csv`` what that found on the frames held out, which
are the performer's: the person on one still stage. Rows up to fd020df are of whole frames as they were filmed, and not to be
compared with later ones. ``--sizes`` are those of the canvas, which holds the person. ``mean picture`` is the mean of the frames
learnt from; ``nearest`` and ``nearest-frame`` learn nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.machine import append
from core import paths
from core.evaluation import metrics
from core.evaluation.evaluate import reenact
from core.networks.config import CONFIG, read_config
from core.targets.build import build_target
from core.targets.split import SplitName, parse_split, split_of
from core.targets.store import Target, load_target
from core.training.recipes import RECIPES

TARGET = "seed-frames"
MINUTES = {"random": 8.0, "blocks": 1.5}
"""A random split leaks, and rewards learning by heart; on blocks more time makes it worse."""
FURTHER = 0.5
"""Share of that for those that begin with another's weights."""


def baselines(target: Target, split: SplitName) -> Iterator[tuple[str, float]]:
    """What needs no training."""
    parts = split_of(target, split)
    seeds = np.stack([metrics.seed_scale(target.frames[i]) for i in range(target.manifest.frames)])
    mean = seeds[parts.train].mean(axis=0)
    yield "mean picture", float(np.abs(seeds[parts.held_out] - mean).mean()) * 2 / 255
    for name in ("nearest", "nearest-frame"):
        errors = [
            metrics.l1(metrics.seed_scale(sample.output), metrics.seed_scale(sample.reference))
            for sample in reenact(target, name, parts)
            if sample.reference is not None
        ]
        yield name, float(np.mean(errors))


def trained(generator: str, split: SplitName, size: int, minutes: float) -> tuple[float, int, float]:
    """Train in a process of its own; L1 on what was held out, epochs and minutes."""
    what = [
        "--target",
        TARGET,
        "--generator",
        generator,
        "--split",
        split,
        "--size",
        str(size),
        "--minutes",
        str(minutes),
    ]
    subprocess.run([sys.executable, "-m", "core", "train", *what], check=True, cwd=paths.PROJECT)
    with load_target(TARGET) as target:
        record = read_config(target.weight_file(generator, CONFIG)).training
    if record is None or record.held_out_l1 is None:
        raise RuntimeError(f"{generator} was trained and does not say how well")
    return record.held_out_l1, record.epochs, record.minutes


def main() -> None:
    """Train, measure, append."""
    family = sorted(
        RECIPES, key=lambda name: RECIPES[name].start is not None
    )  # those that others begin with come first
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--generators", nargs="*", default=family, choices=family)
    parser.add_argument("--splits", nargs="+", default=list(MINUTES), type=parse_split)
    parser.add_argument("--sizes", nargs="+", default=[80], type=int)
    parser.add_argument("--minutes", type=float, help="for each, instead of its own")
    parser.add_argument("--no-baselines", action="store_true")
    parser.add_argument("--label", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DANCE_DATA"] = os.environ["DANCE_CACHE"] = folder
        build_target(given.folder, id=TARGET, name="Seed frames").close()
        for split in given.splits:
            measured: list[dict[str, object]] = []
            if not given.no_baselines:
                with load_target(TARGET) as target:
                    measured = [{"generator": name, "l1_seed": round(l1, 5)} for name, l1 in baselines(target, split)]
            for row in measured:
                _note(given.label, split, row)
            for size in given.sizes:
                for generator in given.generators:
                    share = 1.0 if RECIPES[generator].start is None else FURTHER
                    l1, epochs, minutes = trained(generator, split, size, given.minutes or share * MINUTES[split])
                    row = {"generator": generator, "l1_seed": l1, "size": size, "epochs": epochs, "minutes": minutes}
                    _note(given.label, split, row)


def _note(label: str, split: SplitName, measured: dict[str, object]) -> None:
    row = {"label": label, "split": split, "generator": "", "size": "", "epochs": "", "minutes": "", "l1_seed": ""}
    append("seed", row | measured)


if __name__ == "__main__":
    main()
