"""MP4 files taken apart and put together again with claims that are not true."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf", b"mvex")

Change = Callable[[bytes, bytes], bytes]
"""Name and content of a box to its new content."""


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def table(*words: int) -> bytes:
    """Content of a table: version and flags, and these 32-bit numbers."""
    return struct.pack(f">{1 + len(words)}I", 0, *words)


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, content) of the boxes in ``data``."""
    place = 0
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        yield name, data[place + 8 : place + length]
        place += length


def changed(data: bytes, change: Change) -> bytes:
    """``data`` with the content of every box given to ``change``, the outer ones last."""
    out = b""
    for name, content in boxes(data):
        inner = changed(content, change) if name in CONTAINERS else content
        out += box(name, change(name, inner))
    return out


def change_file(source: Path, path: Path, change: Change) -> Path:
    """``source`` with its boxes changed, as ``path``. The media data should come first, so that offsets stay right."""
    path.write_bytes(changed(source.read_bytes(), change))
    return path


def replacing(name: bytes, content: Callable[[bytes], bytes]) -> Change:
    """A change of the boxes of one name."""
    return lambda found, old: content(old) if found == name else old


def counting(name: bytes, count: int, at: int = 4) -> Change:
    """A change that only says another number in the tables of that name."""
    return replacing(name, lambda old: old[:at] + struct.pack(">I", count) + old[at + 4 :])


def lying_about_its_length(source: Path, path: Path, seconds: float) -> Path:
    """``source``, made without an edit list, with headers that say ``seconds``."""

    def shorten(name: bytes, old: bytes) -> bytes:
        if name in (b"mvhd", b"mdhd"):
            return old[:16] + struct.pack(">I", round(seconds * struct.unpack_from(">I", old, 12)[0])) + old[20:]
        return old[:20] + struct.pack(">I", round(seconds * 1000)) + old[24:] if name == b"tkhd" else old

    return change_file(source, path, shorten)
