"""Skin, eyes, clothes and hair of a character as layers over its body, all in the rest pose.

Clothes are MakeHuman's tights helper, subdivided, moved off the body and draped straight down; the shaders cut hems,
sleeves and necklines from the attributes written here.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from .body import SKIN_VERTICES, Body
from .characters import CharacterSpec
from .meshes import (
    Floats,
    Ints,
    Layer,
    Material,
    compact,
    smooth,
    smoothstep,
    subdivide,
    triangulate,
    vertex_normals,
)

ARM_BONES = ("upperarm", "lowerarm", "wrist", "finger", "metacarpal")
LEG_BONES = ("upperleg", "lowerleg", "foot", "toe")
SOLE = 0.016
"""Thickness of the shoes' soles below the foot, metres."""


@dataclass(frozen=True)
class Landmarks:
    """Places on the body that clothes, shaders and posing refer to, metres in the rest pose."""

    eye_left: Floats
    eye_right: Floats
    skull: Floats
    """A point inside the head around which hair grows."""
    nose: int
    """Vertex at the tip of the nose."""
    hem: float
    waist: float
    neck_z: float
    neck_y: float
    ankle: float
    floor: float
    chest_emblem: float


@dataclass(frozen=True)
class LimbCoordinates:
    """Where each vertex lies along its limb: 0 shoulder or hip, 1 elbow or knee, 2 wrist or ankle.

    `arm` is negative on the torso; `sleeve` is above 0 beyond the seam of a sleeve and changes smoothly across it;
    `arm_weight` and `leg_weight` are the summed skin weights of the limbs' bones.
    """

    arm: Floats
    leg: Floats
    sleeve: Floats
    arm_weight: Floats
    leg_weight: Floats

    def through(self, operator: sp.csr_matrix) -> "LimbCoordinates":
        """The same of a mesh made from this one by a linear operator."""
        values = (self.arm, self.leg, self.sleeve, self.arm_weight, self.leg_weight)
        return LimbCoordinates(*(operator @ value for value in values))

    def attributes(self) -> Floats:
        """(n, 4) as the cloth shaders read them."""
        return np.stack([self.arm, self.leg, self.sleeve, self.leg_weight], 1)


@dataclass(frozen=True)
class Cloth:
    """The finely subdivided tights all clothes are cut from."""

    vertices: Floats
    normals: Floats
    faces: Ints
    weights: sp.csr_matrix
    limbs: LimbCoordinates

    def cut(self, keep: np.ndarray) -> tuple[sp.csr_matrix, Ints]:
        """The part whose faces touch a kept vertex: selection operator and faces."""
        return compact(self.faces[keep[self.faces].any(1)], len(self.vertices))


def find_landmarks(body: Body, spec: CharacterSpec) -> Landmarks:
    """Measure the body once for everything that follows."""
    bone = body.index
    eyes = [body.group_vertices(f"helper-{side}-eye").mean(0) for side in "lr"]
    v = body.vertices
    on_face = (np.abs(v[:, 0]) < 0.01) & (v[:, 2] > eyes[0][2] - 0.06) & (np.arange(len(v)) < SKIN_VERTICES)
    hip = body.heads[bone["upperleg01.L"]][2]
    neck = body.heads[bone["neck01"]]
    return Landmarks(
        eye_left=eyes[0],
        eye_right=eyes[1],
        skull=(eyes[0] + eyes[1]) / 2 + np.array([0, 0.085, 0.015]),
        nose=int(np.argmin(np.where(on_face, v[:, 1], 9))),
        hem=hip + spec.top.hem,
        waist=hip + spec.bottom.waist,
        neck_z=neck[2],
        neck_y=neck[1],
        ankle=body.heads[bone["foot.L"]][2],
        floor=body.group_vertices("helper-tights")[:, 2].min() - SOLE,
        chest_emblem=body.heads[bone["spine02"]][2] + 0.06,
    )


def limb_coordinates(body: Body) -> LimbCoordinates:
    """Place every vertex along arms and legs."""
    arm_weight, leg_weight = (
        np.asarray(body.weights[:, [any(k in label for k in kinds) for label in body.labels]].sum(1)).ravel()
        for kinds in (ARM_BONES, LEG_BONES)
    )
    arm = _along(body, "upperarm01", "lowerarm01", "wrist")
    leg = _along(body, "upperleg01", "lowerleg01", "foot")
    return LimbCoordinates(
        arm=np.where(arm_weight > 0.35, np.maximum(arm, 0), -1 + arm_weight),
        leg=leg,
        sleeve=np.minimum(arm - 0.12, arm_weight - 0.45),
        arm_weight=arm_weight,
        leg_weight=leg_weight,
    )


def _along(body: Body, first: str, middle: str, last: str) -> Floats:
    def one(side: str) -> Floats:
        a, b, c = (body.heads[body.index[f"{name}.{side}"]] for name in (first, middle, last))
        upper = (body.vertices - a) @ (b - a) / np.sum((b - a) ** 2)
        lower = (body.vertices - b) @ (c - b) / np.sum((c - b) ** 2)
        past = smoothstep(0.9, 1.1, upper)
        return (1 - past) * upper + past * (1 + np.maximum(lower, -0.5))

    return np.where(body.vertices[:, 0] > 0, one("L"), one("R"))


def dress(body: Body, spec: CharacterSpec, marks: Landmarks) -> list[Layer]:
    """All layers of a character but a ponytail."""
    limbs = limb_coordinates(body)
    growth = hair_growth(body, spec, marks)
    cloth = _cloth(body, limbs)
    return [
        _skin(body, limbs, growth),
        *_eyes(body),
        _top(body, spec, marks, cloth),
        _bottom(body, spec, marks, cloth),
        _shoes(marks, cloth),
        _hair(body, spec, marks, growth),
    ]


def shown(layer: Layer, spec: CharacterSpec, marks: Landmarks) -> np.ndarray:
    """Which vertices of a layer are drawn, as `shaders/regions.glsl` cuts it, (n,) bool; False for what nothing rests on."""
    z = layer.vertices[:, 2]
    arm, leg, _, leg_weight = layer.attributes.T
    if layer.material is Material.TOP:
        return ~_outside_top(layer.vertices, arm, leg_weight, spec, marks, 0.0)
    if layer.material is Material.BOTTOM:
        return ~_outside_bottom(z, leg, spec, marks, 0.0)
    if layer.material is Material.SKIN:
        under_top = ~_outside_top(layer.vertices, arm, np.zeros(len(z)), spec, marks, 0.03)
        under_bottom = (arm < 0) & (~_outside_bottom(z, leg, spec, marks, 0.03) | (z < marks.ankle + 0.02))
        return ~(under_top | under_bottom)
    return np.full(len(z), layer.material in (Material.SHOES, Material.HAIR))


def _outside_top(
    points: Floats, arm: Floats, leg_weight: Floats, spec: CharacterSpec, marks: Landmarks, inside: float
) -> np.ndarray:
    _, y, z = points.T
    beyond = np.where(arm > 0, arm > spec.top.sleeve - inside, (z < marks.hem + inside) | (leg_weight > 0.9))
    above = z > marks.neck_z + spec.top.neck + 0.55 * (y - marks.neck_y) - inside * 0.6
    return beyond | above


def _outside_bottom(z: Floats, leg: Floats, spec: CharacterSpec, marks: Landmarks, inside: float) -> np.ndarray:
    return (z > marks.waist - inside) | (leg > spec.bottom.end - inside)


def _skin(body: Body, limbs: LimbCoordinates, growth: Floats) -> Layer:
    hair = np.clip(growth, 0, 1) * (1 - smoothstep(0.2, 0.6, body.masks["ears"]))
    attributes = np.stack([limbs.arm, limbs.leg, body.masks["lips"] * 0.49, hair], 1)
    select, faces = compact(triangulate(body.groups["body"]), len(body.vertices))
    return Layer(
        select @ body.vertices, faces, select @ body.weights, select @ attributes, Material.SKIN, select @ body.blink
    )


def _eyes(body: Body) -> list[Layer]:
    layers = []
    for side in "lr":
        layers.append(_eyeball(body, f"helper-{side}-eye"))
        # Only the upper lashes: drawn as a strip, the lower ones read as a black bar.
        select, faces = compact(triangulate(body.groups[f"helper-{side}-eyelashes-2"]), len(body.vertices))
        blank = np.zeros((select.shape[0], 4))
        layers.append(
            Layer(select @ body.vertices, faces, select @ body.weights, blank, Material.LASHES, select @ body.blink)
        )
    return layers


def _eyeball(body: Body, group: str) -> Layer:
    """An eye; its shader draws iris and pupil by the angle from straight ahead, in degrees."""
    select, faces = compact(triangulate(body.groups[group]), len(body.vertices))
    once, faces = subdivide(faces, select.shape[0])
    twice, faces = subdivide(faces, once.shape[0])
    fine = twice @ once @ select
    points = fine @ body.vertices
    outward = points - points.mean(0)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    angle = np.degrees(np.arccos(np.clip(-outward[:, 1], -1, 1)))
    attributes = np.stack([angle, *(np.zeros(len(points)),) * 3], 1)
    return Layer(points, faces, fine @ body.weights, attributes, Material.EYES)


def _cloth(body: Body, limbs: LimbCoordinates) -> Cloth:
    select, faces = compact(triangulate(body.groups["helper-tights"]), len(body.vertices))
    once, faces = subdivide(faces, select.shape[0])
    twice, faces = subdivide(faces, once.shape[0])
    operator = (twice @ once @ select).tocsr()
    vertices = operator @ body.vertices
    return Cloth(vertices, vertex_normals(vertices, faces), faces, operator @ body.weights, limbs.through(operator))


def _top(body: Body, spec: CharacterSpec, marks: Landmarks, cloth: Cloth) -> Layer:
    top, limbs = spec.top, cloth.limbs
    x, y, z = cloth.vertices.T
    torso = limbs.arm_weight < 0.5
    near_neck = smoothstep(0.14, 0.08, np.hypot(x, y - marks.neck_y))
    hug = 1 - 0.75 * near_neck * smoothstep(marks.neck_z - 0.07, marks.neck_z - 0.01, z)
    away = (top.offset + 0.006 * smoothstep(marks.hem + 0.12, marks.hem, z) * torso) * hug
    points: Floats = cloth.vertices + cloth.normals * away[:, None]
    axis = body.heads[body.index["spine03"]][1]
    shoulder = body.heads[body.index["upperarm01.L"]][2]
    points = drape_torso(points, torso, axis, marks.hem - 0.06, shoulder - 0.04, top.slope)

    long_sleeved = top.sleeve > 1
    widening = np.clip(limbs.arm, 0, top.sleeve) / top.sleeve
    points += cloth.normals * ((limbs.arm > 0) * (0.010 if long_sleeved else 0.016) * widening)[:, None]
    if long_sleeved:  # cloth gathers above the cuff
        gather = smoothstep(1.72, 1.84, limbs.arm) * smoothstep(1.93, 1.88, limbs.arm)
        points += cloth.normals * (0.010 * gather)[:, None]

    select, faces = cloth.cut((limbs.leg_weight < 0.9) & (z > marks.hem - 0.1) | (limbs.arm_weight > 0.3))
    vertices = smooth(select @ points, faces, 8)
    return Layer(vertices, faces, select @ cloth.weights, select @ limbs.attributes(), Material.TOP)


def _bottom(body: Body, spec: CharacterSpec, marks: Landmarks, cloth: Cloth) -> Layer:
    limbs = cloth.limbs
    x, y, z = cloth.vertices.T
    points = cloth.vertices + cloth.normals * spec.bottom.offset
    points = drape_legs(points, cloth, body, spec.bottom.slope)
    leg = np.array([body.heads[body.index[f"{name}.L"]] for name in ("upperleg01", "lowerleg01", "foot")])
    along = np.clip(limbs.leg, 0, 2)
    dx = np.abs(x) - np.interp(along, [0, 1, 2], np.abs(leg[:, 0]))
    dy = y - np.interp(along, [0, 1, 2], leg[:, 1])
    from_outer_seam = np.abs(np.arctan2(dy, dx))

    select, faces = cloth.cut((z < marks.waist + 0.06) & (limbs.arm_weight < 0.5) & (limbs.leg < 2.2))
    attributes = np.stack([limbs.arm, limbs.leg, from_outer_seam, limbs.leg_weight], 1)
    vertices = smooth(select @ points, faces, 6)
    return Layer(vertices, faces, select @ cloth.weights, select @ attributes, Material.BOTTOM)


def _shoes(marks: Landmarks, cloth: Cloth) -> Layer:
    z = cloth.vertices[:, 2]
    sole_z = z.min()
    select, faces = cloth.cut((z < marks.ankle + 0.045) & (cloth.limbs.leg > 1.5))
    foot = select @ cloth.vertices
    height = foot[:, 2] - sole_z
    vertices = np.where((height > 0.012)[:, None], smooth(foot, faces, 10, 0.6), foot)
    outward = vertex_normals(vertices, faces)
    vertices = vertices + outward * (0.008 + 0.003 * smoothstep(0.05, 0.0, height))[:, None]
    sideways = outward * [1, 1, 0]
    sideways /= np.linalg.norm(sideways, axis=1, keepdims=True) + 1e-9
    vertices += sideways * (0.005 * smoothstep(0.035, 0.028, height))[:, None]
    vertices[:, 2] = np.where(height < 0.016, sole_z - SOLE, vertices[:, 2])
    from_toe = vertices[:, 1] - vertices[:, 1].min()
    attributes = np.stack([height, select @ cloth.limbs.leg, from_toe, np.zeros(len(vertices))], 1)
    return Layer(vertices, faces, select @ cloth.weights, attributes, Material.SHOES)


def hair_growth(body: Body, spec: CharacterSpec, marks: Landmarks) -> Floats:
    """How far inside the hairline each vertex lies: below 0 bald, 0.5 on the line, above 1 full hair; (n,)."""
    rel = body.vertices - marks.skull
    side = np.degrees(np.arctan2(np.abs(rel[:, 0]), -rel[:, 1]))
    elevation = np.degrees(np.arctan2(rel[:, 2], np.hypot(rel[:, 0], rel[:, 1])))
    if spec.hair.style in ("short", "afro"):
        line = np.interp(side, [0, 35, 58, 72, 84, 100, 125, 150, 180], [33, 32, 25, 12, -10, -10, -24, -36, -38])
    else:
        line = np.interp(side, [0, 25, 50, 68, 82, 100, 125, 150, 180], [27, 25, 15, 3, -19, -20, -32, -42, -44])
        parting = np.degrees(np.arctan2(rel[:, 0], -rel[:, 1])) + 38
        line -= 9 * np.exp(-((parting / 24) ** 2))
    growth = (elevation - line) / 12 + 0.5
    return np.where((rel[:, 2] < -0.13) | (body.vertices[:, 2] <= marks.neck_z), -1, growth)


def _hair(body: Body, spec: CharacterSpec, marks: Landmarks, growth: Floats) -> Layer:
    v = body.vertices
    keep = (growth > 0.1) & (body.masks["ears"] < 0.3) & (np.arange(len(v)) < SKIN_VERTICES) & (v[:, 2] > marks.neck_z)
    skin = triangulate(body.groups["body"])
    select, faces = compact(skin[keep[skin].all(1)], len(v))
    fine, faces = subdivide(faces, select.shape[0])
    operator = fine @ select
    scalp, h = operator @ v, operator @ np.clip(growth, 0, 3)
    rel = scalp - marks.skull
    bare = (h < 0.5) | _on_border(faces, len(scalp))
    to_edge, _ = cKDTree(scalp[bare]).query(scalp)
    base = scalp + (smooth(scalp, faces, 12) - scalp) * smoothstep(0, 0.02, to_edge)[:, None]
    thickness = spec.hair.thickness * smoothstep(0.40, 1.8, h)
    if spec.hair.style in ("short", "afro"):
        thickness += 0.012 * smoothstep(0.03, 0.10, rel[:, 2]) - 0.004 * smoothstep(0.0, -0.06, rel[:, 2])
    else:
        swept = np.exp(-(((rel[:, 0] - 0.03) / 0.05) ** 2)) * smoothstep(0.0, 0.08, rel[:, 2])
        thickness += 0.008 * smoothstep(0.02, 0.09, rel[:, 2]) + 0.004 * swept
    waves = np.sin(rel[:, 0] * 90) * np.sin(rel[:, 1] * 70 + 1) + 0.6 * np.sin(rel[:, 1] * 150 + rel[:, 0] * 60)
    lift = (thickness + 0.0022 * waves * smoothstep(0.4, 1, h)) * smoothstep(-0.004, 0.030, to_edge) + 0.002
    vertices = base + vertex_normals(base, faces) * lift[:, None]
    return Layer(vertices, faces, operator @ body.weights, np.column_stack([h, rel]), Material.HAIR)


def _on_border(faces: Ints, count: int) -> np.ndarray:
    """Which vertices lie on an edge that only one face has, (count,)."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    unique, uses = np.unique(edges, axis=0, return_counts=True)
    border = np.zeros(count, bool)
    border[unique[uses == 1].ravel()] = True
    return border


class _PolarGrid:
    """A cylinder-like surface as radii over angle (wraps round) and height (index 0 lowest)."""

    def __init__(self, angle: Floats, height: Floats, radius: Floats, keep: np.ndarray, cells: tuple[int, int]) -> None:
        self.around, self.up = cells
        self.angle, self.height = angle, height
        self.grid: Floats = np.zeros(cells)
        column = self._turn(angle).astype(int) % self.around
        row = np.clip(height * self.up, 0, self.up - 1).astype(int)
        self.column, self.row = column, row
        np.maximum.at(self.grid, (column[keep], row[keep]), radius[keep])

    def _turn(self, angle: Floats) -> Floats:
        return (angle + np.pi) / (2 * np.pi) * self.around

    def spread(self, around: float, up: float) -> None:
        """Fill gaps with what is near, never lowering a cell."""
        self.grid = np.maximum(self.grid, self._blurred(around, up))

    def blur(self, around: float, up: float) -> None:
        """Soften the surface."""
        self.grid = self._blurred(around, up)

    def _blurred(self, around: float, up: float) -> Floats:
        return gaussian_filter(self.grid, (around, up), mode=("wrap", "nearest"))

    def interpolated(self) -> Floats:
        """Radius at every input point, bilinear."""
        turn = self._turn(self.angle) - 0.5
        rise = np.clip(self.height * self.up - 0.5, 0, self.up - 1.001)
        i, k = np.floor(turn).astype(int), rise.astype(int)
        a, b = turn - i, rise - k

        def at(column: Ints, row: Ints) -> Floats:
            return self.grid[column % self.around, np.minimum(row, self.up - 1)]

        near = (1 - b) * at(i, k) + b * at(i, k + 1)
        far = (1 - b) * at(i + 1, k) + b * at(i + 1, k + 1)
        return (1 - a) * near + a * far


def drape_torso(points: Floats, torso: np.ndarray, axis: float, low: float, high: float, slope: float) -> Floats:
    """Let the cloth of a torso hang from the chest: a running maximum of the radius that decays downwards."""
    x, y, z = points.T
    radius = np.hypot(x, y - axis)
    keep = torso & (z > low - 0.05) & (z < high + 0.02)
    surface = _PolarGrid(np.arctan2(x, -(y - axis)), (z - low) / (high - low), radius, keep, (48, 60))
    surface.spread(1, 1.5)
    fall = slope * (high - low) / surface.up
    for row in range(surface.up - 2, -1, -1):
        surface.grid[:, row] = np.maximum(surface.grid[:, row], surface.grid[:, row + 1] - fall)
    surface.blur(1.5, 2)
    grow = np.maximum(surface.interpolated() / np.maximum(radius, 1e-4), 1) - 1
    grow = 1 + grow * keep * smoothstep(high, high - 0.08, z)
    return np.stack([x * grow, axis + (y - axis) * grow, z], 1)


def drape_legs(points: Floats, cloth: Cloth, body: Body, slope: float) -> Floats:
    """The same for trouser legs, around the line through hip, knee and ankle."""
    draped = points.copy()
    leg = cloth.limbs.leg
    start, length = 0.25, 1.85
    for side, sign in (("L", 1), ("R", -1)):
        hip, knee, ankle = (body.heads[body.index[f"{n}.{side}"]] for n in ("upperleg01", "lowerleg01", "foot"))
        mine = (cloth.vertices[:, 0] * sign > 0) & (cloth.limbs.leg_weight > 0.5) & (leg > start)
        t = np.clip(leg, 0, 2.1)[:, None]
        centre = np.where(t < 1, hip + (knee - hip) * t, knee + (ankle - knee) * (t - 1))
        d = points - centre
        radius = np.hypot(d[:, 0], d[:, 1])
        surface = _PolarGrid(
            np.arctan2(d[:, 0], -d[:, 1]), (t[:, 0] - start) / length, radius, mine & (leg < 1.95), (32, 60)
        )
        surface.spread(1.5, 1.5)
        fall = slope * length / surface.up * 0.42 * 1.6
        for row in range(1, surface.up):  # rows run down the leg here
            surface.grid[:, row] = np.maximum(surface.grid[:, row], surface.grid[:, row - 1] - fall)
        surface.blur(1.5, 2)
        ratio = np.maximum(surface.grid[surface.column, surface.row] / np.maximum(radius, 0.02), 1)
        grow = np.where(mine & (leg < 2.3), ratio, 1)
        grow = np.minimum(1 + (grow - 1) * smoothstep(0.3, 0.6, leg), 2.0)
        draped[mine, :2] = (centre[:, :2] + d[:, :2] * grow[:, None])[mine]
    return draped
