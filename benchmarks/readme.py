"""Puts the newest measurements between the README's ``measured`` and ``quality`` marks: ``python -m benchmarks.readme``."""

from __future__ import annotations

import argparse
import csv
import re
from pathlib import Path
from statistics import fmean, median

from PIL import Image

from benchmarks.machine import RESULTS
from benchmarks.quality import TILE
from core.paths import ASSETS

PERFORMERS = ("mira", "theo")
README = Path(__file__).resolve().parent.parent / "README.md"

QUALITY = (
    ("held out", "SSIM", "box_ssim", "{:.3f}"),
    ("held out", "PSNR", "person_psnr", "{:.1f}"),
    ("held out", "sharpness", "box_sharpness", "{:.2f}"),
    ("known answer", "SSIM", "box_ssim", "{:.3f}"),
    ("known answer", "AKD", "akd_known", "{:.1f}"),
    ("real source", "AKD", "akd", "{:.1f}"),
    ("real source", "MKR", "mkr", "{:.1%}"),
    ("real source", "flicker", "flicker", "{:.2f}"),
    ("real source", "jitter", "jitter", "{:.3f}"),
)
"""Part of the quality table, heading, column of the CSV, and how its mean over performers and dances is written."""
STRIPS = {
    "held-out": ("held-out-mira-blocks.webp", 0),
    "known-answer": ("known-answer-theo-lina-disco.webp", 0),
    "real-source": ("real-source-theo-taichi2.mp4.webp", 1),
}
"""Picture of the README, the strip it is, and how many of its rows are left out."""
IDEALS = {"footage": "the footage itself", "answer": "the footage itself"}
"""Rows of what the best generator could score, in both parts that have one."""


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


def quality() -> str:
    """The table of all generators: means over performers, and dances where there are several."""
    measured = [row for row in rows("quality") if row["performer"] in PERFORMERS]
    names = list(dict.fromkeys(IDEALS.get(row["generator"], f"`{row['generator']}`") for row in measured))
    lines = [
        "| | " + " | ".join(f"{part}: {heading}" for part, heading, _, _ in QUALITY) + " |",
        "|---" * (len(QUALITY) + 1) + "|",
    ]
    for name in names:
        mine = [row for row in measured if IDEALS.get(row["generator"], f"`{row['generator']}`") == name]
        cells = [_mean(mine, part, column, form) for part, _, column, form in QUALITY]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _mean(of: list[dict[str, str]], part: str, column: str, form: str) -> str:
    values = [float(row[column]) for row in of if row["part"] == part and row[column]]
    return form.format(fmean(values)) if values else "–"


def pictures(strips: Path) -> None:
    """Strips of ``benchmarks.quality`` for the README; of the real source only what was made, for its frames are not ours."""
    for name, (strip, skipped) in STRIPS.items():
        with Image.open(strips / strip) as picture:
            shown = picture.crop((0, skipped * TILE, picture.width, picture.height))
            shown.save(ASSETS / "readme" / f"{name}.webp", quality=75, method=6)


def main() -> None:
    """Rewrite both tables, and with ``--strips`` the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strips", type=Path, help="the folder that benchmarks.quality --strips wrote")
    given = parser.parse_args()
    if given.strips is not None:
        pictures(given.strips)
    speed = "| | |\n|---|---|\n" + "".join(f"| {what} | {number} |\n" for what, number in figures())
    text = README.read_text(encoding="utf-8")
    for name, table in (("measured", speed), ("quality", quality())):
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text = marks.sub(lambda found, table=table: found[1] + table + found[2], text)  # type: ignore[misc]
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
