"""The dancer's motion as a file: BVH, a skeleton with rotations that animation programs read, or the landmarks as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from core.errors import NobodyFound, UnusableInput
from core.pose.bones import EARS, NECK, PELVIS, PLACE, Vectors, bones_of, lengths_of
from core.pose.retarget import ground_lines, measure_body
from core.pose.skeleton import NAMES
from core.types import Pose
from core.utils.output_files import replacing

SUFFIXES: Final = (".bvh", ".json")
_HEIGHT: Final = 170.0
"""Centimetres from head to foot: how large somebody is, a video does not tell."""
_HEAD_SHARE: Final = 1.6
"""From the neck to the top of the head, in lengths from the neck to the ears."""

Matrices = NDArray[np.float64]
"""(N, 3, 3) orientations: x to the dancer's left as they face the camera, y up, z to the camera."""


@dataclass(frozen=True, slots=True)
class _Joint:
    """A joint of the BVH skeleton.

    Attributes:
        parent: name of the joint it hangs on, "" for the root.
        bone: (start, end) landmarks of the bone that leads to it from its parent; None for one at its parent's place.
        rest: direction of that bone at rest, arms stretched sideways.
        end: the same two of the bone that ends in nothing.
    """

    name: str
    parent: str
    bone: tuple[int, int] | None
    rest: tuple[float, float, float] = (0.0, 1.0, 0.0)
    end: tuple[tuple[int, int], tuple[float, float, float]] | None = None


_UP, _DOWN, _AHEAD = (0.0, 1.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0)


def _side(side: str) -> tuple[list[_Joint], list[_Joint]]:
    """Arm and leg of one side."""
    odd = side == "Right"
    shoulder, elbow, wrist, finger, hip, knee, ankle, toe = (n + odd for n in (11, 13, 15, 19, 23, 25, 27, 31))
    out = (-1.0 if odd else 1.0, 0.0, 0.0)
    arm = [
        _Joint(f"{side}Shoulder", "Spine", (PELVIS, NECK)),
        _Joint(f"{side}Arm", f"{side}Shoulder", (NECK, shoulder), out),
        _Joint(f"{side}ForeArm", f"{side}Arm", (shoulder, elbow), out),
        _Joint(f"{side}Hand", f"{side}ForeArm", (elbow, wrist), out, ((wrist, finger), out)),
    ]
    leg = [
        _Joint(f"{side}UpLeg", "Hips", (PELVIS, hip), out),
        _Joint(f"{side}Leg", f"{side}UpLeg", (hip, knee), _DOWN),
        _Joint(f"{side}Foot", f"{side}Leg", (knee, ankle), _DOWN, ((ankle, toe), _AHEAD)),
    ]
    return arm, leg


_LEFT, _RIGHT = _side("Left"), _side("Right")
JOINTS: Final = (
    _Joint("Hips", "", None),
    _Joint("Spine", "Hips", None),
    _Joint("Neck", "Spine", (PELVIS, NECK), end=((NECK, EARS), _UP)),
    *_LEFT[0], *_RIGHT[0], *_LEFT[1], *_RIGHT[1],
)  # fmt: skip
"""Parents before children."""


def check_motion_name(path: Path) -> None:
    """Make sure that a motion file's name says which kind it is.

    Raises:
        UnusableInput: it does not.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UnusableInput(f"The motion is written as {' or '.join(SUFFIXES)}: give {path.name} one of these endings.")


def write_motion(path: Path, poses: Sequence[Pose | None], seconds: Sequence[float], rate: Fraction) -> None:
    """Write the motion as the ending of ``path`` says.

    Raises:
        UnusableInput: another ending.
        OutputRefused, OutputFailed: it cannot be written there.
    """
    check_motion_name(path)
    make = as_bvh if path.suffix.lower() == ".bvh" else as_json
    text = make(poses, seconds, rate)
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def as_json(poses: Sequence[Pose | None], seconds: Sequence[float], rate: Fraction) -> str:
    """Landmarks of every frame: x, y, z in pixels of the source as it was looked at, and visibility."""
    frames = [
        {"seconds": round(time, 6), "landmarks": None if pose is None else np.round(pose.landmarks, 3).tolist()}
        for pose, time in zip(poses, seconds, strict=True)
    ]
    return json.dumps(
        {"rate": str(rate), "landmarks": list(NAMES), "values": ["x", "y", "z", "visibility"], "frames": frames}
    )


def as_bvh(poses: Sequence[Pose | None], seconds: Sequence[float], rate: Fraction) -> str:
    """A BVH file in centimetres with a frame every 1 / ``rate`` seconds. While nobody is there they go from pose to pose.

    Raises:
        NobodyFound: no frame shows anybody.
    """
    known = [(pose, time) for pose, time in zip(poses, seconds, strict=True) if pose is not None]
    if not known:
        raise NobodyFound("Nobody was found in this video: there is no motion to write.")
    track = np.stack([pose.landmarks for pose, _ in known]).astype(np.float64)
    times = np.array([time for _, time in known])
    body = measure_body([pose for pose, _ in known])
    grounds = np.array(ground_lines([pose for pose, _ in known], times.tolist(), body.legs_seen))
    lengths = lengths_of(body, grounds)
    vectors = bones_of(track, lengths) * (1.0, -1.0, -1.0)
    centimetres = _HEIGHT / _stature(lengths)
    hips = track[:, (23, 24), :2].mean(axis=1)
    place = (
        np.stack([hips[:, 0] - body.centre, grounds - hips[:, 1], np.zeros(len(hips))], axis=1) * centimetres[:, None]
    )
    clock = seconds[0] + np.arange(max(round((seconds[-1] - seconds[0]) * float(rate)) + 1, 1)) / float(rate)
    place, vectors = _at(clock, times, place), _at(clock, times, vectors)
    offsets = {
        name: offset * float(np.median(centimetres)) for name, offset in _offsets(np.median(lengths, axis=0)).items()
    }
    return "\n".join([*_hierarchy(offsets), *_motion(place, rotations(vectors), rate)]) + "\n"


def rotations(vectors: Vectors) -> dict[str, Rotation]:
    """Each joint's rotation against its parent, from bones with y up and z to the camera."""
    spine = vectors[:, PLACE[PELVIS, NECK]]
    across_hips = vectors[:, PLACE[PELVIS, 23]] - vectors[:, PLACE[PELVIS, 24]]
    across_shoulders = vectors[:, PLACE[NECK, 11]] - vectors[:, PLACE[NECK, 12]]
    turned = {"Hips": _frame(across_hips, spine, first="x"), "Spine": _frame(across_shoulders, spine, first="y")}
    result = {"Hips": Rotation.from_matrix(turned["Hips"])}
    result["Spine"] = result["Hips"].inv() * Rotation.from_matrix(turned["Spine"])
    children = {joint.parent: joint for joint in JOINTS if joint.name not in {"Neck", "LeftShoulder", "RightShoulder"}}
    for joint in JOINTS[2:]:
        below = children.get(joint.name)
        bone, rest = joint.end or (below.bone, below.rest) if below is not None else joint.end or (None, None)
        if bone is None or rest is None:
            raise ValueError(f"{joint.name} leads nowhere")
        parent = turned[joint.parent]
        carried = parent @ np.asarray(rest)
        turned[joint.name] = _shortest(carried, vectors[:, PLACE[bone]]) @ parent
        result[joint.name] = Rotation.from_matrix(np.swapaxes(parent, 1, 2) @ turned[joint.name])
    return result


def _stature(lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) from head to foot in pixels."""
    parts = {(PELVIS, NECK): 1.0, (NECK, EARS): _HEAD_SHARE, (23, 25): 1.0, (25, 27): 1.0}
    return np.asarray(sum(share * lengths[:, PLACE[bone]] for bone, share in parts.items()))


def _at(clock: NDArray[np.float64], times: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values (N, ...) between those that are known."""
    flat = values.reshape(len(values), -1)
    return np.stack([np.interp(clock, times, column) for column in flat.T], axis=1).reshape(
        len(clock), *values.shape[1:]
    )


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))


def _frame(left: NDArray[np.float64], up: NDArray[np.float64], *, first: str) -> Matrices:
    """Orientations whose x points left and y up; the ``first`` of them exactly."""
    x, y = _unit(left), _unit(up)
    z = _unit(np.cross(x, y))
    x, y = (x, np.cross(z, x)) if first == "x" else (np.cross(y, z), y)
    return np.stack([x, y, z], axis=2)


def _shortest(start: NDArray[np.float64], end: NDArray[np.float64]) -> Matrices:
    """The shortest rotations of ``start`` to ``end``, (N, 3) each."""
    a, b = _unit(start), _unit(end)
    axis = np.cross(a, b)
    sine, cosine = np.linalg.norm(axis, axis=1), (a * b).sum(axis=1)
    # opposite directions have no shortest one: any across will do
    across = _unit(np.cross(a, np.where(np.abs(a[:, :1]) < 0.9, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))))
    axis = np.where(sine[:, None] > 1e-6, axis / np.maximum(sine, 1e-9)[:, None], across)
    return np.asarray(Rotation.from_rotvec(axis * np.arctan2(sine, cosine)[:, None]).as_matrix())


def _offsets(lengths: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Each joint's place against its parent at rest, and of ends under ``NAME.end``, in pixels."""
    result = {}
    for joint in JOINTS:
        length = 0.0 if joint.bone is None else lengths[PLACE[joint.bone]]
        result[joint.name] = np.array(joint.rest) * length
        if joint.end is not None:
            bone, rest = joint.end
            share = _HEAD_SHARE if bone == (NECK, EARS) else 1.0
            result[f"{joint.name}.end"] = np.array(rest) * lengths[PLACE[bone]] * share
    return result


def _hierarchy(offsets: dict[str, NDArray[np.float64]]) -> list[str]:
    return ["HIERARCHY", *_branch(JOINTS[0], offsets, 0)]


def _branch(joint: _Joint, offsets: dict[str, NDArray[np.float64]], depth: int) -> list[str]:
    pad = "  " * depth
    channels = "Zrotation Xrotation Yrotation"
    channels = f"3 {channels}" if joint.parent else f"6 Xposition Yposition Zposition {channels}"
    lines = [
        f"{pad}{'JOINT' if joint.parent else 'ROOT'} {joint.name}", f"{pad}{{",
        f"{pad}  OFFSET {_numbers(offsets[joint.name])}", f"{pad}  CHANNELS {channels}",
    ]  # fmt: skip
    for child in JOINTS:
        if child.parent == joint.name:
            lines += _branch(child, offsets, depth + 1)
    if joint.end is not None:
        lines += [
            f"{pad}  End Site", f"{pad}  {{", f"{pad}    OFFSET {_numbers(offsets[f'{joint.name}.end'])}", f"{pad}  }}"
        ]  # fmt: skip
    return [*lines, f"{pad}}}"]


def _motion(place: NDArray[np.float64], turns: dict[str, Rotation], rate: Fraction) -> list[str]:
    """Channels in the order in which joints stand in the file."""
    angles = [np.unwrap(turns[name].as_euler("ZXY", degrees=True), period=360, axis=0) for name in _in_order(JOINTS[0])]
    rows = np.concatenate([place, *angles], axis=1)
    head = ["MOTION", f"Frames: {len(rows)}", f"Frame Time: {float(1 / rate):.8f}"]
    return [*head, *(_numbers(row) for row in rows)]


def _in_order(joint: _Joint) -> list[str]:
    names = [joint.name]
    for child in JOINTS:
        if child.parent == joint.name:
            names += _in_order(child)
    return names


def _numbers(values: NDArray[np.float64]) -> str:
    return " ".join(f"{value:.4f}" for value in values)
