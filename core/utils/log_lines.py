"""Log lines for machines, one JSON object each, in which no visitor's file name, path or sentence can stand."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final, Literal

from core.paths import PROJECT

TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
HIDDEN: Final = "…"
"""What stands in a message where a text was."""
FILE_BYTES: Final = 10_000_000
OLDER_FILES: Final = 5
_FRAMES: Final = 12
_OURS: Final = "core"


class JsonLine(logging.Formatter):
    """Makes one JSON object of a record: ``time``, ``level``, ``logger``, ``message``, and of an error its class and place.

    Values that one of our own modules names in a message (``"%(job)s"``) are chosen for the log: they stand in it, and beside
    it under their names. Of all others only numbers are shown, for a text may be what a visitor called a file. So it is with
    what an exception says.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        if isinstance(record.args, Mapping) and record.name.partition(".")[0] == _OURS:
            line |= record.args
        if record.exc_info is not None and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["where"] = [
                f"{_code(frame.filename)}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])[-_FRAMES:]
            ]
        return json.dumps(line, ensure_ascii=False, default=str)


def start_logging(form: Literal["text", "json"], file: Path | None = None) -> None:
    """Send the log lines of the whole process, from INFO on, to ``file`` (or to standard error) in that form.

    A file is put aside when it has 10 MB; five older ones are kept. Where it cannot be written, standard error has the lines
    and a sentence that says so.
    """
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    refused: OSError | None = None
    if file is not None:
        try:
            handler = RotatingFileHandler(file, maxBytes=FILE_BYTES, backupCount=OLDER_FILES, encoding="utf-8")
        except OSError as error:
            refused = error
    handler.setFormatter(JsonLine() if form == "json" else logging.Formatter(TEXT))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    if form == "json" or file is not None:
        gather()
    if refused is not None:
        fields = {"file": str(file), "reason": refused.strerror or str(refused)}
        logging.getLogger(__name__).error("the log cannot be written to %(file)s: %(reason)s", fields)


def gather() -> None:
    """Have loggers that write by themselves, as Streamlit's and its server's do, write where all others do."""
    for logger in list(logging.Logger.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger) and not logger.propagate:
            logger.handlers.clear()
            logger.propagate = True


def _message(record: logging.LogRecord) -> str:
    if not record.args:
        return str(record.msg)
    ours = record.name.partition(".")[0] == _OURS
    values: Any = record.args
    if isinstance(values, Mapping):
        values = {name: value if ours or _is_number(value) else HIDDEN for name, value in values.items()}
    else:
        values = tuple(value if _is_number(value) else HIDDEN for value in values)
    try:
        shown: str = str(record.msg) % values
        return shown
    except (TypeError, ValueError):
        # a message that wants a number where a text is
        return str(record.msg)


def _is_number(value: object) -> bool:
    return value is None or isinstance(value, int | float)


def _code(file: str) -> str:
    """A source file below the project, or below where packages are installed."""
    path = Path(file)
    if path.is_relative_to(PROJECT):
        path = path.relative_to(PROJECT)
    parts = path.parts
    return "/".join(parts[parts.index("site-packages") + 1 :] if "site-packages" in parts else parts)
