"""Keeping what a live stream shows, and the microphone: H.264 and AAC in an mp4, written while it happens."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from queue import Empty, Full, Queue
from time import monotonic
from typing import Final, TypeAlias

import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from numpy.typing import NDArray

from core.errors import DanceError
from core.types import Frame
from core.video.provenance import Provenance
from core.video.writer import VideoWriter

logger = logging.getLogger(__name__)

RATE: Final = Fraction(30)
_SOUND_RATE: Final = 48_000
_BIT_RATE: Final = 128_000
_BLOCK: Final = 1024
_GAP: Final = _SOUND_RATE // 10
_MOST_SOUND: Final = 3000
_WAITING: Final = 8
_STOP_SECONDS: Final = 2.0
_TICK: Final = 1000

Samples: TypeAlias = NDArray[np.float32]
"""(samples,) in [-1, 1]."""


class Microphone:
    """Sound that comes in as it is heard, for a :class:`VideoWriter`. Pieces lie where they were heard; gaps are silent."""

    def __init__(self) -> None:
        self._heard: deque[tuple[float, AudioFrame]] = deque(maxlen=_MOST_SOUND)
        self._resampler = AudioResampler(format="fltp", layout="mono", rate=_SOUND_RATE)
        self._pending: Samples = np.zeros(0, np.float32)
        self._given = 0

    def hear(self, piece: AudioFrame, seconds: float) -> None:
        """The next piece, which began ``seconds`` after the start of the recording. Any thread."""
        self._heard.append((seconds, piece))

    def open(self, output: OutputContainer) -> Microphone:
        """See ``SoundSource``."""
        self._stream: AudioStream = output.add_stream("aac", rate=_SOUND_RATE, bit_rate=_BIT_RATE)
        self._stream.codec_context.layout = "mono"
        self._stream.codec_context.time_base = Fraction(1, _SOUND_RATE)
        return self

    def until(self, time: Fraction) -> Iterator[Packet[AudioStream]]:
        """See ``Sound``."""
        self._gather()
        while len(self._pending) >= _BLOCK and self._given + _BLOCK <= time * _SOUND_RATE:
            yield from self._encode(_BLOCK)

    def finish(self, time: Fraction) -> Iterator[Packet[AudioStream]]:
        """See ``Sound``."""
        yield from self.until(time)
        missing = max(round(time * _SOUND_RATE) - self._given - len(self._pending), 0)
        self._pending = np.concatenate([self._pending, np.zeros(missing, np.float32)])
        yield from self.until(time)
        rest = min(round(time * _SOUND_RATE) - self._given, len(self._pending))
        if rest > 0:
            yield from self._encode(rest)
        yield from self._stream.encode(None)

    def _gather(self) -> None:
        pieces = [self._pending]
        filled = self._given + len(self._pending)
        while self._heard:
            seconds, piece = self._heard.popleft()
            silence = round(seconds * _SOUND_RATE) - filled
            # a packet that came late is no pause
            if silence > _GAP:
                pieces.append(np.zeros(silence, np.float32))
                filled += silence
            for frame in self._resampler.resample(piece):
                samples = np.asarray(frame.to_ndarray(), np.float32)[0]
                pieces.append(samples)
                filled += len(samples)
        self._pending = np.concatenate(pieces)

    def _encode(self, count: int) -> list[Packet[AudioStream]]:
        block, self._pending = self._pending[:count], self._pending[count:]
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(block[None]), format="fltp", layout="mono")
        frame.sample_rate = _SOUND_RATE
        frame.time_base = Fraction(1, _SOUND_RATE)
        frame.pts = self._given
        self._given += count
        return self._stream.encode(frame)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A finished recording: where it lies, how long it is, and how many pictures were left out for want of time."""

    path: Path
    seconds: float
    frames: int
    left_out: int


class Recorder:
    """Writes one recording in a thread of its own, which never holds up the stream: pictures it has no time for are left out.

    The size of the recording is that of its first picture; others are fitted into it.

    Args:
        path: the mp4 to make.
        sound: whether a microphone will be heard.
        longest: seconds after which it ends by itself.
        provenance: what the file says of how it came to be; None of a camera's own pictures.
    """

    def __init__(self, path: Path, *, sound: bool, longest: float, provenance: Provenance | None) -> None:
        self.path = path
        self._provenance = provenance
        self.error: str | None = None
        self._microphone = Microphone() if sound else None
        self._longest = longest
        self._queue: Queue[tuple[Frame, float] | None] = Queue(_WAITING)
        self._start: float | None = None
        self._left_out = 0
        self._result: Recorded | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-recorder", daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """How long it is by now."""
        if self._result is not None:
            return self._result.seconds
        return 0.0 if self._start is None else min(monotonic() - self._start, self._longest)

    @property
    def over(self) -> bool:
        """Whether it was stopped, became too long, or failed."""
        return self._ending.is_set()

    def show(self, image: Frame, now: float) -> None:
        """A picture was shown at ``now``, a monotonic clock. It must not be changed afterwards."""
        if self._ending.is_set():
            return
        if self._start is None:
            self._start = now
        if now - self._start >= self._longest:
            self._ending.set()
            return
        try:
            self._queue.put_nowait((image, now - self._start))
        except Full:
            self._left_out += 1

    def hear(self, piece: AudioFrame, now: float) -> None:
        """A piece of sound ended at ``now``."""
        if self._microphone is not None and self._start is not None and not self._ending.is_set():
            length = piece.samples / piece.sample_rate
            self._microphone.hear(piece, max(now - self._start - length, 0.0))

    def stop(self, timeout: float = _STOP_SECONDS) -> Recorded | None:
        """End it and wait until the file is whole. None when there was nothing to record or it failed, see ``error``."""
        self._ending.set()
        self._thread.join(timeout)
        return self._result

    def _run(self) -> None:
        try:
            self._result = self._write()
        except DanceError as error:
            self.error = str(error)
        except Exception:
            logger.exception("the recording failed")
            self.error = "The recording failed on our side: please try again."
        finally:
            self._ending.set()

    def _write(self) -> Recorded | None:
        first = self._next()
        if first is None:
            return None
        size = (first[0].shape[1], first[0].shape[0])
        with VideoWriter(
            self.path, size=size, rate=RATE, audio=self._microphone, provenance=self._provenance
        ) as writer:
            item: tuple[Frame, float] | None = first
            last = 0.0
            while item is not None:
                image, last = item
                writer.write(_fitted(image, size), Fraction(round(last * _TICK), _TICK))
                item = self._next()
        return Recorded(self.path, last + float(1 / RATE), writer.frames, self._left_out)

    def _next(self) -> tuple[Frame, float] | None:
        while True:
            try:
                return self._queue.get(timeout=0.05)
            except Empty:
                if self._ending.is_set():
                    return None


def _fitted(image: Frame, size: tuple[int, int]) -> Frame:
    """The whole of ``image`` in the middle of a black picture of ``size`` (width, height)."""
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    scale = min(size[0] / width, size[1] / height)
    inner = cv2.resize(
        image, (max(round(width * scale), 1), max(round(height * scale), 1)), interpolation=cv2.INTER_AREA
    )
    result = np.zeros((size[1], size[0], 3), np.uint8)
    top, left = (size[1] - inner.shape[0]) // 2, (size[0] - inner.shape[1]) // 2
    result[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return result
