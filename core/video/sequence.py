"""A result as PNG pictures, in a ZIP or a folder, with a file beside them that says when each is shown."""

from __future__ import annotations

import contextlib
import json
import shutil
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import cv2
import numpy as np

from core.errors import OutputFailed, OutputRefused
from core.types import Frame
from core.utils.output_files import aside, usable_output, why_unwritable
from core.video.formats import PNG_FOLDER, OutputFormat
from core.video.provenance import Provenance, into_png

TIMES: Final = "times.json"
_COMPRESSION: Final = 3


class SequenceWriter:
    """Writes numbered PNG pictures, RGB or RGBA; see :class:`core.video.writer.VideoWriter`, which it stands in for.

    Args:
        path: the ZIP, which is replaced if it is there; or a folder, which is made, or is empty.
        rate: usual pictures a second.
        format: ZIP or folder.
        provenance: what each picture says of how it came to be.

    Raises:
        OutputRefused: it cannot be written there.
        OutputFailed: there is no more room.
    """

    def __init__(self, path: Path, *, rate: Fraction, format: OutputFormat, provenance: Provenance) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._rate, self._provenance = rate, provenance
        self._folder = format is PNG_FOLDER
        self._times: list[float] = []
        self._place = self._part = path
        self._pack: zipfile.ZipFile | None = None

    def __enter__(self) -> Self:
        self._place = usable_folder_output(self.path) if self._folder else usable_output(self.path)
        self._part = aside(self._place)
        with self._output_errors():
            if self._folder:
                self._part.mkdir()
            else:
                self._pack = zipfile.ZipFile(self._part, "x", zipfile.ZIP_STORED)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._commit()
        finally:
            self._discard()

    def write(self, image: Frame, time: Fraction) -> None:
        """Add one picture, uint8 RGB or RGBA, shown from ``time`` seconds on."""
        code = cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR
        bgr = cv2.cvtColor(self._provenance.mark(np.ascontiguousarray(image)), code)
        _, coded = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, _COMPRESSION])
        self._times.append(round(float(time), 6))
        self._add(f"{len(self._times):05d}.png", into_png(coded.tobytes(), self._provenance))

    def _add(self, name: str, content: bytes) -> None:
        with self._output_errors():
            if self._pack is not None:
                self._pack.writestr(name, content)
            else:
                (self._part / name).write_bytes(content)

    def _commit(self) -> None:
        if not self._times:
            raise OutputFailed(f"{self.path.name} was not written: there was no picture to put in it.")
        about = {
            "rate": str(self._rate),
            "seconds": self._times,
            "digital_source_type": self._provenance.source_type.uri,
        }
        self._add(TIMES, json.dumps(about).encode())
        with self._output_errors():
            if self._pack is not None:
                self._pack.close()
                self._pack = None
            elif self._place.is_dir():
                self._place.rmdir()
            self._part.replace(self._place)

    def _discard(self) -> None:
        if self._pack is not None:
            with contextlib.suppress(OSError):
                self._pack.close()
        if self._part == self._place:
            return
        if self._part.is_dir():
            shutil.rmtree(self._part, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _output_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputFailed(why_unwritable(self.path, error)) from error


def first_picture(pack: Path) -> Frame:
    """The first picture of a ZIP that was written here, RGB."""
    with zipfile.ZipFile(pack) as pictures:
        coded = np.frombuffer(pictures.read("00001.png"), np.uint8)
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR_RGB), np.uint8)


def usable_folder_output(path: Path) -> Path:
    """The folder that pictures will be in, after making sure that it can be made: it is not there, or empty.

    Raises:
        OutputRefused: it is there and holds something, or cannot be made.
    """
    try:
        if path.is_dir():
            if any(path.iterdir()):
                raise OutputRefused(f"{path.name} holds something already: give the pictures a folder of their own.")
            # a neighbour, to see that the folder above can be written to
            return usable_output(path.resolve() / "00001.png").parent
    except OSError as error:
        raise OutputRefused(why_unwritable(path, error)) from error
    place = usable_output(path)
    if place.exists():
        raise OutputRefused(f"{path.name} is a file: give the pictures a folder of their own, or the name an ending.")
    return place
