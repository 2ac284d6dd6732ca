"""What comes out of a file is what a good player would show, and damage is told in a sentence."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
from av.video.frame import VideoFrame as Picture

from core.errors import UnusableInput
from core.types import Frame
from core.video.probe import probe
from core.video.reader import Budget, VideoReader
from tests.video.boxes import lying_about_its_length
from tests.video.media import flashing, grey, make_video, number_of, numbered


def read(path: Path, **options: float | int | None) -> list[tuple[Fraction, Frame]]:
    with VideoReader(path, **options) as reader:  # type: ignore[arg-type]
        return [(frame.time, frame.image) for frame in reader]


def halves(left: tuple[int, int, int], right: tuple[int, int, int], width: int = 64, height: int = 48) -> Frame:
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2], image[:, width // 2 :] = left, right
    return image


@pytest.mark.parametrize(
    ("ending", "codec", "pixel_format"),
    [
        ("mp4", "libx264", "yuv420p"),
        ("mov", "libx264", "yuv422p"),
        ("mkv", "libx264", "yuv444p"),
        ("webm", "libvpx-vp9", "yuv420p"),
        ("avi", "mpeg4", "yuv420p"),
        ("avi", "mjpeg", "yuvj420p"),
        ("gif", "gif", "rgb8"),
        ("ts", "libx264", "yuv420p"),
        ("flv", "libx264", "yuv420p"),
    ],
)
def test_every_container_gives_every_picture_in_order(
    tmp_path: Path, ending: str, codec: str, pixel_format: str
) -> None:
    rate = 25 if ending != "gif" else 10
    pictures = [grey(level=level) for level in (0, 85, 170, 255) * 5]
    path = make_video(tmp_path / f"film.{ending}", pictures, rate=rate, codec=codec, pixel_format=pixel_format)

    with VideoReader(path) as reader:
        frames = list(reader)

    assert [frame.index for frame in frames] == list(range(20))
    assert reader.warnings == []
    assert frames[0].time == 0
    np.testing.assert_allclose([float(frame.time) for frame in frames], np.arange(20) / rate, atol=0.001)
    for frame, picture in zip(frames, pictures, strict=True):
        assert frame.image.shape == (48, 64, 3)
        assert frame.image.dtype == np.uint8
        assert frame.image.flags.c_contiguous
        assert abs(float(frame.image.mean()) - float(picture.mean())) < 6


def test_variable_frame_rate_is_kept_to_the_millisecond(tmp_path: Path) -> None:
    times = [Fraction(ms, 1000) for ms in (0, 33, 50, 200, 207, 900, 1000)]
    path = make_video(tmp_path / "vfr.mkv", numbered(7), times=times)

    assert [at for at, _ in read(path)] == times


def test_times_start_at_zero_and_always_grow(tmp_path: Path) -> None:
    times = [Fraction(5) + Fraction(number, 25) for number in range(10)]
    path = make_video(tmp_path / "late.mkv", numbered(10), times=times)

    delivered = [at for at, _ in read(path)]

    assert delivered[0] == 0
    assert all(before < after for before, after in itertools.pairwise(delivered))


def test_pictures_without_times_follow_the_rate(tmp_path: Path) -> None:
    path = make_video(tmp_path / "raw.h264", numbered(10), rate=25)

    delivered = [at for at, _ in read(path)]

    assert len(delivered) == 10
    assert all(before < after for before, after in itertools.pairwise(delivered))
    assert float(delivered[-1]) == pytest.approx(9 / 25, abs=0.05)


@pytest.mark.parametrize(
    ("rotation", "mirrored", "red_is"),
    [(0, False, "left"), (90, False, "bottom"), (180, False, "right"), (-90, False, "top"), (0, True, "right")],
)
def test_phone_rotation_is_honoured(tmp_path: Path, rotation: int, mirrored: bool, red_is: str) -> None:
    image = halves((255, 0, 0), (0, 0, 255))
    path = make_video(tmp_path / "phone.mp4", [image] * 3, rotation=rotation, mirrored=mirrored)

    with VideoReader(path) as reader:
        shown = next(iter(reader)).image

    upright = rotation in (0, 180)
    assert shown.shape == ((48, 64, 3) if upright else (64, 48, 3))
    assert reader.size == (shown.shape[1], shown.shape[0]) == (reader.info.width, reader.info.height)
    spot = {"left": (24, 5), "right": (24, -5), "top": (5, 24), "bottom": (-5, 24)}[red_is]
    assert shown[spot][0] > 200
    assert shown[spot][2] < 60


def test_squeezed_pixels_become_square(tmp_path: Path) -> None:
    path = make_video(tmp_path / "dv.mp4", [grey(64, 48)] * 2, aspect=Fraction(3, 2))

    with VideoReader(path) as reader:
        assert reader.size == (96, 48)
        assert next(iter(reader)).image.shape == (48, 96, 3)


@pytest.mark.parametrize(("width", "height"), [(63, 47), (1, 1), (33, 64)])
def test_odd_sizes(tmp_path: Path, width: int, height: int) -> None:
    path = make_video(tmp_path / "odd.mkv", [grey(width, height)] * 2, codec="ffv1", pixel_format="bgr0")

    assert read(path)[0][1].shape == (height, width, 3)


def test_max_side_shrinks_and_never_enlarges(tmp_path: Path) -> None:
    path = make_video(tmp_path / "large.mp4", [halves((255, 0, 0), (0, 0, 255), 320, 180)] * 2, rotation=90)

    assert read(path, max_side=160)[0][1].shape == (160, 90, 3)
    assert read(path, max_side=4000)[0][1].shape == (320, 180, 3)


@pytest.mark.parametrize(
    ("every", "times"),
    [(0.0, [0.0, 0.1, 0.2, 0.3, 1.2, 1.3, 1.4]), (0.1, [0.0, 0.1, 0.2, 0.3, 1.2, 1.3, 1.4]), (0.25, [0.0, 0.3, 1.2]),
     (9.0, [0.0])],
)  # fmt: skip
def test_one_picture_in_so_many_seconds(tmp_path: Path, every: float, times: list[float]) -> None:
    shown = [Fraction(time) for time in ("0", "0.1", "0.2", "0.3", "1.2", "1.3", "1.4")]
    path = make_video(tmp_path / "film.mp4", numbered(7), rate=10, times=shown)
    with VideoReader(path, every=every) as reader:
        frames = list(reader)
    assert [round(float(frame.time), 3) for frame in frames] == times
    assert [frame.index for frame in frames] == list(range(len(times)))
    assert [shown[number_of(frame.image)] for frame in frames] == [Fraction(str(time)) for time in times]


def test_one_picture_in_so_many_seconds_keeps_its_pace(tmp_path: Path) -> None:
    path = make_video(tmp_path / "film.mp4", numbered(50), rate=10)
    with VideoReader(path, every=0.25) as reader:
        assert len(list(reader)) == 20


def test_start_and_end_keep_exactly_the_frames_between(tmp_path: Path) -> None:
    path = make_video(tmp_path / "film.mp4", numbered(50), rate=25, options={"g": "10", "bf": "2"})

    with VideoReader(path, start=1.0, end=1.4) as reader:
        frames = list(reader)

    assert [number_of(frame.image) for frame in frames] == list(range(25, 35))
    assert [frame.index for frame in frames] == list(range(10))
    assert [frame.time for frame in frames] == [Fraction(number, 25) for number in range(10)]
    assert reader.first == 1


@pytest.mark.parametrize(("ending", "codec"), [("mkv", "libx264"), ("ts", "libx264"), ("avi", "mpeg4"), ("gif", "gif")])
def test_start_is_exact_in_containers_that_seek_badly(tmp_path: Path, ending: str, codec: str) -> None:
    pixel_format = "rgb8" if codec == "gif" else "yuv420p"
    pictures = [grey(level=0 if number < 30 else 255) for number in range(50)]
    path = make_video(tmp_path / f"film.{ending}", pictures, rate=20, codec=codec, pixel_format=pixel_format)

    frames = read(path, start=1.5)

    assert len(frames) == 20
    assert frames[0][1].mean() > 240
    assert read(path, start=1.45)[0][1].mean() < 20


def test_a_stretch_that_holds_nothing_is_refused(tmp_path: Path) -> None:
    path = make_video(tmp_path / "film.mp4", numbered(10))

    for start, end in [(2, 1), (1, 1), (-1, 3), (float("nan"), 1), (0, float("nan"))]:
        with pytest.raises(UnusableInput, match="end must come after the start"):
            VideoReader(path, start=start, end=end)
    with pytest.raises(UnusableInput, match="ends before 9 s"):
        read(path, start=9)


def test_two_passes_give_the_same_frames(shared_data: Path) -> None:
    with VideoReader(shared_data / "videos" / "taichi2.mp4", start=2.0, end=3.0, max_side=320) as reader:
        first = [(frame.index, frame.time, frame.image.tobytes()) for frame in reader]
        second = [(frame.index, frame.time, frame.image.tobytes()) for frame in reader]

    assert len(first) == 30
    assert first == second


@pytest.mark.parametrize("tagged", ["bt709", "smpte170m"])
@pytest.mark.parametrize("full", [False, True])
def test_colours_come_back_by_the_matrix_and_range_of_the_file(tmp_path: Path, tagged: str, full: bool) -> None:
    colours = np.array([[200, 30, 40], [30, 180, 60], [40, 60, 200], [255, 255, 255], [0, 0, 0], [190, 150, 120]])
    image = np.repeat(np.repeat(colours[None].astype(np.uint8), 48, axis=0), 16, axis=1)
    path = tmp_path / "tagged.mp4"
    matrix, span = {"bt709": 1, "smpte170m": 6}[tagged], 2 if full else 1
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "4"}, width=96, height=48)
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, span
        picture = Picture.from_ndarray(image, "rgb24").reformat(
            format="yuv420p", dst_colorspace={1: 1, 6: 5}[matrix], dst_color_range=span
        )
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))

    shown = read(path)[0][1]

    np.testing.assert_allclose(shown[24, 8::16].astype(int), colours, atol=5)


@pytest.mark.parametrize(("width", "height", "matrix"), [(1280, 720, 1), (640, 480, 5)])
def test_without_a_tag_the_matrix_is_that_of_the_size(tmp_path: Path, width: int, height: int, matrix: int) -> None:
    image = np.full((height, width, 3), (200, 60, 40), np.uint8)
    path = tmp_path / "untagged.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=25, width=width, height=height)
        picture = Picture.from_ndarray(image, "rgb24").reformat(
            format="yuv420p", dst_colorspace=matrix, dst_color_range=1
        )
        picture.colorspace, picture.color_range = 2, 0
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    with av.open(path) as container:
        assert next(container.decode(video=0)).colorspace == 2, "the test's file has no tag"

    np.testing.assert_allclose(read(path)[0][1].mean(axis=(0, 1)), (200, 60, 40), atol=4)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_brought_to_a_good_picture(tmp_path: Path, transfer: str) -> None:
    path = hdr_video(tmp_path / "hdr.mp4", transfer)

    with VideoReader(path, max_side=128) as reader:
        shown = next(iter(reader)).image

    assert reader.info.hdr
    ramp = shown[24, :, 1].astype(int)
    assert ramp[0] <= 2
    assert ramp[-1] >= 250
    assert (np.diff(ramp) >= 0).all()
    assert np.ptp(shown[24].astype(int), axis=1).max() <= 3, "grey stays grey"
    white = {"smpte2084": 0.58, "arib-std-b67": 0.75}[transfer]  # BT.2408: diffuse white
    assert 205 <= ramp[round(white * 127)] <= 245


def hdr_video(path: Path, transfer: str) -> Path:
    """A ramp from black to the brightest signal, 10 bits, BT.2020."""
    luma = np.tile(np.linspace(64, 940, 128).astype(np.uint16), (48, 1))
    planes = np.concatenate([luma, np.full((24, 128), 512, np.uint16)])
    with av.open(path, "w") as container:
        stream = container.add_stream(
            "libx265", rate=25, options={"x265-params": "log-level=none:pools=1"}, width=128, height=48
        )
        stream.pix_fmt = "yuv420p10le"
        coder = stream.codec_context
        coder.color_primaries, coder.colorspace, coder.color_range = 9, 9, 1
        coder.color_trc = {"smpte2084": 16, "arib-std-b67": 18}[transfer]
        for number in range(3):
            picture = Picture.from_ndarray(planes, "yuv420p10le")
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def test_ten_bits_without_hdr_stay_as_they_are(tmp_path: Path) -> None:
    path = make_video(
        tmp_path / "ten.mkv",
        numbered(5),
        pixel_format="yuv420p10le",
        codec="libx265",
        options={"x265-params": "log-level=none:pools=1:lossless=1"},
    )

    assert [number_of(image) for _, image in read(path)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "ts"])
def test_of_a_truncated_video_what_is_whole_is_used(tmp_path: Path, ending: str) -> None:
    rng = np.random.default_rng(1)
    pictures = [rng.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(60)]
    whole = make_video(
        tmp_path / f"whole.{ending}",
        pictures,
        codec="mpeg4" if ending == "avi" else "libx264",
        container_options={"movflags": "faststart"} if ending == "mp4" else {},
    )
    cut = tmp_path / f"cut.{ending}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])

    with VideoReader(cut) as reader:
        frames = list(reader)

    assert 20 <= len(frames) < 60
    reference = read(whole)
    for frame in frames[:-3]:
        np.testing.assert_array_equal(frame.image, reference[frame.index][1])
    if ending != "ts":  # a transport stream has no length to miss
        assert len(reader.warnings) == 1
        assert "cut.mp4 is cut off: of the 2.0 s" in reader.warnings[0] or ending != "mp4"


def test_a_last_picture_that_stays_long_is_no_missing_end(tmp_path: Path) -> None:
    path = tmp_path / "slides.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("mjpeg", rate=30, width=64, height=48)
        stream.pix_fmt = "yuvj420p"
        pictures = [Picture.from_ndarray(image, "rgb24").reformat(format="yuvj420p") for image in numbered(30)]
        packets = [packet for picture in (*pictures, None) for packet in stream.encode(picture)]
        packets[-1].duration = round(4 / packets[-1].time_base)
        container.mux(packets)

    with VideoReader(path) as reader:
        assert len(list(reader)) == 30
    assert reader.info.duration == pytest.approx(5, abs=0.1)
    assert reader.warnings == []


def test_pictures_of_the_same_time_follow_each_other(tmp_path: Path) -> None:
    path = tmp_path / "same.mkv"
    with av.open(path, "w") as container:
        stream = container.add_stream("mjpeg", rate=25, width=64, height=48)
        stream.pix_fmt = "yuvj420p"
        pictures = [Picture.from_ndarray(image, "rgb24").reformat(format="yuvj420p") for image in numbered(10)]
        for number, packet in enumerate(packet for picture in (*pictures, None) for packet in stream.encode(picture)):
            packet.pts = packet.dts = number // 2
            container.mux(packet)

    times = [at for at, _ in read(path)]

    assert len(times) == 10
    assert all(before < after for before, after in itertools.pairwise(times))
    np.testing.assert_allclose(np.array(times[::2], float), np.arange(5) / 25, atol=1e-3)


def test_joined_recordings_go_on_from_one_to_the_next(tmp_path: Path) -> None:
    one = make_video(tmp_path / "one.ts", numbered(50), rate=25).read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(one + one)

    times = np.array([at for at, _ in read(path)], float)

    assert len(times) >= 96
    assert times[-1] == pytest.approx(len(times) / 25, abs=0.2)
    assert np.diff(times).max() < 0.1


@pytest.mark.parametrize(
    ("ending", "codec", "pixel_format"),
    [("mkv", "mjpeg", "yuvj420p"), ("mp4", "libx264", "yuv420p"), ("avi", "mpeg4", "yuv420p"), ("mkv", "ffv1", "bgr0")],
)
def test_damage_in_the_middle_is_stepped_over_with_one_warning(
    tmp_path: Path, ending: str, codec: str, pixel_format: str
) -> None:
    rng = np.random.default_rng(2)
    pictures = [rng.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(60)]
    path = make_video(tmp_path / f"film.{ending}", pictures, codec=codec, pixel_format=pixel_format)
    with av.open(path) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for packet in packets[20:26]:
        at = data.index(packet)
        data[at : at + len(packet)] = rng.bytes(len(packet))
    path.write_bytes(data)

    with VideoReader(path) as reader:
        frames = list(reader)

    assert 40 <= len(frames) <= 60
    assert frames[-1].time == pytest.approx(59 / 30, abs=0.01)
    assert reader.warnings == [f"film.{ending} is damaged: what could not be decoded was left out."]


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    path = make_video(tmp_path / "long.mp4", [grey(640, 360, 20 + number % 200) for number in range(160)])
    process = psutil.Process()
    with VideoReader(path) as reader:
        frames = iter(reader)
        for _ in range(40):
            next(frames)
        early = process.memory_info().rss
        for _ in frames:
            pass
        assert process.memory_info().rss - early < 20_000_000


def test_decoding_leaves_the_interpreter_to_others(tmp_path: Path) -> None:
    """The GIL is let go: with switching by time turned off, another thread still runs Python while pictures decode."""
    path = make_video(tmp_path / "large.mp4", [grey(1280, 720, number) for number in range(20)])
    ticks = 0
    done = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0)

    usual = sys.getswitchinterval()
    thread = threading.Thread(target=tick)
    sys.setswitchinterval(60)
    try:
        thread.start()
        frames = sum(1 for _ in VideoReader(path))
    finally:
        done.set()
        sys.setswitchinterval(usual)
        thread.join()

    assert frames == 20
    assert ticks >= frames


def test_flashes_are_where_they_were_drawn(tmp_path: Path) -> None:
    path = make_video(tmp_path / "flash.mp4", flashing(2.0, [0.5, 1.5]))

    lit = [float(at) for at, image in read(path) if image.mean() > 140]

    assert lit[0] == pytest.approx(0.5, abs=0.001)
    assert lit[-1] == pytest.approx(1.5 + 2 / 30, abs=0.001)


def delivered(path: Path, **options: Any) -> tuple[list[float], VideoReader]:
    with VideoReader(path, **options) as reader:
        return [float(frame.time) for frame in reader], reader


def test_the_seconds_of_a_budget_hold_whatever_the_header_says(tmp_path: Path) -> None:
    honest = make_video(
        tmp_path / "honest.mp4", numbered(90), options={"bf": "0"}, container_options={"use_editlist": "0"}
    )
    path = lying_about_its_length(honest, tmp_path / "film.mp4", 0.4)
    assert probe(path).duration == pytest.approx(0.4, abs=0.01)

    times, reader = delivered(path, budget=Budget(seconds=2))

    assert len(times) == 60
    assert reader.until == 2
    assert reader.warnings == ["film.mp4 goes on: at most 2 s are danced in one go, and the rest was left out."]


def test_the_frames_of_a_budget(tmp_path: Path) -> None:
    path = make_video(tmp_path / "film.mp4", numbered(40))

    times, reader = delivered(path, start=0.5, budget=Budget(frames=10))

    assert len(times) == 10
    assert reader.until == pytest.approx(10 / 30, abs=0.001)
    assert reader.warnings == ["film.mp4 goes on: at most 10 pictures are danced in one go, and the rest was left out."]
    for frames in (40, 41):
        assert delivered(path, budget=Budget(frames=frames))[1].warnings == []


def test_the_rate_of_a_budget_leaves_pictures_out(tmp_path: Path) -> None:
    fast = make_video(tmp_path / "fast.mkv", numbered(500), rate=500, times=[Fraction(n, 500) for n in range(500)])
    usual = make_video(tmp_path / "usual.mkv", numbered(60), rate=60, times=[Fraction(n, 60) for n in range(60)])

    times, reader = delivered(fast, budget=Budget(rate=50))

    assert len(times) == 50
    np.testing.assert_allclose(np.diff(times), 1 / 50, atol=0.0011)
    assert reader.warnings == []
    assert len(delivered(usual, budget=Budget(rate=60))[0]) == 60


@pytest.mark.parametrize("trembling", [0.001, 0.003, 0.006])
def test_a_clock_that_trembles_loses_hardly_a_picture_to_the_rate(tmp_path: Path, trembling: float) -> None:
    """A phone's pictures of 60 a second come a little early or late."""
    rng = np.random.default_rng(7)
    moments = np.sort(np.arange(600) * 1001 / 60_000 + rng.uniform(-trembling, trembling, 600)).clip(0)
    path = make_video(tmp_path / "phone.mkv", numbered(600), times=[Fraction(round(m * 1000), 1000) for m in moments])

    assert len(delivered(path, budget=Budget(rate=60))[0]) >= 595


def test_pictures_that_are_near_each_other_are_all_kept(tmp_path: Path) -> None:
    """As where two recordings are joined: the file is faster than the rate for a moment only."""
    times = [Fraction(n, 24) - (Fraction(n - 11, 25) if 12 <= n < 15 else 0) for n in range(24)]
    path = make_video(tmp_path / "joined.mkv", numbered(24), times=times)

    assert len(delivered(path, budget=Budget(rate=60))[0]) == 24


@pytest.mark.parametrize(("rate", "most"), [(240, 60), (240, 30), (120, 60), (120, 30)])
def test_slow_motion_keeps_every_so_manyth_picture(tmp_path: Path, rate: int, most: int) -> None:
    path = make_video(tmp_path / "slow.mp4", numbered(rate), rate=rate, options={"bf": "2"})

    with VideoReader(path, budget=Budget(rate=most)) as reader:
        frames = list(reader)

    assert [round(frame.time * rate) for frame in frames] == list(range(0, rate, rate // most))
    assert [number_of(frame.image) for frame in frames] == [n % 56 for n in range(0, rate, rate // most)]


def test_what_was_asked_for_within_a_budget_is_no_news(tmp_path: Path) -> None:
    path = make_video(tmp_path / "film.mp4", numbered(60))

    times, reader = delivered(path, start=0.5, end=1.5, budget=Budget(seconds=1, frames=30, rate=30))

    assert len(times) == 30
    assert reader.until == 1
    assert reader.warnings == []


def test_the_end_of_a_stretch_is_known_where_the_file_goes_on(tmp_path: Path) -> None:
    times = [Fraction(n, 10) for n in range(10)] + [Fraction(3600 + n, 10) for n in range(10)]
    path = make_video(tmp_path / "gap.mkv", numbered(20), times=times)

    assert delivered(path, end=3)[1].until == 3
    assert delivered(path, start=0.5, end=3)[1].until == 2.5
    assert delivered(path)[1].until is None
    assert delivered(path, end=720)[1].until is None


@pytest.mark.parametrize("jump", [10**7, 10**12, 2**62])
def test_a_clock_that_jumps_for_more_than_a_day_goes_on_from_where_it_was(tmp_path: Path, jump: int) -> None:
    path = tmp_path / "jump.mp4"
    with av.open(path, "w", options={"use_editlist": "0"}) as container:
        stream = container.add_stream("mjpeg", rate=1, width=64, height=48)
        stream.pix_fmt = "yuvj420p"
        pictures = [Picture.from_ndarray(image, "rgb24").reformat(format="yuvj420p") for image in numbered(6)]
        for number, packet in enumerate(packet for picture in (*pictures, None) for packet in stream.encode(picture)):
            packet.time_base = Fraction(1, 1)
            packet.pts = packet.dts = number if number < 3 else min(jump + number, 2**31 - 9 + number)
            container.mux(packet)

    times, _ = delivered(path)

    assert len(times) >= 5
    assert max(times) < 10


def test_pictures_that_grow_out_of_bounds_on_the_way_are_left_out(tmp_path: Path) -> None:
    small = make_video(tmp_path / "small.ts", numbered(20), rate=25).read_bytes()
    quick = {"preset": "ultrafast"}
    large = make_video(tmp_path / "large.ts", [grey(4096, 2304)] * 3, rate=25, options=quick).read_bytes()
    (tmp_path / "grows.ts").write_bytes(small + large)
    larger = make_video(tmp_path / "larger.ts", numbered(3, 128, 96), rate=25).read_bytes()
    (tmp_path / "changes.ts").write_bytes(small + larger)

    times, reader = delivered(tmp_path / "grows.ts")
    assert 18 <= len(times) <= 20
    assert reader.warnings == ["grows.ts is damaged: what could not be decoded was left out."]
    assert len(delivered(tmp_path / "changes.ts")[0]) >= 21
