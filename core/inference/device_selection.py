"""Which device runs a network fastest here: measured once for each kind of network, and remembered for the machine."""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import shutil
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final, Literal, TypeAlias, get_args

from core import paths
from core.utils.parsing import one_of

logger = logging.getLogger(__name__)

Device: TypeAlias = Literal["auto", "cpu", "cuda", "mps"]
DEVICES: Final[tuple[Device, ...]] = get_args(Device)

_WARM_UP: Final = 3
_TIMED: Final = 9
_FILE: Final = "devices.json"


def parse_device(text: str) -> Device:
    """The device of that name.

    Raises:
        UnusableInput: there is none.
    """
    return one_of(text, DEVICES, "Device")


def graphics() -> Device | None:
    """The kind of graphics card that torch might use, found without loading torch; None where there is surely none."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "mps"
    if Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi"):
        return "cuda"
    return None


def fastest(kind: str, runs: Mapping[Device, Callable[[], object]]) -> Device:
    """Which of several ways to compute the same is the fastest on this machine.

    Args:
        kind: what is computed, in words: remembered under these, this machine and the versions of what computes.
        runs: device to one computation.
    """
    key = _key(kind, runs)
    known = _known()
    if known.get(key) in runs:
        return parse_device(known[key])
    times = {device: _median_ms(run) for device, run in runs.items()}
    chosen = min(times, key=times.__getitem__)
    logger.info("measured %s: %s", ", ".join(f"{device} {ms:.1f} ms" for device, ms in times.items()), chosen)
    _remember(key, chosen)
    return chosen


def remembered(kind: str, devices: set[Device]) -> Device | None:
    """What :func:`fastest` found for these devices before; None where it was never asked."""
    found = _known().get(_key(kind, devices))
    return parse_device(found) if found in devices else None


def _median_ms(run: Callable[[], object]) -> float:
    for _ in range(_WARM_UP):
        run()
    times = []
    for _ in range(_TIMED):
        began = perf_counter()
        run()
        times.append(perf_counter() - began)
    return 1000 * median(times)


def _key(kind: str, devices: Mapping[Device, object] | set[Device]) -> str:
    told = [kind, platform.node(), platform.machine(), platform.processor(), *sorted(devices)]
    for name in ("openvino", "torch"):
        try:
            told.append(version(name))
        except PackageNotFoundError:
            told.append("")
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:24]


def _known() -> dict[str, str]:
    try:
        content = json.loads((paths.cache_root() / _FILE).read_text())
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in content.items()} if isinstance(content, dict) else {}


def _remember(key: str, device: Device) -> None:
    path = paths.cache_root() / _FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(_known() | {key: device}, indent=1) + "\n")
        part.replace(path)
    except OSError as error:
        logger.warning("which device is fastest could not be remembered: %s", error)
