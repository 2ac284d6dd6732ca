"""What a comparison costs: several generators at once against each of them alone, and its memory.

    python -m benchmarks.compare CLIP [--target mira] [--generators NAME...] [--runs 3] [--label TEXT]

The goal: at most the sum of the generators' own times, and one pass of everything else: what is left of one transfer with the
skeleton beside it, as a grid has, when its generator's time is taken off. Single transfers and the comparison take turns, each in
a process of its own. Appends to ``results/compare.csv``. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.machine import append

PROJECT: Final = Path(__file__).resolve().parent.parent
GENERATORS: Final = ("realtime", "unet-attn", "nearest", "mlp-se")


def run(folder: Path, *words: str) -> dict[str, Any]:
    """What a command of ``python -m core`` reports of itself."""
    report = folder / "report.json"
    command = [sys.executable, "-m", "core", *words, "--output", str(folder / "out.mp4"), "--report", str(report)]
    subprocess.run(command, check=True, cwd=PROJECT, stdout=subprocess.DEVNULL)
    made: dict[str, Any] = json.loads(report.read_text())
    return made


def generating(report: dict[str, Any]) -> float:
    """Seconds in which pictures were generated."""
    return float(sum(stage["seconds"] for name, stage in report["stages"].items() if name.startswith("generate")))


def measured(clip: str, target: str, generators: Sequence[str], folder: Path) -> dict[str, object]:
    """One round: every generator alone, and all together."""
    alone = [
        run(folder, "transfer", clip, "--target", target, "--generator", name, "--layout", "triptych")
        for name in generators
    ]
    together = run(folder, "compare", clip, "--target", target, *(w for n in generators for w in ("--generator", n)))
    own = sum(generating(report) for report in alone)
    other = statistics.median(report["seconds"] - generating(report) for report in alone)
    return {
        "clip": Path(clip).name,
        "frames": together["frames_out"],
        "target": target,
        "generators": " ".join(generators),
        "seconds": together["seconds"],
        "generating": round(generating(together), 3),
        "generating alone": round(own, 3),
        "everything else once": round(other, 3),
        "share of the goal": round(together["seconds"] / (own + other), 3),
        "one after the other": round(sum(report["seconds"] for report in alone), 3),
        "peak_rss_mb": together["peak_rss_mb"],
        "single peak_rss_mb": max(report["peak_rss_mb"] for report in alone),
    }


def main() -> None:
    """Measure and append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", help="a video, or the name of a bundled dance")
    parser.add_argument("--target", default="mira")
    parser.add_argument("--generators", nargs="+", default=GENERATORS)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--label", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for _ in range(given.runs):
            row = {"label": given.label, **measured(given.clip, given.target, given.generators, Path(name))}
            append("compare", row)
            print(row, flush=True)


if __name__ == "__main__":
    main()
