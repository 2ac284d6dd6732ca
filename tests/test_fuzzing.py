"""A minute of ``python -m benchmarks.fuzzing`` at most: the same inputs each time."""

from __future__ import annotations

import pytest

from benchmarks.fuzzing import FUZZED, Fuzzed, fuzz
from core.errors import PackInvalid

COUNTS = {"manifest": 1000, "graph": 400, "pack": 150, "probe": 60}


@pytest.mark.parametrize("fuzzed", FUZZED, ids=lambda fuzzed: fuzzed.name)
def test_anything_is_taken_in_or_refused(fuzzed: Fuzzed) -> None:
    found = fuzz(fuzzed, COUNTS[fuzzed.name], fixed=True)
    assert found.total() >= COUNTS[fuzzed.name] // 2
    assert found["refused"] > 0


@pytest.mark.parametrize("error", [ValueError("broken"), PackInvalid("no sentence"), PackInvalid("two\nlines.")])
def test_what_is_wrong_would_be_seen(error: Exception) -> None:
    graph = next(fuzzed for fuzzed in FUZZED if fuzzed.name == "graph")

    def read(_: bytes) -> None:
        raise error

    with pytest.raises((ValueError, AssertionError)):
        fuzz(Fuzzed("broken", graph.inputs, read), 5, fixed=True)
