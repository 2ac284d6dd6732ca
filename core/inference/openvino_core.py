"""The process's one OpenVINO: loaded without its telemetry, with one ``Core`` that every network is compiled by."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import cv2

Precision: TypeAlias = Literal["bf16", "f32"]


def silent_openvino() -> Any:
    """Import ``openvino``, which without this tells Google Analytics of every import and conversion.

    Raises:
        ImportError: it is not installed.
    """
    # None makes the import of that package fail, for which OpenVINO is prepared
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


@lru_cache(maxsize=1)
def openvino_core() -> Any:
    """Return the one ``openvino.Core`` of the process; from then on OpenCV works in the threads that call it.

    Whoever runs networks makes pictures in several threads already. OpenCV's own pool would take the cores from them: `realtime`
    takes 1 core-ms of 29 more with it, and is no sooner.
    """
    cv2.setNumThreads(1)
    return silent_openvino().Core()


def supported_precision(wanted: Precision) -> Precision:
    """Return ``wanted`` where the processor computes in it, else ``f32``: bfloat16 emulated is slower and no nearer."""
    capable = wanted == "f32" or "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return wanted if capable else "f32"
