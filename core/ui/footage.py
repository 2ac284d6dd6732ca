"""The first step of the train page: videos of one person, and at once what is wrong with them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import streamlit as st

from core.errors import DanceError
from core.services.file_store import FileLease, StoredFile
from core.services.job_queue import Job, JobHandle
from core.settings import settings
from core.ui.app_services import AppServices, app_services
from core.ui.error_messages import in_one_sentence
from core.ui.images import animated, as_url, jpeg, numbers, tag
from core.ui.text import in_words, plain
from core.ui.uploads import give_back, take_upload
from core.ui.video_info import KINDS, clip, picture_at, take_video
from core.ui.visitor_state import VisitorState

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from core.targets.footage_check import FootageCheck
    from core.types import Frame

MOST_PARTS: Final = 6
WANTED: Final = (
    "Twenty seconds to three minutes of **one person, whole**: arms up and out, turns all the way round, steps, bends, a dance. "
    "Good light. The camera may lean somewhere or be held in a hand, in one place."
)
_LOOKING: Final = 0.8
"""Of the time that a check takes; the rest goes into the film."""
_LOOK_AGAIN_SECONDS: Final = 0.4
_PICTURE_SIDE: Final = 240
_FAULTS: Final = {
    "nobody": "Nobody was found here:",
    "several": "Somebody else is in view here:",
    "cut": "Part of the body is out of the picture here:",
    "dark": "It is too dark here:",
    "blurred": "It is blurred here:",
}

Way: TypeAlias = Literal["photo", "upload", "film"]
WAY: Final = "footage-way"
"""Where ``st.session_state`` keeps the way that was chosen."""
_WAYS: Final[dict[Way, str]] = {"photo": "One photo", "upload": "A video", "film": "Film yourself"}


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """What was found in the videos, and a short film of what will come of them (animated WebP), where there is enough."""

    found: FootageCheck
    film: bytes | None


CheckJob: TypeAlias = "Job[float, Checked]"


@dataclass
class Footage:
    """What one visitor gave so far.

    Attributes:
        roles: on the visitor's shelf, of the parts in their order.
        check: id of the job that looks, or looked, at them.
        uploads: counts the uploads, so that each gets a fresh uploader and the last one's memory is given back.
    """

    roles: list[str] = field(default_factory=list)
    check: str | None = None
    uploads: int = 0

    def parts(self, visitor: VisitorState) -> list[StoredFile]:
        """The videos, in the order in which they were given."""
        return [stored for role in self.roles if (stored := visitor.session_files.get(role)) is not None]

    def frames(self, visitor: VisitorState) -> int:
        """How many pictures they have, about."""
        clips = [clip(part.path) for part in self.parts(visitor)]
        return round(sum((found.seconds or 0.0) * found.rate for found in clips))

    def result(self) -> FootageCheck | None:
        """What was found out about them; None before."""
        job = self.job()
        return None if job is None or job.result is None else job.result.found

    def job(self) -> CheckJob | None:
        """The job that looks at them."""
        return None if self.check is None else app_services().jobs.find(self.check)

    def clear(self, visitor: VisitorState) -> None:
        """Forget all of it."""
        for role in self.roles:
            visitor.session_files.drop(role)
        self.roles, self.check = [], None
        self.uploads += 1


def footage() -> Footage:
    """The one of this session."""
    given: Footage = st.session_state.setdefault("footage", Footage())
    return given


def choose_way(visitor: VisitorState, given: Footage) -> Way | None:
    """What a performer is to be made of; None where there is enough of it already."""
    if len(given.parts(visitor)) >= MOST_PARTS:
        return None
    way: Way = st.segmented_control(
        "What shall your performer be made of?",
        list(_WAYS),
        default="upload",
        required=True,
        format_func=_WAYS.__getitem__,
        key=WAY,
        persist_state="session",
        width="stretch",
    )
    return way


def choose_footage(visitor: VisitorState, given: Footage, way: Way | None) -> None:
    """What was given so far, and the uploader for more where that is the way."""
    parts = given.parts(visitor)
    for number, (role, part) in enumerate(zip(given.roles, parts, strict=True), 1):
        _show_part(visitor, given, role, part, number)
    if way == "upload":
        _uploader(visitor, given)


def _uploader(visitor: VisitorState, given: Footage) -> None:
    most = settings().max_upload_mb
    added = st.file_uploader(
        "Upload", type=KINDS, accept_multiple_files=True, max_upload_size=most, key=f"footage-{given.uploads}",
        label_visibility="collapsed",
    )  # fmt: skip
    st.caption(f"Up to {most} MB each, {MOST_PARTS} in all.")
    if not added:
        return
    # a fresh uploader: this one is done with, whatever comes of it
    given.uploads += 1
    refused = _take_parts(visitor, given, added)
    if refused:
        visitor.notice = " ".join(refused)
    _begin_check(visitor, given)
    st.rerun()


def _take_parts(visitor: VisitorState, given: Footage, added: Sequence[UploadedFile]) -> list[str]:
    """Put as many as there may be on the shelf; returns sentences on those that cannot be used, as Markdown."""
    refused = []
    for file in added:
        if len(given.roles) >= MOST_PARTS:
            give_back(file)
            continue
        role = f"footage-{file.file_id}"
        if take_upload(
            visitor, role, file, partial(take_video, app_services().files, file, file.name, file.size, owner=visitor.id)
        ):
            given.roles.append(role)
        else:
            refused.append(visitor.refused.pop(role))
    return refused


def add_parts(visitor: VisitorState, given: Footage, parts: dict[str, FileLease]) -> None:
    """Further videos, each for its role on the visitor's shelf; all are looked at anew."""
    for role, hold in parts.items():
        visitor.session_files.put(role, hold)
        given.roles.append(role)
    given.uploads += 1
    _begin_check(visitor, given)


def _show_part(visitor: VisitorState, given: Footage, role: str, part: StoredFile, number: int) -> None:
    def remove() -> None:
        visitor.session_files.drop(role)
        given.roles.remove(role)
        _begin_check(visitor, given)

    picture, name, button = st.columns([1, 4, 1], vertical_alignment="center")
    first = picture_at(str(part.path), 0.5) or picture_at(str(part.path), 0.0)
    if first:
        picture.html(tag(as_url(first), css_class="part"))
    seconds = clip(part.path).seconds
    length = "" if seconds is None else f" · {in_words(seconds)}"
    name.markdown(f"{plain(part.name)}{length}")
    button.button(
        "",
        icon=":material/close:",
        key=f"remove-{number}-{given.uploads}",
        help="Leave this video out",
        on_click=remove,
        type="tertiary",
    )


def _begin_check(visitor: VisitorState, given: Footage) -> None:
    """Look at all parts anew."""
    before = given.job()
    if before is not None:
        app_services().jobs.cancel(before)
        app_services().jobs.forget(before)
    parts = given.parts(visitor)
    given.check = None
    if parts:
        try:
            given.check = _start_check(app_services(), parts).id
        except DanceError as error:
            visitor.notice = in_one_sentence(error)


def _start_check(shared: AppServices, parts: list[StoredFile]) -> CheckJob:
    with contextlib.ExitStack() as holding:
        for part in parts:
            holding.callback(part.hold().release)
        release = holding.pop_all().close
    return shared.jobs.submit(_look(parts, release), about="check", release=release, kind="check")


def _look(parts: list[StoredFile], release: Callable[[], None]) -> Callable[[JobHandle[float]], Checked]:
    def work(handle: JobHandle[float]) -> Checked:
        from core.services.footage_preview import RATE as FILM_RATE
        from core.services.footage_preview import preview
        from core.targets.footage_check import check_footage

        with contextlib.ExitStack() as names:
            for part in parts:
                names.enter_context(part.named())
            found = check_footage(
                [part.path for part in parts],
                progress=lambda share: handle.tell(_LOOKING * share),
                cancelled=handle.cancelled,
            )
        film = preview(found, handle.cancelled)
        # what was found needs the videos no longer, and speaks of them by their owner's names
        release()
        named = [replace(of, path=part.path.with_name(part.name)) for of, part in zip(found.parts, parts, strict=True)]
        return Checked(replace(found, parts=tuple(named), looks=()), animated(film, FILM_RATE) if film else None)

    return work


def show_check(given: Footage) -> None:
    """What was found, or how far the looking is."""
    job = given.job()
    if job is None:
        return
    with st.container(key="stage-check"):
        if job.state == "failed":
            st.error(plain(job.error or ""))
        elif job.result is not None:
            _show_result(job.result)
        elif not job.over:
            _watch(job.id)


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
def _watch(job_id: str) -> None:
    job: CheckJob | None = app_services().jobs.find(job_id)
    if job is None or job.over:
        st.rerun()
    place = app_services().jobs.place(job)
    words = "Looking at your video…" if place == 0 else "Waiting until a dance is done…"
    st.progress(job.progress or 0.0, text=words)


SIGNS: Final = {
    "green": ":green[:material/check_circle:]",
    "amber": ":orange[:material/error:]",
    "red": ":red[:material/cancel:]",
}


def _show_result(checked: Checked) -> None:
    found, verdict = checked.found, checked.found.verdict
    st.subheader(f"{SIGNS[verdict.level]} {verdict.headline}", anchor=False)
    if checked.film is not None:
        url = as_url(checked.film, "image/webp")
        st.html(tag(url, "You, doing three short moves, by what needs no training", "film"))
        st.caption(
            "Three moves that you did not make, before any training: what is wrong here will be wrong in your dances."
        )
    for problem in verdict.problems:
        st.error(plain(problem))
    for limit in verdict.limits:
        st.warning(plain(limit))
    if verdict.usable and verdict.level == "red":
        st.caption("You can train with it all the same.")
    st.html(_facts(found))
    st.html(
        tag(
            as_url(jpeg(found.coverage.picture(), quality=88)),
            "Which poses were seen, and which are missing",
            "coverage",
        )
    )
    for advice in verdict.advice:
        st.markdown(f":material/add_circle: {plain(advice)}")
    st.html(samples(found.pictures))
    for fault, pictures in found.faulty.items():
        if pictures and (verdict.problems or verdict.limits):
            st.caption(_FAULTS[fault])
            st.html(samples(pictures))


def samples(pictures: Sequence[Frame]) -> str:
    """HTML of small pictures beside each other."""
    shown = "".join(tag(as_url(jpeg(picture, _PICTURE_SIDE)), css_class="sample") for picture in pictures)
    return f'<div class="samples">{shown}</div>'


def _facts(found: FootageCheck) -> str:
    facts = (
        (in_words(found.seconds), "of video"),
        (f"{found.person:.0%}", "of it with a person"),
        (f"{found.whole:.0%}", "of that from head to foot"),
        ("studio" if found.stage is None else "your room", "to stand in"),
    )
    return numbers(facts)
