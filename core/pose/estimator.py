"""Following people through the frames of a stream: BlazePose looks where each of them was in the frame before.

The followed person costs one pass of the landmark network a frame, and so does whoever is near; anybody else once or twice
a second. The detector, which looks at the whole picture, runs at the start, now
and then for newcomers, and at once when somebody is lost, then also nearer where they were. While nobody is in view it
looks at tiles of the picture too (:mod:`core.pose.tiles`), for somebody small. benchmarks/pose.py measures all of this against
MediaPipe's own graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.pose.blazepose import BlazePose, Found, Region
from core.pose.dark import readable
from core.pose.detection import MOST_PEOPLE, Detection, PeopleFinder, clothes_colours
from core.pose.person_selection import SPECK, Body, Follower, Listed, Person, body_of, distinct, same_place, unlikeness
from core.pose.tiles import Part, TileWatch, tiles
from core.settings import settings
from core.types import Frame, Pose
from core.utils.closeable import Closeable

_SURVEY_EVERY: Final = 1.0
_SEARCH_SECONDS: Final = 0.5
_MISSING_EVERY: Final = 0.1
"""Seconds after which newcomers are looked for while the followed one is not there."""
_PRESENT: Final = 0.5
_GLANCE_EVERY: Final = 0.8
_NEAR: Final = 0.35
"""Distance of two trunks, in heights of the larger person, at which one may be taken for the other."""
_CLOSING: Final = 1.0
"""Heights by which two people come nearer to each other in a second at most, while one of them is not looked at."""
_SURER: Final = 0.1
_NEWCOMER_SECONDS: Final = 0.5
_SAME_REGION: Final = 0.12
"""A detected region whose centre is nearer than this share of a tracked one's side is of the same person."""
_MISSED_SECONDS: Final = 1.5
_MISSED_AROUND: Final = 1.6
"""Side of the part where a missing person is looked for, in sides of their last region: they fill .4 of its height."""
_MISSED_PRESENT: Final = 0.9
_MISSED_SHARE: Final = 0.8
"""Side of the region where a missing person would be by now, in sides of their last one: less of whoever stands beside them."""
_MISSED_AHEAD: Final = 1.0
_MUCH_LIKER: Final = 0.3
_SETTLE_SECONDS: Final = 0.25
_OTHER_CLOTHES: Final = 0.6
_COVERED_CLOTHES: Final = 0.4
"""Unlikenesses above which clothes are somebody else's, and above which they may be covered."""
_SWEEP_EVERY: Final = 1.0
_FAINT: Final = 0.2
"""Score at which what the detector sees in a tile is worth two looks, which then decide."""
_SMALL_PRESENT: Final = 0.95
_SMALL_DRIFT: Final = 0.1
_SMALL_HEIGHT: Final = 0.45
_SMALL_VISIBLE: Final = 0.5
_BODY: Final = slice(11, 29)
"""Shoulders to ankles, of the landmarks."""


def find_people(
    *, masks: bool = False, tracking: bool = True, survey_every: float = _SURVEY_EVERY, sweep: bool = True
) -> PeopleFinder:
    """Return a finder for one stream, by the engine that the settings name (``DANCE_POSE_ENGINE``).

    Args:
        masks: also give each person's segmentation.
        tracking: False looks at every frame afresh, for pictures that do not follow each other.
        survey_every: seconds after which newcomers are looked for; such a frame takes a third longer.
        sweep: look for somebody small in all tiles of the first picture at once, where nobody is found in it; that takes some
            fifty looks. False takes the tiles one by one with the pictures that follow, which a live stream wants.

    Raises:
        WeightsMissing: the pose model is not where it belongs.
        DanceError: the engine is not installed.
    """
    if settings().pose_engine == "mediapipe":
        from core.pose.mediapipe_graph import MediaPipeTracker

        return MediaPipeTracker(masks=masks, tracking=tracking)
    return PeopleTracker(BlazePose(masks=masks), tracking=tracking, survey_every=survey_every, sweep=sweep)


@dataclass(frozen=True, slots=True)
class _Track:
    """One person as they were when last looked at.

    Attributes:
        number: the same for as long as they are tracked.
        seconds: when that was.
        since: when they were found first.
        motion: of the trunk, in pixels a second.
        clothes: colours, as they were while nobody covered them.
        strange: how far this look is from what was known of them: 0 for no difference, 1 for somebody else.
        sure: they themselves at the last look that was not strange; None where that is this one.
    """

    number: int
    found: Found
    pose: Pose
    body: Body
    seconds: float
    since: float
    motion: tuple[float, float] = (0.0, 0.0)
    clothes: NDArray[np.float32] | None = None
    strange: float = 0.0
    sure: _Track | None = None

    def ahead(self, seconds: float) -> tuple[float, float]:
        """How far they will have moved by then, in pixels, if they go on as they went."""
        elapsed = min(seconds - self.seconds, _MISSED_AHEAD)
        return elapsed * self.motion[0], elapsed * self.motion[1]

    def later(self, found: Found, pose: Pose, seconds: float) -> _Track:
        """The same person at the next look."""
        body, (x, y) = body_of(pose), self.ahead(seconds)
        elapsed = max(seconds - self.seconds, 1e-3)
        share = min(elapsed / _SETTLE_SECONDS, 1.0)
        apart = float(np.hypot(body.x - self.body.x - x, body.y - self.body.y - y)) / self.body.height
        motion = (
            self.motion[0] + share * ((body.x - self.body.x) / elapsed - self.motion[0]),
            self.motion[1] + share * ((body.y - self.body.y) / elapsed - self.motion[1]),
        )
        unlike = unlikeness(self.clothes, pose.colours)
        sure = self if self.sure is None else self.sure
        if seconds - sure.seconds > _MISSED_SECONDS:
            # for so long it is no passer-by: the light has changed
            return _Track(self.number, found, pose, body, seconds, self.since, motion, pose.colours)
        clothes = self.clothes
        if pose.colours is not None and unlike < _COVERED_CLOTHES:
            clothes = pose.colours if clothes is None else clothes + share * (pose.colours - clothes)
        strange = max(unlike, min(apart, 1.0))
        sure_before = None if strange < _COVERED_CLOTHES else sure
        return _Track(self.number, found, pose, body, seconds, self.since, motion, clothes, strange, sure_before)

    def distance(self, other: _Track) -> float:
        """From the middle of one trunk to that of the other, in heights of the larger one."""
        apart = np.hypot(self.body.x - other.body.x, self.body.y - other.body.y)
        return float(apart / max(self.body.height, other.body.height))


class PeopleTracker(PeopleFinder):
    """Follows each person from frame to frame of one stream by the region that the last frame left.

    Where it is told who is followed, that one is looked at in every frame, and so is whoever might be confused with them.
    Everybody else is looked at about once a second, and at once when the followed one is lost.

    Args:
        networks: of this stream alone.
        tracking, survey_every, sweep: see :func:`find_people`.
        most: how many people at most.
    """

    def __init__(
        self,
        networks: BlazePose,
        *,
        tracking: bool = True,
        survey_every: float = _SURVEY_EVERY,
        sweep: bool = True,
        most: int = MOST_PEOPLE,
    ) -> None:
        self._networks = networks
        self._tracking = tracking
        self._survey_every = survey_every
        self._sweep = sweep
        self._most = most
        self._numbers = count()
        self._watch = TileWatch()
        self.reset()

    def close(self) -> None:
        """Forget everybody; what is compiled is shared between streams and stays."""
        self.reset()

    def reset(self) -> None:
        """Forget everybody, as after a cut; numbers are not given twice."""
        self._tracks: list[_Track] = []
        self._missing: list[_Track] = []
        self._followed: int | None = None
        self._surveyed = float("-inf")
        self._wanted: int | None = None
        self._search_until = float("-inf")
        self._next_sweep = float("-inf") if self._sweep else float("inf")
        self._watch.reset()

    def people(
        self, image: Frame, seconds: float, *, followed: int | None = None, missing: bool = False
    ) -> list[Detection]:
        """Find everybody in the frame (RGB) at ``seconds``; see :meth:`PeopleFinder.people`."""
        image, dark = readable(image)
        self._followed = followed
        self._wanted = self._wanted if followed is None else followed
        known = sorted(self._tracks, key=lambda track: track.number != followed)
        seen: list[_Track] = []
        waiting: list[_Track] = []
        for track in known:
            if seen and seen[0].number == followed and not _due(track, seen[0], seconds):
                waiting.append(track)
            else:
                self._look_again(image, track, seconds, seen)
        there = {track.number for track in (*seen, *waiting)}
        lost = [track for track in known if track.number not in there]
        self._note_missing(lost, seconds)
        if lost and not (seen and seen[0].number == followed):
            # whoever else is lost is searched for once
            self._search_until = seconds + _SEARCH_SECONDS
        survey_every = min(self._survey_every, _MISSING_EVERY) if missing else self._survey_every
        searching = lost or not seen or seconds <= self._search_until
        if searching or self._missing or seconds >= self._surveyed + survey_every:
            # a detected region is somebody new only where everybody who is known was looked at
            for track in waiting:
                self._look_again(image, track, seconds, seen)
            waiting = []
        self._look_for_missing(image, seconds, seen)
        if searching or seconds >= self._surveyed + survey_every:
            self._surveyed = seconds
            self._add_newcomers(image, seconds, seen)
        if not seen:
            self._look_closer(image, seconds, seen)
        in_view = _without_specks([*seen, *waiting], followed)
        self._tracks = [track for track in in_view if self._tracking and track.found.region is not None]
        return [
            Detection(
                track.pose,
                track.found.mask,
                track.number if self._tracking else None,
                fresh=track.seconds == seconds,
                dark=dark,
            )
            for track in in_view
        ]

    def _look_again(self, image: Frame, track: _Track, seconds: float, seen: list[_Track]) -> None:
        """Look where somebody was, and note who is there."""
        if track.found.region is not None:
            self._look_at(image, track.found.region, track, seconds, seen)

    def _note_missing(self, lost: list[_Track], seconds: float) -> None:
        """Keep who has been lost lately, as they were when it was surely they."""
        surely = [track if track.sure is None else track.sure for track in lost]
        self._missing = [t for t in [*self._missing, *surely] if seconds - t.seconds <= _MISSED_SECONDS]

    def _look_for_missing(self, image: Frame, seconds: float, seen: list[_Track]) -> None:
        """Look nearer where the followed one was, else each of them: who is small, or one of many, is not found in the whole."""
        size = (image.shape[1], image.shape[0])
        for track in self._missing:
            last = track.found.region
            if last is None or self._wanted not in (None, track.number):
                continue
            if self._look_ahead(image, track, last, seconds, seen):
                continue
            part = Part.around(last.x, last.y, _MISSED_AROUND * last.side, size)
            if part is not None:
                self._add_newcomers(image, seconds, seen, part=part, presence=_MISSED_PRESENT)
        self._missing = [track for track in self._missing if not any(_back(track, other, seconds) for other in seen)]

    def _look_ahead(self, image: Frame, track: _Track, last: Region, seconds: float, seen: list[_Track]) -> bool:
        """Look where a missing person is by now if they went on as they went, and note them if they are dressed alike."""
        x, y = track.ahead(seconds)
        region = Region(last.x + x, last.y + y, _MISSED_SHARE * last.side, last.angle)
        found = self._networks.landmarks(image, region)
        if found.presence < _MISSED_PRESENT or found.region is None:
            return False
        pose = Pose(found.landmarks, clothes_colours(image, found.landmarks))
        again = track.later(found, pose, seconds)
        if again.strange > _OTHER_CLOTHES or any(same_place(again.body, other.body) for other in seen):
            return False
        seen.append(again)
        return True

    def _add_newcomers(
        self,
        image: Frame,
        seconds: float,
        seen: list[_Track],
        *,
        part: Part | None = None,
        presence: float = _PRESENT,
    ) -> None:
        for region in self._networks.detect(image, self._most, part=part):
            if len(seen) < self._most and not any(_covers(track.found, region) for track in seen):
                self._look_at(image, region, None, seconds, seen, presence)

    def _look_closer(self, image: Frame, seconds: float, seen: list[_Track]) -> None:
        """Look in tiles for somebody who is too small to be found in the whole picture."""
        if seconds >= self._next_sweep:
            self._next_sweep = float("inf") if self._tracking else seconds + _SWEEP_EVERY
            for level in tiles((image.shape[1], image.shape[0])):
                for part in level:
                    self._add_small(image, part, seconds, seen)
                if seen:
                    return
        elif self._tracking:
            chosen = self._watch.next(image, seconds)
            if chosen is not None:
                self._add_small(image, chosen, seconds, seen)

    def _add_small(self, image: Frame, part: Part, seconds: float, seen: list[_Track]) -> None:
        """Take in who is in a tile, where two looks agree on a body: so near, much that is nobody looks like somebody once."""
        for region in self._networks.detect(image, self._most, part=part, sure=_FAINT):
            if len(seen) == self._most or region.side > part.side or any(_covers(t.found, region) for t in seen):
                continue
            once = self._networks.landmarks(image, region)
            if once.presence < _PRESENT or once.region is None:
                continue
            twice = self._networks.landmarks(image, once.region)
            if _agree(once, twice):
                self._take_in(image, twice, None, seconds, seen)

    def _look_at(
        self,
        image: Frame,
        region: Region,
        before: _Track | None,
        seconds: float,
        seen: list[_Track],
        presence: float = _PRESENT,
    ) -> None:
        """Look at a region, and note who is there: somebody as they were before, or a newcomer."""
        found = self._networks.landmarks(image, region)
        if found.presence >= presence:
            self._take_in(image, found, before, seconds, seen)

    def _take_in(self, image: Frame, found: Found, before: _Track | None, seconds: float, seen: list[_Track]) -> None:
        pose = Pose(found.landmarks, clothes_colours(image, found.landmarks))
        if before is None:
            new = _Track(next(self._numbers), found, pose, body_of(pose), seconds, seconds, clothes=pose.colours)
            _add(seen, new, self._followed)
        else:
            _add(seen, self._recognised(before, found, pose, seconds), self._followed)

    def _recognised(self, before: _Track, found: Found, pose: Pose, seconds: float) -> _Track:
        """Who is found where somebody was: that one, or somebody missing who stood beside them and looks the part more."""
        same = before.later(found, pose, seconds)
        if same.strange < _OTHER_CLOTHES:
            return same
        others = [track.later(found, pose, seconds) for track in self._missing if track.number != before.number]
        other = min(others, key=lambda track: track.strange, default=same)
        return other if other.strange < same.strange - _MUCH_LIKER else same


def _agree(once: Found, twice: Found) -> bool:
    """Whether two looks at somebody small, the second where the first left off, show the same whole body."""
    if min(once.presence, twice.presence) < _SMALL_PRESENT or twice.region is None:
        return False
    before, after = body_of(Pose(once.landmarks)), body_of(Pose(twice.landmarks))
    apart = np.linalg.norm(once.landmarks[_BODY, :2] - twice.landmarks[_BODY, :2], axis=1).mean()
    return bool(
        max(float(apart), np.hypot(before.x - after.x, before.y - after.y)) < _SMALL_DRIFT * after.height
        and after.height > _SMALL_HEIGHT * twice.region.side
        and twice.landmarks[_BODY, 3].mean() > _SMALL_VISIBLE
    )


def _back(track: _Track, other: _Track, seconds: float) -> bool:
    """Whether somebody who is seen now was found where a missing person was."""
    new = other.seconds == other.since == seconds
    return other.number == track.number or (new and track.distance(other) < _NEAR)


def _due(track: _Track, followed: _Track, seconds: float) -> bool:
    """Whether to look at somebody again who is not the followed one."""
    unseen = seconds - track.seconds
    return unseen >= _GLANCE_EVERY or track.distance(followed) <= _NEAR + _CLOSING * unseen


def _add(people: list[_Track], person: _Track, followed: int | None) -> None:
    """Take in somebody; where it is one of those found already, the surer look is kept.

    Of two who are known it is the one whom the look resembles more: beside the other, one of them shows as that other. Beside a
    newcomer that of the followed one is kept, unless the other is surer by far: a region that was detected between two
    people shows one of them badly, and is as sure of it.
    """
    for i, other in enumerate(people):
        if same_place(person.body, other.body):
            newcomer = person.seconds - person.since < _NEWCOMER_SECONDS
            lead = _SURER if newcomer and other.number == followed else 0.0
            known = min(person.seconds - person.since, other.seconds - other.since) >= _NEWCOMER_SECONDS
            surer = person.found.presence > other.found.presence + lead
            if person.strange < other.strange if known else surer:
                people[i] = person
            return
    people.append(person)


def _covers(person: Found, region: Region) -> bool:
    """Whether a region that was detected is that of somebody who is tracked."""
    tracked = person.region
    return tracked is not None and np.hypot(tracked.x - region.x, tracked.y - region.y) < _SAME_REGION * tracked.side


def _without_specks(people: list[_Track], followed: int | None) -> list[_Track]:
    """Leave out whoever is too small to be followed beside the largest: each would cost as much as the dancer.

    The followed one stays, though somebody else comes near to the camera.
    """
    tallest = max((track.body.height for track in people), default=0.0)
    return [track for track in people if track.number == followed or track.body.height >= SPECK * tallest]


class PoseEstimator(Closeable):
    """Follows one person through one stream. Holds state: one for each stream, closed when the stream ends.

    Args:
        person: whom to follow when several are in view.
        tracking: False looks at every frame afresh, for pictures that hardly follow each other.
        masks: also give the person's segmentation.
        survey_every, sweep: see :func:`find_people`.

    Attributes:
        in_view: how many people were in view in the last frame.
    """

    def __init__(
        self,
        *,
        person: Person = "largest",
        tracking: bool = True,
        masks: bool = False,
        survey_every: float = _SURVEY_EVERY,
        sweep: bool = True,
    ) -> None:
        self.in_view = 0
        self._follower = Follower(person)
        self._finder = find_people(masks=masks, tracking=tracking, survey_every=survey_every, sweep=sweep)
        self._followed: int | None = None
        self._missing = False
        self._size = (1, 1)

    def close(self) -> None:
        """Give back what is native."""
        self._finder.close()

    def reset(self) -> None:
        """Forget whom was followed, as after a cut."""
        self._follower.reset()
        self._finder.reset()
        self._followed = None

    @property
    def listed(self) -> list[Listed]:
        """Everybody who was in view around the last frame, in its pixels; see :meth:`Follower.listed`."""
        return self._follower.listed(self._size)

    def follow(self, one: Listed) -> None:
        """From now on follow somebody who was listed."""
        self._follower.follow(one)
        # everybody is looked at in the next frame: who is who there is not known yet
        self._followed = None

    def detect(self, image: Frame, milliseconds: float, *, changed: bool = False) -> Detection | None:
        """Find the followed person in the next frame (RGB), or None; times grow from frame to frame.

        Args:
            changed: whether the picture changed at once, as at a cut: look at all of it, and see ``Follower.pick_from``.
        """
        seconds = milliseconds / 1000
        if changed:
            self._finder.reset()
            self._followed = None
        found = self._finder.people(image, seconds, followed=self._followed, missing=self._missing)
        self.in_view = len(distinct([detection.pose for detection in found]))
        self._size = (image.shape[1], image.shape[0])
        chosen = self._follower.pick_from(found, seconds, self._size, changed=changed)
        self._followed = None if chosen is None else chosen.track
        self._missing = chosen is None
        return chosen
