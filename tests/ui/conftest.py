"""The app's pages, run without a browser. Assets that come with the project are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.settings import settings
from core.transfer import Report
from core.ui.house import House, house

APP = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture(autouse=True)
def fresh(own_folders: None) -> Iterator[None]:
    """No test inherits another's jobs, files or limits."""
    settings.cache_clear()
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    st.cache_resource.clear()
    settings.cache_clear()


@pytest.fixture
def shared() -> House:
    """The shared things of the app under test, its speed known, so that no measuring runs beside the test."""
    made = house()
    made.speed.note(cast(Report, SimpleNamespace(fps_steady=50.0)), again=False)
    return made


@pytest.fixture
def open_app(shared: House) -> Callable[..., AppTest]:
    """Opens the app as a new visitor, with a query in the address or not."""

    def opened(**query: Any) -> AppTest:
        app = AppTest.from_file(APP, default_timeout=30)
        app.query_params.update(query)
        return app.run()

    return opened
