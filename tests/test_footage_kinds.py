"""The same few seconds of a person as every kind of file that phones and apps write: the same performer comes of each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from core.pose import skeleton
from core.targets.build import build_target
from core.targets.footage import VideoFootage
from core.targets.footage_check import FootageCheck, check_footage
from core.targets.store import Target, load_target
from core.types import Alpha, Frame
from tests.video.media import make_video

FRAMES = 32
EVERY = 5
"""Frames of the performer's from one picture here to the next: much moves in little time."""
SIDE = 384
KEPT = 320
RATE = 25


class Dance:
    """What is filmed: pictures, the person's true masks, and the empty stage."""

    def __init__(self, pictures: list[Frame], masks: list[Alpha], stage: Frame) -> None:
        self.pictures, self.masks, self.stage = pictures, masks, stage

    def changed(self, change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Dance:
        """The same with every picture and mask changed."""
        return Dance([change(p) for p in self.pictures], [change(m) for m in self.masks], change(self.stage))

    def chosen(self, numbers: Sequence[int]) -> Dance:
        """Only some of the pictures."""
        return Dance([self.pictures[i] for i in numbers], [self.masks[i] for i in numbers], self.stage)


class Plain(NamedTuple):
    """Poses and stage of a performer, and the check of the footage."""

    poses: NDArray[np.float32]
    stage: Frame
    check: FootageCheck


@pytest.fixture(scope="module")
def dance() -> Dance:
    def small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)

    with load_target("mira") as mira:
        assert mira.masks is not None
        assert mira.plate is not None
        numbers = range(200, 200 + FRAMES * EVERY, EVERY)
        return Dance(
            [small(mira.frames[i]) for i in numbers], [small(mira.masks[i]) for i in numbers], small(mira.plate)
        )


@pytest.fixture(scope="module")
def plain(dance: Dance, tmp_path_factory: pytest.TempPathFactory) -> Plain:
    """What comes of a file with nothing special about it."""
    folder = tmp_path_factory.mktemp("plain")
    path = make_video(folder / "plain.mp4", dance.pictures, rate=RATE)
    with built(path, folder) as target:
        assert target.plate is not None
        return Plain(np.array(target.poses), target.plate, check_footage([path]))


def built(path: Path, folder: Path) -> Target:
    return build_target(path, id="kind", name="Kind", into=folder / "performers", size=KEPT)


def right_performer(path: Path, folder: Path, shown: Dance, *, off: float = 8.0) -> Target:
    """The performer made of ``path``, found right: stage, person, masks; the pictures are as ``shown`` has them."""
    target = built(path, folder)
    assert target.plate is not None
    assert target.masks is not None
    height, width = shown.stage.shape[:2]
    scale = min(1.0, KEPT / max(width, height))
    assert target.size == pytest.approx((width * scale, height * scale), abs=2)
    assert len(target.frames) == len(shown.pictures)
    assert target.rate <= 30
    assert target.found.all()
    assert len(set(target.runs.tolist())) == 1
    assert target.manifest.stage == "footage"
    stage = cv2.resize(shown.stage, target.size, interpolation=cv2.INTER_AREA)
    assert np.abs(target.plate.astype(int) - stage).mean() < off
    overlaps = [_overlap(target.masks[i], mask) for i, mask in enumerate(shown.masks)]
    assert np.mean(overlaps) > 0.88
    assert min(overlaps) > 0.75
    return target


def _overlap(mask: Alpha, true: Alpha) -> float:
    there = cv2.resize(true, mask.shape[::-1], interpolation=cv2.INTER_AREA) > 127
    return float(((mask > 127) & there).sum() / ((mask > 127) | there).sum())


def right_check(path: Path, shown: Dance, plain: FootageCheck) -> None:
    """The check of ``path`` finds what it finds in a plain file."""
    check = check_footage([path])
    assert check.person == 1.0
    assert check.several == 0.0
    assert check.stage is not None
    height, width = shown.stage.shape[:2]
    assert check.stage.picture.shape[1] / check.stage.picture.shape[0] == pytest.approx(width / height, rel=0.03)
    assert check.height == pytest.approx(plain.height, abs=0.05)
    assert check.light == pytest.approx(plain.light, abs=25)


@pytest.mark.parametrize("turns", [1, 2])
def test_rotated_by_its_header(dance: Dance, plain: Plain, tmp_path: Path, turns: int) -> None:
    """A phone stores what its sensor reads and writes down how it was held."""
    stored = [np.rot90(picture, -turns) for picture in dance.pictures]
    path = make_video(tmp_path / "turned.mp4", stored, rate=RATE, rotation=90 * turns)
    with right_performer(path, tmp_path, dance) as target:
        assert _pose_distance(target.poses, plain.poses) < 3
    right_check(path, dance, plain.check)


def _pose_distance(poses: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """Median distance in pixels of the joints that both see."""
    joints = list(skeleton.JOINTS)
    seen = np.minimum(poses[:, joints, 3], others[:, joints, 3]) > 0.5
    return float(np.median(np.linalg.norm(poses[:, joints, :2] - others[:, joints, :2], axis=2)[seen]))


@pytest.mark.parametrize("curve", ["pq", "hlg"])
def test_high_dynamic_range(dance: Dance, plain: Plain, tmp_path: Path, curve: str) -> None:
    path = write_hdr(tmp_path / "hdr.mp4", dance.pictures, curve)
    with right_performer(path, tmp_path, dance, off=25.0) as target:
        assert _pose_distance(target.poses, plain.poses) < 3
    right_check(path, dance, plain.check)


def write_hdr(path: Path, pictures: Sequence[Frame], curve: str) -> Path:
    """``pictures`` as 10 bit BT.2020, their white where HDR has diffuse white (ITU-R BT.2408)."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx265", rate=RATE, options={"x265-params": "log-level=none:pools=1"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p10le"
        coder = stream.codec_context
        coder.color_primaries, coder.colorspace, coder.color_range = 9, 9, 1
        coder.color_trc = {"pq": 16, "hlg": 18}[curve]
        for picture in pictures:
            container.mux(stream.encode(VideoFrame.from_ndarray(_ten_bits(picture, curve), "yuv420p10le")))
        container.mux(stream.encode(None))
    return path


def _ten_bits(picture: Frame, curve: str) -> NDArray[np.uint16]:
    wide = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    light = (picture / 255.0) ** 2.4 @ wide.T
    if curve == "pq":
        power = (light * 203 / 10_000) ** 0.1593017578125
        signal = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    else:
        # diffuse white is 0.265 of the brightest scene light
        scene = 0.265 * light ** (1 / 1.2)
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        signal = np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-6)) + c)
    luma = signal @ np.array([0.2627, 0.6780, 0.0593])
    blue, red = (signal[..., 2] - luma) / 1.8814, (signal[..., 0] - luma) / 1.4746
    small = [cv2.resize(c, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for c in (blue, red)]
    coded = [64 + 876 * luma, *(512 + 896 * c for c in small)]
    return np.concatenate([np.rint(c).astype(np.uint16).ravel() for c in coded]).reshape(-1, picture.shape[1])


def test_variable_frame_rate(dance: Dance, plain: Plain, tmp_path: Path) -> None:
    """Phones leave out pictures in bad light, and their clocks tremble."""
    rng = np.random.default_rng(3)
    numbers = [i for i in range(FRAMES) if i % 5 != 3]
    times = [Fraction(i * 1000 // RATE + int(rng.integers(0, 9)), 1000) for i in numbers]
    path = make_video(tmp_path / "variable.mp4", [dance.pictures[i] for i in numbers], rate=RATE, times=times)
    # a steady rate takes the picture that each of its moments shows
    kept = [numbers[int(np.argmin([float(abs(t - shot.time)) for t in times]))] for shot in VideoFootage(path, None)]
    assert len(kept) > 0.75 * len(numbers)
    assert len(set(kept)) == len(kept)
    with right_performer(path, tmp_path, dance.chosen(kept)) as target:
        assert _pose_distance(target.poses, plain.poses[kept]) < 4
    right_check(path, dance, plain.check)


def test_sixty_frames_a_second(dance: Dance, plain: Plain, tmp_path: Path) -> None:
    path = make_video(
        tmp_path / "fast.mp4", list(itertools.chain(*zip(dance.pictures, dance.pictures, strict=True))), rate=60
    )
    with right_performer(path, tmp_path, dance) as target:
        assert target.rate == 30
    right_check(path, dance, plain.check)


def test_upright(dance: Dance, plain: Plain, tmp_path: Path) -> None:
    across = slice(72, 312)
    upright = dance.changed(lambda picture: np.ascontiguousarray(picture[:, across]))
    path = make_video(tmp_path / "upright.mp4", upright.pictures, rate=RATE)
    right_performer(path, tmp_path, upright).close()
    right_check(path, upright, plain.check)
    assert check_footage([path]).parts[0].upright


@pytest.mark.parametrize(("across", "down"), [(0, 96), (150, 0), (40, 24)])
def test_black_bars_are_cut_off(dance: Dance, plain: Plain, tmp_path: Path, across: int, down: int) -> None:
    """An app made it another shape: the bars belong to neither stage nor person."""
    boxed = [np.pad(picture, ((down, down), (across, across), (0, 0))) for picture in dance.pictures]
    path = make_video(tmp_path / "boxed.mp4", boxed, rate=RATE)
    with right_performer(path, tmp_path, dance) as target:
        assert _pose_distance(target.poses, plain.poses) < 4
        assert target.plate is not None
        edges = [target.plate[0], target.plate[-1], target.plate[:, 0], target.plate[:, -1]]
        assert all(np.median(edge) > 60 for edge in edges)
    right_check(path, dance, plain.check)


def test_subtitles_are_no_part_of_the_stage(dance: Dance, plain: Plain, tmp_path: Path) -> None:
    written = [_subtitled(picture, i // 3) for i, picture in enumerate(dance.pictures)]
    path = make_video(tmp_path / "subtitled.mp4", written, rate=RATE)
    with right_performer(path, tmp_path, dance) as target:
        assert target.plate is not None
        letters = slice(round(0.86 * target.height), round(0.97 * target.height))
        left = np.abs(target.plate[letters].astype(int) - plain.stage[letters]).max(axis=2) > 40
        assert left.mean() < 0.04
    right_check(path, dance, plain.check)


def _subtitled(picture: Frame, line: int) -> Frame:
    words = ("turn to the left", "now your arms", "and up", "", "five six seven", "until the end", "yes", "once more")[
        line % 8
    ]
    image, at = picture.copy(), (20 + 53 * line % 130, round(0.95 * SIDE))
    cv2.putText(image, words, at, cv2.FONT_HERSHEY_DUPLEX, 0.9, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, words, at, cv2.FONT_HERSHEY_DUPLEX, 0.9, (255, 250, 200), 1, cv2.LINE_AA)
    return image


def test_a_mirrored_selfie(dance: Dance, plain: Plain, tmp_path: Path) -> None:
    """A front camera that stores what a mirror shows: somebody whose left is where the other's right was."""
    mirrored = dance.changed(lambda picture: np.ascontiguousarray(picture[:, ::-1]))
    path = make_video(tmp_path / "selfie.mp4", mirrored.pictures, rate=RATE)
    with right_performer(path, tmp_path, mirrored) as target:
        left, right = target.poses[:, skeleton.LEFT_WRIST], plain.poses[:, skeleton.RIGHT_WRIST]
        seen = np.minimum(left[:, 3], right[:, 3]) > 0.6
        assert np.median(np.abs(target.width - left[seen, 0] - right[seen, 0])) < 6
    right_check(path, mirrored, plain.check)


def test_a_selfie_mirrored_by_its_header(dance: Dance, plain: Plain, tmp_path: Path) -> None:
    stored = [np.ascontiguousarray(picture[:, ::-1]) for picture in dance.pictures]
    path = make_video(tmp_path / "flipped.mp4", stored, rate=RATE, mirrored=True)
    with right_performer(path, tmp_path, dance) as target:
        assert _pose_distance(target.poses, plain.poses) < 3
    right_check(path, dance, plain.check)
