"""One kind of clip, and what is asked of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out, in words with figures, and whether that is right."""

    found: str
    right: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of clip.

    Attributes:
        name: of the clip's file, ``far_corner_15pct.mp4``; a file of that name in ``--clips`` is taken instead of a made one.
        asked: the right value, in words.
        make: writes the clip to a path.
        judge: runs what the product does with the clip and looks at the result.
    """

    name: str
    asked: str
    make: Callable[[Path], None]
    judge: Callable[[Path], Outcome]
