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


def shares(button: Locator) -> tuple[int, int]:
    """Where a joint is, across and down, in percent of the picture."""
    found = re.search(r"(\d+)% across, (\d+)% down", button.get_attribute("aria-label") or "")
    assert found is not None
    return int(found[1]), int(found[2])


def scrolled(page: Page) -> float:
    """How far down the page has come."""
    return float(page.evaluate("() => scrollY + document.querySelector('[data-testid=stMain]').scrollTop"))


def drag_finger(page: Page, start: tuple[float, float], by: tuple[float, float]) -> None:
    """Put a finger on the screen, move it and lift it: Chromium scrolls by it where nothing says otherwise."""
    screen = page.context.new_cdp_session(page)
    for step in range(6):
        x, y = (at + step / 5 * far for at, far in zip(start, by, strict=True))
        kind = "touchMove" if step else "touchStart"
        screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    screen.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    screen.detach()


def test_a_finger_drags_every_joint_and_the_page_stays(come: Come, tmp_path: Path, picture: Picture) -> None:
    image, _ = robot()
    photo = tmp_path / "robot.png"
    Image.fromarray(image).save(photo)
    page = come("/train", size=stage.PHONE)
    page.get_by_text("One photo", exact=True).click()
    page.get_by_text("The person in it has agreed").click()
    uploader = page.locator("[class*=st-key-photos-] input[type=file]")
    expect(uploader).to_be_enabled()
    uploader.set_input_files(photo)
    joints = page.locator(".points button")
    expect(joints).to_have_count(13)
    # the page grows below the picture until it is done
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.locator(".joints .picture").evaluate("picture => picture.scrollIntoView({ block: 'center' })")
    size = page.locator(".joints .picture").bounding_box()
    assert size is not None
    for joint in joints.all():
        before, stood, box = shares(joint), scrolled(page), joint.bounding_box()
        assert box is not None
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        up = -40.0 if before[1] > 50 else 40.0
        drag_finger(page, middle, (12.0, up))
        across, down = shares(joint)
        assert across - before[0] == pytest.approx(100 * 12 / size["width"], abs=1.5)
        assert down - before[1] == pytest.approx(100 * up / size["height"], abs=1.5)
        assert scrolled(page) == stood
    picture(page, "joints-4-finger")
    # elsewhere the same finger scrolls
    told = page.locator(".joints .told").bounding_box()
    assert told is not None
    stood = scrolled(page)
    drag_finger(page, (told["x"] + 5, told["y"] + 5), (0.0, -80.0))
    stage.wait_for(page, f"() => scrollY + document.querySelector('[data-testid=stMain]').scrollTop > {stood}")


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
