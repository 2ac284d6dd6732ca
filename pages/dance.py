"""Pick a dance, pick a performer, dance."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.bundled.dances import Dance, list_dances
from core.errors import DanceError
from core.targets.store import TargetSummary
from core.ui.again import show_again
from core.ui.app_services import app_services
from core.ui.dance_job import DanceJob, DanceRequest, start
from core.ui.dance_result import show_example, show_job, show_notice, show_results, show_time
from core.ui.options import OutputOptions, choose_generator, choose_look, choose_performer, portrait_url
from core.ui.page import run_page
from core.ui.source import Source, choose_source, trim
from core.ui.text import plain
from core.ui.visitor_state import VisitorState, current_visitor, job_on_stage

WHAT = "A dance video in, a performer’s video out: the same moves, to the same music."


def show(performers: list[TargetSummary]) -> None:
    visitor, dances = current_visitor(), list_dances()
    job = job_on_stage(visitor)
    show_notice(visitor)
    with st.container(key="dance-page"):
        controls, stage = st.columns([5, 7], gap="large")
    with controls:
        performer = controls_of(visitor, job, dances, performers)
    with stage:
        if job is None:
            show_example(WHAT)
        else:
            show_job(job, portrait_url(performer))
            show_again(visitor, job, performers)
        show_results(visitor.dances, "result", "Your last dances")


def controls_of(
    visitor: VisitorState, job: DanceJob | None, dances: list[Dance], performers: list[TargetSummary]
) -> TargetSummary:
    st.subheader("1 · The dance", anchor=False)
    source = choose_source(visitor, dances)
    st.subheader("2 · The performer", anchor=False)
    performer = choose_performer(visitor, performers, visitor.dance or "")
    generator = choose_generator(performer)
    app_services().warm(performer.id, generator)
    with st.expander("Layout, background, trim", key="more"):
        look = choose_look(visitor)
        if source is not None and source.upload is None:
            begin, end = trim(source.clip, key=f"part-{source.id}")
            source = replace(source, start=begin, end=end)
    request = None if source is None else request_of(visitor, source, performer, generator, look)
    dance_button(visitor, job, source, request)
    return performer


def request_of(
    visitor: VisitorState, source: Source, performer: TargetSummary, generator: str, look: OutputOptions
) -> DanceRequest:
    return DanceRequest(
        dance=source.id,
        title=source.title,
        video=source.video,
        upload=source.upload,
        performer=performer.id,
        performer_name=performer.name,
        guest=visitor.guest(performer.id),
        owner=visitor.id,
        browser=visitor.browser,
        generator=generator,
        layout=look.layout,
        background=look.background,
        backdrop=look.backdrop,
        person=source.person,
        start=source.start,
        end=source.end,
        rate=source.rate,
        frames=source.frames,
    )


def dance_button(
    visitor: VisitorState, job: DanceJob | None, source: Source | None, request: DanceRequest | None
) -> None:
    busy = job is not None and not job.over
    seen = visitor.seen(request) if request else None
    with st.container(key="go", gap="xxsmall"):
        clicked = st.button("Dance", key="dance", type="primary", disabled=busy or request is None, width="stretch")
        if source is None:
            st.caption("Choose a video first.")
        elif not busy:
            show_time(source.frames, again=seen is not None)
    if clicked and not busy and request is not None:
        try:
            visitor.dances.put(start(app_services(), request, seen))
        except DanceError as error:
            st.error(plain(str(error)))
        else:
            st.rerun()


run_page(show)
