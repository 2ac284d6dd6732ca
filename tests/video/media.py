"""Real little films for the tests: a grey picture that turns white for a flash while the sound beeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import OutputContainer
from av.video.frame import VideoFrame as Picture
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray

from core.types import Frame

SOUND_RATE = 48_000
FLASH = 0.1
"""Seconds that the flash and the beep last."""


def grey(width: int = 64, height: int = 48, level: int = 60) -> Frame:
    return np.full((height, width, 3), level, np.uint8)


def numbered(count: int, width: int = 64, height: int = 48) -> list[Frame]:
    """Pictures whose grey tells their number: 20, 24, 28, ..."""
    return [grey(width, height, 20 + 4 * (number % 56)) for number in range(count)]


def number_of(image: Frame) -> int:
    return round((float(image.mean()) - 20) / 4)


def make_video(
    path: Path,
    pictures: Sequence[Frame],
    *,
    rate: Fraction | int = 30,
    times: Sequence[Fraction] | None = None,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    sound: str | None = None,
    samples: NDArray[np.float32] | None = None,
    sound_from: Fraction = Fraction(0),
    rotation: int = 0,
    mirrored: bool = False,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write ``path``; its ending says the container, ``sound`` the audio codec."""
    with av.open(path, "w", container_options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=Fraction(rate), options=options or {})
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixel_format
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation or mirrored:
            stream.set_display_rotation(rotation, hflip=mirrored)
        coder = add_sound(container, sound) if sound else None
        for number, image in enumerate(pictures):
            picture = _picture(image, pixel_format)
            picture.time_base = Fraction(1, 1000) if times is not None else 1 / Fraction(rate)
            picture.pts = round(times[number] * 1000) if times is not None else number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
        if coder is not None:
            write_sound(container, coder, tone(len(pictures) / float(rate)) if samples is None else samples, sound_from)
    return path


def _picture(image: Frame, pixel_format: str) -> Picture:
    picture = Picture.from_ndarray(np.ascontiguousarray(image), "rgb24")
    if pixel_format == "rgb8":
        return picture.reformat(format="rgb8")
    return picture.reformat(format=pixel_format, dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG)


def add_sound(container: OutputContainer, codec: str) -> av.AudioStream:
    stream = container.add_stream(codec, rate=SOUND_RATE)
    assert isinstance(stream, av.AudioStream)
    stream.codec_context.layout = "mono"
    return stream


def write_sound(
    container: OutputContainer, stream: av.AudioStream, samples: NDArray[np.float32], start: Fraction = Fraction(0)
) -> None:
    """``samples`` (n,) float32 in [-1, 1]."""
    resampler = av.AudioResampler(stream.codec_context.format.name, "mono", SOUND_RATE, stream.frame_size or 960)
    frame = AudioFrame.from_ndarray(samples[None], "fltp", "mono")
    frame.sample_rate, frame.time_base, frame.pts = SOUND_RATE, Fraction(1, SOUND_RATE), round(start * SOUND_RATE)
    for piece in (*resampler.resample(frame), *resampler.resample(None)):
        container.mux(stream.encode(piece))
    container.mux(stream.encode(None))


def tone(seconds: float, beeps: Iterable[float] = (), loudness: float = 0.6) -> NDArray[np.float32]:
    """Silence with a beep of 1 kHz at each of ``beeps`` (seconds)."""
    clock = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    on = np.zeros(len(clock), bool)
    for beep in beeps:
        on |= (clock >= beep) & (clock < beep + FLASH)
    return np.where(on, loudness * np.sin(2 * np.pi * 1000 * clock), 0).astype(np.float32)


def flashing(seconds: float, flashes: Sequence[float], rate: int = 30) -> list[Frame]:
    """Grey pictures, white from each of ``flashes`` on for a moment."""
    count = round(seconds * rate)
    lit = [any(flash <= number / rate + 1e-6 < flash + FLASH for flash in flashes) for number in range(count)]
    return [grey(level=250 if on else 40) for on in lit]


def flash_times(path: Path) -> list[float]:
    """When the picture turns white, in seconds of the file, as a player shows it."""
    with av.open(path) as container:
        shown = [
            (float(frame.time or 0), frame.to_ndarray(format="gray").mean() > 140)
            for frame in container.decode(video=0)
        ]
    return _onsets(shown)


def beep_times(path: Path) -> list[float]:
    """When the sound starts to beep, in seconds of the file, as a player plays it."""
    with av.open(path) as container:
        heard: list[tuple[float, bool]] = []
        for frame in container.decode(audio=0):
            loud = np.abs(_mono(frame)) > 0.15
            if frame.pts is None or frame.time_base is None:
                raise ValueError("sound without times")
            start = float(frame.pts * frame.time_base)
            heard += [(start + at / frame.sample_rate, bool(on)) for at, on in enumerate(loud)]
    return _onsets(heard, quiet=FLASH / 2)


def sound_seconds(path: Path) -> tuple[float, float]:
    """First and last moment that there is sound data for."""
    with av.open(path) as container:
        frames = [(float(frame.time or 0), frame.samples / frame.sample_rate) for frame in container.decode(audio=0)]
    return frames[0][0], frames[-1][0] + frames[-1][1]


def _mono(frame: AudioFrame) -> NDArray[np.float32]:
    (piece,) = av.AudioResampler("fltp", "mono", frame.sample_rate).resample(frame)
    return np.asarray(piece.to_ndarray()[0], np.float32)


def _onsets(states: list[tuple[float, bool]], quiet: float = 0.0) -> list[float]:
    """Times where the state turns on after being off for longer than ``quiet`` seconds."""
    found: list[float] = []
    last_on = -1.0
    before = False
    for time, on in states:
        if on and not before and (not found or time - last_on > quiet):
            found.append(time)
        before = on
        last_on = time if on else last_on
    return found
