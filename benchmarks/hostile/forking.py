"""Commands that each run in a process of its own, forked from one that has loaded the program already.

Starting Python and loading the program takes two seconds, a fork some milliseconds.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from core import paths

_MODULE: Final = "benchmarks.hostile.forking"
_LOADED: Final = (
    "av", "cv2", "openvino", "streamlit", "core.cli", "core.transfer", "core.services.photo_performer",
    "core.targets.footage_check", "core.targets.build", "core.targets.archive", "core.pose.candidates",
    "core.generators.registry", "core.ui.video_info",
    "core.ui.app_services", "core.video.writer",
)  # fmt: skip
_LOOK_EVERY: Final = 0.005
_ADDRESS_SPACE: Final = 16 << 30
"""Bytes: a bomb that got through ends its own process before the machine."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended.

    Attributes:
        status: its exit status, negative where a signal ended it, None where it was killed for taking too long.
        seconds: from its start to its end.
        processor_seconds: that it and processes that it waited for worked.
        megabytes: the most that it, or a process that it started and waited for, held at once.
        out, errors: what it wrote.
        orphans: whether processes that it started outlived it.
    """

    status: int | None
    seconds: float
    processor_seconds: float
    megabytes: float
    out: str
    errors: str
    orphans: bool


class ForkServer:
    """The loaded process, as a context manager. POSIX alone."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE], cwd=paths.PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(paths.PROJECT)},
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        _of(self._process.stdin).close()
        self._process.wait()

    def run(
        self, call: str, arguments: Sequence[str], folder: Path, variables: Mapping[str, str], most_seconds: float
    ) -> Ended:
        """Call ``module:function`` with ``arguments`` as ``sys.argv[1:]``, in ``folder``."""
        asked = {
            "call": call, "arguments": list(arguments), "folder": str(folder), "variables": dict(variables),
            "seconds": most_seconds,
        }  # fmt: skip
        stdin = _of(self._process.stdin)
        stdin.write(json.dumps(asked) + "\n")
        stdin.flush()
        return Ended(**json.loads(_of(self._process.stdout).readline()))


def _of(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def _serve() -> None:
    for name in _LOADED:
        importlib.import_module(name)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        answers.write(json.dumps(_run(json.loads(line))) + "\n")
        answers.flush()


def _run(asked: dict[str, object]) -> dict[str, object]:
    texts = [os.memfd_create(name) for name in ("out", "errors")]
    start = time.monotonic()
    child = os.fork()
    if not child:
        _become(asked, texts)
    status, used = None, None
    deadline = start + float(str(asked["seconds"]))
    while used is None and time.monotonic() < deadline:
        ended, code, taken = os.wait4(child, os.WNOHANG)
        if ended:
            status, used = os.waitstatus_to_exitcode(code), taken
        else:
            time.sleep(_LOOK_EVERY)
    seconds = time.monotonic() - start
    orphans = used is not None and _kill(child)
    if used is None:
        _kill(child)
        used = os.wait4(child, 0)[2]
    out, errors = (_content(text) for text in texts)
    return {
        "status": status, "seconds": seconds, "processor_seconds": used.ru_utime + used.ru_stime, "orphans": orphans,
        "megabytes": used.ru_maxrss / 1000, "out": out, "errors": errors,
    }  # fmt: skip


def _kill(group: int) -> bool:
    """End what is left of a group of processes; whether anything was."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
        return True
    return False


def _content(file: int) -> str:
    with os.fdopen(file, "rb") as text:
        text.seek(0)
        return text.read(100_000).decode(errors="replace")


def _become(asked: dict[str, object], texts: list[int]) -> None:
    """Be the command, and end."""
    status = 1
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
        os.dup2(texts[0], 1)
        os.dup2(texts[1], 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.update(asked["variables"])  # type: ignore[call-overload]
        os.chdir(str(asked["folder"]))
        sys.argv = ["core", *asked["arguments"]]  # type: ignore[misc]
        module, name = str(asked["call"]).split(":")
        getattr(importlib.import_module(module), name)()
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve()
