"""Generators on one dance: made, scrubbed, swiped, measured, and taken home, in a real browser."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from core.video.probe import probe
from core.video.reader import VideoReader
from tests.browser import page as stage
from tests.browser.conftest import Come, Picture

pytestmark = pytest.mark.browser


def reel(page: Page) -> Locator:
    return page.locator("section.reel")


def glimpse(page: Page) -> Locator:
    """The first words of what lies behind the frame at which the slider rests."""
    return page.locator(".glimpses figcaption").first


def scrub(page: Page, frame: int) -> None:
    """Drag the slider there, and see the frame drawn."""
    slider = page.get_by_role("slider", name="Frame")
    slider.evaluate("(s, at) => { s.value = at; s.dispatchEvent(new Event('input', {bubbles: true})) }", str(frame))
    expect(reel(page)).to_have_attribute("data-frame", str(frame))


def pixels(page: Page, tile: str) -> np.ndarray:
    """(height, width, 3) of what a tile's canvas shows."""
    width, height, data = page.locator(f"section.reel .tile canvas[aria-label='{tile}']").evaluate(
        "c => [c.width, c.height, Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)]"
    )
    return np.array(data, np.uint8).reshape(height, width, 4)[..., :3]


def row_of(page: Page, generator: str) -> list[str]:
    return [cell.inner_text() for cell in page.locator(f"tr[data-generator='{generator}'] td").all()]


def download(page: Page, label: str, to: Path) -> Path:
    with page.expect_download() as saving:
        page.get_by_role("button", name=label, exact=True).click()
    path = to / saving.value.suggested_filename
    saving.value.save_as(path)
    return path


def test_two_are_compared_scrubbed_swiped_and_taken_home(come: Come, tmp_path: Path, picture: Picture) -> None:
    page = come()
    page.goto(page.url.split("?")[0] + "compare?dance=omar-street&performer=theo&generators=realtime,nearest")
    button = page.locator(".st-key-compare button")
    expect(button).to_be_enabled()
    stage.wait_until_warm(page)
    assert stage.chosen_performer(page) == "Theo"
    picture(page, "compare-1-chosen")
    button.click()

    expect(reel(page)).to_have_attribute("data-frame", "0", timeout=stage.DANCE_SECONDS * 1000)
    picture(page, "compare-2-measuring")
    titles = [c.get_attribute("aria-label") for c in page.locator("section.reel .tile canvas").all()]
    assert titles[:2] == ["The dance", "Skeleton"]
    assert titles[-1] == "Right answer"
    assert len(titles) == 5

    # ---- scrub: the frame asked for is the frame shown
    for frame in (131, 5, 258, 3, 17):
        scrub(page, frame)
    expect(page.get_by_text("18 / 296")).to_be_visible()
    glimpsed = glimpse(page).inner_text()

    # ---- measured: the table is whole, curves lie under the scrubber
    expect(page.get_by_role("button", name="Numbers", exact=True)).to_be_visible()
    expect(page.locator("section.reel .plot")).to_be_visible()
    expect(reel(page)).to_have_attribute("data-frame", "17")
    picture(page, "compare-3-measured")
    plot = page.locator("section.reel .plot")
    width = plot.evaluate("p => p.clientWidth")
    plot.click(position={"x": 0.75 * width, "y": 40})
    expect(reel(page)).to_have_attribute("data-frame", re.compile(r"^22[0-2]$"))
    scrub(page, 130)
    expect(glimpse(page)).not_to_have_text(glimpsed)

    # ---- error map: dark where the answer is met
    before = pixels(page, "Real-time warping")
    page.get_by_role("button", name="Error map").click()
    wrong = pixels(page, "Real-time warping")
    assert wrong[100:].mean() < 0.4 * before[100:].mean()
    assert wrong[100:].max() > 100
    picture(page, "compare-4-error-map")
    page.get_by_role("button", name="Error map").click()

    # ---- swipe
    page.get_by_role("button", name="Swipe").click()
    divider = page.get_by_role("slider", name="Divider")
    expect(divider).to_have_attribute("aria-valuenow", "50")
    divider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "60")
    page.locator("section.reel .swipe").scroll_into_view_if_needed()
    box = page.locator("section.reel .swipe").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 120, steps=5)
    page.mouse.up()
    expect(divider).to_have_attribute("aria-valuenow", "25")
    picture(page, "compare-5-swipe")
    page.get_by_role("button", name="All", exact=True).click()

    # ---- taken home: what the files say is what the page says
    with download(page, "Numbers", tmp_path).open(newline="") as file:
        rows = {row["generator"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["realtime", "nearest"]
    heads = [head.inner_text().split("\n")[0] for head in page.locator(".scores thead th").all()][1:]
    for name, row in rows.items():
        # what the footage shows of the dance is the same for all of them, and has a curve on the page
        told = [value for key, value in row.items() if key not in {"generator", "title", "seen", "beyond"}]
        assert row_of(page, name) == told, heads
        assert float(row["seen"]) > 0.9
        assert float(row["beyond"]) < 0.05
        assert all(float(value) >= 0 for value in told)
    grid = download(page, "Grid video", tmp_path)
    info = probe(grid)
    assert (info.codec, info.audio, info.frames) == ("h264", "aac", 296)
    with VideoReader(grid) as reader:
        shown = next(frame.image for frame in reader if frame.index == 130)
    left, top = 0, 0
    visitor = pixels(page, "The dance")
    there = shown[top : top + visitor.shape[0], left : left + visitor.shape[1]]
    assert np.abs(visitor.astype(int) - there).mean() < 4
    still = download(page, "This frame", tmp_path)
    assert still.suffix == ".png"
    report = download(page, "Report", tmp_path).read_text()
    for row in rows.values():
        assert f">{row['akd']}<" in report
    assert not re.search(r"(src|href)=.http", report)


def test_a_phone_shows_it_within_its_width(come: Come, picture: Picture) -> None:
    page = come(size=stage.PHONE)
    page.goto(page.url.split("?")[0] + "compare?dance=june-sway&performer=mira&generators=nearest,mlp-se")
    button = page.locator(".st-key-compare button")
    expect(button).to_be_enabled()
    stage.wait_until_warm(page)
    assert stage.too_wide(page) == 0
    page.locator("summary").get_by_text("Trim").click()
    stage.trim(page, 0.0, 1.0)
    picture(page, "compare-phone-1-chosen")
    button.click()
    expect(reel(page)).to_have_attribute("data-frame", "0", timeout=stage.DANCE_SECONDS * 1000)
    expect(page.get_by_role("button", name="Numbers", exact=True)).to_be_visible()
    assert stage.too_wide(page) == 0
    reel(page).scroll_into_view_if_needed()
    picture(page, "compare-phone-2-measured")
