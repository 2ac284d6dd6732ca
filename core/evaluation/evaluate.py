"""Holding a generator's pictures against what they should show.

Self-reenactment: the performer in poses of footage that was held out, against that footage (:func:`evaluate`). Everything
else that has outputs and perhaps references (transfers with a known answer, real sources) goes through the same
:func:`judge`. Definitions are those of ``core.evaluation.metrics``.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core import paths
from core.errors import NobodyFound, UnusableInput
from core.evaluation import metrics
from core.evaluation.flaws import (
    Flaws,
    Parts,
    Shown,
    at_scale,
    change_pair,
    flaws_of,
    parts_at_scale,
    ratio_of_changes,
    shown,
)
from core.generators.base import Generator, frames_of
from core.generators.registry import create_generator
from core.pipeline import DancePipeline, nobody_on, performer_statistics
from core.pose.person_selection import choose, distinct
from core.pose.video_analysis import Analysis, look
from core.targets.build import build_target
from core.targets.footage import FolderFootage, Shot
from core.targets.manifest import HeldOutErrors
from core.targets.matte import body_shape
from core.targets.split import Split, SplitName, Subset, split_of
from core.targets.store import Target, find_place, load_target
from core.types import Alpha, Frame, Pose, VideoFrame

logger = logging.getLogger(__name__)

RECUT: Final = "nearest"
"""The generator that needs no training, which others are held against."""

BEST_PSNR: Final = 100.0
"""What equal pictures count as in a mean of PSNR, in dB."""

_SAMPLED_PICTURES: Final = 5
_SAMPLED_FOOTAGE: Final = 60
_SAME_PERSON: Final = 12.0
"""Grey levels by which a person differs on average from themselves, coded and brought into another light."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One output and what it is held against.

    Attributes:
        output: what the generator made.
        asked: the pose it was to show, in pixels of ``output``; None where the stage is to be empty.
        stretch: samples of the same number follow each other in time.
        drawn: where the generator put the person; None when it does not say.
        reference: what it should have made, where that is known.
        person: where the person is in ``reference``, where that is known exactly.
        known: the pose in ``reference``, where it is known and another than ``asked``.
        parts: which part of the body each pixel of ``reference`` shows, where that is known exactly; 0 where none.
    """

    output: Frame
    asked: Pose | None
    stretch: int = 0
    drawn: Alpha | None = None
    reference: Frame | None = None
    person: Alpha | None = None
    known: Pose | None = None
    parts: Parts | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """Errors over one region; NaN where something is not known. ``akd`` and ``mkr`` are the person's in either region."""

    l1_seed: float
    psnr: float
    ssim: float
    sharpness: float
    akd: float
    mkr: float

    def as_json(self) -> dict[str, float | None]:
        """The fields by name, rounded; None for NaN."""
        return {name: None if math.isnan(value) else round(value, 5) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that is measured on one sequence of samples; NaN where something is not known.

    ``akd_known`` is from the known pose to the one found on the output; ``akd_asked`` from the known pose to the one asked
    for, which is the fault of retargeting alone. ``flaws`` takes the part maps of the references.
    """

    frames: int
    full_frame: Scores
    person_box: Scores
    psnr_person: float
    ssim_person: float
    pck: float
    akd_known: float
    akd_asked: float
    flicker: float
    tof: float
    jitter: float
    flaws: Flaws = field(default_factory=Flaws)

    def as_json(self) -> dict[str, dict[str, float | None]]:
        """What ``python -m core evaluate --json`` prints."""
        return {"full_frame": self.full_frame.as_json(), "person_box": self.person_box.as_json()}


@dataclass(slots=True)
class Series:
    """What each sample scored, in their order; NaN where something is not known.

    Attributes:
        akd: mean distance of its joints, in pixels at 256×256.
        missing: share of the joints asked for that were not found.
        sharpness, l1, ssim: of the person's box, ``l1`` at seed scale.
        flicker: change from the sample before, outside of the person.
        jitter: third difference of the four samples that end with it.
        flaws: its flaws; its ``pops`` is its change since the sample before over the mean change of all references, so that the
            mean over samples is that of all.
    """

    akd: list[float] = field(default_factory=list)
    missing: list[float] = field(default_factory=list)
    sharpness: list[float] = field(default_factory=list)
    flicker: list[float] = field(default_factory=list)
    jitter: list[float] = field(default_factory=list)
    l1: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    flaws: list[Flaws] = field(default_factory=list)


def evaluate(
    target: Target, generator: str, split: SplitName = "blocks", progress: Callable[[float], None] = lambda _: None
) -> Evaluation:
    """Self-reenactment of the held-out frames by a generator that does not know them.

    Raises:
        GeneratorNotFound, WeightsMissing: there is no such generator for this performer.
        UnusableInput: it is a trained one, and was trained with another split.
        NobodyFound: nobody is in the held-out frames, or in all others.
    """
    refuse_seen(target, generator, split)
    parts = split_of(target, split)
    total = int((parts.held_out & target.found).sum())
    if not total:
        raise NobodyFound(f"Nobody is in the frames of {target.name} that '{split}' holds out: use longer footage.")
    samples = reenact(target, generator, parts)
    return judge(_told(samples, total, progress), performer_statistics(target).near[1], flows=False)


def against_recut(target: Target, generator: str, split: SplitName, most: int = 90) -> HeldOutErrors | None:
    """How a trained generator draws held-out moves, beside footage that was only re-cut; None where it cannot be told.

    Args:
        most: frames to draw, from the beginnings of all held-out stretches.

    Raises:
        NobodyFound: nobody is in the frames to learn from.
    """
    parts = split_of(target, split)
    kept = np.zeros_like(parts.held_out)
    stretches = parts.stretches()
    for stretch in stretches:
        kept[stretch[: max(most // len(stretches), 2)]] = True
    fewer = Split(parts.train, parts.held_out & kept)
    if not (fewer.held_out & target.found).any():
        return None
    torso = performer_statistics(target).near[1]
    mine, recut = (judge(reenact(target, name, fewer), torso, flows=False) for name in (generator, RECUT))
    found = [mine.person_box.akd, mine.person_box.l1_seed, recut.person_box.akd, recut.person_box.l1_seed]
    if not np.isfinite(found).all():
        return None
    akd, l1, recut_akd, recut_l1 = (round(value, 5) for value in found)
    return HeldOutErrors(akd=akd, l1=l1, recut_akd=recut_akd, recut_l1=recut_l1)


def refuse_seen(target: Target, generator: str, split: SplitName) -> None:
    """Refuse to judge a trained generator by frames that it learnt from.

    Raises:
        GeneratorNotFound, WeightsMissing: there is no such generator for this performer.
        UnusableInput: it was trained with another split.
    """
    trained_on = create_generator(generator, target).trained_on
    if split != "all" and trained_on not in {None, split}:
        raise UnusableInput(
            f"'{generator}' of {target.name} was trained with the split '{trained_on}' and has seen frames that '{split}' "
            f"holds out: train it with --split {split}, or evaluate it with --split {trained_on}."
        )


def _told(samples: Iterable[Sample], total: int, progress: Callable[[float], None]) -> Iterator[Sample]:
    for done, sample in enumerate(samples, 1):
        yield sample
        progress(done / total)


def reenact(target: Target, generator: str, split: Split) -> Iterator[Sample]:
    """The held-out frames with somebody in them, each asked for by its own pose.

    Raises:
        GeneratorNotFound, WeightsMissing: there is no such generator for this performer.
        NobodyFound: nobody is in the frames to learn from.
    """
    known = Subset(target, split.train)
    if not known.found.any():
        raise NobodyFound(f"Nobody is in the frames of {target.name} that are left to learn from: use longer footage.")
    made_by = create_generator(generator, known)
    for number, stretch in enumerate(split.stretches()):
        yield from _reenacted(target, known, made_by, [int(i) for i in stretch], number)


def _reenacted(target: Target, known: Subset, made_by: Generator, stretch: list[int], number: int) -> Iterator[Sample]:
    poses = [target.pose(i) for i in stretch]
    choices = made_by.choose_all(poses, [Fraction(i) / target.rate for i in stretch])
    for i, pose, choice in zip(stretch, poses, choices, strict=True):
        if pose is None:
            continue
        if not all(known.found[frame] for frame in frames_of(choice)):
            raise ValueError(f"{made_by.spec.name} was caught using frame {choice}, which is held out")
        picture = made_by.generate(pose, choice)
        yield Sample(picture.image, pose, number, picture.alpha, target.frames[i], target.masks[i])


def danced(target: Target, generator: Generator, analysis: Analysis) -> Iterator[Sample]:
    """A whole source danced as a transfer does it, frame by frame, each asked for by the retargeted pose.

    Args:
        target: the performer.
        generator: made for that performer.
        analysis: of the source.

    Raises:
        NobodyFound: nobody is in the source.
    """
    with DancePipeline(target, generator) as pipeline:
        plan = pipeline.analyse(analysis)
    nobody = nobody_on(target.plate)
    for asked, choice in zip(plan.asked, plan.choices, strict=True):
        picture = nobody if asked is None else generator.generate(asked, choice)
        yield Sample(picture.image, asked, drawn=picture.alpha)


def judge(samples: Iterable[Sample], torso: float, *, flows: bool = True) -> Evaluation:
    """Measure a sequence of samples, one after the other; a handful is in memory at a time.

    Args:
        samples: all of one size, in the order of time within each stretch.
        torso: the performer's torso length in pixels, the unit of ``jitter``.
        flows: measure ``tof``, which takes longer than all else but finding the pose.
    """
    return judge_series(samples, torso, flows=flows)[0]


def judge_series(
    samples: Iterable[Sample], torso: float, *, flows: bool = True, footage: float | None = None
) -> tuple[Evaluation, Series]:
    """The same, and what each sample scored.

    Args:
        footage: :func:`footage_sharpness` of the performer, which a sample without a reference is held against; without it
            the sharpness of such a sample is not known.
    """
    tally = _Tally(flows, footage)
    for sample, found in _detected(samples):
        tally.add(sample, found)
    return tally.result(torso), tally.each(torso)


def judge_flaws(samples: Iterable[Sample], every: int = 1) -> tuple[Flaws, list[Flaws]]:
    """The flaws of samples whose references have part maps: the means, and those of each sample.

    Args:
        samples: as :func:`judge` takes them.
        every: of so many samples one is measured, with the one before it where its change is; the others are NaN.
    """
    tally = _FlawTally(every)
    for sample in samples:
        tally.add(sample)
    return tally.result(), tally.each()


def footage_sharpness(target: Target) -> float:
    """How sharp the performer's own footage is around the person: the median of ``metrics.edge_strength`` over frames of it.

    Where it is not known what a picture should be, this is what its sharpness is held against. It is not the ratio to a
    reference: another pose has other edges, so a single frame can be off by a tenth or two, and means are what to look at.
    """
    frames = np.flatnonzero(target.found)
    chosen = frames[np.unique(np.linspace(0, len(frames) - 1, _SAMPLED_FOOTAGE).astype(int))]
    boxes = [(int(i), metrics.person_box(Pose(np.asarray(target.poses[i])))) for i in chosen]
    shape = (target.height, target.width)
    strengths = [metrics.edge_strength(target.frames[i], box.region(shape)) for i, box in boxes if box is not None]
    return float(np.nanmedian(strengths))


def _detected(samples: Iterable[Sample]) -> Iterator[tuple[Sample, Pose | None]]:
    """Each sample with the largest person that is found on its output, every picture looked at afresh."""
    waiting: deque[Sample] = deque()

    def pictures() -> Iterator[VideoFrame]:
        for index, sample in enumerate(samples):
            waiting.append(sample)
            yield VideoFrame(index, Fraction(index), sample.output)

    for sighting in look(pictures(), person=None):
        size = (sighting.frame.image.shape[1], sighting.frame.image.shape[0])
        people = distinct(sighting.people)
        yield waiting.popleft(), choose(people, "largest", size) if people else None


@dataclass(slots=True)
class _Region:
    """Image errors of one region, frame by frame."""

    l1_seed: list[float] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    sharpness: list[float] = field(default_factory=list)

    def add(self, output: Frame, reference: Frame, box: metrics.Box, similar: NDArray[np.float32]) -> None:
        """``similar`` is the map of SSIM of the whole frame."""
        region = box.region(output.shape)
        seed = metrics.seed_box(box, (output.shape[1], output.shape[0])).region((metrics.SEED, metrics.SEED))
        self.l1_seed.append(metrics.l1(metrics.seed_scale(output)[seed], metrics.seed_scale(reference)[seed]))
        self.psnr.append(min(metrics.psnr(output[region], reference[region]), BEST_PSNR))
        self.ssim.append(metrics.mean_ssim(similar, region=region))
        self.sharpness.append(metrics.sharpness_ratio(output, reference, region))

    def scores(self, error: metrics.PoseError) -> Scores:
        means = [metrics.mean_known(values) for values in (self.l1_seed, self.psnr, self.ssim, self.sharpness)]
        return Scores(means[0], means[1], means[2], means[3], error.akd, error.mkr)


_FLAWS_EVERY: Final = 8
"""Of so many pictures the flaws of one are measured: that takes several times as long as everything else together."""


@dataclass(slots=True)
class _FlawTally:
    """The flaws of samples, one after the other; NaN where drawing, reference or part map of one is not known."""

    every: int = 1
    found: list[Flaws] = field(default_factory=list)
    changes: list[tuple[float, float]] = field(default_factory=list)
    last: tuple[Sample, Shown, Shown] | None = None

    def add(self, sample: Sample) -> None:
        place = len(self.found)
        flaws, change = Flaws(), (math.nan, math.nan)
        if sample.drawn is None or sample.reference is None or sample.parts is None:
            self.last = None
        elif place % self.every == 0 or (place + 1) % self.every == 0:
            output, parts = shown(sample.output, sample.drawn), parts_at_scale(sample.parts)
            answer = Shown(at_scale(sample.reference), parts > 0)
            if place % self.every == 0:
                flaws = flaws_of(output, answer.image, parts)
                if self.last is not None and self.last[0].stretch == sample.stretch:
                    change = change_pair(self.last[1], output, self.last[2], answer)
            self.last = sample, output, answer
        self.found.append(flaws)
        self.changes.append(change)

    def each(self) -> list[Flaws]:
        right = metrics.mean_known(right for _, right in self.changes)
        return [
            replace(flaws, pops=output / right if right > 0 else math.nan)
            for flaws, (output, _) in zip(self.found, self.changes, strict=True)
        ]

    def result(self) -> Flaws:
        names = ("misplaced", "extra", "missing", "worst_patch", "shift")
        means = {name: metrics.mean_known(getattr(flaws, name) for flaws in self.found) for name in names}
        return Flaws(**means, pops=ratio_of_changes(self.changes))


@dataclass(slots=True)
class _Tally:
    """All that is measured, frame by frame."""

    flows: bool
    footage: float | None = None
    asked: list[Pose | None] = field(default_factory=list)
    found: list[Pose | None] = field(default_factory=list)
    known: list[Pose | None] = field(default_factory=list)
    timeline: list[Pose | None] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    series: Series = field(default_factory=Series)
    full: _Region = field(default_factory=_Region)
    box: _Region = field(default_factory=_Region)
    psnr_person: list[float] = field(default_factory=list)
    ssim_person: list[float] = field(default_factory=list)
    flicker: list[float] = field(default_factory=list)
    tof: list[float] = field(default_factory=list)
    size: tuple[int, int] = (1, 1)
    last: tuple[Sample, Alpha] | None = None
    flaws: _FlawTally = field(default_factory=lambda: _FlawTally(_FLAWS_EVERY))

    def add(self, sample: Sample, found: Pose | None) -> None:
        self.size = (sample.output.shape[1], sample.output.shape[0])
        self.asked.append(sample.asked)
        self.found.append(found)
        self.known.append(sample.known)
        told = (
            (self.series.sharpness, self.box.sharpness), (self.series.l1, self.box.l1_seed),
            (self.series.ssim, self.box.ssim), (self.series.flicker, self.flicker),
        )  # fmt: skip
        before = [len(known) for _, known in told]
        if sample.reference is not None:
            self._compare(sample, sample.reference)
        elif self.footage is not None:
            self._hold_against_footage(sample, self.footage)
        self._follow(sample, found)
        self.flaws.add(sample)
        for (each, known), count in zip(told, before, strict=True):
            each.append(known[-1] if len(known) > count else math.nan)
        error = metrics.pose_error([sample.asked], [found], self.size)
        self.series.akd.append(error.akd)
        self.series.missing.append(error.mkr)

    def _hold_against_footage(self, sample: Sample, footage: float) -> None:
        box = None if sample.asked is None else metrics.person_box(sample.asked)
        if box is not None:
            strength = metrics.edge_strength(sample.output, box.region(sample.output.shape))
            self.box.sharpness.append(strength / footage if footage > 0 else math.nan)

    def _compare(self, sample: Sample, reference: Frame) -> None:
        width, height = self.size
        similar = metrics.ssim_map(sample.output, reference)
        self.full.add(sample.output, reference, metrics.Box(0, 0, width, height), similar)
        pose = sample.known or sample.asked
        box = None if pose is None else metrics.person_box(pose)
        if box is not None and sample.output[box.region(sample.output.shape)].size:
            self.box.add(sample.output, reference, box, similar)
        if sample.person is not None and (inside := sample.person >= 128).any():
            self.psnr_person.append(min(metrics.psnr(sample.output, reference, inside), BEST_PSNR))
            self.ssim_person.append(metrics.mean_ssim(similar, inside))

    def _follow(self, sample: Sample, found: Pose | None) -> None:
        covered = _covered(sample)
        if self.last is None or self.last[0].stretch != sample.stretch:
            self.timeline.append(None)
        else:
            before, covered_before = self.last
            self.flicker.append(metrics.change_outside(before.output, covered_before, sample.output, covered))
            if self.flows and before.reference is not None and sample.reference is not None:
                pairs = (before.output, before.reference), (sample.output, sample.reference)
                self.tof.append(metrics.flow_error(*pairs))
        self.places.append(len(self.timeline))
        self.timeline.append(found)
        self.last = sample, covered

    def each(self, torso: float) -> Series:
        jitters = metrics.jitters(self.timeline, torso) if self.timeline else np.empty(0)
        jitter = [float(jitters[place]) for place in self.places]
        measured = self.flaws.each()
        # what was not looked at has what was measured last
        flaws = [measured[place - place % self.flaws.every] for place in range(len(measured))]
        return replace(self.series, jitter=jitter, flaws=flaws)

    def result(self, torso: float) -> Evaluation:
        error = metrics.pose_error(self.asked, self.found, self.size)
        return Evaluation(
            frames=len(self.asked),
            full_frame=self.full.scores(error),
            person_box=self.box.scores(error),
            psnr_person=metrics.mean_known(self.psnr_person),
            ssim_person=metrics.mean_known(self.ssim_person),
            pck=error.pck,
            akd_known=metrics.pose_error(self.known, self.found, self.size).akd,
            akd_asked=metrics.pose_error(self.known, self.asked, self.size).akd,
            flicker=metrics.mean_known(self.flicker),
            tof=metrics.mean_known(self.tof),
            jitter=metrics.jitter(self.timeline, torso),
            flaws=self.flaws.result(),
        )


def _covered(sample: Sample) -> Alpha:
    """Where the person is on the output, drawn from the pose where the generator does not say."""
    if sample.drawn is not None:
        return sample.drawn
    shape = sample.output.shape[:2]
    return np.zeros(shape, np.uint8) if sample.asked is None else body_shape(shape, sample.asked)


def performer_of(
    target_id: str | None, folder: Path | None, progress: Callable[[float], None] = lambda _: None
) -> Target:
    """The performer to evaluate.

    Args:
        target_id: a performer there is.
        folder: pictures with landmarks (:class:`core.targets.footage.FolderFootage`). The performer of ``target_id`` is
            taken where they were built from these pictures; otherwise one is built of them and kept in the cache.
        progress: of building, 0 to 1.

    Raises:
        UnusableInput: neither is given, or the folder cannot be used.
        TargetNotFound: there is no performer of that id.
    """
    target = None if target_id is None else load_target(target_id)
    if target is not None and (folder is None or _made_of(target, folder)):
        return target
    if folder is None:
        raise UnusableInput("Say which performer to evaluate: --target ID, or --frames FOLDER.")
    if target is not None:
        logger.info("%s was not built from %s: a performer is built of its pictures", target.id, folder.name)
    return _built(folder, progress)


def _made_of(target: Target, folder: Path) -> bool:
    """Whether the performer was built from the pictures of ``folder``, by a few of them."""
    footage = FolderFootage(folder)
    if footage.count != target.manifest.frames:
        return False
    chosen = np.linspace(0, target.manifest.frames - 1, _SAMPLED_PICTURES).astype(int)
    return all(_same_person(target, i, shot) for i, shot in enumerate(footage) if i in chosen)


def _same_person(target: Target, index: int, shot: Shot) -> bool:
    """Whether the person in a performer's frame is cut out of this picture, which the camera's moves may have shifted."""
    pose, mask = target.pose(index), target.masks[index]
    height, width = shot.image.shape[:2]
    to_frame: NDArray[np.float64] | None = np.diag([target.width / width, target.height / height, 1.0])[:2]
    if pose is not None and shot.pose is not None:
        to_frame = cv2.estimateAffine2D(np.ascontiguousarray(shot.pose.xy), np.ascontiguousarray(pose.xy))[0]
    if to_frame is None:
        return False
    brought = cv2.warpAffine(shot.image, to_frame, target.size)
    apart = cv2.absdiff(target.frames[index], brought)[mask == 255]
    return not apart.size or float(apart.mean()) < _SAME_PERSON


def _built(folder: Path, progress: Callable[[float], None]) -> Target:
    root = paths.cache_root() / "frames"
    target_id = f"frames-{_digest(folder)}"
    if find_place(target_id, root) is None:
        build_target(folder, id=target_id, name=folder.name, into=root, progress=progress).close()
    return load_target(target_id, root)


def _digest(folder: Path) -> str:
    """16 hexadecimal digits of what the folder holds."""
    digest = hashlib.sha256()
    for path in [*sorted((folder / "frames").glob("*")), folder / "landmarks.npz"]:
        if path.is_file():
            digest.update(f"{path.name}:{path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
