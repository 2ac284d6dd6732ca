"""Places for results: what is refused, what is replaced, and what a killed process leaves."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from core.errors import OutputFailed, OutputRefused, UnusableInput
from core.utils.output_files import aside, put_back, replacing, same_output, set_aside, sweep_leftovers, usable_output
from core.utils.processes import is_alive, this_process
from core.video.writer import VideoWriter
from tests.conftest import PROJECT
from tests.waiting import PATIENCE

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="devices and pipes are a Unix thing")


def names_in(folder: Path) -> list[str]:
    return [child.name for child in folder.iterdir()]


def device(path: Path, kind: int = stat.S_IFCHR, number: tuple[int, int] = (1, 3)) -> None:
    """A node of our own; never the machine's."""
    try:
        os.mknod(path, 0o600 | kind, os.makedev(*number))
    except OSError as error:
        pytest.skip(f"no device can be made here: {error}")


def null(path: Path) -> None:
    device(path)


def full(path: Path) -> None:
    device(path, number=(1, 7))


def block(path: Path) -> None:
    device(path, stat.S_IFBLK, (7, 200))


def listener(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def folder(path: Path) -> None:
    path.mkdir()


def circle(path: Path) -> None:
    path.symlink_to(path.name)


SPECIAL: dict[Callable[[Path], None], str] = {
    null: "device", full: "device", block: "device", os.mkfifo: "pipe", listener: "socket", folder: "folder", circle: "link",
}  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose path is short enough for a socket's."""
    home = Path("/tmp") / f"edn-{tmp_path.parent.name[-12:]}-{os.getpid()}"
    home.mkdir()
    yield home
    shutil.rmtree(home)


@pytest.mark.parametrize("make", SPECIAL, ids=lambda make: make.__name__)
@pytest.mark.parametrize("through_a_link", [False, True], ids=["itself", "through a link"])
def test_what_is_no_file_is_refused_and_stays(place: Path, make: Callable[[Path], None], through_a_link: bool) -> None:
    make(place / "it")
    before = (place / "it").lstat()
    path = place / "it"
    if through_a_link:
        path = place / "link.mp4"
        path.symlink_to("it")

    def write() -> None:
        with VideoWriter(path, size=(64, 48), rate=Fraction(25)) as writer:
            writer.write(np.zeros((48, 64, 3), np.uint8), Fraction(0))

    def note() -> None:
        with replacing(path) as part:
            part.write_text("x")

    for attempt in (lambda: usable_output(path), write, note):
        with pytest.raises(OutputRefused, match=SPECIAL[make]):
            attempt()
    after = (place / "it").lstat()
    assert (after.st_mode, after.st_rdev, after.st_ino) == (before.st_mode, before.st_rdev, before.st_ino)
    assert {child.name for child in place.iterdir()} <= {"it", "link.mp4"}


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "old.txt").write_text("old")
    for name, target in (("link", "there/old.txt"), ("dangling", "there/new.txt"), ("further", "link")):
        (tmp_path / name).symlink_to(target)
        with replacing(tmp_path / name) as part:
            assert part.parent == (tmp_path / "there").resolve()
            part.write_text(name)
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / name).read_text() == name
    assert sorted(names_in(tmp_path / "there")) == ["new.txt", "old.txt"]


def test_an_input_is_never_an_output(tmp_path: Path) -> None:
    source, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
    source.write_text("a")
    other.write_text("b")
    (tmp_path / "soft").symlink_to(source)
    (tmp_path / "hard").hardlink_to(source)
    (tmp_path / "sub").mkdir()
    for path in (source, tmp_path / "soft", tmp_path / "hard", tmp_path / "sub" / ".." / "a.mp4"):
        with pytest.raises(OutputRefused, match="lost"):
            usable_output(path, [other, source])
    assert usable_output(other, [source, tmp_path / "not there"]) == other.resolve()
    assert source.read_text() == "a"


def test_two_names_of_one_result(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("out.mp4")
    first, second = usable_output(tmp_path / "out.mp4"), usable_output(tmp_path / "link")
    assert same_output(first, second)
    assert not same_output(first, usable_output(tmp_path / "report.json"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a" * 300, "longer"),
        ("ü" * 150, "longer"),
        ("no/out.mp4", "no folder"),
        ("file/out.mp4", "no folder"),
        ("\0", "name"),
    ],
)
def test_names_that_cannot_be(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputRefused, match=words) as refused:
        usable_output(tmp_path / name)
    assert isinstance(refused.value, UnusableInput), "status 2"
    assert isinstance(refused.value, OutputFailed)
    assert len(str(refused.value)) < 400 + len(str(tmp_path))
    assert names_in(tmp_path) == ["file"]


def test_a_failure_keeps_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")

    def interrupted() -> None:
        with replacing(path) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["report.json"]


LEAVE = """
import os, signal, sys, time
from pathlib import Path
from core.utils.output_files import aside, set_aside
part = aside(Path(sys.argv[1]))
if sys.argv[2] == "folder":
    part.mkdir()
    (part / "frames.mp4").write_text("half")
elif sys.argv[2] == "old":
    set_aside(part).mkdir()
else:
    part.write_text("half")
print("ready", flush=True)
time.sleep(600)
"""


def leave(path: Path, kind: str) -> subprocess.Popen[str]:
    """A process that writes there, and is in the middle of it."""
    process = subprocess.Popen(
        [sys.executable, "-c", LEAVE, str(path), kind], stdout=subprocess.PIPE, text=True, cwd=PROJECT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_only_what_the_dead_left_is_swept(tmp_path: Path, kind: str) -> None:
    # a stranger's files look much the same: of an older version, of another machine, or a person's own
    kept = [".out.0123abcd.part", ".out.part", "out.part", ".out.1-1-zz.0123abcd.part"]
    kept.append(f".out.{this_process()}-00000000.0123abcd.part".replace(this_process(), "4194303-1"))
    for name in kept:
        (tmp_path / name).write_text("mine")
    dying, living = leave(tmp_path / "out.mp4", kind), leave(tmp_path / "out.mp4", kind)
    try:
        dying.send_signal(signal.SIGKILL)
        dying.wait(PATIENCE)
        usable_output(tmp_path / "other.mp4")
        left = set(names_in(tmp_path)) - set(kept)
        assert len(left) == 1
        assert f".{living.pid}-" in left.pop()
    finally:
        living.kill()
        living.wait(PATIENCE)
    sweep_leftovers(tmp_path)
    assert set(names_in(tmp_path)) == set(kept)


def test_what_was_set_aside_comes_back(tmp_path: Path) -> None:
    dying = leave(tmp_path / "anna", "old")
    dying.kill()
    dying.wait(PATIENCE)
    sweep_leftovers(tmp_path)
    put_back(tmp_path)
    assert names_in(tmp_path) == ["anna"]


def test_a_process_is_told_from_others() -> None:
    assert is_alive(this_process())
    number, born = this_process().split("-")
    assert not is_alive(f"{number}-{int(born) - 10_000}")
    for nobody in ("", "1", "-", "4194303-1", "99999999999-1", "x-y"):
        assert not is_alive(nobody)


def test_hidden_names_fit_whatever_the_name(tmp_path: Path) -> None:
    for name in ("ü" * 125 + ".mp4", "😀" * 60, "a\nb.mp4", os.fsdecode(b"\xff\xfe.mp4")):
        part = aside(tmp_path / name)
        part.touch()
        assert set_aside(part).name.startswith(".")
        part.unlink()
