"""Filling in what stood behind somebody with pieces of the rest of the picture, each copied whole from a distance away.

What repeats in a picture does so at few distances, and a line that ends at the hole goes on at others. Of those shifts one is
chosen for each pixel of the hole, so that neighbouring pieces and the rim agree (He and Sun, "Statistics of patch offsets for
image completion", 2012), in a small picture, by sequential message passing (Kolmogorov, "Convergent tree-reweighted message
passing", 2006). The pieces are copied at full size, and the light across their seams evened in the gradients, except where a
seam lies between different things (Pérez, Gangnet and Blake, "Poisson image editing", 2003).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from core.types import Frame

_SIDE: Final = 160
_MOST_PIXELS: Final = 7000
"""Pixels of the longer side of the small picture, and of its hole, at most."""
_RADIUS: Final = 2
"""Pixels from the middle of a patch to its edge."""
_QUERIES: Final = 3500
"""Patches whose like is looked for."""
_NEAREST: Final = 1 / 14
"""Shares of the longer side below which a patch is like another because it overlaps it."""
_FREQUENT: Final = 12
"""Shifts by which what is alike lies apart most often."""
_SHIFTS: Final = (16, 36)
_WORK: Final = 6e6
"""Shifts to choose from, fewest and most; pixels times squared shifts that are affordable."""
_RISE: Final = 0.1
"""Shares of the height that a shift may lead up or down before it counts."""
_REACH: Final = (0.3, 0.7)
"""Shares of height and width that shifts reach."""
_CELL: Final = 6
"""Pixels of the rim that one shift has to fit together."""
_SEAM: Final = 4000.0
"""Squared grey levels of difference at which a seam could not be worse."""
_RIM: Final = 3.0
"""What a difference from the rim counts, of one between two pieces: it would be somebody's outline."""
_NO_SOURCE: Final = 1e6
_SWEEPS: Final = 4
_PASSES: Final = 6
_EVEN: Final = 14.0
"""Grey levels of difference up to which a seam lies in one thing, and its light is evened."""
_HOLD: Final = 2e-4
_FAINT: Final = 1e-3
"""What a copied colour, and a seam between different things, count in that."""
_SAMPLES: Final = 1500
_CAUTION: Final = 90.0
"""Pixels that tell a shift to the pixel, and the grey levels that more than count for nothing."""

_Picture: TypeAlias = NDArray[np.float32]
_Spots: TypeAlias = NDArray[np.int64]
"""(2, n): y and x of pixels."""
_Shifts: TypeAlias = NDArray[np.int64]
"""(k, 2): down and across, in pixels, from a pixel of the hole to its source."""


def filled_alike(picture: Frame, hole: NDArray[np.bool_]) -> Frame:
    """``picture`` with ``hole`` (height, width), some of it, filled in with pieces of the rest.

    Where nothing of the rest will do the hole becomes smooth.
    """
    small = _Small.of(picture, hole)
    shifts, rarity = small.frequent_shifts()
    if not len(shifts):
        return _frame(np.where(hole[..., None], small.enlarged(hole.shape), picture))
    shifts = small.fitting_shifts(shifts)
    return _Pieces(picture, hole, small, shifts, _Choice(small, shifts, rarity).made()).evened()


@dataclass(frozen=True, slots=True, eq=False)
class _Small:
    """A picture small enough to try many shifts in.

    Attributes:
        image: (height, width, 3), smooth in the hole.
        hole: (height, width).
        spots: the pixels of the hole.
    """

    image: _Picture
    hole: NDArray[np.bool_]
    spots: _Spots

    @staticmethod
    def of(picture: Frame, hole: NDArray[np.bool_]) -> _Small:
        scale = min(1.0, _SIDE / max(hole.shape), float(np.sqrt(_MOST_PIXELS / hole.sum())))
        size = (max(round(hole.shape[1] * scale), 1), max(round(hole.shape[0] * scale), 1))
        known = (~hole).astype(np.float32)
        share = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
        sums = cv2.resize(picture * known[..., None], size, interpolation=cv2.INTER_AREA)
        # a small pixel of which part is unknown is unknown
        unknown = np.asarray(share < 0.999)
        image = _smooth(np.asarray(sums / np.maximum(share, 1e-3)[..., None], np.float32), unknown, share)
        return _Small(image, unknown, np.stack(np.nonzero(unknown)))

    def enlarged(self, shape: tuple[int, ...]) -> _Picture:
        """The image at (height, width)."""
        return np.asarray(cv2.resize(self.image, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)

    def frequent_shifts(self) -> tuple[_Shifts, _Picture]:
        """The shifts by which what is alike lies apart most often, and how far each pixel is from being like another.

        The latter is (height, width) in grey levels.
        """
        height, width = self.hole.shape
        near = cv2.dilate(self.hole.astype(np.uint8), np.ones((2 * _RADIUS + 1, 2 * _RADIUS + 1), np.uint8)) > 0
        whole = np.zeros_like(near)
        whole[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS] = True
        known: _Spots = np.stack(np.nonzero(whole & ~near))
        rarity = np.zeros(self.hole.shape, np.float32)
        if known.shape[1] < 2:
            return np.empty((0, 2), np.int64), rarity
        asked = known[:, :: max(1, -(-known.shape[1] // _QUERIES))]
        found, apart = _most_alike(self.image, asked, known, _NEAREST * max(height, width))
        away = cv2.distanceTransform((~self.hole).astype(np.uint8), cv2.DIST_L2, 3)[tuple(asked)]
        # flat patches are like any other flat one
        contrast = np.clip(_patches(self.image, asked).std(axis=1).mean(axis=1), 1, 20)
        weights = contrast * np.exp(-apart / 12 - away / (0.25 * max(height, width)))
        votes = np.zeros((2 * height + 1, 2 * width + 1), np.float32)
        by = found - asked
        np.add.at(votes, (by[0] + height, by[1] + width), weights)
        votes = cv2.GaussianBlur(votes + votes[::-1, ::-1], (0, 0), 0.8)
        peaks = np.stack(np.nonzero((votes == cv2.dilate(votes, np.ones((3, 3), np.uint8))) & (votes > 0)))
        best = peaks[:, np.argsort(-votes[tuple(peaks)], kind="stable")[:_FREQUENT]]
        rarity[tuple(asked)] = apart
        told = np.zeros_like(rarity)
        told[tuple(asked)] = 1
        spread = [cv2.GaussianBlur(values, (0, 0), 2.0) for values in (rarity, told)]
        return (best - [[height], [width]]).T, np.asarray(spread[0] / np.maximum(spread[1], 1e-3), np.float32)

    def fitting_shifts(self, given: _Shifts) -> _Shifts:
        """``given`` and further shifts that continue the rim where no other does, so many that each pixel has a source."""
        height, width = self.hole.shape
        up, across = int(_REACH[0] * height), int(_REACH[1] * width)
        every = np.stack(np.meshgrid(np.arange(-up, up + 1, 2), np.arange(-across, across + 1, 2)), -1).reshape(-1, 2)
        every = every[np.abs(every).max(axis=1) > _NEAREST * max(height, width)]
        most = int(np.clip(np.sqrt(_WORK / self.spots.shape[1]), *_SHIFTS))
        chosen = list(given)
        apart = self._apart_at_rim(np.concatenate([given, every]))
        least, left = apart[: len(given)].min(axis=0), apart[len(given) :]
        while len(chosen) < most and len(every):
            gains = np.maximum(least - left, 0).sum(axis=1)
            best = int(gains.argmax())
            if gains[best] <= 0:
                break
            chosen.append(every[best])
            least = np.minimum(least, left[best])
        bare = ~np.any([self.sources(shift)[1] for shift in chosen], axis=0)
        few = every[:: max(1, len(every) // 300)]
        has = np.array([self.sources(shift)[1] for shift in few]).reshape(len(few), -1)
        while bare.any() and len(few):
            best = int((has & bare).sum(axis=1).argmax())
            if not (has[best] & bare).any():
                break
            chosen.append(few[best])
            bare &= ~has[best]
        return np.array(chosen)

    def sources(self, shift: _Shifts) -> tuple[_Spots, NDArray[np.bool_]]:
        """Where a shift (2,) leads from each pixel of the hole, kept within the picture, and whether there is something known."""
        return _led(self.spots, shift, self.hole)

    def _apart_at_rim(self, shifts: _Shifts) -> NDArray[np.float32]:
        """(k, stretches of the rim): how far each is from its like by each shift, in grey levels."""
        grown = cv2.dilate(self.hole.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(np.bool_)
        rim: _Spots = np.stack(np.nonzero(grown & ~self.hole))
        cells = np.unique(rim // _CELL, axis=1, return_inverse=True)[1].reshape(-1)
        sizes = np.bincount(cells)
        down, across = np.abs(shifts).max(axis=0).tolist()
        known = np.where(self.hole[..., None], np.float32(np.nan), self.image)
        wide = np.pad(known, ((down, down), (across, across), (0, 0)), constant_values=np.nan)
        width, flat = wide.shape[1], wide.reshape(-1, 3)
        places, own = (rim[0] + down) * width + rim[1] + across, self.image[tuple(rim)]
        apart = np.empty((len(shifts), len(sizes)), np.float32)
        for i, shift in enumerate(shifts):
            off = flat[places + (shift[0] * width + shift[1])] - own
            # fmin: what is unknown could not be worse
            squares = np.fmin(np.einsum("nc,nc->n", off, off) / 3, _SEAM)
            apart[i] = np.bincount(cells, squares) / sizes
        rise = np.abs(shifts[:, :1]) / (_RISE * len(self.hole))
        return np.asarray(np.sqrt(apart + 30 * rise), np.float32)


class _Choice:
    """Which shift each pixel of the hole of a small picture is to have.

    Args:
        small: the picture.
        shifts: to choose from.
        rarity: see :meth:`_Small.frequent_shifts`; what is like nothing else is not to be there twice.
    """

    def __init__(self, small: _Small, shifts: _Shifts, rarity: _Picture) -> None:
        self._spots, (count, height) = small.spots, (small.spots.shape[1], len(small.hole))
        numbers = np.full((height + 2, small.hole.shape[1] + 2), -1)
        numbers[tuple(self._spots + 1)] = np.arange(count)
        grey = cv2.cvtColor(small.image, cv2.COLOR_RGB2GRAY)
        slopes = [1.5 * cv2.Sobel(grey, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=0.25) for dx in (1, 0)]
        features = np.dstack([small.image, *slopes]) / np.float32(np.sqrt(3))
        led = [small.sources(shift) for shift in shifts]
        to = np.stack([spots for spots, _ in led], axis=-1)
        given = features[tuple(to)]
        squares = (given * given).sum(axis=2)
        apart = squares[:, :, None] + squares[:, None, :] - 2 * np.matmul(given, given.transpose(0, 2, 1))
        self._apart = np.clip(apart, 0, _SEAM)
        seldom = np.minimum(rarity, 30) + 4 * _seldom(small)
        self._costs = seldom[tuple(to)] + 3 * (shifts[:, 0] / (_RISE * height)) ** 2
        self._costs[~np.stack([known for _, known in led], axis=1)] = _NO_SOURCE
        self._beside: dict[tuple[int, int], NDArray[np.int64]] = {}
        for by in ((0, -1), (0, 1), (-1, 0), (1, 0)):
            near = self._spots + np.array(by)[:, None]
            self._beside[by] = numbers[tuple(near + 1)]
            self._meet_rim(small, shifts, near)
        self._costs = self._costs.astype(np.float32)

    def _meet_rim(self, small: _Small, shifts: _Shifts, near: _Spots) -> None:
        """Add what a shift makes of the known neighbours at ``near`` (2, n), against what they are."""
        inside = ((near >= 0) & (near < np.array([small.hole.shape]).T)).all(axis=0)
        at = np.flatnonzero(inside)
        at = at[~small.hole[tuple(near[:, at])]]
        for k, shift in enumerate(shifts):
            to, known = _led(near[:, at], shift, small.hole)
            squares = ((small.image[tuple(to)] - small.image[tuple(near[:, at])]) ** 2).mean(axis=1)
            self._costs[at, k] += _RIM * np.where(known, squares, _SEAM)

    def made(self) -> NDArray[np.int64]:
        """(n,): the number of a shift for each pixel of the hole."""
        diagonal = self._spots.sum(axis=0)
        order = np.argsort(diagonal, kind="stable")
        # what lies on one diagonal has no neighbours among itself
        groups = np.split(order, np.flatnonzero(np.diff(diagonal[order])) + 1)
        messages = {by: np.zeros_like(self._costs) for by in self._beside}
        for _ in range(_SWEEPS):
            for group in groups:
                self._tell(group, messages, ((0, 1), (1, 0)))
            for group in reversed(groups):
                self._tell(group, messages, ((0, -1), (-1, 0)))
        chosen = np.zeros(len(self._costs), np.int64)
        for group in groups:
            costs = self._costs[group] + messages[0, 1][group] + messages[1, 0][group]
            chosen[group] = self._with_seams(group, costs, chosen, ((0, -1), (-1, 0))).argmin(axis=1)
        everywhere = np.arange(len(chosen))
        for turn in range(_PASSES):
            some = everywhere[diagonal % 2 == turn % 2]
            chosen[some] = self._with_seams(some, self._costs[some], chosen, tuple(self._beside)).argmin(axis=1)
        return chosen

    def _tell(
        self, group: NDArray[np.int64], messages: dict[tuple[int, int], _Picture], ways: tuple[tuple[int, int], ...]
    ) -> None:
        """Send what a group thinks of each shift to its neighbours that lie ``ways``.

        ``messages[way]`` is what each pixel was told by its neighbour on that side.
        """
        belief = self._costs[group] + sum(told[group] for told in messages.values())
        for way in ways:
            beside = self._beside[way][group]
            some = np.flatnonzero(beside >= 0)
            own, other = group[some], beside[some]
            said = (0.5 * belief[some] - messages[way][own])[:, :, None] + self._apart[own] + self._apart[other]
            told = said.min(axis=1)
            messages[-way[0], -way[1]][other] = told - told.min(axis=1, keepdims=True)

    def _with_seams(
        self, some: NDArray[np.int64], costs: _Picture, chosen: NDArray[np.int64], ways: tuple[tuple[int, int], ...]
    ) -> _Picture:
        """(n, k): ``costs`` of a few pixels with those of the seams to what their neighbours have chosen."""
        for way in ways:
            beside = self._beside[way][some]
            at = np.flatnonzero(beside >= 0)
            own, other = some[at], beside[at]
            costs[at] += self._apart[own, :, chosen[other]] + self._apart[other, :, chosen[other]]
        return costs


class _Pieces:
    """A hole at full size, filled in with pieces.

    Args:
        picture, hole: see :func:`filled_alike`.
        small: the same picture, small.
        shifts: in it.
        chosen: the number of one for each pixel of its hole.
    """

    def __init__(
        self, picture: Frame, hole: NDArray[np.bool_], small: _Small, shifts: _Shifts, chosen: NDArray[np.int64]
    ) -> None:
        self._known: _Picture = picture.astype(np.float32)
        self._hole = hole
        self._spots: _Spots = np.stack(np.nonzero(hole))
        used = np.unique(chosen)
        shares = np.stack([self._share(small, chosen == number) for number in used], axis=1)
        ratio = np.array(hole.shape) / small.hole.shape
        nearest = shares.argmax(axis=1)
        self._shifts = np.array([
            self._exact(nearest == i, np.round(shifts[number] * ratio).astype(np.int64), int(np.ceil(ratio.max())))
            for i, number in enumerate(used)
        ])  # fmt: skip
        led = [_led(self._spots, shift, hole) for shift in self._shifts]
        usable = np.where(np.stack([known for _, known in led], axis=1), shares, -1)
        own = usable.argmax(axis=1)
        lost = usable.max(axis=1) < 0
        # one more shift, which leads nowhere
        self._shifts = np.concatenate([self._shifts, [hole.shape]])
        self._own = np.full(hole.shape, -1)
        self._own[hole] = np.where(lost, len(used), own)
        to = np.stack([spots for spots, _ in led])[own, :, np.arange(len(own))].T
        self._made = self._known.copy()
        self._made[hole] = np.where(lost[:, None], small.enlarged(hole.shape)[hole], self._known[tuple(to)])

    def _share(self, small: _Small, where: NDArray[np.bool_]) -> _Picture:
        """(n,): how much each pixel of the hole is one of those of the small hole."""
        part = np.zeros(small.hole.shape, np.float32)
        part[small.hole] = where
        height, width = self._hole.shape
        return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)[self._hole], np.float32)

    def _exact(self, where: NDArray[np.bool_], shift: _Shifts, reach: int) -> _Shifts:
        """The shift near ``shift`` by which the surroundings of a piece are most alike."""
        piece = np.zeros(self._hole.shape, np.uint8)
        piece[self._hole] = where
        spots: _Spots = np.empty((2, 0), np.int64)
        for grown in (2 * reach + 9, 12 * reach + 9):
            around = cv2.dilate(piece, np.ones((grown, grown), np.uint8)).astype(np.bool_) & ~self._hole
            spots = np.stack(np.nonzero(around))
            if spots.shape[1] > _SAMPLES // 10:
                break
        spots = spots[:, :: max(1, spots.shape[1] // _SAMPLES)]
        if reach < 2 or not spots.shape[1]:
            return shift

        def apart(by: tuple[int, int]) -> float:
            to, known = _led(spots, shift + by, self._hole)
            if known.mean() < 0.3:
                return np.inf
            off = np.abs(self._known[tuple(to)] - self._known[tuple(spots)]).sum(axis=1)[known]
            return float(np.minimum(off, _CAUTION).mean()) + 0.02 * (abs(by[0]) + abs(by[1]))

        coarse = [(dy, dx) for dy in range(-reach, reach + 1, 2) for dx in range(-reach, reach + 1, 2)]
        first = min(coarse, key=apart)
        fine = [(first[0] + dy, first[1] + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        best = min([(0, 0), *fine], key=apart)
        return shift + best

    def evened(self) -> Frame:
        """The picture, its light as even across the seams of pieces as within them."""
        hole, count = self._hole, self._spots.shape[1]
        numbers = np.full(hole.shape, -1)
        numbers[hole] = np.arange(count)
        diagonal = np.full(count, _HOLD)
        sums = _HOLD * self._made[hole].astype(np.float64)
        entries = []
        for by in (np.array([[0], [1]]), np.array([[1], [0]])):
            before, after = (slice(None, -1 if step else None) for step in by.ravel()), by.ravel()
            rows, columns = before
            pairs = hole[rows, columns] | hole[after[0] :, after[1] :]
            first: _Spots = np.stack(np.nonzero(pairs))
            second = first + by
            step, weight = self._steps(first, second)
            ends = numbers[tuple(first)], numbers[tuple(second)]
            for own, other, beside, sign in ((*ends, second, -1), (*ends[::-1], first, 1)):
                at = np.flatnonzero(own >= 0)
                diagonal += np.bincount(own[at], weight[at], count)
                # what is known lies still
                value = sign * step[at] + np.where(other[at] < 0, 1, 0)[:, None] * self._known[tuple(beside[:, at])]
                for channel in range(3):
                    sums[:, channel] += np.bincount(own[at], weight[at] * value[:, channel], count)
            both = (ends[0] >= 0) & (ends[1] >= 0)
            entries.append((-weight[both], ends[0][both], ends[1][both]))
        values, rows_of, columns_of = (np.concatenate(part) for part in zip(*entries, strict=True))
        one_sided = sparse.coo_matrix((values, (rows_of, columns_of)), (count, count))
        matrix = sparse.csc_matrix(one_sided + one_sided.T + sparse.diags(diagonal))
        solver = splu(matrix, "MMD_AT_PLUS_A", diag_pivot_thresh=0.01, options={"SymmetricMode": True})
        made = self._known.copy()
        made[hole] = solver.solve(sums)
        return _frame(made)

    def _steps(self, first: _Spots, second: _Spots) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n, 3) by how much the second of two neighbours is to differ from the first, and (n,) what that counts."""
        here, there = self._made[tuple(first)], self._made[tuple(second)]
        whose = self._own[tuple(first)], self._own[tuple(second)]
        beyond, known_beyond = self._as_in(whose[0], second)
        back, known_back = self._as_in(whose[1], first)
        ahead, behind = known_beyond[:, None], known_back[:, None]
        told = np.maximum(ahead + behind.astype(np.int64), 1)
        step = (ahead * (beyond - here) + behind * (there - back)) / told
        apart = ((ahead * np.abs(beyond - there) + behind * np.abs(back - here)) / told).max(axis=1)
        weight = np.exp(-((apart / _EVEN) ** 2)) + _FAINT
        weight[~known_beyond & ~known_back] = _FAINT
        weight[whose[0] == whose[1]] = 1
        return step, weight

    def _as_in(self, whose: NDArray[np.int64], spots: _Spots) -> tuple[_Picture, NDArray[np.bool_]]:
        """What pixels would be with the shifts of those numbers, of -1 with none, and whether that is known."""
        shifts = np.where(whose < 0, 0, self._shifts[whose].T)
        to, known = _led(spots, shifts, self._hole)
        return self._known[tuple(to)], known


def _led(spots: _Spots, shift: NDArray[np.int64], hole: NDArray[np.bool_]) -> tuple[_Spots, NDArray[np.bool_]]:
    """Where ``shift``, (2,) or (2, n), leads from each pixel, kept within the picture, and whether something is known there."""
    to = spots + shift.reshape(2, -1)
    last = np.array([hole.shape]).T - 1
    kept = np.clip(to, 0, last)
    return kept, (kept == to).all(axis=0) & ~hole[tuple(kept)]


def _most_alike(image: _Picture, asked: _Spots, known: _Spots, farther: float) -> tuple[_Spots, NDArray[np.float32]]:
    """For each patch the middle of the most similar one that lies ``farther`` away, and their difference in grey levels."""
    have = _patches(image, known).reshape(known.shape[1], -1)
    squares = (have * have).sum(axis=1)
    found, apart = np.zeros_like(asked), np.zeros(asked.shape[1], np.float32)
    for start in range(0, asked.shape[1], 500):
        some = slice(start, start + 500)
        own = _patches(image, asked[:, some]).reshape(-1, have.shape[1])
        # by OpenCV, whose threads do not wait for each other's turn on a busy machine
        off = cv2.gemm(own, have, -2.0, np.empty(0), 0.0, flags=cv2.GEMM_2_T)
        off += squares + (own * own).sum(axis=1)[:, None]
        off[np.abs(asked[:, some, None] - known[:, None]).max(axis=0) < farther] = np.inf
        best = off.argmin(axis=1)
        found[:, some] = known[:, best]
        apart[some] = np.sqrt(np.maximum(off[np.arange(len(best)), best], 0) / have.shape[1])
    return found, np.minimum(apart, 255)


def _patches(image: _Picture, middles: _Spots) -> _Picture:
    """(n, pixels of a patch, channels)."""
    size = 2 * _RADIUS + 1
    windows = sliding_window_view(image, (size, size), axis=(0, 1))
    patches = windows[tuple(middles - _RADIUS)].reshape(middles.shape[1], 3, -1)
    return np.ascontiguousarray(patches.transpose(0, 2, 1), np.float32)


def _seldom(small: _Small) -> _Picture:
    """(height, width), 0 to 3: how seldom each pixel's colour is in the known part of a small picture."""
    step, levels = 24, 11
    bins = np.ravel_multi_index(tuple(np.moveaxis(small.image.astype(np.int64) // step, 2, 0)), (levels,) * 3)
    counts = np.bincount(bins[~small.hole], minlength=levels**3).reshape((levels,) * 3).astype(np.float32)
    for axis in range(3):
        wide = np.pad(counts, [(1, 1) if axis == other else (0, 0) for other in range(3)])
        sides = [np.take(wide, range(begin, begin + levels), axis) for begin in (0, 2)]
        counts = counts + 0.5 * (sides[0] + sides[1])
    shares = counts.reshape(-1)[bins] / max(int((~small.hole).sum()), 1)
    return np.asarray(np.clip(np.log(0.03 / np.maximum(shares, 1e-4)), 0, 3), np.float32)


def _smooth(image: _Picture, unknown: NDArray[np.bool_], share: _Picture) -> _Picture:
    """``image`` with what is unknown in the colours around it, of which ``share`` (height, width) says how much is known."""
    made = np.zeros_like(image)
    left = np.ones(unknown.shape, np.float32)
    for sigma in (1.5, 4.0, 12.0, 40.0):
        weights = cv2.GaussianBlur(share, (0, 0), sigma)
        colours = cv2.GaussianBlur(image * share[..., None], (0, 0), sigma) / np.maximum(weights, 1e-6)[..., None]
        taken = left * np.minimum(4 * weights, 1)
        made += taken[..., None] * colours
        left -= taken
    made += left[..., None] * np.average(image.reshape(-1, 3), axis=0, weights=share.reshape(-1) + 1e-6)
    return np.where(unknown[..., None], made, image)


def _frame(image: NDArray[np.float32]) -> Frame:
    return np.asarray(np.clip(image + 0.5, 0, 255), np.uint8)
