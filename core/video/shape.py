"""How stored pictures are to be shown: turned, in square pixels, and in the place of the first one where their shape changes.

A phone that is turned while it streams, or a broadcast that goes from 4:3 to 16:9, changes the shape of its pictures on the way.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, TypeAlias, cast

from av.buffer import Buffer
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame as Picture
from av.video.stream import VideoStream

from core.video.filters import Filter

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, width and height in pixels."""

_ODDEST: Final = 8
"""How many times as wide as high a pixel may be, or as high as wide. Who says more says nothing."""
_SAME_SHAPE: Final = 0.01
"""By how much pictures of one shape may differ in it: 854x480 is meant to be 16:9."""
_MEASURED_BY: Final = 1024


@dataclass(frozen=True, slots=True)
class Shape:
    """How a stored picture is shown: its ``width`` and ``height`` in pixels, each of which is ``aspect`` times as wide as high,
    and ``turns`` quarter turns counterclockwise after an optional left-right ``flip``."""

    width: int
    height: int
    aspect: Fraction = Fraction(1)
    turns: int = 0
    flip: bool = False

    @property
    def shown(self) -> tuple[int, int]:
        """(width, height) as it is shown, in square pixels: the short way is stretched, so nothing is lost."""
        width, height = self.width, self.height
        if 1 < self.aspect <= _ODDEST:
            width = round(width * self.aspect)
        elif Fraction(1, _ODDEST) <= self.aspect < 1:
            height = round(height / self.aspect)
        return (height, width) if self.turns % 2 else (width, height)


def shape_of(picture: Picture, stream: VideoStream) -> Shape:
    """That of the first picture of a stream, whose container may know better how wide its pixels are."""
    return Shape(
        picture.width, picture.height, stream.sample_aspect_ratio or Fraction(1), *(_orientation(picture) or (0, False))
    )


class Shapes:
    """The shapes of the pictures of one stream, which are given to it in order as they are decoded.

    Args:
        first: that of the stream's first picture.
    """

    def __init__(self, stream: VideoStream, first: Shape) -> None:
        self._stream = stream
        self._last = self._first = first
        self._rotation = 0
        self._said = stream.codec_context.sample_aspect_ratio
        self._aspects: _Aspects | None = None

    def of(self, picture: Picture) -> Shape:
        """The shape of the picture that was decoded just now."""
        shape = Shape(picture.width, picture.height, self._aspect(picture), *self._orientation(picture))
        if shape != self._last:
            self._last = shape
        return self._last

    def _orientation(self, picture: Picture) -> tuple[int, bool]:
        rotation = picture.rotation
        # streams say it with a few of their pictures only, so that one which says nothing is turned as those before;
        # asking for side data ties a picture to itself until the garbage is collected: that is for changes
        if rotation in {0, self._rotation}:
            return self._last.turns, self._last.flip
        self._rotation = rotation
        return _orientation(picture) or (self._last.turns, self._last.flip)

    def _aspect(self, picture: Picture) -> Fraction:
        said = self._stream.codec_context.sample_aspect_ratio
        if self._aspects is None:
            if said == self._said:
                return self._first.aspect
            # the decoder has met another one; the pictures that it gives now may still be of those before
            self._aspects = _Aspects(self._said)
        own = self._aspects.of(picture, said)
        return self._first.aspect if own == (self._said or 1) else own


class _Aspects:
    """How many times as wide as high the pixels of single pictures are, which PyAV does not tell: FFmpeg's ``scale`` knows."""

    def __init__(self, first: Fraction | None) -> None:
        self._known = {first or Fraction(1)}
        self._measure: Filter | None = None

    def of(self, picture: Picture, said: Fraction | None) -> Fraction:
        """That of a picture, one of those that the decoder ``said`` so far."""
        self._known.add(said or Fraction(1))
        if self._measure is None:
            width = f"{_MEASURED_BY}*clip(sar,{1 / _ODDEST},{_ODDEST})"
            self._measure = Filter(picture, "scale", f"w={width}:h=1:eval=frame:flags=neighbor")
        measured = next(self._measure.push(picture)).width / _MEASURED_BY
        return min(self._known, key=lambda aspect: abs(float(aspect) - measured))


def box_in(shown: tuple[int, int], canvas: tuple[int, int]) -> Box:
    """Where a picture of that size lies in ``canvas`` (width, height): whole, in the middle, as large as it can be."""
    (width, height), (across, down) = shown, canvas
    if abs(width * down - height * across) <= _SAME_SHAPE * width * down:
        return 0, 0, across, down
    scale = min(across / width, down / height)
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    return (across - width) // 2, (down - height) // 2, width, height


def _orientation(picture: Picture) -> tuple[int, bool] | None:
    """Quarter turns counterclockwise, and whether the picture is flipped left to right before them; None where it says nothing.

    FFmpeg's display matrix takes stored (x, y) to shown (a x + c y, b x + d y), y down, 16.16 fixed point.
    """
    matrix = cast("Mapping[SideDataType, Buffer]", picture.side_data).get(SideDataType.DISPLAYMATRIX)
    if matrix is None:
        return None
    a, b, _, c, d = struct.unpack("=5i", bytes(matrix)[:20])
    flip = a * d - b * c < 0
    if flip:
        a, b = -a, -b
    if abs(a) >= abs(b):
        return (0 if a > 0 else 2), flip
    return (3 if b > 0 else 1), flip
