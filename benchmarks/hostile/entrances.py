"""Every entrance by which a stranger's file comes in, and what is right to happen there."""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from benchmarks.hostile.corpus import Kind
from benchmarks.hostile.forking import Ended, ForkServer

MOST_SECONDS: Final = 20.0
"""Of processor time, which other work on the machine does not change; what waits without working meets ``_PATIENCE``."""
MOST_MEGABYTES: Final = 1000.0
_PATIENCE: Final = 90.0
"""Seconds after which a command is ended, on a machine that is busy with other work."""
_LONGEST_SENTENCE: Final = 400
_USED, _REFUSED = 0, 2
_OUTPUT: Final = "out.mp4"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_COMMAND: Final = "core.cli:main"


@dataclass(frozen=True, slots=True)
class Entrance:
    """Where a file comes in.

    Attributes:
        name: what it is called in tables.
        kind: of the files that are meant for it.
        call: ``module:function`` that takes it in.
        arguments: of the call, made of the file's path.
    """

    name: str
    kind: Kind
    call: str
    arguments: Callable[[str], list[str]]


def _dance(path: str) -> list[str]:
    return [
        "transfer",
        "--target",
        "theo",
        "--generator",
        "nearest-frame",
        "--end",
        "0.4",
        "--output",
        _OUTPUT,
        "--",
        path,
    ]


def _build(path: str) -> list[str]:
    return ["target", "build", "--id", "stranger", "--name", "Stranger", "--", path]


def _photo(path: str) -> list[str]:
    return ["transfer", "june-sway", f"--photo={path}", "--end", "0.1", "--output", _OUTPUT]


def _background(path: str) -> list[str]:
    return [
        "transfer", "june-sway", "--target", "theo", "--generator", "nearest-frame", f"--background={path}",
        "--end", "0.1", "--output", _OUTPUT,
    ]  # fmt: skip


def _import(path: str) -> list[str]:
    return ["target", "import", "--", path]


def _alone(path: str) -> list[str]:
    return [path]


ENTRANCES: Final = (
    Entrance("transfer", "video", _COMMAND, _dance),
    Entrance("target build", "video", _COMMAND, _build),
    Entrance("upload of a video", "video", "benchmarks.hostile.uploads:video", _alone),
    Entrance("--photo", "picture", _COMMAND, _photo),
    Entrance("--background", "picture", _COMMAND, _background),
    Entrance("upload of a photo", "picture", "benchmarks.hostile.uploads:photo", _alone),
    Entrance("upload of a background", "picture", "benchmarks.hostile.uploads:background", _alone),
    Entrance("target import", "pack", _COMMAND, _import),
    Entrance("upload of a performer", "pack", "benchmarks.hostile.uploads:pack", _alone),
)


class Listener:
    """An address that nobody has a reason to ask; counts those who do. A context manager."""

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.asked = 0
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._socket.close()

    @property
    def address(self) -> str:
        """``http://host:port``."""
        host, port = self._socket.getsockname()
        return f"http://{host}:{port}"

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.asked += 1
            connection.close()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an entrance did with a file; ``wrong`` says in words what it should not have, empty where all was right."""

    ended: Ended
    wrong: tuple[str, ...]

    @property
    def used(self) -> bool:
        """Whether the file was taken in, rather than refused."""
        return self.ended.status == _USED


def take(entrance: Entrance, path: Path, server: ForkServer, listener: Listener) -> Outcome:
    """Take ``path`` to an entrance, in folders of its own, and judge what happens."""
    with tempfile.TemporaryDirectory() as place:
        folders = {name: Path(place) / name for name in ("here", "temporary", "data", "work", "cache")}
        for folder in folders.values():
            folder.mkdir()
        given = folders["here"] / path.name
        try:
            os.link(path, given)
        except OSError:
            shutil.copyfile(path, given)
        variables = {
            "TMPDIR": str(folders["temporary"]), "DANCE_DATA": str(folders["data"]), "DANCE_WORK": str(folders["work"]),
            "DANCE_CACHE": str(folders["cache"]),
        }  # fmt: skip
        asked = listener.asked
        ended = server.run(entrance.call, entrance.arguments(path.name), folders["here"], variables, _PATIENCE)
        wrong = _wrong(ended)
        if listener.asked != asked:
            wrong.append("asked an address")
        given.unlink()
        left = _left([folders[name] for name in ("here", "temporary", "work")])
        if ended.status != _USED:
            left += _left([folders["data"]])
        if left := [name for name in left if (ended.status, name) != (_USED, _OUTPUT)]:
            wrong.append(f"left {', '.join(left)}")
    return Outcome(ended, tuple(wrong))


def _left(folders: list[Path]) -> list[str]:
    """Names of the files in them. A lock is none: it is empty, and there before and after any work."""
    return [path.name for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


def _wrong(ended: Ended) -> list[str]:
    wrong = []
    if ended.status is None:
        wrong.append(f"took more than {_PATIENCE:.0f} s")
    elif ended.status < 0:
        wrong.append(f"ended by signal {-ended.status}")
    elif ended.status not in (_USED, _REFUSED):
        wrong.append(f"status {ended.status}")
    if ended.processor_seconds > MOST_SECONDS:
        wrong.append(f"{ended.processor_seconds:.0f} s of processor time")
    if ended.megabytes > MOST_MEGABYTES:
        wrong.append(f"{ended.megabytes:.0f} MB")
    if ended.orphans:
        wrong.append("left a process running")
    if "Traceback" in ended.errors + ended.out:
        wrong.append("a traceback")
    if _CONTROL.search(ended.errors + ended.out):
        wrong.append("control characters")
    if ended.status == _REFUSED and not _is_one_sentence(ended.errors):
        wrong.append(f"no one sentence: {ended.errors[:200]!r}")
    return wrong


def _is_one_sentence(errors: str) -> bool:
    """Whether ``errors`` is one line that begins with ``Error:``, after warnings if any."""
    lines = [line for line in errors.rstrip("\n").split("\n") if not line.startswith("Warning: ")]
    said = lines[0].removeprefix("Error: ") if lines else ""
    return (
        len(lines) == 1
        and lines[0].startswith("Error: ")
        and 10 < len(said) <= _LONGEST_SENTENCE
        and said.rstrip("\\").endswith((".", "!", "?"))
    )
