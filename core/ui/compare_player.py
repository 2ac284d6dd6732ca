"""The player of the Compare page: one grid video, whose tiles the browser cuts out, so that nothing can run apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from core.ui.images import video_address

if TYPE_CHECKING:
    from core.evaluation.grid import Tile
    from core.evaluation.report import Better

_HERE: Final = Path(__file__)
# Once: Streamlit knows components by name, for all visitors.
_COMPONENT: Final = st.components.v2.component(
    "everybody_dance_reel",
    html=_HERE.with_name("compare_player.html").read_text(encoding="utf-8"),
    css=_HERE.with_name("compare_player.css").read_text(encoding="utf-8"),
    js=_HERE.with_name("compare_player.js").read_text(encoding="utf-8"),
)
_DIGITS: Final = 5


@dataclass(frozen=True, slots=True)
class ReelCurve:
    """One measure over time.

    Attributes:
        lines: the name of a tile and its value at every frame, None where there is none.
    """

    name: str
    title: str
    unit: str
    better: Better
    lines: tuple[tuple[str, tuple[float | None, ...]], ...]


def reel(
    video: Path,
    size: tuple[int, int],
    times: Sequence[float],
    tiles: Sequence[Tile],
    curves: Sequence[ReelCurve],
    *,
    key: str,
) -> int:
    """Show the player; returns the number of the frame that it rests on, 0 before anybody moved it.

    While it plays it does not report, and so does not rerun anything.

    Args:
        video: H.264 in mp4. Where it is gone, the player says so.
        size: (width, height) of the video.
        times: seconds of every frame, from 0 on.
        curves: measures to draw below the pictures, in the order of their pills; none of them for no drawing.
        key: of this comparison; the browser keeps its place by it.
    """
    data = _data(video_address(video, f"reel.{key}"), size, times, tiles, curves) | {"key": key}
    result = _COMPONENT(key=key, data=data, default={"frame": 0}, on_frame_change=lambda: None)
    return _frame(result.get("frame"), len(times))


def _data(
    url: str, size: tuple[int, int], times: Sequence[float], tiles: Sequence[Tile], curves: Sequence[ReelCurve]
) -> dict[str, Any]:
    """What ``reel.js`` gets, of nothing but what JSON knows."""
    return {
        "url": url,
        "size": [int(side) for side in size],
        "times": [float(time) for time in times],
        "tiles": [
            {"name": tile.name, "title": tile.title, "kind": tile.kind, "box": [int(side) for side in tile.box]}
            for tile in tiles
        ],
        "curves": [
            {
                "name": curve.name,
                "title": curve.title,
                "unit": curve.unit,
                "better": curve.better,
                "lines": [[name, [_value(value) for value in values]] for name, values in curve.lines],
            }
            for curve in curves
        ],
    }


def _value(value: float | None) -> float | None:
    """Short, as it only becomes a line; what is no number is a gap, since JSON has no word for it."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{_DIGITS}g}")


def _frame(told: object, count: int) -> int:
    """The frame that a browser, which may tell anything, has told."""
    if not isinstance(told, int) or isinstance(told, bool):
        return 0
    return max(0, min(told, count - 1))
