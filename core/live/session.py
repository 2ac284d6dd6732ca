"""One live stream: camera pictures in, pictures of the performer out, as fast as they come and never later than need be.

Looking and drawing have a thread each, with one slot before each of them: the newest camera picture wins and nothing queues
up, so that the latency stays what the work takes; and nothing is looked at that will not be drawn. The shown camera picture
is the very one that the performer's was made from. What takes long (opening a performer, learning a dance) happens in threads
of its own while the old goes on.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame as Picture

from core.errors import DanceError
from core.generators.base import FrameSelection
from core.live.adaptive_quality import Quality, QualityController
from core.live.frame_analyzer import AnalyzedPicture, CameraFrame, FrameAnalyzer
from core.live.framing_hints import BLOCKING, Hint, sentence
from core.live.latest_slot import LatestSlot
from core.live.layout import Panels, compose_live
from core.live.live_settings import Following, LiveSettings, OpenCast, Scene, open_following, open_scene
from core.live.people_in_view import PeopleInView, Portrait
from core.live.recording import Recorded, Recorder
from core.live.stream_stats import Figures, Summary
from core.live.worker_threads import WorkerThreads
from core.pipeline import Clock
from core.pose.person_selection import Listed
from core.types import Frame, Pose
from core.types import Picture as Drawn
from core.video.provenance import Provenance, SourceType

logger = logging.getLogger(__name__)

IDLE_SECONDS: Final = 600.0
"""A stream that shows nobody for so long is ended: somebody forgot it."""

BROKEN: Final = "Something went wrong on our side and the mirror stopped. Please start it again."

_JUDGE_EVERY = 1.0
_RECORDED_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class AnalyzedFrame:
    """A camera picture that was looked at, on its way to be drawn."""

    arrived: CameraFrame
    seen: AnalyzedPicture
    scene: Scene
    asked: Pose | None
    choice: FrameSelection


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture to show.

    Attributes:
        number: of the camera picture that it was made from.
        arrived: when that one came, monotonic seconds.
        image: RGB, even sides; never changed afterwards.
        pose: the dancer, pixels of the camera picture as it was looked at; None for nobody.
        asked: the pose asked of the performer, performer pixels.
        different: whether it differs from the one before.
    """

    number: int
    arrived: float
    image: Frame
    pose: Pose | None
    asked: Pose | None
    different: bool


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """What can be told about a stream at one moment. Sentences are for people; None where there is nothing to say.

    Attributes:
        figures: what it really does.
        hint: what the person should change.
        quality: why pictures are worse than they could be.
        notice: what went wrong with a wish; the stream goes on with what it had.
        dance: how far the dance to follow is.
        playing: the dance that is followed; None while there is none.
        score, score_mean: likeness to it now and on the whole, 0 to 1.
        recording: seconds recorded so far, None while nothing is.
        ended: why it ended by itself.
    """

    figures: Summary
    hint: str | None = None
    quality: str | None = None
    notice: str | None = None
    dance: str | None = None
    playing: str | None = None
    score: float | None = None
    score_mean: float | None = None
    recording: float | None = None
    ended: str | None = None


class LiveSession(WorkerThreads):
    """One person's stream. Every method may be called from any thread; none but ``close`` and ``stop_recording`` waits.

    Args:
        open_cast: opens performers and generators.
        wish: what to show first.
        show: called in the drawing thread with each picture; must be quick. Whoever hands it on calls ``delivered``.
        ended: called once, in one of its threads, when it ends by itself.
        idle_seconds: see :data:`IDLE_SECONDS`.

    Example:
        >>> with LiveSession(app_services().performers.get, LiveSettings("mira", "nearest"), show=track.offer) as session:
        ...     session.put(picture)
    """

    def __init__(
        self,
        open_cast: OpenCast,
        wish: LiveSettings,
        show: Callable[[Shown], None],
        *,
        ended: Callable[[], None] = lambda: None,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        super().__init__(ended, BROKEN)
        self._open_cast = open_cast
        self._show = show
        self._idle_seconds = idle_seconds
        self._wish = wish
        self._camera: LatestSlot[CameraFrame] = LatestSlot()
        self._moments: LatestSlot[AnalyzedFrame] = LatestSlot()
        self._scenery: LatestSlot[tuple[LiveSettings, Quality]] = LatestSlot()
        self._dances: LatestSlot[tuple[str | None]] = LatestSlot()
        self._figures = Figures()
        self._crowd = PeopleInView()
        self._to_follow: Listed | None = None
        self._ladder = QualityController()
        self._scene: Scene | None = None
        self._following: Following | None = None
        self._learning = False
        self._recorder: Recorder | None = None
        self._newest: Shown | None = None
        self._hint: Hint | None = None
        self._notice: str | None = None
        self._count = 0
        self._last_print = 0
        self._last_camera = monotonic()
        self._last_person = monotonic()
        self._judged = monotonic()
        self._scenery.put((wish, Quality.FULL))
        self._dances.put((wish.dance,))
        self._begin({"look": self._look, "draw": self._draw, "scene": self._open_scenes, "dance": self._open_dances})

    # ---- what goes in

    def put(self, picture: Picture) -> None:
        """The next camera picture."""
        now = monotonic()
        self._last_camera = now
        self._figures.camera(now)
        self._camera.put(CameraFrame(self._count, now, picture))
        self._count += 1

    def hear(self, piece: AudioFrame) -> None:
        """The next piece of the microphone's sound; kept only while something is recorded."""
        recorder = self._recorder
        if recorder is not None:
            recorder.hear(piece, monotonic())

    def wish(self, wish: LiveSettings) -> None:
        """Show something else from now on, or as soon as it is opened."""
        with self._lock:
            before, self._wish = self._wish, wish
        if wish.scenery != before.scenery:
            self._notice = None
            if wish.generator != before.generator or wish.performer != before.performer:
                self._ladder.reset(monotonic())
            self._scenery.put((wish, self._ladder.step))
        if wish.dance != before.dance:
            self._dances.put((wish.dance,))

    def follow(self, somebody: Portrait) -> None:
        """From the next picture on follow one of :meth:`portraits`."""
        with self._lock:
            self._to_follow = somebody.one

    def restart_dance(self, after: float) -> None:
        """Let the dance that is followed begin anew in ``after`` seconds, as its sound does elsewhere."""
        following = self._following
        if following is not None:
            self._following = following.again(monotonic() + after)

    def delivered(self, shown: Shown) -> None:
        """A picture was handed on to whoever shows it."""
        now = monotonic()
        self._figures.shown(now - shown.arrived, shown.different, now)

    # ---- what comes out

    @property
    def newest(self) -> Shown | None:
        """The newest picture; what a snapshot keeps."""
        return self._newest

    def portraits(self) -> list[Portrait]:
        """Whom there is to follow where several are in view; nobody where there is no choice."""
        return self._crowd.portraits()

    @property
    def silent_seconds(self) -> float:
        """Since the last camera picture, or since it began."""
        return monotonic() - self._last_camera

    @property
    def over(self) -> bool:
        """Whether it has ended, or is about to."""
        return self._camera.closed

    def status(self) -> LiveStatus:
        """What can be told just now."""
        recorder, following, scene = self._recorder, self._following, self._scene
        step = self._ladder.step
        if step is Quality.SMALLER and scene is not None and not scene.smaller_offered:
            step = Quality.FULL
        name = "the performer" if scene is None else scene.act.target.name
        return LiveStatus(
            self._figures.read(monotonic()),
            hint=None if self._hint is None else sentence(self._hint, name),
            quality=step.sentence,
            notice=self._notice,
            dance="Learning the dance…" if self._learning else None,
            playing=None if following is None else following.dance,
            score=None if following is None else following.now,
            score_mean=None if following is None else following.score.mean,
            recording=None if recorder is None or recorder.over else recorder.seconds,
            ended=self._ended,
        )

    def record(self, path: Path, *, sound: bool, longest: float) -> None:
        """Begin to record what is shown into ``path``; what was being recorded ends.

        Args:
            sound: whether a microphone is heard.
            longest: seconds after which it ends by itself.
        """
        self.stop_recording()
        # the layout can be changed meanwhile, and may show the camera's picture
        self._recorder = Recorder(path, sound=sound, longest=longest, provenance=Provenance(SourceType.COMPOSITE))

    def stop_recording(self) -> Recorded | None:
        """End the recording; None when nothing came of it.

        Raises:
            DanceError: it could not be written.
        """
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return None
        recorded = recorder.stop(_RECORDED_SECONDS)
        if recorder.error is not None:
            raise DanceError(recorder.error)
        return recorded

    # ---- the end

    def stop(self) -> None:
        """Let it end, without waiting."""
        for box in (self._camera, self._moments, self._scenery, self._dances):
            box.close()

    def close(self) -> None:
        """End it, and wait for its threads for at most :data:`core.live.worker_threads.STOP_SECONDS`."""
        deadline = self._stop_and_wait()
        recorder = self._recorder
        if recorder is not None:
            recorder.stop(max(0.0, deadline - monotonic()))
        # the page may keep this for long, and with it the performer and the network
        self._scene = self._following = None

    # ---- looking

    def _look(self) -> None:
        with FrameAnalyzer() as eye:
            while (arrived := self._camera.take()) is not None:
                self._look_at(eye, arrived)
                # looking at more than can be drawn would slow the drawing down: both go on the same cores
                self._moments.wait_until_taken()

    def _look_at(self, eye: FrameAnalyzer, arrived: CameraFrame) -> None:
        waited = (monotonic() - arrived.at) * 1000
        with self._lock:
            follow, self._to_follow = self._to_follow, None
        every_second = self._ladder.step is Quality.SECOND_POSE
        seen = eye.look(arrived, flip=self._wish.flip, every_second=every_second, follow=follow)
        self._hint = seen.hint
        self._crowd.take_in(seen, arrived.at)
        self._note_person(seen, arrived.at)
        scene, following = self._scene, self._following
        if following is not None and seen.sight is not None:
            following.take_in(seen.sight, arrived.at)
        clock = Clock()
        if scene is not None:
            with clock.stage("retarget"):
                asked, choice = scene.act.ask(seen.sight)
            self._moments.put(AnalyzedFrame(arrived, seen, scene, asked, choice))
        now = monotonic()
        self._figures.stages({"wait": waited, **seen.milliseconds, **clock.milliseconds}, now)
        self._judge(now)

    def _note_person(self, seen: AnalyzedPicture, now: float) -> None:
        if seen.sight is not None:
            self._last_person = now
        elif now - self._last_person > self._idle_seconds:
            minutes = round(self._idle_seconds / 60)
            self._end(
                f"Nobody was in view for {minutes} minutes, so the mirror was switched off. Start it again any time."
            )

    def _judge(self, now: float) -> None:
        """Once a second: is the machine keeping up?"""
        scene = self._scene
        if scene is None or now - self._judged < _JUDGE_EVERY:
            return
        self._judged = now
        before = self._ladder.step
        step = self._ladder.judge(self._figures.read(now), now, smaller_offered=scene.smaller_offered)
        if step != before:
            logger.info("live quality: %s", step.name.lower())
            if (step >= Quality.SMALLER) != (before >= Quality.SMALLER) and scene.smaller_offered:
                self._scenery.put((self._wish, step))

    # ---- drawing

    def _draw(self) -> None:
        playing: Following | None = None
        try:
            while (moment := self._moments.take()) is not None:
                if playing is not self._following:
                    if playing is not None:
                        playing.player.close()
                    playing = self._following
                self._draw_one(moment, playing)
        finally:
            if playing is not None:
                playing.player.close()

    def _draw_one(self, moment: AnalyzedFrame, playing: Following | None) -> None:
        clock = Clock()
        with clock.stage("generate"):
            drawn = moment.scene.act.draw(moment.asked, moment.choice)
        with clock.stage("composite"):
            image = self._compose(moment, drawn, playing)
        self._figures.stages(clock.milliseconds, monotonic())
        self._hand_on(moment, image)

    def _compose(self, moment: AnalyzedFrame, drawn: Drawn, playing: Following | None) -> Frame:
        hint = moment.seen.hint
        blocked = hint in BLOCKING
        sight = moment.seen.sight
        panels = Panels(
            performer=moment.scene.background.behind(drawn, moment.scene.act.target.plate, moment.asked),
            camera=moment.seen.image,
            asked=moment.asked,
            dance=None if playing is None else playing.picture(moment.arrived.at),
            words=sentence(hint, moment.scene.act.target.name) if blocked and hint is not None else None,
            silhouette=blocked,
            marked=sight.pose if sight is not None and self._crowd.marks(moment.arrived.at) else None,
        )
        return compose_live(self._wish.layout, panels)

    def _hand_on(self, moment: AnalyzedFrame, image: Frame) -> None:
        # a picture is another one when an eighth of its rows and columns tells so
        print_of = zlib.crc32(image[::8, ::8].tobytes())
        sight = moment.seen.sight
        shown = Shown(
            number=moment.arrived.number,
            arrived=moment.arrived.at,
            image=image,
            pose=None if sight is None else sight.pose,
            asked=moment.asked,
            different=print_of != self._last_print,
        )
        self._last_print = print_of
        self._newest = shown
        recorder = self._recorder
        if recorder is not None:
            recorder.show(image, monotonic())
        self._show(shown)

    # ---- opening

    def _open_scenes(self) -> None:
        while (wanted := self._scenery.take()) is not None:
            try:
                scene = open_scene(*wanted, self._open_cast)
                self._scene = None if self.over else scene
            except DanceError as error:
                if self._scene is None:
                    raise
                self._notice = str(error)

    def _open_dances(self) -> None:
        while (wanted := self._dances.take()) is not None:
            (dance,) = wanted
            self._following = None
            if dance is None:
                continue
            self._learning = True
            try:
                self._following = open_following(dance)
            except DanceError as error:
                self._notice = str(error)
            finally:
                self._learning = False
