"""The loop, on a task so small that an epoch takes a moment: one weight for each pixel of a picture."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from core.conditioning.pose_encoding import STICKS
from core.errors import OutputFailed, UnusableInput
from core.networks.config import MlpConfig
from core.rendering.canvas import LAYERS
from core.services.training_runs import CHECKPOINT, METRICS, SHEETS
from core.training.adversarial import AdversarialLoss, Windows
from core.training.recipes import RECIPES, Objective, Recipe, recipe_of
from core.training.trainer import CURVES, Row, Trained, Trainer, TrainingBudget

RECIPE = Recipe(MlpConfig(), rate=2e-2, frames=4, points=1)
FRAMES = 24
CLOSE = 2e-5
"""A single step moves the critic's weights ten times as far, the generator's a thousand times."""


class Painting(nn.Module):
    """A picture, dropped out here and there, so that every random number of a run counts."""

    def __init__(self, size: int = 16) -> None:
        super().__init__()
        self.pixels = nn.Parameter(torch.rand(LAYERS, size, size))
        self.dropout = nn.Dropout(0.2)

    def forward(self, shift: Tensor) -> Tensor:
        return self.dropout(self.pixels) + shift


class OnePicture:
    """Every frame is the same grey but for a little noise; held-out ones can be judged by other pictures."""

    def __init__(self, judged_by: Callable[[], float] = lambda: 0.5) -> None:
        self.judged_by = judged_by

    def loss(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> Tensor:
        noise = 0.1 * torch.randn(len(frames), generator=draws)
        made = torch.stack([network(shift) for shift in noise])
        return (made - 0.5 - frames[:, None, None, None] / 1000).abs().mean()

    def windows(self, network: nn.Module, frames: Tensor, draws: torch.Generator, count: int) -> list[Windows]:
        views = []
        for _ in range(count):
            noise = 0.1 * torch.randn(len(frames), generator=draws)
            made = torch.stack([network(shift) for shift in noise])
            wanted = 0.5 + 0.1 * torch.randn(made.shape, generator=draws)
            views.append(Windows(made, wanted, torch.zeros(len(frames), STICKS, 16, 16)))
        return views

    def loss_and_window(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> tuple[Tensor, Windows]:
        return self.loss(network, frames, draws), self.windows(network, frames, draws, 1)[0]

    def draw(self, network: nn.Module, i: int) -> Tensor:
        made: Tensor = network(torch.zeros(()))
        return made.clamp(0, 1)

    def wanted(self, i: int) -> Tensor:
        return torch.full((LAYERS, 16, 16), self.judged_by())


def trainer(folder: Path, length: TrainingBudget, **changes: Any) -> Trainer:
    torch.manual_seed(changes.get("seed", 0))
    given: dict[str, Any] = {
        "fabric": Fabric(accelerator="cpu", devices=1), "network": Painting(), "task": OnePicture(), "recipe": RECIPE,
        "train": torch.arange(FRAMES - 4), "held_out": torch.arange(FRAMES - 4, FRAMES), "folder": folder, "seed": 0,
        "length": length,
    }  # fmt: skip
    return Trainer(**given | changes)


def after(steps: int) -> Callable[[], bool]:
    """Says to stop once it was asked so often; an epoch asks five times."""
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > steps

    return stop


def assert_same(one: Trained, other: Trained, apart: float = 0.0) -> None:
    """To the last digit, or as near as ``apart`` where convolutions take part: they add up in the order of their threads."""
    assert one.state.keys() == other.state.keys()
    for name, tensor in one.state.items():
        torch.testing.assert_close(tensor, other.state[name], rtol=apart, atol=apart, msg=name)
    assert one.epochs == other.epochs
    assert one.validation_l1 == pytest.approx(other.validation_l1, abs=apart)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / METRICS).open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("steps", [5, 10, 13, 19])
def test_a_run_that_was_stopped_and_resumed_is_the_run_that_was_not(tmp_path: Path, steps: int) -> None:
    """Whether it was stopped between two epochs or in the middle of one."""
    straight = trainer(tmp_path / "straight", TrainingBudget(epochs=4)).run()
    broken = trainer(tmp_path / "broken", TrainingBudget(epochs=4), stop=after(steps)).run()
    assert broken.epochs == steps // 5
    resumed = trainer(tmp_path / "broken", TrainingBudget(epochs=4)).run(resume=True)
    assert straight.epochs == 4
    assert_same(straight, resumed)
    timeless = [
        [{k: v for k, v in row.items() if k != "minutes"} for row in rows(tmp_path / name)]
        for name in ("straight", "broken")
    ]
    assert timeless[0] == timeless[1]


def test_a_run_that_is_done_stays_as_it_is(tmp_path: Path) -> None:
    first = trainer(tmp_path, TrainingBudget(epochs=2)).run()
    again = trainer(tmp_path, TrainingBudget(epochs=2)).run(resume=True)
    assert_same(first, again)
    assert len(rows(tmp_path)) == 2


def test_a_longer_run_goes_on(tmp_path: Path) -> None:
    trainer(tmp_path, TrainingBudget(epochs=2)).run()
    longer = trainer(tmp_path, TrainingBudget(epochs=3)).run(resume=True)
    assert longer.epochs == 3
    assert [row["epoch"] for row in rows(tmp_path)] == ["1", "2", "3"]


def test_the_seed_says_everything(tmp_path: Path) -> None:
    one, same = (trainer(tmp_path / name, TrainingBudget(epochs=2), seed=7).run() for name in "ab")
    assert_same(one, same)
    other = trainer(tmp_path / "c", TrainingBudget(epochs=2), seed=8).run()
    assert not torch.equal(one.state["pixels"], other.state["pixels"])
    # the same first weights, other draws
    shuffled = trainer(tmp_path / "d", TrainingBudget(epochs=2), network=_painting(7), seed=8).run()
    assert not torch.equal(one.state["pixels"], shuffled.state["pixels"])


def _painting(seed: int) -> Painting:
    torch.manual_seed(seed)
    return Painting()


def test_it_gets_better(tmp_path: Path) -> None:
    trained = trainer(tmp_path, TrainingBudget(epochs=30)).run()
    errors = [float(row["validation_l1"]) for row in rows(tmp_path)]
    assert errors[-1] < 0.5 * errors[0]
    assert trained.validation_l1 == pytest.approx(min(errors))


def test_the_best_is_kept_and_not_the_last(tmp_path: Path) -> None:
    """Held-out frames that turn away after the third epoch: what was learnt until then is what is given."""
    epochs = iter(range(1000))
    wanted: list[float] = []

    def turning() -> float:
        if next(epochs) % 4 == 0:
            wanted.append(0.5 if len(wanted) < 3 else 5.0)
        return wanted[-1]

    run = trainer(tmp_path, TrainingBudget(epochs=8), task=OnePicture(turning))
    trained = run.run()
    best = [row["epoch"] for row in rows(tmp_path) if row["best"] == "True"]
    assert best[-1] == "3"
    assert trained.validation_l1 == pytest.approx(float(rows(tmp_path)[2]["validation_l1"]))
    until = trainer(tmp_path / "until", TrainingBudget(epochs=8), stop=after(15)).run()
    assert torch.equal(trained.state["pixels"], until.state["pixels"])


def test_it_stops_when_nothing_gets_better(tmp_path: Path) -> None:
    worse = iter(np.linspace(1, 50, 10_000))
    trained = trainer(tmp_path, TrainingBudget(epochs=100), task=OnePicture(lambda: float(next(worse)))).run()
    assert 30 < trained.epochs < 45, "a good third of the run"


def test_with_nothing_held_out_the_last_is_given(tmp_path: Path) -> None:
    trained = trainer(tmp_path, TrainingBudget(epochs=6), held_out=torch.arange(0)).run()
    assert trained.epochs == 6, "and it does not stop early"
    assert trained.validation_l1 is None
    assert all(row["validation_l1"] == "" and row["best"] == "False" for row in rows(tmp_path))
    less = trainer(tmp_path / "less", TrainingBudget(epochs=6), held_out=torch.arange(0), stop=after(25)).run()
    assert not torch.equal(trained.state["pixels"], less.state["pixels"])


def test_what_is_given_is_no_longer_trained(tmp_path: Path) -> None:
    """The best so far is a copy: later steps do not write into it."""
    run = trainer(tmp_path, TrainingBudget(epochs=3))
    given: list[tuple[int, Tensor]] = []
    run.progress = lambda _, row: given.append((row.epoch, run._best["pixels"].clone())) if row.best else None
    trained = run.run()
    assert torch.equal(trained.state["pixels"], given[-1][1])


def test_figures_and_sheets(tmp_path: Path) -> None:
    seen: list[tuple[float, Row]] = []
    trainer(tmp_path, TrainingBudget(epochs=3), progress=lambda share, row: seen.append((share, row))).run()
    names = ["epoch", "minutes", "rate", "loss", "critic", "asked", "validation_l1", "best"]
    assert list(rows(tmp_path)[0]) == names
    assert [row["epoch"] for row in rows(tmp_path)] == ["1", "2", "3"]
    minutes = [float(row["minutes"]) for row in rows(tmp_path)]
    assert minutes == sorted(minutes)
    assert minutes[0] > 0
    assert [share for share, _ in seen] == pytest.approx([1 / 3, 2 / 3, 1])
    assert [row.epoch for _, row in seen] == [1, 2, 3]
    sheets = sorted((tmp_path / SHEETS).iterdir())
    assert [sheet.name for sheet in sheets] == ["00001.webp", "00002.webp", "00003.webp"]
    import cv2

    picture = cv2.imread(str(sheets[0]))
    assert picture is not None
    assert picture.shape == (32, 4 * 16, 3), "what should be seen above, what is drawn below, of four frames"


def test_the_rate_rises_and_falls(tmp_path: Path) -> None:
    trainer(tmp_path, TrainingBudget(epochs=60), held_out=torch.arange(0)).run()
    rates = [float(row["rate"]) for row in rows(tmp_path)]
    top = int(np.argmax(rates))
    assert 10 < top < 30
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top:]) < 0).all()
    assert max(rates) < RECIPE.rate
    assert rates[-1] < 0.05 * RECIPE.rate


def test_a_new_run_forgets_the_old_one(tmp_path: Path) -> None:
    trainer(tmp_path, TrainingBudget(epochs=3)).run()
    trainer(tmp_path, TrainingBudget(epochs=2)).run()
    assert len(rows(tmp_path)) == 2
    assert len(list((tmp_path / SHEETS).iterdir())) == 2
    assert not list(tmp_path.glob("*.part"))


def test_minutes_end_a_run(tmp_path: Path) -> None:
    begun = monotonic()
    trained = trainer(tmp_path, TrainingBudget(minutes=0.01), held_out=torch.arange(0)).run()
    assert trained.epochs >= 1
    assert 0.01 <= trained.minutes <= (monotonic() - begun) / 60


@pytest.mark.parametrize(
    "given", [{}, {"epochs": 1, "minutes": 1.0}, {"epochs": 0}, {"epochs": -3}, {"minutes": 0.0}, {"minutes": float("nan")}]
)  # fmt: skip
def test_a_length_that_is_none(given: dict[str, Any]) -> None:
    with pytest.raises(UnusableInput, match="epochs or in minutes"):
        TrainingBudget(**given)


def test_shares_of_a_length() -> None:
    assert TrainingBudget(epochs=4).share(1, 99.0) == 0.25
    assert TrainingBudget(minutes=4).share(99, 1.0) == 0.25
    assert TrainingBudget(epochs=4).share(9, 0.0) == 1.0


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="leave out --resume"):
        trainer(tmp_path / "none", TrainingBudget(epochs=1)).run(resume=True)


def test_a_run_of_another_network(tmp_path: Path) -> None:
    trainer(tmp_path, TrainingBudget(epochs=1)).run()
    with pytest.raises(UnusableInput, match="another network"):
        trainer(tmp_path, TrainingBudget(epochs=2), network=Painting(8)).run(resume=True)


@pytest.mark.parametrize("content", [b"", b"nothing of ours", bytes(1000)])
def test_a_checkpoint_that_is_damaged(tmp_path: Path, content: bytes) -> None:
    trainer(tmp_path, TrainingBudget(epochs=1)).run()
    (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(UnusableInput, match="--resume"):
        trainer(tmp_path, TrainingBudget(epochs=2)).run(resume=True)


def test_a_checkpoint_that_is_cut_short(tmp_path: Path) -> None:
    trainer(tmp_path, TrainingBudget(epochs=1)).run()
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(UnusableInput, match="--resume"):
        trainer(tmp_path, TrainingBudget(epochs=2)).run(resume=True)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputFailed, match=r"\.$"):
        trainer(tmp_path / "file" / "run", TrainingBudget(epochs=1)).run()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_disk_that_fills_up_loses_nothing(tmp_path: Path) -> None:
    trainer(tmp_path, TrainingBudget(epochs=1)).run()
    part = tmp_path / f"{CHECKPOINT}.part"
    part.symlink_to("/dev/full")
    with pytest.raises(OutputFailed, match="disk"):
        trainer(tmp_path, TrainingBudget(epochs=2)).run(resume=True)
    assert not part.is_symlink(), "nothing half-written is left"
    assert trainer(tmp_path, TrainingBudget(epochs=2)).run(resume=True).epochs == 2, "with room again it goes on"


def test_recipes_have_names() -> None:
    assert recipe_of("mlp-se") is RECIPES["mlp-se"]
    assert replace(recipe_of("mlp-se"), size=64).size == 64
    from core.errors import GeneratorNotFound

    for name in ("nearest", "dream"):
        with pytest.raises(GeneratorNotFound, match="mlp-se"):
            recipe_of(name)


OBJECTIVES: list[Objective] = ["bce", "wgan-gp"]


def against(objective: Objective, folder: Path, length: TrainingBudget, **changes: Any) -> Trainer:
    """A run with a critic beside."""
    fabric, task = Fabric(accelerator="cpu", devices=1), changes.pop("task", OnePicture())
    torch.manual_seed(1)
    rival = AdversarialLoss(fabric, task, objective)
    return trainer(folder, length, fabric=fabric, task=task, rival=rival, **changes)


def checkpoint(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(folder / CHECKPOINT, weights_only=True)
    return content


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_with_a_critic_too_a_resumed_run_is_the_run_that_was_not_stopped(objective: Objective, tmp_path: Path) -> None:
    few = replace(RECIPE, frames=10)  # two steps an epoch
    straight = against(objective, tmp_path / "straight", TrainingBudget(epochs=3), recipe=few).run()
    against(objective, tmp_path / "broken", TrainingBudget(epochs=3), recipe=few, stop=after(3)).run()
    resumed = against(objective, tmp_path / "broken", TrainingBudget(epochs=3), recipe=few).run(resume=True)
    assert_same(straight, resumed, CLOSE)
    one, other = (checkpoint(tmp_path / name)["rival"] for name in ("straight", "broken"))
    torch.testing.assert_close(one["critic"], other["critic"], rtol=CLOSE, atol=CLOSE)
    torch.testing.assert_close(one["optimizer"]["state"], other["optimizer"]["state"], rtol=CLOSE, atol=CLOSE)
    figures = [
        [(float(row["loss"]), float(row["critic"])) for row in rows(tmp_path / name)] for name in ("straight", "broken")
    ]
    np.testing.assert_allclose(figures[0], figures[1], rtol=CLOSE, atol=CLOSE)
    first = against(objective, tmp_path / "first", TrainingBudget(epochs=3), recipe=few, stop=after(2)).run()
    assert first.epochs == 1
    early = checkpoint(tmp_path / "first")["rival"]["critic"]
    assert not torch.equal(early["layers.0.weight"], one["critic"]["layers.0.weight"]), "and the critic learns"


def test_a_run_without_a_critic_is_not_resumed_with_one(tmp_path: Path) -> None:
    trainer(tmp_path, TrainingBudget(epochs=1)).run()
    with pytest.raises(UnusableInput, match="--resume"):
        against("bce", tmp_path, TrainingBudget(epochs=2)).run(resume=True)


def test_the_critics_loss_is_a_figure_of_its_own(tmp_path: Path) -> None:
    against("bce", tmp_path, TrainingBudget(epochs=2)).run()
    with_one = [float(row["critic"]) for row in rows(tmp_path)]
    # what a critic says that cannot tell: the cross entropy of guessing, twice
    assert with_one[0] == pytest.approx(2 * np.log(2), abs=0.4)
    assert with_one[0] != with_one[1]
    trainer(tmp_path / "alone", TrainingBudget(epochs=1)).run()
    assert rows(tmp_path / "alone")[0]["critic"] == ""


def test_curves_of_both_sides_are_drawn(tmp_path: Path) -> None:
    against("bce", tmp_path, TrainingBudget(epochs=3)).run()
    trainer(tmp_path / "alone", TrainingBudget(epochs=1)).run()
    texts, curves = [], []
    for folder in (tmp_path, tmp_path / "alone"):
        svg = ElementTree.fromstring((folder / CURVES).read_text())
        texts.append(" ".join(text.text or "" for text in svg.iter("{http://www.w3.org/2000/svg}text")))
        lines = [line for line in svg.iter("{http://www.w3.org/2000/svg}polyline") if line.get("stroke") != "#ddd"]
        curves.append([len(line.get("points", "").split()) for line in lines])
    assert "critic" in texts[0]
    assert "critic" not in texts[1]
    assert curves == [[3, 3, 3, 3], [1, 1]], "a point for every epoch"


class Fixed:
    """A rival that wants dark pictures."""

    def improve(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> Tensor:
        return torch.tensor(3.0)

    def asked(self, view: Windows) -> Tensor:
        return 1e4 * view.made.mean()

    def state_dict(self) -> dict[str, Any]:
        return {}


def test_the_generator_is_taught_by_both(tmp_path: Path) -> None:
    whole = replace(RECIPE, frames=FRAMES)  # one step an epoch
    alone = trainer(tmp_path / "alone", TrainingBudget(epochs=40), recipe=whole).run()
    beside = trainer(tmp_path / "beside", TrainingBudget(epochs=40), recipe=whole, rival=Fixed()).run()
    assert float(beside.state["pixels"].mean()) < float(alone.state["pixels"].mean()) - 0.02
    first = {name: rows(tmp_path / name)[0] for name in ("alone", "beside")}
    assert first["alone"]["loss"] == first["beside"]["loss"], "the L1 error alone, to be compared"
    assert float(first["beside"]["critic"]) == 3.0
    assert float(first["beside"]["asked"]) > 1e3
    assert first["alone"]["asked"] == ""


class Scripted(Trainer):
    """Whose validations say what they are told to."""

    says = (1.0, 0.5, 0.54, 0.58, 0.49, 0.53, 0.55)

    def _validate(self) -> float | None:
        return self.says[self._state.epoch - 1]


@pytest.mark.parametrize(("objective", "kept"), [(None, [1, 2, 5]), ("bce", [1, 2, 3, 5, 6])])
def test_against_a_critic_the_newest_near_the_best_is_kept(
    objective: Objective | None, kept: list[int], tmp_path: Path
) -> None:
    """Within a tenth of the smallest error so far; that of the ones kept in between does not count."""
    length = TrainingBudget(epochs=len(Scripted.says))
    made = trainer(tmp_path, length) if objective is None else against(objective, tmp_path, length)
    given = {name: getattr(made, name) for name in Trainer.__dataclass_fields__ if not name.startswith("_")}
    run, states = Scripted(**given), dict[int, Tensor]()
    run.progress = lambda _, row: states.update({row.epoch: run._smooth["pixels"].clone()})
    trained = run.run()
    assert [int(row["epoch"]) for row in rows(tmp_path) if row["best"] == "True"] == kept
    assert trained.validation_l1 == Scripted.says[kept[-1] - 1]
    assert torch.equal(trained.state["pixels"], states[kept[-1]])
    assert not torch.equal(states[6], states[7])


class Breaking(OnePicture):
    """A loss that is no number from the third epoch on."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def loss(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> Tensor:
        self.steps += 1
        return super().loss(network, frames, draws) * (float("nan") if self.steps > 10 else 1.0)


@pytest.mark.parametrize("held_out", [0, 4])
def test_a_loss_that_is_no_number_leaves_the_last_good_network(held_out: int, tmp_path: Path) -> None:
    judged = torch.arange(FRAMES - held_out, FRAMES)
    trained = trainer(tmp_path, TrainingBudget(epochs=20), task=Breaking(), held_out=judged).run()
    assert all(torch.isfinite(tensor).all() for tensor in trained.state.values())
    assert trained.epochs <= 3, "and it stops"
    assert trained.diverged


class Crowded(OnePicture):
    """As on a device whose memory holds only so many frames."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        self.taken: list[int] = []

    def loss(self, network: nn.Module, frames: Tensor, draws: torch.Generator) -> Tensor:
        if len(frames) > self.room:
            raise torch.OutOfMemoryError("not so many")
        self.taken += frames.tolist()
        return super().loss(network, frames, draws)


def test_a_device_short_of_memory_gets_fewer_frames_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    task = Crowded(1)
    trained = trainer(tmp_path, TrainingBudget(epochs=2), task=task).run()
    assert trained.epochs == 2
    assert sorted(task.taken[: FRAMES - 4]) == list(range(FRAMES - 4)), "no frame is left out, none comes twice"
    assert [record.getMessage() for record in caplog.records] == [
        f"The device has no memory for {count} frames a step: going on with {count // 2}." for count in (4, 2)
    ]
    resumed = trainer(tmp_path, TrainingBudget(epochs=3), task=Crowded(1))
    caplog.clear()
    assert resumed.run(resume=True).epochs == 3
    assert not caplog.records, "a resumed run remembers"


def test_a_device_without_memory_for_one_frame_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="smaller --size"):
        trainer(tmp_path, TrainingBudget(epochs=1), task=Crowded(0)).run()
