"""What people upload by mistake: one clear sentence each, and the page goes on."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser import page as stage
from tests.browser.conftest import UPLOAD_MB, Come, Start
from tests.browser.serving import Server, until
from tests.media import write_sound, write_video

pytestmark = pytest.mark.browser


def empty(folder: Path) -> bytes:
    return b""


def text(folder: Path) -> bytes:
    return b"These are only words.\n" * 200


def sound_only(folder: Path) -> bytes:
    return write_sound(folder / "sound.mp4").read_bytes()


def headless(folder: Path) -> bytes:
    """A video whose index, at its end, was never written: what a recorder leaves that lost its power."""
    frames = [np.full((96, 128, 3), n * 8, np.uint8) for n in range(30)]
    return write_video(folder / "whole.mp4", frames).read_bytes()[:-1200]


@pytest.fixture
def works_afterwards(server: Server, clip: Path) -> Callable[[Page], None]:
    """Shows that the same page then takes a good clip and dances it."""

    def dances(page: Page) -> None:
        assert server.healthy()
        stage.upload(page, clip.name, clip)
        stage.press_dance(page)
        expect(page.get_by_test_id("stAlert")).to_have_count(0)
        stage.wait_for_result(page)

    return dances


NO_VIDEOS = [
    (empty, "is empty"),
    (text, "is not a video"),
    (sound_only, "sound"),
    (headless, "cut off"),
]


def test_what_is_no_video_or_too_large_is_refused_at_once(
    come: Come, server: Server, works_afterwards: Callable[[Page], None], tmp_path: Path
) -> None:
    """One after the other on the same page, and then a good one."""
    page = come()
    before = set(server.files())
    for content, says in NO_VIDEOS:
        name = f"{content.__name__}.mp4"
        stage.offer(page, name, content(tmp_path))
        expect(page.get_by_test_id("stAlert")).to_contain_text(name)
        sentence = stage.alert(page)
        assert sentence.startswith(name)
        assert says in sentence
        assert_one_clear_sentence(sentence)
        expect(stage.dance_button(page)).to_be_disabled()
        until(lambda: set(server.files()) <= before, what="nothing to be left of it")

    # over the limit it is refused before it is read
    stage.offer(page, "huge.mp4", bytes((UPLOAD_MB << 20) + 1))
    expect(page.get_by_text(f"it has to be a video of at most {UPLOAD_MB} MB")).to_be_visible()
    expect(page.get_by_test_id("stAlert")).to_have_count(1)
    expect(page.get_by_text(f"Up to {UPLOAD_MB} MB and 3 minutes")).to_be_visible()
    expect(stage.dance_button(page)).to_be_disabled()
    until(lambda: set(server.files()) <= before, what="nothing to be left of it")
    works_afterwards(page)


def test_an_upload_for_which_there_is_no_memory_is_told_by_its_name(come: Come, start: Start) -> None:
    """Two come at once where there is room for one."""
    page = come("/train", at=start(DANCE_MAX_UPLOAD_MB="2", DANCE_UPLOAD_MEMORY_MB="2"))
    large = bytes(3 << 19)
    files: list[FilePayload] = [
        {"name": name, "mimeType": "video/mp4", "buffer": large} for name in ("first.mp4", "second.mp4")
    ]
    page.locator("input[type=file]").first.set_input_files(files)
    said = page.get_by_test_id("stAlert").filter(has_text="There was no room for")
    expect(said).to_contain_text(re.compile(r"There was no room for (first|second)\.mp4 just now: please try again"))
    expect(said).to_contain_text(re.compile(r"(first|second)\.mp4 is not a video"))
    expect(page.get_by_text("status code")).to_have_count(0)


def test_a_video_with_nobody_in_it_is_told_and_nothing_is_left_of_it(
    come: Come, server: Server, works_afterwards: Callable[[Page], None], tmp_path: Path
) -> None:
    page = come()
    stage.upload(page, "empty stage.mp4", write_video(tmp_path / "a.mp4", [np.full((240, 320, 3), 90, np.uint8)] * 30))
    before = set(server.files())

    stage.press_dance(page)

    sentence = stage.alert(page)
    assert "Nobody was found" in sentence
    assert_one_clear_sentence(sentence)
    expect(stage.dance_button(page)).to_be_enabled()
    until(lambda: set(server.files()) <= before, what="nothing to be left of it")
    works_afterwards(page)


def test_a_truncated_video_is_danced_as_far_as_it_goes(come: Come, server: Server, clip: Path) -> None:
    whole = clip.read_bytes()
    page = come()

    stage.upload(page, "half a dance.mp4", whole[: len(whole) // 2])
    stage.press_dance(page)

    stage.wait_for_result(page)
    expect(page.get_by_text("half a dance.mp4 is cut off")).to_be_visible()
    assert 0.3 < stage.play_to_end(page)["at"] < 1.3
    assert server.healthy()


def assert_one_clear_sentence(sentence: str) -> None:
    """It says nothing of our insides."""
    assert "\n" not in sentence
    assert sentence.endswith(".")
    for inside in ("Traceback", "Error", "Errno", "/tmp", "\\"):
        assert inside not in sentence
