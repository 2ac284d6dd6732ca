"""FFmpeg's filters on decoded pictures, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.filter import Graph
from av.video.frame import VideoFrame as Picture


class Filter:
    """One filter for pictures like ``sample``; each that goes in comes out once, in order, some of them later.

    ``name`` and ``options`` are FFmpeg's.
    """

    def __init__(self, sample: Picture, name: str, options: str) -> None:
        self._graph = Graph()
        # one thread: the other core is busy with poses
        self._graph.threads = 1
        first = self._graph.add_buffer(
            width=sample.width,
            height=sample.height,
            format=sample.format,
            time_base=sample.time_base or Fraction(1, 25),
        )
        middle, last = self._graph.add(name, options), self._graph.add("buffersink")
        first.link_to(middle)
        middle.link_to(last)
        self._graph.configure()

    def push(self, picture: Picture | None) -> Iterator[Picture]:
        """What is ready once that picture went in; with None all that is left, and nothing may follow."""
        self._graph.vpush(picture)
        while True:
            try:
                yield self._graph.vpull()
            except (BlockingIOError, av.EOFError):
                return
