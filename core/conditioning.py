"""From a pose to what a generator is given: here the 26 coordinates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.pose import skeleton

COORDINATES = 26


def encode(landmarks: NDArray[np.float32], unit: float) -> NDArray[np.float32]:
    """13 joints as 26 coordinates, hip-centred, in torso lengths.

    Args:
        landmarks: (..., 33, 4) x, y, z, visibility.
        unit: the performer's torso length in pixels. One length for all frames: the torso of the frame itself shrinks when
            the body bends, and would blow up the arms.

    Returns:
        (..., 26) float32.
    """
    joints = landmarks[..., list(skeleton.JOINTS), :2]
    hips = landmarks[..., list(skeleton.HIPS), :2].mean(axis=-2, keepdims=True)
    flat = ((joints - hips) / unit).reshape(*landmarks.shape[:-2], COORDINATES)
    return np.asarray(flat, np.float32)


def weights(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., 26) float32: the visibility of the joint behind each coordinate."""
    seen = np.clip(landmarks[..., list(skeleton.JOINTS), 3], 0.0, 1.0)
    return np.repeat(seen, 2, axis=-1).astype(np.float32)
