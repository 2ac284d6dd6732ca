from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.errors import DanceError
from core.inference.runner import NetworkFiles
from core.networks.config import read_config
from core.training import export as exporting
from core.training.export import export
from tests.puppets import small_config, small_state, small_unet_config

CONFIG = small_config()


def test_the_config_lies_beside(exported: NetworkFiles) -> None:
    assert read_config(exported.config) == CONFIG
    assert {path.name for path in exported.config.parent.iterdir()} == {
        "mlp-se.json", "mlp-se.safetensors", "mlp-se.xml",
    }  # fmt: skip


def test_every_weight_is_there_under_its_own_name(exported: NetworkFiles) -> None:
    kept, state = load_file(exported.weights), small_state(CONFIG)
    assert set(state) <= set(kept)
    for name, tensor in state.items():
        assert kept[name].dtype == torch.float16
        torch.testing.assert_close(kept[name].float(), tensor, atol=1e-3, rtol=1e-3)


def test_nothing_is_stored_twice(exported: NetworkFiles) -> None:
    needed = sum(2 * tensor.numel() for tensor in small_state(CONFIG).values())
    header = 8 + int.from_bytes(exported.weights.read_bytes()[:8], "little")
    assert needed < exported.weights.stat().st_size < needed + header + 1024
    assert not list(exported.weights.parent.glob("*.bin"))


def test_the_graphs_constants_are_the_weights(exported: NetworkFiles) -> None:
    content, xml = exported.weights.read_bytes(), exported.graph.read_text()
    places = [(int(a), int(b)) for a, b in re.findall(r'offset="(\d+)" size="(\d+)"', xml)]
    parts = {content[start : start + size] for start, size in places}
    assert max(start + size for start, size in places) <= len(content)
    for name, tensor in load_file(exported.weights).items():
        if tensor.is_floating_point():
            assert tensor.numpy().tobytes() in parts, name


def test_the_graph_tells_nothing_of_who_made_it(exported: NetworkFiles) -> None:
    xml = exported.graph.read_text()
    assert "/home" not in xml
    assert "/tmp" not in xml
    assert "MO_version" not in xml


def test_the_same_network_gives_the_same_files(exported: NetworkFiles, tmp_path: Path) -> None:
    again = export(CONFIG, small_state(CONFIG), tmp_path)
    for name in ("config", "weights"):
        assert getattr(again, name).read_bytes() == getattr(exported, name).read_bytes()


def test_what_openvino_computes_otherwise_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a conversion ever go wrong, training says so instead of serving it."""
    write = exporting._write_graph

    def wrongly(*arguments: object) -> None:
        write(*arguments)  # type: ignore[arg-type]
        (files,) = (given for given in arguments if isinstance(given, NetworkFiles))
        xml = files.graph.read_text()
        assert 'type="Sigmoid"' in xml
        files.graph.write_text(xml.replace('type="Sigmoid"', 'type="Tanh"'))

    monkeypatch.setattr(exporting, "_write_graph", wrongly)
    with pytest.raises(DanceError, match="grey levels"):
        export(CONFIG, small_state(CONFIG), tmp_path)


def test_weights_of_a_network_of_stick_images(exported_unet: NetworkFiles) -> None:
    kept, state = load_file(exported_unet.weights), small_state(small_unet_config())
    assert set(state) <= set(kept)
    assert read_config(exported_unet.config) == small_unet_config()


def test_nothing_of_a_network_of_stick_images_is_stored_twice(exported_unet: NetworkFiles) -> None:
    """Its batch norms are folded into its convolutions: the graph's weights should be those of the file."""
    kept = load_file(exported_unet.weights)
    more = sum(tensor.numel() for name, tensor in kept.items() if name.startswith("graph."))
    needed = sum(2 * tensor.numel() for tensor in small_state(small_unet_config()).values())
    assert more < 0.2 * needed, f"{more} bytes beside {needed}"


def test_places_in_a_safetensors_file(exported: NetworkFiles) -> None:
    content, tensors = exported.weights.read_bytes(), load_file(exported.weights)
    places = exporting.constants_at(exported.weights)
    assert set(places) == set(tensors)
    for name, (start, length) in places.items():
        assert content[start : start + length] == tensors[name].numpy().tobytes()
