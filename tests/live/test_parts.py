"""The small parts of a live stream, each alone."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from core.errors import UnusableInput
from core.live.adaptive_quality import Quality, QualityController
from core.live.framing_hints import Calibration, Hint, sentence
from core.live.latest_slot import LatestSlot
from core.live.layout import LIVE_LAYOUTS, Panels, compose_live, parse_live_layout
from core.live.stream_limiter import StreamLimiter, StreamLimitReached
from core.live.stream_stats import Figures, Summary
from core.pose.live_tracker import LiveDancer, TrackedPose
from core.pose.retarget import measure_body
from core.types import Frame, Pose
from tests.bodies import moved, standing
from tests.waiting import PATIENCE, until

SIZE = (640, 480)


class TestMailbox:
    def test_the_newest_wins(self) -> None:
        box: LatestSlot[int] = LatestSlot()
        box.put(1)
        box.put(2)
        assert box.take() == 2
        assert box.take(timeout=0.01) is None

    def test_whoever_fills_it_can_wait_until_it_is_empty(self) -> None:
        box: LatestSlot[int] = LatestSlot()
        box.put(1)
        waiting = threading.Thread(target=box.wait_until_taken)
        waiting.start()
        waiting.join(0.05)
        assert waiting.is_alive()
        assert box.take() == 1
        waiting.join(PATIENCE)
        assert not waiting.is_alive()
        box.put(2)
        waiting = threading.Thread(target=box.wait_until_taken)
        waiting.start()
        box.close()
        waiting.join(PATIENCE)
        assert not waiting.is_alive(), "what nobody will take any more is not waited for"

    def test_closing_wakes_whoever_waits(self) -> None:
        box: LatestSlot[int] = LatestSlot()
        got: list[int | None] = []
        waiting = threading.Thread(target=lambda: got.append(box.take()))
        waiting.start()
        box.close()
        waiting.join(PATIENCE)
        assert got == [None]
        box.put(3)
        assert box.take() is None


class TestFigures:
    def test_only_pictures_that_differ_count(self) -> None:
        figures = Figures()
        for n in range(100):
            figures.camera(n / 25)
            figures.shown(0.05, n % 4 == 0, n / 25)
        read = figures.read(99 / 25)
        assert read.camera_fps == pytest.approx(25, rel=0.05)
        assert read.made_fps == pytest.approx(25, rel=0.05)
        assert read.different_fps == pytest.approx(25 / 4, rel=0.1)

    def test_latency_and_stages_are_those_of_the_last_seconds(self) -> None:
        figures = Figures()
        for n in range(400):
            slow = n < 200
            figures.camera(n / 20)
            figures.shown(0.5 if slow else 0.04, True, n / 20)
            figures.stages({"pose": 90.0 if slow else 15.0}, n / 20)
        read = figures.read(20)
        assert read.latency is not None
        assert read.latency.p95 == pytest.approx(40)
        assert read.stages["pose"].p50 == pytest.approx(15)
        assert figures.read(25).camera_silent == pytest.approx(5.05)

    def test_nothing_piles_up(self) -> None:
        figures = Figures()
        for n in range(20_000):
            figures.camera(n / 30)
            figures.shown(0.05, True, n / 30)
            figures.stages({"pose": 1.0}, n / 30)
        assert len(figures._camera) < 160
        assert len(figures._shown) < 160
        assert len(figures._stages["pose"]) < 160


class TestQuality:
    def steps(self, made: list[float], *, smaller: bool, camera: float = 30.0) -> list[Quality]:
        """The step in each second of a stream that makes so many pictures a second."""
        ladder = QualityController()
        return [
            ladder.judge(Summary(camera_fps=camera, made_fps=fps), float(now), smaller_offered=smaller)
            for now, fps in enumerate(made)
        ]

    def test_a_machine_that_keeps_up_is_left_alone(self) -> None:
        assert set(self.steps([22.0] * 100, smaller=True)) == {Quality.FULL}
        assert set(self.steps([9.5] * 100, smaller=True, camera=10)) == {Quality.FULL}

    def test_it_steps_down_one_by_one(self) -> None:
        steps = self.steps([8.0] * 20, smaller=True)
        assert steps[:5] == [Quality.FULL] * 5
        assert steps[-1] is Quality.SECOND_POSE
        assert Quality.SMALLER in steps
        assert steps == sorted(steps)

    def test_a_generator_without_a_smaller_size_goes_to_poses_at_once(self) -> None:
        assert Quality.SMALLER not in self.steps([8.0] * 20, smaller=False)

    def test_a_single_slow_second_is_forgiven(self) -> None:
        assert set(self.steps(([22.0] * 4 + [5.0]) * 10, smaller=True)) == {Quality.FULL}

    def test_it_climbs_again_and_waits_longer_after_each_fall(self) -> None:
        ladder = QualityController()
        climbs, before = [], Quality.FULL
        for now in range(1000):
            # fast enough at the smaller size only
            fps = 10.0 if ladder.step is Quality.FULL else 25.0
            step = ladder.judge(Summary(camera_fps=30, made_fps=fps), float(now), smaller_offered=True)
            if step < before:
                climbs.append(now)
            before = step
        waits = np.diff(climbs)
        assert len(climbs) >= 3
        assert (waits[1:] > 1.5 * waits[:-1]).all()

    def test_every_step_but_the_best_is_explained(self) -> None:
        assert Quality.FULL.sentence is None
        assert all((step.sentence or "").endswith(".") for step in Quality if step is not Quality.FULL)


class TestHints:
    light = np.tile(np.linspace(60, 220, 640, dtype=np.uint8)[None, :, None], (480, 1, 3))

    def hint(self, pose: Pose | None, *, people: int = 1, image: Frame | None = None) -> Hint | None:
        """What is said after a second of this."""
        calibration = Calibration()
        sight = None if pose is None else TrackedPose(0.0, pose, measure_body([pose]), 0.0)
        hint: Hint | None = None
        for n in range(20):
            hint = calibration.look(self.light if image is None else image, sight, people, n / 15)
        return hint

    def test_somebody_who_stands_well_is_left_in_peace(self) -> None:
        assert self.hint(standing(x=320, floor=460, torso=110)) is None

    def test_black_dark_and_nobody(self) -> None:
        assert self.hint(None, people=0, image=np.full((480, 640, 3), 3, np.uint8)) == "black"
        assert self.hint(None, people=0, image=self.light // 6) == "dark"
        assert self.hint(None, people=0) == "nobody"

    def test_too_close_and_far(self) -> None:
        assert self.hint(moved(standing(x=320, floor=460, torso=520), dy=500)) == "close"
        assert self.hint(standing(x=320, floor=200, torso=30)) == "far"

    def test_two_people(self) -> None:
        assert self.hint(standing(x=320, floor=460, torso=110), people=2) == "two"

    def test_a_desk_camera_sees_no_legs(self) -> None:
        pose = standing(x=320, floor=700, torso=170)
        landmarks = pose.landmarks.copy()
        landmarks[23:, 3] = 0.1
        assert self.hint(Pose(landmarks)) == "legs"
        assert "Mira" in sentence("legs", "Mira")

    def test_a_moment_is_not_worth_a_word(self) -> None:
        calibration = Calibration()
        calibration.look(self.light, None, 0, 0.0)
        assert calibration.look(self.light, None, 0, 0.3) is None
        assert calibration.look(self.light, None, 0, 0.8) == "nobody"


class TestDancer:
    def test_a_guess_goes_on_in_a_straight_line_but_not_far(self) -> None:
        dancer = LiveDancer()
        for n in range(3):
            sight = dancer.take(standing(x=300 + 8 * n), n / 15)
        assert sight is not None
        guessed = dancer.guess(2.5 / 15)
        assert guessed is not None
        step = guessed.pose.xy[0, 0] - sight.pose.xy[0, 0]
        assert 2 < step < 6
        late = dancer.guess(2 / 15 + 0.3)
        assert late is not None
        assert late.held
        assert dancer.guess(2 / 15 + 0.8) is None


class TestStage:
    performer = np.full((512, 512, 3), 90, np.uint8)
    camera = np.full((480, 640, 3), 200, np.uint8)

    @pytest.mark.parametrize("layout", LIVE_LAYOUTS)
    def test_every_layout_leaves_its_parts_as_they_were(self, layout: str) -> None:
        panels = Panels(self.performer, self.camera, standing(), words="Step back.", silhouette=True)
        image = compose_live(parse_live_layout(layout), panels)
        assert image.shape[0] % 2 == image.shape[1] % 2 == 0
        assert image.flags.c_contiguous
        assert self.performer.std() == self.camera.std() == 0
        assert (image == 255).any() or image.max() > 230, "neither words nor silhouette"

    def test_side_by_side_shows_camera_left_and_performer_right(self) -> None:
        image = compose_live("side-by-side", Panels(self.performer, self.camera))
        assert (image[:, :512] == 200).all()
        assert (image[:, 512:] == 90).all()

    def test_a_dance_to_follow_stands_at_the_left_of_any_layout(self) -> None:
        dance = np.full((384, 384, 3), 10, np.uint8)
        image = compose_live("mirror", Panels(self.performer, self.camera, dance=dance))
        assert image.shape == (384, 768, 3)
        assert (image[:, :384] == 10).all()

    @pytest.mark.parametrize("size", [(480, 640), (1280, 720), (90, 640)])
    def test_a_small_camera_picture_of_any_shape_fits(self, size: tuple[int, int]) -> None:
        camera = np.full((*size, 3), 200, np.uint8)
        image = compose_live("inset", Panels(self.performer, camera))
        share = (image == 200).all(axis=2).mean()
        assert 0.01 < share < 0.12

    def test_what_is_not_there_is_refused_by_name(self) -> None:
        with pytest.raises(UnusableInput, match="side-by-side"):
            parse_live_layout("upside-down")


class LimitedStream:
    def __init__(self, silent: float = 0.0) -> None:
        self.silent_seconds = silent
        self.closed = False

    def close(self) -> None:
        self.closed = True


class TestRoom:
    def test_two_are_served_and_the_third_is_told(self) -> None:
        room = StreamLimiter(2)
        first, second, third = LimitedStream(), LimitedStream(), LimitedStream()
        room.enter(first)
        room.enter(second)
        with pytest.raises(StreamLimitReached, match="2 people dance live"):
            room.enter(third)
        room.leave(first)
        room.leave(first)
        room.enter(third)
        assert not room.free
        room.close()
        assert second.closed
        assert third.closed
        with pytest.raises(StreamLimitReached, match="being stopped"):
            room.enter(LimitedStream())

    def test_a_stream_that_fell_silent_gives_its_place_back(self) -> None:
        room = StreamLimiter(1, silent_seconds=0.2)
        lost = LimitedStream(silent=9.0)
        room.enter(lost)
        until(lambda: room.free)
        assert lost.closed
        room.close()
