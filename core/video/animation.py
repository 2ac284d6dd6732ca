"""GIF: at most 33 pictures a second, of 256 colours that are chosen anew where those before no longer do."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import av
import numpy as np
from av.container import OutputContainer
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import VideoFrame as Picture
from av.video.stream import VideoStream

from core.types import Frame
from core.video.provenance import insert_in_gif
from core.video.writer import VideoWriter

_CHUNK: Final = 24
"""Pictures from which colours are chosen."""
_SHORTEST: Final = Fraction(3, 100)
"""Seconds: browsers take a picture that is shown for less than two hundredths for one of ten."""
_TICK: Final = Fraction(1, 100)
_WORSE: Final = 1.4
"""How much farther than at first colours may be from what they stand for."""
_OPAQUE: Final = 128


class GifWriter(VideoWriter):
    """Writes a GIF as :class:`VideoWriter` does other files. What is half transparent is shown or left out."""

    def _add_video(self, container: OutputContainer) -> VideoStream:
        self._base = _TICK
        self._waiting: list[tuple[Frame, int]] = []
        self._palette: Picture | None = None
        self._error = 0.0
        self._shown: Fraction | None = None
        stream = container.add_stream("gif", rate=self._rate)
        coder = stream.codec_context
        coder.width, coder.height = self._size
        coder.pix_fmt = self._pixels
        coder.time_base = self._base
        return stream

    def write(self, image: Frame, time: Fraction) -> None:
        """Add one picture, unless the one before has been shown for too short a time."""
        if self._shown is None or time - self._shown >= _SHORTEST - _TICK / 10:
            self._shown = time
            super().write(image, time)

    def _hold_last(self) -> None:
        """Nothing: a GIF says of each picture how long it is shown."""

    def _encode(self, image: Frame) -> None:
        image = image if self._provenance is None else self._provenance.mark(image)
        self._waiting.append((image, self._last))
        if len(self._waiting) >= _CHUNK:
            self._write_waiting()

    def _finish(self) -> None:
        self._write_waiting()
        super()._finish()

    def _error_of(self, image: Frame) -> float:
        """How far the palette's colours are from those of a picture."""
        (mapped,) = self._mapped([image])
        shown = self._scaler.reformat(mapped, format="rgba", threads=1).to_ndarray()
        return _distance(image, np.asarray(shown, np.uint8))

    def _write_waiting(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        images = [image for image, _ in waiting]
        if self._palette is None or self._error_of(images[0]) > _WORSE * self._error:
            self._palette = _palette(images, transparent=self._transparent)
            self._error = max(self._error_of(images[0]), 1.0)
        for number, picture in enumerate(self._mapped(images)):
            picture.pts, picture.time_base = waiting[number][1], self._base
            following = waiting[number + 1][1] if number + 1 < len(waiting) else None
            usual = max(round(1 / self._rate / self._base), round(_SHORTEST / self._base))
            picture.duration = usual if following is None else following - waiting[number][1]
            self._video_out.mux(self._stream.encode(picture))

    def _mapped(self, images: list[Frame]) -> list[Picture]:
        """The pictures in the palette's colours."""
        if self._palette is None:
            raise ValueError("no colours are chosen yet")
        graph = Graph()
        height, width = images[0].shape[:2]
        pictures = graph.add_buffer(
            width=width, height=height, format=VideoFormat(_format(images[0])), time_base=self._base
        )
        colours = graph.add_buffer(width=16, height=16, format=VideoFormat("rgb32"), time_base=self._base)
        use = graph.add("paletteuse", f"dither=bayer:bayer_scale=4:diff_mode=rectangle:alpha_threshold={_OPAQUE}")
        sink = graph.add("buffersink")
        pictures.link_to(use, 0, 0)
        colours.link_to(use, 0, 1)
        use.link_to(sink)
        graph.configure()
        self._palette.pts = 0
        colours.push(self._palette)
        colours.push(None)
        mapped: list[Picture] = []
        for number, image in enumerate(images):
            picture = Picture.from_ndarray(np.ascontiguousarray(image), _format(image))
            picture.pts, picture.time_base = number, self._base
            pictures.push(picture)
            mapped += _pulled(graph)
        pictures.push(None)
        return mapped + _pulled(graph)

    def _tag(self) -> None:
        if self._provenance is not None:
            insert_in_gif(self._part, self._provenance)


def _format(image: Frame) -> str:
    return "rgba" if image.shape[2] == 4 else "rgb24"


def _pulled(graph: Graph) -> list[Picture]:
    pulled: list[Picture] = []
    while True:
        try:
            pulled.append(graph.vpull())
        except (av.BlockingIOError, av.EOFError):
            return pulled


def _palette(images: list[Frame], *, transparent: bool) -> Picture:
    """256 colours of all the pictures, one of them for what is transparent."""
    graph = Graph()
    height, width = images[0].shape[:2]
    pictures = graph.add_buffer(width=width, height=height, format=VideoFormat(_format(images[0])), time_base=_TICK)
    choose = graph.add("palettegen", f"stats_mode=full:reserve_transparent={int(transparent)}")
    sink = graph.add("buffersink")
    pictures.link_to(choose)
    choose.link_to(sink)
    graph.configure()
    for number, image in enumerate(images):
        picture = Picture.from_ndarray(np.ascontiguousarray(image), _format(image))
        picture.pts, picture.time_base = number, _TICK
        pictures.push(picture)
    pictures.push(None)
    return _pulled(graph)[0]


def _distance(image: Frame, mapped: Frame) -> float:
    """Mean of how far colours are from what they stand for, 0 to 255, where the picture is opaque."""
    apart = np.abs(image[..., :3].astype(np.int16) - mapped[..., :3]).mean(axis=2)
    opaque = mapped[..., 3] >= _OPAQUE
    return float(apart[opaque].mean()) if opaque.any() else 0.0
