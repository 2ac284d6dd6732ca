from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.conditioning.pose_encoding import around_person
from core.generators.neural import draw_points
from core.networks.build import Drawn, build
from core.networks.config import NetworkConfig
from core.rendering.canvas import KEPT
from core.targets.split import split_of
from core.targets.store import load_target
from core.training.dataset import Examples, prepare
from core.training.point_task import POSE_NOISE, WINDOW, PointTask
from core.types import Pose
from tests.puppets import SMALL, TORSO, small_state
from tests.training.views import check_window, coded_examples, sticks_of


@pytest.fixture
def examples(puppets: Path) -> Examples:
    with load_target("puppet", puppets) as target:
        return prepare(target, split_of(target, "blocks"), 64, TORSO)


def config_of(examples: Examples) -> NetworkConfig:
    return NetworkConfig(generator="mlp-se", network=SMALL.network, canvas=examples.canvas, unit=TORSO)


def task_of(examples: Examples) -> PointTask:
    return PointTask(examples, config_of(examples), SMALL, torch.device("cpu"))


class Oracle(nn.Module):
    """Knows the picture of one frame, and at which of its pixels a point lies."""

    def __init__(self, examples: Examples, frame: int, shift: int = 0) -> None:
        super().__init__()
        self.canvas, self.shift = examples.canvas, shift
        self.layers = torch.from_numpy(np.array(examples.layers[frame])).float().flatten(1) / 255
        self.snapped = torch.from_numpy(examples.canvas.snapped(Pose(examples.landmarks[frame])).astype(np.float32))
        self.asked: list[Tensor] = []
        self.told: list[Tensor] = []

    def forward(self, told: Tensor, points: Tensor) -> Tensor:
        corner = torch.tensor([self.canvas.left, self.canvas.top]) + self.snapped
        at = (points * TORSO - corner) / self.canvas.scale - 0.5
        whole = at.round().long()
        assert (at - whole).abs().max() < 0.01, "points are the middles of pixels"
        columns = (whole[..., 0] + self.shift).clamp(0, self.canvas.width - 1)
        pixels = whole[..., 1] * self.canvas.width + columns
        self.asked.append(pixels)
        self.told.append(told)
        return self.layers.T[pixels]


def test_who_knows_the_picture_makes_no_mistake(examples: Examples) -> None:
    task = task_of(examples)
    for frame in (0, 25, 58):
        draws = torch.Generator().manual_seed(frame)
        assert float(task.loss(Oracle(examples, frame), torch.tensor([frame]), draws)) < 1e-5
        assert float(task.loss(Oracle(examples, frame, shift=2), torch.tensor([frame]), draws)) > 1e-3
        drawn, wanted = task.draw(Oracle(examples, frame), frame), task.wanted(frame)
        assert drawn.shape == wanted.shape == examples.layers[frame].shape
        np.testing.assert_allclose(wanted.numpy() * 255, examples.layers[frame], atol=1e-3)
        assert float((drawn - wanted).abs().mean()) < 1e-3, "what is left out of the canvas is empty"


def test_each_frame_is_asked_for_its_own(examples: Examples) -> None:
    task, both = task_of(examples), torch.tensor([5, 40])

    class Both(nn.Module):
        def forward(self, told: Tensor, points: Tensor) -> Tensor:
            each = [Oracle(examples, int(f)) for f in both]
            return torch.cat([each[i](told[i : i + 1], points[i : i + 1]) for i in range(2)])

    assert float(task.loss(Both(), both, torch.Generator().manual_seed(0))) < 1e-5


def test_draws_follow_from_their_generator(examples: Examples) -> None:
    task, network = task_of(examples), build(config_of(examples)).eval()
    with torch.no_grad():
        losses = [float(task.loss(network, torch.arange(4), torch.Generator().manual_seed(s))) for s in (1, 1, 2)]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_told_joints_are_a_little_off(examples: Examples) -> None:
    oracle = Oracle(examples, 7)
    for seed in range(20):
        task_of(examples).loss(oracle, torch.tensor([7]), torch.Generator().manual_seed(seed))
    off = torch.cat(oracle.told) - torch.from_numpy(examples.inputs()[7])
    assert float(off.std()) == pytest.approx(POSE_NOISE, rel=0.15)
    assert abs(float(off.mean())) < 0.1 * POSE_NOISE * 3


def test_most_points_lie_where_the_person_can_be(examples: Examples) -> None:
    oracle = Oracle(examples, 7)
    for seed in range(10):
        task_of(examples).loss(oracle, torch.tensor([7]), torch.Generator().manual_seed(seed))
    asked = torch.cat(oracle.asked).flatten()
    assert len(asked) == 10 * SMALL.points
    near = around_person(examples.canvas, Pose(examples.landmarks[7]), TORSO).ravel()
    inside = float(near[asked.numpy()].mean())
    assert inside == pytest.approx(0.8 + 0.2 * near.mean(), abs=0.04)
    elsewhere = asked[oracle.layers[3][asked] == 0]
    assert len(elsewhere.unique()) > 200, "and some anywhere, for the shadow"


def test_it_is_judged_by_what_will_be_served(examples: Examples) -> None:
    config = config_of(examples)
    network = build(config)
    network.load_state_dict(small_state(config))
    network.eval()
    served = Drawn(network).eval()

    def run(*inputs: object) -> np.ndarray:
        with torch.no_grad():
            drawn: np.ndarray = served(*(torch.from_numpy(x) for x in inputs)).numpy()
        return drawn

    layers = draw_points(run, config, Pose(examples.landmarks[25]))
    with torch.no_grad():
        judged = task_of(examples).draw(network, 25).numpy() * 255
    assert np.abs(layers[:KEPT] - judged[:KEPT]).max() < 1.01
    # the shadow is served at a quarter of the size
    assert np.abs(layers[4] - judged[4]).mean() < 8


class Everyone(nn.Module):
    """Knows the pictures of several frames that are asked for together."""

    def __init__(self, examples: Examples, frames: list[int]) -> None:
        super().__init__()
        self.each = [Oracle(examples, frame) for frame in frames]

    def forward(self, told: Tensor, points: Tensor) -> Tensor:
        parts = [one(told[i : i + 1], points[i : i + 1]) for i, one in enumerate(self.each)]
        return torch.cat(parts)


@pytest.mark.parametrize(
    "canvas",
    [
        {}, {"width": 192, "height": 144}, {"width": 32, "height": 64}, {"width": 64, "height": 48},
        {"width": 144, "height": 192, "scale": 0.6, "left": -52.0, "top": -71.0},
    ],
    ids=str,
)  # fmt: skip
def test_windows_are_one_place(canvas: dict[str, Any]) -> None:
    examples = coded_examples(**canvas)
    frames = [4, 0, 2]
    views = task_of(examples).windows(
        Everyone(examples, frames), torch.tensor(frames), torch.Generator().manual_seed(0), 4
    )
    assert len(views) == 4
    side = min(WINDOW, examples.canvas.width, examples.canvas.height)
    for view in views:
        assert len(view.made) == len(view.wanted) == len(view.sticks) == 3
        for place, frame in enumerate(frames):
            check_window(examples, view, place, frame, side, sticks_of(examples, frame))


def test_a_window_leads_back_to_the_network() -> None:
    examples = coded_examples()
    network = build(config_of(examples))
    view = task_of(examples).windows(network, torch.tensor([1, 2]), torch.Generator().manual_seed(0), 1)[0]
    view.made.sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())
