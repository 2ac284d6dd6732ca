"""What a network learns from: every frame of the performer on its canvas, prepared once and kept in the cache."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core import paths
from core.conditioning import pose_encoding
from core.errors import NobodyFound, OutputFailed
from core.generators.realtime import canvas_of_frame
from core.rendering.canvas import LAYERS, Canvas
from core.targets.extent import BLOCK, fit_canvas
from core.targets.split import Split, Subset
from core.targets.store import Target
from core.utils.file_lock import in_turn

logger = logging.getLogger(__name__)

_VERSION: Final = "4"


@dataclass(frozen=True)
class Examples:
    """Frames to learn from and to be judged by.

    Attributes:
        canvas: on which they are.
        unit: torso length in pixels.
        frames: (N,) int64, numbers of the performer's frames with somebody in them.
        landmarks: (N, 33, 4) float32 of them.
        layers: (N, LAYERS, height, width) uint8, what should be drawn.
        train, held_out: (n,) int64 into N.
    """

    canvas: Canvas
    unit: float
    frames: NDArray[np.int64]
    landmarks: NDArray[np.float32]
    layers: NDArray[np.uint8]
    train: NDArray[np.int64]
    held_out: NDArray[np.int64]

    def inputs(self) -> NDArray[np.float32]:
        """(N, 26) float32: what a fully connected network is told of each pose."""
        return pose_encoding.encode(self.landmarks, self.unit)


def prepare(
    target: Target,
    split: Split,
    size: int,
    unit: float,
    progress: Callable[[float], None] = lambda _: None,
    block: int = BLOCK,
) -> Examples:
    """Examples of a performer, at ``size`` pixels for the canvas's longer side, whose sides are multiples of ``block``.

    Raises:
        NobodyFound: the split leaves nobody to learn from.
        OutputFailed: the cache cannot be written.
    """
    known = Subset(target, split.train)
    if not known.found.any():
        raise NobodyFound(f"Nobody is in the frames of {target.name} that are left to learn from: use longer footage.")
    canvas = fit_canvas(known, size, unit, block)
    frames = np.flatnonzero(target.found)
    layers = _cached(target, canvas, frames, progress)
    places = np.full(target.manifest.frames, -1)
    places[frames] = np.arange(len(frames))
    parts = [places[flags & target.found] for flags in (split.train, split.held_out)]
    return Examples(canvas, unit, frames, np.array(target.poses[frames]), layers, parts[0], parts[1])


def _cached(
    target: Target, canvas: Canvas, frames: NDArray[np.int64], progress: Callable[[float], None]
) -> NDArray[np.uint8]:
    shape = (len(frames), LAYERS, canvas.height, canvas.width)
    folder = paths.cache_root() / "training" / target.id
    path = folder / f"{_key(target, canvas)}.npy"
    # two generators of one performer may be trained at once, and make room for their examples
    with in_turn(f"examples-{target.id}", paths.cache_root()):
        kept = _read(path, shape)
        if kept is not None:
            return kept
        try:
            shutil.rmtree(folder, ignore_errors=True)  # other sizes and older footage: one set a performer is kept
            folder.mkdir(parents=True)
            _write(path, target, canvas, frames, shape, progress)
        except OSError as error:
            raise OutputFailed(f"The training examples could not be kept: {error.strerror or error}.") from error
        made = _read(path, shape)
    if made is None:
        raise OutputFailed(f"The training examples in {folder} cannot be read: is the disk full?")
    return made


def _read(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """What is kept, None where nothing is or it is damaged."""
    try:
        layers: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return layers if layers.shape == shape and layers.dtype == np.uint8 else None


def _write(
    path: Path,
    target: Target,
    canvas: Canvas,
    frames: NDArray[np.int64],
    shape: tuple[int, ...],
    progress: Callable[[float], None],
) -> None:
    part = path.with_suffix(".part")
    every = np.lib.format.open_memmap(part, "w+", np.uint8, shape)
    for place, i in enumerate(int(i) for i in frames):
        every[place] = canvas_of_frame(target, canvas, i)
        progress((place + 1) / len(frames))
    every.flush()
    part.replace(path)
    logger.info("%d examples of %s, %d MB", len(frames), target.id, every.nbytes >> 20)


def _key(target: Target, canvas: Canvas) -> str:
    files = target.manifest.files
    told = [_VERSION, canvas.model_dump_json(), *(f"{role}:{files[role].sha256}" for role in sorted(files))]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:24]
