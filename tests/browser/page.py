"""What a visitor does and sees on the dance page, in their own words: what is on the screen, not how it is built."""

from __future__ import annotations

import re
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Error, Frame, Locator, Page, TimeoutError, expect

from tests.waiting import PATIENCE, until

WIDE = (1400, 900)
PHONE = (390, 844)

CHROMIUM_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip

DANCE_SECONDS = 2 * PATIENCE
"""Seconds for a whole bundled dance, on however busy a machine."""


def reach(page: Page, url: str, seconds: float = PATIENCE) -> None:
    """Open a page of a server that may still be starting."""
    deadline = monotonic() + seconds
    while True:
        try:
            page.goto(url, wait_until="commit")
            return
        except Error:
            if monotonic() > deadline:
                raise
            sleep(0.05)


def wait_for(where: Page | Frame, condition: str, seconds: float = PATIENCE) -> None:
    """Wait for what JavaScript says is true.

    Looked at ten times a second: Playwright's own way, before each drawn picture, makes the browser draw as often as it can.
    """
    where.wait_for_function(condition, timeout=seconds * 1000, polling=100)


def go_to(page: Page, name: str) -> None:
    """Go to another page of the app by its link, clicking again where a page that was being made anew did not hear it."""
    path = "/" if name == "Dance" else f"/{name.lower()}"

    def there() -> bool:
        page.get_by_role("link", name=name, exact=True).click()
        try:
            page.wait_for_url(lambda url: urlsplit(url).path == path, timeout=10_000)
        except TimeoutError:
            return False
        return True

    until(there, what=f"the page {name}")


def dance_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Dance", exact=True)


def wait_until_clickable(page: Page) -> None:
    expect(dance_button(page)).to_be_enabled(timeout=PATIENCE * 1000)


def wait_until_warm(page: Page) -> None:
    """The app has measured this machine, with which its models are loaded."""
    expect(page.get_by_text("Takes about")).to_be_visible(timeout=2 * PATIENCE * 1000)


def press_dance(page: Page) -> None:
    wait_until_clickable(page)
    before = job_of(page)
    dance_button(page).click()
    wait_for_another_job(page, before)


def wait_for_another_job(page: Page, before: str) -> None:
    """Wait until the address names a job, and another one than ``before``."""
    page.wait_for_url(lambda url: _job_in(url) not in {"", before})


def cancel(page: Page) -> None:
    page.get_by_role("button", name="Cancel").click()


def job_of(page: Page) -> str:
    """The job that the address names, empty where it names none."""
    return _job_in(page.url)


def _job_in(url: str) -> str:
    return parse_qs(urlsplit(url).query).get("job", [""])[0]


# ---- choosing


def offer(page: Page, name: str, content: bytes | Path) -> str:
    """Hand a file to the uploader, whatever comes of it; returns the uploader's CSS class."""
    # The page shows a fresh uploader after each file: while it runs, the old one may still stand beside it.
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    uploader = page.locator("[class*=st-key-upload-]:not([data-stale=true])")
    if not uploader.count():
        page.get_by_role("button", name="Your own video").click()
    expect(uploader).to_have_count(1)
    found = re.search(r"st-key-upload-\d+", uploader.get_attribute("class") or "")
    data = content.read_bytes() if isinstance(content, Path) else content
    uploader.locator("input[type=file]").set_input_files({"name": name, "mimeType": "video/mp4", "buffer": data})
    return found.group() if found else ""


def upload(page: Page, name: str, content: bytes | Path) -> None:
    """Upload a video that the page takes, upon which it shows a fresh uploader."""
    used = offer(page, name, content)
    expect(page.locator(f".{used}")).to_have_count(0)
    expect(page.get_by_text("Choose another video")).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    wait_until_clickable(page)


def choose_performer(page: Page, name: str) -> None:
    card = page.get_by_role("button", name=name, exact=True)
    card.click()
    expect(card).to_have_attribute("kind", "primary")


def chosen_performer(page: Page) -> str:
    return page.locator("[class*=st-key-card-performer-] button[kind=primary]").inner_text()


def trim(page: Page, start: float, end: float) -> None:
    """Move both handles with the arrow keys, a tenth of a second at a time."""
    for which, goal in (("start", start), ("end", end)):
        handle = page.get_by_role("slider", name=re.compile(which))
        steps = round((goal - float(handle.input_value())) / 0.1)
        handle.focus()
        for _ in range(abs(steps)):
            page.keyboard.press("ArrowRight" if steps > 0 else "ArrowLeft")
        expect(handle).to_have_attribute("aria-valuetext", f"{goal:.1f} s")


# ---- while it runs


def wait_for_preview(page: Page) -> None:
    """A picture of the performer is there, decoded."""
    _wait(page, "document.querySelector('.preview img')?.naturalWidth > 0", PATIENCE)


def percent_done(page: Page) -> float | None:
    """What the progress bar stands at, None when there is none."""
    value: str | None = page.evaluate("() => document.querySelector('[role=progressbar]')?.ariaValueNow")
    return None if value is None else float(value)


def wait_for_percent(page: Page, percent: float) -> None:
    """The progress bar has come that far, or the dance is over."""
    come = f"Number(document.querySelector('[role=progressbar]')?.ariaValueNow ?? -1) >= {percent}"
    _wait(page, f"document.querySelector('video:not(.loop)') || {come}", DANCE_SECONDS)


def _wait(page: Page, condition: str, seconds: float) -> None:
    """Wait for what JavaScript says is true; an error on the page ends the waiting with its sentence."""
    failed = "document.querySelector('[data-testid=stAlertContentError], [data-testid=stException]')"
    wait_for(page, f"() => {condition} || {failed}", seconds)
    sentence = page.evaluate(f"() => {condition} ? '' : {failed}?.innerText")
    if sentence:
        raise AssertionError(f"the page says: {sentence}")


# ---- what came of it


def wait_for_result(page: Page) -> Locator:
    """The result's player, its first picture there."""
    _wait(page, "document.querySelector('video:not(.loop)')?.readyState >= 2", DANCE_SECONDS)
    video = page.locator("video:not(.loop)")
    expect(video).to_be_visible()
    return video


def play_to_end(page: Page, rate: float = 1.0) -> dict[str, Any]:
    """Let the player play, pressing play where it stands; returns what it says about itself at the end.

    Streamlit's player starts by itself only the first time that React renders it, which now and then is one that React
    then throws away: it stands at its first picture, as one that somebody has paused does.
    """
    page.evaluate("rate => { document.querySelector('video:not(.loop)').playbackRate = rate }", rate)
    ended = """() => {
        const video = document.querySelector('video:not(.loop)')
        if (video.paused && !video.ended) video.play().catch(() => {})
        return video.ended
    }"""
    try:
        wait_for(page, ended)
    except TimeoutError as late:
        raise AssertionError(f"the player does not come to its end: {player(page)}") from late
    return player(page)


def player(page: Page) -> dict[str, Any]:
    """What the player says about itself."""
    state: dict[str, Any] = page.evaluate(
        """() => { const v = document.querySelector('video:not(.loop)'); return {
            at: v.currentTime, duration: v.duration, width: v.videoWidth, height: v.videoHeight, muted: v.muted,
            sound: v.webkitAudioDecodedByteCount, pictures: v.getVideoPlaybackQuality().totalVideoFrames,
            paused: v.paused, autoplay: v.autoplay, ready: v.readyState, network: v.networkState,
            error: v.error?.message, rate: v.playbackRate } }"""
    )
    return state


def download(page: Page, to: Path) -> Path:
    """Save the result; returns the file, under the name that the page gave it."""
    with page.expect_download() as saving:
        page.get_by_role("button", name="Download").click()
    path = to / saving.value.suggested_filename
    saving.value.save_as(path)
    return path


def alert(page: Page) -> str:
    """The one sentence that the page says about what went wrong."""
    box = page.get_by_test_id("stAlert")
    expect(box).to_have_count(1)
    return box.inner_text().strip()


def too_wide(page: Page) -> int:
    """Pixels by which the page is wider than the screen: the document, or Streamlit's own scrolling part of it."""
    screen = page.viewport_size or {"width": 0}
    widest: int = page.evaluate(
        """() => Math.max(...[document.scrollingElement, document.querySelector('[data-testid=stMain]')]
            .map(scroller => scroller.scrollWidth))"""
    )
    return max(widest - screen["width"], 0)
