"""A folder of videos danced by one performer: spread over processes, resumable, with a summary that names every failure.

Each video is a ``python -m core transfer`` of its own, so that what ends one ends no other. What is whole has a report beside it
that says what was asked; the next call with the same arguments passes over it.
"""

from __future__ import annotations

import csv
import importlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from core import paths
from core.errors import UnusableInput
from core.utils.display_names import clean_line
from core.utils.output_files import replacing, usable_folder

logger = logging.getLogger(__name__)

Engine: TypeAlias = Literal["local", "ray"]
State: TypeAlias = Literal["done", "kept", "failed"]

SUMMARY: Final = "summary.csv"
CONTACT_SHEET: Final = "contact-sheet.jpg"
_ENDINGS: Final = frozenset(
    f".{ending}"
    for ending in "mp4 mov m4v webm mkv avi gif 3gp mpg mpeg ts mts m2ts flv wmv".split()  # noqa: SIM905
)
_TRIES: Final = 3
"""How often a video is begun whose process was killed: a machine that is out of memory may kill it again."""
_CPUS: Final = 2
"""Cores that one transfer keeps busy."""
_TILE: Final = (240, 240)
_ROW: Final = 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one video, a row of the summary.

    Attributes:
        video: its name.
        state: ``done`` now, ``kept`` from an earlier call, or ``failed``.
        result: name of the file that was written, empty where it failed.
        tries: how often it was begun.
        frames, seconds: of the report.
        error: the sentence why it failed, empty where it did not.
    """

    video: str
    state: State
    result: str
    tries: int
    frames: int
    seconds: float
    error: str


@dataclass(frozen=True, slots=True)
class _Work:
    """One video to do."""

    source: Path
    output: Path
    report: Path
    arguments: tuple[str, ...]

    @property
    def asked(self) -> dict[str, Any]:
        """What its report has to say so that it need not be done again."""
        state = self.source.stat()
        return {"bytes": state.st_size, "changed": state.st_mtime_ns, "arguments": list(self.arguments)}

    def kept(self) -> Outcome | None:
        """Its outcome, where an earlier call did the same."""
        try:
            report = json.loads(self.report.read_bytes())
            if not self.output.is_file() or report["asked"] != self.asked:
                return None
            return Outcome(self.source.name, "kept", self.output.name, 0, report["frames_out"], report["seconds"], "")
        except (OSError, ValueError, KeyError, TypeError):
            return None


def parse_engine(text: str) -> Engine:
    """The engine of that name.

    Raises:
        UnusableInput: there is none, or Ray is not installed.
    """
    if text not in get_args(Engine):
        raise UnusableInput(f"--engine is {' or '.join(get_args(Engine))}, not “{clean_line(text)}”.")
    if text == "ray":
        _ray()
        return "ray"
    return "local"


def transfer_all(
    folder: Path,
    output: Path,
    arguments: Sequence[str],
    *,
    engine: Engine = "local",
    workers: int | None = None,
    told: Callable[[Outcome, int, int], None] = lambda *_: None,
) -> list[Outcome]:
    """Dance every video in ``folder`` and write the results, ``summary.csv`` and ``contact-sheet.jpg`` into ``output``.

    Args:
        folder: its videos, not those in folders in it.
        output: made where it is missing. With Ray a folder that every machine sees under this name, as ``folder`` has to be.
        arguments: of ``python -m core transfer``, beside source, output and report.
        engine: ``local`` for processes of this machine, or ``ray`` for a cluster.
        workers: transfers at once on this machine; one for every two cores unless given. Ray has its own count.
        told: called with each outcome, how many there are by now, and how many there will be.

    Returns:
        One outcome for each video, in the order of their names.

    Raises:
        UnusableInput: ``folder`` is none or holds no video.
        OutputRefused: ``output`` cannot be written to.
    """
    work = _work(folder, output, tuple(arguments))
    usable_folder(output)
    outcomes = {one.source: kept for one in work if (kept := one.kept()) is not None}
    for number, kept in enumerate(outcomes.values()):
        told(kept, number + 1, len(work))
    # large files first: the last ones to end should be short
    left = sorted((one for one in work if one.source not in outcomes), key=lambda one: -one.source.stat().st_size)
    for one, outcome in _on_ray(left) if engine == "ray" else _here(left, workers or _processes()):
        outcomes[one.source] = outcome
        told(outcome, len(outcomes), len(work))
        _write_summary(output / SUMMARY, [outcomes[one.source] for one in work if one.source in outcomes])
    found = [outcomes[one.source] for one in work]
    _write_summary(output / SUMMARY, found)
    _write_contact_sheet(output / CONTACT_SHEET, output, found)
    return found


def _processes() -> int:
    return max(1, (os.cpu_count() or 1) // _CPUS)


def _work(folder: Path, output: Path, arguments: tuple[str, ...]) -> list[_Work]:
    if not folder.is_dir():
        raise UnusableInput(f"{clean_line(str(folder))} is no folder: choose one that holds videos.")
    sources = sorted(path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS and path.is_file())
    if not sources:
        raise UnusableInput(f"There is no video in {clean_line(str(folder))}.")
    if output.exists() and output.samefile(folder):
        raise UnusableInput("The results need a folder of their own: choose another --output.")
    stems = [source.stem for source in sources]
    names = [source.stem if stems.count(source.stem) == 1 else source.name for source in sources]
    return [
        _Work(source.absolute(), output.absolute() / f"{name}.mp4", output.absolute() / f"{name}.json", arguments)
        for source, name in zip(sources, names, strict=True)
    ]


def _here(work: Sequence[_Work], workers: int) -> Iterator[tuple[_Work, Outcome]]:
    """Do them in processes of this machine."""
    running = _Running()
    with ThreadPoolExecutor(workers, thread_name_prefix="transfer") as pool:
        doing = {pool.submit(_do, one, running): one for one in work}
        try:
            for done in as_completed(doing):
                yield doing[done], done.result()
        finally:
            # nothing is left to do but where it was broken off
            pool.shutdown(wait=False, cancel_futures=True)
            running.stop()


def _on_ray(work: Sequence[_Work]) -> Iterator[tuple[_Work, Outcome]]:
    """Do them on the cluster that ``RAY_ADDRESS`` names, or on one that is started here."""
    ray = _ray()
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    do = ray.remote(num_cpus=_CPUS, max_retries=_TRIES)(_do)
    doing = {do.remote(one): one for one in work}
    left = list(doing)
    while left:
        ended, left = ray.wait(left)
        for done in ended:
            try:
                yield doing[done], ray.get(done)
            except ray.exceptions.RayError as error:
                logger.info("%s failed on Ray: %s", doing[done].source.name, error)
                yield doing[done], _failed(doing[done], _TRIES, "Its machine was lost again and again.")


def _ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise UnusableInput(
            "Ray is not installed: pip install -r requirements-ray.txt, or use --engine local."
        ) from error


class _Running:
    """The processes that run, so that they can be told to stop."""

    def __init__(self) -> None:
        self._processes: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self.stopped = False

    def wait(self, process: subprocess.Popen[str]) -> str:
        """What it writes to stderr until it ends."""
        with self._lock:
            self._processes.add(process)
        try:
            return process.communicate()[1]
        finally:
            with self._lock:
                self._processes.discard(process)

    def stop(self) -> None:
        """Tell all of them to stop; each leaves nothing half-written."""
        with self._lock:
            self.stopped = True
            for process in self._processes:
                process.send_signal(signal.SIGTERM)


def _do(work: _Work, running: _Running | None = None) -> Outcome:
    """One transfer in a process of its own, begun again where it was killed."""
    running = running or _Running()
    errors = ""
    for number in range(1, _TRIES + 1):
        if running.stopped:
            return _failed(work, number - 1, "It was stopped before its turn.")
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            command = [
                sys.executable, "-m", "core", "transfer", *work.arguments, f"--output={work.output}", f"--report={report}",
                "--", str(work.source),
            ]  # fmt: skip
            process = subprocess.Popen(
                command, cwd=paths.PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True, errors="replace",
            )  # fmt: skip
            errors = running.wait(process)
            if process.returncode == 0:
                return _done(work, number, json.loads(report.read_bytes()))
        if process.returncode > 0 or running.stopped:
            return _failed(work, number, _sentence(errors))
        logger.info("%s: its process was killed by signal %d", work.source.name, -process.returncode)
    return _failed(work, _TRIES, "Its process was killed again and again: is there enough memory?")


def _done(work: _Work, tries: int, report: dict[str, Any]) -> Outcome:
    with replacing(work.report) as part:
        part.write_text(json.dumps(report | {"asked": work.asked}, indent=2) + "\n", encoding="utf-8")
    return Outcome(
        work.source.name, "done", work.output.name, tries, report["frames_out"], round(report["seconds"], 2), ""
    )


def _failed(work: _Work, tries: int, error: str) -> Outcome:
    return Outcome(work.source.name, "failed", "", tries, 0, 0.0, error)


def _sentence(errors: str) -> str:
    lines = [line.removeprefix("Error: ") for line in errors.splitlines() if line.strip()]
    return clean_line(lines[-1]) if lines else "It ended without a word."


def _write_summary(path: Path, outcomes: Sequence[Outcome]) -> None:
    with replacing(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Outcome)])
        table.writeheader()
        for outcome in outcomes:
            row = asdict(outcome)
            # a name that a spreadsheet would take for a formula
            row["video"] = f"'{outcome.video}" if outcome.video[:1] in "=+-@" else outcome.video
            table.writerow({key: clean_line(value) if isinstance(value, str) else value for key, value in row.items()})


def _write_contact_sheet(path: Path, folder: Path, outcomes: Sequence[Outcome]) -> None:
    """A picture with a tile of each result, or of the sentence why there is none."""
    from PIL import Image

    width, height = _TILE
    rows = -(-len(outcomes) // _ROW)
    sheet = Image.new("RGB", (width * min(_ROW, len(outcomes)), height * rows), "white")
    for number, outcome in enumerate(outcomes):
        sheet.paste(_tile(outcome, folder), (number % _ROW * width, number // _ROW * height))
    with replacing(path) as part:
        sheet.save(part, "JPEG", quality=85)


def _tile(outcome: Outcome, folder: Path) -> Any:
    import textwrap

    from PIL import Image, ImageDraw, ImageFont

    width, height = _TILE
    tile = Image.new("RGB", _TILE, "white" if outcome.state != "failed" else "#ffd9d9")
    draw, font = ImageDraw.Draw(tile), ImageFont.load_default(12)
    text = textwrap.wrap(clean_line(outcome.video), 36)[:2]
    if outcome.state == "failed":
        text += ["", *textwrap.wrap(outcome.error, 36)[:10]]
    else:
        picture = _middle(folder / outcome.result)
        if picture is not None:
            image = Image.fromarray(picture)
            image.thumbnail((width - 8, height - 40))
            tile.paste(image, ((width - image.width) // 2, 36))
    draw.multiline_text((6, 4), "\n".join(text), fill="black", font=font)
    return tile


def _middle(path: Path) -> Any:
    """A picture from the middle of a video; None where there is none."""
    from core.video.probe import probe
    from core.video.reader import VideoReader

    try:
        with VideoReader(path, start=(probe(path).duration or 0.0) / 2, max_side=max(_TILE)) as reader:
            return next(iter(reader)).image
    except (UnusableInput, StopIteration):
        return None
