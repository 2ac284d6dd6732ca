"""The writer for a format, and where results of that format can go."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from core.utils.output_files import usable_output
from core.video.animation import GifWriter
from core.video.audio import AudioTrack
from core.video.formats import OutputFormat, format_of
from core.video.provenance import Provenance
from core.video.sequence import SequenceWriter, usable_folder_output
from core.video.writer import VideoWriter, Writer


def usable_result(path: Path, inputs: Iterable[Path]) -> Path:
    """See :func:`core.utils.output_files.usable_output`; of a folder of pictures that folder.

    Raises:
        OutputRefused: the result cannot be written there.
        UnusableInput: it is the name of no format.
    """
    # what stands there comes first: that it would be lost matters more than what its name ends in
    place = usable_output(path, inputs) if path.suffix else usable_folder_output(path)
    format_of(path)
    return place


def writer_for(
    path: Path,
    wanted: OutputFormat,
    *,
    size: tuple[int, int],
    rate: Fraction,
    until: Fraction | None,
    audio: AudioTrack | None,
    keyframe_interval: int | None,
    transparent: bool,
    provenance: Provenance,
) -> Writer:
    """What writes a result of that format; see :class:`core.video.writer.VideoWriter` for everything else.

    Raises:
        OutputRefused: it cannot be written there.
    """
    if wanted.kind == "pictures":
        return SequenceWriter(path, rate=rate, format=wanted, provenance=provenance)
    kind = GifWriter if wanted.kind == "animation" else VideoWriter
    return kind(
        path, size=size, rate=rate, until=until, audio=audio, keyframe_interval=keyframe_interval,
        format=wanted, transparent=transparent, provenance=provenance,
    )  # fmt: skip
