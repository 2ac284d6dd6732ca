"""The app. ``streamlit run app.py`` imports this once, to serve it, and runs it again for every look at a page."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.ui.error_messages import show_error
from core.ui.navigation import navigate
from core.ui.server import guards, lifespan
from core.utils.log_lines import start_logging
from core.utils.memory_budget import use_few_arenas

if get_script_run_ctx(suppress_warning=True) is not None:
    navigate().run()
else:
    use_few_arenas()
    # as text until the server starts: only then does Streamlit tell what a host's secrets say
    start_logging("text")
    app = st.App(__file__, lifespan=lifespan, middleware=guards(), on_script_error=show_error)
