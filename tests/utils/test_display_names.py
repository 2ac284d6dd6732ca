from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import PackInvalid, UnusableInput
from core.services.file_store import display_name
from core.targets.build import build_target
from core.targets.edit import rename_target
from core.targets.manifest import MANIFEST, parse_manifest, read_manifest
from core.targets.store import list_targets
from core.ui.text import plain
from core.utils.display_names import clean_line, clean_text
from tests.conftest import PROJECT
from tests.puppets import make_puppet

TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u115f\u3164\ufe0f\U000e0041\U000e0100"
CONTROLS = "\x00\x01\x07\x1b\x7f\x85\x9b"


@pytest.mark.parametrize("mark", [*TURNING, *INVISIBLE, "\x00", "\x07", "\x1b", "\x7f", "\x9b", "\ud800", "\ue000"])
def test_what_cannot_be_seen_is_no_part_of_a_name(mark: str) -> None:
    assert clean_line(f"An{mark}na") == "Anna"
    assert clean_line(mark) == ""


def test_what_can_be_seen_stays() -> None:
    for name in ("Anna", "Åsa Öberg", "李小龙", "مريم", "דנה", "Zoë 💃", "नेहा", "O'Hara & Co. <3 :) *"):
        assert clean_line(name) == name
    assert clean_line(" a\t b\n\u2028c\u3000d ") == "a b c d"
    assert clean_text("one \u202e\r\n\r\n two") == "one\n\ntwo"
    assert len(clean_line("a" + "\u0301" * 500)) < 10


def test_a_manifest_is_read_with_clean_words(tmp_path: Path) -> None:
    folder = make_puppet(tmp_path, frames=4)
    told = json.loads((folder / MANIFEST).read_text())
    told |= {"name": "\u202eAn\x00na\u200b", "licence": "CC\u20660\x1b[31m", "source": "me\u202e\nmyself"}
    manifest = parse_manifest(json.dumps(told).encode(), "anna.zip")
    assert (manifest.name, manifest.licence, manifest.source) == ("Anna", "CC0[31m", "me\nmyself")
    with pytest.raises(PackInvalid, match="name"):
        parse_manifest(json.dumps(told | {"name": TURNING}).encode(), "anna.zip")


def test_new_names_are_clean(tmp_path: Path) -> None:
    root = tmp_path / "performers"
    make_puppet(root, frames=4)
    rename_target("puppet", "\u202ean\u2066na", root)
    assert [p.name for p in list_targets(root) if p.id == "puppet"] == ["anna"]
    with pytest.raises(UnusableInput, match="name"):
        rename_target("puppet", "\u200b\u202e", root)
    # before the footage is looked at, which takes long
    for name in ("\u200b\u202e", "", "x" * 81):
        with pytest.raises(UnusableInput, match="name"):
            build_target(tmp_path / "no.mp4", id="me", name=name, into=root)


def test_what_uploads_are_called() -> None:
    assert display_name("gpj.\u202e4pm.mp4") == "gpj.4pm.mp4"
    assert display_name(f"a{TURNING}{INVISIBLE}{CONTROLS}b.mp4") == "ab.mp4"
    assert display_name(TURNING) == "your file"


@pytest.mark.parametrize(
    "name",
    [
        ":material/home:", ":smile:", ":+1:", ":100:", "**bold**", "_x_", "`x`", "[x](http://a.example)", "![x](y)",
        "https://a.example", "www.a.example", "me@a.example", "1. one", "# head", "- item", ":red[x]", "&#8238;x", "&lt;b&gt;",
        "<b>x</b>", "$x$", "> x", "| a | b |", "~~x~~", "a:b:c",
    ],
)  # fmt: skip
def test_nothing_in_a_name_is_markup_on_a_page(name: str) -> None:
    shown = plain(name)
    assert shown.replace("\\", "").replace("\u2060", "") == name, "nothing is lost"
    # what Streamlit looks for before and after Markdown is read
    for text in (shown, shown.replace("\\", "")):
        assert not re.search(r":[\w+/-]+:|://|www\.|\w@\w", text)
    bare = shown.replace("\u2060", "")
    for place, c in enumerate(bare):
        if c in "`*_[]()#!|~$<>&:":
            assert bare[place - 1] == "\\", shown


def test_markup_has_no_effect_in_tables_and_sentences(tmp_path: Path) -> None:
    make_puppet(tmp_path / "performers", frames=4)
    folder = tmp_path / "performers" / "puppet"
    told = json.loads((folder / MANIFEST).read_text()) | {
        "name": "[red]A[/red] :smile: [link=x]\u202eB",
        "licence": "[/]",
    }
    (folder / MANIFEST).write_text(json.dumps(told))
    assert read_manifest(folder).name == "[red]A[/red] :smile: [link=x]B"
    done = subprocess.run(
        [sys.executable, "-m", "core", "targets"], cwd=PROJECT, capture_output=True, text=True, check=False,
        env=os.environ | {"DANCE_DATA": str(tmp_path), "COLUMNS": "300"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "[red]A[/red] :smile: [link=x]B" in done.stdout
    wrong = subprocess.run(
        [sys.executable, "-m", "core", "transfer", "[bold]:smile:[/x]\u202e.mp4", "--target", "mira", "--output", "o.mp4"],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert wrong.returncode == 2
    assert "[bold]:smile:" in wrong.stderr
    assert "\u202e" not in wrong.stderr
