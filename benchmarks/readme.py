"""Puts the newest measurements into the README, between its ``measured`` marks: ``python -m benchmarks.readme``."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from statistics import median

from benchmarks.machine import RESULTS

README = Path(__file__).resolve().parent.parent / "README.md"
MARKS = re.compile(r"(<!-- measured -->\n).*?(<!-- /measured -->)", re.DOTALL)


def rows(table: str) -> list[dict[str, str]]:
    """The rows of the newest label in one table."""
    with (RESULTS / f"{table}.csv").open(newline="") as file:
        every = list(csv.DictReader(file))
    return [row for row in every if row["label"] == every[-1]["label"]]


def figures() -> list[tuple[str, str]]:
    """What was measured, and the number in words."""
    runs = rows("transfer")
    clip = runs[0]["clip"]
    once = [row for row in runs if row["clip"] == clip]
    longer = [row for row in runs if row["clip"] != clip]
    page = rows("page")[-1]
    poses = [row for row in rows("pose") if row["mode"] == "tracked"]

    def middle(column: str, of: list[dict[str, str]] = once) -> float:
        return median(float(row[column]) for row in of)

    def error(smoothing: str) -> float:
        return median(float(row["error"]) for row in poses if row["smoothing"] == smoothing)

    return [
        (f"{once[0]['frames']} frames of 960×720 to 512×512, `nearest`, file to file", f"{middle('fps'):.0f} frames a second"),
        ("the same in core-milliseconds", f"{middle('core_ms_per_frame'):.0f} a frame"),
        ("memory", f"{middle('peak_rss_mb'):.0f} MB; {middle('peak_rss_mb', longer):.0f} MB for a video five times as long"),
        ("`streamlit run` to a page that can be clicked", f"{float(page['start_to_clickable_s']):.1f} s"),
        ("click to the first picture of the performer", f"{float(page['click_to_preview_s']):.1f} s"),
        ("pose error against the known joints, files", f"{error('zero phase'):.3f} torso lengths"),
        ("pose error against the known joints, live", f"{error('one euro'):.3f} torso lengths"),
    ]  # fmt: skip


def main() -> None:
    """Rewrite the table."""
    table = "| | |\n|---|---|\n" + "".join(f"| {what} | {number} |\n" for what, number in figures())
    text = README.read_text(encoding="utf-8")
    README.write_text(MARKS.sub(lambda found: found[1] + table + found[2], text), encoding="utf-8")


if __name__ == "__main__":
    main()
