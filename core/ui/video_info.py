"""What a page needs to know of a video before it is danced: limits, length, a picture from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import streamlit as st

from core.errors import DanceError, OverLimit
from core.services.file_store import MEGABYTE, FileLease, StoredFile, Workspace
from core.settings import Settings, settings
from core.ui.text import in_words

if TYPE_CHECKING:
    from core.types import Frame
    from core.video.reader import Budget

KINDS = ["mp4", "mov", "m4v", "webm", "mkv", "avi", "gif", "3gp", "mpg", "mpeg", "ts", "mts", "m2ts", "flv", "wmv"]
PICTURE_KINDS = ["jpg", "jpeg", "png", "webp"]
PICTURE_MEGABYTES = 25
_THUMB_SIDE = 320
_RATE_ROUNDING = 0.5
"""A file of 60 pictures a second may well state 60.01."""
_USUAL_RATE, _LOW_RATE = 60.0, 30.0


@dataclass(frozen=True, slots=True)
class Clip:
    """Seconds and frames a second of a video; ``seconds`` is None where the file does not say."""

    seconds: float | None
    rate: float


def limits_in_words(limits: Settings | None = None) -> str:
    """One line on what may be uploaded, shown before anything is."""
    limits = limits or settings()
    return (
        f"Up to {limits.max_upload_mb} MB and {in_words(limits.max_seconds)} in one go; "
        "of a longer video you choose the part."
    )


def rates_offered(rate: float) -> list[float]:
    """How many of the ``rate`` pictures a second of a video may be danced, the usual first. None where all of them are.

    Of slow motion every picture is four to eight times the work, and a file that is as much larger.
    """
    most = settings().max_rate
    usual = min(_USUAL_RATE, most)
    if rate <= usual + _RATE_ROUNDING:
        return []
    return [usual, *([_LOW_RATE] if usual > _LOW_RATE else []), *([min(rate, most)] if most > usual else [])]


def thinned_in_words(rate: float, danced: float) -> str | None:
    """One line where of ``rate`` pictures a second fewer are danced; None where all of them are."""
    if rate <= danced + _RATE_ROUNDING:
        return None
    return f"It has {rate:.0f} pictures a second: {danced:g} of them are danced, evenly spaced, and it lasts as long as before."


def page_budget(rate: float | None = None) -> Budget:
    """What a page dances of a video at most, whatever the file says of itself; ``rate`` pictures a second, or the usual."""
    from core.video.reader import Budget

    limits = settings()
    return Budget(limits.max_seconds, limits.max_frames, min(rate or _USUAL_RATE, limits.max_rate))


def take_video(files: Workspace, upload: BinaryIO, name: str, size: int, *, owner: str = "") -> FileLease:
    """Store an uploaded video once it is known to be one that can be danced. Nothing is left of any other.

    Raises:
        OverLimit: too many bytes or no room for them (before any is read), or pixels (before any picture is decoded).
        NotAVideo: nothing can be decoded.
        OutputFailed: no room.
    """
    hold = files.take(upload, name, size, settings().max_upload_mb * MEGABYTE, owner=owner)
    try:
        with hold.stored.named():
            _refuse_large_pictures(hold.stored)
            clip(hold.stored.path)
    except BaseException:
        hold.release()
        raise
    return hold


def _refuse_large_pictures(stored: StoredFile) -> None:
    from core.video.probe import stated_size

    width, height = stated_size(stored.path)
    if width * height > settings().max_pixels:
        most = settings().max_pixels / 1e6
        raise OverLimit(
            f"{stored.name} has pictures of {width}×{height}: the limit here is {most:.1f} megapixels. "
            "Save it smaller, say as 1080p, and try again."
        )


def clip(video: Path) -> Clip:
    """Length and rate of a video.

    Raises:
        NotAVideo: nothing can be decoded.
    """
    return _clip(str(video), video.stat().st_mtime_ns)


@st.cache_data(show_spinner=False, max_entries=200)
def _clip(video: str, _touched: int) -> Clip:
    from core.video.probe import probe

    info = probe(Path(video))
    return Clip(info.duration, float(info.rate))


@st.cache_data(show_spinner=False, max_entries=200, scope="session")
def picture_at(video: str, seconds: float) -> bytes | None:
    """A small JPEG of the picture shown at ``seconds``, None where there is none."""
    from core.ui.images import jpeg

    frame = _frame_at(Path(video), seconds, _THUMB_SIDE)
    return None if frame is None else jpeg(frame)


def _frame_at(video: Path, seconds: float, side: int) -> Frame | None:
    from core.video.reader import VideoReader

    try:
        with VideoReader(video, start=max(seconds, 0.0), max_side=side) as reader:
            return next(iter(reader)).image
    except (DanceError, StopIteration):
        return None
