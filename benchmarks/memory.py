"""What one server process holds: megabytes and threads of its process tree, at rest after each of the things that people do.

    python -m benchmarks.memory [--rounds 1.5] [--parts dances,live,comparison,training] [--generators N] [--label TEXT]

A visitor lets every generator of the bundled performers dance two seconds and leaves; three dance live, one after the other;
somebody compares four generators; a training is stopped after a minute. Then once more: after a second round's dances nothing
should have grown. Appends a row for each step to ``results/memory.csv``. Run it on an otherwise idle machine; it needs the
requirements of the tests and of training, and a Chromium.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import sleep

import psutil
from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks.machine import append
from core import paths
from core.bundled import dances
from core.generators.registry import list_generators
from core.services.training_runs import TrainingRun
from core.targets.manifest import MANIFEST
from core.targets.store import TargetSummary, list_targets
from core.utils.memory_usage import tree_memory
from core.video.reader import VideoReader
from core.video.writer import VideoWriter
from scripts.setup import find_browser
from tests.browser import camera
from tests.browser import page as stage
from tests.browser.serving import Server, serving

DANCE, SECONDS = "june-sway", 2.0
COMPARED = ("realtime", "unet-attn", "mlp-se", "nearest")
REST_SECONDS = 10.0
"""Until memory that was freed is given back (see ``core.ui.app_services``), and some."""
LEAVING_SECONDS = 60.0
LIVE_SECONDS = 15.0
TRAINING_SECONDS = 60.0
TRAINED, TRAINED_WITH = "copy", "mlp-se"
GOAL_MB, GOAL_THREADS, GOAL_GROWTH = 690, 60, 1.05

Step = tuple[str, float, int]
"""What was done, and the megabytes and threads after it."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What the visitors need."""

    server: Server
    browser: Browser
    clip: Path
    most_generators: int | None

    def come(self, path: str = "") -> Page:
        """A new visitor at that page."""
        page = camera.probed(self.browser).new_page()
        page.set_default_timeout(120_000)
        stage.reach(page, f"{self.server.url}{path}", 80)
        return page


def measured(server: Server, step: str, rest: float = REST_SECONDS) -> Step:
    """The process tree at rest."""
    sleep(rest)
    process = psutil.Process(server.process.pid)
    threads = sum(one.num_threads() for one in (process, *process.children(recursive=True)))
    found = step, tree_memory(process), threads
    print(f"{step:32s} {found[1]:6.0f} MB {threads:4d} threads", flush=True)
    return found


def everybody_dances(here: Visit) -> Iterator[Step]:
    """One visitor, every generator of every bundled performer."""
    page = here.come()
    stage.wait_until_warm(page)
    yield measured(here.server, "a visitor came")
    stage.upload(page, here.clip.name, here.clip)
    for performer in bundled():
        stage.choose_performer(page, performer.name)
        for spec in list_generators(list(performer.generators))[: here.most_generators]:
            choose_generator(page, spec.title)
            stage.press_dance(page)
            # what was danced before stands there for a moment
            page.wait_for_timeout(1500)
            expect(stage.dance_button(page)).to_be_enabled(timeout=stage.DANCE_SECONDS * 1000)
            stage.wait_for_result(page)
            yield measured(here.server, f"{performer.id} {spec.name}")
    page.context.close()
    yield measured(here.server, "the visitor left", LEAVING_SECONDS)


def bundled() -> list[TargetSummary]:
    """The performers that come with the project."""
    return [performer for performer in list_targets() if not performer.own]


def choose_generator(page: Page, title: str) -> None:
    """On the dance page. A list that is opened while the page is made again closes, so the page rests first."""
    stage.wait_until_clickable(page)
    page.wait_for_timeout(1500)
    box = page.locator(".st-key-generator").get_by_role("combobox")
    if box.input_value() == title or title in page.locator(".st-key-generator").inner_text():
        return
    box.click()
    page.get_by_role("option", name=title, exact=True).click()
    page.wait_for_timeout(1500)


def three_live(here: Visit) -> Iterator[Step]:
    """Three visitors, one after the other."""
    for number in range(3):
        page = here.come("/live")
        frame = camera.start(page)
        camera.wait_until_shown(frame, 120)
        page.wait_for_timeout(LIVE_SECONDS * 1000)
        yield measured(here.server, f"live {number + 1}, dancing", 0)
        page.context.close()
        yield measured(here.server, f"live {number + 1} left", LEAVING_SECONDS if number == 2 else REST_SECONDS)


def compare_four(here: Visit) -> Iterator[Step]:
    """A comparison, made and measured."""
    page = here.come(f"/compare?dance={DANCE}&performer=theo&generators={','.join(COMPARED)}")
    button = page.locator(".st-key-compare button")
    expect(button).to_be_enabled(timeout=120_000)
    button.click()
    expect(page.locator("section.reel")).to_have_attribute("data-frame", "0", timeout=600_000)
    expect(page.get_by_role("button", name="Numbers", exact=True)).to_be_visible(timeout=600_000)
    yield measured(here.server, "compared four")
    page.context.close()
    yield measured(here.server, "who compared left", LEAVING_SECONDS)


def train_a_minute(here: Visit) -> Iterator[Step]:
    """A training that waits to go on, stopped after a minute."""
    page = here.come("/train")
    page.get_by_role("button", name="Go on", exact=True).or_(
        page.get_by_role("button", name="10 more minutes", exact=True)
    ).first.click()
    page.wait_for_timeout(TRAINING_SECONDS * 1000)
    yield measured(here.server, "training", 0)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped. What was learnt is kept.")).to_be_visible(timeout=300_000)
    page.context.close()
    yield measured(here.server, "training stopped", LEAVING_SECONDS)


def prepared(folder: Path) -> Path:
    """A performer with a training that can go on, in the data folder of the server; and two seconds of a dance."""
    video = dances.find(DANCE)
    if video is None:
        sys.exit(f"The bundled dance {DANCE} is not here.")
    clip = folder / "two seconds.mp4"
    with (
        VideoReader(video, end=SECONDS) as reader,
        VideoWriter(clip, size=reader.size, rate=reader.info.rate, audio=reader.sound()) as writer,
    ):
        for frame in reader:
            writer.write(frame.image, frame.time)
    os.environ["DANCE_DATA"] = str(folder / "app" / "data")
    mine = paths.user_performers() / TRAINED
    shutil.copytree(paths.BUNDLED_PERFORMERS / "theo", mine)
    manifest = mine / MANIFEST
    words = manifest.read_text().replace('"id": "theo"', f'"id": "{TRAINED}"')
    # its cards must not be taken for the bundled one's
    manifest.write_text(words.replace('"name": "Theo"', '"name": "Copy"'))
    record = TrainingRun(target=TRAINED, generator=TRAINED_WITH, minutes=30, state="interrupted")
    record.folder.mkdir(parents=True)
    record.save()
    return clip


PARTS: dict[str, Callable[[Visit], Iterator[Step]]] = {
    "dances": everybody_dances,
    "live": three_live,
    "comparison": compare_four,
    "training": train_a_minute,
}
"""What people do, in order, by name."""


def rounds(here: Visit, count: float, parts: list[str]) -> Iterator[Step]:
    """Those parts so many times; the half of a round is the first of them."""
    for number in range(int(count)):
        for part in parts:
            for step, megabytes, threads in PARTS[part](here):
                yield f"{number + 1}: {step}", megabytes, threads
    if count % 1:
        for step, megabytes, threads in PARTS[parts[0]](here):
            yield f"{int(count) + 1}: {step}", megabytes, threads


def chosen_parts(words: str) -> list[str]:
    """The parts that are named, in their usual order.

    Raises:
        ArgumentTypeError: one is not known.
    """
    named = words.split(",")
    if unknown := [part for part in named if part not in PARTS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose of {', '.join(PARTS)}")
    return [part for part in PARTS if part in named]


def main() -> None:
    """Measure and append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=float, default=1.5)
    parser.add_argument("--parts", type=chosen_parts, default=list(PARTS))
    parser.add_argument("--generators", type=int, default=None, help="only so many of each performer")
    parser.add_argument("--label", default="")
    given = parser.parse_args()
    executable, video = find_browser(), dances.find("omar-street")
    if executable is None or video is None:
        sys.exit("There is no Chromium or no bundled dance here: `make test` installs the one or says how.")
    expect.set_options(timeout=120_000)
    steps: list[Step] = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = prepared(folder)
        file = camera.write_camera(folder / "camera.mjpeg", camera.camera_frames(video, 10.0))
        with (
            camera.with_camera(playwright, executable, file) as browser,
            serving(folder / "app", DANCE_RESULT_MINUTES="2") as server,
        ):
            for step, megabytes, threads in rounds(
                Visit(server, browser, clip, given.generators), given.rounds, given.parts
            ):
                steps.append((step, megabytes, threads))
                row = {"label": given.label, "step": step, "pss_mb": round(megabytes), "threads": threads}
                append("memory", row)
    idle = [step for step in steps if not step[0].endswith(("dancing", "training"))]
    print(f"at rest at most {max(s[1] for s in idle):.0f} MB (goal {GOAL_MB}), {max(s[2] for s in idle)} threads "
          f"(goal {GOAL_THREADS})")  # fmt: skip


if __name__ == "__main__":
    main()
