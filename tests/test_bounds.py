"""Numbers from outside are finite and bounded before anything is made of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from core.bundled import dances
from core.errors import DanceError, UnusableInput
from core.generators.registry import create_generator
from core.networks.config import NetworkConfig
from core.pose.person_selection import parse_person
from core.services.training_runs import LONGEST_MINUTES, TrainingRun
from core.services.training_service import TrainingService
from core.settings import settings
from core.targets.store import load_target
from core.transfer import TransferOptions, transfer
from core.utils.parsing import check_number
from tests.puppets import small_config

NONE_AT_ALL = [math.nan, math.inf, -math.inf, -1.0, 1e308]


@pytest.mark.parametrize("value", NONE_AT_ALL)
def test_a_number_is_refused_in_one_sentence(value: float) -> None:
    with pytest.raises(UnusableInput, match=r"^The size is a number from 0 to 1000000, not \S+\.$"):
        check_number(value, 0, 1e6, "The size")
    check_number(0, 0, 1e6, "The size")
    check_number(1e6, 0, 1e6, "The size")


@pytest.mark.parametrize("value", NONE_AT_ALL)
def test_seconds_of_a_dance(tmp_path: Path, value: float) -> None:
    source = dances.find("june-sway")
    assert source is not None
    with load_target("theo") as target:
        generator = create_generator("nearest", target)
        for options in (TransferOptions(start=value), TransferOptions(end=value)):
            with pytest.raises(UnusableInput, match="second is a number"):
                transfer(source, target, generator, tmp_path / "out.mp4", options)
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("value", [*NONE_AT_ALL, 0.0])
def test_how_long_to_train(value: float) -> None:
    from core.training.trainer import TrainingBudget

    with pytest.raises(UnusableInput):
        TrainingBudget(minutes=value)
    with pytest.raises(ValidationError):
        TrainingRun(target="theo", generator="mlp", minutes=value)


@pytest.mark.parametrize("epochs", [0, -1, 10**12])
def test_how_often_to_go_through_the_footage(epochs: int) -> None:
    from core.training.trainer import TrainingBudget

    with pytest.raises(UnusableInput):
        TrainingBudget(epochs=epochs)


@pytest.mark.parametrize("given", [{"seed": -1}, {"seed": 2**64}, {"devices": 0}, {"machines": 10**9}, {"size": 10**9}])
def test_what_to_train(given: dict[str, Any]) -> None:
    from core.training.train import TrainingConfig

    with pytest.raises(UnusableInput):
        TrainingConfig("mlp", **given)


def test_a_training_goes_on_for_a_week_at_most() -> None:
    record = TrainingRun(target="nobody", generator="mlp", minutes=LONGEST_MINUTES - 1, state="stopped", created=1.0)
    record.save()
    with TrainingService() as studio:
        studio.resume(record.id, 10.0)
        kept = studio.find(record.id)
        assert kept is not None
        assert kept.minutes == LONGEST_MINUTES
        TrainingRun.model_validate_json(kept.model_dump_json())


@pytest.mark.parametrize("text", ["0", "100", "9" * 5000, "-1", "1.5", "١", "", " 1"])
def test_whom_to_follow(text: str) -> None:
    with pytest.raises(UnusableInput):
        parse_person(text)


@pytest.mark.parametrize("value", ["inf", "nan", "1e308", "-1", "0"])
@pytest.mark.parametrize("name", ["DANCE_MAX_SECONDS", "DANCE_RESULT_MINUTES"])
def test_settings(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    settings.cache_clear()
    try:
        with pytest.raises(DanceError, match=name):
            settings()
    finally:
        settings.cache_clear()


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e400"])
def test_a_network_from_elsewhere(value: str) -> None:
    text = small_config().to_json()
    for field in ("unit", "scale", "left"):
        start = text.index(f'"{field}":') + len(field) + 3
        end = min(text.index(mark, start) for mark in ",}\n" if mark in text[start:])
        with pytest.raises(ValidationError):
            NetworkConfig.model_validate_json(f"{text[:start]} {value}{text[end:]}")
