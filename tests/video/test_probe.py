"""A file is described as it will be shown, and what is no video is refused with a sentence of its own."""

from __future__ import annotations

import http.server
import struct
import threading
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from core.errors import NotAVideo, OverLimit, UnusableInput
from core.video.probe import probe
from core.video.reader import VideoReader
from tests.video.boxes import change_file, replacing
from tests.video.media import add_sound, grey, make_video, numbered, tone, write_sound


def test_a_video_is_described(tmp_path: Path) -> None:
    path = make_video(tmp_path / "film.mp4", numbered(60), rate=Fraction(30000, 1001), sound="aac", rotation=-90)

    info = probe(path)

    assert (info.width, info.height, info.rotation) == (48, 64, 90)
    assert info.rate == Fraction(30000, 1001)
    assert info.duration == pytest.approx(2.002, abs=0.001)
    assert info.frames == 60
    assert (info.codec, info.audio, info.hdr) == ("h264", "aac", False)


def test_a_silent_webm_is_described(tmp_path: Path) -> None:
    info = probe(make_video(tmp_path / "film.webm", numbered(25), rate=25, codec="libvpx-vp9"))

    assert info.codec == "vp9"
    assert info.audio is None
    assert info.rate == 25
    assert info.frames == pytest.approx(25, abs=1)


@pytest.mark.parametrize("ending", ["png", "jpg", "mp4"])
def test_a_still_picture_is_a_video_of_one_frame(tmp_path: Path, ending: str) -> None:
    picture = tmp_path / "still.png"
    av.VideoFrame.from_ndarray(grey(40, 30), "rgb24").save(picture)
    path = picture.rename(tmp_path / f"still.{ending}")

    info = probe(path)

    assert (info.width, info.height) == (40, 30)


def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    rows = zlib.compress(bytes(12_000 // 8 + 1) * 12_000)
    header = struct.pack(">IIBBBBB", 12_000, 12_000, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)

    with pytest.raises(UnusableInput, match=r"bomb\.png"):
        probe(path)


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    empty, text = tmp_path / "empty.mp4", tmp_path / "text.mp4"
    empty.touch()
    text.write_text("this is no film\n" * 500)

    for path, sentence in [
        (tmp_path / "missing.mp4", "There is no file"),
        (tmp_path, "is a folder"),
        (empty, "empty.mp4 is empty"),
        (text, "text.mp4 is not a video"),
    ]:
        with pytest.raises(NotAVideo, match=sentence):
            probe(path)


def test_sound_only_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(path, "w") as container:
        write_sound(container, add_sound(container, "aac"), tone(1.0, [0.2]))

    with pytest.raises(NotAVideo, match=r"song\.mp4 holds sound but no picture"):
        probe(path)


def test_cover_art_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    with av.open(path, "w") as container:
        sound = add_sound(container, "libmp3lame")
        cover = container.add_stream("mjpeg", rate=1, width=64, height=48)
        cover.pix_fmt = "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(grey(), "rgb24").reformat(format="yuvj420p")))
        write_sound(container, sound, tone(1.0, [0.2]))
    with av.open(path) as container:
        assert len(container.streams.video) == 1, "the test's file does hold a cover"

    with pytest.raises(NotAVideo, match="sound but no picture"):
        probe(path)


def test_an_mp4_without_its_index_is_refused(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "whole.mp4", numbered(30))
    data = whole.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: data.index(b"moov") - 4])

    with pytest.raises(NotAVideo, match="cut off before its index"):
        probe(cut)


def test_a_video_without_one_whole_picture_is_refused(tmp_path: Path) -> None:
    path = make_video(tmp_path / "film.mp4", numbered(5), container_options={"movflags": "faststart"})
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    data[start:] = np.random.default_rng(3).bytes(len(data) - start)
    path.write_bytes(data)

    with pytest.raises(NotAVideo, match=r"Not one picture of film\.mp4"):
        probe(path)


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine, and the addresses it was asked for."""
    paths: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", paths
    server.shutdown()
    server.server_close()


def test_playlists_open_nothing(tmp_path: Path, asked: tuple[str, list[str]]) -> None:
    address, paths = asked
    secret = make_video(tmp_path / "secret.ts", numbered(30), container_options={})
    hostile = {
        "remote.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\n{address}/a.ts\n#EXT-X-ENDLIST\n",
        "local.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        "concat.mp4": f"ffconcat version 1.0\nfile '{secret}'\n",
        "remote.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\n{address}/b.ts\n#EXT-X-ENDLIST\n",
    }
    for name, text in hostile.items():
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(NotAVideo, match="is a list of other files"):
            probe(path)
    assert paths == []


def test_names_are_only_names(tmp_path: Path) -> None:
    """A name that FFmpeg would take for a pattern or a protocol is a file like any other."""
    (tmp_path / "concat:a|b").mkdir()
    path = make_video(tmp_path / "film.mkv", numbered(5))
    odd = path.rename(tmp_path / "concat:a|b" / "50%03d.mp4")

    assert probe(odd).width == 64


@pytest.mark.parametrize("duration", [float("nan"), float("inf"), float("-inf"), 1e308, -1e308, 1e18, -5.0, 0.0])
def test_a_duration_that_is_no_length_of_time_counts_as_none_given(tmp_path: Path, duration: float) -> None:
    path = make_video(tmp_path / "film.mkv", numbered(30))
    data = bytearray(path.read_bytes())
    at = data.index(b"\x44\x89\x88") + 3
    data[at : at + 8] = struct.pack(">d", duration)
    path.write_bytes(data.replace(b"DURATION", b"LENGTHIS"))

    info = probe(path)

    assert info.duration is None or 0 < info.duration < 10_000_000
    assert info.rate == 30
    with VideoReader(path) as reader:
        assert len(list(reader)) == 30


@pytest.mark.parametrize(
    "words", ["nan:nan:nan........", "00:00:inf..........", "00:00:1e308........", "9e99:00:00........."]
)
def test_a_duration_in_words_that_is_none(tmp_path: Path, words: str) -> None:
    path = make_video(tmp_path / "film.mkv", numbered(30))
    data = path.read_bytes()
    at = data.index(b"DURATION")
    at = data.index(b"00:00:0", at)
    path.write_bytes(data[:at] + words.replace(".", " ")[:18].encode() + data[at + 18 :])

    info = probe(path)

    assert info.duration is not None
    assert info.duration == pytest.approx(1.0, abs=0.1)


def test_a_rate_that_nobody_films_at_is_not_believed(tmp_path: Path) -> None:
    whole = make_video(tmp_path / "whole.mp4", numbered(30), options={"bf": "0"})
    slow = change_file(
        whole, tmp_path / "slow.mp4", replacing(b"stts", lambda old: old[:12] + struct.pack(">I", 1_270_000_000))
    )

    assert probe(slow).rate >= 1


def test_an_animated_webp_is_called_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "dance.webp"
    first, *rest = [Image.fromarray(image) for image in numbered(5)]
    first.save(path, save_all=True, append_images=rest, duration=40)

    with pytest.raises(NotAVideo, match=r"^dance\.webp is an animated WebP, which cannot be read here: save it as"):
        probe(path)
    first.save(path)
    assert probe(path).width == 64


@pytest.mark.parametrize("size", [(2048, 64), (64, 2048)])
def test_pictures_of_a_lines_shape_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    path = make_video(tmp_path / "line.mp4", [grey(*size)] * 3)

    with pytest.raises(OverLimit, match="which cannot show a person"):
        probe(path)
