"""The app: page set-up, logging, navigation."""

import logging

import streamlit as st

from core import paths

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
st.set_page_config(page_title="Everybody Dance Now", page_icon=str(paths.ASSETS / "icon.png"), layout="wide")
pages = [
    st.Page("pages/dance.py", title="Dance", default=True),
    st.Page("pages/about.py", title="About", url_path="about"),
]
st.navigation(pages, position="top").run()
