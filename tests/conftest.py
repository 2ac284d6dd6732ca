"""Fixtures shared by every test."""

from __future__ import annotations

from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The research data that lies beside a developer's checkout; it is no part of the project."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside this checkout: tests on real footage need it")
    return folder


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the performers, uploads or results of the person who runs it."""
    monkeypatch.setenv("DANCE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DANCE_WORK", str(tmp_path / "work"))
