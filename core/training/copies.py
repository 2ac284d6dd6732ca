"""Teaching a network that copies from warped pictures of the person and repairs.

What it is shown while it learns is what it will be shown: parts taken from the frames of its memory, never from the frame itself
or its neighbours, by poses that are as noisy as detected ones. Some of the memory is hidden at random each time, so that it
learns both to copy from what fits badly and to draw what there is no picture of.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from core.canvas import Layers
from core.generators.realtime import Memory, whole
from core.generators.recall import Costs, pick, pick_at_random
from core.limbs import Box, points_on
from core.networks.config import NetworkConfig
from core.pose import skeleton
from core.training.adversarial import Windows
from core.training.examples import Examples
from core.training.points import POSE_NOISE
from core.types import Pose

_FLOW: Final = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

WINDOW: Final = 192
"""Side of what a step looks at, in pixels of the canvas."""

_NEIGHBOURS: Final = 25
"""Frames around the one that is learnt, from which nothing is taken."""
_BARE: Final = 0.06
"""Share of the parts, and of whole bodies, that the network has to draw without a picture."""

_STAGE: Final = 0.6
"""Grey behind the person where pictures are compared; some error at the outline is seen on any other as well."""
_PERSON_WORTH, _FACE_WORTH, _HAND_WORTH = 1.0, 2.0, 2.0
_FACE_REACH, _HAND_REACH = 0.28, 0.2
_SLOPES, _LIVELINESS, _LIKENESS, _OUTLINE, _LIGHT = 0.7, 6.0, 0.1, 0.5, 0.5
ALIGNED: Final = 0.04
"""Torso lengths by which what is copied may lie off what should be seen."""
_EDGE: Final = 4
"""Pixels along a window's sides that are not judged: the network does not see beyond them."""


class CopyTask:
    """Loss and pictures of a :class:`core.networks.realtime.Realtime` on one device.

    Args:
        examples: to learn from.
        config: of the network.
        device: where the tensors lie.
    """

    def __init__(self, examples: Examples, config: NetworkConfig, device: torch.device) -> None:
        self._canvas, self._unit, self._block = config.canvas, config.unit, config.block
        self._landmarks, self._layers = examples.landmarks, examples.layers
        self._device = device
        self._frames = frames = examples.frames
        place = {int(frame): i for i, frame in enumerate(frames)}
        landmarks = np.full((int(frames.max()) + 1, *examples.landmarks.shape[1:]), np.nan, np.float32)
        landmarks[frames] = examples.landmarks
        self._memory = Memory(
            config.canvas, config.unit, config.memory, landmarks, lambda frame: np.array(self._layers[place[frame]])
        )
        self._remembered = np.array(self._memory.frames)

    def loss(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> Tensor:
        """See the module."""
        return self._compared(network, frames, draws)[0]

    def loss_and_window(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> tuple[Tensor, Windows]:
        """:meth:`loss`, and what was drawn, for a critic."""
        loss, made, wanted = self._compared(network, frames, draws)
        return loss, Windows(made, wanted, made[:, :0])

    def windows(self, network: nn.Module, frames: Tensor, draws: torch.Generator, count: int) -> list[Windows]:
        """``count`` windows of each frame; see ``core.training.adversarial``."""
        views = []
        for _ in range(count):
            told, wanted, _ = self._seen(frames, draws)
            views.append(Windows(network(*told).float(), wanted, wanted[:, :0]))
        return views

    def _compared(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        told, wanted, worth = self._seen(frames, draws)
        made = network(*told).float()
        return picture_loss(made, wanted, worth), made, wanted

    def _seen(self, frames: Tensor, draws: torch.Generator) -> tuple[tuple[Tensor, ...], Tensor, Tensor]:
        """Inputs, layers and weights (n, side, side) of a window of each frame."""
        rng = np.random.default_rng(int(torch.randint(1 << 31, (1,), generator=draws)))
        told, wanted, worth = [], [], []
        for i in frames.tolist():
            landmarks = self._landmarks[i].copy()
            noise = rng.normal(0, POSE_NOISE * self._unit, (33, 3)).astype(np.float32)
            landmarks[:, :3] += noise * np.array([1, 1, 2], np.float32)
            pose = Pose(landmarks)
            box = self._window(pose, rng)
            told.append(self._told(pose, i, box, rng))
            spot = (slice(None), slice(box.top, box.top + box.height), slice(box.left, box.left + box.width))
            # the frame lies where its own hips are, the window where the noisy ones are
            wanted.append(aligned(self._shifted(i, pose, spot), told[-1][2], ALIGNED * self._unit / self._canvas.scale))
            worth.append(self._worth(points_on(self._canvas, pose), box))
        inputs = tuple(torch.from_numpy(np.stack(kind)).to(self._device) for kind in zip(*told, strict=True))
        layers = torch.from_numpy(np.stack(wanted)).to(self._device).float() / 255
        return inputs, layers, torch.from_numpy(np.stack(worth)).to(self._device)

    def _shifted(self, i: int, pose: Pose, spot: tuple[slice, slice, slice]) -> Layers:
        """The layers of frame ``i`` on the canvas of ``pose``, which lies a pixel off its own."""
        own, asked = (self._canvas.matrix(p)[:, 2] for p in (Pose(self._landmarks[i]), pose))
        right, down = np.rint((asked - own) / self._canvas.scale).astype(int)
        _, height, width = self._layers.shape[1:]
        rows = np.clip(np.arange(spot[1].start, spot[1].stop) + down, 0, height - 1)
        columns = np.clip(np.arange(spot[2].start, spot[2].stop) + right, 0, width - 1)
        return np.asarray(self._layers[i][:, rows[0] : rows[-1] + 1][:, rows - rows[0]][:, :, columns], np.uint8)

    def _window(self, pose: Pose, rng: np.random.Generator) -> Box:
        """A box around a joint, now and then one of the face or the hands."""
        canvas = np.array([self._canvas.width, self._canvas.height])
        size = np.minimum(WINDOW, canvas)
        joint = int(rng.choice([*skeleton.JOINTS, 0, 0, 19, 20, 31, 32]))
        middle = points_on(self._canvas, pose)[joint, :2] + rng.uniform(-0.3, 0.3, 2) * size
        corner = np.clip(np.rint((middle - size / 2) / self._block), 0, (canvas - size) // self._block) * self._block
        return Box(*corner.astype(int).tolist(), *size.tolist())

    def _told(
        self, pose: Pose, i: int, box: Box, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]]:
        chosen = self._memory.frames_at(pick_at_random(self._costs(pose, i), rng))
        fields, told, parts = self._memory.inputs(pose, chosen, box)
        if rng.random() < _BARE:
            parts[rng.integers(2)] = 0
        return fields, told, parts

    def _costs(self, pose: Pose, i: int) -> Costs:
        """What parts cost for example ``i``; nothing is taken from its neighbours."""
        costs = self._memory.recall.costs(pose.landmarks)
        costs[:, np.abs(self._remembered - self._frames[i]) <= _NEIGHBOURS] += 1e3
        return costs

    def _worth(self, points: NDArray[np.float32], box: Box) -> NDArray[np.float32]:
        """(height, width): what an error costs more at the face and the hands."""
        unit = self._unit / self._canvas.scale
        x = np.arange(box.width, dtype=np.float32) + box.left
        y = np.arange(box.height, dtype=np.float32)[:, None] + box.top
        worth = np.zeros((box.height, box.width), np.float32)
        spots = ((0, _FACE_REACH, _FACE_WORTH), (19, _HAND_REACH, _HAND_WORTH), (20, _HAND_REACH, _HAND_WORTH))
        for joint, reach, more in spots:
            apart = (x - points[joint, 0]) ** 2 + (y - points[joint, 1]) ** 2
            worth += more * (apart < (reach * unit) ** 2)
        return worth

    @torch.no_grad()
    def draw(self, network: nn.Module, i: int) -> Tensor:
        """(layers, height, width) of example ``i`` as it will be served; of neighbours nothing is taken."""
        pose = Pose(self._landmarks[i])
        chosen = self._memory.frames_at(pick(self._costs(pose, i)))
        inputs = self._memory.inputs(pose, chosen, whole(self._canvas))
        told = (torch.from_numpy(part[None]).to(self._device) for part in inputs)
        drawn: Tensor = network(*told)[0].float().clamp(0, 1)
        return drawn

    def wanted(self, i: int) -> Tensor:
        """(layers, height, width) of the same as it should be."""
        return torch.from_numpy(np.array(self._layers[i])).to(self._device).float() / 255


def aligned(wanted: Layers, parts: NDArray[np.uint8], most: float) -> Layers:
    """What should be drawn, moved to where the warped pictures have it.

    Landmarks are a few pixels off, and nobody can tell from a pose by how many. Held against the very pixels, a stripe that is
    copied half a stripe too high costs more than none, and a network learns to blur. So the person may lie as far off as
    landmarks do: dense flow (Kroeger et al., ECCV 2016) from the warped pictures finds where.

    Args:
        wanted: (layers, h, w).
        parts: (2, h, w, 4), see :func:`core.warping.parts.warp_parts`.
        most: pixels that anything may move; what is farther off is not there to be copied, and stays.
    """
    if len(wanted) < 4:
        return wanted
    body, arms = parts[..., :3].astype(np.float32), parts[..., 3:].astype(np.float32) / 255
    laid = body[0] * (1 - arms[1]) + body[1]
    cover = arms[0] * (1 - arms[1]) + arms[1]
    copied = laid + 255 * _STAGE * (1 - cover)
    real = wanted[:3].transpose(1, 2, 0) + 255 * _STAGE * (1 - wanted[3][..., None].astype(np.float32) / 255)
    first, second = (cv2.cvtColor(x.clip(0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY) for x in (copied, real))
    flow = _FLOW.calc(first, second, None)
    far = np.linalg.norm(flow, axis=2, keepdims=True)
    flow = cv2.blur(flow * np.clip(most + 1 - far, 0, 1), (5, 5))
    y, x = np.mgrid[: wanted.shape[1], : wanted.shape[2]].astype(np.float32)
    premultiplied = np.ascontiguousarray(wanted[:4].transpose(1, 2, 0))
    moved = cv2.remap(
        premultiplied, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    result = wanted.copy()
    result[:4] = moved.transpose(2, 0, 1)
    return result


def picture_loss(made: Tensor, wanted: Tensor, worth: Tensor) -> Tensor:
    """How far pictures are from what they should be: values, slopes, liveliness, likeness (SSIM), outline, light.

    Liveliness is how steep slopes are around a spot, whatever their places. All others are content with a blur where a
    network cannot know where a stripe goes; this one wants the stripe.

    Args:
        made, wanted: (n, layers, h, w).
        worth: (n, h, w), what errors cost more there.
    """
    if made.shape[1] < 4:
        shown, goal, person = made, wanted, torch.ones_like(worth)
    else:
        shown, goal = (x[:, :3] + _STAGE * (1 - x[:, 3:4]) for x in (made, wanted))
        person = functional.max_pool2d(wanted[:, 3:4], 9, 1, 4)[:, 0]
    weight = (0.2 + _PERSON_WORTH * person + worth * person)[:, None]
    inner = (..., slice(_EDGE, -_EDGE), slice(_EDGE, -_EDGE))
    off = (shown - goal)[inner]
    weight = weight[inner]
    loss = (off.abs() * weight).mean()
    for along in (-1, -2):
        steps, goals = shown[inner].diff(dim=along), goal[inner].diff(dim=along)
        worth_of_steps = weight.narrow(along, 1, weight.shape[along] - 1)
        loss = loss + _SLOPES * ((steps - goals).abs() * worth_of_steps).mean()
        lively = _around(steps.abs()) - _around(goals.abs())
        loss = loss + _LIVELINESS * (lively.abs() * worth_of_steps).mean()
    loss = loss + _LIKENESS * ((1 - likeness(shown[inner], goal[inner])) * weight[..., 3:-3, 3:-3]).mean()
    if made.shape[1] >= 5:
        loss = loss + _OUTLINE * (made[:, 3] - wanted[:, 3]).abs().mean()
        bare = 1 - functional.max_pool2d(wanted[:, 3:4], 5, 1, 2)
        loss = loss + _LIGHT * ((made[:, 4:] - wanted[:, 4:]).abs() * bare).mean()
    return loss


def _around(x: Tensor) -> Tensor:
    """The mean of the 7×7 values around each."""
    return functional.avg_pool2d(x, 7, 1, 3, count_include_pad=False)


def likeness(made: Tensor, wanted: Tensor) -> Tensor:
    """(n, 1, h - 6, w - 6): SSIM (Wang et al. 2004, eq. 13) of luminance over windows of 7×7."""
    luma = torch.tensor([0.299, 0.587, 0.114], device=made.device)[None, :, None, None]
    x, y = (made * luma).sum(1, keepdim=True), (wanted * luma).sum(1, keepdim=True)
    mean_x, mean_y = functional.avg_pool2d(x, 7, 1), functional.avg_pool2d(y, 7, 1)
    var_x = functional.avg_pool2d(x * x, 7, 1) - mean_x**2
    var_y = functional.avg_pool2d(y * y, 7, 1) - mean_y**2
    both = functional.avg_pool2d(x * y, 7, 1) - mean_x * mean_y
    c1, c2 = 1e-4, 9e-4
    return (2 * mean_x * mean_y + c1) * (2 * both + c2) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
