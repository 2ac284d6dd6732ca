from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core import paths
from core.settings import settings


def test_every_generator_can_be_watched_side_by_side(open_app: Callable[..., AppTest]) -> None:
    app = open_app().switch_page("pages/about.py").run()
    assert not app.exception
    words = " ".join(markdown.value for markdown in app.markdown)
    assert "Your videos" in words
    assert paths.SIDE_BY_SIDE.is_file()
    assert "side by side" in words
    assert len(app.get("video")) == 1


def test_what_mediapipe_sends_is_said_where_it_is_used(
    open_app: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    def words() -> str:
        return " ".join(markdown.value for markdown in open_app().switch_page("pages/about.py").run().markdown)

    assert "Nothing leaves this computer" in words()
    monkeypatch.setenv("DANCE_POSE_ENGINE", "mediapipe")
    settings.cache_clear()
    assert "Nothing leaves this computer" not in words()
    assert "sends Google figures" in words()
