"""One real app for all tests in this folder, one Chromium, and visitors who come and go."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect, sync_playwright

from core import paths
from core.bundled import dances
from core.video.reader import VideoReader
from core.video.writer import VideoWriter
from scripts.setup import find_browser
from tests.browser.page import CHROMIUM_ARGUMENTS, WIDE, reach, wait_until_clickable, wait_until_warm
from tests.browser.serving import Server, serving
from tests.waiting import PATIENCE

UPLOAD_MB = 8

Picture = Callable[[Page, str], None]
Start = Callable[..., Server]


class Come(Protocol):
    """Opens a page as a new visitor, with cookies and cache of their own; the dance page when it can be clicked."""

    def __call__(self, path: str = "/", *, at: Server | None = None, size: tuple[int, int] = WIDE) -> Page: ...


@pytest.fixture(scope="package")
def executable() -> str:
    """A Chromium."""
    found = find_browser()
    if found is None:
        pytest.skip("no Chromium here: `make test` installs it or says how")
    expect.set_options(timeout=PATIENCE * 1000)
    return found


@pytest.fixture(scope="package")
def playwright_here() -> Iterator[Playwright]:
    """The one driver: a second one in a thread is refused."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def chromium(playwright_here: Playwright, executable: str) -> Iterator[Browser]:
    browser = playwright_here.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def server(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A warmed app that takes uploads of up to ``UPLOAD_MB``."""
    folder = tmp_path_factory.mktemp("app")
    with serving(folder, DANCE_MAX_UPLOAD_MB=str(UPLOAD_MB)) as running:
        with contextlib.closing(chromium.new_page()) as page:
            reach(page, running.url)
            wait_until_warm(page)
        yield running
        assert running.process.poll() is None, "the server ended by itself"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts further apps, one after the other over the same folders; they end after the visitors have left."""
    with contextlib.ExitStack() as running:
        yield lambda **environment: running.enter_context(serving(tmp_path / "app", **environment))


@pytest.fixture
def come(chromium: Browser, start: Start, request: pytest.FixtureRequest) -> Iterator[Come]:
    """Brings visitors. Afterwards none of them may have seen a traceback, a script error or a call to another host."""
    pages: list[Page] = []
    complaints: list[str] = []

    def arrive(path: str = "/", *, at: Server | None = None, size: tuple[int, int] = WIDE) -> Page:
        where = at or request.getfixturevalue("server")
        context = _context(chromium, size)
        pages.append(page := context.new_page())
        _listen(page, complaints)
        reach(page, f"{where.url}{path}")
        if urlsplit(path).path == "/":
            wait_until_clickable(page)
        return page

    yield arrive
    shown = [
        box.inner_text() for page in pages if not page.is_closed() for box in page.get_by_test_id("stException").all()
    ]
    for page in pages:
        page.context.close()
    assert not shown, "the page showed a traceback"
    assert not complaints, "the browser complained"


def _context(chromium: Browser, size: tuple[int, int]) -> BrowserContext:
    phone = size[0] < 600
    context = chromium.new_context(
        viewport={"width": size[0], "height": size[1]}, is_mobile=phone, has_touch=phone, accept_downloads=True,
        reduced_motion="reduce",  # what moves by itself keeps a processor busy that draws without a card
    )  # fmt: skip
    context.set_default_timeout(PATIENCE * 1000)
    return context


def _listen(page: Page, complaints: list[str]) -> None:
    page.on("pageerror", lambda error: complaints.append(f"script error: {error}"))
    page.on("console", lambda said: complaints.append(f"console: {said.text}") if _is_complaint(said) else None)
    page.on("request", lambda asked: complaints.append(f"asked {asked.url}") if _abroad(asked.url) else None)


def _is_complaint(said: ConsoleMessage) -> bool:
    """Who comes to a page by its own address: Streamlit looks for its server below that first, and does not find it there."""
    path = urlsplit(said.location["url"]).path
    looked_for = re.fullmatch(r"/[a-z]+/_stcore/(health|host-config)", path)
    return said.type == "error" and looked_for is None


def _abroad(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname != "127.0.0.1"


# ---- material


def cut(path: Path, start: float, end: float) -> Path:
    """A stretch of the first bundled dance, with its sound."""
    found = dances.list_dances()
    if not found or not paths.BUNDLED_PERFORMERS.is_dir():
        pytest.skip("the bundled dances and performers are not here")
    with VideoReader(found[0].video, start=start, end=end) as reader:
        frames = list(reader)
        with VideoWriter(path, size=reader.size, rate=reader.info.rate, audio=reader.sound()) as writer:
            for frame in frames:
                writer.write(frame.image, frame.time)
    return path


@pytest.fixture(scope="package")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second and a half."""
    return cut(tmp_path_factory.mktemp("clip") / "a short dance.mp4", 4.0, 5.5)


@pytest.fixture(scope="package")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough to do something in the middle of."""
    return cut(tmp_path_factory.mktemp("clip") / "a longer dance.mp4", 2.0, 10.0)


# ---- what is kept of a run


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    """Keeps a screenshot, in the folder that DANCE_SCREENSHOTS names where it is set."""
    folder = Path(os.environ.get("DANCE_SCREENSHOTS") or tmp_path)

    def keep(page: Page, name: str) -> None:
        page.screenshot(path=folder / f"{name}.png")

    return keep
