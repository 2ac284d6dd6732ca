"""Known answers: bundled performers rendered in exactly the poses of bundled dances."""

from __future__ import annotations

from pathlib import Path

from core import paths


def find_answer(performer: str, dance: str) -> Path | None:
    """The video of what a perfect transfer would give, ``assets/answers/PERFORMER_DANCE.mp4``; None when there is none.

    It has the size of the performer, and as many pictures at the same times as the dance. The ids may come from anywhere: they
    are looked for among the files there are.
    """
    wanted = [performer, dance]
    return next((video for video in sorted(paths.ANSWERS.glob("*.mp4")) if video.stem.split("_") == wanted), None)


def find_parts(answer: Path) -> Path | None:
    """The part map of a known answer, ``PERFORMER_DANCE_parts.mp4`` beside it; None when there is none.

    It has half the answer's size, and its times. Grey levels are 32 apart: 0 where the stage is seen, then trunk, head, left and
    right arm, left and right leg, skirt.
    """
    parts = answer.with_name(f"{answer.stem}_parts.mp4")
    return parts if parts.is_file() else None
