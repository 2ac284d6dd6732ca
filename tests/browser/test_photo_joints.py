"""A figure in whom no pose is found: its joints are set by mouse, finger and keyboard, and it dances."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser import page as stage
from tests.browser.conftest import Come
from tests.figures import robot

pytestmark = pytest.mark.browser

Picture = Callable[[Page, str], None]


def share_across(button: Locator) -> int:
    found = re.search(r"(\d+)% across", button.get_attribute("aria-label") or "")
    assert found is not None
    return int(found[1])


def test_joints_set_by_hand_make_a_figure_dance(come: Come, tmp_path: Path, picture: Picture) -> None:
    image, _ = robot()
    photo = tmp_path / "robot.png"
    Image.fromarray(image).save(photo)
    page = come()
    stage.go_to(page, "Train")
    page.get_by_text("One photo", exact=True).click()
    page.get_by_text("The person in it has agreed").click()
    uploader = page.locator("[class*=st-key-photos-] input[type=file]")
    expect(uploader).to_be_enabled()
    uploader.set_input_files(photo)
    expect(page.get_by_text("Nobody was found in robot.png").first).to_be_visible()
    elbow = page.get_by_role("button", name=re.compile("^Left elbow"))
    expect(elbow).to_be_visible()
    assert len(page.locator(".points button").all()) == 13
    picture(page, "joints-1")
    before = share_across(elbow)
    box = elbow.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=4)
    page.mouse.up()
    dragged = share_across(elbow)
    assert dragged > before + 3
    elbow.press("Shift+ArrowLeft")
    elbow.press("ArrowLeft")
    assert dragged - 5 <= share_across(elbow) <= dragged - 3
    page.set_viewport_size({"width": 390, "height": 844})
    assert stage.too_wide(page) <= 0
    elbow.scroll_into_view_if_needed()
    picture(page, "joints-2-phone")
    page.locator(".st-key-photo-joints-dance button").click()
    expect(page.locator("img.film")).to_be_visible()
    picture(page, "joints-3-dancing")
