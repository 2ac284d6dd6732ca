"""Read picture files: the one place that opens them. They are decoded in the process of :mod:`core.video.decoder`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from core.errors import UnusableInput
from core.types import Frame
from core.video.decoder import DecoderEnded, decoder

if TYPE_CHECKING:
    from PIL import Image

FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
"""Pillow's names of what is read. Pillow knows fifty more, and for some of them it starts other programs."""

MOST_SIDE: Final = 65_535
"""Pixels along either side; JPEG cannot say more."""

_MOST_PIXELS: Final = 50_000_000
_MOST_PIXELS_OF: Final = {"WEBP": 16_000_000}
"""A WebP takes 16 bytes a pixel while it is decoded, everything else 4."""

_ROWS: Final = 256

_HEIC_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif")
"""Of the ISO container that phones keep photos in."""

_ORIENTATION: Final = 0x0112
_SIDEWAYS: Final = 5
"""From this EXIF orientation on, width and height are exchanged."""


def read_picture(
    path: Path,
    *,
    called: str | None = None,
    formats: Sequence[str] = FORMATS,
    most_side: int = MOST_SIDE,
    covering: tuple[int, int] | None = None,
    within: int | None = None,
    error: type[UnusableInput] = UnusableInput,
) -> Frame:
    """(height, width, 3) uint8 RGB of a picture file, turned as its EXIF data asks; of moving ones the first picture.

    Args:
        path: the file; its content says what it is, not its name.
        called: what it is called in a sentence; its name by default.
        formats: which of :data:`FORMATS` it may be.
        most_side: pixels along either side that it may have.
        covering: (width, height) that the picture is to cover. Then only the middle that will be seen is returned, and
            reduced where it is at least twice as large, so that a large picture takes little memory.
        within: pixels of the longer side that are needed: the picture is reduced by a whole number, while it is decoded where
            its format can do that, as far as so many are left.
        error: the kind of exception to raise.

    Raises:
        UnusableInput: it is no such picture, damaged, or too large.
    """
    called = called or path.name
    try:
        found, is_heic = path.is_file(), kind_of(path) == "HEIC"
    except (OSError, ValueError) as reason:  # no name that a file can have
        raise error(f"{called} {_unreadable(formats)}") from reason
    if not found:
        raise error(f"{called} is no file: choose a JPEG, PNG or WebP.")
    if is_heic:
        raise error(
            f"{called} is a HEIC or AVIF picture, which cannot be read here: save it as a JPEG and choose that."
        )
    try:
        decoded: Frame = decoder.ask(
            "picture",
            path=str(path.absolute()),
            formats=list(formats),
            most_side=most_side,
            covering=covering,
            within=within,
        )
    except DecoderEnded as reason:
        raise error(f"{called} {_unreadable(formats)}") from reason
    except UnusableInput as reason:
        raise error(f"{called} {reason}") from reason
    return decoded


def read_here(
    path: Path, formats: Sequence[str], most_side: int, covering: Sequence[int] | None, within: int | None
) -> Frame:
    """:func:`read_picture` in this process. Its errors say what is wrong, without a name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decoded(path, formats, most_side, None if covering is None else (covering[0], covering[1]), within)
    except _TooLarge as reason:
        raise UnusableInput(str(reason)) from reason
    except MemoryError:
        raise
    except Exception as reason:  # Pillow's plugins raise whatever they like on a damaged picture
        raise UnusableInput(_unreadable(formats)) from reason


def _unreadable(formats: Sequence[str]) -> str:
    advice = ": choose a JPEG, PNG or WebP" if tuple(formats) == FORMATS else ""
    return f"cannot be read as a picture{advice}."


class _TooLarge(Exception):
    """A picture above the limits; the message goes on from its name."""


def kind_of(path: Path) -> Literal["JPEG", "PNG", "WEBP", "HEIC"] | None:
    """What kind of photo the first bytes of a file say that it is; None for anything else, also for what cannot be read."""
    try:
        with path.open("rb") as file:
            first = file.read(12)
    except OSError:
        return None
    if first.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if first.startswith(b"\x89PNG"):
        return "PNG"
    if first[:4] == b"RIFF" and first[8:] == b"WEBP":
        return "WEBP"
    return "HEIC" if first[4:8] == b"ftyp" and first[8:] in _HEIC_BRANDS else None


def _decoded(
    path: Path, formats: Sequence[str], most_side: int, covering: tuple[int, int] | None, within: int | None
) -> Frame:
    from PIL import Image

    try:
        opened = Image.open(path, formats=list(formats))
    except Image.DecompressionBombError as reason:
        raise _TooLarge(f"is far too large a picture: {_limits(_MOST_PIXELS, most_side)}") from reason
    with opened as picture:
        _refuse_large(picture, most_side)
        if covering is not None and picture.format in {"JPEG", "MPO"}:
            picture.draft(None, (max(covering), max(covering)))
        elif within is not None and picture.format in {"JPEG", "MPO"}:
            picture.draft(None, _fitted(picture.size, within))
        # before its EXIF data is asked for: that of a PNG lies at its end, and what fails there would be forgiven
        picture.load()
        orientation = _orientation(picture)
        if covering is None and within is not None:
            return _turned(_middle(picture, _fitted(picture.size, within)), orientation)
        if covering is None:
            return _turned(_pixels(picture), orientation)
        return _turned(_middle(picture, covering[::-1] if orientation >= _SIDEWAYS else covering), orientation)


def _refuse_large(picture: Image.Image, most_side: int) -> None:
    most = min(_MOST_PIXELS_OF.get(picture.format or "", _MOST_PIXELS), most_side**2)
    width, height = picture.size
    if max(width, height) > most_side or width * height > most:
        raise _TooLarge(f"is a picture of {width}×{height}: {_limits(most, most_side)}")


def _limits(most: int, most_side: int) -> str:
    return f"save it with at most {most // 1_000_000} megapixels and {most_side} pixels along a side."


def _orientation(picture: Image.Image) -> int:
    """EXIF's number, 1 to 8; 1, which is upright, where there is none that can be read."""
    try:
        found = picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF data is no reason to refuse the picture
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _fitted(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """(width, height) of the shape of ``size``, the longer side at most ``longest``."""
    scale = min(longest / max(size), 1.0)
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def _middle(picture: Image.Image, size: tuple[int, int]) -> Frame:
    """The part of ``picture`` that has the shape of ``size`` (width, height), reduced by a whole number."""
    left, top, width, height = middle_box(picture.size, size)
    factor = min(width // size[0], height // size[1])
    if factor <= 1:
        return _pixels(picture.crop((left, top, left + width, top + height)))
    # a few rows at a time: a whole copy of a large picture takes as much as the picture
    rows = factor * max(1, _ROWS // factor)
    parts = [
        _reduced(picture.crop((left, y, left + width, min(y + rows, top + height))), factor)
        for y in range(top, top + height, rows)
    ]
    return np.concatenate(parts)


def _reduced(picture: Image.Image, factor: int) -> Frame:
    from PIL import Image

    return np.array(Image.fromarray(_pixels(picture)).reduce(factor), np.uint8)


def middle_box(size: tuple[int, int], shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """(left, top, width, height) of the largest box of the shape of ``shape`` in the middle of ``size`` (width, height)."""
    width = min(size[0], max(1, round(size[1] * shape[0] / shape[1])))
    height = min(size[1], max(1, round(size[0] * shape[1] / shape[0])))
    return (size[0] - width) // 2, (size[1] - height) // 2, width, height


def _pixels(picture: Image.Image) -> Frame:
    if picture.mode.startswith("I"):
        # of 16 bits Pillow would cut everything above 255 to white
        grey = np.clip(np.asarray(picture), 0, 65_535) >> 8
        return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"), np.uint8)


def _turned(image: Frame, orientation: int) -> Frame:
    """``image`` as EXIF's ``orientation`` says that it is seen."""
    if orientation in (2, 4, 5, 7):
        image = image[:, ::-1]
    quarters = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    return np.ascontiguousarray(np.rot90(image, quarters))
