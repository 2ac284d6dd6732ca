"""The picture that every page begins with: a dance, and beside it a performer who does the same moves.

    python -m scripts.before_after

Writes ``assets/before-after.mp4``: three seconds, without end. Needs the bundled dances and performers.
"""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from core import paths
from core.generators.base import default_generator
from core.generators.registry import create_generator
from core.targets.store import load_target
from core.transfer import TransferOptions, transfer
from core.types import Frame
from core.video.reader import VideoReader
from core.video.writer import VideoWriter

DANCE: Final = "omar-street"
PERFORMER: Final = "mira"
START: Final = 3.0
SECONDS: Final = 3.0
RATE: Final = 15
"""Pictures a second."""
SIDE: Final = 320
"""Pixels of each of the two squares."""
COARSE: Final = 28
"""x264's quality, for a video that is small."""


def cover(image: Frame) -> Frame:
    """The middle square of ``image``, ``SIDE`` pixels wide."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = Image.fromarray(image[top : top + side, left : left + side])
    return np.asarray(square.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def pictures(video: Path, start: float) -> list[Frame]:
    """``SECONDS`` of a video from ``start`` on, ``RATE`` squares a second."""
    with VideoReader(video, start=start, end=start + SECONDS, every=1 / RATE) as reader:
        return [cover(frame.image) for frame in reader]


def main() -> None:
    """See the module's docstring."""
    dance = paths.BUNDLED_DANCES / f"{DANCE}.mp4"
    with load_target(PERFORMER) as performer, tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made.mp4"
        best = default_generator(performer.manifest.generator_names())
        transfer(
            dance, performer, create_generator(best, performer), made, TransferOptions(start=START, end=START + SECONDS)
        )
        after = pictures(made, 0.0)
    rate = Fraction(RATE)
    size = (2 * SIDE, SIDE)
    with VideoWriter(paths.BEFORE_AFTER, size=size, rate=rate, crf=COARSE, preset="veryslow") as writer:
        for number, pair in enumerate(zip(pictures(dance, START), after, strict=False)):
            writer.write(np.hstack(pair), number / rate)


if __name__ == "__main__":
    main()
