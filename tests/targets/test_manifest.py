from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from core.errors import PackInvalid
from core.targets.manifest import MAX_MANIFEST_BYTES, locate, parse_manifest, read_manifest
from tests.targets.material import make_performer


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return (make_performer(tmp_path_factory.mktemp("manifest"), frames=4) / "manifest.json").read_bytes()


def changed(text: bytes, **changes: Any) -> bytes:
    return json.dumps(json.loads(text) | changes).encode()


def test_it_survives_a_round_trip(text: bytes) -> None:
    manifest = parse_manifest(text, "here")
    assert manifest.rate == Fraction(25)
    assert json.loads(text)["rate"] == "25/1"
    assert manifest.to_json() == text
    assert manifest.generator_names() == ["nearest", "nearest-frame", "small-net"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schema_version", 2),
        ("id", "Not A Slug"),
        ("id", "../up"),
        ("id", "a" * 41),
        ("rate", "25"),
        ("rate", "25/0"),
        ("rate", 25),
        ("rate", "1000/1"),
        ("frames", 0),
        ("frames", 10**9),
        ("width", 97),
        ("width", 10**6),
        ("surprise", 1),
        ("consent", "yes"),
        ("files", {}),
    ],
)
def test_what_a_manifest_cannot_say(text: bytes, field: str, value: Any) -> None:
    with pytest.raises(PackInvalid, match="manifest of here"):
        parse_manifest(changed(text, **{field: value}), "here")


@pytest.mark.parametrize("consent", [True, False])
def test_whether_the_person_agreed_is_kept(text: bytes, consent: bool) -> None:
    asked = parse_manifest(changed(text, consent=consent), "here")
    assert asked.consent is consent
    assert parse_manifest(asked.to_json(), "here") == asked


def test_where_nobody_was_asked_the_manifest_says_nothing(text: bytes) -> None:
    assert "consent" not in json.loads(text), "so that versions that do not know of it can read it"
    assert parse_manifest(text, "here").consent is None
    assert parse_manifest(changed(text, consent=None), "here").consent is None


@pytest.mark.parametrize(
    "path",
    [
     "../frames.mp4", "/etc/frames.mp4", "C:\\frames.mp4", "a\\b.mp4", "weights/../frames.mp4", "x/frames.mp4", ".mp4",
     "manifest.json",
     "weights/frames.mp4", "frames.exe", "poses.npz"],
)  # fmt: skip
def test_no_path_leaves_the_folder(text: bytes, path: str) -> None:
    files = json.loads(text)["files"]
    files["frames"]["path"] = path
    with pytest.raises(PackInvalid):
        parse_manifest(changed(text, files=files), "here")


def test_weights_are_weights(text: bytes) -> None:
    generators = json.loads(text)["generators"]
    generators[0]["files"]["weights"]["path"] = "weights/model.pt"
    with pytest.raises(PackInvalid, match="no weight file"):
        parse_manifest(changed(text, generators=generators), "here")


def test_not_json_and_too_large(text: bytes, tmp_path: Path) -> None:
    with pytest.raises(PackInvalid):
        parse_manifest(b"{", "here")
    with pytest.raises(PackInvalid, match="larger than"):
        parse_manifest(text + b" " * MAX_MANIFEST_BYTES, "here")
    with pytest.raises(PackInvalid, match="no performer"):
        read_manifest(tmp_path)


def test_weights_lie_in_their_own_folder(text: bytes) -> None:
    manifest = parse_manifest(text, "here")
    places = {locate(Path("f"), Path("w"), entry).as_posix() for entry in manifest.all_files()}
    assert places == {
        "f/frames.mp4",
        "f/masks.mp4",
        "f/plate.png",
        "f/portrait.webp",
        "f/poses.npz",
        "w/small.safetensors",
    }
