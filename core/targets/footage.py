"""Where a new performer's pictures come from: a video, or a folder of numbered pictures with or without landmarks."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import OverLimit, UnusableInput
from core.settings import settings
from core.targets.manifest import MAX_FRAMES
from core.types import LANDMARKS, Alpha, Frame, Pose
from core.video.reader import VideoReader

FASTEST: Final = 30
"""Frames a second that a performer keeps at most; of faster footage every second or third frame is taken."""

FOLDER_RATE: Final = Fraction(5, 2)
"""Rate of a folder of pictures: one frame in ten of 25 a second, as the tai-chi footage of the course project was kept."""

_LONGEST_GAP: Final = 3
_LARGEST_RUN: Final = 2**31
_SUFFIXES: Final = (".webp", ".png", ".jpg", ".jpeg")


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of the footage: its time in seconds, the stretch it belongs to, and what is known beforehand.

    ``known`` says that ``pose`` (pixels of ``image``) came with the footage and is not to be looked for.
    """

    image: Frame
    time: Fraction
    run: int
    pose: Pose | None = None
    known: bool = False
    mask: Alpha | None = None


class Footage(Protocol):
    """Pictures in order, all of one size."""

    rate: Fraction
    count: int | None
    tracked: bool
    """Whether neighbours show the same person a moment later, so that following makes sense."""

    def __iter__(self) -> Iterator[Shot]: ...


def open_footage(source: Path, masks: Path | None) -> Footage:
    """The footage in ``source``; ``masks`` is a video of the person's masks, picture by picture.

    Raises:
        NotAVideo: a file, but not a video.
        UnusableInput: a folder without pictures.
    """
    return FolderFootage(source) if source.is_dir() else VideoFootage(source, masks)


class VideoFootage:
    """A video at no more than 30 frames a second, at the size in which people are looked for."""

    tracked = True

    def __init__(self, path: Path, masks: Path | None) -> None:
        self._path = path
        self._masks = masks
        self._reader = VideoReader(path, max_side=settings().analysis_side)
        info = self._reader.info
        step = max(1, -(-info.rate // FASTEST))
        self._slack = Fraction(1, 4 * step)  # clocks tremble by less than a quarter of a frame
        self.rate = info.rate / step
        self.count = None if info.frames is None else max(1, info.frames // step)

    def __iter__(self) -> Iterator[Shot]:
        tick, run = -1, 0
        with contextlib.ExitStack() as stack:
            frames = stack.enter_context(self._reader)
            masks = None if self._masks is None else iter(stack.enter_context(self._mask_reader(self._masks)))
            for frame in frames:
                mask = None if masks is None else next(masks, None)
                if masks is not None and mask is None:
                    raise UnusableInput(f"The masks end at frame {frame.index}, before {self._path.name} does.")
                due = int(frame.time * self.rate + self._slack)
                if due <= tick:
                    continue
                run += tick >= 0 and due - tick > _LONGEST_GAP
                tick = due
                red = None if mask is None else np.ascontiguousarray(mask.image[..., 0])
                yield Shot(frame.image, frame.time, run, mask=red)

    def _mask_reader(self, path: Path) -> VideoReader:
        reader = VideoReader(path)
        (width, height), (across, down) = reader.size, self._reader.size
        if abs(width * down - height * across) > 0.02 * width * down:
            raise UnusableInput(f"{path.name} is {width}×{height}: masks have the shape of the footage.")
        return reader


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
            image = _read_image(path)
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


def _read_image(path: Path) -> Frame:
    try:
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        image = None
    if image is None:
        raise UnusableInput(f"{path.name} is no picture that can be read.")
    return np.ascontiguousarray(image[..., ::-1])


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
