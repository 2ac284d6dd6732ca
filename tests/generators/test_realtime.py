from __future__ import annotations

import threading
from fractions import Fraction
from functools import reduce
from pathlib import Path
from time import sleep

import cv2
import numpy as np
import pytest
import torch

from core.conditioning.limb_fields import CELL, FIELDS, PART_LAYERS, TOLD
from core.errors import PackInvalid
from core.generators import realtime
from core.generators.base import frames_of
from core.generators.realtime import (
    ExemplarBank,
    RealtimeGenerator,
    canvas_of_frame,
    exemplar_bank_of,
    firm,
    lay_mix,
    person_of_frame,
    whole,
)
from core.generators.registry import create_generator
from core.inference.runner import NetworkFiles, OpenVinoRunner
from core.networks.build import build
from core.networks.config import NetworkConfig, read_config
from core.networks.realtime import blend
from core.rendering.canvas import KEPT, LAYERS, Canvas, compose
from core.targets.split import Subset
from core.targets.store import Target, load_target
from core.targets.weights import add_generator
from core.types import Pose
from tests.bodies import moved
from tests.puppets import TORSO, dance, make_puppet, small_realtime_config, small_state, taken, wall
from tests.waiting import PATIENCE, until


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
    assert picture.image.shape == (128, 128, 3)
    assert picture.alpha.any()
    beside = np.zeros((128, 128), bool)
    beside[:, :10] = beside[:, -10:] = True
    assert np.abs(picture.image.astype(int) - wall())[beside].max() < 250
    assert np.abs(picture.image.astype(int) - wall())[picture.alpha > 100].mean() > 10


@pytest.mark.parametrize("fine", [False, True])
def test_what_is_served_is_what_is_learnt(root: Path, fine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blended by torch on the whole canvas, or here where anything is; but for holes, which are filled besides."""
    monkeypatch.setattr(realtime, "_HOLE", 255)
    config = small_realtime_config()
    if fine:
        finer = {"width": 128, "height": 128, "scale": 1.0}
        config = config.model_copy(update={"canvas": config.canvas.model_copy(update=finer)})
    network = build(config).eval()
    network.load_state_dict(small_state(config))
    pose, canvas = dance(9)[8], config.canvas
    with load_target("puppet", root) as target:
        seen = exemplar_bank_of(target, config).seen(pose, taken(8, 8, 5, 8, 0, 8), whole(canvas))
        stage = target.plate
    parts = np.zeros((PART_LAYERS, canvas.height, canvas.width, 4), np.uint8)
    parts[:, seen.box.rows, seen.box.columns] = seen.parts
    with torch.no_grad():
        mix = network(*(torch.from_numpy(x[None]) for x in (seen.fields, seen.told, seen.small)))
        firmly = mix.clone()
        gates = slice(KEPT, KEPT + PART_LAYERS)
        firmly[:, gates] = torch.from_numpy(firm((mix[:, gates] * 255).round().byte().numpy()[0]))[None] / 255
        fields, small, warped = (torch.from_numpy(x[None]) for x in (seen.fields, seen.small, parts))
        layers = blend(firmly, fields, small, warped)
    in_levels = [np.rint(x[0].numpy() * 255).astype(np.uint8) for x in (mix, layers)]
    made = lay_mix(in_levels[0], seen, canvas, pose, stage)
    wanted = compose(in_levels[1], canvas, pose, stage)
    # what is drawn where nobody can be is left out
    inside = np.zeros_like(in_levels[1])
    inside[:4, 4 + seen.box.top : -4, :][..., seen.box.left + 4 : seen.box.left + seen.box.width - 4] = 255
    judged = compose(inside, canvas, pose, stage).alpha
    off = np.abs(made.image.astype(int) - wanted.image)
    off = off[judged == 255]
    assert len(off) > 60
    assert wanted.image.std() > 10
    assert off.mean() < 1.2
    assert np.percentile(off, 99) <= 4


def test_a_limb_that_is_neither_copied_nor_drawn_is_no_hole(root: Path) -> None:
    config, pose = small_realtime_config(), dance(9)[8]
    canvas = config.canvas.model_copy(update={"width": 128, "height": 128, "scale": 1.0})
    with load_target("puppet", root) as target:
        memory = exemplar_bank_of(target, config.model_copy(update={"canvas": canvas}))
        seen = memory.seen(pose, taken(8), whole(canvas))
        stage = target.plate
    nothing = np.zeros((LAYERS + PART_LAYERS, canvas.height // 2, canvas.width // 2), np.uint8)
    nothing[-1] = 255
    shown = lay_mix(nothing, seen, canvas, pose, stage)
    xy = np.rint(pose.xy[[25, 26, 27, 28]] - 0.5).astype(int)
    assert shown.alpha is not None
    assert (shown.alpha[xy[:, 1], xy[:, 0]] > 150).all(), "knees and ankles"
    outline = seen._replace(small=np.zeros_like(seen.small), parts=np.zeros_like(seen.parts))
    empty = lay_mix(nothing, outline, canvas, pose, stage).alpha
    assert empty is not None
    assert not empty.any(), "nothing is there to be shown"


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
        assert len(choice) == 6
        assert set(frames_of(choice)) <= set(generator.config.memory)
    first = one_by_one[0]
    assert isinstance(first, tuple)
    trunk, _, *limbs = first
    assert [trunk, *limbs] == [((0, 1.0),)] * 5, "a pose that is remembered is taken as it is"


def test_nothing_fades_over_a_cut(root: Path) -> None:
    """Two poses that are remembered, one after the other: each shot shows its own, where one shot would have faded."""
    with load_target("puppet", root) as target:
        generator = opened(target)
        first, last = (target.pose(generator.config.memory[place]) for place in (0, -1))
        poses, times = [first] * 5 + [last] * 5, [Fraction(i, 25) for i in range(10)]
        cut, whole = generator.choose_all(poses, times, [5]), generator.choose_all(poses, times)
    assert cut[4] == cut[0]
    assert cut[5] == cut[9]
    assert cut[4] != cut[5]
    assert whole[4] != whole[0], "in one shot one fades into the other"


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
    off = here.alpha[20:100, 20:100].astype(int) - there.alpha[14:94, 28:108]
    assert np.abs(off).max() <= 1


def test_what_a_network_is_given(root: Path) -> None:
    config, pose = small_realtime_config(), dance(9)[8]
    with load_target("puppet", root) as target:
        memory = exemplar_bank_of(target, config)
        seen = memory.seen(pose, taken(8), whole(config.canvas))
        wanted = np.dstack([*canvas_of_frame(target, config.canvas, 8)[:KEPT]]).astype(int)
    assert seen.fields.shape == (FIELDS, 32 // CELL, 32 // CELL)
    assert seen.told.shape == (TOLD,)
    np.testing.assert_allclose(seen.told[-6:], 0, atol=0.02)
    assert seen.small.shape == (PART_LAYERS, 32, 32, 4)
    assert seen.parts.shape == (PART_LAYERS, seen.box.height, seen.box.width, 4)
    small = cv2.resize(wanted.astype(np.uint8), (32, 32), interpolation=cv2.INTER_AREA)
    for parts, goal in ((seen.parts, wanted[seen.box.rows, seen.box.columns]), (seen.small, small)):
        laid = reduce(lambda under, over: under * (1 - over[..., 3:] / 255) + over, parts.astype(float))
        assert np.abs(laid - goal).mean() < 16, "the frame itself, put together again"


def watched_bank(target: Target, config: NetworkConfig, seconds: float = 0.0) -> tuple[ExemplarBank, list[int]]:
    """What a performer is remembered by, and the frames that were looked up of it so far, each for ``seconds`` at least."""
    looked: list[int] = []

    def look_up(frame: int) -> np.ndarray:
        looked.append(frame)
        sleep(seconds)
        return person_of_frame(target, config.canvas, frame)

    return ExemplarBank(config.canvas, TORSO, config.memory, target.poses, look_up), looked


def test_frames_are_looked_up_once_and_when_they_are_needed(root: Path) -> None:
    config = small_realtime_config()
    with load_target("puppet", root) as target:
        memory, looked = watched_bank(target, config)
        assert not looked
        for _ in range(2):
            memory.seen(dance(1)[0], taken(0, 0, 5, 0, 0, 0), whole(config.canvas))
    assert set(looked) >= {0, 5}
    assert len(looked) == len(set(looked)), "what others are filled in from is kept"


def test_everything_is_looked_up_ahead_until_told_to_stop(root: Path) -> None:
    config = small_realtime_config()
    with load_target("puppet", root) as target:
        memory, looked = watched_bank(target, config)
        memory.look_up_all(lambda: len(looked) < 2)
        assert set(looked) < set(config.memory)
        memory.look_up_all(lambda: True)
        assert sorted(looked) == sorted(config.memory), "none of them twice"
        smaller = memory.shrunk(config.canvas.model_copy(update={"scale": 2.0}))
        smaller.look_up_all(lambda: True)
    assert sorted(looked) == sorted(config.memory), "what is large already is made small"


def test_what_is_to_be_drawn_is_looked_up_before_what_may_be(root: Path) -> None:
    with load_target("puppet", root) as target:
        shown = tuple(frame for frame in range(12) if target.found[frame])
        config = small_realtime_config().model_copy(update={"memory": shown})
        canvas = config.canvas.model_copy(update={"scale": 2.0})
        for smaller in (False, True):
            bank, looked = watched_bank(target, config, seconds=0.1)
            drawn = bank.shrunk(canvas) if smaller else bank
            ahead = threading.Thread(target=bank.look_up_all, args=(lambda: True,))
            ahead.start()
            until(looked.__len__)
            drawn.seen(dance(9)[8], taken(11), whole(drawn._canvas))
            assert len(looked) < len(shown), "the others were looked up first"
            ahead.join(PATIENCE)
            assert sorted(looked) == sorted(shown)


def test_what_is_filled_in_does_not_depend_on_what_was_looked_up_before() -> None:
    drawn = []
    with load_target("theo") as target:
        for turn in (1, -1):
            generator = opened(target)
            frames = generator.memory.frames[:12]
            pictures = {f: generator.generate(target.pose(f), taken(f)).image for f in frames[::turn]}  # type: ignore[arg-type]
            drawn.append([pictures[frame] for frame in frames])
    first, second = drawn
    np.testing.assert_array_equal(first, second)


def test_the_smaller_memory_shows_the_same_person_in_the_same_place(root: Path) -> None:
    config, pose = small_realtime_config(), dance(9)[8]
    large = config.canvas.model_copy(update={"width": 128, "height": 128, "scale": 1.0})
    small = large.shrunk(1.5, 32)
    with load_target("puppet", root) as target:

        def own(canvas: Canvas) -> ExemplarBank:
            return ExemplarBank(
                canvas, TORSO, config.memory, target.poses, lambda f: person_of_frame(target, canvas, f)
            )

        shrunk, looked_up = (
            memory.seen(pose, taken(8, 8, 5, 5, 0, 0), whole(small)).parts.astype(np.float32)
            for memory in (own(large).shrunk(small), own(small))
        )
    assert looked_up.any()

    def off(right: float, down: float) -> float:
        moved = np.array([[1, 0, right], [0, 1, down]], np.float32)
        seen = [cv2.warpAffine(layer, moved, layer.shape[1::-1]) for layer in shrunk]
        return float(np.abs(np.stack(seen) - looked_up).mean())

    assert off(0, 0) < min(off(-0.5, 0), off(0.5, 0), off(0, -0.5), off(0, 0.5))


def test_what_is_remembered_is_the_person_as_they_are_learnt(root: Path) -> None:
    """Shadows shine through the edge of a shoe alone."""
    config = small_realtime_config()
    with load_target("puppet", root) as target:
        remembered = person_of_frame(target, config.canvas, 8).astype(int)
        learnt = np.dstack([*canvas_of_frame(target, config.canvas, 8)[:KEPT]])
    assert np.abs(remembered - learnt).mean() < 0.2
    assert np.abs(remembered - learnt).max() < 60
    np.testing.assert_array_equal(remembered[..., 3], learnt[..., 3])


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
        assert (smaller.config.canvas.width, smaller.config.canvas.height) == (128, 128)
        assert smaller.generate(pose, choice).image.shape == generator.generate(pose, choice).image.shape
        assert generator.smaller() is smaller, "one for everybody"
        assert generator.for_height(192) is generator
        assert generator.for_height(128) is smaller, "no pixel is lost where it is shown"
        assert opened(coarse).smaller() is None, "blocks of 64 leave nothing to be saved"


def test_torch_draws_the_same(exported_realtime: NetworkFiles, root: Path) -> None:
    from core.inference.torch_runner import TorchRunner

    config = read_config(exported_realtime.config)
    with load_target("puppet", root) as target:
        seen = exemplar_bank_of(target, config).seen(dance(6)[5], taken(5), whole(config.canvas))
        inputs = [part[None] for part in (seen.fields, seen.told, seen.small)]
    drawn = [
        run(*inputs)[0].astype(int)
        for run in (OpenVinoRunner(config, exported_realtime), TorchRunner(config, exported_realtime.weights, "cpu"))
    ]
    assert np.abs(drawn[0] - drawn[1]).max() <= 2
