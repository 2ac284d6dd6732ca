"""What is asked of a performer is brought to what the footage has shown of them, so that nothing unseen is made up.

A body that turns to a side which was never filmed is turned in space to the nearest side that was, and so is the head; arms,
legs and trunk that are bent or foreshortened as they never were are drawn towards the nearest that was seen. What stands stays
on its line, the middle of the hips stays where it was, and the body stays inside the picture. What the footage has is not
touched. Files do all that smoothly and without delay; live streams do it by the same rules from what was seen so far.

How much of a pose was seen is one number from 0 to 1. It is 1 when the footage shows every part like that, and falls to 0 for a
part that is a quarter turn, or the length of a bone, away from all that the footage has; the worst part counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.pose import skeleton
from core.pose.bones import Faces, Vectors, bones_of, lengths_of, turned, with_bones
from core.pose.limb_views import LEGS, LIMBS, LimbViews, with_changes
from core.pose.retarget import BodyStatistics, below_the_feet, lowest
from core.pose.smoothing import BRIDGE
from core.pose.stage_bounds import InsideStage
from core.pose.turns import Array, KnownTurns, TurnFollower, smooth_in_time, turn_of
from core.types import Pose

BEYOND: Final = 2 / 3
"""A pose of which less than this was seen asks beyond the footage: a turn of more than 30° too far, say."""

_QUARTER: Final = np.pi / 2
_EASE: Final = 0.08
"""Seconds over which the change of a limb is smoothed."""
_TRUNK_SIDES: Final = ((skeleton.LEFT_SHOULDER, skeleton.LEFT_HIP), (skeleton.RIGHT_SHOULDER, skeleton.RIGHT_HIP))
_SHOULDERS: Final = ((skeleton.LEFT_SHOULDER,), (skeleton.RIGHT_SHOULDER,))
_EARS: Final = ((7,), (8,))


class KnownViews:
    """What the footage of a performer shows.

    Args:
        poses: (N, 33, 4) of the frames in which they were found, in order of time.
        body: their statistics.
        rate: frames a second.
        width, height: of the picture, in pixels; without a height nothing is kept from sinking below it.
        photos: whether the footage is some photos.
    """

    def __init__(
        self,
        poses: NDArray[np.float32],
        body: BodyStatistics,
        rate: float,
        width: int,
        height: int | None = None,
        *,
        photos: bool = False,
    ) -> None:
        track = np.asarray(poses, np.float64)
        self._body = body
        self.trunk = KnownTurns(trunk_turn(track, hanging=not body.legs_seen), rate)
        self.face = KnownTurns(turn_of(track, *_EARS), rate)
        # of whoever was filmed without legs, those are below the picture
        floor = height if body.legs_seen else None
        self.stage = InsideStage(width, body.centre, body.near[1], floor)
        lengths = self._lengths(track)
        vectors = bones_of(track, lengths)
        self._faces = Faces(vectors, lengths, turn_of(track, *_EARS))
        self._limbs = [LimbViews(limb, vectors, lengths, photos=photos) for limb in LIMBS]

    def _lengths(self, track: Array) -> Array:
        return lengths_of(self._body, lowest(track, below_the_feet(track, self._body.near[1])))

    def bring(
        self,
        asked: Sequence[Pose | None],
        seconds: Sequence[float],
        *,
        hanging: bool = False,
    ) -> tuple[list[Pose | None], list[float]]:
        """The poses of a whole shot, each brought to what is known, and how much of each was seen.

        Args:
            asked: one for each frame, None for nobody.
            seconds: their times, growing.
            hanging: whether hips and legs are the performer's own, at rest (``Retargeter.hangs``): those stay.

        Returns:
            The poses to draw, and numbers from 0 to 1, NaN for nobody.
        """
        poses: list[Pose | None] = list(asked)
        seen = [float("nan")] * len(poses)
        runs, tracks = _runs(asked, seconds), []
        clocks = [np.array([seconds[i] for i in run]) for run in runs]
        for run, clock in zip(runs, clocks, strict=True):
            track = np.stack([p.landmarks for i in run if (p := asked[i]) is not None]).astype(np.float64)
            brought, known = self._bring(track, clock, hanging=hanging)
            tracks.append(brought)
            for i, share in zip(run, known, strict=True):
                seen[i] = float(share)
        for run, track in zip(runs, self.stage.kept_inside(tracks, clocks), strict=True):
            for i, landmarks in zip(run, track, strict=True):
                poses[i] = Pose(landmarks.astype(np.float32))
        return poses, seen

    def _bring(self, track: Array, seconds: Array, *, hanging: bool) -> tuple[Array, Array]:
        trunk, face = trunk_turn(track, hanging=hanging), turn_of(track, *_EARS)
        body = self.trunk.bring(trunk, seconds)
        lengths = self._lengths(track)
        before = bones_of(track, lengths)
        head = body + self.face.bring(face + body, seconds)
        after = self.turned(before, lengths, body, head, face, hanging=hanging)
        changes, beyond = self.limb_changes(after, lengths, hanging=hanging)
        changes = [smooth_in_time(change, seconds, _EASE) if change.any() else change for change in changes]
        return self.standing(track, before, changed(after, changes)), self.seen(trunk, face, beyond)

    def turned(
        self, before: Vectors, lengths: Array, body: Array, head: Array, face: Array, *, hanging: bool
    ) -> Vectors:
        """The bones after the body was turned by ``body`` and the head, which was turned to ``face``, by ``head``."""
        if not body.any() and not head.any():
            return before
        return self._faces.put(turned(before, lengths, body, head, hanging=hanging), lengths, head, face + head)

    def limb_changes(self, vectors: Vectors, lengths: Array, *, hanging: bool) -> tuple[list[Vectors], Array]:
        """For every limb what to change, and (N,) how far the worst of them is beyond what was seen, in lengths of a bone."""
        found = [limb.towards(vectors, lengths) for limb in self._limbs]
        if hanging:
            for leg in LEGS:
                change, beyond = found[leg]
                found[leg] = np.zeros_like(change), np.zeros_like(beyond)
        return [change for change, _ in found], np.max([beyond for _, beyond in found], axis=0)

    def standing(self, track: Array, before: Vectors, after: Vectors) -> Array:
        """The poses with other bones, what each of them stands on at the height that it had."""
        result, shares = with_bones(track, before, after), below_the_feet(track, self._body.near[1])
        result[..., 1] += (lowest(track, shares) - lowest(result, shares))[:, None]
        return result

    def seen(self, trunk: Array, face: Array, limbs: Array) -> Array:
        """(N,) how much of each pose the footage shows, 0 to 1.

        Args:
            trunk, face: the directions asked for.
            limbs: how far the worst limb is beyond what was seen.
        """
        turns = np.maximum(self.trunk.beyond(trunk), self.face.beyond(face)) / _QUARTER
        return np.asarray(np.clip(1 - np.maximum(turns, limbs), 0.0, 1.0))

    def live(self) -> LiveViews:
        """The same for one live stream."""
        return LiveViews(self)

    def frame(self, track: Array) -> tuple[Array, Vectors]:
        """Lengths and bones of poses (N, 33, 4)."""
        lengths = self._lengths(track)
        return lengths, bones_of(track, lengths)


class LiveViews:
    """Brings the poses of one live stream to what is known, one after the other. State of one stream.

    Args:
        known: what the footage shows.
    """

    def __init__(self, known: KnownViews) -> None:
        self._known = known
        self.reset()

    def reset(self) -> None:
        """Begin anew at the next pose."""
        self._body, self._face = TurnFollower(self._known.trunk), TurnFollower(self._known.face)
        self._changes: list[Vectors] | None = None
        self._shift = 0.0
        self._seconds = 0.0

    def step(self, pose: Pose, seconds: float, *, hanging: bool = False) -> tuple[Pose, float]:
        """The pose to draw at ``seconds``, and how much of the one that was asked for was seen.

        Args:
            hanging: as for ``KnownViews.bring``.
        """
        span = seconds - self._seconds
        if not 0 <= span <= BRIDGE:
            self.reset()
        known, track = self._known, pose.landmarks[None].astype(np.float64)
        trunk, face = trunk_turn(track, hanging=hanging), turn_of(track, *_EARS)
        body = np.array([self._body.step(float(trunk[0]), seconds)])
        head = body + self._face.step(float(face[0] + body[0]), seconds)
        lengths, before = known.frame(track)
        after = known.turned(before, lengths, body, head, face, hanging=hanging)
        changes, beyond = known.limb_changes(after, lengths, hanging=hanging)
        if self._changes is not None:
            share = 1 - float(np.exp(-max(span, 1e-3) / _EASE))
            changes = [old + share * (new - old) for old, new in zip(self._changes, changes, strict=True)]
        brought = known.standing(track, before, changed(after, changes))
        began = self._changes is None
        self._shift = known.stage.step(brought[0], self._shift, 1e3 if began else span)
        brought[..., 0] += self._shift
        brought = known.stage.above_the_edge(brought)
        self._changes, self._seconds = changes, seconds
        return Pose(brought[0].astype(np.float32)), float(known.seen(trunk, face, beyond)[0])


def trunk_turn(track: Array, *, hanging: bool) -> Array:
    """(N,) how far each trunk is turned; told by the shoulders alone where the hips are not the body's own."""
    return turn_of(track, *(_SHOULDERS if hanging else _TRUNK_SIDES))


def share_beyond(seen: Sequence[float]) -> float:
    """The share of frames with somebody that ask beyond the footage.

    Args:
        seen: how much of each was seen, NaN for nobody.
    """
    known = [share for share in seen if not math.isnan(share)]
    return sum(share < BEYOND for share in known) / max(len(known), 1)


def changed(vectors: Vectors, changes: Sequence[Vectors]) -> Vectors:
    """The bones after what was to be changed of every limb."""
    for limb, change in zip(LIMBS, changes, strict=True):
        if change.any():
            vectors = with_changes(vectors, limb, change)
    return vectors


def _runs(asked: Sequence[Pose | None], seconds: Sequence[float]) -> list[list[int]]:
    """Numbers of the frames with somebody, parted where nobody was for long."""
    runs: list[list[int]] = []
    for i, pose in enumerate(asked):
        if pose is None:
            continue
        if not runs or seconds[i] - seconds[runs[-1][-1]] > BRIDGE:
            runs.append([])
        runs[-1].append(i)
    return runs
