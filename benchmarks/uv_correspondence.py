"""How near pictures would come to the footage if every pixel's spot on the body were known exactly.

    python -m benchmarks.uv_correspondence --list FILE
    RENDER/bin/python -m scripts.performers.surface --frames FILE --out SURFACES --cache CACHE
    python -m benchmarks.uv_correspondence --surfaces SURFACES [--noise 1 2 4] [--every 7] [--label TEXT]

The first writes which frames are needed: those that ``realtime`` remembers, and some of those that the blocks split holds out.
The second renders where on the body each of their pixels lies (scripts/performers/README.md names its environment). The third
unwraps the remembered frames into an atlas and draws the held-out frames from it, with the true places of their pixels, beside
what ``realtime`` does today with the same remembered frames: its warped parts alone, and mended by its network.

Appends to ``results/uv_correspondence.csv``, one row for each way to draw:

``l1`` is the mean absolute difference from the footage in grey levels, over the colours of all pixels of which the footage's mask
says that they show more of the person than of the stage; what is not drawn shows the stage. ``l1 covered`` counts only those that
today's parts cover whole. ``holes`` is the share of the person's pixels that nothing is drawn on, or for tiles, that they leave
to the base. ``sharpness`` is the mean gradient over that of the footage.

``light known`` names rows whose light was mended from the right answer: each part's colours times the ratio of both pictures'
colours, blurred by ``--blur`` pixels. It tells how much of the difference is soft shading. ``noise`` is the mean length in pixels
of a smooth error of place in the asked frame, and in rows named *both* in the remembered frames as well.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import append
from benchmarks.quality import analysed
from core.bundled.answers import find_answer
from core.generators.part_retrieval import pick
from core.generators.realtime import RealtimeGenerator, lay_mix, whole
from core.generators.registry import create_generator
from core.targets.split import split_of
from core.targets.store import Target, load_target
from core.types import Frame, Pose
from core.video.reader import VideoReader
from core.warping.part_warp import HEAD, PARTS, TRUNK

Floats: TypeAlias = NDArray[np.float32]
Flags: TypeAlias = NDArray[np.bool_]

STEP, MIDDLE, SIDES, LABELS = 0.0001, 1 << 15, 6, 8
CHARTS = LABELS * SIDES + 1
"""As ``scripts/performers/surface.py`` has them, which cannot be imported without its environment."""
TEXEL = 0.003
"""Metres; a pixel of the bundled footage is about 4 mm of a body that faces it."""
WIDTH, GUTTER = 1024, 8
"""Texels of the atlas to a row, and free ones around every chart."""
FINER = 3
"""Samples to a side of each pixel that is unwrapped."""
TORN = 10.0
"""Texels between two neighbouring pixels from which on they do not belong together."""
APART = 0.03
"""Metres between two neighbouring pixels from which on one of them lies behind the other."""
WHOLE = 250
"""Grey levels of a mask from which on nothing shines through."""
NOISE_SIZE = 12.0
"""Pixels over which an error of place is alike: about half a limb's width."""
CANDIDATES = 3
BESIDE = 6
"""Pixels around a person that are looked at as well."""
SOFTER = 4
"""Pixels to one of those that light is blurred at."""


@dataclass(frozen=True)
class Places:
    """Where on the atlas each pixel of a picture lies.

    Attributes:
        at: (height, width, 2) texels, right and down.
        chart: (height, width) int, -1 where nobody is.
    """

    at: Floats
    chart: NDArray[np.int16]

    @property
    def part(self) -> NDArray[np.int64]:
        """(height, width): which of ``PARTS`` each pixel shows, -1 for none."""
        label = self.chart // SIDES
        part = np.where(label == LABELS, HEAD, label - 1)  # the last chart is a pony tail
        return np.where(self.chart < 0, -1, np.where(part == len(PARTS), TRUNK, part))


class Atlas:
    """One picture of the whole surface of a body.

    Args:
        surfaces: (height, width, 3) uint16 of every frame, as ``scripts/performers/surface.py`` keeps them.
    """

    def __init__(self, surfaces: Iterator[NDArray[np.uint16]]) -> None:
        low, high = np.full((CHARTS, 2), 1 << 16), np.zeros((CHARTS, 2), int)
        for surface in surfaces:
            seen = surface[surface[..., 2] > 0].astype(int)
            for axis in range(2):
                np.minimum.at(low[:, axis], seen[:, 2] - 1, seen[:, axis])
                np.maximum.at(high[:, axis], seen[:, 2] - 1, seen[:, axis])
        sizes = np.where(high >= low, np.ceil((high - low) * (STEP / TEXEL)), 0).astype(int) + 2 * GUTTER
        self.origin = np.zeros((CHARTS, 2), np.float32)
        x = y = tall = 0
        for chart in np.argsort(-sizes[:, 1]):
            if x + sizes[chart, 0] > WIDTH:
                x, y, tall = 0, y + tall, 0
            self.origin[chart] = np.array([x, y]) + GUTTER - low[chart] * (STEP / TEXEL)
            x, tall = x + sizes[chart, 0], max(tall, sizes[chart, 1])
        self.height = int(y + tall)

    def places(self, surface: NDArray[np.uint16]) -> Places:
        """Where on the atlas the pixels of one frame lie."""
        chart = surface[..., 2].astype(np.int16) - 1
        return Places(surface[..., :2] * np.float32(STEP / TEXEL) + self.origin[chart], chart)

    def unwrapped(self, frame: Frame, places: Places, clean: Flags) -> NDArray[np.uint8]:
        """What a frame shows of the surface, (height, WIDTH, 4) uint8: colours, and 255 where there are any.

        Args:
            clean: (height, width), the pixels that show nothing else.
        """
        at, colours = _finer(places, frame.astype(np.float32), clean)
        texel = np.round(at).astype(int)
        inside = (texel >= 0).all(1) & (texel < (WIDTH, self.height)).all(1)
        index, colours = texel[inside, 1] * WIDTH + texel[inside, 0], colours[inside]
        count = np.bincount(index, minlength=self.height * WIDTH)
        seen = np.flatnonzero(count)
        flat = np.zeros((self.height * WIDTH, 4), np.uint8)
        for channel in range(3):
            flat[seen, channel] = np.bincount(index, colours[:, channel], len(flat))[seen] / count[seen] + 0.5
        flat[seen, 3] = 255
        tile = flat.reshape(self.height, WIDTH, 4)
        for _ in range(2):  # samples lie further apart than texels where the surface is seen from the side
            around = cv2.blur(tile, (3, 3))
            there = np.nonzero((tile[..., 3] == 0) & (around[..., 3] > 100))
            tile[there] = np.minimum(around[there].astype(np.float32) * (255 / around[there][:, 3:]), 255)
        return tile


def _finer(places: Places, colours: Floats, clean: Flags) -> tuple[Floats, Floats]:
    """Texels (n, 2) and colours (n, 3) of ``FINER`` times as many samples to a side; of pixels with no neighbours, one."""
    corners = [(slice(y, y - 1 or None), slice(x, x - 1 or None)) for y in (0, 1) for x in (0, 1)]
    at, chart = [places.at[c] for c in corners], [places.chart[c] for c in corners]
    together = np.logical_and.reduce([clean[c] for c in corners] + [chart[0] == other for other in chart[1:]])
    together &= (np.max(at, 0) - np.min(at, 0)).max(-1) < TORN
    used = np.zeros(clean.shape, bool)
    for corner in corners:
        used[corner] |= together
    alone = clean & ~used
    found_at, found = [places.at[alone]], [colours[alone]]
    picked = [(a[together], colours[c][together]) for a, c in zip(at, corners, strict=True)]
    for down in np.arange(FINER) / np.float32(FINER):
        for right in np.arange(FINER) / np.float32(FINER):
            shares = [np.float32(v * h) for v in (1 - down, down) for h in (1 - right, right)]
            found_at.append(np.sum([s * a for s, (a, _) in zip(shares, picked, strict=True)], 0, np.float32))
            found.append(np.sum([s * c for s, (_, c) in zip(shares, picked, strict=True)], 0, np.float32))
    return np.concatenate(found_at), np.concatenate(found)


def clean_pixels(surface: NDArray[np.uint16], mask: NDArray[np.uint8]) -> Flags:
    """(height, width): the pixels that show one spot of the person and nothing else.

    Left out are those beside another part, unless the surface goes on there.
    """
    at, chart = surface[..., :2].astype(np.int32), surface[..., 2].astype(np.int32) - 1
    seen = chart >= 0
    side, part = chart % SIDES // 2, chart // SIDES
    clean = seen & (mask >= WHOLE)
    for first, second in (((slice(1, None),), (slice(-1),)), ((slice(None), slice(1, None)), (slice(None), slice(-1)))):
        apart = np.abs(at[first] - at[second]).max(-1) * STEP > APART
        torn = np.where(side[first] == side[second], apart, part[first] != part[second]) & seen[first] & seen[second]
        clean[first] &= ~torn
        clean[second] &= ~torn
    return clean


def median(tiles: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The median of every texel over all tiles that show it, and around what none shows, the nearest one."""
    shape = tiles[0].shape
    flat = [tile.reshape(-1, 4) for tile in tiles]
    used = np.flatnonzero(np.max([tile[:, 3] for tile in flat], 0))
    base = np.zeros((shape[0] * shape[1], 4), np.uint8)
    for some in np.array_split(used, max(len(used) // 20_000, 1)):
        stack = np.stack([tile[some] for tile in flat])
        count = (stack[..., 3] > 0).sum(0)
        for channel in range(3):
            values = np.where(stack[..., 3] > 0, stack[..., channel], 255)
            base[some, channel] = np.take_along_axis(np.sort(values, 0), ((count - 1) // 2)[None], 0)[0]
        base[some, 3] = 255
    base = base.reshape(shape)
    empty = (base[..., 3] == 0).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    seen = np.zeros((nearest.max() + 1, 4), np.uint8)
    seen[nearest[empty == 0]] = base[empty == 0]
    return seen[nearest]


def looked_up(tile: NDArray[np.uint8], places: Places) -> tuple[Floats, Flags]:
    """A picture (height, width, 3) from a tile by one look-up, and where the tile shows it."""
    at = np.where(places.chart[..., None] >= 0, places.at, -9).astype(np.float32)
    found = cv2.remap(tile, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT).astype(np.float32)
    share = found[..., 3:] / 255
    return found[..., :3] / np.maximum(share, 1e-3), share[..., 0] > 0.5


def shaken(places: Places, pixels: float, rng: np.random.Generator) -> Places:
    """The same with every pixel's place taken from about so many pixels aside, smoothly; nobody is where nobody was."""
    height, width = places.chart.shape
    aside = np.dstack([cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), NOISE_SIZE) for _ in "xy"])
    aside *= pixels / np.linalg.norm(aside, axis=2).mean()
    empty = (places.chart < 0).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    at_of, chart_of = np.zeros((nearest.max() + 1, 2), np.float32), np.zeros(nearest.max() + 1, np.int16)
    at_of[nearest[empty == 0]], chart_of[nearest[empty == 0]] = places.at[empty == 0], places.chart[empty == 0]
    at, chart = at_of[nearest], chart_of[nearest]
    rows, columns = np.mgrid[:height, :width]
    x, y = (
        np.clip(v, 0, size - 1.001) for v, size in ((columns + aside[..., 0], width), (rows + aside[..., 1], height))
    )
    left, top = x.astype(int), y.astype(int)
    right, down = (x - left)[..., None], (y - top)[..., None]
    corners = [(top + v, left + h) for v in (0, 1) for h in (0, 1)]
    found = np.stack([at[c] for c in corners])
    close = (np.ptp(found, 0).max(-1) < TORN) & (np.ptp(np.stack([chart[c] for c in corners]), 0) == 0)
    shares = [(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right]
    between = sum(share * value for share, value in zip(shares, found, strict=True))
    near = np.round(y).astype(int), np.round(x).astype(int)
    moved = np.where(close[..., None], between, at[near]).astype(np.float32)
    return Places(moved, np.where(empty == 0, chart[near], -1).astype(np.int16))


def relit(picture: Floats, like: Floats, where: Flags, part: NDArray[np.int64], blur: float) -> Floats:
    """A picture with the soft light of another: part by part, by the ratio of their colours, blurred, ``where`` both are known.

    Beyond, the light of what is near goes on.
    """
    result = picture.copy()
    left, top, width, height = cv2.boundingRect((part >= 0).astype(np.uint8))
    box = (slice(top, top + height), slice(left, left + width))
    small = (-(-width // SOFTER), -(-height // SOFTER))
    for number in PARTS:
        own = part[box] == number
        there = (where[box] & own).astype(np.float32)[..., None]
        if not there.any():
            continue
        known, asked, given = (
            cv2.GaussianBlur(cv2.resize(values, small, interpolation=cv2.INTER_AREA), (0, 0), blur / SOFTER)
            for values in (there, like[box] * there, picture[box] * there)
        )
        gain = np.clip((asked + 1e-2) / (given + 1e-2), 0.5, 2.0)
        # towards no change where nothing is known around
        gain = 1 + np.clip(known / 0.02, 0, 1)[..., None] * (gain - 1)
        gain = cv2.resize(gain.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        result[box][own] = (picture[box] * gain)[own]
    return result


@dataclass(frozen=True)
class Recalled:
    """What is drawn from the tiles of the recalled frames, (height, width, 3), and where they show anything."""

    picture: Floats
    seen: Flags


def from_tiles(
    places: Places, ranked: NDArray[np.int64], tile_of: Callable[[int], NDArray[np.uint8]], most: int
) -> Recalled:
    """Each part from the first of its frames that shows the pixel.

    Args:
        ranked: (parts, frames), the best first.
        most: how many of them are looked at.
    """
    picture = np.zeros((*places.chart.shape, 3), np.float32)
    seen, part = np.zeros(places.chart.shape, bool), places.part
    for turn in range(most):
        for frame in np.unique(ranked[:, turn]):
            found, there = looked_up(tile_of(int(frame)), places)
            takes = there & ~seen & np.isin(part, np.flatnonzero(ranked[:, turn] == frame))
            picture[takes], seen = found[takes], seen | takes
    return Recalled(picture, seen)


def blended(recalled: Recalled, below: Floats) -> Floats:
    """What was recalled over what fills its holes, faded into each other over some pixels."""
    share = cv2.blur(recalled.seen.astype(np.float32), (5, 5))
    share = np.where(recalled.seen, np.clip(2 * share - 1, 0, 1), 0)[..., None]
    return np.asarray(below + share * (recalled.picture - below), np.float32)


def edges(image: Frame) -> Floats:
    """(height, width): how steep grey levels are (Sobel)."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray(cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)), np.float32)


@dataclass
class Sums:
    """Of one way to draw, over frames."""

    l1: list[float] = field(default_factory=list)
    covered: list[float] = field(default_factory=list)
    holes: list[float] = field(default_factory=list)
    sharpness: list[float] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        """The columns of one row."""
        return {
            "frames": len(self.l1),
            "l1": round(float(np.mean(self.l1)), 2),
            "l1 covered": round(float(np.mean(self.covered)), 2),
            "holes": round(float(np.mean(self.holes)), 4),
            "sharpness": round(float(np.mean(self.sharpness)), 3),
        }


class Judge:
    """Holds what is drawn of one frame against the footage.

    Args:
        truth: the footage.
        mask: (height, width) uint8, where the person is.
        plate: the empty stage.
        covered: (height, width), what today's parts cover whole.
    """

    def __init__(self, truth: Frame, mask: NDArray[np.uint8], plate: Frame, covered: Flags) -> None:
        self.truth, self.mask, self.plate = truth.astype(np.float32), mask[..., None] / np.float32(255), plate
        self.person = mask >= 128
        self.covered = covered & (mask >= WHOLE)
        self._edges = float(edges(truth)[self.person].mean())

    def over(self, colours: Floats) -> Floats:
        """The person's colours before the stage, by the footage's own mask."""
        return np.asarray(self.plate + self.mask * (colours - self.plate), np.float32)

    def add(self, sums: Sums, picture: Floats, holes: Flags) -> None:
        """Measure a whole picture, of which ``holes`` are not drawn."""
        away = np.abs(picture - self.truth).mean(-1)
        sums.l1.append(float(away[self.person].mean()))
        sums.covered.append(float(away[self.covered].mean()))
        sums.holes.append(float(holes[self.person].mean()))
        steep = edges(np.clip(picture, 0, 255).astype(np.uint8))
        sums.sharpness.append(float(steep[self.person].mean()) / self._edges)


@dataclass(frozen=True)
class WantedPicture:
    """A picture of the performer: what of it lies around the person.

    Attributes:
        picture, mask, surface: of those pixels.
        pose: in pixels of the whole picture; None where it is not asked for.
        box: where they lie in the whole picture.
    """

    picture: Frame
    mask: NDArray[np.uint8]
    surface: NDArray[np.uint16]
    pose: Pose | None
    box: tuple[slice, slice]

    @classmethod
    def of(
        cls, picture: Frame, mask: NDArray[np.uint8], pose: Pose | None, surface: NDArray[np.uint16]
    ) -> WantedPicture:
        """The same of a whole picture."""
        x, y, width, height = cv2.boundingRect(((mask > 0) | (surface[..., 2] > 0)).astype(np.uint8))
        box = (slice(max(y - BESIDE, 0), y + height + BESIDE), slice(max(x - BESIDE, 0), x + width + BESIDE))
        return cls(np.ascontiguousarray(picture[box]), np.ascontiguousarray(mask[box]), surface[box], pose, box)


def held_out(performer: Target, folder: Path, frames: Sequence[int]) -> list[WantedPicture]:
    """Frames of the footage that training did not see."""
    return [
        WantedPicture.of(
            performer.frames[frame], performer.masks[frame], performer.pose(frame), surface_of(folder, frame)
        )
        for frame in frames
    ]


def answered(performer: Target, dance: str, folder: Path) -> list[WantedPicture]:
    """Frames of the answer that ships of a bundled dance, as many as there are surfaces of; poses are found in the answer."""
    video = find_answer(performer.id, dance)
    if video is None:
        raise SystemExit(f"There is no answer of {performer.id} in {dance}.")
    wanted = {int(path.stem) for path in folder.glob("*.npz")}
    poses = analysed(video).poses
    asked = []
    with VideoReader(video) as pictures:
        for number, picture in enumerate(pictures):
            landmarks = poses[number]
            if number in wanted and landmarks is not None:
                surface = surface_of(folder, number)
                mask = np.where(surface[..., 2] > 0, 255, 0).astype(np.uint8)
                asked.append(WantedPicture.of(picture.image, mask, landmarks, surface))
    return asked


Way: TypeAlias = tuple[str, float]
"""Its name, and the noise."""


@dataclass(frozen=True)
class Unwrapped:
    """What every remembered frame shows of the surface, the median of all, and how far its places were off, in pixels."""

    tiles: Mapping[int, NDArray[np.uint8]]
    base: NDArray[np.uint8]
    noise: float


class Experiment:
    """One performer, the frames that ``realtime`` remembers of them unwrapped, and today's way beside it."""

    def __init__(self, performer: Target, surfaces: Path, blur: float) -> None:
        self.performer, self.folder, self.blur = performer, surfaces, blur
        self.generator = generator = realtime_of(performer)
        self.atlas = Atlas(surface_of(surfaces, frame) for frame in generator.memory.frames)

    def tile(self, frame: int, noise: float = 0.0) -> NDArray[np.uint8]:
        """What one frame shows of the surface, its places ``noise`` pixels off."""
        one = WantedPicture.of(
            self.performer.frames[frame], self.performer.masks[frame], None, surface_of(self.folder, frame)
        )
        places, clean = self.atlas.places(one.surface), clean_pixels(one.surface, one.mask)
        if noise:
            places = shaken(places, noise, np.random.default_rng([frame, 1]))
        return self.atlas.unwrapped(one.picture, places, clean & (places.chart >= 0))

    def unwrap(self, noise: float) -> Unwrapped:
        """All that is remembered, its places ``noise`` pixels off."""
        tiles = {frame: self.tile(frame, noise) for frame in self.generator.memory.frames}
        return Unwrapped(tiles, median(list(tiles.values())), noise)

    def measure(self, asked: Sequence[WantedPicture], noises: Sequence[float], unwrapped: Unwrapped) -> dict[Way, Sums]:
        """Draw some frames in every way; by name and noise, how far each is from the footage."""
        self.rows: dict[Way, Sums] = {}
        remembered, tile_of, base = self.generator.memory.frames, unwrapped.tiles.__getitem__, unwrapped.base
        for number, one in enumerate(asked):
            if one.pose is None:
                raise SystemExit("Nobody is in one of the frames.")
            parts, network = (picture[one.box] for picture in self._today(one.pose))
            judge = Judge(one.picture, one.mask, self.performer.plate[one.box], parts[..., 3] >= WHOLE)
            costs = self.generator.memory.recall.costs(one.pose.landmarks)
            first, ranked = pick(costs), np.argsort(costs, 1)
            # the one that is picked, and then the best of the others
            others = [row[row != place][: CANDIDATES - 1] for place, row in zip(first, ranked, strict=True)]
            ranked = np.array(remembered)[np.column_stack([first, np.array(others)])]
            true = self.atlas.places(one.surface)
            for noise in noises:
                places = shaken(true, noise, np.random.default_rng([number, 0])) if noise else true
                named = " (both)" if unwrapped.noise else ""
                self._add_drawn(judge, places, ranked, tile_of, base, noise, named)
            if unwrapped.noise == 0:
                self._add_today(judge, parts, network, true)
                tile = self.atlas.unwrapped(one.picture, true, clean_pixels(one.surface, one.mask))
                own, there = looked_up(tile, true)
                filled = np.where(there[..., None], own, looked_up(base, true)[0])
                judge.add(self._sums("its own tile", 0), judge.over(filled), ~there)
        return self.rows

    def _sums(self, name: str, noise: float) -> Sums:
        return self.rows.setdefault((name, noise), Sums())

    def _today(self, pose: Pose) -> tuple[Floats, Floats]:
        """Parts laid over each other, (height, width, 4), colours times mask and mask; and what the network makes of them."""
        memory, canvas = self.generator.memory, self.generator.config.canvas
        chosen = memory.frames_at(pick(memory.recall.costs(pose.landmarks)))
        seen = memory.seen(pose, chosen, whole(canvas))
        laid = np.zeros((canvas.height, canvas.width, 4), np.float32)
        here = laid[seen.box.rows, seen.box.columns]
        for layer in seen.parts:
            here[:] = here * (1 - layer[..., 3:] / np.float32(255)) + layer
        size = (self.performer.width, self.performer.height)
        parts = cv2.warpAffine(laid, canvas.matrix(pose), size, flags=cv2.INTER_LINEAR)
        mix = self.generator.network()(seen.fields[None], seen.told[None], seen.small[None])[0]
        return parts, lay_mix(mix, seen, canvas, pose, self.performer.plate).image.astype(np.float32)

    def _add_today(self, judge: Judge, parts: Floats, network: Floats, true: Places) -> None:
        share = parts[..., 3:] / 255
        holes = parts[..., 3] < 128
        picture = np.asarray(judge.plate * (1 - share) + parts[..., :3], np.float32)
        judge.add(self._sums("today: warped parts", 0), picture, holes)
        lit = relit(picture, judge.truth, judge.person & ~holes, true.part, self.blur)
        judge.add(self._sums("today: warped parts, light known", 0), lit, holes)
        judge.add(self._sums("today: realtime", 0), network, np.zeros_like(holes))
        lit = relit(network, judge.truth, judge.person, true.part, self.blur)
        judge.add(self._sums("today: realtime, light known", 0), lit, np.zeros_like(holes))

    def _add_drawn(
        self,
        judge: Judge,
        places: Places,
        ranked: NDArray[np.int64],
        tile_of: Callable[[int], NDArray[np.uint8]],
        base: NDArray[np.uint8],
        noise: float,
        named: str,
    ) -> None:
        nowhere = places.chart < 0
        below, _ = looked_up(base, places)
        one, more = (from_tiles(places, ranked, tile_of, most) for most in (1, CANDIDATES))
        plain = np.where(one.seen[..., None], one.picture, below)
        lit = blended(one, relit(below, one.picture, one.seen, places.part, self.blur))
        of_more = blended(more, relit(below, more.picture, more.seen, places.part, self.blur))
        inside = judge.person & ~nowhere
        ways: Mapping[str, tuple[Floats, Flags]] = {
            "base": (below, nowhere),
            "base, light known": (relit(below, judge.truth, inside, places.part, self.blur), nowhere),
            "tile over base": (plain, ~one.seen),
            "tile over base in its light, blended": (lit, ~one.seen),
            "tiles of three over base in their light, blended": (of_more, ~more.seen),
            "tile over base, light known": (relit(lit, judge.truth, inside, places.part, self.blur), ~one.seen),
        }
        for name, (colours, holes) in ways.items():
            picture = judge.over(colours)
            picture[nowhere] = judge.plate[nowhere]
            judge.add(self._sums(name + named, noise), picture, holes)


def realtime_of(performer: Target) -> RealtimeGenerator:
    """The performer's generator that copies."""
    generator = create_generator("realtime", performer)
    if not isinstance(generator, RealtimeGenerator):
        raise SystemExit("That is another generator.")
    return generator


def surface_of(folder: Path, frame: int) -> NDArray[np.uint16]:
    """(height, width, 3): what ``scripts/performers/surface.py`` made of a frame."""
    with np.load(folder / f"{frame:05d}.npz") as kept:
        return np.asarray(kept["surface"])


def two_look_ups(size: tuple[int, int] = (232, 424), network: int = 192, rounds: int = 300) -> dict[str, float]:
    """Median milliseconds of one thread that a picture would cost beside its network, for a person's box of that size.

    Places come from a network whose picture has ``network`` pixels to its longer side: they are enlarged, base and tile are
    looked up, and the tile is laid over the base.
    """
    rng = np.random.default_rng(0)
    width, height = size
    small = (round(network * width / height), network)
    across = np.dstack(np.meshgrid(np.linspace(0, 400, small[0]), np.linspace(0, 700, small[1]))).astype(np.float32)
    across += rng.normal(0, 1, across.shape).astype(np.float32)
    base, tile = (rng.integers(0, 256, (768, WIDTH, 4), dtype=np.uint8) for _ in range(2))
    threads, taken = cv2.getNumThreads(), []
    cv2.setNumThreads(1)
    for _ in range(rounds):
        began = [time.thread_time()]
        at = cv2.resize(across, size, interpolation=cv2.INTER_LINEAR)
        began.append(time.thread_time())
        pictures = [cv2.remap(source, at, None, cv2.INTER_LINEAR) for source in (base, tile)]
        began.append(time.thread_time())
        share = cv2.extractChannel(pictures[1], 3)
        below = cv2.multiply(pictures[0], cv2.merge([cv2.bitwise_not(share)] * 4), scale=1 / 255)
        cv2.add(pictures[1], below)
        taken.append(np.diff([*began, time.thread_time()]) * 1000)
    cv2.setNumThreads(threads)
    enlarge, remap, lay = np.median(taken, 0)
    return {
        "enlarge ms": round(float(enlarge), 2),
        "two remaps ms": round(float(remap), 2),
        "lay ms": round(float(lay), 2),
    }


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="mira")
    parser.add_argument("--list", type=Path, help="write the numbers of the frames that are needed, and end")
    parser.add_argument("--surfaces", type=Path)
    parser.add_argument("--every", type=int, default=7, help="of the held-out frames take one of so many")
    parser.add_argument("--dance", help="draw the known answer of this bundled dance as well")
    parser.add_argument("--answer-surfaces", type=Path, help="surfaces of that answer's frames, of any of them")
    parser.add_argument("--noise", type=float, nargs="*", default=[1, 2, 4], help="pixels, asked frames alone")
    parser.add_argument("--noise-of-both", type=float, nargs="*", default=[], help="pixels, remembered frames as well")
    parser.add_argument("--blur", type=float, default=10, help="pixels over which light is soft")
    parser.add_argument("--label", default="")
    given = parser.parse_args()
    with load_target(given.target) as performer:
        known = np.flatnonzero(split_of(performer, "blocks").held_out & performer.found)
        frames = [int(frame) for frame in known[given.every // 2 :: given.every]]
        if given.list is not None:
            remembered = realtime_of(performer).memory.frames
            given.list.write_text("\n".join(map(str, sorted({*remembered, *frames}))))
            return
        if given.surfaces is None:
            parser.error("--surfaces or --list is missing")
        experiment = Experiment(performer, given.surfaces, given.blur)
        asked = {"held out": held_out(performer, given.surfaces, frames)}
        if given.dance:
            asked[given.dance] = answered(performer, given.dance, given.answer_surfaces)
        for off in (0.0, *given.noise_of_both):
            unwrapped = experiment.unwrap(off)
            for source, pictures in asked.items():
                rows = experiment.measure(pictures, [off] if off else [0, *given.noise], unwrapped)
                for (name, noise), sums in rows.items():
                    row = {
                        "label": given.label,
                        "target": given.target,
                        "source": source,
                        "drawn": name,
                        "noise": noise,
                    }
                    append("uv_correspondence", row | sums.row())
                    print(row | sums.row(), flush=True)
    print(two_look_ups())


if __name__ == "__main__":
    main()
