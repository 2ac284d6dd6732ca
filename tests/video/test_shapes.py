"""Pictures that change their shape on the way keep their proportions, in the size of the first one."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks.reports.files import Part, cropped, dance_frames, make_anamorphic, make_turned, write_parts
from core.pose.video_analysis import look
from core.targets.footage import VideoFootage
from core.types import Frame, VideoFrame
from core.video.reader import VideoReader
from core.video.shape import box_in
from tests.video.media import grey, make_video

SENTENCE = (
    "The pictures of {} change their shape on the way, as a phone's do that is turned: "
    "they are shown whole, in the size of the first."
)


def with_square(width: int, height: int, *, across: int = 40, down: int = 40) -> Frame:
    """Grey, with a white square in the middle, as it is stored."""
    picture = grey(width, height, 100)
    top, left = (height - down) // 2, (width - across) // 2
    picture[top : top + down, left : left + across] = 250
    return picture


def proportions(image: Frame) -> float:
    """Width of the white square by its height."""
    white = image.min(axis=2) > 190
    rows, columns = np.flatnonzero(white.any(axis=1)), np.flatnonzero(white.any(axis=0))
    return float(np.ptp(columns) + 1) / float(np.ptp(rows) + 1)


def read(path: Path, **options: float | int) -> tuple[list[VideoFrame], VideoReader]:
    with VideoReader(path, **options) as reader:  # type: ignore[arg-type]
        return list(reader), reader


@pytest.mark.parametrize(
    ("ending", "codec"),
    [("ts", "libx264"), ("ts", "mpeg2video"), ("webm", "libvpx"), ("webm", "libvpx-vp9"), ("mkv", "libx264"), ("flv", "libx264")],
)  # fmt: skip
def test_a_phone_that_is_turned_squashes_nobody(tmp_path: Path, ending: str, codec: str) -> None:
    path = tmp_path / f"turned.{ending}"
    upright, wide = [with_square(96, 160)] * 12, [with_square(160, 96)] * 12
    write_parts(path, [Part(upright, codec=codec), Part(wide, codec=codec), Part(upright, codec=codec)])

    frames, reader = read(path)

    assert reader.size == (96, 160)
    assert {frame.image.shape for frame in frames} == {(160, 96, 3)}
    # FFmpeg's decoder of MPEG-2 drops the last picture of each size
    assert [round(25 * float(frame.time)) for frame in frames if frame.cut] == [12, 24]
    assert len(frames) == (34 if codec == "mpeg2video" else 36)
    assert reader.warnings == [SENTENCE.format(path.name)]
    for frame in frames:
        assert proportions(frame.image) == pytest.approx(1.0, abs=0.08), frame.index
    # as large as it can be: 96 wide, and so 58 high, with black above and below
    between = frames[18].image
    assert between[:49].max() < 30
    assert between[-49:].max() < 30
    assert between[53:107].min() > 60


def test_a_square_pixel_after_a_wide_one(tmp_path: Path) -> None:
    """Both the size and the shape of the pixels change, and then the shape alone, and the bits."""
    path = tmp_path / "turned.ts"
    parts = [
        Part([with_square(176, 144, across=30)] * 9, aspect=Fraction(4, 3)),
        Part([with_square(160, 96)] * 9),
        Part([with_square(160, 96, across=20)] * 9, aspect=Fraction(2), pixel_format="yuv420p10le"),
    ]
    write_parts(path, parts)

    frames, reader = read(path)

    assert reader.size == (235, 144)
    assert [frame.index for frame in frames if frame.cut] == [9, 18]
    for frame in frames:
        assert proportions(frame.image) == pytest.approx(1.0, abs=0.08), frame.index


@pytest.mark.parametrize("start", [0.0, 1.2])
def test_a_broadcast_that_becomes_wide(tmp_path: Path, start: float) -> None:
    path = tmp_path / "broadcast.ts"
    make_anamorphic(path)

    frames, reader = read(path, start=start)

    assert reader.size == (384, 288)
    assert [frame.index for frame in frames if frame.cut] == ([] if start else [24])
    # 16:9 in 4:3
    assert frames[-1].image[:34].max() < 12
    assert frames[-1].image[40:-40].mean() > 60
    assert reader.warnings == [SENTENCE.format(path.name)]


def test_other_pixels_of_the_same_shape_are_no_cut(tmp_path: Path) -> None:
    """What a call or a stream does when the line is slow."""
    path = tmp_path / "call.ts"
    sizes = [(320, 180), (160, 90), (426, 240)]
    write_parts(path, [Part([with_square(*size, across=size[1] // 3, down=size[1] // 3)] * 6) for size in sizes])

    frames, reader = read(path, max_side=240)

    assert {frame.image.shape for frame in frames} == {(135, 240, 3)}
    assert not any(frame.cut for frame in frames)
    assert reader.warnings == []
    for frame in frames:
        assert frame.image[0].min() > 60


def test_a_shot_begins_with_the_first_picture_that_is_delivered_of_it(tmp_path: Path) -> None:
    path = tmp_path / "turned.ts"
    write_parts(path, [Part([with_square(96, 160)] * 10), Part([with_square(160, 96)] * 10)])

    frames, _ = read(path, every=0.24)

    assert [round(25 * float(frame.time)) for frame in frames] == [0, 6, 12, 18]
    assert [frame.cut for frame in frames] == [False, False, True, False]


def test_range_and_bits_may_change_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "deep.ts"
    parts = [
        Part([grey(level=60)] * 9, codec="libx265"),
        Part([grey(level=60)] * 9, codec="libx265", full=True),
        Part([grey(level=60)] * 9, codec="libx265", pixel_format="yuv420p10le"),
        Part([grey(level=150)] * 9, codec="libx265", pixel_format="yuv420p10le", transfer=18),
    ]
    write_parts(path, parts)
    alone = tmp_path / "hlg.ts"
    write_parts(alone, parts[3:])

    levels = [float(frame.image.mean()) for frame in read(path)[0]]

    np.testing.assert_allclose(levels[:27], 60, atol=2)
    np.testing.assert_allclose(levels[27:], float(read(alone)[0][0].image.mean()), atol=1)


def test_the_pose_tracker_is_told_of_the_cut(tmp_path: Path) -> None:
    """Even where both pictures look alike to it."""
    frames = [VideoFrame(i, Fraction(i, 25), picture, cut=i == 2) for i, picture in enumerate(dance_frames(4))]

    assert [sighting.changed for sighting in look(frames)] == [False, False, True, False]


def test_the_dancer_is_found_in_what_lies_between_black(tmp_path: Path) -> None:
    """And where they are in the image, though they are sought in what is in between."""
    path = tmp_path / "turned.ts"
    make_turned(path)

    with VideoReader(path) as reader:
        sightings = list(look(reader))

    assert all(sighting.pose is not None for sighting in sightings)
    assert [sighting.frame.box for sighting in sightings] == [None] * 24 + [(0, 175, 288, 162)] * 24
    whole = dance_frames(48)
    with_all = list(look(VideoFrame(i, Fraction(i, 25), cropped(whole[i], 512, 288)) for i in range(24, 48)))
    for sighting, alone in zip(sightings[24:], with_all, strict=True):
        assert sighting.pose is not None
        assert alone.pose is not None
        there = alone.pose.xy * (288 / 512) + (0, 175)
        assert np.median(np.abs(sighting.pose.xy - there)) < 4


def test_of_footage_each_shape_is_a_stretch(tmp_path: Path) -> None:
    path = tmp_path / "turned.ts"
    make_turned(path)

    shots = list(VideoFootage(path, None))

    assert [shot.run for shot in shots] == [0] * 24 + [1] * 24


@pytest.mark.parametrize(
    ("shown", "canvas", "box"),
    [
        ((640, 360), (360, 640), (0, 219, 360, 202)),
        ((360, 640), (640, 360), (219, 0, 202, 360)),
        ((320, 180), (640, 360), (0, 0, 640, 360)),
        ((854, 480), (640, 360), (0, 0, 640, 360)),
        ((1, 20), (20, 1), (9, 0, 1, 1)),
    ],
)
def test_a_picture_lies_whole_in_the_middle(
    shown: tuple[int, int], canvas: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    assert box_in(shown, canvas) == box


def test_nothing_is_lost_of_a_video_of_one_shape(tmp_path: Path) -> None:
    path = make_video(tmp_path / "one.mp4", [cropped(p, 96, 64) for p in dance_frames(3)], rotation=90)

    frames, reader = read(path)

    assert frames[0].image.shape == (96, 64, 3)
    assert not any(frame.cut for frame in frames)
    assert reader.warnings == []
