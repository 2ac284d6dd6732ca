"""Where a new performer's pictures come from: a video, or a folder of numbered pictures with or without landmarks."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import OverLimit, UnusableInput
from core.rendering.image_files import read_picture
from core.settings import settings
from core.targets.manifest import MAX_FRAMES
from core.types import LANDMARKS, Alpha, Frame, Pose
from core.video.bars import find_bars
from core.video.reader import VideoReader

FASTEST: Final = 30
"""Frames a second that a performer keeps at most; of faster footage every second or third frame is taken."""

FOLDER_RATE: Final = Fraction(5, 2)
"""Rate of a folder of pictures: one frame in ten of 25 a second, as the tai-chi footage of the course project was kept."""

_LONGEST_GAP: Final = 3
_LARGEST_RUN: Final = 2**31
_SHAPE_SLACK: Final = 0.02
_SUFFIXES: Final = (".webp", ".png", ".jpg", ".jpeg")


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of the footage: its time in seconds, the stretch it belongs to, and what is known beforehand.

    ``known`` says that ``pose`` (pixels of ``image``) came with the footage and is not to be looked for, ``exact`` that
    ``mask`` needs no refining.
    """

    image: Frame
    time: Fraction
    run: int
    pose: Pose | None = None
    known: bool = False
    mask: Alpha | None = None
    exact: bool = True


class Footage(Protocol):
    """Pictures in order, all of one size."""

    rate: Fraction
    count: int | None
    tracked: bool
    """Whether neighbours show the same person a moment later, so that following makes sense."""

    def __iter__(self) -> Iterator[Shot]: ...


def open_footage(source: Path | Sequence[Path], masks: Path | None) -> Footage:
    """The footage in ``source``; ``masks`` is a video of the person's masks, picture by picture.

    Args:
        source: a video, a folder of pictures, or several videos that follow each other.
        masks: for a single video.

    Raises:
        NotAVideo: a file, but not a video.
        UnusableInput: a folder without pictures, parts that do not fit together, or masks of several videos.
    """
    parts = [source] if isinstance(source, Path) else list(source)
    if not parts:
        raise UnusableInput("There is no footage: choose at least one video.")
    if len(parts) > 1:
        if masks is not None:
            raise UnusableInput("Masks go with a single video: join the videos first.")
        return PartsFootage(parts)
    return FolderFootage(parts[0]) if parts[0].is_dir() else VideoFootage(parts[0], masks)


def same_shape(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether pictures of both sizes (width, height) are of one shape, but for two in a hundred."""
    return abs(size[0] * other[1] - size[1] * other[0]) <= _SHAPE_SLACK * size[0] * other[1]


def fit_scale(picture: Frame | Alpha, size: tuple[int, int]) -> float:
    """By how much :func:`fit` scales; 1 where it only cuts an odd row or column."""
    height, width = picture.shape[:2]
    cropped = 0 <= width - size[0] <= 1 and 0 <= height - size[1] <= 1
    return 1.0 if cropped else max(size[0] / width, size[1] / height)


def fit(picture: Frame, size: tuple[int, int]) -> Frame:
    """``picture`` (or a mask) scaled to cover ``size`` (width, height) and cut to it from its top left corner."""
    width, height = size
    scale = fit_scale(picture, size)
    if scale != 1.0:
        full = max(width, round(picture.shape[1] * scale)), max(height, round(picture.shape[0] * scale))
        way = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
        picture = np.asarray(cv2.resize(picture, full, interpolation=way), np.uint8)
    return np.ascontiguousarray(picture[:height, :width])


class VideoFootage:
    """A video at no more than 30 frames a second, at the size in which people are looked for, without black bars.

    Args:
        path: the video.
        masks: a video of the person's masks, picture by picture.
        rate: frames a second to keep instead, as far as the video has them.

    Attributes:
        size: (width, height) of the pictures.
    """

    tracked = True

    def __init__(self, path: Path, masks: Path | None, rate: Fraction | None = None) -> None:
        self._path = path
        self._masks = masks
        self._reader = VideoReader(path, max_side=settings().analysis_side)
        info = self._reader.info
        step = max(1, -(-info.rate // FASTEST))
        self._slack = Fraction(1, 4 * step)  # clocks tremble by less than a quarter of a frame
        self._bars = find_bars(path)
        self.size = self._bars.left_of(self._reader.size)
        self.rate = info.rate / step if rate is None else rate
        # of slower footage than asked for every frame is kept, and those that are not there are no gap
        self._longest_gap = _LONGEST_GAP * max(Fraction(1), self.rate / info.rate)
        kept = min(self.rate / info.rate, Fraction(1))
        self.count: int | None = None if info.frames is None else max(1, int(info.frames * kept))

    def __iter__(self) -> Iterator[Shot]:
        tick, run, cut = -1, 0, False
        with contextlib.ExitStack() as stack:
            frames = stack.enter_context(self._reader)
            masks = None if self._masks is None else iter(stack.enter_context(self._mask_reader(self._masks)))
            for frame in frames:
                mask = None if masks is None else next(masks, None)
                if masks is not None and mask is None:
                    raise UnusableInput(f"The masks end at frame {frame.index}, before {self._path.name} does.")
                due = int(frame.time * self.rate + self._slack)
                cut |= frame.cut
                if due <= tick:
                    continue
                run += cut or (tick >= 0 and due - tick > self._longest_gap)
                tick, cut = due, False
                red = None if mask is None else np.ascontiguousarray(mask.image[..., 0])
                yield Shot(
                    self._bars.cut(frame.image), frame.time, run, mask=None if red is None else self._bars.cut(red)
                )

    def _mask_reader(self, path: Path) -> VideoReader:
        reader = VideoReader(path)
        (width, height), (across, down) = reader.size, self._reader.size
        if not same_shape((width, height), (across, down)):
            raise UnusableInput(f"{path.name} is {width}×{height}: masks have the shape of the footage.")
        return reader


class PartsFootage:
    """Several videos one after the other, at the first one's rate and size; each begins a stretch of its own.

    Raises:
        UnusableInput: a part is not a video, or has another shape than the first.
    """

    tracked = True

    def __init__(self, paths: Sequence[Path]) -> None:
        first = VideoFootage(paths[0], None)
        self.rate, self.size = first.rate, first.size
        self._parts = [first, *(VideoFootage(path, None, self.rate) for path in paths[1:])]
        for path, part in zip(paths, self._parts, strict=True):
            if not same_shape(part.size, self.size):
                raise UnusableInput(different_shape(path.name, part.size, paths[0].name, self.size))
        counts = [part.count for part in self._parts]
        self.count = None if None in counts else sum(count or 0 for count in counts)

    def __iter__(self) -> Iterator[Shot]:
        start, run = Fraction(0), 0
        for part in self._parts:
            last: Shot | None = None
            for shot in part:
                last = replace(shot, image=fit(shot.image, self.size), time=start + shot.time, run=run + shot.run)
                yield last
            if last is not None:
                start, run = last.time + 1 / self.rate, last.run + 1


def different_shape(name: str, size: tuple[int, int], first: str, shape: tuple[int, int]) -> str:
    """The sentence about a part of footage that does not fit the first part; sizes are (width, height)."""
    kind, asked = _shape_name(size), _shape_name(shape)
    if kind != asked:
        return f"{name} is {kind} and {first} is {asked}: film all parts with the camera held the same way."
    return (
        f"{name} is {size[0]}×{size[1]} and {first} is {shape[0]}×{shape[1]}, another shape: "
        "film all parts with the same camera setting."
    )


def _shape_name(size: tuple[int, int]) -> str:
    if same_shape(size, size[::-1]):
        return "square"
    return "upright" if size[1] > size[0] else "wide"


class FolderFootage:
    """``frames/NNNN.webp`` (or png, jpg) in the order of their numbers, and ``landmarks.npz`` beside ``frames`` if there.

    ``landmarks.npz`` holds ``index`` (N,), the numbers, and ``landmarks`` (N, 33, 3 or 4): x, y, z in units of the
    picture's width and height (z of the width) and visibility, which counts as 1 where it is not given. Numbers that are
    left out end a stretch. A stretch is called by the numbers left out before it, so that every picture's own number is
    still known: its place plus its stretch.
    """

    tracked = False

    def __init__(self, folder: Path) -> None:
        found = [
            path for path in (folder / "frames").glob("*") if path.suffix.lower() in _SUFFIXES and path.stem.isdecimal()
        ]
        self.pictures: list[Path] = sorted(found, key=lambda path: int(path.stem))
        if not self.pictures:
            raise UnusableInput(
                f"{folder.name} holds no pictures: they belong in {folder.name}/frames, named 0000.webp and so on."
            )
        if len(self.pictures) > MAX_FRAMES:
            raise OverLimit(f"{folder.name} holds {len(self.pictures)} pictures; a performer has at most {MAX_FRAMES}.")
        self._runs = _stretches([int(path.stem) for path in self.pictures])
        self.rate = FOLDER_RATE
        self.count: int | None = len(self.pictures)
        landmarks = folder / "landmarks.npz"
        self._poses = _read_landmarks(landmarks) if landmarks.is_file() else None

    def __iter__(self) -> Iterator[Shot]:
        size: tuple[int, ...] | None = None
        for position, (path, run) in enumerate(zip(self.pictures, self._runs, strict=True)):
            image = read_picture(path)
            size = size or image.shape
            if image.shape != size:
                raise UnusableInput(f"{path.name} has another size than the pictures before it.")
            pose = None if self._poses is None else _in_pixels(self._poses.get(int(path.stem)), image)
            yield Shot(image, position / self.rate, run, pose, known=self._poses is not None)


def _stretches(numbers: list[int]) -> list[int]:
    """For each of these growing numbers, which stretch without a gap it belongs to."""
    left_out = [number - place for place, number in enumerate(numbers)]
    if left_out[-1] < _LARGEST_RUN:
        return left_out
    names = {run: count for count, run in enumerate(sorted(set(left_out)))}
    return [names[run] for run in left_out]


def _read_landmarks(path: Path) -> dict[int, NDArray[np.float32]]:
    """Number to (33, 4) in units of the picture; numbers with values that are none are left out."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            index, landmarks = archive["index"], archive["landmarks"]
        if landmarks.shape[:2] != (len(index), LANDMARKS) or landmarks.shape[2:] not in ((3,), (4,)):
            raise ValueError("shape")
        full = np.ones((len(index), LANDMARKS, 4), np.float32)
        full[:, :, : landmarks.shape[2]] = landmarks
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise UnusableInput(f"{path.name} does not hold index (N) and landmarks (N, 33, 3 or 4).") from error
    return {int(number): pose for number, pose in zip(index, full, strict=True) if np.isfinite(pose).all()}


def _in_pixels(landmarks: NDArray[np.float32] | None, image: Frame) -> Pose | None:
    if landmarks is None:
        return None
    height, width = image.shape[:2]
    return Pose(landmarks * np.array([width, height, width, 1.0], np.float32))
