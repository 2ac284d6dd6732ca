"""What new performers begin with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from core import paths
from core.errors import PackInvalid
from core.inference.runner import NetworkFiles, OpenVinoRunner, trial_inputs
from core.inference.torch_runner import load_weights
from core.networks.build import Drawn, build
from core.networks.config import CONFIG, NetworkConfig, read_config
from core.networks.start import MANY, STARTS, StartConfig, read_start
from core.pipeline import performer_statistics
from core.targets.split import split_of
from core.targets.store import load_target
from core.training import pretrained as starts
from core.training.copy_task import CopyTask
from core.training.dataset import Examples, prepare
from core.training.image_task import PictureTask
from core.training.pretrained import MultiPersonTask, begin, save_start, start_for
from core.training.recipes import RECIPES
from core.training.train import TrainingConfig, train
from core.training.trainer import TrainingBudget
from tests.puppets import (
    SMALL_REALTIME,
    SMALL_UNET,
    make_puppet,
    small_realtime_config,
    small_state,
    small_unet_config,
)
from tests.training.views import coded_examples

CPU = torch.device("cpu")


def kept(config: NetworkConfig, folder: Path, seed: int = 1) -> tuple[StartConfig, dict[str, torch.Tensor]]:
    """A start of a network like that, and its weights."""
    start = StartConfig(
        generator=config.generator,
        network=config.network,
        size=128,
        precision="f32",
        people=3,
        minutes=1.0,
        recipe="python",
    )
    state = small_state(config, seed)
    save_start(start, state, folder)
    return start, state


@pytest.mark.parametrize("config", [small_unet_config(), small_realtime_config()], ids=["unet", "realtime"])
def test_a_network_begins_with_all_of_a_start(config: NetworkConfig, tmp_path: Path) -> None:
    start, state = kept(config, tmp_path)
    assert start_for(config, tmp_path) == start
    network = build(config)
    begin(network, start, tmp_path)
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, state[name], atol=1e-3, rtol=1e-3, msg=name)


def test_there_is_no_start_for_another_network(tmp_path: Path) -> None:
    kept(small_unet_config(), tmp_path)
    assert start_for(small_unet_config(residual=False), tmp_path) is None
    assert start_for(small_realtime_config(), tmp_path) is None


def test_a_damaged_start_is_named(tmp_path: Path) -> None:
    config = small_unet_config()
    start, state = kept(config, tmp_path)
    weights = tmp_path / "unet-attn.safetensors"
    some = {name: tensor for name, tensor in load_file(weights).items() if not name.startswith("up.")}
    save_file(some, weights)
    with pytest.raises(PackInvalid, match=r"unet-attn\.safetensors is damaged"):
        begin(build(config), start, tmp_path)
    weights.write_bytes(b"none")
    with pytest.raises(PackInvalid, match="damaged"):
        begin(build(config), start, tmp_path)
    (tmp_path / "unet-attn.json").write_text(json.dumps({"generator": "unet-attn"}))
    with pytest.raises(PackInvalid, match=r"unet-attn\.json is damaged"):
        start_for(config, tmp_path)
    assert state


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A start for a small network that hardly learns, and a performer to learn."""
    monkeypatch.setitem(RECIPES, "unet-attn", replace(SMALL_UNET, rate=1e-12))
    monkeypatch.setattr(starts, "STARTS", tmp_path / "start")
    make_puppet(paths.user_performers())
    return tmp_path / "start"


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "from nothing"])
def test_a_training_begins_with_it_unless_told_not_to(small: Path, warm: bool) -> None:
    _, state = kept(small_unet_config(), small)
    with load_target("puppet") as target:
        train(target, TrainingConfig("unet-attn", length=TrainingBudget(epochs=1), warm=warm))
    with load_target("puppet") as target:
        config = read_config(target.weight_file("unet-attn", CONFIG))
        weights = next(g for g in target.manifest.generators if g.name == "unet-attn")
        network = build(config)
        load_weights(network, target.weight_file("unet-attn", "weights"), to_train=True)
    assert config.training is not None
    assert config.training.begun_with == (MANY if warm else None)
    assert ("--from-nothing" in weights.recipe) is not warm
    apart = (network.state_dict()["draw.weight"] - state["draw.weight"]).abs().max()
    assert (float(apart) < 5e-3) is warm


def test_who_is_copied_can_dance_before_anything_is_learnt(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "realtime", SMALL_REALTIME)
    order = TrainingConfig("realtime", length=TrainingBudget(epochs=1))
    epochs: list[int] = []

    def note() -> None:
        with load_target("puppet") as now:
            training = read_config(now.weight_file("realtime", CONFIG)).training
            assert training is not None
            epochs.append(training.epochs)

    with load_target("puppet") as target:
        train(target, replace(order, warm=False), given_at_once=note)
        assert not epochs, "what knows nothing draws nothing"
        kept(small_realtime_config(), small)
        train(target, order, given_at_once=note)
    note()
    assert epochs == [0, 1]


def test_what_ships_fits_what_is_trained() -> None:
    for name in ("realtime", "unet-attn"):
        config = (small_realtime_config() if name == "realtime" else small_unet_config()).model_copy(
            update={"network": RECIPES[name].network}
        )
        start = start_for(config)
        assert start is not None, f"there is no start for {name}"
        assert start.people >= 15
        assert (start.size, start.precision) == (RECIPES[name].size, RECIPES[name].precision)
        begin(build(config), start)


def test_what_ships_is_served_as_it_is_learnt_from(tmp_path: Path) -> None:
    """The graph draws what the network draws that a training begins with, to a grey level."""
    start = read_start("realtime", STARTS)
    assert start is not None
    config = small_realtime_config().model_copy(update={"network": start.network})
    network = build(config)
    begin(network, start)
    inputs = trial_inputs(config)
    with torch.inference_mode():
        learnt = Drawn(network).eval()(*(torch.from_numpy(x) for x in inputs)).numpy()
    files = NetworkFiles(tmp_path, *(STARTS / f"realtime{suffix}" for suffix in (".safetensors", ".xml")))
    served = OpenVinoRunner(config, files)(*inputs)
    assert learnt.std() > 20
    assert np.abs(served.astype(int) - learnt).max() <= 1


def pictures(**canvas: int) -> tuple[PictureTask, Examples]:
    """The task of one person on a canvas of theirs."""
    examples = coded_examples(**canvas)
    config = small_unet_config().model_copy(update={"canvas": examples.canvas, "unit": examples.unit})
    return PictureTask(examples, config, CPU), examples


def test_everybody_is_asked_in_their_own_numbers() -> None:
    tasks = [pictures()[0], pictures(width=96)[0], pictures()[0]]
    crowd = MultiPersonTask(tasks, [6, 6, 6])
    assert crowd.frames_of([1, 2]).tolist() == list(range(6, 18))
    assert len(crowd.frames_of([])) == 0
    for i in (0, 7, 17):
        assert torch.equal(crowd.wanted(i), tasks[i // 6].wanted(i % 6))
    with pytest.raises(NotImplementedError):
        crowd.loss_and_window(torch.nn.Identity(), torch.tensor([0]), torch.Generator())


def test_one_step_looks_at_many_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of one size go through the network together, and each person's count by their number."""
    seen: list[torch.Tensor] = []

    class Watched(torch.nn.Module):
        def forward(self, told: torch.Tensor) -> torch.Tensor:
            seen.append(told)
            return torch.zeros(len(told), 5, 2 * told.shape[2], 2 * told.shape[3], requires_grad=True)

    tasks = [pictures()[0], pictures()[0], pictures(width=128, height=128)[0]]
    crowd = MultiPersonTask(tasks, [6, 6, 6])
    loss = crowd.loss(Watched(), torch.tensor([0, 13, 7, 1]), torch.Generator().manual_seed(0))
    assert sorted(len(told) for told in seen) == [1, 3]
    alone = [
        float(task.loss_of(Watched(), task.seen(torch.tensor(which), torch.Generator().manual_seed(0))).detach())
        for task, which in ((tasks[0], [0, 1]), (tasks[1], [1]), (tasks[2], [1]))
    ]
    assert float(loss.detach()) == pytest.approx((2 * alone[0] + alone[1] + alone[2]) / 4, rel=0.15)
    loss.backward()


def test_one_person_after_the_other() -> None:
    crowd = MultiPersonTask([pictures()[0] for _ in range(3)], [6, 6, 6])
    shuffle = crowd.one_by_one(3)
    order = shuffle(crowd.frames_of([0, 2]), torch.Generator().manual_seed(3))
    assert sorted(order.tolist()) == [*range(6), *range(12, 18)]
    people = (order // 6).reshape(-1, 3)
    assert (people == people[:, :1]).all()
    assert not torch.equal(order, shuffle(crowd.frames_of([0, 2]), torch.Generator().manual_seed(4)))


def test_a_network_that_copies_learns_from_many(puppets: Path) -> None:
    """People of two sizes; each draws from their own memory alone."""
    with load_target("puppet", puppets) as target:
        unit = performer_statistics(target).near[1]
        made = [prepare(target, split_of(target, "blocks"), size, unit, block=64) for size in (96, 128)]
    tasks = []
    for examples in made:
        memory = tuple(int(frame) for frame in examples.frames[examples.train][::4])
        config = small_realtime_config().model_copy(
            update={"canvas": examples.canvas, "unit": examples.unit, "memory": memory}
        )
        tasks.append(CopyTask(examples, config, CPU, neighbours=2))
    crowd = MultiPersonTask(tasks, [len(examples.frames) for examples in made])
    network = build(small_realtime_config())
    optimizer = torch.optim.AdamW(network.parameters(), lr=SMALL_REALTIME.rate)
    draws = torch.Generator().manual_seed(0)
    losses: list[float] = []
    for _ in range(40):
        frames = torch.from_numpy(np.random.default_rng(len(losses)).integers(0, 2 * len(made[0].frames), 6))
        loss = crowd.loss(network, frames, draws)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[:8])
    assert crowd.draw(network.eval(), 0).shape == crowd.wanted(0).shape
