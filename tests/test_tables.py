"""The README's tables, from measurements that are made up here."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from benchmarks import readme


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(readme, "RESULTS", tmp_path)
    return tmp_path


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def measured(**changes: Any) -> dict[str, Any]:
    columns = {column for part in readme.PARTS.values() for _, column, _ in part}
    row = {"label": "new", "part": "known answer", "performer": "mira", "source": "disco", "generator": "mlp-se"}
    return row | dict.fromkeys(columns, 1.0) | changes


def cells(table: str, name: str) -> list[str]:
    (line,) = (line for line in table.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.split("|")[2:-1]]


def test_a_mean_over_dances_of_one_performer_newest_first(results: Path) -> None:
    write(results / "quality.csv", [
        measured(label="old", box_ssim=0.1), measured(box_ssim=0.6), measured(source="street", box_ssim=0.8, tof=""),
        measured(performer="theo", box_ssim=0.3), measured(generator="answer", box_ssim=1.0),
        measured(part="held out", source="blocks", mkr=0.125, tof=""),
    ])  # fmt: skip
    table = readme.quality("mira")
    assert cells(table.partition("| known answer |")[2], "`mlp-se`")[2] == "0.700"
    assert cells(table.partition("| known answer |")[0], "`mlp-se`")[5] == "12.5%"
    lines = [line for line in table.splitlines() if "footage itself" in line or "mlp-se" in line]
    assert "footage itself" in lines[1], "ideals come first"
    assert "0.300" in readme.quality("theo")


def test_a_generator_that_was_not_measured_by_something_has_a_dash(results: Path) -> None:
    write(results / "quality.csv", [measured(tof="")])
    assert cells(readme.quality("mira").partition("known answer")[2], "`mlp-se`")[-1] == "–"


def test_the_course_projects_table_is_beside_ours(results: Path) -> None:
    row = {"label": "", "split": "random", "generator": "mean picture", "size": "", "l1_seed": "0.1104"}
    mine = [
        row,
        row | {"split": "blocks", "l1_seed": "0.108"},
        row | {"generator": "unet", "size": "80", "l1_seed": "0.05"},
    ]
    write(results / "seed.csv", mine)
    table = readme.seed()
    assert cells(table, "mean picture") == ["0.110", "0.108"]
    assert cells(table, "`unet`, 80 pixels wide") == ["0.050", "–"]
    assert cells(table, "course project: U-Net + attention, as published") == ["0.056", "–"]


def test_how_much_faster_an_epoch_is(results: Path) -> None:
    row = {"label": "x", "network": "unet", "loop": "plain", "parameters": "12500000", "prepare_seconds": "0",
           "seconds_per_epoch": "30"}  # fmt: skip
    write(results / "training.csv", [row, row | {"loop": "ours", "prepare_seconds": "2", "seconds_per_epoch": "7.5"}])
    assert cells(readme.training(), "unet") == ["12.5 M", "30.0 s", "7.5 s", "4.0 times", "2.0 s"]


def taught(way: str, minutes: float, **changes: Any) -> dict[str, Any]:
    row = {"label": "new", "footage": "Theo", "generator": "realtime", "begun with": way, "minutes": minutes}
    return row | dict.fromkeys((column for _, column, _ in readme.START), 0.5) | changes


def test_what_a_start_is_worth_is_told_as_it_ends(results: Path, tmp_path: Path) -> None:
    write(results / "start.csv", [
        taught("", 0.0, generator="nearest", akd=9.0), taught("many people", 5.0, label="old", akd=8.0),
        taught("many people", 1.0, akd=4.0), taught("many people", 5.02, akd=3.0), taught("nothing", 5.0, akd=7.0),
        taught("nothing", 20.1, akd=5.0),
    ])  # fmt: skip
    table = readme.start()
    assert "| Theo | `nearest` | – | – | 0.500 | 0.50 | 9.0 | 50.0% |" in table
    assert "| Theo | `realtime` | many people | 5 | 0.500 | 0.50 | 3.0 | 50.0% |" in table
    assert "| Theo | `realtime` | nothing | 20 | 0.500 | 0.50 | 5.0 | 50.0% |" in table
    assert len(table.splitlines()) == 5
    readme.start_picture(tmp_path / "start.webp")
    assert (tmp_path / "start.webp").read_bytes()[8:12] == b"WEBP"
