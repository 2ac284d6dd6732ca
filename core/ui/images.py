"""Pictures for the browser."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit import runtime
from streamlit.runtime.media_file_storage import MediaFileStorageError

if TYPE_CHECKING:
    from core.types import Frame

logger = logging.getLogger(__name__)

# mimetypes knows webp on some systems only
_KINDS = {".webp": "image/webp", ".png": "image/png"}


def jpeg(image: Frame, side: int | None = None, quality: int = 82) -> bytes:
    """``image`` (RGB) as a JPEG whose longer side is at most ``side`` pixels."""
    import cv2

    longest = max(image.shape[:2])
    if side is not None and longest > side:
        width, height = (max(1, round(length * side / longest)) for length in (image.shape[1], image.shape[0]))
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    _, coded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return coded.tobytes()


def animated(film: Sequence[Frame], rate: float, quality: int = 75) -> bytes:
    """Pictures (RGB, all of one size) as an animated WebP that plays forth and back without end."""
    from PIL import Image

    first, *others = (Image.fromarray(picture) for picture in [*film, *film[-2:0:-1]])
    coded = BytesIO()
    first.save(
        coded,
        "WEBP",
        save_all=True,
        append_images=others,
        duration=round(1000 / rate),
        loop=0,
        quality=quality,
        method=2,
    )
    return coded.getvalue()


def as_url(data: bytes, kind: str = "image/jpeg") -> str:
    """A ``data:`` address: the picture swaps in place without a flash, and moving pictures stay moving."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def file_url(path: Path, *, keep: bool = True) -> str:
    """The picture file as a ``data:`` address. What is kept in memory is kept for everybody, and outlives a visit."""
    return _kept_url(str(path), path.stat().st_mtime_ns) if keep else _read_url(path)


def _read_url(path: Path) -> str:
    return as_url(path.read_bytes(), _KINDS.get(path.suffix, "image/jpeg"))


@st.cache_data(show_spinner=False, max_entries=200)
def _kept_url(path: str, _touched: int) -> str:
    return _read_url(Path(path))


def video_address(video: Path, place: str) -> str:
    """Where the browser gets a video, as for ``st.video``; empty where there is no server, or no file any more.

    Args:
        place: whose file it is: the next one of the same place takes its turn, and this one may go.
    """
    if not runtime.exists():
        return ""
    try:
        return runtime.get_instance().media_file_mgr.add(str(video), "video/mp4", place)
    except MediaFileStorageError:
        logger.warning("%s is gone", video.name)
        return ""


def numbers(facts: Iterable[tuple[str, str]]) -> str:
    """HTML of a few figures beside each other: each the value and what it is of."""
    cells = "".join(f"<div><b>{escape(value)}</b><span>{name}</span></div>" for value, name in facts)
    return f'<div class="numbers">{cells}</div>'


def tag(url: str, alt: str = "", css_class: str = "picture") -> str:
    """An HTML image."""
    return f'<img class="{css_class}" src="{url}" alt="{escape(alt, quote=True)}">'
