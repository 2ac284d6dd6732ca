"""What people read: nothing in it of where things lie here."""

from __future__ import annotations

from pathlib import Path

import pytest

from core import paths
from core.ui.text import without_paths


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("my.mp4 could not be written in /srv/app/work: no room.", "my.mp4 could not be written in work: no room."),
        ("[Errno 2] No such file: '/var/tmp/x-1/4Jx.mp4'", "[Errno 2] No such file: '4Jx.mp4'"),
        ("open ~/.cache/app/a.mp4", "open a.mp4"),
        (r"open C:\Users\me\a.mp4 now", "open a.mp4 now"),
        (r"open \\server\share\a.mp4", "open a.mp4"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
        ("960×720 at 30000/1001, and/or 5/6", "960×720 at 30000/1001, and/or 5/6"),
        ("stun:turn.example.org/x/y", "stun:turn.example.org/x/y"),
        ("nothing of that kind", "nothing of that kind"),
    ],
)
def test_no_path_is_shown(text: str, shown: str) -> None:
    assert without_paths(text) == shown


def test_nor_one_with_blanks_in_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DANCE_WORK", str(tmp_path / "my own work"))
    assert (
        without_paths(f"The work folder {paths.work_root()} cannot be used.")
        == "The work folder my own work cannot be used."
    )
    assert without_paths(f"{paths.work_root()}/1-2-3/a.mp4 is empty.") == "a.mp4 is empty."
