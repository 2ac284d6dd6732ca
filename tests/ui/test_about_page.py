from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from core import paths


def test_every_generator_can_be_watched_side_by_side(open_app: Callable[..., AppTest]) -> None:
    app = open_app().switch_page("pages/about.py").run()
    assert not app.exception
    words = " ".join(markdown.value for markdown in app.markdown)
    assert "Your videos" in words
    assert paths.SIDE_BY_SIDE.is_file()
    assert "side by side" in words
    assert len(app.get("video")) == 1
