"""The first choice of the dance page: which dance, which part of it, who in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.dances import Dance
from core.settings import settings
from core.ui.cards import Card, pick
from core.ui.clips import (
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
from core.ui.house import house
from core.ui.options import choose_of
from core.ui.pictures import as_url, file_url, tag
from core.ui.uploads import take_upload
from core.ui.visit import OWN, UPLOAD, Visit
from core.ui.whom import Looking, choose_person
from core.ui.words import in_words, plain
from core.workspace import Stored

if TYPE_CHECKING:
    from core.pose.person import Person

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
    upload: Stored | None = None
    rate: float | None = None

    @property
    def frames(self) -> float:
        """About how many pictures that stretch has."""
        whole = self.clip.seconds if self.clip.seconds is not None else settings().max_seconds
        end = whole if self.end is None else min(self.end, whole)
        return page_budget(self.rate).frames_of(max(end - self.start, 0.0), self.clip.rate)


def choose_source(here: Visit, dances: list[Dance]) -> Source | None:
    """The cards, and what belongs to the chosen one. None while no video is chosen."""
    if here.dance is None:
        here.dance = dances[0].id if dances else OWN

    def choose(dance: str) -> None:
        here.dance = dance
        here.refused.pop(UPLOAD, None)

    pick("dance", [*map(_card, dances), _own_card(here)], here.dance, choose, columns=4)
    if here.dance == OWN:
        return _own(here)
    dance = next((d for d in dances if d.id == here.dance), dances[0])
    return Source(dance.id, dance.title, dance.video, clip(dance.video))


def _card(dance: Dance) -> Card:
    return Card(dance.id, dance.title, file_url(dance.picture) if dance.picture.is_file() else None)


def _own_card(here: Visit) -> Card:
    picture = here.upload and picture_at(str(here.upload.path), 0.0)
    return Card(OWN, "Your own video", as_url(picture) if picture else None, ":material/upload:")


def _own(here: Visit) -> Source | None:
    upload = _uploaded(here)
    if upload is None or UPLOAD in here.refused:
        return None
    about = clip(upload.path)
    rate = _choose_rate(about.rate, key=f"rate-{here.uploads}")
    start, end = trim(about, key=f"part-{here.uploads}", pictures_of=upload.path)
    person = choose_person(_looking(here, upload, start, end))
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


def _uploaded(here: Visit) -> Stored | None:
    label = "Choose a video of somebody dancing" if here.upload is None else "Choose another video"
    given = st.file_uploader(
        label, type=KINDS, max_upload_size=settings().max_upload_mb, key=f"upload-{here.uploads}", help=None
    )
    st.caption(limits_in_words())
    if given is not None:
        # a fresh uploader: this one is done with, whatever comes of it
        here.uploads += 1
        take_upload(
            here, UPLOAD, given, lambda: take_video(house().files, given, given.name, given.size, owner=here.id)
        )
        st.rerun()
    st.button("Refused by the browser", key="refused", on_click=_refuse, args=(here,))
    if UPLOAD in here.refused:
        st.error(here.refused[UPLOAD])
        if here.upload is not None:
            name = plain(here.upload.name)
            st.button(f"Go on with {name}", key="keep-upload", on_click=here.refused.pop, args=(UPLOAD,))
    return here.upload


def _refuse(here: Visit) -> None:
    """A file did not even begin to be uploaded, which ``manners.js`` tells by a button that nobody sees."""
    here.uploads += 1
    most = settings().max_upload_mb
    here.refused[UPLOAD] = f"That file was not taken: it has to be a video of at most {most} MB."


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


def _looking(here: Visit, upload: Stored, start: float, end: float | None) -> Looking:
    """The look at that stretch; another one begins where the stretch was changed."""
    if here.looking is None or here.looking.stretch != (upload.path, start, end):
        if here.looking is not None:
            here.looking.stop()
        here.looking = Looking(upload.path, start, end)
        with st.spinner("Looking who is dancing…"):
            here.looking.begin()
    return here.looking
