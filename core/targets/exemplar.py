"""Filling in what stood behind somebody with pieces of the rest of the picture.

Patches that reach into the hole are matched with patches that are known whole, and each pixel of the hole becomes what the
matches around it agree on; again and again, from a small picture to a large one (Wexler, Shechtman and Irani, "Space-time
completion of video", 2007). Walls, floors and furniture go on across a room, so a match lies at about the same height: few
enough to try all.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from core.types import Frame

_RADIUS: Final = 2
"""Pixels from the middle of a patch to its edge."""
_ROUNDS: Final = ((64, 5), (128, 2))
"""Pixels of the longer side of the pictures in which matches are looked for, and how often in each of them."""
_RISE: Final = 0.1
"""Shares of the picture's height by which a match may lie higher or lower, where there are any."""
_LEVEL: Final = 30.0
"""Grey levels that it counts to lie that much higher or lower."""
_TRUST: Final = 0.8
_LEAST_TRUST: Final = 0.2
"""What a pixel of the hole counts, of the one before it on the way in from the rim, and at least."""
_ACROSS: Final = 0.88
_SMOOTHINGS: Final = 400
"""How much of a pixel's colour comes from its neighbours at the sides, and how often, in what is begun with."""

_Spots: TypeAlias = NDArray[np.int64]
"""(2, n): y and x of pixels."""


def filled_alike(picture: Frame, hole: NDArray[np.bool_]) -> Frame:
    """``picture`` with ``hole`` (height, width), some of it, filled in with pieces of the rest.

    Where those are smaller than a patch the hole becomes as smooth as can be.
    """
    longer = max(hole.shape)
    matches: _Matches | None = None
    for side, rounds in _ROUNDS:
        matches = _Matches(picture, hole, min(side / longer, 1.0), matches)
        if not matches.known.shape[1]:
            return _frame(_smooth(picture.astype(np.float32), hole))
        for _ in range(rounds):
            matches.search()
            matches.fill()
    return _Matches(picture, hole, 1.0, matches).picture()


class _Matches:
    """For each patch that reaches into the hole the middle of the known patch that is most like it, in one size of the picture.

    Args:
        picture, hole: see :func:`filled_alike`.
        scale: of this size.
        coarser: matches in a smaller picture, to begin with.

    Attributes:
        known: the middles of patches that are known whole.
    """

    def __init__(self, picture: Frame, hole: NDArray[np.bool_], scale: float, coarser: _Matches | None) -> None:
        size = (max(round(hole.shape[1] * scale), 1), max(round(hole.shape[0] * scale), 1))
        self._image = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        # a small pixel of which part is unknown is unknown
        self._hole = np.asarray(cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0)
        near = cv2.dilate(self._hole.astype(np.uint8), np.ones((2 * _RADIUS + 1, 2 * _RADIUS + 1), np.uint8)) > 0
        whole = np.zeros_like(near)
        whole[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS] = True
        self.known: _Spots = np.stack(np.nonzero(whole & ~near))
        self._spots: _Spots = np.stack(np.nonzero(whole & near))
        self._number = np.full(near.shape, -1)
        self._number[tuple(self._spots)] = np.arange(self._spots.shape[1])
        away = cv2.distanceTransform(self._hole.astype(np.uint8), cv2.DIST_L2, 3)
        self._trust = np.maximum(_TRUST**away, _LEAST_TRUST).astype(np.float32)
        self._costs = np.zeros(self._spots.shape[1], np.float32)
        if not self.known.shape[1]:
            return
        if coarser is None:
            self._image[self._hole] = _smooth(self._image, self._hole)[self._hole]
        else:
            self._found = self._as_in(coarser)
            self.fill()

    def _as_in(self, coarser: _Matches) -> _Spots:
        """Known middles where the matches in a smaller picture lie in this one."""
        ratio = np.array([[own / other] for own, other in zip(self._hole.shape, coarser._hole.shape, strict=True)])
        at = np.minimum((self._spots / ratio).astype(np.int64), [[side - 1] for side in coarser._hole.shape])
        number = coarser._number[tuple(at)]
        shift = np.round((coarser._found[:, np.maximum(number, 0)] - at) * ratio).astype(np.int64)
        # a patch at the rim of the hole may reach into it in this size alone: the nearest will do
        goal = self._spots + np.where(number < 0, 0, shift)
        goal = np.clip(goal, 0, [[side - 1] for side in self._hole.shape])
        free = np.ones(self._hole.shape, np.uint8)
        free[tuple(self.known)] = 0
        _, labels = cv2.distanceTransformWithLabels(free, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
        nearest = np.zeros((2, int(labels.max()) + 1), np.int64)
        nearest[:, labels[tuple(self.known)]] = self.known
        return np.asarray(nearest[:, labels[tuple(goal)]])

    def search(self) -> None:
        """Find the best match of every patch, as the picture is now."""
        trust = _patches(self._trust, self._spots)
        shares = np.tile(trust / (3 * trust.sum(axis=1, keepdims=True)), 3)
        own, have = _patches(self._image, self._spots), _patches(self._image, self.known)
        # the squared difference, multiplied out
        asked, given = np.hstack([shares, -2 * shares * own]), np.hstack([have * have, have])
        squares = (shares * own * own).sum(axis=1)
        reach, best = _RISE * len(self._hole), np.zeros(self._spots.shape[1], np.int64)
        for row in np.unique(self._spots[0]):
            of = np.flatnonzero(self._spots[0] == row)
            rise = np.abs(self.known[0] - row)
            # rows follow each other
            among = np.flatnonzero(rise <= max(reach, float(rise.min())))[[0, -1]] + np.array([0, 1])
            near = slice(*among.tolist())
            # by OpenCV, whose threads do not wait for each other's turn on a busy machine
            apart = cv2.gemm(asked[of], given[near], 1.0, np.empty(0), 0.0, flags=cv2.GEMM_2_T)
            apart += ((_LEVEL / reach * rise[near]) ** 2).astype(np.float32)
            best[of] = near.start + apart.argmin(axis=1)
            self._costs[of] = np.maximum(apart.min(axis=1) + squares[of], 0)
        self._found = self.known[:, best]

    def fill(self) -> None:
        """Make each pixel of the hole what the matches around it have there, the better ones more."""
        spread = max(float(np.percentile(self._costs, 60)), 1.0)
        share = np.exp(-self._costs / (2 * spread)) * self._trust[tuple(self._spots)] + np.float32(1e-4)
        total, sums = np.zeros_like(self._trust), np.zeros_like(self._image)
        for dy in range(-_RADIUS, _RADIUS + 1):
            for dx in range(-_RADIUS, _RADIUS + 1):
                by_so_much = np.array([[dy], [dx]])
                # each spot is another pixel: none is added to twice
                to, by = (tuple(spots + by_so_much) for spots in (self._spots, self._found))
                sums[to] += share[:, None] * self._image[by]
                total[to] += share
        made = self._hole & (total > 0)
        self._image[made] = sums[made] / total[made][:, None]

    def picture(self) -> Frame:
        """What it looks like now."""
        return _frame(self._image)


def _patches(image: NDArray[np.float32], middles: _Spots) -> NDArray[np.float32]:
    """(n, channels × pixels of a patch)."""
    size = 2 * _RADIUS + 1
    windows = sliding_window_view(image, (size, size), axis=(0, 1))
    return np.asarray(windows[tuple(middles - _RADIUS)].reshape(middles.shape[1], -1), np.float32)


def _smooth(picture: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """``picture`` with the hole as smooth as can be, across more than down."""
    made = picture.copy()
    made[hole] = picture[~hole].mean(axis=0)
    beside, above = _ACROSS / 2, (1 - _ACROSS) / 2
    kernel = np.array([[0, above, 0], [beside, 0, beside], [0, above, 0]], np.float32)
    for _ in range(_SMOOTHINGS):
        made[hole] = cv2.filter2D(made, -1, kernel, borderType=cv2.BORDER_REPLICATE)[hole]
    return made


def _frame(image: NDArray[np.float32]) -> Frame:
    return np.asarray(np.clip(image + 0.5, 0, 255), np.uint8)
