from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.utils.log_lines import HIDDEN, JsonLine
from tests.conftest import PROJECT

NAME = "Anna's wedding.mp4"


def line_of(logger: str, message: str, *args: Any, error: BaseException | None = None) -> dict[str, Any]:
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord(logger, logging.INFO, __file__, 1, message, args, exc_info)
    text = JsonLine().format(record)
    assert "\n" not in text
    return dict(json.loads(text))


def test_named_values_stand_beside_the_message() -> None:
    line = line_of("core.services.x", "job %(job)s after %(seconds).1f s", {"job": "ab12", "seconds": 1.25})
    assert line["message"] == "job ab12 after 1.2 s"
    assert (line["job"], line["seconds"], line["level"], line["logger"]) == ("ab12", 1.25, "INFO", "core.services.x")
    assert line["time"].endswith("+00:00")


@pytest.mark.parametrize("value", [NAME, Path("/srv") / NAME, ValueError(NAME), [NAME]], ids=lambda v: type(v).__name__)
def test_of_other_values_only_numbers_are_shown(value: object) -> None:
    line = line_of("core.video.reader", "%s: packet at %d skipped", value, 7)
    assert line["message"] == f"{HIDDEN}: packet at 7 skipped"
    assert NAME not in json.dumps(line)
    # a message whose place wants something else is shown without values, and so is what others name
    assert line_of("core.video.reader", "%d of %d", value, 7)["message"] == "%d of %d"
    assert NAME not in json.dumps(line_of("uvicorn.error", "%(path)s", {"path": value}))


def test_an_error_is_its_class_and_its_place_in_the_code() -> None:
    def fail() -> None:
        raise OSError(f"/srv/{NAME}")

    with pytest.raises(OSError) as caught:  # noqa: PT011  (what it says is what must not be seen)
        fail()
    line = line_of("streamlit.x", "Uncaught", error=caught.value)
    assert line["error"] == "OSError"
    assert line["where"][-1].startswith("tests/utils/test_log_lines.py:")
    assert line["where"][-1].endswith(" fail")
    assert NAME not in json.dumps(line)


START = """
import logging, sys
from pathlib import Path
from streamlit.logger import get_logger
from core.utils.log_lines import start_logging
theirs = get_logger("streamlit.test")
start_logging("json", Path(sys.argv[1]) if sys.argv[1:] else None)
start_logging("json", Path(sys.argv[1]) if sys.argv[1:] else None)
theirs.warning("one")
logging.getLogger("core.x").info("two %s", "Anna")
"""


def written(*file: str) -> tuple[list[dict[str, Any]], subprocess.CompletedProcess[str]]:
    """Lines on standard error of a process that logs twice."""
    done = subprocess.run([sys.executable, "-c", START, *file], cwd=PROJECT, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stderr.splitlines()], done


def test_all_lines_of_a_process_are_json_each_once_on_standard_error_or_in_a_file(tmp_path: Path) -> None:
    lines, _ = written()
    assert [line["message"] for line in lines] == ["one", f"two {HIDDEN}"]

    lines, _ = written(str(tmp_path / "log.jsonl"))
    assert lines == []
    kept = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["message"] for line in kept] == ["one", f"two {HIDDEN}"]


def test_a_file_that_cannot_be_written_is_said_and_standard_error_has_the_lines(tmp_path: Path) -> None:
    lines, _ = written(str(tmp_path / "absent" / "log.jsonl"))
    assert lines[0]["level"] == "ERROR"
    assert lines[0]["reason"] == "No such file or directory"
    assert [line["message"] for line in lines[-2:]] == ["one", f"two {HIDDEN}"]
