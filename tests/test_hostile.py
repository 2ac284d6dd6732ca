"""A part of ``python -m benchmarks.hostile``: files are used or refused in one sentence, nothing is left or fetched."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.hostile.corpus import HostileFile, make_corpus
from benchmarks.hostile.entrances import ENTRANCES, Entrance, Listener, take
from benchmarks.hostile.forking import ForkServer
from benchmarks.hostile.pictures import png
from tests.video.media import make_video, numbered

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks, and measures as Linux does")

UPLOADS = {"video": "upload of a video", "picture": "upload of a background", "pack": "upload of a performer"}
EVERY, EVERY_BY_COMMAND = 6, 40
BY_NAME = {entrance.name: entrance for entrance in ENTRANCES}


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with Listener() as listening:
        yield listening


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    with ForkServer() as serving:
        yield serving


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> list[HostileFile]:
    return make_corpus(tmp_path_factory.mktemp("corpus"), listener.address)


def test_the_corpus_is_large_enough(corpus: list[HostileFile]) -> None:
    assert len(corpus) >= 150
    assert len({file.path.name for file in corpus}) >= 150


def test_hostile_files_are_used_or_refused(corpus: list[HostileFile], server: ForkServer, listener: Listener) -> None:
    taken: list[tuple[Entrance, HostileFile]] = [(BY_NAME[UPLOADS[file.kind]], file) for file in corpus[::EVERY]]
    taken += [
        (entrance, file)
        for entrance in ENTRANCES
        if entrance.name not in UPLOADS.values()
        for file in [file for file in corpus if file.kind == entrance.kind][::EVERY_BY_COMMAND]
    ]
    wrong = [
        f"{entrance.name}: {file.path.name!r} ({file.attack}): {outcome.wrong}"
        for entrance, file in taken
        if (outcome := take(entrance, file.path, server, listener)).wrong
    ]
    assert not wrong, "\n".join(wrong)


def test_what_is_wrong_would_be_seen(tmp_path: Path, server: ForkServer, listener: Listener) -> None:
    """The judge knows each of the things that must not happen."""
    film = make_video(tmp_path / "film.mkv", numbered(3))
    evil = Entrance("evil", "video", "tests.test_hostile:do_harm", lambda path: [path, listener.address])
    wrong = " ".join(take(evil, film, server, listener).wrong)
    for said in ("asked an address", "left", "a traceback", "control characters", "status 1", "left a process running"):
        assert said in wrong
    fine = Entrance("fine", "video", "tests.test_hostile:do_nothing", lambda path: [path])
    assert take(fine, film, server, listener).wrong == ()


def do_nothing() -> None:
    """An entrance that uses everything."""


def do_harm() -> None:
    """An entrance that does everything that it should not."""
    import socket
    import subprocess
    import urllib.parse

    Path("evil").touch()
    Path(sys.argv[1]).with_name("bomb.png").write_bytes(png(8, 8))
    subprocess.Popen(["sleep", "30"])
    address = urllib.parse.urlsplit(sys.argv[2])
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.recv(1)
    sys.stderr.write("\x1b[2J")
    raise RuntimeError


def test_pictures_of_one_line_are_photos_of_nobody(tmp_path: Path, server: ForkServer, listener: Listener) -> None:
    path = tmp_path / "line.png"
    path.write_bytes(png(1, 60000))
    outcome = take(BY_NAME["--photo"], path, server, listener)
    assert outcome.wrong == ()
    assert outcome.ended.errors.startswith("Error: Nobody was found in line.png: choose a photo of one person")
