from __future__ import annotations

import json
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from core import paths
from core.errors import OutputFailed, PackInvalid, TargetNotFound
from core.targets.archive import export_pack, import_pack
from core.targets.store import delete_target, list_targets, load_target
from tests.targets.material import make_performer, number_of, write_manifest

Entries = dict[str, bytes]


@pytest.fixture(autouse=True)
def no_bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "BUNDLED_PERFORMERS", tmp_path / "bundled")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip of a performer."""
    root = tmp_path_factory.mktemp("whole")
    make_performer(root)
    export_pack("tiny", root / "tiny.zip", root)
    return root / "tiny.zip"


def entries_of(path: Path) -> Entries:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(path: Path, entries: Entries) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def assert_refused(path: Path, match: str) -> None:
    with pytest.raises(PackInvalid, match=match):
        import_pack(path)
    root = paths.user_performers()
    assert not root.exists() or not list(root.iterdir()), "something was left behind"
    assert not [p for p in path.parent.parent.rglob("*evil*") if p != path], "something was written elsewhere"


def test_round_trip(whole: Path, tmp_path: Path) -> None:
    assert import_pack(whole) == "tiny"
    with load_target("tiny") as target:
        assert number_of(target.frames[17]) == 17
        assert target.weight_file("small-net", "weights").is_file()
    export_pack("tiny", tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == whole.read_bytes()


def test_the_footage_is_not_packed_twice(whole: Path) -> None:
    with zipfile.ZipFile(whole) as archive:
        kinds = {info.filename: info.compress_type for info in archive.infolist()}
    assert kinds["frames.mp4"] == kinds["portrait.webp"] == zipfile.ZIP_STORED
    assert list(kinds) == ["manifest.json", *sorted(set(kinds) - {"manifest.json"})]


def test_an_id_that_is_taken(whole: Path) -> None:
    import_pack(whole)
    with pytest.raises(PackInvalid, match="already"):
        import_pack(whole)
    assert import_pack(whole, replace=True) == "tiny"
    assert [p.name for p in paths.user_performers().iterdir()] == ["tiny"]
    delete_target("tiny")
    make_performer(paths.BUNDLED_PERFORMERS)
    with pytest.raises(PackInvalid, match="bundled"):
        import_pack(whole, replace=True)


def test_under_another_id(whole: Path, tmp_path: Path) -> None:
    assert import_pack(whole, into=tmp_path / "guests", target_id="guest-0") == "guest-0"
    with load_target("guest-0", tmp_path / "guests") as target:
        assert (target.id, target.manifest.id, target.name) == ("guest-0", "guest-0", "Tiny")
        assert number_of(target.frames[17]) == 17
        assert target.weight_file("small-net", "weights").is_file()
    with pytest.raises(ValueError, match="an id is"):
        import_pack(whole, into=tmp_path / "guests", target_id="../evil")
    assert [p.name for p in (tmp_path / "guests").iterdir()] == ["guest-0"]


def test_no_more_than_there_is_room_for(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(PackInvalid, match="would unpack to more than 0 MB"):
        import_pack(whole, into=tmp_path / "guests", most_bytes=1000)
    assert not list((tmp_path / "guests").glob("*"))


def test_a_failed_replacement_leaves_the_old_one(whole: Path, tmp_path: Path) -> None:
    import_pack(whole)
    entries = entries_of(whole)
    entries["frames.mp4"] = entries["frames.mp4"][:-1] + b"!"
    with pytest.raises(PackInvalid):
        import_pack(zipped(tmp_path / "bad.zip", entries), replace=True)
    assert number_of(load_target("tiny").frames[5]) == 5
    assert [p.name for p in paths.user_performers().iterdir()] == ["tiny"]


@pytest.mark.parametrize(
    "name",
    ["../evil.txt", "/tmp/evil.txt", "weights/../../evil.txt", "C:\\evil.txt", "evil.txt", "evil/", "inner-evil.zip"],
)
def test_nothing_but_what_the_manifest_names(whole: Path, tmp_path: Path, name: str) -> None:
    assert_refused(zipped(tmp_path / "bad.zip", entries_of(whole) | {name: b""}), "bad.zip")


@pytest.mark.parametrize("name", ["../evil.npz", "/tmp/evil.npz", "..\\evil.npz"])
def test_a_manifest_that_names_other_places(whole: Path, tmp_path: Path, name: str) -> None:
    entries = entries_of(whole)
    manifest = json.loads(entries["manifest.json"])
    manifest["files"]["poses"]["path"] = name
    entries[name] = entries.pop("poses.npz")
    entries["manifest.json"] = json.dumps(manifest).encode()
    assert_refused(zipped(tmp_path / "bad.zip", entries), "manifest")


@pytest.mark.parametrize("name", ["frames.mp4", "poses.npz", "weights/small.safetensors"])
@pytest.mark.parametrize("change", [lambda d: d[:-1] + b"!", lambda d: d[:-1], lambda d: d + b"!"])
def test_a_changed_file(whole: Path, tmp_path: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    entries = entries_of(whole)
    entries[name] = change(entries[name])
    assert_refused(zipped(tmp_path / "bad.zip", entries), "damaged")


@pytest.mark.parametrize("name", ["manifest.json", "frames.mp4"])
def test_a_missing_file(whole: Path, tmp_path: Path, name: str) -> None:
    entries = entries_of(whole)
    del entries[name]
    assert_refused(zipped(tmp_path / "bad.zip", entries), r"manifest")


def test_a_symlink(whole: Path, tmp_path: Path) -> None:
    entries = entries_of(whole)
    del entries["plate.png"]
    bad = zipped(tmp_path / "bad.zip", entries)
    link = zipfile.ZipInfo("plate.png")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(bad, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert_refused(bad, "no plain file")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_given_twice(whole: Path, tmp_path: Path) -> None:
    bad = zipped(tmp_path / "bad.zip", entries_of(whole))
    with zipfile.ZipFile(bad, "a") as archive:
        archive.writestr("plate.png", b"other")
    assert_refused(bad, "twice")


def test_a_bomb_is_not_unpacked(whole: Path, tmp_path: Path) -> None:
    entries = entries_of(whole) | {"plate.png": bytes(50_000_000)}
    assert_refused(zipped(tmp_path / "bad.zip", entries), "suspiciously")


def test_a_size_that_lies(whole: Path, tmp_path: Path) -> None:
    """The directory says a few bytes, the compressed stream holds megabytes."""
    bad = zipped(tmp_path / "bad.zip", entries_of(whole) | {"plate.png": bytes(5_000_000)})
    content = bytearray(bad.read_bytes())
    true_size, lie = struct.pack("<L", 5_000_000), struct.pack("<L", 3_000)
    content = bytearray(bytes(content).replace(true_size, lie))
    bad.write_bytes(content)
    assert_refused(bad, "damaged")


def test_too_many_entries(whole: Path, tmp_path: Path) -> None:
    entries = entries_of(whole) | {f"{i}.txt": b"" for i in range(100)}
    assert_refused(zipped(tmp_path / "bad.zip", entries), "more than 64 files")


def test_a_directory_of_many_entries_is_refused_before_it_is_read(tmp_path: Path) -> None:
    bad = tmp_path / "bad.zip"
    bad.write_bytes(bytes(1000) + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 60_000, 60_000, 2**31, 0, 0))
    assert_refused(bad, "more than 64 files")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" + bytes(100)])
def test_no_zip_at_all(tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "bad.zip"
    bad.write_bytes(content)
    assert_refused(bad, "no zip")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are a Unix thing")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    for path in (tmp_path / "pipe.zip", tmp_path, tmp_path / "nothing.zip", tmp_path / ("z" * 300)):
        with pytest.raises(PackInvalid):
            import_pack(path)


def test_a_truncated_zip(whole: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.zip"
    bad.write_bytes(whole.read_bytes()[:-200])
    assert_refused(bad, "no zip")


def _pickled_poses(folder: Path) -> None:
    np.savez(folder / "poses.npz", landmarks=np.array([{"evil": 1}] * 30, object), runs=np.zeros(30, np.int32))


def _poses_of_another_count(folder: Path) -> None:
    np.savez(folder / "poses.npz", landmarks=np.zeros((29, 33, 4), np.float32), runs=np.zeros(29, np.int32))


def _plate_of_another_size(folder: Path) -> None:
    cv2.imwrite(str(folder / "plate.png"), np.zeros((640, 960, 3), np.uint8))


def _plate_that_is_text(folder: Path) -> None:
    (folder / "plate.png").write_text("hello")


def _plate_whose_pixels_are_damaged(folder: Path) -> None:
    """Every checksum is right; what is compressed is too short for the picture."""
    whole = (folder / "plate.png").read_bytes()
    start = whole.index(b"IDAT") - 4
    data = zlib.compress(bytes(50))
    chunks = [(b"IDAT", data), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + name + d + struct.pack(">I", zlib.crc32(name + d)) for name, d in chunks]
    (folder / "plate.png").write_bytes(whole[:start] + b"".join(parts))


def _portrait_of_another_format(folder: Path) -> None:
    cv2.imwrite(str(folder / "portrait.bmp"), np.zeros((40, 30, 3), np.uint8))
    (folder / "portrait.bmp").replace(folder / "portrait.webp")


def _weights_that_are_a_pickle(folder: Path) -> None:
    (folder / "weights" / "small.safetensors").write_bytes(b"\x80\x04\x95" + bytes(40))


def _weights_outside_the_file(folder: Path) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [9999], "data_offsets": [0, 39996]}}).encode()
    (folder / "weights" / "small.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)


def _frames_that_are_text(folder: Path) -> None:
    (folder / "frames.mp4").write_text("#EXTM3U\nfile:///etc/passwd\n")


def _masks_of_another_count(folder: Path) -> None:
    (folder / "masks.mp4").write_bytes((folder.parent / "short" / "masks.mp4").read_bytes())


@pytest.mark.parametrize(
    "spoil",
    [
        _pickled_poses,
        _poses_of_another_count,
        _plate_of_another_size,
        _plate_that_is_text,
        _plate_whose_pixels_are_damaged,
        _portrait_of_another_format,
        _weights_that_are_a_pickle,
        _weights_outside_the_file,
        _frames_that_are_text,
        _masks_of_another_count,
    ],
)
def test_contents_are_held_against_the_manifest_even_when_the_hashes_are_right(
    tmp_path: Path, spoil: Callable[[Path], Any]
) -> None:
    folder = make_performer(tmp_path / "made")
    make_performer(tmp_path / "made", "short", frames=5)
    spoil(folder)
    write_manifest(folder, "tiny", 30)
    entries = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert_refused(zipped(tmp_path / "bad.zip", entries), ".")


def test_export_of_what_is_not_there_or_damaged(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(TargetNotFound):
        export_pack("nobody", tmp_path / "out.zip")
    import_pack(whole)
    weights = paths.user_performers() / "tiny" / "weights" / "small.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with pytest.raises(PackInvalid, match="damaged"):
        export_pack("tiny", tmp_path / "out.zip")
    assert not list(tmp_path.glob("*.zip*"))


def test_export_to_where_nothing_can_be_written(whole: Path, tmp_path: Path) -> None:
    import_pack(whole)
    with pytest.raises(OutputFailed):
        export_pack("tiny", tmp_path / "nowhere" / "out.zip")


def test_import_to_where_nothing_can_be_written(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputFailed):
        import_pack(whole, into=tmp_path / "file")


def test_an_imported_one_is_listed(whole: Path) -> None:
    import_pack(whole)
    assert [s.id for s in list_targets()] == ["tiny"]
