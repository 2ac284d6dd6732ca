"""A trained network to the files that are served, checked against torch before they are kept."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from core.conditioning.limb_fields import FIELDS, PART_LAYERS, TOLD
from core.conditioning.pose_encoding import COORDINATES
from core.errors import DanceError
from core.inference.ir_validation import check_graph
from core.inference.openvino_core import silent_openvino
from core.inference.runner import NetworkFiles, OpenVinoRunner, trial_inputs
from core.inference.torch_runner import TorchRunner
from core.networks.batchnorm_folding import fold
from core.networks.build import Drawn, build
from core.networks.config import NetworkConfig, RealtimeConfig, SegmenterConfig, UNetConfig

TOLERANCE: Final = 2
"""Grey levels that OpenVINO's picture may differ from torch's."""

_CONSTANT = re.compile(r'offset="(\d+)" size="(\d+)"')


def export(config: NetworkConfig, state: dict[str, torch.Tensor], folder: Path) -> NetworkFiles:
    """Write config, weights and graph into ``folder``.

    Args:
        state: the trained network's ``state_dict``.

    Raises:
        DanceError: what OpenVINO computes is not what torch computes.
    """
    stem = folder / config.generator
    files = NetworkFiles(stem.with_suffix(".json"), stem.with_suffix(".safetensors"), stem.with_suffix(".xml"))
    folded, norms = _folded(config, state)
    files.config.write_text(config.to_json())
    with tempfile.TemporaryDirectory() as scratch:
        _write_graph(config, _halved(folded), norms, files, Path(scratch))
    _compare(config, files)
    return files


def _folded(
    config: NetworkConfig, state: dict[str, torch.Tensor]
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The network's weights with its norms folded, and what undoes that."""
    network = build(config)
    network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    kept = fold(network)
    return dict(network.state_dict()), kept


def _halved(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """In half precision, but for variances, which must make exactly one with what is added to them."""
    return {
        name: tensor.half().contiguous() if tensor.is_floating_point() and not name.endswith("running_var") else tensor
        for name, tensor in state.items()
    }


def _write_graph(
    config: NetworkConfig,
    state: dict[str, torch.Tensor],
    norms: dict[str, torch.Tensor],
    files: NetworkFiles,
    scratch: Path,
) -> None:
    openvino = silent_openvino()
    network = build(config)
    network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    example = tuple(torch.from_numpy(x) for x in trial_inputs(config))
    shapes = [openvino.PartialShape(shape) for shape in _shapes(config)]
    model = openvino.convert_model(Drawn(network).eval(), example_input=example, input=shapes)
    openvino.save_model(model, scratch / "graph.xml", compress_to_fp16=True)
    constants = (scratch / "graph.bin").read_bytes()
    xml = (scratch / "graph.xml").read_text()
    names, more = _named(xml, constants, state)
    save_file({**state, **norms, **more}, files.weights)
    places = constants_at(files.weights)

    def move(found: re.Match[str]) -> str:
        offset, size = places[names[int(found[1]), int(found[2])]]
        return f'offset="{offset}" size="{size}"'

    moved = _CONSTANT.sub(move, xml)
    # what OpenVINO notes about how it was called is no part of the graph
    files.graph.write_text(re.sub(r"\s*<rt_info>\s*<MO_version.*?</rt_info>(?=\s*</net>)", "", moved, flags=re.DOTALL))
    check_graph(files.graph.read_bytes(), files.graph.name)


def _named(
    xml: str, constants: bytes, state: dict[str, torch.Tensor]
) -> tuple[dict[tuple[int, int], str], dict[str, torch.Tensor]]:
    """The tensor that each constant of a graph is, and those constants which are none of the network's weights."""
    known = {tensor.numpy().tobytes(): name for name, tensor in state.items()}
    names: dict[tuple[int, int], str] = {}
    more: dict[str, torch.Tensor] = {}
    for found in _CONSTANT.finditer(xml):
        offset, size = int(found[1]), int(found[2])
        content = constants[offset : offset + size]
        if content not in known:
            known[content] = f"graph.{len(more)}"
            more[known[content]] = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        names[offset, size] = known[content]
    return names, more


def _compare(config: NetworkConfig, files: NetworkFiles) -> None:
    inputs = trial_inputs(config)
    by_torch: NDArray[np.uint8] = TorchRunner(config, files.weights, "cpu")(*inputs)
    exact = config.model_copy(update={"precision": "f32"})
    by_openvino = OpenVinoRunner(exact, files)(*inputs)
    worst = int(np.abs(by_torch.astype(np.int16) - by_openvino).max())
    if worst > TOLERANCE:
        raise DanceError(
            f"The exported {config.generator} differs from the trained one by {worst} grey levels: not kept."
        )


def _shapes(config: NetworkConfig) -> list[list[int]]:
    """-1 for a side that is open."""
    if isinstance(config.network, RealtimeConfig):
        return [[1, FIELDS, -1, -1], [1, TOLD], [1, PART_LAYERS, -1, -1, 4]]
    if isinstance(config.network, UNetConfig | SegmenterConfig):
        return [list(given.shape) for given in trial_inputs(config)]
    return [[1, COORDINATES], [1, -1, 2]]


def constants_at(weights: Path) -> Mapping[str, tuple[int, int]]:
    """Where in a safetensors file each tensor's bytes begin and how many they are."""
    with weights.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    spans = {name: entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"}
    return {name: (8 + length + start, end - start) for name, (start, end) in spans.items()}
