from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from core.bundled import dances
from core.errors import Cancelled, NobodyFound, NotAVideo, OutputFailed, UnusableInput
from core.generators.base import Generator
from core.generators.registry import create_generator
from core.pipeline import DancePipeline, background_for, performer_statistics
from core.pose.turns import turn_of
from core.rendering.compositing import GREEN, Background, parse_background
from core.targets.split import Subset
from core.targets.store import Target, load_target
from core.targets.studio_backdrop import studio
from core.transfer import Progress, Report, SourceAnalysis, TransferOptions, transfer
from core.types import VideoFrame
from core.video.probe import probe
from core.video.reader import Budget, VideoReader
from tests.media import frames_of, loudness, sound_seconds, times_of, write_sound, write_video
from tests.video.boxes import change_file, lying_about_its_length, replacing
from tests.video.media import make_video

START, END = 2.0, 3.2


@pytest.fixture(scope="module")
def theo() -> Target:
    return load_target("theo")


@pytest.fixture(scope="module")
def nearest(theo: Target) -> Generator:
    return create_generator("nearest", theo)


@pytest.fixture(scope="module")
def dance() -> Path:
    found = dances.find("omar-street")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def made(
    theo: Target, nearest: Generator, dance: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Report, SourceAnalysis, list[Progress]]:
    """One real transfer that several tests look at."""
    output = tmp_path_factory.mktemp("made") / "out.mp4"
    told: list[Progress] = []
    report, seen = transfer(dance, theo, nearest, output, TransferOptions(start=START, end=END), progress=told.append)
    return output, report, seen, told


def test_every_frame_is_made_at_its_own_time(
    made: tuple[Path, Report, SourceAnalysis, list[Progress]], dance: Path
) -> None:
    output, report, _, _ = made
    with VideoReader(dance, start=START, end=END) as reader:
        asked = [frame.time for frame in reader]
    assert report.frames_in == report.frames_out == len(asked) == 30
    assert report.frames_with_pose == 30
    assert [float(t) for t in times_of(output)] == pytest.approx([float(t) for t in asked], abs=1e-4)


def test_the_result_plays_everywhere(made: tuple[Path, Report, SourceAnalysis, list[Progress]], theo: Target) -> None:
    info = probe(made[0])
    assert (info.codec, info.width, info.height) == ("h264", *theo.size)
    assert info.audio == "aac"
    head = made[0].read_bytes()[:4096]
    assert b"moov" in head  # faststart: playable before it is whole


def test_the_report_tells_how_much_of_the_dance_the_footage_shows(tmp_path: Path) -> None:
    turns = dances.find("lina-disco")
    assert turns is not None
    options = TransferOptions(start=6, end=8)
    with load_target("mira") as mira:
        facing = np.cos(turn_of(np.asarray(mira.poses), (11, 23), (12, 24))) > np.cos(np.radians(35))
        front = Subset(mira, facing)
        whole, seen = transfer(turns, mira, create_generator("nearest", mira), tmp_path / "whole.mp4", options)
        half, _ = transfer(turns, front, create_generator("nearest", front), tmp_path / "half.mp4", options, seen=seen)
    assert whole.beyond == 0
    assert whole.seen > 0.95
    assert whole.warnings == []
    assert half.beyond > 0.3
    assert half.seen < 0.7
    assert half.warnings == [
        f"{half.beyond:.0%} of this dance asks for sides or moves that the footage of Mira never shows: "
        "there the nearest that it shows are danced."
    ]
    assert half.as_json()["beyond"] == round(half.beyond, 4)
    assert half.as_json()["seen"] == round(half.seen, 4)


def test_sound_is_kept_in_length_and_loudness(made: tuple[Path, Report, SourceAnalysis, list[Progress]]) -> None:
    assert sound_seconds(made[0]) == pytest.approx(1.2, abs=0.05)
    assert loudness(made[0]) > 0.01


def test_the_performer_is_in_every_frame_and_moves(
    made: tuple[Path, Report, SourceAnalysis, list[Progress]], theo: Target
) -> None:
    frames = frames_of(made[0])
    stage = theo.plate.astype(int)
    for frame in frames:
        assert (np.abs(frame.astype(int) - stage).max(axis=2) > 40).mean() > 0.04
    assert np.abs(frames[0].astype(int) - frames[-1]).max() > 60


def test_progress_tells_both_phases_and_shows_pictures(
    made: tuple[Path, Report, SourceAnalysis, list[Progress]], theo: Target
) -> None:
    told = made[3]
    phases = [p.phase for p in told]
    assert phases == sorted(phases, key=["looking", "dancing"].index)
    assert set(phases) == {"looking", "dancing"}
    pictures = [p.preview for p in told if p.preview is not None]
    assert told[0].preview is not None
    assert all(picture.shape == (theo.height, theo.width, 3) for picture in pictures)
    assert all(p.seconds_left is not None and p.seconds_left >= 0 for p in told)


def test_progress_without_pictures(theo: Target, nearest: Generator, dance: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    options = TransferOptions(start=START, end=START + 0.5)
    transfer(dance, theo, nearest, tmp_path / "out.mp4", options, progress=told.append, previews=False)
    assert all(progress.preview is None for progress in told)


def test_the_report_adds_up(made: tuple[Path, Report, SourceAnalysis, list[Progress]]) -> None:
    report = made[1]
    assert report.fps == pytest.approx(report.frames_out / report.seconds)
    assert report.fps_steady > 0
    assert {"decode", "pose", "generate", "composite", "encode"} <= set(report.stages)
    assert all(s["p50"] <= s["p95"] for s in report.stages.values())


def test_again_with_what_was_seen_gives_the_same_frames(
    made: tuple[Path, Report, SourceAnalysis, list[Progress]],
    theo: Target,
    nearest: Generator,
    dance: Path,
    tmp_path: Path,
) -> None:
    output, _, seen, _ = made
    again = tmp_path / "again.mp4"
    report, _ = transfer(dance, theo, nearest, again, TransferOptions(start=START, end=END), seen=seen)
    assert "pose" not in report.stages
    assert all((a == b).all() for a, b in zip(frames_of(output), frames_of(again), strict=True))
    assert sound_seconds(again) == pytest.approx(sound_seconds(output), abs=1e-6)


def test_what_was_seen_of_somebody_else_is_not_used(
    made: tuple[Path, Report, SourceAnalysis, list[Progress]],
    theo: Target,
    nearest: Generator,
    dance: Path,
    tmp_path: Path,
) -> None:
    options = TransferOptions(person="left", start=START, end=START + 0.4)
    report, seen = transfer(dance, theo, nearest, tmp_path / "left.mp4", options, seen=made[2])
    assert "pose" in report.stages
    assert seen.analysis.person == "left"
    assert len(seen.analysis.poses) == report.frames_out < len(made[2].analysis.poses)


def test_the_pipeline_itself_gives_the_frames_that_are_encoded(
    made: tuple[Path, Report, SourceAnalysis, list[Progress]], theo: Target, nearest: Generator
) -> None:
    output, _, seen, _ = made
    with DancePipeline(theo, nearest) as pipeline:
        plan = pipeline.analyse(seen.analysis)
        encoded = frames_of(output)
        for i in (0, 11, 29):
            frame = VideoFrame(i, seen.analysis.times[i], np.zeros((1, 1, 3), np.uint8))
            image = pipeline.step(frame, plan).image
            # H.264 at high quality stays within a few levels on average
            assert np.abs(image.astype(int) - encoded[i]).mean() < 2.5


@pytest.mark.parametrize(("layout", "panels"), [("side-by-side", 2), ("triptych", 3)])
def test_layouts_show_the_source_in_step(
    theo: Target, nearest: Generator, dance: Path, tmp_path: Path, layout: str, panels: int,
    made: tuple[Path, Report, SourceAnalysis, list[Progress]],
) -> None:  # fmt: skip
    output = tmp_path / "wide.mp4"
    options = TransferOptions(start=START, end=END, layout=layout)  # type: ignore[arg-type]
    report, _ = transfer(dance, theo, nearest, output, options, seen=made[2])
    frames, alone = frames_of(output), frames_of(made[0])
    assert report.size == (frames[0].shape[1], frames[0].shape[0]) == (panels * 512, 512)
    with VideoReader(dance, start=START, end=END) as reader:
        source = [frame.image for frame in reader]
    for i in (0, 15, 29):
        assert np.abs(frames[i][:, :512].astype(int) - source[i]).mean() < 3
        assert np.abs(frames[i][:, -512:].astype(int) - alone[i]).mean() < 3


def test_a_green_screen_is_green_around_the_person_and_nowhere_in_them(
    theo: Target,
    nearest: Generator,
    dance: Path,
    tmp_path: Path,
    made: tuple[Path, Report, SourceAnalysis, list[Progress]],
) -> None:
    options = TransferOptions(start=START, end=END, background=parse_background("green", theo.size))
    transfer(dance, theo, nearest, tmp_path / "green.mp4", options, seen=made[2])
    frame = frames_of(tmp_path / "green.mp4")[10].astype(int)
    green = np.abs(frame - GREEN).max(axis=2) < 12
    assert 0.55 < green.mean() < 0.97
    assert green[:20, :20].all()


def test_one_frame_with_a_person_is_a_video(theo: Target, nearest: Generator, dance: Path, tmp_path: Path) -> None:
    with VideoReader(dance) as reader:
        first = next(iter(reader)).image
    single = write_video(tmp_path / "one.mp4", [first])
    report, _ = transfer(single, theo, nearest, tmp_path / "out.mp4")
    assert report.frames_out == 1
    assert len(frames_of(tmp_path / "out.mp4")) == 1


def test_the_stage_is_empty_while_nobody_is_there(
    theo: Target, nearest: Generator, dance: Path, tmp_path: Path
) -> None:
    with VideoReader(dance, start=2, end=2.4) as reader:
        person = [frame.image for frame in reader]
    nobody = [np.full_like(person[0], 90)] * 30
    clip = write_video(tmp_path / "comes-and-goes.mp4", [*person, *nobody, *person])
    report, _ = transfer(clip, theo, nearest, tmp_path / "out.mp4")
    assert report.frames_with_pose == 2 * len(person)
    frames = frames_of(tmp_path / "out.mp4")
    assert np.abs(frames[len(person) + 15].astype(int) - theo.plate).mean() < 2.5
    assert np.abs(frames[2].astype(int) - theo.plate).mean() > 5


def _nothing_left(folder: Path, *kept: str) -> bool:
    return sorted(p.name for p in folder.iterdir()) == sorted(kept)


def test_nobody_anywhere(theo: Target, nearest: Generator, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "empty-room.mp4", [np.full((240, 320, 3), 120, np.uint8)] * 10)
    with pytest.raises(NobodyFound, match="Nobody was found"):
        transfer(clip, theo, nearest, tmp_path / "out.mp4")
    assert _nothing_left(tmp_path, "empty-room.mp4")


def test_what_is_no_video(theo: Target, nearest: Generator, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("not a video, only words\n" * 200)
    write_sound(tmp_path / "song.m4a")
    for name in ("empty.mp4", "text.mp4", "song.m4a", "missing.mp4"):
        with pytest.raises(NotAVideo) as caught:
            transfer(tmp_path / name, theo, nearest, tmp_path / "out.mp4")
        assert name in str(caught.value)
        assert str(caught.value).count("\n") == 0
    assert not (tmp_path / "out.mp4").exists()


def test_a_truncated_video_is_used_as_far_as_it_goes(
    theo: Target, nearest: Generator, dance: Path, tmp_path: Path
) -> None:
    whole = dance.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 10])
    report, _ = transfer(cut, theo, nearest, tmp_path / "out.mp4")
    assert 10 < report.frames_out < 200
    assert report.warnings
    assert len(frames_of(tmp_path / "out.mp4")) == report.frames_out


def test_sound_that_a_truncation_cut_through_is_left_out(
    theo: Target, nearest: Generator, dance: Path, tmp_path: Path
) -> None:
    whole = dance.read_bytes()
    cut = tmp_path / "cut.mp4"
    for length in range(len(whole) // 5, len(whole), 97):
        cut.write_bytes(whole[:length])
        with av.open(cut) as container:
            if any(packet.is_corrupt for packet in container.demux(audio=0)):
                break
    transfer(cut, theo, nearest, tmp_path / "out.mp4")
    with av.open(tmp_path / "out.mp4") as container:
        pieces = [len(packet.decode()) for packet in container.demux(audio=0) if packet.size]
    assert len(pieces) > 10
    assert sum(pieces) >= len(pieces) - 1


def test_a_stretch_past_the_end(theo: Target, nearest: Generator, dance: Path, tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="earlier start"):
        transfer(dance, theo, nearest, tmp_path / "out.mp4", TransferOptions(start=500, end=501))


@pytest.mark.parametrize("phase", ["looking", "dancing"])
def test_cancel_in_either_phase_leaves_nothing(
    theo: Target, nearest: Generator, dance: Path, tmp_path: Path, phase: str
) -> None:
    at: list[str] = []
    with pytest.raises(Cancelled):
        transfer(
            dance, theo, nearest, tmp_path / "out.mp4", TransferOptions(start=START, end=END),
            progress=lambda p: at.append(p.phase), cancelled=lambda: phase in at,
        )  # fmt: skip
    assert at[-1] == phase
    assert _nothing_left(tmp_path)


def test_a_folder_that_is_not_there(theo: Target, nearest: Generator, dance: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputFailed, match="nowhere"):
        transfer(dance, theo, nearest, tmp_path / "nowhere" / "out.mp4", TransferOptions(start=2, end=2.2))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one hundred kilobytes."""
    place = tmp_path / "small"
    place.mkdir()
    mount = shutil.which("mount")
    if mount is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can mount a small file system to fill")
    if subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=100k", "tmpfs", place], check=False, capture_output=True
    ).returncode:
        pytest.skip("mounting is not permitted here")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_disk_that_fills_in_the_middle(theo: Target, nearest: Generator, dance: Path, small_disk: Path) -> None:
    with pytest.raises(OutputFailed, match="room"):
        transfer(dance, theo, nearest, small_disk / "out.mp4", TransferOptions(start=2, end=6))
    assert _nothing_left(small_disk)


def test_a_background_picture_that_is_none(tmp_path: Path, theo: Target) -> None:
    (tmp_path / "words.png").write_text("no picture")
    for text in (str(tmp_path / "words.png"), "purple", "#12345", str(tmp_path)):
        with pytest.raises(UnusableInput):
            parse_background(text, theo.size)
    assert Background().picture is None


def test_a_studio_has_its_floor_where_the_performer_stands(theo: Target) -> None:
    near, _ = performer_statistics(theo).near
    picture = background_for(theo, "studio").picture
    assert picture is not None
    np.testing.assert_array_equal(picture, studio(theo.size, near))
    assert not np.array_equal(picture, studio(theo.size, near - 60)), "and not just anywhere"


def danced(dance: Path, path: Path, times: list[Fraction]) -> Path:
    """The first pictures of a bundled dance at these times."""
    return make_video(path, frames_of(dance)[: len(times)], times=times)


def length_of(path: Path) -> float:
    duration = probe(path).duration
    assert duration is not None
    return duration


def test_a_gap_ends_where_the_stretch_does(theo: Target, nearest: Generator, dance: Path, tmp_path: Path) -> None:
    times = [Fraction(n, 25) for n in range(8)] + [Fraction(36_000) + Fraction(n, 25) for n in range(8)]
    source, output = danced(dance, tmp_path / "gap.mp4", times), tmp_path / "out.mp4"

    report, _ = transfer(source, theo, nearest, output, TransferOptions(end=2.0))

    assert report.frames_out == 8
    assert length_of(output) == pytest.approx(2.0, abs=0.05)
    assert float(times_of(output)[8]) > 1.5, "what stands still is the last picture before the gap"


def test_after_a_gap_the_last_picture_is_as_long_as_usual_ones(
    theo: Target, nearest: Generator, dance: Path, tmp_path: Path
) -> None:
    times = [Fraction(n, 25) for n in range(8)] + [Fraction(20) + Fraction(n, 25) for n in range(8)]
    source, output = danced(dance, tmp_path / "gap.mp4", times), tmp_path / "out.mp4"

    transfer(source, theo, nearest, output)

    assert length_of(output) == pytest.approx(20 + 8 / 25, abs=0.05)


def test_a_single_picture_is_not_shown_for_minutes(
    theo: Target, nearest: Generator, dance: Path, tmp_path: Path
) -> None:
    """As of a track that counts whole seconds, whose pictures are said to be 512 of them apart."""
    whole = make_video(
        tmp_path / "whole.mp4",
        frames_of(dance)[:3],
        rate=25,
        options={"bf": "0"},
        container_options={"use_editlist": "0"},
    )
    slow = replacing(b"mdhd", lambda old: old[:12] + struct.pack(">I", 1) + old[16:])
    source, output = change_file(whole, tmp_path / "slow.mp4", slow), tmp_path / "out.mp4"

    report, _ = transfer(source, theo, nearest, output, TransferOptions(end=1.0))

    assert report.frames_out == 1
    assert length_of(output) <= 1.01


def test_a_budget_is_kept_whatever_the_header_says(
    theo: Target, nearest: Generator, dance: Path, tmp_path: Path
) -> None:
    honest = make_video(
        tmp_path / "honest.mp4",
        frames_of(dance)[:30],
        rate=25,
        options={"bf": "0"},
        container_options={"use_editlist": "0"},
    )
    source, output = lying_about_its_length(honest, tmp_path / "lie.mp4", 0.2), tmp_path / "out.mp4"

    report, _ = transfer(source, theo, nearest, output, TransferOptions(budget=Budget(seconds=0.8)))

    assert report.frames_out == 20
    assert length_of(output) == pytest.approx(0.8, abs=0.02)
    assert report.warnings == ["lie.mp4 goes on: at most 0.8 s are danced in one go, and the rest was left out."]


def test_a_budget_of_frames_and_their_density(theo: Target, nearest: Generator, dance: Path, tmp_path: Path) -> None:
    source = danced(dance, tmp_path / "fast.mp4", [Fraction(n, 500) for n in range(50)])
    output = tmp_path / "out.mp4"

    report, _ = transfer(source, theo, nearest, output, TransferOptions(budget=Budget(frames=4, rate=50)))

    assert report.frames_out == 4
    assert [float(time) for time in times_of(output)] == pytest.approx([0, 0.02, 0.04, 0.06], abs=0.002)
    assert report.warnings == ["fast.mp4 goes on: at most 4 pictures are danced in one go, and the rest was left out."]
