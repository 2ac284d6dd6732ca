"""When a browser is gone, and for how long its session is kept in case only the line was cut.

Streamlit keeps the session itself, with what it shows, for as long as nobody else comes: here it is closed after a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import streamlit as st
from streamlit.runtime import exists, get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx

logger = logging.getLogger(__name__)

GRACE_SECONDS: Final = 40.0
"""How long a session without a browser is kept."""


class Presence:
    """One session's browser.

    Args:
        session: id of the session; None where no browser is served.
        left: called when it is gone for good, on the server's event loop: must not wait.
    """

    def __init__(self, session: str | None, left: Callable[[], None]) -> None:
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
        if self._session is None or not exists() or get_instance().is_active_session(self._session):
            return
        get_instance().close_session(self._session)
        self._left()


def notice_leaving(left: Callable[[], None]) -> None:
    """Call ``left`` when this session's browser is gone for good. To be said with every run of the page; the first counts."""
    context = get_script_run_ctx()
    _present(Presence(None if context is None else context.session_id, left))


@st.cache_resource(scope="session", show_spinner=False, on_release=lambda presence: presence.away())
def _present(_presence: Presence) -> Presence:
    return _presence
