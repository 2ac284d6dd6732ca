"""What somebody who films themselves is told, without a camera."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from core.live.recording_guide import COUNT_SECONDS, FREE, LONGEST, PLENTY, STAY, STEP_BACK, Guide, Prompt

TURN, ARMS, KNEE = "Turn on the spot.", "Raise both arms.", "Lift one knee."
STEP = 0.125


class Somebody:
    """Who stands before a guide, eight looks a second."""

    def __init__(self, longest: float = LONGEST) -> None:
        self.guide = Guide(longest)
        self.now = 100.0

    def stands(
        self, seconds: float, missing: Sequence[str] = (TURN, ARMS), *, whole: bool = True, hint: str | None = None
    ) -> list[Prompt]:
        """All that is said meanwhile."""
        told = []
        for _ in range(round(seconds / STEP)):
            told.append(self.guide.tell(self.now, missing, whole=whole, hint=hint))
            self.now += STEP
        return told

    def begins(self) -> Somebody:
        """Until the recording has just begun."""
        self.stands(COUNT_SECONDS)
        return self


def words(told: list[Prompt]) -> list[str]:
    """What was said, each sentence once for as long as it stood."""
    return [p.words for n, p in enumerate(told) if n == 0 or p.words != told[n - 1].words]


def test_it_counts_once_all_of_the_body_is_in_view() -> None:
    somebody = Somebody()
    waiting = somebody.stands(20, whole=False)
    assert {(p.phase, p.words, p.count) for p in waiting} == {("waiting", STEP_BACK, None)}
    counting = somebody.stands(COUNT_SECONDS - STEP)
    assert [p.count for p in counting if p.phase == "counting"][:: round(1 / STEP)] == [5, 4, 3, 2, 1]
    assert {p.words for p in counting} == {STAY}
    (first,) = somebody.stands(2 * STEP)[-1:]
    assert first.phase == "recording"
    assert first.recorded < 2 * STEP


@pytest.mark.parametrize(("whole", "hint"), [(False, None), (True, "Too close.")])
def test_whoever_leaves_is_counted_anew(whole: bool, hint: str | None) -> None:
    somebody = Somebody()
    somebody.stands(3)
    left = somebody.stands(2, whole=whole, hint=hint)[-1]
    assert (left.phase, left.words) == ("waiting", hint or STEP_BACK)
    assert somebody.stands(STEP)[0].count == COUNT_SECONDS


def test_a_hand_out_of_view_for_a_moment_is_nothing() -> None:
    somebody = Somebody()
    somebody.stands(3)
    assert somebody.stands(0.5, whole=False)[-1].phase == "counting"
    somebody.stands(1.5)
    assert words(somebody.stands(0.5, whole=False)) == [TURN]


def test_a_sentence_stays_for_a_while_and_goes_when_it_was_done() -> None:
    somebody = Somebody().begins()
    assert words(somebody.stands(1)) == [TURN]
    told = somebody.stands(5, (ARMS, KNEE))
    assert words(told) == [TURN, ARMS]
    assert [p.words for p in told].count(TURN) == pytest.approx(3 / STEP, abs=2)


def test_what_is_not_done_is_asked_for_again_after_the_others() -> None:
    somebody = Somebody().begins()
    assert words(somebody.stands(45)) == [TURN, ARMS, FREE, TURN, ARMS]


def test_who_has_done_everything_dances_as_they_like() -> None:
    somebody = Somebody().begins()
    somebody.stands(1)
    assert words(somebody.stands(40, ())) == [TURN, FREE]


@pytest.mark.parametrize(("whole", "hint"), [(False, None), (True, "It is too dark.")])
def test_what_hinders_takes_the_place_and_costs_no_time(whole: bool, hint: str | None) -> None:
    somebody = Somebody().begins()
    somebody.stands(8)
    assert words(somebody.stands(30, whole=whole, hint=hint))[-1] == (hint or STEP_BACK)
    back = somebody.stands(1)
    assert words(back) == [TURN]
    assert back[-1].recorded == pytest.approx(39, abs=0.5), "it records on"


def test_it_ends_by_itself() -> None:
    somebody = Somebody(longest=20).begins()
    told = somebody.stands(30)
    assert told[-1] == Prompt("over", PLENTY, recorded=20)
    assert sum(p.phase == "recording" for p in told) == pytest.approx(20 / STEP, abs=2)
