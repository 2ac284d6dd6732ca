"""The first choice of the dance page: which dance, which part of it, who in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.bundled.dances import Dance
from core.services.file_store import StoredFile
from core.settings import settings
from core.ui.app_services import app_services
from core.ui.image_picker import Card, pick
from core.ui.images import as_url, file_url, tag
from core.ui.options import choose_of
from core.ui.person_choice import PersonSearch, choose_person
from core.ui.text import in_words, plain
from core.ui.uploads import take_upload
from core.ui.video_info import (
    KINDS,
    Clip,
    clip,
    limits_in_words,
    page_budget,
    picture_at,
    rates_offered,
    take_video,
    thinned_in_words,
)
from core.ui.visitor_state import OWN, UPLOAD, VisitorState

if TYPE_CHECKING:
    from core.pose.person_selection import Person

_SHORTEST = 0.5


@dataclass(frozen=True, slots=True)
class Source:
    """A dance that can be danced as it stands. ``start`` and ``end`` are seconds, ``rate`` the pictures a second that are made at
    most, None for the usual."""

    id: str
    title: str
    video: Path
    clip: Clip
    start: float = 0.0
    end: float | None = None
    person: Person = "largest"
    upload: StoredFile | None = None
    rate: float | None = None

    @property
    def frames(self) -> float:
        """About how many pictures that stretch has."""
        whole = self.clip.seconds if self.clip.seconds is not None else settings().max_seconds
        end = whole if self.end is None else min(self.end, whole)
        return page_budget(self.rate).frames_of(max(end - self.start, 0.0), self.clip.rate)


def choose_source(visitor: VisitorState, dances: list[Dance]) -> Source | None:
    """The cards, and what belongs to the chosen one. None while no video is chosen."""
    if visitor.dance is None:
        visitor.dance = dances[0].id if dances else OWN

    def choose(dance: str) -> None:
        visitor.dance = dance
        visitor.refused.pop(UPLOAD, None)

    pick("dance", [*map(_card, dances), _own_card(visitor)], visitor.dance, choose, columns=4)
    if visitor.dance == OWN:
        return _own(visitor)
    dance = next((d for d in dances if d.id == visitor.dance), dances[0])
    return Source(dance.id, dance.title, dance.video, clip(dance.video))


def _card(dance: Dance) -> Card:
    return Card(dance.id, dance.title, file_url(dance.picture) if dance.picture.is_file() else None)


def _own_card(visitor: VisitorState) -> Card:
    picture = visitor.upload and picture_at(str(visitor.upload.path), 0.0)
    return Card(OWN, "Your own video", as_url(picture) if picture else None, ":material/upload:")


def _own(visitor: VisitorState) -> Source | None:
    upload = _uploaded(visitor)
    if upload is None or UPLOAD in visitor.refused:
        return None
    about = clip(upload.path)
    rate = _choose_rate(about.rate, key=f"rate-{visitor.uploads}")
    start, end = trim(about, key=f"part-{visitor.uploads}", pictures_of=upload.path)
    person = choose_person(_looking(visitor, upload, start, end))
    return Source(OWN, upload.name, upload.path, about, start, end, person, upload, rate)


def _choose_rate(rate: float, key: str) -> float | None:
    """How many of so many pictures a second are danced; None where nothing is to be chosen."""
    offered = {f"{danced:g}": danced for danced in rates_offered(rate)}
    if not offered:
        return None
    if len(offered) == 1:
        (danced,) = offered.values()
    else:
        danced = offered[choose_of("Pictures a second", {name: name for name in offered}, key)]
    thinned = thinned_in_words(rate, danced)
    if thinned is not None:
        st.caption(thinned)
    return danced


def _uploaded(visitor: VisitorState) -> StoredFile | None:
    label = "Choose a video of somebody dancing" if visitor.upload is None else "Choose another video"
    given = st.file_uploader(
        label, type=KINDS, max_upload_size=settings().max_upload_mb, key=f"upload-{visitor.uploads}", help=None
    )
    st.caption(limits_in_words())
    if given is not None:
        # a fresh uploader: this one is done with, whatever comes of it
        visitor.uploads += 1
        take_upload(
            visitor,
            UPLOAD,
            given,
            lambda: take_video(app_services().files, given, given.name, given.size, owner=visitor.id),
        )
        st.rerun()
    st.button("Refused by the browser", key="refused", on_click=_refuse, args=(visitor,))
    if UPLOAD in visitor.refused:
        st.error(visitor.refused[UPLOAD])
        if visitor.upload is not None:
            name = plain(visitor.upload.name)
            st.button(f"Go on with {name}", key="keep-upload", on_click=_keep_upload, args=(visitor,))
    return visitor.upload


def _keep_upload(visitor: VisitorState) -> None:
    """Go on with the earlier video, and forget why the last one was refused."""
    visitor.refused.pop(UPLOAD, None)


def _refuse(visitor: VisitorState) -> None:
    """A file did not even begin to be uploaded, which ``manners.js`` tells by a button that nobody sees."""
    visitor.uploads += 1
    most = settings().max_upload_mb
    visitor.refused[UPLOAD] = f"That file was not taken: it has to be a video of at most {most} MB."


def trim(about: Clip, key: str, pictures_of: Path | None = None) -> tuple[float, float | None]:
    """Handles for the part to dance: (start, end) in seconds, end None for all of it."""
    most = settings().max_seconds
    if about.seconds is None:
        return 0.0, most
    whole = round(about.seconds, 1)
    if whole <= _SHORTEST:
        return 0.0, None
    chosen = st.slider(
        "Trim", 0.0, whole, (0.0, min(whole, most)), 0.1, format="%.1f s", key=key, persist_state="session"
    )
    start, end = _within(chosen, whole, most)
    if end - start < chosen[1] - chosen[0] - 1e-6:
        st.caption(f"One go is at most {in_words(most)}: this dances {start:.1f} s to {end:.1f} s.")
    if pictures_of is not None:
        _ends(pictures_of, start, end)
    return start, None if start == 0.0 and end >= whole else end


def _within(chosen: tuple[float, float], whole: float, most: float) -> tuple[float, float]:
    """At least ``_SHORTEST`` and at most ``most`` seconds long."""
    start = min(chosen[0], whole - _SHORTEST)
    return start, min(max(chosen[1], start + _SHORTEST), start + most)


def _ends(video: Path, start: float, end: float) -> None:
    pictures = [picture_at(str(video), start), picture_at(str(video), max(start, end - 0.2))]
    words = ("First picture", "Last picture")
    shown = "".join(tag(as_url(data), word, "end") for data, word in zip(pictures, words, strict=True) if data)
    st.html(f'<div class="ends">{shown}</div>')


def _looking(visitor: VisitorState, upload: StoredFile, start: float, end: float | None) -> PersonSearch:
    """The look at that stretch; another one begins where the stretch was changed."""
    if visitor.looking is None or visitor.looking.stretch != (upload.path, start, end):
        if visitor.looking is not None:
            visitor.looking.stop()
        visitor.looking = PersonSearch(upload.path, start, end)
        with st.spinner("Looking who is dancing…"):
            visitor.looking.begin()
    return visitor.looking
