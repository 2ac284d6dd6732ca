"""Faces, hands and views: are they found in the pictures where they are found in the footage, and are all sides drawn as well?

    python -m benchmarks.features [--targets mira theo] [--generators realtime unet-attn nearest] [--label TEXT]

The frames that the blocks split holds out, made by every generator. Around the head and around each hand a square is cut out of
the picture and of the footage, and MediaPipe's own face and hand detectors look at it, of the wheel that still has them
(0.10.21, in an environment of its own, which is made the first time). Appends to ``results/features.csv``: in how many squares of
the footage they find a face or a hand, in which share of these they find one in the picture, and the PSNR in the person's box
by view: *front* within 30 degrees of facing the camera, *quarter* within 75, *side* within 105, *back* beyond.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import append
from core import paths
from core.evaluation import metrics
from core.evaluation.evaluate import Sample, reenact, refuse_seen
from core.pipeline import performer_statistics
from core.targets.split import split_of
from core.targets.store import Target, load_target
from core.types import Frame, Pose
from scripts.make_pose_model import download_wheel, make_environment

SIDE = 256
HEAD, HAND = 1.0, 0.7
"""Sides of the squares in torso lengths."""
VIEWS = {"front": 30.0, "quarter": 75.0, "side": 105.0, "back": 180.0}
_HANDS = ((15, 19), (16, 20))

FIND = """
import sys
import mediapipe
import numpy
pictures = numpy.load(sys.argv[1])
solutions = mediapipe.solutions
with (
    solutions.face_detection.FaceDetection(min_detection_confidence=0.5) as faces,
    solutions.hands.Hands(static_image_mode=True, max_num_hands=1, min_detection_confidence=0.5) as hands,
):
    found = [
        [bool(faces.process(of[0]).detections), *(bool(hands.process(hand).multi_hand_landmarks) for hand in of[1:])]
        for of in pictures
    ]
numpy.save(sys.argv[2], numpy.array(found))
"""


def squares(image: Frame, pose: Pose, torso: float) -> NDArray[np.uint8]:
    """(3, SIDE, SIDE, 3): around the head, the left and the right hand."""
    points = pose.xy.astype(float)
    middles = [points[[7, 8]].mean(0), *(points[list(hand)].mean(0) for hand in _HANDS)]
    cut = []
    for middle, length in zip(middles, (HEAD, HAND, HAND), strict=True):
        scale = length * torso / SIDE
        matrix = np.array([[scale, 0, middle[0] - length * torso / 2], [0, scale, middle[1] - length * torso / 2]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cut.append(cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE))
    return np.stack(cut).astype(np.uint8)


def found_in(python: Path, pictures: list[NDArray[np.uint8]]) -> NDArray[np.bool_]:
    """(frames, 3): whether a face, a left and a right hand are found."""
    with tempfile.TemporaryDirectory() as scratch:
        given, found = Path(scratch, "given.npy"), Path(scratch, "found.npy")
        np.save(given, np.stack(pictures))
        subprocess.run([str(python), "-c", FIND, str(given), str(found)], check=True, stderr=subprocess.DEVNULL)
        return np.asarray(np.load(found), bool)


def view_of(pose: Pose) -> str:
    """Which side of the person is seen, by the line from shoulder to shoulder."""
    left, right = pose.landmarks[11], pose.landmarks[12]
    turned = abs(np.degrees(np.arctan2(left[2] - right[2], left[0] - right[0])))
    return next(view for view, most in VIEWS.items() if turned <= most)


def old_mediapipe() -> Path:
    """The interpreter of an environment with the old wheel, made when it is first asked for."""
    folder = paths.cache_root() / "mediapipe-0.10.21"
    python = folder / "bin" / "python"
    if python.is_file():
        return python
    with tempfile.TemporaryDirectory() as scratch:
        return make_environment(folder, download_wheel(Path(scratch)))


def measure(
    performer: Target, name: str, samples: Iterable[Sample], python: Path, footage: NDArray[np.bool_] | None
) -> tuple[dict[str, object], NDArray[np.bool_]]:
    """The columns of one generator, and where footage shows features."""
    torso = performer_statistics(performer).near[1]
    made, real, quality = [], [], {view: list[float]() for view in VIEWS}
    for sample in samples:
        if sample.asked is None or sample.reference is None:
            continue
        box = metrics.person_box(sample.asked)
        if box is None:
            continue
        region = box.region(sample.output.shape)
        quality[view_of(sample.asked)].append(metrics.psnr(sample.output[region], sample.reference[region]))
        made.append(squares(sample.output, sample.asked, torso))
        if footage is None:
            real.append(squares(sample.reference, sample.asked, torso))
    wanted = found_in(python, real) if footage is None else footage
    there = found_in(python, made)
    kept = {
        kind: round(float(there[:, columns][wanted[:, columns]].mean()), 4)
        for kind, columns in (("faces", slice(0, 1)), ("hands", slice(1, 3)))
    }
    row: dict[str, object] = {
        "performer": performer.id, "generator": name, "frames": len(made),
        "faces in footage": int(wanted[:, 0].sum()), "hands in footage": int(wanted[:, 1:].sum()),
        "share of faces": kept["faces"], "share of hands": kept["hands"],
    }  # fmt: skip
    for view, values in quality.items():
        row |= {f"{view} frames": len(values), f"{view} psnr": round(float(np.mean(values)), 2) if values else ""}
    return row, wanted


def main() -> None:
    """Measure and append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", nargs="+", default=["mira", "theo"])
    parser.add_argument("--generators", nargs="+", default=["realtime", "unet-attn", "nearest"])
    parser.add_argument("--label", default="")
    given = parser.parse_args()
    python = old_mediapipe()
    for performer in map(load_target, given.targets):
        footage: NDArray[np.bool_] | None = None
        for name in given.generators:
            refuse_seen(performer, name, "blocks")
            samples = reenact(performer, name, split_of(performer, "blocks"))
            row, footage = measure(performer, name, samples, python, footage)
            append("features", {"label": given.label, **row})
            print(row, flush=True)


if __name__ == "__main__":
    main()
