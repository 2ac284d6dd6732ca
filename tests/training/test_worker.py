"""What a training does when its loss is no number any more; the rest is in tests/services/test_training_service.py."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core import paths
from core.errors import DanceError
from core.generators.registry import create_generator
from core.services.training_runs import TrainingRun, curve
from core.targets.store import load_target
from core.training.recipes import RECIPES
from core.training.worker import _Commands, train_beside
from core.types import Frame
from tests.puppets import SMALL, dance, make_puppet

ABSURD = replace(SMALL, rate=1e38)
"""With so large steps every weight is infinite after a few."""


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "mlp-se", SMALL)
    make_puppet(paths.user_performers())


@pytest.fixture
def commands() -> Iterator[_Commands]:
    """From a server that says nothing."""
    heard, said = os.pipe()
    with os.fdopen(heard) as source, os.fdopen(said, "w"):
        yield _Commands(source)


def beside(commands: _Commands, minutes: float) -> tuple[TrainingRun, list[tuple[str, dict[str, Any]]]]:
    """A training and all that it told."""
    record = TrainingRun(target="puppet", generator="mlp-se", minutes=minutes, device="cpu")
    record.save()
    told: list[tuple[str, dict[str, Any]]] = []
    train_beside(record, commands, lambda kind, **of: told.append((kind, of)))
    return record, told


def drawn() -> Frame:
    with load_target("puppet") as target:
        return create_generator("mlp-se", target).generate(dance(9)[8], None).image


def test_a_loss_that_is_no_number_from_the_start(commands: _Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "mlp-se", ABSURD)
    with pytest.raises(DanceError, match=r"no number from the start: nothing was learnt, nothing is changed\.$"):
        beside(commands, 1.0)
    with load_target("puppet") as target:
        assert "mlp-se" not in target.manifest.generator_names()


def test_a_loss_that_diverges_later_keeps_what_was_best(commands: _Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    record, told = beside(commands, 0.02)
    assert told[-1][0] == "done"
    assert told[-1][1]["error"] is None
    good, rounds = drawn(), len(curve(record.folder))
    monkeypatch.setitem(RECIPES, "mlp-se", ABSURD)
    record, told = beside(commands, 1.0)
    kind, of = told[-1]
    assert kind == "done"
    assert "the loss was no number any more" in of["error"]
    assert of["held_out"] is not None
    assert len(curve(record.folder)) == rounds
    np.testing.assert_array_equal(drawn(), good)
