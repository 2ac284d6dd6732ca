"""What the compare page shows: the choice of generators, the grid, the numbers, and a look inside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Final

import streamlit as st

from core.bundled.dances import Dance
from core.errors import DanceError
from core.targets.store import TargetSummary
from core.ui.app_services import app_services
from core.ui.compare_job import (
    CompareJob,
    CompareRequest,
    CompareResult,
    MeasureJob,
    Measures,
    grid_at,
    start_measuring,
)
from core.ui.compare_player import ReelCurve, reel
from core.ui.dance_result import watch
from core.ui.images import as_url, jpeg, tag
from core.ui.source import Source
from core.ui.text import plain
from core.ui.visitor_state import VisitorState

if TYPE_CHECKING:
    from core.evaluation.grid import Comparison
    from core.evaluation.report import Row
    from core.generators.base import GeneratorSpec

_LOOK_AGAIN_SECONDS: Final = 0.5
_GENERATORS: Final = "compare-generators"
_USUAL: Final = ("realtime", "unet-attn", "nearest", "mlp-se")
"""Chosen before anybody chose: one of each kind."""
_DANCE, _PERFORMER, _BY = "dance", "performer", "generators"
"""What a link says, under these names."""


# ---- choosing


def come_by_link(
    visitor: VisitorState, job: CompareJob | None, dances: list[Dance], performers: list[TargetSummary]
) -> None:
    """Once a visit, choose what the address names: a comparison can be shared by its link."""
    if st.session_state.get("compare-came"):
        return
    st.session_state["compare-came"] = True
    if job is not None:
        st.session_state[_GENERATORS] = list(job.about.generators)
        return
    asked = st.query_params
    if asked.get(_DANCE) in {dance.id for dance in dances}:
        visitor.dance = asked[_DANCE]
    if asked.get(_PERFORMER) in {performer.id for performer in performers}:
        visitor.performer = asked[_PERFORMER]
    wanted = asked.get(_BY, "").split(",")
    known = {spec.name for spec in _specs(performers[0], every=True)}
    if chosen := [name for name in dict.fromkeys(wanted) if name in known]:
        st.session_state[_GENERATORS] = chosen


def link_choices(source: Source | None, performer: TargetSummary, generators: list[str]) -> None:
    """Keep the choices in the address, as far as others have the same dances and performers."""
    shared = source is not None and source.upload is None and not performer.own
    said = {_DANCE: source.id, _PERFORMER: performer.id, _BY: ",".join(generators)} if source and shared else {}
    for name in (_DANCE, _PERFORMER, _BY):
        if said.get(name):
            if st.query_params.get(name) != said[name]:
                st.query_params[name] = said[name]
        else:
            st.query_params.pop(name, None)


def choose_generators(performer: TargetSummary) -> list[str]:
    """Two or more of those that the performer has, the usual one first."""
    specs = {spec.name: spec for spec in _specs(performer)}
    names = sorted(specs, key=lambda name: _USUAL.index(name) if name in _USUAL else len(_USUAL))
    if _GENERATORS in st.session_state:
        # what was chosen for one performer may not be there for the next
        st.session_state[_GENERATORS] = [name for name in st.session_state[_GENERATORS] if name in specs]
    chosen: list[str] = st.pills(
        "Generators",
        names,
        selection_mode="multi",
        # what is there already counts, and Streamlit complains of two
        default=None if _GENERATORS in st.session_state else [name for name in names if name in _USUAL],
        format_func=lambda name: specs[name].title,
        key=_GENERATORS,
        persist_state="session",
        label_visibility="collapsed",
        wrap=True,
    )
    if not chosen:
        st.caption("None is chosen.")
    return [name for name in names if name in chosen]


def _specs(performer: TargetSummary, *, every: bool = False) -> list[GeneratorSpec]:
    from core.generators.registry import list_generators

    return list_generators(None if every else list(performer.generators))


# ---- what came of it


def show_comparison(job: CompareJob, portrait: str | None) -> None:
    """The comparison in whatever state it is; ``portrait`` stands in until there is a preview."""
    if job.state == "done" and job.result is not None:
        with st.container(key="stage-grid"):
            if job.result.video.is_file():
                _show_grid(job.id)
            else:
                st.error("This comparison is no longer here. Compare again to make a new one.")
        return
    with st.container(key="stage-job"):
        if job.state == "failed":
            st.error(plain(job.error or ""))
        elif job.state == "cancelled":
            st.info("Stopped. Change what you like and compare again.")
        else:
            watch(job.id, portrait)


@st.fragment
def _show_grid(job_id: str) -> None:
    """The grid and all that belongs to the frame in view, which changes without rerunning the page."""
    job: CompareJob | None = app_services().jobs.find(job_id)
    if job is None or job.result is None:
        st.rerun()
    request, compared = job.about, job.result
    comparison = compared.comparison
    measuring = _measuring(compared)
    measures = _measures(measuring)
    st.markdown(f"**{plain(request.words)}**")
    frame = reel(
        compared.video, comparison.size, [float(time) for time in comparison.moves.times],
        comparison.tiles, _curves(comparison, measures), key=f"reel-{job_id}",
    )  # fmt: skip
    over = measuring is None or measuring.over
    st.fragment(_show_numbers, run_every=None if over else _LOOK_AGAIN_SECONDS)(request, compared, over=over)
    _show_downloads(request, compared, measures, frame)
    _show_inside(request, comparison, frame)


def _measuring(compared: CompareResult) -> MeasureJob | None:
    return None if compared.measuring is None else app_services().jobs.find(compared.measuring)


def _measures(measuring: MeasureJob | None) -> Measures:
    if measuring is None:
        return Measures()
    if measuring.result is not None:
        return measuring.result
    progress = measuring.progress
    return Measures() if progress is None else progress[1]


def _curves(comparison: Comparison, measures: Measures) -> list[ReelCurve]:
    """What was measured of each generator, and last how much of the dance the footage shows, which is known at once."""
    from core.evaluation.report import CURVES, SEEN, known_values

    found = []
    for curve in CURVES:
        lines = [(m.name, curve.values(m.series)) for m in measures.measured]
        if any(value is not None for _, values in lines for value in values):
            found.append(ReelCurve(curve.name, curve.title, curve.unit, curve.better, tuple(lines)))
    asked = (("source", known_values(comparison.moves.seen)),)
    return [*found, ReelCurve(SEEN.name, SEEN.title, SEEN.unit, SEEN.better, asked)]


def _show_numbers(request: CompareRequest, compared: CompareResult, *, over: bool) -> None:
    """The table, which fills as they are measured."""
    from core.evaluation.report import html_table

    measuring = _measuring(compared)
    if measuring is not None and measuring.over and not over:
        # the curves belong to the grid
        st.rerun()
    known = compared.comparison.answer is not None
    table = html_table(_rows(compared.comparison, _measures(measuring)), known=known)
    st.html(f'<div class="scores">{table}</div><p class="scores-note">{escape(_note(known))}</p>')
    if not request.whole and replace(request, start=0.0, end=None).known is not None:
        st.caption("The right answer is known of this dance, but of the whole of it only.")
    if measuring is not None and not measuring.over:
        share = 0.0 if measuring.progress is None else measuring.progress[0]
        with st.container(horizontal=True, vertical_alignment="center", key="measuring"):
            st.progress(share, text="Measuring how good each of them is…")
            st.button("Cancel", key="cancel-measuring", on_click=app_services().jobs.cancel, args=(measuring,))
        return
    if measuring is not None and measuring.state == "failed":
        st.error(plain(measuring.error or ""))
    if measuring is None or measuring.state != "done":
        st.button("Measure", key="measure", on_click=_measure_again, args=(request, compared))


def _measure_again(request: CompareRequest, compared: CompareResult) -> None:
    try:
        start_measuring(app_services(), request, compared)
    except DanceError as error:
        st.toast(plain(str(error)))


def _rows(comparison: Comparison, measures: Measures) -> list[Row]:
    from core.evaluation.report import table

    return table(comparison.parts, measures.measured, known=comparison.answer is not None)


def _note(known: bool) -> str:
    held = "the right answer" if known else "the performer's own footage"
    return f"Bold is best. Sharpness is held against {held}: 1 is as sharp as it should be, below is blur."


# ---- files


def _show_downloads(request: CompareRequest, compared: CompareResult, measures: Measures, frame: int) -> None:
    comparison = compared.comparison
    whole = len(measures.measured) == len(comparison.parts)
    with st.container(horizontal=True, key="compare-downloads"):
        _download("Grid video", compared.video.read_bytes, request.file_name(".mp4", "compared"), "video/mp4", "grid")
        _download(
            "This frame",
            lambda: _png(compared, frame),
            request.file_name(".png", f"frame {frame + 1}"),
            "image/png",
            "frame",
        )
        if whole:
            _download(
                "Numbers", lambda: _csv(compared, measures), request.file_name(".csv", "numbers"), "text/csv", "csv"
            )
            _download(
                "Report", lambda: _report(request, compared, measures, frame), request.file_name(".html", "report"),
                "text/html", "report",
            )  # fmt: skip
            with st.popover("Single videos"):
                for part in comparison.parts:
                    video = measures.videos[part.name]
                    _download(
                        part.title, video.read_bytes, request.file_name(".mp4", part.name), "video/mp4", part.name
                    )


def _download(label: str, data: Callable[[], bytes], name: str, mime: str, key: str) -> None:
    # made when it is clicked, not at every rerun
    st.download_button(
        label,
        data=data,
        file_name=name,
        mime=mime,
        key=f"download-{key}",
        on_click="ignore",
        icon=":material/download:",
    )


def _csv(compared: CompareResult, measures: Measures) -> bytes:
    from core.evaluation.report import as_csv

    return as_csv(_rows(compared.comparison, measures), compared.comparison.moves.seen).encode()


def _png(compared: CompareResult, frame: int) -> bytes:
    from core.video.provenance import Provenance, SourceType
    from core.video.still import as_png

    return as_png(grid_at(compared.video, compared.comparison, frame), Provenance(SourceType.COMPOSITE))


def _report(request: CompareRequest, compared: CompareResult, measures: Measures, frame: int) -> bytes:
    from core.evaluation.report import CURVES, html_report

    times = compared.comparison.moves.times
    moments = sorted({frame, *(len(times) * part // 6 for part in (1, 3, 5))})
    pictures = [
        (f"At {float(times[i]):.1f} s", jpeg(grid_at(compared.video, compared.comparison, i), 1600)) for i in moments
    ]
    curves = [(c, [(m.title, c.values(m.series)) for m in measures.measured]) for c in CURVES]
    return html_report(
        request.words, _rows(compared.comparison, measures), known=compared.comparison.answer is not None,
        pictures=pictures, curves=curves, seen=compared.comparison.moves.seen,
        when=datetime.now().astimezone().strftime("%d %B %Y, %H:%M"),
    ).encode()  # fmt: skip


# ---- a look inside


def _show_inside(request: CompareRequest, comparison: Comparison, frame: int) -> None:
    """What the picture of that frame was made from, by one of the generators."""
    titles = {part.name: part.title for part in comparison.parts}
    st.subheader("A look inside", anchor=False)
    chosen: str = st.segmented_control(
        "Of which", list(titles), default=next(iter(titles)), required=True, format_func=titles.__getitem__,
        key=f"inside-{'-'.join(titles)}", label_visibility="collapsed", wrap=True,
    )  # fmt: skip
    asked = comparison.moves.asked[frame]
    if asked is None:
        st.caption("Nobody is in view in this frame.")
        return
    part = next(part for part in comparison.parts if part.name == chosen)
    try:
        _, generator = app_services().performers.get(request.performer, chosen)
        glimpses = generator.explain(asked, part.choices[frame])
    except DanceError:
        st.caption("The performer is no longer here.")
        return
    figures = (
        f"<figure>{tag(as_url(jpeg(glimpse.image, 512)), glimpse.title)}"
        f"<figcaption><b>{escape(glimpse.title)}</b> {escape(glimpse.note)}</figcaption></figure>"
        for glimpse in glimpses
    )
    st.html(f'<div class="glimpses">{"".join(figures)}</div>')
