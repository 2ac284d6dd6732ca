"""Which process something belongs to, and whether that process still lives."""

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
# the clock that start times are told by may be set right while a process lives
_SAME_START_SECONDS: Final = 60


def this_process() -> str:
    """A name of this process that no other has, not even one that gets its number later: number and start time."""
    own = psutil.Process()
    return f"{own.pid}-{int(own.create_time())}"


def this_machine() -> str:
    """Eight hexadecimal digits that tell this machine (or container) from others that write into the same folder."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def is_alive(owner: str) -> bool:
    """Whether the process of this machine lives whose name :func:`this_process` gave; False for anything else."""
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
    """Whether this process was started by another to train along, on another device or machine."""
    return any(os.environ.get(name, "0") != "0" for name in ("LOCAL_RANK", "NODE_RANK"))
