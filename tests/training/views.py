"""Examples in which every pixel says where it lies, and what windows of them must be."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core.conditioning.pose_encoding import stick_image
from core.pose import skeleton
from core.rendering.canvas import LAYERS, Canvas
from core.training.adversarial import Windows
from core.training.dataset import Examples
from core.types import Pose
from tests.puppets import TORSO, dance


def coded_examples(count: int = 6, **canvas: Any) -> Examples:
    """Pictures whose layers are row, column and number of the frame, in grey levels."""
    whole = {"width": 64, "height": 96, "scale": 1.0, "left": -32.0, "top": -64.0}
    on = Canvas.model_validate(whole | canvas)
    rows, columns = np.indices((on.height, on.width), np.uint8)
    layers = np.zeros((count, LAYERS, on.height, on.width), np.uint8)
    layers[:, 0], layers[:, 1], layers[:, 2] = rows, columns, np.arange(count)[:, None, None]
    landmarks = np.stack([pose.landmarks for pose in dance(4 * count)[::4]])
    return Examples(on, TORSO, np.arange(count), landmarks, layers, np.arange(count - 1), np.arange(count - 1, count))


def level(value: Tensor) -> int:
    return round(float(value) * 255)


def check_window(examples: Examples, view: Windows, place: int, frame: int, side: int, sticks: Tensor) -> None:
    """Window ``place`` shows ``frame`` at one place of the canvas, as made, as wanted and as the sticks there.

    Args:
        sticks: (STICKS, h / 2, w / 2) that the frame was told by.
    """
    assert view.wanted.shape[1:] == (LAYERS, side, side)
    assert view.made.shape == view.wanted.shape
    top, left = level(view.wanted[place, 0, 0, 0]), level(view.wanted[place, 1, 0, 0])
    assert 0 <= top <= examples.canvas.height - side
    assert 0 <= left <= examples.canvas.width - side
    cut = np.array(examples.layers[frame])[:, top : top + side, left : left + side]
    np.testing.assert_allclose(view.wanted[place].numpy() * 255, cut, atol=1e-3)
    np.testing.assert_allclose(view.made[place].detach().numpy() * 255, cut, atol=1e-3)
    larger = functional.interpolate(sticks[None], scale_factor=2.0, mode="nearest")[0]
    torch.testing.assert_close(view.sticks[place], larger[:, top : top + side, left : left + side])
    # the middle of the window is a joint, unless the edge of the canvas is in the way
    joints = (
        examples.landmarks[frame, list(skeleton.JOINTS), :2] - 0.5 - _corner(examples, frame)
    ) / examples.canvas.scale
    room = np.array([examples.canvas.width, examples.canvas.height]) - side
    corners = np.clip(joints - side / 2, 0, room)
    assert np.abs(corners - (left, top)).max(axis=1).min() < 1.6


def _corner(examples: Examples, frame: int) -> Any:
    return examples.canvas.matrix(Pose(examples.landmarks[frame]))[:, 2]


def sticks_of(examples: Examples, frame: int) -> Tensor:
    """The stick image of a frame, without noise."""
    drawn = stick_image(examples.canvas, Pose(examples.landmarks[frame]), TORSO)
    return torch.from_numpy(drawn).float() / 255
