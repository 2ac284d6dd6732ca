"""The bundled pose model: what the script writes, and that the installed mediapipe can use it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from mediapipe.tasks.python import BaseOptions, vision

from core.paths import POSE_MODEL
from scripts import make_pose_model


def data_offset(path: Path, entry: zipfile.ZipInfo) -> int:
    """Where the stored bytes of a member start in the file."""
    header = path.read_bytes()[entry.header_offset :][:30]
    return entry.header_offset + 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")


def test_bundle_is_stored_aligned_and_reproducible(tmp_path: Path) -> None:
    models = {"a.tflite": b"first" * 7, "a_longer_name.tflite": b"second" * 11}
    one, two = tmp_path / "one.task", tmp_path / "two.task"
    make_pose_model.write_bundle(models, one)
    make_pose_model.write_bundle(models, two)
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as archive:
        assert {entry.filename: archive.read(entry) for entry in archive.infolist()} == models
        assert [data_offset(one, entry) % make_pose_model.ALIGNMENT for entry in archive.infolist()] == [0, 0]
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


def test_bundled_model_is_what_the_script_writes() -> None:
    with zipfile.ZipFile(POSE_MODEL) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == [network.bundled_as for network in make_pose_model.NETWORKS]
    assert all(entry.date_time == make_pose_model.ZIP_EPOCH for entry in entries)
    assert all(data_offset(POSE_MODEL, entry) % make_pose_model.ALIGNMENT == 0 for entry in entries)


def test_installed_mediapipe_loads_it_without_copying(capfd: pytest.CaptureFixture[str]) -> None:
    options = vision.PoseLandmarkerOptions(base_options=BaseOptions(model_asset_path=str(POSE_MODEL)))
    vision.PoseLandmarker.create_from_options(options).close()
    assert "unaligned buffer" not in capfd.readouterr().err
