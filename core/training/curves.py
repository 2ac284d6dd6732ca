"""A run's curves as a picture, for whoever trains without a page: ``curves.svg`` from ``metrics.csv``."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

Points: TypeAlias = list[tuple[float, float]]

_WIDTH, _HEIGHT, _MARGIN = 640, 220, 48
_PANELS: Final = (
    ("mean absolute error", (("loss", "learnt from", "#3b6fb6"), ("validation_l1", "held out", "#d1495b"))),
    ("against the critic", (("critic", "critic's loss", "#6b4fa0"), ("asked", "asked of the generator", "#2a9d8f"))),
)
"""Title of each panel; column of the CSV, what it is called, and its colour."""


def write_curves(metrics: Path, picture: Path) -> None:
    """Draw what ``metrics`` holds over the minutes: errors, and where there was a critic both sides' losses.

    Raises:
        OSError: a file cannot be read or written.
    """
    with metrics.open(newline="") as file:
        rows = list(csv.DictReader(file))
    panels: list[str] = []
    for title, columns in _PANELS:
        lines = [(name, colour, _points(rows, column)) for column, name, colour in columns]
        if any(points for _, _, points in lines):
            panels.append(_panel(title, lines, len(panels) * _HEIGHT))
    height = max(len(panels), 1) * _HEIGHT
    picture.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12">'
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>{"".join(panels)}</svg>\n'
    )


def _points(rows: Sequence[dict[str, str]], column: str) -> Points:
    return [(float(row["minutes"]), float(row[column])) for row in rows if row.get(column)]


def _panel(title: str, lines: list[tuple[str, str, Points]], top: int) -> str:
    every = [point for _, _, points in lines for point in points]
    last = max(x for x, _ in every) or 1.0
    low, high = min(y for _, y in every), max(y for _, y in every)
    if low == high:
        low, high = low - 0.5, high + 0.5
    left, right, bottom = _MARGIN, _WIDTH - _MARGIN / 2, top + _HEIGHT - 28
    upper = top + 30

    def at(x: float, y: float) -> str:
        return f"{left + (right - left) * x / last:.1f},{bottom - (bottom - upper) * (y - low) / (high - low):.1f}"

    parts = [f'<text x="{left}" y="{top + 18}" font-weight="bold">{title}</text>']
    for level in (low, (low + high) / 2, high):
        start, end = at(0, level), at(last, level)
        parts.append(f'<polyline points="{start} {end}" stroke="#ddd" fill="none"/>')
        parts.append(f'<text x="4" y="{float(start.partition(",")[2]) + 4:.1f}" fill="#666">{level:.3g}</text>')
    parts.append(f'<text x="{right}" y="{bottom + 18}" text-anchor="end" fill="#666">{last:.1f} minutes</text>')
    for place, (name, colour, points) in enumerate((n, c, p) for n, c, p in lines if p):
        parts.append(
            f'<polyline points="{" ".join(at(*p) for p in points)}" stroke="{colour}" stroke-width="2" fill="none"/>'
        )
        x = left + 180 + 170 * place
        parts.append(f'<text x="{x}" y="{top + 18}" fill="{colour}">{name}</text>')
    return "".join(parts)
