"""Memory for large tensors without asking the system for it at every step."""

from __future__ import annotations

import ctypes
import logging
import platform
from typing import Final

logger = logging.getLogger(__name__)

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
"""Of ``mallopt(3)``."""
_KEPT: Final = 2**31 - 1
_AHEAD: Final = 64 << 20


def keep_freed_memory() -> None:
    """Let this process keep what it frees, where the C library is glibc; elsewhere nothing happens.

    glibc takes every block of more than 32 MB from the system and gives it back when it is freed, and the system fills new
    pages with zeros one fault after the other: half of a backward pass of the widest layers. For processes that train and end.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    library = ctypes.CDLL(None)
    for option, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _KEPT), (_TOP_PAD, _AHEAD)):
        if not library.mallopt(option, value):
            logger.debug("mallopt %d was refused", option)
