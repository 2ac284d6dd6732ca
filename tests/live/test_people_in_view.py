"""Several people before the camera: who they are, whom one chooses, and that it stays that one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from benchmarks.reports import whom as clips
from core import paths
from core.bundled import dances
from core.generators.base import Generator
from core.generators.registry import create_generator
from core.live.frame_analyzer import AnalyzedPicture, CameraFrame, FrameAnalyzer
from core.live.layout import Panels, compose_live
from core.live.live_settings import LiveSettings
from core.live.people_in_view import MARK_SECONDS, PeopleInView
from core.live.session import LiveSession, Shown
from core.pose.appearance_match import Chosen
from core.pose.person_selection import Listed, body_of
from core.targets.store import Target, load_target
from core.types import Frame
from tests.bodies import standing
from tests.live.camera import SIZE, feed_until, framed, picture
from tests.media import frames_of

pytestmark = pytest.mark.skipif(
    not dances.list_dances() or not paths.BUNDLED_PERFORMERS.is_dir(),
    reason="the bundled dances and performers are not here",
)

TWO = (
    clips.Dancer("omar-street", 1.0, lambda seconds: float(np.interp(seconds, [1.5, 3.5], [0.28, 0.75]))),
    clips.Dancer("june-sway", 1.0, lambda seconds: float(np.interp(seconds, [1.5, 3.5], [0.72, 0.25]))),
)
"""One on the left, one on the right; then they change places."""


@lru_cache(maxsize=1)
def camera() -> list[Frame]:
    """What a webcam shows of them, 25 a second."""
    with TemporaryDirectory() as folder:
        clip = Path(folder) / "two.mp4"
        clips.write_together(clip, TWO, seconds=4.5)
        return [framed(image) for image in frames_of(clip)]


def apart() -> list[Frame]:
    """The first second and a half, in which each stays on their side."""
    return camera()[:37]


@pytest.mark.parametrize("which", [0, 1])
def test_whoever_is_chosen_is_followed_as_they_move_and_cross(which: int) -> None:
    in_view = right = 0
    follow: Listed | None = None
    with FrameAnalyzer() as eye:
        for number, image in enumerate(camera()):
            seconds = number / 25
            found = eye.look(CameraFrame(number, seconds, picture(image, number)), flip=False, follow=follow)
            follow = None
            if number == 20:
                across = sorted(found.listed, key=lambda one: body_of(one.pose).x)
                assert len(across) == 2
                follow = across[which]
            elif number > 20 and clips.in_view(TWO, which, seconds):
                in_view += 1
                x = None if found.sight is None or found.sight.held else body_of(found.sight.pose).x / SIZE[0]
                right += x is not None and abs(x - TWO[which].place(seconds)) < 0.1
    assert in_view > 50
    assert right >= clips.ENOUGH * in_view


@lru_cache(maxsize=1)
def cast(performer: str, generator: str) -> tuple[Target, Generator]:
    target = load_target(performer)
    return target, create_generator(generator, target)


class Screen:
    """Keeps what was shown."""

    def __init__(self) -> None:
        self.shown: list[Shown] = []


@pytest.fixture
def session() -> Iterator[tuple[LiveSession, Screen]]:
    screen = Screen()
    wish = LiveSettings("theo", "nearest", layout="side-by-side", flip=False)
    with LiveSession(cast, wish, screen.shown.append) as running:
        yield running, screen


def test_two_in_view_are_said_and_shown_and_the_chosen_one_is_marked(session: tuple[LiveSession, Screen]) -> None:
    running, screen = session
    assert running.portraits() == []
    feed_until(running, apart(), lambda: bool(screen.shown) and len(running.portraits()) == 2)
    feed_until(running, apart(), lambda: "choose below" in (running.status().hint or ""))
    other = next(portrait for portrait in running.portraits() if not portrait.one.followed)
    assert min(other.image.shape[:2]) > 60

    running.follow(other)
    feed_until(running, apart(), lambda: abs(followed_at(running) - other.one.person.x) < 0.2)
    feed_until(running, apart(), lambda: any(marked(shown.image) for shown in screen.shown))
    first = next(shown for shown in screen.shown if marked(shown.image))
    assert first.pose is not None
    columns = np.flatnonzero(frame_pixels(first.image).any(axis=0)) * SIZE[1] / 384
    assert columns[0] < body_of(first.pose).x < columns[-1], "the frame is around whoever is followed"
    feed_until(running, apart(), lambda: not marked(screen.shown[-1].image))


def frame_pixels(image: Frame) -> np.ndarray:
    """Where the camera's panel, 384 pixels high, has the colour of the frame."""
    return np.asarray(np.abs(image[:, :512].astype(int) - (255, 90, 78)).max(axis=2) < 40)


def marked(image: Frame) -> bool:
    return int(frame_pixels(image).sum()) > 800


def followed_at(running: LiveSession) -> float:
    """Where the followed one is, in widths of the picture; far away where nobody is followed."""
    return next((portrait.one.person.x for portrait in running.portraits() if portrait.one.followed), 9.0)


def seen(*listed: Listed) -> AnalyzedPicture:
    return AnalyzedPicture(np.zeros((480, 640, 3), np.uint8), 0.0, None, len(listed), list(listed), None, True, {})


LEFT = Listed(1, standing(x=150), True, Chosen(0.0, 0.23, 0.5))
RIGHT = Listed(2, standing(x=450), False, Chosen(0.0, 0.7, 0.5))


def test_somebody_who_passes_by_is_nobody_to_choose() -> None:
    crowd = PeopleInView()
    for tick in range(60):
        crowd.take_in(seen(LEFT, RIGHT) if 20 <= tick < 30 else seen(LEFT), tick / 25)
        assert crowd.portraits() == []


def test_the_choice_stays_where_somebody_is_not_found_for_a_moment() -> None:
    crowd = PeopleInView()
    for tick in range(30):
        crowd.take_in(seen(LEFT, RIGHT), tick / 25)
    assert [(portrait.one.number, portrait.one.followed) for portrait in crowd.portraits()] == [(1, True), (2, False)]
    for tick in range(30, 60):
        crowd.take_in(seen(LEFT), tick / 25)
    assert len(crowd.portraits()) == 2
    crowd.take_in(seen(LEFT), 4.0)
    assert crowd.portraits() == []


def test_a_mark_is_for_a_change_among_several() -> None:
    crowd = PeopleInView()
    crowd.take_in(seen(LEFT), 0.0)
    crowd.take_in(seen(replace(LEFT, number=5)), 0.1)
    assert not crowd.marks(0.1), "of somebody alone it goes without saying"
    for tick in range(30):
        crowd.take_in(seen(LEFT, RIGHT), 1 + tick / 25)
        assert not crowd.marks(1 + tick / 25)
    crowd.take_in(seen(replace(LEFT, followed=False), replace(RIGHT, followed=True)), 2.2)
    assert crowd.marks(2.3)
    assert not crowd.marks(2.1), "a picture from before, drawn late, shows whoever was followed then"
    assert not crowd.marks(2.3 + MARK_SECONDS)


@pytest.mark.parametrize("layout", ["mirror", "skeleton", "inset", "side-by-side"])
def test_whoever_is_marked_is_seen_in_every_layout(layout: str) -> None:
    performer, there = np.zeros((512, 512, 3), np.uint8), np.full((480, 640, 3), 90, np.uint8)
    panels = Panels(performer, there, marked=standing(x=320, torso=60))
    image = compose_live(layout, panels)  # type: ignore[arg-type]
    assert (np.abs(image.astype(int) - (255, 90, 78)).max(axis=2) < 60).sum() > 100
    assert (there == 90).all()
    assert (performer == 0).all()
