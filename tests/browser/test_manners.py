"""What a newcomer meets: what the page is for, where the focus is, what the Back button does, what is said of a bad file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from core.targets.store import list_targets
from tests.browser import camera
from tests.browser import page as stage
from tests.browser.conftest import UPLOAD_MB, Come
from tests.browser.page import PHONE, wait_for
from tests.browser.serving import Server

pytestmark = pytest.mark.browser

EXAMPLE = "document.querySelector('video.loop')"


def in_view(page: Page, selector: str) -> str:
    """JavaScript: whether an element is within the window, all of it but what is below a whole window."""
    return f"""() => {{
        const box = document.querySelector({selector!r})?.getBoundingClientRect()
        return box && box.top >= 0 && Math.min(box.bottom, box.top + 40) <= innerHeight && box.left >= 0
    }}"""


def test_a_first_visit_sees_what_it_is_and_it_plays(come: Come, chromium: Browser, server: Server) -> None:
    for size in (stage.WIDE, PHONE):
        with chromium.new_context(viewport={"width": size[0], "height": size[1]}) as context:
            page = context.new_page()
            stage.reach(page, server.url)
            sentence = page.get_by_text("A dance video in, a performer’s video out")
            expect(sentence).to_be_in_viewport()
            wait_for(page, f"() => {EXAMPLE}?.currentTime > 0.2 && {EXAMPLE}.muted && {EXAMPLE}.loop")
            expect(page.locator("video.loop")).to_be_in_viewport(ratio=0.9)
    still = come()
    wait_for(still, f"() => {EXAMPLE}?.paused && {EXAMPLE}.controls")


def test_a_tap_on_dance_shows_what_it_does(come: Come, long_clip: Path) -> None:
    page = come(size=PHONE)
    for name in ("About", "Dance"):
        stage.go_to(page, name)
        expect(page.get_by_role("navigation", name="Pages").get_by_role("link")).to_have_count(5)
        expect(page.get_by_role("link", name=name, exact=True)).to_have_attribute("aria-current", "page")
        wait_for(page, in_view(page, ".st-key-menu"))
        heights = "() => document.querySelector('.st-key-menu').getBoundingClientRect().height"
        assert page.evaluate(heights) < 100, "the menu covers the page"
    stage.upload(page, long_clip.name, long_clip)
    expect(stage.dance_button(page)).to_be_in_viewport()
    stage.press_dance(page)
    wait_for(page, "() => document.activeElement?.matches('.st-key-stage-job')")
    expect(page.get_by_role("progressbar")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Cancel")).to_be_in_viewport()
    expect(page.get_by_role("status").first).to_have_text(re.compile(r"Step \d of 2|Getting ready|You are next"))
    stage.cancel(page)
    expect(page.get_by_role("status").first).to_have_text(re.compile("Stopped"))


def test_after_an_upload_the_button_is_in_view(come: Come, clip: Path) -> None:
    page = come()
    stage.upload(page, clip.name, clip)
    expect(stage.dance_button(page)).to_be_in_viewport(ratio=1)


def test_the_focus_stays_on_a_card_and_says_which_is_chosen(come: Come) -> None:
    page = come()
    first, last = (page.get_by_role("button", name=name, exact=True) for name in ("Mira", "Theo"))
    other = last if stage.chosen_performer(page) == "Mira" else first
    other.focus()
    page.keyboard.press("Enter")
    expect(other).to_have_attribute("aria-pressed", "true")
    expect(other).to_be_focused()
    expect(page.get_by_role("combobox", name="Generator")).to_be_visible()


def test_back_leaves_a_page_however_much_was_chosen_on_it(come: Come) -> None:
    page = come("/about")
    expect(page.get_by_text("Your videos")).to_be_visible()
    stage.go_to(page, "Compare")
    page.wait_for_url(re.compile("performer="))
    before = page.evaluate("() => history.length")
    for name in ("Lina’s disco", "Omar’s street"):
        page.get_by_role("button", name=name).click()
        page.wait_for_url(re.compile(f"dance={name[:4].lower()}"))
    assert page.evaluate("() => history.length") == before
    page.go_back()
    expect(page.get_by_text("Your videos")).to_be_visible()


def test_a_refused_file_leaves_nothing_chosen_and_one_sentence(come: Come, clip: Path) -> None:
    page = come()
    stage.upload(page, clip.name, clip)
    stage.offer(page, "words.mp4", b"only words" * 200)
    expect(page.get_by_test_id("stAlert")).to_contain_text("words.mp4 is not a video")
    expect(stage.dance_button(page)).to_be_disabled()
    stage.offer(page, "huge.mp4", bytes((UPLOAD_MB << 20) + 1))
    expect(page.get_by_text(f"at most {UPLOAD_MB} MB")).to_be_visible()
    expect(page.get_by_test_id("stAlert")).to_have_count(1)
    expect(page.get_by_text("words.mp4")).to_have_count(0)
    expect(stage.dance_button(page)).to_be_disabled()
    page.get_by_role("button", name=f"Go on with {clip.name}").click()
    expect(stage.dance_button(page)).to_be_enabled()


def test_a_result_is_danced_again_with_one_click_and_found_after_a_reload(come: Come, clip: Path) -> None:
    page = come()
    stage.upload(page, clip.name, clip)
    stage.press_dance(page)
    stage.wait_for_result(page)
    performer = stage.chosen_performer(page)
    other = next(one.name for one in list_targets() if one.name != performer)
    for label in (other, "Green screen"):
        before = stage.job_of(page)
        page.locator(".st-key-again").get_by_role("button", name=label, exact=True).click()
        stage.wait_for_another_job(page, before)
        expect(stage.dance_button(page)).to_be_enabled()
        stage.wait_for_result(page)
        expect(page.get_by_text(f"{other} in “{clip.name}”").first).to_be_visible()
    results = page.locator(".st-key-stage-results").get_by_role("button")
    expect(results).to_have_count(3)
    page.goto(page.url.split("?")[0])
    expect(results).to_have_count(3)


def test_light_for_those_who_ask_for_light(chromium: Browser, server: Server) -> None:
    schemes: tuple[tuple[Literal["light", "dark"], bool], ...] = (("light", True), ("dark", False))
    for scheme, light in schemes:
        with chromium.new_context(color_scheme=scheme, reduced_motion="reduce") as context:
            page = context.new_page()
            stage.reach(page, server.url)
            expect(stage.dance_button(page)).to_be_visible()
            ground = page.locator(".stApp").evaluate("app => getComputedStyle(app).backgroundColor")
            levels = [int(level) for level in re.findall(r"\d+", ground)[:3]]
            assert (min(levels) > 200) == light, ground


def test_the_camera_speaks_and_looks_like_the_rest(playwright_here: object, executable: str, server: Server) -> None:
    with camera.with_camera(playwright_here, executable, None) as blind:  # type: ignore[arg-type]
        page = blind.new_page(viewport={"width": 1400, "height": 900}, reduced_motion="reduce", color_scheme="dark")
        stage.reach(page, f"{server.url}/live")
        frame = camera.component(page)
        button = frame.get_by_role("button", name="Start")
        expect(button).to_have_css("text-transform", "none")
        expect(button).to_have_css("color", "rgb(26, 13, 11)")
        button.click()
        expect(frame.get_by_role("alert")).to_have_text("There is no camera. Plug one in, then press Start again.")
        gap = """() => {
            const frame = document.querySelector('iframe[src*=streamlit_webrtc]')
            const inside = frame.contentDocument.getElementById('root').getBoundingClientRect()
            return frame.getBoundingClientRect().height - inside.bottom
        }"""
        wait_for(page, f"() => Math.abs(({gap})()) < 4")
