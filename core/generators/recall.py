"""Which pictures of the performer to take the parts of a body from.

Every part is looked up on its own: footage hardly ever has a whole pose, but it has most arms and most legs. What is compared is
where a part's joints lie around the joint it hangs on, how limbs are bent and foreshortened, which way the trunk is turned, and
a little of everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.generators.base import Shares
from core.limbs import CROWN, CROWN_SHARE, EARS, LEFT_HAND, NECK, PELVIS, RIGHT_HAND
from core.pose.cuts import elsewhere
from core.pose.skeleton import MIRRORED
from core.types import Pose
from core.warping.hiding import hidden_spots, newly_hidden
from core.warping.parts import HEAD, LEFT_ARM, LEFT_LEG, PARTS, RIGHT_ARM, RIGHT_LEG, TRUNK

Costs: TypeAlias = NDArray[np.float32]
"""(parts, frames of the memory): squared distances in torso lengths."""


_JOINTS: Final = (
    ((11, 12, 23, 24), PELVIS),
    ((0, 2, 5, 7, 8, 9, 10), EARS),
    ((13, 15, LEFT_HAND, 19), 11),
    ((14, 16, RIGHT_HAND, 20), 12),
    ((25, 27, 31), 23),
    ((26, 28, 32), 24),
)
"""Of every part its joints, and what they hang on."""

_LIMBS: Final = {
    LEFT_ARM: (11, 13, 15),
    RIGHT_ARM: (12, 14, 16),
    LEFT_LEG: (23, 25, 27),
    RIGHT_LEG: (24, 26, 28),
}
_BEND_WORTH: Final = 3.0
_PLACE_WORTH: Final = 0.7
"""What its bend counts, and what its place: a limb can be turned in the picture, a straight one cannot be bent."""
_SHORT: Final = 0.05
"""Torso lengths below which a bone of a limb has no direction in the picture."""

_BODY: Final = (0, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28, 31, 32)
_DEPTH: Final = np.array([1.0, 1.0, 0.6], np.float32)
_HEAD_WORTH: Final = 3.0
_TURN_WORTH: Final = 1.0
_BODY_WORTH: Final = 0.02
_LEAN_WORTH: Final = 0.35
"""What it counts that a trunk leans another way, of what it counts that it is turned or bent otherwise."""
_CLOTH_WORTH: Final = 0.5
"""What legs that stand otherwise count for the picture of a trunk from which a skirt hangs, of what they count for a leg's."""
_HIDDEN: Final = 1.0
"""What a part costs more whose joints are not to be seen."""

_SIDE_WORTH: Final = (0.0, 0.0, 0.15, 0.15, 0.6, 0.6)
"""What it counts for each part that the trunk is turned another way than asked, up to 4 times where it is seen from the other
side: a leg seen from behind is as bent as from before, but has other seams, pockets and shoes."""

_MIRRORED: Final = 0.6
"""What a limb costs more that is the other side's, seen in a mirror: sleeves and watches need not be alike."""
_UNSEEN: Final = 3.0
"""What a limb that is not to be seen costs more where there is the other side's: of so few frames none else shows it."""
_FORESHORTENED: Final = 6.0
"""What it costs more, for each torso length by which it is shorter in the picture than the other side's."""
_NEVER: Final = 1e3

_OVERLAID: Final = 5.0
"""What a part costs more all of which lies behind others in a picture and is to be seen."""

SWITCH: Final = 0.05
"""What it costs to take a part from another picture than before, in squared torso lengths times the seconds that they last. Two
pictures of a part hardly ever look the same once they are warped: where they change, a viewer sees it jump."""
_LONGEST: Final = 0.1
"""Seconds that one picture of a dance counts at most."""
_FADE: Final = 0.15
"""Seconds before and after a change over which one picture of a part fades into the next; a stream, which does not know the
change before it comes, fades as long after it."""
_COMPANY: Final = 0.1
"""Share of the smallest cost by which the picture that the trunk is from is preferred: parts of one picture fit together."""
MOST_UNLIKE: Final = 2.0
FEW: Final = 4
"""Frames of a memory that is learnt from as if it were some photos."""


def in_mirror(landmarks: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Landmarks (..., 33, 4) of frames ``width`` pixels wide, as a mirror shows them: what was left is right."""
    mirrored = landmarks[..., list(MIRRORED), :].copy()
    mirrored[..., 0] = width - 1 - mirrored[..., 0]
    return mirrored


class Recall:
    """An index over some frames of the performer.

    Args:
        landmarks: (K, 33, 4) of the frames, x, y, z in pixels and visibility.
        unit: torso length in pixels.
        cloth: whether something hangs from the trunk over the legs, which must stand in its picture as they are asked.
        mirrored: how many of the frames, the last ones, are others seen in a mirror (:func:`in_mirror`). They lend limbs alone: a
            trunk or a face would look the other way.

    Attributes:
        unit: torso length in pixels.
    """

    def __init__(self, landmarks: NDArray[np.float32], unit: float, *, cloth: bool = False, mirrored: int = 0) -> None:
        self.unit, self._cloth = unit, cloth
        self._parts = _part_features(landmarks, unit)
        self._body = _body_features(landmarks, unit)
        self._turned = _turned(landmarks)
        self._overlaid = hidden_spots(_from_pelvis(landmarks, unit))
        self._aversion = np.zeros((len(PARTS), len(landmarks)), np.float32)
        self._aversion[:, len(landmarks) - mirrored :] = _MIRRORED
        self._aversion[[TRUNK, HEAD], len(landmarks) - mirrored :] = _NEVER
        seen = np.clip(landmarks[..., 3], 0, 1)
        self._hidden = np.stack(
            [_HIDDEN * (1 - seen[:, [j for j in joints if j < 33]].min(1)) for joints, _ in _JOINTS]
        ).astype(np.float32)
        if mirrored:
            self._aversion[list(_LIMBS)] += _UNSEEN * self._hidden[list(_LIMBS)]
            self._aversion[list(_LIMBS)] += _FORESHORTENED * _shorter(landmarks, unit)

    def costs(self, landmarks: NDArray[np.float32]) -> Costs:
        """What it costs to take each part of the pose (33, 4) from each frame."""
        return self._costs(landmarks, slice(None)) + self._aversion

    def costs_to_fill(self, landmarks: NDArray[np.float32]) -> Costs:
        """The same, where all of each part is to be seen, whatever lies over it in the pose: to fill in what is hidden there."""
        return self._costs(landmarks, slice(None), everything=True)

    def unlike(self, landmarks: NDArray[np.float32], chosen: Sequence[int]) -> NDArray[np.float32]:
        """(parts,): how unlike the pose (33, 4) each chosen part is, as a network is told."""
        costs = self._costs(landmarks, list(chosen))
        return np.minimum(np.sqrt(costs[PARTS, PARTS]), np.float32(MOST_UNLIKE))

    def _costs(
        self, landmarks: NDArray[np.float32], places: Sequence[int] | slice, *, everything: bool = False
    ) -> Costs:
        asked = _part_features(landmarks[None], self.unit)
        near = np.stack([((have[places] - want) ** 2).sum(1) for have, want in zip(self._parts, asked, strict=True)])
        turned = np.abs(self._turned[places] - _turned(landmarks[None])) ** 2
        near += np.array(_SIDE_WORTH, np.float32)[:, None] * turned
        if self._cloth:
            near[TRUNK] += _CLOTH_WORTH * near[[LEFT_LEG, RIGHT_LEG]].sum(0)
        body = ((self._body[places] - _body_features(landmarks[None], self.unit)) ** 2).sum(1)
        hides = hidden_spots(_from_pelvis(landmarks[None], self.unit))
        overlaid = newly_hidden(self._overlaid[places], np.zeros_like(hides) if everything else hides)
        return np.asarray(near + _BODY_WORTH * body + self._hidden[:, places] + _OVERLAID * overlaid, np.float32)


def pick(costs: Costs) -> tuple[int, ...]:
    """Return the cheapest frame for each part, of one picture where that costs little."""
    costs = costs.copy()
    least = costs.min(1) + 0.01
    trunk = int(costs[0].argmin())
    costs[1:, trunk] -= _COMPANY * least[1:]
    return tuple(int(place) for place in costs.argmin(1))


def pick_at_random(costs: Costs, rng: np.random.Generator, *, few: float = 0.0) -> tuple[int, ...]:
    """As :func:`pick`, with some of the memory hidden and all costs shaken: what training is shown.

    Args:
        few: how often all but one to four frames are hidden, as if there were only some photos of the person. They show the trunk
            from much the same side as it is asked for: other sides are not asked of so few.
    """
    count = costs.shape[1]
    if rng.random() < few:
        alike = np.argsort(costs[TRUNK])[: max(count // 3, FEW)]
        hidden = ~np.isin(np.arange(count), rng.choice(alike, int(rng.integers(1, FEW + 1))))
    else:
        hidden = rng.random(count) < np.full(count, 0.9 * rng.random())
    shaken = costs * (1 + 0.3 * rng.random(costs.shape, np.float32)) + np.float32(100) * hidden
    return pick(np.asarray(shaken, np.float32))


def pick_sequence(costs: Sequence[Costs], seconds: Sequence[float]) -> list[tuple[int, ...]]:
    """Return the cheapest sequence of each part (Viterbi): costs times how long they last, and :data:`SWITCH` for every change.

    Args:
        costs: of each frame of one shot.
        seconds: their times.
    """
    lasting = np.minimum(np.diff(seconds, append=seconds[-1] + _LONGEST), _LONGEST).astype(np.float32)
    total = costs[0] * lasting[0]
    places = np.arange(total.shape[1], dtype=np.int16)
    back = np.empty((len(costs), *total.shape), np.int16)
    for t in range(1, len(costs)):
        best = total.argmin(1)
        change = np.take_along_axis(total, best[:, None], 1) + np.float32(SWITCH)
        stays = total <= change
        back[t] = np.where(stays, places, best[:, None])
        total = np.where(stays, total, change) + costs[t] * lasting[t]
    path = np.empty((len(costs), total.shape[0]), np.int64)
    path[-1] = total.argmin(1)
    for t in range(len(costs) - 1, 0, -1):
        path[t - 1] = np.take_along_axis(back[t], path[t][:, None], 1)[:, 0]
    return [tuple(int(place) for place in row) for row in path]


def faded(picked: Sequence[tuple[int, ...]], seconds: Sequence[float]) -> list[tuple[Shares, ...]]:
    """Return for each frame of one shot the places that each part is taken from, so that every change is a fade.

    Args:
        picked: for each frame and part, the place of the memory.
        seconds: their times.
    """
    path, times = np.array(picked), np.array(seconds)
    begins, ends = np.searchsorted(times, times - _FADE), np.searchsorted(times, times + _FADE, side="right")
    result = []
    for i, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        weight = np.maximum(1 - np.abs(times[begin:end] - times[i]) / _FADE, 1e-3)
        result.append(tuple(_shares(zip(column, weight, strict=True)) for column in path[begin:end].T))
    return result


def _shares(weighted: Iterable[tuple[int, float]]) -> Shares:
    """Return the two places that weigh most."""
    weights: dict[int, float] = {}
    for place, weight in weighted:
        weights[int(place)] = weights.get(int(place), 0.0) + float(weight)
    two = sorted(weights.items(), key=lambda item: -item[1])[:2]
    total = sum(weight for _, weight in two)
    return tuple((place, weight / total) for place, weight in two)


class LivePicker:
    """Picks the frame for each part of the poses of one live stream, whose future is not known.

    A part stays with its frame until that has cost as much more than the cheapest would have as a change costs (as in the ski
    rental problem: at most twice as dear as knowing the future), and then fades into the cheapest.

    Args:
        recall: over the frames of the memory.
    """

    def __init__(self, recall: Recall) -> None:
        self._recall = recall
        self._last: tuple[NDArray[np.float32], float] | None = None
        self._places = self._before = np.zeros(len(PARTS), np.int64)
        self._changed = self._excess = np.zeros(len(PARTS))

    def pick(self, landmarks: NDArray[np.float32], seconds: float) -> tuple[Shares, ...]:
        """Return the places that each part of the pose (33, 4) at ``seconds`` is taken from."""
        costs = self._recall.costs(landmarks)
        last, self._last = self._last, (landmarks, seconds)
        if last is None or seconds - last[1] > 2 * _FADE or _elsewhere(last, (landmarks, seconds)):
            self._places = self._before = np.array(pick(costs))
            self._changed, self._excess = np.full(len(PARTS), -np.inf), np.zeros(len(PARTS))
        else:
            self._go_on(costs, seconds, min(max(seconds - last[1], 0.0), _LONGEST))
        shares = np.clip((seconds - self._changed) / _FADE, 0.05, 1)
        rows = zip(self._places.tolist(), self._before.tolist(), shares.tolist(), strict=True)
        return tuple(_shares([(now, share), (before, 1 - share)][: 1 + (share < 1)]) for now, before, share in rows)

    def _go_on(self, costs: Costs, seconds: float, lasting: float) -> None:
        best = costs.argmin(1)
        self._excess = self._excess + (costs[PARTS, self._places] - costs[PARTS, best]) * lasting
        due = (self._excess > SWITCH) & (seconds - self._changed >= _FADE) & (best != self._places)
        self._before = np.where(due, self._places, self._before)
        self._places = np.where(due, best, self._places)
        self._changed = np.where(due, seconds, self._changed)
        self._excess = np.where(due, 0.0, self._excess)


def _elsewhere(before: tuple[NDArray[np.float32], float], after: tuple[NDArray[np.float32], float]) -> bool:
    return elsewhere(Pose(before[0]), Pose(after[0]), after[1] - before[1], changed=False)


def select(landmarks: NDArray[np.float32], unit: float, most: int) -> NDArray[np.int64]:
    """(at most ``most``,) places of frames that are as unlike each other as can be, in order.

    Farthest-point sampling (Gonzalez 1985) over all parts together: whatever pose is asked for, something near it is there.
    """
    points = _with_middles(landmarks) / unit
    features = np.concatenate([*_places(points), _body_features(landmarks, unit)], 1)
    nearest = ((features - features.mean(0)) ** 2).sum(1)
    first = int(nearest.argmin())
    chosen = [first]
    nearest = ((features - features[first]) ** 2).sum(1)
    while len(chosen) < min(most, len(features)):
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((features - features[chosen[-1]]) ** 2).sum(1))
    return np.unique(chosen)


def _part_features(landmarks: NDArray[np.float32], unit: float) -> list[NDArray[np.float32]]:
    """Of every part (K, n), in torso lengths."""
    points = _with_middles(landmarks) / unit
    features = _places(points)
    for part, limb in _LIMBS.items():
        features[part] = np.concatenate([_PLACE_WORTH * features[part], _BEND_WORTH * _bend(points, limb)], 1)
    return features


def _places(points: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Of every part (K, n): where its joints lie, and which way the trunk is turned."""
    turned = (points[:, [11, 12]] - points[:, [PELVIS]]) * _DEPTH * _TURN_WORTH
    features = []
    for part, (joints, root) in enumerate(_JOINTS):
        around = (points[:, list(joints)] - points[:, [root]]) * _DEPTH * (_HEAD_WORTH if part == HEAD else 1.0)
        if part == TRUNK:
            around = np.concatenate([_LEAN_WORTH * around, _upright(points, around)], 1)
        features.append(np.concatenate([around, turned], 1).reshape(len(points), -1).astype(np.float32))
    return features


def _upright(points: NDArray[np.float32], around: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same places (K, n, 3) with the picture turned until the spine is upright: who leans is who stands, turned."""
    spine = points[:, PELVIS, :2] - points[:, NECK, :2]
    way = (spine[:, 1] - 1j * spine[:, 0]) / np.maximum(np.hypot(*spine.T), 1e-3)
    flat = (around[..., 0] + 1j * around[..., 1]) * np.conj(way)[:, None]
    return np.stack([flat.real, flat.imag, around[..., 2]], -1).astype(np.float32)


def _turned(landmarks: NDArray[np.float32]) -> NDArray[np.complex64]:
    """(K,): which way hips and shoulders are turned around an upright axis, as a complex number of length 1."""
    across = landmarks[:, [11, 23], :3].sum(1) - landmarks[:, [12, 24], :3].sum(1)
    way = across[:, 0] + 1j * across[:, 2]
    return np.asarray(way / np.maximum(np.abs(way), 1e-3), np.complex64)


def _bend(points: NDArray[np.float32], limb: tuple[int, int, int]) -> NDArray[np.float32]:
    """(K, 4): how long both bones of a limb are in the picture, and how the second lies seen from the first."""
    upper, lower = (
        points[:, b, 0] - points[:, a, 0] + 1j * (points[:, b, 1] - points[:, a, 1]) for a, b in pairwise(limb)
    )
    lengths = np.abs(upper), np.abs(lower)
    lies = lower * np.conj(upper / (lengths[0] + _SHORT))
    return np.stack([*lengths, lies.real, lies.imag], 1).astype(np.float32)


def _shorter(landmarks: NDArray[np.float32], unit: float) -> NDArray[np.float32]:
    """(limbs, K): torso lengths by which each of :data:`_LIMBS` is shorter than the other side's, bone by bone."""
    points = landmarks[..., :2] / unit
    lengths = np.stack(
        [[np.hypot(*(points[:, b] - points[:, a]).T) for a, b in pairwise(limb)] for limb in _LIMBS.values()]
    )
    return np.asarray(np.maximum(lengths[[1, 0, 3, 2]] - lengths, 0).sum(1), np.float32)


def _body_features(landmarks: NDArray[np.float32], unit: float) -> NDArray[np.float32]:
    points = _with_middles(landmarks) / unit
    around = (points[:, list(_BODY)] - points[:, [PELVIS]]) * _DEPTH
    return np.asarray(around.reshape(len(points), -1), np.float32)


def _from_pelvis(landmarks: NDArray[np.float32], unit: float) -> NDArray[np.float32]:
    """(K, 39, 3) in torso lengths."""
    points = _with_middles(landmarks) / unit
    crown = points[:, EARS] + CROWN_SHARE * (points[:, EARS] - points[:, NECK])
    points[:, CROWN] = crown
    return np.asarray(points - points[:, [PELVIS]], np.float32)


def _with_middles(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """(K, 39, 3): landmarks with the points of ``core.limbs`` that lie between them."""
    xyz = landmarks[..., :3]
    middles = [xyz[:, list(pair)].mean(1) for pair in ((11, 12), (23, 24), (7, 8), (17, 19), (18, 20), (7, 8))]
    return np.concatenate([xyz, np.stack(middles, 1)], 1)
