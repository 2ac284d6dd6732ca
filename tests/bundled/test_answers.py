"""The known answers that ship: what a perfect transfer of a bundled dance would give."""

from __future__ import annotations

import functools
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from core import paths
from core.bundled import dances
from core.bundled.answers import find_answer, find_parts
from core.evaluation.flaws import part_numbers
from core.targets.store import load_target
from core.types import Alpha
from core.video.reader import VideoReader
from tests.media import times_of

PERFORMERS = ("mira", "theo")
DANCES = ("june-sway", "lina-disco", "omar-street")
SEEN, SAME = 24, 4
"""Grey levels from which somebody stands there, and up to which the stage is empty."""


@functools.cache
def times(dance: str) -> list[Fraction]:
    video = dances.find(dance)
    assert video is not None
    return times_of(video)


def answer(performer: str, dance: str) -> Path:
    found = find_answer(performer, dance)
    assert found is not None
    return found


@pytest.mark.parametrize("dance", DANCES)
@pytest.mark.parametrize("performer", PERFORMERS)
def test_an_answer_keeps_the_time_of_its_dance_and_the_size_of_its_performer(performer: str, dance: str) -> None:
    video, danced = answer(performer, dance), dances.find(dance)
    assert danced is not None
    with VideoReader(video) as reader, VideoReader(danced) as source, load_target(performer) as target:
        assert reader.size == (target.width, target.height)
        assert reader.info.rate == source.info.rate
        assert reader.info.audio is None
    assert times_of(video) == times(dance)


@pytest.mark.parametrize("dance", DANCES)
@pytest.mark.parametrize("performer", PERFORMERS)
def test_an_answer_is_the_performers_own_stage_with_one_person_on_it(performer: str, dance: str) -> None:
    middle = float(times(dance)[len(times(dance)) // 2])
    with VideoReader(answer(performer, dance), start=middle) as reader, load_target(performer) as target:
        apart = np.asarray(cv2.absdiff(next(iter(reader)).image, target.plate)).max(axis=2)
    assert np.median(apart) <= SAME, "the stage is another one"
    assert 0.03 < largest(apart >= SEEN) < 0.3, "no person stands out from the stage"


@pytest.mark.parametrize("dance", DANCES)
@pytest.mark.parametrize("performer", PERFORMERS)
def test_the_part_map_of_an_answer_lies_over_its_person(performer: str, dance: str) -> None:
    video = answer(performer, dance)
    parts = find_parts(video)
    assert parts is not None
    assert times_of(parts) == times(dance)
    middle = float(times(dance)[len(times(dance)) // 2])
    with VideoReader(parts, start=middle) as maps, VideoReader(video, start=middle) as pictures:
        seen, picture = next(iter(maps)).image, next(iter(pictures)).image
    assert not np.any(seen % 32), "lossless: nothing between two parts"
    shown = part_numbers(seen)
    assert set(np.unique(shown)) <= {0, 1, 2, 3, 4, 5, 6}
    assert len(np.unique(shown)) >= 6, "an arm may be hidden"
    assert shown.shape == tuple(side // 2 for side in picture.shape[:2])
    shown = np.asarray(cv2.resize(shown, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)
    with load_target(performer) as target:
        apart = np.asarray(cv2.absdiff(picture, target.plate)).max(axis=2)
    assert (apart[shown > 0] >= SEEN).mean() > 0.8  # jeans before a wall that is nearly as blue
    heights = [np.flatnonzero((shown == part).any(axis=1)).mean() for part in (2, 1, 5)]
    assert heights == sorted(heights), "head over trunk over leg"


def test_an_answer_without_a_part_map_has_none(tmp_path: Path) -> None:
    assert find_parts(tmp_path / "a_b.mp4") is None


def largest(where: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float:
    """The share of the picture that the largest connected piece takes."""
    marked: Alpha = where.astype(np.uint8)
    _, _, pieces, _ = cv2.connectedComponentsWithStats(marked)
    return float(pieces[1:, cv2.CC_STAT_AREA].max(initial=0)) / where.size


@pytest.mark.parametrize(
    ("performer", "dance"),
    [
        ("mira", "nobody-knows"),
        ("nobody", "june-sway"),
        ("", ""),
        ("", "june-sway"),
        ("../x", "june-sway"),
        ("mira", "../x"),
        ("../answers/mira", "june-sway"),
        ("mira_june-sway", ""),
        ("*", "*"),
        ("MIRA", "june-sway"),
    ],
)
def test_what_there_is_no_answer_to_gives_none(performer: str, dance: str) -> None:
    assert find_answer(performer, dance) is None


def test_without_a_folder_there_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "ANSWERS", tmp_path / "none")
    assert find_answer("mira", "june-sway") is None


def test_the_name_is_told_apart_where_performer_and_dance_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "ANSWERS", tmp_path)
    (tmp_path / "a_b_c.mp4").touch()
    (tmp_path / "a_b.mp4").touch()
    assert find_answer("a", "b") == tmp_path / "a_b.mp4"
    assert find_answer("a_b", "c") is None
    assert find_answer("a", "b_c") is None
