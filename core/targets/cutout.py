"""Each frame of the footage as if it had been filmed on one still stage: the person cut out and laid on a still picture.

Whatever else moved in the footage (the camera, letters, a clock, a passer-by, the light) is gone from what is kept, so
everything that draws from footage deals with a person before a still camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.pose import skeleton
from core.pose.retarget import floor_of, measure_body
from core.rendering.shadow import light_left, light_on_floor
from core.targets.matte import Behind, Moment, foreground, refine, steadied
from core.targets.stage import Stage, around_person, brought, light_gains, lit
from core.targets.studio_backdrop import studio
from core.types import Alpha, Floor, Frame, Pose
from core.utils.corner_tracking import Homography, transformed

NEIGHBOURS: Final = 6
"""Frames before and after by which a mask is steadied."""
_SURELY: Final = 200
_SHADOW_REACH: Final = 0.35
"""Body heights around the person in which a darker stage counts as their shadow."""
_SHADOW_SOFTNESS: Final = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class CutOut:
    """One frame with the person cut out of it.

    Attributes:
        image: (height, width, 3), the person on the still stage.
        mask: (height, width), where the person is.
    """

    image: Frame
    mask: Alpha


@dataclass(frozen=True, slots=True, eq=False)
class Brought:
    """One frame on the stage, the person not cut out yet.

    Attributes:
        moment: the frame in the light of the stage, and the person's rough mask.
        behind: what is known of the empty stage behind them; None where it is another place.
    """

    moment: Moment
    behind: Behind | None


@dataclass(frozen=True, slots=True, eq=False)
class Backdrop:
    """What the person is laid on.

    Attributes:
        picture: (height, width, 3).
        floor: where the person stands in it; below the picture where their feet are out of view.
    """

    picture: Frame
    floor: Floor


def backdrop_for(
    stage: Stage | None,
    picture: Frame | None,
    size: tuple[int, int],
    poses: Sequence[Pose],
    samples: Sequence[tuple[Frame, Alpha]],
) -> Backdrop:
    """The given picture, or a studio in which the person looks right.

    Args:
        stage: of the footage, whose size the studio takes.
        picture: what the person shall stand on.
        size: (width, height) of the frames, where there is no stage.
        poses: the person's, at least one, in pixels of the backdrop.
        samples: frames, and rough masks of the person in them.
    """
    body = measure_body(poses)
    if stage is not None:
        size = (stage.picture.shape[1], stage.picture.shape[0])
    floor = floor_of(body, size[1])
    return Backdrop(studio(size, floor.near, _light_on(samples)) if picture is None else picture, floor)


def _light_on(samples: Sequence[tuple[Frame, Alpha]]) -> float | None:
    """Mean grey level of the person."""
    levels = [
        float(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[person > _SURELY].mean())
        for image, person in samples
        if (person > _SURELY).any()
    ]
    return float(np.median(levels)) if levels else None


class Cutter:
    """Cuts the person out of frames and lays them on a stage. Holds no state: safe to share between threads.

    Args:
        stage: the stage that the footage shows, None where none was found.
        backdrop: what the person shall stand on: the stage's own picture, or another one of its size.
    """

    def __init__(self, stage: Stage | None, backdrop: Backdrop) -> None:
        self._stage = stage
        self._backdrop = backdrop.picture
        self._floor = backdrop.floor
        self._own = stage is not None and backdrop.picture is stage.picture
        self.size = (backdrop.picture.shape[1], backdrop.picture.shape[0])

    def bring(self, frame: Frame, rough: Alpha, index: int) -> Brought:
        """Frame ``index`` of the footage on the stage, in its light.

        Args:
            frame: (height, width, 3), as it was filmed.
            rough: (height, width), the segmentation's mask of it.
        """
        to_stage = self._to_stage(index)
        behind: Behind | None = None
        if to_stage is not None:
            frame, rough = brought(frame, to_stage, self.size), brought(rough, to_stage, self.size, mask=True)
        if self._stage is not None and self._stage.to_stage[index] is not None:
            frame = self._in_light_of_stage(frame, rough)
            behind = Behind(self._stage.picture, self._stage.known)
        return Brought(Moment.of(frame, rough), behind)

    def cut(self, shown: Brought, pose: Pose | None, others: Sequence[Brought] = (), *, exact: bool = False) -> CutOut:
        """The person in a frame that was brought onto the stage.

        Args:
            shown: the frame.
            pose: of the person, on the stage; None where nobody was found, and then the stage is empty.
            others: frames shortly before and after, by which the mask is steadied.
            exact: the frame's mask needs neither steadying nor refining.
        """
        if pose is None:
            return CutOut(self._backdrop, np.zeros(self.size[::-1], np.uint8))
        frame, mask, behind = shown.moment.image, shown.moment.rough, shown.behind
        if not exact:
            mask = refine(*steadied(shown.moment, [other.moment for other in others]), behind, pose)
        light = self._light(frame, mask, behind, pose)
        person = foreground(frame, mask, behind, light)
        left = cv2.multiply(cv2.bitwise_not(mask), light, scale=1 / 255)
        stage = cv2.multiply(self._backdrop, cv2.merge([left] * 3), scale=1 / 255)
        return CutOut(np.asarray(cv2.add(person, stage), np.uint8), mask)

    def _to_stage(self, index: int) -> Homography | None:
        """From pixels of a frame to the stage; None where they are the same."""
        if self._stage is None:
            return None
        return self._stage.placed(index)

    def _in_light_of_stage(self, frame: Frame, rough: Alpha) -> Frame:
        assert self._stage is not None
        free = ~around_person(rough) & self._stage.known
        return lit(frame, light_gains(frame, self._stage.picture, free))

    def _light(self, frame: Frame, mask: Alpha, behind: Behind | None, pose: Pose) -> Alpha:
        if behind is None or not self._own:
            return light_on_floor(mask.shape, pose, self._floor)
        return _shadow_near(frame, mask, behind)


def moved(pose: Pose, homography: Homography) -> Pose:
    """The pose in pixels of the picture that ``homography`` leads to; depth grows as the body does."""
    landmarks = pose.landmarks.copy()
    landmarks[:, :2] = transformed(pose.xy, homography)
    landmarks[:, 2] *= _scale_at(homography, pose.xy[list(skeleton.HIPS)].mean(axis=0))
    return Pose(landmarks.astype(np.float32), pose.colours)


def _scale_at(homography: Homography, point: NDArray[np.floating]) -> float:
    """How much larger things at ``point`` become."""
    around = np.asarray(point, np.float64) + np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    there = transformed(around, homography)
    right, down = there[1] - there[0], there[2] - there[0]
    return float(np.sqrt(abs(right[0] * down[1] - right[1] * down[0])))


def _shadow_near(frame: Frame, mask: Alpha, behind: Behind) -> Alpha:
    """The light that is left around the person; away from them whatever else is dark is no shadow of theirs."""
    height, width = mask.shape
    half = light_left(frame, mask, behind.picture)
    rows = np.flatnonzero(mask.max(axis=1) > 127)
    if not len(rows):
        return np.full((height, width), 255, np.uint8)
    reach = max(_SHADOW_REACH * float(rows[-1] - rows[0]) / 2, 4.0)
    away = cv2.distanceTransform((cv2.resize(mask, half.shape[::-1]) < 127).astype(np.uint8), cv2.DIST_L2, 3)
    known = cv2.resize(behind.known.astype(np.uint8), half.shape[::-1], interpolation=cv2.INTER_NEAREST)
    share = np.clip(1.5 - 1.5 * away / reach, 0.0, 1.0) * known
    dark = cv2.GaussianBlur((255.0 - half) * share, (0, 0), max(_SHADOW_SOFTNESS * height / 2, 1.0))
    return np.asarray(cv2.resize((255.5 - dark).astype(np.uint8), (width, height)), np.uint8)
