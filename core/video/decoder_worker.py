"""The process behind :mod:`core.video.decoder`: reads questions from stdin, a line of JSON each, and answers on stdout.

An answer is a line of JSON, ``{"value": ...}`` or ``{"error": [class, sentence]}``; after ``{"shape": [...]}`` come the bytes of
an array. Memory and processor time are bounded anew for each question; what takes more ends the process.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psutil

from core.errors import DanceError, UnusableInput

_MEGABYTE: Final = 1 << 20
_VIDEO_BYTES: Final = 640 * _MEGABYTE
"""The first picture of 8K, with those that it is made from."""
_PICTURE_BYTES: Final = 800 * _MEGABYTE
"""50 megapixels of CMYK, converted, and a copy."""
_PROCESSOR_SECONDS: Final = 15.0
_WATCHED_EVERY: Final = 0.002
_SPARE_BYTES: Final = 512 * _MEGABYTE
"""Address space that is reserved without being used: stacks of threads, arenas of the allocator."""
_TOO_MUCH: Final = 3

# Opening alone: an honest index grows to about 15 times its size in memory, and a large file has large pictures.
_OPENING_BYTES: Final = 128 * _MEGABYTE
_OPENING_TIMES_SIZE: Final = 32
_MOST_OPENING_BYTES: Final = 512 * _MEGABYTE
_OPENING_SECONDS: Final = 4.0
_OPENING_SPARE: Final = 4 << 30
"""FFmpeg passes over a table for which it gets no memory, and whoever opens the file next would be given it."""
_PACKETS: Final = 2000


class _Bounds:
    """What this process may take from now on. Watched from a thread, and by the system where it can."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._most_bytes, self._most_seconds = 1 << 62, float("inf")
        threading.Thread(target=self._watch, daemon=True).start()

    def set(self, more_bytes: int, seconds: float, spare: int = _SPARE_BYTES) -> None:
        """Allow that much memory beyond what is held now, ``spare`` more of address space, and that much processor time."""
        held = self._process.memory_info()
        self._most_bytes, self._most_seconds = held.rss + more_bytes, time.process_time() + seconds
        # a thread is asked last: native code may hold the interpreter for as long as it likes
        _limit("RLIMIT_AS", held.vms + more_bytes + spare)
        _limit("RLIMIT_CPU", int(self._most_seconds) + 2)

    def _watch(self) -> None:
        while True:
            time.sleep(_WATCHED_EVERY)
            if self._process.memory_info().rss > self._most_bytes or time.process_time() > self._most_seconds:
                os._exit(_TOO_MUCH)


def _limit(name: str, most: int) -> None:
    """Let the system end what takes more. Windows has no such limits, macOS does not heed all of them."""
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


class _Worker:
    """What may be asked; each method but :meth:`answer` is a call."""

    def __init__(self) -> None:
        self._bounds = _Bounds()

    def answer(self, question: dict[str, Any]) -> Any:
        """The value of one call."""
        calls: dict[str, Callable[..., Any]] = {
            call.__name__: call for call in (self.opens, self.examine, self.sound, self.start, self.size, self.picture)
        }
        return calls[question["call"]](**question["arguments"])

    def opens(self, path: str) -> bool:
        """Whether the file opens, or is refused, without more memory and time than one of its size has need of."""
        import av

        from core.video.probe import open_container, video_stream

        allowed = _OPENING_BYTES + _OPENING_TIMES_SIZE * Path(path).stat().st_size
        self._bounds.set(min(allowed, _MOST_OPENING_BYTES), _OPENING_SECONDS, _OPENING_SPARE)
        try:
            with open_container(Path(path)) as container:
                for _ in itertools.islice(container.demux(video_stream(container, Path(path))), _PACKETS):
                    pass
        except (DanceError, av.FFmpegError) as error:
            return not isinstance(error.__cause__ or error, MemoryError)
        return True

    def examine(self, path: str, sound: int | None) -> dict[str, Any]:
        """See :func:`core.video.probe.examine`."""
        from core.video.probe import examine_here, source_as_json

        self._bounds.set(_VIDEO_BYTES, _PROCESSOR_SECONDS)
        return source_as_json(examine_here(Path(path), sound))

    def sound(self, path: str) -> int | None:
        """See :func:`core.video.probe.playable_sound`."""
        from core.video.probe import find_sound

        self._bounds.set(_VIDEO_BYTES, _PROCESSOR_SECONDS)
        return find_sound(Path(path))

    def start(self, path: str) -> str:
        """See :func:`core.video.probe.clock_start`."""
        from core.video.probe import start_here

        self._bounds.set(_VIDEO_BYTES, _PROCESSOR_SECONDS)
        return str(start_here(Path(path)))

    def size(self, path: str) -> list[int]:
        """See :func:`core.video.probe.stated_size`."""
        from core.video.probe import open_container, video_stream

        self._bounds.set(_VIDEO_BYTES, _PROCESSOR_SECONDS)
        with open_container(Path(path)) as container:
            stream = video_stream(container, Path(path))
            return [stream.width, stream.height]

    def picture(self, path: str, **how: Any) -> Any:
        """See :func:`core.rendering.image_files.read_picture`."""
        from core.rendering.image_files import read_here

        self._bounds.set(_PICTURE_BYTES, _PROCESSOR_SECONDS)
        return read_here(Path(path), **how)


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    # what libraries print is no answer
    os.dup2(nowhere, 1)
    worker = _Worker()
    for line in sys.stdin.buffer:
        content: bytes | memoryview = b""
        try:
            value = worker.answer(json.loads(line))
            if isinstance(value, bool | int | str | dict | list) or value is None:
                head: dict[str, Any] = {"value": value}
            else:
                head, content = {"shape": list(value.shape)}, value.data.cast("B")
        except DanceError as error:
            head = {"error": [type(error).__name__, str(error)]}
        except MemoryError:
            os._exit(_TOO_MUCH)
        except Exception as error:
            head = {"error": [UnusableInput.__name__, f"It cannot be decoded ({type(error).__name__})."]}
        answers.write(json.dumps(head).encode() + b"\n")
        answers.write(content)
        answers.flush()


if __name__ == "__main__":
    _serve()
