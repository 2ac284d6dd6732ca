"""The stage of the dance page: what is going on, and what came of it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.bundled.dances import Dance
from core.services.job_queue import Job
from core.ui.app_services import app_services
from core.ui.dance_job import DanceJob, DanceRequest, TransferResult
from core.ui.export import show_export
from core.ui.image_picker import Card, pick
from core.ui.images import as_url, file_url, jpeg, numbers, tag
from core.ui.text import in_words, plain
from core.ui.video_info import picture_at
from core.ui.visitor_state import OWN, PageResults, VisitorState

if TYPE_CHECKING:
    from core.transfer import Progress

_LOOK_AGAIN_SECONDS = 0.4
_PREVIEW_SIDE = 720


def show_poster(dance: str | None, performer: str | None, words: str) -> None:
    """The stage before the first dance: who will dance what. Both pictures are addresses."""
    with st.container(key="stage-idle"):
        pictures = "".join(tag(url, css_class=role) for role, url in (("lead", performer), ("source", dance)) if url)
        st.html(f'<div class="poster">{pictures}<p>{escape(words)}</p></div>')


def show_notice(visitor: VisitorState) -> None:
    """What is to be said once."""
    if visitor.notice:
        st.info(visitor.notice)
        visitor.notice = None


def source_picture(visitor: VisitorState, dances: list[Dance]) -> str | None:
    """The address of a picture of the chosen dance."""
    if visitor.dance == OWN:
        data = visitor.upload and picture_at(str(visitor.upload.path), 0.0)
        return as_url(data) if data else None
    return next((file_url(d.picture) for d in dances if d.id == visitor.dance and d.picture.is_file()), None)


def show_time(frames: float, *, again: bool, generators: int = 1) -> None:
    """How long it will take, as soon as this computer was measured; ``again`` when the dance was watched before."""
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
        seconds = first + (generators - 1) * another
        st.caption(f"Takes about {in_words(max(seconds, 1))}{': this dance was watched before' if again else ''}.")


def show_job(job: DanceJob, portrait: str | None) -> None:
    """The job in whatever state it is; ``portrait`` stands in until there is a preview."""
    with st.container(key="stage-job"):
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
        st.progress(0.0, text=_waiting_words(job))
    else:
        st.progress(job.about.share(progress), text=_progress_words(progress))
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


def _waiting_words(job: Job[Any, Any]) -> str:
    place = app_services().jobs.place(job)
    if place == 0:
        return "Getting ready…"
    return "One dance is ahead of yours." if place == 1 else f"{place} dances are ahead of yours."


def _progress_words(progress: Progress) -> str:
    doing = "Watching the dance" if progress.phase == "looking" else "Dancing it"
    left = "" if progress.seconds_left is None else f" · {in_words(progress.seconds_left)} left"
    return f"{doing} · {progress.fps:.0f} frames a second{left}"


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
