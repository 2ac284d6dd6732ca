"""What a page says when something goes wrong that nothing in it has dealt with."""

from __future__ import annotations

import streamlit as st

from core.errors import DanceError
from core.services.job_queue import UNEXPECTED
from core.ui.text import plain


def show_error(error: Exception) -> bool:
    """Say in one sentence what went wrong: its own where it is made for people, else that nobody expected it.

    Also what Streamlit calls when a callback or a part of a page fails, and after it has logged the traceback. Returns True,
    by which it knows that there is nothing more to show.
    """
    st.error(in_one_sentence(error))
    return True


def in_one_sentence(error: Exception) -> str:
    """The same, as Markdown."""
    return plain(str(error)) if isinstance(error, DanceError) else UNEXPECTED
