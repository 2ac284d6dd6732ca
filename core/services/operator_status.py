"""What whoever runs the app can know of it, in numbers: as Prometheus' text, as JSON, and as a page. Nobody's name is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Final

from core.services.job_queue import JobCounts

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

OUTCOMES: Final = ("done", "failed", "crashed", "cancelled", "refused")
_REFRESH_SECONDS: Final = 5
_STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
dl { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); margin: 0; }
dl div { border: 1px solid #8886; border-radius: .75rem; padding: .6rem .8rem; }
dt { font-size: .85rem; opacity: .75; } dd { font-size: 1.25rem; margin: 0; }
.table { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8886; padding: .35rem .6rem; text-align: right; } th:first-child { text-align: left; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorStatus:
    """The app at one moment.

    Attributes:
        version: of the app.
        hosted: whether it is a public one.
        started: when it started, in seconds since 1970.
        uptime: seconds since then.
        jobs: what its queue does and did.
        live_streams: people who dance live.
        live_places: the most of them.
        visitors: people who have a page open.
        trainings: trainings under way or in line; None where nobody trains.
        memory_bytes: of the process and its children; proportional set size where the system tells it.
        disk_bytes: uploads and results.
        disk_limit_bytes: the most that those may take.
    """

    version: str
    hosted: bool
    started: float
    uptime: float
    jobs: JobCounts
    live_streams: int
    live_places: int
    visitors: int
    trainings: int | None
    memory_bytes: int
    disk_bytes: int
    disk_limit_bytes: int


def as_json(status: OperatorStatus) -> str:
    """Return the same as a JSON object; ``jobs.ended`` has an object of outcomes for each kind."""
    fields: dict[str, Any] = asdict(status)
    fields["jobs"]["ended"] = by_kind(status.jobs)
    return json.dumps(fields)


def by_kind(jobs: JobCounts) -> dict[str, dict[str, int]]:
    """Return how the jobs of each kind ended, kinds in the order of the alphabet."""
    kinds = sorted({kind for kind, _ in jobs.ended})
    return {kind: {name: n for (of, name), n in jobs.ended.items() if of == kind} for kind in kinds}


def metrics(status: OperatorStatus) -> Iterator[Metric]:
    """Yield what Prometheus collects."""
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        InfoMetricFamily,
        SummaryMetricFamily,
    )

    yield InfoMetricFamily("dance", "The app.", value={"version": status.version, "hosted": str(status.hosted).lower()})
    yield GaugeMetricFamily("dance_start_time_seconds", "When the app started, since 1970.", value=status.started)
    jobs = GaugeMetricFamily("dance_jobs", "Jobs in line and under way.", labels=["state"])
    jobs.add_metric(["waiting"], status.jobs.waiting)
    jobs.add_metric(["running"], status.jobs.running)
    yield jobs
    ended = CounterMetricFamily("dance_jobs_ended", "Jobs that are over.", labels=["kind", "outcome"])
    lasted = SummaryMetricFamily("dance_job_seconds", "How long jobs ran.", labels=["kind"])
    for kind, outcomes in by_kind(status.jobs).items():
        # zeros as well: of a count that first appears with 1 no rate can be told
        for outcome in OUTCOMES:
            ended.add_metric([kind, outcome], outcomes.get(outcome, 0))
        lasted.add_metric([kind], count_value=sum(outcomes.values()), sum_value=status.jobs.seconds.get(kind, 0.0))
    yield ended
    yield lasted
    if status.trainings is not None:
        yield GaugeMetricFamily("dance_trainings", "Trainings under way or in line.", value=status.trainings)
    for name, words, value in (
        ("dance_live_streams", "People who dance live.", status.live_streams),
        ("dance_live_places", "Most people who may dance live at once.", status.live_places),
        ("dance_visitors", "People who have a page open.", status.visitors),
        ("dance_memory_bytes", "Memory of the app and its child processes (PSS).", status.memory_bytes),
        ("dance_disk_bytes", "What uploads and results take on the disk.", status.disk_bytes),
        ("dance_disk_limit_bytes", "Most that uploads and results may take.", status.disk_limit_bytes),
    ):
        yield GaugeMetricFamily(name, words, value=value)


def as_page(status: OperatorStatus) -> str:
    """Return a page of HTML that looks again by itself."""
    ended = by_kind(status.jobs)
    facts: Mapping[str, str] = {
        "Jobs running": str(status.jobs.running),
        "Jobs waiting": str(status.jobs.waiting),
        "Jobs failed": str(sum(n for (_, outcome), n in status.jobs.ended.items() if outcome in {"failed", "crashed"})),
        "Live": f"{status.live_streams} of {status.live_places}",
        "Visitors": str(status.visitors),
        "Trainings": "off" if status.trainings is None else str(status.trainings),
        "Memory": f"{status.memory_bytes / 1e6:.0f} MB",
        "Disk": f"{status.disk_bytes / 2**20:.0f} of {status.disk_limit_bytes / 2**20:.0f} MB",
        "Up for": _duration(status.uptime),
        "Version": f"{status.version}{' (hosted)' if status.hosted else ''}",
    }
    cards = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
    head = "".join(f"<th>{name}</th>" for name in ("kind", *OUTCOMES, "seconds each"))
    rows = "".join(_row(kind, outcomes, status.jobs.seconds.get(kind, 0.0)) for kind, outcomes in ended.items())
    table = f'<div class="table"><table><tr>{head}</tr>{rows}</table></div>' if ended else "<p>None yet.</p>"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="refresh" content="{_REFRESH_SECONDS}">'
        f"<title>Status of Everybody Dance Now</title><style>{_STYLE}</style>"
        f"<h1>Everybody Dance Now</h1><dl>{cards}</dl><h2>Jobs that are over, since the start</h2>{table}"
        '<p><a href="metrics">Prometheus</a> · <a href="status.json">JSON</a></p></html>'
    )


def _row(kind: str, outcomes: Mapping[str, int], seconds: float) -> str:
    counts = "".join(f"<td>{outcomes.get(outcome, 0)}</td>" for outcome in OUTCOMES)
    ran = sum(n for outcome, n in outcomes.items() if outcome != "refused")
    return f"<tr><th>{escape(kind)}</th>{counts}<td>{seconds / ran if ran else 0:.1f}</td></tr>"


def _duration(seconds: float) -> str:
    minutes = int(seconds) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
