from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from core import paths
from core.errors import GeneratorNotFound, PackInvalid, TargetNotFound, WeightsMissing
from core.targets.manifest import MANIFEST
from core.targets.store import (
    delete_target,
    find_guests_in,
    find_place,
    find_target,
    list_targets,
    load_target,
    new_folder,
    place_in,
)
from core.targets.studio_backdrop import studio
from tests.targets.material import make_performer, number_of, some_poses


@pytest.fixture(autouse=True)
def no_bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "BUNDLED_PERFORMERS", tmp_path / "bundled")
    monkeypatch.setattr(paths, "WEIGHTS", tmp_path / "bundled-weights")


@pytest.fixture
def folder() -> Path:
    return make_performer(paths.user_performers())


def test_a_performer_opens(folder: Path) -> None:
    with load_target("tiny") as target:
        assert (target.id, target.name, target.size, target.licence) == ("tiny", "Tiny", (96, 64), "CC0")
        assert target.rate == 25
        np.testing.assert_allclose(target.poses, some_poses(30), atol=1 / 128)
        assert target.found.sum() == 29
        assert not target.found[3]
        assert target.pose(3) is None
        pose = target.pose(4)
        assert pose is not None
        np.testing.assert_array_equal(pose.landmarks, target.poses[4])
        assert (target.plate == 77).all()
        assert target.portrait == folder / "portrait.webp"
        cut = target.cutout(21)
        assert number_of(cut.image) == number_of(cut.alpha) == 21


def named(folder: Path, *, without: str) -> None:
    """Take a file out of a performer's manifest, as earlier versions could leave it out."""
    manifest = json.loads((folder / MANIFEST).read_text())
    del manifest["files"][without]
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_an_earlier_version_made_performers_without_a_stage(folder: Path) -> None:
    """They stand in a studio, and nothing of the room they were filmed in is left around them."""
    with load_target("tiny") as target:
        before, mask, light = target.frames[21], target.masks[21], target.plate
    named(folder, without="plate")
    with load_target("tiny") as target:
        stage = target.plate
        assert stage.shape == light.shape
        assert not stage.flags.writeable
        np.testing.assert_array_equal(stage, studio(target.size))
        shown = target.cutout(21)
        np.testing.assert_array_equal(shown.alpha, mask)
        np.testing.assert_array_equal(shown.image[mask == 0], stage[mask == 0])
        np.testing.assert_array_equal(shown.image[mask == 255], before[mask == 255])
        assert [frame.shape for frame in target.frames] == [stage.shape] * 30
        assert target.held_bytes > stage.nbytes


def test_an_earlier_version_made_performers_without_masks(folder: Path) -> None:
    named(folder, without="masks")
    with pytest.raises(
        PackInvalid,
        match=r"^tiny was made by an earlier version, without masks of the person: build it again from its footage\.$",
    ):
        load_target("tiny")


def test_the_list_says_what_the_command_line_prints(folder: Path) -> None:
    (summary,) = list_targets()
    assert summary.as_json() == {
        "id": "tiny",
        "name": "Tiny",
        "generators": ["nearest", "nearest-frame", "small-net"],
        "size": [96, 64],
        "fps": 25.0,
        "frames": 30,
        "licence": "CC0",
    }


def test_bundled_ones_keep_their_weights_apart_and_come_first(folder: Path) -> None:
    bundled = make_performer(paths.BUNDLED_PERFORMERS, "zoe", name="Zoe")
    weights = paths.WEIGHTS / "zoe"
    weights.parent.mkdir()
    (bundled / "weights").rename(weights)
    assert [(s.id, s.own) for s in list_targets()] == [("zoe", False), ("tiny", True)]
    assert load_target("zoe").weight_file("small-net", "weights") == weights / "small.safetensors"
    with pytest.raises(TargetNotFound, match="none of your own"):
        delete_target("zoe")


def test_further_folders_can_be_looked_at(tmp_path: Path) -> None:
    make_performer(tmp_path / "session", "guest")
    assert list_targets() == []
    assert [s.id for s in list_targets(tmp_path / "session")] == ["guest"]
    assert load_target("guest", tmp_path / "session").id == "guest"


def test_a_damaged_one_is_left_out_of_the_list(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    other = make_performer(paths.user_performers(), "broken", frames=4)
    (other / "manifest.json").write_text("{}")
    with caplog.at_level(logging.WARNING):
        assert [s.id for s in list_targets()] == ["tiny"]
    assert "broken" in caplog.text


def test_a_folder_under_another_name_is_left_out(folder: Path) -> None:
    folder.rename(folder.with_name("renamed"))
    assert list_targets() == []


@pytest.mark.parametrize("asked", ["nobody", "../tiny", "", "TINY", "/etc"])
def test_an_unknown_one_names_those_there_are(folder: Path, asked: str) -> None:
    with pytest.raises(TargetNotFound, match="tiny"):
        load_target(asked)


@pytest.mark.parametrize("name", ["frames.mp4", "poses.npz", "masks.mp4", "plate.png"])
def test_a_changed_file_is_noticed_even_when_its_size_is_kept(folder: Path, name: str) -> None:
    load_target("tiny").close()
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(PackInvalid, match="damaged"):
        load_target("tiny")


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "masks.mp4").unlink()
    with pytest.raises(PackInvalid, match=r"masks\.mp4"):
        load_target("tiny")


def test_weights_are_checked_when_asked_for(folder: Path) -> None:
    weights = folder / "weights" / "small.safetensors"
    with load_target("tiny") as target:
        assert target.weight_file("small-net", "weights") == weights
        with pytest.raises(GeneratorNotFound, match="small-net"):
            target.weight_file("wgan", "weights")
        weights.write_bytes(weights.read_bytes()[:-1] + b"x")
        with pytest.raises(PackInvalid, match="damaged"):
            target.weight_file("small-net", "weights")
        weights.unlink()
        with pytest.raises(WeightsMissing, match="small"):
            target.weight_file("small-net", "weights")


def test_one_of_the_users_own_can_be_deleted(folder: Path) -> None:
    delete_target("tiny")
    assert not folder.exists()
    with pytest.raises(TargetNotFound):
        delete_target("tiny")


def test_guests_are_found_by_their_id_and_in_no_list(folder: Path, tmp_path: Path) -> None:
    make_performer(tmp_path / "guests", "guest-0", name="Anna")
    assert find_place("guest-0") is None
    find_guests_in(tmp_path / "guests")
    try:
        assert [summary.id for summary in list_targets()] == ["tiny"]
        found = find_target("guest-0")
        assert found is not None
        assert (found.name, found.own) == ("Anna", True)
        with load_target("guest-0") as target:
            assert target.name == "Anna"
        with pytest.raises(TargetNotFound) as refused:
            load_target("nobody")
        assert "guest-0" not in str(refused.value)
        (tmp_path / "guests" / "guest-0" / "manifest.json").write_text("{}")
        assert find_target("guest-0") is None
    finally:
        find_guests_in(None)
    assert find_target("guest-0") is None


def test_footage_that_was_closed_says_so(folder: Path) -> None:
    target = load_target("tiny")
    assert number_of(target.frames[5]) == 5
    target.close()
    with pytest.raises(TargetNotFound, match="no longer here"):
        target.cutout(5)


def test_who_was_made_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    place = place_in(tmp_path / "performers", "anna")

    def two_at_once() -> None:
        with new_folder(place, replace=False) as folder:
            (folder / "manifest.json").write_text("later")
            place.folder.mkdir()
            (place.folder / "manifest.json").write_text("earlier")

    with pytest.raises(PackInvalid, match="already"):
        two_at_once()
    assert (place.folder / "manifest.json").read_text() == "earlier"
    assert [child.name for child in place.folder.parent.iterdir()] == ["anna"]
