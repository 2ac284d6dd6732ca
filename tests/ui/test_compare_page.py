"""The compare page without a browser: what it offers, and every state that a comparison can be in."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core import paths
from core.bundled import dances
from core.services.job_queue import JobHandle
from core.ui.app_services import AppServices
from core.video.probe import probe
from tests.ui.test_dance_page import query, upload, video, words
from tests.waiting import PATIENCE

OpenApp = Callable[..., AppTest]

pytestmark = pytest.mark.skipif(
    not dances.list_dances() or not (paths.BUNDLED_PERFORMERS / "theo").is_dir(),
    reason="the bundled dances and performers are not here",
)

TWO = ["nearest", "mlp-se"]


def opened(open_app: OpenApp, **query: Any) -> AppTest:
    app = open_app()
    app.query_params.update(query)
    app = app.switch_page("pages/compare.py").run()
    assert not app.exception
    return app


def job_of(app: AppTest, shared: AppServices) -> Any:
    job = shared.jobs.find(query(app, "comparison") or "")
    assert job is not None
    return job


def two(open_app: OpenApp) -> AppTest:
    """The page with two quick generators chosen, so that no slow one is warmed."""
    return opened(open_app, generators=",".join(TWO))


def choose(app: AppTest, generators: list[str]) -> AppTest:
    return app.button_group(key="compare-generators").set_value(generators).run()


def compared(app: AppTest, shared: AppServices, seconds: float = 0.4) -> AppTest:
    """A short comparison of two, made and measured."""
    if app.button_group(key="compare-generators").value != TWO:
        choose(app, TWO)
    app.slider(key="part-june-sway").set_value((0.0, seconds)).run()
    app.button(key="compare").click().run()
    job = job_of(app, shared)
    assert job.wait(PATIENCE)
    assert job.state == "done", job.error
    measuring = shared.jobs.find(job.result.measuring)
    assert measuring is not None
    assert measuring.wait(PATIENCE)
    assert measuring.state == "done", measuring.error
    return app.run()


class TestChoosing:
    def test_a_visitor_who_touches_nothing_can_compare(self, open_app: OpenApp) -> None:
        app = opened(open_app)
        assert not app.button(key="compare").disabled
        assert app.button_group(key="compare-generators").value == ["realtime", "unet-attn", "nearest", "mlp-se"]
        assert "Takes about" in words(app)

    @pytest.mark.parametrize("generators", [[], ["realtime"]])
    def test_one_alone_is_no_comparison(self, open_app: OpenApp, generators: list[str]) -> None:
        app = choose(opened(open_app), generators)
        assert app.button(key="compare").disabled
        assert "Choose two generators or more." in words(app)

    def test_without_a_video_there_is_nothing_to_compare(self, open_app: OpenApp) -> None:
        app = opened(open_app)
        app.button(key="pick-dance-own").click().run()
        assert app.button(key="compare").disabled
        assert "Choose a video first." in words(app)

    def test_what_another_performer_lacks_is_not_kept(self, open_app: OpenApp) -> None:
        app = choose(opened(open_app, performer="mira"), ["mlp", "unet", "nearest"])
        app.button(key="pick-performer-theo").click().run()
        assert not app.exception
        assert app.button_group(key="compare-generators").value == ["nearest"]

    def test_the_link_carries_the_choices(self, open_app: OpenApp) -> None:
        app = choose(opened(open_app), TWO)
        app.button(key="pick-dance-omar-street").click().run()
        said = {name: query(app, name) for name in ("dance", "performer", "generators")}
        assert said["dance"] == "omar-street"
        assert said["generators"] == "nearest,mlp-se"

        other = opened(open_app, **said)
        assert other.button_group(key="compare-generators").value == TWO
        assert {name: query(other, name) for name in said} == said

    def test_a_link_with_nonsense_is_a_link_without(self, open_app: OpenApp) -> None:
        app = opened(open_app, dance="../secret", performer="nobody", generators="gan-9,,realtime,<b>")
        assert app.button_group(key="compare-generators").value == ["realtime"]
        assert query(app, "dance") == "june-sway"

    def test_what_is_a_visitors_own_is_in_no_link(self, open_app: OpenApp) -> None:
        app = opened(open_app)
        app.button(key="pick-dance-own").click().run()
        assert not {"dance", "performer", "generators"} & set(app.query_params)


class TestStates:
    def test_what_is_done_is_shown_and_taken_home_and_found_again(self, open_app: OpenApp, shared: AppServices) -> None:
        from core.ui.compare_view import _csv, _measures, _measuring, _png, _report

        app = compared(two(open_app), shared)
        assert not app.exception
        job = job_of(app, shared)
        result = job.result
        grid = probe(result.video)
        assert (grid.width, grid.height) == result.comparison.size
        said = words(app)
        assert 'data-generator="nearest"' in said
        assert 'data-generator="mlp-se"' in said
        labels = [str(button.proto.label) for button in app.get("download_button")]
        assert {"Grid video", "This frame", "Numbers", "Report"} <= set(labels)
        assert "A look inside" in [header.value for header in app.subheader]

        # the CSV has the numbers of the page
        measures = _measures(_measuring(result))
        rows = list(csv.DictReader(io.StringIO(_csv(result, measures).decode())))
        assert [row["generator"] for row in rows] == TWO
        for row in rows:
            line = said.split(f'data-generator="{row["generator"]}"')[1].split("</tr>")[0]
            assert f">{row['akd']}</td>" in line

        # every single video and picture can be had
        for name in TWO:
            assert probe(measures.videos[name]).frames == result.comparison.report.frames_out
        assert _png(result, 3)[1:4] == b"PNG"
        report = _report(job.about, result, measures, 3).decode()
        assert report.startswith("<!doctype html>")
        assert "http" not in report.replace("http://www.w3.org/2000/svg", "")

        # a comparison is no dance
        address = query(app, "comparison")
        other = open_app(job=address)
        assert "That dance is no longer here" in other.info[0].value

        # the address brings it back, and another look watches nothing again
        after = opened(open_app, comparison=address)
        assert 'data-generator="mlp-se"' in words(after)
        assert after.button_group(key="compare-generators").value == TWO
        again = compared(app, shared)
        assert query(again, "comparison") != address
        assert job_of(again, shared).about.again
        cards = [b.key for b in again.button if b.key and b.key.startswith("pick-comparison-")]
        assert len(cards) == 2
        again.button(key=f"pick-comparison-{address}").click().run()
        assert query(again, "comparison") == address

    def test_running_shows_progress_and_can_be_cancelled(self, open_app: OpenApp, shared: AppServices) -> None:
        app = opened(open_app)
        app.button(key="compare").click().run()
        job = job_of(app, shared)
        assert app.button(key="compare").disabled
        app.button(key="cancel").click().run()
        assert job.wait(PATIENCE)
        assert job.state == "cancelled"
        app.run()
        assert "Stopped." in words(app)
        assert not app.button(key="compare").disabled
        assert list(shared.files.folder.iterdir()) == []

    def test_waiting_says_how_long_the_line_is(self, open_app: OpenApp, shared: AppServices) -> None:
        started, go = threading.Event(), threading.Event()

        def work(handle: JobHandle[None]) -> bool:
            started.set()
            return go.wait(PATIENCE)

        shared.jobs.submit(work)
        assert started.wait(PATIENCE)
        app = opened(open_app)
        app.button(key="compare").click().run()
        assert "You are next" in str(app.get("progress")[0].proto)
        shared.jobs.cancel(job_of(app, shared))
        go.set()

    def test_failed_says_why_and_can_be_tried_again(self, open_app: OpenApp, shared: AppServices) -> None:
        app = two(open_app)
        app = upload(app, "empty stage.mp4", video())
        app.button(key="compare").click().run()
        job = job_of(app, shared)
        assert job.wait(PATIENCE)
        app.run()
        assert job.state == "failed"
        assert len(app.error) == 1
        assert "Nobody was found" in app.error[0].value
        assert not app.button(key="compare").disabled

    def test_a_measuring_that_was_stopped_can_be_had_again(self, open_app: OpenApp, shared: AppServices) -> None:
        app = two(open_app)
        app.slider(key="part-june-sway").set_value((0.0, 1.0)).run()
        app.button(key="compare").click().run()
        job = job_of(app, shared)
        assert job.wait(PATIENCE)
        first = shared.jobs.find(job.result.measuring)
        assert first is not None
        shared.jobs.cancel(first)
        assert first.wait(PATIENCE)
        app.run()
        assert len(list(shared.files.folder.glob("*.mp4"))) == 1, "the grid alone"
        app.button(key="measure").click().run()
        again = shared.jobs.find(job.result.measuring)
        assert again is not None
        assert again is not first
        assert again.wait(PATIENCE)
        assert again.state == "done", again.error
        assert 'data-generator="nearest"' in words(app.run())

    def test_a_dance_watched_for_the_other_page_is_not_watched_again(
        self, open_app: OpenApp, shared: AppServices
    ) -> None:
        app = open_app()
        app.slider(key="part-june-sway").set_value((0.0, 0.4))
        app.button(key="dance").click().run()
        job = shared.jobs.find(query(app, "job") or "")
        assert job is not None
        assert job.wait(PATIENCE)
        app.switch_page("pages/compare.py").run()
        app = compared(app, shared)
        assert job_of(app, shared).about.again

    def test_an_unknown_address_is_met_with_a_sentence(self, open_app: OpenApp) -> None:
        app = opened(open_app, comparison="no-such-thing")
        assert "That comparison is no longer here" in app.info[0].value
        assert query(app, "comparison") is None
