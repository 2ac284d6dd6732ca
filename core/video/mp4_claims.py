"""What an MP4 says that it holds, held against the bytes that are there, before FFmpeg makes room for it.

A table of an MP4 begins with the number of its entries, and FFmpeg allocates for that number. A file of a few kilobytes can
claim a hundred million. Of the usual kind of file every table is found and counted here; of everything else that is not
possible, and the answer is that nothing is known.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final, Literal

Verdict = Literal["plain", "false", "unknown"]
"""Every claim is small enough to be true; one cannot be true; or the file is of a kind that is not looked through here."""

_FULL: Final = 8
"""Bytes before the entries of most tables: version, flags, and the count."""

_ENTRY: Final = {
    b"stts": 8, b"ctts": 8, b"stss": 4, b"stps": 4, b"stsc": 12, b"stco": 4, b"co64": 8, b"dref": 12, b"stsd": 16,
}  # fmt: skip
_HEADS: Final = {b"stsz": 12, b"stz2": 12, b"sbgp": 12, b"tfra": 16}
"""Bytes before the entries of other tables."""
_OTHER_TABLES: Final = frozenset({b"stsz", b"stz2", b"elst", b"trun", b"sbgp", b"sidx", b"tfra"})
_UNUSUAL: Final = frozenset({b"cmov", b"iloc", b"iinf", b"iref", b"ipma", b"keys", b"saiz", b"saio", b"senc", b"subs"})
"""Tables that videos of people do not have."""

_OPENED: Final = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"mvex", b"moof", b"traf"})
_PASSED: Final = frozenset(
    {b"mdat", b"free", b"skip", b"wide", b"ftyp", b"styp", b"uuid", b"emsg", b"prft", b"meta", b"udta"}
)
_AT_THE_TOP: Final = _PASSED | {b"moov", b"moof", b"sidx", b"mfra"}

_MOST_READ: Final = 16 << 20
_DEEPEST: Final = 16
"""Boxes in each other; those of a video are seven."""
_MOST_TRACKS: Final = 32
_MOST_EDITED: Final = 4_000_000
"""Entries of an edit list times samples: FFmpeg goes through all samples for each."""
_CUT_TO: Final = 16
"""How many times as large a file may have been before it was cut off."""
_MOST_SAMPLES: Final = 1_000_000
"""Samples of one size in a track. They need no table, so that their number costs a file nothing."""


@dataclass(slots=True)
class _Found:
    """What was counted so far."""

    size: int
    tables: Counter[bytes] = field(default_factory=Counter)
    names: Counter[bytes] = field(default_factory=Counter)
    untabled: int = 0
    samples: int = 0
    edits: int = 0
    known: bool = True
    false: bool = False


def read_claims(path: Path) -> Verdict:
    """Hold the tables of an MP4 against its size. Reads its boxes' heads and its index, nothing else."""
    size = path.stat().st_size
    found = _Found(size)
    with path.open("rb") as file:
        for name, start, end in _top_boxes(file, size):
            if name not in _AT_THE_TOP:
                found.known = False
                break
            if name in {b"mdat", b"free", b"skip", b"wide"}:
                continue
            if end - start > _MOST_READ:
                found.known = False
                continue
            file.seek(start)
            _look_into(name, memoryview(file.read(end - start)), found)
            if found.false:
                return "false"
    small = (
        found.names[b"trak"] <= _MOST_TRACKS
        and found.untabled <= _MOST_SAMPLES
        and found.edits * found.samples <= _MOST_EDITED
    )
    return "plain" if found.known and found.names[b"moov"] and small else "unknown"


def _top_boxes(file: IO[bytes], size: int) -> Iterator[tuple[bytes, int, int]]:
    """(name, first byte of its content, end) of each box of the file."""
    place = 0
    while place + 8 <= size:
        file.seek(place)
        head = file.read(16)
        length, name = struct.unpack(">I4s", head[:8])
        start = place + 8
        if length == 1 and len(head) == 16:
            length, start = int.from_bytes(head[8:], "big"), place + 16
        end = size if length == 0 else place + length
        if end < start:
            yield b"", start, start
            return
        yield name, start, min(end, size)
        place = end


def _look_into(name: bytes, content: memoryview, found: _Found) -> None:
    """Count the tables in a box, and those whose names are anywhere in its bytes: both must be the same ones."""
    before = found.tables.copy()
    _count(name, content, found, _DEEPEST)
    raw = bytes(content)
    for table in (*_ENTRY, *_OTHER_TABLES):
        # the name of the box itself is not in its content
        inside = found.tables[table] - before[table] - (table == name)
        found.known &= raw.count(table) == inside
    found.known &= not any(raw.count(table) for table in _UNUSUAL)


def _count(name: bytes, content: memoryview, found: _Found, deeper: int) -> None:
    found.names[name] += 1
    if not deeper:
        found.known = False
        return
    if name in _ENTRY or name in _OTHER_TABLES:
        found.tables[name] += 1
        found.false |= not _is_possible(name, content, found)
    elif name in _OPENED or name == b"mfra":
        place = 0
        while place + 8 <= len(content):
            length = int.from_bytes(content[place : place + 4], "big")
            if not 8 <= length <= len(content) - place:
                found.known = False
                return
            _count(bytes(content[place + 4 : place + 8]), content[place + 8 : place + length], found, deeper - 1)
            place += length


def _is_possible(name: bytes, content: memoryview, found: _Found) -> bool:
    """Whether the table has room for as many entries as it says, and the file for as many samples."""

    def number(place: int) -> int:
        return int.from_bytes(content[place : place + 4], "big")

    if len(content) < _HEADS.get(name, _FULL) + (name == b"sbgp" and content[:1].tobytes() == b"\x01") * 4:
        # FFmpeg would read the count from what comes after the box
        found.known = False
        return True
    if name == b"stsz":
        found.samples += number(8)
        if not number(4):
            return number(8) * 4 <= len(content) - 12
        found.untabled += number(8)
        return number(8) <= _CUT_TO * found.size
    if name == b"stz2":
        found.samples += number(8)
        return number(8) * int.from_bytes(content[7:8], "big") <= 8 * (len(content) - 12)
    if name == b"trun":
        flags = int.from_bytes(content[1:4], "big")
        entry = 4 * (flags >> 8 & 0xF).bit_count()
        found.untabled += 0 if entry else number(4)
        # what has no entry has a size that is given once, and may not be nothing
        return (
            number(4) * entry <= len(content) - _FULL if entry else found.untabled <= min(found.size, 2 * _MOST_SAMPLES)
        )
    if name == b"elst":
        found.edits = max(found.edits, number(4))
        return number(4) * (20 if content[0] == 1 else 12) <= len(content) - _FULL
    if name == b"sbgp":
        at = 12 if content[0] == 1 else 8
        return number(at) * 8 <= len(content) - at - 4
    if name == b"tfra":
        return number(12) * 11 <= len(content) - 16
    if name == b"sidx":
        return True  # counted in 16 bits
    return number(4) * _ENTRY[name] <= len(content) - _FULL
