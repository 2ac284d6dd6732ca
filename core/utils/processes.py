"""Names of processes that stay unique when process ids are reused, and whether such a process is running."""

from __future__ import annotations

import hashlib
import os
import platform
import re
from typing import Final

import psutil

OWNER: Final = r"\d{1,10}-\d{1,12}"
"""A regular expression of what :func:`this_process` returns."""

_OWNER = re.compile(r"(?P<pid>\d{1,10})-(?P<born>\d{1,12})")
# the system clock may be corrected while a process runs
_SAME_START_SECONDS: Final = 60


def this_process() -> str:
    """Return a unique name of this process: its id and start time, since ids are reused."""
    own = psutil.Process()
    return f"{own.pid}-{int(own.create_time())}"


def this_machine() -> str:
    """Return eight hexadecimal digits that tell this machine (or container) from others that share a folder."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def is_alive(owner: str) -> bool:
    """Return whether the process that :func:`this_process` named is running on this machine; False for any other text."""
    named = _OWNER.fullmatch(owner)
    if named is None:
        return False
    pid, born = int(named["pid"]), int(named["born"])
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - born) <= _SAME_START_SECONDS
    except psutil.AccessDenied:
        return True
    except (psutil.Error, OverflowError):
        return False


def is_helper() -> bool:
    """Return whether this process was started as one of several ranks of a distributed training."""
    return any(os.environ.get(name, "0") != "0" for name in ("LOCAL_RANK", "NODE_RANK"))
