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

from core.conditioning.limb_fields import PART_LAYERS, Box, points_on
from core.generators.part_retrieval import Costs, pick, pick_at_random
from core.generators.realtime import ExemplarBank, NetworkInputs, whole
from core.networks.config import NetworkConfig
from core.networks.realtime import blend
from core.pose import skeleton
from core.rendering.canvas import COLOURS, KEPT, Layers
from core.training.adversarial import Windows
from core.training.dataset import Examples
from core.training.point_task import POSE_NOISE
from core.types import Pose

_FLOW: Final = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

WINDOW: Final = 256
"""Side of what a step looks at, in pixels of the canvas."""

_NEIGHBOURS: Final = 25
"""See :class:`CopyTask`; a second of most footage."""
_BARE: Final = 0.1
"""Share of the windows in which a whole layer of parts is hidden: the network has to draw it without a picture."""
_HOLES: Final = (0, 13, 14, 15, 16, 19, 20, 25, 26, 27, 28, 31, 32)
_HOLED, _HOLE = 0.4, (0.12, 0.4)
"""Share of the windows in which there is nothing to copy around a joint, and how far around, in torso lengths.

Where no frame of the footage fits, it is a hand, a foot or the end of the hair that is missing, beside much that is there.
"""

_STAGE: Final = 0.6
"""Grey behind the person where pictures are compared; some error at the outline is seen on any other as well."""
_PERSON_WORTH, _FACE_WORTH, _HAND_WORTH = 1.0, 2.0, 2.0
_FACE_REACH, _HAND_REACH = 0.28, 0.2
_SLOPES, _LIVELINESS, _LIKENESS, _OUTLINE, _LIGHT = 0.7, 5.0, 0.1, 0.5, 2.0
_SHADE, _FULL = 4.0, 0.98
_SMOOTHNESS, _DECISION, _DRAWN = 0.2, 0.1, 0.25
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
        neighbours: frames around the one that is learnt, from which nothing is taken.
        few: how often there are only one to four frames to take parts from, see
        :func:`core.generators.part_retrieval.pick_at_random`.
    """

    def __init__(
        self,
        examples: Examples,
        config: NetworkConfig,
        device: torch.device,
        neighbours: int = _NEIGHBOURS,
        few: float = 0.0,
    ) -> None:
        self._neighbours, self._few = neighbours, few
        self._canvas, self._unit, self._block = config.canvas, config.unit, config.block
        self._landmarks, self._layers = examples.landmarks, examples.layers
        self._device = device
        self._frames = frames = examples.frames
        place = {int(frame): i for i, frame in enumerate(frames)}
        landmarks = np.full((int(frames.max()) + 1, *examples.landmarks.shape[1:]), np.nan, np.float32)
        landmarks[frames] = examples.landmarks
        self._memory = ExemplarBank(
            config.canvas,
            config.unit,
            config.memory,
            landmarks,
            lambda frame: np.dstack([*self._layers[place[frame]][:KEPT]]),
            config.outline,
        )
        self._remembered = np.array(self._memory.frames)

    def loss(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> Tensor:
        """See the module."""
        return self.loss_of(network, self.seen(frames, draws))

    def loss_of(self, network: nn.Module, seen: tuple[Tensor, ...]) -> Tensor:
        """Of what :meth:`seen` brought."""
        return self._compared(network, seen)[0]

    def loss_and_window(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> tuple[Tensor, Windows]:
        """:meth:`loss`, and what was drawn, for a critic."""
        loss, made, wanted = self._compared(network, self.seen(frames, draws))
        return loss, Windows(made, wanted, made[:, :0])

    def windows(self, network: nn.Module, frames: Tensor, draws: torch.Generator, count: int) -> list[Windows]:
        """``count`` windows of each frame; see ``core.training.adversarial``."""
        views = []
        for _ in range(count):
            *told, parts, wanted, _ = self.seen(frames, draws)
            made = blend(network(*told).float(), told[0], told[-1], parts)
            views.append(Windows(made, wanted, wanted[:, :0]))
        return views

    def _compared(self, network: nn.Module, seen: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor]:
        *told, parts, wanted, worth = seen
        mix = network(*told).float()
        made = blend(mix, told[0], told[-1], parts)
        # what is drawn is not asked to be lively: it would be hatched
        vivid = blend(torch.cat([mix[:, :KEPT].detach(), mix[:, KEPT:]], 1), told[0], told[-1], parts)
        loss = picture_loss(made, wanted, worth) + liveliness_loss(vivid, wanted, worth)
        loss = loss + drawing_loss(mix[:, :KEPT], wanted[:, :KEPT], worth)
        return loss + mixing_loss(mix[:, : KEPT + PART_LAYERS]), made, wanted

    @property
    def window(self) -> tuple[int, int]:
        """Width and height of what a step looks at, in pixels of the canvas."""
        return min(WINDOW, self._canvas.width), min(WINDOW, self._canvas.height)

    def seen(self, frames: Tensor, draws: torch.Generator) -> tuple[Tensor, ...]:
        """The network's inputs, warped parts, layers and weights (n, side, side) of a window of each frame."""
        rng = np.random.default_rng(int(torch.randint(1 << 31, (1,), generator=draws)))
        told, wanted, worth = [], [], []
        for i in frames.tolist():
            landmarks = self._landmarks[i].copy()
            noise = rng.normal(0, POSE_NOISE * self._unit, (33, 3)).astype(np.float32)
            landmarks[:, :3] += noise * np.array([1, 1, 2], np.float32)
            pose = Pose(landmarks)
            box = self._window(pose, rng)
            told.append(seen := self._told(pose, i, box, rng))
            # the frame lies where its own hips are, the window where the noisy ones are
            wanted.append(aligned(self._shifted(i, pose, box), seen[-1], ALIGNED * self._unit / self._canvas.scale))
            worth.append(self._worth(points_on(self._canvas, pose), box))
        *inputs, parts = (torch.from_numpy(np.stack(kind)).to(self._device) for kind in zip(*told, strict=True))
        layers = torch.from_numpy(np.stack(wanted)).to(self._device).float() / 255
        return *inputs, parts, layers, torch.from_numpy(np.stack(worth)).to(self._device)

    def _shifted(self, i: int, pose: Pose, box: Box) -> Layers:
        """The layers of frame ``i`` on the canvas of ``pose``, which lies a pixel off its own."""
        own, asked = (self._canvas.matrix(p)[:, 2] for p in (Pose(self._landmarks[i]), pose))
        right, down = np.rint((asked - own) / self._canvas.scale).astype(int)
        _, height, width = self._layers.shape[1:]
        rows = np.clip(np.arange(box.top, box.top + box.height) + down, 0, height - 1)
        columns = np.clip(np.arange(box.left, box.left + box.width) + right, 0, width - 1)
        return np.asarray(self._layers[i][:, rows[0] : rows[-1] + 1][:, rows - rows[0]][:, :, columns], np.uint8)

    def _window(self, pose: Pose, rng: np.random.Generator) -> Box:
        """A box around a joint, now and then one of the face or the hands."""
        canvas, size = np.array([self._canvas.width, self._canvas.height]), np.array(self.window)
        joint = int(rng.choice([*skeleton.JOINTS, 0, 0, 19, 20, 31, 32]))
        middle = points_on(self._canvas, pose)[joint, :2] + rng.uniform(-0.3, 0.3, 2) * size
        corner = np.clip(np.rint((middle - size / 2) / self._block), 0, (canvas - size) // self._block) * self._block
        return Box(*corner.astype(int).tolist(), *size.tolist())

    def _told(
        self, pose: Pose, i: int, box: Box, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8], NDArray[np.uint8]]:
        """What a network is told, and the parts in the whole of the box."""
        chosen = self._memory.frames_at(pick_at_random(self._costs(pose, i), rng, few=self._few))
        seen = self._memory.seen(pose, chosen, box)
        parts = _in(box, seen)
        if rng.random() < _BARE:
            bare = rng.integers(PART_LAYERS)
            seen.small[bare] = parts[bare] = 0
        if rng.random() < _HOLED:
            self._hide(points_on(self._canvas, pose), box, seen.small, parts, rng)
        return seen.fields, seen.told, seen.small, parts

    def _hide(
        self,
        points: NDArray[np.float32],
        box: Box,
        small: NDArray[np.uint8],
        parts: NDArray[np.uint8],
        rng: np.random.Generator,
    ) -> None:
        """Make a hole around a joint into what there is to copy of a box, at both sizes."""
        near = [
            j for j in _HOLES if 0 <= points[j, 0] - box.left < box.width and 0 <= points[j, 1] - box.top < box.height
        ]
        if not near:
            return
        middle = points[int(rng.choice(near)), :2] - (box.left, box.top)
        reach = rng.uniform(*_HOLE) * self._unit / self._canvas.scale
        for pictures, scale in ((parts, 1), (small, 2)):
            y, x = np.ogrid[: pictures.shape[1], : pictures.shape[2]]
            apart = (x + 0.5 - middle[0] / scale) ** 2 + (y + 0.5 - middle[1] / scale) ** 2
            pictures[:, apart < (reach / scale) ** 2] = 0

    def _costs(self, pose: Pose, i: int) -> Costs:
        """What parts cost for example ``i``; nothing is taken from its neighbours."""
        costs = self._memory.recall.costs(pose.landmarks)
        costs[:, np.abs(self._remembered - self._frames[i]) <= self._neighbours] += 1e3
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
        """(LAYERS, height, width) of example ``i`` as it will be served; of neighbours nothing is taken."""
        pose = Pose(self._landmarks[i])
        chosen = self._memory.frames_at(pick(self._costs(pose, i)))
        seen = self._memory.seen(pose, chosen, everything := whole(self._canvas))
        *told, parts = (
            torch.from_numpy(part[None]).to(self._device)
            for part in (seen.fields, seen.told, seen.small, _in(everything, seen))
        )
        return blend(network(*told).float(), told[0], told[-1], parts)[0].clamp(0, 1)

    def wanted(self, i: int) -> Tensor:
        """(LAYERS, height, width) of the same as it should be."""
        return torch.from_numpy(np.array(self._layers[i])).to(self._device).float() / 255


def _in(box: Box, seen: NetworkInputs) -> NDArray[np.uint8]:
    """(PART_LAYERS, height, width, 4): the warped parts in the whole of a box."""
    parts = np.zeros((PART_LAYERS, box.height, box.width, 4), np.uint8)
    spot = seen.box.inside(box)
    parts[:, spot.rows, spot.columns] = seen.parts
    return parts


def aligned(wanted: Layers, parts: NDArray[np.uint8], most: float) -> Layers:
    """What should be drawn, moved to where the warped pictures have it.

    Landmarks are a few pixels off, and nobody can tell from a pose by how many. Held against the very pixels, a stripe that is
    copied half a stripe too high costs more than none, and a network learns to blur. So the person may lie as far off as
    landmarks do: dense flow (Kroeger et al., ECCV 2016) from the warped pictures finds where.

    Args:
        wanted: (LAYERS, h, w).
        parts: (PART_LAYERS, h, w, 4), see :func:`core.warping.part_warp.warp_parts`.
        most: pixels that anything may move; what is farther off is not there to be copied, and stays.
    """
    copied = np.full((*parts.shape[1:3], 3), 255 * _STAGE, np.float32)
    for part in parts.astype(np.float32):
        copied = copied * (1 - part[..., 3:] / 255) + part[..., :3]
    real = wanted[:COLOURS].transpose(1, 2, 0) + 255 * _STAGE * (1 - wanted[3][..., None].astype(np.float32) / 255)
    first, second = (cv2.cvtColor(x.clip(0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY) for x in (copied, real))
    flow = _FLOW.calc(first, second, None)
    far = np.linalg.norm(flow, axis=2, keepdims=True)
    flow = cv2.blur(flow * np.clip(most + 1 - far, 0, 1), (5, 5))
    y, x = np.mgrid[: wanted.shape[1], : wanted.shape[2]].astype(np.float32)
    premultiplied = np.ascontiguousarray(wanted[:KEPT].transpose(1, 2, 0))
    moved = cv2.remap(
        premultiplied, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    result = wanted.copy()
    result[:KEPT] = moved.transpose(2, 0, 1)
    return result


def picture_loss(made: Tensor, wanted: Tensor, worth: Tensor) -> Tensor:
    """How far pictures are from what they should be: values, slopes, likeness (SSIM), outline, light.

    Args:
        made, wanted: (n, LAYERS, h, w).
        worth: (n, h, w), what errors cost more there.
    """
    shown, goal, weight = _judged(made, wanted, worth)
    loss = ((shown - goal).abs() * weight).mean()
    for along in (-1, -2):
        off = shown.diff(dim=along) - goal.diff(dim=along)
        loss = loss + _SLOPES * (off.abs() * weight.narrow(along, 1, weight.shape[along] - 1)).mean()
    loss = loss + _LIKENESS * ((1 - likeness(shown, goal)) * weight[..., 3:-3:2, 3:-3:2]).mean()
    # against a single grey, what is as grey and half there is not seen
    loss = loss + _OUTLINE * (made[:, :KEPT] - wanted[:, :KEPT]).abs().mean()
    bare = 1 - functional.max_pool2d(wanted[:, 3:4], 5, 1, 2)
    # most of the stage lies in full light: without more weight, shadows are not worth learning
    bare = bare * (1 + _SHADE * (wanted[:, 4:] < _FULL))
    return loss + _LIGHT * ((made[:, 4:] - wanted[:, 4:]).abs() * bare).mean()


def _judged(made: Tensor, wanted: Tensor, worth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Both pictures in front of a grey stage, and what errors cost, without what lies at a window's sides."""
    shown, goal = (x[:, :COLOURS] + _STAGE * (1 - x[:, 3:4]) for x in (made, wanted))
    person = functional.max_pool2d(wanted[:, 3:4], 9, 1, 4)[:, 0]
    weight = (0.2 + _PERSON_WORTH * person + worth * person)[:, None]
    inner = (..., slice(_EDGE, -_EDGE), slice(_EDGE, -_EDGE))
    return shown[inner], goal[inner], weight[inner]


def liveliness_loss(made: Tensor, wanted: Tensor, worth: Tensor) -> Tensor:
    """How much steeper or flatter slopes are around a spot than they should be, whatever their places.

    All other terms are content with a blur where a network cannot know where a stripe goes; this one wants the stripe.

    Args:
        made, wanted, worth: as of :func:`picture_loss`.
    """
    shown, goal, weight = _judged(made, wanted, worth)
    loss = made.new_zeros(())
    for along in (-1, -2):
        lively = _around(shown.diff(dim=along).abs()) - _around(goal.diff(dim=along).abs())
        loss = loss + (lively.abs() * _around(weight.narrow(along, 1, weight.shape[along] - 1))).mean()
    return _LIVELINESS * loss


def drawing_loss(drawn: Tensor, wanted: Tensor, worth: Tensor) -> Tensor:
    """How far what is drawn is from what should be seen where somebody is, as if nothing were copied over it.

    Without it next to nothing is drawn, as there is nearly always something to copy; and where there is not, a hand is missing.

    Args:
        drawn: (n, KEPT, h / 2, w / 2).
        wanted: (n, KEPT, h, w).
        worth: as of :func:`picture_loss`.
    """
    goal = functional.avg_pool2d(wanted, 2)
    weight = functional.max_pool2d(goal[:, 3:], 5, 1, 2)
    return _DRAWN * ((drawn - goal).abs() * weight * (1 + functional.avg_pool2d(worth[:, None], 2))).mean()


def mixing_loss(mix: Tensor) -> Tensor:
    """What it costs to draw or let through in a rough way, and to show halves of two pictures instead of one whole.

    Args:
        mix: (n, colours and mask, then PART_LAYERS gates, h, w).
    """
    rough = sum((mix.diff(dim=along).abs().mean() for along in (-1, -2)), start=mix.new_zeros(()))
    gates = mix[:, -PART_LAYERS:]
    return _SMOOTHNESS * rough + _DECISION * (gates * (1 - gates)).mean()


def _around(x: Tensor) -> Tensor:
    """Means of 8×8 values, every four."""
    return functional.avg_pool2d(x, 8, 4)


def likeness(made: Tensor, wanted: Tensor) -> Tensor:
    """(n, 1, (h - 5) // 2, (w - 5) // 2): SSIM (Wang et al. 2004, eq. 13) of luminance over windows of 7×7, every two pixels."""
    luma = torch.tensor([0.299, 0.587, 0.114], device=made.device)[None, :, None, None]
    x, y = (made * luma).sum(1, keepdim=True), (wanted * luma).sum(1, keepdim=True)
    mean_x, mean_y = functional.avg_pool2d(x, 7, 2), functional.avg_pool2d(y, 7, 2)
    var_x = functional.avg_pool2d(x * x, 7, 2) - mean_x**2
    var_y = functional.avg_pool2d(y * y, 7, 2) - mean_y**2
    both = functional.avg_pool2d(x * y, 7, 2) - mean_x * mean_y
    c1, c2 = 1e-4, 9e-4
    return (2 * mean_x * mean_y + c1) * (2 * both + c2) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
