from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from core.canvas import compose
from core.errors import PackInvalid
from core.generators.realtime import Memory, RealtimeGenerator, canvas_of_frame, image_of, memory_of, whole
from core.generators.registry import create_generator
from core.limbs import CELL, FIELDS, TOLD
from core.networks.config import read_config
from core.runtime import NetworkFiles, OpenVinoRunner
from core.targets.split import Subset
from core.targets.store import Target, load_target
from core.targets.trained import add_generator
from core.types import Pose
from tests.bodies import moved
from tests.puppets import TORSO, dance, make_puppet, small_realtime_config, wall


def give(root: Path, target_id: str, files: NetworkFiles) -> None:
    roles = {"config": files.config, "weights": files.weights, "graph": files.graph}
    add_generator(target_id, "realtime", roles, licence="CC0", recipe="", root=root)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, exported_realtime: NetworkFiles) -> Path:
    folder = tmp_path_factory.mktemp("performers")
    make_puppet(folder, frames=12)
    give(folder, "puppet", exported_realtime)
    return folder


def opened(target: Target) -> RealtimeGenerator:
    generator = create_generator("realtime", target)
    assert isinstance(generator, RealtimeGenerator)
    return generator


def test_a_person_stands_on_the_empty_stage(root: Path) -> None:
    pose = dance(9)[8]
    with load_target("puppet", root) as target:
        generator = opened(target)
        (choice,) = generator.choose_all([pose], [Fraction(0)])
        picture = generator.generate(pose, choice)
        layers = generator.draw(pose, choice)
    assert picture.image.shape == (128, 128, 3)
    assert picture.alpha is not None
    assert picture.alpha.any()
    np.testing.assert_array_equal(picture.image, compose(layers, generator.config.canvas, pose, wall()).image)


def test_parts_are_taken_from_what_it_remembers(root: Path) -> None:
    poses: list[Pose | None] = [*dance(9), None, *dance(3)]
    with load_target("puppet", root) as target:
        generator = opened(target)
        chosen = generator.choose_all(poses, [Fraction(i, 5) for i in range(len(poses))])
        live = generator.chooser()
        one_by_one = [live.choose(pose, i / 5) for i, pose in enumerate(poses) if pose is not None]
    assert chosen[9] is None
    for choice in (*chosen[:9], *one_by_one):
        assert isinstance(choice, tuple)
        assert len(choice) == 7
        assert set(choice) <= set(generator.config.memory)
    assert one_by_one[8] == (8,) * 7, "a pose that is remembered is taken as it is"


def test_nothing_in_view_is_nothing_chosen(root: Path) -> None:
    with load_target("puppet", root) as target:
        assert opened(target).choose_all([None, None], [Fraction(0), Fraction(1)]) == [None, None]


def test_without_a_choice_there_is_no_picture(root: Path) -> None:
    with load_target("puppet", root) as target, pytest.raises(ValueError, match="chosen"):
        opened(target).generate(dance(1)[0], None)


def test_the_same_pose_elsewhere_is_the_same_person(root: Path) -> None:
    pose = dance(5)[4]
    with load_target("puppet", root) as target:
        generator = opened(target)
        choice = generator.choose_all([pose], [Fraction(0)])[0]
        here, there = (generator.generate(p, choice) for p in (pose, moved(pose, 8, -6)))
    assert here.alpha is not None
    assert there.alpha is not None
    off = here.alpha[20:100, 20:100].astype(int) - there.alpha[14:94, 28:108]
    assert np.abs(off).max() <= 1


def test_what_a_network_is_given(root: Path) -> None:
    config, pose = small_realtime_config(), dance(9)[8]
    with load_target("puppet", root) as target:
        memory = memory_of(target, config)
        fields, told, parts = memory.inputs(pose, (8,) * 6, whole(config.canvas))
        wanted = image_of(canvas_of_frame(target, config.canvas, 8)).astype(int)
    assert fields.shape == (FIELDS, 64 // CELL, 64 // CELL)
    assert told.shape == (TOLD,)
    np.testing.assert_allclose(told[-6:], 0, atol=0.02)
    laid = parts[0] * (1 - parts[1][..., 3:] / 255) + parts[1]
    assert np.abs(laid - wanted).mean() < 8, "the frame itself, put together again"


def test_frames_are_looked_up_once_and_when_they_are_needed(root: Path) -> None:
    config = small_realtime_config()
    looked: list[int] = []
    with load_target("puppet", root) as target:

        def look_up(frame: int) -> np.ndarray:
            looked.append(frame)
            return canvas_of_frame(target, config.canvas, frame)

        memory = Memory(config.canvas, TORSO, config.memory, target.poses, look_up)
        assert not looked
        for _ in range(2):
            memory.inputs(dance(1)[0], (0, 0, 5, 0, 0, 0), whole(config.canvas))
    assert looked == [0, 5]


def test_a_memory_of_frames_that_show_nobody_is_refused(
    root: Path, exported_realtime: NetworkFiles, tmp_path: Path
) -> None:
    for name, memory in (("empty", (0, 3)), ("beyond", (0, 4000))):
        told = tmp_path / "realtime.json"
        told.write_text(small_realtime_config().model_copy(update={"memory": memory}).to_json())
        make_puppet(root, name, frames=6)
        give(root, name, NetworkFiles(told, exported_realtime.weights, exported_realtime.graph))
        with load_target(name, root) as target, pytest.raises(PackInvalid, match="nobody"):
            create_generator("realtime", target)


def test_frames_that_are_held_out_are_not_remembered(root: Path) -> None:
    """Judged on what it has not learnt from, it must not copy from it either."""
    kept = np.ones(12, bool)
    kept[5] = False
    with load_target("puppet", root) as target, pytest.raises(PackInvalid, match="nobody"):
        create_generator("realtime", Subset(target, kept))


def test_a_smaller_one_draws_the_same_person_with_fewer_pixels(
    root: Path, exported_realtime: NetworkFiles, tmp_path: Path
) -> None:
    config = small_realtime_config()
    finer = config.model_copy(
        update={"canvas": config.canvas.model_copy(update={"width": 192, "height": 192, "scale": 2 / 3})}
    )
    told = tmp_path / "realtime.json"
    told.write_text(finer.to_json())
    make_puppet(root, "fine", frames=12)
    give(root, "fine", NetworkFiles(told, exported_realtime.weights, exported_realtime.graph))
    pose = dance(9)[8]
    with load_target("fine", root) as target, load_target("puppet", root) as coarse:
        generator = opened(target)
        smaller = generator.smaller()
        assert smaller is not None
        (choice,) = generator.choose_all([pose], [Fraction(0)])
        assert smaller.choose_all([pose], [Fraction(0)]) == [choice]
        assert smaller.draw(pose, choice).shape == (5, 128, 128)
        assert smaller.generate(pose, choice).image.shape == generator.generate(pose, choice).image.shape
        assert opened(coarse).smaller() is None, "blocks of 32 leave nothing to be saved"


def test_torch_draws_the_same(exported_realtime: NetworkFiles, root: Path) -> None:
    from core.networks.serve import TorchRunner

    config = read_config(exported_realtime.config)
    with load_target("puppet", root) as target:
        inputs = [part[None] for part in memory_of(target, config).inputs(dance(6)[5], (5,) * 6, whole(config.canvas))]
    drawn = [
        run(*inputs)[0].astype(int)
        for run in (OpenVinoRunner(config, exported_realtime), TorchRunner(config, exported_realtime.weights, "cpu"))
    ]
    assert np.abs(drawn[0] - drawn[1]).max() <= 2


def test_a_shadow_falls_where_the_feet_are(root: Path) -> None:
    """That of the frame whose legs are nearest: the frame's own where its pose is asked for, moved along with the feet."""
    config = small_realtime_config()
    finer = config.canvas.model_copy(update={"width": 128, "height": 128, "scale": 1.0})
    with load_target("puppet", root) as target:
        memory = memory_of(target, config.model_copy(update={"canvas": finer}))
        pose = dance(9)[8]
        wanted = canvas_of_frame(target, finer, 8)[4].astype(int)
        there = memory.light(pose, 8).astype(int)
        step = moved(pose, dx=10, joints=(27, 28, 29, 30, 31, 32))
        beside = memory.light(step, 8).astype(int)
        generator = opened(target)
        (choice,) = generator.choose_all([pose], [Fraction(0)])
        layers = generator.draw(pose, choice)
        np.testing.assert_array_equal(layers[4], generator.memory.light(pose, 8))
    assert wanted.min() < 200, "there is one"
    assert np.abs(there - wanted).mean() < 3
    np.testing.assert_allclose(beside[:, 14:], there[:, 4:-10], atol=6)
