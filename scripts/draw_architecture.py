"""Draw which package of ``core`` imports which: ``python -m scripts.draw_architecture`` writes ``docs/architecture.svg``.

A package stands below those that import it. An arrow that a longer way implies is left out (transitive reduction),
so that what is left can be followed by eye.
"""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
OUTPUT: Final = PROJECT / "docs" / "architecture.svg"
LEFT_OUT: Final = frozenset({"types", "errors", "paths", "settings", "utils", "bundled"})
"""What nearly every package imports."""
WIDTH, ROW, BOX, HEIGHT, MARGIN = 900, 76, 118, 34, 20


def package_of(module: str) -> str | None:
    """Return the part of ``core`` that a dotted module name lies in; None where it is not drawn."""
    parts = module.split(".")
    if len(parts) < 2 or parts[0] != "core" or parts[1] in LEFT_OUT or parts[1].startswith("__"):
        return None
    return parts[1]


def imports() -> dict[str, set[str]]:
    """Return, for each package, the packages that its modules import."""
    found: dict[str, set[str]] = {}
    for path in sorted((PROJECT / "core").rglob("*.py")):
        mine = package_of(".".join(path.relative_to(PROJECT).with_suffix("").parts))
        if mine is None:
            continue
        found.setdefault(mine, set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names if node.module == "core")]
                found[mine] |= {package for name in names if (package := package_of(name)) not in {None, mine}}
    return found


def without_cycles(graph: dict[str, set[str]], order: list[str]) -> dict[str, set[str]]:
    """Keep the arrows that go down in ``order``, the deepest package first: some packages have a part that lies deeper."""
    depth = {package: place for place, package in enumerate(order)}
    return {package: {other for other in others if depth[other] < depth[package]} for package, others in graph.items()}


def reduced(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """Leave out arrows that a longer way implies."""

    def below(package: str) -> set[str]:
        return set().union(*({other} | below(other) for other in graph[package]))

    implied = {package: set().union(*(below(other) for other in others)) for package, others in graph.items()}
    return {package: others - implied[package] for package, others in graph.items()}


def deepest_first(graph: dict[str, set[str]]) -> list[str]:
    """Return the packages, those that import least from others first."""
    left, order = {package: set(others) for package, others in graph.items()}, []
    while left:
        package = min(left, key=lambda name: (len(left[name] & left.keys()), name))
        order.append(package)
        del left[package]
    return order


def drawing() -> str:
    """Return the SVG."""
    everything = imports()
    graph = without_cycles(everything, deepest_first(everything))
    rows: dict[str, int] = {}
    for package in TopologicalSorter(graph).static_order():
        rows[package] = max((rows[other] + 1 for other in graph[package]), default=0)
    last = max(rows.values())
    places: dict[str, tuple[float, int]] = {}
    for row in range(last + 1):
        members = sorted(package for package, its in rows.items() if its == row)
        for number, package in enumerate(members):
            places[package] = ((number + 0.5) * WIDTH / len(members), MARGIN + (last - row) * ROW)
    height = MARGIN * 2 + last * ROW + HEIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="14">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        '<marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#667085"/></marker>',
    ]
    for package, others in sorted(reduced(graph).items()):
        x, y = places[package]
        for other in sorted(others):
            to_x, to_y = places[other]
            lines.append(
                f'<path d="M{x:.0f} {y + HEIGHT} L{to_x:.0f} {to_y}" stroke="#98a2b3" fill="none" marker-end="url(#tip)"/>'
            )
    for package, (x, y) in sorted(places.items()):
        lines.append(
            f'<rect x="{x - BOX / 2:.0f}" y="{y}" width="{BOX}" height="{HEIGHT}" rx="6" fill="#eef2ff" stroke="#4f46e5"/>'
            f'<text x="{x:.0f}" y="{y + 22}" text-anchor="middle" fill="#1d2939">{package}</text>'
        )
    return "\n".join([*lines, "</svg>", ""])


def main() -> None:
    """Write the drawing."""
    OUTPUT.write_text(drawing(), encoding="utf-8")


if __name__ == "__main__":
    main()
