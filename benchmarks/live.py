"""What the live page does on this machine, in a real Chromium with a fake camera of 640x480 at 30 pictures a second.

    python -m benchmarks.live [--generator unet-attn] [--performer mira] [--seconds 20] [--minutes 0] [--visitors 1]

First a page that passes the camera through untouched, then the live page, each on a server of its own: different pictures a
second, latency by numbers in the pictures themselves, and the server's processor time for each picture shown. The goals:
the first picture 3 seconds after START; with ``realtime`` alone 25 a second, at most 45 ms (p50) and 110 ms (p95) later than
untouched, and 15 a second each for two; with ``unet-attn`` at most 80 and 140 ms later; after ten minutes as at first.

``--minutes`` lets it run on and measures again; ``--visitors 2`` measures two at once. Appends a row to ``results/live.csv``.
Run it on an otherwise idle machine; it needs the requirements of the tests and a Chromium.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.machine import append
from core.bundled import dances
from core.targets.store import list_targets
from scripts.setup import find_browser
from tests.browser import camera
from tests.browser.page import reach
from tests.browser.serving import PROJECT, Server, serving

CAMERA_SECONDS = 20.0
SETTLE_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Run:
    """One page, measured. ``core_ms`` is the server's processor time for each picture shown, all cores together."""

    first: float
    seen: camera.Watched
    core_ms: float
    megabytes: float


def processor_seconds(server: Server) -> float:
    """User and system time of the server so far."""
    times = psutil.Process(server.process.pid).cpu_times()
    return float(times.user + times.system)


def measure(page: Page, server: Server, seconds: float, first: float) -> Run:
    """Watch a page that shows pictures already."""
    frame = camera.component(page)
    before = processor_seconds(server)
    seen = camera.watch(page, frame, seconds)
    spent = processor_seconds(server) - before
    memory = psutil.Process(server.process.pid).memory_info().rss / 1e6
    return Run(first, seen, 1000 * spent / max(seen.numbers, 1), memory)


def begin(page: Page) -> float:
    """Press START; seconds until the first picture is shown."""
    clicked = perf_counter()
    camera.wait_for_pictures(camera.start(page))
    first = perf_counter() - clicked
    page.wait_for_timeout(SETTLE_SECONDS * 1000)
    return first


def untouched(browser: Browser, folder: Path, seconds: float) -> Run:
    """The camera passed through."""
    with serving(folder, script="benchmarks/untouched.py", PYTHONPATH=str(PROJECT)) as server:
        clicked = perf_counter()
        page = camera.first_that_plays(lambda: reached(browser, server.url))
        first = perf_counter() - clicked
        page.wait_for_timeout(SETTLE_SECONDS * 1000)
        run = measure(page, server, seconds, first)
        page.context.close()
    return run


def reached(browser: Browser, address: str) -> Page:
    """A visitor at that address."""
    page = camera.probed(browser).new_page()
    reach(page, address, 80)
    return page


def open_live(browser: Browser, server: Server, performer: str, generator: str) -> Page:
    """The live page side by side, that performer and generator chosen."""
    page = reached(browser, f"{server.url}/live")
    page.get_by_role("button", name=performer, exact=True).click()
    camera.draw_with(page, generator)
    page.get_by_role("radio", name="Side by side").or_(page.get_by_role("button", name="Side by side")).first.click()
    camera.component(page).evaluate("() => { window.__probe.share = 512 / 896 }")
    # until what was chosen is warm: no visitor starts within the second
    page.wait_for_timeout(8000)
    return page


def live(browser: Browser, folder: Path, given: argparse.Namespace) -> tuple[list[Run], Run | None]:
    """Every visitor's run at the start, and the first one's after ``--minutes``."""
    name = next(t.name for t in list_targets() if t.id == given.performer)
    with serving(folder) as server:
        pages = [open_live(browser, server, name, given.generator) for _ in range(given.visitors)]
        firsts = [begin(page) for page in pages]
        runs = [measure(page, server, given.seconds, first) for page, first in zip(pages, firsts, strict=True)]
        late = None
        if given.minutes:
            pages[0].wait_for_timeout(given.minutes * 60_000)
            late = measure(pages[0], server, given.seconds, firsts[0])
        for page in pages:
            page.context.close()
    return runs, late


def row_of(given: argparse.Namespace, plain: Run, runs: list[Run], late: Run | None) -> dict[str, object]:
    """What goes into the table: of several visitors the worst."""
    slowest = min(runs, key=lambda run: run.seen.fps)
    latest = max(runs, key=lambda run: run.seen.p95)
    return {
        "label": given.label, "generator": given.generator, "performer": given.performer, "visitors": given.visitors,
        "camera_fps": round(slowest.seen.camera_fps, 1), "different_fps": round(slowest.seen.fps, 1),
        "p50_ms": round(latest.seen.p50), "p95_ms": round(latest.seen.p95),
        "untouched_fps": round(plain.seen.fps, 1), "untouched_p50_ms": round(plain.seen.p50),
        "untouched_p95_ms": round(plain.seen.p95),
        "core_ms_per_picture": round(slowest.core_ms / len(runs), 1), "untouched_core_ms": round(plain.core_ms, 1),
        "first_s": round(max(run.first for run in runs), 2), "mb": round(slowest.megabytes),
        "minutes": given.minutes, "late_fps": "" if late is None else round(late.seen.fps, 1),
        "late_p50_ms": "" if late is None else round(late.seen.p50), "late_mb": "" if late is None else round(late.megabytes),
    }  # fmt: skip


def main() -> None:
    """Measure and append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", default="unet-attn")
    parser.add_argument("--performer", default="mira")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--visitors", type=int, default=1)
    parser.add_argument("--label", default="")
    given = parser.parse_args()
    executable, video = find_browser(), dances.find("omar-street")
    if executable is None or video is None:
        sys.exit("There is no Chromium or no bundled dance here: `make test` installs the one or says how.")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as name:
        file = camera.write_camera(Path(name) / "camera.mjpeg", camera.camera_frames(video, CAMERA_SECONDS))
        with camera.with_camera(playwright, executable, file) as browser:
            plain = untouched(browser, Path(name) / "untouched", given.seconds)
            runs, late = live(browser, Path(name) / "live", given)
    row = row_of(given, plain, runs, late)
    append("live", row)
    print(row)


if __name__ == "__main__":
    main()
