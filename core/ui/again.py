"""A result danced again: by another performer, or before another background, with one click."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import streamlit as st

from core.errors import DanceError
from core.targets.store import TargetSummary
from core.ui.dancing import DanceJob, start
from core.ui.failing import in_one_sentence
from core.ui.house import house
from core.ui.options import BACKGROUNDS
from core.ui.visit import Visit
from core.ui.words import plain

_PLAIN: Final = ("stage", "studio", "green")
"""Backgrounds that need nothing chosen."""


def show_again(here: Visit, job: DanceJob, performers: list[TargetSummary]) -> None:
    """What else can be made of a finished dance at once: what was found in its source is not looked for again.

    Not of somebody else's upload, whom this visitor has the result of, but not the video.
    """
    request = job.about
    if job.state != "done" or not (request.upload is None or request.upload == here.upload):
        return
    with st.container(horizontal=True, key="again", gap="xsmall", vertical_alignment="center"):
        st.markdown("**Again with**", width="content")
        for performer in performers:
            if performer.id != request.performer:
                _button(here, job, plain(performer.name), {"performer": performer.id}, _asked_of(here, job, performer))
        for background in _PLAIN:
            if background != request.background:
                asked = {"background": background, "backdrop": None}
                _button(here, job, BACKGROUNDS[background], {"background": background}, asked)


def _asked_of(here: Visit, job: DanceJob, performer: TargetSummary) -> dict[str, Any]:
    from core.generators.base import default_generator
    from core.generators.registry import list_generators

    known = {spec.name for spec in list_generators(list(performer.generators))}
    generator = job.about.generator if job.about.generator in known else default_generator(performer.advised)
    return {
        "performer": performer.id,
        "performer_name": performer.name,
        "guest": here.guest(performer.id),
        "generator": generator,
    }


def _button(here: Visit, job: DanceJob, label: str, choice: dict[str, str], asked: dict[str, Any]) -> None:
    st.button(label, key=f"again-{'-'.join(choice.values())}", on_click=_dance, args=(here, job, choice, asked))


def _dance(here: Visit, job: DanceJob, choice: dict[str, str], asked: dict[str, Any]) -> None:
    request = replace(job.about, owner=here.id, browser=here.browser, **asked)
    try:
        here.dances.put(start(house(), request, here.seen(request)))
    except DanceError as error:
        here.notice = in_one_sentence(error)
        return
    # the choices on the page are those of what is on the stage
    here.performer = choice.get("performer", here.performer)
    if "background" in choice:
        st.session_state["background"] = choice["background"]
