"""The last step of the train page: one's own performers, to be renamed, shown, handed on and deleted.

On a public app a visitor has none but those whom they bring: guests, who are theirs alone and go when they do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import streamlit as st

from core.errors import DanceError
from core.services.file_store import MEGABYTE, FileLease, size_of
from core.services.training_service import TrainingService
from core.settings import settings
from core.targets.store import TargetSummary, find_place
from core.ui.app_services import app_services
from core.ui.error_messages import in_one_sentence
from core.ui.images import tag
from core.ui.options import portrait_url, title_of
from core.ui.text import plain
from core.ui.uploads import give_back, require_content
from core.ui.video_info import PICTURE_KINDS, PICTURE_MEGABYTES
from core.ui.visitor_state import VisitorState

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

logger = logging.getLogger(__name__)

MOST_GUESTS: Final = 3
_PACK: Final = "pack"
_PACK_MEGABYTES: Final = 1024


def show_performers(visitor: VisitorState, training_service: TrainingService, performers: list[TargetSummary]) -> None:
    """Everybody who was made here, and the way in for others."""
    for performer in performers:
        with _card(visitor, performer), st.expander("Name, portrait, file", key=f"more-{performer.id}"):
            _rename(visitor, performer)
            _portrait(visitor, performer)
            _export(visitor, performer)
            if st.button("Delete…", key=f"delete-{performer.id}", icon=":material/delete:"):
                _ask_to_delete(visitor, training_service, performer)
    _bring(visitor, _PACK_MEGABYTES, lambda given: _take_in(visitor, given))


def show_guests(visitor: VisitorState) -> None:
    """The way in for performers who were made elsewhere, and those who came."""
    guests, most = visitor.performers(), settings().max_upload_mb
    with st.container(key="guests", width=760):
        if len(guests) < MOST_GUESTS:
            _bring(visitor, most, lambda given: _welcome(visitor, given))
            st.caption(f"Up to {most} MB. Only you see whom you bring, and they are deleted when you leave.")
        else:
            st.caption(f"{MOST_GUESTS} performers of your own can be here at a time: remove one to bring another.")
        for guest in guests:
            with _card(visitor, guest):
                st.button(
                    "Remove", key=f"remove-{guest.id}", icon=":material/close:", on_click=_part_with, args=(visitor, guest.id),
                )  # fmt: skip


@contextmanager
def _card(visitor: VisitorState, performer: TargetSummary) -> Iterator[None]:
    """Who it is, and a way to dance with them; what is shown inside stands below."""
    with st.container(key=f"own-{performer.id}", border=True):
        picture, words, more = st.columns([1, 4, 2], vertical_alignment="center")
        portrait = portrait_url(performer)
        if portrait:
            picture.html(tag(portrait, css_class="part"))
        seconds = performer.frames / max(performer.fps, 1e-6)
        words.markdown(f"**{plain(performer.name)}**")
        words.caption(plain(f"{seconds:.0f} s of footage · " + ", ".join(map(title_of, performer.generators))))
        if more.button("Dance", key=f"dance-as-{performer.id}", icon=":material/play_arrow:"):
            visitor.performer = performer.id
            st.switch_page("pages/dance.py")
        yield


def _rename(visitor: VisitorState, performer: TargetSummary) -> None:
    from core.targets.edit import rename_target

    key = f"name-{performer.id}"

    def rename() -> None:
        try:
            rename_target(performer.id, st.session_state[key])
        except DanceError as error:
            visitor.notice = in_one_sentence(error)

    st.text_input("Name", performer.name, max_chars=80, key=key, on_change=rename)


def _portrait(visitor: VisitorState, performer: TargetSummary) -> None:
    from core.targets.edit import set_portrait

    count = st.session_state.setdefault(f"portraits-{performer.id}", 0)
    given = st.file_uploader(
        "Another portrait",
        type=PICTURE_KINDS,
        max_upload_size=PICTURE_MEGABYTES,
        key=f"portrait-{performer.id}-{count}",
    )
    if given is None:
        return
    # a fresh uploader: this one is done with, whatever comes of it
    st.session_state[f"portraits-{performer.id}"] = count + 1

    def keep() -> None:
        hold = app_services().files.take(given, given.name, given.size, PICTURE_MEGABYTES * MEGABYTE, owner=visitor.id)
        try:
            with hold.stored.named():
                set_portrait(performer.id, hold.stored.path)
        finally:
            hold.release()

    _try(visitor, keep, given)


def _export(visitor: VisitorState, performer: TargetSummary) -> None:
    held = visitor.session_files.get(f"{_PACK}-{performer.id}")
    if held is None:
        if st.button("Put into one file", key=f"pack-{performer.id}"):
            _try(visitor, lambda: visitor.session_files.put(f"{_PACK}-{performer.id}", _packed(visitor, performer)))
        return
    st.download_button(
        f"Download {performer.id}.zip", data=held.path.read_bytes, file_name=f"{performer.id}.zip", mime="application/zip",
        key=f"zip-{performer.id}", on_click="ignore", icon=":material/download:",
    )  # fmt: skip


def _packed(visitor: VisitorState, performer: TargetSummary) -> FileLease:
    from core.targets.archive import export_pack

    place = find_place(performer.id)
    size = 0 if place is None else size_of(place.folder)
    hold = app_services().files.new_file(f"{performer.id}.zip", ".zip", owner=visitor.id, size=size)
    try:
        with st.spinner("Putting everything into one file…"), hold.stored.named():
            export_pack(performer.id, hold.stored.path)
    except BaseException:
        hold.release()
        raise
    hold.stored.settle()
    return hold


@st.dialog("Delete this performer?")
def _ask_to_delete(visitor: VisitorState, training_service: TrainingService, performer: TargetSummary) -> None:
    from core.targets.store import delete_target

    st.markdown(f"{plain(performer.name)}'s footage, everything that was trained, and all curves are deleted for good.")

    def delete() -> None:
        try:
            training_service.forget_target(performer.id)
            delete_target(performer.id)
        except DanceError as error:
            visitor.notice = in_one_sentence(error)

    yes, no = st.columns(2)
    done = yes.button("Delete for good", key="delete-yes", type="primary", on_click=delete, width="stretch")
    if no.button("Keep", key="delete-no", width="stretch") or done:
        st.rerun()


def _bring(visitor: VisitorState, most: int, take: Callable[[UploadedFile], None]) -> None:
    """The uploader for a performer's zip of at most so many megabytes."""
    count = st.session_state.setdefault("imports", 0)
    with st.expander("Bring a performer from elsewhere", key="import"):
        given = st.file_uploader(
            "A performer's file from elsewhere",
            type=["zip"],
            max_upload_size=most,
            key=f"import-pack-{count}",
        )
    if given is None:
        return
    # a fresh uploader: this one is done with, whatever comes of it
    st.session_state["imports"] = count + 1
    _try(visitor, lambda: take(given), given)


def _take_in(visitor: VisitorState, given: UploadedFile) -> None:
    """Among the performers of this computer."""
    from core.targets.archive import import_pack

    hold = app_services().files.take(given, given.name, given.size, _PACK_MEGABYTES * MEGABYTE, owner=visitor.id)
    try:
        with hold.stored.named():
            import_pack(hold.stored.path)
    finally:
        hold.release()


def _welcome(visitor: VisitorState, given: UploadedFile) -> None:
    """For this visit alone."""
    hold = app_services().take_guest(given, given.name, given.size, owner=visitor.id)
    guest = hold.stored.path.name
    visitor.session_files.put(guest, hold)
    visitor.guests.append(guest)


def _part_with(visitor: VisitorState, guest: str) -> None:
    visitor.guests = [other for other in visitor.guests if other != guest]
    visitor.session_files.drop(guest)


def _try(visitor: VisitorState, act: Callable[[], None], *uploads: UploadedFile) -> None:
    """Do it, give back what was uploaded for it, and show the page anew; a sentence where it cannot be done."""
    try:
        for upload in uploads:
            require_content(upload)
        act()
    except Exception as error:
        if not isinstance(error, DanceError):
            logger.exception("a performer could not be changed")
        visitor.notice = in_one_sentence(error)
    finally:
        give_back(*uploads)
    st.rerun()
