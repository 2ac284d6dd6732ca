"""Performers of photos. The photos are frames of bundled performers, and pictures made here."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from core import paths
from core.bundled import dances
from core.errors import NobodyFound, OverLimit, UnusableInput
from core.generators.part_retrieval import in_mirror, pick
from core.generators.registry import create_generator
from core.pose.blazepose import BlazePose, Region
from core.pose.estimator import PoseEstimator
from core.rendering.canvas import Canvas
from core.rendering.image_files import kind_of, read_picture
from core.services.footage_preview import danced
from core.services.photo_performer import build_from_photos, passing_performer
from core.targets.build import build_target
from core.targets.photo import AnalyzedPhoto, PhotoFootage, are_photos, check_photos, look_at, photo_stage
from core.targets.store import load_target
from core.transfer import TransferOptions, transfer
from core.types import Frame, Pose
from core.video.reader import VideoReader
from core.warping.part_warp import LEFT_ARM, RIGHT_ARM
from tests.figures import FLOOR, robot
from tests.puppets import taken

pytestmark = pytest.mark.usefixtures("own_folders")


def frame_of(performer: str, number: int = 0) -> Frame:
    with VideoReader(paths.BUNDLED_PERFORMERS / performer / "frames.mp4") as reader:
        return next(itertools.islice(reader, number, None)).image


def photo_of(performer: str, path: Path, number: int = 40) -> Path:
    """A photo of a bundled performer, as a phone would make it: larger than needed."""
    image = cv2.resize(frame_of(performer, number), (1500, 1500), interpolation=cv2.INTER_CUBIC)
    Image.fromarray(image).save(path, quality=92)
    return path


def test_a_photo_makes_a_performer_whom_both_generators_draw(tmp_path: Path) -> None:
    photo = photo_of("theo", tmp_path / "theo.jpg")
    with build_from_photos(look_at([photo]), id="me", name="Me", consent=True) as me:
        assert me.manifest.frames == 1
        assert me.manifest.consent
        assert me.manifest.stage == "footage"
        assert "realtime" in me.manifest.advised_names()
        realtime = create_generator("realtime", me)
        canvas: Canvas = realtime.config.canvas  # type: ignore[attr-defined]
        assert canvas.width * canvas.scale > 2.5 * realtime.config.unit, "raised arms have room"  # type: ignore[attr-defined]
        asked = me.pose(0)
        assert asked is not None
        for name in ("realtime", "nearest"):
            generator = create_generator(name, me)
            (choice,) = generator.choose_all([asked], [me.rate * 0])
            drawn = generator.generate(asked, choice)
            person = me.masks[0] > 200
            assert np.abs(drawn.image[person].astype(int) - me.frames[0][person]).mean() < 20, name
        film = danced(me)
    assert len(film) > 8
    assert film[0].shape[1] == 3 * film[0].shape[0], "three squares"
    with load_target("me") as again:
        assert again.manifest.frames == 1


def test_a_photo_needs_no_torch(tmp_path: Path) -> None:
    photo = photo_of("theo", tmp_path / "theo.jpg")
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path\n"
        "from core.generators.registry import create_generator\n"
        "from core.services.photo_performer import passing_performer\n"
        "from core.targets.photo import look_at\n"
        f"with passing_performer(look_at([Path({str(photo)!r})])) as me:\n"
        "    generator, asked = create_generator('realtime', me), me.pose(0)\n"
        "    print(generator.generate(asked, generator.choose_all([asked], [0])[0]).alpha.mean() > 10)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=paths.PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_several_photos_are_one_performer_of_one_size(tmp_path: Path) -> None:
    front = photo_of("theo", tmp_path / "front.jpg")
    other = frame_of("theo", 200)
    wide = np.full((512, 900, 3), 180, np.uint8)
    wide[:, 300:812] = other
    Image.fromarray(cv2.resize(wide, None, fx=0.7, fy=0.7)).save(tmp_path / "other.png")
    with build_from_photos(look_at([front, tmp_path / "other.png"]), id="me", name="Me") as me:
        assert me.manifest.frames == 2
        assert me.found.all()
        torsos = [np.linalg.norm(pose[[11, 12], :2].mean(0) - pose[[23, 24], :2].mean(0)) for pose in me.poses]
        assert torsos[1] == pytest.approx(torsos[0], rel=0.15), "brought to one size"
        # both stand before the stage of the first one
        corner = np.abs(me.frames[0][:40, :40].astype(int) - me.frames[1][:40, :40])
        assert corner.mean() < 6


def test_people_are_looked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To say what comes of a photo and to build of it takes one look."""
    looks: list[Frame] = []
    detect = BlazePose.detect

    def counted(self: BlazePose, image: Frame, most: int, **options: Any) -> Sequence[Region]:
        looks.append(image)
        return detect(self, image, most, **options)

    monkeypatch.setattr(BlazePose, "detect", counted)
    seen = look_at([photo_of("theo", tmp_path / "theo.jpg")])
    assert check_photos(seen).verdict.usable
    build_target(PhotoFootage(seen), id="me", name="Me").close()
    assert len(looks) == 1


def test_a_passing_performer_leaves_nothing(tmp_path: Path) -> None:
    with passing_performer(look_at([photo_of("theo", tmp_path / "theo.jpg")])) as passing:
        folder = passing.folder
        assert folder.is_dir()
        generator = create_generator("realtime", passing)
        options = TransferOptions(start=6, end=6.4)
        report, _ = transfer(dances.find("lina-disco") or tmp_path, passing, generator, tmp_path / "out.mp4", options)
        assert report.beyond > 0.3
        assert report.warnings == [], "that a photo shows one side goes without saying"
    assert not folder.parent.exists()
    assert not paths.user_performers().exists() or not list(paths.user_performers().iterdir())


def test_a_studio_and_another_place(tmp_path: Path) -> None:
    photo = photo_of("theo", tmp_path / "theo.jpg")
    with build_target(photo, id="studio", name="Studio", stage="studio") as standing:
        assert standing.manifest.stage == "studio"
    Image.new("RGB", (600, 600), (10, 120, 40)).save(tmp_path / "lawn.png")
    with build_target(photo, id="lawn", name="Lawn", stage=tmp_path / "lawn.png") as standing:
        assert standing.manifest.stage == "picture"
        assert (standing.plate == (10, 120, 40)).all()


def test_the_person_and_their_shadow_are_gone_from_the_stage() -> None:
    image = frame_of("theo", 40)
    with PoseEstimator(masks=True) as estimator:
        found = estimator.detect(image, 0)
    assert found is not None
    assert found.mask is not None
    stage = photo_stage(image, (found.mask * 255).astype(np.uint8), 1)
    assert stage is not None
    with load_target("theo") as theo:
        truth = theo.plate
    off = np.abs(stage.picture.astype(int) - truth).max(axis=2)
    assert off.mean() < 8
    assert (off > 60).mean() < 0.02, "no outline of somebody"


def verdict(image: Frame, path: Path) -> tuple[str, str]:
    Image.fromarray(image).save(path, quality=92)
    found = check_photos(look_at([path])).verdict
    return found.level if found.usable else "unusable", " ".join((*found.problems, *found.limits, *found.advice))


def test_the_verdict_says_what_to_do_better(tmp_path: Path) -> None:
    whole = frame_of("theo", 40)
    level, told = verdict(whole, tmp_path / "whole.jpg")
    assert level in {"green", "amber"}
    assert "both sides" in told
    with load_target("theo") as theo:
        pose = theo.poses[40]
    waist = whole[: int(pose[23, 1]) + 20]
    assert "head to the waist" in verdict(waist, tmp_path / "waist.jpg")[1]
    knees = whole[: int(pose[[25, 26], 1].max()) + 25]
    assert "head to the knees" in verdict(knees, tmp_path / "knees.jpg")[1]
    for name, spoilt, word in (
        ("dark", (whole * 0.12).astype(np.uint8), "too dark"),
        ("blurred", cv2.GaussianBlur(whole, (0, 0), 4), "blurred"),
        ("small", cv2.copyMakeBorder(cv2.resize(whole, (220, 220)), 200, 200, 200, 200, cv2.BORDER_REPLICATE), "small"),
        ("two", np.hstack([whole[:, 100:400], whole[:, 100:400]]), "2 people"),
    ):
        level, told = verdict(np.asarray(spoilt, np.uint8), tmp_path / f"{name}.jpg")
        assert (level, word in told) == ("red", True), (name, level, told)
    level, told = verdict(np.full((300, 300, 3), 128, np.uint8), tmp_path / "wall.jpg")
    assert level == "unusable"
    assert "Nobody was found in wall.jpg" in told


def test_a_photo_is_turned_as_it_asks_and_shrunk_while_decoded(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4000, 3000), (200, 20, 20)).save(tmp_path / "phone.jpg", exif=exif)
    assert read_picture(tmp_path / "phone.jpg", within=1000).shape == (1000, 750, 3)
    Image.new("L", (9000, 6000)).save(tmp_path / "vast.png")
    with pytest.raises(UnusableInput, match="at most 50 megapixels"):
        read_picture(tmp_path / "vast.png", within=1000)


def test_what_cannot_be_used_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    photo = photo_of("theo", tmp_path / "theo.jpg")
    heic = tmp_path / "phone.heic"
    heic.write_bytes(b"\0\0\0\x18ftypheic" + bytes(200))
    assert kind_of(heic) == "HEIC"
    avif = tmp_path / "phone.avif"
    avif.write_bytes(b"\0\0\0\x20ftypavif" + bytes(200))
    damaged = tmp_path / "damaged.jpg"
    damaged.write_bytes(photo.read_bytes()[:9000])
    wall = tmp_path / "wall.png"
    Image.new("RGB", (300, 300), (120, 120, 120)).save(wall)
    for given, kind, words in (
        ([heic], UnusableInput, "save it as a JPEG"),
        ([avif], UnusableInput, "save it as a JPEG"),
        ([damaged], UnusableInput, "damaged.jpg"),
        ([photo, wall], NobodyFound, "wall.png"),
        ([photo] * 9, OverLimit, "9 photos"),
    ):
        with pytest.raises(kind, match=words):
            build_from_photos(look_at(given), id="me", name="Me")
    assert not paths.user_performers().exists() or not list(paths.user_performers().iterdir())


def test_photos_and_videos_do_not_mix(tmp_path: Path) -> None:
    photo = photo_of("theo", tmp_path / "theo.jpg")
    video = paths.BUNDLED_PERFORMERS / "theo" / "frames.mp4"
    assert are_photos([photo])
    assert not are_photos([video])
    with pytest.raises(UnusableInput, match="not both together"):
        are_photos([photo, video])


def test_a_figure_with_joints_set_by_hand_is_cut_out_and_dances(tmp_path: Path) -> None:
    image, joints = robot()
    Image.fromarray(image).save(tmp_path / "robot.png")
    (seen,) = look_at([tmp_path / "robot.png"])
    assert seen.person is None, "a network that finds a pose in it makes this test worth nothing"
    placed = seen.placed(joints)
    assert check_photos([placed]).verdict.usable
    with passing_performer([placed]) as me:
        mask = me.masks[0]
        coloured = np.abs(image.astype(int) - image[0, 0]).max(axis=2) > 60
        own = coloured & (np.arange(len(image)) < FLOOR)[:, None]
        assert (mask[own] > 128).mean() > 0.95
        assert (mask[~coloured] > 128).mean() < 0.03
        assert np.abs(me.plate[: FLOOR - 20].astype(int) - image[0, 0]).max() < 40, "nobody is left on the stage"
        assert danced(me)


def test_limbs_that_a_photo_shows_badly_are_the_other_sides(tmp_path: Path) -> None:
    """Theo with his left arm out of sight: what is asked of it is taken from the right one, and of nothing else."""
    image = frame_of("theo", 40)
    with PoseEstimator(masks=True) as estimator:
        found = estimator.detect(image, 0)
    assert found is not None
    seen = AnalyzedPhoto("theo", image, (found,))
    hidden = found.pose.landmarks.copy()
    hidden[[13, 15, 17, 19, 21], 3] = 0
    behind = AnalyzedPhoto("theo", image, (replace(found, pose=Pose(hidden)),))
    with build_from_photos([seen], id="me", name="Me") as me, build_from_photos([behind], id="one", name="One") as one:
        memory, other = (create_generator("realtime", target).memory for target in (me, one))  # type: ignore[attr-defined]
        asked = me.pose(0)
        assert asked is not None
        assert memory.frames_at(pick(memory.recall.costs(asked.landmarks))) == taken(0)
        chosen = other.frames_at(pick(other.recall.costs(asked.landmarks)))
        assert chosen == taken(0, 0, 1, 0, 0, 0)
        turned = in_mirror(asked.landmarks, me.width)
        assert memory.frames_at(pick(memory.recall.costs(turned)))[:2] == taken(0)[:2], (
            "a face that looks the other way"
        )
        # what lies on the left in the mirror lay on the right
        pieces = memory._frame(1).pieces
        assert pieces[LEFT_ARM].image.shape == pytest.approx(memory._frame(0).pieces[RIGHT_ARM].image.shape, abs=4)
