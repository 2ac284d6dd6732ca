"""Finding people in frames with MediaPipe's PoseLandmarker (Tasks API).

Files and webcams want different things of it. Looking at every picture afresh costs about 25 ms of one core whether it is
asked for one person or four, knows no lag, and its noise is easily smoothed once the future is known: against the known
joints of the rendered performers it comes out about a sixth nearer than tracking. Tracking one person costs 15 ms and is
what a live stream can afford; it filters by itself and lags a quarter of a frame (benchmarks/pose.py measures both).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from core import paths
from core.errors import WeightsMissing
from core.pose.person import Follower, Person, distinct
from core.types import Frame, Pose

CROWD = 4
"""Most people looked for in one picture."""

_SURVEY_EVERY_MS = 1000
_ALONE_AFTER_SURVEYS = 3


@dataclass(frozen=True, slots=True)
class Detection:
    """One person found: the pose in pixels and, where asked for, a soft mask (height, width) float32 in [0, 1]."""

    pose: Pose
    mask: NDArray[np.float32] | None = None


class Landmarker:
    """Everybody in a picture: a thin, typed hold on one MediaPipe graph. Not for use by two threads at once.

    Args:
        most: how many people at most.
        tracking: pictures are frames of one stream, in order; otherwise each is looked at afresh.
        masks: also give each person's segmentation.

    Raises:
        WeightsMissing: the pose model is not where it belongs.
    """

    def __init__(
        self, *, most: int = CROWD, tracking: bool = False, masks: bool = False, model: Path = paths.POSE_MODEL
    ) -> None:
        if not model.is_file():
            raise WeightsMissing(
                f"The pose model {model.name} is missing from weights/: scripts/make_pose_model.py makes it."
            )
        self._tracking = tracking
        self._masks = masks
        self._clock = -1
        self._graph = _open_graph(model, most, tracking, masks)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the native graph."""
        self._graph.close()

    def people(self, image: Frame, milliseconds: int = 0) -> list[Detection]:
        """Everybody found in ``image`` (RGB); ``milliseconds`` is its time in the stream when tracking."""
        from mediapipe.tasks.python.vision.core.image import Image, ImageFormat

        picture = Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(image))
        if self._tracking:
            # the graph refuses a time that does not grow: streams of over 1000 frames a second and restarts would do that
            self._clock = max(self._clock + 1, milliseconds)
            result = self._graph.detect_for_video(picture, self._clock)
        else:
            result = self._graph.detect(picture)
        masks = result.segmentation_masks if self._masks else [None] * len(result.pose_landmarks)
        return [_detection(p, m, image) for p, m in zip(result.pose_landmarks, masks or (), strict=False)]


class PoseEstimator:
    """Follows one person through one stream. Holds state: one for each stream, closed when the stream ends.

    Args:
        person: whom to follow when several are in view.
        tracking: True for live streams; False looks at every frame afresh, as files do.
        masks: also give the person's segmentation.
    """

    def __init__(self, *, person: Person = "largest", tracking: bool = True, masks: bool = False) -> None:
        self._tracking = tracking
        self._masks = masks
        self._follower = Follower(person)
        self._landmarkers: dict[tuple[int, bool], Landmarker] = {}
        self._crowd = False
        self._alone_surveys = 0
        self._next_survey = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the native graphs. A closed estimator opens new ones when it is used again."""
        landmarkers, self._landmarkers = self._landmarkers, {}
        for landmarker in landmarkers.values():
            landmarker.close()

    def reset(self) -> None:
        """Forget whom was followed, as after a cut."""
        self._follower.reset()

    def detect(self, image: Frame, milliseconds: int) -> Detection | None:
        """The followed person in the next frame (RGB), or None; times grow from frame to frame."""
        found = self._found(image, milliseconds)
        chosen = self._follower.pick([d.pose for d in found], milliseconds / 1000, (image.shape[1], image.shape[0]))
        return next((d for d in found if d.pose is chosen), None)

    def _found(self, image: Frame, milliseconds: int) -> list[Detection]:
        if not self._tracking:
            return self._landmarker(CROWD, tracking=False).people(image)
        # tracking several costs as much as looking afresh, so it is done only while a survey has seen several
        if milliseconds >= self._next_survey:
            self._survey(image, milliseconds)
        return self._landmarker(CROWD if self._crowd else 1, tracking=True).people(image, milliseconds)

    def _survey(self, image: Frame, milliseconds: int) -> None:
        several = len(distinct([d.pose for d in self._landmarker(CROWD, tracking=False).people(image)])) > 1
        self._alone_surveys = 0 if several else self._alone_surveys + 1
        self._crowd = several or (self._crowd and self._alone_surveys < _ALONE_AFTER_SURVEYS)
        self._next_survey = milliseconds + _SURVEY_EVERY_MS

    def _landmarker(self, most: int, *, tracking: bool) -> Landmarker:
        key = (most, tracking)
        if key not in self._landmarkers:
            self._landmarkers[key] = Landmarker(most=most, tracking=tracking, masks=self._masks)
        return self._landmarkers[key]


def _detection(points: Any, mask: Any, image: Frame) -> Detection:
    height, width = image.shape[:2]
    rows = [(p.x * width, p.y * height, p.z * width, p.visibility) for p in points]
    pose = Pose(np.array(rows, np.float32))
    return Detection(pose, None if mask is None else np.array(mask.numpy_view(), np.float32).reshape(height, width))


def _open_graph(model: Path, most: int, tracking: bool, masks: bool) -> Any:
    from mediapipe.tasks.python.core.base_options import BaseOptions
    from mediapipe.tasks.python.vision.core.vision_task_running_mode import VisionTaskRunningMode
    from mediapipe.tasks.python.vision.pose_landmarker import PoseLandmarker, PoseLandmarkerOptions

    # the bytes, not the path: MediaPipe resolves paths in its own way
    options = PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=model.read_bytes()),
        running_mode=VisionTaskRunningMode.VIDEO if tracking else VisionTaskRunningMode.IMAGE,
        num_poses=most,
        output_segmentation_masks=masks,
    )
    return PoseLandmarker.create_from_options(options)
