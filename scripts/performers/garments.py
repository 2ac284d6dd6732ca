"""What hangs from a body: skirts, tails of coats, wide sleeves and long hair, each as a grid for `drape.Drape`.

A skirt begins as rings around waist and hips, pinned to the skin, and hangs from the last of them around both legs: it never
follows one leg alone. A coat's tails are a skirt that is open in front. A wide sleeve is a tube whose upper side is pinned along
the forearm. Long hair is a sheet around the back of the head from temple to temple, on which locks are grown.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.spatial import cKDTree

from .body import Body
from .characters import CharacterSpec, Skirt
from .drape import Drape, Grid, Stuff
from .hair import SIDES, tubes
from .meshes import Floats, Layer, Material, smoothstep, subdivide, vertex_normals
from .wardrobe import Landmarks, shown

COLUMNS, ROW = 48, 0.032
"""Of a skirt: points around it, and height of a row in metres."""
PINNED = 0.075
"""How far below its waist a skirt moves with the skin, metres."""
YOKE = 0.08
"""How far below its waist a skirt fits closely, metres."""
UNDER = 0.005
"""Between a skirt's waist and what is tucked into it, metres."""
CLEAR = 0.06
"""Between the floor and the hem of the longest skirt, metres."""
SLEEVE_COLUMNS, SLEEVE_ROWS = 24, 14
HAIR_COLUMNS, HAIR_ROW = 24, 0.026
HAIR_AROUND = 1.95
"""From the back of the head to the last strand beside the face, radians."""
HAIR_PINNED = (0.55, 0.15, -0.22)
"""Elevation above the middle of the skull of the rows that move with the head, radians."""
LOCKS, LOCK_RINGS = 300, 15
LOCK_PROFILE = (0.6, 1.0, 1.0, 0.6, 0.1)
"""Width of a lock at 0, 15, 60, 90 and 100 % of its length."""
WALL_CELL = 0.020
"""Of the points that make a wall, metres."""
COTTON, KNIT = Stuff(), Stuff(around=0.25, slant=0.2, bend=0.10)
SLEEVE, HAIR = Stuff(bend=0.03, apart=0.006), Stuff(around=0.25, slant=0.1, bend=0.10, air=3.0, apart=0.014)


@dataclass
class Hanging:
    """A drape and how it is drawn.

    Attributes:
        drape: what moves.
        layer: what is drawn; its skin weights only say which part of the body it belongs to.
        operator: (vertices, points) from the drape's points to the layer's vertices, for hair to the lines of its locks.
        lift: (locks, rings) metres that a lock stands off the sheet it grows on, for hair.
        widths: (locks,) metres, for hair.
    """

    drape: Drape
    layer: Layer
    operator: sp.csr_matrix
    lift: Floats | None = None
    widths: Floats | None = None

    def surface(self) -> tuple[Floats, Floats]:
        """Vertices and normals as they hang now, both (n, 3)."""
        if self.widths is not None and self.lift is not None:
            return _locks_surface(self, self.lift, self.widths)
        vertices = self.operator @ self.drape.points.astype(float)
        return vertices, vertex_normals(vertices, self.layer.faces)


def hangings(body: Body, spec: CharacterSpec, marks: Landmarks, layers: list[Layer]) -> list[Hanging]:
    """Everything that hangs from a character whose other `layers` are there."""
    found = []
    if spec.skirt:
        worn = [layer for layer in layers if layer.material in (Material.TOP, Material.BOTTOM, Material.SKIN)]
        found.append(_skirt(body, spec.skirt, marks.floor, worn, [shown(layer, spec, marks) for layer in worn]))
    if spec.top.wide:
        found += [_sleeve(body, spec, layers, side) for side in "LR"]
    if spec.hair.length:
        cap = next(layer for layer in layers if layer.material is Material.HAIR)
        found.append(_long_hair(body, spec, marks, cap))
    return found


def wall_of(layers: list[Layer], shown: list[np.ndarray]) -> Layer:
    """The outside of a character as a cloud of points to keep cloth away from: `shown` says which vertices are seen."""
    points, normals, weights = [], [], []
    for layer, seen in zip(layers, shown, strict=True):
        kept = np.flatnonzero(seen)
        _, first = np.unique(np.floor(layer.vertices[kept] / WALL_CELL).astype(int), axis=0, return_index=True)
        kept = kept[first]
        points.append(layer.vertices[kept])
        normals.append(layer.normals[kept])
        weights.append(layer.weights[kept])
    cloud = Layer(
        np.concatenate(points), np.zeros((0, 3), int), sp.vstack(weights), np.zeros((sum(map(len, points)), 4)),
        Material.SKIN,
    )  # fmt: skip
    cloud.normals = np.concatenate(normals)
    return cloud


# ---- skirts and coats


def _skirt(body: Body, skirt: Skirt, floor: float, worn: list[Layer], seen: list[np.ndarray]) -> Hanging:
    hip = body.heads[body.index["upperleg01.L"]]
    top = hip[2] + skirt.waist
    length = min(skirt.length, top - floor - CLEAR)
    rows = round(length / ROW) + 1
    half = np.pi - skirt.opening / 2
    theta = np.pi + np.linspace(-half, half, COLUMNS) if skirt.opening else np.arange(COLUMNS) / COLUMNS * 2 * np.pi
    heights = top - np.linspace(0, length, rows)
    axis = hip[1] + 0.005
    points = np.concatenate([layer.vertices[mine] for layer, mine in zip(worn, seen, strict=True)]).astype(float)
    radius = _around(points, theta, heights, axis, skirt)
    outward = np.stack([np.sin(theta), -np.cos(theta)], 1)
    rest = np.zeros((rows, len(theta), 3))
    rest[..., :2] = outward * radius[..., None] + [0, axis]
    rest[..., 2] = heights[:, None]
    pinned = np.broadcast_to((top - heights <= PINNED)[:, None], radius.shape).copy()
    grid = _hung(rest, not skirt.opening, pinned, _carried(rest, worn), legs_inside=not skirt.opening)
    narrow = skirt.flare < 0.12
    drape = Drape(grid, KNIT if narrow else COTTON)
    arc = np.pi - np.abs(theta - np.pi)  # from the front
    to_opening = np.broadcast_to((arc - skirt.opening / 2)[None] * radius, radius.shape) if skirt.opening else 9.0
    attributes = np.stack(
        np.broadcast_arrays(np.cos(theta)[None], np.sin(theta)[None], (top - heights)[:, None], to_opening), -1
    )
    return _sewn(drape, attributes.reshape(-1, 4), Material.SKIRT)


def _around(points: Floats, theta: Floats, heights: Floats, axis: float, skirt: Skirt) -> Floats:
    """Radius of a skirt at rest in every direction and height, (rows, columns): on the hips and flaring below them."""
    points = points[np.abs(points[:, 0]) < 0.26]  # without the arms
    angle = np.arctan2(points[:, 0], axis - points[:, 1]) % (2 * np.pi)
    away = np.hypot(points[:, 0], points[:, 1] - axis)
    rows, count = len(heights), 72
    hull = np.zeros((rows, count))
    column = (angle / (2 * np.pi) * count).astype(int) % count
    for k, z in enumerate(heights):
        near = np.abs(points[:, 2] - z) < ROW * 0.55
        np.maximum.at(hull[k], column[near], away[near])
    # cloth is stretched over hollows: a running maximum over neighbours, softened
    spread = np.maximum.reduce([np.roll(hull, shift, 1) for shift in (-1, 0, 1)])
    kernel = np.array([1, 2, 3, 2, 1]) / 9
    hull = sum(weight * np.roll(spread, shift, 1) for weight, shift in zip(kernel, (-2, -1, 0, 1, 2), strict=True))
    hull = np.maximum(hull + UNDER, 0.09)
    drop = heights[0] - heights
    hips = int(np.searchsorted(drop, skirt.waist + 0.07))
    radius = hull.copy()
    for k in range(1, rows):
        flare = skirt.flare * (heights[k - 1] - heights[k])
        fitted = drop[k] <= YOKE
        radius[k] = radius[k - 1] + (0.25 * flare - 0.01 if fitted else flare)
        if k <= hips:  # legs stand apart in the rest pose: below the hips they say nothing about a skirt
            radius[k] = np.maximum(radius[k], hull[k])
    turn = theta / (2 * np.pi) * count - 0.5
    low, share = np.floor(turn).astype(int), turn - np.floor(turn)
    return (1 - share) * radius[:, low % count] + share * radius[:, (low + 1) % count]


def _carried(rest: Floats, worn: list[Layer]) -> sp.csr_matrix:
    """Skin weights of points near clothes or skin: the mean of what is nearest, (points, bones)."""
    vertices = np.concatenate([layer.vertices[::3] for layer in worn])
    weights = sp.vstack([layer.weights[::3] for layer in worn]).tocsr()
    _, near = cKDTree(vertices).query(rest.reshape(-1, 3), 6)
    rows = np.repeat(np.arange(len(near)), near.shape[1])
    mean = sp.csr_matrix((np.full(near.size, 1 / near.shape[1]), (rows, near.ravel())), (len(near), len(vertices)))
    return (mean @ weights).tocsr()


def _hung(rest: Floats, closed: bool, pinned: np.ndarray, weights: sp.csr_matrix, *, legs_inside: bool = False) -> Grid:
    """A grid whose every column hangs from its last pinned row."""
    rows, columns = pinned.shape
    last = int(np.flatnonzero(pinned.all(1))[-1])
    lengths = np.linalg.norm(np.diff(rest, axis=0), axis=2)
    down = np.concatenate([np.zeros((1, columns)), np.cumsum(lengths, 0)])
    anchor = np.broadcast_to(last * columns + np.arange(columns), (rows, columns))
    return Grid(rest, closed, pinned, weights, np.maximum(down - down[last], 0) * 1.03, anchor, legs_inside)


def _sewn(drape: Drape, attributes: Floats, material: Material) -> Hanging:
    """A drape drawn as one smooth surface, subdivided twice."""
    grid = drape.grid
    count = grid.pinned.size
    once, faces = subdivide(grid.faces, count)
    twice, faces = subdivide(faces, once.shape[0])
    operator = (twice @ once).tocsr()
    layer = Layer(operator @ grid.rest.reshape(-1, 3), faces, operator @ grid.weights, operator @ attributes, material)
    return Hanging(drape, layer, operator)


# ---- sleeves


def _sleeve(body: Body, spec: CharacterSpec, layers: list[Layer], side: str) -> Hanging:
    """A tube from above the elbow to the wrist that hangs below the forearm."""
    shoulder, elbow, wrist = (body.heads[body.index[f"{n}.{side}"]] for n in ("upperarm01", "lowerarm01", "wrist"))
    t = np.linspace(0.62, 1.95, SLEEVE_ROWS)
    upper, lower = (elbow - shoulder), (wrist - elbow)
    centre = np.where((t < 1)[:, None], shoulder + upper * t[:, None], elbow + lower * (t[:, None] - 1))
    share = smoothstep(0.75, 1.25, t)[:, None]
    along = (1 - share) * upper / np.linalg.norm(upper) + share * lower / np.linalg.norm(lower)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    up = np.array([0, 0, 1.0]) - along * along[:, 2:]
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    across = np.cross(up, along)  # so that faces look outward
    alpha = np.arange(SLEEVE_COLUMNS) / SLEEVE_COLUMNS * 2 * np.pi
    worn = [layer for layer in layers if layer.material in (Material.TOP, Material.SKIN)]
    girth = np.interp(t, [0.62, 1, 1.95], [0.074, 0.066, 0.055]) + spec.top.offset
    hang = spec.top.wide * smoothstep(0.65, 1.5, t)
    radius = girth[:, None] + hang[:, None] * ((1 - np.cos(alpha)) / 2)[None]
    ring = np.cos(alpha)[None, :, None] * up[:, None] + np.sin(alpha)[None, :, None] * across[:, None] * 0.75
    rest = centre[:, None] + ring * radius[..., None]
    pinned = np.broadcast_to(np.cos(alpha) > 0.85, radius.shape).copy()
    pinned[:2] = True
    weights = _carried(rest, worn)
    girths = np.linalg.norm(np.diff(rest, axis=1, append=rest[:, :1]), axis=2)
    tether, anchor = np.zeros(radius.shape), np.zeros(radius.shape, int)
    pins = np.flatnonzero(pinned[-1])
    for row in range(SLEEVE_ROWS):
        round_ = np.concatenate([[0], np.cumsum(girths[row])])
        for column in range(SLEEVE_COLUMNS):
            way = np.abs(round_[column] - round_[pins])
            way = np.minimum(way, round_[-1] - way)
            nearest = int(np.argmin(way))
            tether[row, column], anchor[row, column] = way[nearest] * 1.03, row * SLEEVE_COLUMNS + pins[nearest]
    drape = Drape(Grid(rest, True, pinned, weights, tether, anchor), SLEEVE)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(centre, axis=0), axis=1))])
    attributes = np.stack(
        np.broadcast_arrays(np.cos(alpha)[None], np.sin(alpha)[None], length[:, None], length[-1] - length[:, None]), -1
    )
    return _sewn(drape, attributes.reshape(-1, 4), Material.SLEEVES)


# ---- hair


def _long_hair(body: Body, spec: CharacterSpec, marks: Landmarks, cap: Layer) -> Hanging:
    """A sheet around the back of the head with locks grown on it; only the locks are drawn."""
    rng = np.random.default_rng([spec.seed, 3])
    grid = _hair_sheet(body, spec, marks, cap)
    rows, columns = grid.pinned.shape
    operator, along = _lock_lines(rows, columns, rng)
    widths = rng.uniform(0.006, 0.011, LOCKS)
    shade = np.repeat(0.5 + (rng.random(LOCKS) - 0.5) * 0.5, LOCK_RINGS * SIDES)
    lines = (operator @ grid.rest.reshape(-1, 3)).reshape(LOCKS, LOCK_RINGS, 3)
    vertices, faces, share = tubes(lines, widths, LOCK_PROFILE)
    around = np.tile(np.arange(SIDES) / SIDES, LOCKS * LOCK_RINGS)
    attributes = np.stack([share, around, shade, np.zeros(len(vertices))], 1)
    layer = Layer(vertices, faces, _on_head(body, len(vertices)), attributes, Material.LONG_HAIR)
    lift = rng.uniform(-0.006, 0.014, LOCKS)[:, None] * np.sin(np.pi * np.clip(along * 1.1, 0, 1)) ** 0.5
    return Hanging(Drape(grid, HAIR), layer, operator, lift, widths)


def _on_head(body: Body, count: int) -> sp.csr_matrix:
    """Skin weights of `count` points that move with the head."""
    head = np.full(count, body.index["head"])
    return sp.csr_matrix((np.ones(count), (np.arange(count), head)), (count, len(body.labels)))


def _hair_sheet(body: Body, spec: CharacterSpec, marks: Landmarks, cap: Layer) -> Grid:
    """From temple to temple: rows pinned to the hair's cap, then as long as the hair is."""
    phi = np.linspace(-HAIR_AROUND, HAIR_AROUND, HAIR_COLUMNS)
    backwards = np.stack([-np.sin(phi), np.cos(phi)], 1)
    from_skull = np.asarray(cap.vertices, float) - marks.skull
    far = np.linalg.norm(from_skull, axis=1)
    tree = cKDTree(from_skull / far[:, None])
    pinned_rows = []
    for elevation in HAIR_PINNED:
        ray = np.column_stack([backwards * np.cos(elevation), np.full(len(phi), np.sin(elevation))])
        _, near = tree.query(ray, 8)
        pinned_rows.append(marks.skull + ray * (far[near].mean(1) + 0.010)[:, None])
    start = pinned_rows[-1]
    count = round(spec.hair.length / HAIR_ROW)
    out = np.column_stack([backwards, np.zeros(len(phi))])
    drop = np.arange(1, count + 1) * HAIR_ROW
    free = start[None] + drop[:, None, None] * np.array([0, 0, -1.0]) + 0.06 * drop[:, None, None] * out[None]
    rest = np.concatenate([np.array(pinned_rows), free])
    pinned = np.zeros(rest.shape[:2], bool)
    pinned[: len(HAIR_PINNED)] = True
    return _hung(rest, False, pinned, _on_head(body, pinned.size))


def _lock_lines(rows: int, columns: int, rng: np.random.Generator) -> tuple[sp.csr_matrix, Floats]:
    """Where locks run on a grid: (LOCKS * LOCK_RINGS, points) operator, and the share of each lock, (LOCKS, LOCK_RINGS)."""
    u = (np.arange(LOCKS) + rng.random(LOCKS)) / LOCKS * (columns - 1)
    first = rng.uniform(0, 0.12, LOCKS) * rows
    last = rng.uniform(0.86, 1.0, LOCKS) * (rows - 1)
    share = np.linspace(0, 1, LOCK_RINGS)
    v = first[:, None] + (last - first)[:, None] * share
    wander = u[:, None] + rng.normal(0, 0.35, (LOCKS, 1)) * share**2
    wander = np.clip(wander, 0, columns - 1.001)
    i, k = np.minimum(v.astype(int), rows - 2), wander.astype(int)
    a, b = v - i, wander - k
    line = np.arange(v.size).reshape(v.shape)
    parts = [
        (line, (i + di) * columns + k + dk, (a if di else 1 - a) * (b if dk else 1 - b))
        for di in (0, 1)
        for dk in (0, 1)
    ]
    row, column, value = (np.concatenate([part[n].ravel() for part in parts]) for n in range(3))
    return sp.csr_matrix((value, (row, column)), (v.size, rows * columns)), np.broadcast_to(share, v.shape)


def _locks_surface(hair: Hanging, lift: Floats, widths: Floats) -> tuple[Floats, Floats]:
    points = hair.drape.points.astype(float)
    normals = vertex_normals(points, hair.drape.grid.faces)
    lines = (hair.operator @ points).reshape(len(widths), -1, 3)
    out = (hair.operator @ normals).reshape(lines.shape)
    vertices, faces, _ = tubes(lines + out * lift[..., None], widths, LOCK_PROFILE, out)
    return vertices, vertex_normals(vertices, faces)
