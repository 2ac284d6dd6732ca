"""Become the performer: footage, a plan, training, and a performer of one's own."""

from __future__ import annotations

import streamlit as st

from core.errors import DanceError
from core.services.training_service import TrainingService
from core.targets.store import TargetSummary
from core.ui.app_services import app_services
from core.ui.build_job import MakeJob, MakeRequest, make
from core.ui.dance_result import show_example
from core.ui.estimate import show_estimate
from core.ui.footage import WANTED, Footage, choose_footage, choose_way, footage, show_check
from core.ui.ice import ice_servers
from core.ui.manners import say
from core.ui.options import title_of
from core.ui.page import run_page
from core.ui.performer_list import show_guests, show_performers
from core.ui.photo import WANTED_PHOTO, Photos, choose_photos, photos, show_photos
from core.ui.recorder_view import film, show_filming, take_in
from core.ui.text import plain, what_leaves
from core.ui.training_view import show_run
from core.ui.visitor_state import VisitorState, current_visitor
from core.utils.display_names import clean_line

HOSTED = (
    "Training is switched off on this public app: it needs a computer of its own for a quarter of an hour. Run the app on yours "
    "(`streamlit run app.py`, see the README) and this page trains there, and nothing leaves it."
)
MINUTES = {5.0: "5 minutes: good", 15.0: "15 minutes: better still", 40.0: "40 minutes: as good as it gets"}
OTHERS = ("realtime", "unet-attn", "mlp-se", "unet", "mlp", "wgan-gp-unet", "gan-bce-unet")


def show(performers: list[TargetSummary]) -> None:
    visitor, training_service = current_visitor(), app_services().training_service
    if visitor.notice:
        st.info(visitor.notice)
        visitor.notice = None
    pictures = photos()
    if training_service is None:
        show_photo_alone(visitor, pictures)
        st.info(HOSTED)
        show_guests(visitor)
        return
    given, mine, job = footage(), film(), _making()
    take_in(visitor, given, mine)
    own = [performer for performer in performers if performer.own]
    with st.container(key="train-page"):
        controls, stage = st.columns([5, 7], gap="large")
    with controls:
        st.subheader("1 · Pictures of you", anchor=False)
        way = choose_way(visitor, given)
        st.markdown(f"{WANTED_PHOTO if way == 'photo' else WANTED} {what_leaves()}")
        if way == "photo":
            choose_photos(visitor, pictures)
        else:
            choose_footage(visitor, given, way)
            st.subheader("2 · The training", anchor=False)
            _plan(visitor, training_service, given, job)
        if own:
            st.subheader(f"{2 if way == 'photo' else 3} · Your performers", anchor=False)
        show_performers(visitor, training_service, own)
    with stage:
        # a place each: where something comes or goes above others, the browser may lose those below
        camera, rest = st.container(), st.container()
        with camera:
            show_filming(visitor, mine, ice_servers(), wanted=way == "film")
        with rest:
            if way == "photo":
                show_photos(visitor, pictures)
            show_stage(
                training_service,
                given,
                job,
                performers,
                filming=(way == "photo" and pictures.job is not None) or way == "film" or mine.running or mine.over,
            )


def show_photo_alone(visitor: VisitorState, pictures: Photos) -> None:
    """One photo, where nothing can be trained."""
    with st.container(key="photo-alone", width=760):
        st.subheader("One photo", anchor=False)
        st.markdown(f"{WANTED_PHOTO} {what_leaves()}")
        choose_photos(visitor, pictures)
        show_photos(visitor, pictures)


def show_stage(
    training_service: TrainingService,
    given: Footage,
    job: MakeJob | None,
    performers: list[TargetSummary],
    *,
    filming: bool,
) -> None:
    names = {performer.id: performer.name for performer in performers}
    idle, checked, making, runs = (st.container() for _ in range(4))
    with checked:
        show_check(given)
    with making:
        if job is not None and job.state == "failed":
            st.error(plain(job.error or ""))
        elif job is not None and not job.over:
            with st.container(key="stage-making"):
                _watch_making(job.id)
    records = training_service.records()
    with runs:
        for place, record in enumerate(records):
            title = f"{names.get(record.target, record.target)} · {title_of(record.generator)}"
            # the newest is what it is about
            with st.container() if place == 0 else st.expander(plain(title), key=f"earlier-{record.id}"):
                show_run(training_service, record, title)
    with idle:
        if given.check is None and job is None and not records and not filming:
            show_example("Make a performer of yourself, from twenty seconds of video or one photo.")


def _plan(visitor: VisitorState, training_service: TrainingService, given: Footage, job: MakeJob | None) -> None:
    checked = given.result()
    name = st.text_input(
        "Name",
        placeholder="What shall your performer be called?",
        max_chars=60,
        # empty again once somebody was made
        key=f"train-name-{st.session_state.get('made', 0)}",
        persist_state="session",
    )
    name = clean_line(name)
    minutes = st.segmented_control(
        "For how long",
        list(MINUTES),
        default=5.0,
        required=True,
        format_func=lambda m: f"{m:.0f} min",
        key="train-minutes",
        persist_state="session",
    )
    st.caption(MINUTES[minutes])
    with st.expander("Another generator", key="train-more"):
        generator = st.selectbox(
            "Generator",
            OTHERS,
            required=True,
            format_func=title_of,
            key="train-generator",
            persist_state="session",
            filter_mode=None,
        )  # fmt: skip
    with st.container(key="train-estimate"):
        if checked is not None and checked.verdict.usable and not training_service.busy:
            show_estimate(generator, minutes, given.frames(visitor))
    consent = st.checkbox("The person in these videos is me, or agreed to this.", key=f"train-consent-{given.uploads}")
    busy = job is not None and not job.over
    missing = _missing(given, checked is not None and checked.verdict.usable, name, consent)
    with st.container(key="go", gap="xxsmall"):
        clicked = st.button("Train", key="train", type="primary", disabled=busy or missing is not None, width="stretch")
        if missing is not None and not busy:
            st.caption(missing)
    if clicked and not busy and missing is None:
        try:
            request = MakeRequest(name, tuple(given.parts(visitor)), consent, generator, minutes)
            st.session_state["making"] = make(app_services(), request).id
        except DanceError as error:
            st.error(plain(str(error)))
        else:
            given.clear(visitor)
            st.session_state["made"] = st.session_state.get("made", 0) + 1
            st.rerun()


def _missing(given: Footage, usable: bool, name: str, consent: bool) -> str | None:
    """What has to be done first, a sentence; None where nothing has."""
    if not given.roles:
        return "Choose a video first."
    if given.result() is None:
        return "Your video is being looked at."
    if not usable:
        return "This footage cannot be used: see beside."
    if not name:
        return "Give your performer a name."
    return None if consent else "Say that the person filmed agreed."


def _making() -> MakeJob | None:
    wanted = st.session_state.get("making")
    return None if wanted is None else app_services().jobs.find(wanted)


@st.fragment(run_every=0.5)
def _watch_making(job_id: str) -> None:
    job: MakeJob | None = app_services().jobs.find(job_id)
    if job is None or job.over:
        st.rerun()
    place = app_services().jobs.place(job)
    words = "Cutting you out of your video…" if place == 0 else "Waiting until a dance is done…"
    say(words, job.id)
    st.progress(job.progress or 0.0, text=words)
    st.button(
        "Cancel", key="cancel-making", on_click=app_services().jobs.cancel, args=(job,), disabled=job.cancel_asked
    )


run_page(show, needs_performers=False)
