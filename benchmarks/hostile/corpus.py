"""The corpus: every hostile file, made anew in a folder from films and performers that are made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from benchmarks.hostile import packs, pictures, videos

Kind: TypeAlias = Literal["video", "picture", "pack"]
"""Which entrances a file is made for; the full run takes it to all the others as well."""


@dataclass(frozen=True, slots=True)
class HostileFile:
    """One file of the corpus. ``attack`` says in a few words what is wrong with it."""

    path: Path
    kind: Kind
    attack: str


def make_corpus(folder: Path, address: str) -> list[HostileFile]:
    """Write every file of the corpus into ``folder``.

    Args:
        folder: an empty folder.
        address: ``http://host:port`` that files name where they try to make the program fetch something.
    """
    makers: dict[Kind, Callable[[Path, str], Iterable[tuple[Path, str]]]] = {
        "video": videos.write,
        "picture": pictures.write,
        "pack": packs.write,
    }
    made = []
    for kind, write in makers.items():
        place = folder / kind
        place.mkdir()
        made += [HostileFile(path, kind, attack) for path, attack in write(place, address)]
    return made
