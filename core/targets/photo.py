"""Photos as footage: one to eight pictures of one person, and what will come of them, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import NobodyFound, OverLimit, UnusableInput
from core.pose import skeleton
from core.pose.detection import Detection
from core.pose.estimator import find_people
from core.pose.joints import Joints, joints_of, pose_of, standing
from core.pose.person_selection import Follower, distinct
from core.rendering.image_files import kind_of, read_picture
from core.settings import settings
from core.targets.footage import Shot
from core.targets.footage_check import BLURRED, DARK, Level, Verdict, out_of_view, rows_of, sharpness_of, shrunk
from core.targets.manifest import MOST_PHOTOS
from core.targets.matte import body_shape, dilated
from core.targets.stage import Stage, around_person, filled
from core.types import Alpha, Frame, Pose

PHOTO_RATE: Final = Fraction(1)
"""Frames a second of a performer of photos: a number that a file must have."""

_LONGEST: Final = (640, 960)
"""Pixels of the longer side of the kept frames: at least and at most, where the photo has so many."""
_TORSO: Final = 112.0
"""Pixels of a torso that fill the canvas of the generators with arms and legs stretched out."""
_MOST_HIDDEN: Final = 0.75
"""Share of the photo that may be the person and what is near them, for its rest to make a stage."""
_FLOOR: Final = 0.3
"""Share of the person's height above their feet up to which a shadow may lie on the floor behind them."""
_SHADE: Final = 0.9
_SHADE_HUE: Final = 12.0
"""Lightness of a shadow in shares of the floor's, and by how much its colour may differ (CIE Lab in 8 bits)."""
_FLOOR_ALIKE: Final = 0.4
"""Share of a row that must look alike for it to be floor."""
_SHADOW_EDGE: Final = 6
_CUT_SIDE: Final = 360
_CUT_REACH: Final = 0.5
"""Torso lengths from a body set by hand within which something may be part of it."""
_CUT_STEP: Final = 16
"""Grey levels that are one colour (CIE Lab in 8 bits)."""
_SEEN: Final = 0.5
_SMALL: Final = 160.0
"""Pixels of the person's height in the photo, as it was looked at, below which little is left of a face."""
_CLOSE: Final = 0.18
"""Torso lengths between forearm and trunk below which an arm does not come free of the body."""
_SIDE: Final = 0.35
"""Width of the shoulders in torso lengths below which somebody is seen from the side."""

Shown: TypeAlias = Literal["feet", "knees", "waist"]
"""How far down a photo shows somebody."""


@dataclass(frozen=True, slots=True, eq=False)
class AnalyzedPhoto:
    """A photo that was looked at.

    Attributes:
        name: of the file.
        image: at the size in which people are looked for.
        people: everybody in it.
    """

    name: str
    image: Frame
    people: tuple[Detection, ...]

    @property
    def person(self) -> Detection | None:
        """The largest of them."""
        # sizes of pictures matter to whom is followed only beyond the first picture
        pose = Follower("largest").pick([found.pose for found in self.people], 0.0, (1, 1))
        return next((found for found in self.people if found.pose is pose), None)

    @property
    def joints(self) -> Joints:
        """Where the person's joints are, or may be where nobody was found."""
        size, person = self.image.shape[1::-1], self.person
        return standing(size) if person is None else joints_of(person.pose, size)

    def placed(self, joints: Joints) -> AnalyzedPhoto:
        """The same, with somebody whose joints were set by hand.

        Raises:
            UnusableInput: they make no body.
        """
        pose = pose_of(joints, self.image.shape[1::-1])
        return replace(self, people=(Detection(pose, _cut_by_colour(self.image, pose)),))


@dataclass(frozen=True, slots=True, eq=False)
class PhotoCheck:
    """What was found in photos.

    Attributes:
        names: of the files.
        pictures: small ones, at most 320 pixels.
        looks: what each shows; None where nobody was found.
    """

    names: tuple[str, ...]
    pictures: tuple[Frame, ...]
    looks: tuple[PhotoLook | None, ...]

    @property
    def verdict(self) -> Verdict:
        """What will come of them, and what to do better."""
        seen = [(name, look) for name, look in zip(self.names, self.looks, strict=True) if look is not None]
        nobody = [name for name, look in zip(self.names, self.looks, strict=True) if look is None]
        if nobody:
            return Verdict(False, "red", (_nobody_in(nobody),), (), ())
        problems = [sentence for name, look in seen for sentence in _problems(name, look)]
        limits = [sentence for name, look in seen for sentence in _limits(name, look)]
        if all(look.from_side for _, look in seen):
            limits.append("You are seen from the side only: add a photo from the front, or faces will be made up.")
        advice = []
        if len(seen) == 1:
            advice.append("Add photos from both sides and from the back: turns will look better.")
        level: Level = "red" if problems else "amber" if limits else "green"
        return Verdict(True, level, tuple(problems), tuple(limits), tuple(advice))


@dataclass(frozen=True, slots=True)
class PhotoLook:
    """What one photo shows of the person.

    Attributes:
        people: how many are in it.
        shown: how far down the person is seen.
        head_out: whether the head is out of the picture.
        hands_out: whether a hand is.
        height: of the person in pixels of the picture as it was looked at.
        light: mean grey level of the person, 0 to 255.
        sharpness: see :attr:`core.targets.footage_check.FootageCheck.sharpness`.
        arms_on_body: whether an arm lies over the trunk or against it.
        from_side: whether the person is seen from the side.
    """

    people: int
    shown: Shown
    head_out: bool
    hands_out: bool
    height: float
    light: float
    sharpness: float
    arms_on_body: bool
    from_side: bool


class PhotoFootage:
    """Photos of one person, each a frame of its own, brought to the size and place of the person in the first one.

    Args:
        photos: see :func:`look_at`.

    Attributes:
        names: of the files.
        longest: the longer side of frames worth keeping, in pixels.

    Raises:
        NobodyFound: nobody is in one of them.
    """

    tracked = False
    rate = PHOTO_RATE

    def __init__(self, photos: Sequence[AnalyzedPhoto]) -> None:
        nobody = [photo.name for photo in photos if photo.person is None]
        if nobody:
            raise NobodyFound(_nobody_in(nobody))
        self.names = tuple(photo.name for photo in photos)
        self._photos = [(photo.image, photo.person) for photo in photos if photo.person is not None]
        self._places = [_middle_and_unit(person.pose) for _, person in self._photos]
        self.count: int | None = len(photos)
        longest = max(photos[0].image.shape)
        self.longest = round(min(max(longest * _TORSO / self._places[0][1], _LONGEST[0]), _LONGEST[1], longest))

    def __iter__(self) -> Iterator[Shot]:
        for i, (image, person) in enumerate(self._photos):
            mask = body_shape(image.shape[:2], person.pose)
            if person.mask is not None:
                mask = np.asarray(person.mask * 255.0 + 0.5, np.uint8)
            shown = self._brought(image, mask, person.pose, i) if i else (image, mask, person.pose)
            frame, rough, pose = shown
            yield Shot(frame, Fraction(i) / self.rate, run=i, pose=pose, known=True, mask=rough, exact=False)

    def _brought(self, image: Frame, mask: Alpha, pose: Pose, number: int) -> tuple[Frame, Alpha, Pose]:
        """A photo as if its person stood where the first one does, as large."""
        (to, unit), (at, own) = self._places[0], self._places[number]
        scale = unit / own
        matrix = np.array([[scale, 0.0, to[0] - scale * at[0]], [0.0, scale, to[1] - scale * at[1]]])
        if scale < 1:
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.45 / scale), np.uint8)
        size = self._photos[0][0].shape[1::-1]
        image = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        mask = cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_LINEAR)
        landmarks = pose.scaled(scale).landmarks
        landmarks[:, :2] += matrix[:, 2]
        return np.asarray(image, np.uint8), np.asarray(mask, np.uint8), Pose(landmarks, pose.colours)


def are_photos(paths: Sequence[Path]) -> bool:
    """Whether all of these files are photos by what their first bytes say.

    Raises:
        UnusableInput: some are photos and others are not.
    """
    photos = [path for path in paths if path.is_file() and kind_of(path) is not None]
    if photos and len(photos) < len(paths):
        other = next(path for path in paths if path not in photos)
        raise UnusableInput(
            f"{photos[0].name} is a photo and {other.name} is none: choose photos or videos, not both together."
        )
    return bool(photos)


def look_at(paths: Sequence[Path]) -> tuple[AnalyzedPhoto, ...]:
    """Find everybody in one to :data:`MOST_PHOTOS` JPEG, PNG or WebP files.

    Raises:
        UnusableInput: a file is no photo.
        OverLimit: too many of them.
        WeightsMissing: the pose model is not where it belongs.
    """
    if not paths:
        raise UnusableInput("There is no photo: choose at least one.")
    if len(paths) > MOST_PHOTOS:
        raise OverLimit(f"{len(paths)} photos are too many: choose the {MOST_PHOTOS} best.")
    side = settings().analysis_side
    # all of them before the networks are loaded, which takes longer than refusing one
    images = [shrunk(read_picture(path, within=side), side) for path in paths]
    with find_people(masks=True, tracking=False) as finder:
        return tuple(
            AnalyzedPhoto(path.name, image, tuple(finder.people(image, float(i))))
            for i, (path, image) in enumerate(zip(paths, images, strict=True))
        )


def check_photos(photos: Sequence[AnalyzedPhoto]) -> PhotoCheck:
    """Say what photos of one person are good for."""
    return PhotoCheck(
        names=tuple(photo.name for photo in photos),
        pictures=tuple(shrunk(photo.image, 320) for photo in photos),
        looks=tuple(_look(photo) for photo in photos),
    )


def photo_stage(frame: Frame, person: Alpha, count: int) -> Stage | None:
    """The stage that the first of ``count`` photos shows, the person's place filled in; None where they hide nearly all of it.

    Args:
        frame: (height, width, 3).
        person: (height, width), the person's rough mask.
    """
    hidden = around_person(person)
    if hidden.mean() > _MOST_HIDDEN:
        return None
    hidden |= _cast_shadow(frame, hidden)
    return Stage(filled(frame, hidden), ~hidden, (np.eye(3), *[None] * (count - 1)), np.eye(3), still=True)


def _cast_shadow(frame: Frame, hidden: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(height, width): the shadow on the floor that begins at the person's feet; it would stay behind when they move.

    Floor of the colour that most of its row has, but darker.
    """
    rows = np.flatnonzero(hidden.any(axis=1))
    shadow = np.zeros(hidden.shape, np.bool_)
    if not len(rows):
        return shadow
    top = int(rows[-1] - _FLOOR * (rows[-1] - rows[0]))
    lab = cv2.cvtColor(frame[top:], cv2.COLOR_RGB2Lab).astype(np.float32)
    known = np.where(hidden[top:, :, None], np.nan, lab)
    bare = ~hidden[top:].all(axis=1)
    floor = np.full((len(lab), 1, 3), np.nan, np.float32)
    floor[bare, 0] = np.nanmedian(known[bare], axis=1)
    light = lab[..., :1] / np.maximum(floor[..., :1], 1.0)
    darker = light[..., 0] < _SHADE
    # less light has less colour, unless something colours it
    apart = [np.abs(lab[..., 1:] - 128 - share * (floor[..., 1:] - 128)).max(axis=2) for share in (1.0, light)]
    same = np.minimum(*apart) < _SHADE_HUE
    # rows that are of many things show no floor
    alike = (np.abs(light[..., 0] - 1) < 1 - _SHADE) & same & ~hidden[top:]
    same &= alike.sum(axis=1, keepdims=True) > _FLOOR_ALIKE * (~hidden[top:]).sum(axis=1, keepdims=True)
    grown = dilated((darker & same) | hidden[top:], 2)
    count, labels = cv2.connectedComponents(grown.astype(np.uint8))
    touching = np.zeros(count, np.bool_)
    touching[np.unique(labels[hidden[top:]])] = True
    touching[0] = False
    shadow[top:] = dilated(touching[labels] & darker & same, _SHADOW_EDGE)
    return shadow


def _cut_by_colour(image: Frame, pose: Pose) -> NDArray[np.float32]:
    """(height, width) in [0, 1]: what has the colours of a body rather than of its surroundings, where no network knows one."""
    height, width = image.shape[:2]
    scale = min(1.0, _CUT_SIDE / max(height, width))
    size = (round(width * scale), round(height * scale))
    lab = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2Lab)
    body = body_shape((size[1], size[0]), pose.scaled(scale))
    unit = scale * _middle_and_unit(pose)[1]
    away = cv2.distanceTransform((body == 0).astype(np.uint8), cv2.DIST_L2, 5)
    near = away < _CUT_REACH * unit
    bins = np.ravel_multi_index(tuple(np.moveaxis(lab // _CUT_STEP, 2, 0)), (256 // _CUT_STEP + 1,) * 3)
    inside, outside = (_shares(bins, where) for where in (body > 0, ~near))
    likely = np.asarray(inside > outside, np.uint8)[bins]
    # shoes and hair reach beyond the joints, specks of the wall are no part of anybody
    likely = cv2.morphologyEx(likely * near.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, labels = cv2.connectedComponents(likely)
    own = np.zeros(int(labels.max()) + 1, np.float32)
    own[np.unique(labels[body > 0])] = 1
    own[0] = 0
    return np.asarray(cv2.GaussianBlur(cv2.resize(own[labels], (width, height)), (0, 0), 0.7 / scale), np.float32)


def _shares(bins: NDArray[np.int64], where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Of each bin, how much of a place has its colour."""
    return np.bincount(bins[where], minlength=(256 // _CUT_STEP + 1) ** 3) / max(int(where.sum()), 1)


def _middle_and_unit(pose: Pose) -> tuple[NDArray[np.float32], float]:
    """Middle of the hips, and torso length, in pixels."""
    hips, shoulders = pose.xy[list(skeleton.HIPS)].mean(0), pose.xy[list(skeleton.SHOULDERS)].mean(0)
    return hips, max(float(np.hypot(*(shoulders - hips))), 8.0)


def _look(photo: AnalyzedPhoto) -> PhotoLook | None:
    image, person = photo.image, photo.person
    if person is None:
        return None
    pose = person.pose
    head_out, hands_out, _ = out_of_view(pose, image)
    top, bottom = rows_of(pose, image)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    inside = grey[person.mask > _SEEN] if person.mask is not None else grey.reshape(-1)
    _, unit = _middle_and_unit(pose)
    shoulders = pose.xy[list(skeleton.SHOULDERS)]
    return PhotoLook(
        people=len(distinct([found.pose for found in photo.people])),
        shown=_shown(pose, image),
        head_out=head_out,
        hands_out=hands_out,
        height=bottom - top,
        light=float(inside.mean()) if inside.size else float(grey.mean()),
        sharpness=sharpness_of(pose, image),
        arms_on_body=_arm_on_body(pose, unit),
        from_side=float(np.hypot(*(shoulders[0] - shoulders[1]))) < _SIDE * unit,
    )


def _shown(pose: Pose, image: Frame) -> Shown:
    """How far down the picture shows somebody."""
    height = image.shape[0]

    def seen(joints: tuple[int, int]) -> bool:
        of = list(joints)
        return bool((pose.xy[of, 1] < height).all() and pose.visibility[of].max() >= _SEEN)

    if seen((skeleton.LEFT_ANKLE, skeleton.RIGHT_ANKLE)):
        return "feet"
    return "knees" if seen((skeleton.LEFT_KNEE, skeleton.RIGHT_KNEE)) else "waist"


def _arm_on_body(pose: Pose, unit: float) -> bool:
    """Whether a forearm lies over the trunk, or against it."""
    trunk = pose.xy[[11, 12, 24, 23]].astype(np.float32)
    shares = np.linspace(0.2, 1.0, 9)[:, None]
    for elbow, wrist in ((13, 15), (14, 16)):
        points = pose.xy[elbow] + shares * (pose.xy[wrist] - pose.xy[elbow])
        away = [-cv2.pointPolygonTest(trunk, (float(x), float(y)), measureDist=True) for x, y in points]
        if np.median(away) < _CLOSE * unit:
            return True
    return False


def _nobody_in(names: Sequence[str]) -> str:
    return (
        f"Nobody was found in {', '.join(names)}: choose a photo of one person, whole, from head to feet, "
        "facing the camera."
    )


def _problems(name: str, look: PhotoLook) -> list[str]:
    problems = []
    if look.people > 1:
        problems.append(f"{look.people} people are in {name}: choose a photo of one person alone, or cut it to them.")
    if look.head_out:
        problems.append(f"The head is out of the picture in {name}: choose a photo that shows it.")
    if look.height < _SMALL:
        problems.append(f"The person is small in {name}: take the photo from closer, or cut it to them.")
    if look.light < DARK:
        problems.append(f"It is too dark in {name}: turn on a light in front of the person, or take it by day.")
    if look.sharpness < BLURRED:
        problems.append(f"{name} is blurred: wipe the lens, hold still, and take it in good light.")
    return problems


def _limits(name: str, look: PhotoLook) -> list[str]:
    limits = []
    if look.shown != "feet":
        limits.append(
            f"{name} shows the person from the head to the {look.shown}, and so will every dance: "
            "for whole dances take it from further away, feet and all."
        )
    elif look.hands_out:
        limits.append(f"A hand is out of the picture in {name}: leave room around the person.")
    if look.arms_on_body:
        limits.append(f"An arm lies against the body in {name}: hold both arms a little away from it, fingers open.")
    return limits
