"""MediaPipe's own graph: the reference that tests compare with, and what runs where OpenVINO cannot.

``DANCE_POSE_ENGINE=mediapipe`` chooses it. MediaPipe 1.2 then sends its makers figures about performance and use (its package's
description says so), which is why nothing else of the project imports it.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Final

import numpy as np

from core import paths
from core.pose.detection import MOST_PEOPLE, Detection, PeopleFinder, require_model
from core.types import Frame, Pose

_FILTERED_STEP_MS: Final = 40
# MediaPipe's filters go by the stamps: frames that claim to be minutes apart come out as they were found
_UNFILTERED_STEP_MS: Final = 600_000

# MediaPipe's packages import each other in circles: two threads that begin at once find them half made
_importing = threading.Lock()


class MediaPipeTracker(PeopleFinder):
    """People in the frames of one stream, found by one MediaPipe graph.

    Args:
        most: how many people at most; several cost as much as looking at every frame afresh.
        tracking: pictures are frames of one stream, in order; otherwise each is looked at afresh.
        masks: also give each person's segmentation.
        filtered: leave MediaPipe's own smoothing of a tracked stream in.

    Raises:
        WeightsMissing: the pose model is not where it belongs.
    """

    def __init__(
        self,
        *,
        most: int = MOST_PEOPLE,
        tracking: bool = True,
        masks: bool = False,
        filtered: bool = False,
        model: Path = paths.POSE_MODEL,
    ) -> None:
        require_model(model)
        self._tracking = tracking
        self._masks = masks
        self._step_ms = _FILTERED_STEP_MS if filtered else _UNFILTERED_STEP_MS
        self._stamp_ms = 0
        self._graph = _open_graph(model, most, tracking, masks)

    def close(self) -> None:
        """Give back the native graph."""
        self._graph.close()

    def people(
        self, image: Frame, seconds: float, *, followed: int | None = None, missing: bool = False
    ) -> list[Detection]:
        """Find everybody in the next frame (RGB); nothing but the frame is looked at."""
        from mediapipe.tasks.python.vision.core.image import Image, ImageFormat

        picture = Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(image))
        if self._tracking:
            self._stamp_ms += self._step_ms
            result = self._graph.detect_for_video(picture, self._stamp_ms)
        else:
            result = self._graph.detect(picture)
        masks = result.segmentation_masks if self._masks else [None] * len(result.pose_landmarks)
        return [_detection(p, m, image) for p, m in zip(result.pose_landmarks, masks or (), strict=False)]


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
