"""The live way, and both ways against each other."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import cv2
import numpy as np
import pytest

from core.bundled import dances
from core.generators.realtime import RealtimeGenerator, exemplar_bank_of
from core.generators.registry import create_generator
from core.pipeline import DancePipeline
from core.pose import skeleton
from core.pose.smoothing import torso_length
from core.pose.turns import turn_of
from core.pose.video_analysis import Analysis, FrameDetections, look
from core.targets.split import Subset
from core.targets.store import Target, load_target
from core.types import FrameResult, Pose, VideoFrame
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
        return pipeline.step(frame, sighting=FrameDetections(frame, [], None, False, 0.0))

    held = without(0.2)
    assert held.asked is not None
    assert last.asked is not None
    assert np.array_equal(held.asked.xy, last.asked.xy)
    gone = without(1.0)
    assert gone.asked is None
    assert np.array_equal(gone.image, theo.plate)


@pytest.fixture(scope="module")
def turn() -> list[VideoFrame]:
    """Somebody who turns all the way round."""
    dance = dances.find("lina-disco")
    assert dance is not None
    with VideoReader(dance, start=5, end=8.5) as reader:
        return list(reader)


def turned(pose: Pose) -> float:
    """Degrees that the trunk is turned away from the camera."""
    return float(np.degrees(np.abs(turn_of(pose.landmarks[None], (11, 23), (12, 24))[0])))


def whole(alpha: np.ndarray, pose: Pose) -> float:
    """Share of the trunk that is covered by the person."""
    trunk = np.zeros(alpha.shape, np.uint8)
    corners = pose.xy[[*skeleton.SHOULDERS, *reversed(skeleton.HIPS)]]
    cv2.fillConvexPoly(trunk, np.rint(corners).astype(np.int32), 255)
    return float((alpha[trunk > 0] > 128).mean())


def test_whoever_was_filmed_from_the_front_only_is_not_torn_by_a_dance_that_turns(turn: list[VideoFrame]) -> None:
    with load_target("mira") as mira:
        angles = np.degrees(np.abs(turn_of(np.asarray(mira.poses), (11, 23), (12, 24))))
        front = Subset(mira, mira.found & (angles < 35))
        analysis = Analysis((432, 768))
        sightings = list(look(iter(turn)))
        for sighting in sightings:
            analysis.add(sighting)
        generator = create_generator("nearest", front)
        with DancePipeline(front, generator) as files, DancePipeline(front, generator) as live:
            plan = files.analyse(analysis)
            streamed = [live.step(of.frame, sighting=of).asked for of in sightings]
            danced = [pose for pose in plan.poses if pose is not None]
            assert max(turned(pose) for pose in danced) > 150
            for asked in (plan.asked, streamed):
                assert max(turned(pose) for pose in asked if pose is not None) < 45
            away = [turned(pose) > 100 for pose in danced]
            assert all(seen < 2 / 3 for seen, far in zip(plan.moves.seen, away, strict=True) if far)
            assert np.mean(plan.moves.seen[:20]) > 0.9
        # what draws them copies from frames of the front alone
        realtime = create_generator("realtime", mira)
        assert isinstance(realtime, RealtimeGenerator)
        known = tuple(frame for frame in realtime.config.memory if front.found[frame])
        memory = exemplar_bank_of(mira, realtime.config.model_copy(update={"memory": known}))
        for i in np.flatnonzero(away)[::4]:
            pose = plan.asked[i]
            assert pose is not None
            alpha = memory.picture(realtime.network(), pose, mira.plate).alpha
            assert alpha is not None
            assert whole(alpha, pose) > 0.97


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
    near = [cv2.resize(f.image[80:], None, fx=1.5, fy=1.5)[:, 100:] for f in frames[4:8]]
    other = [VideoFrame(i, Fraction(i, 25), f.image if i < 4 else near[i - 4]) for i, f in enumerate(frames[:8])]
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
