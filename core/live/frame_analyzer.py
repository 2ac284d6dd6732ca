"""From a camera picture to the dancer in it: scaled, turned as a mirror, looked at, judged for what should change."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from av.video.frame import VideoFrame as Picture

from core.live.framing_hints import Calibration, Hint
from core.pipeline import Clock
from core.pose.live_tracker import LiveDancer, TrackedPose
from core.pose.person_selection import Listed
from core.types import Frame, VideoFrame
from core.utils.closeable import Closeable
from core.video.colour import Converter

SIDE: Final = 640
"""Longer side in pixels at which camera pictures are looked at and shown, whatever the camera sends: browsers change the size
of what they send as the line allows, and that must not look like stepping back."""

MIDDLE: Final = (0.5, 0.5)
"""Whom to follow of several: who is in the middle."""

_FARTHEST = 0.5
_TICK = 1_000_000


@dataclass(frozen=True, slots=True)
class CameraFrame:
    """A camera picture: its number in the stream from 0, when it came (monotonic seconds), and as it came."""

    number: int
    at: float
    picture: Picture


@dataclass(frozen=True, slots=True)
class AnalyzedPicture:
    """What is in a camera picture.

    Attributes:
        image: scaled, and turned as a mirror where that is wished.
        seconds: of the stream.
        sight: the dancer; None when nobody is there.
        people: how many are in view.
        listed: who they are, in pixels of ``image``.
        hint: what to tell the person.
        looked: False where the pose was guessed.
        milliseconds: how long each stage took.
    """

    image: Frame
    seconds: float
    sight: TrackedPose | None
    people: int
    listed: list[Listed]
    hint: Hint | None
    looked: bool
    milliseconds: dict[str, float]


class FrameAnalyzer(Closeable):
    """Looks at one stream. Not for use by two threads at once."""

    def __init__(self) -> None:
        self._dancer = LiveDancer(MIDDLE)
        self._calibration = Calibration()
        self._clock = StreamClock()
        self._converter: Converter | None = None
        self._kind: tuple[int, int, bool] | None = None
        self._skipped = False

    def close(self) -> None:
        """Give back what is native."""
        self._dancer.close()

    def look(
        self, arrived: CameraFrame, *, flip: bool, every_second: bool = False, follow: Listed | None = None
    ) -> AnalyzedPicture:
        """What is in the next picture.

        Args:
            flip: turn it as a mirror does.
            every_second: guess the pose of every other picture instead of looking.
            follow: somebody in an earlier one who is to be followed from now on.
        """
        clock = Clock()
        with clock.stage("convert"):
            image = self._image(arrived.picture, flip)
        seconds = self._clock.seconds(arrived.picture, arrived.at)
        if follow is not None:
            self._dancer.follow(follow)
        self._skipped = every_second and not self._skipped and follow is None
        with clock.stage("pose"):
            if self._skipped:
                sight = self._dancer.guess(seconds)
            else:
                sight = self._dancer.look(VideoFrame(arrived.number, Fraction(round(seconds * _TICK), _TICK), image))
        hint = self._calibration.look(image, sight, self._dancer.people, seconds)
        return AnalyzedPicture(
            image, seconds, sight, self._dancer.people, self._dancer.listed, hint, not self._skipped, clock.milliseconds
        )

    def _image(self, picture: Picture, flip: bool) -> Frame:
        kind = (picture.width, picture.height, flip)
        if self._converter is None or kind != self._kind:
            self._turn(kind)
            self._converter = Converter(working_size(picture.width, picture.height), flip=flip)
            self._kind = kind
        return self._converter(picture)

    def _turn(self, kind: tuple[int, int, bool]) -> None:
        """Forget the dancer where the picture is another one now, and not only larger or smaller."""
        if self._kind is None:
            return
        before = working_size(*self._kind[:2])
        if before != working_size(*kind[:2]) or kind[2] != self._kind[2]:
            self._dancer.reset()


def working_size(width: int, height: int) -> tuple[int, int]:
    """(width, height), even, the longer side :data:`SIDE`, of a camera picture of any size."""
    scale = SIDE / max(width, height)
    # a stream that is made smaller on its way loses a row to rounding: sizes that near are the same
    return max(round(width * scale / 8) * 8, 8), max(round(height * scale / 8) * 8, 8)


class StreamClock:
    """Seconds of the stream by the pictures' own stamps, which do not jitter as arrivals do, for as long as both agree."""

    def __init__(self) -> None:
        self._offset: float | None = None
        self._start: float | None = None
        self._last = -1.0

    def seconds(self, picture: Picture, at: float) -> float:
        """Of a picture that arrived ``at`` (monotonic seconds); growing from picture to picture."""
        self._start = at if self._start is None else self._start
        arrived = at - self._start
        stamp = arrived if picture.time is None else picture.time
        if self._offset is None or abs(stamp + self._offset - arrived) > _FARTHEST:
            self._offset = arrived - stamp
        self._last = max(stamp + self._offset, self._last + 1e-3)
        return self._last
