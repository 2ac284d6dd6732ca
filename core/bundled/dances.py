"""The dances that come with the project, to use as sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core import paths


@dataclass(frozen=True, slots=True)
class Dance:
    """One bundled dance; ``picture`` is a short moving picture of it for lists."""

    id: str
    title: str
    video: Path
    picture: Path


def list_dances() -> list[Dance]:
    """All bundled dances, by id: ``assets/dances/ID.mp4`` with ``ID.webp`` beside it."""
    return [
        Dance(video.stem, _title(video.stem), video, video.with_suffix(".webp"))
        for video in sorted(paths.BUNDLED_DANCES.glob("*.mp4"))
    ]


def _title(dance_id: str) -> str:
    dancer, _, what = dance_id.partition("-")
    return f"{dancer.capitalize()}’s {what.replace('-', ' ')}" if what else dancer.capitalize()


def find(dance_id: str) -> Path | None:
    """The video of the bundled dance of that id, None when there is none."""
    return next((dance.video for dance in list_dances() if dance.id == dance_id), None)
