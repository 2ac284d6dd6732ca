from __future__ import annotations

from pathlib import Path

import pytest

from tests.puppets import make_puppet


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANCE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def puppets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a performer."""
    root = tmp_path_factory.mktemp("puppets")
    make_puppet(root)
    return root
