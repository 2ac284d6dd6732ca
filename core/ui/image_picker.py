"""Choosing from pictures: each card is a real button over its picture, so keys and screen readers reach it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from core.ui.images import tag
from core.ui.text import plain


@dataclass(frozen=True, slots=True)
class Card:
    """One choice. ``picture`` is an address for an ``<img>``; without one the card shows ``icon``."""

    id: str
    title: str
    picture: str | None = None
    icon: str = ":material/person:"


def pick(
    role: str, cards: Sequence[Card], chosen: str | None, on_pick: Callable[[str], None], columns: int = 3
) -> None:
    """Show ``cards`` in a grid; ``on_pick`` gets the id of the one that is clicked."""
    with st.grid(columns, min_column_width=96, gap="xsmall", key=f"cards-{role}"):
        for card in cards:
            _card(role, card, card.id == chosen, on_pick)


def _card(role: str, card: Card, chosen: bool, on_pick: Callable[[str], None]) -> None:
    with st.container(key=f"card-{role}-{card.id}", gap=None):
        if card.picture is None:
            st.html('<div class="picture blank"></div>')
        else:
            st.html(tag(card.picture))
        st.button(
            plain(card.title),
            key=f"pick-{role}-{card.id}",
            # the ring of the chosen card hangs on this
            type="primary" if chosen else "secondary",
            icon=card.icon if card.picture is None else None,
            on_click=on_pick,
            args=(card.id,),
            width="stretch",
        )
