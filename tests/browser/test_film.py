"""Filming oneself for a performer in a real browser, with a real (if recorded) camera."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from core import paths
from core.bundled import dances
from tests.browser import camera
from tests.browser.conftest import Picture
from tests.browser.page import reach
from tests.browser.serving import Server, until

pytestmark = pytest.mark.browser

CAMERA_SECONDS = 12.0

Come = Callable[..., Page]


@pytest.fixture(scope="module")
def filmed(executable: str, playwright_here: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A Chromium whose webcam shows a dance."""
    video = dances.find("omar-street")
    if video is None or not paths.BUNDLED_PERFORMERS.is_dir():
        pytest.skip("the bundled dances and performers are not here")
    frames = camera.camera_frames(video, CAMERA_SECONDS)
    file = camera.write_camera(tmp_path_factory.mktemp("camera") / "dance.mjpeg", frames)
    with camera.with_camera(playwright_here, executable, file) as browser:
        yield browser


@pytest.fixture
def come(filmed: Browser, server: Server) -> Iterator[Come]:
    """Brings visitors to the train page who choose to film themselves. None of them may see a traceback."""
    contexts: list[BrowserContext] = []

    def arrive(by: Browser = filmed) -> Page:
        contexts.append(context := camera.probed(by))
        page = context.new_page()
        reach(page, f"{server.url}/train")
        choose(page, "Film yourself")
        camera.component(page)
        return page

    yield arrive
    shown = [box.inner_text() for c in contexts for page in c.pages for box in page.get_by_test_id("stException").all()]
    for context in contexts:
        context.close()
    assert not shown, "the page showed a traceback"


def choose(page: Page, name: str) -> None:
    """Click one of the choices of a row."""
    page.get_by_role("radio", name=name).or_(page.get_by_role("button", name=name, exact=True)).first.click()


def until_recorded(page: Page, seconds: int = 0) -> None:
    """So many seconds, fewer than ten, are recorded."""
    expect(page.get_by_text(re.compile(rf"(0:0[{seconds}-9]|0:[1-9]\d|[1-9]:\d\d) recorded"))).to_be_visible()


def test_from_start_to_a_video_that_is_looked_at(come: Come, picture: Picture) -> None:
    page = come()
    picture(page, "film-1-before")
    frame = camera.start(page)
    camera.wait_until_shown(frame)
    expect(page.get_by_text("Stay there: it begins by itself.")).to_be_visible()
    picture(page, "film-2-counting")
    until_recorded(page, 2)
    picture(page, "film-3-recording")
    until_recorded(page, 5)
    picture(page, "film-4-recording")
    camera.stop(page)
    expect(page.get_by_text(re.compile("filmed 1"))).to_be_visible()
    expect(page.get_by_text("This will not look good.")).to_be_visible()
    picture(page, "film-5-looked-at")
    expect(page.get_by_text("The footage is")).to_be_visible()

    # and another one
    choose(page, "Film yourself")
    camera.start(page)
    until_recorded(page, 4)
    camera.stop(page)
    expect(page.get_by_text(re.compile("filmed 2"))).to_be_visible()


def test_whoever_stops_before_it_begins_is_told(
    come: Come, server: Server, executable: str, playwright_here: Playwright, tmp_path: Path, picture: Picture
) -> None:
    # nobody is in view, so that it does not begin before Stop is pressed, however long that takes
    empty = [np.full((480, 640, 3), 120, np.uint8)] * camera.RATE
    file = camera.write_camera(tmp_path / "empty.mjpeg", iter(empty))
    with camera.with_camera(playwright_here, executable, file) as browser:
        page = come(browser)
        before = parts(server)
        camera.wait_until_shown(camera.start(page))
        camera.stop(page)
        expect(page.get_by_text("so nothing was kept")).to_be_visible()
        picture(page, "film-6-nothing-kept")
        until(lambda: parts(server) <= before)
        page.context.close()


def test_whoever_leaves_leaves_nothing(come: Come, server: Server) -> None:
    page = come()
    before = set(server.files())
    camera.start(page)
    until_recorded(page)
    page.context.close()
    until(lambda: set(server.files()) <= before)


def parts(server: Server) -> set[Path]:
    """What is half-written."""
    return set(server.work.rglob("*.part"))
