"""The performers there are: bundled ones in ``assets/performers``, the user's own under the data directory."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core import paths
from core.errors import GeneratorNotFound, OutputFailed, PackInvalid, TargetNotFound, WeightsMissing
from core.pose.retarget import measure_body
from core.rendering.compositing import blend
from core.rendering.image_files import read_picture
from core.targets.frame_store import FrameStore, MaskStore
from core.targets.manifest import (
    MANIFEST,
    MAX_SIDE,
    WEIGHTS_FOLDER,
    FileEntry,
    Manifest,
    is_slug,
    locate,
    read_manifest,
    sha256_of,
)
from core.targets.pose_file import load_poses
from core.targets.studio_backdrop import studio
from core.types import Frame, Picture, Pose
from core.utils.closeable import Closeable
from core.utils.file_lock import in_turn
from core.utils.output_files import aside, put_back, set_aside, usable_folder
from core.warping.outline import STANDARD, Outline, measure_outline

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TargetSummary:
    """What a list of performers shows of one of them.

    ``advised`` are the generators without those that draw held-out moves worse than footage that was only re-cut.
    """

    id: str
    name: str
    generators: tuple[str, ...]
    advised: tuple[str, ...]
    size: tuple[int, int]
    fps: float
    frames: int
    licence: str
    own: bool
    portrait: Path | None

    def as_json(self) -> dict[str, Any]:
        """The fields of ``python -m core targets --json``."""
        return {
            "id": self.id,
            "name": self.name,
            "generators": list(self.generators),
            "size": list(self.size),
            "fps": self.fps,
            "frames": self.frames,
            "licence": self.licence,
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Where one performer lies: its folder and that of its weights; ``own`` when it can be deleted and replaced."""

    folder: Path
    weights: Path
    own: bool


class _OnStudio(FrameStore):
    """Footage that an earlier version took from a camera that moved: each frame is brought before a studio."""

    def __init__(self, path: Path, size: tuple[int, int], masks: MaskStore, stage: Frame) -> None:
        super().__init__(path, size)
        self._masks, self._stage = masks, stage

    def __getitem__(self, index: int) -> Frame:
        return blend(super().__getitem__(index), self._stage, self._masks[index])


class Target(Closeable):
    """An opened performer. Made by :func:`load_target`; safe to share between threads.

    Attributes:
        manifest: what its folder says about it.
        poses: (N, 33, 4) float32, read-only: x, y, z in pixels of its frames and visibility; NaN where nobody was.
        found: (N,) bool, read-only: where somebody was.
        runs: (N,) int32, read-only: frames with the same number follow each other in the footage without a cut or gap.
        frames: the footage.
        masks: the person's soft mask in every frame.
    """

    def __init__(self, manifest: Manifest, place: Place) -> None:
        self.manifest = manifest
        self.folder = place.folder
        self._weights = place.weights
        self.id = manifest.id
        self.name = manifest.name
        self.width = manifest.width
        self.height = manifest.height
        self.rate: Fraction = manifest.rate
        self.licence = manifest.licence
        self.poses, self.runs = load_poses(self._file("poses"), manifest.frames)
        self.found: NDArray[np.bool_] = ~np.isnan(self.poses[:, 0, 0])
        self.found.flags.writeable = False
        self.masks = MaskStore(self._file("masks"), self.size)
        film = self._file("frames")
        self.frames = (
            FrameStore(film, self.size)
            if "plate" in manifest.files
            else _OnStudio(film, self.size, self.masks, self.plate)
        )
        for store in (self.frames, self.masks):
            if len(store) != manifest.frames:
                raise PackInvalid(f"{self.id}/{store.path.name} has {len(store)} frames, not {manifest.frames}.")

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of every frame."""
        return self.width, self.height

    @property
    def portrait(self) -> Path | None:
        """A picture of the performer for a list, where there is one."""
        return self._file("portrait") if "portrait" in self.manifest.files else None

    @cached_property
    def plate(self) -> Frame:
        """The empty stage, read-only; a studio for a performer of an earlier version, filmed by a camera that moved."""
        if "plate" in self.manifest.files:
            called = f"The plate of {self.id}"
            plate = read_picture(
                self._file("plate"), called=called, formats=("PNG",), most_side=MAX_SIDE, error=PackInvalid
            )
            if plate.shape != (self.height, self.width, 3):
                raise PackInvalid(f"{called} is not {self.width}×{self.height} as its frames are.")
        else:
            plate = studio(self.size)
        plate.flags.writeable = False
        return plate

    @cached_property
    def outline(self) -> Outline:
        """How wide the performer is around each bone and what hangs between the legs, measured from the masks (.3 s)."""
        found = [Pose(landmarks) for landmarks in self.poses[self.found]]
        return measure_outline(self.poses, self.masks, measure_body(found).near[1]) if found else STANDARD

    @property
    def held_bytes(self) -> int:
        """About how much memory it takes just now: decoded footage, poses, and the stage once it was asked for."""
        stage = self.width * self.height * 3 if "plate" in self.__dict__ else 0
        return self.poses.nbytes + stage + self.frames.held_bytes + self.masks.held_bytes

    def pose(self, index: int) -> Pose | None:
        """The pose in frame ``index``, None where nobody was found."""
        return Pose(self.poses[index]) if self.found[index] else None

    def cutout(self, index: int) -> Picture:
        """Frame ``index`` and where the person is in it."""
        return Picture(self.frames[index], self.masks[index])

    def weight_file(self, generator: str, role: str) -> Path:
        """The path of one weight file, its size and hash checked.

        Raises:
            GeneratorNotFound: the performer has no such generator.
            WeightsMissing: the manifest names no such file, or it is not there.
            PackInvalid: it is not the file that the manifest names.
        """
        trained = next((g for g in self.manifest.generators if g.name == generator), None)
        if trained is None:
            known = ", ".join(self.manifest.generator_names())
            raise GeneratorNotFound(f"{self.name} cannot be danced with '{generator}'; there are {known}.")
        if role not in trained.files:
            raise WeightsMissing(f"{self.name} has no '{role}' file for {generator}.")
        path = locate(self.folder, self._weights, trained.files[role])
        if not path.is_file():
            raise WeightsMissing(f"The weights {path.name} of {self.name} for {generator} are missing.")
        check_file(path, trained.files[role], self.id)
        return path

    def files(self) -> list[Path]:
        """Every file of the performer, the manifest and the weights among them."""
        entries = self.manifest.all_files()
        return [self.folder / MANIFEST, *(locate(self.folder, self._weights, entry) for entry in entries)]

    def close(self) -> None:
        """Close the footage. The poses stay."""
        self.frames.close()
        self.masks.close()

    def _file(self, role: str) -> Path:
        return locate(self.folder, self._weights, self.manifest.files[role])  # type: ignore[index]  # callers know the role


_guests: Path | None = None


def find_guests_in(root: Path | None) -> None:
    """From now on performers below ``root`` are found as well, by whoever knows their id; no list has them. None: nowhere."""
    global _guests  # noqa: PLW0603  (one registry for the process)
    _guests = root


def list_targets(*roots: Path) -> list[TargetSummary]:
    """Every performer that can be loaded: bundled ones first, then the user's own, each by name. Reads manifests only.

    A damaged one is left out with a warning in the log. ``roots`` are further folders of performers.
    """
    summaries: dict[str, TargetSummary] = {}
    for place in _places(roots):
        summary = _summary_at(place)
        if summary is not None:
            summaries.setdefault(summary.id, summary)
    return sorted(summaries.values(), key=lambda s: (s.own, s.name.casefold()))


def find_target(target_id: str, *roots: Path) -> TargetSummary | None:
    """What a list would show of the performer of that id; None where there is none, or it is damaged."""
    place = find_place(target_id, *roots)
    return None if place is None else _summary_at(place)


def load_target(target_id: str, *roots: Path) -> Target:
    """Open a performer. Footage, poses and pictures are checked against the manifest now, weights when asked for.

    Raises:
        TargetNotFound: there is none of that id; the message lists those there are.
        PackInvalid: its folder is damaged.
    """
    place = find_place(target_id, *roots)
    if place is None:
        known = ", ".join(summary.id for summary in list_targets(*roots)) or "none yet"
        raise TargetNotFound(f"There is no performer '{target_id[:60]}'; there are: {known}.")
    return open_target(place)


def open_target(place: Place, manifest: Manifest | None = None) -> Target:
    """Open the performer that lies at ``place``, which may have another name while it is being made.

    Raises:
        PackInvalid: its folder is damaged.
    """
    manifest = manifest or _manifest_at(place)
    for entry in manifest.files.values():
        check_file(locate(place.folder, place.weights, entry), entry, manifest.id)
    return Target(manifest, place)


def delete_target(target_id: str, *roots: Path) -> None:
    """Remove one of the user's own performers.

    Raises:
        TargetNotFound: there is none of that id, or it is a bundled one.
        OutputFailed: its folder cannot be removed.
    """
    place = find_place(target_id, *roots)
    if place is None or not place.own:
        raise TargetNotFound(f"'{target_id[:60]}' is none of your own performers, so it is not deleted.")
    try:
        shutil.rmtree(place.folder)
    except OSError as error:
        raise OutputFailed(f"The performer '{target_id}' could not be deleted: {error.strerror or error}.") from error


def find_place(target_id: str, *roots: Path) -> Place | None:
    """Where the performer of that id lies, if anywhere; bundled ones come first, guests last."""
    if not is_slug(target_id):
        return None
    if _guests is not None:
        roots = (*roots, _guests)
    return next((place for place in _places(roots) if place.folder.name == target_id), None)


def place_in(root: Path | None, target_id: str) -> Place:
    """Where a performer of that id belongs below ``root`` (the user's own by default), whether it is there or not."""
    folder = (paths.user_performers() if root is None else root) / target_id
    bundled = folder.parent.resolve() == paths.BUNDLED_PERFORMERS.resolve()
    return Place(folder, paths.WEIGHTS / target_id if bundled else folder / WEIGHTS_FOLDER, own=not bundled)


@contextmanager
def changing(target_id: str) -> Iterator[None]:
    """Be the only process that changes the manifest of a performer.

    Raises:
        OutputFailed: the lock cannot be kept.
    """
    with in_turn(f"performer-{target_id}"):
        yield


@contextmanager
def new_folder(place: Place, *, replace: bool) -> Iterator[Path]:
    """A folder to fill beside the performer's own, which becomes it when the block ends well and goes when it does not.

    Raises:
        PackInvalid: a performer of that id is there already and is not to be replaced.
        OutputRefused: nothing can be written there.
        OutputFailed: no room.
    """
    final = place.folder
    usable_folder(final.parent)
    put_back(final.parent)
    taken = PackInvalid(f"There is a performer '{final.name}' already: choose another id, or delete that one first.")
    if not replace and (final.exists() or (place.own and (paths.BUNDLED_PERFORMERS / final.name).exists())):
        raise taken
    if place.own and (paths.BUNDLED_PERFORMERS / final.name).exists():
        raise PackInvalid(
            f"'{final.name}' is one of the bundled performers, which are not replaced: choose another id."
        )
    part = aside(final)
    try:
        (part / WEIGHTS_FOLDER).mkdir(parents=True)
        yield part
        if not any((part / WEIGHTS_FOLDER).iterdir()):
            (part / WEIGHTS_FOLDER).rmdir()
        if not replace and final.exists():
            # somebody else made one of that id meanwhile
            raise taken
        _put(part, final)
    except OSError as error:
        raise OutputFailed(f"The performer '{final.name}' could not be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _put(part: Path, final: Path) -> None:
    """Rename ``part`` to ``final``; what was there goes only when the new one stands."""
    old = set_aside(part)
    if final.exists():
        final.rename(old)
    try:
        part.rename(final)
    except OSError:
        if old.exists():
            old.rename(final)
        raise
    shutil.rmtree(old, ignore_errors=True)


_MOST_VERIFIED: Final = 4096
_verified: Final[dict[tuple[Path, int, int], str]] = {}
_verified_lock: Final = threading.Lock()


def check_file(path: Path, entry: FileEntry, target_id: str) -> None:
    """Hold a file against its manifest entry: its size always, its hash once for as long as the file is not touched.

    Raises:
        PackInvalid: it is missing or another.
    """
    try:
        state = path.stat()
        if state.st_size != entry.bytes:
            raise PackInvalid(
                f"{entry.path} of performer '{target_id}' is damaged: its size is not what the manifest says."
            )
        key = (path, state.st_size, state.st_mtime_ns)
        with _verified_lock:
            digest = _verified.get(key)
        digest = digest or sha256_of(path)
    except OSError as error:
        raise PackInvalid(f"{entry.path} of performer '{target_id}' is missing or cannot be read.") from error
    if digest != entry.sha256:
        raise PackInvalid(
            f"{entry.path} of performer '{target_id}' is damaged: its content is not what the manifest says."
        )
    with _verified_lock:
        _verified[key] = digest
        while len(_verified) > _MOST_VERIFIED:
            # of performers that came and went: the oldest first
            del _verified[next(iter(_verified))]


def _places(roots: tuple[Path, ...]) -> Iterator[Place]:
    for folder in _folders(paths.BUNDLED_PERFORMERS):
        yield place_in(paths.BUNDLED_PERFORMERS, folder.name)
    for root in (paths.user_performers(), *roots):
        for folder in _folders(root):
            yield place_in(root, folder.name)


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(child for child in root.iterdir() if is_slug(child.name) and (child / MANIFEST).is_file())
    except OSError:
        return []  # no such folder yet: nobody has been built or imported


def _manifest_at(place: Place) -> Manifest:
    manifest = read_manifest(place.folder)
    if manifest.id != place.folder.name:
        raise PackInvalid(f"The folder {place.folder.name} holds the performer '{manifest.id}', so it is not used.")
    return manifest


def _summary_at(place: Place) -> TargetSummary | None:
    try:
        manifest = _manifest_at(place)
    except PackInvalid as error:
        logger.warning("performer left out: %s", error)
        return None
    portrait = manifest.files.get("portrait")
    return TargetSummary(
        id=manifest.id,
        name=manifest.name,
        generators=tuple(manifest.generator_names()),
        advised=tuple(manifest.advised_names()),
        size=(manifest.width, manifest.height),
        fps=float(manifest.rate),
        frames=manifest.frames,
        licence=manifest.licence,
        own=place.own,
        portrait=None if portrait is None else locate(place.folder, place.weights, portrait),
    )
