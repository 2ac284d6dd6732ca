"""The real app in a process of its own, with its own folders."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.waiting import PATIENCE, until

__all__ = ["PROJECT", "Server", "free_port", "serving", "until"]

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Server:
    """One running ``streamlit run app.py``. ``work`` is its DANCE_WORK, ``log`` what it wrote to both outputs."""

    process: subprocess.Popen[bytes]
    url: str
    work: Path
    log: Path

    def files(self) -> list[Path]:
        """Uploads, results and whatever is half-written."""
        return sorted(path for path in self.work.rglob("*") if path.is_file())

    def healthy(self) -> bool:
        """Whether it answers and says that it is well."""
        try:
            with urlopen(f"{self.url}/_stcore/health", timeout=PATIENCE) as answer:
                return bool(answer.status == 200)
        except (URLError, TimeoutError, ConnectionError):
            return False

    def libraries(self) -> str:
        """The files that it has mapped, one a line. Linux only."""
        return Path(f"/proc/{self.process.pid}/maps").read_text()

    def stop(self) -> None:
        """End it politely, as Ctrl-C and a service manager do."""
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a crash or a power cut does: it cannot tidy up."""
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def serving(
    folder: Path, *, script: str = "app.py", address: str | None = "127.0.0.1", **environment: str
) -> Iterator[Server]:
    """A server with its folders below ``folder``, starting up; stopped at the end. It is told no address where that is None."""
    folder.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), folder / "server.log"
    roots = {"DANCE_DATA": str(folder / "data"), "DANCE_WORK": str(folder / "work")}
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command if address is None else [*command, "--server.address", address],
            cwd=PROJECT,
            env=os.environ | roots | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = Server(process, f"http://127.0.0.1:{port}", folder / "work", log)
    try:
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
