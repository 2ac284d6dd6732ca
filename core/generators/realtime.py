"""Our own generator: parts of the performer's footage, warped into the pose, copied and repaired by a small network."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.canvas import PERSON_LAYERS, Behind, Canvas, Layers, layers_of
from core.errors import PackInvalid
from core.generators.base import Choice, Chooser, GeneratorSpec
from core.generators.neural import LazyNetwork, NeuralGenerator
from core.generators.recall import SHADOW, Recall, pick, pick_sequence
from core.generators.registry import register
from core.limbs import Box, limb_fields, points_on, pose_vector
from core.pose import skeleton
from core.shadow import light_left
from core.types import Pose
from core.warping.parts import Snapshot, snapshot, warp_parts

if TYPE_CHECKING:
    from core.networks.config import NetworkConfig
    from core.runtime import Runner
    from core.targets.store import Target


_SOFT: Final = 4
"""Shadows are kept at a quarter of the size: they are soft."""

_SMALLER: Final = 1.5
_WORTHWHILE: Final = 0.7
"""Share of a canvas's pixels up to which a smaller one is worth being made."""


class Memory:
    """Frames of the performer to take parts from; a frame is looked up when it is first used, and kept.

    Args:
        canvas: on which they are wanted.
        unit: torso length in pixels of the performer's frames.
        frames: their numbers.
        landmarks: (N, 33, 4) of all frames of the performer.
        look_up: the layers of a frame on its canvas.
    """

    def __init__(
        self,
        canvas: Canvas,
        unit: float,
        frames: Sequence[int],
        landmarks: NDArray[np.float32],
        look_up: Callable[[int], Layers],
    ) -> None:
        self.frames = tuple(frames)
        self.recall = Recall(np.asarray(landmarks[list(frames)]), unit)
        self._canvas, self._unit = canvas, unit
        self._landmarks = landmarks
        self._look_up = look_up
        self._places = {frame: place for place, frame in enumerate(self.frames)}
        self._kept: dict[int, tuple[Snapshot, NDArray[np.uint8]]] = {}
        self._lock = threading.Lock()

    def frames_at(self, places: Sequence[int]) -> tuple[int, ...]:
        """The performer's frames at those places of the memory."""
        return tuple(self.frames[place] for place in places)

    def _frame(self, frame: int) -> tuple[Snapshot, NDArray[np.uint8]]:
        """A frame's picture of the person, and the last of its layers, small."""
        with self._lock:
            if frame not in self._kept:
                layers = self._look_up(frame)
                points = points_on(self._canvas, Pose(np.asarray(self._landmarks[frame])))
                person = snapshot(image_of(layers), points, self._unit / self._canvas.scale)
                size = (self._canvas.width // _SOFT, self._canvas.height // _SOFT)
                self._kept[frame] = (
                    person,
                    np.asarray(cv2.resize(layers[-1], size, interpolation=cv2.INTER_AREA), np.uint8),
                )
            return self._kept[frame]

    def light(self, pose: Pose, frame: int) -> NDArray[np.uint8]:
        """(height, width): the light that is left beside the person of ``frame``, whose feet are moved to those of ``pose``."""
        (person, small), feet = self._frame(frame), list(skeleton.FEET)
        asked, own = points_on(self._canvas, pose)[feet, :2], person.points[feet, :2]
        shift = [asked[:, 0].mean() - own[:, 0].mean(), asked[:, 1].max() - own[:, 1].max()]
        matrix = np.column_stack([np.eye(2) * _SOFT, (_SOFT - 1) / 2 + np.array(shift)])
        size = (self._canvas.width, self._canvas.height)
        return np.asarray(cv2.warpAffine(small, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(255,)), np.uint8)

    def told(self, pose: Pose, chosen: Sequence[int]) -> NDArray[np.float32]:
        """(TOLD,): what the network is told beside fields and parts."""
        unlike = self.recall.unlike(pose.landmarks, [self._places[frame] for frame in chosen])
        return np.concatenate([pose_vector(pose.landmarks, self._unit), unlike])

    def inputs(
        self, pose: Pose, chosen: Sequence[int], box: Box
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]]:
        """Fields, told and parts for one pose, as ``core.networks.realtime`` takes them, without the batch.

        Args:
            pose: in pixels of the performer's frames.
            chosen: for each part, the frame it is taken from.
            box: what of the canvas to show.
        """
        points, unit = points_on(self._canvas, pose), self._unit / self._canvas.scale
        parts = warp_parts(points, unit, [self._frame(frame)[0] for frame in chosen[:SHADOW]], box)
        return limb_fields(points, unit, box), self.told(pose, chosen), parts

    def draw(self, run: Runner, pose: Pose, chosen: Sequence[int] | None = None) -> Layers:
        """What a network draws on the canvas of ``pose`` from the chosen frames; from what fits best where none are."""
        if chosen is None:
            chosen = self.frames_at(pick(self.recall.costs(pose.landmarks)))
        inputs = self.inputs(pose, chosen, whole(self._canvas))
        layers = np.array(run(*(part[None] for part in inputs))[0], np.uint8)
        if len(layers) == PERSON_LAYERS and len(chosen) > SHADOW:
            layers[-1] = self.light(pose, chosen[SHADOW])
        return layers


def image_of(layers: Layers) -> NDArray[np.uint8]:
    """(height, width, 4): colours times mask, and mask, of layers; of a whole frame all is taken to be the person."""
    mask = layers[3] if len(layers) > 3 else np.full(layers.shape[1:], 255, np.uint8)
    return np.dstack([*layers[:3], mask])


def canvas_of_frame(target: Target, canvas: Canvas, i: int) -> Layers:
    """The layers of the performer's frame ``i`` on its canvas.

    Raises:
        ValueError: nobody is in it.
    """
    frame, pose = target.frames[i], target.pose(i)
    if pose is None:
        raise ValueError(f"nobody is in frame {i}")
    if target.masks is None or target.plate is None:
        return layers_of(frame, canvas, pose)
    mask = target.masks[i]
    half = light_left(frame, mask, target.plate)
    light = np.asarray(cv2.resize(half, (frame.shape[1], frame.shape[0]), interpolation=cv2.INTER_LINEAR), np.uint8)
    return layers_of(frame, canvas, pose, Behind(mask, light, target.plate))


def whole(canvas: Canvas) -> Box:
    """All of a canvas."""
    return Box(0, 0, canvas.width, canvas.height)


class RealtimeGenerator(NeuralGenerator):
    """See the module. A choice is the frames that the parts are taken from, and the one whose shadow falls.

    Raises:
        GeneratorNotFound, WeightsMissing, PackInvalid: the performer's files do not hold this generator.
    """

    def __init__(self, spec: GeneratorSpec, target: Target) -> None:
        super().__init__(spec, target)
        config = self.config
        known = np.array([frame < len(target.found) and bool(target.found[frame]) for frame in config.memory])
        if not known.all():
            raise PackInvalid(f"{spec.name} of {target.name} remembers frames that show nobody: train it again.")
        self._target = target
        self._draw_on(config)

    def _draw_on(self, config: NetworkConfig) -> None:
        self.config = config
        self.network = LazyNetwork(config, self._files)
        self.memory = memory_of(self._target, config)

    def smaller(self) -> RealtimeGenerator | None:
        """See ``Generator.smaller``. The network is one for every size."""
        canvas = self.config.canvas.shrunk(_SMALLER, self.config.block)
        if canvas.width * canvas.height > _WORTHWHILE * self.config.canvas.width * self.config.canvas.height:
            return None
        other = copy.copy(self)
        other._draw_on(self.config.model_copy(update={"canvas": canvas}))
        return other

    def choose_all(self, poses: Sequence[Pose | None], times: Sequence[Fraction]) -> list[Choice]:
        """See ``Generator.choose_all``."""
        result: list[Choice] = [None] * len(poses)
        asked = [(i, pose) for i, pose in enumerate(poses) if pose is not None]
        if not asked:
            return result
        costs = [self.memory.recall.costs(pose.landmarks) for _, pose in asked]
        for (i, _), places in zip(asked, pick_sequence(costs), strict=True):
            result[i] = self.memory.frames_at(places)
        return result

    def chooser(self) -> Chooser:
        """See ``Generator.chooser``."""
        return _LoyalChooser(self.memory)

    def draw(self, pose: Pose, choice: Choice = None) -> Layers:
        """See ``NeuralGenerator.draw``.

        Raises:
            ValueError: no frames were chosen.
        """
        if not isinstance(choice, tuple):
            raise ValueError("its pictures are put together from chosen frames")
        return self.memory.draw(self.network(), pose, choice)


def memory_of(target: Target, config: NetworkConfig) -> Memory:
    """What a network of that config remembers of a performer."""
    canvas = config.canvas
    return Memory(
        canvas, config.unit, config.memory, target.poses, lambda frame: canvas_of_frame(target, canvas, frame)
    )


class _LoyalChooser(Chooser):
    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._places: tuple[int, ...] | None = None

    def choose(self, pose: Pose, seconds: float) -> Choice:
        self._places = pick(self._memory.recall.costs(pose.landmarks), self._places)
        return self._memory.frames_at(self._places)


SPEC: Final = GeneratorSpec(
    name="realtime",
    title="Warped and mended",
    strength="Ours: real footage, warped limb by limb and mended by a small network: sharp, and true to any move.",
    needs_weights=True,
)


def _make(target: Target) -> RealtimeGenerator:
    return RealtimeGenerator(SPEC, target)


register(SPEC, _make)
