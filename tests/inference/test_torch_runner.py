from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from core.errors import PackInvalid
from core.inference.torch_runner import TorchRunner
from core.networks.build import Drawn, build
from tests.puppets import small_config, small_state


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "w.safetensors"
    save_file(halved(), path)
    return path


def halved() -> dict[str, torch.Tensor]:
    state: Any = small_state(small_config())
    return {name: tensor.half() for name, tensor in state.items()}


def asked(count: int = 64) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(0, 0.6, (1, 26)).astype(np.float32), rng.uniform(-2, 2, (1, count, 2)).astype(np.float32)


def test_it_draws_what_the_network_draws(weights: Path) -> None:
    config = small_config()
    network = build(config)
    network.load_state_dict({name: tensor.float() for name, tensor in halved().items()})
    pose, points = asked()
    with torch.no_grad():
        expected = Drawn(network).eval()(torch.from_numpy(pose), torch.from_numpy(points)).numpy()
    drawn = TorchRunner(config, weights, "cpu")(pose, points)
    assert drawn.dtype == np.uint8
    assert drawn.shape == (1, 64, 5)
    np.testing.assert_array_equal(drawn, expected)
    assert np.ptp(drawn) > 10, "the case is no plain grey"


def test_what_else_lies_in_the_file_is_passed_over(weights: Path) -> None:
    save_file(halved() | {"graph.0": torch.zeros(7, dtype=torch.uint8)}, weights)
    TorchRunner(small_config(), weights, "cpu")(*asked())


def spoilt(kind: str) -> dict[str, torch.Tensor]:
    state = halved()
    if kind == "missing":
        del state["draw.bias"]
    else:
        state["draw.bias"] = torch.zeros(9)
    return state


@pytest.mark.parametrize("kind", ["missing", "shape"])
def test_weights_of_another_network(weights: Path, kind: str) -> None:
    save_file(spoilt(kind), weights)
    with pytest.raises(PackInvalid, match=r"w\.safetensors"):
        TorchRunner(small_config(), weights, "cpu")


def test_a_file_that_is_cut_short_or_missing(weights: Path, tmp_path: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:-100])
    for path in (weights, tmp_path / "none.safetensors"):
        with pytest.raises(PackInvalid, match="train or import it again"):
            TorchRunner(small_config(), path, "cpu")
