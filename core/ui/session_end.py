"""When a browser is gone, and for how long its session is kept in case only the line was cut.

Streamlit keeps the session itself, with what it shows, for as long as nobody else comes: here it is closed after a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import streamlit as st
from streamlit.runtime import exists, get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext

GRACE_SECONDS: Final = 40.0
"""How long a session without a browser is kept."""


class Presence:
    """One session's browser.

    Args:
        session: what Streamlit knows of the session; None where no browser is served.
        left: called when it is gone for good, on the server's event loop: must not wait.
    """

    def __init__(self, session: ScriptRunContext | None, left: Callable[[], None]) -> None:
        self._session = session
        self._left = left

    def away(self) -> None:
        """The browser is gone, or seems to be."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # the caches are cleared by other means, as when the app ends
            return
        loop.call_later(GRACE_SECONDS, self._close_unless_back)

    def _close_unless_back(self) -> None:
        session = self._session
        if session is None or not exists() or get_instance().is_active_session(session.session_id):
            return
        get_instance().close_session(session.session_id)
        # the last session that was served is referred to until there is another
        for key in session.session_state.filtered_state:
            del session.session_state[key]
        self._left()


def notice_leaving(left: Callable[[], None]) -> None:
    """Call ``left`` when this session's browser is gone for good. To be said with every run of the page; the first counts."""
    _present(Presence(get_script_run_ctx(), left))


@st.cache_resource(scope="session", show_spinner=False, on_release=lambda presence: presence.away())
def _present(_presence: Presence) -> Presence:
    return _presence
