"""Hostile videos: damaged, lying, enormous, or naming other files and addresses."""

from __future__ import annotations

import random
import struct
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.video.frame import VideoFrame as Picture
from av.video.stream import VideoStream

from benchmarks.hostile.pictures import png
from tests.video.boxes import box, change_file, counting, replacing, table
from tests.video.media import add_sound, grey, make_video, numbered, tone, write_sound

_MANY: Final = 100_000_000
_LONGEST_NAME: Final = 255
"""Bytes of a file's name on most file systems."""
_SAMPLES: Final = 24


def flipped(data: bytes, seed: int, count: int = 40) -> bytes:
    """``data`` with so many random bits turned over."""
    rng, turned = random.Random(seed), bytearray(data)
    for _ in range(count):
        turned[rng.randrange(len(turned))] ^= 1 << rng.randrange(8)
    return bytes(turned)


def write(folder: Path, address: str) -> Iterator[tuple[Path, str]]:
    """Write every hostile video into ``folder``; (path, what is wrong with it) of each."""
    whole = {ending: _film(folder / f"whole.{ending}") for ending in ("mp4", "mkv", "avi", "ts", "webm")}
    data = {ending: path.read_bytes() for ending, path in whole.items()}
    for path in whole.values():
        path.unlink()
    plain = folder / "plain.mp4"
    plain.write_bytes(data["mp4"])
    yield from _damaged(folder, data)
    yield from _not_videos(folder, data["mp4"])
    yield from _lying(folder, plain)
    yield from _odd(folder)
    yield from _naming_others(folder, plain, address)
    yield from _named(folder, data["mp4"])
    plain.unlink()


def _film(path: Path) -> Path:
    pictures = numbered(_SAMPLES)
    codec, sound = ("libvpx", "libopus") if path.suffix == ".webm" else ("libx264", "aac")
    return make_video(path, pictures, codec=codec, sound=sound)


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _damaged(folder: Path, data: dict[str, bytes]) -> Iterator[tuple[Path, str]]:
    for tenth in range(1, 10):
        cut = data["mp4"][: len(data["mp4"]) * tenth // 10]
        yield _written(folder / f"cut-{tenth}.mp4", cut), f"cut off after {tenth} tenths"
    for ending in ("mkv", "avi", "ts", "webm"):
        yield _written(folder / f"cut-5.{ending}", data[ending][: len(data[ending]) // 2]), "cut off in the middle"
    for ending, content in data.items():
        for seed in range(3):
            yield _written(folder / f"flipped-{seed}.{ending}", flipped(content, seed)), "40 bits turned over"
    head = flipped(data["mp4"][-1200:], 9, 200)
    yield _written(folder / "index.mp4", data["mp4"][:-1200] + head), "an index full of turned bits"


def _not_videos(folder: Path, film: bytes) -> Iterator[tuple[Path, str]]:
    yield _written(folder / "empty.mp4", b""), "no byte"
    yield _written(folder / "one.mp4", b"\0"), "one byte"
    yield _written(folder / "head.mp4", film[:32]), "a head alone"
    yield _written(folder / "noise.mp4", random.Random(1).randbytes(20_000)), "noise"
    yield _written(folder / "zeros.mkv", bytes(200_000)), "zeros"
    yield _written(folder / "program.mp4", b"\x7fELF" + random.Random(2).randbytes(5000)), "a program"
    yield _written(folder / "page.mp4", b"<html><script>alert(1)</script></html>"), "a web page"
    yield _written(folder / "matroska.mp4", b"\x1a\x45\xdf\xa3" + film[4:]), "another container's first bytes"
    yield (
        _written(folder / "riff.avi", b"RIFF\xff\xff\xff\xffAVI LIST\xff\xff\xff\xffhdrl" + bytes(500)),
        "endless lists",
    )
    with zipfile.ZipFile(folder / "zip.mp4", "w") as archive:
        archive.writestr("film.mp4", film)
    yield folder / "zip.mp4", "a zip"
    with (folder / "sparse.mp4").open("wb") as file:
        file.write(film[:200])
        file.truncate(150 << 20)
    yield folder / "sparse.mp4", "150 MB of nothing"


def _lying(folder: Path, film: Path) -> Iterator[tuple[Path, str]]:
    for name in (b"stts", b"stsz", b"stco", b"ctts", b"elst"):
        path = change_file(
            film, folder / f"table-{name.decode()}.mp4", counting(name, _MANY, 8 if name == b"stsz" else 4)
        )
        yield path, f"{name.decode()} claims a hundred million entries"
    zero = change_file(film, folder / "timescale.mp4", replacing(b"mdhd", lambda old: old[:12] + bytes(4) + old[16:]))
    yield zero, "0 ticks a second"
    claims = replacing(b"stsz", lambda _: table(1, _MANY))
    yield change_file(film, folder / "samples.mp4", claims), "a hundred million samples of a byte"
    raw = film.read_bytes()
    at = raw.index(b"avc1") + 4 + 24
    yield (
        _written(folder / "size.mp4", raw[:at] + struct.pack(">HH", 65535, 65535) + raw[at + 4 :]),
        "a header of 65535×65535 pixels",
    )
    deep = b""
    for _ in range(2000):
        deep = box(b"moov", deep)
    yield _written(folder / "deep.mp4", box(b"ftyp", b"isom\0\0\2\0isom") + deep), "two thousand boxes in each other"


def _odd(folder: Path) -> Iterator[tuple[Path, str]]:
    yield make_video(folder / "tiny.gif", [grey(1, 1)] * 3, codec="gif", pixel_format="rgb8", rate=10), "1×1 pixels"
    yield make_video(folder / "line.mp4", [grey(2, 2000)] * 3), "2×2000 pixels"
    yield make_video(folder / "fast.mp4", numbered(40), rate=1000), "1000 pictures a second"
    yield _written(folder / "wide.png", png(16384, 16384)), "one picture of 16384×16384"
    yield _with_times(folder / "negative.mkv", range(-5000, -5000 + _SAMPLES * 40, 40)), "times before 0"
    yield _with_times(folder / "huge.mkv", (n * 10**9 for n in range(_SAMPLES))), "a picture every eleven days"
    yield _with_times(folder / "still.mkv", (n // 12 for n in range(_SAMPLES))), "all pictures at one time"
    yield _film_with(folder / "tracks.mkv", tracks=10), "ten tracks of sound"
    yield _sound_only(folder / "sound.mp4"), "sound alone"
    yield _growing(folder / "growing.ts"), "from 64×48 to 2000×2000 on the way"
    yield _film_with(folder / "attached.mkv", attached=b"#!/bin/sh\ntouch evil\n"), "a program attached"
    title = "<script>alert(1)</script>\x1b[2J[red]" + "a" * 1_000_000
    yield _film_with(folder / "title.mkv", title=title), "a title of a million letters, markup and escapes"


def _with_times(path: Path, times: range | Iterator[int]) -> Path:
    """A film whose packets have these times, in milliseconds."""
    with av.open(path, "w", options={"avoid_negative_ts": "disabled"}) as container:
        stream = container.add_stream("mjpeg", rate=25, options={"strict": "-2"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, (image, time) in enumerate(zip(numbered(_SAMPLES), times, strict=False)):
            picture = Picture.from_ndarray(image, "rgb24").reformat(format="yuvj420p")
            picture.time_base, picture.pts = Fraction(1, 1000), number
            for packet in stream.encode(picture):
                packet.time_base = Fraction(1, 1000)
                packet.pts = packet.dts = time
                container.mux(packet)
    return path


def _film_with(path: Path, tracks: int = 0, title: str = "", attached: bytes = b"") -> Path:
    """A film with so many tracks of sound, that title, and a program attached."""
    with av.open(path, "w") as container:
        container.metadata["title"] = title
        stream = container.add_stream("libx264", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if attached:
            container.add_attachment("../../evil.sh", "application/x-sh", attached)
        sounds = [add_sound(container, "aac") for _ in range(tracks)]
        for image in numbered(_SAMPLES):
            container.mux(stream.encode(Picture.from_ndarray(image, "rgb24")))
        container.mux(stream.encode(None))
        for sound in sounds:
            write_sound(container, sound, tone(1.0), Fraction(0))
    return path


def _sound_only(path: Path) -> Path:
    with av.open(path, "w") as container:
        write_sound(container, add_sound(container, "aac"), tone(1.0), Fraction(0))
    return path


def _growing(path: Path) -> Path:
    """Two streams of different sizes, one after the other under one number."""
    parts = [make_video(path.with_suffix(f".{side}.ts"), [grey(side, side)] * 6) for side in (64, 2000)]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    for part in parts:
        part.unlink()
    return path


def _naming_others(folder: Path, film: Path, address: str) -> Iterator[tuple[Path, str]]:
    local = film.absolute().as_uri()
    lists = {
        "list.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}/a.ts\n#EXTINF:1,\n{local}\n#EXT-X-ENDLIST\n",
        "list.mp4": f"#EXTM3U\n#EXTINF:1,\n{address}/b.ts\n",
        "concat.mp4": f"ffconcat version 1.0\nfile '{address}/c.mp4'\nfile '{film.absolute()}'\n",
        "dash.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
        f'<Representation id="1"><BaseURL>{address}/d.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>',
        "session.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n",
        "player.asx": f'<asx version="3.0"><entry><ref href="{address}/e.wmv"/></entry></asx>',
        "subtitles.mp4": f"1\n00:00:00,000 --> 00:00:01,000\n<img src={address}/f.png>\n",
    }
    for name, text in lists.items():
        yield _written(folder / name, text.encode()), "a list that names an address and a file"
    yield _written(folder / "a%03d.png", png(64, 48)), "a name that is a pattern of names"
    link = replacing(b"dref", lambda _: table(1) + box(b"url ", bytes(4) + f"{address}/g.mov\0".encode()))
    yield change_file(film, folder / "reference.mov", link), "samples that lie at an address"


def _named(folder: Path, film: bytes) -> Iterator[tuple[Path, str]]:
    long = "ä" * ((_LONGEST_NAME - 4) // 2) + ".mp4"
    names = {
        "<img src=x onerror=alert(1)>.mp4": "markup in its name",
        "**bold** [link](javascript:alert(1)).mp4": "Markdown in its name",
        "[red]\x1b[2J\x1b]0;title\x07.mp4": "a terminal's escapes in its name",
        "two\nlines.mp4": "a name of two lines",
        "💃🕺🏽👩‍👩‍👧.mp4": "emoji in its name",
        "\u202e4pm.exe\u202c.mp4": "a name that turns text round",
        long: "a name as long as can be",
        "-rf --output.mp4": "a name that looks like an option",
        "$(touch evil)`touch evil`.mp4": "a shell's commands in its name",
        "http:evil%2f..%2f.mp4": "a name that looks like an address",
    }
    # nobody is in it: what is said of that names the file
    for name, attack in names.items():
        yield _written(folder / name, film), attack
