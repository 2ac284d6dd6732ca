"""Trained generators: a network draws the performer in the asked pose.

Torch is never imported here; see ``core.runtime``.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core import conditioning
from core.canvas import KEPT, LAYERS, Layers, compose
from core.errors import PackInvalid
from core.generators import inside
from core.generators.base import Choice, Chooser, Generator, GeneratorSpec, Glimpse
from core.generators.registry import register
from core.networks.config import CONFIG, GRAPH, WEIGHTS, NetworkConfig, RealtimeConfig, UNetConfig, read_config
from core.pose import skeleton
from core.runtime import POINTS_AT_ONCE, NetworkFiles, Runner, WatchedRunner, open_runner, trial_inputs
from core.threads import PICTURES_AT_ONCE
from core.types import Picture, Pose

if TYPE_CHECKING:
    from core.targets.split import SplitName
    from core.targets.store import Target

_ROUND: Final = 2048
"""Points are asked in multiples of this many."""

_LEGEND: Final = "Left is warm, right is cool"

LIGHT_STEP: Final = 4
"""Shadows are drawn at a quarter of the canvas's size: they are soft."""


_LOADED_BYTES: Final = 10_000_000
_BYTES_FOR_WEIGHT_BYTE: Final = 4
_POINT_BYTES: Final = PICTURES_AT_ONCE * 33_000_000
"""What OpenVINO takes for a network, measured with the bundled ones: 20 MB convolutional, 80 MB of points, which has buffers
of its own for every picture that is made at once."""


class NeuralGenerator(Generator):
    """A trained generator. The network is loaded with the first picture.

    Raises:
        GeneratorNotFound, WeightsMissing, PackInvalid: the performer's files do not hold this generator.
    """

    def __init__(self, spec: GeneratorSpec, target: Target) -> None:
        self.spec = spec
        name = spec.name
        files = (target.weight_file(name, role) for role in (CONFIG, WEIGHTS, GRAPH))
        self._files = NetworkFiles(*files)
        self.config: NetworkConfig = read_config(self._files.config)
        if self.config.generator != name:
            raise PackInvalid(f"{self._files.config.name} of {target.name} describes '{self.config.generator}'.")
        self._stage = target.plate
        self.network = LazyNetwork(self.config, self._files)

    @property
    def trained_on(self) -> SplitName | None:
        """See ``Generator.trained_on``."""
        return None if self.config.training is None else self.config.training.split

    @property
    def held_bytes(self) -> int:
        """See ``Generator.held_bytes``."""
        return self.network.held_bytes

    def warm_up(self) -> None:
        """Load the network and run it once: the first run takes much longer than any other."""
        self.network()(*trial_inputs(self.config))

    def smaller(self) -> Generator | None:
        """See ``Generator.smaller``. A network of points can be asked for fewer of them; a convolutional one has its size."""
        if isinstance(self.config.network, UNetConfig):
            return None
        other = copy.copy(self)
        other.config = self.config.model_copy(update={"canvas": self.config.canvas.halved()})
        return other

    def choose_all(
        self, poses: Sequence[Pose | None], times: Sequence[Fraction], cuts: Sequence[int] = ()
    ) -> list[Choice]:
        """None for every frame: nothing is retrieved."""
        return [None] * len(poses)

    def chooser(self) -> Chooser:
        """See ``Generator.chooser``."""
        return _NoChoice()

    def generate(self, pose: Pose, choice: Choice) -> Picture:
        """See ``Generator.generate``."""
        return compose(draw(self.network(), self.config, pose), self.config.canvas, pose, self._stage)

    def look_inside(self, pose: Pose, choice: Choice) -> list[Glimpse]:
        """See ``Generator.look_inside``: all that the network is told, and where it looks if it has attention."""
        config = self.config
        if not isinstance(config.network, UNetConfig):
            return [_joints(config, pose)]
        sticks = conditioning.stick_image(config.canvas, pose, config.unit)
        image = inside.sticks_in_colour(sticks, config.canvas, pose, config.unit)
        told = Glimpse("The skeleton it redraws", image, f"All that it is told. {_LEGEND}, nearer limbs are brighter.")
        if not config.network.attention:
            return [told]
        run = self.network()
        weights = run.attention(_as_told(sticks))
        if weights is None:
            return [told]
        drawn = inside.person_drawn(run(_as_told(sticks))[0])
        return [told, *inside.looks(weights[0], drawn, config.canvas, pose, gamma=_gamma_of(self._files))]


def _gamma_of(files: NetworkFiles) -> float:
    """By how much a network multiplies what its attention finds, before it adds it to what it has.

    Raises:
        PackInvalid: the weights do not say.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(files.weights, framework="numpy") as tensors:
            return float(tensors.get_tensor("attend.gamma")[0])
    except (OSError, SafetensorError, IndexError, TypeError) as error:
        raise PackInvalid(f"{files.weights.name} is damaged: train or import it again.") from error


def _joints(config: NetworkConfig, pose: Pose) -> Glimpse:
    image = inside.joints_on_canvas(config.canvas, pose, config.unit)
    note = f"All that it is told: {conditioning.COORDINATES} numbers. {_LEGEND}."
    if (pose.visibility[list(skeleton.JOINTS)] < inside.HARDLY_SEEN).any():
        note += " Rings were hardly seen; it is told them all the same."
    return Glimpse(f"{len(skeleton.JOINTS)} joints", image, note)


class LazyNetwork:
    """A network that is loaded when it is first asked for, whoever asks."""

    def __init__(self, config: NetworkConfig, files: NetworkFiles) -> None:
        self._config = config
        self._files = files
        self._lock = threading.Lock()
        self._runner: WatchedRunner | None = None
        self._weight_bytes = files.weights.stat().st_size

    @property
    def held_bytes(self) -> int:
        """About how much memory it takes; 0 before it is loaded."""
        if self._runner is None:
            return 0
        points = 0 if isinstance(self._config.network, (RealtimeConfig, UNetConfig)) else _POINT_BYTES
        return _LOADED_BYTES + _BYTES_FOR_WEIGHT_BYTE * self._weight_bytes + points

    def __call__(self) -> WatchedRunner:
        """The network, ready to run."""
        with self._lock:
            if self._runner is None:
                self._runner = open_runner(self._config, self._files)
            return self._runner


class _NoChoice(Chooser):
    def choose(self, pose: Pose, seconds: float) -> Choice:
        return None


def draw(run: Runner, config: NetworkConfig, pose: Pose) -> Layers:
    """What a network draws on the canvas of ``pose``."""
    return (draw_picture if isinstance(config.network, UNetConfig) else draw_points)(run, config, pose)


def draw_picture(run: Runner, config: NetworkConfig, pose: Pose) -> Layers:
    """The layers that a network draws from the stick image of ``pose``."""
    return np.asarray(run(_as_told(conditioning.stick_image(config.canvas, pose, config.unit)))[0], np.uint8)


def _as_told(sticks: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A stick image as a network takes it."""
    return sticks[None].astype(np.float32) / np.float32(255)


def draw_points(run: Runner, config: NetworkConfig, pose: Pose) -> Layers:
    """The layers that a network of points draws for ``pose``: asked where the person can be, and coarsely for their shadow."""
    canvas = config.canvas
    told = conditioning.encode(pose.landmarks, config.unit)[None]
    points = conditioning.canvas_points(canvas, pose, config.unit)
    near = conditioning.around_person(canvas, pose, config.unit)
    coarse = conditioning.canvas_points(canvas, pose, config.unit, LIGHT_STEP)
    drawn = _ask(run, told, np.concatenate([points[near], coarse.reshape(-1, 2)]))
    layers = np.zeros((LAYERS, canvas.height, canvas.width), np.uint8)
    count = int(near.sum())
    layers[:KEPT, near] = drawn[:count, :KEPT].T
    light = np.ascontiguousarray(drawn[count:, 4]).reshape(coarse.shape[:2])
    layers[4] = cv2.resize(light, (canvas.width, canvas.height), interpolation=cv2.INTER_LINEAR)
    return layers


def _ask(run: Runner, told: NDArray[np.float32], points: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(P, LAYERS) for points (P, 2)."""
    parts = [_ask_some(run, told, points[i : i + POINTS_AT_ONCE]) for i in range(0, len(points), POINTS_AT_ONCE)]
    return np.concatenate(parts)


def _ask_some(run: Runner, told: NDArray[np.float32], points: NDArray[np.float32]) -> NDArray[np.uint8]:
    # OpenVINO keeps memory for every number of points it has met: let there be few
    padded = np.zeros((-(-len(points) // _ROUND) * _ROUND, 2), np.float32)
    padded[: len(points)] = points
    return np.asarray(run(told, padded[None])[0][: len(points)], np.uint8)


_FAMILY: Final = (
    ("mlp-se", "Painted from joints",
     "A small network paints every pixel from 13 joints: follows any pose, and looks softer than footage."),
    ("mlp", "Painted, plain", "As Painted from joints, without weighing: to compare with."),
    ("unet", "Drawn from a skeleton", "A convolutional network redraws the skeleton as the performer, all at once."),
    ("unet-attn", "Drawn with attention",
     "As above with residual blocks, and self-attention tells every part of the picture about the rest of it."),
    ("gan-bce-mlp", "Painted, sharpened", "Painted from joints, trained against a critic (GAN): crisper, less exact."),
    ("gan-bce-unet", "Drawn, sharpened", "Drawn with attention, trained against a critic (GAN): crisper, less exact."),
    ("wgan-gp-mlp", "Painted, sharpened (W)",
     "The same against a Wasserstein critic (WGAN-GP), which is steadier to train."),
    ("wgan-gp-unet", "Drawn, sharpened (W)",
     "The same against a Wasserstein critic (WGAN-GP), which is steadier to train."),
)  # fmt: skip
"""Name, title and strength of each; what its network is stands in its config, how it is trained in ``core.training.recipes``."""

for _name, _title, _strength in _FAMILY:
    _spec = GeneratorSpec(_name, _title, _strength, needs_weights=True)
    register(_spec, partial(NeuralGenerator, _spec))
