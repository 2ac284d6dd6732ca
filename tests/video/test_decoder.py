"""What strangers send is decoded in a process of its own, whose end is a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

import core.rendering.image_files
import core.video.probe
from core.bundled import dances
from core.errors import NotAVideo, UnusableInput
from core.rendering.image_files import read_picture
from core.video.decoder import Decoder, DecoderEnded, decoder
from core.video.probe import probe
from tests.conftest import PROJECT
from tests.video.media import make_video, numbered
from tests.waiting import until


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return make_video(tmp_path / "film.mkv", numbered(6))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.fromarray(np.full((48, 64, 3), (10, 20, 30), np.uint8)).save(path)
    return path


def process_of(asked: Decoder) -> psutil.Process:
    assert asked._process is not None
    return psutil.Process(asked._process.pid)


def test_a_crash_is_a_sentence(film: Path, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crashing = Decoder("tests.crashing_decoder")
    monkeypatch.setattr(core.video.probe, "decoder", crashing)
    monkeypatch.setattr(core.rendering.image_files, "decoder", crashing)
    with pytest.raises(NotAVideo, match=r"^Not one picture of film\.mkv can be decoded: copy or download it again\.$"):
        probe(film)
    with pytest.raises(UnusableInput, match=r"^Mine cannot be read as a picture: choose a JPEG, PNG or WebP\.$"):
        read_picture(picture, called="Mine")
    crashing.close()


def test_the_next_file_is_decoded_after_a_crash(picture: Path) -> None:
    assert read_picture(picture)[0, 0].tolist() == [10, 20, 30]
    first = process_of(decoder)
    first.kill()
    until(lambda: not first.is_running() or first.status() == psutil.STATUS_ZOMBIE, what="the end of the decoder")
    assert read_picture(picture).shape == (48, 64, 3)
    assert process_of(decoder).pid != first.pid


def test_a_crash_while_somebody_waits(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (4000, 6000, 3), np.uint8)).save(path, compress_level=1)
    own = Decoder()
    said: list[Exception] = []

    def ask() -> None:
        try:
            own.ask("picture", path=str(path), formats=["PNG"], most_side=65535, covering=None, within=None)
        except DecoderEnded as error:
            said.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    until(lambda: own._process is not None, what="a decoder")
    # it works for a second at least; stopped, it cannot be done before it is killed
    process_of(own).suspend()
    process_of(own).kill()
    thread.join(30)
    assert len(said) == 1
    own.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="macOS does not heed the limit, Windows has none")
def test_the_system_bounds_memory_and_time(film: Path) -> None:
    decoder.ask("opens", path=str(film))
    held = process_of(decoder).memory_info().vms
    status = Path(f"/proc/{process_of(decoder).pid}/limits").read_text().splitlines()
    limits = {line[:25].strip(): line[25:].split()[0] for line in status}
    assert int(limits["Max address space"]) < held + (5 << 30)
    assert int(limits["Max cpu time"]) < 60


def test_it_loads_no_more_than_decoding_takes(film: Path, picture: Path) -> None:
    questions = [{"call": "opens", "arguments": {"path": str(film)}}, {"call": "nothing", "arguments": {}}]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "core.video.decoder_worker"], cwd=PROJECT, check=True,
        input="\n".join(json.dumps(question) for question in questions).encode() + b"\n", capture_output=True,
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert answers[0] == {"value": True}
    assert answers[1]["error"][0] == "UnusableInput", "a question that there is not ends nothing"
    loaded = {line.split("|")[-1].strip().split(".")[0] for line in done.stderr.decode().splitlines()}
    assert {"av", "psutil"} <= loaded
    assert not loaded & {"cv2", "openvino", "torch", "streamlit", "mediapipe", "pydantic", "scipy"}


def test_it_ends_when_nobody_asks(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.video.decoder._IDLE_SECONDS", 0.2)
    own = Decoder()
    own.ask("opens", path=str(film))
    process = process_of(own)
    until(lambda: not process.is_running(), what="the end of an idle decoder")
    assert own.ask("opens", path=str(film)) is True
    own.close()


def test_it_ends_with_the_process_that_asked(film: Path) -> None:
    code = (
        "import os, sys, signal\nfrom core.video.decoder import decoder\ndecoder.ask('opens', path=sys.argv[1])\n"
        "print(decoder._process.pid, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(film)], cwd=PROJECT, capture_output=True, check=False, text=True
    )
    number = int(done.stdout)
    until(lambda: not psutil.pid_exists(number), what="the end of a decoder without anybody")


def test_many_ask_at_once(picture: Path) -> None:
    dance = dances.find("june-sway")
    assert dance is not None
    wrong: list[object] = []

    def ask() -> None:
        for _ in range(5):
            if read_picture(picture).shape != (48, 64, 3) or probe(dance).codec != "h264":
                wrong.append(picture)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
