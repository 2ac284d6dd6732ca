"""Changing what a performer is called and how they are shown in lists."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Any

import cv2
from pydantic import ValidationError

from core.errors import OutputFailed, TargetNotFound, UnusableInput
from core.rendering.image_files import read_picture
from core.targets.manifest import MANIFEST, MAX_NAME, Manifest, file_entry, read_manifest
from core.targets.portrait import LARGEST, fitted
from core.targets.store import Place, changing, find_place
from core.utils.display_names import clean_line
from core.utils.output_files import aside, sweep_leftovers

_PORTRAIT_QUALITY = 90
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")


def rename_target(target_id: str, name: str, *roots: Path) -> None:
    """Give one of the user's own performers another name; the id, which links go by, stays.

    Raises:
        TargetNotFound: there is none of that id, or it is a bundled one.
        UnusableInput: that is no name.
        OutputFailed: no permission, no room.
    """
    shown = clean_line(name)
    if not 1 <= len(shown) <= MAX_NAME or _CONTROLS.search(" ".join(name.split())):
        raise UnusableInput(f"A name has 1 to {MAX_NAME} letters.")
    place = _own(target_id, roots)
    _write(place, {"name": shown})


def set_portrait(target_id: str, picture: Path, *roots: Path) -> None:
    """Show one of the user's own performers by another picture: its middle, at 3:4.

    Raises:
        TargetNotFound: there is none of that id, or it is a bundled one.
        UnusableInput: that is no picture.
        OutputFailed: no permission, no room.
    """
    place = _own(target_id, roots)
    coded = cv2.imencode(
        ".webp",
        fitted(read_picture(picture, covering=LARGEST))[..., ::-1],
        [cv2.IMWRITE_WEBP_QUALITY, _PORTRAIT_QUALITY],
    )[1]
    old = read_manifest(place.folder)
    # under a name of its own: browsers keep pictures by their address
    path = place.folder / f"portrait-{secrets.token_hex(3)}.webp"
    try:
        path.write_bytes(coded.tobytes())
        _write(place, {"files": old.files | {"portrait": file_entry(path, path.name)}})
    except OSError as error:
        path.unlink(missing_ok=True)
        raise OutputFailed(f"The portrait could not be kept: {error.strerror or error}.") from error
    before = old.files.get("portrait")
    if before is not None:
        (place.folder / before.path).unlink(missing_ok=True)


def _own(target_id: str, roots: tuple[Path, ...]) -> Place:
    place = find_place(target_id, *roots)
    if place is None or not place.own:
        raise TargetNotFound(f"'{target_id[:60]}' is none of your own performers, so it is not changed.")
    return place


def _write(place: Place, changes: dict[str, Any]) -> None:
    """Put a changed manifest in the place of the old one."""
    with changing(place.folder.name):
        old = read_manifest(place.folder)
        try:
            new = Manifest.model_validate(old.model_dump() | changes)
        except ValidationError as error:
            raise UnusableInput(f"That cannot be kept: {error.errors()[0]['msg']}.") from error
        part = aside(place.folder / MANIFEST)
        try:
            sweep_leftovers(place.folder)
            part.write_bytes(new.to_json())
            part.replace(place.folder / MANIFEST)
        except OSError as error:
            raise OutputFailed(f"The performer '{new.id}' could not be changed: {error.strerror or error}.") from error
        finally:
            part.unlink(missing_ok=True)
