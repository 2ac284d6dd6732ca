"""Cloth that hangs: a grid of points on springs that follows a body (position-based dynamics, Müller et al. 2007).

A grid has rows from where it is sewn on to its hem, and columns around the body. Some of its points are pinned to the skin and
move with it; all others fall, keep their distances and are pushed out of the body. Skirts, tails of coats, wide sleeves and
long hair are such grids, see `garments.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .meshes import Floats, Ints

SUBSTEPS, ITERATIONS = 4, 5
LOOK_EVERY = 2
"""Substeps after which the nearest points of the body are found anew."""
GRAVITY = 9.8
FAR = 0.15
"""From the nearest point of the body beyond which it is not asked whether a point of cloth lies inside, metres."""
FASTEST = 7.0
"""Of a point of cloth, metres a second: what is faster has been pushed, not thrown."""
GRIP = 0.35
"""Share of its sliding that cloth loses to the body it touches, each substep."""
BONE = 0.045
"""Radius around the middle of a leg that is in front of no point of a skirt, metres."""
CATCH = 0.4
"""Share of its way around a leg that cloth is brought back by in a substep."""
OUTWARD = 1.5
"""How much more a skirt is pushed away from the middle of its row than away from the skin."""
CARRIED = np.array([0.4, 0.4, 0.75], np.float32)
"""Share of the movement of its seam that cloth takes on at once: a dancer who drops does not leave a skirt in the air."""
SETTLE_STEPS = 30
"""From where it is put on until cloth hangs still, steps."""
Points = NDArray[np.float32]


@dataclass(frozen=True)
class Wall:
    """The surface of a body that cloth stays outside of.

    Attributes:
        points, normals: of the skin and what is worn on it, both (n, 3) metres.
        bones: (m, 3) metres, points along the middle of both legs, which a skirt never leaves outside.
    """

    points: Points
    normals: Points
    bones: Points

    def between(self, other: "Wall", share: float) -> "Wall":
        """The surface on its way from this one to `other`; normals are not normalised again."""
        return Wall(
            self.points + np.float32(share) * (other.points - self.points),
            self.normals + np.float32(share) * (other.normals - self.normals),
            self.bones + np.float32(share) * (other.bones - self.bones),
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
    air: float = 2.2
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
        legs_inside: whether both legs are inside, as in a skirt.
    """

    rest: Floats
    closed: bool
    pinned: NDArray[np.bool_]
    weights: sp.csr_matrix
    tether: Floats
    anchor: Ints
    legs_inside: bool = False

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
        self.near: Ints = np.zeros(0, int)
        self.spot: Ints = np.zeros(0, int)

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

    def look(self, tree: cKDTree) -> None:
        """Find the point of the wall that is nearest to each point of cloth."""
        distance, nearest = tree.query(self.points[self.free], distance_upper_bound=FAR)
        near = np.isfinite(distance)
        self.near, self.spot = self.free[near], nearest[near]

    def step(self, pins: tuple[Points, Points], wall: Wall, moved: Points, dt: float) -> None:
        """Move on by a short time.

        Args:
            pins: all points as the skin carries them, before and after, (rows * columns, 3) each.
            wall: the body afterwards.
            moved: (n, 3) metres, how far each point of the wall has moved.
            dt: seconds.
        """
        carried = (pins[1] - pins[0])[self.pinned].mean(0) * CARRIED
        self.points = self.points + carried
        self.before = self.before + carried
        velocity = (self.points - self.before) * np.float32(np.exp(-self.stuff.air * dt))
        speed = np.linalg.norm(velocity, axis=1, keepdims=True)
        velocity *= np.minimum(1, FASTEST * dt / np.maximum(speed, 1e-9))
        self.before = self.points
        self.points = self.points + velocity
        self.points[:, 2] -= np.float32(GRAVITY * dt * dt)
        self.before[self.pinned] = pins[0][self.pinned]
        self.points[self.pinned] = pins[1][self.pinned]
        outward = self._outward() if self.grid.legs_inside else None
        if outward is not None:
            self._around_legs(wall.bones, outward)
        self._relax(wall, moved, outward)

    def _outward(self) -> Points:
        """Away from the middle of its row, for every point, (rows * columns, 3) of length 1."""
        ring = self.points.reshape(*self.grid.pinned.shape, 3)
        outward = (ring - ring.mean(1, keepdims=True)).reshape(-1, 3)
        return outward / (np.linalg.norm(outward, axis=1, keepdims=True) + np.float32(1e-9))

    def _around_legs(self, bones: Points, outward: Points) -> None:
        """Bring cloth that a leg has got through back to the leg's outside.

        A point of cloth that looks outwards, away from the middle of its row, has no bone in front of it, nor just behind it.
        """
        beyond = outward @ bones.T - np.einsum("ij,ij->i", outward, self.points)[:, None]
        away = np.einsum("ij,ij->i", self.points, self.points)[:, None] - 2 * self.points @ bones.T
        aside = away + np.einsum("ij,ij->i", bones, bones) - beyond**2
        caught = (aside < BONE**2) & (beyond > -BONE) & (beyond < FAR)
        shift = np.where(caught, beyond + BONE, 0).max(1) * CATCH
        shift[self.pinned] = 0
        moved = shift[:, None] * outward
        self.points += moved
        self.before += moved

    def _relax(self, wall: Wall, moved: Points, outward: Points | None) -> None:
        x, free, apart = self.points, self.free, np.float32(self.stuff.apart)
        who, spot = self.near, self.spot
        at, normal = wall.points[spot], wall.normals[spot]
        normal = normal / (np.linalg.norm(normal, axis=1, keepdims=True) + np.float32(1e-9))
        least = np.einsum("ij,ij->i", at, normal) + apart
        away = normal
        if (
            outward is not None
        ):  # pushed along its normals alone, cloth would part before a knee and slip off to its sides
            mixed = normal + np.float32(OUTWARD) * outward[who]
            along = np.einsum("ij,ij->i", mixed, normal)[:, None]
            away = np.where(along > 0.5, mixed / np.maximum(along, 0.5), normal)
        pushed = np.zeros(len(who), np.float32)
        for _ in range(ITERATIONS):
            for springs in self.springs:
                springs.pull(x)
            self._hold(x)
            lack = np.maximum(least - np.einsum("ij,ij->i", x[who], normal), 0)
            x[who] += lack[:, None] * away
            pushed = np.maximum(pushed, lack)
            x[free, 2] = np.maximum(x[free, 2], apart)
        touched = who[pushed > 0]
        sliding = x[touched] - self.before[touched] - moved[spot[pushed > 0]]
        self.before[touched] += np.float32(GRIP) * sliding

    def _hold(self, x: Points) -> None:
        """No point gets further from where it hangs than its thread is long."""
        d = x[self.free] - x[self.anchor]
        away = np.sqrt(np.einsum("ij,ij->i", d, d)) + np.float32(1e-9)
        x[self.free] -= d * np.maximum(1 - self.tether / away, 0)[:, None]


def move(drapes: Sequence[Drape], pins: Sequence[tuple[Points, Points]], walls: tuple[Wall, Wall], dt: float) -> None:
    """Move everything that hangs from one body on by `dt` seconds; the floor is at height 0.

    Args:
        drapes: what hangs.
        pins: of each, all points as the skin carries them, before and after.
        walls: the body before and after.
        dt: seconds.
    """
    moved = (walls[1].points - walls[0].points) * np.float32(1 / SUBSTEPS)
    for number in range(SUBSTEPS):
        was, share = np.float32(number / SUBSTEPS), np.float32((number + 1) / SUBSTEPS)
        wall = walls[0].between(walls[1], float(share))
        tree = cKDTree(wall.points, balanced_tree=False) if number % LOOK_EVERY == 0 else None
        for drape, (first, last) in zip(drapes, pins, strict=True):
            if tree is not None:
                drape.look(tree)
            drape.step((first + was * (last - first), first + share * (last - first)), wall, moved, dt / SUBSTEPS)
