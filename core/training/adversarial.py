"""The adversarial part of the loss: a critic that is trained along, by cross entropy or as a Wasserstein distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional

from core.conditioning.pose_encoding import STICKS
from core.networks.critic import Critic
from core.rendering.canvas import KEPT
from core.training.recipes import Objective

REAL = 0.9
"""What the critic is to say of a real picture: one-sided label smoothing (Salimans et al., NeurIPS 2016, section 3.4)."""

PENALTY = 10.0
_PENALIZED = 2
"""One window in this many is asked for the slope: its gradient of a gradient costs more than all the rest of a step."""
WASSERSTEIN_WEIGHT = 0.1
"""A critic of slope one asks eleven times as loudly as 50 × L1 does on a canvas of 256×256: this brings both to one level."""

CRITIC_STEPS = {"bce": 1, "wgan-gp": 5}
"""Steps of the critic for one of the generator (Gulrajani et al., NeurIPS 2017, algorithm 1)."""

_RATE = 2e-4
_BETAS = {"bce": (0.5, 0.999), "wgan-gp": (0.0, 0.9)}


@dataclass(frozen=True, slots=True)
class Windows:
    """Square cut-outs of canvases: (n, layers, s, s) as made and as wanted, and (n, STICKS, s, s) of the skeleton there."""

    made: Tensor
    wanted: Tensor
    sticks: Tensor

    def first(self, count: int) -> Windows:
        """``count`` of them."""
        return Windows(self.made[:count], self.wanted[:count], self.sticks[:count])


class WindowTask(Protocol):
    """A task whose pictures can be looked at through windows."""

    def windows(self, network: nn.Module, frames: Tensor, draws: torch.Generator, count: int) -> list[Windows]:
        """``count`` windows of each frame, drawn by ``draws``, near the person."""


class AdversarialLoss:
    """The critic and what it asks of the generator.

    With ``bce`` the generator's part is the non-saturating one (Goodfellow et al., NeurIPS 2014, section 3).

    Args:
        fabric: device and precision.
        task: what the generator is taught.
        objective: how the critic is trained.
    """

    def __init__(self, fabric: Fabric, task: WindowTask, objective: Objective) -> None:
        self._fabric, self._task, self._objective = fabric, task, objective
        critic = Critic(KEPT + STICKS, "batch" if objective == "bce" else "instance")
        self._critic = critic.to(memory_format=torch.channels_last)
        optimizer = torch.optim.Adam(self._critic.parameters(), lr=_RATE, betas=_BETAS[objective])
        self._shown, self._optimizer = fabric.setup(self._critic, optimizer)

    def improve(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> Tensor:
        """Train the critic on fresh windows of these frames, or of half of them where it takes many steps; its mean loss."""
        steps = CRITIC_STEPS[self._objective]
        seen = frames if steps == 1 else frames[: (len(frames) + 1) // 2]
        with torch.no_grad():
            views = self._task.windows(network, seen, draws, steps)
        losses = []
        for view in views:
            loss = self._critic_loss(view, draws)
            self._optimizer.zero_grad()
            self._fabric.backward(loss)
            self._optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses).mean()

    def _critic_loss(self, view: Windows, draws: torch.Generator) -> Tensor:
        real, made = self._verdict(view.wanted, view), self._verdict(view.made, view)
        if self._objective == "bce":
            wrong = functional.binary_cross_entropy_with_logits
            return wrong(real, torch.full_like(real, REAL)) + wrong(made, torch.zeros_like(made))
        few = view.first(-(-len(view.made) // _PENALIZED))
        return made.mean() - real.mean() + PENALTY * self._penalty(few, draws)

    def _penalty(self, view: Windows, draws: torch.Generator) -> Tensor:
        """How far the critic's slope is from one between real and made pictures (Gulrajani et al., eq. 3)."""
        share = torch.rand((len(view.made), 1, 1, 1), generator=draws).to(view.made.device)
        between = (share * view.wanted + (1 - share) * view.made).float().requires_grad_()
        # half precision has too few digits for a gradient of a gradient
        with torch.autocast(between.device.type, enabled=False):
            verdict = self._critic(torch.cat([_looks(between), view.sticks.float()], 1))
            slope = torch.autograd.grad(verdict.mean((1, 2, 3)).sum(), between, create_graph=True)[0]
        return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()

    def _verdict(self, pictures: Tensor, view: Windows) -> Tensor:
        verdict: Tensor = self._shown(torch.cat([_looks(pictures), view.sticks], 1)).float()
        return verdict

    def asked(self, view: Windows) -> Tensor:
        """What the critic adds to the generator's loss for what it made."""
        verdict = self._verdict(view.made, view)
        if self._objective == "bce":
            return functional.binary_cross_entropy_with_logits(verdict, torch.ones_like(verdict))
        return -WASSERSTEIN_WEIGHT * verdict.mean()

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"critic": self._critic.state_dict(), "optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From a checkpoint."""
        self._critic.load_state_dict(state["critic"])
        self._optimizer.load_state_dict(state["optimizer"])


def _looks(pictures: Tensor) -> Tensor:
    """What the critic sees of layers: the picture, and the person's outline; the shadow is no matter of taste."""
    return pictures[:, :KEPT]
