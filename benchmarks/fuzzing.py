"""Give what reads strangers' files whatever Hypothesis can think of: manifest, graph, pack importer and probe.

    python -m benchmarks.fuzzing [NAME ...] [--minutes 60]

Each takes its share of the time. Prints how many inputs each was given, how many it took in, and the first that was neither taken
in nor refused in one sentence, made as small as it can be. ``tests/test_fuzzing.py`` runs a fixed number of them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.machine import machine
from core.errors import DanceError, PackInvalid
from core.inference.ir_validation import OPERATIONS, check_graph
from core.targets.archive import export_pack, import_pack
from core.targets.manifest import MANIFEST, parse_manifest
from core.video.probe import probe
from tests.targets.material import make_performer
from tests.video.media import make_video, numbered

_NAME: Final = "fuzzed"
_ROUND: Final = 200
"""Inputs between two looks at the clock."""

Place: TypeAlias = tuple[int, int, bytes]
"""Where bytes are changed (of a million), how many are taken out, and what is put in."""


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """Something that reads strangers' bytes. ``read`` raises :class:`DanceError` for what it refuses."""

    name: str
    inputs: Callable[[], st.SearchStrategy[bytes]]
    read: Callable[[bytes], None]


@cache
def _performer() -> tuple[bytes, bytes]:
    """A small performer's zip, and its manifest."""
    with tempfile.TemporaryDirectory() as folder:
        made = make_performer(Path(folder), frames=6)
        export_pack("tiny", Path(folder) / "tiny.zip", Path(folder))
        return (Path(folder) / "tiny.zip").read_bytes(), (made / MANIFEST).read_bytes()


@cache
def _film(ending: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return make_video(Path(folder) / f"film.{ending}", numbered(5), sound="aac").read_bytes()


def _changed(content: bytes, places: list[Place]) -> bytes:
    changed = bytearray(content)
    for where, out, put in places:
        at = where * len(changed) // 1_000_000
        changed[at : at + out] = put
    return bytes(changed)


def _near(content: bytes) -> st.SearchStrategy[bytes]:
    """``content`` with bytes changed, left out and put in."""
    place = st.tuples(st.integers(0, 999_999), st.integers(0, 12), st.binary(max_size=8))
    return st.lists(place, min_size=1, max_size=6).map(lambda places: _changed(content, places))


_JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["1/0", "../x", "25/1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _with_field(manifest: dict[str, Any], keys: list[int], value: object) -> bytes:
    """The manifest with ``value`` somewhere in it: ``keys`` lead there."""
    whole = json.loads(json.dumps(manifest))
    at: Any = whole
    for key in keys:
        names = list(at) if isinstance(at, dict) else list(range(len(at)))
        name = names[key % len(names)]
        if key is keys[-1] or not isinstance(at[name], dict | list) or not at[name]:
            at[name] = value
            break
        at = at[name]
    return json.dumps(whole).encode()


def _manifests() -> st.SearchStrategy[bytes]:
    text = _performer()[1]
    fields = st.tuples(st.lists(st.integers(0, 20), min_size=1, max_size=5), _JSON)
    return _near(text) | fields.map(lambda field: _with_field(json.loads(text), *field)) | st.binary(max_size=60)


def _graph(layers: list[tuple[str, list[str]]], around: str) -> bytes:
    inside = "".join(
        f'<layer id="{number}" type="{kind}"><output><port id="0">{"".join(f"<dim>{dim}</dim>" for dim in dims)}</port>'
        "</output></layer>"
        for number, (kind, dims) in enumerate(layers)
    )
    return around.replace("?", f"<layers>{inside}</layers>").encode()


def _graphs() -> st.SearchStrategy[bytes]:
    dims = st.lists(st.integers().map(str) | st.text("0123456789-١ e.", max_size=14), max_size=5)
    layers = st.lists(st.tuples(st.sampled_from([*sorted(OPERATIONS), "Loop", "ReadValue", ""]), dims), max_size=4)
    around = st.sampled_from(
        [
            "<net>?</net>",
            "<net><net>?</net></net>",
            "<!DOCTYPE a>?",
            "<net xmlns='a'>?</net>",
            "?",
            "<net>?",
            "\ufeff<net>?</net>",
        ]
    )
    made = st.builds(_graph, layers, around)
    return made | made.flatmap(_near) | st.binary(max_size=60)


def _read_pack(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, into = Path(folder) / f"{_NAME}.zip", Path(folder) / "performers"
        path.write_bytes(content)
        try:
            import_pack(path, into=into)
        except PackInvalid:
            left = [found for found in into.rglob("*") if found.is_file() and found.suffix != ".lock"]
            if left:
                raise AssertionError(f"a refused pack left {left}") from None
            raise
        shutil.rmtree(into)


def _read_video(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{_NAME}.mp4"
        path.write_bytes(content)
        info = probe(path)
        if not (0 < info.width * info.height <= 8192 * 4608 and 1 <= info.rate <= 300):
            raise AssertionError(f"{info} is out of bounds")


def _videos() -> st.SearchStrategy[bytes]:
    return _near(_film("mp4")) | _near(_film("mkv")) | st.binary(max_size=60).map(lambda rest: _film("mp4")[:40] + rest)


FUZZED: Final = (
    Fuzzed("manifest", _manifests, lambda content: void(parse_manifest(content, _NAME))),
    Fuzzed("graph", _graphs, lambda content: check_graph(content, _NAME)),
    Fuzzed("pack", lambda: _near(_performer()[0]), _read_pack),
    Fuzzed("probe", _videos, _read_video),
)


def void(_: object) -> None:
    """What was read is not used."""


def fuzz(fuzzed: Fuzzed, count: int, *, fixed: bool) -> Counter[str]:
    """Give it ``count`` inputs, the same ones each time where ``fixed``; how many were taken in and refused.

    Raises:
        Exception: whatever an input made it raise that is no sentence; Hypothesis adds the smallest such input.
    """
    found: Counter[str] = Counter()

    @settings(
        max_examples=count, deadline=None, derandomize=fixed, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(fuzzed.inputs())
    def read(content: bytes) -> None:
        try:
            fuzzed.read(content)
        except DanceError as error:
            said = str(error)
            if "\n" in said or len(said) > 400 or not said.endswith((".", "!", "?")):
                raise AssertionError(f"no one sentence: {said!r}") from error
            found["refused"] += 1
        else:
            found["taken in"] += 1

    read()
    return found


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="of what is fuzzed; all unless given")
    parser.add_argument("--minutes", type=float, default=60.0, help="for all of them together")
    options = parser.parse_args()
    chosen = [fuzzed for fuzzed in FUZZED if not options.names or fuzzed.name in options.names]
    print(machine()["cpu"])
    wrong = False
    for fuzzed in chosen:
        until, found = time.monotonic() + 60 * options.minutes / len(chosen), Counter[str]()
        try:
            while time.monotonic() < until:
                found += fuzz(fuzzed, _ROUND, fixed=False)
            verdict = "nothing wrong"
        except Exception as error:
            wrong, notes = True, getattr(error, "__notes__", [])
            verdict = f"WRONG: {type(error).__name__}: {error} {' '.join(notes)}"
        print(f"{fuzzed.name}: {found.total()} inputs, {found['taken in']} taken in; {verdict}", flush=True)
    sys.exit(wrong)


if __name__ == "__main__":
    main()
