"""Where in the performer's picture a network draws, and how what it drew becomes the performer's frame.

The network draws the person alone, on a canvas that goes along with the hips, and the empty stage is laid behind: the wall
cannot flicker, and the same pose elsewhere on the stage is the same picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Self, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.pose import skeleton
from core.types import Alpha, Frame, Picture, Pose

Layers: TypeAlias = NDArray[np.uint8]
"""(LAYERS, height, width) uint8 on a canvas: three of the person's colours times their mask, the mask, and how much light of
the empty stage is left beside the person (255 where they cast no shadow)."""

LAYERS: Final = 5
COLOURS: Final = 3
"""The first layers."""
KEPT: Final = 4
"""The first layers, which can be copied: colours and mask."""

_NO_LIMIT = 1e5
_FAINT: Final = 2
"""Grey levels that nobody sees: a network's nothing is never quite nothing."""


class Canvas(BaseModel):
    """A rectangle of network pixels laid over the performer's frame.

    Attributes:
        width, height: in canvas pixels.
        scale: performer pixels to a canvas pixel.
        left, top: where the canvas begins, in performer pixels, from the middle of the hips.
        follows: what the canvas goes along with: always the hips. In files there was another choice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(ge=16, le=1024)
    height: int = Field(ge=16, le=1024)
    scale: float = Field(gt=0.05, le=64, allow_inf_nan=False)
    left: float = Field(ge=-_NO_LIMIT, le=_NO_LIMIT, allow_inf_nan=False)
    top: float = Field(ge=-_NO_LIMIT, le=_NO_LIMIT, allow_inf_nan=False)
    follows: Literal["hips"] = "hips"

    @model_validator(mode="after")
    def _whole_blocks(self) -> Self:
        if self.width % 8 or self.height % 8:
            raise ValueError("a canvas is a multiple of 8 pixels wide and high")
        return self

    def halved(self) -> Canvas:
        """The same rectangle with half as many pixels to a side, as far as that is a multiple of 8."""
        width, height = (max(side // 16 * 8, 16) for side in (self.width, self.height))
        return self.model_copy(update={"width": width, "height": height, "scale": self.scale * self.height / height})

    def shrunk(self, factor: float, block: int) -> Canvas:
        """Nearly the same rectangle with ``factor`` times fewer pixels to a side, rounded up to multiples of ``block``."""
        width, height = (-(-round(side / factor) // block) * block for side in (self.width, self.height))
        return self.model_copy(update={"width": width, "height": height, "scale": self.scale * factor})

    def matrix(self, pose: Pose) -> NDArray[np.float64]:
        """(2, 3) from canvas pixels to performer pixels for the canvas of ``pose``; pixel centres lie on whole numbers.

        A canvas whose pixels are as large as the performer's lies exactly on them: nothing is filled in between.
        """
        x, y = self._origin(pose) + self.snapped(pose)
        return np.array([[self.scale, 0.0, x], [0.0, self.scale, y]])

    def snapped(self, pose: Pose) -> NDArray[np.float64]:
        """(2,): performer pixels by which the canvas of ``pose`` lies off where the hips put it, to lie on whole ones."""
        origin = self._origin(pose)
        return np.rint(origin) - origin if self.scale == 1 else np.zeros(2)

    def _origin(self, pose: Pose) -> NDArray[np.float64]:
        hips = pose.xy[list(skeleton.HIPS)].mean(0).astype(np.float64)
        return np.asarray(hips + (self.left, self.top) + (self.scale - 1) / 2, np.float64)

    def cut(self, picture: NDArray[np.uint8], pose: Pose, beyond: int = 0) -> NDArray[np.uint8]:
        """What of a performer's ``picture`` (height, width[, channels]) lies on the canvas of ``pose``.

        Args:
            beyond: what lies outside of the picture.
        """
        if self.scale > 1:
            # a canvas pixel is the mean of what it covers, not a single pixel of it
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.45 * self.scale), np.uint8)
        # whole pixels are looked up, not mixed
        flags = (cv2.INTER_NEAREST if self.scale == 1 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
        border = (beyond, beyond, beyond)
        cut = cv2.warpAffine(picture, self.matrix(pose), (self.width, self.height), flags=flags, borderValue=border)
        return np.asarray(cut, np.uint8)


@dataclass(frozen=True, slots=True)
class Behind:
    """What a person stands in front of, all of the frame's height and width.

    ``mask`` is where the person is, ``light`` how much light of the empty ``stage`` is left, 255 where there is no shadow.
    """

    mask: Alpha
    light: Alpha
    stage: Frame


def compose(layers: Layers, canvas: Canvas, pose: Pose, stage: Frame) -> Picture:
    """The performer's frame from what a network drew on the canvas of ``pose``.

    Args:
        layers: (LAYERS, canvas.height, canvas.width).
        stage: the empty stage.
    """
    matrix = canvas.matrix(pose)
    light = layers[4]
    x, y, width, height = cv2.boundingRect(cv2.compare(layers[3], _FAINT, cv2.CMP_GT))
    person = layers[:KEPT, y : y + height, x : x + width].transpose(1, 2, 0)
    return lay(person, moved_by(matrix, x, y), light, matrix, stage)


def moved_by(matrix: NDArray[np.float64], x: int, y: int) -> NDArray[np.float64]:
    """The matrix (2, 3) of a part of a picture that begins at its pixel ``x``, ``y``."""
    matrix = matrix.copy()
    matrix[:, 2] += matrix[:, :2] @ (x, y)
    return matrix


def seen_from(own: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 3) from the pixels of a picture to those of another, each given by its matrix (2, 3) to the same third one."""
    turn = np.linalg.inv(other[:, :2])
    return np.column_stack([turn @ own[:, :2], turn @ (own[:, 2] - other[:, 2])])


def lay(
    person: NDArray[np.uint8],
    person_at: NDArray[np.float64],
    light: NDArray[np.uint8],
    light_at: NDArray[np.float64],
    stage: Frame,
) -> Picture:
    """The performer in front of the stage, their shadow on it.

    Args:
        person: (height, width, 4), colours times mask, and mask.
        light: (height, width), the light that is left of the stage.
        person_at, light_at: (2, 3), each from its own pixels to those of ``stage``.
    """
    image, alpha = stage.copy(), np.zeros(stage.shape[:2], np.uint8)
    # most of what is laid is empty, and costs nothing
    x, y, width, height = cv2.boundingRect(cv2.compare(light, 255 - _FAINT, cv2.CMP_LT))
    shadow = _Part.of(light[y : y + height, x : x + width], moved_by(light_at, x, y), stage)
    if shadow is not None:
        left = shadow.warped(255, cv2.INTER_LINEAR)
        image[shadow.box] = cv2.multiply(image[shadow.box], cv2.cvtColor(left, cv2.COLOR_GRAY2RGB), scale=1 / 255)
    part = _Part.of(person, person_at, stage)
    if part is not None:
        drawn = part.warped(0, cv2.INTER_CUBIC)
        alpha[part.box] = drawn[..., 3]
        image[part.box] = _over(drawn, image[part.box])
    return Picture(image, alpha)


def _over(person: NDArray[np.uint8], stage: Frame) -> Frame:
    """A person whose colours are multiplied by their mask already, in front of the stage."""
    left = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(person, 3)), cv2.COLOR_GRAY2RGB)
    behind = cv2.multiply(stage, left, scale=1 / 255)
    return np.asarray(cv2.add(behind, cv2.cvtColor(person, cv2.COLOR_RGBA2RGB)), np.uint8)


@dataclass(frozen=True, slots=True)
class _Part:
    """What was drawn, (height, width[, channels]), and where on the stage it lies.

    ``matrix`` takes its pixels to those of ``box``.
    """

    drawn: NDArray[np.uint8]
    box: tuple[slice, slice]
    matrix: NDArray[np.float64]

    @classmethod
    def of(cls, drawn: NDArray[np.uint8], matrix: NDArray[np.float64], stage: Frame) -> _Part | None:
        """The part; None where nothing of it is on the stage."""
        height, width = drawn.shape[:2]
        if not (height and width):
            return None
        begin, end = (matrix @ (x, y, 1) for x, y in ((-0.5, -0.5), (width - 0.5, height - 0.5)))
        # the stage's pixels reach half a pixel around whole numbers as well
        left, top = (max(int(np.floor(edge + 0.5)), 0) for edge in begin)
        right, bottom = (
            min(int(np.ceil(edge + 0.5)), size) for edge, size in zip(end, stage.shape[1::-1], strict=True)
        )
        if right <= left or bottom <= top:
            return None
        return cls(drawn, (slice(top, bottom), slice(left, right)), matrix - [[0, 0, left], [0, 0, top]])

    def warped(self, beyond: int, way: int) -> NDArray[np.uint8]:
        """What of it is seen on the stage; ``beyond`` its edges, ``way`` is OpenCV's of filling in between pixels."""
        size = (self.box[1].stop - self.box[1].start, self.box[0].stop - self.box[0].start)
        x, y = np.rint(-self.matrix[:, 2]).astype(int)
        if np.array_equal(self.matrix, [[1, 0, -x], [0, 1, -y]]):
            return np.ascontiguousarray(self.drawn[y : y + size[1], x : x + size[0]])
        border = (beyond,) * 4
        drawn = np.ascontiguousarray(self.drawn)
        return np.asarray(cv2.warpAffine(drawn, self.matrix, size, flags=way, borderValue=border), np.uint8)


def layers_of(frame: Frame, canvas: Canvas, pose: Pose, behind: Behind) -> Layers:
    """What a network should draw for ``frame``.

    Args:
        frame: the performer's picture.
        behind: the person's mask and what they stand in front of.
    """
    person = canvas.cut(np.dstack([lifted(frame, behind), behind.mask]), pose)
    return np.ascontiguousarray(np.dstack([person, canvas.cut(behind.light, pose, 255)]).transpose(2, 0, 1))


def lifted(frame: Frame, behind: Behind) -> Frame:
    """The person's colours times their mask: the picture less what of the stage shines through at soft edges.

    Multiplying the picture by the mask would take that part along, and lay a rim of this stage around the person wherever
    they go.
    """
    through = cv2.multiply(cv2.bitwise_not(behind.mask), behind.light, scale=1 / 255)
    stage = cv2.multiply(behind.stage, cv2.merge([through, through, through]), scale=1 / 255)
    return np.asarray(cv2.min(cv2.subtract(frame, stage), cv2.merge([behind.mask] * 3)), np.uint8)
