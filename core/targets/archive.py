"""One performer as one zip: written whole or not at all, and read as what it is, a stranger's file.

Nothing in a zip is believed. It must hold the manifest and exactly the files that the manifest names, as plain files,
each of the size and hash given there; sizes, counts and compression are bounded before anything is unpacked; contents
are checked by their own formats, without unpickling; and all of it happens in a folder aside, renamed at the end.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from core.errors import DanceError, PackInvalid, TargetNotFound
from core.inference.ir_validation import MAX_GRAPH_BYTES, check_graph, read_bounded
from core.rendering.image_files import read_picture
from core.targets.manifest import (
    MANIFEST,
    MAX_FILES,
    MAX_MANIFEST_BYTES,
    MAX_TOTAL_BYTES,
    WEIGHTS_FOLDER,
    FileEntry,
    Manifest,
    locate,
    parse_manifest,
)
from core.targets.pose_file import check_bodies
from core.targets.store import (
    Place,
    check_file,
    find_place,
    load_target,
    new_folder,
    open_target,
    place_in,
)
from core.utils.output_files import replacing, usable_output

_CHUNK: Final = 1 << 20
_MAX_DIRECTORY: Final = 64 * 1024
_MAX_RATIO: Final = 100
_MAX_PICTURE_SIDE: Final = 4096
_MAX_HEADER: Final = 16 * 1024 * 1024
_END: Final = struct.Struct("<4s4H2LH")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_COMPRESSIBLE: Final = (".json", ".npz")
_DAMAGE: Final = (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, RuntimeError, EOFError)
_EXPONENTS: Final[dict[str, tuple[np.dtype[Any], int]]] = {
    "F16": (np.dtype("<u2"), 0x7C00),
    "BF16": (np.dtype("<u2"), 0x7F80),
    "F32": (np.dtype("<u4"), 0x7F800000),
    "F64": (np.dtype("<u8"), 0x7FF0000000000000),
}
_PICTURE_FORMATS: Final = {".png": "PNG", ".webp": "WEBP"}


def export_pack(target_id: str, path: Path, *roots: Path) -> None:
    """Write a performer, weights and all, to one zip. The same performer gives the same bytes.

    Raises:
        TargetNotFound: there is none of that id.
        PackInvalid: its files are damaged.
        WeightsMissing: a weight file that its manifest names is not there.
        OutputRefused: ``path`` is no file that can be written, or one of the performer's own.
        OutputFailed: the zip cannot be written; nothing half-written is left.
    """
    with load_target(target_id, *roots) as target:
        manifest = target.manifest
        usable_output(path, target.files())
        for generator in manifest.generators:
            for role in generator.files:
                target.weight_file(generator.name, role)
    place = find_place(target_id, *roots)
    if place is None:
        raise TargetNotFound(f"The performer '{target_id}' was deleted meanwhile.")
    with replacing(path) as part, zipfile.ZipFile(part, "x", allowZip64=False) as archive:
        archive.writestr(_zip_entry(MANIFEST), manifest.to_json())
        for entry in manifest.all_files():
            _add(archive, place, entry)


def import_pack(
    path: Path,
    *,
    replace: bool = False,
    into: Path | None = None,
    target_id: str | None = None,
    most_bytes: int = MAX_TOTAL_BYTES,
) -> str:
    """Unpack a performer's zip among the user's own performers and give its id.

    Args:
        path: the zip.
        replace: put it in the place of one of the user's own that has the same id.
        into: another folder of performers than the user's own.
        target_id: another id than the zip's own.
        most_bytes: that it may unpack to.

    Raises:
        PackInvalid: damaged, unsafe, not a performer at all, nobody who can be danced with, or its id is taken.
        OutputFailed: no permission, no room.
    """
    try:
        if path.exists() and not path.is_file():
            # a pipe would be waited for, a device has no end
            raise PackInvalid(f"{path.name} is no file: choose a performer's zip.")
        with path.open("rb") as file:
            _check_end(file, path.name)
            with zipfile.ZipFile(file) as archive:
                entries = _plain_entries(archive, path.name, min(most_bytes, MAX_TOTAL_BYTES))
                return _unpack(archive, entries, path.name, replace, into, target_id)
    except (*_DAMAGE, UnicodeDecodeError) as error:
        raise PackInvalid(f"{path.name} is no zip of a performer, or it is damaged.") from error
    except OSError as error:
        raise PackInvalid(f"{path.name} cannot be read: {error.strerror or error}.") from error


def _unpack(
    archive: zipfile.ZipFile,
    infos: dict[str, zipfile.ZipInfo],
    name: str,
    replace: bool,
    into: Path | None,
    target_id: str | None,
) -> str:
    if MANIFEST not in infos:
        raise PackInvalid(f"{name} is no performer: it holds no {MANIFEST}.")
    with archive.open(infos[MANIFEST]) as file:
        manifest = parse_manifest(file.read(MAX_MANIFEST_BYTES + 1), name)
    entries = {entry.path: entry for entry in manifest.all_files()}
    if set(infos) != {MANIFEST, *entries}:
        stray = sorted(set(infos) ^ {MANIFEST, *entries})[0]
        raise PackInvalid(f"{name} does not hold just the files that its manifest names ('{stray[:60]}').")
    if target_id is not None:
        manifest = Manifest.model_validate(manifest.model_dump() | {"id": target_id})
    with new_folder(place_in(into, manifest.id), replace=replace) as folder:
        (folder / MANIFEST).write_bytes(manifest.to_json())
        for inside, entry in entries.items():
            with archive.open(infos[inside]) as file:
                _extract(file, folder / inside, entry, name)
        try:
            check_contents(manifest, folder)
        except DanceError as error:
            why = str(error).replace(folder.name, manifest.id).rstrip(".")
            raise PackInvalid(f"{why}, so {name} is not taken in.") from error
    return manifest.id


def check_contents(manifest: Manifest, folder: Path) -> None:
    """Open every file of an unpacked performer by its own format, hold it against the manifest, and draw with it.

    Raises:
        PackInvalid: something is not what it is said to be, or nothing comes of it.
    """
    weights = folder / WEIGHTS_FOLDER
    for role, entry in manifest.files.items():
        if role in ("plate", "portrait"):
            size = (manifest.width, manifest.height) if role == "plate" else None
            _check_picture(folder / entry.path, size)
    for generator in manifest.generators:
        for entry in generator.files.values():
            _check_weights(locate(folder, weights, entry))
    with open_target(Place(folder, weights, own=True), manifest) as target:
        check_bodies(target.poses, target.size)
        for store in (target.frames, target.masks):
            store.verify()
        # by name: performers are made of footage alone, and only what a stranger made is drawn with before it is kept
        importlib.import_module("core.services.import_check").prove(target)


def _zip_entry(inside: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(inside, _EPOCH)
    info.create_system = 3  # the rights below are Unix's, wherever the zip is made
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    info.compress_type = zipfile.ZIP_DEFLATED if inside.endswith(_COMPRESSIBLE) else zipfile.ZIP_STORED
    return info


def _add(archive: zipfile.ZipFile, place: Place, entry: FileEntry) -> None:
    path = locate(place.folder, place.weights, entry)
    check_file(path, entry, place.folder.name)
    info = _zip_entry(entry.path)
    info.file_size = entry.bytes
    with path.open("rb") as source, archive.open(info, "w") as sink:
        shutil.copyfileobj(source, sink, _CHUNK)


def _check_end(file: IO[bytes], name: str) -> None:
    """Bound the zip's directory before zipfile reads it whole: number of entries, its size, no 64-bit extension."""
    size = file.seek(0, os.SEEK_END)
    if size > MAX_TOTAL_BYTES + _MAX_DIRECTORY + MAX_MANIFEST_BYTES:
        raise PackInvalid(f"{name} is larger than {MAX_TOTAL_BYTES >> 20} MB, which no performer is.")
    file.seek(max(0, size - _END.size))
    tail = file.read(_END.size)
    file.seek(0)
    if len(tail) < _END.size:
        raise PackInvalid(f"{name} is no zip of a performer.")
    magic, _, _, _, entries, directory, _, comment = _END.unpack(tail)
    if magic != b"PK\x05\x06" or comment:
        raise PackInvalid(f"{name} is no zip of a performer.")
    if entries > MAX_FILES + 1 or directory > _MAX_DIRECTORY:
        raise PackInvalid(f"{name} holds more than {MAX_FILES + 1} files, which no performer does.")
    file.seek(max(0, size - _END.size - 20))
    if file.read(4) == b"PK\x06\x07":
        raise PackInvalid(f"{name} is a 64-bit zip, which no performer needs.")
    file.seek(0)


def _plain_entries(archive: zipfile.ZipFile, name: str, most: int) -> dict[str, zipfile.ZipInfo]:
    """The zip's entries by name, all of them plain files of at most so many bytes in all."""
    infos = archive.infolist()
    found = {info.filename: info for info in infos}
    if len(found) != len(infos):
        raise PackInvalid(f"{name} names a file twice.")
    # of the manifest no more is read than one may have
    if sum(info.file_size for info in infos if info.filename != MANIFEST) > most:
        raise PackInvalid(f"{name} would unpack to more than {most >> 20} MB.")
    for info in infos:
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.is_dir() or kind not in (0, stat.S_IFREG) or info.filename != info.orig_filename:
            raise PackInvalid(f"'{info.filename[:60]}' in {name} is no plain file.")
        if info.flag_bits & 0x1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise PackInvalid(f"'{info.filename[:60]}' in {name} is encrypted or packed in an unusual way.")
        if info.file_size > _MAX_RATIO * info.compress_size + 4096:
            raise PackInvalid(f"'{info.filename[:60]}' in {name} unpacks to suspiciously much.")
    return found


def _extract(file: IO[bytes], path: Path, entry: FileEntry, name: str) -> None:
    """Copy one entry, never more than the manifest says, and hold it against the hash."""
    digest = hashlib.sha256()
    left = entry.bytes
    with path.open("xb") as sink:
        while chunk := file.read(min(_CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                break
            digest.update(chunk)
            sink.write(chunk)
    if left or digest.hexdigest() != entry.sha256:
        raise PackInvalid(f"{entry.path} in {name} is damaged: it is not the file that the manifest names.")


def _check_picture(path: Path, size: tuple[int, int] | None) -> None:
    picture = read_picture(
        path, formats=(_PICTURE_FORMATS[path.suffix],), most_side=_MAX_PICTURE_SIDE, error=PackInvalid
    )
    height, width = picture.shape[:2]
    if size is not None and (width, height) != size:
        raise PackInvalid(f"{path.name} is a picture of {width}×{height}, which it may not be.")


def _check_weights(path: Path) -> None:
    """A safetensors file whose header fits its size, a JSON file, or a graph of known operations; none can run anything else."""
    try:
        if path.suffix == ".json":
            if path.stat().st_size > MAX_MANIFEST_BYTES:
                raise ValueError("too large")
            json.loads(path.read_bytes())
        elif path.suffix == ".xml":
            check_graph(read_bounded(path, MAX_GRAPH_BYTES), path.name)
        else:
            _check_safetensors(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PackInvalid(f"{path.name} is no weight file that can be read.") from error


def _check_safetensors(path: Path) -> None:
    """Hold the tensors' places in the header against the file; reads the header alone."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(_MAX_HEADER, size - 8):
            raise ValueError("the header does not fit")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    ends = [tensor["data_offsets"] for tensor in header.values()]
    if any(not 0 <= begin <= end <= size - 8 - length for begin, end in ends):
        raise ValueError("a tensor lies outside the file")
    content = np.memmap(path, np.uint8, "r", offset=8 + length) if size > 8 + length else np.zeros(0, np.uint8)
    for tensor in header.values():
        begin, end = tensor["data_offsets"]
        if not _finite(content[begin:end], str(tensor["dtype"])):
            raise ValueError("a weight is no number")


def _finite(content: NDArray[np.uint8], kind: str) -> bool:
    """Whether the numbers of a tensor are all finite; those of kinds that no network of ours has are not looked at."""
    if kind not in _EXPONENTS:
        return True
    code, exponent = _EXPONENTS[kind]
    # a number is none, or without end, when all bits of its exponent are set; bfloat16 is no type of NumPy's
    bits = content[: len(content) // code.itemsize * code.itemsize].view(code)
    return not bool(((bits & exponent) == exponent).any())
