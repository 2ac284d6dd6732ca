"""The numbers of a comparison, for page, CSV and report alike: rounded in one place, so that they cannot differ."""

from __future__ import annotations

import base64
import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, Literal, TypeAlias

from core.evaluation.evaluate import Evaluation, Series
from core.evaluation.grid import Part
from core.evaluation.measure import Measured
from core.pose.known_views import share_beyond

Better: TypeAlias = Literal["lower", "higher", "one"]

Row: TypeAlias = dict[str, str]
"""One generator: its ``generator`` and ``title``, and what it scored in each column as it is written, empty where not known."""

Lines: TypeAlias = Sequence[tuple[str, Sequence[float | None]]]
"""The title of each generator and its value in every frame."""


@dataclass(frozen=True, slots=True)
class Column:
    """One measure of the table.

    Attributes:
        meaning: what it is, in one line.
        form: how it is written.
        part: its value where making the comparison tells it.
        score: its value where that has to be measured.
        known: whether it takes a known answer.
    """

    name: str
    title: str
    unit: str
    meaning: str
    better: Better
    form: str
    part: Callable[[Part], float] | None = None
    score: Callable[[Evaluation], float] | None = None
    known: bool = False

    def written(self, part: Part, measured: Measured | None) -> str:
        """Its value for a generator; empty where it is not known."""
        value = math.nan
        if self.part is not None:
            value = self.part(part)
        elif self.score is not None and measured is not None:
            value = self.score(measured.evaluation)
        return "" if math.isnan(value) else self.form.format(value)


@dataclass(frozen=True, slots=True)
class Axis:
    """What is drawn over the frames: how it is called, and which way is better."""

    name: str
    title: str
    unit: str
    better: Better


@dataclass(frozen=True, slots=True)
class Curve(Axis):
    """One measure of each generator over the frames."""

    of: Callable[[Series], Sequence[float]]

    def values(self, series: Series) -> tuple[float | None, ...]:
        """The value in every frame, None where there is none."""
        return known_values(self.of(series))


def known_values(values: Sequence[float]) -> tuple[float | None, ...]:
    """The values, None for what is no number."""
    return tuple(value if math.isfinite(value) else None for value in values)


COLUMNS: Final = (
    Column("ms", "Time", "ms", "how long the generator takes for a picture, median", "lower", "{:.1f}",
           lambda part: part.milliseconds[0]),
    Column("fps", "Speed", "fps", "how many pictures a second it alone could make, by its fastest tenth", "higher", "{:.0f}",
           lambda part: 1000 / max(part.unhindered or part.milliseconds[0], 1e-3)),
    Column("mb", "Size", "MB", "its files: weights, and the footage where it copies from that", "lower", "{:.1f}",
           lambda part: part.megabytes),
    Column("sharpness", "Sharpness", "ratio", "edges in the person's box, 1 is as sharp as it should be, below is blur", "one",
           "{:.2f}", score=lambda e: e.person_box.sharpness),
    Column("akd", "AKD", "px at 256", "how far joints found in the picture are from where they were asked to be", "lower",
           "{:.1f}", score=lambda e: e.full_frame.akd),
    Column("mkr", "MKR", "%", "joints asked for that are not found in the picture", "lower", "{:.1f}",
           score=lambda e: 100 * e.full_frame.mkr),
    Column("flicker", "Flicker", "levels", "change from picture to picture where nobody stands", "lower", "{:.2f}",
           score=lambda e: e.flicker),
    Column("jitter", "Jitter", "torsos/frame³", "how much joints tremble", "lower", "{:.3f}",
           score=lambda e: e.jitter),
    Column("l1", "L1", "", "distance from the right answer from −1 to 1, the person's box at 64 pixels", "lower", "{:.3f}",
           score=lambda e: e.person_box.l1_seed, known=True),
    Column("ssim", "SSIM", "", "likeness to the right answer in the person's box, 1 at most", "higher", "{:.3f}",
           score=lambda e: e.person_box.ssim, known=True),
    Column("misplaced", "Misplaced", "%", "of the person's pixels, those that show the colours of another part of the body",
           "lower", "{:.2f}", score=lambda e: 100 * e.flaws.misplaced, known=True),
    Column("extra", "Extra", "‰", "of the picture, what shows the person where nobody should be", "lower", "{:.2f}",
           score=lambda e: 1000 * e.flaws.extra, known=True),
    Column("missing", "Missing", "‰", "of the picture, what shows the stage where the person should be", "lower", "{:.2f}",
           score=lambda e: 1000 * e.flaws.missing, known=True),
    Column("worst_patch", "Worst patch", "", "L1 of the patch of the person that is furthest from the right answer", "lower",
           "{:.3f}", score=lambda e: e.flaws.worst_patch, known=True),
    Column("pops", "Pops", "ratio", "change from picture to picture beyond the dance's own; 1 is what the right answer has",
           "one", "{:.2f}", score=lambda e: e.flaws.pops, known=True),
)  # fmt: skip

CURVES: Final = (
    Curve("akd", "AKD", "px at 256", "lower", lambda s: s.akd),
    Curve("missing", "Missing joints", "share", "lower", lambda s: s.missing),
    Curve("sharpness", "Sharpness", "", "one", lambda s: s.sharpness),
    Curve("flicker", "Flicker", "levels", "lower", lambda s: s.flicker),
    Curve("jitter", "Jitter", "torsos/frame³", "lower", lambda s: s.jitter),
    Curve("l1", "L1", "", "lower", lambda s: s.l1),
    Curve("ssim", "SSIM", "", "higher", lambda s: s.ssim),
    Curve("misplaced", "Misplaced", "share", "lower", lambda s: [flaws.misplaced for flaws in s.flaws]),
    Curve("extra", "Extra", "share", "lower", lambda s: [flaws.extra for flaws in s.flaws]),
    Curve("missing_person", "Missing of the person", "share", "lower", lambda s: [flaws.missing for flaws in s.flaws]),
    Curve("worst_patch", "Worst patch", "", "lower", lambda s: [flaws.worst_patch for flaws in s.flaws]),
    Curve("pops", "Pops", "ratio", "one", lambda s: [flaws.pops for flaws in s.flaws]),
)

SEEN: Final = Axis("seen", "Seen in the footage", "", "higher")
"""How much of what each frame asks the performer's footage shows, 0 to 1 (``RetargetedMotion.seen``)."""

_WAYS: Final[dict[Better, str]] = {"lower": "lower is better", "higher": "higher is better", "one": "1 is best"}
_COLOURS: Final = ("#1f6fc9", "#d9730d", "#2f9e44", "#9c36b5", "#0c8599", "#c2255c", "#846a00", "#4c6ef5", "#5c940d")
_WIDTH, _HEIGHT = 640, 150


def columns(*, known: bool) -> list[Column]:
    """Those that there are something to say in."""
    return [column for column in COLUMNS if known or not column.known]


def table(parts: Sequence[Part], measured: Sequence[Measured], *, known: bool) -> list[Row]:
    """A row for each generator, of what is known of it by now."""
    found = {m.name: m for m in measured}
    return [
        {"generator": part.name, "title": part.title}
        | {column.name: column.written(part, found.get(part.name)) for column in columns(known=known)}
        for part in parts
    ]


def best_of(rows: Sequence[Row], *, known: bool) -> dict[str, set[str]]:
    """Of every column the generators that are best in it, as far as they are written."""
    best = {}
    for column in columns(known=known):
        told = {row["generator"]: _worse(column, float(row[column.name])) for row in rows if row[column.name]}
        best[column.name] = {name for name, worse in told.items() if worse == min(told.values())}
    return best


def _worse(column: Column, value: float) -> float:
    """The larger, the worse."""
    return {"lower": value, "higher": -value, "one": abs(value - 1)}[column.better]


def as_csv(rows: Sequence[Row], seen: Sequence[float]) -> str:
    """A line for each row, below one with the names of the columns.

    Args:
        seen: ``RetargetedMotion.seen``. Its mean, and the share of frames that ask beyond the footage, are columns of every row.
    """
    shares = {name: f"{share:.3f}" for name, share in _shares(seen).items()}
    rows = [row | shares for row in rows]
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def _shares(seen: Sequence[float]) -> dict[str, float]:
    known = [value for value in seen if math.isfinite(value)]
    return {"seen": sum(known) / max(len(known), 1), "beyond": share_beyond(seen)}


def html_report(
    title: str,
    rows: Sequence[Row],
    *,
    known: bool,
    pictures: Sequence[tuple[str, bytes]],
    curves: Sequence[tuple[Curve, Lines]],
    seen: Sequence[float],
    when: str,
) -> str:
    """All of it as one file that needs no other.

    Args:
        title: who dances what.
        pictures: what each is of, and its JPEG.
        curves: of those that have a value at all, a drawing each.
        seen: ``RetargetedMotion.seen``.
        when: the date.
    """
    shown = "".join(
        f'<figure><img alt="{escape(words, quote=True)}" src="data:image/jpeg;base64,{base64.b64encode(data).decode()}">'
        f"<figcaption>{escape(words)}</figcaption></figure>"
        for words, data in pictures
    )
    drawn = "".join(
        f"<h3>{escape(curve.title)} <small>{_explained(curve)}</small></h3>{curves_svg(lines)}"
        for curve, lines in [*curves, (SEEN, [("The dance", known_values(seen))])]
        if any(value is not None for _, values in lines for value in values)
    )
    held = "The right answer is known: sharpness, L1 and SSIM are held against it." if known else (
        "No right answer is known: sharpness is held against the performer's own footage."
    )  # fmt: skip
    shares = _shares(seen)
    asked = (
        f"Of what the dance asks the performer's footage shows {shares['seen']:.0%}; "
        f"{shares['beyond']:.0%} of the frames ask for sides or moves that it never shows."
    )
    meanings = "".join(
        f"<dt>{escape(c.title)}</dt><dd>{escape(c.meaning)}; {_WAYS[c.better]}</dd>" for c in columns(known=known)
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><main><h1>{escape(title)}</h1>"
        f"<p>Every generator on the same dance, Everybody Dance Now, {escape(when)}. {held} {asked}</p>"
        f'<div class="wide">{html_table(rows, known=known)}</div>'
        f"<h2>Pictures</h2>{shown}<h2>Frame by frame</h2>{_legend(curves)}{drawn}"
        f"<h2>What is measured</h2><dl>{meanings}</dl></main></html>\n"
    )


def _explained(curve: Axis) -> str:
    return escape(f"{curve.unit}, {_WAYS[curve.better]}" if curve.unit else _WAYS[curve.better])


def html_table(rows: Sequence[Row], *, known: bool) -> str:
    """A ``<table>``; what is best in its column has the class ``best``, and ``--share`` says how large a number is there."""
    best, shown = best_of(rows, known=known), columns(known=known)
    most = {c.name: max([float(row[c.name]) for row in rows if row[c.name]], default=0.0) for c in shown}
    head = "".join(
        f'<th title="{escape(c.meaning, quote=True)}">{escape(c.title)}<small>{escape(c.unit)}</small></th>'
        for c in shown
    )
    lines = []
    for row in rows:
        cells = "".join(_cell(row[c.name], most[c.name], best=row["generator"] in best[c.name]) for c in shown)
        name = f'<th scope="row">{escape(row["title"])}<small>{escape(row["generator"])}</small></th>'
        lines.append(f'<tr data-generator="{escape(row["generator"], quote=True)}">{name}{cells}</tr>')
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _cell(written: str, most: float, *, best: bool) -> str:
    kind = ' class="best"' if best else ""
    share = float(written) / most if written and most > 0 else 0.0
    return f'<td{kind} style="--share:{share:.0%}">{escape(written) or "–"}</td>'


def _legend(curves: Sequence[tuple[Curve, Lines]]) -> str:
    titles = [title for title, _ in curves[0][1]] if curves else []
    items = (f'<li style="color:{_colour(place)}">{escape(title)}</li>' for place, title in enumerate(titles))
    return f"<ul>{''.join(items)}</ul>"


def _colour(place: int) -> str:
    return _COLOURS[place % len(_COLOURS)]


def curves_svg(lines: Lines) -> str:
    """An ``<svg>`` of values over frames, a line each, broken where a value is not known."""
    known = [value for _, values in lines for value in values if value is not None]
    low, high = min([0.0, *known]), max([1e-9, *known])
    longest = max(len(values) for _, values in lines)

    def at(frame: int, value: float) -> str:
        x = _WIDTH * frame / max(longest - 1, 1)
        return f"{x:.1f} {_HEIGHT - 4 - (_HEIGHT - 8) * (value - low) / (high - low):.1f}"

    paths = []
    for place, (_, values) in enumerate(lines):
        pen, drawing = "", False
        for frame, value in enumerate(values):
            if value is not None:
                pen += f"{'L' if drawing else 'M'}{at(frame, value)}"
            drawing = value is not None
        paths.append(f'<path d="{pen}" stroke="{_colour(place)}"/>')
    return (
        f'<div class="plot"><span>{high:.3g}</span><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'fill="none" stroke-width="1.5" stroke-linejoin="round" preserveAspectRatio="none">{"".join(paths)}</svg></div>'
    )


_STYLE: Final = """
body{margin:0;background:#fff;color:#1c1a20;font:16px/1.5 system-ui,sans-serif}
main{max-width:62rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem}h2{margin:2rem 0 .6rem;font-size:1.25rem}
h3{margin:1.2rem 0 .2rem;font-size:1rem}
small{display:block;font-weight:400;color:#6a6570;font-size:.78rem}h3 small{display:inline;margin-left:.4rem}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.4rem .45rem;text-align:right;border-bottom:1px solid #e3e0e6;white-space:nowrap;vertical-align:top}
th:first-child{text-align:left}.best{font-weight:700}
figure{margin:0 0 1rem}img{width:100%;border-radius:.5rem;display:block}figcaption{font-size:.85rem;color:#6a6570}
ul{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;padding:0;font-weight:600}
.plot{position:relative;border-bottom:1px solid #bbb6c0}.plot svg{width:100%;height:9rem;display:block}
.plot span{position:absolute;left:0;top:0;font-size:.75rem;color:#6a6570}
dt{font-weight:600}dd{margin:0 0 .4rem}
@media print{figure,.plot{break-inside:avoid}}
"""
