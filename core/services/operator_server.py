"""An address of its own for whoever runs the app: a status page, the same as JSON, and Prometheus' text. Read only."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from core.errors import DanceError
from core.services.operator_status import OperatorStatus, as_json, as_page, metrics
from core.utils.closeable import Closeable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

logger = logging.getLogger(__name__)


class OperatorServer(Closeable):
    """Answers ``/``, ``/status.json`` and ``/metrics`` until it is closed.

    Args:
        read: tells how the app is, asked anew for every answer, from any thread.
        address: at which it listens.
        port: the same.

    Raises:
        DanceError: nobody can listen there.
    """

    def __init__(self, read: Callable[[], OperatorStatus], address: str, port: int) -> None:
        from prometheus_client import CollectorRegistry

        self._read = read
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        try:
            self._server = ThreadingHTTPServer((address, port), _handler(read, registry))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise DanceError(
                f"The operator's page cannot be at {address}, port {port} ({why}): "
                "set DANCE_OPERATOR_ADDRESS and DANCE_OPERATOR_PORT to others."
            ) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="operator", daemon=True)
        self._thread.start()
        logger.info("the operator's page is at %(address)s, port %(port)d", {"address": address, "port": port})

    def collect(self) -> Iterator[Metric]:
        """What Prometheus' library asks of a collector."""
        return metrics(self._read())

    def describe(self) -> list[Metric]:
        """Name nothing beforehand: the registry would otherwise ask how the app is before there is one."""
        return []

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(read: Callable[[], OperatorStatus], registry: Any) -> type[BaseHTTPRequestHandler]:
    from prometheus_client.exposition import choose_encoder

    def answer(path: str, accept: str) -> tuple[str, bytes] | None:
        """Content type and body; None where there is nothing."""
        match path.partition("?")[0]:
            case "/":
                return "text/html; charset=utf-8", as_page(read()).encode()
            case "/status.json":
                return "application/json", as_json(read()).encode()
            case "/metrics":
                encode, kind = choose_encoder(accept)
                return kind, encode(registry)
        return None

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        server_version, sys_version = "EverybodyDanceNow", ""
        timeout = 10.0

        def do_GET(self) -> None:
            """Answer it."""
            found = answer(self.path, self.headers.get("Accept", ""))
            if found is None:
                self.send_error(404)
                return
            kind, body = found
            self.send_response(200)
            for name, value in (
                ("Content-Type", kind),
                ("Content-Length", str(len(body))),
                ("Cache-Control", "no-store"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Write no line for each look."""

    return Handler
