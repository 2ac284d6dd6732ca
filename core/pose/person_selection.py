"""Which of several people to follow, and how to recognise the same one a frame later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.errors import UnusableInput
from core.pose import skeleton
from core.pose.appearance_match import OTHER_CLOTHES, Chosen, Colours, colours_apart
from core.pose.dark import SideHold
from core.pose.detection import Detection
from core.types import Pose

AtFirst: TypeAlias = Literal["largest", "left", "right"] | int | tuple[float, float]
"""``largest``, ``left`` or ``right`` at the start; the n-th from the left, from 1; or the one nearest to a point given in
shares of the picture's width and height."""
Person: TypeAlias = AtFirst | Chosen
"""Whom to follow: somebody who is there at first, or somebody at any moment."""

_WORDS: Final[tuple[Literal["largest", "left", "right"], ...]] = ("largest", "left", "right")
_FORGET_AFTER = 1.5
_REACH_PER_SECOND = 2.0
_REACH_AT_ONCE = 0.3
SPECK: Final = 0.35
"""Whoever is lower than this share of the largest person is nobody to follow."""
_SAME_PLACE: Final = 0.15
_PREDICT_SECONDS: Final = 0.5
_SETTLE_SECONDS: Final = 0.25
_COVERED: Final = 0.35
_ALIKE: Final = 0.4
"""Of ``OTHER_CLOTHES``, up to which two are dressed alike."""
_ROUNDING: Final = 1e-3
_SAME_MOMENT: Final = 0.1
"""Seconds after the moment that was pointed at in which everybody is still there, should its very frame be left out."""
_PATIENCE: Final = 5.0
_LISTED_SECONDS: Final = 0.75
"""Whoever was not seen for so long is not listed: others than the followed one are looked at a few times a second."""
_CLOTHES_WEIGHT: Final = 2.0
_IMPOSSIBLE: Final = 100.0


def parse_person(text: str) -> AtFirst:
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


def same_place(a: Body, b: Body) -> bool:
    """Whether two bodies are so near to each other that they are one person found twice; the first is the larger one."""
    return bool(np.hypot(a.x - b.x, a.y - b.y) <= _SAME_PLACE * max(a.height, b.height))


def unlikeness(a: NDArray[np.float32] | None, b: NDArray[np.float32] | None) -> float:
    """How differently two are dressed whose colours (6,) these are, 1 for certainly two people; 0 where colours are not known."""
    if a is None or b is None:
        return 0.0
    return min(colours_apart(a, b) / OTHER_CLOTHES, 1.0)


def distinct(poses: Sequence[Pose], *, speck: float = SPECK) -> list[Pose]:
    """The people among detections, largest first; near copies of one person, and specks a third as high, are left out.

    ``speck`` is the share of the largest one's height below which somebody is a speck.
    """
    bodies = sorted(((body_of(p), p) for p in poses), key=lambda pair: -pair[0].height)
    kept: list[tuple[Body, Pose]] = []
    for body, pose in bodies:
        if body.height >= speck * bodies[0][0].height and not any(same_place(other, body) for other, _ in kept):
            kept.append((body, pose))
    return [pose for _, pose in kept]


def choose(poses: Sequence[Pose], person: AtFirst, size: tuple[int, int]) -> Pose:
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


@dataclass(slots=True)
class _Known:
    """Somebody in view, or out of view for a moment."""

    number: int
    pose: Pose
    body: Body
    colours: NDArray[np.float32] | None
    seen_at: float
    velocity: tuple[float, float] = (0.0, 0.0)

    def expected(self, seconds: float) -> Body:
        """Where they are by now, if they go on as they went."""
        ahead = min(seconds - self.seen_at, _PREDICT_SECONDS)
        return Body(self.body.x + ahead * self.velocity[0], self.body.y + ahead * self.velocity[1], self.body.height)

    def distance(self, body: Body, seconds: float) -> float:
        """How far off ``body`` is, in the heights that somebody may move meanwhile; growing and shrinking included."""
        size_change = abs(float(np.log(body.height / self.body.height)))
        moved = min(_apart(self.body, body), _apart(self.expected(seconds), body)) / self.body.height
        return (moved + 0.5 * size_change) / (_REACH_AT_ONCE + _REACH_PER_SECOND * (seconds - self.seen_at))

    def unlikeness(self, colours: NDArray[np.float32] | None) -> float:
        """How differently they are dressed, 1 for certainly somebody else; 0 where colours are not known."""
        return unlikeness(self.colours, colours)

    def resembles(self, pose: Pose) -> bool:
        """Whether somebody is in the same place, or dressed alike."""
        known = self.colours is not None and pose.colours is not None
        return same_place(self.body, body_of(pose)) or (known and self.unlikeness(pose.colours) < _ALIKE)

    def take_in(self, pose: Pose, body: Body, seconds: float, *, covered: bool) -> None:
        """Note where they are now. ``covered`` keeps the colours: somebody else's may lie over them."""
        elapsed = max(seconds - self.seen_at, 1e-3)
        share = min(elapsed / _SETTLE_SECONDS, 1.0)
        now = ((body.x - self.body.x) / elapsed, (body.y - self.body.y) / elapsed)
        self.velocity = (
            self.velocity[0] + share * (now[0] - self.velocity[0]),
            self.velocity[1] + share * (now[1] - self.velocity[1]),
        )
        self.pose, self.body, self.seen_at = pose, body, seconds
        if pose.colours is not None and not covered:
            self.colours = (
                pose.colours if self.colours is None else self.colours + share * (pose.colours - self.colours)
            )


def plain_colours(colours: NDArray[np.float32] | None) -> Colours:
    """Colours as they are kept of somebody who is chosen."""
    return () if colours is None else tuple(round(float(value), 1) for value in colours)


def _apart(a: Body, b: Body) -> float:
    return float(np.hypot(a.x - b.x, a.y - b.y))


@dataclass(frozen=True, slots=True)
class Listed:
    """Somebody in view.

    Attributes:
        number: theirs for as long as they are known.
        pose: where they were last.
        followed: whether they are followed.
        person: what follows them from now on, and waits a while whenever they are away.
    """

    number: int
    pose: Pose
    followed: bool
    person: Chosen


class Follower:
    """Picks the chosen person at the start and the same one afterwards.

    Everybody in view is known by position, size and the colours of their clothes, and each frame's people are assigned to those
    who are known, so that identities survive a crossing. Whoever is followed may move ``0.3 + 2 t`` body heights in ``t``
    seconds, growing and shrinking included; a detection farther off is somebody else. After a second and a half without them
    the choice is made anew. A single person in view is followed without that bound, so that a fast jump or a camera shake
    never loses them. Somebody :class:`Chosen` is followed from the moment at which they were pointed at, and by their clothes
    before it and after an absence; nobody who is dressed as another one is taken for them.
    """

    def __init__(self, person: Person = "largest") -> None:
        self._person = person
        self._numbers = count()
        self._seen_at: float | None = None
        self._now = 0.0
        self._looked_back = False
        self._sides = SideHold()
        self.reset()

    def reset(self) -> None:
        """Forget everybody, as after a cut."""
        self._followed: _Known | None = None
        self._others: list[_Known] = []
        self._several_at = -_FORGET_AFTER
        self._changed = False
        self._sides.reset()

    def follow(self, one: Listed) -> None:
        """From now on follow somebody who was listed, in the place of whoever is followed now."""
        everybody = self._everybody()
        self._person, self._looked_back, self._seen_at = one.person, True, self._now
        # whoever is not known any more is known again by their clothes
        self._followed = next((known for known in everybody if known.number == one.number), None)
        self._others = [known for known in everybody if known is not self._followed]

    def listed(self, size: tuple[int, int]) -> list[Listed]:
        """Everybody who was in view around the last frame, of (width, height) ``size``, those known longest first."""
        recent = [known for known in self._everybody() if self._now - known.seen_at <= _LISTED_SECONDS]
        recent.sort(key=lambda known: known.number)
        return [self._listed(known, recent, size) for known in recent]

    def _listed(self, known: _Known, everybody: Sequence[_Known], size: tuple[int, int]) -> Listed:
        others = tuple(
            plain_colours(other.colours) for other in everybody if other is not known and other.colours is not None
        )
        x, y = known.body.x / size[0], known.body.y / size[1]
        person = Chosen(known.seen_at, x, y, plain_colours(known.colours), others, _PATIENCE)
        return Listed(known.number, known.pose, known is self._followed, person)

    def _everybody(self) -> list[_Known]:
        return [known for known in (self._followed, *self._others) if known is not None]

    def pick_from(
        self, found: Sequence[Detection], seconds: float, size: tuple[int, int], *, changed: bool = False
    ) -> Detection | None:
        """The followed one among what a finder found in the frame at ``seconds``, or None; ``size`` is (width, height).

        Args:
            changed: whether the picture changed at once: another shot may begin, in which whom to follow is chosen anew, unless
                somebody is where the followed one was, or dressed like them.
        """
        elsewhere = [detection.pose for detection in found if not detection.fresh]
        fresh = [detection.pose for detection in found if detection.fresh]
        followed = None if self._followed is None else replace(self._followed)
        chosen = self.pick(fresh, seconds, size, elsewhere=elsewhere)
        self._changed |= changed
        if self._changed and fresh:
            self._changed = False
            if chosen is None or (followed is not None and not followed.resembles(chosen)):
                self.reset()
                chosen = self.pick(fresh, seconds, size)
        detection = next((detection for detection in found if detection.pose is chosen), None)
        if detection is None or not detection.dark:
            return detection
        return replace(detection, pose=self._sides.held(detection.pose, seconds))

    def pick(
        self, poses: Sequence[Pose], seconds: float, size: tuple[int, int], *, elsewhere: Sequence[Pose] = ()
    ) -> Pose | None:
        """The followed one among everybody found in the frame at ``seconds``, or None.

        Args:
            size: (width, height) of the frame.
            elsewhere: where others were when they were last looked at. None of them is picked, nor is where they are noted;
                but whoever they are is not taken for one of ``poses``.
        """
        self._now = seconds
        self._forget(seconds)
        # whoever comes near to the camera does not make a speck of somebody who is followed
        candidates = distinct(poses, speck=SPECK if self._followed is None else 0.0)
        if not candidates:
            return None
        if len(candidates) + len(elsewhere) > 1:
            self._several_at = seconds
        bodies = [body_of(pose) for pose in candidates]
        pointed_at = self._pointed_at(bodies, seconds, size)
        if self._followed is None or pointed_at is not None:
            place = self._choose(candidates, bodies, seconds, size) if pointed_at is None else pointed_at
            if place is not None:
                self._followed = self._known(candidates[place], bodies[place], seconds)
                # whoever was held for somebody else until now is known anew
                self._others = []
                assigned = {place: self._followed}
            else:
                assigned = self._assigned(candidates, bodies, elsewhere, seconds)
        else:
            alone = len(candidates) == 1 and seconds - self._several_at > _FORGET_AFTER
            alone = alone and not self._is_other(candidates[0])
            assigned = {0: self._followed} if alone else self._assigned(candidates, bodies, elsewhere, seconds)
        self._take_in(candidates, bodies, assigned, seconds)
        return next((candidates[i] for i, known in assigned.items() if known is self._followed), None)

    def _pointed_at(self, bodies: Sequence[Body], seconds: float, size: tuple[int, int]) -> int | None:
        """Number of the candidate who was pointed at, in the frame of that moment; None in any other."""
        if self._looked_back or not isinstance(self._person, Chosen) or seconds < self._person.seconds - _ROUNDING:
            return None
        self._looked_back = True
        return self._person.pointed_at(bodies, size) if seconds - self._person.seconds <= _SAME_MOMENT else None

    def _choose(
        self, candidates: Sequence[Pose], bodies: Sequence[Body], seconds: float, size: tuple[int, int]
    ) -> int | None:
        """Number of the candidate to follow from now on."""
        if not isinstance(self._person, Chosen):
            chosen = choose(candidates, self._person, size)
            return next(i for i, pose in enumerate(candidates) if pose is chosen)
        colours = [pose.colours for pose in candidates]
        absent = 0.0 if self._seen_at is None else seconds - self._seen_at
        return self._person.among(bodies, colours, size, before=not self._looked_back, absent=absent)

    def _is_other(self, pose: Pose) -> bool:
        """Whether somebody is certainly not the chosen one, however near they are."""
        return isinstance(self._person, Chosen) and self._person.is_other(pose.colours)

    def _known(self, pose: Pose, body: Body, seconds: float) -> _Known:
        """Somebody who was not known before."""
        return _Known(next(self._numbers), pose, body, pose.colours, seconds)

    def _forget(self, seconds: float) -> None:
        if self._followed is not None and seconds - self._followed.seen_at > _FORGET_AFTER:
            self._followed = None
        self._others = [known for known in self._others if seconds - known.seen_at <= _FORGET_AFTER]

    def _assigned(
        self, candidates: Sequence[Pose], bodies: Sequence[Body], elsewhere: Sequence[Pose], seconds: float
    ) -> dict[int, _Known]:
        """Who is who: numbers of candidates, each with whom it is, where it is anybody who is known."""
        # here: it takes a tenth of a second to load, and most videos show one person
        from scipy.optimize import linear_sum_assignment

        known = self._everybody()
        if not known:
            return {}
        everybody = [*candidates, *elsewhere]
        places = [*bodies, *map(body_of, elsewhere)]
        distance = np.array([[person.distance(body, seconds) for body in places] for person in known])
        unlike = np.array([[person.unlikeness(pose.colours) for pose in everybody] for person in known])
        possible = distance <= 1.0
        if self._followed is not None:
            possible[0] &= [not self._is_other(pose) for pose in everybody]
        # whom nobody can be costs more than any pairing that is possible
        cost = np.where(possible, distance + _CLOTHES_WEIGHT * unlike, _IMPOSSIBLE)
        pairs = zip(*linear_sum_assignment(cost), strict=True)
        return {int(j): known[i] for i, j in pairs if possible[i, j] and j < len(candidates)}

    def _take_in(
        self, candidates: Sequence[Pose], bodies: Sequence[Body], assigned: dict[int, _Known], seconds: float
    ) -> None:
        found = [id(known) for known in assigned.values()]
        hidden = [known for known in self._others if id(known) not in found]
        for i, (pose, body) in enumerate(zip(candidates, bodies, strict=True)):
            others = [other for j, other in enumerate(bodies) if j != i]
            others += [known.expected(seconds) for known in hidden]
            near = any(_apart(body, other) < _COVERED * body.height for other in others)
            if i in assigned:
                assigned[i].take_in(pose, body, seconds, covered=near)
            else:
                self._others.append(self._known(pose, body, seconds))
        if self._followed is not None:
            self._seen_at = self._followed.seen_at
