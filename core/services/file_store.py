"""Where uploads and results lie while the app runs: one private folder for the process, gone with it.

What a crash left is deleted at the next start. Files get names that nobody can guess; what the owner called them is kept
only for showing. A file lives as long as anybody holds it, and so does a performer whom a visitor brought, a folder.

All of it together, and what one visit has of it, stays within a budget: see :class:`StorageLimits`.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from core import paths
from core.errors import DanceError, OutputFailed, OverLimit, UnusableInput
from core.utils.display_names import clean_line
from core.utils.processes import OWNER, is_alive, this_process

logger = logging.getLogger(__name__)

MEGABYTE: Final = 1 << 20
RESULT_ROOM: Final = 24 * MEGABYTE
"""Bytes that are kept free for a video that is about to be made, whose size nobody knows yet."""
_CHUNK: Final = 1 << 20
_FOLDER = re.compile(rf"(?P<owner>{OWNER})-[0-9a-f]{{16}}")
_PRIVATE: Final = 0o700


def delete(path: Path) -> None:
    """Delete a file, or a folder and all that is in it; it need not be there.

    Raises:
        OSError: it cannot be deleted.
    """
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; 0 where there is nothing."""
    try:
        if path.is_dir():
            return sum(size_of(child) for child in path.iterdir())
        return path.stat().st_size
    except OSError:
        # deleted in between
        return 0


@dataclass(frozen=True, slots=True)
class StorageLimits:
    """How much may lie in the workspace, in bytes.

    Attributes:
        whole: for everything.
        each: for what has the same owner.
        free: deletes the oldest thing that nobody needs, of that owner or, for None, of anybody; False where there is none.
    """

    whole: int
    each: int
    free: Callable[[str | None], bool]


class FileLease:
    """One holder's claim on a file or folder. Letting go twice does no harm."""

    def __init__(self, stored: StoredFile) -> None:
        self.stored: Final = stored
        self._lock = threading.Lock()
        self._held = True

    def release(self) -> None:
        """Let go; it is deleted when nobody else holds it."""
        with self._lock:
            held, self._held = self._held, False
        if held:
            self.stored._dropped()


class StoredFile:
    """A file of the workspace, or a folder.

    Args:
        delete: deletes what lies at the path, once nobody holds it any more.
        owner: whose it is, empty where it is nobody's.
        reserved: bytes that it counts for as long as it is smaller and not whole.

    Attributes:
        path: where it lies, under a name that nobody can guess.
        name: what its owner called it, made safe to show.
    """

    def __init__(
        self, path: Path, name: str, delete: Callable[[Path], None] = delete, *, owner: str = "", reserved: int = 0
    ) -> None:
        self.path: Final = path
        self.name: Final = name
        self.owner: Final = owner
        self._reserved = reserved
        self._delete = delete
        self._holders = 0
        self._lock = threading.Lock()
        self._deleted = False

    def hold(self) -> FileLease:
        """A claim on it.

        Raises:
            UnusableInput: it is gone.
        """
        with self._lock:
            if self._deleted:
                raise UnusableInput(f"{self.name} is no longer here: please upload it again.")
            self._holders += 1
        return FileLease(self)

    @property
    def bytes(self) -> int:
        """What it takes on the disk, or will take."""
        return max(self._reserved, size_of(self.path))

    def settle(self) -> None:
        """It is whole: from now on it counts for as much as it is."""
        self._reserved = 0

    @property
    def gone(self) -> bool:
        """Whether it was deleted."""
        return self._deleted

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """Errors raised inside speak of the file by its owner's name."""
        try:
            yield
        except DanceError as error:
            raise type(error)(self.shown(str(error))) from error

    def shown(self, sentence: str) -> str:
        """The sentence with the owner's name for the file in place of the secret one."""
        return sentence.replace(str(self.path), self.name).replace(self.path.name, self.name)

    def _dropped(self) -> None:
        with self._lock:
            self._holders -= 1
            if self._holders > 0:
                return
            self._deleted = True
        try:
            self._delete(self.path)
        except OSError as error:
            # a system that does not delete open files: the whole folder goes when the app ends
            logger.warning("could not delete what lay in the workspace: %s", error)


class Workspace:
    """The folder of this process below ``root`` (by default :func:`core.paths.work_root`).

    Args:
        root: below which it is made.
        room: how much may lie in it; as much as there is where it is None.

    Raises:
        OutputFailed: it cannot be made.
    """

    def __init__(self, root: Path | None = None, room: StorageLimits | None = None) -> None:
        self._room = room
        self._stored: list[StoredFile] = []
        self._taking = threading.RLock()
        root = paths.work_root() if root is None else root
        self.folder: Final = root / f"{this_process()}-{secrets.token_hex(8)}"
        try:
            sweep(root)
            self.folder.mkdir(parents=True, mode=_PRIVATE)
        except OSError as error:
            raise OutputFailed(
                f"The work folder {root} cannot be used ({error.strerror or error}): set DANCE_WORK to one that can."
            ) from error

    def new_file(self, name: str, suffix: str = "", *, owner: str = "", size: int = RESULT_ROOM) -> FileLease:
        """A place for a file that somebody is about to write.

        Args:
            name: what its owner calls it.
            suffix: of the file.
            owner: whose it will be.
            size: how many bytes it will have, about.

        Raises:
            OverLimit: there is no room for it, and none can be made.
        """
        path = self.folder / f"{secrets.token_urlsafe(16)}{suffix}"
        return self._keep(StoredFile(path, display_name(name), owner=owner, reserved=size))

    def used(self, owner: str | None = None) -> int:
        """Bytes that everything takes together, or all that is that owner's."""
        with self._taking:
            self._stored = [stored for stored in self._stored if not stored.gone]
            return sum(stored.bytes for stored in self._stored if owner is None or stored.owner == owner)

    def _keep(self, stored: StoredFile) -> FileLease:
        with self._taking:
            hold = stored.hold()
            if self._room is not None:
                self._make_room(self._room, stored)
            self._stored.append(stored)
        return hold

    def _make_room(self, room: StorageLimits, stored: StoredFile) -> None:
        while stored.owner and self.used(stored.owner) + stored.bytes > room.each:
            if not room.free(stored.owner):
                raise OverLimit(
                    f"There is no room for {stored.name}: all that is yours may take {_megabytes(room.each)} MB here. "
                    "Wait until what you started is done, or choose something smaller."
                )
        while self.used() + stored.bytes > room.whole:
            if not room.free(None):
                raise OverLimit(
                    f"There is no room for {stored.name} here just now: "
                    "please try again in a few minutes, or choose something smaller."
                )

    @property
    def performers(self) -> Path:
        """The folder of the performers whom visitors brought; there once the first of them is."""
        return self.folder / "performers"

    def new_performer(
        self, name: str, delete: Callable[[Path], None] = delete, *, owner: str = "", size: int = RESULT_ROOM
    ) -> FileLease:
        """A place for a visitor's performer, a folder that somebody is about to make; its own name is the id.

        Args:
            name: what the visitor calls it.
            delete: see :class:`StoredFile`.
            owner: whose it will be.
            size: how many bytes it will have, about.

        Raises:
            OverLimit: there is no room for it, and none can be made.
        """
        path = self.performers / f"guest-{secrets.token_hex(6)}"
        return self._keep(StoredFile(path, display_name(name), delete, owner=owner, reserved=size))

    def take(self, source: BinaryIO, name: str, size: int, limit: int, *, owner: str = "") -> FileLease:
        """Copy an upload of ``size`` bytes here, piece by piece.

        Raises:
            OverLimit: it is larger than ``limit`` bytes, or there is no room for it; nothing was read.
            OutputFailed: no room on the disk.
        """
        shown = display_name(name)
        if size > limit:
            raise OverLimit(f"{shown} is {_megabytes(size)} MB: the limit here is {_megabytes(limit)} MB.")
        hold = self.new_file(name, owner=owner, size=size)
        try:
            with hold.stored.path.open("xb") as file:
                _copy(source, file, limit, shown)
        except OSError as error:
            hold.release()
            why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
            raise OutputFailed(f"{shown} could not be stored: {why}.") from error
        except BaseException:
            hold.release()
            raise
        return hold

    def close(self) -> None:
        """Delete the folder and everything in it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def sweep(root: Path) -> int:
    """Delete the folders of processes that are no more. Returns how many there were."""
    try:
        children = list(root.iterdir())
    except FileNotFoundError:
        return 0
    dead = [child for child in children if _left_behind(child)]
    for folder in dead:
        shutil.rmtree(folder, ignore_errors=True)
    if dead:
        logger.info("deleted what %d earlier run(s) left", len(dead))
    return len(dead)


def display_name(name: str) -> str:
    """The last part of a file's name with nothing in it that could disturb a page, at most 60 characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    plain = clean_line("".join(c for c in last if c.isprintable())).strip(" .")
    if len(plain) > 60:
        return f"{plain[:40]}…{plain[-18:]}"
    return plain or "your file"


class SessionFiles:
    """What one visitor holds. When they go away it is kept for a while, in case only the line was cut.

    Args:
        grace_seconds: how long it is kept.
    """

    def __init__(self, grace_seconds: float = 40.0) -> None:
        self._grace = grace_seconds
        self._holds: dict[str, FileLease] = {}
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._away = False

    def put(self, role: str, hold: FileLease) -> None:
        """Hold this in place of what was held in that role."""
        with self._lock:
            before = self._holds.pop(role, None)
            self._holds[role] = hold
            away = self._away
        if before is not None:
            before.release()
        if away:
            # they left while it was being taken in
            self.away()

    def get(self, role: str) -> StoredFile | None:
        """The file held in that role."""
        with self._lock:
            hold = self._holds.get(role)
        return None if hold is None else hold.stored

    def shown(self, sentence: str) -> str:
        """The sentence with the owner's names of all that is held in place of the secret ones."""
        with self._lock:
            held = [hold.stored for hold in self._holds.values()]
        for stored in held:
            sentence = stored.shown(sentence)
        return sentence

    def drop(self, role: str) -> None:
        """Let go of what is held in that role."""
        with self._lock:
            hold = self._holds.pop(role, None)
        if hold is not None:
            hold.release()

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            holds, self._holds = list(self._holds.values()), {}
        for hold in holds:
            hold.release()

    def away(self) -> None:
        """The visitor left, or seems to have."""
        with self._lock:
            self._away = True
            holding = bool(self._holds)
        if holding:
            self._wait(threading.Timer(self._grace, self.clear))

    def back(self) -> None:
        """They are here."""
        with self._lock:
            self._away = False
        self._wait(None)

    def _wait(self, timer: threading.Timer | None) -> None:
        with self._lock:
            before, self._timer = self._timer, timer
        if before is not None:
            before.cancel()
        if timer is not None:
            timer.daemon = True
            timer.start()


def _copy(source: BinaryIO, file: BinaryIO, limit: int, shown: str) -> None:
    written = 0
    while chunk := source.read(_CHUNK):
        written += len(chunk)
        if written > limit:
            raise OverLimit(f"{shown} is larger than the limit here, {_megabytes(limit)} MB.")
        file.write(chunk)


def _left_behind(folder: Path) -> bool:
    named = _FOLDER.fullmatch(folder.name)
    return named is not None and folder.is_dir() and not is_alive(named["owner"])


def _megabytes(count: int) -> str:
    return f"{count / MEGABYTE:.1f}".removesuffix(".0")
