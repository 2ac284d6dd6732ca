"""Judging one generator of a comparison frame by frame, and its own video."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.comparison import Part
from core.errors import Cancelled
from core.evaluate import _FLAWS_EVERY, Sample, Series, footage_sharpness, judge_series
from core.flaws import PART_STEP
from core.generators.base import Generator
from core.generators.registry import create_generator
from core.measuring import Measured, measure
from core.metrics import mean_known
from core.pipeline import Act, Moves, performer_statistics
from core.targets.store import Target, load_target
from core.video.probe import probe
from core.video.writer import VideoWriter
from tests.media import frames_of, times_of

COUNT = 16


@pytest.fixture(scope="module")
def theo() -> Target:
    return load_target("theo")


@pytest.fixture(scope="module")
def nearest(theo: Target) -> Generator:
    return create_generator("nearest", theo)


@pytest.fixture(scope="module")
def moves(theo: Target) -> Moves:
    """A stretch of the performer's own poses, the stage empty in one frame."""
    poses = [theo.pose(i) for i in range(200, 200 + COUNT)]
    poses[5] = None
    return Moves(poses, poses, [Fraction(i, 25) for i in range(COUNT)], COUNT - 1, [1.0] * COUNT, [])


@pytest.fixture(scope="module")
def part(nearest: Generator, moves: Moves) -> Part:
    return Part("nearest", "Re-cut", nearest.choose_all(moves.asked, moves.times), (5.0, 9.0), 12.0)


@pytest.fixture(scope="module")
def answer(theo: Target, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is right: the footage itself, its last frames missing."""
    path = tmp_path_factory.mktemp("answer") / "answer.mp4"
    with VideoWriter(path, size=theo.size, rate=Fraction(25), crf=1) as writer:
        for i in range(COUNT - 4):
            writer.write(theo.frames[200 + i], Fraction(i, 25))
    with VideoWriter(path.with_name("answer_parts.mp4"), size=theo.size, rate=Fraction(25), crf=1) as writer:
        for i in range(COUNT - 4):
            # all of the person is one part: enough for every measure but what is misplaced
            trunk = (theo.masks[200 + i] >= 128).astype(np.uint8) * np.uint8(PART_STEP)
            writer.write(cv2.merge([trunk] * 3), Fraction(i, 25))
    return path


@pytest.fixture(scope="module")
def measured(
    theo: Target, nearest: Generator, part: Part, moves: Moves, answer: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Measured, Path, list[float]]:
    video, told = tmp_path_factory.mktemp("measured") / "nearest.mp4", list[float]()
    result = measure(theo, nearest, part, moves, video, rate=Fraction(25), answer=answer, progress=told.append)
    return result, video, told


def test_the_video_has_every_frame_at_its_time(
    measured: tuple[Measured, Path, list[float]], moves: Moves, theo: Target, nearest: Generator, part: Part
) -> None:
    result, video, told = measured
    info = probe(video)
    assert (info.codec, info.width, info.height, info.frames) == ("h264", *theo.size, COUNT)
    assert [float(t) for t in times_of(video)] == pytest.approx([float(t) for t in moves.times], abs=1e-4)
    first = moves.asked[0]
    assert first is not None
    drawn = nearest.generate(first, part.choices[0]).image
    assert np.abs(frames_of(video)[0].astype(int) - drawn).mean() < 3
    assert told == sorted(told)
    assert (result.name, result.title) == ("nearest", "Re-cut")


def test_numbers_are_those_of_the_uncoded_frames(
    measured: tuple[Measured, Path, list[float]], theo: Target, nearest: Generator, part: Part, moves: Moves
) -> None:
    def samples() -> Iterator[Sample]:
        act = Act(theo, nearest)
        for asked, choice in zip(moves.asked, part.choices, strict=True):
            picture = act.draw(asked, choice)
            yield Sample(picture.image, asked, drawn=picture.alpha)

    evaluation, series = judge_series(samples(), performer_statistics(theo).near[1], flows=False)
    mine = measured[0]
    assert mine.evaluation.full_frame.akd == evaluation.full_frame.akd
    assert mine.evaluation.flicker == evaluation.flicker
    assert mine.evaluation.jitter == evaluation.jitter
    assert np.array_equal(mine.series.akd, series.akd, equal_nan=True)


def test_what_each_frame_scored_makes_the_means(measured: tuple[Measured, Path, list[float]]) -> None:
    evaluation, series = measured[0].evaluation, measured[0].series
    for name in Series.__dataclass_fields__:
        assert len(getattr(series, name)) == COUNT, name
    assert mean_known(series.flicker) == pytest.approx(evaluation.flicker)
    assert mean_known(series.jitter) == pytest.approx(evaluation.jitter)
    assert mean_known(series.l1) == pytest.approx(evaluation.person_box.l1_seed)
    assert mean_known(series.ssim) == pytest.approx(evaluation.person_box.ssim)
    assert mean_known(series.sharpness) == pytest.approx(evaluation.person_box.sharpness)
    assert mean_known(series.missing) == pytest.approx(evaluation.full_frame.mkr, abs=0.02)
    assert np.isnan(series.akd[5]), "nobody was asked for"
    assert np.isnan(series.flicker[0])
    assert np.isnan(series.jitter[:3]).all()
    assert np.isfinite(series.jitter[12])


def test_flaws_are_measured_where_the_answer_has_a_part_map(measured: tuple[Measured, Path, list[float]]) -> None:
    means, each = measured[0].evaluation.flaws, measured[0].series.flaws
    known = [found for i, found in enumerate(each[: COUNT - 4]) if i % _FLAWS_EVERY == 0]
    assert len(each) == COUNT
    assert all(found == each[i - i % _FLAWS_EVERY] for i, found in enumerate(each[: COUNT - 4])), (
        "one in so many is measured"
    )
    assert all(0 <= found.extra < 0.01 and 0 <= found.missing < 0.01 for found in known)
    assert all(0 < found.worst_patch < 1 for found in known), "another frame of the footage"
    assert means.worst_patch == pytest.approx(mean_known(found.worst_patch for found in known))


def test_where_the_answer_ends_nothing_is_held_against_it(measured: tuple[Measured, Path, list[float]]) -> None:
    l1 = measured[0].series.l1
    assert np.isfinite([l1[i] for i in range(COUNT - 4) if i != 5]).all()
    assert np.isnan(l1[-4:]).all()


def test_without_an_answer_sharpness_is_that_of_the_footage(
    theo: Target, nearest: Generator, part: Part, moves: Moves, tmp_path: Path
) -> None:
    footage = footage_sharpness(theo)
    result = measure(theo, nearest, part, moves, tmp_path / "out.mp4", rate=Fraction(25), footage=footage)
    assert 0.7 < result.evaluation.person_box.sharpness < 1.3
    assert np.isnan(result.evaluation.person_box.l1_seed)
    assert np.isnan(result.series.ssim).all()


def test_blur_is_seen_without_an_answer(theo: Target) -> None:
    def samples(blur: float) -> Iterator[Sample]:
        for i in range(300, 306):
            frame = theo.frames[i]
            yield Sample(np.asarray(cv2.GaussianBlur(frame, (0, 0), blur), np.uint8) if blur else frame, theo.pose(i))

    footage = footage_sharpness(theo)
    sharp, blurred = (judge_series(samples(blur), 100.0, flows=False, footage=footage)[0] for blur in (0.0, 3.0))
    assert 0.7 < sharp.person_box.sharpness < 1.4
    assert blurred.person_box.sharpness < 0.6 * sharp.person_box.sharpness


def test_cancel_leaves_no_file(theo: Target, nearest: Generator, part: Part, moves: Moves, tmp_path: Path) -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 6

    with pytest.raises(Cancelled):
        measure(theo, nearest, part, moves, tmp_path / "out.mp4", rate=Fraction(25), cancelled=cancelled)
    assert not list(tmp_path.iterdir())
