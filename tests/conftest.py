"""Fixtures shared by every test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from core.inference.runner import NetworkFiles

# Before torch is imported, here or in a process that a test starts. The networks of tests are so small that a second thread
# mostly waits for the first: for twice the processor time on an idle machine, and for whole time slices on a busy one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

PROJECT = Path(__file__).resolve().parent.parent

SLOW = (
    "generators/test_realtime.py", "live", "pose/test_candidates.py", "services/test_batch.py",
    "services/test_training_estimate.py", "services/test_training_service.py", "targets/test_build.py",
    "targets/test_footage_check.py", "targets/test_photo.py", "test_cli.py", "test_footage_kinds.py", "test_hard_footage.py",
    "test_hostile.py", "test_network.py", "test_placing.py", "test_quality.py", "test_readme.py", "training", "ui",
)  # fmt: skip
"""Files and folders of tests that train, dance whole clips, run pages or start the command line: marked ``slow``, as a whole."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what ``make test-fast`` leaves out, before ``-m`` chooses."""
    slow = [PROJECT / "tests" / name for name in SLOW]
    for item in items:
        if any(place == item.path or place in item.path.parents for place in slow):
            item.add_marker(pytest.mark.slow)


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


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> NetworkFiles:
    """The files of a small network of the puppet (``tests.puppets.small_config``) that draws the person alone."""
    from core.training.export import export
    from tests.puppets import small_config, small_state

    return export(small_config(), small_state(small_config()), tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="session")
def exported_unet(tmp_path_factory: pytest.TempPathFactory) -> NetworkFiles:
    """The same of a network of stick images (``tests.puppets.small_unet_config``)."""
    from core.training.export import export
    from tests.puppets import small_state, small_unet_config

    return export(small_unet_config(), small_state(small_unet_config()), tmp_path_factory.mktemp("exported-unet"))


@pytest.fixture(scope="session")
def exported_realtime(tmp_path_factory: pytest.TempPathFactory) -> NetworkFiles:
    """The same of one that copies and repairs (``tests.puppets.small_realtime_config``)."""
    from core.training.export import export
    from tests.puppets import small_realtime_config, small_state

    config = small_realtime_config()
    return export(config, small_state(config), tmp_path_factory.mktemp("exported-realtime"))
