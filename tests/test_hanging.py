"""Cloth of the rendered crowd that hangs from a body (``scripts/performers/drape.py``), on a body of three rounded cones."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.spatial.transform import Rotation

from scripts.performers.drape import Drape, Grid, Stuff, Wall, move
from scripts.performers.meshes import Floats, subdivide

DT = 1 / 25
HIP, THIGH, SHIN = np.array([0.10, 0.0, 0.95]), 0.44, 0.42
POSES = {
    "standing": ((0.0, 0.05, 0.0), (0.0, 0.05, 0.0)),
    "high kick": ((1.6, 0.1, 0.1), (0.0, 0.05, 0.0)),
    "side kick": ((0.3, 1.1, 0.1), (0.0, 0.05, 0.0)),
    "raised knee": ((1.5, 0.1, 1.5), (0.0, 0.05, 0.0)),
    "squat": ((1.4, 0.5, 1.9), (1.4, 0.5, 1.9)),
    "lunge": ((0.9, 0.1, 0.9), (-0.6, 0.1, 0.2)),
    "kick to the back": ((-0.9, 0.1, 0.4), (0.1, 0.05, 0.1)),
}
"""Of the left and the right leg: how far the thigh is lifted forwards and sideways, and how far the knee bends; radians."""
SKIRTS = {"short": (0.42, 0.30), "narrow": (0.60, 0.05), "to the knee": (0.60, 0.35), "long": (0.90, 0.25)}
"""Length in metres, and by how much the radius grows per metre."""


def legs(pose: str, share: float) -> list[tuple[Floats, Floats]]:
    """Middle line (60, 3) and radius (60,) of both legs, ``share`` of the way from standing to a pose."""
    found = []
    for side, (goal, rest) in zip((1, -1), zip(POSES[pose], POSES["standing"], strict=True), strict=True):
        forwards, aside, bend = np.array(rest) + share * (np.array(goal) - rest)
        turn = Rotation.from_euler("yx", [-side * aside, -forwards])
        thigh = turn.apply([0, 0, -1.0])
        shin = (turn * Rotation.from_euler("x", bend)).apply([0, 0, -1.0])
        hip = HIP * [side, 1, 1]
        t = np.linspace(0, 1, 30)[:, None]
        line = np.concatenate([hip + THIGH * t * thigh, hip + THIGH * thigh + SHIN * t * shin])
        found.append((line, np.concatenate([np.linspace(0.088, 0.06, 30), np.linspace(0.06, 0.04, 30)])))
    return found


def body(pose: str, share: float) -> Wall:
    """The outside of both legs and of a pelvis."""
    points, normals = [], []
    turn = np.arange(20) / 20 * 2 * np.pi
    for line, radius in legs(pose, share):
        along = np.gradient(line, axis=0)
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        across = np.cross(along, [0.2, 0.3, 0.9])
        across /= np.linalg.norm(across, axis=1, keepdims=True)
        other = np.cross(along, across)
        out = np.cos(turn)[:, None, None] * across + np.sin(turn)[:, None, None] * other
        points.append((line + out * radius[:, None]).reshape(-1, 3))
        normals.append(out.reshape(-1, 3))
    for z in np.arange(0.92, 1.10, 0.02):
        out = np.stack([np.cos(turn), np.sin(turn), np.zeros(20)], 1)
        points.append(out * [0.17, 0.11, 0] + [0, 0, z])
        normals.append(out)
    bones = np.concatenate([line[8:] for line, _ in legs(pose, share)])
    outside, facing = (np.concatenate(part).astype(np.float32) for part in (points, normals))
    return Wall(outside, facing, bones.astype(np.float32))


def skirt(length: float, flare: float) -> Drape:
    """A skirt that hangs from rings pinned around the pelvis."""
    rows, columns = round(length / 0.032) + 1, 48
    drop = np.linspace(0, length, rows)
    theta = np.arange(columns) / columns * 2 * np.pi
    wide = np.maximum(drop - 0.06, 0)[:, None] * flare
    rest = np.stack(
        np.broadcast_arrays(np.sin(theta) * (0.19 + wide), -np.cos(theta) * (0.14 + wide), 1.06 - drop[:, None]), -1
    )
    pinned = np.broadcast_to((drop < 0.075)[:, None], (rows, columns)).copy()
    last = int(np.flatnonzero(pinned.all(1))[-1])
    down = np.maximum(drop - drop[last], 0)[:, None] * np.full(columns, 1.1)
    anchor = np.broadcast_to(last * columns + np.arange(columns), (rows, columns))
    grid = Grid(rest, True, pinned, sp.csr_matrix((rows * columns, 1)), down, anchor, legs_inside=True)
    return Drape(grid, Stuff(around=0.25) if flare < 0.1 else Stuff())


def danced(drape: Drape, pose: str, frames: int = 12) -> None:
    """From standing into a pose within half a second, and a moment more."""
    before, pins = body(pose, 0.0), drape.grid.rest.reshape(-1, 3).astype(np.float32)
    for number in range(frames + 6):
        after = body(pose, min(1.0, (number + 1) / frames))
        move([drape], [(pins, pins)], (before, after), DT)
        before = after


def surface(drape: Drape) -> Floats:
    """Many points of the cloth as it is drawn, without its waistband: what is pinned is inside a thigh that is lifted so far."""
    once, faces = subdivide(drape.grid.faces, drape.grid.pinned.size)
    twice, _ = subdivide(faces, once.shape[0])
    operator = twice @ once
    hangs = operator @ drape.grid.pinned.ravel().astype(float) < 0.01
    return np.asarray((operator @ drape.points.astype(float))[hangs], float)


@pytest.mark.parametrize("pose", POSES)
@pytest.mark.parametrize("kind", SKIRTS)
def test_no_leg_gets_through_a_skirt(kind: str, pose: str) -> None:
    """Where a leg has got through, cloth lies inside it; the hem of a long one lies around the ankle."""
    drape = skirt(*SKIRTS[kind])
    danced(drape, pose)
    cloth = surface(drape)
    for line, radius in legs(pose, 1.0):
        away = np.linalg.norm(cloth[:, None] - line[4:50], axis=2)
        assert (away / radius[4:50]).min() > 0.75


@pytest.mark.parametrize("pose", POSES)
def test_a_skirt_keeps_its_length(pose: str) -> None:
    drape = skirt(*SKIRTS["long"])
    danced(drape, pose)
    ring = drape.points.reshape(*drape.grid.pinned.shape, 3)
    lengths, rest = (np.linalg.norm(np.diff(points, axis=0), axis=2).sum(0) for points in (ring, drape.grid.rest))
    assert (lengths / rest).max() < 1.15


def test_a_skirt_comes_to_rest_and_hangs_between_the_legs() -> None:
    drape = skirt(*SKIRTS["to the knee"])
    danced(drape, "standing", 60)
    last = drape.points.copy()
    danced(drape, "standing", 1)
    assert np.abs(drape.points - last).mean() < 0.005
    hem = drape.points.reshape(*drape.grid.pinned.shape, 3)[-1]
    assert hem[:, 2].max() < 0.55
    between = hem[np.abs(hem[:, 0]) < 0.03]
    assert len(between) >= 2, "the hem goes across, it does not follow either leg"


def test_what_is_pinned_goes_with_the_skin() -> None:
    drape = skirt(*SKIRTS["short"])
    pins = drape.grid.rest.reshape(-1, 3).astype(np.float32)
    moved = (pins + np.array([0.02, 0.01, 0.03])).astype(np.float32)
    wall = body("standing", 0.0)
    move([drape], [(pins, moved)], (wall, wall), DT)
    held = drape.grid.pinned.ravel()
    np.testing.assert_allclose(drape.points[held], moved[held], atol=1e-6)


def test_cloth_lies_on_the_floor_and_not_below_it() -> None:
    drape = skirt(*SKIRTS["long"])
    pins = drape.grid.rest.reshape(-1, 3).astype(np.float32)
    lowered = (pins - np.array([0, 0, 0.4])).astype(np.float32)
    wall = body("standing", 0.0)
    far = Wall(wall.points + np.float32(9), wall.normals, wall.bones + np.float32(9))
    move([drape], [(pins, lowered)], (far, far), 0.4)
    for _ in range(10):
        move([drape], [(lowered, lowered)], (far, far), DT)
    assert drape.points[:, 2].min() > 0
