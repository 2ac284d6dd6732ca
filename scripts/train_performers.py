"""Train what ships in ``weights/``: ``python -m scripts.train_performers [--minutes M] [GENERATOR...]``.

One run after the other, for both bundled performers, on the blocks split, so that the shipped weights are the ones that the
README's table judges.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from core import paths

PERFORMERS = ("mira", "theo")
MINUTES = {"mlp-se": 8.0}
"""On two cores without a GPU."""


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generators", nargs="*", default=list(MINUTES))
    parser.add_argument("--minutes", type=float, help="for each, instead of its own")
    given = parser.parse_args()
    for generator in given.generators:
        for performer in PERFORMERS:
            minutes = given.minutes or MINUTES[generator]
            what = ["--target", performer, "--generator", generator, "--split", "blocks", "--minutes", str(minutes)]
            # a process each: torch gives memory back only by ending
            subprocess.run([sys.executable, "-m", "core", "train", *what], check=True, cwd=paths.PROJECT)


if __name__ == "__main__":
    main()
