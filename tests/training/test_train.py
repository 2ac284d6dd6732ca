"""Training from end to end on a small performer, and what is made of it."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from core import paths
from core.canvas import Canvas
from core.errors import DanceError, GeneratorNotFound, UnusableInput
from core.evaluate import evaluate
from core.generators.neural import MlpSe
from core.generators.registry import create_generator
from core.runtime import NetworkFiles
from core.targets.build import build_target
from core.targets.store import load_target
from core.targets.trained import add_generator
from core.training.recipes import RECIPES
from core.training.train import Order, run_folder, train
from core.training.trainer import CHECKPOINT, METRICS, Length, Trained
from core.types import Pose
from tests.puppets import SIZE, SMALL, dance, make_puppet, puppet, wall
from tests.test_cli import one_sentence, run

SHORT = Length(epochs=2)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "mlp-se", SMALL)


@pytest.fixture
def own() -> Path:
    """A performer of the person who runs the test."""
    return make_puppet(paths.user_performers())


def teach(order: Order, target_id: str = "puppet") -> Trained:
    with load_target(target_id) as target:
        return train(target, order)


def painter(target_id: str = "puppet") -> MlpSe:
    with load_target(target_id) as target:
        generator = create_generator("mlp-se", target)
        assert isinstance(generator, MlpSe)
        return generator


def test_from_footage_to_a_picture(own: Path) -> None:
    shares: list[float] = []
    prepared: list[float] = []
    order = Order("mlp-se", length=Length(epochs=25), seed=5)
    with load_target("puppet") as target:
        trained = train(target, order, preparing=prepared.append, progress=lambda share, _: shares.append(share))
    assert prepared[-1] == shares[-1] == 1.0
    assert trained.epochs == 25
    assert trained.validation_l1 is not None
    with (run_folder("puppet", order) / METRICS).open() as file:
        first, *_, last = csv.DictReader(file)
    assert float(last["loss"]) < 0.7 * float(first["loss"])
    generator = painter()
    training = generator.config.training
    assert training is not None
    assert (training.split, training.seed, training.epochs) == ("blocks", 5, 25)
    assert training.validation_l1 == pytest.approx(trained.validation_l1, abs=1e-5)
    assert set(training.versions) == {"torch", "openvino", "lightning-fabric"}
    assert generator.config.canvas.follows == "hips"
    pose = dance(60)[25]
    frame, mask = puppet(pose)
    picture = generator.generate(pose, None)
    assert picture.alpha is not None
    inside = np.abs(picture.image.astype(int) - frame)[mask > 200].mean()
    empty = np.abs(wall().astype(int) - frame)[mask > 200].mean()
    assert inside < 0.6 * empty, "somebody red and blue stands there"
    with load_target("puppet") as target:
        weights = target.manifest.generators[0]
    assert weights.licence == "CC0"
    assert weights.recipe == (
        "python -m core train --target puppet --generator mlp-se --split blocks --size 64 --seed 5 --epochs 25"
    )


def test_a_trained_performer_is_judged_by_what_was_held_out(own: Path) -> None:
    teach(Order("mlp-se", length=SHORT))
    with load_target("puppet") as target:
        result = evaluate(target, "mlp-se", "blocks")
        assert result.frames == 10
        assert 5 < result.person_box.psnr < 40
        assert 0 < result.psnr_person < 40
        with pytest.raises(UnusableInput, match="--split random"):
            evaluate(target, "mlp-se", "random")


def test_learning_from_everything_holds_nothing_out(own: Path) -> None:
    order = Order("mlp-se", "all", length=Length(epochs=1))
    assert teach(order).validation_l1 is None
    assert painter().trained_on == "all"
    assert run_folder("puppet", order) != run_folder("puppet", Order("mlp-se"))


def _folder_of_frames(folder: Path) -> Path:
    """Thirty numbered pictures with landmarks, from a camera that sways, so that there is no empty stage."""
    (folder / "frames").mkdir(parents=True)
    landmarks = []
    for i, pose in enumerate(dance(30)):
        shift = round(12 * np.sin(1.7 * i)), round(9 * np.cos(2.3 * i))
        frame = np.roll(puppet(pose)[0], shift, axis=(1, 0))
        cv2.imwrite(str(folder / "frames" / f"{i:04d}.webp"), frame[..., ::-1])
        moved = pose.landmarks[:, :3] + np.array([*shift, 0], np.float32)
        landmarks.append(moved / np.array([*SIZE, SIZE[0]], np.float32))
    np.savez(folder / "landmarks.npz", index=np.arange(30), landmarks=np.stack(landmarks))
    return folder


def test_a_performer_of_pictures_without_a_stage(tmp_path: Path) -> None:
    with build_target(_folder_of_frames(tmp_path / "pictures"), id="swaying", name="Swaying") as built:
        assert built.plate is None, "the case is one of a moving camera"
    trained = teach(Order("mlp-se", length=Length(epochs=20)), "swaying")
    assert trained.validation_l1 is not None
    generator = painter("swaying")
    assert generator.config.canvas == Canvas(width=64, height=64, scale=2.0, left=0.0, top=0.0, follows="frame")
    with load_target("swaying") as target:
        pose = target.pose(20)
        assert pose is not None
        picture = generator.generate(pose, None)
        assert picture.alpha is None
        apart = np.abs(picture.image.astype(int) - target.frames[20]).mean()
        assert apart < np.abs(128 - target.frames[20].astype(int)).mean(), "better than plain grey"
        assert evaluate(target, "mlp-se", "blocks").frames >= 5


def test_stopped_before_anything_was_learnt(own: Path, exported: NetworkFiles) -> None:
    """A random network is never given to a performer, least of all in the place of a trained one."""
    roles = {"config": exported.config, "weights": exported.weights, "graph": exported.graph}
    add_generator("puppet", "mlp-se", roles, licence="", recipe="")
    before = painter().generate(dance(9)[8], None).image
    # whether it says so or not
    with load_target("puppet") as target, contextlib.suppress(DanceError):
        train(target, Order("mlp-se", length=SHORT, seed=1), stop=lambda: True)
    np.testing.assert_array_equal(painter().generate(dance(9)[8], None).image, before)


def test_stopped_and_resumed_is_as_if_never_stopped(own: Path) -> None:
    order = Order("mlp-se", length=Length(epochs=4))
    teach(order)
    straight = painter().generate(dance(9)[8], None).image
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 12  # five steps an epoch: in the third

    with load_target("puppet") as target:
        assert train(target, order, stop=stop).epochs == 2
    assert painter().config.training is not None
    resumed = teach(Order("mlp-se", length=Length(epochs=4), resume=True))
    assert resumed.epochs == 4
    np.testing.assert_array_equal(painter().generate(dance(9)[8], None).image, straight)


def test_nothing_to_resume(own: Path) -> None:
    with pytest.raises(UnusableInput, match="--resume"):
        teach(Order("mlp-se", length=SHORT, resume=True))


def test_a_run_on_another_canvas_is_not_resumed(own: Path) -> None:
    teach(Order("mlp-se", length=SHORT))
    with pytest.raises(UnusableInput, match="--resume"):
        teach(Order("mlp-se", size=96, length=Length(epochs=3), resume=True))


@pytest.mark.parametrize("size", [0, 63, 513])
def test_sizes_that_are_none(size: int) -> None:
    with pytest.raises(UnusableInput, match="64 to 512"):
        Order("mlp-se", size=size)


@pytest.mark.parametrize("name", ["nearest", "dream"])
def test_what_cannot_be_trained(own: Path, name: str) -> None:
    with pytest.raises(GeneratorNotFound, match="mlp-se"):
        teach(Order(name, length=SHORT))


def test_a_performer_in_a_further_folder(puppets: Path) -> None:
    """In a folder that is none of the usual ones, which is said by ``root``."""
    with load_target("puppet", puppets) as target:
        train(target, Order("mlp-se", length=Length(epochs=1)), root=puppets)
    with load_target("puppet", puppets) as target:
        assert create_generator("mlp-se", target).trained_on == "blocks"


def test_the_command(own: Path, tmp_path: Path) -> None:
    places = {name: str(tmp_path / name.lower()) for name in ("DANCE_CACHE",)}
    words = ("train", "--target", "puppet", "--generator", "mlp-se", "--epochs", "1", "--size", "64")
    done = run(*words, **places)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "1 epochs" in done.stdout
    runs = paths.data_root() / "runs" / "puppet-mlp-se-blocks"
    assert str(runs) in done.stdout
    assert {CHECKPOINT, METRICS} <= {path.name for path in runs.iterdir()}
    assert (tmp_path / "dance_cache" / "training" / "puppet").is_dir()
    listed = json.loads(run("targets", "--json").stdout)
    assert "mlp-se" in next(p for p in listed if p["id"] == "puppet")["generators"]
    pose = Pose(dance(9)[8].landmarks)
    assert painter().generate(pose, None).alpha is not None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--target", "nobody", "--generator", "mlp-se"], "mira"),
        (["--target", "puppet", "--generator", "mlp-se", "--size", "7"], "64"),
        (["--target", "puppet", "--generator", "mlp-se", "--epochs", "1", "--minutes", "1"], "either"),
        (["--target", "puppet", "--generator", "mlp-se", "--epochs", "1", "--resume"], "--resume"),
    ],
)
def test_what_the_command_cannot_do_is_one_sentence(own: Path, words: list[str], expected: str) -> None:
    done = run("train", *words)
    assert done.returncode == 2, done.stderr
    assert one_sentence(done.stderr), done.stderr
    assert expected in done.stderr


@pytest.fixture(autouse=True)
def nothing_half_written() -> Iterator[None]:
    yield
    assert not [path for path in paths.data_root().rglob("*") if path.name.endswith(".part")]
