"""Make footage that is hard to use, with known answers.

    python -m scripts.hard_footage OUT [KIND...] [--seconds 16] [--seed 0]

Without KIND all of them are made, and the still ones with which they are compared.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .film import SECONDS, film
from .kinds import KINDS, STILL


def main() -> None:
    """Make the clips that the command line names."""
    parser = argparse.ArgumentParser(description="Footage that is hard to use, with known answers.")
    parser.add_argument("out", type=Path)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join([*KINDS, *STILL]))
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    for name in asked.kinds or [*KINDS, *STILL]:
        if name not in KINDS and name not in STILL:
            parser.error(f"there is no kind '{name}'; there are {', '.join([*KINDS, *STILL])}")
        print(film(name, asked.out, seconds=asked.seconds, seed=asked.seed))


if __name__ == "__main__":
    main()
