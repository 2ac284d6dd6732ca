"""Whom to follow: who is offered, and whether whoever was chosen is the one who is followed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.reports import whom as clips
from core.bundled import dances
from core.errors import Cancelled, UnusableInput
from core.pose.appearance_match import Chosen
from core.pose.candidates import look_across, look_at_start, person_at
from core.pose.person_selection import Follower, Listed
from core.pose.video_analysis import Analysis, look
from core.types import Pose
from core.video.reader import VideoReader
from tests.bodies import moved, standing

pytestmark = pytest.mark.skipif(not dances.list_dances(), reason="the bundled dances are not here")

SIZE = (640, 480)
RED, BLUE, GREEN = (50.0, 60.0, 40.0) * 2, (40.0, 10.0, -50.0) * 2, (55.0, -50.0, 40.0) * 2


@pytest.fixture(scope="module")
def second_enters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dancers, of whom the one on the right comes in after two seconds."""
    clip = tmp_path_factory.mktemp("whom") / "second_enters.mp4"
    clips.write_together(clip, clips.SIDE_BY_SIDE, seconds=4.5)
    return clip


def test_both_are_offered_where_the_second_comes_later_and_each_choice_follows_that_one(second_enters: Path) -> None:
    outcome = clips.judge(second_enters, clips.SIDE_BY_SIDE)
    assert outcome.right, outcome.found
    assert look_at_start(second_enters) == [], "the first picture shows one of them"
    first, second = look_across(second_enters)
    assert first.seconds == 0.0
    assert 2.0 < second.seconds < 4.5
    # her trousers are red, his are green
    his, hers = (portrait.astype(int) for portrait in (first.portrait, second.portrait))
    assert (his[..., 1] > 1.2 * his[..., 0]).mean() > 0.02 > (hers[..., 1] > 1.2 * hers[..., 0]).mean()
    assert (hers[..., 0] > 1.6 * hers[..., 1]).mean() > 0.05 > (his[..., 0] > 1.6 * his[..., 1]).mean()


def test_identities_last_where_they_change_places(tmp_path: Path) -> None:
    clip = tmp_path / "crossing.mp4"
    clips.write_together(clip, clips.CHANGING_PLACES)
    outcome = clips.judge(clip, clips.CHANGING_PLACES)
    assert outcome.right, outcome.found


def test_two_dressed_alike_are_told_apart_by_their_places(tmp_path: Path) -> None:
    twins = (clips.SIDE_BY_SIDE[0], replace(clips.SIDE_BY_SIDE[1], dance="omar-street", start=3.0))
    clip = tmp_path / "twins.mp4"
    clips.write_together(clip, twins, seconds=4.0)
    outcome = clips.judge(clip, twins)
    assert outcome.right, outcome.found


def test_somebody_who_passes_by_is_nobody_to_choose(tmp_path: Path) -> None:
    passing = (clips.SIDE_BY_SIDE[0], replace(clips.SIDE_BY_SIDE[1], place=lambda seconds: 1.2 - 1.4 * (seconds - 2.0)))
    clip = tmp_path / "passing.mp4"
    clips.write_together(clip, passing, seconds=4.0)
    assert look_across(clip) == []


def test_one_person_alone_leaves_nothing_to_choose() -> None:
    for dance in dances.list_dances():
        assert look_across(dance.video) == [], dance.id


def test_the_stretch_decides_who_is_in_it(second_enters: Path) -> None:
    assert look_across(second_enters, 0.0, 1.8) == []
    offered = look_across(second_enters, 3.0, 4.5)
    assert all(0.0 <= one.person.seconds <= 1.5 for one in offered), "counted from the start of the stretch"
    assert all(one.seconds == pytest.approx(3.0 + one.person.seconds) for one in offered)
    assert offered[0].person.x < 0.5 < offered[1].person.x
    assert [one.is_also(other) for one, other in zip(offered, look_at_start(second_enters, 3.0), strict=True)] == [
        True
    ] * 2


def test_a_look_that_nobody_waits_for_ends(second_enters: Path) -> None:
    with pytest.raises(Cancelled):
        look_across(second_enters, cancelled=lambda: True)


def test_what_cannot_be_read_offers_nobody(tmp_path: Path) -> None:
    (tmp_path / "words.mp4").write_bytes(b"these are only words\n" * 50)
    assert look_across(tmp_path / "words.mp4") == []
    assert look_at_start(tmp_path / "words.mp4") == []


def test_words_mean_who_is_in_view_at_a_moment(second_enters: Path) -> None:
    right = person_at(second_enters, "right", 3.5)
    assert right == person_at(second_enters, 2, 3.5)
    assert right.x > 0.6
    assert right.others == (person_at(second_enters, "left", 3.5).colours,)
    assert person_at(second_enters, "right", 3.5, 1.0).seconds == pytest.approx(right.seconds - 1.0, abs=0.05)
    share, wrong = clips.share_followed(second_enters, right, clips.SIDE_BY_SIDE, 1)
    assert share >= clips.ENOUGH
    assert wrong == 0.0


@pytest.mark.parametrize(
    ("person", "seconds", "stretch", "sentence"),
    [
        (2, 0.0, (0.0, None), "one person is in view: there is no number 2"),
        (1, 9.0, (0.0, None), "ends before 9 s"),
        (1, 0.5, (1.0, None), "from 1 to"),
        (1, 4.0, (1.0, 3.0), "from 1 to 3"),
        (1, float("nan"), (0.0, None), "not nan"),
    ],
)
def test_moments_at_which_nobody_is_meant(
    second_enters: Path, person: int, seconds: float, stretch: tuple[float, float | None], sentence: str
) -> None:
    with pytest.raises(UnusableInput, match=sentence):
        person_at(second_enters, person, seconds, *stretch)


# ---- who is who


def dressed(pose: Pose, colours: tuple[float, ...]) -> Pose:
    return Pose(pose.landmarks, np.array(colours, np.float32))


def chosen_at(seconds: float, pose: Pose, *others: tuple[float, ...]) -> Chosen:
    trunk = pose.xy[[11, 12, 23, 24]].mean(axis=0)
    colours = () if pose.colours is None else tuple(pose.colours.tolist())
    return Chosen(seconds, float(trunk[0]) / SIZE[0], float(trunk[1]) / SIZE[1], colours, others)


def test_the_chosen_one_is_waited_for_and_known_by_their_clothes() -> None:
    red, blue = dressed(standing(x=450, torso=60), RED), dressed(standing(x=150, torso=60), BLUE)
    follower = Follower(chosen_at(5.0, red, BLUE))
    assert follower.pick([blue], 0.0, SIZE) is None
    assert follower.pick([blue], 1.0, SIZE) is None
    there = dressed(moved(red, -150), RED)
    assert follower.pick([blue, there], 2.0, SIZE) is there
    assert follower.pick([blue], 2.1, SIZE) is None
    assert follower.pick([blue], 60.0, SIZE) is None, "nobody else is ever taken for them"
    assert follower.pick([blue, there], 60.1, SIZE) is there


def test_whoever_was_pointed_at_is_followed_from_then_on_whatever_was_thought_before() -> None:
    left, right = dressed(standing(x=150, torso=60), RED), dressed(standing(x=450, torso=60), RED)
    follower = Follower(chosen_at(1.0, right, RED))
    assert follower.pick([left, right], 0.0, SIZE) is None, "they are dressed alike: it is not known yet"
    assert follower.pick([left, right], 1.0, SIZE) is right
    assert follower.pick([left, right], 1.04, SIZE) is right


def test_a_picture_that_is_left_out_does_not_point_at_somebody_else() -> None:
    left, right = dressed(standing(x=150, torso=60), RED), dressed(standing(x=450, torso=60), BLUE)
    follower = Follower(chosen_at(1.0, right, RED))
    assert follower.pick([left], 1.0, SIZE) is None
    assert follower.pick([left, right], 1.5, SIZE) is right


def test_whoever_hides_the_chosen_one_is_not_taken_for_them() -> None:
    red, blue = dressed(standing(x=300, torso=60), RED), dressed(standing(x=320, torso=60), BLUE)
    follower = Follower(chosen_at(0.0, red, BLUE))
    assert follower.pick([red], 0.0, SIZE) is red
    for i in range(1, 20):
        assert follower.pick([dressed(moved(blue, -10 * i), BLUE)], i / 25, SIZE) is None
    assert follower.pick([red], 0.84, SIZE) is red


def test_under_another_light_the_chosen_one_is_still_followed() -> None:
    red, blue = dressed(standing(x=300, torso=60), RED), dressed(standing(x=500, torso=60), BLUE)
    follower = Follower(chosen_at(0.0, red, BLUE))
    follower.pick([red, blue], 0.0, SIZE)
    for i in range(1, 25):
        lit = dressed(moved(red, 2 * i), GREEN)
        assert follower.pick([lit, dressed(blue, GREEN)], i / 25, SIZE) is lit


def test_somebody_of_unknown_clothes_is_known_at_the_moment_pointed_at() -> None:
    left, right = standing(x=150, torso=60), standing(x=450, torso=60)
    follower = Follower(chosen_at(1.0, right))
    assert follower.pick([left, right], 0.0, SIZE) is None
    assert follower.pick([left, right], 1.0, SIZE) is right


def test_one_of_those_in_view_is_followed_from_now_on_and_keeps_a_number() -> None:
    left, right = dressed(standing(x=150, torso=60), RED), dressed(standing(x=450, torso=60), BLUE)
    follower = Follower("left")

    def numbers(listed: list[Listed]) -> dict[int, bool]:
        return {one.number: one.followed for one in listed}

    assert follower.pick([left, right], 0.0, SIZE) is left
    first, second = follower.listed(SIZE)
    assert first.pose is left
    assert numbers([first, second]) == {first.number: True, second.number: False}
    follower.follow(second)
    assert follower.pick([left, dressed(moved(right, -5), BLUE)], 0.04, SIZE) is not left
    assert numbers(follower.listed(SIZE)) == {first.number: False, second.number: True}
    # away for a moment: waited for, and then not for ever
    assert follower.pick([left], 3.0, SIZE) is None
    assert follower.pick([left], 6.0, SIZE) is left


def test_whoever_was_forgotten_since_they_were_listed_is_known_again_by_their_clothes() -> None:
    left, right = dressed(standing(x=150, torso=60), RED), dressed(standing(x=450, torso=60), BLUE)
    follower = Follower("left")
    follower.pick([left, right], 0.0, SIZE)
    second = follower.listed(SIZE)[1]
    assert follower.pick([left, right], 10.0, SIZE) is left
    follower.follow(second)
    assert follower.pick([left, right], 20.0, SIZE) is right
    follower.follow(follower.listed(SIZE)[0])
    assert follower.pick([left, right], 30.0, SIZE) is right


def test_they_are_traced_back_to_where_they_came_in(second_enters: Path) -> None:
    """Known only at 3.5 s, for nothing is known of their clothes."""
    known = replace(person_at(second_enters, "right", 3.5), colours=(), others=())
    with VideoReader(second_enters) as reader:
        analysis = Analysis(reader.size, known)
        live = []
        for sighting in look(reader, known):
            live.append(sighting.pose)
            analysis.add(sighting)
    first = next(i for i, pose in enumerate(live) if pose is not None)
    traced = next(i for i, pose in enumerate(analysis.poses) if pose is not None)
    assert analysis.seconds[first] == pytest.approx(3.5, abs=0.05)
    assert analysis.seconds[traced] < 3.0, "in lanes that look for newcomers once a second"
    poses = [pose for pose in analysis.poses[traced:] if pose is not None]
    assert all(pose.xy[:, 0].mean() > 480 for pose in poses)
    assert len(poses) >= 0.95 * len(analysis.poses[traced:])
    assert analysis.poses[first:] == live[first:]
