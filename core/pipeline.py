"""The one chain from a source frame to the frame that is shown. Pages, command line and webcam all drive this class.

Files know their future: ``analyse`` makes a plan of the whole, then ``step(frame, plan)`` gives each frame. Live streams do
not: ``step(frame)`` works from what was seen so far. Previews of a file whose plan does not exist yet are the live way.
What a performer is asked for is the same whoever draws them: several generators share one :class:`RetargetedMotion`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat
from time import perf_counter

import numpy as np

from core.errors import NobodyFound, UnusableInput
from core.generators.base import FrameSelection, FrameSelector, Generator
from core.pose.camera import in_view, steadied
from core.pose.cuts import shots_of, without_mixtures
from core.pose.known_views import KnownViews
from core.pose.live_tracker import LiveDancer, TrackedPose
from core.pose.person_selection import Person
from core.pose.retarget import BodyStatistics, Retargeter, floor_of, ground_lines, measure_body, measure_shots
from core.pose.smoothing import smooth_offline
from core.pose.video_analysis import Analysis, FrameDetections
from core.rendering.compositing import Background, Layout, arrange, needs_source, parse_background
from core.targets.store import Target
from core.types import Frame, FrameResult, Picture, Pose, VideoFrame
from core.utils.closeable import Closeable
from core.utils.corner_tracking import normalised


@dataclass(frozen=True, slots=True)
class RetargetedMotion:
    """What the dancer of a whole file does, and what that asks of one performer. Lists run over frames; None for nobody.

    ``poses`` are the dancer's (source pixels, smoothed), ``asked`` the performer's (performer pixels), ``times`` seconds,
    ``found`` the number of frames in which the dancer was found. ``seen`` says how much of what each frame asks the
    performer's footage shows, from 0 to 1 (:mod:`core.pose.known_views`), NaN for nobody; ``asked`` is what was made of that.
    ``cuts`` are the numbers of the frames that begin another shot.
    """

    poses: list[Pose | None]
    asked: list[Pose | None]
    times: list[Fraction]
    found: int
    seen: list[float]
    cuts: list[int]


@dataclass(frozen=True, slots=True)
class TransferPlan:
    """What a whole file will be danced by: the moves, and for each frame the performer's frames to work from."""

    moves: RetargetedMotion
    choices: list[FrameSelection]

    @property
    def poses(self) -> list[Pose | None]:
        """See :class:`RetargetedMotion`."""
        return self.moves.poses

    @property
    def asked(self) -> list[Pose | None]:
        """See :class:`RetargetedMotion`."""
        return self.moves.asked

    @property
    def found(self) -> int:
        """See :class:`RetargetedMotion`."""
        return self.moves.found


class PerformerRenderer:
    """One performer by one generator, for one stream: asks for poses of theirs and draws them.

    ``ask`` and ``draw`` may be called by two threads, each by one.

    Args:
        target: the performer.
        generator: made for that performer; may be shared.

    Attributes:
        known: which views of the performer there are.
    """

    def __init__(self, target: Target, generator: Generator) -> None:
        self.target = target
        self.generator = generator
        body = performer_statistics(target)
        self._retargeter = Retargeter(body)
        poses, photos = np.asarray(target.poses)[target.found], target.manifest.of_photos
        self.known = KnownViews(poses, body, float(target.rate), target.width, target.height, photos=photos)
        self._live = self.known.live()
        self._chooser: FrameSelector | None = None
        self._last: tuple[Pose, FrameSelection] | None = None
        self._shot = 0

    def fit(self, pose: Pose, dancer: BodyStatistics, ground: float) -> Pose:
        """See ``Retargeter.fit``."""
        return self._retargeter.fit(pose, dancer, ground)

    def ask(self, sight: TrackedPose | None) -> tuple[Pose | None, FrameSelection]:
        """The pose and the choice to draw the next frame of a live stream from; (None, None) for an empty stage."""
        if sight is None:
            return None, None
        if sight.held and self._last is not None:
            return self._last
        if sight.shot != self._shot:
            self._shot, self._chooser = sight.shot, None
            self._live.reset()
        fitted = self.fit(sight.pose, sight.body, sight.ground)
        asked, _ = self._live.step(fitted, sight.seconds, hanging=self._retargeter.hangs(sight.body))
        if self._chooser is None:
            self._chooser = self.generator.chooser()
        self._last = asked, self._chooser.choose(asked, sight.seconds)
        return self._last

    def ask_all(
        self, poses: list[Pose | None], seconds: list[float], cuts: list[int], dancer: BodyStatistics | None = None
    ) -> tuple[list[Pose | None], list[float]]:
        """The poses to draw a whole file from, and how much of each is known, see :class:`RetargetedMotion`.

        Args:
            poses: the dancer's, smoothed, one for each frame.
            seconds: their times.
            cuts: numbers of the frames that begin another shot.
            dancer: their build and place, where more is known of it than these poses tell.
        """
        shots = shots_of(cuts, len(poses))
        danced = [[pose for pose in poses[shot] if pose is not None] for shot in shots]
        bodies = iter(measure_shots([some for some in danced if some]) if dancer is None else repeat(dancer))
        asked: list[Pose | None] = []
        seen: list[float] = []
        for shot, some in zip(shots, danced, strict=True):
            if some:
                brought, known = self._ask_shot(poses[shot], seconds[shot], next(bodies))
            else:
                brought, known = poses[shot], [float("nan")] * len(poses[shot])
            asked.extend(brought)
            seen.extend(known)
        return asked, seen

    def _ask_shot(
        self, poses: list[Pose | None], seconds: list[float], dancer: BodyStatistics
    ) -> tuple[list[Pose | None], list[float]]:
        grounds = ground_lines(poses, seconds, dancer.legs_seen)
        fitted = [
            None if pose is None else self.fit(pose, dancer, ground)
            for pose, ground in zip(poses, grounds, strict=True)
        ]
        return self.known.bring(fitted, seconds, hanging=self._retargeter.hangs(dancer))

    def draw(self, asked: Pose | None, choice: FrameSelection) -> Picture:
        """The performer in that pose; the empty stage for None."""
        if asked is None:
            return nobody_on(self.target.plate)
        return self.generator.generate(asked, choice)


class DancePipeline(Closeable):
    """One source, one performer, one generator.

    Holds the state of one live stream; a file needs none beyond its plan. Close it, or use it as a context.

    Args:
        target: the performer.
        generator: made for that performer; may be shared.
        person: whom to follow in the source.
        layout: what is shown beside the performer.
        background: what is shown behind.

    Raises:
        UnusableInput: a transparent background beside the source.
    """

    def __init__(
        self,
        target: Target,
        generator: Generator,
        *,
        person: Person = "largest",
        layout: Layout = "result",
        background: Background | None = None,
    ) -> None:
        self._act = PerformerRenderer(target, generator)
        self._person = person
        self._layout: Layout = layout
        self._background = background or Background()
        self._dancer: LiveDancer | None = None
        if self._background.transparent and needs_source(layout):
            raise UnusableInput("Only the performer alone can be transparent: leave the layout at result.")

    @property
    def transparent(self) -> bool:
        """Whether pictures are RGBA."""
        return self._background.transparent

    @property
    def behind(self) -> Frame | None:
        """The picture behind the performer; None where nothing is."""
        if self._background.transparent:
            return None
        return self._act.target.plate if self._background.picture is None else self._background.picture

    def close(self) -> None:
        """Give back what a live stream holds."""
        if self._dancer is not None:
            self._dancer.close()
            self._dancer = None

    @property
    def needs_source(self) -> bool:
        """Whether ``step`` with a plan looks at the frame's pixels."""
        return needs_source(self._layout)

    def analyse(self, analysis: Analysis) -> TransferPlan:
        """The plan for a whole file.

        Raises:
            NobodyFound: no frame shows a person.
        """
        return self.plan(self.moves(analysis))

    def plan(self, moves: RetargetedMotion) -> TransferPlan:
        """The plan for moves that were asked of this performer, by whichever generator."""
        return TransferPlan(moves, self._act.generator.choose_all(moves.asked, moves.times, moves.cuts))

    def moves(self, analysis: Analysis) -> RetargetedMotion:
        """What a whole file asks of this performer.

        Raises:
            NobodyFound: no frame shows a person.
        """
        times, cuts = analysis.seconds, analysis.cuts
        smooth, poses = dancer_of(analysis)
        asked, seen = self._act.ask_all(smooth, times, cuts)
        found = sum(pose is not None for pose in analysis.poses)
        return RetargetedMotion(poses, asked, analysis.times, found, seen, cuts)

    def step(
        self, frame: VideoFrame, plan: TransferPlan | None = None, sighting: FrameDetections | None = None
    ) -> FrameResult:
        """The next frame to show.

        Args:
            frame: with a plan, its ``index`` says which one; its pixels are looked at only if ``needs_source``.
            plan: for files. Without one this is a live step.
            sighting: of a live frame that somebody looked at already.
        """
        clock = Clock()
        if plan is None:
            pose, asked, choice = self._live_pose(frame, sighting, clock)
        else:
            i = frame.index
            pose, asked, choice = plan.poses[i], plan.asked[i], plan.choices[i]
        with clock.stage("generate"):
            person = self._act.draw(asked, choice)
        with clock.stage("composite"):
            drawn = self._background.behind(person, self._act.target.plate, asked)
            image = arrange(self._layout, drawn, frame.image, pose)
        return FrameResult(image, pose, asked, clock.milliseconds)

    def _live_pose(
        self, frame: VideoFrame, sighting: FrameDetections | None, clock: Clock
    ) -> tuple[Pose | None, Pose | None, FrameSelection]:
        if self._dancer is None:
            self._dancer = LiveDancer(self._person)
        with clock.stage("pose"):
            seconds = float(frame.time)
            sight = (
                self._dancer.look(frame)
                if sighting is None
                else self._dancer.take(sighting.pose, seconds, changed=sighting.changed)
            )
        with clock.stage("retarget"):
            asked, choice = self._act.ask(sight)
        return None if sight is None else sight.pose, asked, choice


def dancer_of(analysis: Analysis) -> tuple[list[Pose | None], list[Pose | None]]:
    """What the dancer of a whole file does, smoothed: as a camera that stands would see it, and in the source's own pixels.

    Raises:
        NobodyFound: no frame shows a person.
    """
    if not any(pose is not None for pose in analysis.poses):
        raise NobodyFound("Nobody was found in this video: choose one that shows a person, best from head to foot.")
    times, cuts = analysis.seconds, analysis.cuts
    known = without_mixtures(analysis.poses, times, cuts, analysis.changed)
    views = steadied(analysis.views, known, times, sorted({*cuts, *analysis.changed}), max(analysis.size))
    # before smoothing, which would blur what shakes
    held = [None if p is None else in_view(p, v) for p, v in zip(known, views, strict=True)]
    smooth = smooth_offline(held, times, cuts)
    back = [None if view is None else normalised(np.linalg.inv(view)) for view in views]
    return smooth, [None if p is None else in_view(p, v) for p, v in zip(smooth, back, strict=True)]


class Clock:
    """Times the stages of one frame."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        start = perf_counter()
        yield
        self.milliseconds[name] = (perf_counter() - start) * 1000


def performer_statistics(target: Target) -> BodyStatistics:
    """Build and whereabouts of the performer in their own footage.

    Raises:
        NobodyFound: the performer's footage shows nobody.
    """
    poses = [Pose(np.asarray(landmarks)) for landmarks in np.asarray(target.poses)[target.found]]
    if not poses:
        raise NobodyFound(f"The footage of {target.name} shows nobody: build this performer again.")
    return measure_body(poses)


def background_for(target: Target, text: str) -> Background:
    """What ``core.rendering.compositing.parse_background`` makes of ``text`` for one performer: they stand on its floor.

    Raises:
        UnusableInput: it is no background, or the picture cannot be read.
        NobodyFound: the performer's footage shows nobody.
    """
    return parse_background(text, target.size, floor_of(performer_statistics(target), target.height))


def nobody_on(stage: Frame) -> Picture:
    """A stage without anybody."""
    return Picture(stage, np.zeros(stage.shape[:2], np.uint8))
