"""Following people through the frames of a stream: BlazePose looks where each of them was in the frame before.

A person costs one pass of the landmark network a frame. The detector, which looks at the whole picture, runs at the start, now
and then for newcomers, and at once when somebody is lost. benchmarks/pose.py measures all of this against MediaPipe's own graph.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from core.closing import Closing
from core.pose.blazepose import BlazePose, Found, Region
from core.pose.detection import MOST_PEOPLE, Detection, PeopleFinder, clothes_colours
from core.pose.person import SPECK, Follower, Person, body_of, same_place
from core.settings import settings
from core.types import Frame, Pose

_SURVEY_EVERY: Final = 1.0
_SEARCH_SECONDS: Final = 0.5
_PRESENT: Final = 0.5
_SAME_REGION: Final = 0.12
"""A detected region whose centre is nearer than this share of a tracked one's side is of the same person."""


def find_people(*, masks: bool = False, tracking: bool = True, survey_every: float = _SURVEY_EVERY) -> PeopleFinder:
    """Return a finder for one stream, by the engine that the settings name (``DANCE_POSE_ENGINE``).

    Args:
        masks: also give each person's segmentation.
        tracking: False looks at every frame afresh, for pictures that do not follow each other.
        survey_every: seconds after which newcomers are looked for; such a frame takes a third longer.

    Raises:
        WeightsMissing: the pose model is not where it belongs.
        DanceError: the engine is not installed.
    """
    if settings().pose_engine == "mediapipe":
        from core.pose.mediapipe_graph import MediaPipeTracker

        return MediaPipeTracker(masks=masks, tracking=tracking)
    return PeopleTracker(BlazePose(masks=masks), tracking=tracking, survey_every=survey_every)


class PeopleTracker(PeopleFinder):
    """Follows each person from frame to frame of one stream by the region that the last frame left.

    Args:
        networks: of this stream alone.
        tracking, survey_every: see :func:`find_people`.
        most: how many people at most.
    """

    def __init__(
        self,
        networks: BlazePose,
        *,
        tracking: bool = True,
        survey_every: float = _SURVEY_EVERY,
        most: int = MOST_PEOPLE,
    ) -> None:
        self._networks = networks
        self._tracking = tracking
        self._survey_every = survey_every
        self._most = most
        self.close()

    def close(self) -> None:
        """Forget everybody; what is compiled is shared between streams and stays."""
        self._regions: list[Region] = []
        self._next_survey = float("-inf")
        self._search_until = float("-inf")

    def people(self, image: Frame, seconds: float) -> list[Detection]:
        """Find everybody in the frame (RGB) at ``seconds``; times grow from frame to frame."""
        found: list[Found] = []
        for region in self._regions:
            _add(found, self._networks.landmarks(image, region))
        if len(found) < len(self._regions):
            self._search_until = seconds + _SEARCH_SECONDS
        if not found or seconds >= self._next_survey or seconds <= self._search_until:
            self._next_survey = seconds + self._survey_every
            for region in self._networks.detect(image, self._most):
                if len(found) < self._most and not any(_covers(person, region) for person in found):
                    _add(found, self._networks.landmarks(image, region))
        found = _without_specks(found)
        self._regions = [person.region for person in found if self._tracking and person.region is not None]
        return [
            Detection(Pose(person.landmarks, clothes_colours(image, person.landmarks)), person.mask) for person in found
        ]


def _add(people: list[Found], person: Found) -> None:
    """Take in whom a region shows, unless it is nobody, or one of those found already."""
    if person.presence < _PRESENT:
        return
    if not people:
        people.append(person)
        return
    body = body_of(Pose(person.landmarks))
    for i, other in enumerate(people):
        if same_place(body, body_of(Pose(other.landmarks))):
            people[i] = max(person, other, key=lambda found: found.presence)
            return
    people.append(person)


def _covers(person: Found, region: Region) -> bool:
    """Whether a region that was detected is that of somebody who is tracked."""
    tracked = person.region
    return tracked is not None and np.hypot(tracked.x - region.x, tracked.y - region.y) < _SAME_REGION * tracked.side


def _without_specks(people: list[Found]) -> list[Found]:
    """Leave out whoever is too small to be followed beside the largest: each would cost as much as the dancer."""
    if len(people) < 2:
        return people
    heights = [body_of(Pose(person.landmarks)).height for person in people]
    return [person for person, height in zip(people, heights, strict=True) if height >= SPECK * max(heights)]


class PoseEstimator(Closing):
    """Follows one person through one stream. Holds state: one for each stream, closed when the stream ends.

    Args:
        person: whom to follow when several are in view.
        tracking: False looks at every frame afresh, for pictures that hardly follow each other.
        masks: also give the person's segmentation.
    """

    def __init__(self, *, person: Person = "largest", tracking: bool = True, masks: bool = False) -> None:
        self._follower = Follower(person)
        self._finder = find_people(masks=masks, tracking=tracking)

    def close(self) -> None:
        """Give back what is native."""
        self._finder.close()

    def reset(self) -> None:
        """Forget whom was followed, as after a cut."""
        self._follower.reset()

    def detect(self, image: Frame, milliseconds: int) -> Detection | None:
        """Find the followed person in the next frame (RGB), or None; times grow from frame to frame."""
        found = self._finder.people(image, milliseconds / 1000)
        chosen = self._follower.pick([d.pose for d in found], milliseconds / 1000, (image.shape[1], image.shape[0]))
        return next((d for d in found if d.pose is chosen), None)
