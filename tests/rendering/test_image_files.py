"""Pictures from strangers: opened in one place, by their content, or refused with one sentence and in little memory."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from core.errors import UnusableInput
from core.rendering.compositing import cover, parse_background
from core.rendering.image_files import read_picture
from core.targets.edit import set_portrait
from core.targets.portrait import fitted
from core.types import Frame
from core.ui.images import jpeg
from tests.limited import run_limited
from tests.puppets import make_puppet

READ = "from core.rendering.compositing import parse_background\ntold(parse_background(sys.argv[1], (512, 512)).picture.shape)"


def drawn(width: int = 60, height: int = 40) -> Frame:
    """Red in the upper left quarter, otherwise blue from dark to bright."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 2] = np.linspace(0, 255, width).astype(np.uint8)
    image[: height // 2, : width // 2] = (255, 0, 0)
    return image


def tried(path: Path, covering: tuple[int, int] | None = None) -> tuple[int, ...] | str:
    """The shape of the picture, or the sentence."""
    try:
        return read_picture(path, covering=covering).shape
    except UnusableInput as error:
        return str(error)


def png(path: Path, *chunks: tuple[bytes, bytes]) -> Path:
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def plain_png(path: Path, width: int, height: int, *more: tuple[bytes, bytes]) -> Path:
    """A black one of 1 bit a pixel, written line by line."""
    rows = zlib.compressobj()
    line = bytes(1 + -(-width // 8))
    data = b"".join(rows.compress(line) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return png(path, (b"IHDR", header), *more, (b"IDAT", data), (b"IEND", b""))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_the_named_formats_are_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "picture.png"
    Image.fromarray(drawn()).save(path, kind, **({"quality": 95} if kind != "WEBP" else {"lossless": True}))

    read = read_picture(path)

    assert read.shape == (40, 60, 3)
    assert read.dtype == np.uint8
    inside = (slice(4, 16), slice(4, 26))
    np.testing.assert_allclose(read[inside].astype(int), drawn()[inside], atol=8)


@pytest.mark.parametrize("kind", ["EPS", "TIFF", "ICO", "PPM", "TGA", "SGI", "PCX", "IM", "DDS", "PDF", "JPEG2000"])
def test_other_formats_are_refused_whatever_they_are_called(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "picture.png"
    try:
        Image.fromarray(drawn()).save(path, kind)
    except (KeyError, OSError) as error:
        pytest.skip(f"Pillow here does not write {kind}: {error}")

    with pytest.raises(
        UnusableInput, match=r"^picture\.png cannot be read as a picture: choose a JPEG, PNG or WebP\.$"
    ):
        read_picture(path)


@pytest.mark.parametrize(
    "content",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n%%EndComments\n{} loop\nshowpage\n%%EOF\n",
        b"qoif" + struct.pack(">II", 16, 16) + b"\x03\x00" + bytes(16) + bytes(7) + b"\x01",
        b"\xd7\xcd\xc6\x9a\x00\x00"
        + struct.pack("<hhhhH", 0, 0, 90, 90, 1440)
        + bytes(6)
        + b"\x01\x00\x09\x00"
        + bytes(40),
        b"\x00\x00\x00\x14\x00\x00\x00\x01" + struct.pack(">III", 4, 4, 4) + bytes(64),
        b"FTEX" + struct.pack("<iiiiiii", 0x10001, 4, 4, 1, 1, 1, 0) + bytes(64),
        b"RIFF\x10\x00\x00\x00WEBPVP8 \x00\x00\x00\x00",
        b"\xff\xd8\xff\xe0",
        b"GIF89a\xff\xff\xff\xff",
        b"",
    ],
)
def test_rubbish_under_a_pictures_name_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("gs", "gswin64c", "wmf2gif"):
        (tools / name).write_text(f"#!/bin/sh\necho started > {tmp_path / 'started'}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    path = tmp_path / "picture.png"
    path.write_bytes(content)

    with pytest.raises(UnusableInput, match=r"^The background picture\.png cannot be read as a picture"):
        parse_background(str(path), (64, 64))

    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    "chunk", [b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"iCCP", b"tRNS", b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"acTL"]
)
@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"\x00\x00\x00", bytes(range(9)), b"a\x00\x00" + zlib.compress(bytes(1 << 26))]
)
def test_damaged_chunks_end_in_a_picture_or_one_sentence(tmp_path: Path, chunk: bytes, data: bytes) -> None:
    path = plain_png(tmp_path / "picture.png", 16, 16, (chunk, data))

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        came = tried(path)

    assert came in ((16, 16, 3), "picture.png cannot be read as a picture: choose a JPEG, PNG or WebP.")
    assert not warned


@pytest.mark.parametrize("data", [b"garbage!", zlib.compress(bytes(7)), zlib.compress(bytes(600))[:-9], b""])
@pytest.mark.parametrize("covering", [None, (8, 8)])
def test_pixels_that_are_not_there_are_not_black(tmp_path: Path, data: bytes, covering: tuple[int, int] | None) -> None:
    header = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    path = png(tmp_path / "picture.png", (b"IHDR", header), (b"IDAT", data), (b"IEND", b""))

    with pytest.raises(UnusableInput, match=r"^picture\.png cannot be read as a picture"):
        read_picture(path, covering=covering)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_damage_anywhere_ends_in_a_picture_or_one_sentence(
    tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    coded = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(drawn()).save(coded, kind, **({"exif": exif} if kind in {"JPEG", "PNG", "WEBP"} else {}))
    whole, rng = coded.getvalue(), np.random.default_rng(5)
    path = tmp_path / "picture.png"
    came = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for _ in range(150):
            data = bytearray(whole[: rng.integers(4, len(whole) + 1)])
            for place in rng.integers(0, len(data), 3):
                data[place] = rng.integers(256)
            path.write_bytes(data)
            came.append(tried(path, covering=(16, 16)))
    assert all(isinstance(result, tuple) or result.startswith("picture.png ") for result in came)
    assert not warned
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("width", "height"), [(20_000, 1), (1, 60_000), (3, 65_000)])
def test_a_picture_of_one_line_is_used_in_little_memory(tmp_path: Path, width: int, height: int) -> None:
    outcome = run_limited(READ, plain_png(tmp_path / "line.png", width, height))

    assert outcome.told == [512, 512, 3], outcome.errors
    assert outcome.megabytes < 200


@pytest.mark.parametrize(("width", "height"), [(100_000_000, 1), (1, 70_000), (9000, 9000), (65_000, 65_000)])
def test_a_picture_that_is_too_large_is_refused_before_it_is_decoded(tmp_path: Path, width: int, height: int) -> None:
    small = plain_png(tmp_path / "large.png", 8, 1).read_bytes()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    at = small.index(b"IHDR")
    path = tmp_path / "large.png"
    path.write_bytes(small[:at] + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + small[at + 21 :])

    outcome = run_limited(READ, path)

    assert outcome.told.startswith("UnusableInput: The background large.png is ")
    assert outcome.told.endswith(": save it with at most 50 megapixels and 65535 pixels along a side.")
    assert outcome.errors == ""
    assert outcome.megabytes < 200


@pytest.mark.parametrize(("kind", "most"), [("JPEG", 200), ("PNG", 320), ("WEBP", 400), ("GIF", 200)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
def test_the_largest_pictures_take_bounded_memory(tmp_path: Path, kind: str, most: int, mode: str) -> None:
    side = 3990 if kind == "WEBP" else 7000
    path = tmp_path / "large.png"
    if (kind, mode) in {("JPEG", "RGBA"), ("JPEG", "P"), ("GIF", "RGB"), ("GIF", "RGBA")}:
        pytest.skip("there is no such picture")
    Image.new(mode, (side, side)).save(path, kind)

    outcome = run_limited(READ, path)

    assert outcome.told == [512, 512, 3], outcome.errors
    assert outcome.megabytes < most


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_the_camera_says(tmp_path: Path, orientation: int) -> None:
    ways: dict[int, Callable[[Frame], Frame]] = {
        1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2), 6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2), 8: lambda a: np.rot90(a, 3),
    }  # fmt: skip
    stored = ways[orientation](drawn())
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "picture.png"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)

    np.testing.assert_array_equal(read_picture(path), drawn())
    # of a wide picture for an upright place, the middle third is kept
    np.testing.assert_array_equal(read_picture(path, covering=(20, 40)), drawn()[:, 20:40])


def test_grey_of_sixteen_bits_keeps_its_greys(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 65_535, 64).astype(np.uint16), (8, 1))
    cv2.imwrite(str(tmp_path / "deep.png"), ramp)

    np.testing.assert_array_equal(read_picture(tmp_path / "deep.png")[..., 0], ramp >> 8)


def test_a_cover_shows_the_middle() -> None:
    image = np.zeros((10, 300, 3), np.uint8)
    image[:, 145:155] = 255

    covered = cover(image, (50, 50))

    assert covered.shape == (50, 50, 3)
    assert covered.min() == 255
    np.testing.assert_array_equal(cover(drawn(), (60, 40)), drawn())


@pytest.mark.parametrize("size", [(20_000, 1), (1, 20_000)])
def test_thumbnails_and_portraits_of_one_line_are_small(size: tuple[int, int]) -> None:
    line = np.full((size[1], size[0], 3), 99, np.uint8)

    shown = cv2.imdecode(np.frombuffer(jpeg(line, 320), np.uint8), cv2.IMREAD_COLOR)

    assert shown is not None
    assert sorted(shown.shape[:2]) == [1, 320]
    assert fitted(line).size <= 3 * 480 * 360


def test_a_name_that_no_file_has_is_no_background() -> None:
    with pytest.raises(UnusableInput, match="is not known: say stage, studio, green"):
        parse_background("x" * 400, (64, 64))


def test_a_portrait_is_opened_by_the_same_door(tmp_path: Path) -> None:
    root = tmp_path / "performers"
    make_puppet(root, frames=6)
    path = tmp_path / "face.png"
    Image.fromarray(drawn()).save(path, "TIFF")

    with pytest.raises(UnusableInput, match=r"^face\.png cannot be read as a picture"):
        set_portrait("puppet", path, root)


def test_a_png_of_damaged_pixels_is_no_black_picture(tmp_path: Path) -> None:
    """Pillow reads them to see whether EXIF data follow; what fails there is not to be lost."""
    whole = cv2.imencode(".png", np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8))[1].tobytes()
    path = tmp_path / "wall.png"
    for content in (whole[: len(whole) // 2], whole.replace(whole[60:90], bytes(30))):
        path.write_bytes(content)
        with pytest.raises(UnusableInput, match="cannot be read"):
            read_picture(path)
