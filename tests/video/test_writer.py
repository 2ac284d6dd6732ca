"""What is written plays everywhere, in sync, whole or not at all."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.reports.files import Undecodable, copied, make_trimmed, make_two_tracks
from core.errors import Cancelled, OutputFailed
from core.types import Frame
from core.video.audio import AudioTrack
from core.video.probe import probe
from core.video.reader import VideoReader
from core.video.writer import VideoWriter
from tests.video.media import (
    add_sound,
    beep_times,
    flash_times,
    flashing,
    grey,
    make_video,
    numbered,
    sound_seconds,
    tone,
    write_sound,
)

SYNC = 0.025
"""Seconds; a coder smears a beep by as much."""
EXACT = 0.001
RATE = Fraction(30)


def write(path: Path, pictures: list[Frame], *, rate: Fraction = RATE, audio: AudioTrack | None = None) -> VideoWriter:
    height, width = pictures[0].shape[:2]
    with VideoWriter(path, size=(width, height), rate=rate, audio=audio) as writer:
        for number, image in enumerate(pictures):
            writer.write(image, number / rate)
    return writer


def shown_times(path: Path) -> list[Fraction]:
    with av.open(path) as container:
        return [(frame.pts or 0) * (frame.time_base or Fraction(1)) for frame in container.decode(video=0)]


def test_it_is_what_browsers_play(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    write(path, numbered(60))

    with av.open(path) as container:
        stream = container.streams.video[0]
        coder = stream.codec_context
        assert (coder.name, coder.profile, coder.pix_fmt) == ("h264", "High", "yuv420p")
        assert (coder.colorspace, coder.color_primaries, coder.color_trc, coder.color_range) == (1, 1, 1, 1)
        assert stream.average_rate == 30
        assert stream.frames == 60
        assert float((stream.duration or 0) * (stream.time_base or 0)) == pytest.approx(2.0, abs=1e-6)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "plays before it is loaded"
    assert b"colrnclx" in data
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize(
    "rate", [Fraction(30000, 1001), Fraction(24000, 1001), Fraction(25), Fraction(901000000, 30063367)]
)
def test_a_steady_rate_stays_steady(tmp_path: Path, rate: Fraction) -> None:
    write(tmp_path / "out.mp4", numbered(50), rate=rate)

    times = shown_times(tmp_path / "out.mp4")

    assert len(times) == 50
    np.testing.assert_allclose(np.array(times, float), np.arange(50) / float(rate), atol=1e-5)
    assert float(probe(tmp_path / "out.mp4").rate) == pytest.approx(float(rate), rel=1e-4)


def test_variable_times_are_kept(tmp_path: Path) -> None:
    times = [Fraction(ms, 1000) for ms in (0, 33, 50, 200, 207, 900, 1000)]
    with VideoWriter(tmp_path / "out.mp4", size=(64, 48), rate=Fraction(7)) as writer:
        for image, time in zip(numbered(7), times, strict=True):
            writer.write(image, time)

    np.testing.assert_allclose(np.array(shown_times(tmp_path / "out.mp4"), float), np.array(times, float), atol=1e-4)


def test_times_that_stand_still_lose_no_frame(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", size=(64, 48), rate=RATE) as writer:
        for image in numbered(5):
            writer.write(image, Fraction(0))

    times = shown_times(tmp_path / "out.mp4")
    assert len(times) == 5
    assert all(before < after for before, after in itertools.pairwise(times))


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    write(tmp_path / "out.mp4", [grey()])

    info = probe(tmp_path / "out.mp4")
    assert info.frames == 1
    assert info.duration == pytest.approx(1 / 30, abs=1e-3)


def test_colours_survive_the_round_trip(tmp_path: Path) -> None:
    colours = np.array([[200, 30, 40], [30, 180, 60], [40, 60, 200], [255, 255, 255], [0, 0, 0], [190, 150, 120]])
    image = np.repeat(np.repeat(colours[None].astype(np.uint8), 48, axis=0), 16, axis=1)
    write(tmp_path / "out.mp4", [image] * 3)

    with VideoReader(tmp_path / "out.mp4") as reader:
        shown = next(iter(reader)).image

    np.testing.assert_allclose(shown[24, 8::16].astype(int), colours, atol=5)


def test_odd_sizes_get_their_edge_twice(tmp_path: Path) -> None:
    image = grey(63, 47, 30)
    image[-1], image[:, -1] = 220, 220
    write(tmp_path / "out.mp4", [image] * 3)

    with VideoReader(tmp_path / "out.mp4") as reader:
        shown = next(iter(reader)).image

    assert shown.shape == (48, 64, 3)
    assert shown[-2:, 10:50].min() > 180
    assert shown[10:40, -2:].min() > 180
    assert shown[10:40, 10:50].max() < 60


def test_a_picture_of_another_size_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="takes pictures of shape"),
        VideoWriter(tmp_path / "out.mp4", size=(64, 48), rate=RATE) as writer,
    ):
        writer.write(grey(32, 32), Fraction(0))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("ending", "codec", "sound", "result"),
    [
        ("mp4", "libx264", "aac", "aac"),
        ("ts", "libx264", "aac", "aac"),
        ("mkv", "libx264", "aac", "aac"),
        ("mp4", "libx264", "libmp3lame", "aac"),
        ("webm", "libvpx", "libopus", "aac"),
        ("mkv", "libx264", "pcm_s16le", "aac"),
        ("avi", "mpeg4", "ac3", "aac"),
        ("mkv", "libx264", "flac", "aac"),
        ("mov", "libx264", "alac", "aac"),
        ("mpg", "mpeg2video", "mp2", "aac"),
    ],
)
@pytest.mark.parametrize(("start", "end"), [(0.0, None), (0.777, 2.5)])
def test_sound_stays_in_sync(
    tmp_path: Path, ending: str, codec: str, sound: str, result: str, start: float, end: float | None
) -> None:
    moments = [1.0, 2.2]
    source = make_video(
        tmp_path / f"source.{ending}", flashing(3.0, moments), codec=codec, sound=sound, samples=tone(3.0, moments)
    )

    writer = copied(source, tmp_path / "out.mp4", start=start, end=end)

    assert writer.warnings == []
    with av.open(tmp_path / "out.mp4") as container:
        assert container.streams.audio[0].codec_context.name == result
    flashes, beeps = flash_times(tmp_path / "out.mp4"), beep_times(tmp_path / "out.mp4")
    first = 0.0 if start == 0 else 0.8  # the first frame at or after 0.777 s
    np.testing.assert_allclose(flashes, np.array(moments) - first, atol=0.002)
    # an AVI does not say how late a coder is: what it plays late stays late
    late = np.subtract(beep_times(source), flash_times(source))
    np.testing.assert_allclose(np.subtract(beeps, flashes), late, atol=EXACT)
    assert abs(late).max() < (0.006 if sound == "ac3" else EXACT)


def test_an_edit_list_keeps_what_was_cut_off_in_front_silent_and_in_sync(tmp_path: Path) -> None:
    make_trimmed(tmp_path / "source.mp4")

    copied(tmp_path / "source.mp4", tmp_path / "out.mp4")

    flashes, beeps = flash_times(tmp_path / "out.mp4"), beep_times(tmp_path / "out.mp4")
    np.testing.assert_allclose(flashes, np.arange(3) + 2 + 1 / 3 - 1.5, atol=0.002)
    np.testing.assert_allclose(beeps, flashes, atol=EXACT)


@pytest.mark.parametrize("undecodable", ["first", "second", "both"])
def test_the_first_track_that_can_be_decoded_is_heard(tmp_path: Path, undecodable: Undecodable) -> None:
    """An iPhone writes two: AAC, and one that hardly anybody decodes."""
    source, out = tmp_path / "phone.mp4", tmp_path / "out.mp4"
    make_two_tracks(source, undecodable)

    writer = copied(source, out)

    if undecodable == "both":
        assert writer.warnings == ["The result is without sound: that of phone.mp4 cannot be read."]
        assert probe(source).audio is None
        assert probe(out).audio is None
        return
    assert writer.warnings == []
    assert probe(source).audio == probe(out).audio == "aac"
    assert beep_times(out) == pytest.approx([2.0 if undecodable == "first" else 1.0], abs=EXACT)


@pytest.mark.parametrize("default", [0, 1])
def test_of_two_tracks_the_default_one_is_heard(tmp_path: Path, default: int) -> None:
    source = tmp_path / "film.mkv"
    with av.open(source, "w") as container:
        stream = container.add_stream("libx264", rate=30, width=64, height=48)
        stream.pix_fmt = "yuv420p"
        tracks = [add_sound(container, codec) for codec in ("flac", "aac")]
        tracks[default].disposition = av.stream.Disposition.default
        tracks[1 - default].disposition = av.stream.Disposition.comment
        for image in numbered(90):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode(None))
        for track, beep in zip(tracks, (1.0, 2.0), strict=True):
            write_sound(container, track, tone(3.0, [beep]))

    copied(source, tmp_path / "out.mp4")

    assert probe(source).audio == ("flac", "aac")[default]
    assert beep_times(tmp_path / "out.mp4") == pytest.approx([1.0 + default], abs=SYNC)


def test_a_track_of_a_known_kind_that_holds_nonsense_is_passed_over(tmp_path: Path) -> None:
    source = tmp_path / "broken.mp4"
    make_two_tracks(source, "second")
    rng = np.random.default_rng(6)
    data = bytearray(source.read_bytes().replace(b"apac", b"mp4a").replace(b"dapa", b"esds"))
    with av.open(source) as container:
        packets = [(packet.pos or 0, packet.size) for packet in container.demux(audio=0) if packet.size]
    for at, size in packets:
        data[at : at + size] = b"\xff" * 3 + rng.bytes(size - 3)
    source.write_bytes(data)

    writer = copied(source, tmp_path / "out.mp4")

    assert writer.warnings == []
    assert beep_times(tmp_path / "out.mp4") == pytest.approx([2.0], abs=EXACT)


def test_what_a_seek_cuts_in_half_is_no_damage(tmp_path: Path) -> None:
    source = make_video(
        tmp_path / "old.mpg", numbered(120), codec="mpeg2video", sound="mp2", samples=tone(4.0, [1.0, 3.0])
    )
    for start in (1.5, 1.7, 2.0, 2.3):
        assert copied(source, tmp_path / "out.mp4", start=start).warnings == []
        assert beep_times(tmp_path / "out.mp4") == pytest.approx([3.0 - start], abs=1 / 30), start


def test_sound_longer_than_the_video_is_cut_there(tmp_path: Path) -> None:
    source = make_video(tmp_path / "source.mp4", numbered(30), sound="aac", samples=tone(5.0, [0.5]))
    copied(source, tmp_path / "copied.mp4")
    other = make_video(tmp_path / "source.mkv", numbered(30), sound="flac", samples=tone(5.0, [0.5]))
    copied(other, tmp_path / "made.mp4")

    for name in ("copied.mp4", "made.mp4"):
        assert sound_seconds(tmp_path / name)[1] == pytest.approx(1.0, abs=0.025), name


def test_sound_that_starts_late_starts_late(tmp_path: Path) -> None:
    for ending, sound in (("mkv", "flac"), ("mp4", "aac")):
        source = make_video(
            tmp_path / f"source.{ending}",
            flashing(2.0, [1.0]),
            sound=sound,
            samples=tone(1.2, [0.2]),
            sound_from=Fraction(4, 5),
        )
        copied(source, tmp_path / "out.mp4")
        assert beep_times(tmp_path / "out.mp4") == pytest.approx([1.0], abs=SYNC), sound


def test_sound_of_a_sound_file(tmp_path: Path) -> None:
    song = make_video(tmp_path / "song.mkv", flashing(2.0, [1.0]), sound="libopus", samples=tone(2.0, [1.0]))
    write(tmp_path / "out.mp4", flashing(1.5, [0.5]), audio=AudioTrack(song, 0.5))

    assert beep_times(tmp_path / "out.mp4") == pytest.approx([0.5], abs=SYNC)


def test_a_file_without_usable_sound_costs_only_the_sound(tmp_path: Path) -> None:
    silent = make_video(tmp_path / "silent.mp4", numbered(5))
    text = tmp_path / "text.mp3"
    text.write_text("no sound")

    for path in (silent, text, tmp_path / "missing.wav"):
        writer = write(tmp_path / "out.mp4", numbered(10), audio=AudioTrack(path))
        assert len(writer.warnings) == 1
        assert path.name in writer.warnings[0]
        assert probe(tmp_path / "out.mp4").audio is None
        assert probe(tmp_path / "out.mp4").frames == 10


def test_a_stretch_after_the_sound_has_no_sound(tmp_path: Path) -> None:
    for ending, sound in (("mkv", "flac"), ("mp4", "aac")):
        source = make_video(tmp_path / f"source.{ending}", numbered(90), sound=sound, samples=tone(0.5, [0.2]))
        writer = copied(source, tmp_path / "out.mp4", start=2.0)
        assert writer.warnings == [f"The result is without sound: {source.name} has none in this stretch."]
        assert probe(tmp_path / "out.mp4").audio is None


def test_damaged_sound_costs_only_the_sound(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    source = make_video(tmp_path / "source.mkv", numbered(90), sound="flac", samples=tone(3.0, [0.5, 2.5]))
    with av.open(source) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
    data = bytearray(source.read_bytes())
    for packet in packets[10:20]:
        at = data.index(bytes(packet))
        data[at : at + packet.size] = rng.bytes(packet.size)
    source.write_bytes(data)

    writer = write(tmp_path / "out.mp4", numbered(90), audio=AudioTrack(source))

    assert writer.warnings == ["Some of the sound is damaged and was left out."]
    assert probe(tmp_path / "out.mp4").frames == 90
    assert beep_times(tmp_path / "out.mp4")[-1] == pytest.approx(2.5, abs=SYNC)


@pytest.mark.parametrize("error", [Cancelled("stopped"), KeyboardInterrupt(), ZeroDivisionError()])
def test_an_exception_leaves_nothing_and_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"what was there before")

    def interrupted() -> None:
        with VideoWriter(path, size=(64, 48), rate=RATE) as writer:
            for number, image in enumerate(numbered(80)):
                writer.write(image, number / RATE)
            assert any(entry.name.endswith(".part") and entry.name.startswith(".") for entry in tmp_path.iterdir())
            raise error

    with pytest.raises(type(error)):
        interrupted()

    assert path.read_bytes() == b"what was there before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_as_long_as_the_system_takes(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 125 + ".mp4")
    write(path, numbered(3))

    assert probe(path).frames == 3


def test_no_picture_is_no_video(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputFailed, match="no picture"),
        VideoWriter(tmp_path / "out.mp4", size=(64, 48), rate=RATE),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_and_a_folder_as_name(tmp_path: Path) -> None:
    for path, sentence in (
        (tmp_path / "missing" / "out.mp4", r"There is no folder .*missing"),
        (tmp_path, "is a folder"),
    ):
        with pytest.raises(OutputFailed, match=sentence):
            write(path, numbered(3))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that even root may not write to, where the machine lets us make one."""
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        with mounted(folder, "ro"):
            yield folder
    else:
        yield folder
    folder.chmod(0o700)


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A tmpfs of its own at ``folder``; skips where it may not be mounted."""
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no tmpfs can be mounted here: {error}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True, capture_output=True)


def test_a_folder_that_may_not_be_written_to(read_only: Path) -> None:
    with pytest.raises(OutputFailed, match=r"out\.mp4 may not be written in .*locked"):
        write(read_only / "out.mp4", numbered(3))


@pytest.mark.parametrize("kilobytes", [8, 64, 256])
def test_a_full_disk_leaves_nothing(tmp_path: Path, kilobytes: int) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    rng = np.random.default_rng(4)
    noise = [rng.integers(0, 255, (96, 128, 3), dtype=np.uint8) for _ in range(60)]
    with mounted(folder, f"size={kilobytes}k"):
        with pytest.raises(OutputFailed, match=r"There is no room left in .*full for out\.mp4"):
            write(folder / "out.mp4", noise)
        assert list(folder.iterdir()) == []


def test_room_that_ends_with_the_last_bytes_is_noticed(tmp_path: Path) -> None:
    """The index is written last, at the front: the disk may fill only then."""
    folder = tmp_path / "full"
    folder.mkdir()
    rng = np.random.default_rng(4)
    noise = [rng.integers(0, 255, (96, 128, 3), dtype=np.uint8) for _ in range(60)]
    write(tmp_path / "out.mp4", noise)
    size = (tmp_path / "out.mp4").stat().st_size
    whole = 0
    for room in range(size - 12288, size + 16384, 4096):
        with mounted(folder, f"size={room // 4096 * 4}k"):
            try:
                write(folder / "out.mp4", noise)
            except OutputFailed:
                assert list(folder.iterdir()) == []
            else:
                whole += 1
                assert (folder / "out.mp4").read_bytes() == (tmp_path / "out.mp4").read_bytes()
    assert 1 <= whole <= 6
