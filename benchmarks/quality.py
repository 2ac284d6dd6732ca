"""How good the pictures are: every generator on held-out footage, on transfers with a known answer, and on a real source.

    python -m benchmarks.quality [--targets mira theo] [--generators NAME...] [--label TEXT]
        [--parts held-out answers frames source flaws] [--answers FOLDER] [--frames FOLDER] [--frames-target ID]
        [--source VIDEO] [--every N]

``--answers`` holds what ``python -m scripts.performers --answer PERFORMER --dance NAME --out FOLDER`` renders: the performer
doing exactly what the dancer did (PERFORMER_NAME.mp4, its ..._mask.mp4 and ..._joints.json). Pairs that are not there, and
parts without their folder or video, are passed over with a word. The generator called ``answer`` in the table is the answer
itself, ``footage`` the held-out footage itself: what the best generator could score, pose detection included.

The part ``flaws`` takes the answers that ship and their part maps, measures what ``core.evaluation.flaws`` defines, and appends
to ``results/flaws.csv``; of ``--every`` pictures it measures one (the dance is danced whole).

The other parts append to ``results/quality.csv``; definitions are those of ``core.evaluation.metrics``.
Pictures of the same: ``benchmarks.strips``.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.machine import append
from core.bundled.answers import find_answer, find_parts
from core.bundled.dances import Dance, list_dances
from core.errors import UnusableInput, WeightsMissing
from core.evaluation.evaluate import Evaluation, Sample, danced, judge, judge_flaws, performer_of, reenact, refuse_seen
from core.evaluation.flaws import Flaws, part_numbers
from core.generators.registry import create_generator, list_generators
from core.pipeline import performer_statistics
from core.pose import skeleton
from core.pose.video_analysis import Analysis, look
from core.settings import settings
from core.targets.split import SplitName, split_of
from core.targets.store import Target, load_target
from core.types import LANDMARKS, Pose
from core.video.reader import VideoReader

PARTS = ("held-out", "answers", "frames", "source", "flaws")
KNOWN = "known answer"


@dataclass(frozen=True)
class Contest:
    """One row of the table for each generator: where it takes place, and the samples each is measured by.

    ``ideal`` are samples whose output is what should be seen, where that is known.
    """

    part: str
    performer: Target
    source: str
    samples: Callable[[str], Iterable[Sample]]
    ideal: tuple[str, Callable[[], Iterable[Sample]]] | None = None


def held_out(performer: Target, part: str, split: SplitName) -> Contest:
    """Self-reenactment of the frames that ``split`` holds out."""
    parts = split_of(performer, split)

    def footage() -> Iterator[Sample]:
        for sample in reenact(performer, "nearest-frame", parts):
            if sample.reference is not None:
                yield replace(sample, output=sample.reference, drawn=sample.person)

    def samples(name: str) -> Iterable[Sample]:
        refuse_seen(performer, name, split)
        return reenact(performer, name, parts)

    return Contest(part, performer, split, samples, ("footage", footage))


def known_answers(performers: list[Target], folder: Path) -> Iterator[Contest]:
    """Every bundled dance danced by every performer whose answer lies in ``folder``."""
    for dance in list_dances():
        there = [p for p in performers if (folder / f"{p.id}_{dance.id}.mp4").is_file()]
        for performer in performers:
            if performer not in there:
                print(f"{performer.id}_{dance.id}.mp4 is not in {folder}: passed over")
        analysis = analysed(dance.video) if there else None
        for performer in there:
            if analysis is not None:
                yield _known_answer(performer, dance.id, analysis, folder / f"{performer.id}_{dance.id}")


def _known_answer(performer: Target, dance: str, analysis: Analysis, stem: Path) -> Contest:
    def ideal() -> Iterator[Sample]:
        for sample in answers(stem):
            yield replace(sample, asked=sample.known)

    def samples(name: str) -> Iterator[Sample]:
        made = danced(performer, create_generator(name, performer), analysis)
        for sample, answer in zip(made, answers(stem), strict=True):
            yield replace(sample, reference=answer.reference, person=answer.person, known=answer.known)

    return Contest(KNOWN, performer, dance, samples, ("answer", ideal))


def answers(stem: Path) -> Iterator[Sample]:
    """The rendered answer as if it were an output: picture, mask and joints of each frame."""
    joints = np.array(json.loads(stem.with_name(f"{stem.name}_joints.json").read_text())["xy"], np.float32)
    with (
        VideoReader(stem.with_suffix(".mp4")) as pictures,
        VideoReader(stem.with_name(f"{stem.name}_mask.mp4")) as masks,
    ):
        for picture, mask, xy in zip(pictures, masks, joints, strict=True):
            landmarks = np.zeros((LANDMARKS, 4), np.float32)
            landmarks[list(skeleton.JOINTS), :2] = xy
            landmarks[list(skeleton.JOINTS), 3] = 1
            person = np.ascontiguousarray(mask.image[..., 0])
            yield Sample(picture.image, None, 0, person, picture.image, person, Pose(landmarks))


def beside_answer(performer: Target, dance: Dance, made: Iterable[Sample]) -> Iterator[Sample]:
    """What was made of a whole bundled dance, beside the answer that ships and its part maps.

    Raises:
        UnusableInput: there is no answer, or no part map of it.
    """
    answer = find_answer(performer.id, dance.id)
    parts = None if answer is None else find_parts(answer)
    if answer is None or parts is None:
        raise UnusableInput(
            f"Of {performer.id} in {dance.id} there is no answer with part maps: see scripts.make_answers."
        )
    with VideoReader(answer) as pictures, VideoReader(parts) as maps:
        for sample, picture, map_ in zip(made, pictures, maps, strict=True):
            yield replace(sample, reference=picture.image, parts=part_numbers(map_.image))


def run_flaws(performers: list[Target], generators: list[str] | None, label: str, every: int) -> None:
    """Measure the flaws of every generator in every dance with an answer, and append a row for each."""
    for dance in list_dances():
        analysis = analysed(dance.video)
        for performer in performers:
            for name in generators or names(performer):
                try:
                    made = danced(performer, create_generator(name, performer), analysis)
                    means, _ = judge_flaws(beside_answer(performer, dance, made), every)
                except (UnusableInput, WeightsMissing) as error:
                    print(f"{error} Passed over.")
                    continue
                row = {"label": label, "performer": performer.id, "source": dance.id, "generator": name, "every": every,
                       **flaw_figures(means)}  # fmt: skip
                append("flaws", row)
                print(row, flush=True)


def flaw_figures(flaws: Flaws) -> dict[str, object]:
    """The columns of one row; empty where something is not known."""
    return {name: "" if math.isnan(value) else round(value, 6) for name, value in asdict(flaws).items()}


def real_source(performer: Target, video: Path, analysis: Analysis) -> Contest:
    """A source without an answer: what is asked for, and whether the output holds still."""

    def samples(name: str) -> Iterable[Sample]:
        return danced(performer, create_generator(name, performer), analysis)

    return Contest("real source", performer, video.name, samples)


def names(performer: Target) -> list[str]:
    """The performer's generators as pages offer them."""
    return [spec.name for spec in list_generators(list(performer.manifest.generator_names()))]


def analysed(video: Path) -> Analysis:
    """Everybody in every frame, as a transfer looks."""
    with VideoReader(video, max_side=settings().analysis_side) as reader:
        analysis = Analysis(reader.size)
        for sighting in look(reader):
            analysis.add(sighting)
    return analysis


def run(contest: Contest, generators: list[str], label: str) -> None:
    """Measure every generator and append its row."""
    torso = performer_statistics(contest.performer).near[1]
    entries: list[tuple[str, Callable[[], Iterable[Sample]]]] = [] if contest.ideal is None else [contest.ideal]
    entries += [(name, lambda name=name: contest.samples(name)) for name in generators]  # type: ignore[misc]
    for name, samples in entries:
        try:
            result = judge(samples(), torso, flows=contest.part == KNOWN)
        except (UnusableInput, WeightsMissing) as error:
            print(f"{error} Passed over.")
            continue
        row = {"label": label, "part": contest.part, "performer": contest.performer.id, "source": contest.source,
               "generator": name, **figures(result)}  # fmt: skip
        append("quality", row)
        print(row, flush=True)


def figures(result: Evaluation) -> dict[str, object]:
    """The columns of one row; empty where something is not known."""
    numbers = {
        "frames": result.frames,
        "l1_seed": result.full_frame.l1_seed,
        "psnr": result.full_frame.psnr,
        "ssim": result.full_frame.ssim,
        "sharpness": result.full_frame.sharpness,
        "box_l1_seed": result.person_box.l1_seed,
        "box_psnr": result.person_box.psnr,
        "box_ssim": result.person_box.ssim,
        "box_sharpness": result.person_box.sharpness,
        "person_psnr": result.psnr_person,
        "person_ssim": result.ssim_person,
        "akd": result.full_frame.akd,
        "mkr": result.full_frame.mkr,
        "pck": result.pck,
        "akd_known": result.akd_known,
        "akd_asked": result.akd_asked,
        "flicker": result.flicker,
        "tof": result.tof,
        "jitter": result.jitter,
    }
    return {name: "" if math.isnan(value) else round(value, 5) for name, value in numbers.items()}


def contests(given: argparse.Namespace) -> Iterator[Contest]:
    """All that was asked for and can take place."""
    performers = [load_target(name) for name in given.targets]
    if "held-out" in given.parts:
        yield from (held_out(performer, "held out", "blocks") for performer in performers)
    if "answers" in given.parts and given.answers is not None:
        yield from known_answers(performers, given.answers)
    if "frames" in given.parts and given.frames is not None:
        of_frames = performer_of(given.frames_target, given.frames)
        yield from (held_out(of_frames, f"frames {given.frames.name}", split) for split in ("blocks", "random"))
    if "source" in given.parts and given.source is not None:
        analysis = analysed(given.source)
        yield from (real_source(performer, given.source, analysis) for performer in performers)


def main() -> None:
    """Measure and append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", nargs="+", default=["mira", "theo"])
    parser.add_argument("--generators", nargs="+", help="instead of all that each performer has")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--answers", type=Path)
    parser.add_argument("--frames", type=Path)
    parser.add_argument("--frames-target", help="the performer that was built of --frames and trained")
    parser.add_argument("--source", type=Path)
    parser.add_argument("--label", default="")
    parser.add_argument("--every", type=int, default=1, help="of the part flaws: measure one picture of so many")
    given = parser.parse_args()
    for part in ("answers", "frames", "source"):
        if part in given.parts and getattr(given, part) is None:
            print(f"--{part} is not given: that part is passed over")
    for contest in contests(given):
        run(contest, given.generators or names(contest.performer), given.label)
    if "flaws" in given.parts:
        run_flaws([load_target(name) for name in given.targets], given.generators, given.label, given.every)


if __name__ == "__main__":
    main()
