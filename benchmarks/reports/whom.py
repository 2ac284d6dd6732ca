"""Clips of two dancers of whom the second comes later: whether both are offered to be followed, and whether each then is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.reports.case import Case, Outcome
from core.bundled import dances
from core.pose.candidates import Candidate, look_across
from core.pose.estimator import PoseEstimator
from core.pose.person_selection import Person, body_of
from core.pose.video_analysis import Analysis, look
from core.settings import settings
from core.types import Frame
from core.video.reader import VideoReader
from core.video.writer import VideoWriter

SIZE: Final = (960, 540)
SECONDS: Final = 6.0
ENTERS: Final = 2.0
"""When the second dancer comes in."""
ENOUGH: Final = 0.95

_RATE: Final = 25
_TALL: Final = 480
"""Pixels of the height of a dance's own pictures in the clip."""
_EDGE: Final = 0.06
"""Share of the picture's width by which a trunk is away from the edge once somebody is in view."""
_FLOOR: Final = 0.8
_HIDDEN: Final = 0.15
"""Share of the picture's width within which of two dancers one hides the other: a third of their height."""
_SAME: Final = 0.08
"""Share of the picture's width within which a trunk is where it was drawn."""

Place = Callable[[float], float]
"""Where a dancer's middle is at a number of seconds, in widths of the picture; beyond 0 to 1 for out of view."""


@dataclass(frozen=True, slots=True)
class Dancer:
    """Somebody in a clip: which bundled dance, from which second on, and where."""

    dance: str
    start: float
    place: Place


def _between(start: float, end: float, first: float, last: float) -> Place:
    """From ``first`` to ``last`` within those seconds, still before and after."""
    return lambda seconds: float(np.interp(seconds, [start, end], [first, last]))


SIDE_BY_SIDE: Final = (
    Dancer("omar-street", 1.0, lambda seconds: 0.3),
    Dancer("june-sway", 1.0, _between(ENTERS, ENTERS + 0.8, 1.2, 0.72)),
)
CHANGING_PLACES: Final = (
    Dancer("omar-street", 1.0, _between(3.2, 5.2, 0.3, 0.75)),
    Dancer(
        "june-sway",
        1.0,
        lambda seconds: _between(2.0, 2.8, 1.2, 0.72)(seconds) - _between(3.2, 5.2, 0.0, 0.47)(seconds),
    ),
)


def write_together(path: Path, dancers: Sequence[Dancer], seconds: float = SECONDS) -> None:
    """Write a clip of bundled dancers before one wall, later ones in front."""
    count = round(seconds * _RATE)
    with ExitStack() as opened:
        layers = [opened.enter_context(_CutOut(dancer)) for dancer in dancers]
        writer = opened.enter_context(VideoWriter(path, size=SIZE, rate=Fraction(_RATE)))
        for i in range(count):
            picture = _wall()
            for dancer, layer in zip(dancers, layers, strict=True):
                layer.lay(picture, dancer.place(i / _RATE))
            writer.write(picture.round().astype(np.uint8), Fraction(i, _RATE))


def _wall() -> NDArray[np.float32]:
    wall = np.full((SIZE[1], SIZE[0], 3), (126, 122, 116), np.float32)
    wall[round(_FLOOR * SIZE[1]) :] = (92, 84, 76)
    return wall


class _CutOut(ExitStack):
    """The pictures of a dancer, one after the other, without what is around them."""

    def __init__(self, dancer: Dancer) -> None:
        super().__init__()
        video = dances.find(dancer.dance)
        if video is None:
            raise FileNotFoundError(f"{dancer.dance} is no bundled dance")
        self._reader = self.enter_context(VideoReader(video, start=dancer.start))
        self._estimator = self.enter_context(PoseEstimator(masks=True))
        self._cut = self._pictures()

    def _pictures(self) -> Iterator[tuple[Frame, NDArray[np.float32]]]:
        for frame in self._reader:
            found = self._estimator.detect(frame.image, float(frame.time) * 1000)
            if found is not None and found.mask is not None:
                yield frame.image, found.mask

    def lay(self, picture: NDArray[np.float32], place: float) -> None:
        """Lay the next picture's dancer over ``picture``, in place, their middle at ``place`` widths."""
        image, mask = next(self._cut)
        scale = _TALL / image.shape[0]
        middle = float((mask.sum(axis=0) @ np.arange(image.shape[1])) / mask.sum())
        across = place * SIZE[0] - scale * middle
        matrix = np.array([[scale, 0, across], [0, scale, SIZE[1] - _TALL - 8]])
        alpha = cv2.warpAffine(mask, matrix, SIZE)[..., None]
        picture += alpha * (cv2.warpAffine(image, matrix, SIZE).astype(np.float32) - picture)


def in_view(dancers: Sequence[Dancer], which: int, seconds: float) -> bool:
    """Whether the trunk of dancer number ``which`` is within the picture, and neither behind nor before another one's."""
    places = [dancer.place(seconds) for dancer in dancers]
    here = places.pop(which)
    return _EDGE <= here <= 1 - _EDGE and all(abs(here - other) > _HIDDEN for other in places)


def share_followed(video: Path, person: Person, dancers: Sequence[Dancer], which: int) -> tuple[float, float]:
    """Of the frames in which dancer number ``which`` is in view, the share in which they are followed; and of all frames, the
    share in which somebody else is."""
    seen = right = wrong = 0
    with VideoReader(video, max_side=settings().analysis_side) as reader:
        analysis = Analysis(reader.size, person)
        for sighting in look(reader, person):
            analysis.add(sighting)
    for seconds, pose in zip(analysis.seconds, analysis.poses, strict=True):
        x = None if pose is None else body_of(pose).x / analysis.size[0]
        apart = [abs(dancer.place(seconds) - x) if x is not None else np.inf for dancer in dancers]
        followed = int(np.argmin(apart)) == which and apart[which] < _SAME
        visible = in_view(dancers, which, seconds)
        seen += visible
        right += visible and followed
        wrong += x is not None and not followed
    return right / max(seen, 1), wrong / max(len(analysis.times), 1)


def who_is(candidate: Candidate, dancers: Sequence[Dancer]) -> int:
    """The number of the dancer whom a candidate is, by where they are pointed at."""
    person = candidate.person
    return int(np.argmin([abs(dancer.place(person.seconds) - person.x) for dancer in dancers]))


def judge(video: Path, dancers: Sequence[Dancer]) -> Outcome:
    """Whether everybody is offered once, and each choice follows that one."""
    offered = look_across(video)
    who = [who_is(candidate, dancers) for candidate in offered]
    said, right = [], sorted(who) == list(range(len(dancers)))
    for candidate, which in zip(offered, who, strict=True):
        share, wrong = share_followed(video, candidate.person, dancers, which)
        said.append(f"number {which + 1} is followed in {share:.0%} of their frames, somebody else in {wrong:.0%}")
        right = right and share >= ENOUGH and wrong <= 1 - ENOUGH
    return Outcome(f"{len(offered)} offered; {'; '.join(said) or 'nobody to choose'}", right)


def _case(name: str, dancers: Sequence[Dancer], what: str) -> Case:
    asked = f"{what}: both are offered, and each choice follows that one in {ENOUGH:.0%} of the frames in which they are in view"
    return Case(name, asked, lambda path: write_together(path, dancers), lambda video: judge(video, dancers))


CASES: tuple[Case, ...] = (
    _case("second_enters.mp4", SIDE_BY_SIDE, "a second dancer comes in after two seconds"),
    _case("second_enters_and_crosses.mp4", CHANGING_PLACES, "they change places after that"),
)
