"""One photo through the whole page: agreed, uploaded, dancing, danced with, and the dance downloaded."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from core.rendering.image_files import read_picture
from core.video.probe import probe
from core.video.provenance import SourceType, inspect
from core.video.reader import VideoReader
from tests.browser import page as stage
from tests.browser.conftest import Come
from tests.media import frames_of, loudness, sound_seconds
from tests.targets.test_photo import photo_of

pytestmark = pytest.mark.browser

Picture = Callable[[Page, str], None]
_TAIJI_FRAME = 120
"""A frame in which the man faces the camera."""


@pytest.fixture(params=["rendered", "filmed"])
def photo(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A photo of somebody rendered, and one of somebody filmed in a real room."""
    path = tmp_path / f"{request.param}.jpg"
    if request.param == "rendered":
        return photo_of("theo", path)
    video: Path = request.getfixturevalue("shared_data") / "real" / "taiji.mp4"
    with VideoReader(video) as reader:
        frame = next(itertools.islice(reader, _TAIJI_FRAME, None))
    Image.fromarray(frame.image).save(path, quality=92)
    return path


def test_a_photo_dances_on_the_page(come: Come, photo: Path, clip: Path, tmp_path: Path, picture: Picture) -> None:
    page = come()
    stage.go_to(page, "Train")
    page.get_by_text("One photo", exact=True).click()
    expect(page.get_by_text("One photo of one person")).to_be_visible()
    page.get_by_text("The person in it has agreed").click()
    uploader = page.locator("[class*=st-key-photos-] input[type=file]")
    expect(uploader).to_be_enabled()
    picture(page, f"{photo.stem}-1-empty")
    uploader.set_input_files(photo)
    expect(page.get_by_text(re.compile("This will do"))).to_be_visible()
    stage.wait_for(page, "() => document.querySelector('img.film')?.naturalWidth > 0")
    picture(page, f"{photo.stem}-2-dancing")
    page.set_viewport_size({"width": 390, "height": 844})
    assert stage.too_wide(page) <= 0
    picture(page, f"{photo.stem}-3-phone")
    page.locator(".st-key-photo-dance button").click()
    expect(stage.dance_button(page)).to_be_visible()
    page.set_viewport_size({"width": 1400, "height": 900})

    stage.upload(page, clip.name, clip)
    stage.press_dance(page)
    stage.wait_for_result(page)
    picture(page, f"{photo.stem}-4-done")
    made = stage.download(page, tmp_path)
    assert made.name.endswith("-a-short-dance.mp4")
    asked, given = probe(clip), probe(made)
    frames = frames_of(made)
    assert len(frames) == len(frames_of(clip))
    assert given.rate == asked.rate
    assert Fraction(len(frames)) / given.rate == pytest.approx(1.5, abs=0.05)
    assert sound_seconds(made) == pytest.approx(sound_seconds(clip), abs=0.1)
    assert loudness(made) > 0
    assert inspect(made).source_type == SourceType.SYNTHETIC
    # of the photo's shape, and somebody moves in it
    width, height = read_picture(photo).shape[1::-1]
    assert frames[0].shape[1] / frames[0].shape[0] == pytest.approx(width / height, rel=0.02)
    changed = max(abs(frame.astype(int) - frames[0]).mean() for frame in frames[5::5])
    assert changed > 1
