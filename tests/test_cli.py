from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core import dances
from core.targets.manifest import read_manifest
from core.video.reader import VideoReader
from tests.conftest import PROJECT
from tests.media import frames_of, sound_seconds
from tests.waiting import PATIENCE, until


def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """``python -m core WORDS`` as a person types it."""
    return subprocess.run(
        [sys.executable, "-m", "core", *map(str, words)],
        cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE, env=os.environ | environment, check=False,
    )  # fmt: skip


def one_sentence(text: str) -> bool:
    return text.startswith("Error: ") and text.count("\n") == 1 and text.rstrip().endswith(".")


def test_targets_as_json() -> None:
    done = run("targets", "--json")
    assert done.returncode == 0
    performers = {p["id"]: p for p in json.loads(done.stdout)}
    assert {"mira", "theo"} <= set(performers)
    mira = performers["mira"]
    assert set(mira) == {"id", "name", "generators", "size", "fps", "frames", "licence"}
    assert {"nearest", "nearest-frame"} <= set(mira["generators"])
    assert mira["size"] == [512, 512]
    assert mira["frames"] > 100


def test_a_transfer_with_a_report(tmp_path: Path) -> None:
    output, report = tmp_path / "out.mp4", tmp_path / "report.json"
    done = run(
        "transfer", "omar-street", "--target", "theo", "--generator", "nearest", "--output", output, "--report", report,
        "--start", "1", "--end", "2", "--layout", "side-by-side", "--background", "#102030", "--person", "left",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    numbers = json.loads(report.read_text())
    assert {
        "frames_in", "frames_out", "frames_with_pose", "source_fps", "seconds", "fps", "fps_steady", "peak_rss_mb", "stages",
    } <= set(numbers)  # fmt: skip
    assert numbers["frames_out"] == len(frames_of(output)) == 25
    assert numbers["source_fps"] == 25
    assert 50 < numbers["peak_rss_mb"] < 690
    assert set(numbers["stages"]["pose"]) == {"p50", "p95", "seconds"}
    assert sound_seconds(output) == pytest.approx(1.0, abs=0.05)


def test_a_comparison_with_a_report(tmp_path: Path) -> None:
    output, report = tmp_path / "out.mp4", tmp_path / "report.json"
    done = run(
        "compare", "omar-street", "--target", "theo", "--generator", "nearest", "--generator", "nearest-frame",
        "--output", output, "--report", report, "--start", "1", "--end", "2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    numbers = json.loads(report.read_text())
    assert numbers["generators"] == ["nearest", "nearest-frame"]
    assert {"generate nearest", "generate nearest-frame"} <= set(numbers["stages"])
    assert len(frames_of(output)) == 25
    assert sound_seconds(output) == pytest.approx(1.0, abs=0.05)


def test_one_generator_is_no_comparison(tmp_path: Path) -> None:
    done = run("compare", "omar-street", "--target", "theo", "--generator", "nearest", "--output", tmp_path / "out.mp4")
    assert done.returncode == 2
    assert one_sentence(done.stderr)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["missing.mp4", "--target", "theo"], "missing.mp4"),
        (["text.mp4", "--target", "theo"], "text.mp4"),
        (["omar-street", "--target", "nobody"], "mira"),
        (["omar-street", "--target", "theo", "--generator", "dream"], "nearest"),
        (["omar-street", "--target", "theo", "--layout", "cube"], "triptych"),
        (["omar-street", "--target", "theo", "--background", "plaid"], "stage"),
        (["omar-street", "--target", "theo", "--person", "tallest"], "largest"),
        (["omar-street", "--target", "theo", "--start", "3", "--end", "2"], "end"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_status_2(tmp_path: Path, words: list[str], expected: str) -> None:
    (tmp_path / "text.mp4").write_text("only words")
    source = tmp_path / words[0] if words[0].endswith(".mp4") else words[0]
    done = run("transfer", source, *words[1:], "--output", tmp_path / "out.mp4")
    assert done.returncode == 2, done.stderr
    assert one_sentence(done.stderr), done.stderr
    assert expected in done.stderr
    assert not (tmp_path / "out.mp4").exists()


def test_a_place_that_cannot_be_written_to_is_not_status_0(tmp_path: Path) -> None:
    done = run("transfer", "omar-street", "--target", "theo", "--end", "0.2", "--output", tmp_path / "no" / "out.mp4")
    assert done.returncode not in {0}
    assert one_sentence(done.stderr), done.stderr


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="polite kills are a Unix thing")
def test_a_polite_kill_leaves_nothing_half_written(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "core", "transfer", "omar-street", "--target", "theo", "--end", "6",
         "--output", str(tmp_path / "out.mp4")],
        cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    until(lambda: process.poll() is not None or list(tmp_path.iterdir()), what="something half-written")
    process.terminate()
    process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert list(tmp_path.iterdir()) == []


def test_build_export_import_and_dance(tmp_path: Path) -> None:
    dance = dances.find("june-sway")
    assert dance is not None
    from tests.media import write_video

    with VideoReader(dance, start=1, end=2.6) as reader:
        clip = write_video(tmp_path / "me.mp4", [frame.image for frame in reader])
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    built = run("target", "build", clip, clip, "--id", "me", "--name", "Me", "--consent", DANCE_DATA=first)
    assert built.returncode == 0, built.stderr
    zipped = tmp_path / "me.zip"
    assert run("target", "export", "me", zipped, DANCE_DATA=first).returncode == 0
    assert run("target", "import", zipped, DANCE_DATA=second).returncode == 0
    manifest = read_manifest(tmp_path / "second" / "performers" / "me")
    assert manifest.consent is True
    assert manifest.frames == 80, "both videos"
    again = run("target", "import", zipped, DANCE_DATA=second)
    assert again.returncode == 2
    assert one_sentence(again.stderr)
    out = tmp_path / "out.mp4"
    danced = run("transfer", "omar-street", "--target", "me", "--end", "0.4", "--output", out, DANCE_DATA=second)
    assert danced.returncode == 0, danced.stderr
    assert len(frames_of(out)) == 10


def test_a_zip_that_climbs_out_is_refused(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../evil.txt", "boo")
    done = run("target", "import", tmp_path / "evil.zip", DANCE_DATA=str(tmp_path / "data"))
    assert done.returncode == 2
    assert one_sentence(done.stderr)
    assert not (tmp_path / "evil.txt").exists()


def test_serving_never_imports_torch_or_streamlit() -> None:
    code = (
        "import sys, core.cli, core.transfer, core.generators.registry, core.jobs\n"
        "from core.generators.registry import list_generators; list_generators()\n"
        "print([m for m in ('torch', 'torchvision', 'streamlit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
