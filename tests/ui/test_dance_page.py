from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from benchmarks.reports import whom
from benchmarks.reports.files import make_slow_motion
from core import paths
from core.bundled import dances
from core.pipeline import background_for
from core.pose.appearance_match import Chosen
from core.pose.candidates import Candidate
from core.rendering.compositing import layout_size
from core.services.job_queue import LONGEST_QUEUE, Job, JobHandle
from core.settings import settings
from core.targets.store import load_target
from core.ui.app_services import AppServices
from core.ui.person_choice import PersonSearch
from core.ui.video_info import rates_offered, thinned_in_words
from core.video.probe import probe
from core.video.reader import VideoReader
from tests.media import frames_of
from tests.ui.conftest import run_until
from tests.video.boxes import lying_about_its_length
from tests.video.media import make_video
from tests.waiting import PATIENCE

OpenApp = Callable[..., AppTest]

pytestmark = pytest.mark.skipif(
    not dances.list_dances() or not (paths.BUNDLED_PERFORMERS / "theo").is_dir(),
    reason="the bundled dances and performers are not here",
)


def words(app: AppTest) -> str:
    """All that the page says."""
    kinds = ("markdown", "caption", "info", "error", "html")
    return "\n".join(str(getattr(e, "value", None) or e.proto.body) for kind in kinds for e in app.get(kind))


def chosen(app: AppTest, role: str) -> list[str]:
    """The cards that carry the ring."""
    return [b.key for b in app.button if b.key and b.key.startswith(f"pick-{role}-") and b.proto.type == "primary"]


def query(app: AppTest, name: str) -> str | None:
    value = app.query_params.get(name)
    return value[0] if isinstance(value, list) else value


def job_of(app: AppTest, shared: AppServices) -> Any:
    """The job that the address names."""
    job = shared.jobs.find(query(app, "job") or "")
    assert job is not None
    return job


def dance_to_the_end(app: AppTest, shared: AppServices, seconds: float = 1.0) -> AppTest:
    app.slider(key="part-june-sway").set_value((0.0, seconds))
    app.button(key="dance").click().run()
    job = job_of(app, shared)
    assert job.wait(PATIENCE)
    return app.run()


def blocked(shared: AppServices) -> threading.Event:
    """Keeps the only worker busy, so that the next dance waits."""
    started, go = threading.Event(), threading.Event()

    def work(handle: JobHandle[None]) -> bool:
        started.set()
        return go.wait(PATIENCE)

    shared.jobs.submit(work)
    assert started.wait(PATIENCE)
    return go


def video(width: int = 96, height: int = 64, frames: int = 30) -> bytes:
    """A real H.264 file in which nobody dances."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for n in range(frames):
            picture = av.VideoFrame.from_ndarray(np.full((height, width, 3), n * 5 % 255, np.uint8), format="rgb24")
            picture.pts, picture.time_base = n, Fraction(1, 10)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return out.getvalue()


def upload(app: AppTest, name: str, content: bytes) -> AppTest:
    if not app.file_uploader:
        app.button(key="pick-dance-own").click().run()
    app.file_uploader[0].set_value((name, content, "video/mp4"))
    return app.run()


class TestChoosing:
    def test_a_visitor_who_touches_nothing_can_dance(self, open_app: OpenApp) -> None:
        app = open_app()

        assert not app.exception
        assert chosen(app, "dance") == ["pick-dance-june-sway"]
        assert chosen(app, "performer") == ["pick-performer-mira"]
        assert not app.button(key="dance").disabled
        assert app.button(key="dance").proto.type == "primary"

    def test_dance_and_performer_are_chosen_by_their_pictures(self, open_app: OpenApp) -> None:
        app = open_app()

        app.button(key="pick-dance-omar-street").click().run()
        assert chosen(app, "dance") == ["pick-dance-omar-street"]
        assert chosen(app, "performer") == ["pick-performer-mira"]

        app.button(key="pick-performer-theo").click().run()
        assert chosen(app, "performer") == ["pick-performer-theo"]
        assert chosen(app, "dance") == ["pick-dance-omar-street"]

    def test_the_time_it_takes_is_told_from_what_was_measured(self, open_app: OpenApp, shared: AppServices) -> None:
        app = open_app()
        info = probe(paths.BUNDLED_DANCES / "june-sway.mp4")
        assert info.frames is not None

        assert f"Takes about {round(info.frames / 50)} seconds" in words(app)

        app.slider(key="part-june-sway").set_value((2.0, 6.0)).run()
        assert f"Takes about {round(4 * info.rate / 50)} seconds" in words(app)

    def test_each_way_of_dancing_says_what_it_is_good_at(self, open_app: OpenApp) -> None:
        from core.generators.registry import list_generators

        app = open_app()
        strengths = {spec.name: spec.strength for spec in list_generators()}
        assert strengths["realtime"] in words(app), "the best comes first"

        app.selectbox(key="generator").set_value("nearest-frame").run()
        assert strengths["nearest-frame"] in words(app)


class TestDancing:
    def test_from_click_to_download(self, open_app: OpenApp, shared: AppServices) -> None:
        app = dance_to_the_end(open_app(), shared)

        assert not app.exception
        assert not app.error
        [player] = app.get("video")
        assert player.proto.autoplay
        assert app.get("download_button")[0].proto.label == "Download"
        assert "Mira in “June’s sway”" in words(app)
        assert "frames a second" in words(app)
        job = job_of(app, shared)
        result = probe(job.result.video)
        assert (result.width, result.height, result.audio) == (512, 512, "aac")
        assert result.frames == job.result.report.frames_out == job.result.report.frames_in
        assert job.about.file_name(".mp4") == "mira-june-sway.mp4"

    def test_while_it_runs_there_is_progress_and_cancel_and_no_second_click(
        self, open_app: OpenApp, shared: AppServices
    ) -> None:
        app = open_app()
        go = blocked(shared)
        app.button(key="dance").click().run()

        assert "You are next" in app.get("progress")[0].proto.text
        assert app.button(key="dance").disabled

        app.button(key="cancel").click().run()
        app.run()
        assert "Stopped." in app.info[0].value
        assert not app.button(key="dance").disabled
        go.set()

    def test_when_too_many_wait_it_says_so_and_the_page_stays(self, open_app: OpenApp, shared: AppServices) -> None:
        app = open_app()
        go = blocked(shared)
        for _ in range(LONGEST_QUEUE):
            shared.jobs.submit(lambda handle: None)

        app.button(key="dance").click().run()

        assert "try again in a few minutes" in app.error[0].value
        assert query(app, "job") is None
        assert "A dance video in" in words(app)
        assert not app.button(key="dance").disabled
        go.set()

    def test_cancelling_in_the_middle_leaves_nothing(self, open_app: OpenApp, shared: AppServices) -> None:
        app = open_app()
        app.button(key="dance").click().run()
        job = job_of(app, shared)

        app.button(key="cancel").click().run()

        assert job.wait(PATIENCE)
        assert job.state == "cancelled"
        assert list(shared.files.folder.iterdir()) == []
        assert "Stopped." in app.run().info[0].value

    def test_another_look_does_not_watch_again(self, open_app: OpenApp, shared: AppServices) -> None:
        app = dance_to_the_end(open_app(), shared)
        first = query(app, "job")
        assert "already analysed, so faster" in words(app)

        app.segmented_control(key="layout").set_value("side-by-side")
        app.segmented_control(key="background").set_value("green")
        app = dance_to_the_end(app, shared)

        assert query(app, "job") != first
        job = job_of(app, shared)
        assert job.about.again
        assert "pose" not in job.result.report.stages
        assert job.result.report.size == layout_size("side-by-side", (640, 480), (512, 512))

    def test_the_last_five_stay_at_hand(self, open_app: OpenApp, shared: AppServices) -> None:
        app = open_app()
        for _ in range(6):
            app = dance_to_the_end(app, shared, 0.5)
        cards = [b.key for b in app.button if b.key and b.key.startswith("pick-result-")]
        assert len(cards) == 5

        app.button(key=cards[-1]).click().run()

        assert cards[-1] == f"pick-result-{query(app, 'job')}"
        assert len(app.get("video")) == 1

    def test_the_address_brings_it_back_after_a_reload(self, open_app: OpenApp, shared: AppServices) -> None:
        before = open_app()
        before.button(key="pick-performer-mira").click().run()
        before = dance_to_the_end(before, shared)

        after = open_app(job=query(before, "job"))

        assert not after.exception
        assert len(after.get("video")) == 1
        assert chosen(after, "performer") == ["pick-performer-mira"]

    def test_another_widget_does_not_stop_it(self, open_app: OpenApp, shared: AppServices) -> None:
        app = open_app()
        go = blocked(shared)
        app.button(key="dance").click().run()
        job_id = query(app, "job")

        app.button(key="pick-dance-omar-street").click().run()
        app.segmented_control(key="layout").set_value("triptych").run()

        job = shared.jobs.find(job_id or "")
        assert job is not None
        assert job.state == "waiting"
        assert query(app, "job") == job_id
        shared.jobs.cancel(job)
        go.set()

    def test_choices_outlast_a_look_at_another_page(self, open_app: OpenApp) -> None:
        app = open_app()
        app.button(key="pick-dance-omar-street").click().run()
        app.segmented_control(key="layout").set_value("triptych").run()
        app.selectbox(key="generator").set_value("nearest-frame").run()

        app.switch_page("pages/about.py").run()
        app.switch_page("pages/dance.py").run()

        assert chosen(app, "dance") == ["pick-dance-omar-street"]
        assert app.segmented_control(key="layout").value == "triptych"
        assert app.selectbox(key="generator").value == "nearest-frame"

    def test_a_picture_of_ones_own_stands_behind(self, open_app: OpenApp, shared: AppServices) -> None:
        app = open_app()
        app.segmented_control(key="background").set_value("picture").run()
        picture = Image.new("RGB", (64, 48), (200, 30, 120))
        coded = io.BytesIO()
        picture.save(coded, "PNG")
        app.file_uploader(key="backdrop-0").set_value(("pink.png", coded.getvalue(), "image/png")).run()

        app = dance_to_the_end(app, shared, 0.5)

        assert not app.exception
        job = job_of(app, shared)
        assert job.about.backdrop.name == "pink.png"
        with VideoReader(job.result.video) as reader:
            corner = next(iter(reader)).image[:40, :40].reshape(-1, 3).mean(axis=0)
        assert np.abs(corner - (200, 30, 120)).max() < 12

    def test_a_studio_stands_behind_anybody(self, open_app: OpenApp, shared: AppServices) -> None:
        app = open_app()
        app.segmented_control(key="background").set_value("studio").run()

        app = dance_to_the_end(app, shared, 0.5)

        assert not app.exception
        job = job_of(app, shared)
        with load_target(job.about.performer) as target, VideoReader(job.result.video) as reader:
            wanted = background_for(target, "studio").picture
            assert wanted is not None
            corner = next(iter(reader)).image[:40, :40].astype(int)
        assert np.abs(corner - wanted[:40, :40]).mean() < 4

    def test_a_background_that_is_no_picture_is_told_at_once(self, open_app: OpenApp, shared: AppServices) -> None:
        app = open_app()
        app.segmented_control(key="background").set_value("picture").run()

        app.file_uploader(key="backdrop-0").set_value(("pink.png", b"words", "image/png")).run()

        assert not app.exception
        assert "cannot be read as a picture" in app.error[0].value
        assert "pink" in app.error[0].value

    def test_an_unknown_address_is_met_with_a_sentence(self, open_app: OpenApp) -> None:
        app = open_app(job="no-such-dance")

        assert not app.exception
        assert "no longer here" in app.info[0].value
        assert not app.button(key="dance").disabled
        assert query(app, "job") is None
        assert not app.run().info

    def test_one_visitor_does_not_see_anothers_dances(self, open_app: OpenApp, shared: AppServices) -> None:
        dance_to_the_end(open_app(), shared)

        other = open_app()

        assert not other.get("video")
        assert query(other, "job") is None
        assert not [b.key for b in other.button if b.key and b.key.startswith("pick-result-")]

    def test_jobs_of_another_kind_are_not_dances(self, open_app: OpenApp, shared: AppServices) -> None:
        training: Job[Any, Any] = shared.jobs.submit(lambda handle: "weights", about="training")

        app = open_app(job=training.id)

        assert "no longer here" in app.info[0].value


class TestOwnVideo:
    def test_limits_are_told_before_anything_is_chosen(self, open_app: OpenApp) -> None:
        app = open_app()
        app.button(key="pick-dance-own").click().run()

        assert "Up to 200 MB and 3 minutes in one go" in words(app)
        assert app.button(key="dance").disabled
        assert "Choose a video first." in words(app)

    def test_a_video_without_a_dancer_fails_with_a_sentence_and_nothing_is_lost(
        self, open_app: OpenApp, shared: AppServices
    ) -> None:
        app = upload(open_app(), "empty stage.mp4", video())
        assert not app.exception
        assert not app.error
        assert chosen(app, "dance") == ["pick-dance-own"]

        app.button(key="dance").click().run()
        job = job_of(app, shared)
        assert job.wait(PATIENCE)
        app.run()

        assert job.state == "failed"
        assert len(app.error) == 1
        assert job.about.upload.path.name not in app.error[0].value
        assert not app.button(key="dance").disabled
        assert job.about.upload.path.is_file()

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [(b"", "is empty"), (b"these are only words\n" * 50, "is not a video that can be read")],
    )
    def test_what_is_no_video_is_refused_by_its_name(
        self, open_app: OpenApp, shared: AppServices, content: bytes, sentence: str
    ) -> None:
        app = upload(open_app(), "words.mp4", content)

        assert not app.exception
        assert app.error[0].value.replace("\\", "").startswith("words.mp4")
        assert sentence in app.error[0].value
        assert list(shared.files.folder.iterdir()) == []

    def test_too_many_bytes_are_refused(
        self, open_app: OpenApp, shared: AppServices, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DANCE_MAX_UPLOAD_MB", "1")
        settings.cache_clear()

        app = upload(open_app(), "long.mp4", video() + bytes(1 << 20))

        assert not app.exception
        assert "the limit here is 1 MB" in app.error[0].value
        assert list(shared.files.folder.iterdir()) == []

    def test_too_many_pixels_are_refused_before_they_are_decoded(
        self, open_app: OpenApp, shared: AppServices, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DANCE_MAX_PIXELS", "4096")
        settings.cache_clear()

        app = upload(open_app(), "wide.mp4", video(96, 64))

        assert "96×64" in app.error[0].value
        assert list(shared.files.folder.iterdir()) == []

    def test_one_go_is_no_longer_than_the_limit(self, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DANCE_MAX_SECONDS", "2")
        settings.cache_clear()

        app = upload(open_app(), "long.mp4", video(frames=60))
        part = next(s for s in app.slider if s.label == "Trim")
        assert part.value == (0.0, 2.0)

        part.set_value((1.0, 6.0)).run()
        assert "dances 1.0 s to 3.0 s" in words(app)

    @pytest.mark.parametrize(
        ("limit", "frames"), [(("SECONDS", "0.8"), 20), (("FRAMES", "12"), 12), (("RATE", "12.5"), 15)]
    )
    def test_the_limits_hold_whatever_an_upload_says_of_itself(
        self,
        open_app: OpenApp,
        shared: AppServices,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        limit: tuple[str, str],
        frames: int,
    ) -> None:
        monkeypatch.setenv(f"DANCE_MAX_{limit[0]}", limit[1])
        settings.cache_clear()
        pictures = frames_of(paths.BUNDLED_DANCES / "omar-street.mp4")[:30]
        honest = make_video(
            tmp_path / "honest.mp4", pictures, rate=25, options={"bf": "0"}, container_options={"use_editlist": "0"}
        )
        app = upload(open_app(), "lie.mp4", lying_about_its_length(honest, tmp_path / "lie.mp4", 0.2).read_bytes())
        app.button(key="dance").click().run()

        job = job_of(app, shared)
        assert job.wait(PATIENCE)
        assert job.state == "done", job.error
        assert job.result.report.frames_out == frames
        most = {"0.8": "0.8 s", "12": "12 pictures"}.get(limit[1])
        told = [f"lie.mp4 goes on: at most {most} are danced in one go, and the rest was left out."]
        assert job.result.report.warnings == (told if most else [])

    def test_it_is_said_how_many_pictures_of_a_fast_video_are_danced(
        self, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = upload(open_app(), "usual.mp4", video())
        assert "pictures a second" not in words(app)

        monkeypatch.setenv("DANCE_MAX_RATE", "7.5")
        settings.cache_clear()
        app = upload(app, "fast.mp4", video())
        assert "It has 10 pictures a second: 7.5 of them are danced, evenly spaced" in words(app)
        assert "Pictures a second" not in [control.label for control in app.segmented_control]

    @pytest.mark.parametrize(
        ("rate", "most", "offered"),
        [(59.94, 60, []), (60.02, 60, []), (90.0, 60, [60, 30]), (240.0, 60, [60, 30]), (240.0, 120, [60, 30, 120]),
         (100.0, 120, [60, 30, 100]), (240.0, 30, [30]), (30.0, 30, []), (50.0, 24, [24])],
    )  # fmt: skip
    def test_of_slow_motion_60_or_30_are_offered(
        self, rate: float, most: float, offered: list[float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DANCE_MAX_RATE", str(most))
        settings.cache_clear()

        assert rates_offered(rate) == offered
        for danced in offered:
            assert (thinned_in_words(rate, danced) is None) == (danced == rate)

    def test_slow_motion_is_danced_at_the_chosen_rate(
        self, open_app: OpenApp, shared: AppServices, tmp_path: Path
    ) -> None:
        make_slow_motion(tmp_path / "slow.mp4", rate=120, seconds=0.6)
        app = upload(open_app(), "slow.mp4", (tmp_path / "slow.mp4").read_bytes())
        assert "It has 120 pictures a second: 60 of them are danced" in words(app)
        (choice,) = (control for control in app.segmented_control if control.label == "Pictures a second")
        assert choice.options == ["60", "30"]

        made = []
        for chosen in ("60", "30"):
            app.segmented_control(key=choice.key or "").set_value(chosen).run()
            assert "already analysed" not in words(app)
            app.button(key="dance").click().run()
            job = job_of(app, shared)
            assert job.wait(PATIENCE)
            made.append((job.result.report.frames_out, probe(job.result.video)))

        assert [frames for frames, _ in made] == [36, 18]
        assert [info.rate for _, info in made] == [60, 30]
        assert all(info.duration == pytest.approx(0.6, abs=0.01) and info.audio == "aac" for _, info in made)

    def test_a_new_upload_replaces_the_last(self, open_app: OpenApp, shared: AppServices) -> None:
        app = upload(open_app(), "first.mp4", video())
        (first,) = shared.files.folder.iterdir()

        upload(app, "second.mp4", video(frames=20))

        (second,) = shared.files.folder.iterdir()
        assert second != first

    def test_several_dancers_can_be_clicked(self, open_app: OpenApp, shared: AppServices) -> None:
        app = upload(open_app(), "two.mp4", two_dancers())
        run_until(app, lambda: app.session_state["visit"].looking.done)

        assert people(app) == ["Dancer 1", "Dancer 2"]
        app.button(key="pick-person-0").click().run()
        assert chosen(app, "person") == ["pick-person-0"]
        app.button(key="dance").click().run()

        job = job_of(app, shared)
        assert 0.0 < job.about.person.x < 0.5
        assert job.wait(PATIENCE)

        app.button(key="pick-person-1").click().run()
        assert "already analysed" not in words(app)
        app.button(key="dance").click().run()
        other = job_of(app, shared)
        assert other.wait(PATIENCE)
        analysis = other.result.seen.get().analysis
        assert all(pose.xy[:, 0].mean() > analysis.size[0] / 2 for pose in analysis.poses)
        app.run()
        assert "already analysed" in words(app)
        app.button(key="pick-person-0").click().run()
        assert "already analysed" in words(app)

    def test_somebody_who_comes_later_can_be_clicked_and_another_stretch_asks_anew(
        self, open_app: OpenApp, tmp_path: Path
    ) -> None:
        whom.write_together(tmp_path / "later.mp4", whom.SIDE_BY_SIDE, seconds=4.0)
        app = upload(open_app(), "later.mp4", (tmp_path / "later.mp4").read_bytes())
        assert not people(app), "the first picture shows one"
        assert not app.button(key="dance").disabled, "nobody has to wait for the others"

        run_until(app, lambda: app.session_state["visit"].looking.done)
        app.run()
        first, second = people(app)
        assert first == "Dancer 1"
        assert re.fullmatch(r"Dancer 2 at\s[23]\.\d\ss", second)
        assert chosen(app, "person") == ["pick-person-0"], "who is there for longer"
        app.button(key="pick-person-1").click().run()
        assert chosen(app, "person") == ["pick-person-1"]

        part = next(s for s in app.slider if s.label == "Trim")
        part.set_value((0.0, 1.5)).run()
        run_until(app, lambda: app.session_state["visit"].looking.done)
        assert not people(app.run())
        part.set_value((2.8, 4.0)).run()
        run_until(app, lambda: app.session_state["visit"].looking.done)
        assert people(app.run()) == ["Dancer 1", "Dancer 2"]

    def test_whom_somebody_chose_stays_whatever_the_other_pictures_show(self) -> None:
        video = next(iter(dances.list_dances())).video
        both = PersonSearch(video, 0.0, None, _first=[candidate(0.2, count=1), candidate(0.7, count=1)])
        later = [candidate(0.7, count=8)]
        assert both.followed(both.people) is both.people[0]
        both._found = later
        assert both.people == later
        both.chosen = both._first[0]
        assert both.people == both._first
        both.chosen = both._first[1]
        assert both.people == later
        assert both.followed(later) is later[0]


def people(app: AppTest) -> list[str]:
    """Who can be chosen."""
    return [b.label.replace("\\", "") for b in app.button if b.key and b.key.startswith("pick-person-")]


def candidate(x: float, *, count: int) -> Candidate:
    portrait = np.zeros((8, 8, 3), np.uint8)
    return Candidate(Chosen(0.0, x, 0.5), 0.0, portrait, ((0.0, x, 0.5),), height=0.5, count=count)


def two_dancers() -> bytes:
    """A bundled dancer and their mirror image side by side, a few frames."""
    out = io.BytesIO()
    with av.open(str(paths.BUNDLED_DANCES / "omar-street.mp4")) as dance, av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 1024, 512, "yuv420p"
        for n, shown in zip(range(8), dance.decode(video=0), strict=False):
            one = shown.to_ndarray(format="rgb24")
            both = np.hstack([one, one[:, ::-1]])
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(both), format="rgb24")
            picture.pts, picture.time_base = n, Fraction(1, 25)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return out.getvalue()


def test_about_says_what_it_is_and_whose_work_is_in_it(open_app: OpenApp) -> None:
    app = open_app()
    app.switch_page("pages/about.py").run()

    assert not app.exception
    assert "Everybody Dance Now" in words(app)
    assert "Apache License 2.0" in app.code[0].value
