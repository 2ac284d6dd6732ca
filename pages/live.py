"""Dance in front of the camera, and the performer moves as you move."""

from __future__ import annotations

import streamlit as st

from core.targets.store import TargetSummary
from core.ui.dance_result import show_example
from core.ui.ice import ice_servers
from core.ui.live_stream import mirror
from core.ui.live_view import choose_wish, show_connection, show_kept, show_watch
from core.ui.page import run_page
from core.ui.visitor_state import current_visitor


def show(performers: list[TargetSummary]) -> None:
    visitor, mine, servers = current_visitor(), mirror(), ice_servers()
    with st.container(key="live-page"):
        controls, stage = st.columns([5, 7], gap="large")
    with controls:
        wish = choose_wish(visitor, performers)
    # a place each: where something comes or goes above others, the browser may lose those below
    example, connection, watch, kept = (stage.container() for _ in range(4))
    with connection:
        show_connection(visitor, mine, wish, servers)
    with watch:
        show_watch(visitor, mine, servers)
    with kept:
        show_kept(visitor, mine)
    with example:
        if not mine.running and mine.recorded is None:
            chosen = next(performer for performer in performers if performer.id == wish.performer)
            show_example(f"Press Start and dance: {chosen.name} moves as you move.")


run_page(show)
