"""One photo on the train page: what it is good for, in words, and the person in it dances at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.settings import settings
from core.targets.store import list_targets
from core.ui.footage import WAY
from tests.targets.test_photo import photo_of
from tests.ui.conftest import run_until
from tests.ui.test_train_page import opened, pictures_of, words

Open = Callable[..., AppTest]


def give(app: AppTest, photo: Path) -> None:
    app.checkbox(key="photo-consent").check().run()
    app.file_uploader[0].set_value([(photo.name, photo.read_bytes(), "image/jpeg")]).run()
    assert not app.exception
    run_until(app, lambda: app.session_state["photos"].found().over)
    app.run()
    assert not app.exception


def test_a_photo_dances_at_once_and_is_kept_under_a_name(open_app: Open, tmp_path: Path) -> None:
    app = opened(open_app)
    app.segmented_control(key=WAY).set_value("photo").run()
    assert app.file_uploader[0].proto.disabled, "nobody agreed yet"
    assert not any(button.key == "train" for button in app.button), "nothing is trained"
    give(app, photo_of("theo", tmp_path / "theo.jpg"))
    assert "This will do" in words(app)
    assert "data:image/webp" in pictures_of(app)
    assert app.button(key="photo-keep").disabled
    app.text_input(key="photo-name").set_value("Théo 2").run()
    app.button(key="photo-keep").click().run()
    assert not app.exception
    kept = next(performer for performer in list_targets() if performer.own)
    assert (kept.id, kept.name, kept.frames) == ("theo-2", "Théo 2", 1)
    assert "realtime" in kept.generators
    assert app.session_state["photos"].guest is None


def test_a_public_app_lets_a_photo_dance_for_the_visit(
    open_app: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANCE_HOSTED", "1")
    settings.cache_clear()
    st.cache_resource.clear()
    app = opened(open_app)
    give(app, photo_of("theo", tmp_path / "theo.jpg"))
    assert not any(button.key == "photo-keep" for button in app.button)
    assert "deleted when you leave" in words(app)
    app.button(key="photo-dance").click().run()
    assert not app.exception
    visitor = app.session_state["visit"]
    assert [guest.id for guest in visitor.performers()] == [visitor.performer]
    assert not [performer for performer in list_targets() if performer.own]


def test_what_is_no_photo_is_refused_in_a_sentence(open_app: Open, tmp_path: Path) -> None:
    app = opened(open_app)
    app.segmented_control(key=WAY).set_value("photo").run()
    words_only = tmp_path / "letter.jpg"
    words_only.write_bytes(b"no picture at all")
    give(app, words_only)
    assert "letter.jpg" in words(app)
    assert app.session_state["photos"].guest not in app.session_state["visit"].guests
