"""A performer from elsewhere is drawn with before they are kept: whatever would fail when they dance is refused at the door."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core import paths
from core.errors import PackInvalid
from core.generators.registry import create_generator
from core.inference.runner import NetworkFiles
from core.targets.archive import import_pack
from core.targets.frame_store import FootageWriter
from core.targets.manifest import MANIFEST, file_entry
from core.targets.store import load_target
from core.targets.weights import add_generator
from tests.conftest import PROJECT
from tests.puppets import RATE, SIZE, make_puppet

FRAMES = 24
NAMES = {"mlp-se", "unet-attn", "realtime"}


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory,
    exported: NetworkFiles,
    exported_unet: NetworkFiles,
    exported_realtime: NetworkFiles,
) -> dict[str, bytes]:
    """Every file of a performer with three trained generators."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("whole")
        patch.setenv("DANCE_DATA", str(root / "data"))
        folder = make_puppet(root, frames=FRAMES)
        for name, files in (("mlp-se", exported), ("unet-attn", exported_unet), ("realtime", exported_realtime)):
            roles = {"config": files.config, "weights": files.weights, "graph": files.graph}
            add_generator("puppet", name, roles, licence="CC0", recipe="", root=root)
        cv2.imwrite(str(folder / "portrait.webp"), np.full((40, 30, 3), 99, np.uint8))
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def packed(whole: dict[str, bytes], into: Path, spoil: Callable[[Path], Any] = lambda _: None) -> Path:
    """A zip of the performer after ``spoil`` was at the unpacked files, whose manifest names them as they are then."""
    folder = into / "made"
    for name, content in whole.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    spoil(folder)
    told = json.loads((folder / MANIFEST).read_text())
    if (folder / "portrait.webp").exists():
        told["files"].setdefault("portrait", {"path": "portrait.webp"})
    for entry in [*told["files"].values(), *(e for g in told["generators"] for e in g["files"].values())]:
        entry.update(file_entry(folder / entry["path"], entry["path"]).model_dump())
    (folder / MANIFEST).write_text(json.dumps(told))
    with zipfile.ZipFile(into / "anna.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(path, path.relative_to(folder).as_posix())
    return into / "anna.zip"


def test_whoever_is_whole_comes_in(whole: dict[str, bytes], tmp_path: Path) -> None:
    assert import_pack(packed(whole, tmp_path)) == "puppet"
    with load_target("puppet") as target:
        assert set(target.manifest.generator_names()) >= NAMES
        for name in NAMES:
            create_generator(name, target)


def test_torch_is_not_needed(whole: dict[str, bytes], tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from core.targets.archive import import_pack\n"
        "import_pack(Path(sys.argv[1])); print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, packed(whole, tmp_path)], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def poses(change: Callable[[NDArray[np.float32]], Any]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        with np.load(folder / "poses.npz") as kept:
            landmarks, runs = np.array(kept["landmarks"]), kept["runs"]
        change(landmarks)
        np.savez(folder / "poses.npz", landmarks=landmarks, runs=runs)

    return spoil


def filled(value: float, *where: Any) -> Callable[[NDArray[np.float32]], None]:
    def change(landmarks: NDArray[np.float32]) -> None:
        landmarks[where or ...] = value

    return change


def moved_out(landmarks: NDArray[np.float32]) -> None:
    landmarks[..., :2] += 50_000


def shrunk(landmarks: NDArray[np.float32]) -> None:
    landmarks[..., :3] *= 1e-6


def weights(name: str, value: float, share: float) -> Callable[[Path], None]:
    """Write ``value`` over the last of the numbers of every tensor, as many as ``share`` says, at least one of the file."""

    def spoil(folder: Path) -> None:
        (path,) = (p for p in (folder / "weights").glob("*.safetensors") if p.name.startswith(name))
        content = bytearray(path.read_bytes())
        begin = 8 + int.from_bytes(content[:8], "little")
        for entry in json.loads(content[8:begin]).values():
            if not isinstance(entry, dict) or entry.get("dtype") not in {"F16", "F32"}:
                continue
            first, last = (begin + at for at in entry["data_offsets"])
            kind: type[np.floating[Any]] = np.float16 if entry["dtype"] == "F16" else np.float32
            numbers = np.frombuffer(bytes(content[first:last]), kind).copy()
            numbers[-max(round(len(numbers) * share), 1) :] = value
            content[first:last] = numbers.tobytes()
            if share == 0:
                break
        path.write_bytes(content)

    return spoil


def frames(name: str, begin: float, end: float, fill: int | None) -> Callable[[Path], None]:
    """Write over a part of the coded pictures, given in shares of them; noise for None."""

    def spoil(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        at = content.index(b"mdat") + 4
        size = int.from_bytes(content[at - 8 : at - 4], "big") - 8
        first, last = at + round(begin * size), at + round(end * size)
        noise = np.random.default_rng(3).integers(0, 256, last - first, np.uint8)
        content[first:last] = noise.tobytes() if fill is None else bytes([fill]) * (last - first)
        (folder / name).write_bytes(content)

    return spoil


def unknown_codec(folder: Path) -> None:
    content = (folder / "frames.mp4").read_bytes()
    (folder / "frames.mp4").write_bytes(content.replace(b"avc1", b"avz9"))


def black_masks(folder: Path) -> None:
    with FootageWriter(folder / "masks.mp4", SIZE, RATE, masks=True) as writer:
        for _ in range(FRAMES):
            writer.write(np.zeros(SIZE[::-1], np.uint8))


def plate_of_damaged_data(folder: Path) -> None:
    """A PNG all of whose checksums are right and whose data cannot be unpacked."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", *SIZE, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"no zlib at all") + chunk(b"IEND", b"")
    (folder / "plate.png").write_bytes(data)


def portrait_cut_short(folder: Path) -> None:
    whole = cv2.imencode(".webp", np.random.default_rng(0).integers(0, 255, (64, 48, 3), np.uint8))[1].tobytes()
    (folder / "portrait.webp").write_bytes(whole[: len(whole) // 2])


SPOILT: dict[str, Callable[[Path], Any]] = {
    "poses zero": poses(filled(0.0)),
    "poses denormal": poses(filled(1e-40)),
    "poses nan": poses(filled(np.nan)),
    "poses inf": poses(filled(np.inf)),
    "poses of one value": poses(filled(60.0)),
    "one pose zero": poses(filled(0.0, 7)),
    "one number nan": poses(filled(np.nan, 7, 11, 0)),
    "one number inf": poses(filled(-np.inf, 9, 30, 2)),
    "visibility nan": poses(filled(np.nan, slice(None), slice(None), 3)),
    "poses outside": poses(moved_out),
    "poses tiny": poses(shrunk),
    "weights nan": weights("mlp-se", np.nan, 1.0),
    "weights of the second nan": weights("unet-attn", np.nan, 1.0),
    "weights of the third nan": weights("realtime", np.nan, 1.0),
    "a weight nan": weights("realtime", np.nan, 0.0),
    "weights inf": weights("mlp-se", np.inf, 0.1),
    "frames zeroed": frames("frames.mp4", 0.0, 1.0, 0),
    "frames noise in the middle": frames("frames.mp4", 0.4, 0.6, None),
    "frames zeroed late": frames("frames.mp4", 0.8, 0.9, 0),
    "masks noise": frames("masks.mp4", 0.2, 0.9, None),
    "frames of no known kind": unknown_codec,
    "masks black": black_masks,
    "plate": plate_of_damaged_data,
    "portrait": portrait_cut_short,
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_whoever_cannot_dance_is_refused(whole: dict[str, bytes], tmp_path: Path, spoil: Callable[[Path], Any]) -> None:
    with pytest.raises(PackInvalid) as refused:
        import_pack(packed(whole, tmp_path, spoil))
    sentence = str(refused.value)
    assert "anna.zip" in sentence
    assert ".part" not in sentence, "no working name"
    assert str(tmp_path) not in sentence
    assert "\n" not in sentence
    assert not list(paths.user_performers().iterdir()), "nothing half-imported is left"
