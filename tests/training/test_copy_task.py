from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.conditioning.limb_fields import PART_LAYERS, Box
from core.generators.base import Shares
from core.generators.realtime import ExemplarBank
from core.networks.build import build
from core.networks.config import NetworkConfig
from core.pipeline import performer_statistics
from core.targets.split import split_of
from core.targets.store import load_target
from core.training import copy_task
from core.training.copy_task import CopyTask, aligned, likeness, liveliness_loss, mixing_loss, picture_loss
from core.training.dataset import Examples, prepare
from core.types import Pose
from tests.puppets import SMALL_REALTIME

CPU = torch.device("cpu")


@pytest.fixture
def examples(puppets: Path) -> Examples:
    with load_target("puppet", puppets) as target:
        return prepare(target, split_of(target, "blocks"), 96, performer_statistics(target).near[1], block=64)


def config_of(examples: Examples, count: int = 12) -> NetworkConfig:
    frames = examples.frames[examples.train]
    memory = tuple(int(frame) for frame in frames[:: max(1, len(frames) // count)])
    return NetworkConfig(
        generator="realtime", network=SMALL_REALTIME.network, canvas=examples.canvas, unit=examples.unit, memory=memory
    )


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Watched(nn.Module):
    """Copies whatever there is and keeps what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[Tensor, Tensor, Tensor]] = []

    def forward(self, fields: Tensor, told: Tensor, parts: Tensor) -> Tensor:
        self.told.append((fields, told, parts))
        masks = parts[..., 3].float() / 255
        return torch.cat(
            [torch.zeros_like(masks[:, :1]).expand(-1, 4, -1, -1), masks, torch.ones_like(masks[:, :1])], 1
        )


def test_nothing_is_taken_from_the_frame_itself_or_its_neighbours(
    examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = CopyTask(examples, config_of(examples, 40), CPU, neighbours=6)
    chosen: list[int] = []
    look = ExemplarBank.seen

    def watched(self: ExemplarBank, pose: Pose, parts: Sequence[Shares], box: Box) -> object:
        chosen.extend(frame for shares in parts for frame, _ in shares)
        return look(self, pose, parts, box)

    monkeypatch.setattr(ExemplarBank, "seen", watched)
    for i in (5, 20, 33):
        chosen.clear()
        for seed in range(5):
            task.loss(Watched(), torch.tensor([i]), draws(seed))
        task.draw(Watched(), i)
        assert len(chosen) == 6 * 6
        assert min(abs(frame - int(examples.frames[i])) for frame in chosen) > 6


def test_warped_pictures_already_look_like_what_should_be_seen(examples: Examples) -> None:
    """What the network is given lies where it should be drawn: to copy is much better than to leave the canvas empty."""
    task = CopyTask(examples, config_of(examples), CPU)
    copied, empty = [], []
    for i in examples.train[::6].tolist():
        wanted, made = task.wanted(i), task.draw(Watched(), i)
        copied.append(float((made[:4] - wanted[:4]).abs().mean()))
        empty.append(float(wanted[:4].abs().mean()))
    assert np.mean(copied) < 0.5 * np.mean(empty)


def test_a_step_sees_a_window_of_everything(examples: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_task, "WINDOW", 64)
    network = Watched()
    task = CopyTask(examples, config_of(examples), CPU)
    task.loss(network, torch.tensor([2, 9, 17]), draws())
    fields, told, parts = network.told[0]
    assert fields.shape[0] == told.shape[0] == parts.shape[0] == 3
    assert parts.shape[1:] == (PART_LAYERS, 32, 32, 4)
    assert fields.shape[2:] == (4, 4)


def test_seeds_decide_everything(examples: Examples) -> None:
    task, frames = CopyTask(examples, config_of(examples), CPU), torch.tensor([4, 11])
    first, again, other = (float(task.loss(Watched(), frames, draws(seed))) for seed in (1, 1, 2))
    assert first == again != other


def test_it_is_taught(examples: Examples) -> None:
    torch.manual_seed(0)
    config = config_of(examples)
    network, task = build(config), CopyTask(examples, config, CPU)
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    losses = []
    for step in range(25):
        loss = task.loss(network, torch.from_numpy(examples.train[step % 5 :: 5][:6]), draws(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:3])


def striped(shift: float) -> NDArray[np.uint8]:
    """(5, 96, 96) of a body with soft stripes."""
    rows, columns = np.mgrid[:96, :96]
    stripe = 127.5 + 100 * np.sin((rows + shift) * 2 * np.pi / 16) + 10 * np.sin(columns / 5)
    mask = ((abs(columns - 48) < 30) & (abs(rows - 48) < 40)) * 255
    colours = np.stack([stripe, 255 - stripe, stripe / 2]) * (mask / 255)
    return np.concatenate([colours, mask[None], np.full((1, 96, 96), 255)]).clip(0, 255).astype(np.uint8)


def test_what_should_be_seen_is_moved_to_where_it_can_be_copied_from() -> None:
    real, warped = striped(0), striped(3)
    parts = np.zeros((PART_LAYERS, 96, 96, 4), np.uint8)
    parts[0] = warped[:4].transpose(1, 2, 0)
    moved = aligned(real, parts, 5.0)
    inner = (slice(None, 3), slice(24, 72), slice(30, 66))
    off = [np.abs(x[inner].astype(int) - warped[inner]).mean() for x in (real, moved)]
    assert off[1] < 0.35 * off[0]
    np.testing.assert_array_equal(moved[4], real[4], "light is not copied")
    assert not (moved[:3] > moved[3].astype(int) + 8).any(), "colours are still those of the mask"


def test_what_is_too_far_off_stays() -> None:
    real = striped(0)
    parts = np.zeros((PART_LAYERS, 96, 96, 4), np.uint8)
    parts[0] = np.roll(striped(0)[:4].transpose(1, 2, 0), 7, axis=0)
    assert np.abs(aligned(real, parts, 1.0)[:3].astype(int) - real[:3]).mean() < 3
    nothing = np.zeros((PART_LAYERS, 96, 96, 4), np.uint8)
    assert np.abs(aligned(real, nothing, 3.0).astype(int) - real).mean() < 3


def pictures(value: float) -> Tensor:
    layers = torch.full((2, 5, 48, 48), value)
    layers[:, 3, 12:36, 12:36] = 1.0
    return layers


def test_who_knows_the_picture_makes_no_mistake() -> None:
    wanted, worth = pictures(0.4), torch.zeros(2, 48, 48)
    assert float(picture_loss(wanted, wanted, worth)) == pytest.approx(0, abs=1e-5)
    one_off = wanted.clone()
    one_off[:, 0, 20:24, 20:24] += 0.2
    plain = float(picture_loss(one_off, wanted, worth))
    assert plain > 1e-3
    worth[:, 18:26, 18:26] = 2.0
    assert float(picture_loss(one_off, wanted, worth)) > 1.5 * plain, "a face is worth more"
    for layer in (3, 4):
        missed = wanted.clone()
        missed[:, layer, :8, :8] += -0.5 if layer == 4 else 0.5
        assert float(picture_loss(missed, wanted, worth)) > 1e-3


def test_liveliness_wants_stripes_wherever_they_are() -> None:
    grey, worth = pictures(0.4), torch.zeros(2, 48, 48)
    striped = grey.clone()
    striped[:, :3] += 0.2 * torch.tensor([1.0, -1.0]).repeat_interleave(3).repeat(8)
    assert float(liveliness_loss(striped, striped, worth)) == pytest.approx(0, abs=1e-6)
    missing, beside = (float(liveliness_loss(made, striped, worth)) for made in (grey, striped.roll(1, -1)))
    assert beside < 0.3 * missing
    assert float(liveliness_loss(striped, grey, worth)) > 0.5 * missing, "nor what is too lively"


def test_one_whole_smooth_picture_is_the_cheapest_mix() -> None:
    mix = torch.full((1, 4 + PART_LAYERS, 16, 16), 0.3)
    mix[:, 4:] = 1.0
    assert float(mixing_loss(mix)) == 0
    halves, hatched = mix.clone(), mix.clone()
    halves[:, 4] = 0.5
    hatched[..., ::2] = 0
    assert min(float(mixing_loss(halves)), float(mixing_loss(hatched))) > 1e-3


def test_what_is_drawn_is_not_asked_to_be_lively(examples: Examples, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is copied can be: a network that drew stripes instead would hatch."""
    asked: list[Tensor] = []

    def watched(made: Tensor, wanted: Tensor, worth: Tensor) -> Tensor:
        asked.append(made)
        return made.sum() * 0

    monkeypatch.setattr(copy_task, "liveliness_loss", watched)
    config = config_of(examples)
    network = build(config)
    drawn: list[Tensor] = []

    def keep(_: nn.Module, __: object, mix: Tensor) -> None:
        mix.retain_grad()
        drawn.append(mix)

    network.register_forward_hook(keep)
    CopyTask(examples, config, CPU).loss(network, torch.tensor([3, 12]), draws())
    asked[0].sum().backward()
    slope = drawn[0].grad
    assert slope is not None
    assert not slope[:, :4].any()
    assert slope[:, 4 : 4 + PART_LAYERS].any()


def test_likeness_is_ssim() -> None:
    """Of one window, by the definition."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (7, 7))
    y = np.clip(x + rng.normal(0, 0.1, x.shape), 0, 1)
    both = np.mean((x - x.mean()) * (y - y.mean()))
    values = (2 * x.mean() * y.mean() + 1e-4) * (2 * both + 9e-4)
    wanted = values / ((x.mean() ** 2 + y.mean() ** 2 + 1e-4) * (x.var() + y.var() + 9e-4))
    ours = likeness(*(torch.from_numpy(z).float().expand(1, 3, -1, -1) for z in (x, y)))
    assert ours.shape == (1, 1, 1, 1)
    assert float(ours) == pytest.approx(wanted, abs=1e-4)
