"""Small performers made on the spot: every frame carries its own number."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.targets.frame_store import FootageWriter
from core.targets.manifest import MANIFEST, FileEntry, GeneratorWeights, Manifest, file_entry
from core.targets.pose_file import save_poses
from core.types import Frame

SIZE = (96, 64)
_BITS = 9


def numbered(index: int, size: tuple[int, int] = SIZE) -> Frame:
    """A picture that says its number in a row of black and white bars, over a tint."""
    width, height = size
    picture = np.full((height, width, 3), (40 + index % 100, 120, 90), np.uint8)
    bar = width // _BITS
    for bit in range(_BITS):
        picture[: height // 2, bit * bar : (bit + 1) * bar] = 255 if index >> bit & 1 else 0
    return picture


def number_of(picture: NDArray[np.uint8]) -> int:
    """What :func:`numbered` wrote, read from a frame or a mask."""
    bar = picture.shape[1] // _BITS
    half = picture[: picture.shape[0] // 2]
    return sum((half[:, bit * bar : (bit + 1) * bar].mean() > 127) << bit for bit in range(_BITS))


def some_poses(frames: int, size: tuple[int, int] = SIZE) -> NDArray[np.float32]:
    """(N, 33, 4) poses inside the picture; nobody in frame 3."""
    rng = np.random.default_rng(0)
    poses = rng.uniform(0, 1, (frames, 33, 4)).astype(np.float32) * np.array([*size, 10, 1], np.float32)
    poses[3] = np.nan
    return poses


def write_safetensors(path: Path, values: NDArray[np.float32]) -> None:
    header = json.dumps(
        {"w": {"dtype": "F32", "shape": list(values.shape), "data_offsets": [0, values.nbytes]}}
    ).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + values.tobytes())


def make_performer(root: Path, target_id: str = "tiny", *, frames: int = 30, name: str = "Tiny") -> Path:
    """A whole performer, weights included, in ``root/target_id``."""
    folder = root / target_id
    (folder / "weights").mkdir(parents=True)
    with (
        FootageWriter(folder / "frames.mp4", SIZE, Fraction(25)) as footage,
        FootageWriter(folder / "masks.mp4", SIZE, Fraction(25), masks=True) as masks,
    ):
        for index in range(frames):
            footage.write(numbered(index))
            masks.write(np.ascontiguousarray(numbered(index)[..., 0]))
    save_poses(folder / "poses.npz", some_poses(frames), np.zeros(frames, np.int32))
    cv2.imwrite(str(folder / "plate.png"), np.full((SIZE[1], SIZE[0], 3), 77, np.uint8))
    cv2.imwrite(str(folder / "portrait.webp"), np.full((40, 30, 3), 99, np.uint8))
    write_safetensors(folder / "weights" / "small.safetensors", np.arange(6, dtype=np.float32))
    write_manifest(folder, target_id, frames, name)
    return folder


def write_manifest(folder: Path, target_id: str, frames: int, name: str = "Tiny") -> Manifest:
    """The manifest for what lies in ``folder`` now."""

    def entry(path: str) -> FileEntry:
        return file_entry(folder / path, path)

    manifest = Manifest(
        id=target_id,
        name=name,
        width=SIZE[0],
        height=SIZE[1],
        rate=Fraction(25),
        frames=frames,
        licence="CC0",
        files={
            "poses": entry("poses.npz"),
            "frames": entry("frames.mp4"),
            "masks": entry("masks.mp4"),
            "plate": entry("plate.png"),
            "portrait": entry("portrait.webp"),
        },
        generators=(GeneratorWeights(name="small-net", files={"weights": entry("weights/small.safetensors")}),),
    )
    (folder / MANIFEST).write_bytes(manifest.to_json())
    return manifest
