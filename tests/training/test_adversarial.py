from __future__ import annotations

import io
import math
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from core.conditioning.pose_encoding import STICKS
from core.rendering.canvas import KEPT, LAYERS
from core.training.adversarial import CRITIC_STEPS, PENALTY, REAL, AdversarialLoss, Windows
from core.training.recipes import Objective

BOTH: list[Objective] = ["bce", "wgan-gp"]
SIDE = 16
TAUGHT = {"bce": 40, "wgan-gp": 10}
"""Rounds after which a critic knows bright from dark."""


class Pictures(nn.Module):
    """A generator: one picture, whatever frame is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.pixels = nn.Parameter(torch.full((LAYERS, SIDE, SIDE), 0.2))

    def forward(self, frames: Tensor) -> Tensor:
        return self.pixels.expand(len(frames), -1, -1, -1)


class Bright:
    """Wanted are bright pictures with a little noise; windows are whole pictures."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def windows(self, network: nn.Module, frames: Tensor, draws: torch.Generator, count: int) -> list[Windows]:
        self.asked.append(count)
        sticks = torch.full((len(frames), STICKS, SIDE, SIDE), 0.5)
        return [Windows(network(frames), self.wanted(len(frames), draws), sticks) for _ in range(count)]

    def wanted(self, count: int, draws: torch.Generator) -> Tensor:
        return 0.8 + 0.05 * torch.randn((count, LAYERS, SIDE, SIDE), generator=draws)


def rival_of(objective: Objective, task: Bright | None = None) -> AdversarialLoss:
    torch.manual_seed(0)
    return AdversarialLoss(Fabric(accelerator="cpu", devices=1), task or Bright(), objective)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


FRAMES = torch.arange(4)


def seen_by(network: Pictures, source: torch.Generator) -> Windows:
    return Bright().windows(network, FRAMES, source, 1)[0]


def critic_of(rival: AdversarialLoss) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = rival.state_dict()["critic"]
    return {name: tensor.clone() for name, tensor in weights.items()}


class Linear(nn.Module):
    """A critic whose slope is known: every layer of the picture times one number, the sticks times another.

    Args:
        slope: length of its gradient by the picture.
        patches: how many verdicts it gives, each on a part of the rows.
    """

    def __init__(self, slope: float, patches: int = 1) -> None:
        super().__init__()
        self.each = slope / math.sqrt(KEPT * SIDE * SIDE)
        self.patches = patches

    def forward(self, seen: Tensor) -> Tensor:
        assert seen.shape[1:] == (KEPT + STICKS, SIDE, SIDE)
        told = self.each * seen[:, :KEPT].sum(1) + 5.0 * seen[:, KEPT:].sum(1)
        return told.reshape(len(seen), 1, self.patches, -1).sum(-1, keepdim=True)


def with_critic(rival: AdversarialLoss, critic: nn.Module) -> AdversarialLoss:
    rival._critic = rival._shown = critic
    return rival


def view_of() -> Windows:
    wanted = torch.rand((3, LAYERS, SIDE, SIDE), generator=draws())
    made = torch.rand((3, LAYERS, SIDE, SIDE), generator=draws(1))
    return Windows(made, wanted, torch.rand((3, STICKS, SIDE, SIDE), generator=draws(2)))


@pytest.mark.parametrize("objective", BOTH)
def test_the_critic_learns_what_is_real(objective: Objective) -> None:
    rival, network, source = rival_of(objective), Pictures(), draws()
    losses = [float(rival.improve(network, FRAMES, source)) for _ in range(TAUGHT[objective])]
    view = Bright().windows(network, FRAMES, source, 1)[0]
    real, made = (rival._verdict(pictures, view).detach() for pictures in (view.wanted, view.made))
    assert float(real.mean()) > float(made.mean()) + 0.5
    if objective == "bce":
        # no better than the smoothed label lets it
        least = -(REAL * math.log(REAL) + (1 - REAL) * math.log(1 - REAL))
        assert losses[0] > 1.2
        assert least - 0.01 < losses[-1] < least + 0.2
        assert float(real.sigmoid().mean()) == pytest.approx(REAL, abs=0.08)
    else:
        assert losses[0] > 0
        assert losses[-1] < losses[0] - 2


@pytest.mark.parametrize(("objective", "steps"), [("bce", 1), ("wgan-gp", 5)])
def test_so_many_steps_of_the_critic_for_one_of_the_generator(
    objective: Objective, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Bright()
    rival = rival_of(objective, task)
    rival.improve(Pictures(), FRAMES, draws())
    assert task.asked == [steps] == [CRITIC_STEPS[objective]]
    counts = {state["step"].item() for state in rival.state_dict()["optimizer"]["state"].values()}
    assert counts == {float(steps)}


def test_rates_of_the_papers() -> None:
    betas = {name: rival_of(name).state_dict()["optimizer"]["param_groups"][0]["betas"] for name in BOTH}
    assert betas == {"bce": (0.5, 0.999), "wgan-gp": (0.0, 0.9)}


@pytest.mark.parametrize(("slope", "expected"), [(1.0, 0.0), (3.0, 4.0), (0.0, 1.0)])
def test_the_penalty_of_a_critic_whose_slope_is_known(slope: float, expected: float) -> None:
    """Only the picture counts: not how the verdict changes with the sticks, which are given."""
    rival = with_critic(rival_of("wgan-gp"), Linear(slope))
    assert float(rival._penalty(view_of(), draws())) == pytest.approx(expected, abs=1e-5)


def test_the_loss_of_a_critic_whose_slope_is_known() -> None:
    critic, view = Linear(3.0), view_of()
    rival = with_critic(rival_of("wgan-gp"), critic)
    apart = critic.each * (view.made - view.wanted)[:, :4].sum((1, 2, 3)).mean()
    assert float(rival._critic_loss(view, draws())) == pytest.approx(float(apart) + PENALTY * 4.0, abs=1e-3)


def test_the_penalty_is_of_the_verdict_that_the_loss_is_of() -> None:
    """A critic without penalty rates two pictures no farther apart than they are, however many patches it judges."""
    away = torch.full((1, 5, SIDE, SIDE), 1 / math.sqrt(4 * SIDE * SIDE))
    view = Windows(torch.zeros_like(away), away, torch.zeros(1, STICKS, SIDE, SIDE))
    for patches in (1, 4):
        # the slope that goes without penalty
        slopes = torch.linspace(0.5, 8, 76).tolist()
        rivals = [with_critic(rival_of("wgan-gp"), Linear(slope, patches=patches)) for slope in slopes]
        penalties = [float(rival._penalty(view, draws())) for rival in rivals]
        best = rivals[penalties.index(min(penalties))]
        apart = best._verdict(view.wanted, view).mean() - best._verdict(view.made, view).mean()
        assert float(apart) == pytest.approx(1.0, abs=0.06), f"{patches} patches"


def test_the_penalty_is_taken_between_real_and_made() -> None:
    """Of a critic whose slope is the brightness: between 0 and 1 it is neither that of one end nor of the other."""

    class Square(nn.Module):
        def forward(self, seen: Tensor) -> Tensor:
            return 0.5 * seen[:, :4].square().sum((1, 2, 3), keepdim=True)

    layers = torch.full((400, 5, SIDE, SIDE), 1 / math.sqrt(4 * SIDE * SIDE))
    view = Windows(torch.zeros_like(layers), layers, torch.zeros(400, STICKS, SIDE, SIDE))
    rival = with_critic(rival_of("wgan-gp"), Square())
    # the mean of (share - 1) squared for shares drawn evenly
    assert float(rival._penalty(view, draws()).detach()) == pytest.approx(1 / 3, abs=0.04)


def test_the_penalty_teaches_the_critic() -> None:
    rival = rival_of("wgan-gp")
    rival._penalty(view_of(), draws()).backward()
    weights = [weight for name, weight in rival._critic.named_parameters() if name.endswith("weight")]
    assert all(weight.grad is not None and weight.grad.any() for weight in weights)


def test_the_shadow_is_no_matter_of_taste() -> None:
    rival, view = rival_of("wgan-gp"), view_of()
    darker = Windows(torch.cat([view.made[:, :4], 0 * view.made[:, 4:]], 1), view.wanted, view.sticks)
    assert torch.equal(rival._verdict(view.made, view), rival._verdict(darker.made, darker))
    without_mask = torch.cat([view.made[:, :3], 0 * view.made[:, 3:]], 1)
    assert not torch.equal(rival._verdict(view.made, view), rival._verdict(without_mask, view))


@pytest.mark.parametrize("objective", BOTH)
def test_training_the_critic_leaves_the_generator_as_it_is(objective: Objective) -> None:
    rival, network = rival_of(objective), Pictures()
    before = critic_of(rival)
    rival.improve(network, FRAMES, draws())
    assert torch.equal(network.pixels, torch.full_like(network.pixels, 0.2))
    assert network.pixels.grad is None
    after = critic_of(rival)
    assert any(not torch.equal(before[name], after[name]) for name in before if name.endswith("weight"))


@pytest.mark.parametrize("objective", BOTH)
def test_what_is_asked_moves_the_generator_towards_the_real(objective: Objective) -> None:
    rival, network, source = rival_of(objective), Pictures(), draws()
    for _ in range(TAUGHT[objective]):
        rival.improve(network, FRAMES, source)
    before = critic_of(rival)
    asked = rival.asked(seen_by(network, source))
    asked.backward()
    assert network.pixels.grad is not None
    assert float(network.pixels.grad[:3].mean()) < 0, "brighter is better"
    assert not network.pixels.grad[4].any(), "nobody asks for a shadow"
    weights = {name for name in before if name.endswith(("weight", "bias"))}
    assert all(torch.equal(before[name], critic_of(rival)[name]) for name in weights)
    with torch.no_grad():
        network.pixels.fill_(0.8)
        assert float(rival.asked(seen_by(network, source))) < float(asked)


@pytest.mark.parametrize("objective", BOTH)
def test_what_is_asked_does_not_teach_the_critic(objective: Objective) -> None:
    """Its gradients are none of the next step's."""
    alone, beside, network = rival_of(objective), rival_of(objective), Pictures()
    (100 * beside.asked(seen_by(network, draws(5)))).backward()
    for rival in (alone, beside):
        rival.improve(network, FRAMES, draws())
    one, other = critic_of(alone), critic_of(beside)
    for name in (name for name in one if name.endswith(("weight", "bias"))):
        assert torch.equal(one[name], other[name]), name


@pytest.mark.parametrize("objective", BOTH)
def test_a_critic_goes_on_where_it_was(objective: Objective) -> None:
    network, first = Pictures(), rival_of(objective)
    for step in range(3):
        first.improve(network, FRAMES, draws(step))
    kept = io.BytesIO()
    torch.save(first.state_dict(), kept)
    torch.manual_seed(99)
    second = AdversarialLoss(Fabric(accelerator="cpu", devices=1), Bright(), objective)
    kept.seek(0)
    content: dict[str, Any] = torch.load(kept, weights_only=True)
    second.load_state_dict(content)
    for rival in (first, second):
        rival.improve(network, FRAMES, draws(7))
    one, other = critic_of(first), critic_of(second)
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name
