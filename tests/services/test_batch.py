"""A folder of videos: all done once, whatever is killed on the way, and what failed is named."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from core.bundled import dances
from core.errors import UnusableInput
from core.services.batch import CONTACT_SHEET, SUMMARY, parse_engine, transfer_all
from core.video.probe import probe
from tests.conftest import PROJECT

ASKED = ("--target=theo", "--generator=nearest-frame", "--end=0.2")


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    folder = tmp_path / "videos"
    folder.mkdir()
    dance = dances.find("june-sway")
    assert dance is not None
    for name in ("first.mp4", "=second.mov"):
        shutil.copyfile(dance, folder / name)
    (folder / "broken.mp4").write_bytes(b"no video")
    (folder / "notes.txt").write_text("no video either")
    return folder


def rows(output: Path) -> list[dict[str, str]]:
    with (output / SUMMARY).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Killer(threading.Thread):
    """Kills the first transfer that works for a moment."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.killed: str | None = None
        self.begun: list[str] = []

    def run(self) -> None:
        seen: set[int] = set()
        until = time.monotonic() + 600
        while time.monotonic() < until:
            for child in psutil.Process().children():
                try:
                    command = child.cmdline()
                    if "transfer" not in command:
                        continue
                    if child.pid not in seen:
                        seen.add(child.pid)
                        self.begun.append(Path(command[-1]).name)
                    if self.killed is None and "broken" not in command[-1] and child.cpu_times().user > 0.3:
                        self.killed = Path(command[-1]).name
                        child.kill()
                except psutil.Error:
                    continue
            time.sleep(0.02)


def test_a_killed_transfer_is_done_again_and_none_twice(videos: Path, tmp_path: Path) -> None:
    output, killer = tmp_path / "results", Killer()
    killer.start()
    found = {outcome.video: outcome for outcome in transfer_all(videos, output, ASKED, workers=2)}

    assert {name: outcome.state for name, outcome in found.items()} == {
        "=second.mov": "done", "broken.mp4": "failed", "first.mp4": "done",
    }  # fmt: skip
    assert found["broken.mp4"].error == "broken.mp4 is not a video that can be read."
    assert killer.killed is not None
    assert {name: killer.begun.count(name) for name in found} == {name: 1 + (name == killer.killed) for name in found}
    for name, result in (("first.mp4", "first.mp4"), ("=second.mov", "=second.mp4")):
        assert probe(output / result).codec == "h264"
        assert found[name].tries == 1 + (name == killer.killed)
        assert found[name].frames == json.loads((output / result).with_suffix(".json").read_text())["frames_out"] > 0
    assert [row["video"] for row in rows(output)] == ["'=second.mov", "broken.mp4", "first.mp4"]
    assert [row["error"] for row in rows(output)] == ["", "broken.mp4 is not a video that can be read.", ""]
    with Image.open(output / CONTACT_SHEET) as sheet:
        assert sheet.size == (3 * 240, 240)
    assert {path.suffix for path in output.iterdir()} == {".mp4", ".json", ".csv", ".jpg"}, "something was left"

    again = {outcome.video: outcome.state for outcome in transfer_all(videos, output, ASKED)}
    assert again == {"=second.mov": "kept", "broken.mp4": "failed", "first.mp4": "kept"}
    assert killer.begun.count("first.mp4") + killer.begun.count("=second.mov") == 3


@pytest.mark.parametrize("make", ["nothing", "empty", "itself"])
def test_a_folder_that_cannot_be_danced(tmp_path: Path, make: str) -> None:
    folder = tmp_path / "videos"
    if make != "nothing":
        folder.mkdir()
    if make == "itself":
        (folder / "a.mp4").write_bytes(b"")
    output = folder if make == "itself" else tmp_path / "results"
    with pytest.raises(UnusableInput, match=r"folder|no video"):
        transfer_all(folder, output, ASKED)
    assert not (tmp_path / "results").exists()


def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "broken.mp4").write_bytes(b"no video")
    done = subprocess.run(
        [sys.executable, "-m", "core", "transfer-all", str(tmp_path / "videos"), "--target", "theo", "--output", "results"],
        cwd=tmp_path, env={"PYTHONPATH": str(PROJECT), "DANCE_DATA": str(tmp_path / "data"), "PATH": ""},
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert done.stderr == "broken.mp4: broken.mp4 is not a video that can be read.\n"
    assert done.stdout == "results: 0 done, 0 kept, 1 failed; summary.csv names each.\n"
    assert done.returncode == 1


def test_engines() -> None:
    assert parse_engine("local") == "local"
    with pytest.raises(UnusableInput, match="local or ray"):
        parse_engine("cloud")
    if importlib.util.find_spec("ray") is None:
        with pytest.raises(UnusableInput, match="requirements-ray"):
            parse_engine("ray")


@pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="RAY IS NOT INSTALLED: the Ray engine is not tested here"
)
def test_ray(videos: Path, tmp_path: Path) -> None:
    found = {
        outcome.video: outcome.state for outcome in transfer_all(videos, tmp_path / "results", ASKED, engine="ray")
    }
    assert found == {"=second.mov": "done", "broken.mp4": "failed", "first.mp4": "done"}
