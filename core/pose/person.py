"""Which of several people to follow, and how to recognise the same one a frame later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from core.errors import UnusableInput
from core.pose import skeleton
from core.types import Pose

Person: TypeAlias = Literal["largest", "left", "right"] | int | tuple[float, float]
"""``largest``, ``left`` or ``right`` at the start; the n-th from the left, from 1; or the one nearest to a point given in
shares of the picture's width and height."""

_WORDS: Final[tuple[Literal["largest", "left", "right"], ...]] = ("largest", "left", "right")
_FORGET_AFTER = 1.5
_REACH_PER_SECOND = 2.0
_REACH_AT_ONCE = 0.3


def parse_person(text: str) -> Person:
    """The choice that the words of a command line or a link name.

    Raises:
        UnusableInput: it is none of ``largest``, ``left``, ``right`` and a number from 1.
    """
    for word in _WORDS:
        if text == word:
            return word
    if len(text) <= 2 and text.isascii() and text.isdigit() and int(text) >= 1:
        return int(text)
    raise UnusableInput(
        f"Person '{text[:40]}' is not known: say largest, left, right or a number counted from the left."
    )


@dataclass(frozen=True, slots=True)
class Body:
    """Where a person is: centre of the trunk and height of the visible body, in pixels."""

    x: float
    y: float
    height: float


def body_of(pose: Pose) -> Body:
    """Where the person is, by the landmarks that were seen (all of them when hardly any were)."""
    seen = pose.visibility >= 0.5
    points = pose.xy[seen] if seen.sum() >= 4 else pose.xy
    trunk = pose.xy[[*skeleton.SHOULDERS, *skeleton.HIPS]].mean(axis=0)
    low, high = points.min(axis=0), points.max(axis=0)
    return Body(float(trunk[0]), float(trunk[1]), max(float((high - low).max()), 1.0))


def distinct(poses: Sequence[Pose]) -> list[Pose]:
    """The people among detections, largest first; near copies of one person, and specks a third as high, are left out."""
    bodies = sorted(((body_of(p), p) for p in poses), key=lambda pair: -pair[0].height)
    kept: list[tuple[Body, Pose]] = []
    for body, pose in bodies:
        if body.height < 0.35 * bodies[0][0].height:
            continue
        if all(np.hypot(body.x - k.x, body.y - k.y) > 0.15 * k.height for k, _ in kept):
            kept.append((body, pose))
    return [pose for _, pose in kept]


def choose(poses: Sequence[Pose], person: Person, size: tuple[int, int]) -> Pose:
    """The one of ``poses`` (at least one) that ``person`` means; ``size`` is (width, height) of their picture."""
    across = sorted(poses, key=lambda p: body_of(p).x)
    if person == "largest":
        return max(poses, key=lambda p: body_of(p).height)
    if person == "left":
        return across[0]
    if person == "right":
        return across[-1]
    if isinstance(person, int):
        return across[min(person, len(across)) - 1]
    x, y = person[0] * size[0], person[1] * size[1]
    return min(poses, key=lambda p: np.hypot(body_of(p).x - x, body_of(p).y - y))


class Follower:
    """Picks the chosen person at the start and the same one afterwards.

    Whoever is followed may move ``0.3 + 2 t`` body heights in ``t`` seconds, growing and shrinking included; a detection
    farther off is somebody else. After a second and a half without them the choice is made anew. A single person in view
    is followed without that bound, so that a fast jump or a camera shake never loses them.
    """

    def __init__(self, person: Person = "largest") -> None:
        self._person = person
        self.reset()

    def reset(self) -> None:
        """Forget whom was followed, as after a cut."""
        self._last: Body | None = None
        self._seen_at = 0.0
        self._several_at = -_FORGET_AFTER

    def pick(self, poses: Sequence[Pose], seconds: float, size: tuple[int, int]) -> Pose | None:
        """The followed one among everybody found in the frame at ``seconds``, or None; ``size`` is (width, height)."""
        candidates = distinct(poses)
        if self._last is not None and seconds - self._seen_at > _FORGET_AFTER:
            self._last = None
        if not candidates:
            return None
        if len(candidates) > 1:
            self._several_at = seconds
        chosen = choose(candidates, self._person, size) if self._last is None else self._same(candidates, seconds)
        if chosen is not None:
            self._last, self._seen_at = body_of(chosen), seconds
        return chosen

    def _same(self, candidates: Sequence[Pose], seconds: float) -> Pose | None:
        last = self._last
        if last is None:
            return None

        def apart(pose: Pose) -> float:
            body = body_of(pose)
            size_change = abs(float(np.log(body.height / last.height)))
            return float(np.hypot(body.x - last.x, body.y - last.y)) / last.height + 0.5 * size_change

        nearest = min(candidates, key=apart)
        alone = len(candidates) == 1 and seconds - self._several_at > _FORGET_AFTER
        reach = _REACH_AT_ONCE + _REACH_PER_SECOND * (seconds - self._seen_at)
        return nearest if alone or apart(nearest) <= reach else None
