"""Which module may import which, and what no module may do."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from scripts.draw_architecture import OUTPUT, drawing
from tests.conftest import PROJECT

SOURCES = sorted([PROJECT / "app.py", *(PROJECT / "pages").glob("*.py"), *(PROJECT / "core").rglob("*.py")])

INFERENCE_BASE = ("core.inference.ir_validation", "core.inference.device_selection", "core.inference.openvino_core")

# Later layers may import earlier ones and their own, never the other way. A room whose parts are needed at different depths names
# the deeper ones first.
LAYERS = (
    (
        "core.types",
        "core.errors",
        "core.paths",
        "core.utils.closeable",
        "core.utils.display_names",
        "core.utils.processes",
    ),
    ("core.settings", "core.utils", "core.bundled", *INFERENCE_BASE),
    ("core.pose", "core.video", "core.rendering.image_files"),
    ("core.rendering.canvas", "core.rendering.shadow", "core.targets.studio_backdrop"),
    ("core.rendering", "core.conditioning", "core.warping", "core.evaluation.metrics", "core.evaluation.flaws"),
    ("core.targets",),
    ("core.networks",),
    ("core.inference", "core.services.training_runs"),
    ("core.generators",),
    ("core.pipeline",),
    ("core.transfer", "core.training", "core.live", "core.evaluation", "core.services"),
    ("core.ui", "core.cli", "core.__main__"),
    ("pages",),
    ("app",),
)


def module_of(path: Path) -> str:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(module: str) -> int | None:
    for depth, names in enumerate(LAYERS):
        if any(module == name or module.startswith(f"{name}.") for name in names):
            return depth
    return None


def imports_of(path: Path) -> list[tuple[str, bool]]:
    """Imported modules, and whether the import happens when the file is loaded."""
    tree = ast.parse(path.read_text())
    at_load = set(tree.body)
    found: list[tuple[str, bool]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node in at_load) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.module, node in at_load))
            if node.module == "core":
                found += [(f"core.{alias.name}", node in at_load) for alias in node.names]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_imports_go_downwards(path: Path) -> None:
    mine = layer_of(module_of(path))
    if module_of(path) in {"core", "pages"}:
        return
    assert mine is not None, f"{path} stands in no layer: add it to LAYERS"
    for name, _ in imports_of(path):
        theirs = layer_of(name)
        assert theirs is None or theirs <= mine, f"{module_of(path)} must not import {name}"


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_streamlit_stays_in_the_pages(path: Path) -> None:
    module = module_of(path)
    if module == "app" or module.startswith(("pages", "core.ui")):
        return
    assert not [name for name, _ in imports_of(path) if name.split(".")[0].startswith("streamlit")]


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_no_picture_keeps_a_scaler_of_its_own(path: Path) -> None:
    # PyAV's pictures that convert themselves keep what did it, and with it a thread for every core
    for node in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        named = {word.arg for word in node.keywords}
        assert node.func.attr not in {"to_rgb", "to_image"}, f"{path}:{node.lineno}"
        assert node.func.attr != "to_ndarray" or not named, f"{path}:{node.lineno}"
        if node.func.attr == "reformat":
            assert ast.unparse(node.func.value).endswith("_scaler"), f"{path}:{node.lineno}"
            assert "threads" in named, f"{path}:{node.lineno}"


TORCH = ("torch", "torchvision", "lightning_fabric", "core.training", "core.networks", "core.inference.torch_runner")
TORCH_FREE = ("core.networks.config", "core.networks.start")


def is_torch(name: str) -> bool:
    """Whether importing that module loads torch."""
    return not name.startswith(TORCH_FREE) and any(name == word or name.startswith(f"{word}.") for word in TORCH)


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_nothing_that_serves_imports_torch_or_what_only_unix_has(path: Path) -> None:
    module = module_of(path)
    only_unix = {name.split(".")[0] for name, _ in imports_of(path)} & {"fcntl", "resource", "pwd", "grp", "termios"}
    # the decoding process sets limits where the system has them, and goes on without where it has none
    assert only_unix <= ({"resource"} if module == "core.video.decoder_worker" else set())
    if is_torch(module):
        return
    # the command line trains, and loads what that takes when it does
    assert not [name for name, at_load in imports_of(path) if is_torch(name) and (at_load or module != "core.cli")]


def test_the_rules_see_a_breach(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import torch\nfrom core import pipeline\ndef f():\n    import streamlit.web\n")
    names = {name for name, _ in imports_of(bad)}
    assert {"torch", "core.pipeline", "streamlit.web"} <= names
    assert is_torch("torch.nn")
    assert is_torch("core.networks.mlp")
    assert not is_torch("core.networks.config")
    assert not is_torch("core.networks.start")
    assert layer_of("core.pipeline") == layer_of("core.pipeline") != layer_of("core.pose.draw")


def test_tracked_files_name_no_machine() -> None:
    words = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|farm)/")
    for path in [*SOURCES, *(PROJECT / "scripts").rglob("*.py"), *(PROJECT / "benchmarks").rglob("*.py")]:
        assert not words.search(path.read_text()), path


def test_the_drawing_of_the_packages_is_current() -> None:
    assert OUTPUT.read_text(encoding="utf-8") == drawing(), "run python -m scripts.draw_architecture"
