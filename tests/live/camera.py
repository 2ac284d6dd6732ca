"""A webcam made of a bundled dance: real pictures of a real (rendered) person, as a browser would send them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from time import monotonic, sleep

import cv2
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame as Picture

from core.bundled import dances
from core.live.session import LiveSession
from core.types import Frame
from core.video.reader import VideoReader
from tests.waiting import PATIENCE

SIZE = (640, 480)
TICKS = 90_000


@lru_cache(maxsize=2)
def dance_frames(count: int = 50, start: float = 2.0) -> list[Frame]:
    """The first pictures of a dance from ``start`` seconds on, its 512x512 in the middle of a dull 640x480."""
    video = dances.find("omar-street")
    if video is None:
        pytest.skip("the bundled dances are not here")
    with VideoReader(video, start=start, end=start + count / 25 + 0.2) as reader:
        return [framed(frame.image) for frame, _ in zip(reader, range(count), strict=False)]


def framed(image: Frame, size: tuple[int, int] = SIZE) -> Frame:
    """``image`` as large as fits, in the middle of a grey picture of ``size`` (width, height)."""
    scale = min(size[0] / image.shape[1], size[1] / image.shape[0])
    inner = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    result = np.full((size[1], size[0], 3), 120, np.uint8)
    top, left = (size[1] - inner.shape[0]) // 2, (size[0] - inner.shape[1]) // 2
    result[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return result


def picture(image: Frame, number: int, rate: float = 25.0) -> Picture:
    """As WebRTC decodes it."""
    made = Picture.from_ndarray(np.ascontiguousarray(image), "rgb24").reformat(format="yuv420p")
    made.pts, made.time_base = round(number * TICKS / rate), Fraction(1, TICKS)
    return made


def tone(n: int, rate: int = 48_000) -> AudioFrame:
    """A fiftieth of a second of stereo sound, as WebRTC decodes Opus."""
    clock = (np.arange(rate // 50) + n * rate // 50) / rate
    wave = (8000 * np.sin(2 * np.pi * 440 * clock)).astype(np.int16)
    piece = AudioFrame.from_ndarray(np.repeat(wave, 2)[None], format="s16", layout="stereo")
    piece.sample_rate = rate
    piece.pts, piece.time_base = n * rate // 50, Fraction(1, rate)
    return piece


def feed(
    session: LiveSession, frames: list[Frame], *, rate: float = 15.0, until: Callable[[], bool] = lambda: False
) -> None:
    """Show the session these pictures at their times, or until something is so."""
    start = monotonic()
    for number, image in enumerate(frames):
        sleep(max(0.0, start + number / rate - monotonic()))
        session.put(picture(image, number, rate))
        if until():
            return


def feed_until(session: LiveSession, frames: list[Frame], until: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Show these pictures over and over until something is so.

    Raises:
        TimeoutError: it did not become so.
    """
    deadline = monotonic() + seconds
    while not until():
        if monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s")
        feed(session, [*frames, *frames[::-1]], until=lambda: until() or monotonic() > deadline)
