"""Every shipped file has a licence, and what serving needs is what is listed for it."""

from __future__ import annotations

import re
import subprocess
import sys
from fnmatch import fnmatchcase
from importlib.metadata import packages_distributions, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from tests.conftest import PROJECT
from tests.test_architecture import SOURCES, imports_of, is_torch, module_of

ROW = re.compile(r"^\| `(?P<files>[^`]+)` \| [^|]+ \| [^|]+ \| (?P<licence>MIT|Apache-2\.0|its own) \|$", re.MULTILINE)
TABLE = (PROJECT / "docs" / "licences.md").read_text(encoding="utf-8")
ROWS = [row["files"] for row in ROW.finditer(TABLE)]


def shipped() -> list[str]:
    """Files below assets and weights, as far as they belong to the project where git can tell."""
    listed = subprocess.run(
        ["git", "ls-files", "assets", "weights"], cwd=PROJECT, capture_output=True, text=True, check=False
    ).stdout.splitlines()
    found = [path for folder in ("assets", "weights") for path in (PROJECT / folder).rglob("*") if path.is_file()]
    return listed or [path.relative_to(PROJECT).as_posix() for path in found]


def test_every_row_of_the_table_can_be_read() -> None:
    assert len(ROWS) == len([line for line in TABLE.splitlines() if line.startswith("| `")]) > 10


def test_every_shipped_file_stands_in_the_licence_table_and_every_row_is_of_files() -> None:
    files = shipped()
    assert len(files) > 50
    assert [file for file in files if not any(fnmatchcase(file, row) for row in ROWS)] == []
    assert [row for row in ROWS if not any(fnmatchcase(file, row) for file in files)] == []


# ---- serving alone


def listed(file: str) -> dict[NormalizedName, Requirement]:
    """What a list asks for, by name."""
    lines = (line.partition("#")[0].strip() for line in (PROJECT / file).read_text(encoding="utf-8").splitlines())
    asked = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {canonicalize_name(each.name): each for each in asked}


def test_what_serving_needs_is_a_part_of_the_whole() -> None:
    whole, serving = listed("requirements.txt"), listed("requirements-serve.txt")
    assert {name: str(each) for name, each in serving.items()} == {name: str(whole[name]) for name in serving}
    assert set(whole) - set(serving) == {"torch", "lightning-fabric", "mediapipe"}


def brought(names: set[str]) -> set[str]:
    """Those distributions and all that they bring."""
    known: set[str] = set()
    while names:
        name = canonicalize_name(names.pop())
        if name not in known:
            known.add(name)
            asked = [Requirement(line) for line in requires(name) or ()]
            names |= {each.name for each in asked if each.marker is None or each.marker.evaluate({"extra": ""})}
    return known


def test_what_serves_imports_nothing_else() -> None:
    there, owners = brought(set(listed("requirements-serve.txt"))), packages_distributions()
    assert "torch" not in there
    foreign = {}
    for path in SOURCES:
        # the second engine is for who asks for it
        if is_torch(module_of(path)) or module_of(path) == "core.pose.mediapipe_graph":
            continue
        for name, _ in imports_of(path):
            top = name.split(".")[0]
            if top in sys.stdlib_module_names or top in {"core", "pages"} or is_torch(name):
                continue
            if not there & {canonicalize_name(owner) for owner in owners.get(top, ())}:
                foreign[str(path)] = name
    assert foreign == {}


@pytest.mark.parametrize("ranges", [["requirements.txt", "requirements-test.txt"], ["requirements-serve.txt"]])
def test_locks_have_each_listed_package_in_a_version_that_fits_with_its_hash(ranges: list[str]) -> None:
    lock = "requirements-serve-lock.txt" if "requirements-serve.txt" in ranges else "requirements-lock.txt"
    text = (PROJECT / lock).read_text(encoding="utf-8")
    entries = re.findall(
        r"^([\w.-]+)==(\S+)[^\n]* \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n?)+)", text, re.MULTILINE
    )
    locked = {canonicalize_name(name): version for name, version, _ in entries}
    assert len(locked) == len(re.findall(r"^[\w.-]+==", text, re.MULTILINE))
    assert "torch" not in locked
    for file in ranges:
        for name, asked in listed(file).items():
            assert name == "torch" or asked.specifier.contains(locked[name]), (file, name)


def test_the_image_installs_what_serves_and_lets_nobody_be_root() -> None:
    lines = (PROJECT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    steps = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    runs = " ".join(words for step, words in steps if step == "RUN")
    assert "--require-hashes -r requirements-serve-lock.txt" in runs
    for package in ("libgl1", "libglib2.0-0"):
        assert package in runs
    assert [words for step, words in steps if step == "USER"] == ["dance"]
    assert [words for step, words in steps if step == "EXPOSE"] == ["8501"]
    assert any(step == "HEALTHCHECK" and "/_stcore/health" in words for step, words in steps)
    ignored = (PROJECT / ".dockerignore").read_text(encoding="utf-8").split()
    assert {".git", ".venv", ".streamlit/secrets.toml"} <= set(ignored)
    for step, words in steps:
        if step == "COPY":
            for source in words.split()[:-1]:
                assert source.startswith("--") or (PROJECT / source).exists(), source
