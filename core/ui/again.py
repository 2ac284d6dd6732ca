"""A result danced again: by another performer, or before another background, with one click."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import streamlit as st

from core.errors import DanceError
from core.targets.store import TargetSummary
from core.ui.app_services import app_services
from core.ui.dance_job import DanceJob, start
from core.ui.error_messages import in_one_sentence
from core.ui.options import BACKGROUNDS
from core.ui.text import plain
from core.ui.visitor_state import VisitorState

_PLAIN: Final = ("stage", "studio", "green")
"""Backgrounds that need nothing chosen."""


def show_again(visitor: VisitorState, job: DanceJob, performers: list[TargetSummary]) -> None:
    """What else can be made of a finished dance at once: what was found in its source is not looked for again.

    Not of somebody else's upload, whom this visitor has the result of, but not the video.
    """
    request = job.about
    if job.state != "done" or not (request.upload is None or request.upload == visitor.upload):
        return
    with st.container(horizontal=True, key="again", gap="xsmall", vertical_alignment="center"):
        st.markdown("**Again with**", width="content")
        for performer in performers:
            if performer.id != request.performer:
                _button(
                    visitor, job, plain(performer.name), {"performer": performer.id}, _asked_of(visitor, job, performer)
                )
        for background in _PLAIN:
            if background != request.background:
                asked = {"background": background, "backdrop": None}
                _button(visitor, job, BACKGROUNDS[background], {"background": background}, asked)


def _asked_of(visitor: VisitorState, job: DanceJob, performer: TargetSummary) -> dict[str, Any]:
    from core.generators.base import default_generator
    from core.generators.registry import list_generators

    known = {spec.name for spec in list_generators(list(performer.generators))}
    generator = job.about.generator if job.about.generator in known else default_generator(performer.advised)
    return {
        "performer": performer.id,
        "performer_name": performer.name,
        "guest": visitor.guest(performer.id),
        "generator": generator,
    }


def _button(visitor: VisitorState, job: DanceJob, label: str, choice: dict[str, str], asked: dict[str, Any]) -> None:
    st.button(label, key=f"again-{'-'.join(choice.values())}", on_click=_dance, args=(visitor, job, choice, asked))


def _dance(visitor: VisitorState, job: DanceJob, choice: dict[str, str], asked: dict[str, Any]) -> None:
    request = replace(job.about, owner=visitor.id, browser=visitor.browser, **asked)
    try:
        visitor.dances.put(start(app_services(), request, visitor.seen(request)))
    except DanceError as error:
        visitor.notice = in_one_sentence(error)
        return
    # the choices on the page are those of what is on the stage
    visitor.performer = choice.get("performer", visitor.performer)
    if "background" in choice:
        st.session_state["background"] = choice["background"]
