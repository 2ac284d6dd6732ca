"""A process that decodes what strangers send, so that a file which breaks FFmpeg or an image library breaks that process alone.

It loads PyAV, Pillow and NumPy and nothing else, may take only so much memory and time for each file, stays for the next file,
and ends when none has come for a while. What it may be asked is in :mod:`core.video.decoder_worker`.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from time import monotonic
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from core import errors, paths
from core.errors import DanceError

logger = logging.getLogger(__name__)

_MODULE: Final = "core.video.decoder_worker"
_MOST_SECONDS: Final = 60.0
"""After which an answer is no longer waited for. The processor time that a request may take is far less."""
_IDLE_SECONDS: Final = 20.0
_GONE_SECONDS: Final = 1.0
"""A process that ends sooner after a question may have been killed before it."""
_VARIABLES: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
_NO_PROCESS: Final = "The file cannot be looked at just now: try again in a minute."


class DecoderEnded(DanceError):
    """The process ended over a file: a crash, too much memory, or too much time."""


class Decoder:
    """The process and its end of the pipes. For many threads, which it serves in turn: so the files of many visitors together
    take no more memory than one."""

    def __init__(self, module: str = _MODULE) -> None:
        self._module = module
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._idle: threading.Timer | None = None

    def ask(self, call: str, **arguments: Any) -> Any:
        """What ``call`` of :mod:`core.video.decoder_worker` answers: JSON, or a (height, width, 3) uint8 array.

        Raises:
            DecoderEnded: the process did not live to answer.
            DanceError: as ``call`` raises.
        """
        with self._lock:
            if self._idle is not None:
                self._idle.cancel()
            try:
                answer, content = self._asked_again({"call": call, "arguments": arguments})
            finally:
                self._idle = threading.Timer(_IDLE_SECONDS, self._rest)
                self._idle.daemon = True
                self._idle.start()
        if "error" in answer:
            raise _known(*answer["error"])
        return answer["value"] if content is None else content

    def close(self) -> None:
        """End the process. The next question starts another."""
        with self._lock:
            if self._idle is not None:
                self._idle.cancel()
            self._end()

    def _asked_again(self, question: dict[str, Any]) -> tuple[dict[str, Any], NDArray[np.uint8] | None]:
        """Ask, and once more in a fresh process where the one of earlier files was gone already: this file is not to blame."""
        earlier, begin = self._process, monotonic()
        try:
            return self._asked(question)
        except DecoderEnded:
            if earlier is None or monotonic() - begin > _GONE_SECONDS:
                raise
            return self._asked(question)

    def _asked(self, question: dict[str, Any]) -> tuple[dict[str, Any], NDArray[np.uint8] | None]:
        process = self._started()
        late = threading.Timer(_MOST_SECONDS, process.kill)
        late.daemon = True
        late.start()
        try:
            pipe = _pipe(process.stdin)
            pipe.write(json.dumps(question).encode() + b"\n")
            pipe.flush()
            answer = json.loads(_pipe(process.stdout).readline())
            content = None if "shape" not in answer else _read(_pipe(process.stdout), answer["shape"])
        except (OSError, ValueError) as error:
            self._end()
            logger.info("decoder ended with status %s over %s", process.returncode, question["call"])
            raise DecoderEnded("It cannot be decoded: copy or download it again.") from error
        except BaseException:
            # half an answer would be taken for that to the next question
            self._end()
            raise
        finally:
            late.cancel()
        return answer, content

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module], cwd=paths.PROJECT, env={**os.environ, **_VARIABLES},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            logger.warning("no process could be started: %s", error)
            raise DanceError(_NO_PROCESS) from error
        return self._process

    def _rest(self) -> None:
        # whoever asks just now needs it, and sets another timer
        if self._lock.acquire(blocking=False):
            try:
                if self._idle is threading.current_thread():
                    self._end()
            finally:
                self._lock.release()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                _pipe(pipe).close()
        process.wait()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _read(pipe: IO[bytes], shape: list[int]) -> NDArray[np.uint8]:
    """An array of that shape from the pipe.

    Raises:
        ValueError: it ends too early.
    """
    content = np.empty(shape, np.uint8)
    left = content.data.cast("B")
    while len(left):
        count = pipe.readinto(left)  # type: ignore[attr-defined]
        if not count:
            raise ValueError("half an answer")
        left = left[count:]
    return content


def _known(name: str, sentence: str) -> DanceError:
    """The error of that name; nothing that a broken process could say makes another class of it."""
    kind = getattr(errors, name, None)
    return kind(sentence) if isinstance(kind, type) and issubclass(kind, DanceError) else DanceError(sentence)


decoder: Final = Decoder()
"""The one of this process."""
atexit.register(decoder.close)
