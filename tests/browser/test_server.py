"""The life of the app itself: start, crash, stop, and what it forgets."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import page as stage
from tests.browser.conftest import Come, Start
from tests.browser.serving import until

pytestmark = pytest.mark.browser


def test_a_start_a_crash_another_start_and_a_polite_stop(come: Come, start: Start, clip: Path, long_clip: Path) -> None:
    """Two servers over the same folders, one after the other."""
    first = start()
    # whoever comes first, by a link to another page, needs not wait until anything is warm
    page = come("/live", at=first)
    expect(page.get_by_role("link", name="About", exact=True)).to_be_visible()
    page.get_by_role("link", name="Dance", exact=True).click()
    stage.upload(page, long_clip.name, long_clip)
    stage.press_dance(page)
    stage.wait_for_preview(page)
    stage.wait_for_percent(page, 60)
    job = stage.job_of(page)
    page.context.close()
    first.kill()
    left = first.files()
    assert long_clip.read_bytes() in [path.read_bytes() for path in left]

    # what a crash left is deleted at the next start
    second = start(DANCE_RESULT_MINUTES="0.1")
    page = come(f"/?job={job}", at=second)
    expect(page.get_by_text("That dance is no longer here")).to_be_visible()
    assert not [path for path in left if path.exists()]

    # a result is forgotten when its time is over, and its upload stays with whoever brought it
    stage.upload(page, clip.name, clip)
    stage.press_dance(page)

    def forgotten() -> bool:
        page.reload()
        expect(page.locator("video, [role=progressbar], [data-testid=stAlert]").first).to_be_visible()
        return page.get_by_text("That dance is no longer here").is_visible()

    until(forgotten, what="the result to be forgotten", every=0.5)
    assert [path.read_bytes() for path in second.files()] == [clip.read_bytes()]
    expect(stage.dance_button(page)).to_be_enabled()

    # stopped in the middle it leaves nothing
    stage.upload(page, long_clip.name, long_clip)
    stage.press_dance(page)
    stage.wait_for_percent(page, 60)
    assert len(second.files()) > 1
    page.context.close()
    second.stop()
    assert second.process.returncode in {0, -signal.SIGTERM}
    assert second.files() == []
