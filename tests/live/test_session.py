"""A whole stream without a browser: real pictures in, real MediaPipe, real performers, pictures out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Any

import cv2
import numpy as np
import pytest

from core import paths
from core.errors import DanceError
from core.generators.base import Generator
from core.generators.registry import create_generator
from core.live.adaptive_quality import Quality
from core.live.frame_analyzer import CameraFrame, FrameAnalyzer, working_size
from core.live.layout import LiveLayout
from core.live.live_settings import LiveSettings, open_scene
from core.live.session import LiveSession, Shown
from core.pipeline import DancePipeline, PerformerRenderer
from core.services.photo_performer import build_from_photos
from core.targets.photo import look_at
from core.targets.store import Target, load_target
from core.types import VideoFrame
from tests.live.camera import SIZE, dance_frames, feed, feed_until, framed, picture
from tests.media import frames_of
from tests.waiting import until

pytestmark = pytest.mark.skipif(not paths.BUNDLED_PERFORMERS.is_dir(), reason="the bundled performers are not here")


@lru_cache(maxsize=4)
def cast(performer: str, generator: str) -> tuple[Target, Generator]:
    target = load_target(performer)
    return target, create_generator(generator, target)


class Screen:
    """Keeps what was shown."""

    def __init__(self) -> None:
        self.shown: list[Shown] = []
        self.session: LiveSession | None = None

    def show(self, shown: Shown) -> None:
        self.shown.append(shown)
        if self.session is not None:
            self.session.delivered(shown)

    @property
    def last(self) -> Shown:
        return self.shown[-1]


Start = Callable[..., tuple[LiveSession, Screen]]


@pytest.fixture
def start() -> Iterator[Start]:
    sessions: list[LiveSession] = []

    def begin(wish: LiveSettings | None = None, **options: float) -> tuple[LiveSession, Screen]:
        screen = Screen()
        session = LiveSession(cast, wish or LiveSettings("theo", "nearest"), screen.show, **options)  # type: ignore[arg-type]
        screen.session = session
        sessions.append(session)
        return session, screen

    yield begin
    for session in sessions:
        session.close()


def live_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("live-")]


def until_danced(session: LiveSession, screen: Screen, count: int = 1) -> None:
    """Until so many further pictures show somebody."""
    before = len(screen.shown)
    feed_until(session, dance_frames(), lambda: sum(s.asked is not None for s in screen.shown[before:]) >= count)


def test_the_performer_follows_and_the_figures_are_true(start: Start) -> None:
    session, screen = start()
    begun = monotonic()
    until_danced(session, screen)
    screen.shown.clear()
    feed_until(session, dance_frames(), lambda: len(screen.shown) >= 20)
    status = session.status()
    passed = monotonic() - begun

    numbers = [shown.number for shown in screen.shown]
    assert numbers == sorted(set(numbers))
    target, _ = cast("theo", "nearest")
    assert (np.abs(screen.last.image.astype(int) - target.plate).max(axis=2) > 40).mean() > 0.03
    hands = [shown.asked.xy[15, 1] for shown in screen.shown if shown.asked is not None]
    assert np.ptp(hands) > 20
    assert 0 < status.figures.different_fps <= status.figures.made_fps <= status.figures.camera_fps + 0.5
    assert status.figures.latency is not None
    assert 0 < status.figures.latency.p50 <= status.figures.latency.p95 < 1000 * passed
    assert {"wait", "convert", "pose", "retarget", "generate", "composite"} == set(status.figures.stages)
    assert status.hint is None


def test_somebody_of_one_photo_follows_as_anybody_does(start: Start, tmp_path: Path) -> None:
    with load_target("theo") as theo:
        cv2.imwrite(str(tmp_path / "theo.png"), theo.frames[40][..., ::-1])
    build_from_photos(look_at([tmp_path / "theo.png"]), id="snapshot", name="Snapshot").close()
    session, screen = start(LiveSettings("snapshot", "realtime"))
    until_danced(session, screen, 8)
    target, generator = cast("snapshot", "realtime")
    danced = [shown for shown in screen.shown if shown.asked is not None]
    for shown in (danced[0], danced[-1]):
        assert (np.abs(shown.image.astype(int) - target.plate).max(axis=2) > 40).mean() > 0.03
    assert np.ptp([shown.asked.xy[15, 1] for shown in danced if shown.asked is not None]) > 10
    canvas = generator.config.canvas  # type: ignore[attr-defined]
    with load_target("theo") as theo:
        filmed = create_generator("realtime", theo).config.canvas  # type: ignore[attr-defined]
    assert canvas.width * canvas.height <= filmed.width * filmed.height, (
        "as fast: a picture costs what its canvas has pixels"
    )
    assert session.status().hint is None


def test_it_is_the_online_way_of_the_pipeline(start: Start) -> None:
    """Looked at one after the other, a clip gives the very pictures that ``DancePipeline.step`` gives."""
    target, generator = cast("theo", "nearest")
    act = PerformerRenderer(target, generator)
    with FrameAnalyzer() as eye, DancePipeline(target, generator, person=(0.5, 0.5)) as pipeline:
        for number, image in enumerate(dance_frames()[:12]):
            seen = eye.look(CameraFrame(number, 100 + number / 25, picture(image, number)), flip=False)
            assert seen.sight is not None
            asked, choice = act.ask(seen.sight)
            online = pipeline.step(VideoFrame(number, Fraction(round(seen.seconds * 1_000_000), 1_000_000), seen.image))
            assert np.array_equal(act.draw(asked, choice).image, online.image)


def test_beside_the_camera_nothing_is_drawn_finer_than_it_is_shown() -> None:
    def drawn(layout: LiveLayout, generator: str, **options: Any) -> Generator:
        return open_scene(LiveSettings("theo", generator, layout=layout, **options), Quality.FULL, cast).act.generator

    _, generator = cast("theo", "realtime")
    smaller = generator.smaller()
    assert smaller is not None
    assert drawn("mirror", "realtime") is generator
    assert drawn("side-by-side", "realtime") is smaller
    assert drawn("mirror", "realtime", dance="lina-disco") is smaller
    _, painted = cast("theo", "mlp-se")
    assert drawn("side-by-side", "mlp-se") is painted, "half of it would be too little even there"


def test_the_shown_camera_picture_is_the_one_danced_from(start: Start) -> None:
    """Each camera picture carries its number as a grey level in a corner; side by side shows it beside its own dance."""
    session, screen = start(LiveSettings("theo", "nearest", layout="side-by-side", flip=False))
    marked = []
    for number, image in enumerate(dance_frames()):
        marked.append(image.copy())
        marked[-1][:40, :40] = 20 + 4 * number
    until_danced(session, screen)
    screen.shown.clear()
    first = session._count
    checked: list[Shown] = []
    while len(checked) <= 10:
        feed(session, marked)
        checked = [shown for shown in screen.shown if shown.number >= first]
    for shown in checked:
        assert shown.image.shape == (384, 512 + 384, 3)
        level = float(shown.image[4:24, 4:24].mean())
        assert level == pytest.approx(20 + 4 * ((shown.number - first) % len(marked)), abs=2.5)


def test_a_mirror_turns_the_picture_and_the_dancer(start: Start) -> None:
    frames = [cv2.flip(image, 1) for image in dance_frames()[:20]]
    session, screen = start(LiveSettings("theo", "nearest", layout="inset"))
    feed_until(session, dance_frames()[:20], lambda: bool(screen.shown) and screen.last.pose is not None)
    mirrored = screen.last
    session.close()
    plain_session, plain = start(LiveSettings("theo", "nearest", layout="inset", flip=False))
    feed_until(
        plain_session,
        frames,
        lambda: any(s.number % 40 == mirrored.number % 40 and s.pose is not None for s in plain.shown),
    )
    same = next(s for s in plain.shown if s.number % 40 == mirrored.number % 40 and s.pose is not None)
    assert mirrored.pose is not None
    assert same.pose is not None
    assert np.abs(mirrored.pose.xy - same.pose.xy).max() < 60


def test_everything_can_be_changed_while_it_runs(start: Start) -> None:
    session, screen = start()
    until_danced(session, screen)
    plates = {name: cast(name, "nearest")[0].plate for name in ("theo", "mira")}

    def on_stage_of(name: str) -> bool:
        plate = plates[name]
        return bool(np.abs(screen.last.image[:60, :60].astype(int) - plate[:60, :60]).max() < 12)

    assert on_stage_of("theo")
    session.wish(LiveSettings("mira", "mlp-se"))
    feed_until(session, dance_frames(), lambda: on_stage_of("mira"))
    session.wish(LiveSettings("mira", "mlp-se", background="green"))
    feed_until(session, dance_frames(), lambda: tuple(screen.last.image[5, 5]) == (0, 177, 64))
    session.wish(LiveSettings("mira", "mlp-se", background="green", layout="side-by-side", flip=False))
    feed_until(session, dance_frames(), lambda: screen.last.image.shape == (384, 896, 3))
    assert not session.over


def test_a_wish_that_cannot_be_granted_is_told_and_the_old_goes_on(start: Start) -> None:
    session, screen = start()
    until_danced(session, screen)
    session.wish(LiveSettings("nobody-of-that-name", "nearest"))
    feed_until(session, dance_frames(), lambda: session.status().notice is not None)
    assert "nobody-of-that-name" in (session.status().notice or "")
    until_danced(session, screen)
    assert not session.over


def test_a_first_wish_that_cannot_be_granted_ends_it_with_a_sentence(start: Start) -> None:
    session, _ = start(LiveSettings("nobody-of-that-name", "nearest"))
    until(lambda: session.over)
    assert "nobody-of-that-name" in (session.status().ended or "")


@pytest.mark.parametrize("running", [False, True])
def test_the_end_frees_the_threads(start: Start, running: bool) -> None:
    session, screen = start()
    if running:
        until_danced(session, screen)
        session.put(picture(dance_frames()[0], 0))
    session.close()
    until(lambda: live_threads() == [])
    shown = len(screen.shown)
    session.put(picture(dance_frames()[0], 1))
    assert live_threads() == []
    assert len(screen.shown) == shown


def test_nobody_in_view_shows_the_empty_stage_and_says_so(start: Start) -> None:
    session, screen = start()
    empty = [np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)] * 30
    feed_until(session, empty, lambda: session.status().hint is not None)
    assert "Nobody is in view" in (session.status().hint or "")
    before = len(screen.shown)
    feed_until(session, empty, lambda: len(screen.shown) >= before + 15)
    assert screen.last.asked is None
    assert not any(shown.different for shown in screen.shown[before + 5 :])


def test_whoever_forgets_it_is_switched_off(start: Start) -> None:
    session, _ = start(idle_seconds=0.5)
    empty = [np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)] * 30
    feed_until(session, empty, lambda: session.over)
    assert "switched off" in (session.status().ended or "")


@pytest.mark.parametrize("size", [(3840, 2160), (720, 1280), (320, 240)])
def test_cameras_of_other_shapes(start: Start, size: tuple[int, int]) -> None:
    session, screen = start(LiveSettings("theo", "nearest", layout="side-by-side"))
    frames = [framed(image, size) for image in dance_frames()[:4]]
    feed_until(session, frames, lambda: any(shown.asked is not None for shown in screen.shown))
    width, height = working_size(*size)
    assert max(width, height) == 640
    panel = round(width * 384 / height / 2) * 2
    assert screen.last.image.shape == (384, panel + 384, 3)


def test_a_stream_that_shrinks_on_its_way_does_not_look_like_stepping_back() -> None:
    frames = dance_frames()[:16]
    with FrameAnalyzer() as eye:
        heights = []
        for number, image in enumerate(frames):
            smaller = image if number < 8 else cv2.resize(image, (320, 240), interpolation=cv2.INTER_AREA)
            seen = eye.look(CameraFrame(number, number / 25, picture(smaller, number)), flip=True)
            assert seen.sight is not None
            heights.append(float(np.ptp(seen.sight.pose.xy[:, 1])))
        assert max(heights) / min(heights) < 1.25


def test_what_is_shown_is_recorded_and_plays(start: Start, tmp_path: Path) -> None:
    session, screen = start()
    until_danced(session, screen)
    session.record(tmp_path / "mirror.mp4", sound=False, longest=60)
    first = len(screen.shown)
    feed_until(session, dance_frames(), lambda: len(screen.shown) >= first + 20)
    assert session.status().recording is not None
    # those that are on their way are shown after it has stopped
    shown = screen.shown[first:]
    recorded = session.stop_recording()
    assert recorded is not None
    frames = frames_of(recorded.path)
    assert recorded.frames == len(frames)
    assert len(frames) + recorded.left_out >= len(shown) - 2
    assert np.abs(frames[-1].astype(int) - shown[-1].image).mean() < 6
    assert session.status().recording is None


def test_a_broken_generator_ends_it_with_a_sentence() -> None:
    class Broken(Exception):
        pass

    target, generator = cast("theo", "nearest")

    class Breaks:
        def __getattr__(self, name: str) -> object:
            return getattr(generator, name)

        def generate(self, *given: object) -> object:
            raise Broken

    screen = Screen()
    with LiveSession(lambda p, g: (target, Breaks()), LiveSettings("theo", "nearest"), screen.show) as session:  # type: ignore[arg-type,return-value]
        feed_until(session, dance_frames(), lambda: session.over)
        assert "start it again" in (session.status().ended or "")


def test_an_unwritable_recording_is_told(start: Start, tmp_path: Path) -> None:
    session, screen = start()
    until_danced(session, screen)
    session.record(tmp_path / "no such folder" / "mirror.mp4", sound=False, longest=60)
    first = len(screen.shown)
    feed_until(session, dance_frames(), lambda: len(screen.shown) >= first + 2)
    with pytest.raises(DanceError, match="no folder"):
        session.stop_recording()
    until_danced(session, screen)
