"""Graphs of networks as data: an OpenVINO IR from anywhere is looked through before anything runs it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from core.errors import PackInvalid

MAX_GRAPH_BYTES: Final = 4 << 20
MAX_LAYERS: Final = 4000
MAX_ELEMENTS: Final = 1 << 26

OPERATIONS: Final = frozenset(
    {
        "Abs", "Add", "AvgPool", "BatchNormInference", "Clamp", "Concat", "Const", "Convert",
        "Convolution", "ConvolutionBackpropData", "Cos", "DepthToSpace", "Divide", "Exp", "Gather", "Gelu", "GroupConvolution",
        "HardSigmoid", "HSwish", "Interpolate", "LeakyRelu", "MatMul", "Maximum", "MaxPool", "Minimum", "Mish",
        "Multiply", "MVN", "NormalizeL2", "Pad", "Parameter", "Power", "PReLU", "ReduceMean", "ReduceSum", "ReLU",
        "Reshape", "Result", "Round", "ShapeOf", "Sigmoid", "Sin", "SoftMax", "Softplus", "Split",
        "Sqrt", "SquaredDifference", "Squeeze", "StridedSlice", "Slice", "Subtract", "Swish", "Tanh",
        "Transpose", "Unsqueeze", "VariadicSplit",
    }
)  # fmt: skip
"""What a graph may compute. None of them reads a file, loads code or loops."""


def read_bounded(path: Path, limit: int) -> bytes:
    """A file's content.

    Raises:
        PackInvalid: it cannot be read, or is larger than ``limit`` bytes.
    """
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise PackInvalid(f"{path.name} cannot be read.") from error
    if len(content) > limit:
        raise PackInvalid(f"{path.name} is larger than any network of ours.")
    return content


def check_graph(xml: bytes, name: str) -> None:
    """Hold a graph against what graphs may be, before OpenVINO sees it.

    Raises:
        PackInvalid: it is no graph, too large, or does what no network of ours does.
    """
    # no DOCTYPE: entities expand without end; no name spaces and one encoding: or two parsers could read two graphs
    if b"<!" in xml or b"xmlns" in xml or b"\0" in xml:
        raise PackInvalid(f"{name} is no graph of ours.")
    try:
        root = ElementTree.fromstring(xml)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise PackInvalid(f"{name} is no graph: train or import it again.") from error
    layers = root.findall("./layers/layer")
    strange = {layer.get("type", "") for layer in root.iter("layer")} - OPERATIONS
    if strange or not layers or len(layers) > MAX_LAYERS or len(layers) != len(list(root.iter("layer"))):
        raise PackInvalid(f"{name} is no graph that may run here ({', '.join(sorted(strange))[:80] or 'its size'}).")
    for port in root.iter("port"):
        if _elements(port) > MAX_ELEMENTS:
            raise PackInvalid(f"{name} would need more memory than any network of ours.")


def _elements(port: ElementTree.Element) -> int:
    product = 1
    for dim in port.findall("dim"):
        text = (dim.text or "").strip()
        if not re.fullmatch(r"-1|[0-9]{1,12}", text):
            return MAX_ELEMENTS + 1
        product *= max(int(text), 1)
    return product
