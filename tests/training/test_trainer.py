"""The loop, on a task so small that an epoch takes a moment: one weight for each pixel of a picture."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from core.errors import OutputFailed, UnusableInput
from core.networks.config import MlpConfig
from core.training.recipes import RECIPES, Recipe, recipe_of
from core.training.trainer import CHECKPOINT, METRICS, SHEETS, Length, Row, Trained, Trainer

RECIPE = Recipe(MlpConfig(), rate=2e-2, frames=4, points=1)
FRAMES = 24


class Painting(nn.Module):
    """A picture, dropped out here and there, so that every random number of a run counts."""

    def __init__(self, size: int = 16) -> None:
        super().__init__()
        self.pixels = nn.Parameter(torch.rand(3, size, size))
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

    def draw(self, network: nn.Module, i: int) -> Tensor:
        made: Tensor = network(torch.zeros(()))
        return made.clamp(0, 1)

    def wanted(self, i: int) -> Tensor:
        return torch.full((3, 16, 16), self.judged_by())


def trainer(folder: Path, length: Length, **changes: Any) -> Trainer:
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


def assert_same(one: Trained, other: Trained) -> None:
    assert one.state.keys() == other.state.keys()
    for name, tensor in one.state.items():
        assert torch.equal(tensor, other.state[name]), name
    assert (one.epochs, one.validation_l1) == (other.epochs, other.validation_l1)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / METRICS).open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("steps", [5, 10, 13, 19])
def test_a_run_that_was_stopped_and_resumed_is_the_run_that_was_not(tmp_path: Path, steps: int) -> None:
    """Whether it was stopped between two epochs or in the middle of one."""
    straight = trainer(tmp_path / "straight", Length(epochs=4)).run()
    broken = trainer(tmp_path / "broken", Length(epochs=4), stop=after(steps)).run()
    assert broken.epochs == steps // 5
    resumed = trainer(tmp_path / "broken", Length(epochs=4)).run(resume=True)
    assert straight.epochs == 4
    assert_same(straight, resumed)
    timeless = [
        [{k: v for k, v in row.items() if k != "minutes"} for row in rows(tmp_path / name)]
        for name in ("straight", "broken")
    ]
    assert timeless[0] == timeless[1]


def test_a_run_that_is_done_stays_as_it_is(tmp_path: Path) -> None:
    first = trainer(tmp_path, Length(epochs=2)).run()
    again = trainer(tmp_path, Length(epochs=2)).run(resume=True)
    assert_same(first, again)
    assert len(rows(tmp_path)) == 2


def test_a_longer_run_goes_on(tmp_path: Path) -> None:
    trainer(tmp_path, Length(epochs=2)).run()
    longer = trainer(tmp_path, Length(epochs=3)).run(resume=True)
    assert longer.epochs == 3
    assert [row["epoch"] for row in rows(tmp_path)] == ["1", "2", "3"]


def test_the_seed_says_everything(tmp_path: Path) -> None:
    one, same = (trainer(tmp_path / name, Length(epochs=2), seed=7).run() for name in "ab")
    assert_same(one, same)
    other = trainer(tmp_path / "c", Length(epochs=2), seed=8).run()
    assert not torch.equal(one.state["pixels"], other.state["pixels"])
    # the same first weights, other draws
    shuffled = trainer(tmp_path / "d", Length(epochs=2), network=_painting(7), seed=8).run()
    assert not torch.equal(one.state["pixels"], shuffled.state["pixels"])


def _painting(seed: int) -> Painting:
    torch.manual_seed(seed)
    return Painting()


def test_it_gets_better(tmp_path: Path) -> None:
    trained = trainer(tmp_path, Length(epochs=30)).run()
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

    run = trainer(tmp_path, Length(epochs=8), task=OnePicture(turning))
    trained = run.run()
    best = [row["epoch"] for row in rows(tmp_path) if row["best"] == "True"]
    assert best[-1] == "3"
    assert trained.validation_l1 == pytest.approx(float(rows(tmp_path)[2]["validation_l1"]))
    until = trainer(tmp_path / "until", Length(epochs=8), stop=after(15)).run()
    assert torch.equal(trained.state["pixels"], until.state["pixels"])


def test_it_stops_when_nothing_gets_better(tmp_path: Path) -> None:
    worse = iter(np.linspace(1, 50, 10_000))
    trained = trainer(tmp_path, Length(epochs=100), task=OnePicture(lambda: float(next(worse)))).run()
    assert 30 < trained.epochs < 45, "a good third of the run"


def test_with_nothing_held_out_the_last_is_given(tmp_path: Path) -> None:
    trained = trainer(tmp_path, Length(epochs=6), held_out=torch.arange(0)).run()
    assert trained.epochs == 6, "and it does not stop early"
    assert trained.validation_l1 is None
    assert all(row["validation_l1"] == "" and row["best"] == "False" for row in rows(tmp_path))
    less = trainer(tmp_path / "less", Length(epochs=6), held_out=torch.arange(0), stop=after(25)).run()
    assert not torch.equal(trained.state["pixels"], less.state["pixels"])


def test_what_is_given_is_no_longer_trained(tmp_path: Path) -> None:
    """The best so far is a copy: later steps do not write into it."""
    run = trainer(tmp_path, Length(epochs=3))
    given: list[tuple[int, Tensor]] = []
    run.progress = lambda _, row: given.append((row.epoch, run._best["pixels"].clone())) if row.best else None
    trained = run.run()
    assert torch.equal(trained.state["pixels"], given[-1][1])


def test_figures_and_sheets(tmp_path: Path) -> None:
    seen: list[tuple[float, Row]] = []
    trainer(tmp_path, Length(epochs=3), progress=lambda share, row: seen.append((share, row))).run()
    assert list(rows(tmp_path)[0]) == ["epoch", "minutes", "rate", "loss", "validation_l1", "best"]
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
    trainer(tmp_path, Length(epochs=60), held_out=torch.arange(0)).run()
    rates = [float(row["rate"]) for row in rows(tmp_path)]
    top = int(np.argmax(rates))
    assert 10 < top < 30
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top:]) < 0).all()
    assert max(rates) < RECIPE.rate
    assert rates[-1] < 0.05 * RECIPE.rate


def test_a_new_run_forgets_the_old_one(tmp_path: Path) -> None:
    trainer(tmp_path, Length(epochs=3)).run()
    trainer(tmp_path, Length(epochs=2)).run()
    assert len(rows(tmp_path)) == 2
    assert len(list((tmp_path / SHEETS).iterdir())) == 2
    assert not list(tmp_path.glob("*.part"))


def test_minutes_end_a_run(tmp_path: Path) -> None:
    trained = trainer(tmp_path, Length(minutes=0.01), held_out=torch.arange(0)).run()
    assert trained.epochs >= 1
    assert 0.01 <= trained.minutes < 0.05


@pytest.mark.parametrize(
    "given", [{}, {"epochs": 1, "minutes": 1.0}, {"epochs": 0}, {"epochs": -3}, {"minutes": 0.0}, {"minutes": float("nan")}]
)  # fmt: skip
def test_a_length_that_is_none(given: dict[str, Any]) -> None:
    with pytest.raises(UnusableInput, match="epochs or in minutes"):
        Length(**given)


def test_shares_of_a_length() -> None:
    assert Length(epochs=4).share(1, 99.0) == 0.25
    assert Length(minutes=4).share(99, 1.0) == 0.25
    assert Length(epochs=4).share(9, 0.0) == 1.0


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="leave out --resume"):
        trainer(tmp_path / "none", Length(epochs=1)).run(resume=True)


def test_a_run_of_another_network(tmp_path: Path) -> None:
    trainer(tmp_path, Length(epochs=1)).run()
    with pytest.raises(UnusableInput, match="another network"):
        trainer(tmp_path, Length(epochs=2), network=Painting(8)).run(resume=True)


@pytest.mark.parametrize("content", [b"", b"nothing of ours", bytes(1000)])
def test_a_checkpoint_that_is_damaged(tmp_path: Path, content: bytes) -> None:
    trainer(tmp_path, Length(epochs=1)).run()
    (tmp_path / CHECKPOINT).write_bytes(content)
    with pytest.raises(UnusableInput, match="--resume"):
        trainer(tmp_path, Length(epochs=2)).run(resume=True)


def test_a_checkpoint_that_is_cut_short(tmp_path: Path) -> None:
    trainer(tmp_path, Length(epochs=1)).run()
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(UnusableInput, match="--resume"):
        trainer(tmp_path, Length(epochs=2)).run(resume=True)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputFailed, match=r"\.$"):
        trainer(tmp_path / "file" / "run", Length(epochs=1)).run()


def test_recipes_have_names() -> None:
    assert recipe_of("mlp-se") is RECIPES["mlp-se"]
    assert replace(recipe_of("mlp-se"), size=64).size == 64
    from core.errors import GeneratorNotFound

    for name in ("nearest", "dream"):
        with pytest.raises(GeneratorNotFound, match="mlp-se"):
            recipe_of(name)
