"""What this is, what happens to uploads, whose work is in it."""

from __future__ import annotations

import streamlit as st

from core import paths
from core.settings import settings
from core.ui.dance_result import show_example
from core.ui.text import in_words, what_leaves
from core.ui.theme import dress

WHAT = """
It finds the dancer's pose in every picture, fits it to the performer's build and stage, and puts together what the
performer looks like in each of those poses. The idea comes from the paper *Everybody Dance Now* by Caroline Chan,
Shiry Ginosar, Tinghui Zhou and Alexei A. Efros (ICCV 2019); the code here is our own.
"""

GENERATORS = """
### Every generator, side by side

The same dance by every way of making pictures that Mira was trained for. Real-time warping is our own, the others are those of
the field: nearest neighbour, networks that paint every pixel, U-Nets, and the same trained against critics. The Compare page
makes the like of any dance, and measures it.
"""

PRIVACY = """
### Your videos

Everything happens on the computer that runs this app. {leaves} An upload is deleted when you
leave, or with the last result made from it. A result is kept for {kept}, less where many are made, under an address
that nobody can guess: whoever has that address can watch and download the result, but not your upload, so share it only
with those you want to. Your browser holds a number until it is closed, so that your upload is still yours after a
reload. When the app is stopped, everything is deleted.

Pictures of your camera on the Live page are looked at and forgotten at once; what you record is kept like an upload.

Please upload only videos of people who are fine with that.
"""


def main() -> None:
    dress()
    with st.container(key="about-page"):
        words, pictures = st.columns([6, 5], gap="large")
    with pictures:
        show_example("Give it a video of somebody dancing, and a performer does the same dance, with the same music.")
        if paths.SIDE_BY_SIDE.is_file():
            st.markdown(GENERATORS)
            st.video(paths.SIDE_BY_SIDE, alt="One dance by every generator, side by side")
    with words:
        st.markdown("## Everybody Dance Now")
        st.markdown(WHAT)
        st.markdown(PRIVACY.format(leaves=what_leaves(), kept=in_words(settings().result_minutes * 60)))
        with st.expander("Whose work is in it", key="licences"):
            notice = paths.PROJECT / "NOTICE"
            st.code(notice.read_text(encoding="utf-8"), language=None, wrap_lines=True)


main()
