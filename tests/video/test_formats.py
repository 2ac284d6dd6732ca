"""Every format that results are written in holds what it promises: pictures, their times, transparency, sound."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from core.errors import Cancelled, OutputRefused, UnusableInput
from core.types import Frame
from core.video.audio import AudioTrack
from core.video.formats import (
    FORMATS,
    GIF,
    MOV,
    MP4,
    PNG_FOLDER,
    PNG_ZIP,
    WEBM,
    OutputFormat,
    check_transparency,
    format_of,
)
from core.video.provenance import Provenance
from core.video.reader import VideoReader
from core.video.writing import writer_for
from tests.media import sound_seconds, write_sound

SIZE = (96, 64)


def disc(number: int, *, transparent: bool) -> Frame:
    """A red disc that moves to the right, on blue or on nothing."""
    image = np.full((SIZE[1], SIZE[0], 3), (20, 40, 200), np.uint8)
    mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    cv2.circle(mask, (20 + 5 * number, 32), 14, 255, -1)
    image[mask > 0] = (220, 30, 30)
    return np.dstack([image, mask]) if transparent else image


def make(
    path: Path, *, transparent: bool = False, count: int = 10, rate: int = 25, audio: AudioTrack | None = None
) -> Path:
    with writer_for(
        path, format_of(path), size=SIZE, rate=Fraction(rate), until=Fraction(count, rate), audio=audio,
        keyframe_interval=None, transparent=transparent, provenance=Provenance(),
    ) as writer:  # fmt: skip
        for number in range(count):
            writer.write(disc(number, transparent=transparent), Fraction(number, rate))
    return path


def stopped(folder: Path) -> None:
    with writer_for(
        folder, PNG_FOLDER, size=SIZE, rate=Fraction(25), until=None, audio=None, keyframe_interval=None,
        transparent=False, provenance=Provenance(),
    ) as writer:  # fmt: skip
        writer.write(disc(0, transparent=False), Fraction(0))
        raise Cancelled("stop")


def decoded(path: Path, codec: str | None = None) -> list[Frame]:
    """RGBA pictures, by the decoder of that name: FFmpeg's own of VP9 knows no transparency."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        if codec is None:
            return [np.asarray(frame.to_ndarray(format="rgba"), np.uint8) for frame in container.decode(stream)]
        decoder = cast(VideoCodecContext, av.CodecContext.create(codec, "r"))
        frames = [frame for packet in container.demux(stream) for frame in decoder.decode(packet)]
    return [np.asarray(frame.to_ndarray(format="rgba"), np.uint8) for frame in frames]


def of_zip(path: Path) -> list[Frame]:
    with zipfile.ZipFile(path) as pack:
        names = [name for name in sorted(pack.namelist()) if name.endswith(".png")]
        coded = [np.frombuffer(pack.read(name), np.uint8) for name in names]
    images = [np.asarray(cv2.imdecode(c, cv2.IMREAD_UNCHANGED), np.uint8) for c in coded]
    return [np.asarray(cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA), np.uint8) for image in images]


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("a.webm", lambda path: decoded(path, "libvpx-vp9")), ("a.mov", decoded), ("a.gif", decoded), ("a.zip", of_zip),
    ],
)  # fmt: skip
def test_transparent_results_are_transparent(tmp_path: Path, name: str, read: Callable[[Path], list[Frame]]) -> None:
    pictures = read(make(tmp_path / name, transparent=True))
    assert len(pictures) == 10
    for number in (0, 9):
        wanted, got = disc(number, transparent=True), pictures[number]
        inside = cv2.erode(wanted[..., 3], np.ones((5, 5), np.uint8)) > 0
        outside = cv2.dilate(wanted[..., 3], np.ones((5, 5), np.uint8)) == 0
        assert got[inside][:, 3].min() > 240
        assert got[outside][:, 3].max() < 16
        assert np.abs(got[inside][:, :3].astype(int) - wanted[inside][:, :3]).mean() < 12


@pytest.mark.parametrize("wanted", FORMATS, ids=lambda f: f.name)
def test_pictures_and_their_number(tmp_path: Path, wanted: OutputFormat) -> None:
    path = make(tmp_path / f"a{wanted.suffix}")
    if wanted is PNG_ZIP:
        with zipfile.ZipFile(path) as pack:
            coded = [np.frombuffer(pack.read(f"{n:05d}.png"), np.uint8) for n in range(1, 11)]
            pictures = [np.asarray(cv2.imdecode(c, cv2.IMREAD_COLOR_RGB), np.uint8) for c in coded]
            assert json.load(io.BytesIO(pack.read("times.json")))["seconds"][9] == 0.36
    else:
        pictures = [picture[..., :3] for picture in decoded(path)]
    assert len(pictures) == 10
    for number in (0, 9):
        assert np.abs(pictures[number].astype(int) - disc(number, transparent=False)).mean() < 8


@pytest.mark.parametrize(
    ("name", "codec", "video", "pixels"),
    [
        ("a.mp4", "aac", "h264", "yuv420p"),
        ("a.webm", "opus", "vp9", "yuv420p"),
        ("a.mov", "pcm_s16le", "prores", "yuv444p12le"),
    ],
)
def test_sound_is_kept_where_there_is_room(tmp_path: Path, name: str, codec: str, video: str, pixels: str) -> None:
    path = make(tmp_path / name, count=25, audio=AudioTrack(write_sound(tmp_path / "tone.mp4", 2.0), 0.0, 1.0))
    with av.open(path) as container:
        assert container.streams.audio[0].codec_context.name == codec
        assert container.streams.video[0].codec_context.name == video
        assert container.streams.video[0].codec_context.pix_fmt == pixels
    assert sound_seconds(path) == pytest.approx(1.0, abs=0.03)


def test_a_gif_has_no_more_pictures_than_browsers_show(tmp_path: Path) -> None:
    with VideoReader(make(tmp_path / "a.gif", count=60, rate=60)) as reader:
        times = [frame.time for frame in reader]
    assert 28 <= len(times) <= 34
    assert min(b - a for a, b in itertools.pairwise(times)) >= Fraction(3, 100)
    assert float(times[-1]) == pytest.approx(59 / 60, abs=0.06)


def test_a_gif_chooses_colours_anew_after_a_cut(tmp_path: Path) -> None:
    def write(first: Frame, second: Frame) -> Frame:
        with writer_for(
            tmp_path / "a.gif", GIF, size=SIZE, rate=Fraction(25), until=Fraction(2), audio=None, keyframe_interval=None,
            transparent=False, provenance=Provenance(),
        ) as writer:  # fmt: skip
            for number in range(50):
                writer.write(first if number < 24 else second, Fraction(number, 25))
        return decoded(tmp_path / "a.gif")[-1][..., :3]

    ramp = np.linspace(0, 255, SIZE[0], dtype=np.uint8)
    reds, greens = (np.zeros((SIZE[1], SIZE[0], 3), np.uint8) for _ in range(2))
    reds[..., 0], greens[..., 1] = ramp, ramp
    assert np.abs(write(reds, greens).astype(int) - greens).mean() < 6


def test_a_folder_of_pictures_is_whole_or_not_there(tmp_path: Path) -> None:
    folder = make(tmp_path / "frames")
    assert sorted(p.name for p in folder.iterdir())[:2] == ["00001.png", "00002.png"]
    with pytest.raises(OutputRefused, match="holds something"):
        make(folder)
    with pytest.raises(Cancelled):
        stopped(tmp_path / "other")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["frames"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.write_text("mine")
    with pytest.raises(OutputRefused, match="is a file"):
        make(notes)
    assert notes.read_text() == "mine"


def test_names_say_the_format() -> None:
    assert format_of(Path("a.MP4")) is MP4
    assert format_of(Path("frames")) is PNG_FOLDER
    with pytest.raises(UnusableInput, match=r"\.mp4, \.webm"):
        format_of(Path("a.avi"))
    for able in (WEBM, MOV, GIF, PNG_ZIP):
        check_transparency(able)
    with pytest.raises(UnusableInput, match="cannot be transparent"):
        check_transparency(MP4)
