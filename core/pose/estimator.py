"""Finding people in frames with MediaPipe's PoseLandmarker (Tasks API).

Tracking one person costs about 15 ms of one core a frame, looking at a picture afresh about 25 ms whether for one person or
four. Tracking also smooths, by a filter that lags; but that filter goes by the time stamps it is given, and frames that
claim to be minutes apart come out as they were found. So streams are tracked with such stamps, as near to the known joints
as a fresh look and at three fifths of its price, and the smoothing is ours (benchmarks/pose.py measures all of this).

Several people cost as much tracked as looked at afresh. So one person is tracked, and a look around once a second decides
whether more are in view and every frame must be searched.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import paths
from core.closing import Closing
from core.errors import WeightsMissing
from core.pose.person import Follower, Person, distinct
from core.types import Frame, Pose

CROWD = 4
"""Most people looked for in one picture."""

_SURVEY_EVERY = 1.0
_ALONE_AFTER_SURVEYS = 3
_STAMP_MS = 600_000

# MediaPipe's packages import each other in circles: two threads that begin at once find them half made
_importing = threading.Lock()


@dataclass(frozen=True, slots=True)
class Detection:
    """One person found: the pose in pixels and, where asked for, a soft mask (height, width) float32 in [0, 1]."""

    pose: Pose
    mask: NDArray[np.float32] | None = None


class Landmarker(Closing):
    """A thin, typed hold on one MediaPipe graph. Not for use by two threads at once.

    Args:
        most: how many people at most.
        tracking: pictures are frames of one stream, in order; otherwise each is looked at afresh.
        masks: also give each person's segmentation.
        filtered: leave MediaPipe's own smoothing of a tracked stream in (to compare with).

    Raises:
        WeightsMissing: the pose model is not where it belongs.
    """

    def __init__(
        self,
        *,
        most: int = CROWD,
        tracking: bool = False,
        masks: bool = False,
        filtered: bool = False,
        model: Path = paths.POSE_MODEL,
    ) -> None:
        if not model.is_file():
            raise WeightsMissing(
                f"The pose model {model.name} is missing from weights/: scripts/make_pose_model.py makes it."
            )
        self._tracking = tracking
        self._masks = masks
        self._stamp_every = 40 if filtered else _STAMP_MS
        self._stamp = 0
        self._graph = _open_graph(model, most, tracking, masks)

    def close(self) -> None:
        """Give back the native graph."""
        self._graph.close()

    def people(self, image: Frame) -> list[Detection]:
        """Everybody found in ``image`` (RGB), the next frame of the stream when tracking."""
        from mediapipe.tasks.python.vision.core.image import Image, ImageFormat

        picture = Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(image))
        if self._tracking:
            self._stamp += self._stamp_every
            result = self._graph.detect_for_video(picture, self._stamp)
        else:
            result = self._graph.detect(picture)
        masks = result.segmentation_masks if self._masks else [None] * len(result.pose_landmarks)
        return [_detection(p, m, image) for p, m in zip(result.pose_landmarks, masks or (), strict=False)]


class Survey(Closing):
    """A look around now and then, shared by several watchers of one stream: a graph takes 120 MB."""

    def __init__(self, *, masks: bool = False) -> None:
        self._masks = masks
        self._landmarker: Landmarker | None = None
        self._lock = threading.Lock()

    def people(self, image: Frame) -> list[Detection]:
        """Everybody found in ``image`` (RGB), looked at afresh."""
        with self._lock:
            if self._landmarker is None:
                self._landmarker = Landmarker(masks=self._masks)
            return self._landmarker.people(image)

    def close(self) -> None:
        """Give back the native graph."""
        with self._lock:
            landmarker, self._landmarker = self._landmarker, None
        if landmarker is not None:
            landmarker.close()


class CrowdWatcher(Closing):
    """Everybody in each frame of one stream, at the price of one while there is one. Holds state; close it at the end.

    Args:
        masks: also give each person's segmentation.
        tracking: False looks at every frame afresh, for pictures that do not follow each other.
        survey: shared with other watchers, and closed by whoever made it; one of its own by default.
        survey_every: seconds after which everybody is looked for again while one is known; that frame takes longer.
    """

    def __init__(
        self,
        *,
        masks: bool = False,
        tracking: bool = True,
        survey: Survey | None = None,
        survey_every: float = _SURVEY_EVERY,
    ) -> None:
        self._masks = masks
        self._survey_every = survey_every
        self._tracking = tracking
        self._survey = survey or Survey(masks=masks)
        self._own_survey = survey is None
        self._tracker: Landmarker | None = None
        self._searcher: Landmarker | Survey | None = self._survey if self._own_survey else None
        self._crowd = not tracking
        self._alone_surveys = 0
        self._next_survey = float("-inf")

    def close(self) -> None:
        """Give back the native graphs."""
        if self._tracker is not None:
            self._tracker.close()
        if self._searcher is not None:
            self._searcher.close()

    def people(self, image: Frame, seconds: float) -> list[Detection]:
        """Everybody found in the frame (RGB) at ``seconds``; times grow from frame to frame."""
        if self._tracking and seconds >= self._next_survey:
            self._next_survey = seconds + self._survey_every
            everybody = self._survey.people(image)
            self._count(len(distinct([found.pose for found in everybody])))
            if self._crowd:
                return everybody
        return self._search(image) if self._crowd else self._track(image)

    def _count(self, several: int) -> None:
        self._alone_surveys = 0 if several > 1 else self._alone_surveys + 1
        self._crowd = several > 1 or (self._crowd and self._alone_surveys < _ALONE_AFTER_SURVEYS)

    def _search(self, image: Frame) -> list[Detection]:
        # every frame of a crowd is searched: watchers would wait for each other at a shared graph
        if self._searcher is None:
            self._searcher = Landmarker(masks=self._masks)
        return self._searcher.people(image)

    def _track(self, image: Frame) -> list[Detection]:
        if self._tracker is None:
            self._tracker = Landmarker(most=1, tracking=True, masks=self._masks)
        return self._tracker.people(image)


class PoseEstimator(Closing):
    """Follows one person through one stream. Holds state: one for each stream, closed when the stream ends.

    Args:
        person: whom to follow when several are in view.
        tracking: False looks at every frame afresh, for pictures that hardly follow each other.
        masks: also give the person's segmentation.
    """

    def __init__(self, *, person: Person = "largest", tracking: bool = True, masks: bool = False) -> None:
        self._follower = Follower(person)
        self._watcher = CrowdWatcher(masks=masks, tracking=tracking)

    def close(self) -> None:
        """Give back the native graphs."""
        self._watcher.close()

    def reset(self) -> None:
        """Forget whom was followed, as after a cut."""
        self._follower.reset()

    def detect(self, image: Frame, milliseconds: int) -> Detection | None:
        """The followed person in the next frame (RGB), or None; times grow from frame to frame."""
        found = self._watcher.people(image, milliseconds / 1000)
        chosen = self._follower.pick([d.pose for d in found], milliseconds / 1000, (image.shape[1], image.shape[0]))
        return next((d for d in found if d.pose is chosen), None)


def _detection(points: Any, mask: Any, image: Frame) -> Detection:
    height, width = image.shape[:2]
    rows = [(p.x * width, p.y * height, p.z * width, p.visibility) for p in points]
    pose = Pose(np.array(rows, np.float32))
    return Detection(pose, None if mask is None else np.array(mask.numpy_view(), np.float32).reshape(height, width))


def _open_graph(model: Path, most: int, tracking: bool, masks: bool) -> Any:
    with _importing:
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
