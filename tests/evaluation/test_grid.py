"""Several generators on the same dance: one grid, in which each tile is what that generator makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.bundled import dances
from core.errors import Cancelled, UnusableInput
from core.evaluation.grid import Comparison, ComparisonGrid, compare, megabytes_of, stage_of
from core.generators.base import Generator
from core.generators.registry import create_generator
from core.pipeline import DancePipeline
from core.pose.video_analysis import Analysis, look
from core.targets.store import Target, load_target
from core.transfer import Progress, SourceAnalysis, TransferOptions, transfer
from core.types import Frame, VideoFrame
from core.video.probe import probe
from core.video.reader import VideoReader
from core.video.writer import VideoWriter
from tests.media import frames_of, sound_seconds, times_of

START, END = 2.0, 3.0
NAMES = ("nearest", "mlp-se", "unet-attn")


@pytest.fixture(scope="module")
def theo() -> Target:
    return load_target("theo")


@pytest.fixture(scope="module")
def generators(theo: Target) -> list[Generator]:
    return [create_generator(name, theo) for name in NAMES]


@pytest.fixture(scope="module")
def dance() -> Path:
    found = dances.find("omar-street")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def answer(dance: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stands for the right answer: the dance's numbers of frames, each of one grey."""
    path = tmp_path_factory.mktemp("answer") / "answer.mp4"
    with VideoReader(dance) as reader, VideoWriter(path, size=(512, 512), rate=reader.info.rate) as writer:
        for frame in reader:
            writer.write(np.full((512, 512, 3), grey_of(frame.index), np.uint8), frame.time)
    return path


def grey_of(index: int) -> int:
    return 20 + 7 * index % 200


@pytest.fixture(scope="module")
def made(
    theo: Target, generators: list[Generator], dance: Path, answer: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Comparison, SourceAnalysis, list[Progress]]:
    """One real comparison that several tests look at."""
    output, told = tmp_path_factory.mktemp("made") / "grid.mp4", list[Progress]()
    comparison, seen = compare(
        dance, theo, generators, output, start=START, end=END, answer=answer, progress=told.append
    )
    return output, comparison, seen, told


def tile(frame: Frame, comparison: Comparison, name: str) -> Frame:
    left, top, width, height = next(t.box for t in comparison.tiles if t.name == name)
    return frame[top : top + height, left : left + width]


def test_one_file_has_everybody_at_full_size_with_the_sound(
    made: tuple[Path, Comparison, SourceAnalysis, list[Progress]],
) -> None:
    path, comparison, _, _ = made
    info = probe(path)
    assert (info.codec, info.audio, (info.width, info.height)) == ("h264", "aac", comparison.size)
    assert [t.name for t in comparison.tiles] == ["source", "skeleton", *NAMES, "answer"]
    assert [t.kind for t in comparison.tiles] == ["source", "skeleton", *["generator"] * 3, "answer"]
    assert all(t.box[2:] == (512, 512) for t in comparison.tiles)
    assert len(frames_of(path)) == len(comparison.moves.times) == comparison.report.frames_out == 25
    assert [float(t) for t in times_of(path)] == pytest.approx([float(t) for t in comparison.moves.times], abs=1e-4)
    assert sound_seconds(path) == pytest.approx(1.0, abs=0.05)


def test_a_scrubber_never_waits_for_long(made: tuple[Path, Comparison, SourceAnalysis, list[Progress]]) -> None:
    import av

    with av.open(str(made[0])) as container:
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    assert [i for i, key in enumerate(keys) if key] == [0, 12, 24]


def test_each_tile_is_what_a_transfer_by_that_generator_makes(
    made: tuple[Path, Comparison, SourceAnalysis, list[Progress]], theo: Target, generators: list[Generator], dance: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    path, comparison, seen, _ = made
    grid = frames_of(path)
    for generator in generators:
        alone = tmp_path / f"{generator.spec.name}.mp4"
        transfer(dance, theo, generator, alone, TransferOptions(start=START, end=END), seen=seen)
        for whole, single in zip(grid[::6], frames_of(alone)[::6], strict=True):
            # both are coded; the label lies in the corner
            here = tile(whole, comparison, generator.spec.name)[60:]
            assert np.abs(here.astype(int) - single[60:]).mean() < 2.5


def test_before_it_is_coded_a_tile_is_the_very_picture(theo: Target, generators: list[Generator], dance: Path) -> None:
    with VideoReader(dance, start=START, end=START + 0.3) as reader:
        frames = list(reader)
    analysis = Analysis((512, 512))
    for sighting in look(iter(frames)):
        analysis.add(sighting)
    with ComparisonGrid(theo, generators, "largest", None, (START, None)) as grid:
        grid.plan(analysis)
        pictures = [grid.step(frame)[0] for frame in frames]
        boxes = dict(zip(["source", "skeleton", *NAMES], grid._mosaic.boxes, strict=True))
    for generator in generators:
        with DancePipeline(theo, generator) as pipeline:
            plan = pipeline.analyse(analysis)
            alone = [pipeline.step(frame, plan).image for frame in frames]
        left, top, width, height = boxes[generator.spec.name]
        for whole, single in zip(pictures, alone, strict=True):
            assert np.array_equal(whole[top + 60 : top + height, left : left + width], single[60:])


def test_source_skeleton_and_answer_belong_to_the_same_moment(
    made: tuple[Path, Comparison, SourceAnalysis, list[Progress]], dance: Path
) -> None:
    path, comparison, _, _ = made
    with VideoReader(dance, start=START, end=END) as reader:
        source = [frame.image for frame in reader]
    for i, whole in enumerate(frames_of(path)):
        assert np.abs(tile(whole, comparison, "source")[60:].astype(int) - source[i][60:]).mean() < 3
        right = tile(whole, comparison, "answer")[60:]
        # read twice, a level is lost each time; the frames beside it are seven away
        assert abs(float(right.mean()) - grey_of(round(START * 25) + i)) < 3.4
        pose = comparison.moves.poses[i]
        assert pose is not None
        skeleton, nose = tile(whole, comparison, "skeleton"), np.rint(pose.xy[0]).astype(int)
        near = skeleton[max(nose[1] - 40, 0) : nose[1] + 40, max(nose[0] - 40, 0) : nose[0] + 40]
        assert near.max() > 150


def test_each_generators_time_and_size_are_told(
    made: tuple[Path, Comparison, SourceAnalysis, list[Progress]], theo: Target
) -> None:
    _, comparison, _, _ = made
    stages = comparison.report.stages
    assert {stage_of(name) for name in NAMES} <= set(stages)
    for part in comparison.parts:
        assert 0 < part.milliseconds[0] <= part.milliseconds[1]
        assert part.title
        assert len(part.choices) == 25
    sizes = {part.name: part.megabytes for part in comparison.parts}
    manifest = theo.manifest
    assert sizes["nearest"] == pytest.approx(sum(manifest.files[r].bytes for r in ("frames", "masks", "poses")) / 1e6)
    (unet,) = (w for w in manifest.generators if w.name == "unet-attn")
    assert sizes["unet-attn"] == pytest.approx(sum(e.bytes for e in unet.files.values()) / 1e6)
    ours = create_generator("realtime", theo)
    assert megabytes_of(theo, ours) > sizes["nearest"], "it copies from the footage, and has weights"


def test_progress_tells_both_phases(made: tuple[Path, Comparison, SourceAnalysis, list[Progress]]) -> None:
    _, comparison, _, told = made
    assert {p.phase for p in told} == {"looking", "dancing"}
    last = [p.preview for p in told if p.phase == "dancing" and p.preview is not None]
    assert last[0].shape[:2] == (comparison.size[1], comparison.size[0])


def test_what_was_seen_is_not_looked_at_again(
    made: tuple[Path, Comparison, SourceAnalysis, list[Progress]], theo: Target, generators: list[Generator], dance: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    again, _ = compare(dance, theo, generators[:2], tmp_path / "again.mp4", start=START, end=END, seen=made[2])
    assert "pose" not in again.report.stages
    assert [t.name for t in again.tiles] == ["source", "skeleton", *NAMES[:2]]


def test_an_answer_that_ends_early_stands_still(
    theo: Target, generators: list[Generator], dance: Path, made: tuple[Path, Comparison, SourceAnalysis, list[Progress]],
    tmp_path: Path,
) -> None:  # fmt: skip
    short = tmp_path / "short.mp4"
    with VideoReader(dance) as reader, VideoWriter(short, size=(512, 512), rate=reader.info.rate) as writer:
        for frame in reader:
            if frame.time > START + 0.4:
                break
            writer.write(np.full((512, 512, 3), 90, np.uint8), frame.time)
    output = tmp_path / "grid.mp4"
    comparison, _ = compare(dance, theo, generators[:2], output, start=START, end=END, answer=short, seen=made[2])
    frames = frames_of(output)
    assert len(frames) == 25
    assert abs(float(tile(frames[-1], comparison, "answer")[60:].mean()) - 90) < 3.4


@pytest.mark.parametrize("names", [["nearest"], ["nearest", "nearest"], []])
def test_one_alone_or_one_twice_is_no_comparison(theo: Target, dance: Path, names: list[str], tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="two or more"):
        compare(dance, theo, [create_generator(name, theo) for name in names], tmp_path / "out.mp4")
    assert not list(tmp_path.iterdir())


def test_cancel_leaves_nothing(
    theo: Target, generators: list[Generator], dance: Path, made: tuple[Path, Comparison, SourceAnalysis, list[Progress]],
    tmp_path: Path,
) -> None:  # fmt: skip
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 5

    with pytest.raises(Cancelled):
        compare(dance, theo, generators, tmp_path / "out.mp4", start=START, end=END, seen=made[2], cancelled=cancelled)
    assert not list(tmp_path.iterdir())


def test_while_nothing_is_known_yet_the_first_one_is_shown(
    theo: Target, generators: list[Generator], dance: Path
) -> None:
    with (
        VideoReader(dance, start=START, end=START + 0.2) as reader,
        ComparisonGrid(theo, generators, "largest", None, (START, None)) as grid,
    ):
        sighting = next(iter(look(reader)))
        assert isinstance(sighting.frame, VideoFrame)
        preview = grid.live(sighting)
    assert preview.shape == (512, 512, 3)
    assert (np.abs(preview.astype(int) - theo.plate).max(axis=2) > 40).mean() > 0.03
