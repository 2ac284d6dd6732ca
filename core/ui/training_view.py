"""The third step of the train page: a training to look at, to pause, to try, to stop and to go on with."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
import streamlit as st

from core.errors import DanceError
from core.services.training_runs import Point, RunState, TrainingRun, curve, sheets
from core.services.training_service import RunStatus, TrainingService
from core.ui.app_services import app_services
from core.ui.images import as_url, file_url, jpeg, numbers, tag
from core.ui.loss_chart import curve_svg
from core.ui.text import in_words, plain

_LOOK_AGAIN_SECONDS: Final = 1.0
MORE_MINUTES: Final = 10.0
_NOW: Final = -1
"""Place of the newest sheet."""

_STATES: Final[dict[RunState, str]] = {
    "waiting": "In line",
    "training": "Training",
    "interrupted": "Interrupted: the app was stopped. It goes on where it was.",
    "stopped": "Stopped. What was learnt is kept.",
    "failed": "It did not work out.",
    "done": "Trained.",
}
_PHASES: Final = {
    "starting": "Getting ready…",
    "preparing": "Preparing the footage…",
    "training": "Learning",
    "paused": "Paused",
    "ending": "Keeping what was learnt…",
}


def show_run(training_service: TrainingService, record: TrainingRun, name: str) -> None:
    """All of one run."""
    with st.container(key=f"stage-run-{record.id}"):
        st.subheader(plain(name), anchor=False)
        st.fragment(_watch, run_every=_LOOK_AGAIN_SECONDS if record.state in {"waiting", "training"} else None)(
            training_service, record.id, record.state
        )


def _watch(training_service: TrainingService, run_id: str, state: RunState) -> None:
    """How far it is, without rerunning the page."""
    record = training_service.find(run_id)
    if record is None or record.state != state:
        st.rerun()
    standing = training_service.standing(run_id)
    if standing is not None:
        st.progress(min(standing.share, 1.0), text=_progress_words(record, standing))
        _numbers(record, standing)
    elif record.state == "waiting":
        place = training_service.place(run_id)
        words = "one training" if place == 1 else f"{place} trainings"
        st.progress(0.0, text="Getting ready…" if place == 0 else f"In line: {words} before this one.")
    else:
        st.markdown(_STATES[record.state])
    if record.error:
        st.error(plain(record.error))
    _show_curve(record, standing)
    _show_buttons(training_service, record, standing)
    _show_sheets(record.folder)


def _progress_words(record: TrainingRun, standing: RunStatus) -> str:
    words = _PHASES[standing.phase]
    if standing.phase != "training":
        return words
    # a round that has begun is ended, and the performer measured with it
    left = (record.minutes - standing.minutes) * 60
    return (
        f"{words} · {in_words(left)} left" if left >= 1 else "Finishing: the last round, and a look at what came of it…"
    )


def _numbers(record: TrainingRun, standing: RunStatus) -> None:
    held_out = "–" if standing.held_out is None else f"{standing.held_out:.4f}"
    facts = (
        (f"{min(standing.minutes, record.minutes):.1f}", f"of {record.minutes:.0f} minutes"),
        (f"{standing.frames_per_second:.0f}", "pictures a second"),
        (held_out, "error on what it has not seen"),
    )
    st.html(numbers(facts))


def _show_curve(record: TrainingRun, standing: RunStatus | None) -> None:
    """Errors over minutes: of what is learnt from as it goes, of held-out frames after every round."""
    points = curve(record.folder)
    learnt = list(standing.losses) if standing is not None and len(standing.losses) > 1 else _losses(points)
    held_out = [(point.minutes, point.held_out) for point in points if point.held_out is not None]
    if learnt or held_out:
        lines = (("error where it learns", learnt), ("error on what it has not seen", held_out))
        # a drawing within HTML would be taken out
        st.html(tag(as_url(curve_svg(lines, record.minutes).encode(), "image/svg+xml"), "Errors over minutes", "curve"))


def _losses(points: list[Point]) -> list[tuple[float, float]]:
    return [(point.minutes, point.loss) for point in points]


def _show_buttons(training_service: TrainingService, record: TrainingRun, standing: RunStatus | None) -> None:
    with st.container(horizontal=True, key=f"buttons-{record.id}"):
        if record.state in {"waiting", "training"}:
            if standing is not None and standing.phase in {"training", "paused"}:
                paused = standing.phase == "paused"
                act = training_service.go_on if paused else training_service.pause
                st.button("Go on" if paused else "Pause", key=f"pause-{record.id}", on_click=act, args=(record.id,))
                st.button("Try it now", key=f"give-{record.id}", on_click=training_service.give, args=(record.id,))
            st.button("Stop", key=f"stop-{record.id}", on_click=training_service.stop, args=(record.id,))
        else:
            again = record.state == "interrupted"
            label = "Go on" if again else f"{MORE_MINUTES:.0f} more minutes"
            st.button(label, key=f"resume-{record.id}", type="primary" if again else "secondary", on_click=_resume,
                      args=(training_service, record.id, 0.0 if again else MORE_MINUTES))  # fmt: skip
    if standing is not None and standing.given:
        st.success("The performer can dance with what is known so far: try it on the Dance page. Training goes on.")
        _show_try(record, standing.given)


def _show_try(record: TrainingRun, given: int) -> None:
    """A picture by what the performer was given, of a move in their own footage; made once for each time."""
    kept = st.session_state.get("tried")
    if kept is None or kept[0] != (record.id, given):
        try:
            kept = (record.id, given), _tried(record)
        except DanceError as error:
            st.caption(plain(str(error)))
            return
        st.session_state["tried"] = kept
    st.html(tag(as_url(kept[1]), "The performer, as drawn by now", "tried"))


def _tried(record: TrainingRun) -> bytes:
    from core.pipeline import PerformerRenderer, background_for

    target, generator = app_services().performers.get(record.target, record.generator)
    where = np.flatnonzero(target.found)
    pose = target.pose(int(where[len(where) // 3]))
    (choice,) = generator.choose_all([pose], [Fraction(0)])
    person = PerformerRenderer(target, generator).draw(pose, choice)
    return jpeg(background_for(target, "stage").behind(person, target.plate))


def _resume(training_service: TrainingService, run_id: str, more: float) -> None:
    try:
        training_service.resume(run_id, more)
    except DanceError as error:
        st.toast(plain(str(error)))


def _show_sheets(folder: Path) -> None:
    """Held-out frames, now and earlier."""
    pictures = sheets(folder)
    if not pictures:
        return
    chosen = _NOW
    if len(pictures) > 1:
        chosen = st.select_slider(
            "Through time", [*range(len(pictures) - 1), _NOW], value=_NOW, key=f"sheet-{folder.name}",
            format_func=lambda place: "now" if place == _NOW else f"round {place + 1}",
        )  # fmt: skip
    st.caption("Above the footage, below what is drawn of moves that were not learnt from.")
    st.html(tag(file_url(pictures[chosen]), "Held-out frames: footage above, drawn below", "sheet"))
