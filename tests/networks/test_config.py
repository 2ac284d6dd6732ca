from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import PackInvalid
from core.networks.config import MAX_CONFIG_BYTES, NetworkConfig, Training, UNetConfig, read_config
from core.warping.outline import STANDARD, Outline
from tests.puppets import small_config, small_realtime_config, small_unet_config


def test_a_config_comes_back_as_it_was(tmp_path: Path) -> None:
    training = Training(split="blocks", seed=3, epochs=7, minutes=1.5, validation_l1=None, versions={"torch": "2"})
    config = small_config().model_copy(update={"training": training})
    (tmp_path / "c.json").write_text(config.to_json())
    assert read_config(tmp_path / "c.json") == config


def changed(path: tuple[str, ...], value: Any) -> str:
    content: dict[str, Any] = json.loads(small_config().to_json())
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema_version",), 2), (("generator",), "../evil"), (("generator",), ""), (("network", "trunk"), 10**9),
        (("network", "kind"), "gan"), (("network", "depth"), 0), (("network", "dropout"), 1.0),
        (("network", "code"), "print"), (("canvas", "width"), 4096), (("canvas", "follows"), "nose"), (("unit",), 0.0),
        (("unit",), "NaN"), (("precision",), "int1"), (("more",), 1), (("training",), {"split": "mine"}),
    ],
)  # fmt: skip
def test_what_a_config_cannot_say(path: tuple[str, ...], value: Any, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(changed(path, value))
    with pytest.raises(PackInvalid, match=r"c\.json"):
        read_config(tmp_path / "c.json")


def test_a_network_that_drew_whole_frames_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(changed(("canvas", "follows"), "frame"))
    with pytest.raises(
        PackInvalid, match=r"^c\.json was trained by an earlier version on whole frames: train it again\.$"
    ):
        read_config(tmp_path / "c.json")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 10_000])
def test_what_is_no_config(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_bytes(content)
    with pytest.raises(PackInvalid, match=r"c\.json"):
        read_config(tmp_path / "c.json")


def test_a_config_without_end(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(small_config().to_json() + " " * MAX_CONFIG_BYTES)
    with pytest.raises(PackInvalid, match="too large"):
        read_config(tmp_path / "c.json")


def test_a_config_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PackInvalid):
        read_config(tmp_path / "none.json")


def test_a_network_of_stick_images_comes_back_as_it_was(tmp_path: Path) -> None:
    config = small_unet_config(residual=False)
    (tmp_path / "c.json").write_text(config.to_json())
    again = read_config(tmp_path / "c.json")
    assert again == config
    assert isinstance(again.network, UNetConfig)


def test_a_config_that_names_no_outline_is_of_a_standard_body(tmp_path: Path) -> None:
    content: dict[str, Any] = json.loads(small_realtime_config().to_json())
    del content["outline"]
    (tmp_path / "c.json").write_text(json.dumps(content))
    assert read_config(tmp_path / "c.json").outline == STANDARD
    content["outline"] = {"hem": 1.2, "forearm": 0.3}
    (tmp_path / "c.json").write_text(json.dumps(content))
    config = read_config(tmp_path / "c.json")
    assert config.outline == Outline(hem=1.2, forearm=0.3)
    assert NetworkConfig.model_validate_json(config.to_json()) == config
    content["outline"] = {"hem": 3}
    (tmp_path / "c.json").write_text(json.dumps(content))
    with pytest.raises(PackInvalid):
        read_config(tmp_path / "c.json")


@pytest.mark.parametrize("side", ["width", "height"])
def test_a_canvas_that_cannot_be_halved_often_enough(side: str, tmp_path: Path) -> None:
    def told(pixels: int, widths: int) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(small_unet_config().to_json())
        content["network"]["widths"] = [8] * widths
        content["canvas"][side] = pixels
        return content

    assert NetworkConfig.model_validate(told(72, 3)).canvas.model_dump()[side] == 72
    with pytest.raises(ValueError, match="multiple of 16"):
        NetworkConfig.model_validate(told(72, 4))
    with pytest.raises(ValueError, match="multiple of 32"):
        NetworkConfig.model_validate(told(80, 5))
    (tmp_path / "c.json").write_text(json.dumps(told(72, 4)))
    with pytest.raises(PackInvalid, match=r"c\.json"):
        read_config(tmp_path / "c.json")


@pytest.mark.parametrize("widths", [[], [8], [8] * 7, [8, 0], [8, 513], [8, -8], "wide", None])
def test_widths_that_are_none(widths: Any, tmp_path: Path) -> None:
    content: dict[str, Any] = json.loads(small_unet_config().to_json())
    content["network"]["widths"] = widths
    (tmp_path / "c.json").write_text(json.dumps(content))
    with pytest.raises(PackInvalid, match=r"c\.json"):
        read_config(tmp_path / "c.json")
