"""The stage of the dance page: what is going on, and what came of it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from core import paths
from core.services.job_queue import Job
from core.ui.app_services import app_services
from core.ui.dance_job import DanceJob, DanceRequest, TransferResult
from core.ui.export import show_export
from core.ui.image_picker import Card, pick
from core.ui.images import as_url, jpeg, numbers, tag, video_address
from core.ui.manners import say
from core.ui.text import about, in_words, plain
from core.ui.visitor_state import PageResults, VisitorState

if TYPE_CHECKING:
    from core.transfer import Progress

_LOOK_AGAIN_SECONDS = 0.4
_PREVIEW_SIDE = 720
_OVER = {"done": "Done: {}", "failed": "It did not work out: {}", "cancelled": "Stopped: {}"}
_EXAMPLE = "On the left a dance, on the right a performer who does the same moves"


def show_example(words: str) -> None:
    """What a page is for, before anything was made on it: a sentence, and a dance beside a performer who does the same moves."""
    url = video_address(paths.BEFORE_AFTER, "example") if paths.BEFORE_AFTER.is_file() else ""
    film = (
        f'<video class="loop" src="{url}" aria-label="{_EXAMPLE}" autoplay muted loop playsinline></video>'
        if url
        else ""
    )
    with st.container(key="stage-idle"):
        st.html(f'<figure class="example"><figcaption>{escape(words)}</figcaption>{film}</figure>')


def show_notice(visitor: VisitorState) -> None:
    """What is to be said once."""
    if visitor.notice:
        st.info(visitor.notice)
        visitor.notice = None


def show_time(frames: float, *, again: bool, generators: int = 1) -> None:
    """How long it will take, as soon as this computer was measured; ``again`` when the dance was analysed before."""
    measuring = not app_services().speed.known
    st.fragment(_tell_time, run_every=1.0 if measuring else None)(frames, again, generators, measuring)


def _tell_time(frames: float, again: bool, generators: int, measuring: bool) -> None:
    speed = app_services().speed
    first, another = speed.seconds(frames, again=again), speed.seconds(frames, again=True)
    if first is None or another is None:
        st.caption("Measuring how fast this computer is…")
    elif measuring:
        st.rerun()
    else:
        least, most = (max(one + (generators - 1) * other, 1) for one, other in zip(first, another, strict=True))
        st.caption(f"Takes about {about(least, most)}{': already analysed, so faster' if again else ''}.")


def show_job(job: DanceJob, portrait: str | None) -> None:
    """The job in whatever state it is; ``portrait`` stands in until there is a preview."""
    with st.container(key="stage-job"):
        if job.over:
            say(_OVER[job.state].format(job.about.words), job.id)
        if job.state == "done" and job.result is not None:
            _show_result(job.about, job.result)
        elif job.state == "failed":
            st.error(plain(job.error or ""))
        elif job.state == "cancelled":
            st.info("Stopped. Change what you like and dance again.")
        else:
            watch(job.id, portrait)


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
def watch(job_id: str, portrait: str | None) -> None:
    """Looks at a job that dances now and then, without rerunning the page; what it is about says how far it is."""
    job: Job[Progress, Any] | None = app_services().jobs.find(job_id)
    if job is None or job.over:
        st.rerun()
    st.html(_picture(job, portrait))
    progress = job.progress
    if progress is None:
        say(waiting_words(job), job.id)
        st.progress(0.0, text=waiting_words(job))
    else:
        say(_step(job, progress), job.id)
        st.progress(job.about.share(progress), text=f"{_step(job, progress)}{_left(progress)}")
    st.button(
        "Stopping…" if job.cancel_asked else "Cancel",
        key="cancel",
        disabled=job.cancel_asked,
        on_click=app_services().jobs.cancel,
        args=(job,),
    )


def _picture(job: Job[Progress, Any], portrait: str | None) -> str:
    # read once: the job's own thread takes it away at the end
    preview = job.preview
    if preview is None:
        waiting = tag(portrait, css_class="lead") if portrait else ""
        return f'<div class="poster waiting">{waiting}</div>'
    phase, image = preview
    label = "Live preview" if phase == "looking" else "Your video"
    shown = tag(as_url(jpeg(image, _PREVIEW_SIDE)), f"{label}: the newest picture", "newest")
    return f'<figure class="preview"><figcaption>{label}</figcaption>{shown}</figure>'


def waiting_words(job: Job[Any, Any]) -> str:
    """How many are before it, and how long they take where all of that is known."""
    ahead = app_services().jobs.ahead(job)
    if not ahead:
        return "Getting ready…"
    left = [_seconds_left(other) for other in ahead]
    known = [seconds for seconds in left if seconds is not None]
    how_long = f": about {in_words(max(sum(known), 1))}" if len(known) == len(left) else ""
    return f"You are next{how_long}." if len(ahead) == 1 else f"{len(ahead)} are ahead of you{how_long}."


def _seconds_left(job: Job[Any, Any]) -> float | None:
    """Of a dance or a comparison that runs or waits; None where it is not known, as of anything else."""
    if job.progress is not None:
        left: float | None = getattr(job.progress, "seconds_left", None)
        return left
    if job.state != "waiting" or not isinstance(job.about, DanceRequest):
        return None
    spread = app_services().speed.seconds(job.about.frames, again=job.about.again)
    return None if spread is None else sum(spread) / 2


def _step(job: Job[Progress, Any], progress: Progress) -> str:
    if job.about.again:
        return "Making the video"
    return "Step 1 of 2: finding the moves" if progress.phase == "looking" else "Step 2 of 2: making the video"


def _left(progress: Progress) -> str:
    return "" if progress.seconds_left is None else f" · {in_words(progress.seconds_left)} left"


def _show_result(request: DanceRequest, danced: TransferResult) -> None:
    if not danced.video.is_file():
        st.error("This result is no longer here. Dance again to make a new one.")
        return
    _show_file(request, danced)
    title, download = st.columns([3, 2], vertical_alignment="center")
    title.markdown(f"**{plain(request.words)}**")
    download.download_button(
        "Download",
        # read when it is clicked, not at every rerun
        data=danced.video.read_bytes,
        file_name=request.file_name(request.format.suffix),
        mime=request.format.mime,
        key="download",
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
    )
    st.html(_numbers(danced))
    for warning in danced.report.warnings:
        st.caption(plain(warning))
    show_export(request)


def _show_file(request: DanceRequest, danced: TransferResult) -> None:
    if request.format.plays:
        st.video(danced.video, format=request.format.mime, autoplay=True, alt=request.words)
    elif request.format.kind == "animation":
        st.image(danced.video, alt=request.words)
    else:
        st.html(f'<div class="poster">{tag(as_url(danced.poster), request.words, "lead")}</div>')
        st.caption(f"{request.format.title}: browsers do not play it. Download it.")


def _numbers(danced: TransferResult) -> str:
    report = danced.report
    seen = f"{report.frames_with_pose} of {report.frames_in}"
    facts = (
        (str(report.frames_out), "frames"),
        (f"{report.seconds:.1f} s", "to make"),
        (f"{report.fps:.0f}", "frames a second"),
        (seen, "frames with the dancer in view"),
    )
    return numbers(facts)


def show_results(stage: PageResults, role: str, heading: str) -> None:
    """A page's last results, as small pictures to go back to."""
    jobs = [job for job in stage.jobs() if job.state == "done" and job.result is not None]
    if len(jobs) < 2:
        return

    def choose(job_id: str) -> None:
        stage.put(next(job for job in jobs if job.id == job_id))

    cards = [Card(job.id, job.about.words, as_url(job.result.poster)) for job in jobs if job.result]
    with st.container(key="stage-results"):
        st.subheader(heading, anchor=False)
        pick(role, cards, stage.job, choose, columns=5)
