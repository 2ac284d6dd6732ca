"""Making a performer from a video, from photos, or from a folder of pictures.

Two passes, each frame by frame, so that memory does not grow with length. The first finds the person and how the camera
moved. From frames spread over the footage comes the one still stage that they show. The second pass brings every frame onto
that stage, cuts the person out and keeps both. All of it in a folder aside that is renamed when whole.
"""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np
from pydantic import ValidationError

from core.errors import Cancelled, NobodyFound, OverLimit, UnusableInput
from core.pose.estimator import PoseEstimator
from core.pose.smoothing import smooth_offline
from core.rendering.image_files import read_picture
from core.targets import portrait as portraits
from core.targets.camera import CameraPath, CameraTracker
from core.targets.cutout import NEIGHBOURS, Backdrop, Brought, CutOut, Cutter, backdrop_for, moved
from core.targets.footage import Footage, Shot, fit, fit_scale, open_footage, same_shape
from core.targets.frame_store import FootageWriter, MaskStore
from core.targets.manifest import (
    MANIFEST,
    MAX_FRAMES,
    MAX_NAME,
    MAX_SIDE,
    FileEntry,
    Manifest,
    StageKind,
    TargetRole,
    file_entry,
    is_slug,
)
from core.targets.matte import body_shape
from core.targets.parallel import Spread
from core.targets.photo import PhotoFootage, are_photos, look_at, photo_stage
from core.targets.pose_file import save_poses, stack_poses
from core.targets.stage import Sample, Stage, find_stage
from core.targets.store import Target, new_folder, open_target, place_in
from core.types import Alpha, Frame, Pose
from core.utils.corner_tracking import Homography
from core.utils.display_names import clean_line
from core.utils.prefetch import PICTURES_AT_ONCE, BackgroundConsumer, prefetch, side_by_side

logger = logging.getLogger(__name__)

UNKNOWN_LICENCE: Final = "unknown: for personal use only"
_ENOUGH_FRAMES: Final = 20
STUDIO: Final[Literal["studio"]] = "studio"
"""What is given for a stage to stand in a plain studio."""
_STAGE_SAMPLES: Final = 60
_LOOKING: Final = 0.5
_STAGE: Final = 0.55
_ROUGH: Final = "rough.mp4"
_MASK_CRF: Final = 24.0

Progress: TypeAlias = Callable[[float], None]


@dataclass(slots=True)
class _Job:
    """What is being built, where, and what is known of it so far.

    ``poses`` are in pixels of the kept frames: as they were filmed at first, on the stage once it is known.
    """

    folder: Path
    size: tuple[int, int]
    rate: Fraction
    progress: Progress
    poses: list[Pose | None] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    runs: list[int] = field(default_factory=list)
    samples: Spread[Sample] = field(default_factory=lambda: Spread(_STAGE_SAMPLES))
    exact: bool = False
    best: portraits.Candidate | None = None

    def path(self, name: str) -> Path:
        return self.folder / name

    def found(self) -> int:
        return sum(pose is not None for pose in self.poses)


def build_target(
    source: Path | Sequence[Path] | PhotoFootage,
    *,
    id: str,
    name: str,
    into: Path | None = None,
    stage: Path | Literal["studio"] | None = None,
    masks: Path | None = None,
    portrait: Path | None = None,
    licence: str = UNKNOWN_LICENCE,
    source_note: str = "",
    consent: bool | None = None,
    size: int = 512,
    crf: float = 20.0,
    replace: bool = False,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Target:
    """Make a performer from footage of one person and open it.

    Args:
        source: a video, several of one stage, one to eight photos, looked at already or not
            (:class:`core.targets.photo.PhotoFootage`), or a folder of numbered pictures
            (:class:`core.targets.footage.FolderFootage`).
        id: a-z, 0-9 and hyphens; the folder's name.
        name: what people read.
        into: a folder of performers; the user's own by default.
        stage: what the performer stands on: by default the stage that the footage shows, or a plain studio where it shows none.
            ``studio``, or a picture: of the footage's own empty stage, or of any other place of the same shape.
        masks: a video of exact masks, one picture for each of the source's (white person); by default they are found.
        portrait: a picture for lists; by default the head and shoulders of the best frontal frame.
        licence: under which the footage may be used.
        source_note: where the footage comes from and who agreed to its use.
        consent: whether the person filmed agreed; None where nobody was asked.
        size: the longer side of the kept frames in pixels, for photos at least; smaller footage is not enlarged.
        crf: x264's quality of the kept frames; lower is better and larger.
        replace: put it in the place of a performer of that id.
        progress: called with the share that is done, 0 to 1.
        cancelled: asked after every frame.

    Raises:
        NotAVideo, UnusableInput: ``source``, or another of the given files, cannot be used.
        NobodyFound: no person in any frame.
        OverLimit: longer than a performer can be.
        PackInvalid: the id is taken.
        OutputFailed: no permission, no room.
        Cancelled: ``cancelled`` said so. Nothing is left behind, as with every error.
    """
    if not is_slug(id):
        raise UnusableInput(f"'{id[:60]}' cannot be an id: use 1 to 40 of the characters a-z, 0-9 and -.")
    if not 64 <= size <= MAX_SIDE:
        raise UnusableInput(f"A performer's longer side is 64 to {MAX_SIDE} pixels, not {size}.")
    name = clean_line(name)
    if not 1 <= len(name) <= MAX_NAME:
        raise UnusableInput(f"A performer's name has 1 to {MAX_NAME} letters.")
    tell = _teller(name, progress, cancelled)
    footage = _footage(source, masks)
    photos = isinstance(footage, PhotoFootage)
    longest = max(size, footage.longest) if isinstance(footage, PhotoFootage) else size
    place = place_in(into, id)
    with new_folder(place, replace=replace) as folder:
        given = None if stage is None or stage == STUDIO else _given_stage(Path(stage), footage)
        job, path = _look(footage, folder, longest, tell, given)
        if not job.found():
            raise NobodyFound(f"Nobody was found in {_called(source)}: choose footage that shows one person whole.")
        if job.found() < _ENOUGH_FRAMES and not photos:
            logger.warning("%s shows a person in %d frames only: the performer will have few moves", id, job.found())
        scenery = _photo_scenery(job, stage, given) if photos else _scenery(job, path, stage, given)
        _move_poses(job, path, scenery, smooth=footage.tracked)
        samples = [(sample.image, sample.person) for sample in job.samples.chosen()]
        known = [pose for pose in job.poses if pose is not None]
        backdrop = backdrop_for(scenery.stage, scenery.picture, job.size, known, samples)
        _save_picture(job.path("plate.png"), backdrop.picture)
        _cut_out(job, footage, scenery, backdrop, crf)
        _save_portrait(job, portrait)
        size_on_stage = (backdrop.picture.shape[1], backdrop.picture.shape[0])
        manifest = _manifest(job, size_on_stage, scenery.kind, id, name, licence, source_note, consent)
        job.path(MANIFEST).write_bytes(manifest.to_json())
        with open_target(place_in(folder.parent, folder.name), manifest):
            pass  # what was written can be read
    return open_target(place)


def _footage(source: Path | Sequence[Path] | PhotoFootage, masks: Path | None) -> Footage:
    """The footage in ``source``, whatever of the kinds it is."""
    if not isinstance(source, PhotoFootage):
        parts = [source] if isinstance(source, Path) else list(source)
        if not are_photos(parts):
            return open_footage(source, masks)
        source = PhotoFootage(look_at(parts))
    if masks is not None:
        raise UnusableInput("Masks go with a video: leave them out for photos.")
    return source


def _teller(name: str, progress: Progress | None, cancelled: Callable[[], bool] | None) -> Progress:
    def tell(share: float) -> None:
        if cancelled is not None and cancelled():
            raise Cancelled(f"Building {name} was stopped.")
        if progress is not None:
            progress(min(max(share, 0.0), 1.0))

    return tell


def _look(footage: Footage, folder: Path, longest: int, tell: Progress, given: Frame | None) -> tuple[_Job, CameraPath]:
    """First pass: pose and rough mask of every shot, and how the camera moved, in pixels of the kept frames.

    Where a picture of the stage is given, the path ends with where that was taken from.
    """
    shots = prefetch(footage)
    first = next(shots)
    job = _Job(
        folder, _kept_size(first.image, longest), footage.rate, tell, exact=first.mask is not None and first.exact
    )
    camera = CameraTracker(job.size)
    with (
        contextlib.closing(shots),
        FootageWriter(job.path(_ROUGH), job.size, footage.rate, masks=True, crf=14.0, preset="ultrafast") as masks,
        PoseEstimator(masks=not job.exact, tracking=footage.tracked) as estimator,
        BackgroundConsumer[tuple[Frame, Alpha]](lambda seen: camera.add(*seen)) as registered,
    ):
        shot: Shot | None = first
        while shot is not None:
            if len(job.poses) == MAX_FRAMES:
                raise OverLimit(f"The footage has more than {MAX_FRAMES} frames: cut it shorter.")
            if job.runs and shot.run != job.runs[-1]:
                estimator.reset()
            pose, mask = _person(shot, estimator)
            frame, rough = _note(job, shot, pose, mask)
            masks.write(rough)
            registered.put((frame, rough))
            tell(_LOOKING * len(job.poses) / max(footage.count or 0, len(job.poses)))
            shot = next(shots, None)
        if given is not None:
            registered.put((fit(given, job.size), np.zeros(job.size[::-1], np.uint8)))
    return job, camera.path()


def _note(job: _Job, shot: Shot, pose: Pose | None, mask: Alpha | None) -> tuple[Frame, Alpha]:
    """Take in a shot; its frame and the person's rough mask at the kept size."""
    scale = fit_scale(shot.image, job.size)
    frame = fit(shot.image, job.size)
    rough = fit(mask, job.size) if mask is not None else np.zeros(job.size[::-1], np.uint8)
    index = len(job.poses)
    job.samples.add(lambda: Sample(index, frame, rough))
    job.poses.append(None if pose is None else pose.scaled(scale))
    job.times.append(float(shot.time))
    job.runs.append(shot.run)
    if pose is not None:
        job.best = portraits.better(job.best, shot.image, pose)
    return frame, rough


def _person(shot: Shot, estimator: PoseEstimator) -> tuple[Pose | None, Alpha | None]:
    """Pose and rough mask in the shot's own pixels; a mask goes with every pose."""
    if shot.known and shot.pose is None:
        return None, None
    if shot.known and shot.mask is not None:
        return shot.pose, shot.mask
    detection = estimator.detect(shot.image, int(shot.time * 1000))
    pose = shot.pose if shot.known or detection is None else detection.pose
    if pose is None:
        return None, shot.mask
    if shot.mask is not None:
        return pose, shot.mask
    if detection is None or detection.mask is None:
        return pose, body_shape(shot.image.shape[:2], pose)
    return pose, np.asarray(detection.mask * 255.0 + 0.5, np.uint8)


def _kept_size(image: Frame, longest: int) -> tuple[int, int]:
    """(width, height), both even: what is odd loses its last row or column rather than being resampled."""
    height, width = image.shape[:2]
    scale = min(1.0, longest / max(height, width))
    kept = round(width * scale) // 2 * 2, round(height * scale) // 2 * 2
    if min(kept) < 16:
        raise UnusableInput(f"Footage of {width}×{height} is too small or too narrow for a performer.")
    return kept


@dataclass(frozen=True, slots=True, eq=False)
class _Scenery:
    """What the performer will stand on, and the stage of the footage where it shows one."""

    kind: StageKind
    stage: Stage | None
    picture: Frame | None

    def placed(self, index: int) -> Homography | None:
        """From pixels of a kept frame to the stage; None where they are the same."""
        return None if self.stage is None else self.stage.placed(index)


def _scenery(job: _Job, path: CameraPath, asked: Path | Literal["studio"] | None, given: Frame | None) -> _Scenery:
    """The stage of the footage, found or given, and what shall be behind the performer."""
    samples = job.samples.chosen()
    plate = None if given is None else fit(given, job.size)
    stage = find_stage(samples, path, plate)
    kind: StageKind = "studio" if asked == STUDIO or (stage is None and given is None) else "footage"
    backdrop = None
    if plate is not None and (stage is None or stage.picture is not plate):
        # it shows another place: the person is put there
        kind, backdrop = "picture", plate
        stage = stage or find_stage(samples, path, None)
    if kind == "footage" and stage is not None:
        backdrop = stage.picture
    job.progress(_STAGE)
    return _Scenery(kind, stage, backdrop)


def _photo_scenery(job: _Job, asked: Path | Literal["studio"] | None, given: Frame | None) -> _Scenery:
    """The stage of the first photo, the person's place filled in, or another one that is asked for."""
    first = job.samples.chosen()[0]
    plate = None if given is None else fit(given, job.size)
    stage = photo_stage(first.image, first.person, len(job.poses))
    job.progress(_STAGE)
    if plate is not None:
        return _Scenery("picture", stage, plate)
    if asked == STUDIO or stage is None:
        return _Scenery("studio", stage, None)
    return _Scenery("footage", stage, stage.picture)


def _move_poses(job: _Job, path: CameraPath, scenery: _Scenery, *, smooth: bool) -> None:
    """Bring the poses onto the stage and keep them, those of a video without their noise.

    Where nobody was found there is no pose, whatever lay before and after.
    """
    placed = [(pose, scenery.placed(i)) for i, pose in enumerate(job.poses)]
    job.poses = [pose if pose is None or h is None else moved(pose, h) for pose, h in placed]
    # a cut in the footage begins a stretch, wherever the file says that it does
    runs = list(zip(job.runs, path.shots, strict=False))
    cuts = [i for i in range(1, len(runs)) if runs[i] != runs[i - 1]]
    if smooth:
        smoothed = smooth_offline(job.poses, job.times, cuts)
        job.poses = [None if raw is None else even for raw, even in zip(job.poses, smoothed, strict=True)]
        job.runs = np.searchsorted(np.array(cuts), np.arange(len(runs)), side="right").tolist()
    save_poses(job.path("poses.npz"), stack_poses(job.poses), np.array(job.runs, np.int32))


def _given_stage(path: Path, footage: Footage) -> Frame:
    """The picture of a stage.

    Raises:
        UnusableInput: it cannot be read, or has another shape than the footage.
    """
    stage: Frame = read_picture(path)
    first = next(iter(footage)).image
    if not same_shape((stage.shape[1], stage.shape[0]), (first.shape[1], first.shape[0])):
        raise UnusableInput(f"{path.name} has another shape than the footage, so it cannot be its stage.")
    return stage


def _cut_out(job: _Job, footage: Footage, scenery: _Scenery, backdrop: Backdrop, crf: float) -> None:
    """Second pass: every frame on the stage, and the person's mask."""
    # what was rendered, or cut out by hand, before a camera that stands still is kept as it is
    keep = job.exact and scenery.kind == "footage" and scenery.stage is not None and scenery.stage.still
    cutter = Cutter(scenery.stage, backdrop)
    runs = job.runs if footage.tracked and not job.exact else None
    with contextlib.closing(MaskStore(job.path(_ROUGH), job.size)) as rough:

        def bring(number: tuple[int, tuple[Frame, Alpha]]) -> Brought:
            index, (frame, mask) = number
            return cutter.bring(frame, mask, index)

        def cut(number: _Neighbours) -> CutOut:
            return cutter.cut(number.shown, job.poses[number.index], number.others, exact=job.exact)

        kept = ((fit(shot.image, job.size), rough[i]) for i, shot in zip(range(len(job.poses)), footage, strict=False))
        with (
            FootageWriter(job.path("frames.mp4"), cutter.size, job.rate, crf=crf) as frames,
            FootageWriter(job.path("masks.mp4"), cutter.size, job.rate, masks=True, crf=_MASK_CRF) as masks,
            contextlib.closing(prefetch(kept)) as shots,
            contextlib.closing(side_by_side(bring, enumerate(shots), PICTURES_AT_ONCE)) as on_stage,
            contextlib.closing(side_by_side(cut, _neighbours(on_stage, runs), PICTURES_AT_ONCE)) as found,
        ):
            untouched = (CutOut(*shot) for shot in shots)
            for index, person in enumerate(untouched if keep else found):
                frames.write(person.image)
                masks.write(person.mask)
                job.progress(_STAGE + (1 - _STAGE) * (index + 1) / len(job.poses))
    job.path(_ROUGH).unlink()


@dataclass(frozen=True, slots=True, eq=False)
class _Neighbours:
    """A frame on the stage, with those shortly before and after it that follow without a cut."""

    index: int
    shown: Brought
    others: list[Brought]


def _neighbours(kept: Iterator[Brought], runs: Sequence[int] | None) -> Iterator[_Neighbours]:
    """Each frame with its neighbours; with none where ``runs`` is None, for pictures that hardly follow each other."""
    window: deque[tuple[int, Brought]] = deque(maxlen=2 * NEIGHBOURS + 1)
    for index, shown in enumerate(kept):
        window.append((index, shown))
        if index >= NEIGHBOURS:
            yield _among(window, index - NEIGHBOURS, runs)
    last = window[-1][0]
    for index in range(max(last - NEIGHBOURS + 1, 0), last + 1):
        yield _among(window, index, runs)


def _among(window: Iterable[tuple[int, Brought]], index: int, runs: Sequence[int] | None) -> _Neighbours:
    known = dict(window)
    near = [
        i for i in known if i != index and abs(i - index) <= NEIGHBOURS and runs is not None and runs[i] == runs[index]
    ]
    return _Neighbours(index, known[index], [known[i] for i in near])


def _save_portrait(job: _Job, given: Path | None) -> None:
    if given is not None:
        _save_picture(job.path("portrait.webp"), portraits.fitted(read_picture(given, covering=portraits.LARGEST)))
    elif job.best is not None:
        _save_picture(job.path("portrait.webp"), job.best.picture)


def _save_picture(path: Path, picture: Frame) -> None:
    options = [cv2.IMWRITE_WEBP_QUALITY, 90] if path.suffix == ".webp" else [cv2.IMWRITE_PNG_COMPRESSION, 6]
    _, coded = cv2.imencode(path.suffix, picture[..., ::-1], options)
    path.write_bytes(coded.tobytes())


def _called(source: Path | Sequence[Path] | PhotoFootage) -> str:
    """The footage's name in a sentence."""
    if isinstance(source, PhotoFootage):
        return ", ".join(source.names)
    return source.name if isinstance(source, Path) else ", ".join(part.name for part in source)


def _manifest(
    job: _Job,
    size: tuple[int, int],
    stage: StageKind,
    target_id: str,
    name: str,
    licence: str,
    source_note: str,
    consent: bool | None,
) -> Manifest:
    names: dict[TargetRole, str] = {
        "poses": "poses.npz",
        "frames": "frames.mp4",
        "masks": "masks.mp4",
        "plate": "plate.png",
        "portrait": "portrait.webp",
    }
    files: dict[TargetRole, FileEntry] = {
        role: file_entry(job.path(file), file) for role, file in names.items() if job.path(file).is_file()
    }
    try:
        return Manifest(
            id=target_id,
            name=name,
            width=size[0],
            height=size[1],
            rate=job.rate,
            stage=stage,
            frames=len(job.poses),
            licence=licence,
            source=source_note,
            consent=consent,
            files=files,
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UnusableInput(
            f"The performer's {first['loc'][0] if first['loc'] else 'data'} cannot be used: {first['msg']}."
        ) from error
