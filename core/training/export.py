"""A trained network to the files that are served, checked against torch before they are kept."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from core.errors import DanceError
from core.graph import check_graph
from core.networks.build import Drawn, build
from core.networks.config import NetworkConfig
from core.networks.serve import TorchRunner
from core.runtime import NetworkFiles, OpenVinoRunner, constants_at, silent_openvino

TOLERANCE: Final = 2
"""Grey levels that OpenVINO's picture may differ from torch's."""

_POINTS: Final = 512
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
    halved = {
        name: tensor.half().contiguous() if tensor.is_floating_point() else tensor for name, tensor in state.items()
    }
    files.config.write_text(config.to_json())
    with tempfile.TemporaryDirectory() as scratch:
        _write_graph(config, halved, files, Path(scratch))
    _compare(config, files)
    return files


def _write_graph(config: NetworkConfig, state: dict[str, torch.Tensor], files: NetworkFiles, scratch: Path) -> None:
    openvino = silent_openvino()
    network = build(config)
    network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    example = (torch.zeros(1, config.inputs), torch.zeros(1, _POINTS, 2))
    shapes = [openvino.PartialShape([1, config.inputs]), openvino.PartialShape([1, -1, 2])]
    model = openvino.convert_model(Drawn(network).eval(), example_input=example, input=shapes)
    openvino.save_model(model, scratch / "graph.xml", compress_to_fp16=True)
    constants = (scratch / "graph.bin").read_bytes()
    xml = (scratch / "graph.xml").read_text()
    names, more = _named(xml, constants, state)
    save_file({**state, **more}, files.weights)
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
    inputs = _trial(config)
    by_torch: NDArray[np.uint8] = TorchRunner(config, files.weights, "cpu")(*inputs)
    exact = config.model_copy(update={"precision": "f32"})
    by_openvino = OpenVinoRunner(exact, files)(*inputs)
    worst = int(np.abs(by_torch.astype(np.int16) - by_openvino).max())
    if worst > TOLERANCE:
        raise DanceError(
            f"The exported {config.generator} differs from the trained one by {worst} grey levels: not kept."
        )


def _trial(config: NetworkConfig) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    pose = rng.normal(0, 0.8, (1, config.inputs)).astype(np.float32)
    return pose, rng.normal(0, 1, (1, 4 * _POINTS, 2)).astype(np.float32)
