from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core import paths
from core.conditioning.pose_encoding import stick_image
from core.errors import PackInvalid, WeightsMissing
from core.generators import neural
from core.generators.neural import NeuralGenerator, draw, draw_picture, draw_points
from core.generators.realtime import exemplar_bank_of
from core.generators.registry import create_generator, list_generators
from core.inference.runner import NetworkFiles, OpenVinoRunner, Runner
from core.networks.config import NetworkConfig, Training, read_config
from core.rendering.canvas import compose
from core.targets.split import split_of
from core.targets.store import Target, load_target
from core.targets.weights import add_generator
from core.training.recipes import RECIPES
from core.types import Frame, Picture, Pose
from tests.bodies import moved
from tests.conftest import PROJECT
from tests.puppets import TORSO, dance, make_puppet, small_config, small_unet_config, wall


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, exported: NetworkFiles) -> Path:
    """A folder with a performer."""
    folder = tmp_path_factory.mktemp("performers")
    make_puppet(folder, frames=12)
    give(folder, "puppet", exported)
    return folder


def give(root: Path, target_id: str, files: NetworkFiles) -> None:
    roles = {"config": files.config, "weights": files.weights, "graph": files.graph}
    add_generator(target_id, "mlp-se", roles, licence="CC0", recipe="", root=root)


def shown(root: Path, target_id: str, pose: Pose) -> Picture:
    with load_target(target_id, root) as target:
        return create_generator("mlp-se", target).generate(pose, None)


def test_it_is_offered_where_it_was_trained_alone(root: Path) -> None:
    assert "mlp-se" in {spec.name for spec in list_generators()}
    assert "mlp-se" not in {spec.name for spec in list_generators(trained=[])}
    make_puppet(root, "plain", frames=6)
    with load_target("plain", root) as target, pytest.raises(WeightsMissing, match="train it"):
        create_generator("mlp-se", target)


def test_a_person_stands_on_the_empty_stage(root: Path) -> None:
    picture = shown(root, "puppet", dance(5)[4])
    assert picture.image.shape == (128, 128, 3)
    assert picture.image.dtype == np.uint8
    assert picture.alpha.any()
    outside = picture.alpha == 0
    # untrained, its shadow is anywhere, but the stage shows through and nothing else
    assert outside.sum() > 3000
    assert (picture.image[outside] <= wall()[outside].astype(int) + 2).all()


def test_the_same_pose_elsewhere_is_the_same_person(root: Path) -> None:
    pose = dance(5)[4]
    here, there = shown(root, "puppet", pose), shown(root, "puppet", moved(pose, 8, -6))
    np.testing.assert_array_equal(here.alpha[20:100, 20:100], there.alpha[14:94, 28:108])


def test_another_pose_is_another_picture(root: Path) -> None:
    one, other = (shown(root, "puppet", pose).image.astype(int) for pose in (dance(9)[0], dance(9)[8]))
    assert np.abs(one - other).mean() > 0.5


def test_far_outside_the_stage_is_empty(root: Path) -> None:
    picture = shown(root, "puppet", moved(dance(1)[0], 5000, 0))
    np.testing.assert_array_equal(picture.image, wall())


def test_asking_in_parts_is_asking_at_once(exported: NetworkFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    config, pose = small_config(), dance(3)[2]
    run = OpenVinoRunner(config, exported)
    whole = draw_points(run, config, pose)
    assert whole.shape == (5, 64, 64)
    monkeypatch.setattr(neural, "POINTS_AT_ONCE", 1000)
    assert np.abs(draw_points(run, config, pose).astype(int) - whole).max() <= 1


def test_nothing_is_retrieved(root: Path) -> None:
    with load_target("puppet", root) as target:
        generator = create_generator("mlp-se", target)
        assert generator.choose_all([dance(1)[0], None], [Fraction(0), Fraction(1)]) == [None, None]
        assert generator.chooser().choose(dance(1)[0], 0.0) is None


def test_users_share_one_generator(root: Path) -> None:
    """The first pictures are asked for at once, before the network is loaded."""
    poses = dance(12)[::4]
    alone = [shown(root, "puppet", pose).image for pose in poses]
    made: dict[int, Frame] = {}
    with load_target("puppet", root) as target:
        generator = create_generator("mlp-se", target)
        start = threading.Barrier(3)

        def work(i: int) -> None:
            start.wait()
            for _ in range(3):
                made[i] = generator.generate(poses[i], None).image

        threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for i in range(3):
        np.testing.assert_array_equal(made[i], alone[i])


def test_it_says_what_it_learnt_from(root: Path, exported: NetworkFiles, tmp_path: Path) -> None:
    with load_target("puppet", root) as target:
        assert create_generator("mlp-se", target).trained_on is None
        assert create_generator("nearest", target).trained_on is None
    training = Training(split="random", seed=0, epochs=1, minutes=1, validation_l1=0.1)
    told = tmp_path / "mlp-se.json"
    told.write_text(small_config().model_copy(update={"training": training}).to_json())
    make_puppet(root, "told", frames=6)
    give(root, "told", NetworkFiles(told, exported.weights, exported.graph))
    with load_target("told", root) as target:
        assert create_generator("mlp-se", target).trained_on == "random"


def test_a_config_of_another_generator(root: Path, exported: NetworkFiles, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps(json.loads(exported.config.read_text()) | {"generator": "unet"}))
    make_puppet(root, "other", frames=6)
    give(root, "other", NetworkFiles(other, exported.weights, exported.graph))
    with load_target("other", root) as target, pytest.raises(PackInvalid, match="unet"):
        create_generator("mlp-se", target)


@pytest.mark.parametrize("role", ["config", "weights", "graph"])
def test_weights_that_are_gone_are_never_made_up(root: Path, exported: NetworkFiles, role: str) -> None:
    name = f"gone-{role}"
    folder = make_puppet(root, name, frames=6)
    give(root, name, exported)
    with load_target(name, root) as target:
        target.weight_file("mlp-se", role).unlink()
        with pytest.raises(WeightsMissing, match="missing"):
            create_generator("mlp-se", target)
    assert list((folder / "weights").iterdir())


def shipped() -> list[tuple[str, str]]:
    """Trained generators of the bundled performers."""
    found = []
    for name in ("mira", "theo"):
        if (paths.BUNDLED_PERFORMERS / name).is_dir():
            with load_target(name) as target:
                found += [(name, generator.name) for generator in target.manifest.generators]
    return found


def drawn_by(run: Runner, config: NetworkConfig, target: Target, pose: Pose) -> Picture:
    if config.memory:
        return exemplar_bank_of(target, config).picture(run, pose, target.plate)
    return compose(draw(run, config, pose), config.canvas, pose, target.plate)


@pytest.mark.parametrize(("performer", "name"), shipped())
def test_what_ships_is_the_performer(performer: str, name: str) -> None:
    """By every way of running it, opened twice, and nearer to the footage than the empty stage is."""
    from core.inference.torch_runner import TorchRunner

    with load_target(performer) as target:
        files = NetworkFiles(*(target.weight_file(name, role) for role in ("config", "weights", "graph")))
        config = read_config(files.config)
        index = int(np.flatnonzero(split_of(target, "blocks").held_out & target.found)[5])
        pose, cutout, plate = target.pose(index), target.cutout(index), target.plate
        generators = [create_generator(name, target) for _ in range(2)]
        assert pose is not None
        choice = generators[0].choose_all([pose], [Fraction(0)])[0]
        exact, halves = (
            OpenVinoRunner(config.model_copy(update={"precision": precision}), files) for precision in ("f32", "bf16")
        )
        runners = (exact, TorchRunner(config, files.weights, "cpu"), halves)
        drawn = [drawn_by(run, config, target, pose).image.astype(int) for run in runners]
        first, second = (generator.generate(pose, choice) for generator in generators)
    assert config.training is not None
    assert config.training.split == "blocks", "what ships can be judged"
    assert (
        max(config.canvas.width, config.canvas.height)
        >= {"unet": 256, "mlp": 128, "realtime": 512}[config.network.kind]
    )
    assert np.abs(drawn[0] - drawn[1]).max() <= 2
    assert np.abs(drawn[0] - drawn[2]).mean() < 1.5
    assert first.image.shape == plate.shape
    np.testing.assert_array_equal(first.image, second.image)
    person = cutout.alpha > 200
    off = [np.abs(image.astype(int) - cutout.image)[person].mean() for image in (first.image, plate)]
    assert off[0] < off[1]


def weights_of(performer: str, generator: str) -> dict[str, NDArray[np.floating]]:
    from safetensors.numpy import load_file

    with load_target(performer) as target:
        return dict(load_file(target.weight_file(generator, "weights")))


@pytest.mark.parametrize("performer", ["mira", "theo"])
def test_in_what_ships_attention_takes_part_and_critics_changed_something(performer: str) -> None:
    """As far from where it began as a critic of any use takes it: a percent of all weights."""
    for name in (name for who, name in shipped() if who == performer):
        weights = weights_of(performer, name)
        if "attend.gamma" in weights:
            assert abs(float(weights["attend.gamma"][0])) > 1e-3, name
        if "gan" in name:
            begun = weights_of(performer, RECIPES[name].start or "")
            shared = [key for key in weights if key.endswith(".weight") and key in begun and weights[key].ndim > 1]
            moved = [np.abs(weights[key].astype(float) - begun[key]).mean() for key in shared]
            sizes = [np.abs(begun[key].astype(float)).mean() for key in shared]
            assert sum(moved) > 0.01 * sum(sizes), name


SERVE = """
import sys, numpy as np
from pathlib import Path
from core.generators.registry import create_generator
from core.targets.split import split_of
from core.targets.store import load_target
from core.types import Pose
with load_target("puppet", Path(sys.argv[1])) as target:
    picture = create_generator("mlp-se", target).generate(Pose(np.load(sys.argv[2])), None)
np.save(sys.argv[3], picture.image)
print([name for name in ("torch", "torchvision", "lightning_fabric", "streamlit") if name in sys.modules])
"""


def test_serving_never_loads_torch(root: Path, tmp_path: Path) -> None:
    pose = dance(5)[4]
    np.save(tmp_path / "pose.npy", pose.landmarks)
    words = [sys.executable, "-c", SERVE, str(root), str(tmp_path / "pose.npy"), str(tmp_path / "image.npy")]
    environment = {k: v for k, v in os.environ.items() if k != "DANCE_DEVICE"}
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
    np.testing.assert_array_equal(np.load(tmp_path / "image.npy"), shown(root, "puppet", pose).image)


FAMILY = [
    "mlp", "mlp-se", "unet", "unet-attn", "gan-bce-mlp", "gan-bce-unet", "wgan-gp-mlp", "wgan-gp-unet", "realtime",
]  # fmt: skip


def test_the_whole_family_is_listed_and_can_be_trained() -> None:
    specs = {spec.name: spec for spec in list_generators()}
    assert set(FAMILY) == {name for name, spec in specs.items() if spec.needs_weights} == set(RECIPES)
    assert len({spec.title for spec in specs.values()}) == len(specs), "each with a title of its own"
    assert all(recipe.start is None or recipe.start in RECIPES for recipe in RECIPES.values())


@pytest.fixture(scope="module")
def sketched(root: Path, exported_unet: NetworkFiles) -> Path:
    """A performer with a network of stick images."""
    make_puppet(root, "sketched", frames=6)
    roles = {"config": exported_unet.config, "weights": exported_unet.weights, "graph": exported_unet.graph}
    add_generator("sketched", "unet-attn", roles, licence="CC0", recipe="", root=root)
    return root


def test_a_skeleton_becomes_a_person_on_the_empty_stage(sketched: Path, exported_unet: NetworkFiles) -> None:
    poses = dance(9)[0], dance(9)[8]
    with load_target("sketched", sketched) as target:
        generator = create_generator("unet-attn", target)
        assert isinstance(generator, NeuralGenerator)
        pictures = [generator.generate(pose, None) for pose in poses]
        layers = draw(generator.network(), generator.config, poses[1])
    assert [picture.image.shape for picture in pictures] == [(128, 128, 3)] * 2
    assert np.abs(pictures[0].image.astype(int) - pictures[1].image).mean() > 0.5
    run = OpenVinoRunner(small_unet_config(), exported_unet)
    np.testing.assert_array_equal(layers, draw_picture(run, small_unet_config(), poses[1]))
    told = stick_image(small_unet_config().canvas, poses[1], TORSO)[None].astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(layers, run(told)[0])


def test_the_same_skeleton_elsewhere_is_the_same_person(sketched: Path) -> None:
    pose = dance(5)[4]
    with load_target("sketched", sketched) as target:
        generator = create_generator("unet-attn", target)
        here, there = (generator.generate(p, None) for p in (pose, moved(pose, 8, -6)))
    assert here.alpha[20:100, 20:100].any()
    np.testing.assert_array_equal(here.alpha[20:100, 20:100], there.alpha[14:94, 28:108])


def test_a_network_of_points_draws_the_same_smaller_and_a_convolutional_one_offers_none(
    root: Path, exported_unet: NetworkFiles
) -> None:
    with load_target("mira") as mira:
        generator = create_generator("mlp-se", mira)
        assert isinstance(generator, NeuralGenerator)
        smaller = generator.smaller()
        assert isinstance(smaller, NeuralGenerator)
        assert smaller.config.canvas.width == generator.config.canvas.width // 2
        pose = mira.pose(100)
        assert pose is not None
        whole, half = generator.generate(pose, None), smaller.generate(pose, None)
        assert whole.image.shape == half.image.shape
        inside = whole.alpha > 128
        assert inside.mean() > 0.03
        assert np.abs(whole.image.astype(int) - half.image)[inside].mean() < 16
    make_puppet(root, "drawn", frames=6)
    roles = {"config": exported_unet.config, "weights": exported_unet.weights, "graph": exported_unet.graph}
    add_generator("drawn", "unet-attn", roles, licence="CC0", recipe="", root=root)
    with load_target("drawn", root) as target:
        assert create_generator("unet-attn", target).smaller() is None
