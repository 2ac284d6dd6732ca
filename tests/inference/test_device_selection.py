"""Which device is fastest, and that it is remembered."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.inference.device_selection import Device, fastest, graphics, parse_device, remembered


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("DANCE_CACHE", str(tmp_path))
    return tmp_path


def taking(milliseconds: float, log: list[float] | None = None) -> Callable[[], object]:
    def run() -> None:
        time.sleep(milliseconds / 1000)
        if log is not None:
            log.append(milliseconds)

    return run


def test_the_fastest_is_found_and_remembered() -> None:
    runs: dict[Device, Callable[[], object]] = {"cpu": taking(20), "cuda": taking(0)}
    assert remembered("a network", {"cpu", "cuda"}) is None
    assert fastest("a network", runs) == "cuda"
    assert remembered("a network", {"cpu", "cuda"}) == "cuda"
    again: list[float] = []
    assert fastest("a network", {"cpu": taking(0, again), "cuda": taking(20, again)}) == "cuda"
    assert not again, "not measured twice"


def test_another_network_or_machine_is_measured_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    fastest("one", {"cpu": taking(0), "cuda": taking(20)})
    assert fastest("other", {"cpu": taking(20), "cuda": taking(0)}) == "cuda"
    assert remembered("one", {"cpu", "mps"}) is None
    monkeypatch.setattr("platform.node", lambda: "another machine")
    assert remembered("one", {"cpu", "cuda"}) is None


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff\xfe", b'{"x": "y"}'])
def test_a_damaged_memory_is_no_memory(content: bytes, cache: Path) -> None:
    (cache / "devices.json").write_bytes(content)
    assert fastest("a network", {"cpu": taking(0), "cuda": taking(20)}) == "cpu"
    assert "cpu" in json.loads((cache / "devices.json").read_text()).values()


def test_without_a_place_to_remember_it_is_measured_all_the_same(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cache / "file").write_text("")
    monkeypatch.setenv("DANCE_CACHE", str(cache / "file" / "below"))
    assert fastest("a network", {"cpu": taking(20), "cuda": taking(0)}) == "cuda"


def test_a_card_is_looked_for_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert graphics() == "mps"
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/nvidia-smi" if name == "nvidia-smi" else None)
    assert graphics() == "cuda"


@pytest.mark.parametrize("name", ["auto", "cpu", "cuda", "mps"])
def test_devices_have_names(name: str) -> None:
    assert parse_device(name) == name
