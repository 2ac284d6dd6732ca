"""Interlaced pictures lose their combs, and whole pictures lose nothing."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame as Picture

from benchmarks.reports.files import combs_in, dance_frames, make_interlaced, woven
from core.video.filters import Filter
from core.video.interlaced import Deinterlacer
from core.video.reader import VideoReader

FRAMES = 16


def whole(count: int = FRAMES) -> float:
    """The combs that a comb measure finds in a dance which has none."""
    return combs_in(dance_frames(2 * count)[::2])


@pytest.mark.parametrize(
    ("ending", "codec", "top_first"),
    [("mpg", "mpeg2video", True), ("ts", "mpeg2video", False), ("mts", "libx264", True), ("mp4", "libx264", False)],
)
@pytest.mark.parametrize("max_side", [None, 300])
def test_there_are_as_few_combs_as_in_the_dance_itself(
    tmp_path: Path, ending: str, codec: str, top_first: bool, max_side: int | None
) -> None:
    path = tmp_path / f"old.{ending}"
    make_interlaced(path, codec, top_first=top_first, frames=FRAMES)
    with av.open(path) as container:
        stored = [np.asarray(p.to_ndarray(format="rgb24"), np.uint8) for p in container.decode(video=0)]
    assert combs_in(stored) > 0.2, "the test's own file has combs"

    with VideoReader(path, max_side=max_side) as reader:
        frames = list(reader)

    assert combs_in([frame.image for frame in frames]) <= max(whole(), 0.02)
    assert len(frames) == FRAMES
    np.testing.assert_allclose([float(frame.time) for frame in frames], np.arange(FRAMES) / 25, atol=1e-3)


def test_what_does_not_move_keeps_all_of_its_lines(tmp_path: Path) -> None:
    make_interlaced(tmp_path / "old.mpg", frames=FRAMES)
    make_interlaced(tmp_path / "plain.mpg", really=False, flagged=False, frames=FRAMES)

    with VideoReader(tmp_path / "old.mpg") as old, VideoReader(tmp_path / "plain.mpg") as plain:
        wall = [(one.image[:120, :150], other.image[:120, :150]) for one, other in zip(old, plain, strict=True)]

    # the coder begins with two coarse pictures; half of the lines would be 2.5 levels away
    for one, other in wall[2:]:
        assert np.abs(one.astype(int) - other).mean() < 1


def test_whole_pictures_that_are_flagged_stay_as_they_are(tmp_path: Path) -> None:
    for codec, ending in (("mpeg2video", "mpg"), ("libx264", "mp4")):
        make_interlaced(tmp_path / f"called.{ending}", codec, really=False, frames=FRAMES)
        make_interlaced(tmp_path / f"plain.{ending}", codec, really=False, flagged=False, frames=FRAMES)
        for side in (None, 300):
            with (
                VideoReader(tmp_path / f"called.{ending}", max_side=side) as called,
                VideoReader(tmp_path / f"plain.{ending}", max_side=side) as plain,
            ):
                pairs = [(one.image, other.image) for one, other in zip(called, plain, strict=True)]
            assert len(pairs) == FRAMES
            for one, other in pairs:
                # both are coded anew
                assert np.abs(one.astype(int) - other).mean() < 2


def test_two_passes_and_every_stretch_give_the_same_pictures(tmp_path: Path) -> None:
    path = tmp_path / "old.mts"
    make_interlaced(path, "libx264", frames=FRAMES)

    with VideoReader(path) as reader:
        first, second = ([(f.time, f.image.tobytes()) for f in reader] for _ in range(2))
    with VideoReader(path, start=0.2, end=0.4) as reader:
        part = [float(frame.time + (reader.first or 0)) for frame in reader]
        combs = combs_in([frame.image for frame in reader])

    assert first == second
    np.testing.assert_allclose(part, np.arange(5, 10) / 25, atol=1e-3)
    assert combs <= 0.02


def test_pictures_of_one_moment_pass_at_once(tmp_path: Path) -> None:
    """Nothing is held back, kept or looked at where no picture is flagged."""
    path = tmp_path / "plain.mpg"
    make_interlaced(path, really=False, flagged=False, frames=4)
    passing: Deinterlacer[int] = Deinterlacer()

    with av.open(path) as container:
        for number, picture in enumerate(container.decode(video=0)):
            ((same, about),) = passing.push(picture, number)
            assert same is picture
            assert about == number
    assert list(passing.flush()) == []


def test_pictures_that_no_filter_takes_pass_as_they_are() -> None:
    """Of a few pixels, after woven ones."""
    large = woven(dance_frames(12))
    small = [Picture.from_ndarray(np.full((3, 2), 90, np.uint8), "yuv420p") for _ in range(3)]
    passing: Deinterlacer[int] = Deinterlacer()

    delivered: list[tuple[Picture, int]] = []
    for kind in (large, small, large):
        flag = Filter(kind[0], "setfield", "tff")
        for picture in kind:
            (marked,) = flag.push(picture)
            delivered += passing.push(marked, len(delivered))
    delivered += passing.flush()

    assert [picture.width for picture, _ in delivered] == [512] * 6 + [2] * 3 + [512] * 6
    assert not any(picture.interlaced_frame for picture, _ in delivered)
    for part in (delivered[:6], delivered[-6:]):
        assert combs_in([np.asarray(picture.to_ndarray(format="rgb24"), np.uint8) for picture, _ in part]) <= 0.02


def test_flags_that_come_and_go_lose_no_picture(tmp_path: Path) -> None:
    """As in broadcasts, whose films and news are joined; also in another size."""
    make_interlaced(tmp_path / "a.ts", really=False, flagged=False, frames=6)
    make_interlaced(tmp_path / "b.ts", frames=6)
    make_interlaced(tmp_path / "c.ts", really=False, frames=6)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join((tmp_path / f"{part}.ts").read_bytes() for part in ("a", "b", "a", "c", "b")))

    with VideoReader(joined) as reader:
        frames = list(reader)

    assert len(frames) >= 28
    assert np.diff([float(frame.time) for frame in frames]).max() < 0.1
    for part in (frames[6:11], frames[-5:]):
        assert combs_in([frame.image for frame in part]) <= 0.02
