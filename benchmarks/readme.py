"""Put the newest measurements between the marks of docs/benchmarks.md: ``python -m benchmarks.readme``."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from statistics import fmean, median

from benchmarks.machine import RESULTS
from benchmarks.pose import USED
from core.generators.registry import list_generators

PERFORMERS = ("mira", "theo")
PROJECT = Path(__file__).resolve().parent.parent
PAGE = PROJECT / "docs" / "benchmarks.md"

ERRORS = (
    ("L1", "box_l1_seed", "{:.3f}"),
    ("PSNR", "box_psnr", "{:.1f}"),
    ("SSIM", "box_ssim", "{:.3f}"),
    ("sharpness", "box_sharpness", "{:.2f}"),
)
PARTS = {
    "held out": (*ERRORS, ("AKD", "akd", "{:.1f}"), ("MKR", "mkr", "{:.1%}"), ("flicker", "flicker", "{:.2f}")),
    "known answer": (
        *ERRORS, ("AKD", "akd_known", "{:.1f}"), ("MKR", "mkr", "{:.1%}"), ("flicker", "flicker", "{:.2f}"),
        ("tOF", "tof", "{:.2f}"),
    ),
    "real source": (
        ("AKD", "akd", "{:.1f}"), ("MKR", "mkr", "{:.1%}"), ("flicker", "flicker", "{:.2f}"), ("jitter", "jitter", "{:.3f}"),
    ),
}  # fmt: skip
"""For each part of the quality table: heading, column of the CSV, and how its mean over sources is written."""
PUBLISHED = {"MLP": 0.077, "MLP + SE": 0.066, "U-Net": 0.078, "U-Net + attention": 0.056}
"""Of the course project, on 1497 frames, random split."""
BESIDE = "beside a training"
"""Label of transfers that were measured while the Train page's worker was training."""
DRAWN = "realtime"
"""The generator whose speed is told, for files and live."""
IDEALS = {"footage": "the footage itself", "answer": "the footage itself"}
"""Rows of what the best generator could score, in both parts that have one."""


START = (
    ("L1", "box_l1_seed", "{:.3f}"),
    ("sharpness", "box_sharpness", "{:.2f}"),
    ("AKD", "akd", "{:.1f}"),
    ("MKR", "mkr", "{:.1%}"),
)
"""Of trainings that begin with what many taught, and of those that begin with nothing."""
WAYS = {"many people": ("begun with what many taught", "#e4572e"), "nothing": ("begun with nothing", "#3b6fb6")}


def rows(table: str, **of: str) -> list[dict[str, str]]:
    """The rows of the newest label in one table, of those with these values, measured on an idle machine."""
    every = [row for row in _table(table) if all(row[column] == value for column, value in of.items())]
    every = [row for row in every if row["label"] != BESIDE]
    return [row for row in every if row["label"] == every[-1]["label"]]


def newest(table: str, *keys: str) -> list[dict[str, str]]:
    """The newest row for each value of ``keys``, in the order in which these first came: what did not change is not measured
    again."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for row in _table(table):
        found[tuple(row[key] for key in keys)] = row
    return list(found.values())


def _table(name: str) -> list[dict[str, str]]:
    with (RESULTS / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def figures() -> list[tuple[str, str]]:
    """What was measured, and the number in words."""
    runs = rows("transfer", generator="nearest")
    clip = runs[0]["clip"]
    once = [row for row in runs if row["clip"] == clip]
    others = [row for row in _table("transfer") if row["generator"] == "nearest" and row["clip"] != clip]
    longer = [row for row in others if row["label"] == others[-1]["label"]]
    page = rows("page")[-1]
    poses = rows("pose", mode=USED)
    live = [row for row in newest("live", "generator", "visitors") if row["generator"] == DRAWN]
    beside = [row for row in _table("transfer") if row["label"] == BESIDE and row["generator"] == DRAWN][-1]
    picture = newest("realtime", "generator", "limit")
    (full,) = (row for row in picture if row["generator"] == DRAWN and not row["limit"])
    alone, two = sorted(live, key=lambda row: row["visitors"])
    slow = [row for row in picture if row["generator"] == f"{DRAWN}, smaller" and row["limit"]]
    parts = {row["performer"]: row for row in newest("features", "performer", "generator") if row["generator"] == DRAWN}
    kept = [
        f"{float(row['share of faces']):.0%} and {float(row['share of hands']):.0%} ({who})"
        for who, row in parts.items()
    ]
    grid = rows("compare")[-1]
    more = float(grid["peak_rss_mb"]) - float(grid["single peak_rss_mb"])
    together = (
        f"{float(grid['seconds']):.0f} s, {float(grid['share of the goal']):.2f} times that; one after the other "
        f"{float(grid['one after the other']):.0f} s; {more:.0f} MB more than one alone"
    )
    shared = f"{float(two['different_fps']):.0f}, {two['p95_ms']} ms late at p95"
    later = [float(alone[f"p{part}_ms"]) - float(alone[f"untouched_p{part}_ms"]) for part in (50, 95)]

    def middle(column: str, of: list[dict[str, str]] = once) -> float:
        return median(float(row[column]) for row in of)

    def error(smoothing: str) -> float:
        return median(float(row["error"]) for row in poses if row["smoothing"] == smoothing)

    def whole_chain(name: str) -> tuple[str, str]:
        of = rows("transfer", generator=name)
        speed, cost = middle("fps", of), middle("core_ms_per_frame", of)
        return f"the same with `{name}`", f"{speed:.0f} frames a second, {cost:.0f} core-milliseconds a frame"

    return [
        (f"{once[0]['frames']} frames of 960×720 to 512×512, `nearest`, file to file", f"{middle('fps'):.0f} frames a second"),
        ("the same in core-milliseconds", f"{middle('core_ms_per_frame'):.0f} a frame"),
        whole_chain(DRAWN),
        (f"the same {BESIDE} on the same two cores", f"{float(beside['fps']):.0f} frames a second"),
        whole_chain("unet-attn"),
        (f"one picture of `{DRAWN}`, 512×512", f"{float(full['p50 ms']):.1f} ms, {float(full['core ms']):.0f} core-ms"),
        *((f"the same, smaller, limited to {row['limit']}", f"{1000 / float(row['p50 ms']):.0f} a second") for row in slow),
        (f"faces and hands of the footage that are found in `{DRAWN}`'s pictures, held-out moves", ", ".join(kept)),
        ("memory", f"{middle('peak_rss_mb'):.0f} MB; {middle('peak_rss_mb', longer):.0f} MB for a video five times as long"),
        ("`streamlit run` to a page that can be clicked", f"{float(page['start_to_clickable_s']):.1f} s"),
        ("click to the first picture of the performer", f"{float(page['click_to_preview_s']):.1f} s"),
        (f"different pictures a second, live with `{DRAWN}` beside its Chromium", f"{float(alone['different_fps']):.0f}"),
        ("later than the camera passed through untouched", f"{later[0]:.0f} ms in the middle, {later[1]:.0f} ms at p95"),
        ("START to the first picture", f"{float(alone['first_s']):.1f} s"),
        ("different pictures a second for each of two at once", shared),
        ("four generators compared, at most what they take alone and all else once", together),
        ("pose error against the known joints, files", f"{error('zero phase'):.3f} torso lengths"),
        ("pose error against the known joints, live", f"{error('one euro'):.3f} torso lengths"),
    ]  # fmt: skip


def quality(performer: str) -> str:
    """A table for each part, of all generators of one performer: means over dances where there are several."""
    every = newest("quality", "part", "performer", "source", "generator")
    parts = []
    for part, columns in PARTS.items():
        mine = [row for row in every if row["performer"] == performer and row["part"] == part]
        names = sorted({row["generator"] for row in mine}, key=_order)
        lines = [
            f"| {part} | " + " | ".join(heading for heading, _, _ in columns) + " |",
            "|---" * (len(columns) + 1) + "|",
        ]
        for name in names:
            values = [row for row in mine if row["generator"] == name]
            cells = [_mean(values, column, form) for _, column, form in columns]
            lines.append(f"| {IDEALS.get(name, f'`{name}`')} | " + " | ".join(cells) + " |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _order(name: str) -> tuple[int, str]:
    """Ideals first, then as pages offer them."""
    offered = [spec.name for spec in list_generators()]
    return (offered.index(name) if name in offered else -1), name


def _mean(of: list[dict[str, str]], column: str, form: str) -> str:
    values = [float(row[column]) for row in of if row[column]]
    return form.format(fmean(values)) if values else "–"


def seed() -> str:
    """The course project's table beside ours: L1 at seed scale."""
    measured = newest("seed", "split", "generator", "size")
    lines = ["| | random split | held-out blocks |", "|---|---|---|"]
    lines += [f"| course project: {name}, as published | {l1:.3f} | – |" for name, l1 in PUBLISHED.items()]
    for name, size in dict.fromkeys((row["generator"], row["size"]) for row in measured):
        cells = []
        for split in ("random", "blocks"):
            found = [row for row in measured if (row["generator"], row["size"], row["split"]) == (name, size, split)]
            cells.append(f"{float(found[0]['l1_seed']):.3f}" if found else "–")
        what = name if name == "mean picture" else f"`{name}`"
        lines.append(f"| {what}{f', {size} pixels wide' if size else ''} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines) + "\n"


def training() -> str:
    """Seconds an epoch takes, ours beside a plain loop."""
    measured = rows("training")
    lines = ["| network | parameters | plain loop | ours | | ours, once before |", "|---|---|---|---|---|---|"]
    for name in dict.fromkeys(row["network"] for row in measured):
        taken = {row["loop"]: float(row["seconds_per_epoch"]) for row in measured if row["network"] == name}
        (before,) = {row["prepare_seconds"] for row in measured if (row["network"], row["loop"]) == (name, "ours")}
        (size,) = {int(row["parameters"]) for row in measured if row["network"] == name}
        share = taken["plain"] / taken["ours"]
        lines.append(
            f"| {name} | {size / 1e6:.1f} M | {taken['plain']:.1f} s | {taken['ours']:.1f} s | {share:.1f} times "
            f"| {float(before):.1f} s |"
        )
    return "\n".join(lines) + "\n"


def start() -> str:
    """What a start is worth: each way as it ends, on each footage; and what learns nothing."""
    measured = newest("start", "footage", "generator", "begun with", "minutes")
    lines = ["| footage | generator | begins with | minutes | L1 | sharpness | AKD | MKR |", "|---" * 8 + "|"]
    ways = dict.fromkeys((row["footage"], row["generator"], row["begun with"]) for row in measured)
    for footage, generator, way in ways:
        *_, last = _way(measured, footage, generator, way)
        learnt = f"{way or '–'} | {float(last['minutes']):.0f}" if way else "– | –"
        figures = [form.format(float(last[column])) for _, column, form in START]
        lines.append(f"| {footage} | `{generator}` | {learnt} | {' | '.join(figures)} |")
    return "\n".join(lines) + "\n"


def _way(measured: list[dict[str, str]], *way: str) -> list[dict[str, str]]:
    """The rows of one way to learn one generator from one footage, of its newest label, by minutes."""
    mine = [row for row in measured if (row["footage"], row["generator"], row["begun with"]) == way]
    return sorted((row for row in mine if row["label"] == mine[-1]["label"]), key=lambda row: float(row["minutes"]))


def start_picture(into: Path) -> None:
    """The same over the minutes: a row for each footage and generator, a column for each measure."""
    from matplotlib.figure import Figure

    measured = newest("start", "footage", "generator", "begun with", "minutes")
    learnt = list(dict.fromkeys((row["footage"], row["generator"]) for row in measured if row["begun with"]))
    figure = Figure(figsize=(10, 2.1 * len(learnt)), layout="constrained")
    grid = figure.subplots(len(learnt), 3, squeeze=False)
    for (footage, generator), row in zip(learnt, grid, strict=True):
        for (title, column, _), panel in zip(START[:3], row, strict=True):
            for way, (words, colour) in WAYS.items():
                points = _way(measured, footage, generator, way)
                minutes = [float(point["minutes"]) for point in points]
                panel.plot(
                    minutes, [float(point[column] or "nan") for point in points], "o-", color=colour, label=words, ms=4
                )
            still = [row for row in measured if row["footage"] == footage and not row["begun with"]]
            panel.axhline(level := float(still[-1][column]), color="#888888", ls="--", label="nearest")
            # what draws a wall knows none at first: that would press everything else flat
            later = [float(r[column] or "nan") for way in WAYS for r in _way(measured, footage, generator, way)[1:]]
            low, high = min([*later, level]), max([*later, level])
            room = 0.15 * (high - low) or 0.1
            panel.set_ylim(low - room, high + room)
            panel.set_title(f"{footage}, {generator}: {title}", fontsize=9)
            panel.tick_params(labelsize=8)
    for panel in grid[-1]:
        panel.set_xlabel("minutes of training", fontsize=8)
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
    figure.savefig(into, dpi=90, pil_kwargs={"quality": 80, "method": 6})


def main() -> None:
    """Rewrite all tables."""
    speed = "| | |\n|---|---|\n" + "".join(f"| {what} | {number} |\n" for what, number in figures())
    text = PAGE.read_text(encoding="utf-8")
    tables = [("measured", speed), ("seed", seed()), ("training", training()), ("start", start())]
    tables += [(f"quality-{performer}", quality(performer)) for performer in PERFORMERS]
    for name, table in tables:
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text = marks.sub(lambda found, table=table: found[1] + table + found[2], text)  # type: ignore[misc]
    PAGE.write_text(text, encoding="utf-8")
    start_picture(PROJECT / "assets" / "readme" / "start.webp")


if __name__ == "__main__":
    main()
