"""One picture as a file that says how it came to be."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from core.errors import UnusableInput
from core.types import Frame
from core.utils.output_files import replacing
from core.video.provenance import Provenance, into_jpeg, into_png

SUFFIXES: Final = (".jpg", ".jpeg", ".png")
_QUALITY: Final = 92


def check_still_name(path: Path) -> None:
    """Make sure that a picture's name says which kind it is.

    Raises:
        UnusableInput: it does not.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UnusableInput(f"A poster is a {', '.join(SUFFIXES)}: give {path.name} one of these endings.")


def write_still(path: Path, image: Frame, provenance: Provenance) -> None:
    """Write a picture, RGB or RGBA, as the ending of ``path`` says; a JPEG has no transparency.

    Raises:
        UnusableInput: another ending.
        OutputRefused, OutputFailed: it cannot be written there.
    """
    check_still_name(path)
    coded = as_png(image, provenance) if path.suffix.lower() == ".png" else as_jpeg(image, provenance)
    with replacing(path) as part:
        part.write_bytes(coded)


def as_png(image: Frame, provenance: Provenance) -> bytes:
    """A PNG of an RGB or RGBA picture."""
    code = cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR
    _, coded = cv2.imencode(".png", cv2.cvtColor(provenance.mark(np.ascontiguousarray(image)), code))
    return into_png(coded.tobytes(), provenance)


def as_jpeg(image: Frame, provenance: Provenance) -> bytes:
    """A JPEG of an RGB or RGBA picture, white where that is transparent."""
    if image.shape[2] == 4:
        alpha = image[..., 3:].astype(np.float32) / 255
        image = np.asarray(image[..., :3] * alpha + 255 * (1 - alpha), np.uint8)
    bgr = cv2.cvtColor(provenance.mark(np.ascontiguousarray(image)), cv2.COLOR_RGB2BGR)
    _, coded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return into_jpeg(coded.tobytes(), provenance)
