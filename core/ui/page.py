"""What every page with performers begins and ends with."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import streamlit as st
from streamlit.errors import FragmentHandledException

from core.errors import DanceError
from core.targets.store import TargetSummary, list_targets
from core.ui.app_services import app_services
from core.ui.error_messages import show_error
from core.ui.theme import dress
from core.ui.visitor_state import current_visitor

logger = logging.getLogger(__name__)

NO_PERFORMER: Final = (
    "There is no performer yet. Make one on the Train page, from a video of somebody alone, or on the command line: "
    "`python -m core target build VIDEO --id NAME --name NAME`."
)


def run_page(show: Callable[[list[TargetSummary]], None], *, needs_performers: bool = True) -> None:
    """Dress the page and show it; where there is no performer and it needs one, or something fails, say so in a sentence."""
    dress()
    try:
        performers = [*list_targets(), *current_visitor().performers()]
        if performers or not needs_performers:
            show(performers)
            app_services().warm_up()
        else:
            st.error(NO_PERFORMER)
    except FragmentHandledException:
        # a part of the page said it already
        raise
    except Exception as error:
        if not isinstance(error, DanceError):
            logger.exception("a page failed")
        show_error(error)
