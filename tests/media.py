"""Real files and what is in them, for tests of whole chains."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from core.types import Frame
from core.video.reader import VideoReader


def frames_of(path: Path) -> list[Frame]:
    """Every picture of a video."""
    with VideoReader(path) as reader:
        return [frame.image for frame in reader]


def times_of(path: Path) -> list[Fraction]:
    """The time of every picture, from the first."""
    with VideoReader(path) as reader:
        return [frame.time for frame in reader]


def sound_seconds(path: Path) -> float:
    """How long the sound is, by decoding it; 0 without any."""
    with av.open(path) as container:
        if not container.streams.audio:
            return 0.0
        stream = container.streams.audio[0]
        return sum(frame.samples for frame in container.decode(stream)) / stream.rate


def loudness(path: Path) -> float:
    """Root mean square of the decoded sound, full scale being 1."""
    with av.open(path) as container:
        pieces = [
            np.abs(f.to_ndarray().astype(np.float64)).ravel() for f in container.decode(container.streams.audio[0])
        ]
    whole = np.concatenate(pieces)
    return float(np.sqrt((whole**2).mean()) / max(1.0, whole.max()))


def write_video(path: Path, frames: list[Frame], rate: int = 25) -> Path:
    """A silent H.264 file of these pictures."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height = frames[0].shape[1], frames[0].shape[0]
        stream.pix_fmt = "yuv420p"
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_sound(path: Path, seconds: float = 1.0) -> Path:
    """A file with a tone and no picture."""
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        clock = np.arange(int(48000 * seconds)) / 48000
        tone = (0.3 * np.sin(2 * np.pi * 440 * clock)).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
