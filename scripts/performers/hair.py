"""Locks of hair on top of the scalp's cap: without them a head looks like a helmet.

A lock is a flat tapered tube that is grown along the scalp by a style's direction field. Locks move with the head.
"""

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from scipy.spatial import cKDTree

from .body import Body
from .characters import CharacterSpec
from .meshes import Floats, Ints, Layer, Material, smoothstep
from .wardrobe import Landmarks

RINGS, SIDES = 6, 4
TIE = np.array([0, 0.088, 0.045])
"""From the middle of the skull to where a ponytail or bun is tied, metres."""
BUN = 0.047
"""Radius of a bun, metres."""
POINTED, BLUNT, ROUND = (0.7, 1.0, 0.95, 0.5, 0.06), (0.8, 1.0, 1.0, 0.8, 0.35), (0.8, 1.0, 1.0, 1.05, 0.8)
"""Width of a lock at 0, 15, 60, 90 and 100 % of its length."""
PROFILES = {"short": BLUNT, "afro": ROUND}
Step = Callable[[Floats, Floats, float], Floats]
"""Direction of growth from points (n, 3), scalp normals there (n, 3) and the share of the lock that is grown."""


def locks(body: Body, spec: CharacterSpec, marks: Landmarks, cap: Layer) -> Layer | None:
    """The locks of a hair style over the `cap` that `wardrobe.dress` has made; None for a shaven head."""
    rng = np.random.default_rng(spec.seed)
    grow = STYLES.get(spec.hair.style)
    if grow is None:
        return None
    lines, widths = grow(_Scalp(cap, marks), spec, rng)
    curly = spec.hair.style in ("afro", "short")
    vertices, faces, along = tubes(lines, widths, PROFILES.get(spec.hair.style, POINTED))
    shade = np.repeat(0.5 + (rng.random(len(lines)) - 0.5) * (1.0 if curly else 0.45), RINGS * SIDES)
    around = np.tile(np.arange(SIDES) / SIDES, len(lines) * RINGS)
    head = body.index["head"]
    count = len(vertices)
    weights = sp.csr_matrix((np.ones(count), (np.arange(count), np.full(count, head))), (count, len(body.labels)))
    return Layer(vertices, faces, weights, np.stack([along, around, shade, np.zeros(count)], 1), Material.LOCKS)


class _Scalp:
    """Where hair grows: points, normals and how far inside the hairline they are."""

    def __init__(self, cap: Layer, marks: Landmarks) -> None:
        self.points, self.normals = np.asarray(cap.vertices, float), np.asarray(cap.normals, float)
        self.growth, self.skull = np.asarray(cap.attributes[:, 0], float), marks.skull
        self.tree = cKDTree(self.points)

    def roots(self, apart: float, growth: float, rng: np.random.Generator) -> Ints:
        """Indices of points at least `apart` metres from each other and `growth` inside the hairline."""
        order = rng.permutation(np.flatnonzero(self.growth > growth))
        taken = np.zeros(len(self.points), bool)
        chosen = []
        for i in order:
            if not taken[i]:
                chosen.append(i)
                taken[self.tree.query_ball_point(self.points[i], apart)] = True
        return np.array(chosen)

    def march(self, roots: Ints, length: Floats, lift: Callable[[float], Floats], hug: bool, step: Step) -> Floats:
        """Lines (n, RINGS, 3) from `roots`; `lift` is the least height above the scalp, the exact one for `hug`."""
        at = self.points[roots]
        lines = [at + self.normals[roots] * np.reshape(lift(0.0), (-1, 1)) * 0.3]
        for k in range(1, RINGS):
            share = k / (RINGS - 1)
            _, near = self.tree.query(lines[-1])
            along = step(lines[-1], self.normals[near], share)
            along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
            at = lines[-1] + along * (length / (RINGS - 1))[:, None]
            _, near = self.tree.query(at)
            normal = self.normals[near]
            above = np.einsum("ij,ij->i", at - self.points[near], normal)
            lack = lift(share) - above
            close = np.linalg.norm(at - self.points[near], axis=1) < 0.03
            lack = np.where(close, lack if hug else np.maximum(lack, 0), 0)
            lines.append(at + normal * lack[:, None])
        return np.stack(lines, 1)


def _swept_back(scalp: _Scalp, spec: CharacterSpec, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Combed over the head to a tie at the back."""
    tie = scalp.skull + TIE
    roots = scalp.roots(0.0068, 0.52, rng)
    roots = roots[np.linalg.norm(scalp.points[roots] - tie, axis=1) > 0.03]
    away = np.linalg.norm(scalp.points[roots] - tie, axis=1)
    length = np.minimum(away * 0.96, rng.uniform(0.09, 0.20, len(roots)))
    height = rng.uniform(0.0, 0.0024, len(roots)) * smoothstep(0.5, 1.3, scalp.growth[roots])
    sway = rng.normal(0, 0.06, (len(roots), 3))

    def step(at: Floats, normal: Floats, share: float) -> Floats:
        over_the_top = 0.14 * smoothstep(0.03, -0.06, (at - scalp.skull)[:, 1])
        towards = _flat(tie + over_the_top[:, None] * [0, 0, 1.0] - at, normal)
        towards /= np.linalg.norm(towards, axis=1, keepdims=True) + 1e-9
        return towards + _flat(sway * (1 - share), normal)

    lines = scalp.march(roots, length, lambda share: 0.0012 + height * np.sin(np.pi * min(share + 0.15, 1)), True, step)
    return lines, rng.uniform(0.0026, 0.0046, len(roots))


def _bun(scalp: _Scalp, spec: CharacterSpec, rng: np.random.Generator) -> tuple[Floats, Floats]:
    lines, widths = _swept_back(scalp, spec, rng)
    centre = scalp.skull + TIE * 1.12 + [0, 0.022, 0.012]
    count = 150
    pole = rng.normal(size=(count, 3)) * [1, 0.45, 1]
    pole /= np.linalg.norm(pole, axis=1, keepdims=True)
    first = np.cross(pole, rng.normal(size=(count, 3)))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(pole, first)
    angle = np.linspace(0, 2.6, RINGS)[None, :, None]
    ball = first[:, None] * np.cos(angle) + second[:, None] * np.sin(angle)
    radius = BUN * rng.uniform(0.88, 1.06, (count, 1, 1))
    return np.concatenate([lines, centre + ball * radius]), np.concatenate([widths, rng.uniform(0.005, 0.008, count)])


def _crop(scalp: _Scalp, spec: CharacterSpec, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Short curls that stand off the head, shorter towards the hairline."""
    roots = scalp.roots(0.0058, 0.50, rng)
    full = smoothstep(0.45, 1.6, scalp.growth[roots]) * smoothstep(
        -0.06, 0.07, (scalp.points[roots] - scalp.skull)[:, 2]
    )
    return _curls(scalp, roots, (0.006 + 0.015 * full) * rng.uniform(0.7, 1.1, len(roots)), rng), (
        0.0026 + 0.0022 * full
    ) * rng.uniform(0.8, 1.2, len(roots))


def _afro(scalp: _Scalp, spec: CharacterSpec, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A round cloud of curls."""
    roots = scalp.roots(0.0062, 0.50, rng)
    full = smoothstep(0.4, 1.5, scalp.growth[roots])
    lines = _curls(scalp, roots, (0.02 + 0.060 * full) * rng.uniform(0.88, 1.02, len(roots)), rng, 1.15)
    return lines, (0.0055 + 0.0035 * full) * rng.uniform(0.85, 1.2, len(roots))


def _curls(scalp: _Scalp, roots: Ints, length: Floats, rng: np.random.Generator, spin: float = 0.8) -> Floats:
    lean = rng.normal(0, 0.45, (len(roots), 3))
    turn = rng.uniform(0, 2 * np.pi, len(roots))

    def step(at: Floats, normal: Floats, share: float) -> Floats:
        outward = at - scalp.skull
        outward /= np.linalg.norm(outward, axis=1, keepdims=True)
        across = np.cross(outward, [0.3, 0.2, 0.9])
        other = np.cross(outward, across)
        phase = (turn + 6.5 * share)[:, None]
        return outward + lean + spin * (across * np.cos(phase) + other * np.sin(phase))

    return scalp.march(roots, length, lambda share: np.full(len(roots), 0.001 + 0.004 * share), False, step)


def _bob(scalp: _Scalp, spec: CharacterSpec, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """From a parting down to the jaw; loose hair, which hangs from there by itself (`garments.py`), down to the ears."""
    roots = scalp.roots(0.0064, 0.52, rng)
    rel = scalp.points[roots] - scalp.skull
    side = np.sign(rel[:, 0] + 0.022)
    chin = 0.125 if spec.hair.style == "bob" else 0.05
    fall = np.maximum(rel[:, 2] + chin + rng.normal(0, 0.008, len(roots)), 0.02)
    length = fall + 0.55 * np.clip(0.075 - np.abs(rel[:, 0]), 0, 0.075)
    body = rng.uniform(0.003, 0.013, len(roots)) * smoothstep(0.5, 1.2, scalp.growth[roots])

    def step(at: Floats, normal: Floats, share: float) -> Floats:
        d = at - scalp.skull
        high = smoothstep(0.02, 0.09, d[:, 2])
        front = smoothstep(0.02, -0.07, d[:, 1])
        aside = 1.8 * front * smoothstep(0.085, 0.06, np.abs(d[:, 0]))
        down = np.stack(
            [side * (0.8 * high + aside - 0.25 * smoothstep(0.75, 1.0, share)), 0.5 * front, -1.0 + 0 * high], 1
        )
        on_head = (normal[:, 2] > -0.05)[:, None]
        return np.where(on_head, _flat(down, normal), down)

    lines = scalp.march(
        roots, length, lambda share: 0.0015 + body * np.sin(0.5 * np.pi * min(share * 1.6, 1)), False, step
    )
    return lines, rng.uniform(0.0035, 0.0065, len(roots))


STYLES = {"ponytail": _swept_back, "bun": _bun, "short": _crop, "afro": _afro, "bob": _bob, "loose": _bob}


def _flat(direction: Floats, normal: Floats) -> Floats:
    return direction - normal * np.einsum("ij,ij->i", direction, normal)[:, None]


def tubes(
    lines: Floats, widths: Floats, profile: tuple[float, ...], outward: Floats | None = None
) -> tuple[Floats, Ints, Floats]:
    """Flat tapered tubes around lines (n, rings, 3): vertices, faces and the share of the lock at each vertex.

    `outward` (n, rings, 3) is the side they are flat towards; without it, away from the middle of all.
    """
    count, rings = lines.shape[:2]
    tangents = np.gradient(lines, axis=1)
    tangents /= np.linalg.norm(tangents, axis=2, keepdims=True) + 1e-9
    outward = lines - lines.mean((0, 1)) if outward is None else outward
    across = np.cross(tangents, outward)
    across /= np.linalg.norm(across, axis=2, keepdims=True) + 1e-9
    thick = np.cross(across, tangents)
    taper = np.interp(np.linspace(0, 1, rings), [0, 0.15, 0.6, 0.9, 1], profile)
    angle = np.arange(SIDES) / SIDES * 2 * np.pi
    radius = widths[:, None, None, None] * taper[None, :, None, None]
    ring = across[:, :, None] * np.cos(angle)[:, None] + 0.6 * thick[:, :, None] * np.sin(angle)[:, None]
    vertices = lines[:, :, None] + ring * radius
    k, s = np.meshgrid(np.arange(rings - 1), np.arange(SIDES), indexing="ij")
    a, b = (k * SIDES + s).ravel(), (k * SIDES + (s + 1) % SIDES).ravel()
    one = np.concatenate([np.stack([a, a + SIDES, b], 1), np.stack([b, a + SIDES, b + SIDES], 1)])
    faces = (one[None] + (np.arange(count) * rings * SIDES)[:, None, None]).reshape(-1, 3)
    along = np.tile(np.repeat(np.linspace(0, 1, rings), SIDES), count)
    return vertices.reshape(-1, 3), faces, along
