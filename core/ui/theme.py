"""How pages are dressed. Colours of Streamlit's own widgets are in .streamlit/config.toml; the rest is theme.css."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import streamlit as st

from core.ui.navigation import enter_by_the_door

_CSS: Final = Path(__file__).with_name("theme.css")
_LOGO: Final = """
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 32" width="30" height="32">
  <g fill="none" stroke="#ff5a4e" stroke-width="3.2" stroke-linecap="round" stroke-linejoin="round">
    <circle cx="15" cy="5.5" r="3.2" fill="#ff5a4e"/>
    <path d="M4 5 L10 12.5 L19 12 L26 7 M14.5 12.5 L14 19.5 L21 23 L19 30 M14 19.5 L8 24 L3 28"/>
  </g>
</svg>
"""


def dress() -> None:
    """Put the mark and the style sheet on the page."""
    enter_by_the_door()
    st.logo(_LOGO, size="large")
    st.html(_CSS)
