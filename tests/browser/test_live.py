"""The live page in a real browser with a real (if recorded) camera. Alone: ``make test ARGS="tests/browser/test_live.py"``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import numpy as np
import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect
from playwright.sync_api import Frame as PageFrame

from core import paths
from core.bundled import dances
from core.evaluation.metrics import pose_error
from core.generators.registry import create_generator
from core.live.frame_analyzer import CameraFrame, FrameAnalyzer
from core.pipeline import PerformerRenderer
from core.pose.estimator import find_people
from core.targets.store import list_targets, load_target
from core.types import Frame, Pose
from tests.browser import camera
from tests.browser.conftest import Picture
from tests.browser.page import reach, wait_for
from tests.browser.serving import Server, serving, until
from tests.live.camera import picture as as_sent

pytestmark = pytest.mark.browser

CAMERA_SECONDS = 12.0
OWN_THREADS = 5
"""Of a stream: four of ours and one that decodes, not counting those of the pose graphs."""
AKD = 18.0
"""Pixels at 256. About 10 is measured; of pictures whose numbers are mixed up it is beyond 40."""
STEP = 3
RECENT = 2 * camera.RATE
"""Camera pictures that a shown pose may stem from: the fewer of them are looked at, the longer the smoothing takes."""
KEPT = 12

Come = Callable[..., Page]


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """What the camera shows."""
    video = dances.find("omar-street")
    if video is None or not paths.BUNDLED_PERFORMERS.is_dir():
        pytest.skip("the bundled dances and performers are not here")
    return list(camera.camera_frames(video, CAMERA_SECONDS))


@pytest.fixture(scope="module")
def filmed(
    executable: str, playwright_here: Playwright, frames: list[Frame], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """A Chromium whose webcam shows a dance."""
    file = camera.write_camera(tmp_path_factory.mktemp("camera") / "dance.mjpeg", iter(frames))
    with camera.with_camera(playwright_here, executable, file) as browser:
        yield browser


@pytest.fixture
def come(filmed: Browser, server: Server) -> Iterator[Come]:
    """Brings visitors to the live page. Afterwards none of them may have seen a traceback."""
    contexts: list[BrowserContext] = []

    def arrive(*, by: Browser | None = None, at: Server | None = None, path: str = "/live") -> Page:
        contexts.append(context := camera.probed(by or filmed))
        page = context.new_page()
        reach(page, f"{(at or server).url}{path}")
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


def side_by_side(page: Page) -> None:
    choose(page, "Side by side")
    frame = camera.component(page)
    frame.evaluate("() => { window.__probe.share = 512 / 896 }")


def threads(server: Server) -> int:
    return psutil.Process(server.process.pid).num_threads()


def megabytes(server: Server) -> float:
    return float(psutil.Process(server.process.pid).memory_info().rss / 1e6)


def test_the_performer_follows_the_camera_and_stops_cleanly(
    come: Come, server: Server, frames: list[Frame], picture: Picture
) -> None:
    page = come()
    picture(page, "live-1-before")
    side_by_side(page)
    # footage has not every pose; this one draws what it is asked for
    camera.draw_with(page, "unet-attn")
    frame = camera.start(page)
    camera.wait_for_pictures(frame)
    # those of the first second know little of the dancer yet
    camera.wait_for_pictures(frame, count=20)
    frame.evaluate("() => { window.__probe.keepEvery = 500 }")
    wait_for(frame, f"() => window.__probe.kept.length >= {KEPT}")
    expect(page.get_by_text("different pictures a second")).to_be_visible()
    picture(page, "live-2-side-by-side")

    shown = frame.evaluate("() => window.__probe.remote.map(shown => shown[1]).filter(number => number >= 0)")
    steps = np.diff(shown) % len(frames)
    assert (steps < len(frames) / 2).all(), "none is older than the one before"
    right, wrong = follow_errors(frames, camera.kept_pictures(frame))
    # on a few pictures of a fast dance the detector takes left for right
    assert np.median(right) < AKD
    assert np.median(right) < 0.7 * np.median(wrong), "and not whatever it is asked for"

    busy = threads(server)
    camera.stop(page)
    until(lambda: threads(server) <= busy - OWN_THREADS, what="the stream's threads to end")
    expect(component_button(page, "Start")).to_be_visible()


def component_button(page: Page, name: str) -> Locator:
    return camera.component(page).get_by_role("button", name=name)


def follow_errors(frames: list[Frame], kept: list[tuple[int, Frame]]) -> tuple[list[float], list[float]]:
    """Of every picture the mean distance in pixels at 256 between the pose found on the shown performer and the nearest of
    those that the camera pictures up to the shown one ask for; and the same of the pictures half a film away."""
    performer = list_targets()[0].id
    target = load_target(performer)
    act = PerformerRenderer(target, create_generator("nearest", target))
    asked: list[Pose | None] = []
    with FrameAnalyzer() as eye:
        for place, image in enumerate(frames[::STEP]):
            number = place * STEP
            seen = eye.look(CameraFrame(number, number / camera.RATE, as_sent(image, number, camera.RATE)), flip=True)
            asked.append(act.ask(seen.sight)[0])

    def nearest(pose: Pose, number: int) -> float:
        near = [asked[at // STEP % len(asked)] for at in range(number - RECENT, number + 1, STEP)]
        return min(
            pose_error([one.scaled(384 / target.height)], [pose], (384, 384)).akd for one in near if one is not None
        )

    right, wrong = list[float](), list[float]()
    with find_people(tracking=False) as finder:
        for number, image in kept:
            people = finder.people(np.ascontiguousarray(image[:, 512:]), 0.0)
            if people:
                right.append(nearest(people[0].pose, number))
                wrong.append(nearest(people[0].pose, number + len(frames) // 2))
    assert len(right) >= KEPT - 2, "too few pictures show anybody"
    return right, wrong


def test_changes_reach_a_running_stream(come: Come, picture: Picture) -> None:
    page = come()
    frame = camera.start(page)
    shown_size(frame, 512, 512)
    for layout in ("Camera in corner", "Skeleton"):
        choose(page, layout)
        further_pictures(frame, 15)
        picture(page, f"live-3-{layout.lower().replace(' ', '-')}")
    choose(page, "Side by side")
    shown_size(frame, 896, 384)
    page.get_by_role("button", name=list_targets()[-1].name, exact=True).click()
    choose(page, "Green screen")
    wait_for(frame, GREEN_CORNER)
    picture(page, "live-4-other-performer-green")
    expect(component_button(page, "Stop")).to_be_visible()


GREEN_CORNER = """() => {
    const video = document.querySelector('video'), canvas = new OffscreenCanvas(1, 1), pen = canvas.getContext('2d')
    pen.drawImage(video, video.videoWidth - 8, 4, 1, 1, 0, 0, 1, 1)
    const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data
    return green > 120 && red < 60 && blue < 120
}"""
"""The performer's ground is the colour of a green screen."""


def further_pictures(frame: PageFrame, count: int) -> None:
    """So many more are shown."""
    before = frame.evaluate("() => window.__probe.remote.length")
    wait_for(frame, f"() => window.__probe.remote.length >= {before + count}")


def shown_size(frame: PageFrame, width: int, height: int) -> None:
    wait_for(
        frame,
        f"() => {{ const v = document.querySelector('video'); return v?.videoWidth === {width} && v.videoHeight === {height} }}",
    )


def test_record_play_and_hand_on(come: Come, picture: Picture) -> None:
    page = come()
    frame = camera.start(page)
    shown_size(frame, 512, 512)
    begun = monotonic()
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_role("button", name=re.compile("Stop recording"))).to_be_visible()
    further_pictures(frame, 25)
    page.get_by_role("button", name=re.compile("Stop recording")).click()
    expect(page.get_by_text("Your recording")).to_be_visible()
    wait_for(page, "() => document.querySelector('video')?.readyState >= 2")
    length = page.evaluate("() => document.querySelector('video').duration")
    assert 0.3 < length < monotonic() - begun + 1
    picture(page, "live-5-recorded")
    page.get_by_role("button", name="Use in Dance").click()
    expect(page.get_by_text("Choose another video")).to_be_visible()


def test_reloads_leave_nothing(come: Come, server: Server) -> None:
    page = come()
    settled = 0
    for turn in range(4):
        camera.wait_until_shown(camera.start(page))
        busy = threads(server)
        page.reload()
        if turn == 0:
            until(lambda: threads(server) <= busy - OWN_THREADS, what="the stream's threads to end")  # noqa: B023
            settled = threads(server)
        else:
            until(lambda: threads(server) <= settled + 2, what="no more threads than after the first reload")  # noqa: B023


def test_two_are_served_and_the_third_is_told(come: Come, filmed: Browser) -> None:
    first, second = come(), come()
    for page in (first, second):
        side_by_side(page)
        camera.wait_for_pictures(camera.start(page))
    for page in (first, second):
        further_pictures(camera.component(page), 15)
    third = camera.probed(filmed).new_page()
    reach(third, first.url)
    expect(third.get_by_text("2 people dance live here just now")).to_be_visible()
    camera.stop(first)
    expect(component_button(third, "Start")).to_be_visible()
    third.context.close()


def test_without_a_camera_there_is_a_sentence_and_a_way_on(
    come: Come, executable: str, playwright_here: Playwright, picture: Picture
) -> None:
    with camera.with_camera(playwright_here, executable, None) as blind:
        page = come(by=blind)
        frame = camera.component(page)
        frame.get_by_role("button", name="Start").click()
        expect(frame.get_by_role("alert")).to_have_text("There is no camera. Plug one in, then press Start again.")
        picture(page, "live-6-no-camera")
        page.context.close()


@pytest.mark.parametrize(("level", "says"), [(0, "black"), (120, "Nobody is in view")])
def test_a_camera_that_shows_nobody(
    come: Come, executable: str, playwright_here: Playwright, tmp_path: Path, level: int, says: str
) -> None:
    empty = [np.full((480, 640, 3), level, np.uint8)] * camera.RATE
    with camera.with_camera(
        playwright_here, executable, camera.write_camera(tmp_path / "empty.mjpeg", iter(empty))
    ) as dull:
        page = come(by=dull)
        camera.start(page)
        expect(page.get_by_text(says)).to_be_visible()
        page.context.close()


def test_a_portrait_camera(
    come: Come, executable: str, playwright_here: Playwright, frames: list[Frame], tmp_path: Path, picture: Picture
) -> None:
    tall = (np.ascontiguousarray(image[:, 140:500]) for image in frames[:90])
    file = camera.write_camera(tmp_path / "tall.mjpeg", tall)
    with camera.with_camera(playwright_here, executable, file) as phone:
        page = come(by=phone)
        choose(page, "Side by side")
        frame = camera.start(page)
        wait_for(
            frame,
            "() => { const v = document.querySelector('video'); return v?.videoHeight === 384 && v.videoWidth < 760 }",
        )
        expect(page.get_by_text("different pictures a second")).to_be_visible()
        picture(page, "live-7-portrait")
        page.context.close()


def test_two_people_in_view_are_told_who_is_followed(
    come: Come, executable: str, playwright_here: Playwright, frames: list[Frame], tmp_path: Path
) -> None:
    both = (np.ascontiguousarray(np.hstack([image[:, 160:480], image[:, 160:480]])) for image in frames[:120])
    file = camera.write_camera(tmp_path / "both.mjpeg", both)
    with camera.with_camera(playwright_here, executable, file) as crowded:
        page = come(by=crowded)
        camera.start(page)
        expect(page.get_by_text("More than one person is in view")).to_be_visible()
        page.context.close()


def test_a_camera_that_is_unplugged_is_told_of(come: Come) -> None:
    page = come()
    frame = camera.start(page)
    camera.wait_until_shown(frame)
    frame.evaluate("() => window.__probe.camera.getVideoTracks().forEach(track => track.stop())")
    expect(page.get_by_text("No pictures arrive from your camera any more")).to_be_visible()
    camera.stop(page)
    expect(component_button(page, "Start")).to_be_visible()


@pytest.mark.long
def test_a_browser_that_crashed_is_noticed(
    executable: str, playwright_here: Playwright, frames: list[Frame], tmp_path: Path
) -> None:
    file = camera.write_camera(tmp_path / "dance.mjpeg", iter(frames))
    with serving(tmp_path / "app") as server, camera.with_camera(playwright_here, executable, file) as browser:
        page = camera.probed(browser).new_page()
        reach(page, f"{server.url}/live")
        camera.wait_until_shown(camera.start(page))
        busy = threads(server)
        ours = psutil.Process().children(recursive=True)
        for process in ours:
            if "chrom" in process.name() and process.pid != server.process.pid:
                process.kill()
        until(lambda: threads(server) <= busy - OWN_THREADS)


@pytest.mark.long
def test_ten_minutes_take_no_more_memory(come: Come, server: Server) -> None:
    page = come()
    side_by_side(page)
    frame = camera.start(page)
    further_pictures(frame, 100)
    memory = megabytes(server)
    for _ in range(10):
        page.wait_for_timeout(60_000)
        frame.evaluate("() => { window.__probe.local = []; window.__probe.remote = [] }")
    further_pictures(frame, 15)
    assert megabytes(server) - memory < 60


@pytest.mark.long
def test_twenty_reloads_leak_nothing(come: Come, server: Server) -> None:
    page = come()
    memory, count = [], []
    for _ in range(20):
        camera.wait_until_shown(camera.start(page))
        busy = threads(server)
        page.reload()
        until(lambda: threads(server) <= busy - OWN_THREADS)  # noqa: B023
        memory.append(megabytes(server))
        count.append(threads(server))
    # pools fill up at first
    assert count[-1] <= count[9] + 2
    assert memory[-1] < memory[9] + 60
