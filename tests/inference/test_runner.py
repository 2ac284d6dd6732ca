from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.conditioning.pose_encoding import STICKS
from core.errors import DanceError, PackInvalid, UnusableInput
from core.inference import device_selection, runner
from core.inference.device_selection import Device
from core.inference.runner import NetworkFiles, OpenVinoRunner, Runner, open_runner, trial_inputs
from core.inference.torch_runner import TorchRunner
from core.networks.config import NetworkConfig
from core.rendering.canvas import LAYERS
from core.settings import settings
from core.types import NetworkInput
from tests.conftest import PROJECT
from tests.puppets import small_config, small_unet_config

CONFIG = small_config()


@pytest.fixture(autouse=True)
def fresh_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Whatever the environment says is read again, and nothing is remembered of this machine."""
    monkeypatch.setenv("DANCE_CACHE", str(tmp_path / "cache"))
    settings.cache_clear()
    yield
    settings.cache_clear()


def asked(seed: int = 0, count: int = 900) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    points = rng.uniform(-2, 2, (1, count, 2))
    return rng.normal(0, 0.6, (1, 26)).astype(np.float32), points.astype(np.float32)


def apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.asarray(np.abs(one.astype(np.int64) - other))


@pytest.fixture
def files(exported: NetworkFiles, tmp_path: Path) -> NetworkFiles:
    """A copy that can be spoilt."""
    copies = (shutil.copy(path, tmp_path) for path in (exported.config, exported.weights, exported.graph))
    return NetworkFiles(*(Path(copy) for copy in copies))


def test_openvino_draws_what_torch_draws(exported: NetworkFiles) -> None:
    drawn = OpenVinoRunner(CONFIG, exported)(*asked())
    assert drawn.dtype == np.uint8
    assert drawn.shape == (1, 900, LAYERS)
    assert np.ptp(drawn) > 60, "the case is no plain grey"
    assert apart(drawn, TorchRunner(CONFIG, exported.weights, "cpu")(*asked())).max() <= 2


@pytest.mark.parametrize("count", [1, 7, 5000])
def test_any_number_of_points(exported: NetworkFiles, count: int) -> None:
    pose, points = asked(count=5000)
    run = OpenVinoRunner(CONFIG, exported)
    assert apart(run(pose, points[:, :count]), run(pose, points)[:, :count]).max() <= 1


def test_what_was_drawn_stays_when_the_next_is_drawn(exported: NetworkFiles) -> None:
    run = OpenVinoRunner(CONFIG, exported)
    first = run(*asked(0))
    kept = first.copy()
    run(*asked(1))
    np.testing.assert_array_equal(first, kept)


def test_half_precision_is_close(exported: NetworkFiles) -> None:
    half = OpenVinoRunner(CONFIG.model_copy(update={"precision": "bf16"}), exported)(*asked())
    assert apart(half, OpenVinoRunner(CONFIG, exported)(*asked())).mean() < 1.5


def test_threads_do_not_disturb_each_other(exported: NetworkFiles) -> None:
    run = OpenVinoRunner(CONFIG, exported)
    alone = [run(*asked(seed)) for seed in range(4)]
    right: list[bool] = []
    start = threading.Barrier(4)

    def work(seed: int) -> None:
        start.wait()
        for _ in range(15):
            right.append(np.array_equal(run(*asked(seed)), alone[seed]))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 60, "none is wrong and none failed"


def test_a_config_of_another_network(files: NetworkFiles) -> None:
    with pytest.raises(PackInvalid, match=r"mlp-se\.xml"):
        OpenVinoRunner(small_unet_config(), files)


def _cut(files: NetworkFiles, name: str, keep: float) -> None:
    path: Path = getattr(files, name)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


def _no_graph(files: NetworkFiles) -> None:
    files.graph.unlink()


def _cut_weights(files: NetworkFiles) -> None:
    _cut(files, "weights", 0.5)


def _cut_graph(files: NetworkFiles) -> None:
    _cut(files, "graph", 0.9)


def _no_weights(files: NetworkFiles) -> None:
    files.weights.write_bytes(b"")


def _missing_weights(files: NetworkFiles) -> None:
    files.weights.unlink()


def _constant_beyond(files: NetworkFiles) -> None:
    xml = files.graph.read_text()
    offset = xml.index('offset="') + 8
    files.graph.write_text(xml[:offset] + "9" * 12 + xml[xml.index('"', offset) :])


def _dangling_edge(files: NetworkFiles) -> None:
    files.graph.write_text(files.graph.read_text().replace('from-layer="0"', 'from-layer="77777"', 1))


def _loop(files: NetworkFiles) -> None:
    files.graph.write_text(files.graph.read_text().replace('type="Sigmoid"', 'type="Loop"', 1))


@pytest.mark.parametrize(
    "spoil",
    [_no_graph, _cut_graph, _cut_weights, _no_weights, _missing_weights, _constant_beyond, _dangling_edge, _loop],
)
def test_damaged_files_are_one_sentence(spoil: Callable[[NetworkFiles], None], files: NetworkFiles) -> None:
    OpenVinoRunner(CONFIG, files)
    spoil(files)
    with pytest.raises(PackInvalid) as refused:
        OpenVinoRunner(CONFIG, files)
    assert str(refused.value).endswith(".")
    assert "mlp-se" in str(refused.value)


def test_a_graph_that_needs_more_memory_than_it_says(tmp_path: Path) -> None:
    """What the file says of its sizes is not what OpenVINO makes of them."""
    import openvino
    from openvino import opset13 as op

    pose, points = op.parameter([1, 26], np.float32), op.parameter(openvino.PartialShape([1, -1, 2]), np.float32)
    one = op.reduce_sum(pose, op.constant([0, 1]), keep_dims=True)
    huge = op.tile(one, op.constant(np.array([20_000, 20_000], np.int64)))
    level = op.reduce_sum(op.sin(huge), op.constant([0, 1]), keep_dims=False)
    five = op.concat([points, points, op.split(points, op.constant(2), 2).output(0)], 2)
    model = openvino.Model([op.convert(op.add(five, level), np.uint8)], [pose, points])
    openvino.save_model(model, tmp_path / "mlp-se.xml", compress_to_fp16=False)
    files = NetworkFiles(tmp_path / "mlp-se.json", tmp_path / "mlp-se.bin", tmp_path / "mlp-se.xml")
    files.graph.write_text(files.graph.read_text().replace("<dim>20000</dim>", "<dim>2</dim>"))
    with pytest.raises(PackInvalid, match="mlp-se"):
        OpenVinoRunner(CONFIG, files)


def test_weights_without_end(files: NetworkFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "MAX_WEIGHT_BYTES", files.weights.stat().st_size - 1)
    with pytest.raises(PackInvalid, match="larger"):
        OpenVinoRunner(CONFIG, files)


@pytest.mark.parametrize("device", ["auto", "cpu", None])
def test_on_the_processor_openvino_runs_it(
    device: str | None, exported: NetworkFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DANCE_DEVICE", raising=False)
    if device is not None:
        monkeypatch.setenv("DANCE_DEVICE", device)
    assert isinstance(open_runner(CONFIG, exported), OpenVinoRunner)


def test_an_unknown_device_names_those_there_are(exported: NetworkFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANCE_DEVICE", "abacus")
    with pytest.raises(DanceError, match=r"DANCE_DEVICE.*cuda"):
        open_runner(CONFIG, exported)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA card here")
def test_a_card_that_is_not_there_is_one_sentence(exported: NetworkFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANCE_DEVICE", "cuda")
    with pytest.raises(UnusableInput, match=r"CUDA.*\.$"):
        open_runner(CONFIG, exported)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA card here")
def test_on_a_card_the_picture_is_the_same(exported: NetworkFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANCE_DEVICE", "cuda")
    drawn = open_runner(CONFIG, exported)(*asked())
    assert apart(drawn, TorchRunner(CONFIG, exported.weights, "cpu")(*asked())).max() <= 2


class Cards:
    """A machine with a graphics card, played by torch on the processor, and how often the card was turned to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, pause: float = 0.0) -> None:
        self.opened = 0
        self.pause = pause
        monkeypatch.setattr(runner, "graphics", lambda: "cuda")
        monkeypatch.setattr(runner, "_with_torch", self.open)

    def open(self, config: NetworkConfig, files: NetworkFiles, device: Device) -> Runner:
        assert device == "cuda"
        self.opened += 1
        run = TorchRunner(config, files.weights, "cpu")

        def slowly(*inputs: NetworkInput) -> NDArray[np.uint8]:
            time.sleep(self.pause)
            drawn: NDArray[np.uint8] = run(*inputs)
            return drawn

        return slowly


def slower_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    run = OpenVinoRunner.__call__

    def slowly(self: OpenVinoRunner, *inputs: NDArray[np.float32]) -> NDArray[np.uint8]:
        time.sleep(0.2)
        return np.asarray(run(self, *inputs))

    monkeypatch.setattr(OpenVinoRunner, "__call__", slowly)


def test_a_card_that_is_slower_is_not_turned_to_again(exported: NetworkFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    cards = Cards(monkeypatch, pause=0.2)
    assert isinstance(open_runner(CONFIG, exported), OpenVinoRunner)
    assert isinstance(open_runner(CONFIG, exported), OpenVinoRunner)
    assert cards.opened == 1, "remembered"


def test_a_card_that_is_faster_runs_the_networks(exported: NetworkFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    cards = Cards(monkeypatch)
    slower_openvino(monkeypatch)
    run = open_runner(CONFIG, exported)
    assert not isinstance(run, OpenVinoRunner)
    np.testing.assert_allclose(run(*asked()), TorchRunner(CONFIG, exported.weights, "cpu")(*asked()))
    monkeypatch.setattr(device_selection, "_median_ms", lambda _: pytest.fail("measured again"))
    assert not isinstance(open_runner(CONFIG, exported), OpenVinoRunner)
    assert cards.opened == 2


def test_a_card_that_cannot_be_used_is_no_fault(exported: NetworkFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "graphics", lambda: "mps")
    assert isinstance(open_runner(CONFIG, exported), OpenVinoRunner)


@pytest.mark.parametrize("config", [small_config(), small_unet_config()])
def test_it_is_tried_with_what_it_is_given(
    config: NetworkConfig, exported: NetworkFiles, exported_unet: NetworkFiles
) -> None:
    files = exported_unet if config.network.kind == "unet" else exported
    inputs = trial_inputs(config)
    assert all(part.dtype == np.float32 for part in inputs)
    assert OpenVinoRunner(config, files)(*inputs).shape[0] == 1


BLOCKED = """
import sys
from pathlib import Path
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ImportError(name)
sys.meta_path.insert(0, Blocker())
import numpy as np
from core.errors import DanceError
from core.networks.config import read_config
from core.inference.runner import NetworkFiles, open_runner
files = NetworkFiles(*map(Path, {paths!r}))
try:
    run = open_runner(read_config(files.config), files)
except DanceError as error:
    print(error)
    sys.exit()
inputs = np.load({inputs!r})
np.save({output!r}, run(inputs["pose"], inputs["points"]))
print(type(run).__name__)
"""


def without(blocked: set[str], files: NetworkFiles, folder: Path) -> str:
    """What a process in which these cannot be imported says of the network."""
    pose, points = asked()
    np.savez(folder / "inputs.npz", pose=pose, points=points)
    content: dict[str, Any] = {
        "blocked": blocked, "paths": [str(p) for p in (files.config, files.weights, files.graph)],
        "inputs": str(folder / "inputs.npz"), "output": str(folder / "drawn.npy"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED.format(**content)],
        cwd=PROJECT, capture_output=True, text=True, check=False, env=os.environ | {"DANCE_DEVICE": "auto"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_without_openvino_torch_runs_it(exported: NetworkFiles, tmp_path: Path) -> None:
    assert without({"openvino"}, exported, tmp_path) == "TorchRunner"
    assert apart(np.load(tmp_path / "drawn.npy"), OpenVinoRunner(CONFIG, exported)(*asked())).max() <= 2


def test_without_torch_openvino_runs_it(exported: NetworkFiles, tmp_path: Path) -> None:
    assert without({"torch"}, exported, tmp_path) == "OpenVinoRunner"


def test_without_either_a_person_is_told(exported: NetworkFiles, tmp_path: Path) -> None:
    said = without({"openvino", "torch"}, exported, tmp_path)
    assert "nearest neighbour" in said
    assert said.endswith(".")


SKETCH = small_unet_config()


def drawn_sticks(seed: int = 0) -> NDArray[np.float32]:
    """A stick image of nobody, with empty places."""
    sticks = np.random.default_rng(seed).uniform(0, 1, (1, STICKS, 32, 32)).astype(np.float32)
    sticks[..., :8, :8] = 0
    return sticks


def test_openvino_draws_the_picture_that_torch_draws(exported_unet: NetworkFiles) -> None:
    run, torch_run = OpenVinoRunner(SKETCH, exported_unet), TorchRunner(SKETCH, exported_unet.weights, "cpu")
    for seed in range(3):
        picture = run(drawn_sticks(seed))
        assert picture.dtype == np.uint8
        assert picture.shape == (1, 5, 64, 64)
        assert np.ptp(picture) > 60, "the case is no plain grey"
        assert apart(picture, torch_run(drawn_sticks(seed))).max() <= 2
    assert apart(run(drawn_sticks(0)), run(drawn_sticks(1))).mean() > 1


def test_a_picture_in_half_precision_is_close(exported_unet: NetworkFiles) -> None:
    half = OpenVinoRunner(SKETCH.model_copy(update={"precision": "bf16"}), exported_unet)(drawn_sticks())
    assert apart(half, OpenVinoRunner(SKETCH, exported_unet)(drawn_sticks())).mean() < 1.5


def test_a_picture_of_another_size_or_kind_is_refused(exported_unet: NetworkFiles, exported: NetworkFiles) -> None:
    wider = SKETCH.model_copy(update={"canvas": SKETCH.canvas.model_copy(update={"width": 128})})
    for config, files in ((wider, exported_unet), (CONFIG, exported_unet), (SKETCH, exported)):
        with pytest.raises(PackInvalid, match=r"\.xml"):
            OpenVinoRunner(config, files)
    with pytest.raises(PackInvalid, match=r"\.safetensors"):
        TorchRunner(small_unet_config(widths=(8, 16, 16)), exported_unet.weights, "cpu")


def test_openvino_tells_nobody_that_it_is_used() -> None:
    """Its own telemetry reports imports and conversions; here nothing leaves the machine."""
    code = (
        "import sys; from core.inference.openvino_core import silent_openvino; silent_openvino().Core(); "
        "print(sys.modules['openvino_telemetry'], 'openvino.tools.ovc.telemetry_stub' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=True)
    assert done.stdout.split() == ["None", "True"]
