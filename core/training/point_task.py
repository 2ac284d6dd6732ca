"""Teaching a network that points ask for their colours.

A step looks at a few thousand points and not at whole pictures: most of a canvas is empty, and a network of points does not
care which of them are asked together.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.conditioning import pose_encoding
from core.networks.config import NetworkConfig
from core.pose import skeleton
from core.rendering.canvas import KEPT, LAYERS
from core.training.adversarial import Windows
from core.training.dataset import Examples
from core.training.recipes import Recipe
from core.types import Pose

POSE_NOISE = 0.012
"""Torso lengths by which the told joints are off, as detected ones are."""

_ELSEWHERE = 0.2
"""Share of the points that lie anywhere on the canvas, for the shadow."""

WINDOW: Final = 64
"""Side of what a critic looks at, in pixels of the canvas."""


class PointTask:
    """Loss and pictures of a network of points on one device.

    Args:
        examples: to learn from.
        config: of the network.
        recipe: how many frames and points a step looks at.
        device: where the tensors lie.
    """

    def __init__(self, examples: Examples, config: NetworkConfig, recipe: Recipe, device: torch.device) -> None:
        self._canvas, self._unit = config.canvas, config.unit
        self._recipe = recipe
        self._landmarks = examples.landmarks
        self._layers = torch.from_numpy(np.array(examples.layers)).flatten(2).to(device)
        self._told = torch.from_numpy(examples.inputs()).to(device)
        self._grid = torch.tensor(pose_encoding.canvas_grid(config.canvas, config.unit)).reshape(-1, 2).to(device)
        off = [pose_encoding.from_hips(config.canvas, Pose(landmarks), config.unit) for landmarks in examples.landmarks]
        self._from_hips = torch.from_numpy(np.stack(off)).to(device)
        self._near = [self._indices_near(i) for i in range(len(examples.landmarks))]
        self._device = device

    def _indices_near(self, i: int) -> Tensor:
        near = pose_encoding.around_person(self._canvas, Pose(self._landmarks[i]), self._unit)
        return torch.from_numpy(np.flatnonzero(near).astype(np.int32))

    def loss(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> Tensor:
        """Mean absolute error of the frames (n,) at points drawn by ``draws``."""
        pixels = torch.stack([self._drawn(int(i), draws) for i in frames]).to(self._device)
        layers = self._layers[frames.to(self._device)]
        wanted = layers.gather(2, pixels[:, None].expand(-1, layers.shape[1], -1)).transpose(1, 2).float() / 255
        told = self._told[frames.to(self._device)]
        noise = torch.randn(told.shape, generator=draws).to(self._device) * POSE_NOISE
        made = network(told + noise, self._points(pixels, frames))
        return (made.float() - wanted).abs().mean()

    def _drawn(self, i: int, draws: torch.Generator) -> Tensor:
        count, area = self._recipe.points, self._canvas.width * self._canvas.height
        near = self._near[i]
        if not len(near):
            return torch.randint(area, (count,), generator=draws)
        anywhere = round(count * _ELSEWHERE)
        here = near[torch.randint(len(near), (count - anywhere,), generator=draws)].long()
        return torch.cat([here, torch.randint(area, (anywhere,), generator=draws)])

    def loss_and_window(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> tuple[Tensor, Windows]:
        """:meth:`loss`, and a window of each frame; other points, for a window holds only what lies side by side."""
        return self.loss(network, frames, draws), self._window(network, frames, draws)

    def windows(self, network: nn.Module, frames: Tensor, draws: torch.Generator, count: int) -> list[Windows]:
        """``count`` square windows of each frame, near the person; see ``core.training.adversarial``."""
        return [self._window(network, frames, draws) for _ in range(count)]

    def _window(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> Windows:
        pixels = torch.stack([self._square(int(i), draws) for i in frames]).to(self._device)
        layers = self._layers[frames.to(self._device)]
        wanted = layers.gather(2, pixels[:, None].expand(-1, layers.shape[1], -1)).float() / 255
        made = network(self._told[frames.to(self._device)], self._points(pixels, frames)).float().transpose(1, 2)
        sticks = [pose_encoding.stick_image(self._canvas, Pose(self._landmarks[int(i)]), self._unit) for i in frames]
        whole = torch.from_numpy(np.stack(sticks)).to(self._device).float() / 255
        whole = functional.interpolate(whole, scale_factor=2.0, mode="nearest").flatten(2)
        told = whole.gather(2, pixels[:, None].expand(-1, whole.shape[1], -1))
        side = self._side
        return Windows(*(part.reshape(*part.shape[:2], side, side) for part in (made, wanted, told)))

    @property
    def _side(self) -> int:
        return min(WINDOW, self._canvas.width, self._canvas.height)

    def _square(self, i: int, draws: torch.Generator) -> Tensor:
        """The pixels of a window around a joint of frame ``i``, row by row."""
        canvas, side = self._canvas, self._side
        joint = list(skeleton.JOINTS)[int(torch.randint(len(skeleton.JOINTS), (1,), generator=draws))]
        x, y = (self._landmarks[i, joint, :2] - canvas.matrix(Pose(self._landmarks[i]))[:, 2]) / canvas.scale - side / 2
        left, top = int(min(max(x, 0), canvas.width - side)), int(min(max(y, 0), canvas.height - side))
        rows, columns = torch.arange(top, top + side), torch.arange(left, left + side)
        return (rows[:, None] * canvas.width + columns).flatten()

    def _points(self, pixels: Tensor, frames: Tensor) -> Tensor:
        """(n, P, 2): pixels of the canvas as points from the hips in torso lengths."""
        return self._grid[pixels] + self._from_hips[frames.to(self._device)][:, None]

    def draw(self, network: nn.Module, i: int) -> Tensor:
        """(LAYERS, height, width) of frame ``i``, 1 for a value of 255, as it will be served."""
        canvas = self._canvas
        area = canvas.width * canvas.height
        points = self._points(torch.arange(area, device=self._device)[None], torch.tensor([i]))
        drawn = network(self._told[[i]], points)[0].float().clamp(0, 1)
        person = torch.zeros(area, 1, device=self._device)
        person[self._near[i].long()] = 1
        drawn = torch.cat([drawn[:, :KEPT] * person, drawn[:, KEPT:]], 1)
        return drawn.T.reshape(LAYERS, canvas.height, canvas.width)

    def wanted(self, i: int) -> Tensor:
        """(LAYERS, height, width) that frame ``i`` should be, 1 for a value of 255."""
        return (self._layers[i].float() / 255).reshape(LAYERS, self._canvas.height, self._canvas.width)
