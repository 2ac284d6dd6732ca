"""Hostile performers: zips that reach out of their folder, unpack to gigabytes, run code or lie about what they hold."""

from __future__ import annotations

import io
import json
import pickle
import random
import stat
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.hostile.pictures import png
from core.targets.archive import export_pack
from core.targets.manifest import MANIFEST, sha256_of
from tests.targets.material import make_performer
from tests.video.boxes import changed, counting

Entries = dict[str, bytes]
_WEIGHTS: Final = "weights/small.safetensors"
_MANY: Final = 10_000
"""Entries of a zip."""


class _Evil:
    """What a pickle does when it is loaded."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return (eval, ("__import__('pathlib').Path('evil').touch()",))


def write(folder: Path, address: str) -> Iterator[tuple[Path, str]]:
    """Write every hostile pack into ``folder``; (path, what is wrong with it) of each."""
    with tempfile.TemporaryDirectory() as place:
        make_performer(Path(place))
        export_pack("tiny", Path(place) / "tiny.zip", Path(place))
        whole = (Path(place) / "tiny.zip").read_bytes()
    entries = _entries(whole)
    for name, content, attack in (
        *_zips(whole, entries),
        *_manifests(entries),
        *_contents(entries, address),
    ):
        path = folder / name
        path.write_bytes(content)
        yield path, attack


def _entries(content: bytes) -> Entries:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zipped(entries: Mapping[str, bytes], special: zipfile.ZipInfo | None = None, comment: bytes = b"") -> bytes:
    """A zip of ``entries`` and a file of a ``special`` kind."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
        if special is not None:
            archive.writestr(special, b"/etc/passwd")
        archive.comment = comment
    return out.getvalue()


def _kind(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def _zips(whole: bytes, entries: Entries) -> Iterator[tuple[str, bytes, str]]:
    paths = ("../evil.txt", "/tmp/evil.txt", "C:\\evil.txt", "weights/../../evil", "..\\evil", "evil/", "e" * 5000)
    for number, name in enumerate(paths):
        yield f"path-{number}.zip", _zipped({**entries, name: b"evil"}), f"a file named {name[:20]}"
    for mode, words in ((stat.S_IFLNK, "a link"), (stat.S_IFIFO, "a pipe"), (stat.S_IFBLK, "a device")):
        yield (
            f"kind-{words[2:]}.zip",
            _zipped(entries, _kind("evil", mode | 0o777)),
            f"{words} to /etc/passwd",
        )
    yield (
        "entries.zip",
        _zipped({MANIFEST: b"{}"} | {f"weights/{n}.json": b"" for n in range(_MANY)}),
        "ten thousand files",
    )
    at = whole.rindex(b"PK\x05\x06")
    million = bytearray(whole)
    million[at + 8 : at + 12] = struct.pack("<HH", 65535, 65535)
    yield "claim.zip", bytes(million), "a directory that claims 65535 files"
    yield "bomb.zip", _zipped(entries | {"frames.mp4": bytes(120 << 20)}), "120 MB of zeros"
    yield "manifest-bomb.zip", _zipped(entries | {MANIFEST: b" " * (120 << 20)}), "a manifest of 120 MB"
    yield "inner.zip", _zipped(entries | {"inner.zip": whole}), "a zip in a zip"
    yield "comment.zip", _zipped(entries, comment=b"evil" * 1000), "a comment"
    yield "cut.zip", whole[: len(whole) // 2], "cut off in the middle"
    for seed in range(4):
        rng, turned = random.Random(seed), bytearray(whole)
        for _ in range(40):
            turned[rng.randrange(len(turned))] ^= 1 << rng.randrange(8)
        yield f"flipped-{seed}.zip", bytes(turned), "40 bits turned over"
    yield "noise.zip", b"PK\x03\x04" + random.Random(7).randbytes(5000), "noise"
    yield "empty.zip", b"", "no byte"
    locked = bytearray(whole)
    place = locked.rindex(b"PK\x01\x02")
    locked[place + 8] |= 1
    yield "locked.zip", bytes(locked), "a file that says it is encrypted"
    yield "two\nlines<b>.zip", whole[:-1], "a name of two lines, with markup"


def _manifests(entries: Entries) -> Iterator[tuple[str, bytes, str]]:
    plain = json.loads(entries[MANIFEST])

    def said(**fields: object) -> bytes:
        return _zipped({**entries, MANIFEST: json.dumps(plain | fields).encode()})

    yield "json.zip", _zipped({**entries, MANIFEST: b"[" * 100_000}), "JSON a hundred thousand lists deep"
    yield (
        "number.zip",
        _zipped({**entries, MANIFEST: b'{"frames": ' + b"9" * 100_000 + b"}"}),
        "a number of a hundred thousand digits",
    )
    yield "nan.zip", said(frames=float("nan")), "frames that are no number"
    yield "frames.zip", said(frames=20_000), "20000 frames that are not there"
    yield "size.zip", said(width=2048, height=2048), "pictures of another size"
    yield "id.zip", said(id="../../evil"), "an id that is a path"
    yield "name.zip", said(name="\u202e<script>\x1b[2J" + "n" * 300), "a name of 300 letters and escapes"
    yield "rate.zip", said(rate="1/0"), "a rate of 1/0"
    yield "bytes.zip", _zipped({**entries, MANIFEST: b"\xff\xfe\x00"}), "a manifest that is no text"
    yield "more.zip", said(run="rm -rf /"), "a field that there is not"


def _with(entries: Entries, path: str, content: bytes) -> bytes:
    """A pack in which the file at ``path`` is ``content``, and the manifest says so."""
    manifest = json.loads(entries[MANIFEST])
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        digest = sha256_of(Path(file.name))
    roles = [manifest["files"], *(generator["files"] for generator in manifest["generators"])]
    for entry in (entry for files in roles for entry in files.values()):
        if entry["path"] == path:
            entry.update(sha256=digest, bytes=len(content))
    return _zipped({**entries, path: content, MANIFEST: json.dumps(manifest).encode()})


def _renamed(entries: Entries, path: str, content: bytes) -> bytes:
    """A pack whose weights are a file named ``path`` instead."""
    manifest = json.loads(entries[MANIFEST])
    manifest["generators"][0]["files"]["weights"]["path"] = path
    rest = {name: data for name, data in entries.items() if name != _WEIGHTS}
    return _with({**rest, path: b"", MANIFEST: json.dumps(manifest).encode()}, path, content)


def _contents(entries: Entries, address: str) -> Iterator[tuple[str, bytes, str]]:
    yield "pickle.zip", _with(entries, _WEIGHTS, pickle.dumps(_Evil())), "a pickle named safetensors"
    yield "header.zip", _with(entries, _WEIGHTS, struct.pack("<Q", 2**62) + b"{}"), "a header of 2⁶² bytes"
    head = json.dumps({"w": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
    yield "tensor.zip", _with(entries, _WEIGHTS, struct.pack("<Q", len(head)) + head), "a tensor of terabytes"
    nested = b'{"w":' * 50_000
    yield "nested.zip", _with(entries, _WEIGHTS, struct.pack("<Q", len(nested)) + nested), "a header 50000 objects deep"
    laughs = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    graphs = {
        "laughs": f'<?xml version="1.0"?><!DOCTYPE net [<!ENTITY e0 "lol">{laughs}]><net name="&e9;"/>',
        "entity": f'<?xml version="1.0"?><!DOCTYPE net [<!ENTITY e SYSTEM "{address}/i.xml">]><net name="n">&e;</net>',
        "file": '<?xml version="1.0"?><!DOCTYPE net [<!ENTITY e SYSTEM "file:///etc/passwd">]><net name="n">&e;</net>',
        "deep": "<net>" * 50_000,
        "library": '<net name="n" version="11"><layers><layer id="0" name="x" type="Evil" version="extension"/></layers></net>',
        "loop": '<net name="n" version="11"><layers><layer id="0" name="x" type="Loop" version="opset5"/></layers></net>',
    }
    for name, text in graphs.items():
        yield f"graph-{name}.zip", _renamed(entries, "weights/graph.xml", text.encode()), f"a graph with {name}"
    frames = changed(entries["frames.mp4"], counting(b"stsz", 50_000_000, 8))
    yield "table.zip", _with(entries, "frames.mp4", frames), "footage that claims fifty million frames"
    yield (
        "film.zip",
        _with(entries, "frames.mp4", b"#EXTM3U\n#EXTINF:1,\n" + address.encode() + b"/j.ts\n"),
        "footage that is a list of addresses",
    )
    yield "plate.zip", _with(entries, "plate.png", png(30000, 30000)), "a stage of 30000×30000"
    array = io.BytesIO()
    np.savez(array, poses=np.array([_Evil()], dtype=object))
    yield "poses.zip", _with(entries, "poses.npz", array.getvalue()), "poses that are a pickle"
    bomb = io.BytesIO()
    np.savez_compressed(bomb, poses=np.zeros((100 << 20,), np.uint8), segments=np.zeros(30, np.int32))
    yield "poses-bomb.zip", _with(entries, "poses.npz", bomb.getvalue()), "poses of 100 MB"
