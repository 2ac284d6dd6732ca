"""Named locks between processes. The system holds them, so a process that is killed releases its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from core import paths
from core.errors import OutputFailed, UnusableInput

_A_MOMENT: Final = 1.0
"""Seconds to wait: another process may hold a lock briefly to see whether it is free."""


@contextmanager
def alone(name: str, taken: str) -> Iterator[None]:
    """Hold the lock called ``name`` (a plain file name); where another holds it, refuse with the sentence ``taken``.

    Raises:
        UnusableInput: another process or thread holds it.
        OutputFailed: the lock's file cannot be made.
    """
    try:
        lock = _acquired(name, seconds=_A_MOMENT)
    except Timeout as error:
        raise UnusableInput(taken) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def in_turn(name: str, root: Path | None = None) -> Iterator[None]:
    """Wait for the lock called ``name`` and hold it.

    Args:
        root: the folder to keep the lock in, instead of the user's data folder.

    Raises:
        OutputFailed: the lock's file cannot be made.
    """
    lock = _acquired(name, root)
    try:
        yield
    finally:
        lock.release()


def is_taken(name: str) -> bool:
    """Whether some process holds the lock called ``name``."""
    if not _path(name).parent.is_dir():
        return False
    try:
        with _lock(name).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def _path(name: str, root: Path | None = None) -> Path:
    return (root or paths.data_root()) / "locks" / f"{name}.lock"


def _lock(name: str, root: Path | None = None) -> FileLock:
    path = _path(name, root)
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path)


def _acquired(name: str, root: Path | None = None, *, seconds: float = -1) -> FileLock:
    """Acquire the lock and return it, waiting at most ``seconds``; for ever where negative.

    Raises:
        Timeout: another process holds it.
        OutputFailed: its file cannot be made.
    """
    try:
        lock = _lock(name, root)
        lock.acquire(timeout=seconds)
    except Timeout:
        raise
    except OSError as error:
        raise OutputFailed(
            f"The folder of your own performers cannot be written to: {error.strerror or error}."
        ) from error
    return lock
