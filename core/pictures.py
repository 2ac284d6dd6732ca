"""Picture files in: the one place that opens them, whoever made them."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from core.errors import UnusableInput
from core.types import Frame

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

_ORIENTATION: Final = 0x0112
_SIDEWAYS: Final = 5
"""From this EXIF orientation on, width and height are exchanged."""

_one_at_a_time: Final = threading.Lock()


def read_picture(
    path: Path,
    *,
    called: str | None = None,
    formats: Sequence[str] = FORMATS,
    most_side: int = MOST_SIDE,
    covering: tuple[int, int] | None = None,
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
        error: the kind of exception to raise.

    Raises:
        UnusableInput: it is no such picture, damaged, or too large.
    """
    called = called or path.name
    try:
        if not path.is_file():
            raise error(f"{called} is no file: choose a JPEG, PNG or WebP.")
        # the filters of warnings are the whole process's
        with _one_at_a_time, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decoded(path, formats, most_side, covering)
    except _TooLarge as reason:
        raise error(f"{called} {reason}") from reason
    except error:
        raise
    except Exception as reason:  # Pillow's plugins raise whatever they like on a damaged picture
        advice = ": choose a JPEG, PNG or WebP" if formats == FORMATS else ""
        raise error(f"{called} cannot be read as a picture{advice}.") from reason


class _TooLarge(Exception):
    """A picture above the limits; the message goes on from its name."""


def _decoded(path: Path, formats: Sequence[str], most_side: int, covering: tuple[int, int] | None) -> Frame:
    from PIL import Image

    try:
        opened = Image.open(path, formats=list(formats))
    except Image.DecompressionBombError as reason:
        raise _TooLarge(f"is far too large a picture: {_limits(_MOST_PIXELS, most_side)}") from reason
    with opened as picture:
        _refuse_large(picture, most_side)
        if covering is not None and picture.format in {"JPEG", "MPO"}:
            picture.draft(None, (max(covering), max(covering)))
        # before its EXIF data is asked for: that of a PNG lies at its end, and what fails there would be forgiven
        picture.load()
        orientation = _orientation(picture)
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
