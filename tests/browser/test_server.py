"""The life of the app itself: start, crash, stop, and what it forgets."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.services.job_queue import UNEXPECTED
from tests.browser import page as stage
from tests.browser.conftest import Come, Start
from tests.browser.serving import PROJECT, serving, until

pytestmark = pytest.mark.browser


def test_a_start_a_crash_another_start_and_a_polite_stop(come: Come, start: Start, clip: Path, long_clip: Path) -> None:
    """Two servers over the same folders, one after the other."""
    first = start()
    # whoever comes first, by a link to another page, needs not wait until anything is warm
    page = come("/live", at=first)
    expect(page.get_by_role("link", name="About", exact=True)).to_be_visible()
    stage.go_to(page, "Dance")
    stage.upload(page, long_clip.name, long_clip)
    stage.press_dance(page)
    stage.wait_for_preview(page)
    until(lambda: len(first.files()) > 1, what="the result to be begun beside the upload", every=0.05)
    job = stage.job_of(page)
    page.context.close()
    first.kill()
    left = first.files()
    assert len(left) > 1
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
    until(
        lambda: [path.read_bytes() for path in second.files()] == [clip.read_bytes()],
        what="nothing but the upload to be left",
    )
    expect(stage.dance_button(page)).to_be_enabled()

    # stopped in the middle it leaves nothing
    stage.upload(page, long_clip.name, long_clip)
    stage.press_dance(page)
    until(lambda: len(second.files()) > 1, what="the result to be begun beside the upload", every=0.05)
    page.context.close()
    second.stop()
    assert second.process.returncode in {0, -signal.SIGTERM}
    assert second.files() == []


BREAKS = """
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from core.errors import UnusableInput
from core.ui.error_messages import show_error

def fail(error):
    raise error

@st.fragment
def part():
    if st.button("Part"):
        fail(OSError("/srv/secret/part.mp4"))

if get_script_run_ctx(suppress_warning=True) is None:
    app = st.App(__file__, on_script_error=show_error)
else:
    st.button("Dance", on_click=fail, args=(ValueError("/srv/secret/callback.mp4"),))
    st.button("Known", on_click=fail, args=(UnusableInput("This video is too dark."),))
    part()
    if st.button("Page"):
        fail(KeyError("/srv/secret/page.mp4"))
"""


def test_what_nobody_expected_is_one_sentence_and_a_line_in_the_log(come: Come, tmp_path: Path) -> None:
    script = tmp_path / "breaks.py"
    script.write_text(BREAKS)
    with serving(tmp_path / "app", script=str(script), PYTHONPATH=str(PROJECT)) as breaking:
        page = come(at=breaking)
        for button, says in (("Dance", UNEXPECTED), ("Known", "too dark"), ("Part", UNEXPECTED), ("Page", UNEXPECTED)):
            page.reload()
            page.get_by_role("button", name=button, exact=True).click()
            expect(page.get_by_test_id("stAlert")).to_have_count(1)
            expect(page.get_by_test_id("stAlert")).to_contain_text(says)
            expect(page.get_by_test_id("stException")).to_have_count(0)
            assert "secret" not in page.content()

        def logged() -> bool:
            log = re.sub(r"\x1b\[[\d;]*m", "", breaking.log.read_text())  # which may be coloured
            return all(f"/srv/secret/{name}.mp4" in log for name in ("callback", "part", "page"))

        until(logged, what="the lines in the log")
        page.context.close()
