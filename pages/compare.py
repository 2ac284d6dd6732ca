"""Every generator on the same dance, at a glance: which one, and why."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core import paths
from core.bundled.dances import Dance, list_dances
from core.errors import DanceError
from core.targets.store import TargetSummary
from core.ui.app_services import app_services
from core.ui.compare_job import CompareJob, CompareRequest, start_comparing
from core.ui.compare_view import choose_generators, come_by_link, link_choices, show_comparison
from core.ui.dance_result import show_notice, show_results, show_time
from core.ui.options import choose_performer, portrait_url
from core.ui.page import run_page
from core.ui.source import Source, choose_source, trim
from core.ui.text import plain
from core.ui.visitor_state import VisitorState, comparison_on_stage, current_visitor

FEWEST = 2


def show(performers: list[TargetSummary]) -> None:
    visitor, dances = current_visitor(), list_dances()
    job = comparison_on_stage(visitor)
    come_by_link(visitor, job, dances, performers)
    show_notice(visitor)
    with st.container(key="compare-page"):
        controls, stage = st.columns([4, 9], gap="large")
    with controls:
        performer = controls_of(visitor, job, dances, performers)
    with stage:
        if job is not None:
            show_comparison(job, portrait_url(performer))
        else:
            show_example()
        show_results(visitor.comparisons, "comparison", "Your last comparisons")


def show_example() -> None:
    """One comparison that was made before, so that there is something to see at once."""
    with st.container(key="stage-example"):
        if paths.SIDE_BY_SIDE.is_file():
            st.video(paths.SIDE_BY_SIDE, autoplay=True, loop=True, muted=True, alt="One dance by every generator")
        st.caption("Mira in “Lina’s disco”, by every generator. Choose your own on the left, and press Compare.")


def controls_of(
    visitor: VisitorState, job: CompareJob | None, dances: list[Dance], performers: list[TargetSummary]
) -> TargetSummary:
    st.subheader("1 · The dance", anchor=False)
    source = choose_source(visitor, dances)
    st.subheader("2 · The performer", anchor=False)
    performer = choose_performer(visitor, performers, visitor.dance or "")
    st.subheader("3 · The generators", anchor=False)
    generators = choose_generators(performer)
    if source is not None and source.upload is None:
        with st.expander("Trim", key="compare-part"):
            begin, end = trim(source.clip, key=f"part-{source.id}")
        source = replace(source, start=begin, end=end)
    link_choices(source, performer, generators)
    compare_button(visitor, job, source, performer, generators)
    return performer


def compare_button(
    visitor: VisitorState,
    job: CompareJob | None,
    source: Source | None,
    performer: TargetSummary,
    generators: list[str],
) -> None:
    busy = job is not None and not job.over
    request = None if source is None else request_of(visitor, source, performer, generators)
    ready = request is not None and len(generators) >= FEWEST
    with st.container(key="go", gap="xxsmall"):
        clicked = st.button("Compare", key="compare", type="primary", disabled=busy or not ready, width="stretch")
        if request is None:
            st.caption("Choose a video first.")
        elif not ready:
            st.caption("Choose two generators or more.")
        elif not busy and source is not None:
            show_time(source.frames, again=visitor.seen(request) is not None, generators=len(generators))
    if clicked and not busy and ready and request is not None:
        try:
            visitor.comparisons.put(start_comparing(app_services(), request, visitor.seen(request)))
        except DanceError as error:
            st.error(plain(str(error)))
        else:
            st.rerun()


def request_of(
    visitor: VisitorState, source: Source, performer: TargetSummary, generators: list[str]
) -> CompareRequest:
    return CompareRequest(
        dance=source.id,
        title=source.title,
        video=source.video,
        upload=source.upload,
        performer=performer.id,
        performer_name=performer.name,
        guest=visitor.guest(performer.id),
        owner=visitor.id,
        browser=visitor.browser,
        generators=tuple(generators),
        person=source.person,
        start=source.start,
        end=source.end,
        rate=source.rate,
        frames=source.frames,
    )


run_page(show)
