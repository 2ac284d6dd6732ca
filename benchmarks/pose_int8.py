"""The landmark network in int8 beside f32 and bf16: how near to the known joints, what becomes of z, and at what price.

    pip install nncf        (in an environment of its own; the project does not need it)
    python -m benchmarks.pose_int8 [CLIP.mp4 ...] [--label TEXT]

Quantised after training by NNCF, calibrated on rendered frames of both bundled performers; measured on the bundled dances, which
show other people. Appends to ``results/pose.csv`` as :mod:`benchmarks.pose` does, and prints how often the precision changes
whether a wrist, an elbow, a knee or an ankle lies in front of the trunk.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import append
from benchmarks.pose import JOINTS, MEDIAPIPE, MODES, depth, detect, joints, known_joints, measure
from core.bundled import dances
from core.inference.openvino_core import openvino_core, silent_openvino
from core.paths import POSE_MODEL
from core.pose import blazepose
from core.pose.blazepose import BlazePose
from core.pose.estimator import PeopleTracker
from core.targets.store import load_target
from core.types import Frame, Pose

CALIBRATION: Final = 300
"""Pictures that are looked at before the ranges of the layers are settled."""
LIMBS: Final = (13, 14, 15, 16, 25, 26, 27, 28)
TRUNK: Final = (11, 12, 23, 24)


def regions() -> Iterator[Frame]:
    """Pictures (256, 256, 3) as the landmark network is given them, of both performers' footage."""
    for name in ("mira", "theo"):
        with load_target(name) as target:
            network = BlazePose(precision="f32")
            with PeopleTracker(network) as finder:
                step = target.manifest.frames // (CALIBRATION // 2)
                for place, number in enumerate(range(0, target.manifest.frames, step)):
                    finder.people(target.frames[number], float(place))
                    yield network._landmarker.picture.copy()


def landmark_network() -> Any:
    """The network that :mod:`core.pose.blazepose` compiles, before it is told to take uint8."""
    whole = blazepose._read(POSE_MODEL, "pose_landmarks_detector.tflite")
    points = blazepose._last_convolution(whole.outputs[0])
    outputs = [points.input(0).get_source_output(), whole.outputs[3]]
    return silent_openvino().Model(outputs, whole.get_parameters(), "landmarks")


def quantised(*, preset: str) -> Any:
    """The landmark network with weights and activations of eight bits, compiled.

    Args:
        preset: ``performance`` or ``mixed`` (activations may have a range that is not centred on zero).
    """
    import nncf

    pictures = [(image[None].astype(np.float32) / 255) for image in regions()]
    wanted = nncf.QuantizationPreset(preset)
    small = nncf.quantize(landmark_network(), nncf.Dataset(pictures), preset=wanted, subset_size=len(pictures))
    return blazepose._compiled(small, 0.0, 255.0, "f32", blazepose.STREAMS)


def with_network(compiled: Any) -> Callable[[], PeopleTracker]:
    """What makes finders that look with another landmark network."""

    def made() -> PeopleTracker:
        network = BlazePose(precision="f32")
        network._landmarker = blazepose._Request(compiled)
        return PeopleTracker(network)

    return made


def in_front(poses: list[Pose | None]) -> NDArray[np.float64]:
    """(frames, limbs): how far each limb's joint lies in front of the trunk's middle, in pixels; NaN where nobody is found."""
    nobody = np.full(len(LIMBS), np.nan)
    rows = [nobody if p is None else p.landmarks[list(TRUNK), 2].mean() - p.landmarks[list(LIMBS), 2] for p in poses]
    return np.array(rows, np.float64)


def compare(clip: Path, modes: list[str], label: str, rounds: int) -> None:
    """Measure these modes in turns, and append."""
    known, unit = known_joints(JOINTS / f"{clip.stem}_joints.npz")
    spent: dict[str, list[float]] = {mode: [] for mode in modes}
    found: dict[str, list[Pose | None]] = {}
    for _ in range(rounds):
        for mode in modes:
            found[mode], _times, milliseconds = detect(clip, mode)
            spent[mode].append(milliseconds)
    for mode in modes:
        row = {
            "label": label, "clip": clip.name, "mode": mode, "smoothing": "raw",
            "cpu_ms": round(median(spent[mode]), 2),
            "cpu_ms_of_mediapipe": round(median(spent[mode]) / median(spent[MEDIAPIPE]), 3),
            "cpu_ms_two_people": "", "memory_mb": "",
            "z_from_mediapipe": round(depth(found[mode], found[MEDIAPIPE], unit), 4),
            **measure(known, joints(found[mode]), unit),
        }  # fmt: skip
        append("pose", row)
        changed = np.sign(in_front(found[mode])) != np.sign(in_front(found["openvino f32"]))
        print(row, f"other side of the trunk than in f32: {changed.mean():.4f}", flush=True)


def main() -> None:
    """Quantise, measure and append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "clips", type=Path, nargs="*", help="renderings with known joints; the bundled dances unless given"
    )
    parser.add_argument("--label", default="int8 by NNCF")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    openvino_core()
    modes = [MEDIAPIPE, "openvino f32", "openvino bf16"]
    for preset in ("performance", "mixed"):
        modes.append(name := f"openvino int8 {preset}")
        MODES[name] = with_network(quantised(preset=preset))
    for clip in given.clips or [dance.video for dance in dances.list_dances()]:
        compare(clip, modes, given.label, given.rounds)


if __name__ == "__main__":
    main()
