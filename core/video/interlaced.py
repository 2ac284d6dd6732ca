"""Interlaced pictures, which are two moments woven into each other line by line: what moves has combs until one is taken out."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame as Picture
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from core.video.filters import Filter

logger = logging.getLogger(__name__)

T = TypeVar("T")

_LEVELS: Final = 10
"""Grey levels by which a pixel that moved differs from before, and a line of a comb from those above and below it."""
_COMBED: Final = 0.1
"""Of the pixels that moved, the share in combs from which on a picture is woven. Woven dances have .25, other pictures up to .07,
dark and noisy ones among them."""
_FEWEST: Final = 100
_CUT: Final = 0.5
"""Share of moved pixels from which on two pictures are of different shots, and tell nothing."""
_EVERY_COLUMN: Final = 4
_SMALLEST: Final = 16


class Deinterlacer(Generic[T]):
    """Takes the combs out of pictures that are flagged as interlaced; others pass as they are, at once and for nothing.

    Many files are flagged of which each picture is one moment, and taking out every second line would blur them. So nothing is
    done until one picture has combs; from there on everything that is flagged is deinterlaced.
    """

    def __init__(self) -> None:
        self._kind: tuple[str, int, int] | None = None
        self._combed = False
        self._held: tuple[Picture, T] | None = None
        self._weaver: Filter | None = None
        self._weaved: deque[T] = deque()
        self._plain: Filter | None = None

    def push(self, picture: Picture, about: T) -> Iterator[tuple[Picture, T]]:
        """The pictures that are ready once that one is known, in order, each with what was told ``about`` it."""
        if self._weaver is None and self._held is None and not picture.interlaced_frame:
            yield picture, about
            return
        kind = (picture.format.name, picture.width, picture.height)
        if kind != self._kind:
            yield from self.flush()
            self._kind, self._plain = kind, None
        held, self._held = self._held, (picture, about)
        if held is not None and not self._combed:
            self._combed = _are_woven(held[0], picture)
        if not self._combed:
            if held is not None:
                yield self._unflagged(held[0]), held[1]
            return
        self._held = None
        for item in (held, (picture, about)):
            if item is not None:
                yield from self._deinterlaced(*item)

    def flush(self) -> Iterator[tuple[Picture, T]]:
        """All that are left."""
        if self._held is not None:
            picture, about = self._held
            self._held = None
            yield self._unflagged(picture), about
        if self._weaver is not None:
            weaver, self._weaver = self._weaver, None
            for picture in weaver.push(None):
                yield picture, self._weaved.popleft()

    def _deinterlaced(self, picture: Picture, about: T) -> Iterator[tuple[Picture, T]]:
        if self._weaver is None:
            try:
                self._weaver = Filter(picture, "bwdif", "mode=send_frame:parity=auto:deint=interlaced")
            except av.FFmpegError as error:
                logger.debug("pictures of %s stay as they are: %s", self._kind, error)
                self._combed = False
                yield self._unflagged(picture), about
                return
        self._weaved.append(about)
        for ready in self._weaver.push(picture):
            yield ready, self._weaved.popleft()

    def _unflagged(self, picture: Picture) -> Picture:
        """The same picture as what it is: FFmpeg would scale its even and its odd lines apart."""
        if not picture.interlaced_frame:
            return picture
        if self._plain is None:
            self._plain = Filter(picture, "setfield", "prog")
        return next(self._plain.push(picture))


def _are_woven(one: Picture, other: Picture) -> bool:
    """Whether what moves from one picture to the next has combs in either of them."""
    if not (one.interlaced_frame or other.interlaced_frame) or min(one.width, one.height) < _SMALLEST:
        return False
    first, second = _some_columns(one), _some_columns(other)
    moved = cv2.absdiff(first, second)[2:-1] > _LEVELS
    count = int(moved.sum())
    if not _FEWEST <= count < _CUT * moved.size:
        return False
    return max(int((_combs(lines) & moved).sum()) for lines in (first, second)) >= _COMBED * count


def _some_columns(picture: Picture) -> NDArray[np.uint8]:
    # one of its own each time, with one thread: this is asked of a few pictures until it is known
    its_scaler = VideoReformatter()
    grey = its_scaler.reformat(picture, format="gray", threads=1)
    return np.ascontiguousarray(grey.to_ndarray()[:, ::_EVERY_COLUMN], np.uint8)


def _combs(lines: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where two lines in a row, the third and the one before it being the first, each stand out from both their neighbours."""
    above, line, below = lines[:-2], lines[1:-1], lines[2:]
    lighter = cv2.min(cv2.subtract(line, above), cv2.subtract(line, below))
    darker = cv2.min(cv2.subtract(above, line), cv2.subtract(below, line))
    stands_out = cv2.max(lighter, darker) > _LEVELS
    return np.asarray(stands_out[1:] & stands_out[:-1])
