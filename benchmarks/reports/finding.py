"""Finding the dancer: small and far away, side by side, through a crossing, in the dark, before an audience."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.reports.case import Case, Outcome
from core.bundled import dances
from core.pose import skeleton
from core.pose.estimator import find_people
from core.pose.person_selection import Person, body_of
from core.pose.video_analysis import FrameDetections, look
from core.settings import settings
from core.types import Frame, Pose, VideoFrame
from core.video.reader import VideoReader

RATE: Final = 25
FLIP_SECONDS: Final = 0.2
Cut: TypeAlias = tuple[Frame, NDArray[np.float32]]
"""A picture and the share of each pixel that the person covers, (height, width, 1)."""

_WALL: Final = (112, 116, 104)
_STEP: Final = 0.5
"""Heights by which a trunk that is followed moves from one frame to the next at most."""


@lru_cache(maxsize=8)
def cut_out(dance: str, start: float, count: int) -> tuple[Cut, ...]:
    """Frames of a bundled dance from ``start`` seconds on, with the dancer's coverage."""
    video = dances.find(dance)
    if video is None:
        raise FileNotFoundError(f"{dance} is none of the bundled dances")
    with VideoReader(video, start=start) as reader, find_people(masks=True) as finder:
        cuts: list[Cut] = []
        for frame in reader:
            found = finder.people(frame.image, float(frame.time))
            if found and found[0].mask is not None:
                cuts.append((frame.image, found[0].mask[..., None]))
            if len(cuts) == count:
                break
    return tuple(cuts)


def laid(stage: Frame, cut: Cut, height: float, x: float, foot: float) -> Frame:
    """The stage with a dancer in front whose picture is ``height`` pixels of body high, centred at ``x``, lowest at ``foot``."""
    image, mask = cut
    rows = np.flatnonzero(mask.max(axis=(1, 2)) > 0.5)
    scale = height / (rows[-1] + 1 - rows[0])
    middle = float(mask[..., 0].sum(axis=0) @ np.arange(image.shape[1])) / float(mask.sum())
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    shape = cv2.resize(mask, (small.shape[1], small.shape[0]), interpolation=cv2.INTER_AREA)[..., None]
    left, top = round(x - middle * scale), round(foot - (rows[-1] + 1) * scale)
    out = stage.copy()
    low = max(top, 0), max(left, 0)
    high = min(top + small.shape[0], stage.shape[0]), min(left + small.shape[1], stage.shape[1])
    there = (slice(low[0], high[0]), slice(low[1], high[1]))
    here = (slice(low[0] - top, high[0] - top), slice(low[1] - left, high[1] - left))
    out[there] = (small[here] * shape[here] + stage[there] * (1 - shape[here])).round()
    return out


def wall(size: tuple[int, int], light: int = 0) -> Frame:
    """A plain wall of ``size`` (width, height), that many levels lighter than usual."""
    return np.tile((np.array(_WALL) + light).astype(np.uint8), (size[1], size[0], 1))


def write(path: Path, frames: Sequence[Frame], crf: int = 20) -> None:
    """Write a silent H.264 file."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": str(crf), "preset": "veryfast"})
        stream.pix_fmt = "yuv420p"
        stream.width, stream.height = frames[0].shape[1], frames[0].shape[0]
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")))
        container.mux(stream.encode())


# ---- makers


def far_away(share: float = 0.15, count: int = 75) -> list[Frame]:
    """A dancer who is ``share`` of 1080 rows high, in the upper right."""
    stage = wall((1920, 1080))
    return [laid(stage, cut, share * 1080, 1300, 520) for cut in cut_out("lina-disco", 1.0, count)]


def side_by_side(count: int = 75) -> list[Frame]:
    """Two dancers in a picture of 21:9."""
    both = zip(cut_out("omar-street", 1.0, count), cut_out("lina-disco", 1.0, count), strict=True)
    stage = wall((1680, 720))
    return [laid(laid(stage, a, 560, 600, 690), b, 620, 1180, 700) for a, b in both]


def crossing(front: tuple[str, float], behind: tuple[str, float], light: int = 0, count: int = 60) -> list[Frame]:
    """Two dances (name, first second): one walks through the picture from the left, the other from the right behind them."""
    both = zip(cut_out(*front, count), cut_out(*behind, count), strict=True)
    stage = wall((640, 360), light)
    pictures = []
    for i, (near, far) in enumerate(both):
        walked = 380 * i / (count - 1)
        pictures.append(laid(laid(stage, far, 280, 510 - walked, 340), near, 280, 130 + walked, 350))
    return pictures


def dark(count: int = 50, level: float = 0.3, noise: float = 22.0) -> list[Frame]:
    """A dance in a dark, noisy room."""
    random = np.random.default_rng(0)
    video = dances.find("june-sway")
    if video is None:
        raise FileNotFoundError("the bundled dances are not here")
    with VideoReader(video, start=6.0, end=6.0 + count / RATE) as reader:
        bright = [frame.image for frame in reader]
    return [(image * level + random.normal(0, noise, image.shape)).clip(0, 255).astype(np.uint8) for image in bright]


def in_front_of(audience: int, count: int = 75, height: int = 300) -> list[Frame]:
    """A dancer before ``audience`` people who stand in rows behind, as high as ``height`` and cut off at the waist."""
    stage = wall((1280, 720))
    people = [*cut_out("june-sway", 1.0, 1), *cut_out("omar-street", 1.0, 1), *cut_out("lina-disco", 1.0, 1)]
    for i in range(audience):
        row, place = divmod(i, 9)
        waist = 190 + 110 * row
        there = laid(stage, people[(i + row) % 3], height, 80 + 140 * place + 40 * (row % 2), waist + height / 2)
        stage = np.concatenate([there[:waist], stage[waist:]])
    return [laid(stage, cut, 520, 640, 700) for cut in cut_out("june-sway", 3.0, count)]


# ---- judges


def seen(clip: Path | Sequence[Frame], person: Person = "largest") -> tuple[list[FrameDetections], float]:
    """What looking at a clip finds, and milliseconds of processor time a frame without decoding."""
    if isinstance(clip, Path):
        with VideoReader(clip, max_side=settings().analysis_side) as reader:
            frames = list(reader)
    else:
        frames = [VideoFrame(i, Fraction(i, RATE), image) for i, image in enumerate(clip)]
    start = time.process_time()
    sightings = list(look(frames, person))
    return sightings, (time.process_time() - start) * 1000 / len(frames)


def poses_of(sightings: Sequence[FrameDetections]) -> list[Pose | None]:
    """The followed one's."""
    return [sighting.pose for sighting in sightings]


def leaps(poses: Sequence[Pose | None]) -> int:
    """How often the trunk moves farther from one frame to the next than a body can: then it is somebody else."""
    bodies = [body_of(pose) for pose in poses if pose is not None]
    return sum(np.hypot(b.x - a.x, b.y - a.y) > _STEP * a.height for a, b in pairwise(bodies))


def short_flips(poses: Sequence[Pose | None], rate: float = RATE) -> int:
    """How often left and right of the shoulders or hips change for less than .2 seconds, by more than a tenth of the trunk."""
    known = np.array([pose.xy for pose in poses if pose is not None])
    shoulders, hips = list(skeleton.SHOULDERS), list(skeleton.HIPS)
    torso = float(np.median(np.linalg.norm(known[:, shoulders].mean(1) - known[:, hips].mean(1), axis=1)))
    flips = 0.0
    for left, right in (shoulders, hips):
        across = (known[:, left, 0] - known[:, right, 0]) / torso
        signs = np.sign(across[np.abs(across) > 0.1])
        changes = np.flatnonzero(np.diff(signs))
        flips += sum(later - earlier < FLIP_SECONDS * rate for earlier, later in pairwise(changes))
    return int(flips)


def _judge_everywhere(clip: Path, asked: Sequence[Person] = ("largest",)) -> Outcome:
    words, right = [], True
    for person in asked:
        poses = poses_of(seen(clip, person)[0])
        found, leapt = sum(pose is not None for pose in poses), leaps(poses)
        words.append(f"{person}: a pose in {found} of {len(poses)} frames, {leapt} leaps to somebody else")
        right &= found == len(poses) and leapt == 0
    return Outcome("; ".join(words), right)


def _judge_crossing(clip: Path) -> Outcome:
    words, right = [], True
    sides: tuple[tuple[Person, bool], ...] = (("left", True), ("right", False))
    for person, to_the_right in sides:
        sightings = seen(clip, person)[0]
        poses = [pose for pose in poses_of(sightings) if pose is not None]
        share = len(poses) / len(sightings)
        places = [body_of(pose).x for pose in (poses[0], poses[-1])]
        words.append(f"{person}: from {places[0]:.0f} to {places[1]:.0f}, seen in {share:.0%}")
        right &= (places[1] > places[0]) == to_the_right and share > 0.75
    return Outcome("; ".join(words), right)


def _judge_dark(clip: Path) -> Outcome:
    poses = poses_of(seen(clip)[0])
    found, flips = sum(pose is not None for pose in poses), short_flips(poses)
    return Outcome(f"{flips} changes, a pose in {found} of {len(poses)} frames", flips == 0 and found == len(poses))


def _judge_audience(clip: Path) -> Outcome:
    # what opening the networks takes is not what a frame takes
    seen(in_front_of(0, 4))
    sightings, milliseconds = seen(clip)
    alone, at_least = seen(in_front_of(0, len(sightings)))
    apart = [
        float(np.linalg.norm(a.xy - b.xy, axis=1).mean()) / body_of(b).height
        for a, b in zip(poses_of(sightings), poses_of(alone), strict=True)
        if a is not None and b is not None
    ]
    ratio = milliseconds / at_least
    found = f"{ratio:.2f} times, a pose in {len(apart)} of {len(alone)} frames, {np.median(apart):.3f} heights apart"
    return Outcome(found, ratio <= 1.3 and len(apart) == len(alone) and float(np.median(apart)) < 0.03)


def _made(frames: Callable[[], list[Frame]], crf: int = 20) -> Callable[[Path], None]:
    return lambda path: write(path, frames(), crf)


CASES: Final = (
    Case("far_corner_15pct.mp4", "a pose in every frame", _made(far_away), _judge_everywhere),
    Case(
        "two_people_wide.mp4",
        "either followed in every frame",
        _made(side_by_side),
        partial(_judge_everywhere, asked=("largest", "left", "right")),
    ),
    Case(
        "two_who_cross.mp4",
        "either followed to the other side",
        _made(partial(crossing, ("lina-disco", 6.0), ("june-sway", 5.0))),
        _judge_crossing,
    ),
    Case("dark.mp4", "no change of left and right for less than .2 s", _made(dark, 28), _judge_dark),
    Case(
        "audience.mp4",
        "at most 1.3 times the time of the dancer alone, the same poses",
        _made(partial(in_front_of, 36)),
        _judge_audience,
    ),
)
"""What is asked of finding the dancer."""
