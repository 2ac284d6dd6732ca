"""Take every hostile file to every entrance and print what happens.

    python -m benchmarks.hostile [NAME ...] [--entrance NAME] [--all] [--table docs/trust.md]

Each file goes to the entrances that are meant for its kind, and with ``--all`` to all of them. Ends with status 1 where one did
anything but use the file or refuse it in one sentence, within 20 s and 1 GB, with nothing left and nothing fetched.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from benchmarks.hostile.corpus import HostileFile, make_corpus
from benchmarks.hostile.entrances import ENTRANCES, Listener, Outcome, take
from benchmarks.hostile.forking import ForkServer
from benchmarks.machine import machine


def _table(outcomes: dict[str, list[Outcome]]) -> str:
    lines = [
        "| entrance | files | used | refused | wrong | longest | most processor time | most memory |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, found in outcomes.items():
        used, wrong = sum(o.used for o in found), sum(bool(o.wrong) for o in found)
        lines.append(
            f"| {name} | {len(found)} | {used} | {len(found) - used} | {wrong} | "
            f"{max(o.ended.seconds for o in found):.1f} s | "
            f"{max(o.ended.processor_seconds for o in found):.1f} s | {max(o.ended.megabytes for o in found):.0f} MB |"
        )
    return "\n".join(lines)


def _said(file: HostileFile, entrance: str, outcome: Outcome) -> str:
    verdict = "WRONG" if outcome.wrong else "used " if outcome.used else "no   "
    what = "; ".join(outcome.wrong) or outcome.ended.errors.strip().split("\n")[-1][:160]
    name = file.path.name.encode("unicode_escape").decode()[:40]
    took = f"{outcome.ended.seconds:5.1f} s ({outcome.ended.processor_seconds:.1f}) {outcome.ended.megabytes:5.0f} MB"
    return f"{verdict} {took}  {entrance}: {name} ({file.attack}): {what}"


def _put(document: Path, table: str) -> None:
    """Replace what stands between the document's marks."""
    text = document.read_text(encoding="utf-8")
    marks = re.compile(r"(<!-- hostile -->\n).*?(<!-- /hostile -->)", re.DOTALL)
    document.write_text(marks.sub(lambda found: found[1] + table + found[2], text), encoding="utf-8")


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of the names of files; all unless given")
    parser.add_argument("--all", action="store_true", help="every file to every entrance")
    parser.add_argument("--entrance", help="this entrance alone")
    parser.add_argument("--table", type=Path, help="a document to put the table into")
    options = parser.parse_args()
    outcomes: dict[str, list[Outcome]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, Listener() as listener, ForkServer() as server:
        files = make_corpus(Path(folder), listener.address)
        files = [f for f in files if not options.names or any(name in f.path.name for name in options.names)]
        for entrance in ENTRANCES:
            if options.entrance not in (None, entrance.name):
                continue
            for file in files:
                if options.all or file.kind == entrance.kind:
                    outcome = take(entrance, file.path, server, listener)
                    outcomes[entrance.name].append(outcome)
                    print(_said(file, entrance.name, outcome), flush=True)
    table = _table(outcomes)
    print(machine()["cpu"], table, sep="\n")
    if options.table is not None:
        _put(options.table, f"{machine()['cpu']}\n\n{table}\n")
    sys.exit(any(outcome.wrong for found in outcomes.values() for outcome in found))


if __name__ == "__main__":
    main()
