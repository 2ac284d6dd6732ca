"""Key poses that fill gaps: of many plausible random poses, the one least like everything the dance has already.

Farthest-point sampling (Gonzalez 1985) in the space in which poses are compared later: the 13 joints as the camera sees
them, hip-centred. A network learns nothing where the footage has nothing, so the range is sampled and not hoped for.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .camera import Camera
from .character import Character
from .choreography import to_world
from .keys import Key, key
from .meshes import Floats
from .motion import Pose

CANDIDATES = 36
MARGIN = 0.015
"""Of the picture's side: how far inside it every joint and hand stays."""
LIMBS = {side: (f"upperarm01.{side}", f"lowerarm01.{side}", f"wrist.{side}") for side in "LR"}
HAND = 0.17
"""From wrist to fingertips, metres."""


@dataclass(frozen=True)
class Sample:
    """`count` sampled keys towards `heading` (radians), the legs from the named kinds."""

    count: int
    heading: float = 0.0
    legs: tuple[str, ...] = ("stand", "stand", "squat", "lunge", "knee", "step")
    beats: float = 1.0


Item = Key | Sample


def realise(items: Sequence[Item], character: Character, camera: Camera, seed: int) -> list[Key]:
    """The routine with every `Sample` filled in; the same seed and body give the same keys."""
    rng = np.random.default_rng(seed)
    look = _Look(character, camera)
    known = [look(item)[0] for item in items if not isinstance(item, Sample)]
    keys: list[Key] = []
    for item in items:
        if not isinstance(item, Sample):
            keys.append(item)
            continue
        for _ in range(item.count):
            chosen, seen = _farthest(item, known, look, rng)
            keys.append(chosen)
            known.append(seen)
    return keys


class _Look:
    """What the camera sees of a key: 26 coordinates in torso lengths, and whether the pose can be danced."""

    def __init__(self, character: Character, camera: Camera) -> None:
        self.character, self.camera = character, camera
        heads = character.body.heads
        bones = character.body.index
        self.torso = float(np.linalg.norm(heads[bones["upperarm01.L"]] - heads[bones["upperleg01.L"]]))
        away = float(np.linalg.norm(camera.eye))
        self.unit = self.torso * camera.size[1] / (2 * math.tan(camera.field_of_view / 2) * away)

    def __call__(self, pose: Key) -> tuple[Floats, bool]:
        posed = self.character.rig.pose(to_world({**pose, "blink": 0.0}))
        joints = self.character.joints(posed)
        flat = self.camera.project(joints)
        hands = np.array([self._fingertips(posed, side) for side in "LR"])
        every = np.vstack([flat, self.camera.project(hands)])
        inside = bool((np.abs(every / self.camera.size - 0.5) < 0.5 - MARGIN).all())
        centred = (flat - flat[7:9].mean(0)) / self.unit
        return centred.ravel(), inside and self._free(posed, pose)

    def _fingertips(self, posed: Pose, side: str) -> Floats:
        elbow, wrist = (posed.heads[self.character.body.index[name]] for name in LIMBS[side][1:])
        along = wrist - elbow
        return wrist + along * (HAND / np.linalg.norm(along))

    def _free(self, posed: Pose, pose: Key) -> bool:
        """Arms touch neither the trunk, the head, a thigh nor each other."""
        bones, heads = self.character.body.index, posed.heads
        trunk = heads[bones["spine05"]], heads[bones["spine01"]]
        skull = self.character.attached(posed, "head", self.character.marks.skull)
        arms = {}
        for side in "LR":
            elbow, wrist = (heads[bones[name]] for name in LIMBS[side][1:])
            tips = self._fingertips(posed, side)
            points = np.vstack([np.linspace(elbow, wrist, 5), (wrist + tips) / 2, tips])
            arms[side] = points
            if _to_segment(points, *trunk).min() < 0.165 or np.linalg.norm(points - skull, axis=1).min() < 0.145:
                return False
            for other in "LR":
                thigh = heads[bones[f"upperleg01.{other}"]], heads[bones[f"lowerleg01.{other}"]]
                if _to_segment(points[2:], *thigh).min() < 0.10:
                    return False
        apart = np.linalg.norm(arms["L"][:, None] - arms["R"][None], axis=2).min()
        return bool(pose["meetL"] > 0 or apart > 0.09)


def _to_segment(points: Floats, a: Floats, b: Floats) -> Floats:
    along = np.clip((points - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
    return np.asarray(np.linalg.norm(points - a - along[:, None] * (b - a), axis=1))


def _farthest(
    wanted: Sample, known: list[Floats], look: Callable[[Key], tuple[Floats, bool]], rng: np.random.Generator
) -> tuple[Key, Floats]:
    best: tuple[float, Key, Floats] | None = None
    past = np.array(known)
    tried = 0
    while tried < CANDIDATES or best is None:
        tried += 1
        pose = random_key(wanted, rng)
        seen, possible = look(pose)
        if not possible:
            continue
        gap = float(np.sqrt(np.mean((past - seen) ** 2, axis=1)).min())
        if best is None or gap > best[0]:
            best = gap, pose, seen
        if tried > 40 * CANDIDATES:
            raise RuntimeError(f"no danceable pose among {tried} for {wanted}")
    return best[1], best[2]


# ---- random poses


def random_key(wanted: Sample, rng: np.random.Generator) -> Key:
    """One random pose of the kind that is wanted."""
    legs = LEGS[str(rng.choice(list(wanted.legs)))](rng)
    pose = {
        **key("down"),
        **_trunk(rng),
        **legs,
        "yaw": wanted.heading + rng.normal(0, 0.12),
        "beats": wanted.beats,
    }
    style = rng.random()
    if style < 0.10:
        return pose | _clap(rng)
    left = _arm(rng)
    right = left if style < 0.28 else _arm(rng)
    return pose | _of_side("L", left) | _of_side("R", right)


def _of_side(side: str, arm: Key) -> Key:
    """`hx` becomes `hLx`, `wt` becomes `wtL`."""
    return {
        f"{name[0]}{side}{name[1]}" if len(name) == 2 and name != "wt" else f"{name}{side}": v
        for name, v in arm.items()
    }


def _trunk(rng: np.random.Generator) -> Key:
    sizes = {"croll": 0.13, "cyaw": 0.28, "proll": 0.07, "pyaw": 0.10, "hyaw": 0.22, "hroll": 0.10, "hpitch": 0.12}
    trunk = {name: float(np.clip(rng.normal(0, size), -2 * size, 2 * size)) for name, size in sizes.items()}
    return trunk | {"cpitch": rng.uniform(-0.18, 0.30), "px": rng.normal(0, 0.04)}


def _arm(rng: np.random.Generator) -> Key:
    """A hand anywhere within reach, straight arms as likely as bent ones; `hx`, `ex`, ... without the side."""
    while True:
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        reach = 0.98 if rng.random() < 0.35 else rng.uniform(0.42, 0.98)
        out, ahead, up = direction * reach
        behind = ahead < -0.08 and (out < 0.1 or up > 0.25 or ahead < -0.6)
        across = out < -0.12 and (ahead < 0.35 or out < -0.62)
        if not (behind or across or (up < 0.2 and abs(out) < 0.15 and abs(ahead) < 0.25)):
            break
    pole = np.array([1.0, 0.1, -0.1] if up > 0.35 else [0.6, -0.55, -0.6]) + rng.normal(0, 0.25, 3)
    return {
        "hx": float(out), "hy": float(ahead), "hz": float(up),
        "ex": float(max(pole[0], 0.1)), "ey": float(pole[1]), "ez": float(pole[2]),
        "wt": rng.uniform(-0.6, 0.9), "curl": rng.uniform(0.1, 2.8),
    }  # fmt: skip


def _clap(rng: np.random.Generator) -> Key:
    up = rng.uniform(-0.6, 0.85)
    ahead = math.sqrt(max(0.78**2 - up * up, 0.05))
    pose: Key = {}
    for side in "LR":
        pose |= {f"h{side}x": -0.25, f"h{side}y": ahead, f"h{side}z": up, f"meet{side}": 1.0}
        pose |= {f"e{side}x": 0.8, f"e{side}y": -0.3, f"e{side}z": -0.7 + up, f"wt{side}": -0.35, f"curl{side}": 0.3}
    return pose


def _stand(rng: np.random.Generator) -> Key:
    width = rng.uniform(0.11, 0.32)
    feet = {"fLx": width, "fRx": -width, "fLyaw": rng.uniform(0, 0.6), "fRyaw": rng.uniform(-0.6, 0)}
    return feet | {"fLy": rng.normal(0, 0.06), "fRy": rng.normal(0, 0.06), "pz": rng.uniform(-0.10, -0.03)}


def _squat(rng: np.random.Generator) -> Key:
    deep = rng.uniform(0.15, 0.45)
    feet = {"fLx": 0.30, "fRx": -0.30, "fLyaw": 0.5, "fRyaw": -0.5, "fLp": deep * 0.3, "fRp": deep * 0.3}
    return feet | {"pz": -deep, "py": deep * 0.2, "ppitch": deep * rng.uniform(0.4, 1.1), "hpitch": -deep * 0.5}


def _lunge(rng: np.random.Generator) -> Key:
    front, side = _sides(rng)
    sign = 1 if front == "L" else -1
    deep, turn = rng.uniform(0.1, 0.30), rng.uniform(0, 1)
    return {
        f"f{front}x": sign * (0.14 + 0.34 * turn), f"f{front}y": -0.42 * (1 - turn), f"f{front}yaw": sign * 0.9 * turn,
        f"f{side}x": -sign * (0.15 + 0.2 * turn), f"f{side}y": 0.34 * (1 - turn), f"f{side}p": 0.5 * (1 - turn),
        "px": sign * 0.18 * turn, "pz": -deep,
    }  # fmt: skip


def _knee(rng: np.random.Generator) -> Key:
    """One leg in the air: from a raised knee to a kick, to the front, the side or the back."""
    up, _ = _sides(rng)
    sign = 1 if up == "L" else -1
    turn, stretch, high = rng.uniform(-0.2, 1.0), rng.uniform(0.35, 0.88), rng.uniform(0.15, 0.8)
    back = rng.random() < 0.25
    turn, high = (0.1, min(high, 0.55)) if back else (turn, high)
    return {
        f"f{up}x": sign * (0.1 + stretch * math.sin(turn)), f"f{up}z": high,
        f"f{up}y": stretch * math.cos(turn) * (0.8 if back else -1), f"f{up}yaw": sign * turn * 0.6,
        "ppitch": 0.35 if back else -0.05, "px": -sign * 0.08, "proll": -sign * 0.15 * turn, "croll": sign * 0.2 * turn,
    }  # fmt: skip


def _step(rng: np.random.Generator) -> Key:
    ahead, behind = _sides(rng)
    shift = rng.uniform(-0.22, 0.22)
    return {
        f"f{ahead}y": -rng.uniform(0.12, 0.3), f"f{behind}y": rng.uniform(0.1, 0.25), f"f{behind}p": 0.35,
        "pz": -0.07, "wx": shift,
    }  # fmt: skip


def _sides(rng: np.random.Generator) -> tuple[str, str]:
    return ("L", "R") if rng.random() < 0.5 else ("R", "L")


LEGS: dict[str, Callable[[np.random.Generator], Key]] = {
    "stand": _stand, "squat": _squat, "lunge": _lunge, "knee": _knee, "step": _step,
}  # fmt: skip
