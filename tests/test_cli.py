from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.reports.files import make_slow_motion
from core.bundled import dances
from core.targets.manifest import read_manifest
from core.video.provenance import inspect
from core.video.reader import VideoReader
from tests.conftest import PROJECT
from tests.media import frames_of, sound_seconds, write_video
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
    assert set(numbers["stages"]["pose"]) == {"p10", "p50", "p95", "seconds"}
    assert sound_seconds(output) == pytest.approx(1.0, abs=0.05)


def test_what_creators_ask_for_comes_out_of_one_command(tmp_path: Path) -> None:
    """A GIF of another shape with a label, the poster and the motion beside it; and all that cannot be is one sentence."""
    made, poster, motion = tmp_path / "out.gif", tmp_path / "poster.jpg", tmp_path / "motion.bvh"
    words = ["transfer", "omar-street", "--target", "theo", "--generator", "nearest", "--start", "1", "--end", "1.5"]
    done = run(*words, "--output", made, "--shape", "9:16", "--label", "--poster", poster, "--motion", motion)
    assert done.returncode == 0, done.stderr
    pictures = frames_of(made)
    assert len(pictures) == 13
    assert pictures[0].shape[1] / pictures[0].shape[0] == pytest.approx(9 / 16, abs=0.01)
    assert pictures[0][-40:, -120:].max() > 200 > pictures[0][-300:-100].max(axis=2).mean()
    assert inspect(made).synthetic
    assert inspect(poster).synthetic
    assert motion.read_text().startswith("HIERARCHY")

    refusals: tuple[tuple[list[str | Path], str], ...] = (
        (["--output", tmp_path / "a.mp4", "--background", "transparent"], "cannot be transparent"),
        (["--output", tmp_path / "a.avi"], ".mp4, .webm"),
        (["--output", tmp_path / "a.mp4", "--shape", "4:3"], "9:16, 1:1, 16:9"),
        (["--output", tmp_path / "a.mp4", "--shape", "1:1", "--layout", "triptych"], "performer alone"),
        (["--output", tmp_path / "a.webm", "--background", "transparent", "--layout", "triptych"], "performer alone"),
        (["--output", tmp_path / "a.mp4", "--poster", tmp_path / "a.bmp"], ".jpg"),
        (["--output", tmp_path / "a.mp4", "--motion", tmp_path / "a.fbx"], ".bvh or .json"),
        (
            ["--output", tmp_path / "a.zip", "--motion", tmp_path / "b.bvh", "--poster", tmp_path / "no" / "a.jpg"],
            "folder",
        ),
    )
    for wrong, said in refusals:
        refused = run(*words, *wrong)
        assert refused.returncode == 2, (wrong, refused.stderr)
        assert one_sentence(refused.stderr), refused.stderr
        assert said in refused.stderr
    assert {p.name for p in tmp_path.glob("*.*")} == {"out.gif", "poster.jpg", "motion.bvh"}


def test_of_slow_motion_no_more_is_made_than_is_asked_for(tmp_path: Path) -> None:
    """60 pictures a second unless told; it lasts as long as before, and that is said."""
    slow, output = tmp_path / "slow.mp4", tmp_path / "out.mp4"
    make_slow_motion(slow, rate=120, seconds=0.5)
    said = "slow.mp4 has 120 pictures a second, of which {} are made: --fps source makes all.\n"

    for options, frames, sentence in (
        ([], 30, said.format(60)),
        (["--fps", "30"], 15, said.format(30)),
        (["--fps", "source"], 60, ""),
    ):
        done = run("transfer", slow, "--target", "theo", "--generator", "nearest", "--output", output, *options)
        assert done.returncode == 0, done.stderr
        assert done.stderr == sentence
        assert len(frames_of(output)) == frames
        assert sound_seconds(output) == pytest.approx(0.5, abs=0.05)


def test_whoever_comes_later_is_followed(tmp_path: Path) -> None:
    dance = dances.find("omar-street")
    assert dance is not None
    with VideoReader(dance, start=1, end=2) as reader:
        alone = [frame.image for frame in reader]
    # the one on the right is there from the tenth frame on
    empty = np.full_like(alone[0], 120)
    pictures = [np.hstack([one, one[:, ::-1] if i >= 10 else empty]) for i, one in enumerate(alone)]
    clip, report = write_video(tmp_path / "later.mp4", pictures), tmp_path / "report.json"
    done = run(
        "transfer", clip, "--target", "theo", "--generator", "nearest", "--output", tmp_path / "out.mp4",
        "--report", report, "--person", "right", "--person-at", "0.8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    numbers = json.loads(report.read_text())
    assert numbers["frames_in"] == 25
    assert numbers["frames_with_pose"] == pytest.approx(15, abs=2)


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
        (["omar-street", "--target", "theo", "--person", "2", "--person-at", "1"], "one person is in view"),
        (["omar-street", "--target", "theo", "--person-at", "99"], "ends before 99 s"),
        (["omar-street", "--target", "theo", "--start", "3", "--end", "2"], "end"),
        (["omar-street", "--target", "theo", "--fps", "24"], "30, 60 or source"),
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


def dancing(output: Path) -> subprocess.Popen[str]:
    """A transfer that is in the middle of writing its video."""
    process = subprocess.Popen(
        [sys.executable, "-m", "core", "transfer", "omar-street", "--target", "theo", "--generator", "nearest",
         "--end", "6", "--output", str(output)],
        cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: process.poll() is not None or parts_of(process, output.parent), what="something half-written")
    return process


def parts_of(process: subprocess.Popen[str], folder: Path) -> list[Path]:
    return list(folder.glob(f".*.{process.pid}-*.part"))


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="polite kills are a Unix thing")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_polite_kill_leaves_nothing_half_written(tmp_path: Path, name: str) -> None:
    number = signal.Signals[name]
    process = dancing(tmp_path / "out.mp4")
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE)
    if process.returncode == 0:
        pytest.skip("this computer was faster than the signal")
    assert process.returncode == 128 + number
    assert said == "Stopped: nothing was written.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills are a Unix thing")
def test_what_a_killed_transfer_left_is_swept_by_the_next(tmp_path: Path) -> None:
    killed = dancing(tmp_path / "out.mp4")
    (left,) = parts_of(killed, tmp_path)
    killed.kill()
    killed.communicate(timeout=PATIENCE)
    assert left.exists()
    (tmp_path / ".mine.part").write_text("mine")
    done = run(
        "transfer",
        "omar-street",
        "--target",
        "theo",
        "--generator",
        "nearest",
        "--end",
        "0.2",
        "--output",
        tmp_path / "b.mp4",
    )
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == [".mine.part", "b.mp4"]


OK = ("--target", "theo", "--generator", "nearest", "--end", "0.2")


def test_outputs_are_looked_at_before_the_work(tmp_path: Path) -> None:
    """One of each kind through the command line; ``tests.utils.test_output_files`` has the others."""
    source, picture = tmp_path / "me.mp4", tmp_path / "wall.png"
    dance = dances.find("omar-street")
    assert dance is not None
    source.write_bytes(dance.read_bytes())
    picture.write_bytes((PROJECT / "assets/performers/theo/plate.png").read_bytes())
    (tmp_path / "link.mp4").symlink_to(source)
    os.mkfifo(tmp_path / "pipe")
    fine = tmp_path / "out.mp4"
    own = PROJECT / "assets/performers/theo/frames.mp4"
    before = {path: path.read_bytes() for path in (source, picture, own)}
    refused: tuple[tuple[list[str | Path], str], ...] = (
        (["transfer", source, *OK, "--output", tmp_path / "link.mp4"], "lost"),
        (["transfer", source, *OK, "--output", picture, "--background", picture], "lost"),
        (["transfer", source, *OK, "--output", own], "lost"),
        (["transfer", source, *OK, "--output", tmp_path / "pipe"], "pipe"),
        (["transfer", source, *OK, "--output", tmp_path / ("a" * 300)], "longer"),
        (["transfer", source, *OK, "--output", fine, "--report", fine], "one file"),
        (["transfer", source, *OK, "--output", fine, "--report", tmp_path / "no" / "r.json"], "no folder"),
        (["transfer", source, *OK, "--output", fine, "--report", source], "lost"),
        (["compare", source, "--target", "theo", "--output", source], "lost"),
        (["target", "export", "theo", own], "lost"),
        (["target", "export", "theo", tmp_path / "pipe"], "pipe"),
    )
    for words, expected in refused:
        done = run(*words)
        assert done.returncode == 2, (words, done.stderr)
        assert one_sentence(done.stderr), done.stderr
        assert expected in done.stderr
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.mp4", "me.mp4", "pipe", "wall.png"]


@pytest.mark.parametrize(
    "words",
    [
        ["--start", "nan"],
        ["--start", "inf"],
        ["--start", "-1"],
        ["--end", "inf"],
        ["--end", "nan"],
        ["--end", "1e308"],
        ["--end", "soon"],
        ["--person", "9" * 5000],
        ["--person-at", "nan"],
        ["--person-at", "-1"],
        ["--background", "b" * 300],
    ],
)
def test_numbers_and_names_are_bounded(tmp_path: Path, words: list[str]) -> None:
    done = run("transfer", "omar-street", "--target", "theo", "--output", tmp_path / "out.mp4", *words)
    assert done.returncode == 2, done.stderr
    assert one_sentence(done.stderr), done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words", [[], ["nothing"], ["transfer"], ["transfer", "a", "--what"], ["target", "build", "x"]]
)
def test_what_was_typed_wrong_is_one_sentence_too(words: list[str]) -> None:
    done = run(*words)
    assert done.returncode == 2
    if words:
        assert one_sentence(done.stderr), done.stderr
    else:
        assert "transfer" in done.stdout + done.stderr, "the help"


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
        "import sys, core.cli, core.transfer, core.generators.registry, core.services.job_queue\n"
        "from core.generators.registry import list_generators; list_generators()\n"
        "print([m for m in ('torch', 'torchvision', 'streamlit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
