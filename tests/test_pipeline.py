"""The live way, and both ways against each other."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from core import dances
from core.generators.registry import create_generator
from core.pipeline import DancePipeline, FrameResult
from core.pose.analysis import Analysis, Sighting, look
from core.pose.smoothing import torso_length
from core.targets.store import Target, load_target
from core.types import VideoFrame
from core.video.reader import VideoReader


@pytest.fixture(scope="module")
def theo() -> Target:
    return load_target("theo")


@pytest.fixture(scope="module")
def frames() -> list[VideoFrame]:
    dance = dances.find("omar-street")
    assert dance is not None
    with VideoReader(dance, start=2, end=4) as reader:
        return list(reader)


@pytest.fixture
def pipeline(theo: Target) -> Iterator[DancePipeline]:
    with DancePipeline(theo, create_generator("nearest", theo)) as made:
        yield made


def test_a_live_stream_dances_from_its_first_frame(
    pipeline: DancePipeline, frames: list[VideoFrame], theo: Target
) -> None:
    results = [pipeline.step(frame) for frame in frames[:10]]
    assert theo.plate is not None
    for result in results:
        assert result.pose is not None
        assert (np.abs(result.image.astype(int) - theo.plate).max(axis=2) > 40).mean() > 0.03
        assert {"pose", "retarget", "generate", "composite"} <= set(result.milliseconds)


def test_live_settles_to_what_the_file_way_asks(
    pipeline: DancePipeline, frames: list[VideoFrame], theo: Target
) -> None:
    analysis = Analysis((512, 512))
    for sighting in look(iter(frames)):
        analysis.add(sighting)
    plan = pipeline.analyse(analysis)
    with DancePipeline(theo, create_generator("nearest", theo)) as other:
        live = [other.step(frame).asked for frame in frames]
    apart = []
    for asked, planned in zip(live[25:], plan.asked[25:], strict=True):
        assert asked is not None
        assert planned is not None
        # where the middle of the room is only the whole video tells; shape and floor are known after a second
        off = asked.xy - planned.xy
        off[:, 0] -= off[:, 0].mean()
        apart.append(np.linalg.norm(off, axis=1).mean() / torso_length(planned))
    assert np.mean(apart) < 0.15


def test_a_blink_of_the_estimator_holds_and_a_long_absence_empties_the_stage(
    pipeline: DancePipeline, frames: list[VideoFrame], theo: Target
) -> None:
    for frame in frames[:5]:
        last = pipeline.step(frame)
    nothing = np.full_like(frames[0].image, 90)

    def without(seconds: float) -> FrameResult:
        frame = VideoFrame(99, Fraction(frames[4].time) + Fraction(seconds), nothing)
        return pipeline.step(frame, sighting=Sighting(frame, [], None, False, 0.0))

    held = without(0.2)
    assert held.asked is not None
    assert last.asked is not None
    assert np.array_equal(held.asked.xy, last.asked.xy)
    gone = without(1.0)
    assert gone.asked is None
    assert theo.plate is not None
    assert np.array_equal(gone.image, theo.plate)


def test_looking_twice_sees_the_same(frames: list[VideoFrame]) -> None:
    once, again = ([s.pose for s in look(iter(frames[:12]))] for _ in range(2))
    for a, b in zip(once, again, strict=True):
        assert a is not None
        assert b is not None
        assert np.array_equal(a.landmarks, b.landmarks)


def test_an_error_in_the_source_surfaces_where_the_frames_are_used(frames: list[VideoFrame]) -> None:
    def broken() -> Iterator[VideoFrame]:
        yield frames[0]
        raise OSError("the stick was pulled out")

    with pytest.raises(OSError, match="pulled out"):
        list(look(broken()))


def test_a_hard_cut_is_seen(frames: list[VideoFrame]) -> None:
    other = [VideoFrame(i, Fraction(i, 25), 255 - f.image if i >= 4 else f.image) for i, f in enumerate(frames[:8])]
    analysis = Analysis((512, 512))
    for sighting in look(iter(other)):
        analysis.add(sighting)
    assert analysis.cuts == [4]


def test_real_footage_is_followed_in_every_frame(shared_data: object, theo: Target) -> None:
    with VideoReader(shared_data / "videos" / "taichi2.mp4", start=5, end=7, max_side=1280) as reader:  # type: ignore[operator]
        analysis = Analysis(reader.size)
        for sighting in look(reader):
            analysis.add(sighting)
    with DancePipeline(theo, create_generator("nearest", theo)) as pipeline:
        plan = pipeline.analyse(analysis)
    assert plan.found == len(plan.poses) == 60
    feet = [asked.xy[27:, 1].max() for asked in plan.asked if asked is not None]
    # the performer stands on his own floor, not on the dancer's
    own = np.nanpercentile(theo.poses[:, 27:, 1].max(axis=1), 50)
    assert np.abs(np.median(feet) - own) < 20
