"""Black bars around a video: of a film shown on a screen of another shape, or of upright footage made wide by an app.

They belong neither to the person nor to the place: whoever looks at footage cuts them off first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.errors import UnusableInput
from core.types import Frame
from core.video.probe import probe
from core.video.reader import Budget, VideoReader

_SIDE: Final = 640
_PICTURES: Final = 12
_BLACK: Final = 16
"""Grey levels up to which a pixel of a bar is black: coders leave some noise."""
_LIT: Final = 30
_BLACK_SHARE: Final = 0.95
"""Of an empty line of a bar."""
_LETTERED_SHARE: Final = 0.4
"""Of a line of a bar that has letters in it."""
_EMPTY_LINES: Final = 0.4
"""Share of a bar's lines that have no letters."""
_LIT_SHARE: Final = 0.25
"""Of the first line beside a bar. Before a black curtain, or in a dark room, nothing there has a straight edge."""
_THINNEST: Final = 0.01
_WIDEST: Final = 0.45
"""Shares of the picture's side that one bar takes."""
_SOFT: Final = 1
"""Pixels beside a bar that a coder has darkened."""


@dataclass(frozen=True, slots=True)
class Bars:
    """The shares of a picture's width and height that bars take at each of its sides; all 0 where there are none."""

    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0

    def inside(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """The rows and columns between the bars of a picture of ``size`` (width, height): nothing of a bar is left."""
        width, height = size
        rows = slice(_up(self.top * height), height - _up(self.bottom * height))
        return rows, slice(_up(self.left * width), width - _up(self.right * width))

    def left_of(self, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) between the bars of a picture of ``size``."""
        rows, columns = self.inside(size)
        return columns.stop - columns.start, rows.stop - rows.start

    def cut(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """``picture`` (height, width, ...) without its bars; the same array where there are none."""
        if self == Bars():
            return picture
        return np.ascontiguousarray(picture[self.inside((picture.shape[1], picture.shape[0]))])


def find_bars(path: Path) -> Bars:
    """The bars that a video has from its beginning to its end, from pictures spread over it.

    Raises:
        NotAVideo: ``path`` is none.
    """
    duration = probe(path).duration
    if duration is None:
        with VideoReader(path, max_side=_SIDE, every=0.5, budget=Budget(frames=_PICTURES)) as reader:
            return bars_in([frame.image for frame in reader])
    pictures = []
    for start in np.linspace(0.0, duration, _PICTURES, endpoint=False).tolist():
        # a file may end before it says so
        with contextlib.suppress(UnusableInput), VideoReader(path, start=start, max_side=_SIDE) as reader:
            pictures.append(next(iter(reader)).image)
    return bars_in(pictures)


def bars_in(pictures: Sequence[Frame]) -> Bars:
    """The bars that most of ``pictures``, all of one size, have in the same place.

    A bar is black all along one side and ends in a straight edge, beyond which the picture is lit. Letters that come and go in
    it, as subtitles do, do not matter, nor does a logo.
    """
    usual = np.median(np.stack([picture.max(axis=2) for picture in pictures]), axis=0)
    top, bottom = _at_both_ends(usual)
    between = usual[top : usual.shape[0] - bottom]
    left, right = _at_both_ends(between.T)
    # a bar at the side is seen best without those above and below, and the other way round
    top, bottom = _at_both_ends(usual[:, left : usual.shape[1] - right])
    height, width = usual.shape
    return Bars(left / width, top / height, right / width, bottom / height)


def _at_both_ends(lines: NDArray[np.floating]) -> tuple[int, int]:
    """How many of the first and of the last rows belong to a bar."""
    return _at_start(lines), _at_start(lines[::-1])


def _at_start(lines: NDArray[np.floating]) -> int:
    black = (lines <= _BLACK).mean(axis=1)
    empty = black >= _BLACK_SHARE
    if not empty[0] or (black >= _LETTERED_SHARE).all():
        return 0
    end = int((black < _LETTERED_SHARE).argmax())
    count = int(np.flatnonzero(empty[:end])[-1]) + 1
    if empty[:count].mean() < _EMPTY_LINES:
        return 0
    beyond = lines[count : count + 2 + 2 * _SOFT]
    lit = float((beyond > _LIT).mean(axis=1).max())
    if not _THINNEST * len(lines) <= count <= _WIDEST * len(lines) or lit < _LIT_SHARE:
        return 0
    return count + _SOFT


def _up(pixels: float) -> int:
    # a share of whole pixels may come out a little above them
    return int(np.ceil(pixels - 1e-6))
