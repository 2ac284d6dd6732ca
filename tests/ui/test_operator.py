"""What whoever runs the app sees of it, and that nobody's file name is in it."""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psutil
import pytest

from core import paths
from core.bundled import dances
from core.services.job_queue import Job, JobQueue, TooBusy, log_name
from core.services.operator_status import as_json, as_page
from core.ui.app_services import AppServices
from core.ui.dance_job import DanceRequest, start
from core.utils.log_lines import JsonLine
from tests.browser.serving import free_port, serving
from tests.ui.test_server import own_addresses
from tests.waiting import PATIENCE, until

NAME = "Anna's wedding.mp4"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Lines]:
    """The log of this process as JSON lines."""
    handler = logging.FileHandler(tmp_path / "log.jsonl", encoding="utf-8")
    handler.setFormatter(JsonLine())
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)
    handler.close()


def dance(shared: AppServices, video: bytes) -> Job[Any, Any]:
    """An upload of that name, danced for half a second, to its end."""
    upload = shared.files.take(io.BytesIO(video), NAME, len(video), 1 << 30, owner="anna").stored
    job = start(shared, DanceRequest(
        dance="own", title=NAME, video=upload.path, upload=upload, performer="theo", performer_name="Theo",
        generator="nearest", end=0.5, owner="anna",
    ))  # fmt: skip
    assert job.wait(PATIENCE)
    return job


@pytest.mark.skipif(not (paths.BUNDLED_PERFORMERS / "theo").is_dir(), reason="the bundled performers are not here")
def test_one_line_a_job_and_nobodys_file_name(shared: AppServices, lines: Lines) -> None:
    bundled = dances.find("june-sway")
    assert bundled is not None
    good, bad = dance(shared, bundled.read_bytes()), dance(shared, b"no video at all")
    assert NAME in str(bad.error), "the page's sentence does name it"
    crashed: Job[Any, Any] = shared.jobs.submit(lambda handle: open(f"/absent/{NAME}"), kind="check")  # noqa: PTH123, SIM115
    assert crashed.wait(PATIENCE)

    about = {line["job"]: line for line in lines() if "job" in line}
    assert len([line for line in lines() if "job" in line]) == 3
    told = [{name: line[name] for name in ("kind", "outcome", "reason") if name in line} for line in about.values()]
    assert told == [
        {"kind": "dance", "outcome": "done"},
        {"kind": "dance", "outcome": "failed", "reason": "NotAVideo"},
        {"kind": "check", "outcome": "crashed", "reason": "FileNotFoundError"},
    ]
    assert list(about) == [log_name(job.id) for job in (good, bad, crashed)]
    assert about[log_name(good.id)]["seconds"] == pytest.approx(good.seconds, abs=0.001)
    text = json.dumps(lines(), ensure_ascii=False)
    for secret in ("Anna", "wedding", str(shared.files.folder), good.id, bad.id, crashed.id):
        assert secret not in text, secret
        assert secret not in as_json(shared.status()) + as_page(shared.status()), secret

    counts = shared.jobs.counts()
    assert counts.ended == {("dance", "done"): 1, ("dance", "failed"): 1, ("check", "crashed"): 1}
    assert counts.seconds["dance"] == pytest.approx(good.seconds + bad.seconds)
    assert good.result is not None
    assert shared.status().disk_bytes >= good.result.video.stat().st_size
    assert shared.status().memory_bytes > 50_000_000


def test_what_waits_is_cancelled_or_refused_is_counted(lines: Lines) -> None:
    go, queue = threading.Event(), JobQueue(longest_queue=1)
    try:
        first: Job[Any, Any] = queue.submit(lambda handle: go.wait(PATIENCE), kind="dance")
        until(lambda: queue.counts().running == 1)
        second: Job[Any, Any] = queue.submit(lambda handle: None, kind="dance")
        assert (queue.counts().waiting, queue.counts().running) == (1, 1)
        with pytest.raises(TooBusy):
            queue.submit(lambda handle: None, kind="photo")
        queue.cancel(second)
        go.set()
        assert first.wait(PATIENCE)
    finally:
        queue.close()
    assert queue.counts().ended == {("photo", "refused"): 1, ("dance", "cancelled"): 1, ("dance", "done"): 1}
    waited = {line["outcome"]: line["waited"] for line in lines() if "job" in line}
    assert waited["cancelled"] >= 0
    assert [line["seconds"] for line in lines() if line.get("outcome") == "cancelled"] == [0.0]


def listening(pid: int) -> set[tuple[str, int]]:
    """Where a process and its children wait for TCP connections."""
    process = psutil.Process(pid)
    return {
        (found.laddr.ip, found.laddr.port)
        for each in (process, *process.children(recursive=True))
        for found in each.net_connections("tcp")
        if found.status == psutil.CONN_LISTEN
    }


def test_the_operators_address_is_there_where_it_is_set_and_nowhere_else(tmp_path: Path) -> None:
    with serving(tmp_path / "plain") as plain:
        until(plain.healthy, what="the server")
        port = int(plain.url.rpartition(":")[2])
        assert {found for _, found in listening(plain.process.pid)} == {port}
        for path in ("/metrics", "/status.json"):
            with urlopen(f"{plain.url}{path}", timeout=PATIENCE) as answer:
                assert "dance_jobs" not in answer.read().decode(), "the app answers with its page"

    asked, log = free_port(), tmp_path / "log.jsonl"
    settings = {"DANCE_OPERATOR_PORT": str(asked), "DANCE_LOG_FORMAT": "json", "DANCE_LOG_FILE": str(log)}
    with serving(tmp_path / "set", DANCE_HOSTED="1", **settings) as running:
        until(running.healthy, what="the server")
        assert ("127.0.0.1", asked) in listening(running.process.pid)
        with urlopen(f"http://127.0.0.1:{asked}/metrics", timeout=PATIENCE) as answer:
            assert "dance_live_places 2.0" in answer.read().decode()
        for address in own_addresses():
            with pytest.raises(URLError):
                urlopen(f"http://{address}:{asked}/metrics", timeout=PATIENCE)
        running.stop()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", asked))
    written = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [line for line in written if line.get("port") == asked]
    assert os.fspath(tmp_path) not in log.read_text(encoding="utf-8")


def test_a_port_that_is_taken_stops_nobody(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with serving(tmp_path / "app", DANCE_OPERATOR_PORT=str(taken.getsockname()[1])) as running:
            until(running.healthy, what="the server")
            until(lambda: "The operator's page cannot be at" in running.log.read_text(), what="the line in the log")
