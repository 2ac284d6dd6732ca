"""Somebody films themselves for a performer of their own: camera pictures in, a guided picture out, and a recording.

The recording holds what the camera gave, as it gave it; what is shown is turned as a mirror, with the stick figure faintly and
large words over it. Looking and keeping have a thread each, so that every picture can be kept while some are looked at.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

import cv2
import numpy as np
from av.video.frame import VideoFrame as Picture

from core.live.frame_analyzer import AnalyzedPicture, CameraFrame, FrameAnalyzer, working_size
from core.live.framing_hints import BLOCKING, filming_sentence
from core.live.latest_slot import LatestSlot
from core.live.recording import Recorded, Recorder
from core.live.recording_guide import LONGEST, PLENTY, STEP_BACK, Guide, Phase, Prompt
from core.live.session import IDLE_SECONDS, Shown
from core.live.text_overlay import lay_count, lay_time, lay_words
from core.live.worker_threads import WorkerThreads
from core.pose.draw import draw_pose
from core.targets.coverage import Coverage, coverage_of
from core.targets.footage_check import out_of_view
from core.targets.pose_file import stack_poses
from core.types import Frame, Pose
from core.video.colour import Converter

SIDE: Final = 960
"""Longer side in pixels of what is recorded, where the camera gives as much."""

SHORTEST: Final = 2.0
"""Seconds; what is shorter is not worth keeping."""

BROKEN: Final = "Something went wrong on our side and the camera stopped. Please start it again."
FORGOTTEN: Final = (
    "Nothing was recorded for {minutes} minutes, so the camera was switched off. Start it again any time."
)

_FIGURE: Final = 0.45
"""How much of the stick figure is seen."""
_RECORDED_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class RecordingStatus:
    """What can be told of it at one moment. Sentences are for people; None where there is nothing to say.

    Attributes:
        phase: how far it is.
        words: the sentence on the picture.
        count: seconds until the recording begins, while they are counted.
        recorded: seconds recorded so far.
        coverage: what was seen since the recording began.
        hint: what the person should change besides.
        ended: why it ended by itself.
    """

    phase: Phase
    words: str
    count: int | None
    recorded: float
    coverage: Coverage
    hint: str | None = None
    ended: str | None = None


class Repertoire:
    """What was seen of somebody so far; judged anew once a second.

    Attributes:
        coverage: of everything that was seen until it was last judged.
    """

    RATE: Final = 8
    """Poses that count of a second, however many were looked at."""

    def __init__(self) -> None:
        self.coverage = coverage_of(stack_poses([]), self.RATE)
        self._poses: list[Pose] = []
        self._next: float | None = None
        self._judged = 0.0

    def add(self, pose: Pose, seconds: float) -> None:
        """Take in the next pose, seen at ``seconds``."""
        if self._next is None or seconds - self._next > 0.5:
            # nobody was seen in between
            self._next = seconds
        while self._next <= seconds:
            self._poses.append(pose)
            self._next += 1 / self.RATE
        if seconds - self._judged >= 1.0:
            self._judged = seconds
            self.coverage = coverage_of(stack_poses(self._poses), self.RATE)


class FootageRecorder(WorkerThreads):
    """One recording, from START until it ends. Every method may be called from any thread; none but ``close`` waits.

    Args:
        path: the mp4 to make.
        show: called in the looking thread with each picture to show; must be quick.
        ended: called once, in one of its threads, when it ends by itself.
        longest: seconds after which it does.
        idle_seconds: without a recording, after which it does as well.

    Attributes:
        recorded: what came of it, None where that is nothing; known once it is ``finished``.
        error: why nothing could be written, a sentence.

    Example:
        >>> with Filming(Path("me.mp4"), show=track.offer) as filming:
        ...     filming.put(picture)
    """

    def __init__(
        self,
        path: Path,
        show: Callable[[Shown], None],
        *,
        ended: Callable[[], None] = lambda: None,
        longest: float = LONGEST,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        super().__init__(ended, BROKEN)
        self.recorded: Recorded | None = None
        self.error: str | None = None
        self._path = path
        self._show = show
        self._longest = longest
        self._idle_seconds = idle_seconds
        self._to_look: LatestSlot[CameraFrame] = LatestSlot()
        self._to_keep: LatestSlot[CameraFrame] = LatestSlot()
        self._guide = Guide(longest)
        self._repertoire = Repertoire()
        self._recorder: Recorder | None = None
        self._prompt = Prompt("waiting", STEP_BACK)
        self._hint: str | None = None
        self._largest = (0, 0)
        self._count = 0
        self._began = self._last_camera = monotonic()
        self._finished = threading.Event()
        self._begin({"look": self._look, "keep": self._keep})

    def put(self, picture: Picture) -> None:
        """The next camera picture."""
        self._last_camera = monotonic()
        arrived = CameraFrame(self._count, self._last_camera, picture)
        self._count += 1
        self._to_look.put(arrived)
        if self._recorder is not None:
            self._to_keep.put(arrived)

    @property
    def silent_seconds(self) -> float:
        """Since the last camera picture, or since it began."""
        return monotonic() - self._last_camera

    @property
    def over(self) -> bool:
        """Whether it has ended, or is about to."""
        return self._to_look.closed

    @property
    def finished(self) -> bool:
        """Whether the file is whole, or will never be."""
        return self._finished.is_set()

    def status(self) -> RecordingStatus:
        """What can be told just now."""
        told = self._prompt
        coverage = self._repertoire.coverage
        return RecordingStatus(told.phase, told.words, told.count, told.recorded, coverage, self._hint, self._ended)

    # ---- the end

    def stop(self) -> None:
        """Let it end, without waiting."""
        self._to_look.close()
        self._to_keep.close()

    def close(self) -> None:
        """End it, and wait until the file is whole."""
        self._stop_and_wait()
        recorder = self._recorder
        if recorder is not None:
            self.recorded, self.error = recorder.stop(_RECORDED_SECONDS), recorder.error
        self._finished.set()

    # ---- looking

    def _look(self) -> None:
        with FrameAnalyzer() as eye:
            while (arrived := self._to_look.take()) is not None:
                self._look_at(eye, arrived)

    def _look_at(self, eye: FrameAnalyzer, arrived: CameraFrame) -> None:
        seen = eye.look(arrived, flip=False)
        pose = None if seen.sight is None or seen.sight.held else seen.sight.pose
        blocking = seen.hint in BLOCKING
        said = None if seen.hint is None else filming_sentence(seen.hint)
        told = self._guide.tell(
            arrived.at,
            self._repertoire.coverage.missing,
            whole=pose is not None and not any(out_of_view(pose, seen.image)),
            hint=said if blocking else None,
        )
        self._prompt, self._hint = told, None if blocking else said
        self._note_size(arrived.picture)
        if told.phase == "recording":
            if self._recorder is None:
                self._recorder = Recorder(self._path, sound=False, longest=self._longest, provenance=None)
            if pose is not None:
                self._repertoire.add(pose, arrived.at)
        self._show(Shown(arrived.number, arrived.at, _shown(seen, told), pose, None, True))
        if told.phase == "over":
            self._end(PLENTY)
        elif self._recorder is None and arrived.at - self._began > self._idle_seconds:
            self._end(FORGOTTEN.format(minutes=round(self._idle_seconds / 60)))

    def _note_size(self, picture: Picture) -> None:
        if picture.width * picture.height > self._largest[0] * self._largest[1]:
            self._largest = (picture.width, picture.height)

    # ---- keeping

    def _keep(self) -> None:
        converters: dict[tuple[int, int], Converter] = {}
        size: tuple[int, int] | None = None
        while (arrived := self._to_keep.take()) is not None:
            recorder, picture = self._recorder, arrived.picture
            if recorder is None:
                continue
            if recorder.over:
                self._end(recorder.error or PLENTY)
                return
            # browsers send smaller pictures while the line is slow: the recording keeps the size of the best before it
            size = size or kept_size(*self._largest)
            same = working_size(picture.width, picture.height) == working_size(*size)
            into = size if same else kept_size(picture.width, picture.height)
            converter = converters.setdefault(into, Converter(into))
            recorder.show(converter(picture), arrived.at)


def kept_size(width: int, height: int) -> tuple[int, int]:
    """(width, height), even, at most :data:`SIDE` the longer one, at which camera pictures of that size are recorded."""
    scale = min(SIDE / max(width, height), 1.0)
    return max(round(width * scale / 2) * 2, 2), max(round(height * scale / 2) * 2, 2)


def _shown(seen: AnalyzedPicture, told: Prompt) -> Frame:
    """The picture as a mirror shows it, the stick figure faintly over it, and the words."""
    image = seen.image
    if seen.sight is not None:
        drawn = draw_pose(seen.sight.pose, (image.shape[1], image.shape[0]), image)
        image = np.asarray(cv2.addWeighted(drawn, _FIGURE, image, 1 - _FIGURE, 0), np.uint8)
    image = np.ascontiguousarray(image[:, ::-1])
    if told.count is not None:
        lay_count(image, told.count)
    lay_words(image, told.words)
    if told.phase == "recording":
        lay_time(image, told.recorded)
    return image
