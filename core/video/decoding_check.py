"""Opening a stranger's file in a process of its own first, which may take only so much memory and time."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

import psutil

from core import paths
from core.errors import DanceError

logger = logging.getLogger(__name__)

_ALLOWED_BYTES: Final = 128 << 20
_ALLOWED_TIMES_SIZE: Final = 32
"""An honest index grows to about 15 times its size in memory, and a large file has large pictures."""
_MOST_BYTES: Final = 512 << 20
_MOST_PROCESSOR_SECONDS: Final = 4.0
_MOST_SECONDS: Final = 60.0
_WATCHED_EVERY: Final = 0.002
_PACKETS: Final = 2000
_TOO_MUCH: Final = 3
_MODULE: Final = "core.video.decoding_check"

_one_at_a_time: Final = threading.Lock()
"""Many uploads at once are looked at in turn, so that their processes take no more than one does."""


def is_bearable(path: Path) -> bool:
    """Whether FFmpeg opens ``path``, or refuses it, without more memory and time than a file of its size has need of.

    Raises:
        DanceError: this machine has no room for another process.
    """
    command = [sys.executable, "-m", _MODULE, str(path.absolute())]
    try:
        with _one_at_a_time:
            done = subprocess.run(
                command, cwd=paths.PROJECT, timeout=_MOST_SECONDS, check=False,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
    except subprocess.TimeoutExpired:
        logger.info("a file of %d bytes was not opened within %g s", path.stat().st_size, _MOST_SECONDS)
        return False
    except OSError as error:
        logger.warning("no process could be started: %s", error)
        raise DanceError(f"{path.name} cannot be looked at just now: try again in a minute.") from error
    return done.returncode == 0


def _watch(most_bytes: int) -> None:
    """End this process once it takes more than it may."""
    process = psutil.Process()
    before, start = process.memory_info().rss, time.process_time()
    while True:
        time.sleep(_WATCHED_EVERY)
        if process.memory_info().rss - before > most_bytes or time.process_time() - start > _MOST_PROCESSOR_SECONDS:
            os._exit(_TOO_MUCH)


def _main(path: Path) -> None:
    from core.video.probe import open_container, video_stream

    most = min(_ALLOWED_BYTES + _ALLOWED_TIMES_SIZE * path.stat().st_size, _MOST_BYTES)
    threading.Thread(target=_watch, args=(most,), daemon=True).start()
    import av

    with contextlib.suppress(DanceError, av.FFmpegError), open_container(path) as container:
        stream = video_stream(container, path)
        for _ in itertools.islice(container.demux(stream), _PACKETS):
            pass


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
