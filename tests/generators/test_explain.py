from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core import paths
from core.conditioning.limb_fields import PART_LAYERS
from core.conditioning.pose_encoding import stick_image
from core.generators import explain
from core.generators.base import Explanation, FrameSelection, Generator
from core.generators.explain import BACKDROP, LARGEST, looks, places_for, sized
from core.generators.nearest import PoseIndex
from core.generators.realtime import RealtimeGenerator, exemplar_bank_of, insides, whole
from core.generators.registry import create_generator, list_generators
from core.inference.runner import NetworkFiles, OpenVinoRunner, WatchedRunner
from core.inference.torch_runner import TorchRunner, load_weights
from core.networks.build import build
from core.networks.unet import SelfAttention
from core.pose.draw import GROUND
from core.rendering.canvas import KEPT, LAYERS
from core.targets.store import load_target
from core.targets.weights import add_generator
from core.training.export import export
from core.types import Frame, Pose
from tests.bodies import moved
from tests.conftest import PROJECT
from tests.puppets import (
    TORSO,
    dance,
    make_puppet,
    small_config,
    small_realtime_config,
    small_state,
    small_unet_config,
    taken,
)

SKETCH = small_unet_config()
CANVAS = SKETCH.canvas
PLACES = (64 // 8) ** 2


@pytest.fixture(scope="module")
def root(
    tmp_path_factory: pytest.TempPathFactory,
    exported: NetworkFiles,
    exported_unet: NetworkFiles,
    exported_realtime: NetworkFiles,
) -> Path:
    """A performer with a network of each kind."""
    folder = tmp_path_factory.mktemp("performers")
    make_puppet(folder, frames=12)
    for name, files in (("mlp-se", exported), ("unet-attn", exported_unet), ("realtime", exported_realtime)):
        roles = {"config": files.config, "weights": files.weights, "graph": files.graph}
        add_generator("puppet", name, roles, licence="CC0", recipe="", root=folder)
    return folder


def glimpses_of(
    root: Path, name: str, pose: Pose, choice: FrameSelection = None, performer: str = "puppet"
) -> list[Explanation]:
    with load_target(performer, root) as target:
        generator = create_generator(name, target)
        return generator.explain(pose, choice or generator.choose_all([pose], [Fraction(0)])[0])


def assert_well_formed(glimpse: Explanation) -> None:
    assert 0 < len(glimpse.title) < 70
    assert "\n" not in glimpse.title + glimpse.note
    assert glimpse.image.dtype == np.uint8
    assert glimpse.image.ndim == 3
    assert glimpse.image.shape[2] == 3
    assert 16 <= max(glimpse.image.shape) <= LARGEST
    assert glimpse.image.flags.c_contiguous
    assert glimpse.image.std() > 2, "something is to be seen"


# ---- everything that can be looked into


@pytest.mark.parametrize("name", [spec.name for spec in list_generators()])
def test_every_generator_of_a_bundled_performer_lets_people_look(name: str) -> None:
    if not (paths.BUNDLED_PERFORMERS / "mira").is_dir():
        pytest.skip("mira is not here")
    with load_target("mira") as mira:
        generator = create_generator(name, mira)
        pose = mira.pose(183)
        assert pose is not None
        choice = generator.choose_all([pose], [Fraction(0)])[0]
        glimpses = generator.explain(pose, choice)
    assert glimpses
    for glimpse in glimpses:
        assert_well_formed(glimpse)
    assert len({glimpse.title for glimpse in glimpses}) == len(glimpses)
    attentive = {"unet-attn", "gan-bce-unet", "wgan-gp-unet"}
    assert any("look" in glimpse.title for glimpse in glimpses) == (name in attentive)


@pytest.mark.parametrize("name", ["nearest", "nearest-frame", "mlp-se", "unet-attn", "realtime"])
def test_those_of_a_small_performer_too(root: Path, name: str) -> None:
    for glimpse in glimpses_of(root, name, dance(9)[8]):
        assert_well_formed(glimpse)


def test_nothing_is_to_be_seen_where_a_generator_shows_nothing() -> None:
    assert Generator.explain(None, dance(1)[0], None) == []  # type: ignore[arg-type]


LOOK = """
import sys, numpy as np
from fractions import Fraction
from pathlib import Path
from core.generators.registry import create_generator
from core.targets.store import load_target
from core.types import Pose
pose = Pose(np.load(sys.argv[2]))
with load_target("puppet", Path(sys.argv[1])) as target:
    for name in ("nearest", "mlp-se", "unet-attn", "realtime"):
        generator = create_generator(name, target)
        assert generator.explain(pose, generator.choose_all([pose], [Fraction(0)])[0])
print([name for name in ("torch", "lightning_fabric", "streamlit") if name in sys.modules])
"""


def test_looking_never_loads_torch(root: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "pose.npy", dance(5)[4].landmarks)
    words = [sys.executable, "-c", LOOK, str(root), str(tmp_path / "pose.npy")]
    environment = {k: v for k, v in os.environ.items() if k != "DANCE_DEVICE"}
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


# ---- frames of the footage


def test_how_far_a_frame_is_away_is_what_it_was_chosen_by(root: Path) -> None:
    pose = moved(dance(12)[7], dy=-9, joints=(15, 17, 19, 21))
    with load_target("puppet", root) as target:
        index = PoseIndex(target)
        apart = index.distances(pose.landmarks[None])[0]
        order = index.frames[apart.argsort()]
        generator = create_generator("nearest", target)
        best, other = (generator.explain(pose, int(frame)) for frame in (order[0], order[4]))
        shown, footage = best[0].image, target.frames[int(order[0])]
    assert [glimpse.title for glimpse in best] == [f"Frame {order[0]} of the footage"]
    assert [glimpse.title for glimpse in other] == [f"Frame {frame} of the footage" for frame in (order[4], order[0])]
    wanted = sorted(apart)[4], min(apart)
    for glimpse, distance in zip(other, wanted, strict=True):
        assert re.search(rf"\b{distance:.2f} torso lengths away$", glimpse.note)
    assert wanted[0] - wanted[1] > 0.01
    assert "closest" in other[1].note
    assert best[0].note == f"{min(apart):.2f} torso lengths away"
    assert footage.tobytes().find(shown[0].tobytes()) >= 0, "a piece of the frame as it is"
    assert shown.shape[1] < 128


@pytest.mark.parametrize("name", ["nearest", "realtime"])
def test_without_what_was_chosen_there_is_nothing_to_show(root: Path, name: str) -> None:
    with load_target("puppet", root) as target, pytest.raises(ValueError, match="chosen"):
        create_generator(name, target).explain(dance(1)[0], None)


# ---- parts


def test_every_part_is_named_once_under_the_frame_it_is_from(root: Path) -> None:
    glimpses = glimpses_of(root, "realtime", dance(9)[8], taken(0, 0, 5, 8, 0, 8))
    assert [glimpse.title for glimpse in glimpses[:3]] == [
        "Frame 0: trunk, head, left leg",
        "Frame 5: left arm",
        "Frame 8: right arm, right leg",
    ]
    assert [glimpse.title for glimpse in glimpses[3:]] == [
        "Copied before repair",
        "What the network drew",
        "Copied or drawn",
    ]


def test_what_is_not_taken_is_faint(root: Path) -> None:
    with load_target("puppet", root) as target:
        memory = exemplar_bank_of(target, small_realtime_config())
        everything, trunk, nothing = (off_ground(memory.taken(5, parts)) for parts in (range(6), (0,), ()))
    assert nothing.max() > 5, "and yet there"
    assert nothing.sum() < 0.45 * everything.sum()
    assert 1.2 * nothing.sum() < trunk.sum() < 0.9 * everything.sum()
    assert everything.max() > 80


def off_ground(picture: Frame) -> NDArray[np.int64]:
    return np.asarray(np.abs(picture.astype(np.int64) - BACKDROP))


def test_what_is_copied_and_what_is_drawn_is_told_apart(root: Path) -> None:
    config = small_realtime_config()
    canvas, pose = config.canvas, dance(9)[8]
    with load_target("puppet", root) as target:
        seen = exemplar_bank_of(target, config).seen(pose, taken(8), whole(canvas))
    mix = np.zeros((LAYERS + PART_LAYERS, 32, 32), np.uint8)
    mix[:KEPT] = 200
    alone, copied = mix, mix.copy()
    copied[KEPT : KEPT + PART_LAYERS] = 255
    first, second = insides(alone, seen, canvas), insides(copied, seen, canvas)
    assert first.copied == 0
    assert 0.1 < second.copied <= 1
    for pictures in (first, second):
        for picture in (pictures.warped, pictures.origin, pictures.drawn):
            assert picture.shape == (canvas.height, canvas.width, 3)
            assert picture.dtype == np.uint8
    np.testing.assert_array_equal(first.warped, second.warped)
    np.testing.assert_array_equal(first.drawn, second.drawn)
    assert np.ptp(first.origin, axis=2).max() <= 1, "white, and no colour"
    assert np.ptp(second.origin, axis=2).max() > 100


def test_the_share_that_is_copied_is_in_the_note(root: Path) -> None:
    pose = dance(9)[8]
    with load_target("puppet", root) as target:
        generator = create_generator("realtime", target)
        assert isinstance(generator, RealtimeGenerator)
        canvas = generator.config.canvas
        seen = generator.memory.seen(pose, taken(8), whole(canvas))
        mix = generator.network()(seen.fields[None], seen.told[None], seen.small[None])[0]
        note = generator.explain(pose, taken(8))[-1].note
    assert note.startswith(f"{insides(mix, seen, canvas).copied:.0%} is copied")


# ---- what networks are told


def test_a_skeleton_has_its_colours() -> None:
    pose = dance(1)[0]
    picture = explain.sticks_in_colour(stick_image(CANVAS, pose, TORSO), CANVAS, pose, TORSO)
    assert max(picture.shape) == LARGEST
    assert tuple(picture[0, 0]) == GROUND
    lower = picture[picture.shape[0] // 2 :].astype(int)
    left, right = lower[..., 0] - lower[..., 2], lower[..., 2] - lower[..., 0]
    # seen from the front, the left leg is on the right
    assert np.argwhere(left > 50)[:, 1].mean() > np.argwhere(right > 50)[:, 1].mean() + 20


def test_turned_around_the_trunk_has_another_colour() -> None:
    front = dance(1)[0]
    back = front.landmarks.copy()
    pairs = [(left, left + 1) for left in range(11, 32, 2)]
    for left, right in pairs:
        back[[left, right]] = back[[right, left]]
    middles = []
    for pose in (front, Pose(back)):
        picture = explain.sticks_in_colour(stick_image(CANVAS, pose, TORSO), CANVAS, pose, TORSO)
        trunk = picture[int(0.36 * len(picture)), picture.shape[1] // 2].astype(int)
        middles.append(trunk)
    assert middles[0][1] > middles[0][0]
    assert middles[1][1] < middles[1][0]


def test_joints_are_dots_where_they_are(root: Path) -> None:
    pose = dance(1)[0]
    picture = explain.joints_on_canvas(CANVAS, pose, TORSO)
    assert picture.shape == (LARGEST, LARGEST, 3)
    at = ((pose.xy - pose.xy[[23, 24]].mean(0) - (CANVAS.left, CANVAS.top)) / CANVAS.scale * 8).round().astype(int)
    assert all((picture[y, x].astype(int) - GROUND).max() > 100 for x, y in at[[0, 11, 16, 27]])
    assert (picture != GROUND).any(2).mean() < 0.1, "and nothing else"
    unsure = pose.landmarks.copy()
    unsure[16, 3] = 0.1
    rings = explain.joints_on_canvas(CANVAS, Pose(unsure), TORSO)
    x, y = at[16]
    assert tuple(rings[y, x]) == GROUND
    assert "Rings" in glimpses_of(root, "mlp-se", Pose(unsure))[0].note
    assert "Rings" not in glimpses_of(root, "mlp-se", pose)[0].note


def test_pictures_are_as_large_as_a_page_needs() -> None:
    large, small = np.zeros((2000, 1000, 3), np.uint8), np.zeros((20, 40, 3), np.uint8)
    assert sized(large).shape == sized(large, larger=True).shape == (512, 256, 3)
    assert sized(small).shape == (20, 40, 3)
    assert sized(small, larger=True).shape == (256, 512, 3)


# ---- where networks look


@pytest.fixture(scope="module")
def looking(tmp_path_factory: pytest.TempPathFactory) -> NetworkFiles:
    """The files of a small network whose places look at some more than at others."""
    state = small_state(SKETCH)
    for name in ("ask", "offer"):
        state[f"attend.{name}.weight"] *= 40
    return export(SKETCH, state, tmp_path_factory.mktemp("looking"))


def told(pose: Pose) -> NDArray[np.float32]:
    return stick_image(CANVAS, pose, TORSO)[None].astype(np.float32) / np.float32(255)


def test_attention_is_what_the_network_computes(looking: NetworkFiles) -> None:
    network = build(SKETCH).eval()
    load_weights(network, looking.weights)
    attend = network.get_submodule("attend")
    assert isinstance(attend, SelfAttention)
    given: list[torch.Tensor] = []
    attend.register_forward_hook(lambda _module, inputs, _made: given.append(inputs[0]))
    runners = OpenVinoRunner(SKETCH, looking), TorchRunner(SKETCH, looking.weights, "cpu")
    for pose in dance(9)[::4]:
        with torch.no_grad():
            network(torch.from_numpy(told(pose)))
            wanted = attend.weights(given[-1]).numpy()
        assert wanted.std(1).mean() > 1e-3, "places look elsewhere"
        assert wanted.std(2).mean() > 1e-2, "and not everywhere"
        for run in runners:
            drawn = run(told(pose))
            weights = run.attention(told(pose))
            assert weights is not None
            assert weights.shape == (1, PLACES, PLACES)
            assert weights.dtype == np.float32
            np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-4)
            np.testing.assert_allclose(weights, wanted, atol=1e-4)
            np.testing.assert_array_equal(run(told(pose)), drawn)


def test_attention_is_as_exact_where_pictures_are_not(looking: NetworkFiles) -> None:
    exact, half = (
        OpenVinoRunner(SKETCH.model_copy(update={"precision": precision}), looking).attention(told(dance(1)[0]))
        for precision in ("f32", "bf16")
    )
    assert exact is not None
    assert half is not None
    np.testing.assert_array_equal(exact, half)


def test_who_does_not_look_around_says_so(exported: NetworkFiles, looking: NetworkFiles) -> None:
    points = np.zeros((1, 26), np.float32), np.zeros((1, 2048, 2), np.float32)
    config = small_config()
    assert OpenVinoRunner(config, exported).attention(*points) is None
    assert TorchRunner(config, exported.weights, "cpu").attention(*points) is None
    plain = small_unet_config(attention=False)
    assert OpenVinoRunner(plain, looking).attention(told(dance(1)[0])) is None


@pytest.mark.parametrize("kind", ["openvino", "torch"])
def test_threads_look_and_draw_beside_each_other(looking: NetworkFiles, kind: str) -> None:
    poses = dance(4)
    alone = OpenVinoRunner(SKETCH, looking)
    wanted = [alone.attention(told(pose)) for pose in poses]
    run: WatchedRunner = OpenVinoRunner(SKETCH, looking)
    if kind == "torch":
        run = TorchRunner(SKETCH, looking.weights, "cpu")
    right: list[bool] = []
    start = threading.Barrier(4)

    def work(i: int) -> None:
        start.wait()
        for _ in range(6):
            weights, expected = run.attention(told(poses[i])), wanted[i]
            run(told(poses[i - 1]))
            assert weights is not None
            assert expected is not None
            right.append(bool(np.abs(weights - expected).max() < 1e-4))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 24


def drawn() -> Frame:
    return np.full((64, 64, 3), 90, np.uint8)


def at_one(place: int) -> NDArray[np.float32]:
    weights = np.zeros((PLACES, PLACES), np.float32)
    weights[:, place] = 1
    return weights


def test_places_that_look_at_the_same_are_one_picture() -> None:
    (glimpse,) = looks(at_one(2 * 8 + 6), drawn(), CANVAS, dance(1)[0])
    assert glimpse.title == "Hands, head and feet look at"
    assert glimpse.note == "90% of the weight lies on 1 of 64 places; 100% of the picture looks there too."
    warm = glimpse.image[..., 0].astype(int) - glimpse.image[..., 2]
    row, column = np.unravel_index(int(warm.argmax()), warm.shape)
    assert [int(row) // 64, int(column) // 64] == [2, 6]
    assert warm[:, :256].max() < 5


def test_places_that_look_elsewhere_are_apart() -> None:
    glimpses = looks(np.eye(PLACES, dtype=np.float32), drawn(), CANVAS, dance(1)[0])
    assert [glimpse.title for glimpse in glimpses] == [
        f"{name} looks at" for name in ("Left hand", "Right hand", "Head", "Left foot", "Right foot")
    ]
    assert all("the picture" not in glimpse.note for glimpse in glimpses)
    weights = np.eye(PLACES, dtype=np.float32)
    weights[PLACES // 2 :] = at_one(0)[0]
    assert [glimpse.title for glimpse in looks(weights, drawn(), CANVAS, dance(1)[0])][-1] == (
        "Left foot, right foot look at"
    )


def test_spread_evenly_it_is_said_to_be_of_little_use() -> None:
    even = np.full((PLACES, PLACES), 1 / PLACES, np.float32)
    (glimpse,) = looks(even, drawn(), CANVAS, dance(1)[0])
    assert "58 of 64 places" in glimpse.note
    assert "hardly uses" in glimpse.note
    warm = glimpse.image[..., 0].astype(int) - glimpse.image[..., 2]
    assert warm.max() < 60, "nothing glows"


def test_what_is_looked_at_in_vain_is_said_to_be(root: Path) -> None:
    (glimpse,) = looks(at_one(5), drawn(), CANVAS, dance(1)[0], gamma=-0.0002)
    assert glimpse.note.endswith("; what it finds counts 0.0002, next to nothing.")
    (used,) = looks(at_one(5), drawn(), CANVAS, dance(1)[0], gamma=-0.03)
    assert "counts" not in used.note
    assert all("counts" not in seen.note for seen in glimpses_of(root, "unet-attn", dance(1)[0]))


def test_a_network_that_has_not_learnt_to_look_around(root: Path, tmp_path: Path) -> None:
    state = small_state(SKETCH)
    state["attend.gamma"] *= 0
    files = export(SKETCH, state, tmp_path)
    make_puppet(root, "fresh", frames=6)
    roles = {"config": files.config, "weights": files.weights, "graph": files.graph}
    add_generator("fresh", "unet-attn", roles, licence="CC0", recipe="", root=root)
    seen = glimpses_of(root, "unet-attn", dance(1)[0], performer="fresh")[1:]
    assert all("counts 0.0000" in glimpse.note for glimpse in seen)


def test_what_is_outside_of_the_canvas_looks_nowhere() -> None:
    pose = moved(dance(1)[0], dx=500, joints=(15, 17, 19, 21))
    titles = [glimpse.title for glimpse in looks(np.eye(PLACES, dtype=np.float32), drawn(), CANVAS, pose)]
    assert len(titles) == 4
    assert "Left hand looks at" not in titles


@pytest.mark.parametrize(("row", "count"), [([1, 0, 0, 0], 1), ([0.5, 0.5, 0, 0], 2), ([0.25] * 4, 4)])
def test_places_are_counted_until_most_of_the_weight_is_there(row: list[float], count: int) -> None:
    assert places_for(np.array(row, np.float32)) == count


def test_a_small_network_shows_where_it_looks(root: Path) -> None:
    glimpses = glimpses_of(root, "unet-attn", dance(5)[4])
    assert glimpses[0].title == "The skeleton it redraws"
    assert len(glimpses) > 1
    assert all(glimpse.title.endswith(("looks at", "look at")) for glimpse in glimpses[1:])
