"""How long a visitor waits: from `streamlit run` to a page that can be clicked, from the click to the first preview, and for
a frame that the comparison's slider is dragged to.

    python -m benchmarks.page [--runs 5] [--label TEXT]

Every run starts the app anew, on a disk that an extra run beforehand has warmed. Appends the medians to ``results/page.csv``,
those of the slider to ``results/scrub.csv``. The goals: clickable after 5 seconds, a preview after 3, a frame after .2. Run it
on an otherwise idle machine; it needs the requirements of the tests and a Chromium.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Final

from playwright.sync_api import Browser, expect, sync_playwright

from benchmarks.machine import append
from scripts.setup import find_browser
from tests.browser import page as stage
from tests.browser.serving import serving

COMPARED: Final = "dance=omar-street&performer=theo&generators=realtime,unet-attn,nearest"
SCRUBBED: Final = (131, 5, 258, 12, 147, 3, 240, 22, 155, 17)


def run(chromium: Browser, folder: Path) -> dict[str, float]:
    """One start of the app and one dance, cancelled after its first preview. Seconds."""
    start = perf_counter()
    with serving(folder) as server:
        page = chromium.new_page()
        stage.reach(page, server.url)
        stage.wait_until_clickable(page)
        clickable = perf_counter() - start
        stage.wait_until_warm(page)
        warm = perf_counter() - start
        clicked = perf_counter()
        stage.press_dance(page)
        stage.wait_for_preview(page)
        preview = perf_counter() - clicked
        stage.cancel(page)
        page.close()
    return {"start_to_clickable_s": clickable, "start_to_warm_s": warm, "click_to_preview_s": preview}


def scrub(chromium: Browser, folder: Path) -> list[float]:
    """Milliseconds from the slider's input to the drawn frame, for frames here and there of one comparison."""
    with serving(folder) as server:
        page = chromium.new_page()
        stage.reach(page, f"{server.url}/compare?{COMPARED}")
        page.locator(".st-key-compare button").click()
        reel, slider = page.locator("section.reel[data-frame]"), page.get_by_role("slider", name="Frame")
        expect(reel).to_be_visible(timeout=stage.DANCE_SECONDS * 1000)
        taken = []
        for frame in SCRUBBED:
            slider.evaluate(
                "(s, at) => { s.value = at; s.dispatchEvent(new Event('input', {bubbles: true})) }", str(frame)
            )
            expect(reel).to_have_attribute("data-frame", str(frame))
            taken.append(float(reel.get_attribute("data-seek-ms") or "nan"))
        page.close()
    return taken


def measure_scrubbing(executable: str) -> list[float]:
    """The same in a browser and a server of its own."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as name:
        chromium = playwright.chromium.launch(executable_path=executable, args=stage.CHROMIUM_ARGUMENTS)
        taken = scrub(chromium, Path(name))
        chromium.close()
    return taken


def measure(executable: str, runs: int) -> list[dict[str, float]]:
    """``runs`` runs after one that only warms the disk."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as name:
        chromium = playwright.chromium.launch(executable_path=executable, args=stage.CHROMIUM_ARGUMENTS)
        done = [run(chromium, Path(name) / str(n)) for n in range(runs + 1)]
        chromium.close()
    return done[1:]


def main() -> None:
    """Measure and append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--label", default="")
    given = parser.parse_args()
    executable = find_browser()
    if executable is None:
        sys.exit("There is no Chromium here: `make test` installs it or says how.")
    done = measure(executable, given.runs)
    medians = {name: round(statistics.median(row[name] for row in done), 2) for name in done[0]}
    worst = {f"{name} worst": round(max(row[name] for row in done), 2) for name in done[0]}
    row = {"label": given.label, "runs": given.runs, **medians, **worst}
    append("page", row)
    print(row)
    taken = measure_scrubbing(executable)
    row = {"label": given.label, "median_ms": round(statistics.median(taken)), "slowest_ms": round(max(taken))}
    append("scrub", row)
    print(row)


if __name__ == "__main__":
    main()
