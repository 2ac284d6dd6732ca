"""What comes of footage that is hard to use: every kind of ``scripts.hard_footage`` as a performer, held against the truth.

    python -m benchmarks.footage FOLDER [KIND...] [--label TEXT] [--sheet FILE]

Clips are made in FOLDER where they are not there yet. Of each performer are measured: whether its stage was found; IoU of
its masks with the true ones as far as the stage reaches, and mean error of alpha within 5 pixels of the true edge (performer
pixels); how much alpha flickers at the edge while the person stands still (grey levels, standard deviation over time); how
far its stage is from the true room (grey levels, where it is known); L1 of ``nearest`` in the person's box in moves that the
clip does not show, as a multiple of what the same dance scores when a camera that stands still filmed it; and how long
building took for each 30 seconds, by the clock and of all cores together.

Appends to ``results/footage.csv``.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import append
from core.generators.registry import create_generator
from core.targets.build import build_target
from core.targets.store import Target, load_target
from core.types import Alpha, Frame, Pose
from core.video.reader import VideoReader
from scripts.hard_footage.actors import over, performer
from scripts.hard_footage.film import Truth, film
from scripts.hard_footage.kinds import KINDS, STILL, UPRIGHT

BAND: Final = 5
"""Pixels to either side of the true edge."""
MOMENT: Final = 8
"""Frames for which an edge stands still to be looked at for flicker."""
HELD_OUT: Final = 48
"""Moves that are drawn."""
_ANCHORS: Final = 14
_EDGE: Final = (12, 243)
_STILL_EDGE: Final = 6.0
"""Standard deviation in grey levels of a true edge that counts as still: a stage is registered to parts of a pixel."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip and what is known of it."""

    video: Path
    masks: Path
    truth: Truth
    room: Frame

    @classmethod
    def of(cls, folder: Path, kind: str) -> Clip:
        """The clip of that kind in ``folder``, made where it is not there."""
        video = folder / f"{kind}.mp4"
        if not (folder / f"{kind}.npz").is_file():
            film(kind, folder)
        room = np.asarray(cv2.imread(str(folder / f"{kind}.wide.png")), np.uint8)
        return cls(video, folder / f"{kind}.mask.mp4", Truth.load(folder / f"{kind}.npz"), room[..., ::-1])


@dataclass(frozen=True, slots=True)
class Laid:
    """A performer and where the truth lies on it: ``to_target[i]`` takes pixels of frame ``i`` of the clip to its pixels.

    ``from_reference`` does so for the clip's reference view; None without a stage.
    """

    target: Target
    to_target: Matrix
    from_reference: Matrix | None


def laid(target: Target, clip: Clip) -> Laid:
    """Find where the clip's frames lie on the performer's stage, from what both show of the person and the room."""
    scale = target.height / int(clip.truth.size[1])
    if target.manifest.stage != "footage":
        frames = np.tile(np.diag([scale, scale, 1.0]), (len(clip.truth.to_reference), 1, 1))
        return Laid(target, frames, None)
    known, found = [], []
    detector = cv2.SIFT.create(1200)
    chosen = set(np.linspace(0, len(target.frames) - 1, _ANCHORS).astype(int).tolist())
    with VideoReader(clip.video) as reader:
        for frame in reader:
            if frame.index in chosen:
                ours, theirs = _matches(detector, frame.image, target.frames[frame.index])
                there = _transformed(ours, clip.truth.to_reference[frame.index])
                known.append(there)
                found.append(theirs)
    matrix, _ = cv2.findHomography(np.concatenate(known), np.concatenate(found), cv2.USAC_MAGSAC, 1.0, maxIters=10000)
    if matrix is None:
        raise RuntimeError(f"{clip.video.name}: the truth could not be laid on the stage")
    return Laid(target, matrix @ clip.truth.to_reference, matrix)


def _matches(detector: cv2.SIFT, one: Frame, other: Frame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (N, 2) of both pictures that look alike."""
    scale = min(1.0, 1.5 * max(other.shape) / max(one.shape))
    small = cv2.resize(one, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    points, descriptors = detector.detectAndCompute(small, None)
    others, theirs = detector.detectAndCompute(other, None)
    if descriptors is None or theirs is None:
        return np.zeros((0, 2)), np.zeros((0, 2))
    pairs = cv2.BFMatcher().knnMatch(descriptors, theirs, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < 0.7 * pair[1].distance]
    ours = np.array([points[m.queryIdx].pt for m in good]).reshape(-1, 2)
    return (ours + 0.5) / scale - 0.5, np.array([others[m.trainIdx].pt for m in good]).reshape(-1, 2)


def _transformed(points: NDArray[np.float64], matrix: Matrix) -> NDArray[np.float64]:
    turned = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(turned[:, :2] / turned[:, 2:], np.float64)


@dataclass(frozen=True, slots=True)
class Cut:
    """How well the person is cut out."""

    iou: float
    band: float
    flicker: float


def cut_of(on: Laid, clip: Clip) -> Cut:
    """Hold every mask of the performer against the true one."""
    assert on.target.masks is not None
    shared = both = wrong = near = 0.0
    stillness = _Stillness()
    letters = clip.truth.lettering
    with VideoReader(clip.masks) as reader:
        for frame, matrix in zip(reader, on.to_target, strict=False):
            true = _brought(np.ascontiguousarray(frame.image[..., 0]), matrix, on.target.size)
            own = on.target.masks[frame.index]
            counted = ~_hidden(letters, matrix, on.target.size) if letters.any() else np.ones(own.shape, np.bool_)
            shared += float(((true > 127) & (own > 127) & counted).sum())
            both += float((((true > 127) | (own > 127)) & counted).sum())
            band = _band(true) & counted
            wrong += float(np.abs(true[band].astype(np.float32) - own[band]).sum()) / 255.0
            near += float(band.sum())
            stillness.add(true, own)
    return Cut(shared / max(both, 1.0), wrong / max(near, 1.0), stillness.flicker)


class _Stillness:
    """How much alpha flickers at edges that stand still for a moment, gathered over a clip."""

    def __init__(self) -> None:
        self._true: list[Alpha] = []
        self._own: list[Alpha] = []
        self._sum = self._count = 0.0

    def add(self, true: Alpha, own: Alpha) -> None:
        """Take in the next frame."""
        self._true.append(true)
        self._own.append(own)
        if len(self._true) == MOMENT:
            truth, made = (np.stack(masks).astype(np.float32) for masks in (self._true, self._own))
            mean = truth.mean(axis=0)
            edge = (mean > _EDGE[0]) & (mean < _EDGE[1]) & (truth.std(axis=0) < _STILL_EDGE)
            self._sum += float((made - truth).std(axis=0)[edge].sum())
            self._count += float(edge.sum())
            self._true, self._own = [], []

    @property
    def flicker(self) -> float:
        """Mean standard deviation over time of how far a mask is from the truth; NaN where no edge ever stood still."""
        return self._sum / self._count if self._count > 200 else float("nan")


def _brought(mask: Alpha, matrix: Matrix, size: tuple[int, int]) -> Alpha:
    """A mask of the clip in the performer's pixels, made smaller as footage is: by area."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    small = cv2.resize(mask, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    x, y = mask.shape[1] / small.shape[1], mask.shape[0] / small.shape[0]
    whole = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1.0]])
    return np.asarray(cv2.warpPerspective(small, matrix @ whole, size, flags=cv2.INTER_LINEAR), np.uint8)


def _hidden(letters: NDArray[np.bool_], matrix: Matrix, size: tuple[int, int]) -> NDArray[np.bool_]:
    return np.asarray(cv2.warpPerspective(letters.astype(np.uint8), matrix, size) > 0)


def _band(mask: Alpha) -> NDArray[np.bool_]:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * BAND + 1, 2 * BAND + 1))
    person = (mask > 127).astype(np.uint8)
    return np.asarray((cv2.dilate(person, disc) > 0) & (cv2.erode(person, disc, borderValue=1) == 0))


def room_error(on: Laid, clip: Clip) -> float:
    """Mean absolute difference in grey levels of the performer's stage from the true room, exposure evened out."""
    if on.from_reference is None or on.target.plate is None:
        return float("nan")
    matrix = on.from_reference @ clip.truth.wide_to_reference
    room = cv2.warpPerspective(clip.room, matrix, on.target.size, flags=cv2.INTER_AREA)
    seen = cv2.warpPerspective(np.full(clip.room.shape[:2], 255, np.uint8), matrix, on.target.size) == 255
    seen &= ~_hidden(clip.truth.changing, on.from_reference, on.target.size)
    if not seen.any():
        return float("nan")
    plate, room = on.target.plate[seen].astype(np.float32), room[seen].astype(np.float32)
    gain = np.median((plate + 1) / (room + 1), axis=0)
    return float(np.abs(plate - np.clip(room * gain, 0, 255)).mean())


def result_error(on: Laid, clip: Clip) -> float:
    """L1 (0 to 1) in the person's box of ``nearest`` in moves that the clip does not show, against the truth."""
    generator = create_generator("nearest", on.target)
    with load_target(clip.truth.performer) as dancer:
        places = _places(on, clip)
        outside = np.setdiff1d(
            np.flatnonzero(dancer.found), np.arange(clip.truth.person.min(), clip.truth.person.max() + 1)
        )
        chosen = outside[np.linspace(0, len(outside) - 1, HELD_OUT).astype(int)].tolist()
        gains = np.median(clip.truth.gains, axis=0)
        errors = []
        for index in chosen:
            pose = _moved(Pose(dancer.poses[index]), places)
            choice = generator.choose_all([pose], [Fraction(0)])[0]
            drawn = generator.generate(pose, choice).image
            assert on.target.plate is not None
            truth = on.target.plate.astype(np.float32)
            layer = performer(dancer, index).layer
            layer[..., :3] *= gains
            rows, columns = over(truth, _smaller(layer, places), _smaller_place(places))[0]
            errors.append(float(np.abs(truth - drawn)[rows, columns].mean()) / 255.0)
    return float(np.mean(errors))


def _places(on: Laid, clip: Clip) -> Matrix:
    """The dancer's own pixels to the performer's, where the dancer stood in the middle of the clip."""
    middle = len(clip.truth.place) // 2
    return np.asarray(on.to_target[middle] @ clip.truth.place[middle], np.float64)


def _smaller(layer: NDArray[np.float32], places: Matrix) -> NDArray[np.float32]:
    scale = min(1.0, float(np.sqrt(abs(np.linalg.det(places[:2, :2])))))
    return np.asarray(cv2.resize(layer, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)


def _smaller_place(places: Matrix) -> Matrix:
    scale = min(1.0, float(np.sqrt(abs(np.linalg.det(places[:2, :2])))))
    back = 1 / scale
    return np.asarray(
        places @ np.array([[back, 0, (back - 1) / 2], [0, back, (back - 1) / 2], [0, 0, 1.0]]), np.float64
    )


def _moved(pose: Pose, matrix: Matrix) -> Pose:
    landmarks = pose.landmarks.copy()
    landmarks[:, :2] = _transformed(landmarks[:, :2].astype(np.float64), matrix)
    landmarks[:, 2] *= np.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    return Pose(landmarks)


def measured(clip: Clip, kind: str, into: Path, baseline: float | None) -> tuple[dict[str, object], Frame]:
    """A row of the table, and a strip of pictures: the stage, and the performer in four frames."""
    begun, worked = time.perf_counter(), time.process_time()
    target = build_target(clip.video, id=f"hard-{kind}", name=kind, into=into, replace=True)
    built, worked = time.perf_counter() - begun, time.process_time() - worked
    with target:
        on = laid(target, clip)
        cut = cut_of(on, clip)
        error = result_error(on, clip)
        row = {
            "kind": kind,
            "seconds": round(len(clip.truth.person) / float(target.rate), 1),
            "stage": target.manifest.stage,
            "iou": round(cut.iou, 4),
            "alpha_error": round(cut.band, 4),
            "flicker": "" if np.isnan(cut.flicker) else round(cut.flicker, 2),
            "room_error": "" if np.isnan(room := room_error(on, clip)) else round(room, 2),
            "l1": round(error, 5),
            "l1_of_still": "" if baseline is None else round(error / baseline, 3),
            "build_30s": round(built * 30.0 * float(target.rate) / len(target.frames), 1),
            "cpu_30s": round(worked * 30.0 * float(target.rate) / len(target.frames), 1),
        }
        return row, _strip(target)


def _strip(target: Target) -> Frame:
    assert target.plate is not None
    frames = [target.plate, *(target.frames[i] for i in np.linspace(0, len(target.frames) - 1, 4).astype(int))]
    tall = [cv2.resize(f, (round(f.shape[1] * 220 / f.shape[0]), 220), interpolation=cv2.INTER_AREA) for f in frames]
    strip = np.hstack(tall)
    return np.asarray(np.pad(strip, ((0, 4), (0, max(2000 - strip.shape[1], 0)), (0, 0)))[:, :2000], np.uint8)


def still_of(kind: str) -> str:
    """The clip that a kind is compared with."""
    spec = KINDS[kind]
    return f"still-{spec.performer}" + ("-upright" if spec.size == UPRIGHT else "")


def main() -> None:
    """Make, build, measure, append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("kinds", nargs="*", metavar="KIND", default=[])
    parser.add_argument("--label", default="")
    parser.add_argument("--sheet", type=Path, help="a PNG of what came of each")
    parser.add_argument("--dry", action="store_true", help="print only")
    given = parser.parse_args()
    strips: list[Frame] = []
    baselines: dict[str, float] = {}
    into = Path(tempfile.mkdtemp(prefix="dance-footage-"))
    try:
        for kind in given.kinds or [*KINDS]:
            still = still_of(kind) if kind not in STILL else kind
            if still not in baselines:
                row, _ = measured(Clip.of(given.folder, still), still, into, None)
                baselines[still] = float(str(row["l1"]))
                print(row, flush=True)
            if kind in STILL:
                continue
            row, strip = measured(Clip.of(given.folder, kind), kind, into, baselines[still])
            strips.append(strip)
            print(row, flush=True)
            if not given.dry:
                append("footage", {"label": given.label, **row})
    finally:
        shutil.rmtree(into, ignore_errors=True)
    if given.sheet is not None and strips:
        cv2.imwrite(str(given.sheet), np.vstack(strips)[..., ::-1])


if __name__ == "__main__":
    main()
