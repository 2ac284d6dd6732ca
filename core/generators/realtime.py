"""Our own generator: parts of the performer's footage, warped into the pose, copied and repaired by a small network."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import cached_property, reduce
from time import sleep
from typing import TYPE_CHECKING, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from core.conditioning.limb_fields import (
    BEYOND,
    CELL,
    FEATURES,
    PART_LAYERS,
    Box,
    Points,
    limb_fields,
    points_on,
    pose_vector,
)
from core.errors import PackInvalid
from core.generators.base import Explanation, FrameSelection, FrameSelector, GeneratorSpec, Shares
from core.generators.explain import BACKDROP, around, laid, person_drawn, sized
from core.generators.neural import LazyNetwork, NeuralGenerator
from core.generators.part_retrieval import LivePicker, PartRetriever, faded, in_mirror, pick, pick_sequence
from core.generators.registry import register
from core.generators.segmentation import part_shares
from core.pose.cuts import shots_of
from core.rendering.canvas import KEPT, Behind, Canvas, Layers, lay, layers_of, lifted, moved_by, seen_from
from core.rendering.shadow import light_left
from core.types import Frame, Picture, Pose
from core.warping.outline import STANDARD, Outline
from core.warping.part_warp import PARTS, Piece, Snapshot, completed, resized, snapshot, warp_parts

if TYPE_CHECKING:
    from core.inference.runner import Runner
    from core.networks.config import NetworkConfig
    from core.targets.store import Target


_SOFT: Final = 4
_NEAR: Final = np.ones((5, 5), np.uint8)
"""As SOFT and NEAR of ``core.networks.realtime``, which cannot be imported without torch."""

_FIRM: Final = np.clip(np.arange(256) * 2.0 - 0.2 * 255, 0, 255).astype(np.uint8)
"""How much of a part is shown for each value of its gate. Learning wants gates that can be a little open; shown like that, two
pictures that do not lie quite on each other are one that is blurred (docs/realtime.md)."""

_FAINT: Final = 4
"""Grey levels of a mask that nobody sees."""

_REACH: Final = 0.7
"""Torso lengths around a pose's points within which all of the person is."""

_ALONG: Final = (0.4, 0.55)
"""Nearness between which somebody is more and more surely: 1.2 radii of a bone and .9 of it."""
_HOLE: Final = 60
"""Grey levels of a mask that are missing there, from which on it is seen."""

_NAMES: Final = ("trunk", "head", "left arm", "right arm", "left leg", "right leg")
"""Of the parts, for people."""
_FADED: Final = 0.25
"""How much is shown of parts that are not taken."""
_ORIGINS: Final = np.array([(224, 82, 82), (80, 190, 110), (86, 140, 255)], np.float32)
_DRAWN: Final = np.float32(245)
"""Grey levels that tell which layer a pixel is copied from, or that it is drawn."""

_GIVE_WAY: Final = 0.02
"""Seconds after which a thread that looks frames up ahead sees whether it may go on."""

_SMALLER: Final = 1.5
_ENOUGH: Final = 0.85
"""Pixels to draw for each pixel that is shown, below which it is seen."""
_WORTHWHILE: Final = 0.7
"""Share of a canvas's pixels up to which a smaller one is worth being made."""


class NetworkInputs(NamedTuple):
    """What a network is shown of a box of the canvas, without the batch, and what is copied from.

    Attributes:
        fields, told, small: as ``core.networks.realtime`` takes them.
        parts: (PART_LAYERS, height, width, 4) uint8, the warped pictures at full size.
        box: where on the canvas ``parts`` lie.
    """

    fields: NDArray[np.float32]
    told: NDArray[np.float32]
    small: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    box: Box


class ExemplarBank:
    """Frames of the performer to take parts from; a frame is looked up when it is first used, and kept.

    Args:
        canvas: on which they are wanted.
        unit: torso length in pixels of the performer's frames.
        frames: their numbers.
        landmarks: (N, 33, 4) of all frames of the performer.
        look_up: the person in a frame on its canvas, (height, width, 4): colours times mask, and mask.
        outline: of the performer, by which parts are cut.
        mirrored: how many of the frames, the last ones, are others seen in a mirror.
    """

    _larger: ExemplarBank | None = None

    def __init__(
        self,
        canvas: Canvas,
        unit: float,
        frames: Sequence[int],
        landmarks: NDArray[np.float32],
        look_up: Callable[[int], NDArray[np.uint8]],
        outline: Outline = STANDARD,
        mirrored: int = 0,
    ) -> None:
        self.frames = tuple(frames)
        self.recall = PartRetriever(
            np.asarray(landmarks[list(frames)]), unit, cloth=bool(outline.hem), mirrored=mirrored
        )
        self._mirrored = mirrored
        self._outline = outline
        self._canvas, self._unit = canvas, unit
        self._landmarks = landmarks
        self._look_up = look_up
        self._places = {frame: place for place, frame in enumerate(self.frames)}
        self._kept: dict[int, Snapshot] = {}
        self._begun: dict[int, Snapshot] = {}
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._drawing = 0

    @property
    def held_bytes(self) -> int:
        """Of all that is kept so far."""
        # a copy: other threads look further frames up meanwhile
        return sum(cut.held_bytes for cut in [*list(self._kept.values()), *list(self._begun.values())])

    def frames_at(self, places: Sequence[int]) -> tuple[Shares, ...]:
        """Return the performer's frames at one place of the memory for each part."""
        return tuple(((self.frames[place], 1.0),) for place in places)

    def shares_at(self, places: Sequence[Shares]) -> tuple[Shares, ...]:
        """Return the performer's frames where the places of the memory are given with their shares."""
        return tuple(tuple((self.frames[place], share) for place, share in shares) for shares in places)

    def shrunk(self, canvas: Canvas) -> ExemplarBank:
        """The same for a smaller canvas: what this one keeps is made smaller, not looked up again."""
        other = ExemplarBank(
            canvas, self._unit, self.frames, self._landmarks, self._look_up, self._outline, self._mirrored
        )
        other._larger = self
        return other

    def look_up_all(self, going: Callable[[], bool]) -> None:
        """Look every frame up that is not kept yet, one after the other, while ``going``; after what is to be drawn now."""
        for frame in self.frames:
            while self._drawing and going():
                sleep(_GIVE_WAY)
            if not going():
                return
            self._frame(frame)

    @contextmanager
    def _first(self, frames: Collection[int]) -> Iterator[None]:
        """Let nobody look up others while some of these are missing: a lock goes to any thread that wants it, mostly to the one
        that gave it back."""
        if all(frame in self._kept for frame in frames):
            yield
            return
        # what is made smaller is looked up there
        bank = self._larger or self
        with bank._counting:
            bank._drawing += 1
        try:
            yield
        finally:
            with bank._counting:
                bank._drawing -= 1

    def _frame(self, frame: int) -> Snapshot:
        kept = self._kept.get(frame)
        if kept is not None:
            # whoever has all that is needed does not wait for a thread that looks something up
            return kept
        with self._lock:
            if frame not in self._kept:
                self._kept[frame] = self._looked_up(frame)
                self._begun.pop(frame, None)
            return self._kept[frame]

    def _looked_up(self, frame: int) -> Snapshot:
        """A frame cut into parts, and what hides some of them there filled in from the frames that are most like it."""
        if self._larger is not None:
            pose = Pose(np.asarray(self._landmarks[frame]))
            to_larger = seen_from(self._canvas.matrix(pose), self._larger._canvas.matrix(pose))
            return resized(self._larger._frame(frame), to_larger, points_on(self._canvas, pose))
        cut = self._cut(frame)
        holes = [part for part in PARTS if cut.pieces[part].made_up is not None]
        if holes and len(self.frames) > 1:
            costs = self.recall.costs_to_fill(self._landmarks[frame])[holes]
            costs[:, self._places[frame]] = np.inf
            for part, place in zip(holes, costs.argmin(1), strict=True):
                other = self._cut(self.frames[place])
                cut = completed(cut, part, other, self._unit / self._canvas.scale, self._outline)
        return cut

    def _cut(self, frame: int) -> Snapshot:
        """A frame cut into parts."""
        found = self._kept.get(frame) or self._begun.get(frame)
        if found is None:
            points = points_on(self._canvas, Pose(np.asarray(self._landmarks[frame])))
            person, unit = self._look_up(frame), self._unit / self._canvas.scale
            found = snapshot(person, points, unit, self._outline, part_shares(person, points, unit))
            self._begun[frame] = found
        return found

    def taken(self, frame: int, parts: Collection[int]) -> Frame:
        """The person in a frame of the memory, for people: all of them faintly, and those parts as they are."""
        cut = self._frame(frame)
        size = (self._canvas.width, self._canvas.height)
        person = np.zeros((size[1], size[0], 4), np.uint8)
        for part, piece in enumerate(cut.pieces):
            _put(person, piece, 1.0 if part in parts else _FADED)
        here = around(cut.points[:, :2], self._unit / self._canvas.scale, size)
        return sized(laid([person[here.rows, here.columns]], (here.width, here.height)))

    def told(self, pose: Pose, chosen: Sequence[Shares]) -> NDArray[np.float32]:
        """(TOLD,): what the network is told beside fields and parts."""
        unlike = np.zeros(len(PARTS), np.float32)
        for turn in range(max(map(len, chosen))):
            frames, shares = zip(*(part[min(turn, len(part) - 1)] for part in chosen), strict=True)
            there = np.array([turn < len(part) for part in chosen])
            unlike += there * shares * self.recall.unlike(pose.landmarks, [self._places[frame] for frame in frames])
        return np.concatenate([pose_vector(pose.landmarks, self._unit), unlike])

    def seen(self, pose: Pose, chosen: Sequence[Shares], box: Box) -> NetworkInputs:
        """What a network is shown of a pose.

        Args:
            pose: in pixels of the performer's frames.
            chosen: for each part, the frames it is taken from, and their shares.
            box: what of the canvas to show; its sides are multiples of twice ``core.conditioning.limb_fields.CELL``.
        """
        points, unit = points_on(self._canvas, pose), self._unit / self._canvas.scale
        # where nothing of a person can be, nothing is warped
        near = _around(points, unit, box)
        with self._first({frame for shares in chosen for frame, _ in shares}):
            pictures = [[(self._frame(frame), share) for frame, share in shares] for shares in chosen]
        parts = warp_parts(points, unit, pictures, near, self._outline)
        small = np.zeros((PART_LAYERS, box.height // 2, box.width // 2, 4), np.uint8)
        spot = near.inside(box).halved()
        for fewer, part in zip(small[:, spot.rows, spot.columns], parts, strict=True):
            fewer[:] = cv2.resize(part, (spot.width, spot.height), interpolation=cv2.INTER_AREA)
        # a pixel of half the size lies in the middle of four
        halves = points * np.array([0.5, 0.5, 0.5, 1.0], np.float32) - np.array([0.25, 0.25, 0, 0], np.float32)
        return NetworkInputs(limb_fields(halves, unit / 2, box.halved()), self.told(pose, chosen), small, parts, near)

    def picture(self, run: Runner, pose: Pose, stage: Frame, chosen: Sequence[Shares] | None = None) -> Picture:
        """The performer's frame: what a network makes of the chosen frames, or where none are, of those that fit best."""
        if chosen is None:
            chosen = self.frames_at(pick(self.recall.costs(pose.landmarks)))
        seen = self.seen(pose, chosen, whole(self._canvas))
        mix = run(seen.fields[None], seen.told[None], seen.small[None])[0]
        return lay_mix(mix, seen, self._canvas, pose, stage)


def lay_mix(mix: NDArray[np.uint8], seen: NetworkInputs, canvas: Canvas, pose: Pose, stage: Frame) -> Picture:
    """The performer's frame from what a network made of what it was shown; ``core.networks.realtime.blend`` in grey levels.

    What is copied is copied more firmly than while it was learnt: see :func:`firm`.

    Args:
        mix: (LAYERS + PART_LAYERS, canvas.height / 2, canvas.width / 2).
    """
    picture, box = _blended(mix, seen)
    matrix = moved_by(canvas.matrix(pose), box.left, box.top)
    light = cv2.resize(mix[-1], None, fx=1 / _SOFT, fy=1 / _SOFT, interpolation=cv2.INTER_AREA)
    fewer = 2 * _SOFT
    light_at = canvas.matrix(pose) @ [[fewer, 0, (fewer - 1) / 2], [0, fewer, (fewer - 1) / 2], [0, 0, 1]]
    return lay(picture, matrix, light, light_at, stage)


def bounded(drawn: NDArray[np.uint8], fields: NDArray[np.float32], box: Box) -> NDArray[np.uint8]:
    """What a network drew, without what lies where no part of the asked body can be.

    Args:
        drawn: (KEPT, box.height, box.width), at half the canvas's size.
        fields: (FIELDS, rows, columns) of all of it, see :func:`core.conditioning.limb_fields.limb_fields`.
        box: what of it ``drawn`` shows.
    """
    near = fields[::FEATURES].max(0)
    reach = np.clip((near - BEYOND[0]) / (BEYOND[1] - BEYOND[0]), 0, 1)
    larger = cv2.resize(reach, None, fx=CELL, fy=CELL, interpolation=cv2.INTER_LINEAR)[box.rows, box.columns]
    share = (255 * larger).astype(np.uint8)
    if cv2.countNonZero(cv2.compare(cv2.bitwise_and(drawn[3], cv2.bitwise_not(share)), 0, cv2.CMP_GT)) == 0:
        return drawn
    return np.stack([cv2.multiply(layer, share, scale=1 / 255) for layer in drawn]).astype(np.uint8)


def _blended(mix: NDArray[np.uint8], seen: NetworkInputs) -> tuple[NDArray[np.uint8], Box]:
    """(height, width, KEPT): what is copied over what is drawn, and where on the canvas it lies; the rest is empty.

    See ``core.networks.realtime.blend``.
    """
    near = seen.box.halved()
    layers = mix[: KEPT + PART_LAYERS, near.rows, near.columns]
    drawn, gates = bounded(layers[:KEPT], seen.fields, near), layers[KEPT:]
    masks = [cv2.extractChannel(part[near.rows, near.columns], 3) for part in seen.small]
    shown = _found(reduce(cv2.max, masks, np.ascontiguousarray(drawn[3])), _FAINT)
    box = shown.doubled()
    copied, left = np.zeros((box.height, box.width, 4), np.uint8), np.full((box.height, box.width), 255, np.uint8)
    for gate, part, mask in zip(gates, seen.parts, masks, strict=True):
        there = cv2.dilate(mask, _NEAR)
        spot = _found(there, 0).common(shown)
        if spot is None:
            continue
        place, share = spot.doubled(), gate[spot.rows, spot.columns]
        share = firm(cv2.bitwise_and(share, share, mask=there[spot.rows, spot.columns]))
        share = cv2.resize(share, (place.width, place.height), interpolation=cv2.INTER_LINEAR)
        here = place.inside(box)
        over = _times(part[place.rows, place.columns], share)
        copied[here.rows, here.columns] = _laid_over(over, copied[here.rows, here.columns])
        below = left[here.rows, here.columns]
        cv2.multiply(below, cv2.bitwise_not(share), below, 1 / 255)
    picture = cv2.merge([layer[shown.rows, shown.columns] for layer in drawn])
    picture = cv2.resize(picture, (box.width, box.height), interpolation=cv2.INTER_LINEAR)
    picture = np.asarray(cv2.add(copied, _times(picture, left)), np.uint8)
    picture = _without_holes(picture, seen, shown, reduce(cv2.max, masks)[shown.rows, shown.columns])
    return picture, Box(seen.box.left + box.left, seen.box.top + box.top, box.width, box.height)


def _without_holes(
    picture: NDArray[np.uint8], seen: NetworkInputs, shown: Box, there: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The same, with what was warped along the asked bones laid below: a shin that is neither copied nor drawn is a hole.

    Args:
        picture: (height, width, KEPT).
        seen: see :func:`lay_mix`.
        shown: which pixels of the small pictures in ``seen.box`` it shows, at twice their size.
        there: (height / 2, width / 2), where anything was warped to.
    """
    near = (seen.fields[::FEATURES].max(0) - _ALONG[0]) / (_ALONG[1] - _ALONG[0])
    share = cv2.resize(np.clip(255 * near, 0, 255), None, fx=CELL, fy=CELL, interpolation=cv2.INTER_LINEAR)
    whole_box = seen.box.halved()
    inside = Box(whole_box.left + shown.left, whole_box.top + shown.top, shown.width, shown.height)
    share = share[inside.rows, inside.columns].astype(np.uint8)
    size = (picture.shape[1], picture.shape[0])
    bare = cv2.bitwise_not(cv2.extractChannel(picture, 3))
    small = cv2.min(cv2.resize(bare, (shown.width, shown.height), interpolation=cv2.INTER_AREA), cv2.min(share, there))
    if cv2.countNonZero(cv2.compare(small, _HOLE, cv2.CMP_GT)) == 0:
        return picture
    place = shown.doubled()
    share = cv2.bitwise_and(share, share, mask=cv2.compare(there, 200, cv2.CMP_GT))
    below = np.zeros_like(picture)
    for part in seen.parts:
        below = _laid_over(np.ascontiguousarray(part[place.rows, place.columns]), below)
    share = cv2.multiply(cv2.resize(share, size, interpolation=cv2.INTER_LINEAR), bare, scale=1 / 255)
    return np.asarray(cv2.add(picture, _times(below, share)), np.uint8)


def _times(image: NDArray[np.uint8], share: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """So much (height, width) of a picture (height, width, 4)."""
    return np.asarray(cv2.multiply(np.ascontiguousarray(image), cv2.merge([share] * 4), scale=1 / 255), np.uint8)


def _laid_over(over: NDArray[np.uint8], under: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One picture over another, both (height, width, 4), colours times mask and mask."""
    return np.asarray(cv2.add(over, _times(under, cv2.bitwise_not(cv2.extractChannel(over, 3)))), np.uint8)


def _put(onto: NDArray[np.uint8], piece: Piece, strength: float) -> None:
    """Lay a piece over a picture (height, width, 4) of colours times mask, and mask."""
    own = Box(piece.left, piece.top, piece.image.shape[1], piece.image.shape[0])
    spot = own.common(Box(0, 0, onto.shape[1], onto.shape[0]))
    if spot is None:
        return
    over = spot.inside(own)
    image = piece.image[over.rows, over.columns].astype(np.float32) * strength
    under = onto[spot.rows, spot.columns]
    under[:] = np.minimum(under * (1 - image[..., 3:] / 255) + image, 255).astype(np.uint8)


class Insides(NamedTuple):
    """What happens between the footage and a picture, as pictures for people, all of a canvas.

    Attributes:
        warped: the parts as they were warped, laid over each other.
        origin: what is copied: red from trunk and head, green from the legs, blue from the arms. What is drawn is white.
        drawn: what the network drew, without what is copied over it.
        copied: share of the person that is copied.
    """

    warped: Frame
    origin: Frame
    drawn: Frame
    copied: float


def insides(mix: NDArray[np.uint8], seen: NetworkInputs, canvas: Canvas) -> Insides:
    """What a network made of what it was shown, taken apart; arguments as for :func:`lay_mix`."""
    warped = np.zeros((PART_LAYERS, canvas.height, canvas.width, 4), np.uint8)
    warped[:, seen.box.rows, seen.box.columns] = seen.parts
    gates, masks = mix[KEPT : KEPT + PART_LAYERS], seen.small[..., 3]
    person = mix[3] / np.float32(255)
    colours, own = np.zeros((*mix.shape[1:], 3), np.float32), np.ones(mix.shape[1:], np.float32)
    for raw, mask, colour in zip(gates, masks, _ORIGINS, strict=True):
        gate = firm(raw) * np.float32(1 / 255) * (mask > 0)
        # what is copied hides what lies below, drawn or copied
        own *= 1 - gate
        colours += gate[..., None] * (colour - colours)
        person += gate * (mask / np.float32(255) - person)
    colours += own[..., None] * _DRAWN
    origin = BACKDROP + person[..., None] * (colours - BACKDROP)
    return Insides(
        laid(warped, (canvas.width, canvas.height)),
        _twice(origin.astype(np.uint8)),
        _twice(person_drawn(mix[:KEPT])),
        float((person * (1 - own)).sum() / max(float(person.sum()), 1.0)),
    )


def _twice(picture: Frame) -> Frame:
    return np.asarray(cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR), np.uint8)


def firm(gates: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What is shown of parts for these values of their gates."""
    return np.asarray(cv2.LUT(gates, _FIRM), np.uint8)


def _found(mask: NDArray[np.uint8], least: int) -> Box:
    """The rectangle with all of a mask above ``least``, and a pixel around it, into which it fades at twice the size."""
    x, y, width, height = cv2.boundingRect(cv2.compare(mask, least, cv2.CMP_GT))
    left, top = max(x - 1, 0), max(y - 1, 0)
    return Box(left, top, min(x + width + 1, mask.shape[1]) - left, min(y + height + 1, mask.shape[0]) - top)


def _around(points: Points, unit: float, box: Box) -> Box:
    """What of a box lies around the points, in pairs of cells, at least one of them."""
    pair = 2 * CELL
    corner, last = np.array([box.left, box.top]), np.array([box.left + box.width, box.top + box.height])
    begin = np.floor((points[:, :2].min(0) - _REACH * unit) / pair) * pair
    end = np.ceil((points[:, :2].max(0) + _REACH * unit) / pair) * pair
    begin = np.clip(begin, corner, last - pair).astype(int)
    end = np.clip(end, begin + pair, last).astype(int)
    return Box(*begin.tolist(), *(end - begin).tolist())


def _frame_with_somebody(target: Target, i: int) -> tuple[Frame, Pose]:
    frame, pose = target.frames[i], target.pose(i)
    if pose is None:
        raise ValueError(f"nobody is in frame {i}")
    return frame, pose


def person_of_frame(target: Target, canvas: Canvas, i: int) -> NDArray[np.uint8]:
    """(height, width, 4): the person in the performer's frame ``i`` on its canvas, to take parts from.

    Raises:
        ValueError: nobody is in it.
    """
    person, pose = _cut_out(target, i)
    return canvas.cut(person, pose)


def _cut_out(target: Target, i: int) -> tuple[NDArray[np.uint8], Pose]:
    """(height, width, 4) of frame ``i``: the person alone; and their pose."""
    frame, pose = _frame_with_somebody(target, i)
    mask = target.masks[i]
    x, y, width, height = cv2.boundingRect(cv2.compare(mask, 0, cv2.CMP_GT))
    here = (slice(y, y + height), slice(x, x + width))
    person, lit = np.zeros((*mask.shape, 4), np.uint8), np.full((height, width), 255, np.uint8)
    if width:
        # but for the shadow on what shines through a shoe's soft edge, as ``layers_of`` has it, in a third of the time
        own = np.ascontiguousarray(mask[here])
        person[here] = cv2.merge([lifted(frame[here], Behind(own, lit, target.plate[here])), own])
    return person, pose


def canvas_of_frame(target: Target, canvas: Canvas, i: int) -> Layers:
    """The layers of the performer's frame ``i`` on its canvas.

    Raises:
        ValueError: nobody is in it.
    """
    frame, pose = _frame_with_somebody(target, i)
    mask = target.masks[i]
    half = light_left(frame, mask, target.plate)
    light = np.asarray(cv2.resize(half, (frame.shape[1], frame.shape[0]), interpolation=cv2.INTER_LINEAR), np.uint8)
    return layers_of(frame, canvas, pose, Behind(mask, light, target.plate))


def whole(canvas: Canvas) -> Box:
    """All of a canvas."""
    return Box(0, 0, canvas.width, canvas.height)


class RealtimeGenerator(NeuralGenerator):
    """See the module. A choice is the frames that the parts are taken from.

    Raises:
        GeneratorNotFound, WeightsMissing, PackInvalid: the performer's files do not hold this generator.
    """

    copies = True

    def __init__(self, spec: GeneratorSpec, target: Target) -> None:
        super().__init__(spec, target)
        config = self.config
        known = np.array([frame < len(target.found) and bool(target.found[frame]) for frame in config.memory])
        if not known.all():
            raise PackInvalid(f"{spec.name} of {target.name} remembers frames that show nobody: train it again.")
        self._frames = len(target.found)
        self._draw_on(config, exemplar_bank_of(target, config))

    def _draw_on(self, config: NetworkConfig, memory: ExemplarBank) -> None:
        self.config, self.memory = config, memory
        self.network = LazyNetwork(config, self._files)

    @property
    def held_bytes(self) -> int:
        """See ``Generator.held_bytes``."""
        smaller = self.__dict__.get("_smaller")
        return super().held_bytes + self.memory.held_bytes + (0 if smaller is None else smaller.held_bytes)

    def smaller(self) -> RealtimeGenerator | None:
        """See ``Generator.smaller``. The network is one for every size."""
        return self._smaller

    @cached_property
    def _smaller(self) -> RealtimeGenerator | None:
        # one for all streams: compiled and looked up once
        canvas = self.config.canvas.shrunk(_SMALLER, self.config.block)
        if canvas.width * canvas.height > _WORTHWHILE * self.config.canvas.width * self.config.canvas.height:
            return None
        other = copy.copy(self)
        other._draw_on(self.config.model_copy(update={"canvas": canvas}), self.memory.shrunk(canvas))
        return other

    def for_height(self, height: int) -> RealtimeGenerator:
        """See ``Generator.for_height``."""
        smaller = self.smaller()
        if smaller is None or self._stage.shape[0] / smaller.config.canvas.scale < _ENOUGH * height:
            return self
        return smaller

    def prepare(self, going: Callable[[], bool]) -> None:
        """See ``Generator.prepare``: the frames that parts are taken from."""
        self.memory.look_up_all(going)

    def choose_all(
        self, poses: Sequence[Pose | None], times: Sequence[Fraction], cuts: Sequence[int] = ()
    ) -> list[FrameSelection]:
        """See ``Generator.choose_all``."""
        result: list[FrameSelection] = [None] * len(poses)
        recall = self.memory.recall
        for shot in shots_of(cuts, len(poses)):
            asked = [(i, pose.landmarks) for i, pose in enumerate(poses[shot], shot.start) if pose is not None]
            if not asked:
                continue
            seconds = [float(times[i]) for i, _ in asked]
            places = pick_sequence([recall.costs(landmarks) for _, landmarks in asked], seconds)
            for (i, _), shares in zip(asked, faded(places, seconds), strict=True):
                result[i] = self.memory.shares_at(shares)
        return result

    def chooser(self) -> FrameSelector:
        """See ``Generator.chooser``."""
        return _LiveSelector(self.memory)

    def generate(self, pose: Pose, choice: FrameSelection) -> Picture:
        """See ``Generator.generate``.

        Raises:
            ValueError: no frames were chosen.
        """
        return self.memory.picture(self.network(), pose, self._stage, _chosen(choice))

    def explain(self, pose: Pose, choice: FrameSelection) -> list[Explanation]:
        """See ``Generator.explain``: where each part is from, all of them warped, and what the network did with them.

        Raises:
            ValueError: no frames were chosen.
        """
        chosen, canvas = _chosen(choice), self.config.canvas
        seen = self.memory.seen(pose, chosen, whole(canvas))
        mix = self.network()(seen.fields[None], seen.told[None], seen.small[None])[0]
        found = insides(mix, seen, canvas)
        here = around(points_on(canvas, pose)[:, :2], self.config.unit / canvas.scale, (canvas.width, canvas.height))
        warped, drawn, origin = (sized(p[here.rows, here.columns]) for p in (found.warped, found.drawn, found.origin))
        return [
            *self._parts_from(chosen),
            Explanation("Copied before repair", warped, "Those parts, bent into the pose and laid over each other."),
            Explanation("What the network drew", drawn, "Soft, but whole: it shows where nothing is copied over it."),
            Explanation(
                "Copied or drawn",
                origin,
                f"{found.copied:.0%} is copied: red trunk and head, green legs, blue arms; white is drawn.",
            ),
        ]

    def _parts_from(self, chosen: Sequence[Shares]) -> list[Explanation]:
        """One picture for each frame that most of a part is taken from."""
        glimpses = []
        most = [shares[0][0] for shares in chosen]
        for frame in dict.fromkeys(most):
            parts = [part for part in PARTS if most[part] == frame]
            names = ", ".join(_NAMES[part] for part in parts)
            title = f"Frame {frame}: {names}"
            if frame >= self._frames:
                title = f"Frame {frame - self._frames} in a mirror: {names}"
            glimpses.append(Explanation(title, self.memory.taken(frame, parts)))
        return glimpses


def _chosen(choice: FrameSelection) -> tuple[Shares, ...]:
    if not isinstance(choice, tuple):
        raise ValueError("its pictures are put together from chosen frames")
    return choice


def exemplar_bank_of(target: Target, config: NetworkConfig) -> ExemplarBank:
    """What a network of that config remembers of a performer; of photos, each in a mirror too.

    A mirrored frame has the number of the frame and of all frames together.
    """
    canvas, count = config.canvas, len(target.found)
    frames, landmarks, mirrored = config.memory, target.poses, 0
    if target.manifest.of_photos:
        mirrored = len(frames)
        frames += tuple(count + frame for frame in frames)
        landmarks = np.concatenate([landmarks, in_mirror(landmarks, target.width)])

    def look_up(frame: int) -> NDArray[np.uint8]:
        if frame < count:
            return person_of_frame(target, canvas, frame)
        person, _ = _cut_out(target, frame - count)
        return canvas.cut(np.ascontiguousarray(person[:, ::-1]), Pose(landmarks[frame]))

    return ExemplarBank(canvas, config.unit, frames, landmarks, look_up, config.outline, mirrored)


class _LiveSelector(FrameSelector):
    def __init__(self, memory: ExemplarBank) -> None:
        self._memory = memory
        self._picker = LivePicker(memory.recall)

    def choose(self, pose: Pose, seconds: float) -> FrameSelection:
        return self._memory.shares_at(self._picker.pick(pose.landmarks, seconds))


SPEC: Final = GeneratorSpec(
    name="realtime",
    title="Real-time warping",
    strength="Ours: real footage, warped limb by limb and mended by a small network: sharp, and true to any move.",
    needs_weights=True,
)


def _make(target: Target) -> RealtimeGenerator:
    return RealtimeGenerator(SPEC, target)


register(SPEC, _make)
