"""What a dance is written in: key poses as channels.

Feet stay where they are in the world and are stepped one at a time; hands move in the chest's frame. `x` is to the
dancer's left, `y` to the dancer's back, angles in radians. A channel of one side carries L or R, as `fLx`, `hRz`:

    px py pz          pelvis, in leg lengths (pz from standing straight)
    wx wy             shift of feet and pelvis across the room, in leg lengths, whatever the heading
    yaw               heading of the whole dancer; pyaw proll ppitch: of the pelvis alone
    cyaw croll cpitch chest against pelvis; hyaw hroll hpitch: head against chest
    fSx fSy fSz       foot, in leg lengths; fSyaw heading, fSp lift of the heel
    hSx hSy hSz       hand from the shoulder, in arm lengths: outwards, forwards, up
    eSx eSy eSz       the side to which the elbow points
    wtS curlS meetS   twist of the forearm, curl of the fingers, 1 where the hands meet at the midline
    floorS            1 where the palm lies on the floor, `hSx` outwards and `hSy` forwards of the shoulder
    jump              height of both feet above the ground, in leg lengths
    blink             1 where the eyes are closed
    leap              of a key: jump on the way to it, to that many leg lengths
    calm              of a key: 1 where the dancer does not bounce to the beat
    beats             of a key: how long the way to it takes
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Key = dict[str, float]
Vector = tuple[float, float, float]
TURN = 2 * math.pi


@dataclass(frozen=True)
class ArmShape:
    """Where a hand is, where its elbow points, how the forearm is twisted and the fingers are curled."""

    hand: Vector
    elbow: Vector
    twist: float
    curl: float
    meet: float = 0.0
    floor: float = 0.0


ARMS = {
    "down": ArmShape((0.30, 0.16, -0.86), (0.6, -0.8, -0.1), -0.8, 1.2),
    "side": ArmShape((0.90, 0.10, 0.10), (0.1, -0.5, -0.9), 0.5, 0.6),
    "straightside": ArmShape((0.99, 0.02, 0.06), (0.1, -0.5, -0.9), 0.2, 0.2),
    "up": ArmShape((0.30, 0.20, 0.70), (1, 0.1, -0.1), 0, 0.7),
    "straightup": ArmShape((0.22, 0.10, 0.92), (1, 0.1, 0), 0, 0.3),
    "upout": ArmShape((0.62, 0.16, 0.56), (0.5, -0.3, -0.8), 0.2, 0.5),
    "front": ArmShape((0.12, 0.93, 0.05), (0.6, -0.1, -0.8), 0, 1.0),
    "frontup": ArmShape((0.16, 0.72, 0.62), (0.7, -0.1, -0.6), 0, 0.5),
    "frontlow": ArmShape((0.20, 0.72, -0.55), (0.7, -0.4, -0.4), 0, 0.5),
    "chest": ArmShape((-0.25, 0.48, -0.12), (0.8, -0.1, -0.6), 0.9, 2.6),
    "hip": ArmShape((0.22, 0.02, -0.62), (1, -0.7, 0), 0.3, 2.2),
    "clap": ArmShape((-0.25, 0.62, 0.02), (0.55, -0.3, -1), -0.35, 0.35, 1.0),
    "highclap": ArmShape((-0.25, 0.26, 0.84), (1, 0, 0.1), -0.2, 0.2, 1.0),
    "lowclap": ArmShape((-0.25, 0.55, -0.62), (0.9, -0.4, -0.2), -0.35, 0.35, 1.0),
    "bentup": ArmShape((0.55, 0.25, 0.42), (0.7, -0.2, -0.8), 0, 1.2),
    "cross": ArmShape((-0.40, 0.50, -0.22), (0.8, 0, -0.6), 0.5, 1.8),
    "crosshigh": ArmShape((-0.36, 0.56, 0.34), (0.8, 0, -0.6), 0.3, 1.0),
    "low": ArmShape((0.55, 0.35, -0.62), (0.7, -0.7, -0.1), 0.4, 1.2),
    "flexin": ArmShape((0.35, 0.45, -0.05), (0.5, -0.6, -0.7), 0.7, 3.0),
    "back": ArmShape((0.35, -0.45, -0.70), (0.5, -0.8, 0.2), 0.3, 2.0),
    "behind": ArmShape((0.02, -0.34, -0.62), (0.9, -0.5, 0), 0.6, 1.2),
    "backout": ArmShape((0.72, -0.48, -0.28), (0.2, -0.3, -0.9), 0.3, 0.5),
    "head": ArmShape((0.10, 0.10, 0.46), (1, 0.2, 0.1), 0.4, 1.0),
    "shoulder": ArmShape((0.10, 0.36, 0.14), (0.8, 0.2, -0.7), 0.9, 1.4),
    "point": ArmShape((0.66, 0.22, 0.62), (0.5, -0.3, -0.8), 0.3, 1.4),
    "across": ArmShape((-0.45, 0.55, -0.45), (0.7, -0.4, -0.5), 0.3, 1.6),
    "floor": ArmShape((0.10, 0.12, -0.9), (0.6, -0.9, 0.2), -0.3, 0.2, 0.0, 1.0),
    "floorout": ArmShape((0.45, 0.10, -0.8), (0.6, -0.9, 0.2), -0.3, 0.2, 0.0, 1.0),
}

REST: Key = {
    **dict.fromkeys(("px", "py", "wx", "wy", "yaw", "pyaw", "proll", "ppitch", "jump", "blink"), 0.0),
    **dict.fromkeys(("cyaw", "croll", "cpitch", "hyaw", "hroll", "hpitch"), 0.0),
    **{f"f{side}{axis}": 0.0 for side in "LR" for axis in ("y", "z", "p")},
    "pz": -0.03,
    "fLx": 0.17,
    "fRx": -0.17,
    "fLyaw": 0.2,
    "fRyaw": -0.2,
}
TIMING: Key = {"leap": 0.0, "beats": 1.0, "calm": 0.0}
MIRRORED_SIGN = {
    "px", "wx", "yaw", "pyaw", "proll", "cyaw", "croll", "hyaw", "hroll", "fLx", "fRx", "fLyaw", "fRyaw",
}  # fmt: skip


def arms(left: str, right: str | None = None) -> Key:
    """The arms' channels by names in `ARMS`: one for both, or left and right."""
    pose: Key = {}
    for side, name in (("L", left), ("R", right or left)):
        arm = ARMS[name]
        pose |= {f"h{side}{axis}": v for axis, v in zip("xyz", arm.hand, strict=True)}
        pose |= {f"e{side}{axis}": v for axis, v in zip("xyz", arm.elbow, strict=True)}
        pose |= {f"wt{side}": arm.twist, f"curl{side}": arm.curl}
        pose |= {f"meet{side}": arm.meet, f"floor{side}": arm.floor}
    return pose


def key(left: str, right: str | None = None, /, **channels: float) -> Key:
    """A key pose: arm shapes by name (one for both, or left and right) and channels that differ from `REST`."""
    return {**REST, **TIMING, **arms(left, right)} | channels


def stance(x: float = 0.0, width: float = 0.17, **channels: float) -> Key:
    """Channels of standing at `x` with the feet `width` to either side of it."""
    return {"fLx": x + width, "fRx": x - width, "px": x, **channels}


def mirrored(phrase: Sequence[Key]) -> list[Key]:
    """The same phrase with left and right exchanged."""
    return [_mirror(pose) for pose in phrase]


def _mirror(pose: Key) -> Key:
    result = {}
    for name, value in pose.items():
        other = name.translate(str.maketrans("LR", "RL"))
        result[other] = -value if name in MIRRORED_SIGN else value
    return result


def facing(phrase: Sequence[Key], heading: float, wx: float = 0.0, wy: float = 0.0) -> list[Key]:
    """The same phrase danced towards `heading`, radians to the dancer's left of the camera, elsewhere in the room."""
    return [{**pose, "yaw": pose["yaw"] + heading, "wx": pose["wx"] + wx, "wy": pose["wy"] + wy} for pose in phrase]


def paced(phrase: Sequence[Key], beats: float) -> list[Key]:
    """The same phrase `beats` times as slow."""
    return [{**pose, "beats": pose["beats"] * beats} for pose in phrase]


def held(pose: Key, beats: float = 1.0) -> list[Key]:
    """A key and standing still in it."""
    return [pose, {**pose, "beats": beats, "leap": 0.0, "calm": 1.0}]
