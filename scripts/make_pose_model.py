"""Make ``weights/pose_landmarker_full.task``, the pose model that mediapipe 1.x loads but does not carry.

    python scripts/make_pose_model.py [--wheel mediapipe-0.10.21-....whl] [--out FILE]

The two networks lie in the wheel of mediapipe 0.10.21 (Apache-2.0, Google). The Tasks API wants them in one zip and
wants to read from metadata how their input is scaled. Only the old version can write that metadata (the 1.x wheel lacks
a native part of its writer), so this script installs the old version into a throw-away environment. The same wheel
gives the same bytes. Needs Python 3.9 to 3.12 (no newer one has a wheel of mediapipe 0.10.21).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import struct
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
OUTPUT = PROJECT / "weights" / "pose_landmarker_full.task"
OLD_MEDIAPIPE = "mediapipe==0.10.21"
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
ALIGNMENT = 64
LOCAL_HEADER = 30  # bytes of a zip's header before one file, without its name and extra field
PADDING_FIELD = 0xD935  # the extra field that Android's zipalign uses for the same purpose

ADD_METADATA = """
import sys
from pathlib import Path
from mediapipe.tasks.python.metadata.metadata_writers.metadata_writer import MetadataWriter

source, result, name, mean, std = sys.argv[1:]
writer = MetadataWriter.create(bytearray(Path(source).read_bytes()))
writer.add_general_info(name).add_image_input([float(mean)], [float(std)])
model, _ = writer.populate()
Path(result).write_bytes(model)
"""

LOAD = """
import sys
from mediapipe.tasks.python import BaseOptions, vision

options = vision.PoseLandmarkerOptions(base_options=BaseOptions(model_asset_path=sys.argv[1]))
vision.PoseLandmarker.create_from_options(options).close()
"""


@dataclass(frozen=True)
class Network:
    """One network of the bundle: where it lies in the wheel, its name in the bundle, how its input is scaled."""

    member: str
    bundled_as: str
    mean: float
    std: float


NETWORKS = (
    Network("mediapipe/modules/pose_detection/pose_detection.tflite", "pose_detector.tflite", 127.5, 127.5),
    Network("mediapipe/modules/pose_landmark/pose_landmark_full.tflite", "pose_landmarks_detector.tflite", 0.0, 255.0),
)


def download_wheel(into: Path) -> Path:
    """The wheel of the old mediapipe, from the package index that pip is set up with."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(into)]
    subprocess.run([*pip, OLD_MEDIAPIPE], check=True)
    return next(into.glob("mediapipe-*.whl"))


def make_environment(folder: Path, wheel: Path) -> Path:
    """A virtual environment that holds the wheel; returns its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    return python


def with_metadata(network: Network, wheel: Path, python: Path, scratch: Path) -> bytes:
    """The network's file with the scaling of its input written into it."""
    source, result = scratch / "source.tflite", scratch / "result.tflite"
    with zipfile.ZipFile(wheel) as archive:
        source.write_bytes(archive.read(network.member))
    name = Path(network.bundled_as).stem
    arguments = [str(source), str(result), name, str(network.mean), str(network.std)]
    subprocess.run([str(python), "-c", ADD_METADATA, *arguments], check=True)
    return result.read_bytes()


def aligned_entry(name: str, offset: int) -> zipfile.ZipInfo:
    """A zip entry whose data, when its header starts at ``offset``, starts at a multiple of ``ALIGNMENT``."""
    entry = zipfile.ZipInfo(name, ZIP_EPOCH)
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    padding = -(offset + LOCAL_HEADER + len(name.encode()) + 4) % ALIGNMENT
    entry.extra = struct.pack("<HH", PADDING_FIELD, padding) + bytes(padding)
    return entry


def write_bundle(models: dict[str, bytes], path: Path) -> None:
    """Store the models uncompressed and aligned (mediapipe maps them into memory) and with a fixed date.

    An unaligned model still loads, but with a warning and its buffers copied to the heap.
    """
    with path.open("wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, model in models.items():
            archive.writestr(aligned_entry(name, file.tell()), model)


def build(wheel: Path, out: Path, scratch: Path) -> None:
    """Write the bundle to ``out`` once the old mediapipe has loaded it."""
    python = make_environment(scratch / "environment", wheel)
    models = {network.bundled_as: with_metadata(network, wheel, python, scratch) for network in NETWORKS}
    bundle = scratch / out.name
    write_bundle(models, bundle)
    subprocess.run([str(python), "-c", LOAD, str(bundle)], check=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(bundle.read_bytes())


def main() -> None:
    """Read the command line, build, and say what came out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--wheel", type=Path, help="wheel of mediapipe 0.10.21; downloaded with pip when not given")
    parser.add_argument("--out", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        build(arguments.wheel or download_wheel(scratch), arguments.out, scratch)
    digest = hashlib.sha256(arguments.out.read_bytes()).hexdigest()
    print(f"{arguments.out}: {arguments.out.stat().st_size} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
