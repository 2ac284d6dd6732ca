"""The poses of a performer's frames on disk: ``poses.npz``, checked before anything of it is allocated."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from core.errors import PackInvalid
from core.types import LANDMARKS, Pose

_SMALLEST_BODY: Final = 0.01
"""Of the picture's longer side."""

_STEP: Final = 1 / 64

# numpy's header reader hands text that is no Python literal to the tokenizer; zipfile has errors of its own
_DAMAGE: Final = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    SyntaxError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def stack_poses(poses: Sequence[Pose | None]) -> NDArray[np.float32]:
    """(N, 33, 4) float32 of N poses, NaN where there is none."""
    stacked = np.full((len(poses), LANDMARKS, 4), np.nan, np.float32)
    for row, pose in zip(stacked, poses, strict=True):
        if pose is not None:
            row[:] = pose.landmarks
    return stacked


def save_poses(path: Path, landmarks: NDArray[np.float32], runs: NDArray[np.int32]) -> None:
    """Write ``landmarks`` (N, 33, 4), NaN where nobody was found, and ``runs`` (N,), each frame's stretch.

    Places are kept to :data:`_STEP` pixels, visibility to as much: what is finer is noise, and half of the file.
    """
    rounded = np.round(landmarks / _STEP) * _STEP
    np.savez_compressed(path, landmarks=rounded.astype("<f4"), runs=runs.astype("<i4"))


def load_poses(path: Path, frames: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """The poses of ``frames`` frames: (N, 33, 4) float32 and (N,) int32, both read-only.

    Nothing is unpickled, and no array is made before its announced shape is known to be right.

    Raises:
        PackInvalid: the file is none of ours, or holds something else.
    """
    where = f"{path.parent.name}/{path.name}"
    try:
        with zipfile.ZipFile(path) as archive:
            landmarks = _read(archive, "landmarks", np.dtype("<f4"), (frames, LANDMARKS, 4))
            runs = _read(archive, "runs", np.dtype("<i4"), (frames,))
    except _DAMAGE as error:
        raise PackInvalid(f"{where} does not hold the poses of {frames} frames.") from error
    missing = np.isnan(landmarks).all(axis=(1, 2))
    if not np.isfinite(landmarks[~missing]).all() or np.abs(landmarks[~missing]).max(initial=0.0) > 1e5:
        raise PackInvalid(f"{where} holds poses that are no places in a picture.")
    landmarks.flags.writeable = runs.flags.writeable = False
    return landmarks, runs


def check_bodies(landmarks: NDArray[np.float32], size: tuple[int, int]) -> None:
    """Make sure that poses are bodies which somebody in frames of ``size`` (width, height) can have.

    Args:
        landmarks: (N, 33, 4), NaN where nobody was found, finite elsewhere.

    Raises:
        PackInvalid: nobody is in any frame, or a pose is a point rather than a body.
    """
    found = landmarks[~np.isnan(landmarks[:, 0, 0])]
    if not len(found):
        raise PackInvalid("The poses show nobody in any frame.")
    low, high = found[..., :2].min(1), found[..., :2].max(1)
    if ((high - low).max(1) < _SMALLEST_BODY * max(size)).any():
        raise PackInvalid("The poses are no bodies: all points of one lie in one place.")
    if not ((high > 0) & (low < size)).all(1).any():
        raise PackInvalid("The poses lie outside of the pictures.")


def _read(archive: zipfile.ZipFile, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    expected = int(np.prod(shape)) * dtype.itemsize
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > expected + 4096:
        raise ValueError(f"{name} is larger than announced")
    with archive.open(info) as file:
        if _header(file) != (shape, False, dtype):
            raise ValueError(f"{name} has another shape or type")
        data = file.read(expected)
    if len(data) != expected:
        raise ValueError(f"{name} is cut short")
    return np.frombuffer(bytearray(data), dtype).reshape(shape)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("not an array of format 1.0")
    return np.lib.format.read_array_header_1_0(file)
