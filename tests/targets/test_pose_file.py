from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import PackInvalid
from core.targets.pose_file import load_poses, save_poses, stack_poses
from core.types import Pose
from tests.targets.material import some_poses


def test_poses_come_back_read_only(tmp_path: Path) -> None:
    poses = some_poses(10)
    save_poses(tmp_path / "p.npz", poses, np.arange(10, dtype=np.int32))
    landmarks, runs = load_poses(tmp_path / "p.npz", 10)
    np.testing.assert_allclose(landmarks, poses, atol=1 / 128, equal_nan=True)
    np.testing.assert_array_equal(runs, np.arange(10))
    with pytest.raises(ValueError, match="read-only"):
        landmarks[0] = 0


def test_nobody_is_nan() -> None:
    stacked = stack_poses([None, Pose(np.ones((33, 4), np.float32))])
    assert np.isnan(stacked[0]).all()
    assert (stacked[1] == 1).all()


@pytest.mark.parametrize(
    "arrays",
    [
        {"landmarks": some_poses(9), "runs": np.zeros(9, np.int32)},
        {"landmarks": some_poses(10).astype(np.float64), "runs": np.zeros(10, np.int32)},
        {"landmarks": some_poses(10)[:, :, :3], "runs": np.zeros(10, np.int32)},
        {"landmarks": some_poses(10)},
        {"landmarks": np.asfortranarray(some_poses(10)), "runs": np.zeros(10, np.int32)},
        {"landmarks": np.array([{"a": 1}] * 10, object), "runs": np.zeros(10, np.int32)},
        {"landmarks": np.full((10, 33, 4), np.inf, np.float32), "runs": np.zeros(10, np.int32)},
    ],
    ids=["count", "type", "shape", "missing", "order", "pickle", "infinite"],
)
def test_anything_else_is_refused(tmp_path: Path, arrays: dict[str, Any]) -> None:
    np.savez(tmp_path / "p.npz", **arrays)
    with pytest.raises(PackInvalid):
        load_poses(tmp_path / "p.npz", 10)


def test_a_header_that_promises_terabytes_allocates_nothing(tmp_path: Path) -> None:
    save_poses(tmp_path / "good.npz", some_poses(10), np.zeros(10, np.int32))
    with zipfile.ZipFile(tmp_path / "good.npz") as good, zipfile.ZipFile(tmp_path / "p.npz", "w") as bad:
        for info in good.infolist():
            lie = b"(999999999, 33, 4), }"
            bad.writestr(info.filename, good.read(info).replace(b"(10, 33, 4), }".ljust(len(lie)), lie))
    assert lie in (tmp_path / "p.npz").read_bytes()
    with pytest.raises(PackInvalid):
        load_poses(tmp_path / "p.npz", 10)


def test_a_header_that_is_cut_short(tmp_path: Path) -> None:
    save_poses(tmp_path / "good.npz", some_poses(10), np.zeros(10, np.int32))
    with zipfile.ZipFile(tmp_path / "good.npz") as good, zipfile.ZipFile(tmp_path / "p.npz", "w") as bad:
        for info in good.infolist():
            bad.writestr(info.filename, good.read(info).replace(b"), }", b", , "))
    with pytest.raises(PackInvalid):
        load_poses(tmp_path / "p.npz", 10)


def test_text_named_npz(tmp_path: Path) -> None:
    (tmp_path / "p.npz").write_text("hello")
    with pytest.raises(PackInvalid):
        load_poses(tmp_path / "p.npz", 10)
