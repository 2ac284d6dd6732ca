"""The columns that name the machine in every table, and appending a row to one."""

from __future__ import annotations

import csv
import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, str]:
    """CPU model, cores, and versions of what does the work."""
    return {
        "cpu": _cpu_model(),
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        **{name: _version(name) for name in ("mediapipe", "av", "opencv-contrib-python", "numpy", "torch", "openvino")},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def append(table: str, row: Mapping[str, object]) -> None:
    """Add ``row`` and the machine's columns to ``results/TABLE.csv``.

    Raises:
        ValueError: the table there has other columns.
    """
    path = RESULTS / f"{table}.csv"
    full = {**row, **machine()}
    path.parent.mkdir(exist_ok=True)
    if path.is_file():
        with path.open(newline="") as file:
            header = next(csv.reader(file), [])
        if header != list(full):
            raise ValueError(f"{path} has the columns {header}, not {list(full)}: move it away first")
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(full))
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(full)
