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
from core.ui.app_services import AppServices, PerformerCache, app_services
from core.utils.memory_budget import MemoryBudget
from tests.waiting import PATIENCE, until

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


@pytest.fixture(scope="session")
def opened_performers() -> PerformerCache:
    """Performers that stay open from one test to the next: to load and prepare them anew takes seconds each time."""
    return PerformerCache(MemoryBudget(4_000_000_000))


@pytest.fixture
def shared(opened_performers: PerformerCache) -> AppServices:
    """The shared things of the app under test, its speed known, so that no measuring runs beside the test."""
    made = app_services()
    made.performers = opened_performers
    for _ in range(2):
        made.speed.note(cast(Report, SimpleNamespace(fps_steady=50.0)), again=False)
    return made


@pytest.fixture
def open_app(shared: AppServices) -> Callable[..., AppTest]:
    """Opens the app as a new visitor, with a query in the address or not."""

    def opened(**query: Any) -> AppTest:
        app = AppTest.from_file(APP, default_timeout=PATIENCE)
        app.query_params.update(query)
        return app.run()

    return opened


def run_until(app: AppTest, condition: Callable[[], bool]) -> None:
    """Run the page again and again until something is so, as a page that refreshes itself does."""
    until(lambda: condition() or (app.run() and condition()), every=0.2)
    assert not app.exception
