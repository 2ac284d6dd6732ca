"""Making a performer from a video, or from a folder of pictures.

Three passes, each frame by frame, so that memory does not grow with length: find the person and keep the footage; see
the empty stage, if the camera stood still; cut the person out. All of it in a folder aside that is renamed when whole.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np
from pydantic import ValidationError

from core.errors import Cancelled, NobodyFound, OverLimit, UnusableInput
from core.names import clean_line
from core.pictures import read_picture
from core.pose.estimator import PoseEstimator
from core.pose.smoothing import smooth_offline
from core.targets import portrait as portraits
from core.targets.footage import Footage, Shot, fit, fit_scale, open_footage, same_shape
from core.targets.frames import FootageWriter, FrameStore, MaskStore
from core.targets.manifest import MANIFEST, MAX_FRAMES, MAX_NAME, MAX_SIDE, FileEntry, Manifest, file_entry, is_slug
from core.targets.matte import body_shape, empty_stage, refine
from core.targets.poses import save_poses, stack_poses
from core.targets.store import Target, new_folder, open_target, place_in
from core.types import Alpha, Frame, Pose

logger = logging.getLogger(__name__)

UNKNOWN_LICENCE: Final = "unknown: for personal use only"
_ENOUGH_FRAMES: Final = 20
_STAGE_SAMPLES: Final = 60
_LOOKING: Final = 0.7
_STAGE: Final = 0.75
_ROUGH: Final = "rough.mp4"
_MASK_CRF: Final = 24.0

Progress: TypeAlias = Callable[[float], None]
_Role: TypeAlias = Literal["poses", "frames", "masks", "plate", "portrait"]


@dataclass(slots=True)
class _Job:
    """What is being built, where, and what is known of it so far. ``poses`` are in pixels of the kept frames."""

    folder: Path
    size: tuple[int, int]
    rate: Fraction
    progress: Progress
    poses: list[Pose | None] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    runs: list[int] = field(default_factory=list)
    exact: bool = False
    best: portraits.Candidate | None = None

    def path(self, name: str) -> Path:
        return self.folder / name

    def frames(self) -> FrameStore:
        return FrameStore(self.path("frames.mp4"), self.size)

    def rough(self) -> MaskStore:
        return MaskStore(self.path(_ROUGH), self.size)

    def found(self) -> int:
        return sum(pose is not None for pose in self.poses)


def build_target(
    source: Path | Sequence[Path],
    *,
    id: str,
    name: str,
    into: Path | None = None,
    plate: Path | None = None,
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
        source: a video, several of one stage, or a folder of numbered pictures
            (:class:`core.targets.footage.FolderFootage`).
        id: a-z, 0-9 and hyphens; the folder's name.
        name: what people read.
        into: a folder of performers; the user's own by default.
        plate: a picture of the empty stage; by default it is found from the footage, where the camera stood still.
        masks: a video of exact masks, one picture for each of the source's (white person); by default they are found.
        portrait: a picture for lists; by default the head and shoulders of the best frontal frame.
        licence: under which the footage may be used.
        source_note: where the footage comes from and who agreed to its use.
        consent: whether the person filmed agreed; None where nobody was asked.
        size: the longer side of the kept frames in pixels; smaller footage is not enlarged.
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
    footage = open_footage(source, masks)
    place = place_in(into, id)
    with new_folder(place, replace=replace) as folder:
        job = _look(footage, folder, size, crf, tell)
        if not job.found():
            raise NobodyFound(f"Nobody was found in {_called(source)}: choose footage that shows one person whole.")
        if job.found() < _ENOUGH_FRAMES:
            logger.warning("%s shows a person in %d frames only: the performer will have few moves", id, job.found())
        _save_poses(job, footage.tracked)
        stage = _find_stage(job, plate)
        _cut_out(job, stage)
        _save_portrait(job, portrait)
        manifest = _manifest(job, id, name, licence, source_note, consent)
        job.path(MANIFEST).write_bytes(manifest.to_json())
        with open_target(place_in(folder.parent, folder.name), manifest):
            pass  # what was written can be read
    return open_target(place)


def _teller(name: str, progress: Progress | None, cancelled: Callable[[], bool] | None) -> Progress:
    def tell(share: float) -> None:
        if cancelled is not None and cancelled():
            raise Cancelled(f"Building {name} was stopped.")
        if progress is not None:
            progress(min(max(share, 0.0), 1.0))

    return tell


def _look(footage: Footage, folder: Path, longest: int, crf: float, tell: Progress) -> _Job:
    """First pass: the kept frames, the rough masks and the poses of every shot."""
    shots = iter(footage)
    first = next(shots)
    job = _Job(folder, _kept_size(first.image, longest), footage.rate, tell, exact=first.mask is not None)
    with (
        FootageWriter(job.path("frames.mp4"), job.size, footage.rate, crf=crf) as frames,
        FootageWriter(
            job.path(_ROUGH), job.size, footage.rate, masks=True, crf=_MASK_CRF if job.exact else 14.0
        ) as masks,
        PoseEstimator(masks=not job.exact, tracking=footage.tracked) as estimator,
    ):
        shot: Shot | None = first
        while shot is not None:
            if len(job.poses) == MAX_FRAMES:
                raise OverLimit(f"The footage has more than {MAX_FRAMES} frames: cut it shorter.")
            if job.runs and shot.run != job.runs[-1]:
                estimator.reset()
            _keep(job, shot, estimator, frames, masks)
            tell(_LOOKING * len(job.poses) / max(footage.count or 0, len(job.poses)))
            shot = next(shots, None)
    return job


def _keep(job: _Job, shot: Shot, estimator: PoseEstimator, frames: FootageWriter, masks: FootageWriter) -> None:
    pose, mask = _person(shot, estimator)
    scale = fit_scale(shot.image, job.size)
    frames.write(fit(shot.image, job.size))
    masks.write(fit(mask, job.size) if mask is not None else np.zeros(job.size[::-1], np.uint8))
    job.poses.append(None if pose is None else pose.scaled(scale))
    job.times.append(float(shot.time))
    job.runs.append(shot.run)
    if pose is not None:
        job.best = portraits.better(job.best, shot.image, pose)


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


def _save_poses(job: _Job, smooth: bool) -> None:
    """Poses of a video without their noise; where nobody was found there is none, whatever lay before and after."""
    if smooth:
        cuts = [i for i in range(1, len(job.runs)) if job.runs[i] != job.runs[i - 1]]
        smoothed = smooth_offline(job.poses, job.times, cuts)
        job.poses = [None if raw is None else even for raw, even in zip(job.poses, smoothed, strict=True)]
    save_poses(job.path("poses.npz"), stack_poses(job.poses), np.array(job.runs, np.int32))


def _find_stage(job: _Job, given: Path | None) -> Frame | None:
    """Second pass: the empty stage, given or found; None for a moving camera."""
    stage = _given_stage(given, job.size) if given is not None else _stage_seen(job)
    if stage is not None:
        _save_picture(job.path("plate.png"), stage)
    job.progress(_STAGE)
    return stage


def _stage_seen(job: _Job) -> Frame | None:
    """The empty stage from frames spread over the footage."""
    chosen = np.unique(np.linspace(0, len(job.poses) - 1, _STAGE_SAMPLES).astype(int))
    frames, masks = job.frames(), job.rough()
    try:
        return empty_stage([frames[i] for i in chosen], [masks[i] for i in chosen])
    finally:
        frames.close()
        masks.close()


def _given_stage(path: Path, size: tuple[int, int]) -> Frame:
    stage: Frame = read_picture(path)
    if not same_shape((stage.shape[1], stage.shape[0]), size):
        raise UnusableInput(f"{path.name} has another shape than the footage, so it cannot be its empty stage.")
    if stage.shape[1::-1] == size:
        return stage
    return np.asarray(cv2.resize(stage, size, interpolation=cv2.INTER_AREA), np.uint8)


def _cut_out(job: _Job, stage: Frame | None) -> None:
    """Third pass: the masks. Exact ones are kept as they are."""
    if job.exact:
        job.path(_ROUGH).replace(job.path("masks.mp4"))
        return
    frames, rough = job.frames(), job.rough()
    try:
        with FootageWriter(job.path("masks.mp4"), job.size, job.rate, masks=True, crf=_MASK_CRF) as masks:
            for index, pose in enumerate(job.poses):
                mask = rough[index]
                masks.write(mask if pose is None else refine(frames[index], mask, stage, pose))
                job.progress(_STAGE + (1 - _STAGE) * (index + 1) / len(job.poses))
    finally:
        frames.close()
        rough.close()
    job.path(_ROUGH).unlink()


def _save_portrait(job: _Job, given: Path | None) -> None:
    if given is not None:
        _save_picture(job.path("portrait.webp"), portraits.fitted(read_picture(given, covering=portraits.LARGEST)))
    elif job.best is not None:
        _save_picture(job.path("portrait.webp"), job.best.picture)


def _save_picture(path: Path, picture: Frame) -> None:
    options = [cv2.IMWRITE_WEBP_QUALITY, 90] if path.suffix == ".webp" else [cv2.IMWRITE_PNG_COMPRESSION, 9]
    _, coded = cv2.imencode(path.suffix, picture[..., ::-1], options)
    path.write_bytes(coded.tobytes())


def _called(source: Path | Sequence[Path]) -> str:
    """The footage's name in a sentence."""
    return source.name if isinstance(source, Path) else ", ".join(part.name for part in source)


def _manifest(job: _Job, target_id: str, name: str, licence: str, source_note: str, consent: bool | None) -> Manifest:
    names: dict[_Role, str] = {
        "poses": "poses.npz",
        "frames": "frames.mp4",
        "masks": "masks.mp4",
        "plate": "plate.png",
        "portrait": "portrait.webp",
    }
    files: dict[_Role, FileEntry] = {
        role: file_entry(job.path(file), file) for role, file in names.items() if job.path(file).is_file()
    }
    try:
        return Manifest(
            id=target_id,
            name=name,
            width=job.size[0],
            height=job.size[1],
            rate=job.rate,
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
