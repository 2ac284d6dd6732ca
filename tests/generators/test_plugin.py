"""Generators that installed packages bring: the example is installed as a package, and danced with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from examples.silhouette.dance_silhouette import COLOUR
from tests.conftest import PROJECT
from tests.media import frames_of
from tests.waiting import PATIENCE

BROKEN = "raise OSError('this package is broken')\n"
ENTRY_POINT = "[dance.generators]\nbroken = broken_package:register_generators\n"


def transfer(generator: str, output: Path, packages: Path) -> subprocess.CompletedProcess[str]:
    """Dance a few frames on the command line with those packages installed."""
    path = os.pathsep.join([str(PROJECT), str(packages)])
    words = [
        "transfer",
        "june-sway",
        "--target",
        "mira",
        "--end",
        "0.2",
        "--generator",
        generator,
        "--output",
        str(output),
    ]
    return subprocess.run(
        [sys.executable, "-m", "core", *words],
        cwd=output.parent, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def test_an_installed_package_brings_a_generator(tmp_path: Path) -> None:
    packages, video = tmp_path / "packages", tmp_path / "silhouette.mp4"
    example = tmp_path / "example"
    example.mkdir()
    for file in (PROJECT / "examples" / "silhouette").glob("*.*"):
        (example / file.name).write_bytes(file.read_bytes())
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", packages, example],
        check=True, timeout=PATIENCE,
    )  # fmt: skip
    done = transfer("silhouette", video, packages)
    assert done.returncode == 0, done.stderr
    for frame in frames_of(video):
        inside = (np.abs(frame.astype(int) - COLOUR) < 12).all(axis=-1)
        assert 0.02 < inside.mean() < 0.3
    assert transfer("silhouette", tmp_path / "not-installed.mp4", tmp_path).returncode == 2


def test_a_broken_package_leaves_the_others_alone(tmp_path: Path) -> None:
    (tmp_path / "broken_package.py").write_text(BROKEN)
    (tmp_path / "broken_package-1.dist-info").mkdir()
    (tmp_path / "broken_package-1.dist-info" / "entry_points.txt").write_text(ENTRY_POINT)
    (tmp_path / "broken_package-1.dist-info" / "METADATA").write_text("Name: broken_package\nVersion: 1\n")
    done = transfer("nearest", tmp_path / "still.mp4", tmp_path)
    assert done.returncode == 0, done.stderr
    assert frames_of(tmp_path / "still.mp4")
