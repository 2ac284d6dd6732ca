"""How a file came to be, kept in the file for machines and, where wanted, in the picture for people.

Every file with pictures carries an XMP packet with IPTC's ``DigitalSourceType``: in a ``uuid`` box in MP4, as ``XMP_`` in
QuickTime's user data, in an ``iTXt`` chunk in PNG, an application extension in GIF, an APP1 segment in JPEG. WebM has no place
for XMP and gets tags. The comment of a container says the same: FFmpeg copies that along with the streams, and no XMP.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from html import unescape
from pathlib import Path
from typing import Any, BinaryIO, Final
from xml.sax.saxutils import quoteattr

import cv2
import numpy as np
from numpy.typing import NDArray

from core import __version__
from core.errors import UnusableInput
from core.settings import settings
from core.types import Frame
from core.utils.display_names import clean_line

PROGRAM: Final = "Everybody Dance Now"
LABEL: Final = "AI-generated"
"""What the visible mark says."""

SOURCE_TAG: Final = "DIGITAL_SOURCE_TYPE"
_NEWSCODES: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_LABEL_SHARE, _LEAST_LABEL = 0.035, 10
"""Height of the visible mark's letters: in heights of the picture, and in pixels at least."""

_XMP_BOX: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEY: Final = b"XML:com.adobe.xmp"
_JPEG_KEY: Final = b"http://ns.adobe.com/xap/1.0/\0"
_GIF_KEY: Final = b"XMP DataXMP"
_MOST_XMP: Final = 1 << 20
_MOST_PARTS: Final = 100_000

_SOURCE_TYPE: Final = re.compile(
    r"DigitalSourceType(?:\s*=\s*[\"']|\s+rdf:resource\s*=\s*[\"']|\s*>\s*)([^\"'<>\s]{1,200})"
)
_TOOL: Final = re.compile(r"CreatorTool(?:\s*=\s*\"|\s*=\s*'|\s*>\s*)([^\"'<>]{1,200})")
_SYSTEM: Final = re.compile(r"AISystemUsed(?:\s*=\s*\"|\s*=\s*'|\s*>\s*)([^\"'<>]{1,200})")
_IN_COMMENT: Final = re.compile(r"https?://cv\.iptc\.org/newscodes/digitalsourcetype/(\w{1,60})")


class SourceType(StrEnum):
    """IPTC's words (NewsCodes, digital source type) that this program writes."""

    SYNTHETIC = "trainedAlgorithmicMedia"
    COMPOSITE = "compositeWithTrainedAlgorithmicMedia"

    @property
    def uri(self) -> str:
        """As it stands in metadata."""
        return f"{_NEWSCODES}{self.value}"


_SENTENCES: Final = {
    SourceType.SYNTHETIC.value: "Synthetic: a trained model made these pictures, and what they show did not happen.",
    SourceType.COMPOSITE.value: "Partly synthetic: pictures that a trained model made, beside others that it did not.",
    "digitalCapture": "Says that a camera took it.",
    "algorithmicMedia": "Synthetic: made by an algorithm that was not trained on examples.",
    "compositeSynthetic": "Partly synthetic: composed of parts of which at least one is made by a machine.",
}
_MADE_BY_MACHINE: Final = frozenset(
    {
        SourceType.SYNTHETIC.value,
        SourceType.COMPOSITE.value,
        "algorithmicMedia",
        "compositeSynthetic",
        "virtualRecording",
    }
)
_SILENT: Final = "Nothing in this file says how it was made. That is no proof that it is real: metadata is easily lost."


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is said of a file that is written.

    Attributes:
        source_type: synthetic, or composed with pictures that are not.
        generator: the name of what drew it.
        visible: whether a mark in the picture says it too; None leaves it to the installation's settings.
    """

    source_type: SourceType = SourceType.SYNTHETIC
    generator: str = ""
    visible: bool | None = None

    @property
    def labelled(self) -> bool:
        """Whether pictures get the visible mark."""
        return settings().labels_results if self.visible is None else self.visible

    @property
    def comment(self) -> str:
        """For the comment of a container, which is all that survives many a tool."""
        what = "synthetic" if self.source_type is SourceType.SYNTHETIC else "partly synthetic"
        return f"{what}: made with {PROGRAM} ({self.source_type.uri})"

    @property
    def tags(self) -> dict[str, str]:
        """Metadata of an FFmpeg container."""
        return {"comment": self.comment, SOURCE_TAG: self.source_type.uri}

    @property
    def xmp(self) -> bytes:
        """The XMP packet, UTF-8."""
        system = f"{PROGRAM}, generator {self.generator}" if self.generator else PROGRAM
        return (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
            '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
            'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
            f'Iptc4xmpExt:DigitalSourceType="{self.source_type.uri}" '
            f"Iptc4xmpExt:AISystemUsed={quoteattr(system)} "
            f"Iptc4xmpExt:AISystemVersionUsed={quoteattr(__version__)} "
            f"xmp:CreatorTool={quoteattr(f'{PROGRAM} {__version__}')}/>"
            "</rdf:RDF></x:xmpmeta>"
            '<?xpacket end="r"?>'
        ).encode()

    def mark(self, image: Frame) -> Frame:
        """``image``, RGB or RGBA, with the visible mark in its lower right corner where one is wanted."""
        return labelled(image) if self.labelled else image


def labelled(image: Frame) -> Frame:
    """A copy of ``image``, RGB or RGBA, whose lower right corner says that it is generated."""
    height, width = image.shape[:2]
    letters = _letters(max(round(_LABEL_SHARE * height), _LEAST_LABEL))
    rows, columns = min(letters.shape[0], height), min(letters.shape[1], width)
    result = image.copy()
    corner = result[height - rows :, width - columns :]
    corner[..., :3] = np.maximum(cv2.convertScaleAbs(corner[..., :3], alpha=0.4), letters[:rows, :columns, None])
    if image.shape[2] == 4:
        corner[..., 3] = np.maximum(corner[..., 3], 200)
    return result


@lru_cache(maxsize=8)
def _letters(size: int) -> NDArray[np.uint8]:
    """(height, width) white letters of that height in pixels on black."""
    from PIL import Image, ImageDraw, ImageFont

    font, pad = ImageFont.load_default(size), max(size // 3, 2)
    left, top, right, bottom = font.getbbox(LABEL)
    picture = Image.new("L", (int(right - left) + 2 * pad, int(bottom - top) + 2 * pad))
    ImageDraw.Draw(picture).text((pad - left, pad - top), LABEL, fill=255, font=font)
    return np.asarray(picture, np.uint8)


# ---- into files


def into_png(png: bytes, provenance: Provenance) -> bytes:
    """A PNG with the packet in an ``iTXt`` chunk behind its header."""
    header = len(_PNG) + 25
    body = _PNG_KEY + b"\0\0\0\0\0" + provenance.xmp
    return png[:header] + _png_chunk(b"iTXt", body) + png[header:]


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def into_jpeg(jpeg: bytes, provenance: Provenance) -> bytes:
    """A JPEG with the packet in an APP1 segment, behind APP0 where there is one."""
    place = 2
    if jpeg[2:4] == b"\xff\xe0":
        place += 2 + int(struct.unpack(">H", jpeg[4:6])[0])
    body = _JPEG_KEY + provenance.xmp
    return jpeg[:place] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[place:]


def append_to_mp4(path: Path, provenance: Provenance) -> None:
    """Add the packet to an MP4 that is whole, in a ``uuid`` box at its end, which moves nothing."""
    body = _XMP_BOX + provenance.xmp
    with path.open("ab") as file:
        file.write(struct.pack(">I", len(body) + 8) + b"uuid" + body)


def insert_in_gif(path: Path, provenance: Provenance) -> None:
    """Add the packet to a GIF that is whole, in an application extension in front of its end."""
    trailer = bytes([1, *range(255, -1, -1), 0])
    with path.open("r+b") as file:
        file.seek(-1, 2)
        if file.read(1) != b";":
            raise ValueError("this GIF does not end as one does")
        file.seek(-1, 2)
        file.write(b"\x21\xff\x0b" + _GIF_KEY + provenance.xmp + trailer + b";")


# ---- out of files


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file says about how it came to be.

    Attributes:
        source_type: the last part of IPTC's address, None where nothing is said.
        found_in: where that stands.
        tool: what made it.
        system: which model, where that is told.
    """

    source_type: str | None
    found_in: tuple[str, ...] = ()
    tool: str | None = None
    system: str | None = None

    @property
    def synthetic(self) -> bool | None:
        """Whether it says that a machine made at least a part of it; None where it says nothing."""
        return None if self.source_type is None else self.source_type in _MADE_BY_MACHINE

    @property
    def sentence(self) -> str:
        """For people."""
        if self.source_type is None:
            return _SILENT
        said = _SENTENCES.get(self.source_type, f"Says that its digital source type is {self.source_type}.")
        return said if self.tool is None else f"{said} Made with {self.tool}."

    def as_json(self) -> dict[str, Any]:
        """Plain words."""
        return {
            "synthetic": self.synthetic,
            "digital_source_type": None if self.source_type is None else f"{_NEWSCODES}{self.source_type}",
            "found_in": list(self.found_in),
            "tool": self.tool,
            "system": self.system,
            "sentence": self.sentence,
        }


def inspect(path: Path) -> Inspection:
    """What the file, or the first picture of a folder or ZIP, says about how it came to be.

    Raises:
        UnusableInput: it cannot be read.
    """
    try:
        if path.is_dir():
            pictures = sorted(p for p in path.iterdir() if p.suffix.lower() == ".png")
            if not pictures:
                raise UnusableInput(f"{clean_line(path.name)} holds no PNG pictures.")
            path = pictures[0]
        with path.open("rb") as file:
            found = [("XMP", packet.decode("utf-8", "replace")) for packet in _packets(file)]
    except OSError as error:
        raise UnusableInput(f"{clean_line(path.name)} cannot be read: {error.strerror or error}.") from error
    found += [(f"the tag {key.lower()}", value) for key, value in _tags(path).items()]
    return _inspection(found)


def _inspection(found: list[tuple[str, str]]) -> Inspection:
    kinds: list[tuple[str, str]] = []
    tool = system = None
    for where, text in found:
        said = _SOURCE_TYPE.search(text) if where == "XMP" else _IN_COMMENT.search(text)
        if said is not None:
            kinds.append((where, clean_line(unescape(said[1]).rstrip("/").rsplit("/", 1)[-1])))
        if where == "XMP":
            tool, system = tool or _said(_TOOL, text), system or _said(_SYSTEM, text)
        elif said is not None and PROGRAM in text:
            tool = tool or PROGRAM
    if not kinds:
        return Inspection(None, (), tool, system)
    return Inspection(kinds[0][1], tuple(dict.fromkeys(where for where, _ in kinds)), tool, system)


def _said(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return None if found is None else clean_line(unescape(found[1]))


def _packets(file: BinaryIO) -> Iterator[bytes]:
    """The XMP packets of a picture or video file."""
    head = file.read(12)
    file.seek(0)
    if head.startswith(_PNG):
        yield from _of_png(file)
    elif head.startswith(b"\xff\xd8"):
        yield from _of_jpeg(file)
    elif head[:4] == b"GIF8":
        yield from _of_gif(file)
    elif head.startswith(b"PK\x03\x04"):
        yield from _of_zip(file)
    elif head[4:8] in {b"ftyp", b"moov", b"wide", b"mdat", b"free", b"uuid"}:
        yield from _of_boxes(file, _length(file))


def _length(file: BinaryIO) -> int:
    here = file.tell()
    end = file.seek(0, 2)
    file.seek(here)
    return end


def _of_png(file: BinaryIO) -> Iterator[bytes]:
    file.seek(len(_PNG))
    for _ in range(_MOST_PARTS):
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            return
        length = struct.unpack(">I", head[:4])[0]
        if head[4:] == b"iTXt" and length < _MOST_XMP:
            body = file.read(length)
            if body.startswith(_PNG_KEY + b"\0\0"):
                yield body[len(_PNG_KEY) + 1 :]
            file.seek(4, 1)
        else:
            file.seek(length + 4, 1)


def _of_jpeg(file: BinaryIO) -> Iterator[bytes]:
    file.seek(2)
    for _ in range(_MOST_PARTS):
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF or head[1] == 0xDA:
            return
        body = file.read(max(struct.unpack(">H", head[2:])[0] - 2, 0))
        if head[1] == 0xE1 and body.startswith(_JPEG_KEY):
            yield body[len(_JPEG_KEY) :]


def _of_gif(file: BinaryIO) -> Iterator[bytes]:
    header = file.read(13)
    if len(header) < 13:
        return
    file.seek(_colours(header[10]), 1)
    for _ in range(_MOST_PARTS):
        kind = file.read(1)
        if kind == b"\x2c":
            place = file.read(9)
            if len(place) < 9:
                return
            file.seek(_colours(place[8]) + 1, 1)
            _skip_blocks(file)
        elif kind == b"\x21":
            label = file.read(1)
            size = (file.read(1) or b"\0")[0]
            name = file.read(size)
            if label == b"\xff" and name == _GIF_KEY:
                text = file.read(_MOST_XMP)
                yield text[: text.find(b"\x01\xff\xfe")]
                return
            if size:
                _skip_blocks(file)
        else:
            return


def _colours(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_blocks(file: BinaryIO) -> None:
    while (size := (file.read(1) or b"\0")[0]) != 0:
        file.seek(size, 1)


def _of_zip(file: BinaryIO) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(file) as pack:
            names = sorted(name for name in pack.namelist() if name.lower().endswith(".png"))
            if names:
                with pack.open(names[0]) as picture:
                    if picture.read(len(_PNG)) == _PNG:
                        picture.seek(0)
                        yield from _packets(picture)  # type: ignore[arg-type]  # reads and seeks as a file does
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error):
        return


def _of_boxes(file: BinaryIO, end: int) -> Iterator[bytes]:
    """Of the boxes of MP4 and QuickTime up to ``end``: ``uuid`` at any place on top, ``XMP_`` in user data."""
    for _ in range(_MOST_PARTS):
        start = file.tell()
        head = file.read(8)
        if start + 8 > end or len(head) < 8:
            return
        size, kind, header = struct.unpack(">I", head[:4])[0], head[4:], 8
        if size == 1:
            size, header = struct.unpack(">Q", file.read(8).ljust(8, b"\0"))[0], 16
        elif size == 0:
            size = end - start
        stop = min(start + size, end)
        if size < header:
            return
        if kind in {b"moov", b"udta"}:
            yield from _of_boxes(file, stop)
        elif kind == b"XMP_" and size < _MOST_XMP:
            yield file.read(size - header)
        elif kind == b"uuid" and size < _MOST_XMP and file.read(16) == _XMP_BOX:
            yield file.read(size - header - 16)
        file.seek(stop)


def _tags(path: Path) -> dict[str, str]:
    """The metadata of a container; none of what FFmpeg does not open."""
    import av

    from core.video.probe import opened

    try:
        with opened(path) as container:
            return {key: value for key, value in container.metadata.items() if _IN_COMMENT.search(value)}
    except (UnusableInput, av.FFmpegError, OSError):
        return {}
