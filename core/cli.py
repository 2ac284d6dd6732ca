"""The command line: ``python -m core ...``. Status 0 only when what was asked for is there whole."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.table import Table

from core.errors import DanceError, UnusableInput
from core.utils.display_names import clean_line
from core.utils.processes import is_helper

if TYPE_CHECKING:
    from core.pose.person_selection import Person
    from core.targets.footage_check import Verdict
    from core.targets.store import Target
    from core.transfer import Report
    from core.video.reader import Budget

USAGE_STATUS = 2
FAILED_STATUS = 1
_KILLED_STATUS = 128

_RATES = ("30", "60", "source")
_FPS_HELP = "Pictures a second to make at most, of a source that has more: 30, 60, or source for all."
_RATE_ROUNDING = 0.5

# what a wrong option raises: a class of Click's, which some versions of Typer bring along under another name
_WRONG_USAGE: type[Exception] = typer.BadParameter.__mro__[2]
_WRONG_NAMES = frozenset({errno.ENAMETOOLONG, errno.ELOOP, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES})
_END_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

app = typer.Typer(
    name="core", add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
    help="Motion transfer: a dance video in, the performer's video out.",
)  # fmt: skip
targets_app = typer.Typer(help="Performers: list, build, export, import.", invoke_without_command=True)
app.add_typer(targets_app, name="targets")
app.add_typer(
    target_app := typer.Typer(help="One performer: build, export, import.", no_args_is_help=True), name="target"
)

# what is said holds names from outside: nothing in them is markup
_out = Console(markup=False, emoji=False, highlight=False)
_err = Console(stderr=True, markup=False, emoji=False, highlight=False)


def main() -> None:
    """Run the command that was typed and leave with its status; whatever goes wrong is one sentence on stderr."""
    try:
        status = app(standalone_mode=False)
        sys.stdout.flush()
    except _WRONG_USAGE as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()  # type: ignore[attr-defined]  # Click's errors have it
        else:
            _complain(str(error.format_message()))  # type: ignore[attr-defined]
        status = USAGE_STATUS
    except typer.Abort:
        status = _KILLED_STATUS + signal.SIGINT
    except OSError as error:
        # a pipe's reader that has seen enough is no reason to say anything
        if error.errno != errno.EPIPE:
            _complain(f"What there is to say could not be written: {error.strerror or error}.")
        status = FAILED_STATUS
    except Exception as error:
        logging.getLogger(__name__).info("unexpected", exc_info=error)
        _complain(f"Something went wrong on our side ({type(error).__name__}): python -m core --verbose says where.")
        status = FAILED_STATUS
    with contextlib.suppress(OSError):
        # what could not be written a moment ago would be tried once more, and complained about, at the very end
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
    sys.exit(status)


def _complain(sentence: str) -> None:
    line = clean_line(sentence)
    with contextlib.suppress(OSError):
        _err.print(f"Error: {line}{'' if line.endswith(('.', '!', '?')) else '.'}", style="red", soft_wrap=True)


@contextmanager
def _sentences() -> Iterator[None]:
    """Errors that a person can act on become one sentence on stderr and a status; so does being told to stop."""
    stopped_by: list[int] = []

    def stop(number: int, _: object) -> None:
        stopped_by.append(number)
        for again in _END_SIGNALS:
            # a terminal that closes says so more than once, and tidying up is not to be broken off
            signal.signal(again, signal.SIG_IGN)
        raise KeyboardInterrupt

    try:
        with _handling(_END_SIGNALS, stop):
            yield
    except DanceError as error:
        _complain(str(error))
        raise typer.Exit(USAGE_STATUS if isinstance(error, UnusableInput) else FAILED_STATUS) from error
    except KeyboardInterrupt as error:
        with contextlib.suppress(OSError):
            _err.print("Stopped: nothing was written.", soft_wrap=True)
        raise typer.Exit(_KILLED_STATUS + (stopped_by or [signal.SIGINT])[0]) from error
    except OSError as error:
        if error.errno not in _WRONG_NAMES or error.filename is None:
            raise
        _complain(f"{clean_line(os.fsdecode(error.filename))[-80:]} cannot be used: {error.strerror}.")
        raise typer.Exit(USAGE_STATUS) from error


@contextmanager
def _handling(numbers: Iterable[int], handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Let ``handler`` have these signals meanwhile; one that is ignored, as under ``nohup``, stays so."""
    before = {number: signal.getsignal(number) for number in numbers}
    heeded = {number: old for number, old in before.items() if old not in {signal.SIG_IGN, None}}
    try:
        for number in heeded:
            signal.signal(number, handler)
        yield
    finally:
        for number, old in heeded.items():
            signal.signal(number, old)


@app.callback()
def _main(verbose: Annotated[bool, typer.Option("--verbose", help="Say what goes on inside.")] = False) -> None:
    for stream in (sys.stdout, sys.stderr):
        # a name that the terminal cannot show is shown as far as it can
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    if not verbose:
        _hush_native_libraries()
    logging.basicConfig(level=logging.INFO if verbose else logging.ERROR, format="%(levelname)s %(name)s: %(message)s")


def _hush_native_libraries() -> None:
    """MediaPipe's and FFmpeg's own lines go nowhere; Python keeps the real stderr.

    They write to file descriptor 2 itself, among them warnings that nobody can act on, in the middle of the progress bar.
    """
    with contextlib.suppress(OSError):
        sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="replace")
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        _err.file = sys.stderr


@targets_app.callback()
def targets(as_json: Annotated[bool, typer.Option("--json", help="A JSON list, for programs.")] = False) -> None:
    """The performers there are."""
    from core.targets.store import list_targets

    with _sentences():
        performers = list_targets()
        if as_json:
            typer.echo(json.dumps([performer.as_json() for performer in performers], indent=2))
            return
        table = Table("id", "name", "size", "fps", "frames", "generators", "licence")
        for p in performers:
            size = f"{p.size[0]}×{p.size[1]}"
            table.add_row(p.id, p.name, size, f"{p.fps:g}", str(p.frames), ", ".join(p.generators), p.licence)
        _out.print(table)


@target_app.command()
def build(
    source: Annotated[
        list[Path],
        typer.Argument(
            help="A video, several of one stage, one to eight photos (JPEG, PNG, WebP), or a folder with frames/ and "
            "landmarks.npz."
        ),
    ],
    target_id: Annotated[str, typer.Option("--id", help="Short name for links: small letters, digits, hyphens.")],
    name: Annotated[str, typer.Option("--name", help="Name that people see.")],
    stage: Annotated[
        str | None,
        typer.Option(
            help="What to stand on: studio, or a picture (of the footage's own empty stage, or of any place). "
            "By default the stage that the footage shows."
        ),
    ] = None,
    masks: Annotated[Path | None, typer.Option(help="A video of the person's exact mask, white on black.")] = None,
    portrait: Annotated[Path | None, typer.Option(help="A picture of the performer for lists.")] = None,
    into: Annotated[Path | None, typer.Option(help="Folder to build in, instead of the user's own performers.")] = None,
    licence: Annotated[str | None, typer.Option(help="What may be done with the footage.")] = None,
    consent: Annotated[
        bool | None, typer.Option("--consent/--no-consent", help="Whether the person filmed agreed.")
    ] = None,
) -> None:
    """Make a performer from footage or photos of one person: say what will come of it, then build it."""
    from core.targets.build import STUDIO, build_target
    from core.targets.photo import are_photos, check_photos, look_at

    place: Path | Literal["studio"] | None = None if stage is None else STUDIO if stage == STUDIO else Path(stage)
    more: dict[str, Any] = {} if licence is None else {"licence": licence}
    with _sentences(), _bar() as bar:
        photos = look_at(source) if are_photos(source) else ()
        if photos:
            _say(check_photos(photos).verdict)
        elif all(part.is_file() for part in source):
            _say_what_will_come_of_it(source, bar)
        task = bar.add_task("Building", total=1.0, speed="")
        if photos:
            from core.services.photo_performer import build_from_photos

            make: Callable[..., Target] = partial(build_from_photos, photos)
        else:
            make = partial(build_target, source)
        target = make(
            id=target_id, name=name, into=into, stage=place, masks=masks, portrait=portrait, consent=consent,
            progress=lambda share: bar.update(task, completed=share), **more,
        )  # fmt: skip
    frames = target.manifest.frames
    _out.print(f"{target.name} is ready: {frames} frame{'' if frames == 1 else 's'}.")


def _say_what_will_come_of_it(parts: list[Path], bar: Progress) -> None:
    """Check the footage and print what comes of it.

    Raises:
        UnusableInput: no performer can be made of it.
    """
    from core.targets.footage_check import check_footage

    task = bar.add_task("Looking", total=1.0, speed="")
    verdict = check_footage(parts, progress=lambda share: bar.update(task, completed=share)).verdict
    bar.remove_task(task)
    _say(verdict)


def _say(verdict: Verdict) -> None:
    """Print a verdict's sentences.

    Raises:
        UnusableInput: no performer can be made.
    """
    from core.errors import UnusableInput

    if not verdict.usable:
        raise UnusableInput(" ".join(verdict.problems))
    _out.print(verdict.headline)
    for sentence in (*verdict.problems, *verdict.limits, *verdict.advice):
        _out.print(f"- {sentence}")


@target_app.command("export")
def export_command(
    target_id: Annotated[str, typer.Argument(metavar="ID")], file: Annotated[Path, typer.Argument(metavar="FILE.zip")]
) -> None:
    """Write one performer, whole, into one zip."""
    from core.targets.archive import export_pack

    with _sentences():
        export_pack(target_id, file)


@target_app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip")],
    replace: Annotated[bool, typer.Option(help="Replace a performer of the same id.")] = False,
) -> None:
    """Take in a performer from a zip, after checking all of it."""
    from core.targets.archive import import_pack

    with _sentences():
        _out.print(f"{import_pack(file, replace=replace)} is ready.")


@app.command()
def transfer(
    source: Annotated[Path, typer.Argument(help="The dance: any video file, or the name of a bundled dance.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="What to write: .mp4, .webm, .gif, .mov (ProRes 4444), .zip or a new folder (PNG sequence).",
        ),
    ],
    target: Annotated[
        str | None, typer.Option(help="Id of the performer; `python -m core targets` lists them.")
    ] = None,
    photo: Annotated[
        list[Path] | None,
        typer.Option(
            help="Instead of a performer: a photo of somebody, of whom nothing is kept. Once for each of up to 8."
        ),
    ] = None,
    generator: Annotated[
        str | None, typer.Option(help="Name of the generator; the best that the performer has unless given.")
    ] = None,
    layout: Annotated[str, typer.Option(help="result, side-by-side or triptych.")] = "result",
    background: Annotated[
        str,
        typer.Option(help="stage, studio, green, transparent, #rrggbb or a picture: JPEG, PNG, WebP, GIF, BMP."),
    ] = "stage",
    shape: Annotated[str | None, typer.Option(help="9:16, 1:1 or 16:9: framed anew around the performer.")] = None,
    label: Annotated[
        bool | None,
        typer.Option("--label/--no-label", help="Whether a corner says “AI-generated”; no, unless hosted."),
    ] = None,
    poster: Annotated[Path | None, typer.Option(help="Write the most striking picture too: .jpg or .png.")] = None,
    motion: Annotated[
        Path | None, typer.Option(help="Write what the dancer does too: .bvh (skeleton) or .json (landmarks).")
    ] = None,
    person: Annotated[
        str, typer.Option(help="Whom to follow: largest, left, right, or a number from the left.")
    ] = "largest",
    person_at: Annotated[
        float | None,
        typer.Option(help="Second of the source at which --person is in view; the first one unless given."),
    ] = None,
    start: Annotated[float, typer.Option(help="First second of the source.")] = 0.0,
    end: Annotated[float | None, typer.Option(help="Last second of the source.")] = None,
    fps: Annotated[str, typer.Option(help=_FPS_HELP)] = "60",
    report: Annotated[Path | None, typer.Option(help="Write what happened, in numbers, as JSON.")] = None,
) -> None:
    """Make the performer's video of a dance."""
    from core.generators.base import default_generator
    from core.generators.registry import create_generator
    from core.pipeline import background_for
    from core.rendering.compositing import parse_layout
    from core.rendering.reframing import parse_shape
    from core.transfer import TransferOptions
    from core.transfer import transfer as run
    from core.utils.memory_usage import PeakMemory
    from core.video.formats import check_transparency, format_of

    with _sentences(), PeakMemory() as memory:
        photos = photo or []
        if (target is None) == (not photos):
            raise UnusableInput("Say who dances: a performer with --target, or somebody's photo with --photo.")
        found = _source(source)
        if photos:
            _look_at_outputs(output, [report, poster, motion], [found, Path(background), *photos])
        with _performer(target, photos) as chosen:
            _look_at_outputs(output, [report, poster, motion], [found, Path(background), *chosen.files()])
            if background == "transparent":
                check_transparency(format_of(output))
            options = TransferOptions(
                person=_person(found, person, person_at, start, end),
                layout=parse_layout(layout),
                background=background_for(chosen, background),
                start=start,
                end=end,
                budget=_budget(found, fps),
                shape=None if shape is None else parse_shape(shape),
                label=label,
                poster=poster,
                motion=motion,
            )
            options.check()
            made_by = create_generator(generator or default_generator(chosen.manifest.advised_names()), chosen)
            with _bar() as bar:
                done, _ = run(found, chosen, made_by, output, options, progress=_Show(bar), previews=False)
        _warn(done.warnings)
        if report is not None:
            _write_report(report, done.as_json() | {"peak_rss_mb": round(memory.megabytes, 1)})
    _done(output, done)


@app.command("transfer-all")
def transfer_all_command(
    folder: Annotated[Path, typer.Argument(help="A folder of videos.")],
    target: Annotated[str, typer.Option(help="Id of the performer.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder for results, summary and contact sheet.")],
    generator: Annotated[str | None, typer.Option(help="As of transfer.")] = None,
    layout: Annotated[str, typer.Option(help="As of transfer.")] = "result",
    background: Annotated[str, typer.Option(help="As of transfer.")] = "stage",
    person: Annotated[str, typer.Option(help="As of transfer.")] = "largest",
    fps: Annotated[str, typer.Option(help=_FPS_HELP)] = "60",
    end: Annotated[float | None, typer.Option(help="Last second of each source.")] = None,
    engine: Annotated[
        str, typer.Option(help="local: processes of this machine; ray: a Ray cluster (requirements-ray.txt).")
    ] = "local",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Transfers at once here; one for every two cores unless given.")
    ] = None,
) -> None:
    """Dance every video of a folder. What is done already is kept, so the same command goes on where it was stopped."""
    from core.services.batch import Outcome, parse_engine, transfer_all
    from core.targets.store import load_target

    with _sentences(), _bar() as bar:
        load_target(target).close()
        if _exists(Path(background)):
            background = str(Path(background).absolute())
        given = {"target": target, "generator": generator, "layout": layout, "background": background, "person": person}
        arguments = [
            f"--{name}={value}" for name, value in (given | {"fps": fps, "end": end}).items() if value is not None
        ]
        task = bar.add_task("Dancing", total=1.0, speed="")

        def told(outcome: Outcome, number: int, of: int) -> None:
            bar.update(task, completed=number, total=of, speed=f"{number} of {of}")
            if outcome.error:
                _err.print(f"{clean_line(outcome.video)}: {outcome.error}", soft_wrap=True)

        found = transfer_all(folder, output, arguments, engine=parse_engine(engine), workers=workers, told=told)
    counts = {state: sum(outcome.state == state for outcome in found) for state in ("done", "kept", "failed")}
    said = f"{counts['done']} done, {counts['kept']} kept, {counts['failed']} failed"
    _out.print(f"{clean_line(str(output))}: {said}; summary.csv names each.", soft_wrap=True)
    if counts["failed"]:
        raise typer.Exit(FAILED_STATUS)


def _person(source: Path, text: str, seconds: float | None, start: float, end: float | None) -> Person:
    """Whom to follow: by what is said of them alone, or by a look at the source at ``seconds``."""
    from core.pose.person_selection import parse_person

    person = parse_person(text)
    if seconds is None:
        return person
    from core.pose.candidates import person_at

    return person_at(source, person, seconds, start, end)


@contextmanager
def _performer(target: str | None, photos: list[Path]) -> Iterator[Target]:
    """The performer of that id, or one of photos, of whom nothing is kept."""
    from core.targets.store import load_target

    if target is not None:
        with load_target(target) as chosen:
            yield chosen
        return
    from core.services.photo_performer import passing_performer
    from core.targets.photo import are_photos, check_photos, look_at

    if not are_photos(photos):
        raise UnusableInput(f"{photos[0].name} is no photo: choose a JPEG, PNG or WebP.")
    seen = look_at(photos)
    _say(check_photos(seen).verdict)
    with passing_performer(seen) as passing:
        yield passing


@app.command()
def compare(
    source: Annotated[Path, typer.Argument(help="The dance: any video file, or the name of a bundled dance.")],
    target: Annotated[str, typer.Option(help="Id of the performer.")],
    output: Annotated[Path, typer.Option(help="The mp4 to write: a grid of all of them.")],
    generator: Annotated[
        list[str] | None, typer.Option(help="Once for each generator; all that the performer has unless given.")
    ] = None,
    person: Annotated[
        str, typer.Option(help="Whom to follow: largest, left, right, or a number from the left.")
    ] = "largest",
    person_at: Annotated[
        float | None,
        typer.Option(help="Second of the source at which --person is in view; the first one unless given."),
    ] = None,
    start: Annotated[float, typer.Option(help="First second of the source.")] = 0.0,
    end: Annotated[float | None, typer.Option(help="Last second of the source.")] = None,
    fps: Annotated[str, typer.Option(help=_FPS_HELP)] = "60",
    report: Annotated[Path | None, typer.Option(help="Write what happened, in numbers, as JSON.")] = None,
) -> None:
    """Make one video of several generators on the same dance, side by side."""
    from core.bundled.answers import find_answer
    from core.evaluation.grid import compare as run
    from core.generators.registry import create_generator, list_generators
    from core.targets.store import load_target
    from core.utils.memory_usage import PeakMemory

    with _sentences(), PeakMemory() as memory:
        found = _source(source)
        chosen = load_target(target)
        _look_at_outputs(output, [report], [found, *chosen.files()])
        names = generator or [spec.name for spec in list_generators(list(chosen.manifest.generator_names()))]
        with _bar() as bar:
            made, _ = run(
                found, chosen, [create_generator(name, chosen) for name in names], output,
                person=_person(found, person, person_at, start, end), start=start, end=end, budget=_budget(found, fps),
                # where a part of a dance stands on the stage, the whole dance decides: of a part no answer is known
                answer=None if found == source or start or end else find_answer(target, str(source)), progress=_Show(bar),
            )  # fmt: skip
        _warn(made.report.warnings)
        if report is not None:
            _write_report(
                report, made.report.as_json() | {"generators": names, "peak_rss_mb": round(memory.megabytes, 1)}
            )
    _done(output, made.report)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A video or picture, a ZIP or a folder of PNG pictures.")],
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON, for programs.")] = False,
) -> None:
    """Say whether a file tells that it is synthetic."""
    from core.video.provenance import inspect as run

    with _sentences():
        found = run(file)
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
        return
    _out.print(found.sentence, soft_wrap=True)
    if found.found_in:
        _out.print(f"It says so in {' and '.join(found.found_in)}.", soft_wrap=True)


@app.command()
def evaluate(
    target: Annotated[str | None, typer.Option(help="Id of the performer; may be left out with --frames.")] = None,
    generator: Annotated[str, typer.Option(help="Name of the generator.")] = "nearest",
    frames: Annotated[
        Path | None, typer.Option(help="Folder with frames/NNNN.webp and landmarks.npz: the performer made of these.")
    ] = None,
    split: Annotated[
        str, typer.Option(help="What is held out: blocks, random (leaks), or all, which holds out nothing.")
    ] = "blocks",
    as_json: Annotated[bool, typer.Option("--json", help="The numbers as JSON, for programs.")] = False,
) -> None:
    """Measure how well a generator shows held-out footage of its performer."""
    from core.evaluation import evaluate as evaluation
    from core.targets.split import parse_split

    with _sentences(), _bar() as bar:
        building, judging = (bar.add_task(words, total=1.0, speed="") for words in ("Performer", "Judging"))
        performer = evaluation.performer_of(target, frames, lambda share: bar.update(building, completed=share))
        bar.update(building, completed=1.0)
        result = evaluation.evaluate(
            performer, generator, parse_split(split), lambda share: bar.update(judging, completed=share)
        )
    numbers = result.as_json()
    if as_json:
        typer.echo(json.dumps(numbers, indent=2))
        return
    table = Table("", *numbers["full_frame"])
    for region, scores in numbers.items():
        table.add_row(region.replace("_", " "), *("–" if v is None else f"{v:.4g}" for v in scores.values()))
    _out.print(table)


@app.command()
def train(
    target: Annotated[str, typer.Option(help="Id of the performer.")],
    generator: Annotated[str, typer.Option(help="Name of the generator to train.")],
    split: Annotated[
        str, typer.Option(help="What to learn from: blocks and random hold frames out to be judged by, all does not.")
    ] = "blocks",
    size: Annotated[int | None, typer.Option(help="Pixels of the canvas's longer side.")] = None,
    seed: Annotated[int, typer.Option(help="Of the initial weights and everything drawn.")] = 0,
    epochs: Annotated[int | None, typer.Option(help="How often to go through the footage.")] = None,
    minutes: Annotated[float | None, typer.Option(help="How long to train, instead of epochs; a week at most.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    devices: Annotated[int, typer.Option(help="How many of them, on this machine.")] = 1,
    machines: Annotated[int, typer.Option(help="On how many machines this is typed.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that was stopped.")] = False,
    perceptual: Annotated[
        bool, typer.Option("--perceptual", help="Compare what VGG-16 sees as well; needs requirements-train.txt.")
    ] = False,
    from_nothing: Annotated[
        bool, typer.Option("--from-nothing", help="Do not begin with what many rendered people taught.")
    ] = False,
) -> None:
    """Train a generator for a performer."""
    from core.inference.device_selection import parse_device
    from core.targets.split import parse_split
    from core.targets.store import load_target

    # read once, when torch is loaded: threads that spin while they wait make a busy machine ten times slower
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    with _sentences(), _bar() as bar, _asked_to_stop() as stop:
        from core.services.training_runs import BEING_TRAINED, owned_by_other_process, read_record
        from core.training.train import TrainingConfig, run_folder
        from core.training.train import train as run
        from core.training.trainer import Row, TrainingBudget

        length = None if epochs is None and minutes is None else TrainingBudget(epochs, minutes)
        order = TrainingConfig(
            generator,
            parse_split(split),
            size,
            seed,
            length,
            parse_device(device),
            devices,
            machines,
            resume,
            perceptual,
            warm=not from_nothing,
        )
        preparing, training = (bar.add_task(words, total=1.0, speed="") for words in ("Preparing", "Training"))

        def show(share: float, row: Row) -> None:
            bar.update(preparing, completed=1.0)
            bar.update(training, completed=share, speed=f"epoch {row.epoch}, loss {row.loss:.4f}")

        performer = load_target(target)
        if (kept := read_record(run_folder(performer.id, order))) is not None and owned_by_other_process(kept):
            raise UnusableInput(BEING_TRAINED)
        trained = run(
            performer, order, progress=show, stop=stop,
            preparing=lambda share: bar.update(preparing, completed=share),
        )  # fmt: skip
    if is_helper():
        return
    error = "" if trained.held_out_l1 is None else f", L1 {trained.held_out_l1:.4f} at seed scale on what was held out"
    _out.print(
        f"{generator} of {target} is trained: {trained.epochs} epochs in {trained.minutes:.1f} minutes{error}. "
        f"Curves and sheets are in {run_folder(target, order)}.",
        soft_wrap=True,
    )


def _warn(sentences: list[str]) -> None:
    for sentence in sentences:
        _err.print(f"Warning: {clean_line(sentence)}", style="yellow", soft_wrap=True)


def _done(output: Path, report: Report) -> None:
    frames = f"{report.frames_out} frames in {report.seconds:.1f} s ({report.fps:.1f} a second)"
    _out.print(f"{clean_line(str(output))}: {frames}.", soft_wrap=True)


def _budget(source: Path, fps: str) -> Budget:
    """What is made of a source at most; says so where that is not every picture.

    Raises:
        UnusableInput: ``fps`` is none that is offered, or the source is no video.
    """
    from core.video.probe import probe
    from core.video.reader import Budget

    if fps not in _RATES:
        raise UnusableInput(f"--fps is {', '.join(_RATES[:-1])} or {_RATES[-1]}, not “{fps}”.")
    if fps == "source":
        return Budget()
    rate, most = float(probe(source).rate), float(fps)
    if rate > most + _RATE_ROUNDING:
        more = f"{clean_line(source.name)} has {rate:.0f} pictures a second, of which {fps} are made"
        _err.print(f"{more}: --fps source makes all.", soft_wrap=True)
    return Budget(rate=most)


def _source(given: Path) -> Path:
    """The file that is meant: one there is, or a bundled dance of that name."""
    from core.bundled import dances

    return given if _exists(given) else dances.find(str(given)) or given


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # such a name cannot be
        return False


def _look_at_outputs(output: Path, besides: list[Path | None], inputs: list[Path]) -> None:
    """Refuse before the work what cannot be written, or would be written over an input or over another result.

    Raises:
        UnusableInput, OutputRefused: a sentence on which and why.
    """
    from core import paths
    from core.utils.output_files import same_output, usable_output
    from core.video.writing import usable_result

    inputs = [given for given in [*inputs, paths.POSE_MODEL] if _exists(given)]
    places = [usable_result(output, inputs)]
    for path in besides:
        if path is None:
            continue
        place = usable_output(path, inputs)
        if any(same_output(place, other) for other in places):
            raise UnusableInput("Two results cannot be one file: give each a name of its own.")
        places.append(place)


def _write_report(path: Path, numbers: dict[str, Any]) -> None:
    from core.utils.output_files import replacing

    with replacing(path) as part:
        part.write_text(json.dumps(numbers, indent=2) + "\n")


@contextmanager
def _asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Ctrl-C, a polite kill and a closed terminal end the training after the step it is in; a second Ctrl-C at once."""
    asked: list[int] = []

    def note(number: int, _: object) -> None:
        if asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.append(number)

    with _handling([signal.SIGINT, *_END_SIGNALS], note):
        yield lambda: bool(asked)


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[speed]}"))
    # a bar is for eyes: a program that reads stderr gets sentences only, and one process alone talks to the person
    return Progress(*columns, console=_err, transient=True, disable=not _err.is_terminal or is_helper())


class _Show:
    """A progress bar of both passes."""

    _WORDS: ClassVar = {"looking": "Watching the dance", "dancing": "Dancing it"}

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, progress: Any) -> None:
        if progress.phase not in self._tasks:
            self._tasks[progress.phase] = self._bar.add_task(
                self._WORDS[progress.phase], total=progress.total, speed=""
            )
        left = "" if progress.seconds_left is None else f", {_minutes(progress.seconds_left)} left"
        speed = f"{progress.fps:.0f} frames a second{left}"
        self._bar.update(self._tasks[progress.phase], completed=progress.done, total=progress.total, speed=speed)


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
