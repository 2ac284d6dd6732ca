"""Python in a process of its own, with what it took: for inputs that would fill the memory of the one that tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import PROJECT

_SCRIPT = """
import json, os, resource, sys
from pathlib import Path
for limit, most in ((resource.RLIMIT_AS, 3 << 30), (resource.RLIMIT_CPU, 120)):
    resource.setrlimit(limit, (most, most))
from core.errors import DanceError
def told(value): print("TOLD", json.dumps(value), flush=True)
def peak():
    # of itself not by getrusage, which counts what the parent held when it started this one
    if not os.path.exists("/proc/self/status"):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
try:
{code}
except DanceError as error:
    told(f"{{type(error).__name__}}: {{error}}")
finally:
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(one.ru_utime + one.ru_stime for one in used)
    print("TOOK", json.dumps([max(peak(), used[1].ru_maxrss), seconds]), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a process did.

    ``told`` is what it handed to ``told(...)``, or the :class:`DanceError` that ended it as ``Name: sentence``;
    ``megabytes`` the most that it, or a process that it started, held; ``seconds`` of processor time of them all;
    ``errors`` what it wrote to stderr.
    """

    told: Any
    status: int
    megabytes: float
    seconds: float
    errors: str


def run_limited(code: str, *arguments: Path | str, environment: dict[str, str] | None = None) -> Outcome:
    """Run ``code``, which may use ``told`` and ``Path``, with ``sys.argv[1:]`` as given and at most 3 GB."""
    script = _SCRIPT.format(code="\n".join(f"    {line}" for line in code.strip().splitlines()))
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True, check=False, cwd=PROJECT, text=True, env={**os.environ, **(environment or {})},
    )  # fmt: skip
    lines = dict(line.split(" ", 1) for line in done.stdout.splitlines() if line.startswith(("TOLD ", "TOOK ")))
    kilobytes, seconds = json.loads(lines.get("TOOK", "[1e12, 1e12]"))
    return Outcome(json.loads(lines.get("TOLD", "null")), done.returncode, kilobytes / 1000, seconds, done.stderr)
