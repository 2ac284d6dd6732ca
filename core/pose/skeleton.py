"""Names and neighbours of MediaPipe's 33 landmarks. Data only."""

from __future__ import annotations

from typing import Final

NAMES: Final = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
    "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
    "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index", "left_thumb", "right_thumb",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel", "right_heel",
    "left_foot_index", "right_foot_index",
)  # fmt: skip

MIRRORED: Final = tuple(
    NAMES.index(name.replace("left", "?").replace("right", "left").replace("?", "right")) for name in NAMES
)
"""Of every landmark the one on the body's other side; those in its middle are their own."""

NOSE: Final = 0
LEFT_SHOULDER, RIGHT_SHOULDER = 11, 12
LEFT_ELBOW, RIGHT_ELBOW = 13, 14
LEFT_WRIST, RIGHT_WRIST = 15, 16
LEFT_HIP, RIGHT_HIP = 23, 24
LEFT_KNEE, RIGHT_KNEE = 25, 26
LEFT_ANKLE, RIGHT_ANKLE = 27, 28

SHOULDERS: Final = (LEFT_SHOULDER, RIGHT_SHOULDER)
HIPS: Final = (LEFT_HIP, RIGHT_HIP)
WRISTS: Final = (LEFT_WRIST, RIGHT_WRIST)
FEET: Final = (27, 28, 29, 30, 31, 32)
LEGS: Final = (25, 26, 27, 28, 29, 30, 31, 32)
HEAD: Final = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)

JOINTS: Final = (0, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
"""The 13 joints that a pose is compared by."""

EDGES: Final = (
    (11, 12), (11, 13), (13, 15), (12, 14), (14, 16), (11, 23), (12, 24), (23, 24), (23, 25), (25, 27), (24, 26), (26, 28),
    (27, 29), (29, 31), (27, 31), (28, 30), (30, 32), (28, 32), (15, 17), (15, 19), (15, 21), (16, 18), (16, 20), (16, 22),
)  # fmt: skip
"""Pairs of landmarks that a stick figure joins, the face left out."""

LIMBS: Final = (
    (11, 13, "left_upper_arm"), (13, 15, "left_forearm"), (12, 14, "right_upper_arm"), (14, 16, "right_forearm"),
    (23, 25, "left_thigh"), (25, 27, "left_shin"), (24, 26, "right_thigh"), (26, 28, "right_shin"),
)  # fmt: skip
"""Parent joint, child joint, name of the bone between them, parents before children."""

EXTREMITIES: Final = (
    (15, (17, 19, 21)), (16, (18, 20, 22)), (27, (29, 31)), (28, (30, 32)),
)  # fmt: skip
"""Wrist or ankle, and the landmarks of the hand or foot that hangs on it."""
