"""One photo through the whole page: agreed, uploaded, dancing, and danced with."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import page as stage
from tests.browser.conftest import Come
from tests.targets.test_photo import photo_of

pytestmark = pytest.mark.browser

Picture = Callable[[Page, str], None]


def test_a_photo_dances_on_the_page(come: Come, tmp_path: Path, picture: Picture) -> None:
    photo = photo_of("theo", tmp_path / "theo.jpg")
    page = come()
    stage.go_to(page, "Train")
    page.get_by_text("One photo", exact=True).click()
    expect(page.get_by_text("One photo of one person")).to_be_visible()
    page.get_by_text("The person in it has agreed").click()
    uploader = page.locator("[class*=st-key-photos-] input[type=file]")
    expect(uploader).to_be_enabled()
    picture(page, "photo-1-empty")
    uploader.set_input_files(photo)
    expect(page.get_by_text(re.compile("This will do"))).to_be_visible()
    expect(page.locator("img.film")).to_be_visible()
    picture(page, "photo-2-dancing")
    page.set_viewport_size({"width": 390, "height": 844})
    assert stage.too_wide(page) <= 0
    picture(page, "photo-3-phone")
    page.locator(".st-key-photo-dance button").click()
    expect(stage.dance_button(page)).to_be_visible()
