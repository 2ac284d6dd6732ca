"""Networks run by torch: the fallback where there is no OpenVINO, and the way onto a graphics card."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from core.errors import PackInvalid, UnusableInput
from core.networks.batchnorm_folding import unfold
from core.networks.build import Drawn, build
from core.networks.config import NetworkConfig
from core.networks.unet import SelfAttention
from core.types import NetworkInput


class TorchRunner:
    """See ``core.inference.runner.Runner``.

    Args:
        config: of the network.
        weights: its safetensors file; constants of the graph in it are passed over.
        device: as torch calls it.

    Raises:
        PackInvalid: the file does not hold this network's weights.
        UnusableInput: there is no such device.
    """

    def __init__(self, config: NetworkConfig, weights: Path, device: str) -> None:
        require(device)
        network = build(config)
        load_weights(network, weights)
        self._network = Drawn(network).to(device).eval()
        self._device = device
        self._own = threading.local()
        for module in network.modules():
            if isinstance(module, SelfAttention):
                module.register_forward_hook(self._watch)

    @torch.inference_mode()
    def __call__(self, *inputs: NetworkInput) -> NDArray[np.uint8]:
        """See ``core.inference.runner.Runner``."""
        drawn: NDArray[np.uint8] = self._network(*(torch.from_numpy(x).to(self._device) for x in inputs)).cpu().numpy()
        return drawn

    @torch.inference_mode()
    def attention(self, *inputs: NetworkInput) -> NDArray[np.float32] | None:
        """See ``core.inference.runner.WatchedRunner``."""
        self._own.asked, self._own.weights = True, None
        try:
            self(*inputs)
            weights: torch.Tensor | None = self._own.weights
        finally:
            self._own.asked, self._own.weights = False, None
        return None if weights is None else np.asarray(weights.float().cpu().numpy())

    def _watch(self, module: SelfAttention, given: tuple[torch.Tensor], made: Any) -> None:
        # other threads may be drawing at the same time
        if getattr(self._own, "asked", False):
            self._own.weights = module.weights(given[0])


def require(device: str) -> None:
    """Refuse a device that is not there.

    Raises:
        UnusableInput: it is not.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UnusableInput("There is no CUDA graphics card here: choose the device cpu, or auto.")
    if device == "mps" and not torch.backends.mps.is_available():
        raise UnusableInput("There is no Apple graphics processor here: choose the device cpu, or auto.")


def load_weights(network: torch.nn.Module, path: Path, *, to_train: bool = False) -> None:
    """Fill a network from a safetensors file.

    Args:
        to_train: with its norms as they were when it was trained, and not as it is served.

    Raises:
        PackInvalid: a weight is missing or has another shape.
    """
    try:
        tensors = load_file(path)
        wanted = network.state_dict()
        network.load_state_dict({name: tensors[name].to(wanted[name].dtype) for name in wanted})
        if to_train:
            unfold(network, tensors)
    except (OSError, KeyError, RuntimeError, SafetensorError) as error:
        raise PackInvalid(
            f"{path.name} does not hold the weights of this network: train or import it again."
        ) from error
