"""Hostile pictures: bombs, damaged ones, and other formats under a picture's name."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

_ROW: Final = 1 << 20
_MAGIC: Final = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, extra: Sequence[bytes] = ()) -> bytes:
    """A black PNG of one bit a pixel, a thousandth of the size that it unpacks to; ``extra`` chunks come first."""
    packer = zlib.compressobj(6)
    left, packed = height * (1 + (width + 7) // 8), []
    while left:
        packed.append(packer.compress(bytes(min(left, _ROW))))
        left -= min(left, _ROW)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return _MAGIC + header + b"".join(extra) + chunk(b"IDAT", b"".join(packed) + packer.flush()) + chunk(b"IEND", b"")


def write(folder: Path, address: str) -> Iterator[tuple[Path, str]]:
    """Write every hostile picture into ``folder``; (path, what is wrong with it) of each."""
    for name, content, attack in (*_bombs(), *_damaged(), *_others(address)):
        path = folder / name
        path.write_bytes(content)
        yield path, attack


def _saved(image: Image.Image, kind: str, **more: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def _noise(width: int = 160, height: int = 120) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8))


def _bombs() -> Iterator[tuple[str, bytes, str]]:
    yield "wide.png", png(16384, 16384), "16384×16384 pixels in 33 KB"
    yield "wider.png", png(30000, 50000), "gigabytes in half a megabyte"
    yield (
        "claim.png",
        png(8, 8).replace(struct.pack(">II", 8, 8), struct.pack(">II", 2**31 - 1, 2**31 - 1)),
        "a header of 4 · 10¹⁸ pixels",
    )
    yield "line.png", png(1, 60000), "1×60000 pixels"
    yield "row.png", png(65000, 1), "65000×1 pixels"
    yield "dot.png", png(1, 1), "1×1 pixels"
    text = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100 << 20), 6))
    yield "text.png", png(64, 48, [text]), "100 MB of packed text"
    profile = chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(100 << 20), 6))
    yield "profile.png", png(64, 48, [profile]), "100 MB of packed colour profile"
    yield "wide.webp", _saved(Image.new("RGB", (16383, 1200)), "WEBP", lossless=True, method=0), "20 megapixels of WebP"
    gif = bytearray(_saved(Image.new("P", (4, 4)), "GIF"))
    gif[6:10] = struct.pack("<HH", 65535, 65535)
    yield "wide.gif", bytes(gif), "a canvas of 65535×65535"
    yield (
        "many.gif",
        _saved(Image.new("P", (64, 64)), "GIF", save_all=True, append_images=_frames(1000)),
        "1000 pictures",
    )
    jpeg = bytearray(_saved(_noise(), "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 65500, 65500)
    yield "wide.jpg", bytes(jpeg), "a header of 65500×65500"
    bmp = bytearray(_saved(_noise(), "BMP"))
    bmp[18:26] = struct.pack("<ii", 2**31 - 1, -(2**31))
    yield "wide.bmp", bytes(bmp), "a header of 2³¹ × −2³¹"


def _frames(count: int) -> list[Image.Image]:
    return [Image.new("P", (64, 64), number % 250) for number in range(count)]


def _damaged() -> Iterator[tuple[str, bytes, str]]:
    whole = {"jpg": _saved(_noise(), "JPEG"), "png": _saved(_noise(), "PNG"), "webp": _saved(_noise(), "WEBP")}
    for ending, content in whole.items():
        yield f"cut.{ending}", content[: len(content) // 2], "cut off in the middle"
        rng, turned = random.Random(3), bytearray(content)
        for _ in range(40):
            turned[rng.randrange(12, len(turned))] ^= 1 << rng.randrange(8)
        yield f"flipped.{ending}", bytes(turned), "40 bits turned over"
    yield "empty.png", b"", "no byte"
    yield "noise.jpg", b"\xff\xd8\xff" + random.Random(4).randbytes(5000), "noise behind a JPEG's first bytes"
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", 65535) + random.Random(5).randbytes(60_000)
    yield "exif.jpg", _saved(_noise(), "JPEG", exif=exif), "65535 entries of EXIF data"


def _others(address: str) -> Iterator[tuple[str, bytes, str]]:
    yield "script.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n{ } loop\n", "PostScript that never ends"
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    svg = f'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY e0 "lol">{entities}]><svg xmlns="http://www.w3.org/2000/svg">'
    yield "laughs.png", f"{svg}<text>&e9;</text></svg>".encode(), "SVG with a billion laughs"
    yield "linked.jpg", f'{svg}<image href="{address}/h.png"/></svg>'.encode(), "SVG that names an address"
    yield "film.png", b"\0\0\0\x18ftypmp42" + bytes(400), "a film under a picture's name"
    yield "photo.jpg", b"\0\0\0\x18ftypheic" + bytes(400), "HEIC under a JPEG's name"
    yield "tiff.png", _saved(_noise(), "TIFF"), "TIFF under a PNG's name"
    yield "icon.png", _saved(_noise(64, 64), "ICO"), "ICO under a PNG's name"
    yield "page.png", b"<script>alert(1)</script>", "a web page"
    yield "<img src=x onerror=alert(1)>.png", b"\x89PNG\r\n\x1a\n", "markup in its name"
    yield "two\nlines\x1b[2J.jpg", b"\xff\xd8\xff\xe0", "a name of two lines, and escapes"
