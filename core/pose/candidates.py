"""Who can be followed in a stretch of a video: a few pictures across it are looked at, and the same people found in them.

People are known by the colours of their clothes and, where those are alike, by their place. Somebody is worth following who is
seen for more than a moment, beside somebody else in one picture or more: a video of one person leaves nothing to choose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np

from core.errors import Cancelled, DanceError, UnusableInput
from core.pose import skeleton
from core.pose.appearance_match import OTHER_CLOTHES, Chosen, Colours, colours_apart
from core.pose.detection import PeopleFinder
from core.pose.estimator import find_people
from core.pose.person_selection import SPECK, AtFirst, Body, body_of, choose, distinct, plain_colours
from core.types import Frame, Pose, VideoFrame
from core.utils.parsing import check_number
from core.video.probe import probe
from core.video.reader import VideoReader

PICTURES: Final = 8
"""How many pictures across a stretch are looked at."""
MOST: Final = 6
"""Most people offered."""

_SIDE: Final = 960
_FIRST_SECONDS: Final = (0.0, 0.4, 1.0)
"""Seconds after the start at which somebody is looked for until there are several."""
_BEFORE_END: Final = 0.1
_AROUND: Final = 1.0
"""Seconds before and after a picture at which to look for whoever is in no other."""
_MOMENT: Final = 0.9
"""Whoever is in view for fewer seconds, or half of a shorter stretch, is in passing."""
_PLACE_WEIGHT: Final = 0.1
_FAR: Final = 2.0
_SEEN_WELL: Final = 0.8
"""Share of the best view of somebody that an earlier one has to reach to be taken instead."""
_FREE: Final = 0.5
"""Heights between two people from which neither hides the other."""
_MARGIN: Final = 0.06
_SAME_PLACE: Final = 1e-3
_MOST_SECONDS: Final = 1e6


@dataclass(frozen=True, slots=True)
class Box:
    """Around somebody, in shares of the picture's width and height."""

    left: float
    top: float
    width: float
    height: float

    def pixels(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in a picture of that (width, height); at least one pixel wide and high."""
        left, top = min(int(self.left * size[0]), size[0] - 1), min(int(self.top * size[1]), size[1] - 1)
        right, bottom = round((self.left + self.width) * size[0]), round((self.top + self.height) * size[1])
        return left, top, max(right, left + 1), max(bottom, top + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """Somebody who can be followed.

    Attributes:
        person: what follows them.
        seconds: of the file, when they are seen well.
        portrait: what is in their box then.
        places: where they were seen: seconds as ``person`` counts them, x and y.
        height: shares of the picture's height, at most.
        count: in how many pictures they were seen.
    """

    person: Chosen
    seconds: float
    portrait: Frame
    places: tuple[tuple[float, float, float], ...]
    height: float
    count: int

    def is_also(self, other: Candidate) -> bool:
        """Whether they are whom another look at the same stretch points at."""
        there = (other.person.seconds, other.person.x, other.person.y)
        return any(np.allclose(there, place, atol=_SAME_PLACE) for place in self.places)


def box_of(pose: Pose, size: tuple[int, int]) -> Box:
    """The box around somebody, a little larger than their landmarks, which end at the eyes, wrists and ankles."""
    seen = pose.visibility >= 0.5
    points = np.clip((pose.xy[seen] if seen.sum() >= 4 else pose.xy) / size, 0.0, 1.0)
    margin = _MARGIN * (points.max(axis=0) - points.min(axis=0)).max()
    left, top = np.clip(points.min(axis=0) - margin, 0.0, 1.0).tolist()
    right, bottom = np.clip(points.max(axis=0) + margin, 0.0, 1.0).tolist()
    return Box(left, top, right - left, bottom - top)


def look_at_start(video: Path, start: float = 0.0) -> list[Candidate]:
    """Everybody who can be followed from ``start`` (seconds) on, by the first picture or one soon after it, from left to right.

    Empty where there are fewer than two, or nothing can be read.
    """
    with find_people(tracking=False) as finder:
        look = _Look(video, start, finder)
        for later in _FIRST_SECONDS:
            people = look.at(start + later)
            if len(people) > 1:
                return _offered([[one] for one in people])
    return []


def look_across(
    video: Path, start: float = 0.0, end: float | None = None, cancelled: Callable[[], bool] = lambda: False
) -> list[Candidate]:
    """Everybody worth following from ``start`` to ``end`` (seconds; the end of the file unless given), in the order in which
    they are seen first. Empty where there are fewer than two, or nothing can be read.

    Args:
        cancelled: asked before every picture.

    Raises:
        Cancelled: ``cancelled`` said so.
    """
    found: list[_Sighting] = []
    with find_people(tracking=False) as finder:
        look = _Look(video, start, finder, closely=True)
        for seconds in _across(video, start, end):
            if cancelled():
                raise Cancelled("Looking for people was stopped.")
            found.extend(look.at(seconds))
        groups = _same_people(found)
        once = [group[0].picture for group in groups if len(group) == 1]
        if len(groups) > 1 and once:
            # in passing, or not found elsewhere
            found.extend(one for time in sorted(set(once)) for one in look.around(time, end))
            groups = _same_people(found)
    long = min(_MOMENT, 0.5 * max((one.seconds for one in found), default=0.0))
    groups = [group for group in groups if len(group) > 1 and group[-1].seconds - group[0].seconds >= long]
    tallest = max((one.height for group in groups for one in group), default=0.0)
    groups = [group for group in groups if max(one.height for one in group) >= SPECK * tallest]
    together = any(not _pictures(one).isdisjoint(_pictures(other)) for one, other in combinations(groups, 2))
    groups.sort(key=lambda group: -len(group) * max(one.height for one in group))
    return _offered(groups[:MOST]) if together else []


def person_at(video: Path, person: AtFirst, seconds: float, start: float = 0.0, end: float | None = None) -> Chosen:
    """Whoever ``person`` means among those in view at ``seconds`` of a video that is danced from ``start`` to ``end``.

    Raises:
        NotAVideo, UnusableInput: nothing can be read there, nobody is in view, or fewer people than ``person`` counts.
    """
    check_number(seconds, start, _MOST_SECONDS if end is None else end, "The moment at which to look whom to follow")
    with find_people(tracking=False) as finder:
        look = _Look(video, start, finder)
        try:
            people = look.required(seconds)
        except UnusableInput as error:
            raise UnusableInput(f"{video.name} ends before {seconds:g} s: choose an earlier moment.") from error
    if not people:
        raise UnusableInput(f"Nobody is in view at {seconds:g} s of {video.name}: choose another moment.")
    if isinstance(person, int) and person > len(people):
        found = "one person is" if len(people) == 1 else f"{len(people)} people are"
        raise UnusableInput(f"At {seconds:g} s of {video.name} {found} in view: there is no number {person}.")
    pose = choose([one.pose for one in people], person, people[0].size)
    return next(_chosen([one], [[other] for other in people if other is not one]) for one in people if one.pose is pose)


@dataclass(frozen=True, slots=True, eq=False)
class _Sighting:
    """Somebody in one picture of a stretch.

    Attributes:
        picture: its time, from the first picture of the file.
        seconds: the same from the first picture of the stretch.
        view: how well they are seen, 0 to 1.
    """

    picture: Fraction
    seconds: float
    image: Frame
    pose: Pose
    body: Body
    view: float

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the picture."""
        return self.image.shape[1], self.image.shape[0]

    @property
    def height(self) -> float:
        """Theirs, in shares of the picture's."""
        return float(self.body.height / self.image.shape[0])

    @property
    def place(self) -> tuple[float, float, float]:
        """Seconds, x and y, as :class:`Chosen` points at them."""
        return self.seconds, self.body.x / self.size[0], self.body.y / self.size[1]


class _Look:
    """Looks at single pictures of a stretch; ``closely`` takes three times as long, and finds more of a crowd."""

    def __init__(self, video: Path, start: float, finder: PeopleFinder, *, closely: bool = False) -> None:
        self._video, self._start, self._finder, self._closely = video, start, finder, closely
        self._begin: Fraction | None = None

    def at(self, seconds: float) -> list[_Sighting]:
        """Everybody in the picture shown at ``seconds`` of the file, from left to right; nobody where there is none."""
        try:
            return self.required(seconds)
        except DanceError:
            return []

    def around(self, picture: Fraction, end: float | None) -> list[_Sighting]:
        """The same a moment before and after a picture, within the stretch."""
        moments = [float(picture) - _AROUND, float(picture) + _AROUND]
        within = [moment for moment in moments if self._start < moment and (end is None or moment < end)]
        return [one for moment in within for one in self.at(moment)]

    def required(self, seconds: float) -> list[_Sighting]:
        """The same.

        Raises:
            NotAVideo, UnusableInput: there is none.
        """
        if self._begin is None:
            self._begin = self._picture(self._start)[0]
        time, frame = self._picture(seconds)
        size = (frame.image.shape[1], frame.image.shape[0])
        poses = self._poses(frame.image)
        if self._closely:
            found = [box_of(pose, size) for pose in poses]
            poses += [pose for pose in self._in_parts(frame.image) if not _within(box_of(pose, size), found)]
        poses = distinct(poses)
        bodies = [body_of(pose) for pose in poses]
        people = [
            _Sighting(time, float(time - self._begin), frame.image, pose, body, _view(pose, body, bodies, size))
            for pose, body in zip(poses, bodies, strict=True)
        ]
        return sorted(people, key=lambda one: one.body.x)

    def _poses(self, image: Frame) -> list[Pose]:
        return [found.pose for found in self._finder.people(image, 0.0)]

    def _in_parts(self, image: Frame) -> Iterator[Pose]:
        """Whoever is whole in one of the picture's overlapping halves: in all of it, one of several may be missed."""
        across = image.shape[1] // 4
        for left in (0, across, 2 * across):
            part = np.ascontiguousarray(image[:, left : left + 2 * across])
            for pose in self._poses(part):
                box = box_of(pose, (part.shape[1], part.shape[0]))
                if (box.left > 0 or left == 0) and (box.left + box.width < 1 or left == 2 * across):
                    landmarks = pose.landmarks.copy()
                    landmarks[:, 0] += left
                    yield Pose(landmarks, pose.colours)

    def _picture(self, seconds: float) -> tuple[Fraction, VideoFrame]:
        with VideoReader(self._video, start=max(seconds, 0.0), max_side=_SIDE) as reader:
            frame = next(iter(reader))
            return reader.first or Fraction(0), frame


def _across(video: Path, start: float, end: float | None) -> list[float]:
    """Moments at which to look, in seconds of the file: the start, and evenly from there."""
    try:
        length = probe(video).duration
    except DanceError:
        return []
    until = min(value for value in (end, length, np.inf) if value is not None)
    if not np.isfinite(until):
        return [start]
    last = max(until - _BEFORE_END, start)
    return [start + share * (last - start) for share in np.linspace(0.0, 1.0, PICTURES)]


def _within(box: Box, others: Sequence[Box]) -> bool:
    """Whether most of a box lies in one of others: what is found there may be half of the same person."""

    def common(other: Box) -> float:
        width = min(box.left + box.width, other.left + other.width) - max(box.left, other.left)
        height = min(box.top + box.height, other.top + other.height) - max(box.top, other.top)
        return max(width, 0.0) * max(height, 0.0)

    return any(common(other) > 0.5 * box.width * box.height for other in others)


def _view(pose: Pose, body: Body, bodies: Sequence[Body], size: tuple[int, int]) -> float:
    """How well somebody is seen: whole, within the picture, and not behind or before anybody."""
    joints = pose.landmarks[list(skeleton.JOINTS)]
    inside = ((joints[:, :2] >= 0) & (joints[:, :2] <= size)).all(axis=1)
    apart = min((float(np.hypot(body.x - b.x, body.y - b.y)) for b in bodies if b is not body), default=np.inf)
    seen = float((joints[:, 3].clip(0, 1) * inside).mean())
    return seen * min(apart / (_FREE * body.height), 1.0)


def _same_people(sightings: list[_Sighting]) -> list[list[_Sighting]]:
    """Sightings of one person each, the nearest kind joined first; nobody is in one picture twice."""
    groups = [[one] for one in sightings]
    while True:
        pairs = [
            (float(np.mean([_unlike(a, b) for a in one for b in other])), i, j)
            for (i, one), (j, other) in combinations(enumerate(groups), 2)
            if _pictures(one).isdisjoint(_pictures(other))
        ]
        least, i, j = min(pairs, default=(np.inf, 0, 0))
        if least >= 1.0:
            return groups
        groups[i] = sorted([*groups[i], *groups.pop(j)], key=lambda one: one.picture)


def _unlike(one: _Sighting, other: _Sighting) -> float:
    """How unlike two sightings are, 1 for certainly two people."""
    (_, x, y), (_, other_x, other_y) = one.place, other.place
    apart = np.hypot((x - other_x) * one.size[0], (y - other_y) * one.size[1]) / max(one.body.height, other.body.height)
    place = _PLACE_WEIGHT * min(float(apart), _FAR)
    if one.pose.colours is None or other.pose.colours is None:
        return place
    return colours_apart(one.pose.colours, other.pose.colours) / OTHER_CLOTHES + place


def _pictures(group: Sequence[_Sighting]) -> set[Fraction]:
    return {one.picture for one in group}


def _offered(groups: list[list[_Sighting]]) -> list[Candidate]:
    """One candidate for each group, in the order in which they are seen first, from left to right."""
    groups = sorted(groups, key=lambda group: (group[0].picture, group[0].body.x))
    return [_candidate(group, [other for other in groups if other is not group]) for group in groups]


def _candidate(group: list[_Sighting], others: list[list[_Sighting]]) -> Candidate:
    shown = _seen_well(group)
    left, top, right, bottom = box_of(shown.pose, shown.size).pixels(shown.size)
    portrait = np.ascontiguousarray(shown.image[top:bottom, left:right])
    places = tuple(one.place for one in group)
    height = max(one.height for one in group)
    return Candidate(_chosen(group, others), float(shown.picture), portrait, places, height, len(group))


def _chosen(group: list[_Sighting], others: list[list[_Sighting]]) -> Chosen:
    rivals = tuple(colours for other in others if (colours := _colours(other)))
    return Chosen(*_seen_well(group).place, _colours(group), rivals)


def _seen_well(group: list[_Sighting]) -> _Sighting:
    """The earliest of the good views."""
    best = max(one.view * one.height for one in group)
    return next(one for one in group if one.view * one.height >= _SEEN_WELL * best)


def _colours(group: list[_Sighting]) -> Colours:
    known = [one.pose.colours for one in group if one.pose.colours is not None]
    return plain_colours(np.median(known, axis=0).astype(np.float32)) if known else ()
