"""How long a training will take, found out by a real one of a few seconds."""

from __future__ import annotations

import math
from pathlib import Path

import psutil
import pytest

from core import paths
from core.services import training_estimate
from core.services.training_estimate import Throughput, TrainingEstimator
from core.ui.estimate import estimate
from tests.waiting import PATIENCE, until

PACE = Throughput("realtime", "2 processors", cutting=0.05, preparing=0.01, learning=20.0)


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANCE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DANCE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(training_estimate, "TRIAL_SECONDS", PATIENCE)
    if not paths.BUNDLED_PERFORMERS.is_dir():
        pytest.skip("the bundled performers are not here")


def tried(planner: TrainingEstimator, generator: str) -> Throughput | None:
    planner.pace(generator)
    until(lambda: not planner.trying, 2 * PATIENCE, what="the end of the trial")
    return planner.pace(generator)


def test_a_trial_learns_cuts_out_and_prepares(tmp_path: Path) -> None:
    with TrainingEstimator() as planner:
        pace = tried(planner, "mlp")
        assert pace is not None
        assert pace.device
        for found in (pace.cutting, pace.preparing, pace.learning):
            assert 0 < found < math.inf
        assert planner.pace("mlp") == pace
        assert not planner.trying, "tried once"
    assert not (tmp_path / "data").exists(), "a trial keeps nothing"
    assert not (tmp_path / "cache" / "training").exists(), "and takes nobody's examples away"


def test_what_cannot_be_tried_is_not_told() -> None:
    with TrainingEstimator() as planner:
        assert tried(planner, "no-such-generator") is None
        assert not planner.trying


def test_the_end_of_the_app_ends_a_trial() -> None:
    planner = TrainingEstimator()
    assert planner.pace("realtime") is None
    until(lambda: psutil.Process().children(), what="the trial's process")
    planner.close()
    until(lambda: not planner.trying, what="the end of the trial")
    assert planner.pace("realtime") is None, "it was not let finish"
    assert planner.pace("unet") is None
    assert not planner.trying


def test_minutes_in_words() -> None:
    assert PACE.ready_after(1500, 15) == pytest.approx(990)
    assert PACE.rounds(1500, 15) == pytest.approx(15)
    told = estimate(PACE, 15, 1500)
    assert "2 processors" in told
    assert "16" in told or "17" in told
    assert "15 times" in told
    assert "not even once" in estimate(PACE, 0.5, 15_000)
