"""What a start is worth: warm against from nothing, on footage that no start has seen.

    python -m benchmarks.start SOURCE --name NAME [--generators realtime unet-attn] [--warm 5] [--nothing 20] [--label TEXT]

Builds a performer of ``SOURCE`` (a video, or a folder of frames) in a folder aside, as the Train page does, trains on the blocks
split, and stops the clock now and then to judge what is learnt so far by the moves that were held out. ``--warm 0`` or
``--nothing 0`` leaves one of the two ways out. Appends to ``results/start.csv``; ``nearest``, which learns nothing, is there to
compare with. Rows of a camera that moves, up to fd020df, are of whole frames: now the person is always cut out.
``python -m benchmarks.readme`` makes the table and the curves of it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks.machine import append
from benchmarks.quality import figures
from core import paths
from core.evaluation.evaluate import judge, reenact
from core.pipeline import performer_statistics
from core.targets.build import build_target
from core.targets.split import split_of
from core.targets.store import load_target
from core.training.train import TrainingConfig, train
from core.training.trainer import TrainingBudget, TrainingProgress

TARGET: Final = "kept-out"
MOMENTS: Final = (0.0, 1.0, 2.5, 5.0, 10.0)
"""Minutes after which it is judged; and at the end."""
COLUMNS: Final = ("frames", "l1_seed", "box_l1_seed", "box_psnr", "box_ssim", "box_sharpness", "akd", "mkr", "flicker")


def judged(generator: str) -> dict[str, object]:
    """How well the performer's generator shows what was held out."""
    with load_target(TARGET) as target:
        torso = performer_statistics(target).near[1]
        made = figures(judge(reenact(target, generator, split_of(target, "blocks")), torso))
    return {column: made[column] for column in COLUMNS}


def taught(generator: str, minutes: float, *, warm: bool, keep: Callable[[float, dict[str, object]], None]) -> None:
    """Train for so long, and judge on the way."""
    left = [moment for moment in MOMENTS if moment < minutes]

    def watch(moment: TrainingProgress, give: Callable[[], None]) -> None:
        if left and moment.minutes >= left[0]:
            del left[0]
            give()
            keep(moment.minutes, judged(generator))

    with load_target(TARGET) as target:
        trained = train(
            target, TrainingConfig(generator, length=TrainingBudget(minutes=minutes), warm=warm), watch=watch
        )
    keep(trained.minutes, judged(generator))


def main() -> None:
    """Build, train both ways, append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--name", required=True, help="of whoever is in it, for the table")
    parser.add_argument("--generators", nargs="*", default=["realtime", "unet-attn"])
    parser.add_argument("--warm", type=float, default=5.0, help="minutes")
    parser.add_argument("--nothing", type=float, default=20.0, help="minutes")
    parser.add_argument("--label", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DANCE_DATA"] = os.environ["DANCE_CACHE"] = folder
        build_target(given.source, id=TARGET, name=given.name, into=paths.user_performers())

        def keep(generator: str, way: str, minutes: float, made: dict[str, object]) -> None:
            row = {
                "label": given.label,
                "footage": given.name,
                "generator": generator,
                "begun with": way,
                "minutes": round(minutes, 2),
                **made,
            }
            append("start", row)
            print(row, flush=True)

        keep("nearest", "", 0.0, judged("nearest"))
        for generator in given.generators:
            for way, minutes in (("many people", given.warm), ("nothing", given.nothing)):
                if minutes:
                    taught(
                        generator,
                        minutes,
                        warm=way != "nothing",
                        keep=lambda at, made, generator=generator, way=way: keep(generator, way, at, made),  # type: ignore[misc]
                    )


if __name__ == "__main__":
    main()
