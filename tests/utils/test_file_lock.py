"""One run is trained by one process, whoever started it; who is killed lets go."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.errors import OutputFailed, UnusableInput
from core.services.training_runs import CHECKPOINT, TrainingRun, claimed, is_claimed, run_id
from core.services.training_service import TrainingService
from core.targets.edit import rename_target
from core.utils.file_lock import alone, in_turn, is_taken
from tests.conftest import PROJECT
from tests.puppets import make_puppet
from tests.waiting import PATIENCE

HOLD = """
import sys, time
from core.services.training_runs import claimed
with claimed(sys.argv[1]):
    print("ready", flush=True)
    time.sleep(600)
"""


@contextmanager
def held_elsewhere(run: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that trains ``run``, as far as anybody can see."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, run], stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)


def test_a_lock_is_for_one_and_dies_with_its_holder() -> None:
    assert not is_claimed("anna-mlp-blocks")
    with held_elsewhere("anna-mlp-blocks") as holder:
        assert is_claimed("anna-mlp-blocks")
        assert not is_claimed("anna-mlp-all")
        with pytest.raises(UnusableInput, match="already"), claimed("anna-mlp-blocks"):
            pass
        holder.kill()
        holder.wait(PATIENCE)
        with claimed("anna-mlp-blocks"):
            assert is_claimed("anna-mlp-blocks")
    assert not is_claimed("anna-mlp-blocks")


def test_threads_of_one_process_are_told_apart() -> None:
    with alone("something", "Taken."):
        assert is_taken("something")
        with pytest.raises(UnusableInput, match=r"Taken\."), alone("something", "Taken."):
            pass
    with in_turn("something"):
        assert is_taken("something")


def test_where_no_lock_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DANCE_DATA", str(tmp_path / "file"))
    with pytest.raises(OutputFailed, match="written"), in_turn("something"):
        pass
    assert not is_taken("something")


def test_a_second_command_line_is_refused_and_touches_nothing(tmp_path: Path) -> None:
    run = run_id("theo", "mlp-se", "blocks")
    folder = Path(os.environ["DANCE_DATA"]) / "runs" / run
    folder.mkdir(parents=True)
    (folder / CHECKPOINT).write_text("what the first has learnt")
    with held_elsewhere(run):
        done = subprocess.run(
            [sys.executable, "-m", "core", "train", "--target", "theo", "--generator", "mlp-se", "--epochs", "1"],
            cwd=PROJECT, capture_output=True, text=True, check=False, env=os.environ | {"DANCE_CACHE": str(tmp_path / "c")},
        )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("Error: This is being trained already")
    assert done.stderr.count("\n") == 1
    assert (folder / CHECKPOINT).read_text() == "what the first has learnt"
    assert [p.name for p in folder.iterdir()] == [CHECKPOINT]


def test_the_app_leaves_what_a_command_line_trains() -> None:
    record = TrainingRun(target="theo", generator="mlp-se", minutes=1, state="interrupted", created=1.0)
    record.save()
    (record.folder / CHECKPOINT).write_text("what the other has learnt")
    with held_elsewhere(record.id), TrainingService() as studio:
        for attempt in (
            lambda: studio.start(record), lambda: studio.resume(record.id, 10.0), lambda: studio.forget(record.id),
        ):  # fmt: skip
            with pytest.raises(UnusableInput, match="already"):
                attempt()
        assert (record.folder / CHECKPOINT).read_text() == "what the other has learnt"


def test_a_manifest_is_changed_by_one_at_a_time(tmp_path: Path) -> None:
    """Two trainings of one performer that end together must not lose one of the two networks: the second waits its turn."""
    make_puppet(tmp_path / "performers", frames=6)
    with in_turn("performer-puppet"):
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys; from pathlib import Path; from core.targets.edit import rename_target\n"
                "print('asking', flush=True); rename_target('puppet', 'Anna', Path(sys.argv[1])); print('done', flush=True)",
                str(tmp_path / "performers"),
            ],
            stdout=subprocess.PIPE, text=True, cwd=PROJECT,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "asking\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
    assert process.stdout.readline() == "done\n"
    assert process.wait(PATIENCE) == 0
    rename_target("puppet", "Berta", tmp_path / "performers")
