"""What every page does in the browser: see ``manners.js``."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

import streamlit as st

_COMPONENT: Final = st.components.v2.component(
    "everybody_dance_manners",
    html='<p role="status"></p>',
    css="p { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); }",
    js=Path(__file__).with_name("manners.js").read_text(encoding="utf-8"),
)
FAULTS: Final = {
    "NotAllowedError": "The camera was refused. Allow it beside the address of this page, then press Start again.",
    "NotFoundError": "There is no camera. Plug one in, then press Start again.",
    "NotReadableError": "Another program uses the camera. Close that one, then press Start again.",
    "other": "The camera cannot be used as it is. Unplug it and plug it in, or choose another one, then press Start again.",
}
"""What a browser's errors about a camera mean, by their names."""


def keep_manners() -> None:
    """Put it on the page, once a run."""
    with st.container(key="manners"):
        _COMPONENT(key="manners-here", data={"faults": FAULTS})


def say(words: str, job: str = "") -> None:
    """Have ``words`` said to whoever has the page read out, when they change; the stage around it comes into view when it is of
    another ``job`` than before somebody asked for one."""
    st.html(f'<p class="say" data-job="{escape(job)}" data-say="{escape(words)}"></p>')
