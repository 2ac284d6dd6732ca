"""What the pages do with an upload, below the browser: each function takes in ``sys.argv[1]``.

A refusal is one line on stderr and status 2, as on the command line; status 3 where something of the upload is left all the same.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from core.errors import DanceError
from core.rendering.compositing import parse_background
from core.services.file_store import MEGABYTE, FileLease, Workspace
from core.services.job_queue import JobQueue
from core.targets.photo import look_at
from core.ui.app_services import AppServices
from core.ui.error_messages import in_one_sentence
from core.ui.video_info import PICTURE_MEGABYTES, take_video
from core.video.reader import VideoReader

Take: TypeAlias = Callable[[AppServices, BinaryIO, str, int], FileLease]
_REFUSED: Final = 2
_LEFT: Final = 3
_STAGE: Final = (512, 512)
_THUMB: Final = 320


def video() -> None:
    """A dance, or footage."""
    _take(lambda app_services, upload, name, size: _shown(take_video(app_services.files, upload, name, size)))


def pack() -> None:
    """A visitor's performer."""
    _take(lambda app_services, upload, name, size: app_services.take_guest(upload, name, size))


def photo() -> None:
    """Somebody's photo."""
    _take(
        lambda app_services, upload, name, size: _looked_at(
            app_services, upload, name, size, lambda path: look_at([path])
        )
    )


def background() -> None:
    """A picture to stand before."""
    _take(
        lambda app_services, upload, name, size: _looked_at(
            app_services, upload, name, size, lambda path: parse_background(str(path), _STAGE)
        )
    )


def _shown(hold: FileLease) -> FileLease:
    try:
        with hold.stored.named(), VideoReader(hold.stored.path, max_side=_THUMB) as reader:
            next(iter(reader))
    except BaseException:
        hold.release()
        raise
    return hold


def _looked_at(
    app_services: AppServices, upload: BinaryIO, name: str, size: int, look: Callable[[Path], object]
) -> FileLease:
    hold = app_services.files.take(upload, name, size, PICTURE_MEGABYTES * MEGABYTE)
    try:
        with hold.stored.named():
            look(hold.stored.path)
    except BaseException:
        hold.release()
        raise
    return hold


def _take(take: Take) -> None:
    logging.disable()
    path, app_services = Path(sys.argv[1]), AppServices(JobQueue(), Workspace())
    refused = None
    try:
        with path.open("rb") as upload:
            take(app_services, upload, path.name, path.stat().st_size).release()
    except DanceError as error:
        refused = in_one_sentence(error)
    left = [found.name for found in app_services.files.folder.rglob("*") if found.is_file()]
    app_services.close()
    if left:
        sys.stderr.write(f"left: {left}\n")
        sys.exit(_LEFT)
    if refused is not None:
        sys.stderr.write(f"Error: {refused}\n")
        sys.exit(_REFUSED)
