"""What will come of footage, before anything is trained: the person doing three short moves, by what needs no training.

A small performer is built of the pictures that a check kept, and drawn by re-cutting them (:mod:`core.generators.nearest`).
The moves are those of a bundled performer.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import Cancelled
from core.generators.base import Generator, default_generator
from core.generators.registry import create_generator
from core.pipeline import PerformerRenderer, performer_statistics
from core.pose import skeleton
from core.pose.retarget import BodyStatistics
from core.targets.cutout import Cutter, backdrop_for, moved
from core.targets.footage_check import FootageCheck
from core.targets.frame_store import FootageWriter
from core.targets.manifest import Manifest, TargetRole, file_entry
from core.targets.pose_file import save_poses, stack_poses
from core.targets.store import Place, Target, list_targets, load_target, open_target
from core.types import Frame, Pose

RATE: Final = 12
"""Pictures a second of the moves."""
_FOOTAGE_RATE: Final = Fraction(4)
_HALF: Final = 8
"""Pictures of a move before and after its middle."""
_HEIGHT: Final = 320
_FACING: Final = 0.6
"""Width of the shoulders in the picture, in torso lengths, from which somebody faces the camera."""
_FEWEST: Final = 8


def preview(found: FootageCheck, cancelled: Callable[[], bool] = lambda: False) -> tuple[Frame, ...]:
    """Pictures of a short film: three moves side by side, by the person in the footage. Empty where there is too little of it.

    Args:
        found: a check of the footage, with its pictures.
        cancelled: asked before every picture.

    Raises:
        Cancelled: ``cancelled`` said so.
    """
    if len(found.looks) < _FEWEST:
        return ()
    with tempfile.TemporaryDirectory(prefix="preview-") as folder, _performer(found, Path(folder)) as performer:
        return danced(performer, cancelled)


def danced(performer: Target, cancelled: Callable[[], bool] = lambda: False) -> tuple[Frame, ...]:
    """The same of a performer, by the best generator that they have. Empty where no bundled performer lends the moves.

    Raises:
        Cancelled: ``cancelled`` said so.
    """
    dancer = next((summary.id for summary in list_targets() if not summary.own), None)
    if dancer is None:
        return ()
    with load_target(dancer) as bundled:
        body, moves = performer_statistics(bundled), _moves_of(bundled)
    generator = create_generator(default_generator(performer.manifest.advised_names()), performer)
    films = [_danced(performer, generator, move, body, cancelled) for move in moves]
    return tuple(np.hstack(pictures) for pictures in zip(*films, strict=True))


def _performer(found: FootageCheck, folder: Path) -> Target:
    """A performer of the pictures that were kept."""
    looks, stage = found.looks, found.stage
    height, width = looks[0].image.shape[:2]
    poses = [look.pose if stage is None else moved(look.pose, stage.placed(look.index)) for look in looks]
    picture = None if stage is None else stage.picture
    samples = [(look.image, look.person) for look in looks]
    backdrop = backdrop_for(stage, picture, (width // 2 * 2, height // 2 * 2), poses, samples)
    cutter = Cutter(stage, backdrop)
    with (
        FootageWriter(folder / "frames.mp4", cutter.size, _FOOTAGE_RATE, preset="veryfast") as frames,
        FootageWriter(folder / "masks.mp4", cutter.size, _FOOTAGE_RATE, masks=True, preset="veryfast") as masks,
    ):
        for look, pose in zip(looks, poses, strict=True):
            cut = cutter.cut(cutter.bring(look.image, look.person, look.index), pose)
            frames.write(cut.image)
            masks.write(cut.mask)
    # pictures far apart: none follows another
    save_poses(folder / "poses.npz", stack_poses(poses), np.arange(len(poses), dtype=np.int32))
    cv2.imwrite(str(folder / "plate.png"), backdrop.picture[..., ::-1])
    names: dict[TargetRole, str] = {
        "poses": "poses.npz",
        "frames": "frames.mp4",
        "masks": "masks.mp4",
        "plate": "plate.png",
    }
    manifest = Manifest(
        id="preview",
        name="Preview",
        width=cutter.size[0],
        height=cutter.size[1],
        rate=_FOOTAGE_RATE,
        frames=len(poses),
        licence="",
        files={role: file_entry(folder / name, name) for role, name in names.items()},
    )
    return open_target(Place(folder, folder, own=True), manifest)


def _moves_of(performer: Target) -> list[list[Pose]]:
    """Arms up, a wide step and a lifted knee of a performer who faces the camera, a stretch of frames each."""
    poses = np.asarray(performer.poses, np.float64)
    step = max(round(float(performer.rate) / RATE), 1)
    runs = np.asarray(performer.runs)
    reach = _HALF * step
    xy = poses[..., :2]
    hips, shoulders = xy[:, list(skeleton.HIPS)].mean(1), xy[:, list(skeleton.SHOULDERS)].mean(1)
    unit = np.linalg.norm(shoulders - hips, axis=1)
    facing = (xy[:, skeleton.LEFT_SHOULDER, 0] - xy[:, skeleton.RIGHT_SHOULDER, 0]) / unit
    arms_up = (shoulders[:, 1] - xy[:, [15, 16], 1].max(1)) / unit
    step_wide = np.abs(xy[:, skeleton.LEFT_ANKLE, 0] - xy[:, skeleton.RIGHT_ANKLE, 0]) / unit
    knee_up = (hips[:, 1] - xy[:, [25, 26], 1].min(1)) / unit
    moves, free = [], np.ones(len(poses), np.bool_)
    for score in (arms_up, step_wide, knee_up):
        middle = _best(np.where(free, score, -np.inf), facing, runs, reach)
        # the next one shows something else
        free[max(middle - 3 * reach, 0) : middle + 3 * reach + 1] = False
        moves.append([Pose(poses[i].astype(np.float32)) for i in range(middle - reach, middle + reach + 1, step)])
    return moves


def _best(score: NDArray[np.float64], facing: NDArray[np.float64], runs: NDArray[np.int32], reach: int) -> int:
    """The frame with the highest score around which somebody faces the camera without a cut."""
    usable = np.zeros(len(score), np.bool_)
    for i in range(reach, len(score) - reach):
        around = slice(i - reach, i + reach + 1)
        usable[i] = runs[i - reach] == runs[i + reach] and np.all(facing[around] > _FACING)
    return int(np.nanargmax(np.where(usable, score, -np.inf)))


def _danced(
    performer: Target,
    generator: Generator,
    move: Sequence[Pose],
    body: BodyStatistics,
    cancelled: Callable[[], bool],
) -> list[Frame]:
    """Pictures of the performer doing a move of somebody of that build."""
    act = PerformerRenderer(performer, generator)
    times = [Fraction(i, RATE) for i in range(len(move))]
    asked, _ = act.ask_all(list(move), [float(time) for time in times], [], dancer=body)
    choices = generator.choose_all(asked, times)
    film = []
    for pose, choice in zip(asked, choices, strict=True):
        if cancelled():
            raise Cancelled("Trying out the footage was stopped.")
        film.append(_small(_around(act.draw(pose, choice).image, performer_statistics(performer).centre)))
    return film


def _around(image: Frame, centre: float) -> Frame:
    """What of a wide picture lies around x = ``centre``, a square."""
    height, width = image.shape[:2]
    left = round(min(max(centre - height / 2, 0), max(width - height, 0)))
    return image[:, left : left + height]


def _small(image: Frame) -> Frame:
    scale = min(_HEIGHT / image.shape[0], 1.0)
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
