"""Where a trained network runs: OpenVINO on the processor; torch where that cannot be had, and on graphics cards.

A network is three files: its config, its weights (safetensors, half precision) and its graph, an OpenVINO IR whose
constants lie in the weights file, so that nothing is stored twice. All three are data (``core.inference.ir_validation``), and
refused when their sizes are not those of the config.
"""

from __future__ import annotations

import importlib
import logging
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from core.conditioning.limb_fields import CELL, FIELDS, LABELS, PART_LAYERS, TOLD
from core.conditioning.pose_encoding import COORDINATES, STICKS
from core.errors import DanceError, PackInvalid
from core.inference.device_selection import Device, fastest, graphics, remembered
from core.inference.ir_validation import MAX_ELEMENTS, MAX_GRAPH_BYTES, check_graph, read_bounded
from core.inference.openvino_core import Precision, openvino_core, silent_openvino, supported_precision
from core.networks.config import NetworkConfig, RealtimeConfig, SegmenterConfig, UNetConfig
from core.rendering.canvas import LAYERS
from core.settings import settings
from core.types import NetworkInput
from core.utils.prefetch import PICTURES_AT_ONCE

logger = logging.getLogger(__name__)

MAX_WEIGHT_BYTES: Final = 128 << 20

POINTS_AT_ONCE: Final = 1 << 16
"""The longest open side of a network's input."""

_TRIAL_POINTS: Final = 1 << 13


class Runner(Protocol):
    """A network that runs. Any thread may call it."""

    def __call__(self, *inputs: NetworkInput) -> NDArray[np.uint8]:
        """The network's output as grey levels."""


class WatchedRunner(Runner, Protocol):
    """A network that runs and tells where it looks."""

    def attention(self, *inputs: NetworkInput) -> NDArray[np.float32] | None:
        """(1, places, places): how much each place takes from each other, every row 1 together; None without self-attention."""


@dataclass(frozen=True, slots=True)
class NetworkFiles:
    """A trained network on disk."""

    config: Path
    weights: Path
    graph: Path


def open_runner(config: NetworkConfig, files: NetworkFiles) -> WatchedRunner:
    """The network, ready to run.

    On the processor OpenVINO runs it, or torch where OpenVINO cannot be imported. Where there is a graphics card, torch may be
    faster on it: both are measured once and the faster is remembered for this machine. ``DANCE_DEVICE`` set to ``cpu``,
    ``cuda`` or ``mps`` decides without asking.

    Raises:
        PackInvalid: the files are damaged or no network of ours.
        UnusableInput: ``DANCE_DEVICE`` names a device that is not there.
        DanceError: neither OpenVINO nor torch is there.
    """
    device = settings().device
    if device in {"cuda", "mps"}:
        return _with_torch(config, files, device)
    card = graphics() if device == "auto" else None
    return _on_processor(config, files) if card is None else _faster(config, files, card)


def _on_processor(config: NetworkConfig, files: NetworkFiles) -> WatchedRunner:
    try:
        silent_openvino()
    except ImportError:
        logger.warning("OpenVINO is not installed: torch runs the networks, two to three times as slowly")
        return _with_torch(config, files, "cpu")
    return OpenVinoRunner(config, files)


def _faster(config: NetworkConfig, files: NetworkFiles, card: Device) -> WatchedRunner:
    """Processor or graphics card, whichever is faster."""
    kind = f"{config.network.model_dump_json()} {config.canvas.width}x{config.canvas.height} {config.precision}"
    # torch takes seconds to load: not where it is known that it will not be used
    if remembered(kind, {"cpu", card}) == "cpu":
        return _on_processor(config, files)
    try:
        on_card = _with_torch(config, files, card)
    except DanceError as error:
        logger.info("the graphics card is not used: %s", error)
        return _on_processor(config, files)
    on_processor = _on_processor(config, files)
    inputs = trial_inputs(config)
    chosen = fastest(kind, {"cpu": lambda: on_processor(*inputs), card: lambda: on_card(*inputs)})
    return on_processor if chosen == "cpu" else on_card


def trial_inputs(config: NetworkConfig) -> tuple[NetworkInput, ...]:
    """Inputs as large as those that are served, of random content."""
    rng = np.random.default_rng(0)
    width, height = config.canvas.width, config.canvas.height
    if isinstance(config.network, RealtimeConfig):
        fields = rng.uniform(-1, 1, (1, FIELDS, height // 2 // CELL, width // 2 // CELL)).astype(np.float32)
        told = rng.normal(0, 0.8, (1, TOLD)).astype(np.float32)
        return fields, told, rng.integers(0, 256, (1, PART_LAYERS, height // 2, width // 2, 4), np.uint8)
    if isinstance(config.network, SegmenterConfig):
        fields = rng.uniform(-1, 1, (1, FIELDS, height // CELL, width // CELL)).astype(np.float32)
        return rng.integers(0, 256, (1, height, width, 4), np.uint8), fields
    if isinstance(config.network, UNetConfig):
        shape = (1, STICKS, height // 2, width // 2)
        return (rng.uniform(0, 1, shape).astype(np.float32),)
    pose = rng.normal(0, 0.8, (1, COORDINATES)).astype(np.float32)
    return pose, rng.normal(0, 1, (1, _TRIAL_POINTS, 2)).astype(np.float32)


def _with_torch(config: NetworkConfig, files: NetworkFiles, device: str) -> WatchedRunner:
    try:
        # by name: whoever serves must not load torch by importing this module
        module = importlib.import_module("core.inference.torch_runner")
    except ImportError as error:
        raise DanceError(
            "Trained generators need OpenVINO or torch: run `make install`, or choose nearest neighbour."
        ) from error
    runner: WatchedRunner = module.TorchRunner(config, files.weights, device)
    return runner


class OpenVinoRunner:
    """The network by OpenVINO, in bfloat16 where the config allows it and the processor has it.

    Raises:
        PackInvalid: the graph or the weights are damaged, or not those of the config.
    """

    def __init__(self, config: NetworkConfig, files: NetworkFiles) -> None:
        self._config, self._files = config, files
        with _refusing(files.graph):
            self._compiled = openvino_core().compile_model(self._read(), "CPU", _options(config.precision))
        self._own = threading.local()
        self._looking: list[Any] | None = None
        self._lock = threading.Lock()

    def __call__(self, *inputs: NetworkInput) -> NDArray[np.uint8]:
        """See ``Runner``."""
        request: Callable[..., Any] | None = getattr(self._own, "request", None)
        if request is None:
            # one for each thread: a request holds the buffers of one run
            request = self._own.request = self._compiled.create_infer_request().infer
        return np.asarray(request(list(inputs), share_inputs=True)[0])

    def attention(self, *inputs: NetworkInput) -> NDArray[np.float32] | None:
        """See ``WatchedRunner``; in full precision whatever the config allows.

        Raises:
            PackInvalid: the files were damaged meanwhile.
        """
        with self._lock:
            if self._looking is None:
                self._looking = self._up_to_attention()
        # none or one; asked seldom, so that a request of its own each time is cheap enough
        for compiled in self._looking:
            return np.array(compiled.create_infer_request().infer(list(inputs))[0], np.float32)
        return None

    def _up_to_attention(self) -> list[Any]:
        """The part of the network that says where it looks, compiled; nothing where there is none."""
        config = self._config
        if not (isinstance(config.network, UNetConfig) and config.network.attention):
            return []
        places = (config.canvas.height // config.block) * (config.canvas.width // config.block)
        with _refusing(self._files.graph):
            model = self._read()
            outputs = [operation.output(0) for operation in model.get_ops() if operation.get_type_name() == "Softmax"]
            shapes = [str(output.get_partial_shape()) for output in outputs]
            if shapes != [f"[1,{places},{places}]"]:
                return []
            part = silent_openvino().Model(outputs, model.get_parameters())
            return [openvino_core().compile_model(part, "CPU", _options("f32"))]

    def _read(self) -> Any:
        config, files = self._config, self._files
        xml = read_bounded(files.graph, MAX_GRAPH_BYTES)
        check_graph(xml, files.graph.name)
        weights = np.frombuffer(read_bounded(files.weights, MAX_WEIGHT_BYTES), np.uint8)
        model = openvino_core().read_model(xml, _tensor(weights))
        if isinstance(config.network, RealtimeConfig):
            # one graph for every size of canvas; told which, OpenVINO is a third faster
            model.reshape(dict(enumerate(list(given.shape) for given in trial_inputs(config))))
        self._check(model, config)
        return model

    def _check(self, model: Any, config: NetworkConfig) -> None:
        for operation in model.get_ops():
            for output in operation.outputs():
                # what the graph declares of itself need not be what it computes
                if _elements(output.get_partial_shape()) > MAX_ELEMENTS:
                    raise ValueError("the graph needs more memory than any network of ours")
        shapes = [str(port.get_partial_shape()) for port in (*model.inputs, *model.outputs)]
        if shapes != expected_shapes(config):
            raise ValueError(f"the graph has {shapes}")


@contextmanager
def _refusing(graph: Path) -> Iterator[None]:
    """What OpenVINO says of a damaged network, in a sentence.

    Raises:
        PackInvalid: it said something.
    """
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise PackInvalid(f"{graph.name} is no network that can run: train or import it again.") from error


def expected_shapes(config: NetworkConfig) -> list[str]:
    """How OpenVINO writes the shapes of inputs and output of a network of this config."""
    canvas = config.canvas
    if isinstance(config.network, RealtimeConfig):
        return [
            f"[1,{FIELDS},{canvas.height // 2 // CELL},{canvas.width // 2 // CELL}]",
            f"[1,{TOLD}]",
            f"[1,{PART_LAYERS},{canvas.height // 2},{canvas.width // 2},4]",
            f"[1,{LAYERS + PART_LAYERS},{canvas.height // 2},{canvas.width // 2}]",
        ]
    if isinstance(config.network, SegmenterConfig):
        return [
            f"[1,{canvas.height},{canvas.width},4]",
            f"[1,{FIELDS},{canvas.height // CELL},{canvas.width // CELL}]",
            f"[1,{LABELS},{canvas.height},{canvas.width}]",
        ]
    if isinstance(config.network, UNetConfig):
        return [
            f"[1,{STICKS},{canvas.height // 2},{canvas.width // 2}]",
            f"[1,{LAYERS},{canvas.height},{canvas.width}]",
        ]
    return [f"[1,{COORDINATES}]", "[1,?,2]", f"[1,?,{LAYERS}]"]


def _elements(shape: Any) -> int:
    """How many numbers a tensor of that shape holds at most; sides that are open are as long as ever asked for."""
    if shape.rank.is_dynamic:
        return MAX_ELEMENTS + 1
    return math.prod(POINTS_AT_ONCE if side.is_dynamic else max(side.get_length(), 1) for side in shape)


def _tensor(content: NDArray[np.uint8]) -> Any:
    return silent_openvino().Tensor(content)


def _options(precision: Precision) -> dict[str, str]:
    return {
        "INFERENCE_PRECISION_HINT": supported_precision(precision),
        # two pictures at once, by half of the cores each: threads that share one picture wait for each other at every layer
        # (realtime on two cores: 18 core-ms a picture by one thread, 22 by two)
        "NUM_STREAMS": str(PICTURES_AT_ONCE),
        # a thread that is tied to a core waits for whoever else has it
        "ENABLE_CPU_PINNING": "NO",
    }
