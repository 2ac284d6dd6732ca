"""A look at footage before a performer is made of it: what is there, what is wrong, what to film more of.

Four pictures a second are looked at, two of long footage, each afresh, so that a second person is never missed: 20 ms apiece
on one core, and what it takes to decode the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

import cv2
import numpy as np

from core.errors import Cancelled, OverLimit, UnusableInput
from core.pose import skeleton
from core.pose.detection import Detection
from core.pose.estimator import find_people
from core.pose.person_selection import Follower, distinct
from core.targets.camera import CameraTracker
from core.targets.coverage import Coverage, coverage_of
from core.targets.footage import different_shape, fit, fit_scale, same_shape
from core.targets.parallel import Spread
from core.targets.pose_file import stack_poses
from core.targets.stage import Sample, Stage, find_stage
from core.types import Alpha, Frame, Pose, VideoFrame
from core.video.bars import Bars, find_bars
from core.video.probe import probe
from core.video.reader import VideoReader

RATE: Final = 4.0
"""Pictures a second that are looked at; of more than a minute and a half fewer, and at least half as many."""

SHORTEST: Final = 10.0
"""Seconds of all parts together below which a performer knows too few poses to look good."""
LONGEST: Final = 600.0
"""Seconds of all parts together."""

Fault: TypeAlias = Literal["nobody", "several", "cut", "dark", "blurred"]
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)

_MOST_SAMPLES: Final = 360
_SIDE: Final = 640
_STAGE_SIDE: Final = 320
_STAGE_VIEWS: Final = 40
_LOOKS: Final = 60
_PICTURE_SIDE: Final = 320
_PICTURES: Final = 6
_FAULTY: Final = 4

_ENOUGH: Final = SHORTEST - 0.5
_SLACK: Final = 5.0
"""Seconds: who films by hand does not stop to the moment."""
_SEEN: Final = 0.5
_MASKED: Final = 0.3
DARK: Final = 45.0
"""Mean grey level below which a picture is too dark."""
_SHARP_HEIGHT: Final = 200.0
BLURRED: Final = 0.015
"""Of :attr:`FootageCheck.sharpness`. Sharp footage has 0.2 to 0.4, soft footage of an old phone 0.05, and either, blurred by a
hundredth of the body's height, less than 0.01."""
_LEAST_CONTRAST: Final = 25.0

_NOBODY_BELOW: Final = 0.05
_PERSON_BELOW: Final = 0.5
_SEVERAL_ABOVE: Final = 0.15
_WHOLE_BELOW: Final = 0.5
_WHOLE_WANTED: Final = 0.85
_SMALL: Final = 0.35
_STILL_STANDING: Final = 0.3
_FEW_SECONDS: Final = 20.0
_PLENTY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class PartCheck:
    """One video of the footage.

    Attributes:
        path: the file.
        seconds: how long it is.
        size: (width, height) of its pictures as they are shown, without black bars.
        elsewhere: whether it shows another place than most of the footage does.
    """

    path: Path
    seconds: float
    size: tuple[int, int]
    elsewhere: bool

    @property
    def upright(self) -> bool:
        """Whether the pictures are higher than wide, as of a phone that is held upright."""
        return self.size[1] > self.size[0]


Level: TypeAlias = Literal["green", "amber", "red"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to tell the person before anything is trained: plain sentences, the most important first.

    Attributes:
        usable: a performer can be made of it at all.
        level: ``green`` where nothing stands in the way of a good one, ``amber`` where something limits it, ``red`` where
            it will not look good. Usable footage may be gone on with whatever its level.
        problems: what makes it red, or unusable.
        limits: what makes it amber.
        advice: what would make the performer better still.
    """

    usable: bool
    level: Level
    problems: tuple[str, ...]
    limits: tuple[str, ...]
    advice: tuple[str, ...]

    @property
    def headline(self) -> str:
        """The verdict in a few words."""
        if not self.usable:
            return "This cannot be used yet."
        return {"green": "This will do.", "amber": "This will do, with limits.", "red": "This will not look good."}[
            self.level
        ]


@dataclass(frozen=True, slots=True, eq=False)
class FootageSample:
    """A small picture of the footage with the person in it, kept for a first try.

    Attributes:
        index: its number among all that were registered.
        image: (height, width, 3).
        person: (height, width), the person's rough mask.
        pose: in pixels of ``image``.
    """

    index: int
    image: Frame
    person: Alpha
    pose: Pose


@dataclass(frozen=True, slots=True, eq=False)
class FootageCheck:
    """What was found in footage. Shares are of the pictures that were looked at, 0 to 1.

    Attributes:
        parts: each video.
        samples: how many pictures were looked at.
        person: share with somebody in them.
        several: share with more than one person.
        whole: of those with somebody, the share with head, hands and feet in the picture.
        cut: the same share with each of ``head``, ``hands`` and ``feet`` out of it.
        height: of the person, median, in heights of the picture.
        light: mean grey level, 0 to 255.
        sharpness: how much fine detail the person shows, by the size of the person (variance of the Laplacian of the
            person 200 pixels high over the variance of the grey levels), median; None with nobody there.
        stage: the one still stage behind the person, however the camera moved, for pictures as small as ``looks``; None where
            none was found.
        looks: small pictures of the person spread over everything, to try out a performer with.
        coverage: which poses were seen.
        pictures: a few pictures spread over everything, at most 320 pixels.
        faulty: a few pictures of each thing that is wrong somewhere.
    """

    parts: tuple[PartCheck, ...]
    samples: int
    person: float
    several: float
    whole: float
    cut: dict[Literal["head", "hands", "feet"], float]
    height: float
    light: float
    sharpness: float | None
    stage: Stage | None
    looks: tuple[FootageSample, ...]
    coverage: Coverage
    pictures: tuple[Frame, ...]
    faulty: dict[Fault, tuple[Frame, ...]]

    @property
    def seconds(self) -> float:
        """Of all parts together."""
        return sum(part.seconds for part in self.parts)

    @property
    def verdict(self) -> Verdict:
        """What will come of it, and what to add."""
        obstacles = _obstacles(self)
        if obstacles:
            return Verdict(False, "red", tuple(obstacles), (), ())
        problems, limits = tuple(_problems(self)), tuple(_limits(self))
        level: Level = "red" if problems else "amber" if limits else "green"
        return Verdict(True, level, problems, limits, tuple(_advice(self)))


def check_footage(
    parts: Sequence[Path],
    *,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> FootageCheck:
    """Look at footage of one person, in one video or several that belong together.

    Args:
        parts: the videos, at least one.
        progress: called with the share that is done, 0 to 1.
        cancelled: asked after every picture.

    Raises:
        NotAVideo: one of them is none.
        OverLimit: longer than :data:`LONGEST` together; seen before any of them is looked through, where they say it.
        UnusableInput: no parts.
        Cancelled: ``cancelled`` said so.
        WeightsMissing: the pose model is not where it belongs.
    """
    if not parts:
        raise UnusableInput("There is no footage: choose at least one video.")
    stated = sum(probe(path).duration or 0.0 for path in parts)
    _refuse_long(stated)
    rate = max(min(_MOST_SAMPLES / max(stated, 1.0), RATE), RATE / 2)
    notes, before = _Notes(rate), 0.0
    with find_people(masks=True, tracking=False) as finder:
        for path in parts:
            bars = find_bars(path)
            with VideoReader(path, max_side=_SIDE, every=1 / rate) as reader:
                part = _Part(reader, rate, bars)
                for whole in reader:
                    frame = replace(whole, image=bars.cut(whole.image))
                    if cancelled is not None and cancelled():
                        raise Cancelled("Checking the footage was stopped.")
                    people = finder.people(frame.image, float(frame.time))
                    notes.add(frame.image, people, part.add(frame, people))
                    # a file need not say how long it is, and may say it wrongly
                    _refuse_long(before + part.seconds)
                    if progress is not None and stated:
                        progress(min((before + part.seconds) / stated, 1.0))
            before += part.seconds
            notes.end(part)
    return notes.check()


def _refuse_long(seconds: float) -> None:
    if seconds > LONGEST + _SLACK:
        raise OverLimit(
            f"The footage is {_spoken(seconds)} long and may be {_spoken(LONGEST)}, all parts together: "
            "cut out the best one to three minutes."
        )


class _Part:
    """What is gathered of one video while it is looked through."""

    def __init__(self, reader: VideoReader, rate: float, bars: Bars) -> None:
        self.path, self.info = reader.path, reader.info
        self.size = bars.left_of((self.info.width, self.info.height))
        self.seconds = 0.0
        self._rate = rate
        self._follower = Follower("largest")

    def add(self, frame: VideoFrame, people: Sequence[Detection]) -> Pose | None:
        """Take in the next picture; the pose of the person whom the part follows."""
        image, seconds = frame.image, float(frame.time)
        self.seconds = seconds + 1 / self._rate
        if self.info.duration is not None and seconds < self.info.duration < self.seconds:
            self.seconds = self.info.duration
        return self._follower.pick([found.pose for found in people], seconds, (image.shape[1], image.shape[0]))


class _Place:
    """Where all parts were filmed: one stage, as far as they show one."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._camera = CameraTracker(size)
        self._samples = Spread[Sample](_STAGE_VIEWS)
        self._looks = Spread[FootageSample](_LOOKS)
        self._parts: list[int] = []

    def add(self, part: int, image: Frame, people: Sequence[Detection], pose: Pose | None) -> None:
        """Take in a picture of part ``part``; those of another shape cannot show the same view."""
        if not same_shape((image.shape[1], image.shape[0]), self._size):
            return
        index, scale = len(self._parts), fit_scale(image, self._size)
        image, covered = fit(image, self._size), fit(_covered(image, people), self._size)
        self._camera.add(image, covered)
        mask = next((found.mask for found in people if found.pose is pose), None)
        if pose is not None and mask is not None:
            person = fit(np.asarray(mask * 255.0 + 0.5, np.uint8), self._size)
            small = min(1.0, _STAGE_SIDE / max(self._size))
            self._looks.add(
                lambda: FootageSample(
                    index, shrunk(image, _STAGE_SIDE), shrunk(person, _STAGE_SIDE), pose.scaled(scale * small)
                )
            )
        self._samples.add(lambda: Sample(index, shrunk(image, _STAGE_SIDE), shrunk(covered, _STAGE_SIDE)))
        self._parts.append(part)

    def stage(self) -> Stage | None:
        """The one still stage that most of the footage shows, at most 320 pixels large."""
        samples, path = self._samples.chosen(), self._camera.path()
        height, width = samples[0].image.shape[:2]
        return find_stage(samples, path.scaled(width / path.size[0], (width, height)))

    def looks(self) -> tuple[FootageSample, ...]:
        """Pictures of the person, spread over everything."""
        return tuple(self._looks.chosen())

    def elsewhere(self, part: int) -> bool:
        """Whether most pictures of a part are of another place."""
        path = self._camera.path()
        mine = [shot == path.longest_shot for shot, of in zip(path.shots, self._parts, strict=True) if of == part]
        return not mine or sum(mine) < len(mine) / 2


class _Notes:
    """What is gathered of all pictures, ``rate`` of them a second."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._parts: list[_Part] = []
        self._place: _Place | None = None
        self._poses: list[Pose | None] = []
        self._several = 0
        self._out: list[tuple[bool, bool, bool]] = []
        self._heights: list[float] = []
        self._light: list[float] = []
        self._sharpness: list[float] = []
        self._pictures = Spread[Frame](_PICTURES)
        self._faulty = {fault: Spread[Frame](_FAULTY) for fault in FAULTS}

    def add(self, image: Frame, people: Sequence[Detection], pose: Pose | None) -> None:
        """Take in the next picture, with ``pose`` of the person who matters among everybody in it."""
        self._poses.append(pose)
        self._place = self._place or _Place((image.shape[1], image.shape[0]))
        self._place.add(len(self._parts), image, people, pose)
        self._light.append(float(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).mean()))
        faults: set[Fault] = {"dark"} if self._light[-1] < DARK else set()
        if len(distinct([found.pose for found in people])) > 1:
            self._several += 1
            faults.add("several")
        faults |= {"nobody"} if pose is None else self._look_at(pose, image)
        self._pictures.add(lambda: shrunk(image, _PICTURE_SIDE))
        for fault in faults:
            self._faulty[fault].add(lambda: shrunk(image, _PICTURE_SIDE))

    def _look_at(self, pose: Pose, image: Frame) -> set[Fault]:
        self._out.append(out_of_view(pose, image))
        top, bottom = rows_of(pose, image)
        self._heights.append((bottom - top) / image.shape[0])
        self._sharpness.append(sharpness_of(pose, image))
        cut: set[Fault] = {"cut"} if any(self._out[-1]) else set()
        return cut | ({"blurred"} if self._sharpness[-1] < BLURRED else set())

    def end(self, part: _Part) -> None:
        """Take in a part that was looked through."""
        self._parts.append(part)

    def check(self) -> FootageCheck:
        """What it all comes to."""
        assert self._place is not None
        place, found = self._place, len(self._out)
        out = np.array(self._out, np.bool_).reshape(found, 3)
        head, hands, feet = out.mean(axis=0).tolist() if found else (0.0, 0.0, 0.0)
        return FootageCheck(
            parts=tuple(
                PartCheck(part.path, part.seconds, part.size, place.elsewhere(number))
                for number, part in enumerate(self._parts)
            ),
            samples=len(self._poses),
            person=found / len(self._poses),
            several=self._several / len(self._poses),
            whole=float((~out.any(axis=1)).mean()) if found else 0.0,
            cut={"head": head, "hands": hands, "feet": feet},
            height=float(np.median(self._heights)) if found else 0.0,
            light=float(np.mean(self._light)),
            sharpness=float(np.median(self._sharpness)) if found else None,
            stage=place.stage(),
            looks=place.looks(),
            coverage=coverage_of(stack_poses(self._poses), self._rate),
            pictures=tuple(self._pictures.chosen()),
            faulty={fault: tuple(kept) for fault, spread in self._faulty.items() if (kept := spread.chosen())},
        )


def shrunk(image: Frame, longest: int) -> Frame:
    """``image`` with a longer side of at most ``longest`` pixels."""
    scale = longest / max(image.shape)
    if scale >= 1.0:
        return image
    # of a picture of one line the shorter side would round to nothing
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _covered(image: Frame, people: Sequence[Detection]) -> Alpha:
    """(height, width): 255 where somebody is."""
    covered = np.zeros(image.shape[:2], np.uint8)
    for found in people:
        if found.mask is not None:
            covered[found.mask > _MASKED] = 255
    return covered


def out_of_view(pose: Pose, image: Frame) -> tuple[bool, bool, bool]:
    """Whether head, a hand or a foot is outside the picture. Where it is hidden, not outside, it counts as in view."""
    height, width = image.shape[:2]
    outside = np.any((pose.xy < 0) | (pose.xy > (width, height)), axis=1)
    feet_hidden = pose.visibility[list(skeleton.FEET)].max() < _SEEN
    return (
        bool(outside[skeleton.NOSE]),
        bool(outside[[skeleton.LEFT_WRIST, skeleton.RIGHT_WRIST]].any()),
        bool(outside[list(skeleton.FEET)].any() or feet_hidden),
    )


def rows_of(pose: Pose, image: Frame) -> tuple[float, float]:
    """From where to where down the picture the person reaches, in pixels."""
    seen = pose.visibility >= _SEEN
    rows = np.clip(pose.xy[seen if seen.any() else slice(None), 1], 0, image.shape[0])
    return float(rows.min()), float(rows.max())


def sharpness_of(pose: Pose, image: Frame) -> float:
    """See :attr:`FootageCheck.sharpness`, of one picture."""
    top, bottom = rows_of(pose, image)
    columns = np.clip(pose.xy[:, 0], 0, image.shape[1])
    rows = slice(int(top), max(int(bottom), int(top) + 8))
    person = image[rows, int(columns.min()) : max(int(columns.max()), int(columns.min()) + 8)]
    if min(person.shape[:2]) < 4:
        return 0.0
    grey = cv2.cvtColor(person, cv2.COLOR_RGB2GRAY).astype(np.float32)
    scale = _SHARP_HEIGHT / len(grey)
    if scale < 1.0:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var() / max(float(grey.var()), _LEAST_CONTRAST))


def _obstacles(check: FootageCheck) -> list[str]:
    """Why no performer can be made of it."""
    if check.person < _NOBODY_BELOW:
        return ["Nobody is in this footage: film yourself whole, from head to feet, facing the camera."]
    first = check.parts[0]
    return [
        different_shape(part.path.name, part.size, first.path.name, first.size)
        for part in check.parts[1:]
        if not same_shape(part.size, first.size)
    ]


def _problems(check: FootageCheck) -> list[str]:
    """Why a performer made of it will not look good."""
    problems = []
    if check.several > _SEVERAL_ABOVE:
        problems.append(
            f"More than one person is in {_share(check.several)} of this footage: film one person alone, "
            "mirrors and pictures on the wall out of view."
        )
    if check.seconds < _ENOUGH:
        problems.append(
            f"The footage is {_spoken(check.seconds)} long: film at least {_spoken(SHORTEST)}, "
            "or better one to three minutes."
        )
    elif check.person < _PERSON_BELOW:
        problems.append(
            f"Somebody is in only {_share(check.person)} of this footage: stay in the picture, or cut the rest away."
        )
    if check.cut["head"] > _WHOLE_BELOW:
        problems.append(_step_back(check))
    if check.light < DARK:
        problems.append("It is too dark: turn on a light in front of you, or film by day.")
    if check.sharpness is not None and check.sharpness < BLURRED:
        problems.append("The picture is blurred: wipe the lens, wait until it is sharp, and film in good light.")
    return problems


def _limits(check: FootageCheck) -> list[str]:
    """What a performer made of it will lack."""
    limits = []
    if check.whole < _WHOLE_WANTED and check.cut["head"] <= _WHOLE_BELOW:
        limits.append(_step_back(check))
    if check.stage is None:
        limits.append(
            "No room that stands still was found behind you, so you will dance in a plain studio: "
            "to keep your own room, film from one place."
        )
    elsewhere = [part.path.name for part in check.parts if part.elsewhere]
    if check.stage is not None and elsewhere:
        limits.append(
            f"{', '.join(elsewhere)} shows another place than the rest: film all parts in one place, from one side."
        )
    if _ENOUGH <= check.seconds < _FEW_SECONDS:
        limits.append(
            f"{_spoken(check.seconds).capitalize()} show few moves: what is danced will look like what you did here. "
            "Film half a minute or more for others."
        )
    if check.coverage.share < _STILL_STANDING:
        limits.append("You hardly move in this footage: dance, turn, and move your arms and legs as far as they go.")
    if check.height < _SMALL and check.whole >= _WHOLE_WANTED:
        limits.append("You are small in the picture: step closer, as far as hands and feet stay in view.")
    return limits


def _advice(check: FootageCheck) -> list[str]:
    """What to film more of."""
    advice = list(check.coverage.missing)
    if _FEW_SECONDS <= check.seconds < _PLENTY_SECONDS:
        advice.append(f"Film more: {_spoken(check.seconds)} will do, one to three minutes are better.")
    return advice


def _step_back(check: FootageCheck) -> str:
    names = {"head": "Your head is", "hands": "Your hands are", "feet": "Your feet are"}
    part, share = max(check.cut.items(), key=lambda item: item[1])
    room = "with room for stretched-out arms" if part == "hands" else "until you are seen from head to feet"
    return f"{names[part]} out of the picture in {_share(share)} of this footage: step back {room}."


def _share(share: float) -> str:
    return f"{max(round(100 * share), 1)} %"


def _spoken(seconds: float) -> str:
    """A length of time as one says it, in its largest whole unit."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= 1.5 * length or seconds == length:
            return _counted(seconds / length, unit)
    return _counted(seconds, "second")


def _counted(count: float, unit: str) -> str:
    number = f"{count:.0f}" if unit == "second" and count >= 10 else f"{count:.1f}".removesuffix(".0")
    return f"{number} {unit}" if number == "1" else f"{number} {unit}s"
