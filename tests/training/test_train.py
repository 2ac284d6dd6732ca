"""Training from end to end on a small performer, and what is made of it."""

from __future__ import annotations

import contextlib
import csv
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core import paths
from core.errors import DanceError, GeneratorNotFound, NobodyFound, UnusableInput
from core.evaluation.evaluate import evaluate, performer_of
from core.generators.neural import NeuralGenerator
from core.generators.registry import create_generator
from core.inference.runner import NetworkFiles
from core.inference.torch_runner import load_weights
from core.networks.build import build
from core.networks.config import NetworkConfig, Training
from core.networks.start import StartConfig
from core.services.training_runs import CHECKPOINT, METRICS
from core.targets.build import build_target
from core.targets.split import SplitName
from core.targets.store import load_target
from core.targets.weights import add_generator
from core.training.recipes import RECIPES, Recipe
from core.training.train import TrainingConfig, _start, run_folder, train
from core.training.trainer import Trained, TrainingBudget
from core.types import Pose
from tests.conftest import PROJECT
from tests.puppets import SIZE, SMALL, SMALL_UNET, dance, make_puppet, puppet, small_unet_config, wall
from tests.test_cli import one_sentence, run

SHORT = TrainingBudget(epochs=2)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "mlp-se", SMALL)


@pytest.fixture
def own() -> Path:
    """A performer of the person who runs the test."""
    return make_puppet(paths.user_performers())


def teach(order: TrainingConfig, target_id: str = "puppet") -> Trained:
    with load_target(target_id) as target:
        return train(target, order)


def painter(target_id: str = "puppet") -> NeuralGenerator:
    with load_target(target_id) as target:
        generator = create_generator("mlp-se", target)
        assert isinstance(generator, NeuralGenerator)
        return generator


def test_from_footage_to_a_picture(own: Path) -> None:
    shares: list[float] = []
    prepared: list[float] = []
    order = TrainingConfig("mlp-se", length=TrainingBudget(epochs=25), seed=5)
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
    assert training.held_out_l1 == pytest.approx(trained.held_out_l1, abs=1e-5)
    assert training.begun_with is None
    assert set(training.versions) == {"torch", "openvino", "lightning-fabric"}
    assert generator.config.canvas.follows == "hips"
    pose = dance(60)[25]
    frame, mask = puppet(pose)
    picture = generator.generate(pose, None)
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
    teach(TrainingConfig("mlp-se", length=SHORT))
    training = painter().config.training
    assert training is not None
    with load_target("puppet") as target:
        result = evaluate(target, "mlp-se", "blocks")
        assert result.frames == 10
        assert result.full_frame.l1_seed == pytest.approx(training.held_out_l1, abs=1e-3), "the record says the same"
        assert 5 < result.person_box.psnr < 40
        assert 0 < result.psnr_person < 40
        with pytest.raises(UnusableInput, match="--split random"):
            evaluate(target, "mlp-se", "random")


def test_learning_from_everything_holds_nothing_out(own: Path) -> None:
    order = TrainingConfig("mlp-se", "all", length=TrainingBudget(epochs=1))
    trained = teach(order)
    assert trained.validation_l1 is None
    assert trained.held_out_l1 is None
    assert painter().trained_on == "all"
    assert run_folder("puppet", order) != run_folder("puppet", TrainingConfig("mlp-se"))


def _folder_of_frames(folder: Path) -> Path:
    """Thirty numbered pictures with landmarks, from a camera that sways."""
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


def test_a_performer_of_pictures_from_a_camera_that_sways(tmp_path: Path) -> None:
    pictures = _folder_of_frames(tmp_path / "pictures")
    build_target(pictures, id="swaying", name="Swaying").close()
    with performer_of("swaying", pictures) as same:
        assert same.id == "swaying", "it is known by its pictures, though they lie on a stage that stands still"
    trained = teach(TrainingConfig("mlp-se", length=TrainingBudget(epochs=20)), "swaying")
    assert trained.validation_l1 is not None
    generator = painter("swaying")
    with load_target("swaying") as target:
        pose = target.pose(20)
        assert pose is not None
        picture = generator.generate(pose, None)
        assert picture.alpha.any()
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
        train(target, TrainingConfig("mlp-se", length=SHORT, seed=1), stop=lambda: True)
    np.testing.assert_array_equal(painter().generate(dance(9)[8], None).image, before)


def test_stopped_and_resumed_is_as_if_never_stopped(own: Path) -> None:
    order = TrainingConfig("mlp-se", length=TrainingBudget(epochs=4))
    teach(order)
    straight = painter().generate(dance(9)[8], None).image
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 12  # five steps an epoch: in the third

    with load_target("puppet") as target:
        assert train(target, order, stop=stop).epochs == 2
    assert painter().config.training is not None
    resumed = teach(TrainingConfig("mlp-se", length=TrainingBudget(epochs=4), resume=True))
    assert resumed.epochs == 4
    np.testing.assert_array_equal(painter().generate(dance(9)[8], None).image, straight)


def test_nothing_to_resume(own: Path) -> None:
    with pytest.raises(UnusableInput, match="--resume"):
        teach(TrainingConfig("mlp-se", length=SHORT, resume=True))


def test_a_run_on_another_canvas_is_not_resumed(own: Path) -> None:
    teach(TrainingConfig("mlp-se", length=SHORT))
    with pytest.raises(UnusableInput, match="--resume"):
        teach(TrainingConfig("mlp-se", size=96, length=TrainingBudget(epochs=3), resume=True))


@pytest.mark.parametrize("size", [0, 63, 1025])
def test_sizes_that_are_none(size: int) -> None:
    with pytest.raises(UnusableInput, match="64 to 1024"):
        TrainingConfig("mlp-se", size=size)


@pytest.mark.parametrize("name", ["nearest", "dream"])
def test_what_cannot_be_trained(own: Path, name: str) -> None:
    with pytest.raises(GeneratorNotFound, match="mlp-se"):
        teach(TrainingConfig(name, length=SHORT))


def test_a_performer_in_a_further_folder(puppets: Path) -> None:
    """In a folder that is none of the usual ones, which is said by ``root``."""
    with load_target("puppet", puppets) as target:
        train(target, TrainingConfig("mlp-se", length=TrainingBudget(epochs=1)), root=puppets)
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
    painter().generate(Pose(dance(9)[8].landmarks), None)


UNUSABLE = (
    (["--target", "nobody", "--generator", "mlp-se"], "mira"),
    (["--target", "puppet", "--generator", "mlp-se", "--size", "7"], "64"),
    (["--target", "puppet", "--generator", "mlp-se", "--epochs", "1", "--minutes", "1"], "either"),
    (["--target", "puppet", "--generator", "mlp-se", "--epochs", "1", "--resume"], "--resume"),
)
ONE_AFTER_THE_OTHER = """
import json, os, sys
from core.cli import app
stderr = os.dup(2)
for words in json.loads(sys.argv[1]):
    os.dup2(stderr, 2)  # which a command takes away from the native libraries
    try:
        app(["train", *words])
    except SystemExit as end:
        print(end.code)
"""


def test_what_the_command_cannot_do_is_one_sentence(own: Path) -> None:
    """All in one process: it takes seconds to load what trains."""
    told = json.dumps([words for words, _ in UNUSABLE])
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_THE_OTHER, told], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["2"] * len(UNUSABLE), done.stderr
    for said, (_, expected) in zip(done.stderr.splitlines(keepends=True), UNUSABLE, strict=True):
        assert one_sentence(said), said
        assert expected in said


@pytest.fixture(autouse=True)
def nothing_half_written() -> Iterator[None]:
    yield
    assert not [path for path in paths.data_root().rglob("*") if path.name.endswith(".part")]


GAN = replace(SMALL_UNET, objective="bce", start="unet-attn")
FAMILY = {
    "unet-attn": SMALL_UNET,
    "gan-bce-unet": GAN,
    "wgan-gp-mlp": replace(SMALL, size=160, frames=16, objective="wgan-gp", start="mlp-se"),
}


def taught(name: str, epochs: int, seed: int = 0) -> NeuralGenerator:
    """The generator after a run whose figures are what they should be."""
    order = TrainingConfig(name, length=TrainingBudget(epochs=epochs), seed=seed)
    trained = teach(order)
    assert trained.epochs == epochs
    assert trained.validation_l1 is not None
    with (run_folder("puppet", order) / METRICS).open() as file:
        rows = list(csv.DictReader(file))
    assert [bool(row["critic"]) for row in rows] == [RECIPES[name].objective is not None] * epochs
    assert all(np.isfinite(float(row["loss"])) for row in rows)
    with load_target("puppet") as target:
        generator = create_generator(name, target)
    assert isinstance(generator, NeuralGenerator)
    assert generator.trained_on == "blocks"
    return generator


@pytest.mark.parametrize(("name", "epochs"), [("unet-attn", 16), ("wgan-gp-mlp", 1)])
def test_the_family_from_footage_to_a_picture(
    name: str, epochs: int, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, name, FAMILY[name])
    pose = dance(60)[25]
    frame, mask = puppet(pose)
    generator = taught(name, epochs)
    picture = generator.generate(pose, None)
    assert picture.image.shape == frame.shape
    if epochs > 1:
        inside = np.abs(picture.image.astype(int) - frame)[mask > 200].mean()
        empty = np.abs(wall().astype(int) - frame)[mask > 200].mean()
        assert inside < 0.7 * empty, "somebody red and blue stands there"
    if name == "unet-attn":
        with load_target("puppet") as target:
            weights = load_file(target.weight_file(name, "weights"))
        assert float(weights["attend.gamma"]) != 0.0, "attention is not left out"


def test_a_gan_begins_where_another_ended(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a rate of next to nothing it stays there."""
    monkeypatch.setitem(RECIPES, "unet-attn", SMALL_UNET)
    monkeypatch.setitem(RECIPES, "gan-bce-unet", replace(GAN, rate=1e-12))
    taught("unet-attn", 1, seed=3)
    gan = taught("gan-bce-unet", 1, seed=4)
    with load_target("puppet") as target:
        networks = []
        for name in ("unet-attn", "gan-bce-unet"):
            networks.append(build(gan.config))
            load_weights(networks[-1], target.weight_file(name, "weights"), to_train=True)
    for (name, begun), ended in zip(networks[0].named_parameters(), networks[1].parameters(), strict=True):
        torch.testing.assert_close(begun, ended, atol=2e-3, rtol=4e-3, msg=name)
    assert gan.config.training is not None
    assert gan.config.training.begun_with == "unet-attn"
    assert gan.generate(dance(60)[25], None).image.shape == (128, 128, 3)


def given(config: NetworkConfig, files: NetworkFiles, folder: Path, split: SplitName | None = "blocks") -> None:
    """Give the puppet a trained ``unet-attn`` of that config; never trained for a split of None."""
    training = None
    if split is not None:
        training = Training(split=split, seed=0, epochs=1, minutes=1, validation_l1=0.1)
    (folder / "unet-attn.json").write_text(config.model_copy(update={"training": training}).to_json())
    roles = {"config": folder / "unet-attn.json", "weights": files.weights, "graph": files.graph}
    add_generator("puppet", "unet-attn", roles, licence="CC0", recipe="")


def start_of(recipe: Recipe = GAN, *, resume: bool = False) -> Path | StartConfig | None:
    config = small_unet_config(generator="gan-bce-unet")
    with load_target("puppet") as target:
        return _start(target, config, recipe, TrainingConfig("gan-bce-unet", resume=resume))


def test_it_begins_with_the_weights_its_recipe_names(own: Path, exported_unet: NetworkFiles, tmp_path: Path) -> None:
    given(small_unet_config(), exported_unet, tmp_path)
    start = start_of()
    assert isinstance(start, Path)
    assert start.read_bytes() == exported_unet.weights.read_bytes()
    assert start_of(replace(GAN, start=None)) is None
    assert start_of(resume=True) is None, "a run that goes on has weights of its own"


def _other_canvas() -> NetworkConfig:
    config = small_unet_config()
    return config.model_copy(update={"canvas": config.canvas.model_copy(update={"left": -60.0})})


@pytest.mark.parametrize(
    ("config", "split"),
    [
        (small_unet_config(residual=False), "blocks"), (_other_canvas(), "blocks"), (small_unet_config(), "random"),
        (small_unet_config(), "all"), (small_unet_config(), None),
    ],
    ids=["network", "canvas", "split", "everything", "untrained"],
)  # fmt: skip
def test_what_is_not_the_same_is_nothing_to_begin_with(
    config: NetworkConfig,
    split: SplitName | None,
    own: Path,
    exported_unet: NetworkFiles,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What learnt from other frames may have seen those that are held out; and a person is told."""
    given(config, exported_unet, tmp_path, split)
    with caplog.at_level(logging.WARNING, "core.training.train"):
        assert start_of() is None
    assert "unet-attn" in caplog.text


def test_a_performer_without_weights_to_begin_with(own: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "core.training.train"):
        assert start_of() is None
    assert "gan-bce-unet starts from nothing" in caplog.text


def test_a_performer_of_three_frames_is_one_sentence(own: Path) -> None:
    make_puppet(own.parent, "brief", frames=4)  # nobody is in the last
    with pytest.raises(NobodyFound, match="use longer footage"):
        teach(TrainingConfig("unet-attn", length=SHORT), "brief")


def test_two_processes_train_one_network(own: Path) -> None:
    """As on two cards or machines, here on the processor: each sees half of an epoch, and one of them writes and talks."""
    words = [
        "train",
        "--target",
        "puppet",
        "--generator",
        "gan-bce-mlp",
        "--size",
        "64",
        "--device",
        "cpu",
        "--devices",
        "2",
    ]
    done = run(*words, "--epochs", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("is trained: 2 epochs") == 1
    folder = run_folder("puppet", TrainingConfig("gan-bce-mlp"))
    with (folder / METRICS).open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]
    with load_target("puppet") as target:
        made = create_generator("gan-bce-mlp", target)
        assert made.trained_on == "blocks"
    done = run(*words, "--epochs", "3", "--resume")
    assert done.returncode == 0, done.stderr
    assert "is trained: 3 epochs" in done.stdout
