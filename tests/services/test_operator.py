"""The operator's address, asked over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from core.errors import DanceError
from core.services.job_queue import JobCounts
from core.services.operator_server import OperatorServer
from core.services.operator_status import OUTCOMES, OperatorStatus, as_page
from tests.browser.serving import free_port
from tests.waiting import PATIENCE

JOBS = JobCounts(2, 1, {("dance", "done"): 3, ("dance", "crashed"): 1, ("<b>", "refused"): 1}, {"dance": 8.0})
STATUS = OperatorStatus(
    version="1.2.3", hosted=True, started=1.8e9, uptime=93_784.0, jobs=JOBS, live_streams=1, live_places=2, visitors=4,
    trainings=None, memory_bytes=512_000_000, disk_bytes=3 << 20, disk_limit_bytes=2048 << 20,
)  # fmt: skip


@pytest.fixture
def address() -> Iterator[str]:
    port = free_port()
    with OperatorServer(lambda: STATUS, "127.0.0.1", port):
        yield f"http://127.0.0.1:{port}"


def ask(url: str) -> tuple[str, str]:
    with urlopen(url, timeout=PATIENCE) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Values by name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_prometheus_reads_the_figures(address: str) -> None:
    kind, text = ask(f"{address}/metrics")
    assert kind.startswith("text/plain")
    found = samples(text)
    assert found["dance_jobs", "waiting"] == 2
    assert found["dance_jobs", "running"] == 1
    assert found["dance_jobs_ended_total", "dance", "done"] == 3
    assert found["dance_jobs_ended_total", "dance", "failed"] == 0
    assert len([name for name in found if name[:2] == ("dance_jobs_ended_total", "dance")]) == len(OUTCOMES)
    assert (found["dance_job_seconds_sum", "dance"], found["dance_job_seconds_count", "dance"]) == (8.0, 4)
    assert found["dance_memory_bytes",] == 512_000_000
    assert found["dance_live_streams",] == 1
    assert found["dance_info", "true", "1.2.3"] == 1
    assert ("dance_trainings",) not in found, "nobody trains there"


def test_page_and_json_say_the_same(address: str) -> None:
    kind, page = ask(address)
    assert kind == "text/html; charset=utf-8"
    for words in ("512 MB", "3 of 2048 MB", "1 of 2", "1 d 2 h", "1.2.3 (hosted)", "<th>dance</th>", "<td>2.0</td>"):
        assert words in page, words
    assert "<th>&lt;b&gt;</th>" in page
    fields = json.loads(ask(f"{address}/status.json")[1])
    assert fields["jobs"]["ended"]["dance"] == {"done": 3, "crashed": 1}
    assert fields["memory_bytes"] == 512_000_000
    nothing = replace(STATUS, jobs=JobCounts(0, 0, {}, {}), trainings=0, uptime=59.0)
    assert "None yet." in as_page(nothing)
    assert "0 min" in as_page(nothing)


@pytest.mark.parametrize(("path", "method", "status"), [("/other", "GET", 404), ("/metrics", "POST", 501)])
def test_there_is_nothing_else(address: str, path: str, method: str, status: int) -> None:
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(f"{address}{path}", method=method), timeout=PATIENCE)
    assert refused.value.code == status


def test_a_port_that_is_taken_is_one_sentence(address: str) -> None:
    with pytest.raises(
        DanceError, match=r"^The operator's page cannot be at 127\.0\.0\.1, port \d+ \(.+\): set DANCE_"
    ):
        OperatorServer(lambda: STATUS, "127.0.0.1", int(address.rpartition(":")[2]))
