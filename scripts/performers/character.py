"""A character: its layers, its rig, its moving hair, and where its joints are."""

from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from .body import SKIN_VERTICES, load_body
from .characters import CharacterSpec
from .drape import SETTLE_STEPS, Points, Wall, move
from .garments import hangings, wall_of
from .hair import TIE, locks
from .meshes import Floats, Layer, Material
from .motion import Pose, Rig
from .rotations import rot_z
from .wardrobe import dress, find_landmarks, shown

JOINTS = (
    "nose",
    "l_shoulder",
    "r_shoulder",
    "l_elbow",
    "r_elbow",
    "l_wrist",
    "r_wrist",
    "l_hip",
    "r_hip",
    "l_knee",
    "r_knee",
    "l_ankle",
    "r_ankle",
)
JOINT_BONES = ("upperarm01", "lowerarm01", "wrist", "upperleg01", "lowerleg01", "foot")
LEG_JOINTS, LEG_SHARES = JOINT_BONES[3:], np.linspace(0, 1, 13)
CROWN = 0.17
"""From the middle of the skull to the top of the hair, metres."""
Surface = tuple[Floats, Floats]
"""Vertices and normals, both (n, 3)."""


class Character:
    """One performer, ready to be posed and drawn."""

    def __init__(self, spec: CharacterSpec, cache: Path) -> None:
        """Bakes the body into `cache` on first use."""
        self.spec = spec
        self.body = load_body(spec, cache)
        self.marks = find_landmarks(self.body, spec)
        self.rig = Rig(self.body, self.marks)
        self.layers = dress(self.body, spec, self.marks)
        cap = next(layer for layer in self.layers if layer.material is Material.HAIR)
        grown = locks(self.body, spec, self.marks, cap)
        self.layers += [grown] if grown else []
        self.height = float(self.body.vertices[:SKIN_VERTICES, 2].max() - self.marks.floor)
        self.ponytail = Ponytail(self) if spec.hair.style == "ponytail" else None
        if self.ponytail:
            self.layers.append(self.ponytail.layer)
        self.hanging = hangings(self.body, spec, self.marks, self.layers)
        self.wall = wall_of(self.layers, [shown(layer, spec, self.marks) for layer in self.layers])
        self.layers += [hanging.layer for hanging in self.hanging]
        self._last: tuple[list[Points], Wall] | None = None

    def skin(self, pose: Pose) -> list[Surface]:
        """Every layer in `pose` (linear blend skinning); what hangs as its own motion left it."""
        matrices = self._matrices(pose)
        still = self.layers[: len(self.layers) - len(self.hanging)]
        skinned = [self._skin_layer(layer, matrices, pose.blink) for layer in still]
        return skinned + [hanging.surface() for hanging in self.hanging]

    def _matrices(self, pose: Pose) -> Floats:
        """Of every bone, from rest to `pose`, (bones, 12)."""
        offsets = pose.heads - np.einsum("bij,bj->bi", pose.rotations, self.body.heads)
        return np.concatenate([pose.rotations, offsets[:, :, None]], 2).astype(np.float32).reshape(-1, 12)

    def settle(self, pose: Pose, dt: float) -> None:
        """Let hair and cloth hang still in `pose`, put on standing upright at the same place."""
        if self.ponytail:
            self.ponytail.settle(pose, dt)
        if not self.hanging:
            return
        pins, wall = self._carried(self._from_upright(pose, 0.0))
        for hanging, points in zip(self.hanging, pins, strict=True):
            hanging.drape.reset(points)
        self._last = pins, wall
        for number in range(SETTLE_STEPS):
            self._move(*self._carried(self._from_upright(pose, min(1.0, 1.5 * (number + 1) / SETTLE_STEPS))), dt)

    def step(self, pose: Pose, dt: float) -> None:
        """Move hair and cloth on by `dt` seconds to `pose`."""
        if self.ponytail:
            self.ponytail.step(pose, dt)
        if self.hanging:
            self._move(*self._carried(pose), dt)

    def _move(self, pins: list[Points], wall: Wall, dt: float) -> None:
        if self._last is None:
            raise RuntimeError("settle() puts clothes on before step() moves them")
        before, wall_before = self._last
        drapes = [hanging.drape for hanging in self.hanging]
        move(drapes, list(zip(before, pins, strict=True)), (wall_before, wall), dt)
        self._last = pins, wall

    def _carried(self, pose: Pose) -> tuple[list[Points], Wall]:
        """Where the skin takes the points of all that hangs, and the outside of the body."""
        matrices = self._matrices(pose)
        points, normals = (np.asarray(part, np.float32) for part in self._skin_layer(self.wall, matrices, 0.0))
        wall = Wall(points, normals, self._leg_bones(pose))
        return [
            _blended(h.drape.grid.weights.astype(np.float32), matrices, h.drape.grid.rest.reshape(-1, 3))
            for h in self.hanging
        ], wall

    def _leg_bones(self, pose: Pose) -> Points:
        """Points along the middle of both legs from below the hip to the ankle, (n, 3)."""
        found = []
        for side in "LR":
            hip, knee, ankle = (pose.heads[self.body.index[f"{n}.{side}"]] for n in LEG_JOINTS)
            found += [hip + (knee - hip) * t for t in LEG_SHARES[LEG_SHARES > 0.2]]
            found += [knee + (ankle - knee) * t for t in LEG_SHARES]
        return np.array(found, np.float32)

    def _from_upright(self, pose: Pose, share: float) -> Pose:
        """On the way from standing upright, where and as `pose` has its pelvis, to `pose`: 0 to 1."""
        ahead = pose.rotations[0] @ [0, -1.0, 0]
        upright = rot_z(float(np.arctan2(ahead[0], -ahead[1])))
        turn = Rotation.from_matrix(upright.T @ pose.rotations).as_rotvec() * share
        rotations = upright @ Rotation.from_rotvec(turn).as_matrix()
        rest, heads = self.body.heads, pose.heads.copy()
        for bone, parent in enumerate(self.body.parents):
            if parent >= 0:  # parents come before their children
                heads[bone] = heads[parent] + rotations[parent] @ (rest[bone] - rest[parent])
        return Pose(rotations, heads)

    def _skin_layer(self, layer: Layer, matrices: Floats, blink: float) -> Surface:
        if layer.material is Material.PONYTAIL and self.ponytail:
            return self.ponytail.surface
        blended = (layer.weights @ matrices).reshape(-1, 3, 4)
        rest = layer.vertices if layer.blink is None else layer.vertices + blink * layer.blink
        vertices = np.einsum("vij,vj->vi", blended[:, :, :3], rest) + blended[:, :, 3]
        return vertices, np.einsum("vij,vj->vi", blended[:, :, :3], layer.normals)

    def attached(self, pose: Pose, bone: str, point: Floats) -> Floats:
        """Where a point of the rest pose goes with a bone, (3,)."""
        i = self.body.index[bone]
        return pose.heads[i] + pose.rotations[i] @ (point - self.body.heads[i])

    def extremes(self, pose: Pose) -> Floats:
        """Where the body ends: the heads of all bones, and the crown with its hair, (bones + 1, 3) metres."""
        crown = self.marks.skull + np.array([0, 0, CROWN])
        return np.vstack([pose.heads, self.attached(pose, "head", crown)])

    def joints(self, pose: Pose) -> Floats:
        """The 13 `JOINTS` in the world, (13, 3) metres."""
        nose = self.attached(pose, "head", self.body.vertices[self.marks.nose])
        bones = [self.body.index[f"{name}.{side}"] for name in JOINT_BONES for side in "LR"]
        return np.vstack([nose, pose.heads[bones]])


def _blended(weights: sp.csr_matrix, matrices: Floats, rest: Floats) -> Points:
    """Linear blend skinning of points, (n, 3)."""
    blended = (weights @ matrices).reshape(-1, 3, 4)
    return np.asarray(np.einsum("vij,vj->vi", blended[:, :, :3], rest) + blended[:, :, 3], np.float32)


class Ponytail:
    """A tube of hair on a chain of points (Verlet integration, Jakobsen 2001) that hangs from the back of the head."""

    POINTS, RINGS, SIDES = 9, 22, 18
    LENGTH = 0.34
    SUBSTEPS, RELAXATIONS, DRAG = 4, 6, 0.955
    RADIUS = ([0, 0.06, 0.12, 0.3, 0.6, 0.85, 1], [0.020, 0.017, 0.030, 0.040, 0.035, 0.022, 0.004])

    def __init__(self, character: Character) -> None:
        self.character = character
        self.root = character.marks.skull + TIE
        self.segment = self.LENGTH / (self.POINTS - 1)
        self.layer = self._tube()
        self.chain: Floats = np.zeros((self.POINTS, 3))
        self.before: Floats = self.chain
        self.hanging = False
        self.surface: Surface = (self.layer.vertices, self.layer.normals)

    def _tube(self) -> Layer:
        ring, around = np.meshgrid(np.arange(self.RINGS - 1), np.arange(self.SIDES), indexing="ij")
        a = (ring * self.SIDES + around).ravel()
        b = (ring * self.SIDES + (around + 1) % self.SIDES).ravel()
        below = self.SIDES
        faces = np.stack([np.stack([a, b, a + below], 1), np.stack([b, b + below, a + below], 1)], 1).reshape(-1, 3)
        count = self.RINGS * self.SIDES
        u = np.repeat(np.linspace(0, 1, self.RINGS), self.SIDES)
        v = np.tile(np.arange(self.SIDES) / self.SIDES, self.RINGS)
        bones = self.character.body.index
        weights = sp.csr_matrix(
            (np.ones(count), (np.arange(count), np.full(count, bones["head"]))), (count, len(bones))
        )
        return Layer(np.zeros((count, 3)), faces, weights, np.stack([u, v, u, v], 1), Material.PONYTAIL)

    def settle(self, pose: Pose, dt: float, steps: int = 25) -> None:
        """Hang at rest below the head."""
        self.hanging = False
        for _ in range(steps):
            self.step(pose, dt)

    def step(self, pose: Pose, dt: float) -> None:
        """Move on by `dt` seconds to `pose`."""
        head = pose.rotations[self.character.body.index["head"]]
        anchor = self.character.attached(pose, "head", self.root)
        back = head @ np.array([0, 1, 0.15])
        if not self.hanging:
            self.hanging = True
            self.chain = anchor + np.outer(np.arange(self.POINTS) * self.segment, [0, 0.45, -0.9])
            self.before = self.chain.copy()
        obstacles = self._obstacles(pose)
        second = anchor + back / np.linalg.norm(back) * self.segment
        gravity = np.array([0, 0, -9.8]) * (dt / self.SUBSTEPS) ** 2
        for _ in range(self.SUBSTEPS):
            velocity = (self.chain - self.before) * self.DRAG
            self.before, self.chain = self.chain, self.chain + velocity + gravity
            for _ in range(self.RELAXATIONS):
                self.chain[0], self.chain[1] = anchor, second
                self._keep_lengths()
                self._push_out(obstacles)
        self.surface = self._sweep(head @ np.array([1.0, 0, 0]))

    def _obstacles(self, pose: Pose) -> list[tuple[Floats, float]]:
        bones = self.character.body.index
        skull = self.character.attached(pose, "head", self.character.marks.skull)
        return [(skull, 0.125), (pose.heads[bones["neck01"]], 0.085), (pose.heads[bones["spine01"]], 0.13)]

    def _keep_lengths(self) -> None:
        for i in range(1, self.POINTS - 1):
            d = self.chain[i + 1] - self.chain[i]
            excess = d * (1 - self.segment / np.linalg.norm(d))
            if i == 1:  # held by the hair tie
                self.chain[i + 1] -= excess
            else:
                self.chain[i] += excess / 2
                self.chain[i + 1] -= excess / 2

    def _push_out(self, obstacles: list[tuple[Floats, float]]) -> None:
        free = np.arange(self.POINTS)[:, None] > 1
        for centre, radius in obstacles:
            d = self.chain - centre
            distance = np.linalg.norm(d, axis=1, keepdims=True)
            pushed = centre + d / np.maximum(distance, 1e-6) * radius
            self.chain = np.where((distance < radius) & free, pushed, self.chain)

    def _sweep(self, across: Floats) -> Surface:
        along = np.linspace(0, 1, self.RINGS)
        line = CubicSpline(np.linspace(0, 1, self.POINTS), self.chain)(along)
        tangents = np.gradient(line, axis=0)
        tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
        radii = np.interp(along, *self.RADIUS)
        angle = np.arange(self.SIDES) / self.SIDES * 2 * np.pi
        vertices, normals = [], []
        for share, centre, tangent, radius in zip(along, line, tangents, radii, strict=True):
            across = across - tangent * (across @ tangent)
            across /= np.linalg.norm(across)
            other = np.cross(tangent, across)
            outward = np.outer(np.cos(angle), across) + np.outer(np.sin(angle), other) * 0.8
            clumps = 1 + 0.16 * np.cos(3 * angle + 9 * share) + 0.10 * np.cos(5 * angle - 14 * share + 1)
            vertices.append(centre + outward * radius * clumps[:, None])
            normals.append(outward)
        return np.concatenate(vertices).astype(np.float32), np.concatenate(normals).astype(np.float32)
