"""The other choices of the dance page: performer, way of dancing, layout, background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import streamlit as st

from core.errors import DanceError
from core.services.file_store import MEGABYTE, FileLease, StoredFile
from core.ui.app_services import app_services, default_performer
from core.ui.image_picker import Card, pick
from core.ui.images import as_url, file_url, jpeg
from core.ui.text import plain
from core.ui.uploads import take_upload
from core.ui.video_info import PICTURE_KINDS, PICTURE_MEGABYTES
from core.ui.visitor_state import BACKDROP, VisitorState

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from core.rendering.compositing import Layout
    from core.targets.store import TargetSummary

Chosen = TypeVar("Chosen", bound=str)

_LAYOUTS: dict[Layout, str] = {
    "result": "Performer only",
    "side-by-side": "Side by side",
    "triptych": "With the skeleton",
}
_SMALL = (320, 180)
BACKGROUNDS = {
    "stage": "Original background",
    "studio": "Studio",
    "green": "Green screen",
    "colour": "Colour",
    "picture": "Your picture",
}


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How the result is laid out and what stands behind; ``backdrop`` is set where ``background`` is ``picture``."""

    layout: Layout
    background: str
    backdrop: StoredFile | None = None


def choose_performer(visitor: VisitorState, performers: list[TargetSummary], dance: str) -> TargetSummary:
    """The portraits. Until one is chosen it is somebody other than the dancer."""

    def choose(performer: str) -> None:
        visitor.performer = performer

    chosen = next((p for p in performers if p.id == visitor.performer), None) or default_performer(performers, dance)
    cards = [Card(p.id, p.name, portrait_url(p)) for p in performers]
    pick("performer", cards, chosen.id, choose)
    return chosen


def portrait_url(performer: TargetSummary) -> str | None:
    """The address of the portrait, None where there is none."""
    portrait = performer.portrait
    if portrait is None or not portrait.is_file():
        return None
    return file_url(portrait, keep=not portrait.is_relative_to(app_services().files.folder))


def choose_generator(performer: TargetSummary, *, live: bool = False) -> str:
    """How the pictures are made, with one line on what that is good at; live, the choice is one of its own."""
    from core.generators.base import default_generator
    from core.generators.registry import list_generators

    specs = {spec.name: spec for spec in list_generators(list(performer.generators))}
    key = "live-generator" if live else "generator"
    # the usual one first, the others as they come
    first = default_generator(performer.advised)
    names = sorted(specs, key=lambda name: name != first)
    if st.session_state.get(key) not in specs:
        # what was chosen for one performer may not be there for the next
        st.session_state.pop(key, None)
    chosen = st.selectbox(
        "Generator",
        names,
        required=True,
        format_func=lambda name: specs[name].title,
        key=key,
        persist_state="session",
        label_visibility="collapsed",
        # nobody types here, and on a phone a keyboard would cover the list
        filter_mode=None,
    )
    st.caption(specs[chosen].strength)
    if first != default_generator(specs):
        passed_over, instead = specs[default_generator(specs)].title, specs[first].title
        st.caption(
            f"{passed_over} drew {performer.name}'s held-out moves worse than {instead} did, so {instead} is the first choice: "
            "longer footage, or more training, may change that."
        )
    return chosen


def title_of(generator: str) -> str:
    """What a generator is called on pages; its own name where it is none."""
    from core.generators.registry import list_generators

    return next((spec.title for spec in list_generators() if spec.name == generator), generator)


def choose_of(label: str, titles: dict[Chosen, str], key: str) -> Chosen:
    """One of a few, kept for the visit; the first one until another is chosen."""
    chosen: Chosen = st.segmented_control(
        label,
        list(titles),
        default=next(iter(titles)),
        required=True,
        format_func=titles.__getitem__,
        key=key,
        persist_state="session",
    )
    return chosen


def choose_look(visitor: VisitorState) -> OutputOptions:
    """Layout and background."""
    layout = choose_of("Layout", _LAYOUTS, "layout")
    background, backdrop = choose_background(visitor)
    return OutputOptions(layout, background, backdrop)


def choose_background(visitor: VisitorState) -> tuple[str, StoredFile | None]:
    """What stands behind, and the picture where it is one."""
    background = choose_of("Background", BACKGROUNDS, "background")
    if background == "colour":
        return st.color_picker("Colour", "#204060", key="colour"), None
    if background == "picture":
        backdrop = _choose_backdrop(visitor)
        if backdrop is not None:
            return "picture", backdrop
        st.caption("Until there is a picture, the performer's own stage is used.")
        return "stage", None
    return background, None


def _choose_backdrop(visitor: VisitorState) -> StoredFile | None:
    stored = visitor.session_files.get(BACKDROP)
    given = st.file_uploader(
        "A picture" if stored is None else "Another picture",
        type=PICTURE_KINDS,
        max_upload_size=PICTURE_MEGABYTES,
        key=f"backdrop-{visitor.backdrops}",
    )
    if given is not None:
        # a fresh uploader: this one is done with, whatever comes of it
        visitor.backdrops += 1
        take_upload(visitor, BACKDROP, given, lambda: _take_backdrop(visitor, given))
        st.rerun()
    if BACKDROP in visitor.refused:
        st.error(visitor.refused[BACKDROP])
    if stored is None or not _show_backdrop(stored):
        return None
    st.button(
        "Remove the picture",
        key="remove-backdrop",
        on_click=visitor.session_files.drop,
        args=(BACKDROP,),
        type="tertiary",
    )
    return stored


def _take_backdrop(visitor: VisitorState, given: UploadedFile) -> FileLease:
    from core.rendering.compositing import parse_background

    hold = app_services().files.take(given, given.name, given.size, PICTURE_MEGABYTES * MEGABYTE, owner=visitor.id)
    try:
        with hold.stored.named():
            parse_background(str(hold.stored.path), _SMALL)
    except BaseException:
        hold.release()
        raise
    return hold


def _show_backdrop(stored: StoredFile) -> bool:
    """Show a small one; False, with a sentence, when it is no picture."""
    from core.rendering.compositing import parse_background

    try:
        with stored.named():
            picture = parse_background(str(stored.path), _SMALL).picture
    except DanceError as error:
        st.error(plain(str(error)))
        return False
    if picture is not None:
        st.image(as_url(jpeg(picture)), width=160, alt="Your background")
    return True
