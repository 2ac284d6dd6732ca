"""Where results are written: looked at before the work, written aside, and put in their place when whole.

The file that grows has a hidden name beside the result's which says whose it is: process, start time, machine. Whoever writes
there next removes what a killed process left, and nothing else.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from core.errors import OutputFailed, OutputRefused
from core.utils.display_names import clean_line
from core.utils.processes import OWNER, is_alive, this_machine, this_process

_PART: Final = ".part"
_OLD: Final = ".old"
_STEM: Final = 40
_LEFTOVER = re.compile(
    rf"\.(?P<stem>.*)\.(?P<owner>{OWNER})-(?P<machine>[0-9a-f]{{8}})\.[0-9a-f]{{8}}\.(?:part|old)", re.DOTALL
)
_KINDS: Final = (
    (stat.S_ISDIR, "a folder: choose the name of a file"),
    (stat.S_ISCHR, "a device, not a file: choose the name of a file"),
    (stat.S_ISBLK, "a device, not a file: choose the name of a file"),
    (stat.S_ISFIFO, "a pipe, and a result cannot be written to one: choose the name of a file"),
    (stat.S_ISSOCK, "a socket, not a file: choose the name of a file"),
)


def usable_output(path: Path, inputs: Iterable[Path] = ()) -> Path:
    """The file that a result given as ``path`` will be, links followed, after making sure that it can be written.

    Nothing is left there and nothing that is there is touched, but for what killed processes left.

    Args:
        inputs: files that the work reads; those that are not there are passed over.

    Raises:
        OutputRefused: it is no regular file, one of the inputs, or its folder is missing or cannot be written to.
    """
    try:
        place = Path(os.path.realpath(path))
        found = _state_of(path)
        if found is not None:
            _refuse_kind(path, found)
        for given in inputs:
            if found is not None and given.exists() and given.samefile(path):
                raise OutputRefused(
                    f"{_shown(path)} is read by this work itself and would be lost: choose another name for the result."
                )
        _refuse_unwritable(place, found)
    except (OSError, ValueError) as error:
        raise OutputRefused(why_unwritable(path, error)) from error
    return place


def usable_folder(folder: Path) -> None:
    """Make sure that results can be written to ``folder``, which is made where it is missing.

    Raises:
        OutputRefused: they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise OutputRefused(why_unwritable(folder, error)) from error
    usable_output(folder / "results")


def same_output(first: Path, second: Path) -> bool:
    """Whether two results would be one file; both were looked at by :func:`usable_output`."""
    return first == second or (first.exists() and second.exists() and first.samefile(second))


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write, which takes the place of ``path`` when the block ends well and goes when it does not.

    Raises:
        OutputRefused: as of :func:`usable_output`.
        OutputFailed: no permission, no room.
    """
    place = usable_output(path)
    part = aside(place)
    try:
        yield part
        put(part, place)
    except OSError as error:
        raise OutputFailed(why_unwritable(path, error)) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def aside(place: Path) -> Path:
    """A new hidden name beside ``place`` for a file or folder of this process that is not whole yet."""
    stem = os.fsencode(place.stem)[:_STEM].decode(errors="ignore")
    return place.with_name(f".{stem}.{this_process()}-{this_machine()}.{secrets.token_hex(4)}{_PART}")


def put(part: Path, place: Path) -> None:
    """Rename a file that is whole.

    Raises:
        OutputRefused: something that is no file stands at ``place`` by now.
        OSError: it cannot be renamed.
    """
    found = _state_of(place)
    if found is not None:
        _refuse_kind(place, found)
    part.replace(place)


def set_aside(part: Path) -> Path:
    """A name for what stands in the place that ``part``, a name by :func:`aside`, is to take, until it has taken it."""
    return part.with_suffix(_OLD)


def sweep_leftovers(folder: Path) -> None:
    """Remove what processes of this machine that are no more left half-written in ``folder``."""
    for name, _ in _leftovers(folder, _PART):
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


def put_back(folder: Path) -> None:
    """Give back its name to whatever a process that is no more had set aside, where nothing has taken its place."""
    for name, stem in _leftovers(folder, _OLD):
        with contextlib.suppress(OSError):
            if (folder / stem).exists():
                shutil.rmtree(folder / name)
            else:
                (folder / name).rename(folder / stem)


def _leftovers(folder: Path, suffix: str) -> list[tuple[str, str]]:
    """Names of files and folders of processes that are no more, and the stems of what they were to be."""
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if e.is_file(follow_symlinks=False) or e.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    found = [(name, _LEFTOVER.fullmatch(name)) for name in names if name.endswith(suffix)]
    return [
        (name, of["stem"])
        for name, of in found
        if of is not None and of["machine"] == this_machine() and not is_alive(of["owner"])
    ]


def why_unwritable(path: Path, error: Exception) -> str:
    """One sentence on what keeps a result from being written."""
    name, folder = _shown(path), clean_line(str(path.absolute().parent))
    match getattr(error, "errno", None):
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return f"There is no room left in {folder} for {name}: free some space or choose another place."
        case errno.ENOENT | errno.ENOTDIR:
            return f"There is no folder {folder}: make it or choose another place."
        case errno.EEXIST:
            return f"{name} in {folder} is no folder: choose another place."
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"{name} may not be written in {folder}: choose another place."
        case errno.ENAMETOOLONG:
            return f"{name} is longer than a file's name can be here: choose a shorter one."
        case errno.ELOOP:
            return f"{name} is a link that leads back to itself: choose another name."
        case None:
            return f"{name} cannot be the name of a file: choose another one."
        case _:
            return f"{name} could not be written in {folder}: {getattr(error, 'strerror', None) or error}."


def _state_of(path: Path) -> os.stat_result | None:
    """What stands at ``path``, links followed; None for nothing.

    Raises:
        OSError: that cannot be told.
    """
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _refuse_kind(path: Path, found: os.stat_result) -> None:
    for is_kind, words in _KINDS:
        if is_kind(found.st_mode):
            raise OutputRefused(f"{_shown(path)} is {words}.")


def _refuse_unwritable(place: Path, found: os.stat_result | None) -> None:
    """Make a file beside ``place`` and remove it again.

    Raises:
        OSError: that, or replacing what is there, is not possible.
    """
    folder = place.parent.stat()
    if not stat.S_ISDIR(folder.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    sweep_leftovers(place.parent)
    trial = aside(place)
    trial.open("xb").close()
    owner = trial.stat().st_uid
    trial.unlink()
    if found is None:
        return
    # in a folder like /tmp only the owners may replace a file
    others = folder.st_mode & stat.S_ISVTX and owner not in {0, found.st_uid, folder.st_uid}
    if others or not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _shown(path: Path) -> str:
    """A file's name for a sentence: its end tells most."""
    name = clean_line(path.name) or clean_line(str(path))
    return name if len(name) <= 80 else f"{name[:50]}…{name[-25:]}"
