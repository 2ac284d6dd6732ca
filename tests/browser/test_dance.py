"""From the click to the download, and everything that happens on the way there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from core.generators.base import default_generator
from core.generators.registry import create_generator
from core.targets.store import list_targets, load_target
from core.transfer import TransferOptions, transfer
from core.video.probe import probe
from core.video.provenance import inspect
from tests.browser import page as stage
from tests.browser.conftest import Come, Picture
from tests.browser.page import PHONE, WIDE
from tests.browser.serving import PROJECT, Server
from tests.media import frames_of, loudness, sound_seconds
from tests.waiting import until

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_visitor_who_touches_nothing_but_dance_gets_one(
    come: Come, picture: Picture, request: pytest.FixtureRequest, size: tuple[int, int]
) -> None:
    kind = request.node.callspec.id
    page = come(size=size)
    stage.wait_until_warm(page)
    assert stage.too_wide(page) == 0
    picture(page, f"{kind}-1-idle")

    stage.press_dance(page)
    stage.wait_for_preview(page)
    stage.wait_for_percent(page, 10)
    # a dance takes ten seconds here; where it is over in one, there is nothing to see of it
    running = page.get_by_text(re.compile(r"Step 1 of 2: finding the moves|Step 2 of 2: making the video"))
    expect(running.or_(page.locator("video:not(.loop)")).first).to_be_visible()
    assert stage.dance_button(page).is_disabled() or page.locator("video:not(.loop)").count()
    assert stage.too_wide(page) == 0
    picture(page, f"{kind}-2-running")
    before = stage.percent_done(page)
    if before is not None:
        stage.wait_for_percent(page, before + 5)

    video = stage.wait_for_result(page)
    expect(video).to_be_in_viewport()
    assert stage.too_wide(page) == 0
    picture(page, f"{kind}-3-done")
    seen = stage.play_to_end(page, rate=8.0)
    assert seen["at"] == pytest.approx(seen["duration"], abs=0.1)
    assert (seen["width"], seen["height"]) == load_target(list_targets()[0].id).size
    assert seen["sound"] > 0
    expect(stage.dance_button(page)).to_be_enabled()


def test_page_command_line_and_library_give_the_same_video(
    come: Come, server: Server, clip: Path, tmp_path: Path
) -> None:
    performer, start, end = list_targets()[-1], 0.2, 1.3
    page = come()
    stage.upload(page, clip.name, clip)
    stage.choose_performer(page, performer.name)
    stage.trim(page, start, end)
    stage.press_dance(page)
    stage.wait_for_result(page)
    seen = stage.play_to_end(page)
    by_page = stage.download(page, tmp_path)

    by_command, by_library = tmp_path / "command.mp4", tmp_path / "library.mp4"
    words = ["transfer", clip, "--target", performer.id, "--output", by_command, "--start", start, "--end", end]
    subprocess.run([sys.executable, "-m", "core", *map(str, words)], cwd=PROJECT, check=True)
    target = load_target(performer.id)
    generator = create_generator(default_generator(performer.generators), target)
    transfer(clip, target, generator, by_library, TransferOptions(start=start, end=end))

    frames = frames_of(by_page)
    assert len(frames) == round((end - start) * probe(clip).rate)
    for other in (by_command, by_library):
        assert np.array_equal(frames, frames_of(other))
        assert sound_seconds(other) == sound_seconds(by_page)
    assert sound_seconds(by_page) == pytest.approx(end - start, abs=0.1)
    assert loudness(by_page) > 0
    assert seen["at"] == pytest.approx(end - start, abs=0.1)
    assert seen["sound"] > 0
    assert not seen["muted"]
    assert by_page.name == f"{performer.id}-a-short-dance.mp4"

    if sys.platform == "linux":
        loaded = server.libraries()
        assert "libopenvino" in loaded
        assert "mediapipe" not in loaded
        assert "libtorch" not in loaded, "torch is not imported to dance"


def test_a_result_is_exported_in_another_format_and_shape(
    come: Come, picture: Picture, clip: Path, tmp_path: Path
) -> None:
    """Transparent WebM, 9:16: made without looking at the dance again, played by the browser, and it says what it is."""
    page = come()
    stage.upload(page, clip.name, clip)
    stage.press_dance(page)
    stage.wait_for_result(page)
    whole = stage.player(page)
    first = stage.job_of(page)

    page.get_by_role("button", name="Export").click()
    panel = page.get_by_test_id("stPopoverBody")
    panel.get_by_role("radio", name="WebM (VP9)").click()
    panel.get_by_role("radio", name="9:16").click()
    panel.get_by_text("Transparent background").click()
    with page.expect_download() as saving:
        panel.get_by_role("button", name="Motion, BVH").click()
    saving.value.save_as(tmp_path / "motion.bvh")
    assert (tmp_path / "motion.bvh").read_text().startswith("HIERARCHY")
    picture(page, "export")
    panel.get_by_role("button", name="Make it").click()
    stage.wait_for_another_job(page, first)
    page.keyboard.press("Escape")
    stage.wait_for_result(page)
    page.wait_for_function(f"document.querySelector('video:not(.loop)').videoWidth !== {whole['width']}")
    shown = stage.player(page)
    assert shown["width"] / shown["height"] == pytest.approx(9 / 16, abs=0.01)

    made = stage.download(page, tmp_path)
    assert made.suffix == ".webm"
    assert inspect(made).synthetic
    assert len(frames_of(made)) == pytest.approx(whole["duration"] * float(probe(clip).rate), abs=2)
    assert sound_seconds(made) == pytest.approx(whole["duration"], abs=0.15)


def test_a_reload_and_another_page_in_the_middle_lose_nothing(come: Come, server: Server, long_clip: Path) -> None:
    performer = list_targets()[-1].name
    page = come()
    stage.upload(page, long_clip.name, long_clip)
    stage.choose_performer(page, performer)
    files = server.files()
    stage.press_dance(page)
    stage.wait_for_percent(page, 10)
    job, before = stage.job_of(page), stage.percent_done(page)
    assert job
    assert before is not None, "over before the reload: the clip is too short for this machine"

    page.reload()

    expect(page.locator("video:not(.loop), [role=progressbar]")).to_be_visible()
    stage.wait_for_percent(page, before)
    expect(stage.dance_button(page)).to_be_visible()
    assert stage.chosen_performer(page) == performer

    stage.go_to(page, "About")
    expect(page.get_by_text("Your videos")).to_be_visible()
    stage.go_to(page, "Dance")

    stage.wait_for_result(page)
    assert stage.job_of(page) == job
    expect(page.get_by_text("Choose another video")).to_be_visible()
    assert len([path for path in server.files() if path not in files]) == 1

    elsewhere = come(f"/?job={job}")
    stage.wait_for_result(elsewhere)
    assert stage.play_to_end(elsewhere, rate=8.0)["sound"] > 0
    assert stage.chosen_performer(elsewhere) == performer


def test_cancel_in_the_middle_leaves_nothing_but_the_upload(come: Come, server: Server, long_clip: Path) -> None:
    page = come()
    before = server.files()
    stage.upload(page, long_clip.name, long_clip)
    stage.press_dance(page)
    stage.wait_for_preview(page)
    stage.cancel(page)

    expect(page.get_by_text("Stopped.")).to_be_visible()
    expect(stage.dance_button(page)).to_be_enabled()
    until(lambda: len(set(server.files()) - set(before)) == 1, what="nothing but the upload to be left")
    (kept,) = set(server.files()) - set(before)
    assert kept.read_bytes() == long_clip.read_bytes()
    assert stage.percent_done(page) is None

    stage.press_dance(page)
    stage.wait_for_result(page)


def test_an_address_that_nobody_was_given_is_met_with_a_sentence(come: Come, clip: Path) -> None:
    page = come("/?job=somebody-elses-dance")

    expect(page.get_by_text("That dance is no longer here")).to_be_visible()
    assert stage.job_of(page) == ""
    stage.upload(page, clip.name, clip)
    stage.press_dance(page)
    stage.wait_for_result(page)
