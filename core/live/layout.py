"""What a live stream shows: the performer, and what the layout puts beside or over them. Cheap: it runs for every picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, get_args

import cv2
import numpy as np

from core.pose.candidates import box_of
from core.pose.draw import draw_pose
from core.types import Alpha, Frame, Pose
from core.utils.parsing import one_of

LiveLayout = Literal["mirror", "side-by-side", "inset", "skeleton"]
LIVE_LAYOUTS: Final[tuple[LiveLayout, ...]] = get_args(LiveLayout)

BESIDE_HEIGHT: Final = 384
"""Pictures of several panels are this high: the browser's link has to carry them all."""

_INSET_SHARE, _INSET_MARGIN = 0.3, 0.03
_INK: Final = (244, 239, 233)
_PAPER: Final = (18, 16, 22)
_LINE: Final = 0.045
_FONT: Final = "sans"
_FRAME: Final = 0.012
_FRAME_COLOUR: Final = (255, 90, 78)


def parse_live_layout(text: str) -> LiveLayout:
    """The layout of that name.

    Raises:
        UnusableInput: there is none.
    """
    return one_of(text, LIVE_LAYOUTS, "Layout")


@dataclass(frozen=True, slots=True)
class Panels:
    """What one picture is put together from.

    Attributes:
        performer: the performer, in front of the chosen background.
        camera: the camera picture that the performer's was made from, turned as a mirror where that is wished.
        asked: the pose asked of the performer, performer pixels.
        dance: a picture of the dance that is followed.
        words: a sentence laid over the bottom.
        silhouette: whether to show where to stand.
        marked: the pose of whoever is to be marked in the camera picture, which then is shown in any layout.
    """

    performer: Frame
    camera: Frame
    asked: Pose | None = None
    dance: Frame | None = None
    words: str | None = None
    silhouette: bool = False
    marked: Pose | None = None


def compose_live(layout: LiveLayout, panels: Panels) -> Frame:
    """The picture to show, its sides even. A new array."""
    image = panels.performer
    camera = panels.camera if panels.marked is None else framed(panels.camera, panels.marked)
    if layout == "skeleton":
        image = draw_pose(panels.asked, (image.shape[1], image.shape[0]), image)
    if layout == "inset" or (panels.marked is not None and layout != "side-by-side"):
        image = _with_inset(image, camera)
    elif image is panels.performer:
        image = image.copy()
    if panels.silhouette:
        _draw_silhouette(image)
    beside = [panel for panel in (panels.dance, camera if layout == "side-by-side" else None) if panel is not None]
    if beside:
        image = np.hstack([_of_height(panel, BESIDE_HEIGHT) for panel in (*beside, image)])
    if panels.words:
        _say(image, panels.words)
    return _even(image)


def _of_height(image: Frame, height: int) -> Frame:
    # even, so that the seams lie on whole chroma samples
    width = max(2, round(image.shape[1] * height / image.shape[0] / 2) * 2)
    # a mean over areas costs six times as much, and is to be seen only where much is left out
    method = cv2.INTER_AREA if height < 0.6 * image.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)


def _even(image: Frame) -> Frame:
    height, width = image.shape[:2]
    return np.ascontiguousarray(image[: height - height % 2, : width - width % 2])


def _with_inset(image: Frame, camera: Frame) -> Frame:
    result = image.copy()
    longest = _INSET_SHARE * image.shape[0]
    small = _of_height(camera, round(longest * min(1.0, camera.shape[0] / camera.shape[1])))
    margin = round(_INSET_MARGIN * image.shape[0])
    height, width = min(small.shape[0], image.shape[0] - margin), min(small.shape[1], image.shape[1] - margin)
    corner = slice(margin, margin + height), slice(image.shape[1] - margin - width, image.shape[1] - margin)
    result[corner] = small[:height, :width]
    return result


def framed(camera: Frame, pose: Pose) -> Frame:
    """A copy of a camera picture with a frame around somebody in it."""
    size = (camera.shape[1], camera.shape[0])
    left, top, right, bottom = box_of(pose, size).pixels(size)
    thick = round(_FRAME * max(size))
    return np.asarray(
        cv2.rectangle(camera.copy(), (left, top), (right - 1, bottom - 1), _FRAME_COLOUR, thick), np.uint8
    )


@lru_cache(maxsize=8)
def _outline(size: tuple[int, int]) -> Alpha:
    """(height, width): head, shoulders and trunk of somebody who stands where they should."""
    width, height = size
    mask = np.zeros((height, width), np.uint8)
    middle, head = width // 2, round(0.085 * height)
    cv2.ellipse(mask, (middle, round(0.2 * height)), (round(0.75 * head), head), 0, 0, 360, 255, -1)
    parts = (
        ((-0.11, 0.32), (0.11, 0.32), (0.08, 0.58), (-0.08, 0.58)),
        ((-0.12, 0.33), (-0.07, 0.33), (-0.2, 0.56), (-0.24, 0.54)), ((0.12, 0.33), (0.07, 0.33), (0.2, 0.56), (0.24, 0.54)),
        ((-0.08, 0.57), (0.0, 0.57), (-0.05, 0.93), (-0.1, 0.93)), ((0.08, 0.57), (0.0, 0.57), (0.05, 0.93), (0.1, 0.93)),
    )  # fmt: skip
    for part in parts:
        corners = np.array([(middle + x * height, y * height) for x, y in part])
        cv2.fillConvexPoly(mask, np.rint(corners).astype(np.int32), 255, cv2.LINE_AA)
    edge = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8))
    edge.flags.writeable = False
    return np.asarray(edge, np.uint8)


def _draw_silhouette(image: Frame) -> None:
    image[_outline((image.shape[1], image.shape[0])) > 0] = _INK


@lru_cache(maxsize=16)
def _banner(words: str, width: int, height: int) -> tuple[Frame, Alpha]:
    """The sentence on its own strip, and where its letters are; drawn once, as letters are slow."""
    font, size = cv2.FontFace(_FONT), max(round(_LINE * height), 10)
    lines = _lines(words, font, size, width - 2 * size)
    strip = np.zeros(((len(lines) + 1) * round(1.35 * size), width), np.uint8)
    for n, line in enumerate(lines):
        drawn = np.zeros((*strip.shape, 3), np.uint8)
        (left, _, wide, _) = cv2.getTextSize((0, 0), line, (0, 0), font, size)
        place = ((width - wide) // 2 - left, round((n + 1.25) * 1.35 * size))
        cv2.putText(drawn, line, place, (255, 255, 255), font, size)
        strip = np.maximum(strip, drawn[..., 0])
    paper = np.full((*strip.shape, 3), _INK, np.uint8)
    return paper, strip


def _lines(words: str, font: cv2.FontFace, size: int, width: int) -> list[str]:
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and cv2.getTextSize((0, 0), longer, (0, 0), font, size)[2] > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _say(image: Frame, words: str) -> None:
    """Lay the sentence over the bottom of the picture, on a darkened strip."""
    ink, letters = _banner(words, image.shape[1], image.shape[0])
    rows = min(letters.shape[0], image.shape[0])
    strip = image[-rows:]
    darker = cv2.addWeighted(strip, 0.35, np.full_like(strip, _PAPER), 0.65, 0)
    inside = letters[:rows, :, None] / np.float32(255)
    strip[:] = (ink[:rows] * inside + darker * (1 - inside)).astype(np.uint8)
