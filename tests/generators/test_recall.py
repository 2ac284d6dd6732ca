from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from core.generators.base import Shares
from core.generators.recall import (
    FEW,
    MOST_UNLIKE,
    SWITCH,
    LivePicker,
    Recall,
    faded,
    pick,
    pick_at_random,
    pick_sequence,
    select,
)
from core.types import Pose
from core.warping.parts import HEAD, LEFT_ARM, LEFT_LEG, PARTS, RIGHT_ARM, TRUNK
from tests.bodies import moved, standing

TORSO = 80.0
LEFT_HAND = (15, 17, 19, 21)
UP = moved(moved(standing(), dy=-80, joints=(13,)), dy=-160, joints=LEFT_HAND)
"""The left arm lifted."""
STEP = moved(standing(), dx=40, joints=(25, 27, 29, 31))
"""The left leg to the side."""


def recall_of(*poses: Pose) -> Recall:
    return Recall(np.stack([pose.landmarks for pose in poses]), TORSO)


def test_each_part_is_looked_up_on_its_own() -> None:
    asked = UP.landmarks.copy()
    asked[[25, 27, 29, 31]] = STEP.landmarks[[25, 27, 29, 31]]
    places = pick(recall_of(standing(), UP, STEP).costs(asked))
    assert places[LEFT_ARM] == 1
    assert places[LEFT_LEG] == 2
    assert places[TRUNK] == places[HEAD], "the rest is of one picture"


def test_a_skirt_is_taken_from_where_legs_stand_as_they_are_asked() -> None:
    step = moved(standing(), dx=10, joints=(11, 12)).landmarks.copy()
    step[[25, 27, 29, 31]] = STEP.landmarks[[25, 27, 29, 31]]
    landmarks = np.stack([standing().landmarks, step])
    assert pick(Recall(landmarks, TORSO).costs(STEP.landmarks))[TRUNK] == 0
    assert pick(Recall(landmarks, TORSO, cloth=True).costs(STEP.landmarks))[TRUNK] == 1


def test_the_pose_itself_costs_nothing_wherever_it_stands() -> None:
    recall = recall_of(standing(), UP, STEP)
    costs = recall.costs(moved(UP, 70, -30).landmarks)
    assert costs.shape == (6, 3)
    np.testing.assert_allclose(costs[:, 1], 0, atol=1e-4)
    assert costs[LEFT_ARM, 0] > 1
    assert costs[RIGHT_ARM, 0] < 0.1


def test_a_limb_that_was_hidden_is_passed_over() -> None:
    hidden = UP.landmarks.copy()
    hidden[list(LEFT_HAND), 3] = 0.1
    near = moved(UP, dx=12, joints=LEFT_HAND)
    assert pick(recall_of(Pose(hidden), near).costs(UP.landmarks))[LEFT_ARM] == 1


def test_turned_away_is_not_turned_to() -> None:
    away = standing().landmarks.copy()
    for left in (11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31):
        away[[left, left + 1]] = away[[left + 1, left]]
    places = pick(recall_of(standing(), Pose(away)).costs(away))
    assert places[TRUNK] == 1


def test_a_network_is_told_how_unlike_parts_are() -> None:
    recall = recall_of(standing(), UP)
    told = recall.unlike(UP.landmarks, (1, 1, 0, 1, 1, 1))
    assert told.shape == (6,)
    assert told[LEFT_ARM] == MOST_UNLIKE
    np.testing.assert_allclose(np.delete(told, LEFT_ARM), 0, atol=0.02)


def live(*poses: Pose, rate: float = 25) -> list[tuple[Shares, ...]]:
    picker = LivePicker(recall_of(standing(), UP))
    return [picker.pick(pose.landmarks, i / rate) for i, pose in enumerate(poses)]


def test_a_live_stream_stays_with_what_it_has_until_that_has_cost_a_change() -> None:
    nearly = moved(standing(), dy=-3, joints=(13, *LEFT_HAND))
    assert {choice[LEFT_ARM] for choice in live(*[standing()] * 5, *[nearly] * 50)} == {((0, 1.0),)}
    choices = live(*[standing()] * 5, *[UP] * 20)
    assert choices[4][LEFT_ARM] == ((0, 1.0),)
    assert choices[-1][LEFT_ARM] == ((1, 1.0),)
    assert choices[7][RIGHT_ARM] == ((0, 1.0),), "each part by itself"


def test_a_live_stream_fades_into_what_it_changes_to() -> None:
    shares = [dict(choice[LEFT_ARM]).get(1, 0.0) for choice in live(*[standing()] * 5, *[UP] * 12, rate=50)]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert max(np.diff(shares)) < 0.2
    assert min(np.diff(shares)) >= 0


def test_a_live_stream_begins_anew_after_a_jump_or_a_pause() -> None:
    picker = LivePicker(recall_of(standing(), UP))
    picker.pick(standing().landmarks, 0.0)
    assert picker.pick(moved(UP, dx=200).landmarks, 0.04)[LEFT_ARM] == ((1, 1.0),)
    assert picker.pick(moved(standing(), dx=200).landmarks, 2.0)[LEFT_ARM] == ((0, 1.0),)


def evenly(count: int, rate: float = 25) -> list[float]:
    return [i / rate for i in range(count)]


def test_a_file_changes_when_it_pays() -> None:
    """Two pictures that are the best in turns: as good as each other, one is kept; much better, it is changed to."""
    nearly = [np.tile(np.array([0.5, 0.5 + 0.01 * (-1) ** t], np.float32), (6, 1)) for t in range(20)]
    assert len(set(pick_sequence(nearly, evenly(20)))) == 1
    clearly = [np.tile(np.array([0.2, 0.9] if t < 10 else [0.9, 0.2], np.float32), (6, 1)) for t in range(20)]
    chosen = pick_sequence(clearly, evenly(20))
    assert chosen[9] == (0,) * 6
    assert chosen[10] == (1,) * 6


def test_a_file_changes_as_often_whatever_its_rate() -> None:
    moments = np.linspace(0, 2, 101)
    costs = np.stack([np.sin(9 * moments) ** 2, np.cos(9 * moments) ** 2], 1).astype(np.float32)
    changes = []
    for every in (1, 2):
        chosen = pick_sequence([np.tile(row, (6, 1)) for row in costs[::every]], moments[::every].tolist())
        changes.append(sum(a != b for a, b in pairwise(chosen)))
    assert changes[0] == changes[1] > 1


def test_a_sequence_is_the_cheapest_of_all() -> None:
    rng = np.random.default_rng(0)
    costs = [rng.uniform(0, 5, (6, 3)).astype(np.float32) for _ in range(6)]
    chosen = np.array(pick_sequence(costs, evenly(6, rate=20)))
    lasting = np.array([0.05] * 5 + [0.1])
    every = np.stack(np.meshgrid(*[range(3)] * 6, indexing="ij"), -1).reshape(-1, 6)
    for part in PARTS:
        of = np.stack(costs)[:, part]

        def price(path: np.ndarray, of: np.ndarray = of) -> float:
            return float((lasting * of[np.arange(6), path]).sum() + SWITCH * (np.diff(path) != 0).sum())

        assert price(chosen[:, part]) == pytest.approx(min(price(path) for path in every), abs=1e-5)


def test_one_picture_fades_into_the_next() -> None:
    choices = faded([(4,) * 6] * 20 + [(7,) * 6] * 20, evenly(40, rate=50))
    shares = np.array([dict(choice[TRUNK]).get(7, 0.0) for choice in choices])
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares[19] < 0.5 < shares[20]
    assert max(np.diff(shares)) < 0.15
    assert all(sum(share for _, share in choice[HEAD]) == pytest.approx(1) for choice in choices)
    assert all(choice[HEAD][0][1] >= choice[HEAD][-1][1] for choice in choices), "the largest first"


def test_of_three_pictures_two_are_shown_at_once() -> None:
    choices = faded([(place,) * 6 for place in (0, 0, 1, 2, 2)], evenly(5))
    assert max(len(choice[TRUNK]) for choice in choices) == 2


def test_a_leg_seen_from_the_other_side_is_passed_over() -> None:
    """Somebody slim who stands the same way, seen from behind, and somebody before the camera whose foot stands elsewhere."""
    front, back = standing().landmarks.copy(), standing().landmarks.copy()
    middle = front[[23, 24], 0].mean()
    for landmarks, side in ((front, 0.5), (back, -0.5)):
        landmarks[:, 0] = middle + side * (landmarks[:, 0] - middle)
    back[:, 2] *= -1
    near = front.copy()
    near[[25, 27, 29, 31], 0] += 20
    costs = Recall(np.stack([back, near]), TORSO).costs(front)
    assert costs[LEFT_LEG, 1] < costs[LEFT_LEG, 0]


def test_a_trunk_that_leans_is_one_that_stands_turned() -> None:
    around = standing().landmarks[[23, 24], :2].mean(0)
    leaning, turned = standing().landmarks.copy(), standing().landmarks.copy()
    cos, sin = np.cos(0.4), np.sin(0.4)
    leaning[:, :2] = (leaning[:, :2] - around) @ np.array([[cos, sin], [-sin, cos]], np.float32) + around
    # as upright as the first, but seen half from the side
    turned[:, 0] = around[0] + 0.5 * (turned[:, 0] - around[0])
    costs = Recall(np.stack([standing().landmarks, turned]), TORSO).costs(leaning)
    assert costs[TRUNK, 0] < costs[TRUNK, 1]


def test_training_is_shown_more_than_the_best() -> None:
    rng = np.random.default_rng(0)
    costs = np.tile(np.linspace(0.1, 1, 20, dtype=np.float32), (6, 1))
    seen = {pick_at_random(costs, rng) for _ in range(50)}
    assert len(seen) > 5
    barred = costs + 1e3 * (np.arange(20) < 5)
    assert all(min(pick_at_random(barred, rng)) >= 5 for _ in range(50))


def test_training_is_shown_a_few_photos_now_and_then() -> None:
    rng = np.random.default_rng(0)
    costs = rng.random((6, 40), np.float32)
    turned_away = np.arange(40) % 2 == 0
    costs[TRUNK, turned_away] += 5
    for _ in range(50):
        places = set(pick_at_random(costs, rng, few=1.0))
        assert len(places) <= FEW
        assert not turned_away[list(places)].any(), "who shows the back was not asked for"


def test_a_picture_in_which_a_hand_lies_over_the_trunk_is_passed_over() -> None:
    """The same trunk twice: one of them with a hand before it, which costs more unless the hand is asked for there."""
    before = standing().landmarks.copy()
    middle = before[[11, 12, 23, 24], :3].mean(0)
    before[[*LEFT_HAND, 13], :3] = middle - np.array([0, 0, 40], np.float32)
    aside = moved(standing(), dx=0.5, joints=(11, 12))
    recall = recall_of(Pose(before), aside)
    assert recall.costs(standing().landmarks)[TRUNK].argmin() == 1
    assert recall.costs(before)[TRUNK].argmin() == 0


def test_what_is_remembered_is_unlike_each_other() -> None:
    """Of many frames of standing and a few of everything else, everything else is there."""
    poses = [moved(standing(), dx=0.1 * k, joints=(15,)) for k in range(50)] + [UP, STEP]
    chosen = select(np.stack([pose.landmarks for pose in poses]), TORSO, 4)
    assert {50, 51} <= set(chosen.tolist())
    assert len(chosen) == 4
    assert len(select(np.stack([pose.landmarks for pose in poses[:3]]), TORSO, 10)) == 3
