"""Where the dancer's moves are placed on the performer's stage: cuts, close-ups, half bodies, walks, bodies upside down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.reports.case import Case, Outcome
from core import paths
from core.generators.registry import create_generator
from core.live.frame_analyzer import SIDE
from core.pipeline import DancePipeline, PerformerRenderer, performer_statistics
from core.pose import skeleton
from core.pose.live_tracker import LiveDancer
from core.pose.video_analysis import Analysis, look
from core.settings import settings
from core.targets.store import load_target
from core.types import Frame, Pose
from core.video.reader import VideoReader

RATE: Final = 25
_SHOT: Final = 48
"""Frames of one shot of a made clip."""


def dance_pictures(dance: str, first: int, count: int) -> list[Frame]:
    """Pictures of a bundled dance, from number ``first``."""
    with VideoReader(paths.BUNDLED_DANCES / f"{dance}.mp4", start=first / RATE) as reader:
        return [frame.image for frame, _ in zip(reader, range(count), strict=False)]


def write_clip(path: Path, pictures: Sequence[Frame]) -> None:
    """A silent H.264 file of these pictures."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "18", "preset": "veryfast"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def nearer(picture: Frame, x: float, y: float, times: float) -> Frame:
    """The same view ``times`` as near: what lies around the point (shares of width and height), at the picture's size."""
    height, width = picture.shape[:2]
    view = np.array([[times, 0, width * (0.5 - times * x)], [0, times, height * (0.5 - times * y)]])
    return np.asarray(
        cv2.warpAffine(picture, view, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


def make_close_up(path: Path) -> None:
    """The whole dancer, her upper half, the whole of her again: three shots of one camera."""
    pictures = dance_pictures("lina-disco", 0, 3 * _SHOT)
    for i in range(_SHOT, 2 * _SHOT):
        pictures[i] = nearer(pictures[i], 0.5, 0.42, 2.2)
    write_clip(path, pictures)


def make_punch_in(path: Path) -> None:
    """A cut to the same view a quarter nearer, as edited clips have on the beat, and back."""
    pictures = dance_pictures("june-sway", 0, 3 * _SHOT)
    for i in range(_SHOT, 2 * _SHOT):
        pictures[i] = nearer(pictures[i], 0.5, 0.55, 1.25)
    write_clip(path, pictures)


def make_jump_cut(path: Path) -> None:
    """Half of a dance is left out between two frames of one camera."""
    write_clip(path, [*dance_pictures("omar-street", 0, _SHOT), *dance_pictures("omar-street", 150, _SHOT)])


def make_flashes(path: Path) -> None:
    """One camera throughout: a white frame, and lights that flicker four times a second."""
    pictures = dance_pictures("june-sway", 0, 3 * _SHOT)
    for i in range(30, 32):
        pictures[i] = np.full_like(pictures[i], 250)
    for i in range(60, 120):
        if i // 3 % 2:
            pictures[i] = cv2.convertScaleAbs(pictures[i], alpha=0.35)
    write_clip(path, pictures)


def make_dissolve(path: Path) -> None:
    """One dancer becomes another, elsewhere and of another size, within half a second."""
    first = dance_pictures("omar-street", 0, 2 * _SHOT)
    second = [nearer(picture, 0.65, 0.4, 0.62) for picture in dance_pictures("omar-street", 150, 2 * _SHOT)]
    over = 12
    mixed = [
        cv2.addWeighted(a, 1 - share, b, share, 0)
        for a, b, share in zip(first[-over:], second[:over], np.linspace(0, 1, over), strict=True)
    ]
    write_clip(path, [*first[:-over], *mixed, *second[over:]])


def make_half_body(path: Path) -> None:
    """Head to thighs, upright, as a desk camera or a selfie shows somebody."""
    pictures = dance_pictures("june-sway", 0, 75)
    write_clip(path, [np.ascontiguousarray(picture[:300, 80:400]) for picture in pictures])


def make_walk(path: Path) -> None:
    """A dancer who crosses a wide picture, two and a half body heights of it."""
    pictures = dance_pictures("june-sway", 0, 6 * RATE)
    clip = []
    for i, picture in enumerate(pictures):
        wide = np.full((720, 1280, 3), (216, 228, 220), np.uint8)
        left = round((1280 - 340) * i / (len(pictures) - 1))
        wide[200:680, left : left + 340] = picture[:, 130:470]
        clip.append(wide)
    write_clip(path, clip)


def make_handstand(path: Path) -> None:
    """A dancer upside down: the head and the hands are lowest."""
    write_clip(path, [np.ascontiguousarray(picture[::-1, ::-1]) for picture in dance_pictures("lina-disco", 120, 75)])


def make_cartwheel(path: Path) -> None:
    """A dancer who stands for a second, turns over once in the plane of the picture within three, and stands again."""
    clip = []
    for i, picture in enumerate(dance_pictures("lina-disco", 100, 125)):
        degrees = 360 * float(np.clip((i - 25) / 75, 0, 1))
        turn = cv2.getRotationMatrix2D((216, 470), degrees, 0.8)
        clip.append(np.asarray(cv2.warpAffine(picture, turn, (432, 768), borderMode=cv2.BORDER_REPLICATE), np.uint8))
    write_clip(path, clip)


@dataclass(frozen=True, slots=True)
class Placed:
    """What is asked of one performer for one clip, by one way.

    Attributes:
        way: ``mira file`` and the like.
        asked: the poses; None for an empty stage.
        size: (width, height) of the stage.
        floor: y of the line that the performer stands on.
        widest: pixels between the performer's hips where they seem widest.
    """

    way: str
    asked: list[Pose | None]
    size: tuple[int, int]
    floor: float
    widest: float

    @property
    def track(self) -> NDArray[np.float32]:
        """(N, 33, 4) of the frames with somebody."""
        return np.stack([pose.landmarks for pose in self.asked if pose is not None])

    @property
    def empty(self) -> int:
        """Frames with an empty stage."""
        return sum(pose is None for pose in self.asked)

    @property
    def inside(self) -> float:
        """Share of the frames in which the 13 joints that matter are within the picture."""
        joints = self.track[:, list(skeleton.JOINTS), :2]
        return float(((joints >= 0) & (joints < self.size)).all(axis=(1, 2)).mean())

    @property
    def off_the_floor(self) -> NDArray[np.float32]:
        """(N,) pixels that the lowest part of the body is below the floor (positive) or above it."""
        return np.asarray(self.track[..., 1].max(axis=1) - self.floor)


def placed(clip: Path, performers: Sequence[str] = ("mira", "theo")) -> Iterator[Placed]:
    """What is asked of each performer: as a file, which is known to its end, and live, frame after frame."""
    with VideoReader(clip, max_side=settings().analysis_side) as reader:
        analysis = Analysis(reader.size)
        for sighting in look(reader):
            analysis.add(sighting)
    with VideoReader(clip, max_side=SIDE) as reader, LiveDancer() as dancer:
        sights = [dancer.look(frame) for frame in reader]
    for name in performers:
        with load_target(name) as target:
            generator = create_generator("nearest", target)
            with DancePipeline(target, generator) as pipeline:
                files = pipeline.moves(analysis).asked
            act = PerformerRenderer(target, generator)
            live = [act.ask(sight)[0] for sight in sights]
            hips = np.asarray(target.poses)[target.found][:, list(skeleton.HIPS), 0]
            widest = float(np.percentile(np.abs(hips[:, 0] - hips[:, 1]), 98))
            floor = performer_statistics(target).near[0]
            for way, asked in (("file", files), ("live", live)):
                yield Placed(f"{name} {way}", asked, target.size, floor, widest)


def judge_cuts(clip: Path) -> Outcome:
    """Somebody in every frame, who is on the floor at once after a cut: no lower than 10 pixels below it.

    The dancers' own steps lift the lower foot by up to 16 pixels.
    """
    found, right = [], True
    for one in placed(clip):
        off = one.off_the_floor
        found.append(f"{one.way} {one.empty} frames empty, feet {off.min():+.0f} to {off.max():+.0f} px")
        right &= one.empty == 0 and off.min() >= -18 and off.max() <= (10 if one.way.endswith("file") else 16)
    return Outcome("; ".join(found), right)


def judge_half_body(clip: Path) -> Outcome:
    """Hips as wide as from the front, and left and right of them as those of the shoulders."""
    found, right = [], True
    for one in placed(clip):
        hips = one.track[:, skeleton.LEFT_HIP, 0] - one.track[:, skeleton.RIGHT_HIP, 0]
        shoulders = one.track[:, skeleton.LEFT_SHOULDER, 0] - one.track[:, skeleton.RIGHT_SHOULDER, 0]
        width = float(np.abs(hips).min()) / one.widest
        alike = float((hips * shoulders > 0).mean())
        found.append(f"{one.way} hips {width:.0%} of the widest, facing as the trunk in {alike:.0%} of frames")
        right &= width >= 0.85 and alike >= 0.95
    return Outcome("; ".join(found), right)


def judge_inside(clip: Path, share: float = 1.0) -> Outcome:
    """All joints within the picture, in that share of the frames."""
    ways = [(one.way, one.inside, one.track[:, list(skeleton.JOINTS), 0]) for one in placed(clip)]
    found = [f"{way} inside in {inside:.0%} of frames, x {x.min():.0f} to {x.max():.0f}" for way, inside, x in ways]
    return Outcome("; ".join(found), all(inside >= share for _, inside, _ in ways))


def judge_cartwheel(clip: Path) -> Outcome:
    """The body within the picture, but for frames in which a body on its side is taken for one that is wider than the stage."""
    return judge_inside(clip, 0.97)


def judge_head_down(clip: Path) -> Outcome:
    """The lowest part on the floor, the body in the picture."""
    found, right = [], True
    for one in placed(clip):
        near = float((np.abs(one.off_the_floor) <= 12).mean())
        found.append(f"{one.way} lowest part within 12 px of the floor in {near:.0%}, inside in {one.inside:.0%}")
        right &= one.inside == 1 and near >= (0.9 if one.way.endswith("file") else 0.6)
    return Outcome("; ".join(found), right)


CASES: Final = (
    Case(
        "half_body_sideways_legs.mp4",
        "legs that face the way the trunk does, hips at 85 % or more of their widest",
        make_half_body,
        judge_half_body,
    ),
    Case(
        "cut_full_closeup_full.mp4",
        "no frame empty, feet at once no lower than 10 px below the floor (live 16), no higher than steps of 18 px",
        make_close_up,
        judge_cuts,
    ),
    Case("cut_punch_in.mp4", "the same at cuts to a nearer view of the same and back", make_punch_in, judge_cuts),
    Case("cut_jump.mp4", "the same where a part is left out", make_jump_cut, judge_cuts),
    Case("cut_dissolve.mp4", "the same where one shot becomes another", make_dissolve, judge_cuts),
    Case("flashes.mp4", "the same, a flash and flickering light being no cuts", make_flashes, judge_cuts),
    Case("walks_across.mp4", "13 joints within the stage in all frames", make_walk, judge_inside),
    Case("handstand.mp4", "head or hands on the floor, all joints within the stage", make_handstand, judge_head_down),
    Case("cartwheel.mp4", "all joints within the stage in 97 % of frames", make_cartwheel, judge_cartwheel),
)
