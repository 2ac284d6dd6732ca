"""What results can be written as: one description of each format, from which writers, pages and command line take everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from core.errors import UnusableInput

Kind = Literal["video", "animation", "pictures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFormat:
    """One format of results.

    Attributes:
        name: short, for options and addresses.
        title: for people.
        suffix: of its files, with the dot; "" for a folder.
        mime: media type.
        kind: what writes it: FFmpeg with or without a palette, or one picture after the other.
        container: FFmpeg's muxer, "" for pictures.
        codec: FFmpeg's video encoder.
        pixels, alpha_pixels: its pixel format, and the one with transparency; None where it has none.
        options: of the encoder.
        container_options: of the muxer.
        sound: FFmpeg's audio encoder, None where the format holds no sound.
        plays: whether browsers play it in a ``<video>``.
    """

    name: str
    title: str
    suffix: str
    mime: str
    kind: Kind
    container: str = ""
    codec: str
    pixels: str
    alpha_pixels: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    container_options: Mapping[str, str] = field(default_factory=dict)
    sound: str | None = None
    plays: bool = False

    @property
    def transparent(self) -> bool:
        """Whether it can be transparent."""
        return self.alpha_pixels is not None


MP4: Final = OutputFormat(
    name="mp4", title="MP4 (H.264)", suffix=".mp4", mime="video/mp4", kind="video", container="mp4", codec="libx264",
    pixels="yuv420p", options={"profile": "high"}, container_options={"movflags": "+faststart"}, sound="aac", plays=True,
)  # fmt: skip
WEBM: Final = OutputFormat(
    name="webm", title="WebM (VP9)", suffix=".webm", mime="video/webm", kind="video", container="webm",
    codec="libvpx-vp9", pixels="yuv420p", alpha_pixels="yuva420p",
    # without alternate reference frames, which VP9 cannot have beside transparency
    options={"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "5", "row-mt": "1", "auto-alt-ref": "0"},
    sound="libopus", plays=True,
)  # fmt: skip
MOV: Final = OutputFormat(
    name="mov", title="MOV (ProRes 4444)", suffix=".mov", mime="video/quicktime", kind="video", container="mov",
    codec="prores_ks", pixels="yuv444p10le", alpha_pixels="yuva444p10le",
    options={"profile": "4444", "vendor": "apl0", "alpha_bits": "16"}, container_options={"movflags": "+faststart"},
    sound="pcm_s16le",
)  # fmt: skip
GIF: Final = OutputFormat(
    name="gif", title="GIF", suffix=".gif", mime="image/gif", kind="animation", container="gif", codec="gif",
    pixels="pal8", alpha_pixels="pal8", container_options={"loop": "0"},
)  # fmt: skip
PNG_ZIP: Final = OutputFormat(
    name="png", title="PNG sequence (.zip)", suffix=".zip", mime="application/zip", kind="pictures", codec="png",
    pixels="rgb24", alpha_pixels="rgba",
)  # fmt: skip
PNG_FOLDER: Final = OutputFormat(
    name="png-folder", title="PNG sequence (folder)", suffix="", mime="inode/directory", kind="pictures", codec="png",
    pixels="rgb24", alpha_pixels="rgba",
)  # fmt: skip

FORMATS: Final = (MP4, WEBM, GIF, MOV, PNG_ZIP)
"""Those that are one file, the usual one first."""


def format_of(path: Path) -> OutputFormat:
    """The format that a result's name asks for; a name without a suffix is a folder of pictures.

    Raises:
        UnusableInput: there is none of that suffix; the message lists them.
    """
    suffix = path.suffix.lower()
    for known in (*FORMATS, PNG_FOLDER):
        if known.suffix == suffix:
            return known
    listed = ", ".join(known.suffix for known in FORMATS)
    raise UnusableInput(
        f"A result cannot be written as {suffix[:12]}: give it a name that ends in {listed}, or that of a new folder."
    )


def check_transparency(wanted: OutputFormat) -> None:
    """Make sure that a format can be transparent.

    Raises:
        UnusableInput: it cannot; the message lists those that can.
    """
    if not wanted.transparent:
        able = ", ".join(known.suffix for known in FORMATS if known.transparent)
        raise UnusableInput(f"{wanted.title} cannot be transparent: choose {able}.")
