"""Words on a picture, large enough to be read from three metres away."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from core.types import Frame

_WORDS_SHARE: Final = 0.1
_TIME_SHARE: Final = 0.075
_COUNT_SHARE: Final = 0.5
"""Height of the letters, in heights of the picture."""
_FREE_SHARE: Final = 0.1
"""What stays free below the sentence: feet are seen, and the player's own buttons lie there."""
_DARKENED: Final = 0.4


def lay_words(image: Frame, words: str) -> None:
    """Lay a sentence over the lower part of ``image``, on a darkened strip."""
    height, width = image.shape[:2]
    letters = _letters(words, round(_WORDS_SHARE * height), width)
    bottom = max(height - round(_FREE_SHARE * height), min(letters.shape[0], height))
    letters = letters[:bottom]
    left = (width - letters.shape[1]) // 2
    strip = image[bottom - letters.shape[0] : bottom]
    strip[:] = cv2.convertScaleAbs(strip, alpha=_DARKENED)
    _lay(strip[:, left : left + letters.shape[1]], letters)


def lay_time(image: Frame, seconds: float) -> None:
    """Lay how long it has been recording into the upper left corner, beside a red dot."""
    height, width = image.shape[:2]
    size = round(_TIME_SHARE * height)
    letters = _letters(f"{int(seconds) // 60}:{int(seconds) % 60:02d}", size, width)
    rows, columns = min(letters.shape[0], height), min(letters.shape[1] + size, width)
    corner = image[:rows, :columns]
    corner[:] = cv2.convertScaleAbs(corner, alpha=_DARKENED)
    _lay(corner[:, size:], letters[:rows, : columns - size])
    cv2.circle(image, (round(0.8 * size), round(0.43 * rows)), round(0.3 * size), (255, 74, 66), -1, cv2.LINE_AA)


def lay_count(image: Frame, count: int) -> None:
    """Lay one large number over the middle of ``image``, with nothing around it: who is counted sees where they stand."""
    height, width = image.shape[:2]
    letters = _letters(str(count), round(_COUNT_SHARE * height), width)
    rows, columns = min(letters.shape[0], height), min(letters.shape[1], width)
    top, left = (height - rows) // 3, (width - columns) // 2
    part = image[top : top + rows, left : left + columns]
    part[:] = cv2.subtract(part, _edge(str(count), round(_COUNT_SHARE * height), width)[:rows, :columns])
    _lay(part, letters[:rows, :columns])


def _lay(part: Frame, letters: Frame) -> None:
    part[:] = np.maximum(part, letters)


@lru_cache(maxsize=8)
def _edge(words: str, size: int, most: int) -> Frame:
    """How much darker the picture is made around the letters, so that they are told from a light ground."""
    wide = max(size // 12, 1)
    around = cv2.dilate(_letters(words, size, most), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide)))
    return np.asarray(cv2.GaussianBlur(around, (0, 0), wide / 3), np.uint8)


@lru_cache(maxsize=64)
def _letters(words: str, size: int, most: int) -> Frame:
    """White words on black in as many lines as it takes, each in the middle; drawn once, as letters are slow.

    Args:
        words: any.
        size: height of the letters, pixels.
        most: width in pixels that no line exceeds, unless a single word does.
    """
    from PIL import Image, ImageDraw, ImageFont

    font, pad = ImageFont.load_default(size), max(size // 3, 2)
    lines = _lines(words, most - 2 * pad, font.getlength)
    # as high for every text
    _, top, _, bottom = font.getbbox("Ág")
    step = math.ceil(1.1 * (bottom - top))
    width = min(math.ceil(max(font.getlength(line) for line in lines)) + 2 * pad, most)
    picture = Image.new("L", (width, len(lines) * step + pad))
    pen = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        pen.text(((width - font.getlength(line)) / 2, pad // 2 + number * step - top), line, fill=255, font=font)
    drawn = np.repeat(np.asarray(picture, np.uint8)[..., None], 3, axis=2)
    drawn.flags.writeable = False
    return drawn


def _lines(words: str, most: float, length: Callable[[str], float]) -> list[str]:
    """As few lines as fit into ``most`` pixels, and of those as even ones as can be."""
    lines = _filled(words, most, length)
    while True:
        widest = max(length(line) for line in lines)
        closer = _filled(words, widest - 1, length)
        if len(closer) > len(lines) or max(length(line) for line in closer) >= widest:
            return lines
        lines = closer


def _filled(words: str, most: float, length: Callable[[str], float]) -> list[str]:
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and length(longer) > most:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
