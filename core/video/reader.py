"""Videos in: RGB pictures with their times, one after the other, never the whole file in memory."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.frame import VideoFrame as Picture
from av.video.stream import VideoStream

from core.errors import NotAVideo, UnusableInput
from core.types import Frame, VideoFrame
from core.utils.closeable import Closeable
from core.video.audio import AudioTrack
from core.video.colour import Converter
from core.video.interlaced import Deinterlacer
from core.video.probe import examine, opened, stated_duration, video_stream
from core.video.shape import Box, Shape, Shapes, box_in

logger = logging.getLogger(__name__)

# Two threads shorten the wait for large pictures; each holds some of them, and of 8K one takes 50 to 100 MB.
_THREADS = 2
_ONE_THREAD_PIXELS = 4096 * 2304
_FAILURES_IN_A_ROW = 32
_ROUNDING = Fraction(1, 2000)
_NUDGE = Fraction(1, 1000)
_SEEK_MARGIN = Fraction(1, 4)
_CREDIT = Fraction(1, 10)
"""Seconds whose pictures may come at once, and still be of a rate."""
_CLOCK_JUMP = Fraction(1, 2)
_MISSING_END = 0.5
_LONGEST_GAP = Fraction(24 * 3600)


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of a video is read at most, kept while it is decoded, whatever the file says of itself.

    ``seconds`` and ``frames`` end the reading; of pictures that come faster than ``rate`` a second some are left out.
    """

    seconds: float = math.inf
    frames: int | None = None
    rate: float | None = None

    def frames_of(self, seconds: float, rate: float) -> int:
        """About how many pictures are read of so many seconds at that rate, 1 at least."""
        count = round(min(seconds, self.seconds) * min(rate, self.rate or math.inf))
        return max(1, count if self.frames is None else min(count, self.frames))


@dataclass(frozen=True, slots=True)
class _Decoded:
    """What is known of a decoded picture: its seconds from the file's first one and for how many it is shown."""

    time: Fraction
    shown_for: Fraction
    corrupt: bool
    shape: Shape


class VideoReader(Closeable):
    """The pictures of ``path`` from ``start`` to ``end`` (seconds from its first picture), as they are to be shown.

    All have the size of the file's first one: where their shape changes on the way they lie in it with black beside them, and a
    shot begins. Interlaced ones have no combs.

    ``max_side`` bounds the longer side in pixels; the first picture is never enlarged. With ``every`` one picture in that many
    seconds is delivered, and the others are decoded but not converted. ``budget`` bounds all of it. Every iteration opens the
    file anew and delivers the same frames, so two passes are two ``for`` loops. Not for use from two threads at once.

    Attributes:
        info: what the file holds, before ``start``, ``end`` and ``max_side``.
        size: (width, height) of the delivered images.
        warnings: sentences about damage and changes of shape that were met, complete once an iteration is.
        first: seconds from the file's first picture to the first delivered one; None before it is.
        until: seconds from the first delivered picture to the end of the stretch, known once an iteration is complete;
            None where the file ended first.

    Example:
        >>> with VideoReader(Path("dance.mp4"), max_side=1280) as reader:
        ...     for frame in reader:
        ...         print(frame.index, float(frame.time), frame.image.shape)

    Raises:
        NotAVideo: nothing can be decoded.
        UnusableInput: ``start`` and ``end`` enclose nothing.
    """

    def __init__(
        self,
        path: Path,
        *,
        start: float = 0.0,
        end: float | None = None,
        max_side: int | None = None,
        every: float = 0.0,
        budget: Budget | None = None,
    ) -> None:
        if not 0 <= start < math.inf or not (end is None or start < end < math.inf):
            raise UnusableInput(f"From {start:g} s to {end or 0:g} s is no stretch: the end must come after the start.")
        self.path = path
        self._source = examine(path)
        self._start = Fraction(start)
        self._end = None if end is None else Fraction(end)
        self._budget = budget or Budget()
        self._every = Fraction(every)
        # whoever wants pictures in their own size wants to show them; smaller ones are looked at for poses
        self._exact = max_side is None
        self._slack, self._credit = _ROUNDING, Fraction(0)
        if self._budget.rate is not None and self._every * Fraction(self._budget.rate) < 1:
            self._every = 1 / Fraction(self._budget.rate)
            # of a file that has no more than this rate no picture is to be left out because its clock has whole milliseconds,
            # or trembles, or because a few are near each other where recordings were joined
            self._slack, self._credit = 2 * _ROUNDING, _CREDIT
        self.info = self._source.info
        self.size = _fitted(self.info.width, self.info.height, max_side)
        self.warnings: list[str] = []
        self.first: Fraction | None = None
        self.until: Fraction | None = None
        self._damaged = self._letterboxed = False
        self._running: Generator[VideoFrame, None, None] | None = None

    def close(self) -> None:
        """Let go of the file. Iterating again opens it anew."""
        if self._running is not None:
            self._running.close()
            self._running = None

    def sound(self) -> AudioTrack | None:
        """The sound that belongs to the delivered frames, None for a silent file. It may be that none of it can be decoded.

        Exact once the first frame was delivered; before that it starts at the asked ``start``, up to a frame early.
        """
        if not self._source.has_sound:
            return None
        start = self._start if self.first is None else self.first
        return AudioTrack(self.path, float(start), None if self._end is None else float(self._end))

    def __iter__(self) -> Iterator[VideoFrame]:
        self.close()
        self.warnings.clear()
        self.until = None
        self._damaged = self._letterboxed = False
        self._running = self._frames()
        return self._running

    def _frames(self) -> Generator[VideoFrame, None, None]:
        canvas = _Canvas(self.size, self._source.shape, exact=self._exact)
        index, due = 0, Fraction(0)
        with contextlib.closing(self._kept()) as kept:
            for picture, about in kept:
                time = about.time
                if index == 0:
                    self.first = due = time
                if time < due - self._slack:
                    continue
                if index == self._budget.frames:
                    self._stop(time, f"at most {index} pictures are danced in one go")
                    break
                # on from when it was due, so that the file's own frame rate does not slow the pace; after a gap, from here
                due = (due if time < due + (self._credit or self._every) else time - self._credit) + self._every
                image, cut = canvas.draw(picture, about.shape)
                self._letterboxed |= canvas.has_bars
                box = canvas.box if canvas.has_bars else None
                yield VideoFrame(index, time - (self.first or 0), image, cut, box)
                index += 1
        if index == 0:
            raise UnusableInput(f"{self.path.name} ends before {float(self._start):g} s: choose an earlier start.")
        if self._letterboxed:
            self._warn(
                f"The pictures of {self.path.name} change their shape on the way, as a phone's do that is turned: "
                "they are shown whole, in the size of the first."
            )

    def _kept(self) -> Generator[tuple[Picture, _Decoded], None, None]:
        """The pictures from start to end."""
        with contextlib.closing(self._from_start()) as pictures:
            shown_until: Fraction | None = None
            end, spent = self._bounds()
            for picture, about in pictures:
                if about.time >= end - _ROUNDING:
                    self._stop(end, spent)
                    return
                if about.time >= self._start - _ROUNDING:
                    self._damaged |= about.corrupt
                    yield picture, about
                shown_until = about.time + about.shown_for
        if shown_until is None:
            raise NotAVideo(f"Not one picture of {self.path.name} can be decoded: copy or download it again.")
        self._report(cut_off=self._missing_end(shown_until))

    def _bounds(self) -> tuple[Fraction | float, str | None]:
        """Where the reading ends, and in words why where nobody asked for it."""
        asked = math.inf if self._end is None else self._end
        if self._budget.seconds == math.inf or asked <= self._start + Fraction(self._budget.seconds):
            return asked, None
        words = f"at most {self._budget.seconds:g} s are danced in one go"
        return self._start + Fraction(self._budget.seconds), words

    def _stop(self, until: Fraction | float, spent: str | None) -> None:
        """Note that the file goes on after the delivered stretch; ``spent`` says why it ends where nobody asked for it."""
        self.until = Fraction(until) - (self.first or 0)
        self._report(cut_off=None)
        if spent is not None:
            self._warn(f"{self.path.name} goes on: {spent}, and the rest was left out.")

    def _shown_for(self, picture: Picture) -> Fraction:
        stated = picture.duration * picture.time_base if picture.duration and picture.time_base else Fraction(0)
        return max(stated, 1 / self.info.rate)

    def _from_start(self) -> Generator[tuple[Picture, _Decoded], None, None]:
        """Pictures from some point before ``start``: by seeking where that works, else from the beginning."""
        if self._start > 2 * _SEEK_MARGIN:
            with contextlib.closing(self._timed(self._start - _SEEK_MARGIN)) as sought:
                head = next(sought, None)
                if head is not None and head[1].time <= self._start:
                    yield head
                    yield from sought
                    return
            self._damaged = False
        yield from self._timed(None)

    def _timed(self, seek: Fraction | None) -> Generator[tuple[Picture, _Decoded], None, None]:
        clock = _Clock(self._source.origin, self.info.rate)
        with opened(self.path) as container:
            stream = video_stream(container, self.path)
            stream.thread_type = "AUTO"
            stream.thread_count = 1 if stream.width * stream.height > _ONE_THREAD_PIXELS else _THREADS
            for other in container.streams:
                if other.index != stream.index:
                    other.discard = Discard.all
            if seek is not None and not _sought(container, stream, seek + self._source.origin):
                return
            shapes = Shapes(stream, self._source.shape)
            woven: Deinterlacer[_Decoded] = Deinterlacer()
            for picture in self._decoded(container, stream):
                about = _Decoded(
                    clock.time(picture, stream), self._shown_for(picture), picture.is_corrupt, shapes.of(picture)
                )
                yield from woven.push(picture, about)
            yield from woven.flush()

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[Picture]:
        """Every picture that decodes; packets that do not are stepped over."""
        partial_is_flagged = container.format.name != "mpegts"
        for packet in _packets(container, stream):
            if packet is None or (packet.is_corrupt and partial_is_flagged):
                self._damaged = True
                continue
            try:
                yield from packet.decode()
            except av.FFmpegError as error:
                logger.debug("%s: packet at %s skipped: %s", self.path.name, packet.pts, error)
                self._damaged = True
        if self._damaged:
            yield from _flushed(stream)

    def _missing_end(self, shown_until: Fraction) -> str | None:
        """A sentence where the file states to go on after its last picture is shown."""
        with opened(self.path) as container:
            stream = video_stream(container, self.path)
            own = bool(stream.duration or stream.metadata.get("DURATION"))
            # Without a duration of its own, the file's may be that of longer sound.
            stated = stated_duration(container, stream) if own or not container.streams.audio else None
        found = float(shown_until)
        if stated is None or stated - found <= max(_MISSING_END, 3 / float(self.info.rate)):
            return None
        return f"{self.path.name} is cut off: of the {stated:.1f} s it should last, {found:.1f} s are there."

    def _report(self, cut_off: str | None) -> None:
        damaged = f"{self.path.name} is damaged: what could not be decoded was left out." if self._damaged else None
        sentence = cut_off or damaged
        if sentence:
            self._warn(sentence)

    def _warn(self, sentence: str) -> None:
        logger.warning("%s", sentence)
        self.warnings.append(sentence)


class _Canvas:
    """Draws pictures of any shape into images of one size.

    Args:
        size: (width, height) of the images.
        first: the shape that fills them.
        exact: see :class:`core.video.colour.Converter`.

    Attributes:
        box: where the last picture lies.
        has_bars: whether it left something black.
    """

    def __init__(self, size: tuple[int, int], first: Shape, *, exact: bool) -> None:
        self._size, self._first, self._exact = size, first, exact
        self._shape: Shape | None = None
        self._place: tuple[Box, int, bool] | None = None
        self.box: Box = (0, 0, *size)
        self.has_bars = False

    def draw(self, picture: Picture, shape: Shape) -> tuple[Frame, bool]:
        """The image, and whether a shot begins with it: it lies elsewhere than the one before, or is turned another way."""
        cut = shape is not self._shape and self._turn_to(shape)
        image = self._convert(picture)
        if not self.has_bars:
            return image, cut
        left, top, width, height = self.box
        whole = np.zeros((self._size[1], self._size[0], 3), np.uint8)
        whole[top : top + height, left : left + width] = image
        return whole, cut

    def _turn_to(self, shape: Shape) -> bool:
        """Be ready for pictures of that shape; whether they lie elsewhere than those before."""
        full = (0, 0, *self._size)
        self._shape = shape
        self.box = full if shape.shown == self._first.shown else box_in(shape.shown, self._size)
        self.has_bars = self.box != full
        width, height = self.box[2:]
        stored = (height, width) if shape.turns % 2 else (width, height)
        self._convert = Converter(stored, turns=shape.turns, flip=shape.flip, exact=self._exact)
        before, self._place = self._place, (self.box, shape.turns, shape.flip)
        return before is not None and before != self._place


class _Clock:
    """Times of pictures in seconds from the first of the file, strictly increasing whatever the file says."""

    def __init__(self, origin: Fraction, rate: Fraction) -> None:
        self._offset = origin
        self._step = 1 / rate
        self._last: Fraction | None = None

    def time(self, picture: Picture, stream: VideoStream) -> Fraction:
        base = picture.time_base or stream.time_base
        stated = picture.pts * base - self._offset if picture.pts is not None and base else None
        self._last = self._after_last(stated)
        return self._last

    def _after_last(self, stated: Fraction | None) -> Fraction:
        if self._last is None:
            return stated if stated is not None else Fraction(0)
        if stated is None:
            return self._last + self._step
        if stated < self._last - _CLOCK_JUMP:  # the clock was set back, as in joined recordings: go on from here
            self._offset -= self._last + self._step - stated
            return self._last + self._step
        if stated > self._last + _LONGEST_GAP:  # no clock that runs: go on from here
            self._offset += stated - self._last - self._step
            return self._last + self._step
        return max(stated, self._last + _NUDGE)


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream] | None]:
    """The stream's packets, None for each failed read. A failed read ends PyAV's iterator, so it is made anew."""
    failures = 0
    packets = container.demux(stream)
    while failures < _FAILURES_IN_A_ROW:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            failures += 1
            packets = container.demux(stream)
            yield None
            continue
        if packet is None:
            return
        failures = 0
        yield packet


def _flushed(stream: VideoStream) -> Iterator[Picture]:
    """What the decoder still holds; nothing when it was emptied already."""
    with contextlib.suppress(av.FFmpegError, EOFError):
        yield from stream.decode(None)


def _sought(container: InputContainer, stream: VideoStream, time: Fraction) -> bool:
    base = stream.time_base
    if not base:
        return False
    try:
        container.seek(int(time / base), stream=stream, backward=True)
    except (av.FFmpegError, OverflowError):
        return False
    return True


def _fitted(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """The size that keeps the aspect with no side above ``max_side``."""
    longer = max(width, height)
    if max_side is None or longer <= max_side:
        return width, height
    return max(1, round(width * max_side / longer)), max(1, round(height * max_side / longer))
