"""Results out, in the formats of :mod:`core.video.formats`, whole or not at all."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame as Picture
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream

from core.errors import OutputFailed, UnusableInput
from core.types import Frame
from core.utils.output_files import aside, put, usable_output, why_unwritable
from core.video.audio import AudioTrack, Sound, SoundInput, SoundSource, sound_for
from core.video.formats import MOV, MP4, OutputFormat, check_transparency
from core.video.provenance import Provenance, append_to_mp4

logger = logging.getLogger(__name__)

_MATRIX_BT709 = 1
_FINEST, _COARSEST = 1_000_000, 10_000
_FALLBACK_TICKS = 90_000
_ONE_THREAD_PIXELS = 1280 * 720
_LONG = Fraction(3, 2)
"""How often a usual time goes into one that is long."""
_REPEATED = 4
"""Pictures at the end that x264 may put in another order."""


class Writer(Protocol):
    """Takes the pictures of a result one after the other. A context: the result is there once the block has ended well."""

    warnings: list[str]

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def write(self, image: Frame, time: Fraction) -> None:
        """Add one picture, shown from ``time`` seconds on."""


class VideoWriter:
    """Writes ``path`` from pictures and their times, and the sound of ``audio`` beside them.

    The file grows under a hidden temporary name in the same folder and gets its own when the ``with`` block ends
    without an exception; otherwise nothing is left. Sound is read as the pictures advance and ends with them.

    Args:
        path: the file to make; replaced if it is there. Of a link the target is replaced.
        size: (width, height) of the pictures. An odd side gets its last row or column twice, as most coders need even ones.
        rate: usual pictures a second; also how long the last one is shown.
        until: seconds at which the last picture ends, whatever the rate.
        audio: where the sound comes from, a file or something that makes it meanwhile; None for silence.
        crf: x264's quality, lower is better.
        preset: x264's speed.
        keyframe_interval: most pictures between two keyframes; None leaves it to the coder.
        format: what to write.
        transparent: whether pictures are RGBA, (height, width, 4).
        provenance: what the file says of how it came to be; None for a camera's own pictures, of which nothing is said.

    Attributes:
        warnings: sentences about sound that had to be left out.

    Example:
        >>> with VideoWriter(Path("out.mp4"), size=(512, 512), rate=Fraction(30), audio=reader.sound()) as writer:
        ...     for frame in reader:
        ...         writer.write(frame.image, frame.time)

    Raises:
        OutputRefused: ``path`` is no regular file, or cannot be written.
        OutputFailed: there is no more room; also from ``write`` and the end of ``with``.
    """

    def __init__(
        self,
        path: Path,
        *,
        size: tuple[int, int],
        rate: Fraction,
        until: Fraction | None = None,
        audio: AudioTrack | SoundSource | None = None,
        crf: int = 18,
        preset: str = "veryfast",
        keyframe_interval: int | None = None,
        format: OutputFormat = MP4,
        transparent: bool = False,
        provenance: Provenance | None = Provenance(),  # noqa: B008  # frozen
    ) -> None:
        if transparent:
            check_transparency(format)
        self.path = path
        self._format = format
        self._transparent = transparent
        self._provenance = provenance
        self.warnings: list[str] = []
        self.frames = 0
        self._size = size
        self._rate = rate
        self._until = until
        self._audio = audio
        x264 = {"crf": str(crf), "preset": preset} if format.codec == "libx264" else {}
        self._options = {**format.options, **x264}
        self._keyframe_interval = keyframe_interval
        self._base = Fraction(1, _ticks_a_second(rate))
        self._place = self._part = path
        self._scaler = VideoReformatter()
        self._last = -1
        self._newest: Frame | None = None
        self._container: OutputContainer | None = None
        self._source: SoundInput | None = None
        self._sound: Sound | None = None

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._commit()
        finally:
            self._discard()

    def write(self, image: Frame, time: Fraction) -> None:
        """Add one picture, uint8 RGB or RGBA of the writer's size, shown from ``time`` seconds on.

        Times must grow; one that does not is moved by the least step the file can tell.
        """
        wanted = (self._size[1], self._size[0], 4 if self._transparent else 3)
        if image.shape != wanted:
            raise ValueError(f"this video takes pictures of shape {wanted}, not {image.shape}")
        self._last = max(round(time / self._base), self._last + 1)
        with self._output_errors():
            self._encode(image)
        self._mux_sound(finish=False)
        self._newest = image
        self.frames += 1

    @property
    def _video_out(self) -> OutputContainer:
        if self._container is None:
            raise ValueError("a VideoWriter writes inside its with block")
        return self._container

    def _open(self) -> None:
        self._place = usable_output(self.path)
        self._part = aside(self._place)
        with self._output_errors():
            self._part.open("xb").close()
            # "file:" keeps FFmpeg from reading a colon in the name as a protocol.
            target, options = f"file:{self._part.absolute()}", dict(self._format.container_options)
            self._container = av.open(target, "w", format=self._format.container, container_options=options)
            if self._provenance is not None:
                self._container.metadata.update(self._provenance.tags)
                if self._format is MOV:
                    # FFmpeg keeps that in QuickTime's user data as it is
                    self._container.metadata["xmp"] = self._provenance.xmp.decode()
            self._stream = self._add_video(self._container)
        if self._audio is not None:
            self._add_sound(self._audio, self._container)

    def _add_video(self, container: OutputContainer) -> VideoStream:
        stream = cast(VideoStream, container.add_stream(self._format.codec, rate=self._rate, options=self._options))
        coder = stream.codec_context
        coder.width, coder.height = (side + side % 2 for side in self._size)
        coder.pix_fmt = self._pixels
        coder.time_base = self._base
        coder.flags |= Flags.frame_duration
        # Measured at 512x512: one thread 2.9 core-ms a picture, two 3.5 and hardly sooner.
        coder.thread_count = 1 if coder.width * coder.height <= _ONE_THREAD_PIXELS else min(4, os.cpu_count() or 1)
        coder.color_primaries = ColorPrimaries.BT709
        coder.color_trc = ColorTrc.BT709
        coder.colorspace = _MATRIX_BT709
        coder.color_range = ColorRange.MPEG
        if self._transparent:
            stream.metadata["alpha_mode"] = "1"
        if self._keyframe_interval is not None:
            coder.gop_size = self._keyframe_interval
        return stream

    @property
    def _pixels(self) -> str:
        return (self._format.alpha_pixels if self._transparent else None) or self._format.pixels

    def _add_sound(self, track: AudioTrack | SoundSource, container: OutputContainer) -> None:
        if self._format.sound is None:
            return
        if not isinstance(track, AudioTrack):
            self._sound = track.open(container)
            return
        try:
            self._source, self._sound = sound_for(track, container, self._format.sound)
        except UnusableInput as error:
            self._warn(str(error))

    def _encode(self, image: Frame) -> None:
        self._video_out.mux(self._stream.encode(self._picture(image)))

    def _finish(self) -> None:
        """Encode what waits for more pictures."""
        self._video_out.mux(self._stream.encode(None))

    def _tag(self) -> None:
        """Add to the closed file what FFmpeg does not write."""
        if self._provenance is not None and self._format is MP4:
            append_to_mp4(self._part, self._provenance)

    def _picture(self, image: Frame) -> Picture:
        if self._provenance is not None:
            image = self._provenance.mark(image)
        height, width = image.shape[:2]
        if width % 2 or height % 2:
            image = np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        picture = self._scaler.reformat(
            Picture.from_ndarray(image, "rgba" if self._transparent else "rgb24"),
            format=self._pixels,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        picture.color_primaries, picture.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        picture.time_base = self._base
        picture.pts = self._last
        picture.duration = round(self._shown_for() / self._base)
        return picture

    def _shown_for(self) -> Fraction:
        """Seconds that the newest picture is shown where no other comes after it."""
        usual = 1 / self._rate
        if self._until is None:
            return usual
        return max(min(usual, self._until - self._last * self._base), self._base)

    def _hold_last(self) -> None:
        """Show the last picture again and again at its end where it stays for long.

        An mp4 says how long its last packet is shown, and with B-frames that is not the last picture.
        """
        usual = 1 / self._rate
        if self._until is None or self._newest is None:
            return
        while (self._last * self._base) + _LONG * usual < self._until:
            self.write(self._newest, max(self._last * self._base + usual, self._until - _REPEATED * usual))
            self.frames -= 1

    def _mux_sound(self, *, finish: bool) -> None:
        for packet in self._sound_packets(finish=finish):
            with self._output_errors():
                self._video_out.mux(packet)

    def _sound_packets(self, *, finish: bool) -> Iterator[Packet[AudioStream]]:
        """Sound up to the newest picture, or all of it. Sound that fails is given up, never the video."""
        if self._sound is None:
            return
        end = self._last * self._base
        try:
            yield from self._sound.finish(end + self._shown_for()) if finish else self._sound.until(end)
        except (av.FFmpegError, ValueError, OverflowError) as error:
            logger.warning("%s: sound given up: %s", self.path.name, error)
            self._warn("The sound ends early because the rest of it cannot be decoded.")
            self._sound = None

    def _commit(self) -> None:
        if not self.frames:
            raise OutputFailed(f"{self.path.name} was not written: there was no picture to put in it.")
        self._hold_last()
        with self._output_errors():
            self._finish()
        self._mux_sound(finish=True)
        with self._output_errors():
            self._video_out.close()
            self._tag()
            put(self._part, self._place)
        if self._source is not None and self._source.damaged:
            self._warn("Some of the sound is damaged and was left out.")

    def _discard(self) -> None:
        """Close everything and remove the temporary file, if it was not renamed."""
        if self._source is not None:
            self._source.close()
        if self._container is not None:
            with contextlib.suppress(av.FFmpegError, OSError, ValueError):
                self._container.close()
        self._container = self._sound = self._source = None
        if self._part != self._place:
            with contextlib.suppress(OSError):
                self._part.unlink(missing_ok=True)

    def _warn(self, sentence: str) -> None:
        logger.warning("%s: %s", self.path.name, sentence)
        self.warnings.append(sentence)

    @contextlib.contextmanager
    def _output_errors(self) -> Iterator[None]:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            raise OutputFailed(why_unwritable(self.path, error)) from error


def _ticks_a_second(rate: Fraction) -> int:
    """A clock fine enough for any source's times, on which the pictures of a steady rate fall exactly."""
    ticks = rate.numerator
    if ticks > _FINEST:
        return _FALLBACK_TICKS
    return ticks * -(-_COARSEST // ticks)
