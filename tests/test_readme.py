"""What the README says can be typed, typed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from core.bundled import dances
from core.video.reader import VideoReader
from tests.conftest import PROJECT
from tests.media import frames_of, write_video
from tests.waiting import PATIENCE

README = (PROJECT / "README.md").read_text()
PAGES = sorted(
    [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", PROJECT / "SECURITY.md", *(PROJECT / "docs").glob("*.md")]
)
WORDS = "".join(page.read_text() for page in PAGES)
SHORTER = {"transfer": ["--end", "0.4"], "compare": ["--end", "0.4"], "train": ["--size", "64"]}
SHORTER["evaluate"] = ["--target", "me", "--split", "all"]
"""What the README's words mean takes longer than a test may: a later option wins over the same one before. The one second of
``me`` is judged in place of Theo's held-out minute."""
INSTEAD = {"--minutes 10": "--epochs 30"}
"""Minutes would be fewer rounds on a slower computer, and a network that draws nobody yet is not taken in elsewhere."""


def commands() -> list[list[str]]:
    """The lines of the README that call the command line, optional words without their brackets."""
    lines = re.findall(r"^    python -m core (.+)$", README, re.MULTILINE)
    for words, others in INSTEAD.items():
        lines = [line.replace(words, others) for line in lines]
    return [shlex.split(line.replace("[", "").replace("]", "")) for line in lines]


def test_every_command_of_the_readme_works_in_its_order(tmp_path: Path) -> None:
    dance = dances.find("omar-street")
    assert dance is not None
    with VideoReader(dance, start=1, end=2) as reader:
        pictures = [frame.image for frame in reader]
    clip = write_video(tmp_path / "dance.mp4", pictures)
    cv2.imwrite(str(tmp_path / "me.jpg"), pictures[0][..., ::-1])
    (tmp_path / "me.mp4").write_bytes(clip.read_bytes())
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    environment |= {"DANCE_DATA": str(tmp_path / "data"), "DANCE_CACHE": str(tmp_path / "cache")}
    typed = commands()
    assert len(typed) >= 6
    for words in typed:
        short = SHORTER.get(words[0], []) if "dance.mp4" not in words else []
        if words[:2] == ["target", "import"]:
            # somewhere else, as a person who was sent the file would
            environment["DANCE_DATA"] = str(tmp_path / "elsewhere")
        done = subprocess.run(
            [sys.executable, "-m", "core", *words, *short],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stderr)
    assert len(frames_of(tmp_path / "theo.mp4")) == 10
    assert (tmp_path / "report.json").is_file()
    assert len(frames_of(tmp_path / "compared.mp4")) == 10


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:core|scripts|assets|weights|benchmarks)/[\w./-]+)`", WORDS)))
)
def test_every_path_of_the_readme_is_there(path: str) -> None:
    assert (PROJECT / path).exists()


def test_the_moving_picture_is_there_and_moves() -> None:
    from PIL import Image

    picture = re.search(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert picture is not None
    with Image.open(PROJECT / picture[1]) as image:
        assert getattr(image, "n_frames", 1) > 20
