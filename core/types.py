"""Core data types: poses, frames and pictures.

Images are RGB ``uint8`` arrays of shape (height, width, 3) between modules; nothing guesses a range or a channel order.
Coordinates are pixels of the picture they were found in, x to the right, y down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Frame: TypeAlias = NDArray[np.uint8]
"""(height, width, 3) uint8, RGB."""

Alpha: TypeAlias = NDArray[np.uint8]
"""(height, width) uint8, 0 where the stage shows, 255 where the person covers it."""

NetworkInput: TypeAlias = NDArray[np.float32] | NDArray[np.uint8]
"""One input of a network, with a batch of one: numbers, or pictures."""

LANDMARKS = 33


@dataclass(frozen=True, slots=True)
class Pose:
    """One person in one picture.

    ``landmarks`` is (33, 4) float32 in MediaPipe's order: x, y and z in pixels (z towards the camera is negative, zero at
    the hips) and visibility in [0, 1]. ``colours`` is (6,) float32, the mean colours of the clothes, by which a person is
    re-identified (``core.pose.detection.clothes_colours``); None where they were not measured.
    """

    landmarks: NDArray[np.float32]
    colours: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.landmarks.shape != (LANDMARKS, 4):
            raise ValueError(f"a pose is (33, 4), not {self.landmarks.shape}: x, y, z in pixels and visibility")

    @property
    def xy(self) -> NDArray[np.float32]:
        """(33, 2) pixels."""
        return self.landmarks[:, :2]

    @property
    def visibility(self) -> NDArray[np.float32]:
        """(33,) in [0, 1]."""
        return self.landmarks[:, 3]

    def scaled(self, factor: float) -> Pose:
        """Return the pose in a picture ``factor`` times as large."""
        scale = np.array([factor, factor, factor, 1.0], np.float32)
        return Pose(self.landmarks * scale, self.colours)

    def moved(self, x: float, y: float) -> Pose:
        """Return the pose moved by ``x`` pixels to the right and ``y`` down."""
        return Pose(self.landmarks + np.array([x, y, 0.0, 0.0], np.float32), self.colours)


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One decoded picture of a video: its number from 0, its time in seconds from the start of what is read, its pixels.

    ``cut`` says that the file itself begins a shot here, because its pictures have another shape from here on. Those lie in
    ``box`` (left, top, width, height) of the image, with black around them; None where they fill it.
    """

    index: int
    time: Fraction
    image: Frame
    cut: bool = False
    box: tuple[int, int, int, int] | None = None

    @property
    def corner(self) -> tuple[int, int]:
        """(left, top) of the picture in the image."""
        return (0, 0) if self.box is None else self.box[:2]

    @property
    def picture(self) -> Frame:
        """The image without the black border around the picture."""
        if self.box is None:
            return self.image
        left, top, width, height = self.box
        return np.ascontiguousarray(self.image[top : top + height, left : left + width])


class Floor(NamedTuple):
    """The floor of a picture: y of the lines on which somebody stands nearest to the camera and farthest from it, in pixels."""

    near: float
    far: float


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a generator: the performer on their own stage, and the mask of the person."""

    image: Frame
    alpha: Alpha


@dataclass(frozen=True, slots=True)
class FrameResult:
    """One step of the pipeline.

    ``image`` is what to show or encode; ``pose`` the person found (source pixels, smoothed) and ``asked`` the pose asked of
    the generator (performer pixels), both None while nobody is in view; ``milliseconds`` the time each stage took.
    """

    image: Frame
    pose: Pose | None
    asked: Pose | None
    milliseconds: dict[str, float] = field(default_factory=dict)
