"""How long a training will take, found out by a real one of a few seconds."""

from __future__ import annotations

from pathlib import Path
from time import monotonic, sleep

import pytest

from core import paths
from core.plan import Pace, Planner
from core.ui.estimate import estimate

PATIENCE = 120.0
PACE = Pace("realtime", "2 processors", cutting=0.05, preparing=0.01, learning=20.0)


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANCE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DANCE_CACHE", str(tmp_path / "cache"))
    if not paths.BUNDLED_PERFORMERS.is_dir():
        pytest.skip("the bundled performers are not here")


def tried(planner: Planner, generator: str) -> Pace | None:
    planner.pace(generator)
    end = monotonic() + PATIENCE
    while planner.trying:
        assert monotonic() < end, "the trial does not end"
        sleep(0.1)
    return planner.pace(generator)


def test_a_trial_learns_cuts_out_and_prepares(tmp_path: Path) -> None:
    with Planner() as planner:
        pace = tried(planner, "mlp")
        assert pace is not None
        assert pace.device
        assert 0.005 < pace.cutting < 3
        assert 0.0005 < pace.preparing < 1
        assert 2 < pace.learning < 50_000
        began = monotonic()
        assert planner.pace("mlp") == pace, "tried once"
        assert monotonic() - began < 0.1
    assert not (tmp_path / "data").exists(), "a trial keeps nothing"
    assert not (tmp_path / "cache" / "training").exists(), "and takes nobody's examples away"


def test_what_cannot_be_tried_is_not_told() -> None:
    with Planner() as planner:
        assert tried(planner, "no-such-generator") is None
        assert not planner.trying


def test_the_end_of_the_app_ends_a_trial() -> None:
    planner = Planner()
    assert planner.pace("realtime") is None
    sleep(0.5)
    began = monotonic()
    planner.close()
    while planner.trying:
        assert monotonic() - began < 10
        sleep(0.05)
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
