"""Run every kind of clip that public reports tell of, and print one line each: what was asked, what came out, right or wrong.

    python -m benchmarks.reports [NAME ...] [--clips FOLDER]

Clips are made from the bundled dances, unless ``--clips`` holds files of the same names. Ends with status 1 where one is wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.reports import camera, files, finding, placing, whom
from benchmarks.reports.case import Case, Outcome

CASES: tuple[Case, ...] = (*placing.CASES, *finding.CASES, *camera.CASES, *files.CASES, *whom.CASES)
"""Every kind, in the order in which they are printed."""


def run(case: Case, clips: Path | None, folder: Path) -> Outcome:
    """Judge the clip of that name in ``clips``; where there is none, one that is made in ``folder``."""
    given = None if clips is None else clips / case.name
    if given is not None and given.is_file():
        return case.judge(given)
    made = folder / case.name
    case.make(made)
    return case.judge(made)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of the names of clips; all unless given")
    parser.add_argument("--clips", type=Path, help="a folder of clips to judge instead of made ones")
    options = parser.parse_args()
    chosen = [case for case in CASES if not options.names or any(name in case.name for name in options.names)]
    print(machine()["cpu"])
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for case in chosen:
            outcome = run(case, options.clips, Path(folder))
            wrong += not outcome.right
            verdict = "right" if outcome.right else "WRONG"
            print(f"{verdict}  {case.name}: asked {case.asked}; came out {outcome.found}", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
