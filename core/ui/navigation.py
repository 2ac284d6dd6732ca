"""The app's pages, and the way between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from core import paths
from core.ui.manners import keep_manners

if TYPE_CHECKING:
    from streamlit.navigation.page import Page

_PAGES = paths.PROJECT / "pages"
_opened = False
"""Whether ``app.py`` ran in this process."""


def navigate() -> Page:
    """Set up page and navigation; returns the page that is asked for, to be run."""
    global _opened  # noqa: PLW0603  (one server, one door)
    _opened = True
    st.set_page_config(page_title="Everybody Dance Now", page_icon=str(paths.ASSETS / "icon.png"), layout="wide")
    pages = [
        st.Page(_PAGES / "dance.py", title="Dance", default=True),
        st.Page(_PAGES / "live.py", title="Live", url_path="live"),
        st.Page(_PAGES / "compare.py", title="Compare", url_path="compare"),
        st.Page(_PAGES / "train.py", title="Train", url_path="train"),
        st.Page(_PAGES / "about.py", title="About", url_path="about"),
    ]
    page = st.navigation(pages, position="hidden")
    # Streamlit's own menu hides on a phone behind a sign without a name, and covers the page after every step
    with st.container(key="menu", horizontal=True, gap=None):
        for each in pages:
            st.page_link(each)
    keep_manners()
    return page


def enter_by_the_door() -> None:
    """Begin the run anew, through ``app.py``, for whoever comes to a page by its own address before anybody opened the app.

    Until ``st.navigation`` was called once, Streamlit runs the files of a folder ``pages`` without ``app.py``.
    """
    if PagesManager.uses_pages_directory and not _opened:
        navigate()
        st.rerun()
