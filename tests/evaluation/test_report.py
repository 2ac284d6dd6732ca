"""Table, CSV and report of a comparison say the same numbers."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import replace

import pytest

from core.evaluation.evaluate import Evaluation, Scores, Series
from core.evaluation.flaws import Flaws
from core.evaluation.grid import Part
from core.evaluation.measure import Measured
from core.evaluation.report import CURVES, as_csv, best_of, columns, curves_svg, html_report, table

PARTS = (
    Part("realtime", "Warped & mended", [], (11.26, 13.0), 20.44),
    Part("unet", "<script>alert(1)</script>", [], (8.0, 9.0), 3.0),
    Part("nearest", "Nearest neighbour, whole clip", [], (5.0, 6.0), 18.0),
)

SEEN_OF = [1.0, math.nan, 0.0, 1.0]
"""How much of each frame the footage shows; nobody is in the second."""


FLAWS = Flaws(misplaced=0.0123, extra=0.00214, missing=0.00109, worst_patch=0.4567, pops=1.84, shift=7.0)


def scores(akd: float, sharpness: float) -> Scores:
    return Scores(0.1234, 20.0, 0.8765, sharpness, akd, 0.0123)


def scored(name: str, akd: float, sharpness: float) -> Measured:
    box = scores(akd, sharpness)
    evaluation = Evaluation(3, box, box, math.nan, math.nan, 0.9, math.nan, math.nan, 0.21, math.nan, 0.0712, FLAWS)
    series = Series(
        akd=[akd, math.nan, akd + 1], missing=[0.0, 0.0, 0.1], sharpness=[sharpness] * 3, flicker=[math.nan, 0.2, 0.2],
        jitter=[math.nan] * 3, l1=[0.1] * 3, ssim=[0.9] * 3,
        flaws=[FLAWS] * 3,
    )  # fmt: skip
    return Measured(name, name, evaluation, series)


@pytest.fixture
def measured() -> list[Measured]:
    return [scored("realtime", 2.34, 0.93), scored("unet", 3.6, 0.6)]


def test_a_row_for_each_with_what_is_known_by_now(measured: list[Measured]) -> None:
    rows = table(PARTS, measured, known=True)
    assert [row["generator"] for row in rows] == ["realtime", "unet", "nearest"]
    assert rows[0]["ms"] == "11.3"
    assert rows[0]["fps"] == "89"
    assert rows[0]["mb"] == "20.4"
    assert (rows[0]["akd"], rows[0]["mkr"], rows[0]["l1"], rows[0]["ssim"]) == ("2.3", "1.2", "0.123", "0.876")
    told = [rows[0][name] for name in ("misplaced", "extra", "missing", "worst_patch", "pops")]
    assert told == ["1.23", "2.14", "1.09", "0.457", "1.84"], "per cent, per mille twice, L1, ratio"
    assert rows[2]["ms"] == "5.0"
    assert rows[2]["akd"] == rows[2]["l1"] == ""


def test_without_an_answer_nothing_is_said_of_it(measured: list[Measured]) -> None:
    rows = table(PARTS, measured, known=False)
    assert {"l1", "ssim", "misplaced", "extra", "missing", "worst_patch", "pops"}.isdisjoint(rows[0])
    assert [column.name for column in columns(known=False)] == [
        name for name in rows[0] if name not in {"generator", "title"}
    ]


def test_a_number_that_is_none_is_left_empty(measured: list[Measured]) -> None:
    lost = replace(measured[0], evaluation=replace(measured[0].evaluation, flicker=math.nan))
    assert table(PARTS[:1], [lost], known=True)[0]["flicker"] == ""


def test_the_best_of_each_column_by_what_is_written(measured: list[Measured]) -> None:
    best = best_of(table(PARTS, measured, known=True), known=True)
    assert best["ms"] == {"nearest"}
    assert best["fps"] == {"nearest"}
    assert best["akd"] == {"realtime"}
    assert best["sharpness"] == {"realtime"}, "nearest to 1"
    assert best["flicker"] == {"realtime", "unet"}, "alike"
    assert best_of(table(PARTS, [], known=True), known=True)["akd"] == set()


def test_the_csv_reads_back_as_the_table(measured: list[Measured]) -> None:
    rows = table(PARTS, measured, known=True)
    told = {"seen": "0.667", "beyond": "0.333"}
    assert list(csv.DictReader(io.StringIO(as_csv(rows, SEEN_OF)))) == [row | told for row in rows]


def test_the_report_is_one_file_with_the_same_numbers_and_no_foreign_word_in_it(measured: list[Measured]) -> None:
    rows = table(PARTS, measured, known=True)
    curves = [(curve, [(m.title, curve.values(m.series)) for m in measured]) for curve in CURVES]
    report = html_report(
        "Mira in “<b>”", rows, known=True, pictures=[("At 1 s", b"\xff\xd8jpeg")], curves=curves, seen=SEEN_OF,
        when="today",
    )  # fmt: skip
    assert report.startswith("<!doctype html>")
    assert "<script" not in report
    assert "<b>" not in report
    assert "&lt;script&gt;" in report
    assert not re.search(r"(?:src|href)=\"(?!data:)", report)
    assert report.count("<svg") == len(CURVES), "of jitter nothing is known, and one is of what the footage shows"
    assert "the performer's footage shows 67%; 33% of the frames" in report
    for row in rows:
        for column in columns(known=True):
            assert f">{row[column.name] or '–'}</td>" in report


def test_a_curve_is_broken_where_nothing_is_known() -> None:
    drawn = curves_svg([("one", (1.0, None, 2.0, 3.0)), ("two", (None, None, None, None))])
    pens = re.findall(r'<path d="([^"]*)"', drawn)
    assert pens[0].count("M") == 2
    assert pens[0].count("L") == 1
    assert pens[1] == ""
