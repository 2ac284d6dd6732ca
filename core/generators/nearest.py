"""Nearest neighbour: the performer's own frames, chosen by pose and bent limb by limb towards it (:mod:`core.warping.bend`).

Distances are taken over all frames at once as a matrix product, weighted by visibility on both sides. ``nearest-frame``
takes the nearest frame each time, as the course project did, and stutters. ``nearest`` chooses the whole sequence by
dynamic programming (Schödl et al., "Video Textures", SIGGRAPH 2000, and Kovar et al., "Motion Graphs", 2002, choose
transitions the same way): pose distance plus a cost for every jump between frames that do not follow each other, lower
where the two look alike. So it flows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core.compositing import blend
from core.generators.base import Choice, Chooser, Generator, GeneratorSpec, Glimpse
from core.generators.inside import around, sized
from core.generators.registry import register
from core.generators.traits import traits
from core.pose import skeleton
from core.pose.retarget import measure_body
from core.shadow import light_left
from core.types import Alpha, Frame, Picture, Pose
from core.warping.bend import bend

if TYPE_CHECKING:
    from core.targets.store import Target

Matrix = NDArray[np.float32]

_CANDIDATES = 40
_KEPT = 56
_WINDOW = 1500
_LOOK_AHEAD = 150
_SCALE_BOUNDS = (0.85, 1.18)
_SHADOW_REACH = 0.5
_ANCHORS = (*skeleton.SHOULDERS, *skeleton.HIPS, skeleton.LEFT_ANKLE, skeleton.RIGHT_ANKLE)


class PoseIndex:
    """The performer's poses, ready to be compared with.

    Distance between two poses is the root of the mean squared difference over their traits, see
    :func:`core.generators.traits.traits`, in torso lengths; the mean is weighted by the product of both sides' weights.
    """

    def __init__(self, target: Target) -> None:
        self.frames: NDArray[np.int64] = np.flatnonzero(target.found)
        self.runs = np.asarray(target.runs)[self.frames]
        landmarks = np.asarray(target.poses)[self.frames]
        self.unit = measure_body([Pose(p) for p in landmarks]).near[1]
        self._points, trust = traits(landmarks, self.unit)
        self._trust = trust + 1e-4
        self._moments = (self._trust, self._trust * self._points, self._trust * self._points**2)

    @property
    def held_bytes(self) -> int:
        """Of its arrays."""
        return sum(array.nbytes for array in (self._points, *self._moments))

    def distances(self, landmarks: NDArray[np.float32]) -> Matrix:
        """(queries, frames) float32 for queries (queries, 33, 4)."""
        points, trust = traits(landmarks, self.unit)
        return _weighted_distance(points, trust + 1e-4, self._moments)

    def between(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> Matrix:
        """(len(first), len(second)) distances between the performer's own frames, given by their place in ``frames``."""
        moments = tuple(m[second] for m in self._moments)
        return _weighted_distance(self._points[first], self._trust[first], (moments[0], moments[1], moments[2]))


def _weighted_distance(points: Matrix, trust: Matrix, moments: tuple[Matrix, Matrix, Matrix]) -> Matrix:
    weight, first, second = moments
    squares = (trust * points**2) @ weight.T - 2 * (trust * points) @ first.T + trust @ second.T
    return np.asarray(np.sqrt(np.maximum(squares / (trust @ weight.T), 0.0)), np.float32)


@dataclass(frozen=True, slots=True)
class SequenceCosts:
    """What a sequence pays, in torso lengths of pose distance for one frame."""

    jump: float = 0.10
    unlike: float = 1.0
    pause: float = 0.015
    backwards: float = 0.06


def choose_sequence(
    index: PoseIndex, landmarks: NDArray[np.float32], advance: float, costs: SequenceCosts
) -> NDArray[np.int64]:
    """Places in ``index.frames`` for each query, the cheapest sequence (Viterbi over the nearest candidates).

    Long videos are solved in windows that overlap by five seconds, so that memory and time grow with length alone.

    Args:
        landmarks: (queries, 33, 4), the poses asked for.
        advance: frames of the performer's footage that pass during one frame of the source.
    """
    chosen = np.empty(len(landmarks), np.int64)
    start = 0
    while start < len(landmarks):
        stop = min(start + _WINDOW, len(landmarks))
        path = _viterbi(index, landmarks[start:stop], advance, costs, chosen[start - 1] if start else None)
        keep = stop - start if stop == len(landmarks) else stop - start - _LOOK_AHEAD
        chosen[start : start + keep] = path[:keep]
        start += keep
    return chosen


def _viterbi(
    index: PoseIndex, landmarks: NDArray[np.float32], advance: float, costs: SequenceCosts, before: int | None
) -> NDArray[np.int64]:
    distance = index.distances(landmarks)
    count = min(_CANDIDATES, distance.shape[1])
    states: list[NDArray[np.int64]] = []
    back: list[NDArray[np.int64]] = []
    total = np.zeros(1, np.float32)
    previous = np.array([before], np.int64) if before is not None else None
    for row in distance:
        here = np.argpartition(row, count - 1)[:count].astype(np.int64)
        if previous is None:
            total, came = row[here], np.zeros(len(here), np.int64)
        else:
            # a candidate's successors are candidates too, or a sequence could never outlast one bad frame
            here = np.unique(np.concatenate([here, np.minimum(previous + 1, len(row) - 1)]))
            step = total[:, None] + _transition(index, previous, here, advance, costs)
            came = step.argmin(axis=0)
            total = step[came, np.arange(len(here))] + row[here]
            best = np.argpartition(total, min(_KEPT, len(total)) - 1)[:_KEPT]
            here, came, total = here[best], came[best], total[best]
        states.append(here)
        back.append(came)
        previous = here
    return _trace(states, back, int(total.argmin()))


def _trace(states: list[NDArray[np.int64]], back: list[NDArray[np.int64]], last: int) -> NDArray[np.int64]:
    path = np.empty(len(states), np.int64)
    for t in range(len(states) - 1, -1, -1):
        path[t] = states[t][last]
        last = int(back[t][last])
    return path


def _transition(
    index: PoseIndex, before: NDArray[np.int64], after: NDArray[np.int64], advance: float, costs: SequenceCosts
) -> Matrix:
    step = index.frames[after][None, :] - index.frames[before][:, None]
    # every place in the footage has a natural next one; how unlike that one the chosen frame looks is what a jump shows
    natural = np.minimum(before + max(round(advance), 1), len(index.frames) - 1)
    cost = costs.jump + costs.unlike * index.between(natural, after)
    low, high = int(np.floor(advance)), int(np.ceil(advance))
    together = index.runs[after][None, :] == index.runs[before][:, None]
    flowing = together & (step >= max(low, 1)) & (step <= max(high, 1) + 1)
    cost = np.where(flowing, 0.0, cost)
    cost = np.where(step == 0, np.minimum(cost, costs.pause), cost)
    backwards = together & (step < 0) & (step >= -high - 1)
    return np.where(backwards, np.minimum(cost, costs.backwards), cost).astype(np.float32)


class _Nearest(Generator):
    """What both ways of choosing share: the index, and drawing."""

    copies = True

    def __init__(self, target: Target) -> None:
        self._target = target
        self._index = PoseIndex(target)

    @property
    def held_bytes(self) -> int:
        """See ``Generator.held_bytes``."""
        return self._index.held_bytes

    def prepare(self, going: Callable[[], bool]) -> None:
        """See ``Generator.prepare``: the outline by which the performer is cut into parts."""
        if going():
            _ = self._target.outline

    def generate(self, pose: Pose, choice: Choice) -> Picture:
        """The chosen frame's person, moved, scaled and bent towards the asked pose, on the empty stage.

        Raises:
            ValueError: no frame was chosen.
        """
        choice, target = _chosen(choice), self._target
        own = np.asarray(target.poses[choice])
        place = placement(own, pose.landmarks)
        frame, mask = target.frames[choice], target.masks[choice]
        image = _cast_shadow(frame, mask, _with_feet(place, own, pose.landmarks), target.plate)
        alpha = np.zeros(mask.shape, np.uint8)
        bent = bend(frame, mask, own, pose.landmarks, place, self._index.unit, outline=target.outline)
        if bent is not None:
            alpha[bent.box] = bent.alpha
            image[bent.box] = blend(bent.image, image[bent.box], bent.alpha)
        return Picture(image, alpha)

    def look_inside(self, pose: Pose, choice: Choice) -> list[Glimpse]:
        """See ``Generator.look_inside``: the chosen frame, and the one of the nearest pose where that is another.

        Raises:
            ValueError: no frame was chosen.
        """
        frame, frames = _chosen(choice), self._index.frames
        apart = self._index.distances(pose.landmarks[None])[0]
        chosen, closest = float(apart[frames == frame][0]), int(apart.argmin())
        glimpses = [Glimpse(f"Frame {frame} of the footage", self._person_in(frame), _how_far(chosen))]
        if apart[closest] < chosen:
            other, note = int(frames[closest]), f"The closest single frame: {_how_far(float(apart[closest]))}"
            glimpses.append(Glimpse(f"Frame {other} of the footage", self._person_in(other), note))
        return glimpses

    def _person_in(self, frame: int) -> Frame:
        own = np.asarray(self._target.poses[frame])
        here = around(own[:, :2], self._index.unit, self._target.size)
        return sized(self._target.frames[frame][here.rows, here.columns])


def _chosen(choice: Choice) -> int:
    if not isinstance(choice, int):
        raise ValueError("nearest neighbour pictures are made from a chosen frame")
    return choice


def _how_far(distance: float) -> str:
    return f"{distance:.2f} torso lengths away"


def placement(own: NDArray[np.float32], asked: NDArray[np.float32]) -> NDArray[np.float64]:
    """(2, 3) scale and shift, no rotation, that brings the performer's own landmarks nearest to the asked ones.

    Least squares over shoulders, hips and ankles; both are (33, 4). The scale stays near one: a body that bends is no
    farther away.
    """
    anchors = list(_ANCHORS)
    weight = (own[anchors, 3] * asked[anchors, 3] + 1e-3)[:, None].astype(np.float64)
    a, b = own[anchors, :2].astype(np.float64), asked[anchors, :2].astype(np.float64)
    centre_a, centre_b = (weight * a).sum(0) / weight.sum(), (weight * b).sum(0) / weight.sum()
    a, b = a - centre_a, b - centre_b
    scale = float(np.clip((weight * a * b).sum() / max((weight * a * a).sum(), 1e-6), *_SCALE_BOUNDS))
    shift = centre_b - scale * centre_a
    return np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])


def _with_feet(place: NDArray[np.float64], own: NDArray[np.float32], asked: NDArray[np.float32]) -> NDArray[np.float64]:
    """``place`` shifted so that the own feet, which the shadow hangs on, lie where the asked ones are."""
    feet = list(skeleton.FEET)
    mine, theirs = own[feet, :2] * place[0, 0], asked[feet, :2]
    shift = [theirs[:, 0].mean() - mine[:, 0].mean(), theirs[:, 1].max() - mine[:, 1].max()]
    return np.column_stack([place[:, :2], shift])


def _cast_shadow(frame: Frame, mask: Alpha, place: NDArray[np.float64], plate: Frame) -> Frame:
    """A copy of the plate with the shadow of ``frame`` on it, moved by ``place``."""
    image = plate.copy()
    found = cv2.boundingRect(mask)
    if found[2] == 0:
        return image
    box, matrix = _landing(_grown(found, mask.shape, _SHADOW_REACH), place, mask.shape)
    if box is not None:
        image[box] = _shaded(image[box], light_left(frame, mask, plate), matrix)
    return image


def _shaded(stage: Frame, shade: NDArray[np.uint8], matrix: NDArray[np.float64]) -> Frame:
    """``stage`` darkened by ``shade``, which is half as large as the pictures that ``matrix`` warps."""
    halved = matrix.copy()
    halved[:, :2] *= 2
    halved[:, 2] += 0.5 * matrix[0, 0]
    warped = cv2.warpAffine(shade, halved, (stage.shape[1], stage.shape[0]), flags=cv2.INTER_LINEAR, borderValue=255)
    return np.asarray(cv2.multiply(stage, cv2.merge([warped, warped, warped]), scale=1 / 255), np.uint8)


_Box: TypeAlias = tuple[int, int, int, int]


def _grown(box: _Box, shape: tuple[int, ...], share: float) -> _Box:
    """x, y, width, height grown by a share of the height to both sides, kept inside the picture."""
    x, y, w, h = box
    more = round(h * share)
    left, right = max(x - more, 0), min(x + w + more, shape[1])
    return left, y, right - left, min(y + h + more // 4, shape[0]) - y


def _landing(
    box: _Box, place: NDArray[np.float64], shape: tuple[int, ...]
) -> tuple[tuple[slice, slice] | None, NDArray[np.float64]]:
    """Where ``box`` lands in a picture of ``shape``, and the matrix that warps the whole picture into that cut-out."""
    x, y, w, h = box
    scale, dx, dy = float(place[0, 0]), float(place[0, 2]), float(place[1, 2])
    left, top = max(int(np.floor(x * scale + dx)) - 1, 0), max(int(np.floor(y * scale + dy)) - 1, 0)
    right = min(int(np.ceil((x + w) * scale + dx)) + 1, shape[1])
    bottom = min(int(np.ceil((y + h) * scale + dy)) + 1, shape[0])
    matrix = np.array([[scale, 0, dx - left], [0, scale, dy - top]])
    if right <= left or bottom <= top:
        return None, matrix
    return (slice(top, bottom), slice(left, right)), matrix


class NearestFrame(_Nearest):
    """The nearest frame each time."""

    spec = GeneratorSpec(
        name="nearest-frame",
        title="Frame by frame",
        strength="The plain version to compare with: always the closest single picture, so it stutters.",
        needs_weights=False,
    )

    def choose_all(
        self, poses: Sequence[Pose | None], times: Sequence[Fraction], cuts: Sequence[int] = ()
    ) -> list[Choice]:
        """See ``Generator.choose_all``."""
        return [None if pose is None else self._closest(pose) for pose in poses]

    def chooser(self) -> Chooser:
        """See ``Generator.chooser``."""
        return _ClosestChooser(self._closest)

    def _closest(self, pose: Pose) -> int:
        return int(self._index.frames[self._index.distances(pose.landmarks[None])[0].argmin()])


class _ClosestChooser(Chooser):
    def __init__(self, closest: Callable[[Pose], int]) -> None:
        self._closest = closest

    def choose(self, pose: Pose, seconds: float) -> Choice:
        return self._closest(pose)


class Nearest(_Nearest):
    """The best sequence of frames."""

    spec = GeneratorSpec(
        name="nearest",
        title="Re-cut",
        strength="Real footage of the performer, re-cut to your dance: always sharp, ready at once, no training.",
        needs_weights=False,
    )
    costs = SequenceCosts()

    def choose_all(
        self, poses: Sequence[Pose | None], times: Sequence[Fraction], cuts: Sequence[int] = ()
    ) -> list[Choice]:
        """See ``Generator.choose_all``. Sequences end where nobody is in view."""
        result: list[Choice] = [None] * len(poses)
        known = [i for i, pose in enumerate(poses) if pose is not None]
        if not known:
            return result
        landmarks = np.stack([p.landmarks for p in poses if p is not None])
        advance = self._advance(float(times[-1] - times[0]), len(times))
        for i, place in zip(known, choose_sequence(self._index, landmarks, advance, self.costs), strict=True):
            result[i] = int(self._index.frames[place])
        return result

    def chooser(self) -> Chooser:
        """See ``Generator.chooser``."""
        return _FlowingChooser(self._index, float(self._target.rate), self.costs)

    def _advance(self, seconds: float, frames: int) -> float:
        spacing = seconds / (frames - 1) if frames > 1 else 1 / 25
        return spacing * float(self._target.rate)


_FORESIGHT = 8.0
"""For how many frames a live stream takes a pose to stay as it is. Being near pays for as long as that, a jump is paid once:
asked for one frame alone, no jump would ever pay, for its costs grow with the distance that it makes up. Of a fast dance
(omar-street, 30 frames a second) 1 is .22 torso lengths off, 8 is .16, and so is the sequence that knows the future."""


class _FlowingChooser(Chooser):
    """Goes on from the frame before unless another is nearer by more than a jump costs: the causal half of the sequence."""

    def __init__(self, index: PoseIndex, rate: float, costs: SequenceCosts) -> None:
        self._index = index
        self._rate = rate
        self._costs = costs
        self._place: int | None = None
        self._seconds = 0.0

    def choose(self, pose: Pose, seconds: float) -> Choice:
        row = _FORESIGHT * self._index.distances(pose.landmarks[None])[0]
        if self._place is not None:
            every = np.arange(len(row))
            advance = max((seconds - self._seconds) * self._rate, 0.0)
            row = row + _transition(self._index, np.array([self._place]), every, advance, self._costs)[0]
        self._place, self._seconds = int(row.argmin()), seconds
        return int(self._index.frames[self._place])


for _maker in (NearestFrame, Nearest):
    register(_maker.spec, _maker)
