from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import paths
from core.errors import Cancelled
from core.services.footage_preview import preview
from core.targets.footage_check import FootageCheck, check_footage
from tests.targets.test_footage_check import film, frames_of


@pytest.fixture(scope="module")
def theo(tmp_path_factory: pytest.TempPathFactory) -> FootageCheck:
    """12 seconds of footage."""
    frames = frames_of(paths.BUNDLED_PERFORMERS / "theo" / "frames.mp4", 1.3, 48)
    return check_footage([film(tmp_path_factory.mktemp("theo") / "theo.mp4", frames)])


def test_somebody_does_three_moves_in_their_own_room(theo: FootageCheck) -> None:
    film = preview(theo)
    assert len(film) > 8
    height, width = film[0].shape[:2]
    assert (height, width) == (320, 960)
    assert theo.stage is not None
    for column in range(3):
        tile = slice(column * 320, (column + 1) * 320)
        pictures = np.stack([picture[:, tile] for picture in film]).astype(int)
        assert np.abs(np.diff(pictures, axis=0)).max(axis=(1, 2, 3)).min() > 30, "somebody moves all the time"
        # the corner of the room is never danced in
        assert np.abs(pictures[:, :40, :40] - theo.stage.picture[:40, :40]).mean() < 4


def test_of_nobody_there_is_no_film(tmp_path: Path) -> None:
    wall = np.random.default_rng(0).integers(90, 160, (160, 240, 3), np.uint8)
    assert preview(check_footage([film(tmp_path / "wall.mp4", [wall] * 8)])) == ()


def test_stopping(theo: FootageCheck) -> None:
    with pytest.raises(Cancelled):
        preview(theo, lambda: True)
