from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from core.errors import UnusableInput
from core.targets.footage import FOLDER_RATE
from core.targets.split import Split, Subset, even_blocks, numbered_blocks, parse_split, random_split, split_of
from core.targets.store import Target, load_target
from tests.targets.material import make_performer


@pytest.fixture
def tiny(tmp_path: Path) -> Target:
    make_performer(tmp_path, "tiny", frames=100)
    return load_target("tiny", tmp_path)


def numbers(flags: np.ndarray) -> list[int]:
    return [int(i) for i in np.flatnonzero(flags)]


def test_numbered_blocks_are_fifty_of_every_250_from_100_on() -> None:
    split = numbered_blocks(np.arange(1497))
    held = np.flatnonzero(split.held_out)
    assert [int(part[0]) for part in split.stretches()] == [100, 350, 600, 850, 1100, 1350]
    assert all(len(part) == 50 for part in split.stretches())
    assert len(held) == 300
    # three on either side of each block belong to neither
    neither = numbers(~split.train & ~split.held_out)
    assert neither[:6] == [97, 98, 99, 150, 151, 152]
    assert len(neither) == 36
    assert not (split.train & split.held_out).any()


def test_numbers_that_are_missing_do_not_shift_the_blocks() -> None:
    kept = np.r_[0:90, 120:200]
    split = numbered_blocks(kept)
    assert kept[split.held_out].tolist() == list(range(120, 150))
    assert kept[~split.train & ~split.held_out].tolist() == [*range(120, 153)][30:]


def test_even_blocks_are_five_of_a_twenty_fifth_with_half_a_second_around() -> None:
    split = even_blocks(1000, Fraction(25))
    assert [(int(part[0]), len(part)) for part in split.stretches()] == [(s, 40) for s in (80, 280, 480, 680, 880)]
    assert numbers(~split.train & ~split.held_out)[:26] == [*range(67, 80), *range(120, 133)], "12.5 frames are 13"
    assert int(split.train.sum()) == 1000 - 5 * (40 + 26)


def test_a_few_frames_still_split() -> None:
    split = even_blocks(6, Fraction(5, 2))
    assert int(split.held_out.sum()) == 5
    assert not (split.train & split.held_out).any()
    assert even_blocks(1, Fraction(25)).held_out.tolist() == [True]


def test_the_random_split_is_one_in_five_and_always_the_same() -> None:
    split = random_split(1344)
    assert int(split.held_out.sum()) == 269
    assert (split.train == ~split.held_out).all()
    assert (random_split(1344).held_out == split.held_out).all()
    assert (random_split(1344, seed=1).held_out != split.held_out).any()
    assert np.flatnonzero(split.held_out)[-1] > 1300, "drawn from everywhere"


def test_a_performers_split(tiny: Target) -> None:
    with tiny:
        assert (split_of(tiny, "blocks").held_out == even_blocks(100, Fraction(25)).held_out).all()
        assert split_of(tiny, "all").train.all()
        assert split_of(tiny, "all").held_out.all()
        assert (split_of(tiny, "random", seed=3).held_out == random_split(100, 3).held_out).all()


def test_numbered_pictures_are_split_by_their_own_numbers(tiny: Target) -> None:
    with tiny:
        tiny.rate = FOLDER_RATE
        tiny.runs = np.array([0] * 50 + [60] * 50, np.int32)  # pictures 0 to 49 and 110 to 159
        assert np.flatnonzero(split_of(tiny, "blocks").held_out).tolist() == list(range(50, 90))
        tiny.runs = np.zeros(100, np.int32)
        few = split_of(tiny, "blocks")
        assert len(few.stretches()) == 5, "too few for the numbered blocks"


def test_a_split_of_no_name_names_those_there_are() -> None:
    assert parse_split("random") == "random"
    with pytest.raises(UnusableInput, match="blocks, random, all"):
        parse_split("plaid")


def test_stretches_end_at_gaps() -> None:
    flags = np.array([1, 1, 0, 1, 0, 0, 1], np.bool_)
    assert [part.tolist() for part in Split(~flags, flags).stretches()] == [[0, 1], [3], [6]]
    assert Split(~flags, np.zeros(7, np.bool_)).stretches() == []


def test_a_subset_knows_nobody_in_what_is_left_out(tiny: Target) -> None:
    kept = np.ones(100, np.bool_)
    kept[40:60] = False
    with tiny:
        part = Subset(tiny, kept)
        assert part.found.sum() == tiny.found.sum() - 20
        assert part.pose(45) is None
        assert np.isnan(part.poses[40:60]).all()
        np.testing.assert_array_equal(part.poses[60:], tiny.poses[60:])
        assert part.pose(3) is None, "nobody was there in the first place"
        assert (part.name, part.size, len(part.frames)) == (tiny.name, tiny.size, 100)
        assert part.runs[39] != part.runs[60], "what lies on two sides of the gap does not flow"
        assert part.runs[38] == part.runs[39]
        assert np.isfinite(tiny.poses[45]).all(), "the performer keeps all of it"
        part.close()
        assert tiny.frames[50].shape == (64, 96, 3), "closing a subset leaves the footage open"
