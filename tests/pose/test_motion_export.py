"""The motion's file holds what the dancer did: what an animation program makes of it points where the landmarks do."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.errors import NobodyFound, UnusableInput
from core.pose.motion_export import as_bvh, write_motion
from core.types import Pose
from tests.live.test_dance_follow import poses as of_dance

RATE = Fraction(10)


def played(text: str) -> tuple[list[dict[str, np.ndarray[Any, Any]]], float]:
    """Places of all joints in every frame, by what the BVH format says, and the seconds of a frame."""
    head, motion = text.split("MOTION\n")
    stack: list[str] = []
    joints: list[tuple[str, str | None, np.ndarray[Any, Any], int]] = []
    name = ""
    for line in head.splitlines():
        words = line.split()
        if words[0] in {"ROOT", "JOINT"}:
            name = words[1]
        elif words[0] == "End":
            name = f"{stack[-1]}.end"
        elif words[0] == "{":
            stack.append(name)
        elif words[0] == "}":
            stack.pop()
        elif words[0] == "OFFSET":
            joints.append((name, stack[-2] if len(stack) > 1 else None, np.array(words[1:], float), 0))
        elif words[0] == "CHANNELS":
            joints[-1] = (*joints[-1][:3], int(words[1]))
    lines = motion.splitlines()
    frames = []
    for line in lines[2:]:
        values, places, turns = [float(v) for v in line.split()], {}, {}
        for joint, parent, offset, channels in joints:
            own, values = values[:channels], values[channels:]
            turn = Rotation.from_euler("ZXY", own[-3:], degrees=True) if own else Rotation.identity()
            if parent is None:
                places[joint], turns[joint] = np.array(own[:3]), turn
            else:
                places[joint] = places[parent] + turns[parent].apply(offset)
                turns[joint] = turns[parent] * turn
        assert not values
        frames.append(places)
    assert int(re.findall(r"\d+", lines[0])[0]) == len(frames)
    return frames, float(lines[1].split(":")[1])


def test_a_dance_as_bvh() -> None:
    track = of_dance("omar-street")
    seconds = [time for time, _ in track]
    rate = 1 / Fraction(float(np.median(np.diff(seconds)))).limit_denominator(1000)
    frames, step = played(as_bvh([pose for _, pose in track], seconds, rate))
    assert step == pytest.approx(float(1 / rate), abs=1e-6)
    assert len(frames) == pytest.approx(len(track), abs=1)
    bones = {
        ("LeftArm", "LeftForeArm"): (11, 13), ("RightForeArm", "RightHand"): (14, 16), ("LeftUpLeg", "LeftLeg"): (23, 25),
        ("RightLeg", "RightFoot"): (26, 28), ("Hips", "Neck"): None,
    }  # fmt: skip
    for n in (0, len(track) // 2, len(track) - 1):
        places, xy = frames[n], track[n][1].xy.astype(float)
        for (start, end), landmarks in bones.items():
            seen = (
                xy[[11, 12]].mean(0) - xy[[23, 24]].mean(0)
                if landmarks is None
                else np.subtract(*xy[list(landmarks)[::-1]])
            )
            made = (places[end] - places[start])[:2] * (1, -1)
            # of a bone that points at the camera the picture tells no direction
            if np.linalg.norm(seen) > 0.5 * np.linalg.norm(places[end] - places[start]) * np.ptp(xy[:, 1]) / 170:
                cosine = seen @ made / np.linalg.norm(seen) / np.linalg.norm(made)
                assert np.degrees(np.arccos(np.clip(cosine, -1, 1))) < 8, (n, start, end)
    lengths = [np.linalg.norm(places["LeftForeArm"] - places["LeftArm"]) for places in frames]
    assert np.ptp(lengths) < 0.01, "bones keep their length"
    heights = [max(p[1] for p in places.values()) - min(p[1] for p in places.values()) for places in frames]
    assert 130 < np.median(heights) < 190


def test_gaps_are_bridged_and_times_are_even() -> None:
    track = of_dance("omar-street")[:12]
    seen: list[Pose | None] = [pose for _, pose in track]
    seen[4] = seen[5] = None
    frames, _ = played(as_bvh(seen, [n / 10 + (0.03 if n % 2 else 0) for n in range(12)], RATE))
    assert len(frames) == pytest.approx(12, abs=1)
    with pytest.raises(NobodyFound):
        as_bvh([None], [0.0], RATE)


def test_landmarks_as_json(tmp_path: Path) -> None:
    track = of_dance("omar-street")[:3]
    write_motion(tmp_path / "m.json", [track[0][1], None, track[2][1]], [0.0, 0.1, 0.2], RATE)
    told = json.loads((tmp_path / "m.json").read_text())
    assert told["rate"] == "10"
    assert told["landmarks"][11] == "left_shoulder"
    assert told["frames"][1] == {"seconds": 0.1, "landmarks": None}
    assert np.allclose(told["frames"][2]["landmarks"], track[2][1].landmarks, atol=1e-3)
    with pytest.raises(UnusableInput, match=r"\.bvh or \.json"):
        write_motion(tmp_path / "m.fbx", [], [], RATE)
