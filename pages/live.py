"""Dance in front of the camera, and the performer moves as you move."""

from __future__ import annotations

import streamlit as st

from core.targets.store import TargetSummary
from core.ui.ice import ice_servers
from core.ui.live import choose_wish, show_connection, show_kept, show_watch
from core.ui.mirror import mirror
from core.ui.page import run_page
from core.ui.stage import show_example
from core.ui.visit import visit


def show(performers: list[TargetSummary]) -> None:
    here, mine, servers = visit(), mirror(), ice_servers()
    with st.container(key="live-page"):
        controls, stage = st.columns([5, 7], gap="large")
    with controls:
        wish = choose_wish(here, performers)
    # a place each: where something comes or goes above others, the browser may lose those below
    example, connection, watch, kept = (stage.container() for _ in range(4))
    with connection:
        show_connection(here, mine, wish, servers)
    with watch:
        show_watch(here, mine, servers)
    with kept:
        show_kept(here, mine)
    with example:
        if not mine.running and mine.recorded is None:
            chosen = next(performer for performer in performers if performer.id == wish.performer)
            show_example(f"Press Start and dance: {chosen.name} moves as you move.")


run_page(show)
