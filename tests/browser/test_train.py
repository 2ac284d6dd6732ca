"""The whole way from a clip to a performer of one's own, in a real browser."""

from __future__ import annotations

import base64
import re
import zipfile
from fractions import Fraction
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core import paths
from core.targets.store import load_target
from core.video.reader import VideoReader
from core.video.writer import VideoWriter
from tests.browser import page as stage
from tests.browser.conftest import Come, Picture
from tests.conftest import PROJECT
from tests.waiting import until

pytestmark = pytest.mark.browser

RATE, SECONDS = 5, 31
"""Pictures a second of the rendered clip, and how long it is."""
REAL_RATE, REAL_SECONDS = 12, 12
"""The same of the real one: few pictures, for what is tried here is the page."""


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real person in a real room, from a camera that moves a little; a rendered one where that video is not at hand."""
    path = tmp_path_factory.mktemp("footage") / "me moving.mp4"
    real = PROJECT.parent / "shared" / "data" / "real" / "taiji.mp4"
    if real.is_file():
        with (
            VideoReader(real, end=REAL_SECONDS, every=1 / REAL_RATE) as reader,
            VideoWriter(path, size=reader.size, rate=Fraction(REAL_RATE)) as writer,
        ):
            for frame in reader:
                writer.write(frame.image, frame.time)
        return path
    if not (paths.BUNDLED_PERFORMERS / "theo").is_dir():
        pytest.skip("the bundled performers are not here")
    with load_target("theo") as theo:
        step = round(theo.rate / RATE)
        with VideoWriter(path, size=theo.size, rate=Fraction(RATE)) as writer:
            for number in range(RATE * SECONDS):
                writer.write(theo.frames[2 * number * step % theo.manifest.frames], Fraction(number, RATE))
    return path


def points(page: Page) -> int:
    """How many points the curve of what is learnt has."""
    drawn = page.locator("img.curve").get_attribute("src") or ""
    found = re.search('class="line" points="([^"]*)"', base64.b64decode(drawn.partition(",")[2]).decode())
    return 0 if found is None else len(found[1].split())


def test_from_a_clip_to_a_performer_and_back_to_nothing(
    come: Come, footage: Path, tmp_path: Path, picture: Picture
) -> None:
    page = come()
    stage.go_to(page, "Train")
    expect(page.get_by_text("Choose a video first.")).to_be_visible()
    picture(page, "train-1-empty")
    page.locator("[class*=st-key-footage-] input[type=file]").set_input_files(footage)
    expect(page.get_by_text(re.compile("This will do"))).to_be_visible()
    expect(page.locator("img.film")).to_be_visible()
    expect(page.get_by_text("your room")).to_be_visible()
    page.get_by_placeholder("What shall your performer be called?").fill("Anna")
    page.keyboard.press("Enter")
    page.get_by_text("The person in these videos is me").click()
    train = page.locator(".st-key-train button")
    expect(train).to_be_enabled()
    expect(page.get_by_text(re.compile(r"ready about \d+ minutes after"))).to_be_visible()
    picture(page, "train-2-checked")
    train.click()

    run = page.locator("[class*=st-key-stage-run]")
    expect(run).to_be_visible()
    expect(page.locator("img.sheet").first).to_be_attached()
    before = points(page)
    until(lambda: points(page) > before, what="a further point of the curve", every=0.2)
    picture(page, "train-3-learning")

    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("Paused")).to_be_visible()
    page.get_by_role("button", name="Go on", exact=True).click()
    expect(page.get_by_text(re.compile("Learning"))).to_be_visible()

    page.get_by_role("button", name="Try it now", exact=True).click()
    expect(page.get_by_text("try it on the Dance page")).to_be_visible()
    stage.dance_button(page).click()
    stage.wait_until_clickable(page)
    assert stage.chosen_performer(page) == "Anna"
    page.get_by_text("Layout, background, trim").click()
    stage.trim(page, 0.0, 2.0)
    stage.press_dance(page)
    stage.wait_for_result(page)
    picture(page, "train-4-danced")

    stage.go_to(page, "Train")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped. What was learnt is kept.")).to_be_visible()
    page.get_by_role("button", name="10 more minutes", exact=True).click()
    expect(page.get_by_text(re.compile("Learning"))).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped. What was learnt is kept.")).to_be_visible()

    page.get_by_text("Name, portrait, file").click()
    page.get_by_role("button", name="Put into one file").click()
    with page.expect_download() as downloading:
        page.get_by_role("button", name=re.compile(r"Download anna\.zip")).click()
    downloading.value.save_as(tmp_path / "anna.zip")
    names = zipfile.ZipFile(tmp_path / "anna.zip").namelist()
    assert "manifest.json" in names
    assert any("realtime" in name for name in names)
    picture(page, "train-5-performer")

    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("Your performers")).to_have_count(0)
    expect(run).to_have_count(0)
