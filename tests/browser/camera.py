"""A webcam for Chromium made of a video, whose every picture carries its number; what was seen of it, and how late.

640x480 at 30 pictures a second, over and over. The bottom strip holds 16 cells of 40x32 pixels: white, black, the number in 12
bits, most significant first, even parity, black: its ends differ, so that a mirrored strip is not taken for another number.
``probe.js`` reads it back in the page.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
from playwright.sync_api import Browser, BrowserContext, Frame, Page, Playwright, expect
from playwright.sync_api import TimeoutError as Late

from core.generators.registry import list_generators
from core.types import Frame as Image
from core.video.reader import VideoReader
from tests.browser.page import CHROMIUM_ARGUMENTS, wait_for
from tests.waiting import PATIENCE, until

SIZE: Final = (640, 480)
RATE: Final = 30
CELL, STRIP = 40, 32

_PROBE = Path(__file__).with_name("probe.js")


def bits(number: int) -> list[int]:
    """The cells of a number."""
    digits = [number >> k & 1 for k in range(11, -1, -1)]
    return [1, 0, *digits, sum(digits) & 1, 0]


def numbered(image: Image, number: int) -> Image:
    """``image``, 640x480, with its number along its bottom."""
    image = image.copy()
    for cell, bit in enumerate(bits(number)):
        image[-STRIP:, cell * CELL : (cell + 1) * CELL] = 235 if bit else 16
    return image


def camera_frames(video: Path, seconds: float) -> Iterator[Image]:
    """The pictures of a video at 30 a second, as large as fits in the middle of 640x480, numbered."""
    with VideoReader(video, end=seconds, max_side=max(SIZE)) as reader:
        shown = list(reader)
    for number in range(int(seconds * RATE)):
        now = Fraction(number, RATE)
        image = max((frame for frame in shown if frame.time <= now), key=lambda frame: frame.time).image
        scale = min(SIZE[0] / image.shape[1], SIZE[1] / image.shape[0])
        inner = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        result = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        top, left = (SIZE[1] - inner.shape[0]) // 2, (SIZE[0] - inner.shape[1]) // 2
        result[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
        yield numbered(result, number)


def write_camera(path: Path, frames: Iterator[Image]) -> Path:
    """What ``--use-file-for-fake-video-capture`` takes: bare JPEGs, one after the other."""
    with path.open("wb") as file:
        for image in frames:
            _, coded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
            file.write(coded.tobytes())
    return path


@contextmanager
def with_camera(playwright: Playwright, executable: str, camera: Path | None) -> Iterator[Browser]:
    """A Chromium with that webcam, allowed without asking; with none it has no camera at all."""
    arguments = [*CHROMIUM_ARGUMENTS, "--use-fake-ui-for-media-stream", "--disable-background-timer-throttling",
                 "--disable-renderer-backgrounding", "--disable-backgrounding-occluded-windows"]  # fmt: skip
    if camera is not None:
        arguments += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={camera}"]
    browser = playwright.chromium.launch(executable_path=executable, args=arguments)
    yield browser
    browser.close()


def probed(browser: Browser, **options: Any) -> BrowserContext:
    """A visitor whose pages are watched by ``probe.js``."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, reduced_motion="reduce", **options)
    context.set_default_timeout(PATIENCE * 1000)
    context.add_init_script(path=_PROBE)
    return context


def component(page: Page, seconds: float = PATIENCE) -> Frame:
    """The frame of the connection's component."""

    def found() -> list[Frame]:
        page.wait_for_timeout(20)  # frames come and go only while the driver is listened to
        return [frame for frame in page.frames if "streamlit_webrtc" in frame.url]

    until(found, seconds, what="the component of streamlit-webrtc")
    return found()[0]


def start(page: Page) -> Frame:
    """Press START; returns the component's frame."""
    frame = component(page)
    button = frame.get_by_role("button", name="Start", exact=False)
    expect(button).to_be_enabled(timeout=PATIENCE * 1000)
    button.click()
    return frame


def draw_with(page: Page, generator: str) -> None:
    """Choose a generator by its name."""
    title = next(spec.title for spec in list_generators() if spec.name == generator)

    def chosen() -> bool:
        # a list that is opened while the page is made again closes
        page.locator(".st-key-live-generator").get_by_role("combobox").click()
        try:
            page.get_by_role("option", name=title, exact=True).click(timeout=10_000)
        except Late:
            return False
        return True

    until(chosen, what=f"{generator} to be chosen")


def stop(page: Page) -> None:
    """Press STOP."""
    component(page).get_by_role("button", name="Stop", exact=False).click()


def wait_for_pictures(frame: Frame, count: int = 1, seconds: float = PATIENCE) -> None:
    """So many pictures were shown whose number could be read."""
    wait_for(frame, f"() => window.__probe.remote.filter(shown => shown[1] >= 0).length >= {count}", seconds)


def wait_until_shown(frame: Frame, seconds: float = PATIENCE) -> None:
    """Any picture was shown."""
    wait_for(frame, "() => window.__probe.remote.length > 0", seconds)


def first_that_plays(arrive: Callable[[], Page], tries: int = 3) -> Page:
    """A page that shows pictures after START. A frame callback of streamlit-webrtc stops after its first picture now and then:
    such a page is left, and another one tried."""
    page = arrive()
    try:
        wait_for_pictures(start(page), count=3, seconds=10)
    except Late:
        page.context.close()
        if tries == 1:
            raise
        return first_that_plays(arrive, tries - 1)
    return page


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen in a stretch of time. Milliseconds; ``fps`` counts different camera pictures that were shown."""

    fps: float
    camera_fps: float
    p50: float
    p95: float
    seconds: float
    numbers: int


def watch(page: Page, frame: Frame, seconds: float) -> Watched:
    """Look for so long, and see how many and how late."""
    begin = float(frame.evaluate("() => performance.now()"))
    page.wait_for_timeout(seconds * 1000)
    local, remote = frame.evaluate(
        """begin => [window.__probe.local.filter(seen => seen[0] >= begin - 5000),
                     window.__probe.remote.filter(seen => seen[0] >= begin)]""",
        begin,
    )
    return judge(local, remote, seconds, begin)


def judge(local: list[list[float]], remote: list[list[float]], seconds: float, begin: float) -> Watched:
    """The same from what ``probe.js`` noted: the first showing of each camera picture counts."""
    late: list[float] = []
    shown: set[tuple[float, float]] = set()
    for at, number, *_ in remote:
        given = [t for t, n in local if n == number and t <= at]
        if number >= 0 and given and (given[-1], number) not in shown:
            shown.add((given[-1], number))
            late.append(at - given[-1])
    if not late:
        raise AssertionError("not one shown picture carries a number that can be read")
    p50, p95 = np.percentile(late, (50, 95))
    came = sum(t >= begin for t, _ in local)
    return Watched(len(late) / seconds, came / seconds, float(p50), float(p95), seconds, len(late))


def kept_pictures(frame: Frame) -> list[tuple[int, Image]]:
    """The shown pictures that were kept, with the number of the camera picture each was made from."""
    kept = frame.evaluate("() => window.__probe.kept.map(kept => [kept[0], kept[1]])")
    return [(int(number), _decoded(url)) for number, url in kept]


def _decoded(url: str) -> Image:
    with av.open(io.BytesIO(base64.b64decode(url.partition(",")[2])), "r", format="jpeg_pipe") as container:
        return np.asarray(next(container.decode(video=0)).to_ndarray(format="rgb24"), np.uint8)
