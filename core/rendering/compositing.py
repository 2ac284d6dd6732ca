"""What is put beside and behind the performer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import cv2
import numpy as np

from core.errors import UnusableInput
from core.pose.draw import GROUND, draw_pose
from core.rendering.image_files import middle_box, read_picture
from core.rendering.shadow import light_on_floor
from core.targets.studio_backdrop import studio
from core.types import Alpha, Floor, Frame, Picture, Pose
from core.utils.parsing import one_of

Layout = Literal["result", "side-by-side", "triptych"]
LAYOUTS: Final[tuple[Layout, ...]] = get_args(Layout)

GREEN: Final = (0, 177, 64)
"""The green that chroma keyers expect."""

_RIM: Final = 9
"""Pixels across which colours go on beyond the person."""
_OWN_COLOUR: Final = 32
"""Alpha from which a pixel tells its own colour well enough."""


def parse_layout(text: str) -> Layout:
    """The layout of that name.

    Raises:
        UnusableInput: there is none.
    """
    return one_of(text, LAYOUTS, "Layout")


@dataclass(frozen=True)
class Background:
    """What stands behind the performer: their own stage (``picture`` None), a picture of the performer's size, or nothing.

    ``floor`` is where they stand in the picture and cast a shadow; None for a picture that has no floor.
    """

    picture: Frame | None = None
    floor: Floor | None = None
    transparent: bool = False

    def behind(self, person: Picture, stage: Frame, pose: Pose | None = None) -> Frame:
        """The person in front of this background; RGBA where that is nothing.

        Args:
            person: in front of their own stage.
            stage: that stage, empty. At soft edges its share is exchanged for the background's: mixing the picture as it is
                would lay a rim of the old stage around the person.
            pose: the person's, in pixels of the background, by which they cast a shadow on its floor.
        """
        if self.picture is None and not self.transparent:
            return person.image
        through = cv2.bitwise_not(person.alpha)
        through = cv2.merge([through, through, through])
        alone = cv2.subtract(person.image, cv2.multiply(stage, through, scale=1 / 255))
        # a shadow on the stage makes it darker than it is when empty, and leaves nothing outside of the person
        alone = cv2.min(alone, cv2.merge([person.alpha] * 3))
        if self.picture is None:
            return cut_out(np.asarray(alone, np.uint8), person.alpha)
        if self.floor is not None and pose is not None:
            light = light_on_floor(self.picture.shape, pose, self.floor)
            through = cv2.merge([cv2.multiply(cv2.bitwise_not(person.alpha), light, scale=1 / 255)] * 3)
        return np.asarray(cv2.add(alone, cv2.multiply(self.picture, through, scale=1 / 255)), np.uint8)


def cut_out(alone: Frame, alpha: Alpha) -> Frame:
    """(height, width, 4) RGBA, not premultiplied, of a person in front of black.

    Around the person the colours go on as they are at the edge: coders that keep colour at half the size would mix black in.
    """
    weight = cv2.merge([alpha] * 3).astype(np.float32)
    sums, weights = (cv2.blur(part, (_RIM, _RIM)) for part in (alone.astype(np.float32), weight))
    around = sums * 255 / np.maximum(weights, 1e-3)
    own = alone * (255 / np.maximum(weight, 1))
    colours = np.where(weight >= _OWN_COLOUR, own, around)
    return np.dstack([np.clip(colours + 0.5, 0, 255).astype(np.uint8), alpha])


def over_grey(image: Frame) -> Frame:
    """An RGBA picture as it is shown where nothing can be transparent."""
    if image.shape[2] == 3:
        return image
    return blend(image[..., :3], np.full_like(image[..., :3], GROUND), np.ascontiguousarray(image[..., 3]))


def blend(over: Frame, under: Frame, alpha: Alpha) -> Frame:
    """``over`` where ``alpha`` is 255, ``under`` where it is 0, mixed between. All of one size."""
    weight = cv2.merge([alpha, alpha, alpha])
    # in 8 bits: three times as fast as floats, and at most one grey level off
    mixed = cv2.add(
        cv2.multiply(over, weight, scale=1 / 255), cv2.multiply(under, cv2.bitwise_not(weight), scale=1 / 255)
    )
    return np.asarray(mixed, np.uint8)


def parse_background(text: str, size: tuple[int, int], floor: Floor | None = None) -> Background:
    """``stage``, ``studio``, ``green``, ``transparent``, a colour as ``#rrggbb``, or the path of a picture.

    Args:
        size: (width, height) of the performer's pictures, which a picture is cut to cover.
        floor: where the performer stands in a studio or a picture, and casts a shadow.

    Raises:
        UnusableInput: it is none of these, or the picture cannot be read.
    """
    if text == "stage":
        return Background()
    if text == "transparent":
        return Background(transparent=True)
    if text == "studio":
        return Background(studio(size, None if floor is None else floor.near), floor)
    if text == "green":
        return Background(_plain(GREEN, size))
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        return Background(_plain((int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)), size))
    return Background(cover(_picture_file(Path(text), size), size), floor)


def _plain(colour: tuple[int, int, int], size: tuple[int, int]) -> Frame:
    return np.full((size[1], size[0], 3), colour, np.uint8)


def _picture_file(path: Path, size: tuple[int, int]) -> Frame:
    try:
        there = path.is_file()
    except OSError:  # no name that a file can have
        there = False
    if not there:
        raise UnusableInput(
            f"Background '{path.name[:60]}' is not known: say stage, studio, green, transparent, a colour like #204060, "
            "or a picture file."
        )
    return read_picture(path, called=f"The background {path.name}", covering=size)


def cover(image: Frame, size: tuple[int, int]) -> Frame:
    """``image`` cut in the middle to the shape of ``size`` (width, height) and scaled to it."""
    # cut first: of a picture of one line the rest would be scaled to gigabytes
    left, top, width, height = middle_box((image.shape[1], image.shape[0]), size)
    return np.ascontiguousarray(_resized(image[top : top + height, left : left + width], size))


def contain(image: Frame, size: tuple[int, int]) -> Frame:
    """All of ``image``, scaled to fit into ``size`` (width, height), in the middle of a dark ground."""
    width, height = _fitted((image.shape[1], image.shape[0]), size)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    ground = np.full((size[1], size[0], 3), GROUND, np.uint8)
    ground[top : top + height, left : left + width] = _resized(image, (width, height))
    return ground


def _fitted(size: tuple[int, int], into: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of a picture of ``size`` scaled to fit into ``into``."""
    scale = min(into[0] / size[0], into[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _resized(image: Frame, size: tuple[int, int]) -> Frame:
    if (image.shape[1], image.shape[0]) == size:
        return image
    smaller = size[0] < image.shape[1]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR), np.uint8)


def needs_source(layout: Layout) -> bool:
    """Whether the layout shows the source's own picture."""
    return layout != "result"


def layout_size(layout: Layout, source: tuple[int, int], performer: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of the output for sources and performers of these sizes: as high as the performer."""
    beside = _width_beside(source, performer)
    panels = {"result": 0, "side-by-side": 1, "triptych": 2}[layout]
    return performer[0] + panels * beside, performer[1]


def _width_beside(source: tuple[int, int], performer: tuple[int, int]) -> int:
    # even, so that the seams of the layout lie on whole chroma samples
    return max(2, round(source[0] * performer[1] / source[1] / 2) * 2)


def arrange(layout: Layout, result: Frame, source: Frame | None, pose: Pose | None) -> Frame:
    """The performer's frame with what the layout puts to its left.

    Args:
        result: the performer, at the performer's size.
        source: the source's frame; may be None for ``result`` alone.
        pose: the person found in ``source``, in its pixels.

    Raises:
        ValueError: the layout shows the source and there is none.
    """
    if layout == "result":
        return result
    if source is None:
        raise ValueError(f"layout {layout} shows the source's frame, and none was given")
    height = result.shape[0]
    beside = _width_beside((source.shape[1], source.shape[0]), (result.shape[1], height))
    panels = [_resized(source, (beside, height))]
    if layout == "triptych":
        panels.append(draw_pose(None if pose is None else pose.scaled(height / source.shape[0]), (beside, height)))
    return np.hstack([*panels, result])
