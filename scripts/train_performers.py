"""Train what ships in ``weights/``: ``python -m scripts.train_performers [--minutes M] [GENERATOR...]``.

One run after the other, on the blocks split, so that the shipped weights are the ones that the README's table judges: the whole
family for Mira, for Theo what is worth choosing. Those that begin with the weights of others come last.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from core import paths

BOTH, MIRA = ("mira", "theo"), ("mira",)
RUNS: dict[str, tuple[float, tuple[str, ...]]] = {
    "realtime": (20.0, BOTH),
    "mlp-se": (8.0, BOTH),
    "unet-attn": (10.0, BOTH),
    "unet": (5.0, MIRA),
    "mlp": (3.0, MIRA),
    "wgan-gp-unet": (4.0, BOTH),
    "gan-bce-unet": (4.0, MIRA),
    "gan-bce-mlp": (1.5, MIRA),
    "wgan-gp-mlp": (12.0, MIRA),
}
"""Minutes on two cores without a GPU, and whose."""


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generators", nargs="*", default=list(RUNS))
    parser.add_argument("--minutes", type=float, help="for each, instead of its own")
    given = parser.parse_args()
    for generator in given.generators:
        minutes, performers = RUNS[generator]
        for performer in performers:
            length = str(given.minutes or minutes)
            what = ["--target", performer, "--generator", generator, "--split", "blocks", "--minutes", length]
            # as what ships was trained: what others begin with has not seen these two, and is judged by them
            what.append("--from-nothing")
            # a process each: torch gives memory back only by ending
            subprocess.run([sys.executable, "-m", "core", "train", *what], check=True, cwd=paths.PROJECT)


if __name__ == "__main__":
    main()
