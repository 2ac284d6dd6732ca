"""What finding people in a picture gives, by whichever engine."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import WeightsMissing
from core.pose import skeleton
from core.types import Frame, Pose
from core.utils.closeable import Closeable

MOST_PEOPLE: Final = 4
"""Most people looked for in one picture."""

_CORNERS: Final = [*skeleton.SHOULDERS, *skeleton.HIPS, skeleton.LEFT_KNEE, skeleton.RIGHT_KNEE]
_TRUNK: Final = 64
_EDGE: Final = 0.2


def _samples() -> NDArray[np.float32]:
    """Return (80, 6): weights of the corners for points inside the trunk, then along the thighs, away from the edges."""
    steps = np.linspace(_EDGE, 1 - _EDGE, 8)
    trunk = [((1 - v) * (1 - u), (1 - v) * u, v * (1 - u), v * u, 0.0, 0.0) for v in steps for u in steps]
    left = [(0.0, 0.0, 1 - v, 0.0, v, 0.0) for v in steps]
    right = [(0.0, 0.0, 0.0, 1 - v, 0.0, v) for v in steps]
    return np.array([*trunk, *left, *right], np.float32)


_SAMPLES: Final = _samples()


@dataclass(frozen=True, slots=True)
class Detection:
    """One person found.

    Attributes:
        pose: in pixels.
        mask: (height, width) float32 in [0, 1], where asked for.
        track: the same number from frame to frame as long as the finder takes somebody for the same person; None where it
            does not track.
        fresh: False where nobody looked at this frame for that person: the pose is that of an earlier one.
        dark: whether the picture is so dark that left and right may be mistaken for a moment.
    """

    pose: Pose
    mask: NDArray[np.float32] | None = None
    track: int | None = None
    fresh: bool = True
    dark: bool = False


class PeopleFinder(Closeable):
    """Finds everybody in each frame of one stream. Holds state; close it when the stream ends. Not for two threads at once."""

    @abstractmethod
    def people(
        self, image: Frame, seconds: float, *, followed: int | None = None, missing: bool = False
    ) -> list[Detection]:
        """Find everybody in the frame (RGB) at ``seconds``; times grow from frame to frame.

        Args:
            followed: the ``track`` of the only person who matters. A finder may then look at the others now and then only,
                while they are too far away to be confused with that person. None looks at everybody.
            missing: whether that person was not among those found in the last frame: newcomers are looked for more often.
        """

    def reset(self) -> None:
        """Forget everybody, as after a cut."""


def require_model(model: Path) -> None:
    """Make sure that the bundle of pose networks is there.

    Raises:
        WeightsMissing: it is not.
    """
    if not model.is_file():
        raise WeightsMissing(
            f"The pose model {model.name} is missing from weights/: scripts/make_pose_model.py makes it."
        )


def clothes_colours(image: Frame, landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (6,) float32, the mean colours of trunk and thighs in CIE Lab: lightness 0 to 100, a and b around 0.

    Args:
        image: the picture in which the person was found.
        landmarks: (33, 4), in its pixels.
    """
    corners = np.nan_to_num(landmarks[_CORNERS, :2]).clip(-1e6, 1e6)
    height, width = image.shape[:2]
    points = (_SAMPLES @ corners).astype(np.int64)
    pixels = image[points[:, 1].clip(0, height - 1), points[:, 0].clip(0, width - 1)]
    means = np.array([[pixels[:_TRUNK].mean(axis=0), pixels[_TRUNK:].mean(axis=0)]], np.float32)
    return np.asarray(cv2.cvtColor(means / 255, cv2.COLOR_RGB2LAB), np.float32).ravel()
