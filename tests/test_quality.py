"""The quality benchmark, on a few moments of footage that know their own answer."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import machine, quality, strips, worst
from core import paths
from core.bundled.dances import Dance
from core.errors import UnusableInput
from core.evaluation.flaws import PART_STEP
from core.pose import skeleton
from core.targets.store import Target, load_target
from tests.media import write_video

# from all over the footage, or the dancer's build could not be told from so few
FRAMES = range(20, 590, 38)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(machine, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


def write_answer(theo: Target, folder: Path, dance: str) -> None:
    """Theo dancing as Theo did: the answer is the footage."""
    masks = theo.masks
    stem = f"theo_{dance}"
    write_video(folder / f"{stem}.mp4", [theo.frames[i] for i in FRAMES], rate=2)
    write_video(folder / f"{stem}_mask.mp4", [cv2.merge([masks[i]] * 3) for i in FRAMES], rate=2)
    xy = theo.poses[list(FRAMES)][:, list(skeleton.JOINTS), :2]
    (folder / f"{stem}_joints.json").write_text(json.dumps({"xy": np.round(xy, 2).tolist(), "fps": 25}))


def run(monkeypatch: pytest.MonkeyPatch, results: Path, *words: str | Path) -> list[dict[str, str]]:
    monkeypatch.setattr(sys, "argv", ["quality", *map(str, words)])
    quality.main()
    with (results / "quality.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_transfer_with_a_known_answer(
    tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with load_target("theo") as theo:
        write_answer(theo, tmp_path, "short")
    dance = Dance("short", "Short", tmp_path / "theo_short.mp4", tmp_path / "short.webp")
    monkeypatch.setattr(quality, "list_dances", lambda: [dance])
    rows = run(
        monkeypatch, results, "--generators", "nearest-frame", "small-net", "--parts", "answers", "source",
        "--answers", tmp_path,
    )  # fmt: skip
    said = capsys.readouterr().out
    assert "mira_short.mp4 is not in" in said
    assert "--source is not given" in said
    assert "small-net" in said, "a generator that does not exist for this performer is passed over with a word"
    answer, nearest = rows
    assert (answer["generator"], nearest["generator"], nearest["source"]) == ("answer", "nearest-frame", "short")
    assert float(answer["l1_seed"]) == 0.0
    assert float(answer["akd"]) < 4.0
    assert 0.0 < float(nearest["l1_seed"]) < 0.06
    assert float(nearest["akd"]) < 3.0, "the frames themselves are in the memory"
    assert 0.4 < float(nearest["person_ssim"]) < 1.0
    assert float(nearest["akd_asked"]) < 5.0, "retargeting half a second onto oneself changes little"
    assert float(nearest["akd_known"]) < 6.0
    assert float(nearest["tof"]) > 0.0
    assert answer["cpu"] == nearest["cpu"] != ""


def test_a_source_without_an_answer(tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with load_target("theo") as theo:
        clip = write_video(tmp_path / "clip.mp4", [theo.frames[i] for i in FRAMES], rate=2)
    rows = run(
        monkeypatch, results, "--targets", "mira", "--generators", "nearest", "--parts", "source", "--source", clip,
        "--label", "here",
    )  # fmt: skip
    (row,) = rows
    assert (row["label"], row["performer"], row["source"], row["frames"]) == ("here", "mira", "clip.mp4", "15")
    assert row["l1_seed"] == row["tof"] == ""
    assert 0.0 < float(row["akd"]) < 40.0
    assert 0.0 <= float(row["mkr"]) <= 1.0
    assert float(row["jitter"]) > 0.0


def test_strips_show_the_same_moments_of_every_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with load_target("theo") as theo:
        clip = write_video(tmp_path / "clip.mp4", [theo.frames[i] for i in FRAMES], rate=2)
        count = len(quality.names(theo))
    monkeypatch.setattr(sys, "argv", ["strips", "--only", "real-source", "--source", str(clip), "--out", str(tmp_path)])
    strips.main()
    strip = cv2.imread(str(tmp_path / "real-source.webp"))
    assert strip is not None
    assert strip.shape == (count * strips.TILE, strips.COLUMNS * strips.TILE, 3)
    rows = strip[:, strips.TILE :].reshape(count, strips.TILE, -1).astype(int)
    assert all(np.abs(row - rows[0]).mean() > 0.5 for row in rows[1:]), "each is another generator's"


def test_flaws_of_a_transfer_whose_answer_has_part_maps(
    tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with load_target("theo") as theo:
        write_answer(theo, tmp_path, "short")
        masks = [(theo.masks[i] >= 128).astype(np.uint8) * np.uint8(PART_STEP) for i in FRAMES]
    write_video(tmp_path / "theo_short_parts.mp4", [cv2.merge([mask] * 3) for mask in masks], rate=2)
    dance = Dance("short", "Short", tmp_path / "theo_short.mp4", tmp_path / "short.webp")
    monkeypatch.setattr(quality, "list_dances", lambda: [dance])
    monkeypatch.setattr(paths, "ANSWERS", tmp_path)
    words = ["--generators", "nearest-frame", "--parts", "flaws", "--every", "2", "--label", "now"]
    monkeypatch.setattr(sys, "argv", ["quality", *words])
    quality.main()
    assert "Of mira in short there is no answer with part maps" in capsys.readouterr().out
    with (results / "flaws.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["label"], row["performer"], row["source"], row["generator"]) == (
        "now",
        "theo",
        "short",
        "nearest-frame",
    )
    assert 0 <= float(row["extra"]) < 0.02
    assert 0 <= float(row["missing"]) < 0.02
    assert 0 < float(row["worst_patch"]) < 1
    assert float(row["pops"]) > 0.3
    assert row["cpu"]


def test_a_sheet_of_the_worst_frames_by_a_flaw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with load_target("theo") as theo:
        write_answer(theo, tmp_path, "short")
        frames = [theo.masks[i] for i in FRAMES]
    write_video(
        tmp_path / "theo_short_parts.mp4",
        [cv2.merge([(mask >= 128).astype(np.uint8) * np.uint8(PART_STEP)] * 3) for mask in frames],
        rate=2,
    )
    dance = Dance("short", "Short", tmp_path / "theo_short.mp4", tmp_path / "short.webp")
    monkeypatch.setattr(worst, "list_dances", lambda: [dance])
    monkeypatch.setattr(paths, "ANSWERS", tmp_path)
    words = ["short", "--target", "theo", "--generator", "nearest-frame", "--by", "worst_patch"]
    monkeypatch.setattr(sys, "argv", ["worst", *words, "--out", str(tmp_path / "sheet.webp")])
    worst.main()
    sheet = cv2.imread(str(tmp_path / "sheet.webp"))
    assert sheet is not None
    assert sheet.shape == (2 * 2 * worst.TILE, worst.COLUMNS * worst.TILE, 3), (
        "fifteen frames in two rows, answers below"
    )


def test_a_flaw_of_no_bundled_dance_says_so() -> None:
    with pytest.raises(UnusableInput, match="no bundled dance"):
        worst.by_flaw("nobody-knows", "theo", "realtime", "extra", Path("unused.webp"))
