"""Clips as people upload them, danced by both bundled performers, in files and live: where they come to stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.reports.case import Case
from benchmarks.reports.placing import CASES


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_clip_comes_out_as_it_should(case: Case, tmp_path: Path) -> None:
    clip = tmp_path / case.name
    case.make(clip)
    outcome = case.judge(clip)
    assert outcome.right, f"asked {case.asked}; came out {outcome.found}"
