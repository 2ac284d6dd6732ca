from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.errors import TargetNotFound, UnusableInput
from core.targets.edit import rename_target, set_portrait
from core.targets.store import list_targets, load_target
from tests.puppets import make_puppet


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_puppet(tmp_path / "performers", frames=6)
    return tmp_path / "performers"


def picture_in(path: Path, level: int) -> Path:
    cv2.imwrite(str(path), np.full((90, 120, 3), level, np.uint8))
    return path


def test_a_new_name_is_shown_and_the_id_stays(root: Path) -> None:
    rename_target("puppet", "  Anna   of the\tHouse ", root)
    (summary,) = [s for s in list_targets(root) if s.id == "puppet"]
    assert summary.name == "Anna of the House"
    with load_target("puppet", root) as target:
        assert target.frames[0].any()


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\x07b"])
def test_names_that_are_none(root: Path, name: str) -> None:
    with pytest.raises(UnusableInput, match="name"):
        rename_target("puppet", name, root)


def test_another_portrait_takes_the_place_of_the_first(root: Path, tmp_path: Path) -> None:
    for level in (40, 200):
        set_portrait("puppet", picture_in(tmp_path / "face.png", level), root)
        with load_target("puppet", root) as target:
            assert target.portrait is not None
            shown = cv2.imread(str(target.portrait))
        assert shown is not None
        assert shown.shape == (90, 68, 3)
        assert abs(float(shown.mean()) - level) < 3
    assert len(list((root / "puppet").glob("portrait*"))) == 1


def test_a_file_that_is_no_picture_changes_nothing(root: Path, tmp_path: Path) -> None:
    (tmp_path / "face.png").write_text("hello")
    before = sorted((root / "puppet").iterdir())
    with pytest.raises(UnusableInput):
        set_portrait("puppet", tmp_path / "face.png", root)
    assert sorted((root / "puppet").iterdir()) == before


def test_bundled_performers_and_strangers_stay_as_they_are(root: Path, tmp_path: Path) -> None:
    for target in ("mira", "nobody"):
        with pytest.raises(TargetNotFound, match="own"):
            rename_target(target, "Else", root)
        with pytest.raises(TargetNotFound, match="own"):
            set_portrait(target, picture_in(tmp_path / "face.png", 9), root)
