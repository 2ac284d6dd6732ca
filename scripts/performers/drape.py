"""Cloth that hangs: a grid of points on springs that follows a body (position-based dynamics, Müller et al. 2007).

A grid has rows from where it is sewn on to its hem, and columns around the body. Some of its points are pinned to the skin and
move with it; all others fall, keep their distances and are pushed out of the body. Skirts, tails of coats, wide sleeves and
long hair are such grids, see `garments.py`.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .meshes import Floats, Ints

SUBSTEPS, ITERATIONS = 4, 5
GRAVITY = 9.8
FAR = 0.15
"""From the nearest point of the body beyond which it is not asked whether a point of cloth lies inside, metres."""
FASTEST = 7.0
"""Of a point of cloth, metres a second: what is faster has been pushed, not thrown."""
GRIP = 0.35
"""Share of its sliding that cloth loses to the body it touches, each substep."""
SETTLE_STEPS = 30
"""From where it is put on until cloth hangs still, steps."""
Points = NDArray[np.float32]


@dataclass(frozen=True)
class Wall:
    """The surface of a body that cloth stays outside of: points and their unit normals, both (n, 3) metres."""

    points: Points
    normals: Points

    def between(self, other: "Wall", share: float) -> "Wall":
        """The surface on its way from this one to `other`; normals are not normalised again."""
        return Wall(
            self.points + np.float32(share) * (other.points - self.points),
            self.normals + np.float32(share) * (other.normals - self.normals),
        )


@dataclass(frozen=True)
class Stuff:
    """How cloth behaves.

    Attributes:
        around, down, slant: stiffness along rows, along columns and along diagonals, 0 to 1.
        bend: stiffness against folding along a row or a column, 0 to 1.
        air: share of its speed that a point loses in a second to the air.
        apart: distance from the body, metres.
    """

    around: float = 0.9
    down: float = 1.0
    slant: float = 0.4
    bend: float = 0.06
    air: float = 1.2
    apart: float = 0.012


@dataclass(frozen=True)
class Grid:
    """Cloth at rest.

    Attributes:
        rest: (rows, columns, 3) metres; rows run from the seam to the hem.
        closed: whether the last column is sewn to the first.
        pinned: (rows, columns) bool, which points move with the skin.
        weights: (rows * columns, bones) sparse skin weights.
        tether: (rows, columns) metres, how far a point gets from its anchor.
        anchor: (rows, columns) flat index of the pinned point that a point hangs from.
    """

    rest: Floats
    closed: bool
    pinned: NDArray[np.bool_]
    weights: sp.csr_matrix
    tether: Floats
    anchor: Ints

    @property
    def faces(self) -> Ints:
        """Triangles (n, 3) whose front is outside when columns run from the front of the body over its left side."""
        rows, columns = self.pinned.shape
        next_column = np.arange(columns if self.closed else columns - 1)
        row, column = (m.ravel() for m in np.meshgrid(np.arange(rows - 1), next_column, indexing="ij"))
        a, b = row * columns + column, row * columns + (column + 1) % columns
        return np.concatenate([np.stack([a, a + columns, b], 1), np.stack([b, a + columns, b + columns], 1)])


@dataclass(frozen=True)
class _Springs:
    """Springs of which no two share a point, so that all are pulled at once: ends, lengths and how each end gives."""

    first: Ints
    second: Ints
    length: Points
    first_gives: Points
    second_gives: Points

    def pull(self, x: Points) -> None:
        d = x[self.second] - x[self.first]
        length = np.sqrt(np.einsum("ij,ij->i", d, d)) + np.float32(1e-9)
        d *= ((length - self.length) / length)[:, None]
        x[self.first] += d * self.first_gives
        x[self.second] -= d * self.second_gives


class Drape:
    """One grid in motion."""

    def __init__(self, grid: Grid, stuff: Stuff) -> None:
        """At rest; `reset` puts it onto a body before the first step."""
        self.grid, self.stuff = grid, stuff
        self.pinned = grid.pinned.ravel()
        self.free = np.flatnonzero(~self.pinned)
        self.points: Points = grid.rest.reshape(-1, 3).astype(np.float32)
        self.before: Points = self.points.copy()
        self.springs = list(self._springs())
        self.anchor = grid.anchor.ravel()[self.free]
        self.tether = grid.tether.ravel()[self.free].astype(np.float32)

    def _springs(self) -> "list[_Springs]":
        stuff, (rows, columns) = self.stuff, self.grid.pinned.shape
        found = []
        for by_row, by_column, stiffness in (
            (0, 1, stuff.around),
            (1, 0, stuff.down),
            (1, 1, stuff.slant),
            (1, -1, stuff.slant),
            (0, 2, stuff.bend),
            (2, 0, stuff.bend),
        ):
            row, column = (m.ravel() for m in np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"))
            to_row, to_column = row + by_row, column + by_column
            inside = to_row < rows
            if self.grid.closed:
                to_column = to_column % columns
            else:
                inside &= (to_column >= 0) & (to_column < columns)
            turn = (row // by_row if by_row else column // by_column) % 2
            for odd in (0, 1):
                these = inside & (turn == odd)
                found.append(
                    self._between((row * columns + column)[these], (to_row * columns + to_column)[these], stiffness)
                )
        return [springs for springs in found if len(springs.first)]

    def _between(self, first: Ints, second: Ints, stiffness: float) -> _Springs:
        kept = ~(self.pinned[first] & self.pinned[second])
        first, second = first[kept], second[kept]
        gives_first, gives_second = (np.where(self.pinned[end], 0.0, 1.0) for end in (first, second))
        share = stiffness / (gives_first + gives_second)
        length = np.linalg.norm(self.points[second] - self.points[first], axis=1)
        return _Springs(
            first,
            second,
            length.astype(np.float32),
            (share * gives_first)[:, None].astype(np.float32),
            (share * gives_second)[:, None].astype(np.float32),
        )

    def reset(self, points: Points) -> None:
        """Put every point somewhere, at rest; (rows * columns, 3)."""
        self.points = points.astype(np.float32)
        self.before = self.points.copy()

    def step(self, pins: tuple[Points, Points], walls: tuple[Wall, Wall], dt: float, floor: float = 0.0) -> None:
        """Move on by `dt` seconds.

        Args:
            pins: all points as the skin would carry them, before and after, (rows * columns, 3) each.
            walls: the body before and after.
            floor: height of the floor, metres.
        """
        part = dt / SUBSTEPS
        keep = np.float32(np.exp(-self.stuff.air * part))
        for number in range(SUBSTEPS):
            was, share = number / SUBSTEPS, (number + 1) / SUBSTEPS
            wall = walls[0].between(walls[1], share)
            moved = (walls[1].points - walls[0].points) * np.float32(1 / SUBSTEPS)
            velocity = (self.points - self.before) * keep
            speed = np.linalg.norm(velocity, axis=1, keepdims=True)
            velocity *= np.minimum(1, FASTEST * part / np.maximum(speed, 1e-9))
            self.before = self.points
            self.points = self.points + velocity
            self.points[:, 2] -= np.float32(GRAVITY * part * part)
            self.before[self.pinned] = (pins[0] + np.float32(was) * (pins[1] - pins[0]))[self.pinned]
            self.points[self.pinned] = (pins[0] + np.float32(share) * (pins[1] - pins[0]))[self.pinned]
            self._relax(wall, moved, floor)

    def _relax(self, wall: Wall, moved: Points, floor: float) -> None:
        x, free, apart = self.points, self.free, np.float32(self.stuff.apart)
        away, nearest = cKDTree(wall.points).query(x[free], distance_upper_bound=FAR)
        touching = np.flatnonzero(np.isfinite(away))
        who, spot = free[touching], nearest[touching]
        at, normal = wall.points[spot], wall.normals[spot]
        normal = normal / (np.linalg.norm(normal, axis=1, keepdims=True) + np.float32(1e-9))
        least = np.einsum("ij,ij->i", at, normal) + apart
        pushed = np.zeros(len(who), np.float32)
        for _ in range(ITERATIONS):
            for springs in self.springs:
                springs.pull(x)
            self._hold(x)
            lack = np.maximum(least - np.einsum("ij,ij->i", x[who], normal), 0)
            x[who] += lack[:, None] * normal
            pushed = np.maximum(pushed, lack)
            x[free, 2] = np.maximum(x[free, 2], np.float32(floor) + apart)
        touched = who[pushed > 0]
        sliding = x[touched] - self.before[touched] - moved[spot[pushed > 0]]
        self.before[touched] += np.float32(GRIP) * sliding

    def _hold(self, x: Points) -> None:
        """No point gets further from where it hangs than its thread is long."""
        d = x[self.free] - x[self.anchor]
        away = np.sqrt(np.einsum("ij,ij->i", d, d)) + np.float32(1e-9)
        x[self.free] -= d * np.maximum(1 - self.tether / away, 0)[:, None]
