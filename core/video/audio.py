"""Sound for an output file: copied packet by packet where it is AAC for an mp4, else coded anew; always as a stream."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol, TypeAlias, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Discard
from numpy.typing import NDArray

from core.errors import UnusableInput
from core.video.probe import clock_start, opened, playable_sound

Samples: TypeAlias = NDArray[np.float32]
"""(channels, samples) in [-1, 1]."""
_COPIED = frozenset({"LC", "HE-AAC", "HE-AACv2"})
"""Profiles of AAC, the one codec that every browser plays in an mp4.

Of what else an mp4 can hold Safari plays no MP3 and Firefox and Chrome no AC-3 and no ALAC; Opus, FLAC and PCM depend on the
version and the system. Nor does every browser play the profiles that AAC got later (LD, ELD, xHE) and those that nobody uses.
"""
_MOST_CHANNELS = 6
"""Of AAC that is copied: with more some decoders refuse it."""
_RATE = 48_000
_BIT_RATES = {1: 128_000, 2: 160_000}
_GAP = _RATE // 20
_BLOCKS = {"libopus": 960}
_USUAL_BLOCK = 1024
"""Samples that a coder takes at once."""
_SEEK_MARGIN = Fraction(1)


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """The sound of ``path`` from ``start`` to ``end``, in seconds from the first picture of that file (from its first
    sound where it has no picture). ``end`` None: to its end."""

    path: Path
    start: float = 0.0
    end: float | None = None


class Sound(Protocol):
    """Packets for one stream of an output file, asked for as the video advances."""

    def until(self, time: Fraction) -> Iterator[Packet[AudioStream]]:
        """The packets before ``time`` (seconds of the output) that were not given yet."""

    def finish(self, time: Fraction) -> Iterator[Packet[AudioStream]]:
        """The rest up to ``time``, the end of the video."""


class SoundSource(Protocol):
    """Sound that comes from no file."""

    def open(self, output: OutputContainer) -> Sound:
        """Add a stream for it to ``output``, whose header must not be written yet."""


class SoundInput:
    """The sound of a track, open: packets and decoded pieces with their times in seconds of the output.

    Raises:
        UnusableInput: there is none, or nothing of it can be decoded.
    """

    def __init__(self, track: AudioTrack) -> None:
        self._files = contextlib.ExitStack()
        self.path = track.path
        self._zero = Fraction(track.start)
        self.end = None if track.end is None else Fraction(track.end) - self._zero
        self.damaged = False
        self._whole = True
        try:
            self._zero += clock_start(track.path)
            self.container = self._files.enter_context(opened(track.path))
            self.stream = _sound_stream(self.container, track.path)
            self._seek()
        except (UnusableInput, av.FFmpegError, OSError, OverflowError) as error:
            self._files.close()
            raise UnusableInput(f"The result is without sound: that of {track.path.name} cannot be read.") from error

    def close(self) -> None:
        """Let go of the file."""
        self._files.close()

    def note(self, *, decoded: bool) -> None:
        """That a packet could be decoded, or not. Those that a seek has cut in half are no damage."""
        self._whole |= decoded
        self.damaged |= self._whole and not decoded

    def packets(self) -> Iterator[tuple[Fraction | None, Packet[AudioStream]]]:
        """(time, packet) in order; time None where the file tells none. Damaged ends just end."""
        base = self.stream.time_base or Fraction(1, 1000)
        try:
            for packet in self.container.demux(self.stream):
                if packet.is_corrupt:
                    # the last one of a file that is cut off: browsers refuse a whole video for it
                    self.note(decoded=False)
                elif packet.size:
                    yield (None if packet.pts is None else packet.pts * base - self._zero), packet
        except av.FFmpegError:
            self.damaged = True

    def pieces(self) -> Iterator[tuple[Fraction | None, AudioFrame]]:
        """(time, decoded piece) in order, from a little before the start. What does not decode is left out."""
        for _, packet in self.packets():
            try:
                decoded = packet.decode()
            except av.FFmpegError:
                self.note(decoded=False)
                continue
            if decoded:
                self.note(decoded=True)
            for piece in decoded:
                yield self._time(piece), piece
        with contextlib.suppress(av.FFmpegError):
            for piece in self.stream.decode(None):
                yield self._time(piece), piece

    def _time(self, piece: AudioFrame) -> Fraction | None:
        if piece.pts is None or not piece.time_base:
            return None
        return piece.pts * piece.time_base - self._zero

    def _seek(self) -> None:
        for other in self.container.streams:
            if other.index != self.stream.index:
                other.discard = Discard.all
        base = self.stream.time_base
        target = self._zero - _SEEK_MARGIN
        if base and target > (self.stream.start_time or 0) * base:
            with contextlib.suppress(av.FFmpegError, OverflowError):
                self.container.seek(int(target / base), stream=self.stream)
                self._whole = False


def sound_for(track: AudioTrack, output: OutputContainer, codec: str = "aac") -> tuple[SoundInput, Sound]:
    """Open the sound of ``track`` and add a stream for it to ``output``, whose header must not be written yet.

    ``codec`` is the encoder that is wanted there.

    Raises:
        UnusableInput: there is no sound that can be decoded; ``output`` is left as it was.
    """
    source = SoundInput(track)
    try:
        if codec == "aac" and _plays_everywhere(source.stream):
            return source, CopiedSound(source, output)
        return source, EncodedSound(source, output, codec)
    except BaseException:
        source.close()
        raise


def _plays_everywhere(stream: AudioStream) -> bool:
    coder = stream.codec_context
    return coder.codec.canonical_name == "aac" and coder.profile in _COPIED and coder.channels <= _MOST_CHANNELS


def _silent(source: SoundInput) -> UnusableInput:
    # An empty sound track would stop some players, so there is none.
    return UnusableInput(f"The result is without sound: {source.path.name} has none in this stretch.")


def _sound_stream(container: InputContainer, path: Path) -> AudioStream:
    track = playable_sound(path)
    if track is None:
        raise UnusableInput(f"{path.name} holds no sound that can be decoded.")
    return cast(AudioStream, container.streams[track])


class CopiedSound:
    """Packets as they are, with their times moved. The one or two packets before the start that the decoder needs to
    swing in keep negative times, which mp4's edit list hides: the sound starts on the very sample."""

    def __init__(self, source: SoundInput, output: OutputContainer) -> None:
        self._source = source
        self._base = Fraction(1, source.stream.codec_context.sample_rate or _RATE)
        self._length = source.stream.codec_context.frame_size or 0
        self._expected: int | None = None
        self._packets = source.packets()
        self._waiting = self._next()
        if self._waiting is None:
            raise _silent(source)
        self._stream = output.add_stream_from_template(source.stream)

    def until(self, time: Fraction) -> Iterator[Packet[AudioStream]]:
        """See :class:`Sound`."""
        limit = time if self._source.end is None else min(time, self._source.end)
        while (packet := self._waiting or self._next()) is not None:
            self._waiting = packet
            if (packet.pts or 0) * self._base >= limit:
                return
            self._waiting = None
            packet.stream = self._stream
            yield packet

    def finish(self, time: Fraction) -> Iterator[Packet[AudioStream]]:
        """See :class:`Sound`."""
        yield from self.until(time)

    def _sounds(self, packet: Packet[AudioStream]) -> bool:
        """Whether it can be decoded. A copied packet that cannot would end the playing where it stands."""
        try:
            packet.decode()
        except av.FFmpegError:
            self._source.note(decoded=False)
            return False
        self._source.note(decoded=True)
        return True

    def _next(self) -> Packet[AudioStream] | None:
        for time, packet in self._packets:
            if not self._sounds(packet):
                continue
            ticks = self._ticks(time, packet)
            length = self._length or round((packet.duration or 0) * packet.time_base / self._base)
            self._expected = ticks + length
            if ticks < 0 and ticks <= -2 * length:
                continue
            packet.time_base = self._base
            packet.pts = packet.dts = ticks
            packet.duration = length
            return packet
        return None

    def _ticks(self, time: Fraction | None, packet: Packet[AudioStream]) -> int:
        """The time in samples. Where the file only keeps milliseconds, packets follow each other without a seam."""
        stated = None if time is None else round(time / self._base)
        if self._expected is None:
            return stated or 0
        tolerance = 2 * packet.time_base / self._base if self._length else 0
        if stated is None or abs(stated - self._expected) <= tolerance:
            return self._expected
        return max(stated, self._expected - self._length + 1)


class EncodedSound:
    """Sound decoded, resampled to 48 kHz mono or stereo and encoded; gaps in it become silence."""

    def __init__(self, source: SoundInput, output: OutputContainer, codec: str = "aac") -> None:
        self._source = source
        self._block = _BLOCKS.get(codec, _USUAL_BLOCK)
        self._channels = 1 if source.stream.codec_context.channels == 1 else 2
        self._layout = "mono" if self._channels == 1 else "stereo"
        self._samples = self._resampled()
        head = next(self._samples, None)
        if head is None:
            raise _silent(source)
        self._pending = head
        self._stream = cast(AudioStream, output.add_stream(codec, rate=_RATE, bit_rate=_BIT_RATES[self._channels]))
        self._stream.codec_context.layout = self._layout
        self._stream.codec_context.time_base = Fraction(1, _RATE)
        self._given = 0

    def until(self, time: Fraction) -> Iterator[Packet[AudioStream]]:
        """See :class:`Sound`."""
        limit = self._limit(time)
        while self._given + self._block <= limit and self._gather(self._block):
            yield from self._encode(self._block)

    def finish(self, time: Fraction) -> Iterator[Packet[AudioStream]]:
        """See :class:`Sound`."""
        yield from self.until(time)
        rest = self._limit(time) - self._given
        self._gather(rest)
        rest = min(rest, self._pending.shape[1])
        if rest > 0:
            yield from self._encode(rest)
        if self._given:
            yield from self._stream.encode(None)

    def _limit(self, time: Fraction) -> int:
        return round((time if self._source.end is None else min(time, self._source.end)) * _RATE)

    def _gather(self, count: int) -> bool:
        """Bring ``count`` samples into ``_pending``; False where the sound ends before."""
        while self._pending.shape[1] < count:
            piece = next(self._samples, None)
            if piece is None:
                return False
            self._pending = np.concatenate([self._pending, piece], axis=1)
        return True

    def _encode(self, count: int) -> list[Packet[AudioStream]]:
        block, self._pending = self._pending[:, :count], self._pending[:, count:]
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=self._layout)
        frame.sample_rate = _RATE
        frame.time_base = Fraction(1, _RATE)
        frame.pts = self._given
        self._given += count
        return self._stream.encode(frame)

    def _resampled(self) -> Iterator[Samples]:
        """Pieces that lie end to end from the output's time 0."""
        filled = 0
        resampler, kind = None, None
        for time, piece in self._source.pieces():
            if resampler is None or kind != (piece.format.name, piece.layout.name, piece.sample_rate):
                kind = (piece.format.name, piece.layout.name, piece.sample_rate)
                resampler = AudioResampler(format="fltp", layout=self._layout, rate=_RATE)
            place = filled if time is None else round(time * _RATE)
            if abs(place - filled) < _GAP and filled:
                place = filled
            while place > filled:
                silence = min(place - filled, _RATE)
                yield self._silence(silence)
                filled += silence
            for frame in resampler.resample(piece):
                samples = np.asarray(frame.to_ndarray(), np.float32)[:, max(0, filled - place) :]
                place += frame.samples
                filled += samples.shape[1]
                if samples.size:
                    yield samples

    def _silence(self, count: int) -> Samples:
        return np.zeros((self._channels, count), np.float32)
