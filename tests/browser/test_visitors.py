"""Several people at once, and what is left of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import page as stage
from tests.browser.conftest import Come, Start
from tests.browser.serving import Server, until

pytestmark = pytest.mark.browser

LEAVING_SECONDS = 60.0 + 30.0
"""How long an upload outlives the visitor's leaving or its result, and some patience."""


def test_two_visitors_take_turns_and_see_nothing_of_each_other(come: Come, clip: Path, long_clip: Path) -> None:
    first, second = come(), come()
    stage.upload(first, "hers.mp4", long_clip)
    stage.upload(second, "his.mp4", clip)
    stage.press_dance(first)
    stage.press_dance(second)

    expect(second.get_by_text(re.compile("You are next")).first).to_be_visible()
    expect(second.locator("video:not(.loop)")).to_have_count(0)
    assert stage.job_of(first) != stage.job_of(second)
    stage.wait_for_result(first)
    stage.wait_for_result(second)

    hers, his = (stage.player(page)["duration"] for page in (first, second))
    assert (hers, his) == (pytest.approx(8.0, abs=0.2), pytest.approx(1.5, abs=0.2))
    assert stage.job_of(first) != stage.job_of(second)
    for page, own, other in ((first, "hers.mp4", "his.mp4"), (second, "his.mp4", "hers.mp4")):
        expect(page.get_by_text(own).first).to_be_visible()
        expect(page.get_by_text(other)).to_have_count(0)
        expect(page.get_by_text("Your last dances")).to_have_count(0)


@pytest.mark.long
def test_an_upload_goes_with_its_visitor_and_the_last_result_of_it(
    come: Come, start: Start, clip: Path, tmp_path: Path
) -> None:
    server = start(DANCE_RESULT_MINUTES="1")
    page = come(at=server)
    stage.upload(page, clip.name, clip)
    stage.wait_until_warm(page)
    stage.press_dance(page)
    stage.wait_for_result(page)
    uploaded, result = clip.read_bytes(), stage.download(page, tmp_path).read_bytes()
    assert sorted(contents(server)) == sorted([uploaded, result])

    page.context.close()

    until(lambda: contents(server) == [], LEAVING_SECONDS)
    assert server.healthy()


def contents(server: Server) -> list[bytes]:
    """What lies in the work folder."""
    return [path.read_bytes() for path in server.files()]
