from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.errors import PackInvalid
from core.inference.ir_validation import MAX_LAYERS, check_graph, read_bounded

if TYPE_CHECKING:
    from core.inference.runner import NetworkFiles

PARAMETER = (
    '<layer id="0" name="x" type="Parameter" version="opset1"><data shape="1,2" element_type="f32"/>'
    '<output><port id="0"><dim>{dim}</dim><dim>2</dim></port></output></layer>'
)


def graph(more: str = "", dim: str = "1", head: str = '<?xml version="1.0"?>') -> str:
    """A graph of one input, and what is asked for."""
    return f'{head}<net name="m" version="11"><layers>{PARAMETER.format(dim=dim)}{more}</layers><edges/></net>'


def assert_refused(xml: bytes) -> None:
    with pytest.raises(PackInvalid, match=r"g\.xml"):
        check_graph(xml, "g.xml")


def test_a_small_graph_is_taken() -> None:
    check_graph(graph().encode(), "g.xml")
    check_graph(graph('<layer id="1" name="y" type="ReLU" version="opset1"/>', dim="-1").encode(), "g.xml")


def test_what_training_exports_is_taken(exported: NetworkFiles, exported_unet: NetworkFiles) -> None:
    for files in (exported, exported_unet):
        check_graph(files.graph.read_bytes(), files.graph.name)


@pytest.mark.parametrize(
    "operation",
    ["ReadValue", "Assign", "Loop", "If", "TensorIterator", "Call", "MyOwn", "relu", "", "RandomUniform", "NonMaxSuppression"],
)  # fmt: skip
def test_an_operation_that_no_network_of_ours_has(operation: str) -> None:
    assert_refused(graph(f'<layer id="1" name="y" type="{operation}" version="opset6"/>').encode())


def test_a_layer_of_no_type() -> None:
    assert_refused(graph('<layer id="1" name="y" version="opset1"/>').encode())


@pytest.mark.parametrize("operation", ["ReLU", "Loop"])
def test_a_graph_within_a_layer(operation: str) -> None:
    body = f'<body><layers><layer id="0" name="z" type="{operation}"/></layers></body>'
    assert_refused(graph(f'<layer id="1" name="y" type="ReLU">{body}</layer>').encode())


@pytest.mark.parametrize(
    "hidden",
    [
        '<layer xmlns="x" id="1" name="y" type="ReadValue" version="opset6"/>',
        '<layer id="1" name="y" type="ReLU"><output><port xmlns="x" id="0"><dim>99999999999</dim></port></output></layer>',
        '<layer id="1" name="y" type="ReLU"><output><port id="0"><dim xmlns="x">99999999999</dim></port></output></layer>',
    ],
)
def test_names_that_are_hidden_in_a_namespace(hidden: str) -> None:
    """OpenVINO's parser knows no namespaces and would see them."""
    assert_refused(graph(hidden).encode())


def test_an_exported_graph_whose_layer_is_hidden_in_a_namespace(exported: NetworkFiles) -> None:
    xml = exported.graph.read_text()
    assert_refused(re.sub(r'<layer (id="\d+" name="[^"]*" type="Sigmoid")', r'<layer xmlns="x" \1', xml).encode())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
@pytest.mark.parametrize(
    "kind",
    ['<!DOCTYPE net [<!ENTITY a "ReLU">]>', "<!DOCTYPE net>", '<!DOCTYPE net SYSTEM "file:///etc/passwd">'],
)
def test_a_document_type_in_any_encoding(kind: str, encoding: str) -> None:
    head = f'<?xml version="1.0" encoding="{encoding}"?>{kind}'
    assert_refused(graph(head=head).encode(encoding))


@pytest.mark.parametrize("more", ["<!-- a comment -->", "<![CDATA[ x ]]>"])
def test_what_parsers_may_read_in_two_ways(more: str) -> None:
    assert_refused(graph(more).encode())


@pytest.mark.parametrize("encoding", ["foo", "gb2312", "utf-32"])
def test_an_encoding_that_cannot_be_read(encoding: str) -> None:
    assert_refused(graph(head=f'<?xml version="1.0" encoding="{encoding}"?>').encode())


@pytest.mark.parametrize("dim", ["99999999999", "67108865", "9" * 400, "many", "", "1e9", "--5", "²", "0x10", "1 2"])
def test_a_size_that_is_too_large_or_none(dim: str) -> None:
    assert_refused(graph(dim=dim).encode())


def test_sizes_that_are_too_large_together() -> None:
    dims = "<dim>8192</dim>" * 2
    fits = f'<layer id="1" name="y" type="ReLU"><output><port id="0">{dims}</port></output></layer>'
    check_graph(graph(fits).encode(), "g.xml")
    assert_refused(graph(fits.replace("</port>", "<dim>2</dim></port>")).encode())


def test_too_many_layers() -> None:
    layer = '<layer id="1" name="y" type="ReLU"/>'
    check_graph(graph(layer * (MAX_LAYERS - 1)).encode(), "g.xml")
    assert_refused(graph(layer * MAX_LAYERS).encode())


@pytest.mark.parametrize(
    "xml",
    [b"", b"hello", b"\x00\x01", b"<net>", b"<net/>", b"<layers/>", b"<net><layers/></net>", b"<a>" * 50_000 + b"</a>" * 50_000],
)  # fmt: skip
def test_what_is_no_graph(xml: bytes) -> None:
    assert_refused(xml)


def test_a_graph_that_is_cut_short(exported: NetworkFiles) -> None:
    assert_refused(exported.graph.read_bytes()[:-20])


@pytest.mark.parametrize("spoil", [lambda p: p.unlink(), lambda p: p.write_bytes(bytes(101))])
def test_a_file_is_read_up_to_a_limit(spoil: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "g.xml"
    path.write_bytes(bytes(100))
    assert read_bounded(path, 100) == bytes(100)
    spoil(path)
    with pytest.raises(PackInvalid, match=r"g\.xml"):
        read_bounded(path, 100)
