from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.generators.neural import draw_picture
from core.networks.build import Drawn, build
from core.networks.config import NetworkConfig
from core.targets.split import split_of
from core.targets.store import load_target
from core.training import image_task
from core.training.dataset import Examples, prepare
from core.training.image_task import WINDOW, PictureTask
from core.types import Pose
from tests.puppets import SMALL_UNET, TORSO, small_state
from tests.training.views import check_window, coded_examples, sticks_of

CANVASES: list[dict[str, Any]] = [
    {}, {"width": 192, "height": 144}, {"width": 32, "height": 64}, {"width": 16, "height": 16},
    {"width": 144, "height": 192, "scale": 0.6, "left": -52.0, "top": -71.0},
]  # fmt: skip


def config_of(examples: Examples) -> NetworkConfig:
    return NetworkConfig(generator="unet-attn", network=SMALL_UNET.network, canvas=examples.canvas, unit=TORSO)


def task_of(examples: Examples) -> PictureTask:
    return PictureTask(examples, config_of(examples), torch.device("cpu"))


class Oracle(nn.Module):
    """Knows the pictures of some frames, whatever it is told; of a window it is told through ``watched``."""

    def __init__(self, examples: Examples, frames: list[int], shift: int = 0) -> None:
        super().__init__()
        self.drawn = torch.from_numpy(np.array(examples.layers[frames])).float().roll(shift, dims=3) / 255
        self.told: list[Tensor] = []
        self.corners: list[tuple[int, int]] = []

    def forward(self, told: Tensor) -> Tensor:
        self.told.append(told)
        side = 2 * told.shape[2]
        if not self.corners or (side, 2 * told.shape[3]) == self.drawn.shape[2:]:
            return self.drawn
        corners = self.corners[-len(self.drawn) :]
        return torch.stack([d[:, y : y + side, x : x + side] for d, (y, x) in zip(self.drawn, corners, strict=True)])


def watched(task: PictureTask, oracle: Oracle) -> PictureTask:
    """A task that tells the oracle where it looks."""
    choose = task._corner

    def corner(*given: Any) -> tuple[int, int]:
        oracle.corners.append(choose(*given))
        return oracle.corners[-1]

    task._corner = corner  # type: ignore[assignment,method-assign]
    return task


SQUARE: dict[str, Any] = {"width": 96, "height": 96, "left": -48.0}
"""Looked at whole, because it is no larger than a window."""


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_who_knows_the_picture_makes_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_task, "_VARIED", 0.0)
    examples = coded_examples(**SQUARE)
    task, frames = task_of(examples), torch.tensor([2, 5])
    assert float(task.loss(Oracle(examples, [2, 5]), frames, draws())) == 0
    assert float(task.loss(Oracle(examples, [5, 2]), frames, draws())) == pytest.approx(3 / 255 / 5, rel=1e-3)
    assert float(task.loss(Oracle(examples, [2, 5], shift=2), frames, draws())) > 1e-3
    for frame in (2, 5):
        assert torch.equal(task.draw(Oracle(examples, [frame]), frame), task.wanted(frame))
        np.testing.assert_allclose(task.wanted(frame).numpy() * 255, examples.layers[frame], atol=1e-3)


class Enlarged(nn.Module):
    """Draws the arms and legs that it is told, in layers 0 to 4."""

    def forward(self, told: Tensor) -> Tensor:
        return functional.interpolate(told[:, 2:7], scale_factor=2.0, mode="nearest")


def test_a_picture_that_is_turned_and_scaled_takes_its_pose_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of the skeleton itself: told with the same turn, and drawn as told, they are hardly missed."""
    plain = coded_examples(**SQUARE)
    sticks = torch.stack([sticks_of(plain, i) for i in range(len(plain.landmarks))])
    layers = (Enlarged()(sticks) * 255).round().numpy().astype(np.uint8)
    examples = replace(plain, layers=layers)
    monkeypatch.setattr(image_task, "POSE_NOISE", 0.0)
    monkeypatch.setattr(image_task, "_VARIED", 1.0)
    frames = torch.arange(6)
    network, seen = Enlarged(), []
    network.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    paired = float(task_of(examples).loss(network, frames, draws()))
    unpaired = float((Enlarged()(seen[0]) - Enlarged()(sticks)).abs().mean())
    assert unpaired > 0.002, "they are turned"
    assert paired < 0.6 * unpaired, "what is left are lines that are as thick as before"


def test_near_the_person_pose_and_picture_are_cut_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = coded_examples(width=192, height=224, left=-96.0, top=-112.0)
    sticks = torch.stack([sticks_of(plain, i) for i in range(len(plain.landmarks))])
    layers = (Enlarged()(sticks) * 255).round().numpy().astype(np.uint8)
    monkeypatch.setattr(image_task, "POSE_NOISE", 0.0)
    monkeypatch.setattr(image_task, "_VARIED", 0.0)
    network, seen = Enlarged(), []
    network.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    error = task_of(replace(plain, layers=layers)).loss(network, torch.arange(6), draws())
    assert seen[0].shape[2:] == (WINDOW // 2, WINDOW // 2)
    assert float(seen[0].mean()) > 0.005, "somebody is there"
    assert float(error) < 1e-6


def test_what_is_told_is_the_skeleton_a_little_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_task, "_VARIED", 0.0)
    examples = coded_examples(**SQUARE)
    oracle, task = Oracle(examples, [2, 3]), task_of(examples)
    for seed in (0, 0, 1):
        task.loss(oracle, torch.tensor([2, 3]), draws(seed))
    assert torch.equal(oracle.told[0], oracle.told[1])
    assert not torch.equal(oracle.told[0], oracle.told[2])
    for place, frame in enumerate((2, 3)):
        exact = sticks_of(examples, frame)
        off = (oracle.told[0][place] - exact).abs().mean()
        assert 0 < off < 0.25 * exact.mean()
    task.draw(oracle, 2)
    assert torch.equal(oracle.told[3][0], sticks_of(examples, 2)), "judged by what will be served"
    assert torch.equal(task.told(torch.tensor([3]))[0], sticks_of(examples, 3))


def test_noise_does_not_stay_in_the_examples() -> None:
    examples = coded_examples(**SQUARE)
    before = examples.landmarks.copy()
    task = task_of(examples)
    task.loss(Oracle(examples, [1]), torch.tensor([1]), draws())
    np.testing.assert_array_equal(examples.landmarks, before)


@pytest.mark.parametrize("canvas", CANVASES, ids=str)
def test_windows_are_one_place(canvas: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_task, "POSE_NOISE", 0.0)
    monkeypatch.setattr(image_task, "_VARIED", 0.0)
    examples, frames = coded_examples(**canvas), [4, 0, 2]
    oracle = Oracle(examples, frames)
    task = watched(task_of(examples), oracle)
    views = task.windows(oracle, torch.tensor(frames), draws(), 4)
    error, view = task.loss_and_window(oracle, torch.tensor(frames), draws())
    assert float(error) == 0
    assert len(views) == 4
    side = min(WINDOW, examples.canvas.width, examples.canvas.height)
    for seen in (*views, view):
        assert len(seen.made) == len(seen.wanted) == len(seen.sticks) == 3
        for place, frame in enumerate(frames):
            check_window(examples, seen, place, frame, side, sticks_of(examples, frame))


def test_windows_differ() -> None:
    examples = coded_examples(width=160, height=192, left=-80.0, top=-96.0)
    frames, oracle = torch.zeros(8, dtype=torch.int64), Oracle(examples, [0] * 8)
    views = watched(task_of(examples), oracle).windows(oracle, frames, draws(), 3)
    corners = {tuple((255 * wanted[:2, 0, 0]).round().tolist()) for view in views for wanted in view.wanted}
    assert len(corners) > 6, "around any joint"
    again = watched(task_of(examples), oracle).windows(oracle, frames, draws(), 3)
    assert torch.equal(views[2].wanted, again[2].wanted)


def test_a_window_leads_back_to_the_network() -> None:
    examples = coded_examples()
    network = build(config_of(examples)).train()
    view = task_of(examples).windows(network, torch.tensor([1, 2]), draws(), 1)[0]
    view.made.sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())
    assert not view.wanted.requires_grad


def test_it_is_judged_by_what_will_be_served(puppets: Path) -> None:
    with load_target("puppet", puppets) as target:
        examples = prepare(target, split_of(target, "blocks"), 64, TORSO)
    config = config_of(examples)
    network = build(config)
    network.load_state_dict(small_state(config))
    served = Drawn(network).eval()

    def run(*inputs: Any) -> Any:
        with torch.no_grad():
            return served(*(torch.from_numpy(x) for x in inputs)).numpy()

    layers = draw_picture(run, config, Pose(examples.landmarks[25]))
    assert layers.shape == examples.layers[25].shape
    assert layers.dtype == np.uint8
    with torch.no_grad():
        judged = task_of(examples).draw(network, 25).numpy() * 255
    assert np.ptp(layers) > 40, "the case is no plain grey"
    assert np.abs(layers - judged).max() < 0.51
