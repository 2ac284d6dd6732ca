"""How errors fall while something is trained, as one small picture: light for the browser, and it does not flicker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Final, TypeAlias

Points: TypeAlias = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 640, 220, 44, 26, 10
_COLOURS: Final = ("#5aaaff", "#ff8c5a")
_WORDS, _LEVELS = "#c3b9c9", "#3a3442"


def curve_svg(lines: Sequence[tuple[str, Points]], minutes: float) -> str:
    """An ``<svg>`` of errors over minutes.

    Args:
        lines: what each is called, and its (minutes, error) in order. They are drawn as shares of their own first error: what
            counts is which way they go.
        minutes: where the axis ends.
    """
    shares = [(name, _shares(points)) for name, points in lines]
    highest = max([1.0, *(share for _, points in shares for _, share in points)]) * 1.05
    end = max([minutes, *(minute for _, points in shares for minute, _ in points)]) or 1.0

    def at(minute: float, share: float) -> str:
        x = _LEFT + (_WIDTH - _LEFT - 10) * minute / end
        y = _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - share / highest)
        return f"{x:.1f},{y:.1f}"

    parts = []
    for level in (0.0, 0.5, 1.0):
        parts.append(f'<polyline points="{at(0, level)} {at(end, level)}" stroke="{_LEVELS}" stroke-width="1"/>')
        x, y = at(0, level).split(",")
        parts.append(
            f'<text x="{float(x) - 8:.0f}" y="{float(y) + 4:.0f}" text-anchor="end" fill="{_WORDS}">{level:g}</text>'
        )
    parts.append(
        f'<text x="{_WIDTH - 10}" y="{_HEIGHT - 6}" text-anchor="end" fill="{_WORDS}">{end:.0f} minutes</text>'
    )
    for place, ((name, points), colour) in enumerate(zip(shares, _COLOURS, strict=False)):
        drawn = " ".join(at(*point) for point in points)
        parts.append(
            f'<polyline class="line" points="{drawn}" stroke="{colour}" stroke-width="2.5" stroke-linejoin="round"/>'
        )
        parts.append(
            f'<text x="{_LEFT + 170 * place}" y="{_HEIGHT - 6}" fill="{colour}" font-weight="600">{escape(name)}</text>'
        )
    look = 'fill="none" font-family="sans-serif" font-size="13"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" {look}>'
        f"{''.join(parts)}</svg>"
    )


def _shares(points: Points) -> list[tuple[float, float]]:
    # a loss that diverges is no number in the end
    known = [(minute, error) for minute, error in points if math.isfinite(error)]
    first = next((error for _, error in known if error > 0), 1.0)
    return [(minute, error / first) for minute, error in known]
