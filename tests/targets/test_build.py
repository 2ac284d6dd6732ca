from __future__ import annotations

import itertools
import logging
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core import paths
from core.errors import Cancelled, NobodyFound, OverLimit, PackInvalid, UnusableInput
from core.targets import build
from core.targets.archive import export_pack, import_pack
from core.targets.build import build_target
from core.targets.footage import FolderFootage, PartsFootage, VideoFootage, open_footage
from core.targets.frame_store import FootageWriter
from core.targets.store import delete_target, load_target
from core.types import Frame
from core.video.reader import VideoReader
from tests.targets.material import number_of, numbered

FOLDER_SIZE = (128, 105)


@pytest.fixture(autouse=True)
def no_bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "BUNDLED_PERFORMERS", tmp_path / "bundled")


def standing() -> NDArray[np.float32]:
    """(33, 3) of somebody who faces the camera, in units of the picture."""
    landmarks = np.zeros((33, 3), np.float32)
    landmarks[:11, :2] = (0.5, 0.2)
    landmarks[[7, 8], 0] = (0.54, 0.46)
    for left, y in ((11, 0.3), (13, 0.42), (15, 0.52), (23, 0.55), (25, 0.72), (27, 0.9)):
        landmarks[left, :2] = (0.6, y)
        landmarks[left + 1, :2] = (0.4, y)
    landmarks[:, 2] = 0.25
    return landmarks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Laid out like the tai-chi footage: 5, 6, 7, then a gap, then 20, 21; nobody known in 21."""
    root = tmp_path / "pictures"
    (root / "frames").mkdir(parents=True)
    numbers = (5, 6, 7, 20, 21)
    for number in numbers:
        cv2.imwrite(
            str(root / "frames" / f"{number:04d}.webp"),
            numbered(number, FOLDER_SIZE)[..., ::-1],
            [cv2.IMWRITE_WEBP_QUALITY, 101],
        )
    known = np.array(numbers[:-1], np.int32)
    np.savez(root / "landmarks.npz", index=known, landmarks=np.stack([standing()] * len(known)))
    return root


def video(path: Path, pictures: list[Frame], rate: int = 25) -> Path:
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "12", "preset": "ultrafast"})
        stream.height, stream.width = pictures[0].shape[:2]
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def dancer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 frames of a person: a bundled performer, or the research data before there is one."""
    source = paths.ASSETS / "performers" / "mira" / "frames.mp4"
    if not source.is_file():
        source = request.getfixturevalue("shared_data") / "videos" / "taichi2.mp4"
    with VideoReader(source, max_side=400) as reader:
        pictures = [frame.image for frame in itertools.islice(reader, 24)]
    return video(tmp_path_factory.mktemp("dancer") / "dancer.mp4", pictures, rate=30)


def nothing_left() -> bool:
    root = paths.user_performers()
    return not root.exists() or not list(root.iterdir())


def test_a_folder_of_pictures_becomes_a_performer(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        target = build_target(folder, id="tai-chi", name="Tai Chi", licence="CC0", source_note="made in a test")
    assert "few moves" in caplog.text
    with target:
        assert target.size == (128, 104), "the odd row is cut, nothing is resampled"
        assert target.rate == Fraction(5, 2)
        assert target.manifest.stage == "studio", "pictures of numbers show no one place"
        assert (target.runs + range(5)).tolist() == [5, 6, 7, 20, 21], "each its own number, stretches apart"
        assert target.found.tolist() == [True, True, True, True, False]
        expected = standing() * np.array([128, 105, 128], np.float32)
        np.testing.assert_allclose(target.poses[3, :, :3], expected, atol=1 / 128)
        assert (target.poses[3, :, 3] == 1).all(), "no visibility counts as 1"
        alpha = target.cutout(0).alpha
        assert alpha is not None
        assert alpha[45:55, 60:68].min() > 200, "the trunk of somebody whom no segmentation found"
        last = target.cutout(4).alpha
        assert last is not None
        assert last.max() == 0
        assert target.portrait is not None
        assert target.manifest.source == "made in a test"
    export_pack("tai-chi", folder / "pack.zip")
    delete_target("tai-chi")
    assert import_pack(folder / "pack.zip") == "tai-chi"


def test_a_video_of_a_person_becomes_a_performer(dancer: Path, tmp_path: Path) -> None:
    shares: list[float] = []
    with build_target(
        dancer, id="real", name="Real", size=256, into=tmp_path / "made", progress=shares.append
    ) as target:
        assert max(target.size) == 256
        assert target.rate == 30
        assert len(target.frames) == 24
        assert target.found.all()
        assert target.folder == tmp_path / "made" / "real"
        cut = target.cutout(12)
        assert cut.alpha is not None
        hips = target.poses[12, [23, 24], :2].mean(axis=0).astype(int)
        assert cut.alpha[hips[1], hips[0]] > 200
        assert 0.01 < (cut.alpha > 127).mean() < 0.5
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert sorted(p.name for p in (tmp_path / "made").iterdir()) == ["real"]
    assert not (target.folder / "rough.mp4").exists()


def exact_masks(path: Path, size: tuple[int, int]) -> Path:
    """A video of masks: one rectangle in the middle."""
    width, height = size
    exact = np.zeros((height, width, 3), np.uint8)
    exact[height // 4 : height // 2, width // 4 : width // 2] = 255
    return video(path, [exact] * 24, rate=30)


def test_given_masks_stage_and_portrait_are_kept(dancer: Path, tmp_path: Path) -> None:
    """A rendered performer before their own empty stage: not a pixel is touched."""
    with VideoReader(dancer) as reader:
        size = reader.size
        first = next(iter(reader)).image
    with load_target("mira", paths.ASSETS / "performers") as mira:
        plate = mira.plate
    assert plate is not None
    cv2.imwrite(str(tmp_path / "plate.png"), plate[..., ::-1])
    with build_target(
        dancer,
        id="real",
        name="Real",
        size=256,
        masks=exact_masks(tmp_path / "masks.mp4", size),
        stage=tmp_path / "plate.png",
        portrait=tmp_path / "plate.png",
    ) as target:
        alpha = target.cutout(9).alpha
        assert alpha is not None
        assert abs((alpha > 127).mean() - 1 / 16) < 0.01
        assert alpha[:10].max() < 10
        assert target.manifest.stage == "footage"
        small = cv2.resize(first, target.size, interpolation=cv2.INTER_AREA)
        assert np.abs(target.frames[0].astype(int) - small).mean() < 4
        assert target.portrait is not None


def test_a_picture_of_another_place_is_stood_before(dancer: Path, tmp_path: Path) -> None:
    with VideoReader(dancer) as reader:
        width, height = reader.size
    plate = np.full((height, width, 3), (10, 90, 200), np.uint8)
    cv2.imwrite(str(tmp_path / "beach.png"), plate[..., ::-1])
    with build_target(dancer, id="real", name="Real", size=256, stage=tmp_path / "beach.png") as target:
        assert target.manifest.stage == "picture"
        assert target.plate is not None
        assert (target.plate == (10, 90, 200)).all()
        frame, mask = target.frames[9], target.masks[9] if target.masks is not None else None
        assert mask is not None
        away = cv2.dilate(mask, np.ones((41, 41), np.uint8)) == 0
        assert np.abs(frame[away].astype(int) - (10, 90, 200)).mean() < 4


def test_whoever_asks_for_a_studio_gets_one(dancer: Path) -> None:
    with build_target(dancer, id="real", name="Real", size=256, stage="studio") as target:
        assert target.manifest.stage == "studio"
        assert target.plate is not None
        assert target.plate.std() < 40


def test_a_hand_held_camera_becomes_a_still_one(dancer: Path, tmp_path: Path) -> None:
    with VideoReader(dancer) as reader:
        pictures = [frame.image for frame in reader]
    height, width = pictures[0].shape[:2]
    shaken = []
    for i, picture in enumerate(pictures):
        shift = np.array([[1, 0, 6 * np.sin(i / 2)], [0, 1, 4 * np.cos(i / 3)]])
        shaken.append(cv2.warpAffine(picture, shift, (width, height), borderMode=cv2.BORDER_REFLECT)[8:-8, 8:-8])
    with (
        build_target(video(tmp_path / "hand.mp4", shaken, 30), id="hand", name="Hand", size=256) as hand,
        build_target(
            video(tmp_path / "stand.mp4", [p[8:-8, 8:-8] for p in pictures], 30), id="s", name="S", size=256
        ) as stand,
    ):
        assert hand.manifest.stage == "footage"
        assert hand.found.all()
        assert hand.plate is not None
        moved = np.diff(hand.poses[:, [23, 24], :2].mean(axis=1), axis=0)
        known = np.diff(stand.poses[:, [23, 24], :2].mean(axis=1), axis=0)
        assert np.abs(moved - known).max() < 1.5, "the hand's shaking is not the dancer's"
        still = np.stack([frame[:20].astype(int) for frame in hand.frames])
        assert still.std(axis=0).mean() < 2


def test_masks_that_are_too_few(dancer: Path, tmp_path: Path) -> None:
    with VideoReader(dancer) as reader:
        width, height = reader.size
    masks = video(tmp_path / "masks.mp4", [np.zeros((height, width, 3), np.uint8)] * 3)
    with pytest.raises(UnusableInput, match="masks end"):
        build_target(dancer, id="real", name="Real", masks=masks)
    assert nothing_left()


def test_footage_with_nobody_in_it(tmp_path: Path) -> None:
    source = video(tmp_path / "wall.mp4", [numbered(i, (192, 128)) for i in range(6)])
    with pytest.raises(NobodyFound, match=r"wall\.mp4"):
        build_target(source, id="wall", name="Wall")
    assert nothing_left()


def test_stopping_leaves_nothing(folder: Path) -> None:
    calls = itertools.count()
    with pytest.raises(Cancelled):
        build_target(folder, id="tai-chi", name="Tai Chi", cancelled=lambda: next(calls) > 6)
    assert nothing_left()


def test_an_error_in_the_middle_leaves_nothing_and_keeps_the_old_one(folder: Path) -> None:
    build_target(folder, id="tai-chi", name="Tai Chi").close()
    (folder / "frames" / "0021.webp").write_text("hello")
    with pytest.raises(UnusableInput, match=r"0021\.webp"):
        build_target(folder, id="tai-chi", name="New", replace=True)
    assert load_target("tai-chi").name == "Tai Chi"
    assert [p.name for p in paths.user_performers().iterdir()] == ["tai-chi"]


def test_an_id_that_is_taken_is_refused_before_any_work(folder: Path) -> None:
    build_target(folder, id="tai-chi", name="Tai Chi").close()
    asked: list[float] = []
    with pytest.raises(PackInvalid, match="already"):
        build_target(folder, id="tai-chi", name="Again", progress=asked.append)
    assert not asked
    with build_target(folder, id="tai-chi", name="Again", replace=True) as target:
        assert target.name == "Again"


@pytest.mark.parametrize("target_id", ["Tai Chi", "../up", "", "a" * 41])
def test_an_id_that_is_no_folder_name(folder: Path, target_id: str) -> None:
    with pytest.raises(UnusableInput, match="cannot be an id"):
        build_target(folder, id=target_id, name="Tai Chi")


def test_a_name_that_is_too_long(folder: Path) -> None:
    with pytest.raises(UnusableInput, match="name"):
        build_target(folder, id="long", name="x" * 200)
    assert nothing_left()


def test_longer_than_a_performer_can_be(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "MAX_FRAMES", 3)
    with pytest.raises(OverLimit):
        build_target(folder, id="tai-chi", name="Tai Chi")
    assert nothing_left()


def test_folders_without_use(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(UnusableInput, match="no pictures"):
        FolderFootage(tmp_path)
    np.savez(folder / "landmarks.npz", index=np.arange(3), landmarks=np.zeros((2, 33, 3)))
    with pytest.raises(UnusableInput, match=r"landmarks\.npz"):
        FolderFootage(folder)


@pytest.mark.parametrize(
    ("rate", "kept_rate", "kept"), [(25, 25, range(12)), (60, 30, range(0, 12, 2)), (100, 25, range(0, 12, 4))]
)
def test_fast_footage_is_thinned_evenly(tmp_path: Path, rate: int, kept_rate: int, kept: range) -> None:
    path = tmp_path / "fast.mp4"
    with FootageWriter(path, (96, 64), Fraction(rate)) as writer:
        for index in range(12):
            writer.write(numbered(index))
    footage = VideoFootage(path, None)
    assert footage.rate == kept_rate
    assert [number_of(shot.image) for shot in footage] == list(kept)


def parts_of(folder: Path, *rates: int, size: tuple[int, int] = (96, 64), frames: int = 6) -> list[Path]:
    """Videos of numbered pictures that count on from one to the next."""
    paths = [folder / f"part{place}.mp4" for place in range(len(rates))]
    for place, (path, rate) in enumerate(zip(paths, rates, strict=True)):
        video(path, [numbered(place * frames + index, size) for index in range(frames)], rate)
    return paths


def test_parts_follow_each_other(tmp_path: Path) -> None:
    footage = PartsFootage(parts_of(tmp_path, 25, 25, 25))
    shots = list(footage)
    assert footage.rate == 25
    assert footage.count == 18
    assert [number_of(shot.image) for shot in shots] == list(range(18))
    assert [shot.run for shot in shots] == [0] * 6 + [1] * 6 + [2] * 6
    assert np.allclose(np.diff([float(shot.time) for shot in shots]), 1 / 25, atol=2e-3)
    assert [shot.time for shot in footage] == [shot.time for shot in shots], "a second pass is the same"


def test_parts_of_other_rates_keep_the_first_ones(tmp_path: Path) -> None:
    footage = PartsFootage(parts_of(tmp_path, 10, 30, 2))
    shots = list(footage)
    assert footage.rate == 10
    assert [number_of(shot.image) for shot in shots] == [*range(6), 6, 9, *range(12, 18)]
    assert footage.count == len(shots)
    assert [shot.run for shot in shots] == [0] * 6 + [1] * 2 + [2] * 6, "few frames a second are no gaps"


@pytest.mark.parametrize("other", [(192, 128), (48, 32), (97, 64)])
def test_parts_of_another_size_are_made_to_fit(tmp_path: Path, other: tuple[int, int]) -> None:
    first = video(tmp_path / "first.mp4", [numbered(3)] * 3)
    second = tmp_path / "second.mp4"
    with FootageWriter(second, (other[0] // 2 * 2, other[1]), Fraction(25)) as writer:
        writer.write(numbered(5, (other[0] // 2 * 2, other[1])))
    shots = list(PartsFootage([first, second]))
    assert {shot.image.shape for shot in shots} == {(64, 96, 3)}
    assert number_of(shots[-1].image) == 5


@pytest.mark.parametrize(
    ("size", "words"),
    [((64, 96), r"second\.mp4 is upright and first\.mp4 is wide"), ((128, 64), "128×64 and first.mp4 is 96×64")],
)
def test_parts_of_another_shape_are_refused(tmp_path: Path, size: tuple[int, int], words: str) -> None:
    first = video(tmp_path / "first.mp4", [numbered(0)])
    second = video(tmp_path / "second.mp4", [numbered(0, size)])
    with pytest.raises(UnusableInput, match=words):
        build_target([first, second], id="me", name="Me")
    assert nothing_left()


def test_what_cannot_be_parts(tmp_path: Path, folder: Path) -> None:
    first = video(tmp_path / "first.mp4", [numbered(0)])
    with pytest.raises(UnusableInput, match="no footage"):
        open_footage([], None)
    with pytest.raises(UnusableInput, match="single video"):
        open_footage([first, first], first)
    with pytest.raises(UnusableInput, match="folder"):
        open_footage([first, folder], None)
    assert isinstance(open_footage([folder], None), FolderFootage), "one part is not several"


def test_parts_become_one_performer_that_knows_who_agreed(dancer: Path, tmp_path: Path) -> None:
    with build_target([dancer, dancer], id="real", name="Real", size=128, into=tmp_path, consent=True) as target:
        assert len(target.frames) == 48
        assert target.found.all()
        assert target.runs.tolist() == [0] * 24 + [1] * 24
        assert target.manifest.consent is True
        first, second = target.poses[:24, :, :2], target.poses[24:, :, :2]
        assert np.abs(first - second).max() < 3, "smoothed each for itself"
