"""Teaching a network that draws a whole canvas from a stick image."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from core.conditioning import pose_encoding
from core.networks.config import NetworkConfig
from core.pose import skeleton
from core.rendering.canvas import COLOURS
from core.training import perceptual as perception
from core.training.adversarial import Windows
from core.training.dataset import Examples
from core.training.perceptual import Perceptual
from core.training.point_task import POSE_NOISE
from core.types import Pose

WINDOW: Final = 128
"""Side of what a critic looks at, in pixels of the canvas."""

_VARIED: Final = 0.3
"""Share of the pictures that are turned and scaled. It neither helps nor harms in the first minutes (Mira at 128 pixels: .0347
with, .0340 without)."""

_TURN: Final = 0.15
"""Radians to either side."""
_ZOOM: Final = 0.1


class PictureTask:
    """Loss and pictures of a network of stick images on one device.

    Args:
        examples: to learn from.
        config: of the network.
        device: where the tensors lie.
        perceptual: added to the error of the colours, where given.
    """

    def __init__(
        self, examples: Examples, config: NetworkConfig, device: torch.device, perceptual: Perceptual | None = None
    ) -> None:
        self._canvas, self._unit = config.canvas, config.unit
        self._landmarks = examples.landmarks
        self._layers = torch.from_numpy(np.array(examples.layers)).to(device)
        self._device = device
        self._perceptual = None if perceptual is None else perceptual.to(device)

    def loss(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> Tensor:
        """Mean absolute error of the frames (n,), turned and scaled, and told with the noise of poses that are detected."""
        return self.loss_of(network, self.seen(frames, draws))

    def loss_of(self, network: nn.Module, seen: tuple[Tensor, ...]) -> Tensor:
        """Of what :meth:`seen` brought."""
        told, wanted = seen
        return self._error(network(told).float(), wanted)

    def seen(self, frames: Tensor, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        """Stick images and layers of a window of each frame."""
        return self._seen(frames, draws, *self._varied(frames, draws))

    @property
    def window(self) -> tuple[int, int]:
        """Width and height of what a step looks at, in pixels of the canvas."""
        return self._side, self._side

    def _seen(
        self, frames: Tensor, draws: torch.Generator, landmarks: NDArray[np.float32], wanted: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Sticks and layers in a window near the person: most of a canvas is empty, and four steps cost as much as one then."""
        told = self._sticks(landmarks)
        side = self._side
        corners = [self._corner(int(i), draws) for i in frames]
        halves = [(y // 2, x // 2) for y, x in corners]
        return _cut(told, halves, side // 2), _cut(wanted, corners, side)

    @property
    def _side(self) -> int:
        return min(WINDOW, self._canvas.width, self._canvas.height)

    def _error(self, made: Tensor, wanted: Tensor) -> Tensor:
        error = (made - wanted).abs().mean()
        if self._perceptual is not None:
            error = error + perception.WEIGHT * self._perceptual(made[:, :COLOURS], wanted[:, :COLOURS])
        return error

    def loss_and_window(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> tuple[Tensor, Windows]:
        """:meth:`loss`, and a window of each, from one pass through the network."""
        window = self._window(network, frames, draws)
        return self._error(window.made, window.wanted), window

    def _varied(self, frames: Tensor, draws: torch.Generator) -> tuple[NDArray[np.float32], Tensor]:
        """Noisy landmarks (n, 33, 4) and layers (n, layers, h, w) of frames that were turned and scaled around their hips."""
        landmarks = self._landmarks[frames.numpy()].copy()
        wanted = self.wanted_of(frames)
        chance = torch.rand((len(frames), 3), generator=draws).numpy()
        for place, (turn, zoom, whether) in enumerate(chance):
            if whether < _VARIED:
                angle, scale = (2 * turn - 1) * _TURN, float(np.exp((2 * zoom - 1) * _ZOOM))
                wanted[place] = self._moved(landmarks[place], wanted[place], angle, scale)
        noise = torch.randn((*landmarks.shape[:2], 2), generator=draws).numpy()
        landmarks[..., :2] += noise * (POSE_NOISE * self._unit)
        return landmarks, wanted

    def _moved(self, landmarks: NDArray[np.float32], layers: Tensor, angle: float, scale: float) -> Tensor:
        """Turn and scale ``landmarks`` (33, 4) in place, and the layers that go with them."""
        hips = landmarks[list(skeleton.HIPS), :2].mean(0)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = self._canvas.matrix(Pose(landmarks))
        centre = (hips - 0.5 - matrix[:, 2]) / self._canvas.scale
        landmarks[:, :2] = (landmarks[:, :2] - hips) @ turn.T + hips
        landmarks[:, 2] *= scale
        there = np.column_stack([turn, centre - turn @ centre])
        size = (self._canvas.width, self._canvas.height)
        moved = [
            cv2.warpAffine(layer, there, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            for layer in layers.cpu().numpy()
        ]
        return torch.from_numpy(np.stack(moved)).clamp(0, 1).to(self._device)

    def windows(self, network: nn.Module, frames: Tensor, draws: torch.Generator, count: int) -> list[Windows]:
        """``count`` square windows of each frame, near the person; see ``core.training.adversarial``."""
        return [self._window(network, frames, draws) for _ in range(count)]

    def _window(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> Windows:
        told, wanted = self.seen(frames, draws)
        sticks = functional.interpolate(told, scale_factor=2.0, mode="nearest")
        return Windows(network(told).float(), wanted, sticks)

    def _corner(self, i: int, draws: torch.Generator) -> tuple[int, int]:
        """Top and left of a window around a joint of frame ``i``."""
        joint = list(skeleton.JOINTS)[int(torch.randint(len(skeleton.JOINTS), (1,), generator=draws))]
        matrix, side = self._canvas.matrix(Pose(self._landmarks[i])), self._side
        x, y = (self._landmarks[i, joint, :2] - matrix[:, 2]) / self._canvas.scale - side / 2
        # of even numbers, so that the half-size sticks have the same corner
        return (
            int(min(max(y, 0), self._canvas.height - side)) // 2 * 2,
            int(min(max(x, 0), self._canvas.width - side)) // 2 * 2,
        )

    def told(self, frames: Tensor) -> Tensor:
        """(n, STICKS, h / 2, w / 2): stick images of the frames as they are."""
        return self._sticks(self._landmarks[frames.numpy()])

    def _sticks(self, landmarks: NDArray[np.float32]) -> Tensor:
        sticks = np.stack([pose_encoding.stick_image(self._canvas, Pose(p), self._unit) for p in landmarks])
        return torch.from_numpy(sticks).to(self._device).float() / 255

    def wanted_of(self, frames: Tensor) -> Tensor:
        """(n, LAYERS, h, w), 1 for a value of 255."""
        return self._layers[frames.to(self._device)].float() / 255

    def draw(self, network: nn.Module, i: int) -> Tensor:
        """(LAYERS, height, width) of frame ``i`` as it will be served."""
        return network(self.told(torch.tensor([i])))[0].float().clamp(0, 1)

    def wanted(self, i: int) -> Tensor:
        """(LAYERS, height, width) that frame ``i`` should be."""
        return self.wanted_of(torch.tensor([i]))[0]


def _cut(pictures: Tensor, corners: list[tuple[int, int]], side: int) -> Tensor:
    cuts = [picture[:, y : y + side, x : x + side] for picture, (y, x) in zip(pictures, corners, strict=True)]
    return torch.stack(cuts)
