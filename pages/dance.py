"""Pick a dance, pick a performer, dance."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.dances import Dance, list_dances
from core.errors import DanceError
from core.targets.store import TargetSummary
from core.ui.again import show_again
from core.ui.dancing import DanceJob, DanceRequest, start
from core.ui.house import house
from core.ui.options import Look, choose_generator, choose_look, choose_performer, portrait_url
from core.ui.page import run_page
from core.ui.source import Source, choose_source, trim
from core.ui.stage import show_example, show_job, show_notice, show_results, show_time
from core.ui.visit import Visit, job_on_stage, visit
from core.ui.words import plain

WHAT = "A dance video in, a performer’s video out: the same moves, to the same music."


def show(performers: list[TargetSummary]) -> None:
    here, dances = visit(), list_dances()
    job = job_on_stage(here)
    show_notice(here)
    with st.container(key="dance-page"):
        controls, stage = st.columns([5, 7], gap="large")
    with controls:
        performer = controls_of(here, job, dances, performers)
    with stage:
        if job is None:
            show_example(WHAT)
        else:
            show_job(job, portrait_url(performer))
            show_again(here, job, performers)
        show_results(here.dances, "result", "Your last dances")


def controls_of(
    here: Visit, job: DanceJob | None, dances: list[Dance], performers: list[TargetSummary]
) -> TargetSummary:
    st.subheader("1 · The dance", anchor=False)
    source = choose_source(here, dances)
    st.subheader("2 · The performer", anchor=False)
    performer = choose_performer(here, performers, here.dance or "")
    generator = choose_generator(performer)
    house().warm(performer.id, generator)
    with st.expander("Layout, background, trim", key="more"):
        look = choose_look(here)
        if source is not None and source.upload is None:
            begin, end = trim(source.clip, key=f"part-{source.id}")
            source = replace(source, start=begin, end=end)
    request = None if source is None else request_of(here, source, performer, generator, look)
    dance_button(here, job, source, request)
    return performer


def request_of(here: Visit, source: Source, performer: TargetSummary, generator: str, look: Look) -> DanceRequest:
    return DanceRequest(
        dance=source.id,
        title=source.title,
        video=source.video,
        upload=source.upload,
        performer=performer.id,
        performer_name=performer.name,
        guest=here.guest(performer.id),
        owner=here.id,
        browser=here.browser,
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


def dance_button(here: Visit, job: DanceJob | None, source: Source | None, request: DanceRequest | None) -> None:
    busy = job is not None and not job.over
    seen = here.seen(request) if request else None
    with st.container(key="go", gap="xxsmall"):
        clicked = st.button("Dance", key="dance", type="primary", disabled=busy or request is None, width="stretch")
        if source is None:
            st.caption("Choose a video first.")
        elif not busy:
            show_time(source.frames, again=seen is not None)
    if clicked and not busy and request is not None:
        try:
            here.dances.put(start(house(), request, seen))
        except DanceError as error:
            st.error(plain(str(error)))
        else:
            st.rerun()


run_page(show)
