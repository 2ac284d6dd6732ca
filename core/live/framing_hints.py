"""What a person in front of a webcam should change, told without being asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np

from core.pose import skeleton
from core.pose.live_tracker import TrackedPose
from core.types import Frame, Pose

Hint = Literal["black", "nobody", "dark", "close", "far", "two", "legs"]

BLOCKING: Final[frozenset[Hint]] = frozenset({"black", "nobody", "dark", "close"})
"""Hints without which there is little to see: the stage shows where to stand."""

_WORDS: Final[dict[Hint, str]] = {
    "black": "The camera's picture is black: open its cover, or choose another camera.",
    "nobody": "Nobody is in view: step in front of the camera.",
    "dark": "It is too dark: turn on a light in front of you.",
    "close": "Too close: step back until your head and shoulders are in view.",
    "far": "Far away: step closer so that you fill more of the picture.",
    "two": "More than one person is in view: choose below whom to follow.",
    "legs": "Your legs are out of view, so those of {name} stand. Step back to dance with them.",
}

_FILMING: Final[dict[Hint, str]] = {
    "close": "Too close: step back until all of you is in view.",
    "two": "Somebody else is in view: only you should be.",
    "legs": "Your legs are out of view: step back.",
}

_BLACK_LEVEL, _BLACK_SPREAD = 20.0, 6.0
_DARK_LEVEL = 45.0
_SEEN = 0.5
_WIDE_SHOULDERS = 0.55
_SMALL_BODY = 0.25
_SETTLE = 0.6
_LIGHT_EVERY = 0.5


def sentence(hint: Hint, performer: str) -> str:
    """What a person is told; ``performer`` is the performer's name."""
    return _WORDS[hint].format(name=performer)


def filming_sentence(hint: Hint) -> str:
    """What somebody is told who films themselves from head to foot."""
    return _FILMING.get(hint, _WORDS[hint])


@dataclass(frozen=True, slots=True)
class Light:
    """Mean and standard deviation of a picture's grey levels."""

    level: float
    spread: float


def light_of(image: Frame) -> Light:
    """How bright a picture is."""
    small = cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    return Light(float(grey.mean()), float(grey.std()))


class Calibration:
    """Looks at each camera picture and says the most important thing to change, once it has been so for a moment."""

    def __init__(self) -> None:
        self.hint: Hint | None = None
        self._light: Light | None = None
        self._lit_at = float("-inf")
        self._next: Hint | None = None
        self._since = 0.0

    def look(self, image: Frame, sight: TrackedPose | None, people: int, seconds: float) -> Hint | None:
        """The hint to show with this picture; None when all is well.

        Args:
            image: the camera's.
            sight: the dancer in it.
            people: how many are in view.
            seconds: of the stream.
        """
        if seconds - self._lit_at >= _LIGHT_EVERY or self._light is None:
            self._light, self._lit_at = light_of(image), seconds
        found = _hint(self._light, sight, people, (image.shape[1], image.shape[0]))
        if found != self._next:
            self._next, self._since = found, seconds
        if seconds - self._since >= _SETTLE:
            self.hint = found
        return self.hint


def _hint(light: Light, sight: TrackedPose | None, people: int, size: tuple[int, int]) -> Hint | None:
    if light.level < _BLACK_LEVEL and light.spread < _BLACK_SPREAD:
        return "black"
    if sight is None:
        return "dark" if light.level < _DARK_LEVEL else "nobody"
    if _too_close(sight.pose, size):
        return "close"
    if people > 1:
        return "two"
    if light.level < _DARK_LEVEL:
        return "dark"
    if not _legs_in_view(sight.pose):
        return "legs"
    return "far" if _tall(sight.pose) < _SMALL_BODY * size[1] else None


def _too_close(pose: Pose, size: tuple[int, int]) -> bool:
    """Whether the shoulders fill the picture, or head or shoulders are cut off by its edge."""
    shoulders = pose.xy[list(skeleton.SHOULDERS)]
    if abs(float(shoulders[0, 0] - shoulders[1, 0])) > _WIDE_SHOULDERS * size[0]:
        return True
    inside = ((shoulders >= 0) & (shoulders <= size)).all(axis=1)
    head_out = not 0 <= float(pose.xy[skeleton.NOSE, 1]) <= size[1]
    return head_out or not inside.any()


def _legs_in_view(pose: Pose) -> bool:
    joints = [*skeleton.HIPS, skeleton.LEFT_ANKLE, skeleton.RIGHT_ANKLE]
    return bool(np.median(pose.visibility[joints]) >= _SEEN and pose.visibility[joints[2:]].max() >= _SEEN)


def _tall(pose: Pose) -> float:
    seen = pose.visibility >= _SEEN
    rows = pose.xy[seen if seen.any() else slice(None), 1]
    return float(np.ptp(rows))
