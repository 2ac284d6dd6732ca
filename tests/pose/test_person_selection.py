from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import UnusableInput
from core.pose.detection import Detection
from core.pose.person_selection import Follower, choose, distinct, parse_person
from core.types import Pose
from tests.bodies import moved, standing

SIZE = (640, 480)


def test_words_of_the_command_line() -> None:
    assert [parse_person(t) for t in ("largest", "left", "right", "2")] == ["largest", "left", "right", 2]
    for nonsense in ("0", "-1", "middle", "٣", "100", ""):
        with pytest.raises(UnusableInput, match="largest, left, right"):
            parse_person(nonsense)


def test_choices_among_three_people() -> None:
    left, middle, right = standing(x=100, torso=40), standing(x=300, torso=70), standing(x=520, torso=50)
    everybody = [middle, right, left]
    assert choose(everybody, "largest", SIZE) is middle
    assert choose(everybody, "left", SIZE) is left
    assert choose(everybody, "right", SIZE) is right
    assert choose(everybody, 2, SIZE) is middle
    assert choose(everybody, 9, SIZE) is right
    assert choose(everybody, (0.85, 0.5), SIZE) is right


def test_copies_and_specks_are_nobody() -> None:
    person = standing(x=300, torso=70)
    assert distinct([person, moved(person, 5, 5), standing(x=50, torso=15)]) == [person]


def test_two_who_cross_keep_their_identity() -> None:
    follower = Follower("left")
    seen = []
    for i in range(60):
        # the dancer walks right in the foreground, somebody smaller walks left behind
        dancer = standing(x=100 + 7 * i, torso=70)
        other = standing(x=520 - 7 * i, torso=45)
        people = [other, dancer] if i % 2 else [dancer, other]
        seen.append(follower.pick(people, i / 30, SIZE) is dancer)
    assert all(seen)


def test_somebody_else_is_not_taken_for_the_dancer_who_left() -> None:
    follower = Follower("left")
    dancer, other = standing(x=100, torso=60), standing(x=500, torso=60)
    assert follower.pick([dancer, other], 0.0, SIZE) is dancer
    assert follower.pick([other], 0.1, SIZE) is None
    assert follower.pick([moved(dancer, 10), other], 0.3, SIZE) is not other


def test_whoever_is_there_is_followed_after_a_long_absence() -> None:
    follower = Follower("left")
    dancer, other = standing(x=100, torso=60), standing(x=500, torso=60)
    follower.pick([dancer, other], 0.0, SIZE)
    assert follower.pick([other], 2.0, SIZE) is other


def test_one_person_alone_is_never_lost_by_a_jump_cut() -> None:
    follower = Follower()
    follower.pick([standing(x=100)], 0.0, SIZE)
    far = standing(x=600)
    assert follower.pick([far], 0.04, SIZE) is far


def test_whoever_was_not_looked_at_just_now_is_not_taken_for_the_dancer_who_leaps_towards_them() -> None:
    follower = Follower("left")
    dancer, other = standing(x=100, torso=60), standing(x=200, torso=60)
    assert follower.pick([dancer, other], 0.0, SIZE) is dancer
    leapt = moved(dancer, 60)
    assert follower.pick([leapt], 0.04, SIZE, elsewhere=[other]) is leapt


def test_nobody_is_picked_who_was_not_looked_at() -> None:
    follower = Follower("left")
    dancer, other = standing(x=100, torso=60), standing(x=500, torso=60)
    follower.pick([dancer, other], 0.0, SIZE)
    assert follower.pick([], 0.04, SIZE, elsewhere=[other]) is None
    assert follower.pick([], 5.0, SIZE, elsewhere=[other]) is None


def test_a_flash_changes_nobody_and_a_cut_lets_choose_anew() -> None:
    size = (1000, 500)
    red, blue = np.array([50, 60, 30, 50, 60, 30], np.float32), np.array([40, 10, -50, 40, 10, -50], np.float32)

    def seen(x: float, torso: float, colours: NDArray[np.float32]) -> Detection:
        return Detection(Pose(standing(x=x, floor=480, torso=torso).landmarks, colours))

    follower = Follower("largest")
    first = [seen(200, 90, red), seen(700, 80, blue)]
    assert follower.pick_from(first, 0.0, size) is first[0]
    flash = [seen(205, 90, red * 1.6), seen(700, 100, blue)]
    assert follower.pick_from([], 0.04, size, changed=True) is None
    assert follower.pick_from(flash, 0.08, size) is flash[0], "still there, though somebody else is larger by now"
    shot = [seen(300, 70, blue), seen(800, 85, blue)]
    assert follower.pick_from(shot, 0.12, size, changed=True) is shot[1]
    elsewhere = [seen(150, 110, red), seen(520, 60, blue)]
    assert follower.pick_from(elsewhere, 0.16, size, changed=True) is elsewhere[0]
