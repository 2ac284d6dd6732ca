"""One photo, or a few: what they are good for, and at once the person in them dancing, before anything is kept."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import streamlit as st

from core.errors import DanceError, OverLimit
from core.services.file_store import MEGABYTE, FileLease, StoredFile
from core.services.job_queue import Job, JobHandle
from core.targets.manifest import MOST_PHOTOS
from core.ui.app_services import app_services
from core.ui.build_job import LICENCE, free_id
from core.ui.error_messages import in_one_sentence
from core.ui.footage import SIGNS, samples
from core.ui.images import animated, as_url, tag
from core.ui.joints import set_joints
from core.ui.performer_list import MOST_GUESTS
from core.ui.text import plain
from core.ui.uploads import give_back, take_upload
from core.ui.video_info import PICTURE_MEGABYTES
from core.ui.visitor_state import VisitorState
from core.utils.display_names import clean_line

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from core.targets.photo import AnalyzedPhoto, PhotoCheck

PHOTO_KINDS: Final = ["jpg", "jpeg", "png", "webp", "heic", "heif"]
WANTED_PHOTO: Final = (
    "**One photo of one person**, from head to feet, from the front, arms a little away from the body. They dance in about ten "
    f"seconds, and nothing is trained. Up to {MOST_PHOTOS} photos, of the sides and the back too, make turns look better."
)
_CONSENT: Final = "The person in it has agreed to this, or it is me."
_LOOK_AGAIN_SECONDS: Final = 0.4
_NAME: Final = "Photo"


@dataclass(frozen=True, slots=True, eq=False)
class Posed:
    """What was found in photos, and where they will do a short film of the person dancing (animated WebP).

    ``seen`` are the photos, where joints may be set in one of them.
    """

    seen: tuple[AnalyzedPhoto, ...]
    found: PhotoCheck
    film: bytes | None


PhotoJob: TypeAlias = "Job[float, Posed]"


@dataclass
class Photos:
    """What one visitor gave.

    Attributes:
        job: id of the job that looks at them and makes the performer.
        guest: id of that performer, held on the visitor's shelf.
        uploads: counts the uploads, so that each gets a fresh uploader.
    """

    job: str | None = None
    guest: str | None = None
    uploads: int = 0

    def found(self) -> PhotoJob | None:
        """The job, as long as it is known."""
        return None if self.job is None else app_services().jobs.find(self.job)

    def clear(self, visitor: VisitorState) -> None:
        """Forget the photos, and whoever was made of them, but for a guest of this visit."""
        job = self.found()
        if job is not None:
            app_services().jobs.cancel(job)
            app_services().jobs.forget(job)
        if self.guest is not None and self.guest not in visitor.guests:
            visitor.session_files.drop(self.guest)
        self.job = self.guest = None


def photos() -> Photos:
    """Those of this session."""
    given: Photos = st.session_state.setdefault("photos", Photos())
    return given


def choose_photos(visitor: VisitorState, given: Photos) -> None:
    """Ask for consent and for photos; what is given is looked at at once."""
    agreed = st.checkbox(_CONSENT, key="photo-consent", persist_state="session")
    added = st.file_uploader(
        "Photos", type=PHOTO_KINDS, accept_multiple_files=True, max_upload_size=PICTURE_MEGABYTES,
        key=f"photos-{given.uploads}", label_visibility="collapsed", disabled=not agreed,
    )  # fmt: skip
    st.caption(
        f"JPEG, PNG or WebP, up to {PICTURE_MEGABYTES} MB each. Say first that the person agreed."
        if not agreed
        else f"JPEG, PNG or WebP, up to {PICTURE_MEGABYTES} MB each."
    )
    if not added:
        return
    # a fresh uploader: this one is done with, whatever comes of it
    given.uploads += 1
    if agreed:
        _begin(visitor, given, added)
    else:
        give_back(*added)
    st.rerun()


def _begin(visitor: VisitorState, given: Photos, added: Sequence[UploadedFile]) -> None:
    given.clear(visitor)
    roles = [f"photo-{file.file_id}" for file in added]
    refused = []
    try:
        if len(added) > MOST_PHOTOS:
            give_back(*added)
            raise OverLimit(f"{len(added)} photos are too many: choose the {MOST_PHOTOS} best.")
        for role, file in zip(roles, added, strict=True):
            if not take_upload(visitor, role, file, partial(_stored, visitor, file)):
                refused.append(visitor.refused.pop(role))
        parts = [stored for role in roles if (stored := visitor.session_files.get(role)) is not None]
        if parts:
            _submit(visitor, given, parts)
    except DanceError as error:
        refused.append(in_one_sentence(error))
    finally:
        for role in roles:
            # the job holds what it needs
            visitor.session_files.drop(role)
    if refused:
        visitor.notice = " ".join(refused)


def _stored(visitor: VisitorState, file: UploadedFile) -> FileLease:
    return app_services().files.take(file, file.name, file.size, PICTURE_MEGABYTES * MEGABYTE, owner=visitor.id)


def _submit(
    visitor: VisitorState, given: Photos, parts: Sequence[StoredFile], seen: Sequence[AnalyzedPhoto] = ()
) -> None:
    """Begin to make a performer of files that were given, or of photos that were looked at already."""
    shared = app_services()
    hold = shared.files.new_performer(_NAME, shared.delete_performer, owner=visitor.id)
    visitor.session_files.put(hold.stored.path.name, hold)
    given.guest = hold.stored.path.name
    with contextlib.ExitStack() as holding:
        for part in [*parts, hold.stored]:
            holding.callback(part.hold().release)
        release = holding.pop_all().close

    def work(handle: JobHandle[float]) -> Posed:
        photos = tuple(seen) or _looked_at(parts)
        handle.tell(0.2)
        posed = _danced(photos, hold.stored, handle)
        release()
        return posed

    given.job = shared.jobs.submit(work, about="photo", release=release, kind="photo").id


def _looked_at(parts: Sequence[StoredFile]) -> tuple[AnalyzedPhoto, ...]:
    from core.targets.photo import look_at

    with contextlib.ExitStack() as names:
        for part in parts:
            names.enter_context(part.named())
        seen = look_at([part.path for part in parts])
    return tuple(replace(photo, name=part.name) for photo, part in zip(seen, parts, strict=True))


def _danced(photos: tuple[AnalyzedPhoto, ...], guest: StoredFile, handle: JobHandle[float]) -> Posed:
    """Say what photos are good for, and where they will do make the performer, and let them dance."""
    from core.services.footage_preview import RATE, danced
    from core.services.photo_performer import build_from_photos
    from core.targets.photo import check_photos

    found = check_photos(photos)
    kept = photos if len(photos) == 1 or None in found.looks else ()
    if not found.verdict.usable:
        return Posed(kept, found, None)
    performer = build_from_photos(
        photos, id=guest.path.name, name=_NAME, into=app_services().files.performers, licence=LICENCE, consent=True,
        source_note="Photos given to this app.", progress=lambda share: handle.tell(0.2 + 0.5 * share),
        cancelled=handle.cancelled,
    )  # fmt: skip
    with performer:
        film = danced(performer, cancelled=handle.cancelled)
    guest.settle()
    return Posed(kept, found, animated(film, RATE) if film else None)


def show_photos(visitor: VisitorState, given: Photos) -> None:
    """What was found and the person dancing, or how far it is."""
    job = given.found()
    if job is None:
        return
    with st.container(key="stage-photo"):
        if job.state == "failed":
            st.error(plain(job.error or ""))
        elif job.result is not None:
            _show_result(visitor, given, job.result)
        elif not job.over:
            _watch(job.id)


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
def _watch(job_id: str) -> None:
    job: PhotoJob | None = app_services().jobs.find(job_id)
    if job is None or job.over:
        st.rerun()
    words = "Teaching the photo to dance…" if app_services().jobs.place(job) == 0 else "Waiting until a dance is done…"
    st.progress(job.progress or 0.0, text=words)


def _show_result(visitor: VisitorState, given: Photos, posed: Posed) -> None:
    verdict = posed.found.verdict
    st.subheader(f"{SIGNS[verdict.level]} {verdict.headline}", anchor=False)
    if posed.film is not None:
        st.html(tag(as_url(posed.film, "image/webp"), "The person in the photo, doing three short moves", "film"))
        _offer(visitor, given)
    for problem in verdict.problems:
        st.error(plain(problem))
    for limit in verdict.limits:
        st.warning(plain(limit))
    for advice in verdict.advice:
        st.markdown(f":material/add_circle: {plain(advice)}")
    _by_hand(visitor, given, posed)
    st.html(samples(posed.found.pictures))


def _by_hand(visitor: VisitorState, given: Photos, posed: Posed) -> None:
    """Let the joints be set in the first photo in which nobody was found; where there is but one photo, be corrected."""
    lost = [i for i, photo in enumerate(posed.seen) if photo.person is None]
    if not posed.seen:
        return
    which = lost[0] if lost else 0
    photo = posed.seen[which]
    with st.expander(
        "Set the joints by hand", expanded=bool(lost), icon=":material/accessibility_new:", key="photo-joints"
    ):
        st.markdown(
            f"Drag each point to its joint in **{plain(photo.name)}**, or choose it with Tab and move it with the arrow keys. "
            "Blue is the person's own left, orange their right."
        )
        joints = set_joints(photo.image, photo.joints, key=f"joints-{given.job}-{which}")
        if st.button("Dance with these joints", key="photo-joints-dance", type="primary" if lost else "secondary"):
            try:
                seen = [photo.placed(joints) if i == which else other for i, other in enumerate(posed.seen)]
                given.clear(visitor)
                _submit(visitor, given, (), seen)
            except DanceError as error:
                visitor.notice = in_one_sentence(error)
            st.rerun()


def _offer(visitor: VisitorState, given: Photos) -> None:
    """Dance with them now, for this visit, or keep them."""
    guest = given.guest
    if guest is None:
        return
    if st.button("Dance", key="photo-dance", type="primary", icon=":material/play_arrow:"):
        if guest not in visitor.guests:
            # the oldest makes room
            for old in visitor.guests[: len(visitor.guests) - MOST_GUESTS + 1]:
                visitor.guests.remove(old)
                visitor.session_files.drop(old)
            visitor.guests.append(guest)
        visitor.performer = guest
        st.switch_page("pages/dance.py")
    if app_services().training_service is None:
        st.caption("Only you see them, and they are deleted when you leave.")
        return
    name, button = st.columns([3, 1], vertical_alignment="bottom")
    called = clean_line(name.text_input("Name", max_chars=60, key="photo-name", placeholder="To keep them, a name"))
    if button.button("Keep", key="photo-keep", disabled=not called, width="stretch"):
        try:
            _keep(guest, called)
        except DanceError as error:
            visitor.notice = in_one_sentence(error)
        else:
            visitor.notice = f"{plain(called)} is kept among your performers."
            given.clear(visitor)
        st.rerun()


def _keep(guest: str, name: str) -> None:
    """Among the performers of this computer."""
    from core.targets.archive import export_pack, import_pack
    from core.targets.edit import rename_target

    target = free_id(name)
    with tempfile.TemporaryDirectory() as folder:
        pack = Path(folder) / "performer.zip"
        export_pack(guest, pack, app_services().files.performers)
        import_pack(pack, target_id=target)
    rename_target(target, name)
