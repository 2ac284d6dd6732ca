"""The dances: key poses on the beats, grouped into phrases, and their interpolation to one set of channels a frame.

Feet stay where they are in the world and are stepped one at a time; hands move in the chest's frame. `x` is to the
dancer's left, `y` to the dancer's back, angles in radians. A channel of one side carries L or R, as `fLx`, `hRz`:

    px py pz          pelvis, in leg lengths (pz from standing straight)
    yaw               heading of the whole dancer; pyaw proll ppitch: of the pelvis alone
    cyaw croll cpitch chest against pelvis; hyaw hroll hpitch: head against chest
    fSx fSy fSz       foot, in leg lengths; fSyaw heading, fSp lift of the heel
    hSx hSy hSz       hand from the shoulder, in arm lengths: outwards, forwards, up
    eSx eSy eSz       the side to which the elbow points
    wtS curlS meetS   twist of the forearm, curl of the fingers, 1 where the hands meet at the midline
    jump              height of both feet above the ground, in leg lengths
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from .meshes import Floats, smoothstep

Key = dict[str, float]
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class ArmShape:
    """Where a hand is, where its elbow points, how the forearm is twisted and the fingers are curled."""

    hand: Vector
    elbow: Vector
    twist: float
    curl: float
    meet: float = 0.0


ARMS = {
    "down": ArmShape((0.30, 0.16, -0.86), (0.6, -0.8, -0.1), -0.8, 1.2),
    "side": ArmShape((0.90, 0.10, 0.10), (0.1, -0.5, -0.9), 0.5, 0.6),
    "up": ArmShape((0.30, 0.20, 0.70), (1, 0.1, -0.1), 0, 0.7),
    "upout": ArmShape((0.62, 0.16, 0.56), (0.5, -0.3, -0.8), 0.2, 0.5),
    "front": ArmShape((0.12, 0.93, 0.05), (0.6, -0.1, -0.8), 0, 1.0),
    "chest": ArmShape((-0.25, 0.48, -0.12), (0.8, -0.1, -0.6), 0.9, 2.6),
    "hip": ArmShape((0.22, 0.02, -0.62), (1, -0.7, 0), 0.3, 2.2),
    "clap": ArmShape((-0.25, 0.62, 0.02), (0.55, -0.3, -1), -0.35, 0.35, 1.0),
    "bentup": ArmShape((0.55, 0.25, 0.42), (0.7, -0.2, -0.8), 0, 1.2),
    "cross": ArmShape((-0.40, 0.50, -0.22), (0.8, 0, -0.6), 0.5, 1.8),
    "low": ArmShape((0.55, 0.35, -0.62), (0.7, -0.7, -0.1), 0.4, 1.2),
    "flexin": ArmShape((0.35, 0.45, -0.05), (0.5, -0.6, -0.7), 0.7, 3.0),
    "back": ArmShape((0.35, -0.45, -0.70), (0.5, -0.8, 0.2), 0.3, 2.0),
    "point": ArmShape((0.66, 0.22, 0.62), (0.5, -0.3, -0.8), 0.3, 1.4),
    "across": ArmShape((-0.45, 0.55, -0.45), (0.7, -0.4, -0.5), 0.3, 1.6),
}

REST: Key = {
    **dict.fromkeys(("px", "py", "yaw", "pyaw", "proll", "ppitch", "jump"), 0.0),
    **dict.fromkeys(("cyaw", "croll", "cpitch", "hyaw", "hroll", "hpitch"), 0.0),
    **{f"f{side}{axis}": 0.0 for side in "LR" for axis in ("y", "z", "p")},
    **{f"meet{side}": 0.0 for side in "LR"},
    "pz": -0.03,
    "fLx": 0.17,
    "fRx": -0.17,
    "fLyaw": 0.2,
    "fRyaw": -0.2,
}
MIRRORED_SIGN = {"px", "yaw", "pyaw", "proll", "cyaw", "croll", "hyaw", "hroll", "fLx", "fRx", "fLyaw", "fRyaw"}
TURN = math.pi


def key(left: str, right: str | None = None, /, **channels: float) -> Key:
    """A key pose on one beat: arm shapes by name (one for both, or left and right) and channels that differ from REST.

    `leap` makes the dancer jump on the way to the key, to that many leg lengths.
    """
    pose = {**REST, "leap": 0.0}
    for side, name in (("L", left), ("R", right or left)):
        arm = ARMS[name]
        pose |= {f"h{side}{axis}": v for axis, v in zip("xyz", arm.hand, strict=True)}
        pose |= {f"e{side}{axis}": v for axis, v in zip("xyz", arm.elbow, strict=True)}
        pose |= {f"wt{side}": arm.twist, f"curl{side}": arm.curl, f"meet{side}": arm.meet}
    return pose | channels


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


WIDE = {"fLx": 0.30, "fRx": -0.30, "fLyaw": 0.45, "fRyaw": -0.45}
PHRASES: dict[str, list[Key]] = {
    "groove": [
        key("down"),
        key("hip", pz=-0.06, proll=0.06, px=0.05),
        key("hip", pz=-0.05, proll=-0.06, px=-0.05),
        key("bentup", pz=-0.08),
    ],
    "side-steps": [
        key("side", "down", **stance(0.20), croll=0.08, hroll=-0.08),
        key("bentup", **stance(0.20, 0.10), pz=-0.07),
        key("down", "side", **stance(-0.02, 0.2), croll=-0.08, hroll=0.08),
        key("bentup", **stance(-0.20, 0.12), pz=-0.07),
        key("upout", **stance(-0.18, 0.2), pz=-0.08, hpitch=-0.08),
        key("flexin", **stance(0, 0.18), pz=-0.08),
    ],
    "sway": [
        key("up", **stance(0, 0.24, px=0.08), croll=0.14, hroll=0.1, proll=-0.05, pz=-0.12),
        key("up", **stance(0, 0.24, px=-0.08), croll=-0.14, hroll=-0.1, proll=0.05, pz=-0.12),
        key("up", **stance(0, 0.24, px=0.08), croll=0.14, hroll=0.1, proll=-0.05, pz=-0.12),
        key("upout", **stance(0, 0.24), pz=-0.08),
    ],
    "squat-claps": [
        key("clap", **WIDE, pz=-0.28, ppitch=0.24, hpitch=-0.2),
        key("side", **WIDE, pz=-0.05),
        key("clap", **WIDE, pz=-0.32, ppitch=0.26, hpitch=-0.2),
        key("side", **stance(0, 0.24), pz=-0.08),
    ],
    "kicks": [
        key("front", "back", fRx=-0.10, fRy=-0.80, fRz=0.58, px=0.10, py=0.05, cpitch=-0.10),
        key("flexin", pz=-0.08),
        key("back", "front", fLx=0.10, fLy=-0.80, fLz=0.58, px=-0.10, py=0.05, cpitch=-0.10),
        key("flexin", pz=-0.10),
    ],
    "side-kicks": [
        key("side", "bentup", fRx=-0.72, fRz=0.40, px=0.12, croll=-0.16, proll=0.10),
        key("flexin", pz=-0.08),
        key("bentup", "side", fLx=0.72, fLz=0.40, px=-0.12, croll=0.16, proll=-0.10),
        key("flexin", pz=-0.08),
    ],
    "profile": [
        key("cross", yaw=0.75, pz=-0.06),
        key("side", yaw=1.5, pz=-0.03),
        key("upout", "hip", yaw=1.5, fLy=-0.20, fRy=0.1, pz=-0.05),
        key("flexin", yaw=0.7, pz=-0.08),
        key("bentup"),
    ],
    "jump": [
        key("back", pz=-0.26, ppitch=0.28, hpitch=-0.2),
        key("upout", fLx=0.32, fRx=-0.32, pz=-0.06, leap=0.12),
        key("low", pz=-0.22, ppitch=0.2, hpitch=-0.15),
    ],
    "full-turn": [
        key("cross", yaw=-0.9, pz=-0.06),
        key("flexin", yaw=-1.9, pz=-0.06),
        key("upout", yaw=-TURN, pz=-0.08),
        key("hip", "upout", yaw=-TURN, proll=0.1, px=0.06),
        key("flexin", yaw=-4.1, pz=-0.08),
        key("side", yaw=-5.3, pz=-0.05),
        key("bentup", yaw=-2 * TURN, pz=-0.05),
    ],
    "roll": [
        key("front", "hip", cyaw=0.35, hyaw=-0.2),
        key("hip", "front", cyaw=-0.35, hyaw=0.2),
        key("chest", cpitch=-0.18, hpitch=-0.1),
        key("low", cpitch=0.25, pz=-0.12, hpitch=0.05),
    ],
    "point": [
        key("point", "hip", px=0.07, proll=-0.10, cyaw=-0.15, croll=-0.08, hyaw=0.25, hpitch=-0.08, fLx=0.2),
        key("across", "hip", px=-0.05, proll=0.08, cyaw=-0.35, pz=-0.10, hpitch=0.1, fLx=0.2),
        key("point", "hip", px=0.07, proll=-0.10, cyaw=-0.15, croll=-0.08, hyaw=0.25, hpitch=-0.08, fLx=0.2),
        key("flexin", pz=-0.10),
    ],
    "twist": [
        key("flexin", pyaw=0.35, cyaw=-0.55, fLyaw=0.55, fRyaw=0.15, pz=-0.12, px=0.04),
        key("flexin", pyaw=-0.35, cyaw=0.55, fLyaw=-0.15, fRyaw=-0.55, pz=-0.14, px=-0.04),
        key("bentup", pyaw=0.35, cyaw=-0.45, fLyaw=0.55, fRyaw=0.15, pz=-0.16, px=0.04),
        key("down", pyaw=-0.25, cyaw=0.35, fLyaw=-0.05, fRyaw=-0.45, pz=-0.08, px=-0.04),
    ],
    "lunges": [
        key("side", "flexin", fLx=0.38, fRx=-0.22, px=0.15, pz=-0.16, fLyaw=0.6, croll=0.06, hyaw=0.3),
        key("cross", fLx=0.22, fRx=-0.20, pz=-0.05),
        key("flexin", "side", fLx=0.22, fRx=-0.38, px=-0.15, pz=-0.16, fRyaw=-0.6, croll=-0.06, hyaw=-0.3),
        key("low", fLx=0.20, fRx=-0.20, pz=-0.05),
    ],
    "shimmy": [
        key("side", cyaw=0.22, croll=0.05, pz=-0.10, hyaw=-0.1, fLx=0.22, fRx=-0.22),
        key("side", cyaw=-0.22, croll=-0.05, pz=-0.14, hyaw=0.1, fLx=0.22, fRx=-0.22),
        key("bentup", cyaw=0.22, croll=0.05, pz=-0.10, hyaw=-0.1, fLx=0.22, fRx=-0.22),
        key("chest", cyaw=-0.22, pz=-0.08, hyaw=0.1, fLx=0.22, fRx=-0.22),
    ],
    "bow": [key("upout", **stance(0, 0.24), pz=-0.08), key("hip", pz=-0.04, proll=0.05, px=0.04)],
}

ROUTINES: dict[str, list[Key]] = {
    "mira": [
        *PHRASES["groove"],
        *PHRASES["side-steps"],
        *PHRASES["sway"],
        *PHRASES["full-turn"],
        *PHRASES["squat-claps"],
        *PHRASES["point"],
        *PHRASES["kicks"],
        *PHRASES["jump"],
        *PHRASES["side-kicks"],
        *PHRASES["roll"],
        *PHRASES["bow"],
    ],
    "theo": [
        *mirrored(PHRASES["groove"]),
        *PHRASES["twist"],
        *PHRASES["lunges"],
        *mirrored(PHRASES["kicks"]),
        *mirrored(PHRASES["full-turn"]),
        *PHRASES["shimmy"],
        *PHRASES["jump"],
        *mirrored(PHRASES["point"]),
        *mirrored(PHRASES["profile"]),
        *mirrored(PHRASES["squat-claps"]),
        *PHRASES["bow"],
    ],
}


def choreograph(routine: Sequence[Key], bpm: float, fps: int) -> list[Key]:
    """One set of channels a frame; key k is reached on beat k, and the last frame is on the last key."""
    keys = _to_world(_unwind(list(routine)))
    count = int((len(keys) - 1) * 60 / bpm * fps) + 1
    return _Dance(keys, np.arange(count) / fps * bpm / 60).frames()


def _unwind(keys: list[Key]) -> list[Key]:
    """Make headings continuous: every turn goes on from the one before by at most half a turn."""
    yaw = np.unwrap([pose["yaw"] for pose in keys])
    return [{**pose, "yaw": float(value)} for pose, value in zip(keys, yaw, strict=True)]


def _to_world(keys: list[Key]) -> list[Key]:
    """Feet and pelvis are written in the dancer's heading; turn them into the world."""
    turned = []
    for pose in keys:
        c, s = math.cos(pose["yaw"]), math.sin(pose["yaw"])
        world = dict(pose)
        for name in ("fL", "fR", "p"):
            x, y = pose[f"{name}x"], pose[f"{name}y"]
            world[f"{name}x"], world[f"{name}y"] = c * x - s * y, s * x + c * y
        for side in "LR":
            world[f"f{side}yaw"] += pose["yaw"]
        turned.append(world)
    return turned


class _Dance:
    """Interpolates key poses over time in beats."""

    def __init__(self, keys: list[Key], beats: Floats) -> None:
        self.keys, self.beats = keys, beats
        self.at = np.clip(beats.astype(int), 0, len(keys) - 2)
        self.phase = beats - self.at
        self.leap = np.array([pose["leap"] for pose in keys])
        self.windows = self._step_windows()

    def frames(self) -> list[Key]:
        channels = {name: self._body(name) for name in REST | key("down") if name != "leap"}
        for side in "LR":
            channels |= {f"f{side}{c}": self._foot(side, c) for c in ("x", "y", "z", "yaw", "p")}
            self._lift_steps(channels, side)
        self._jump(channels)
        self._bounce(channels)
        return [{name: float(values[i]) for name, values in channels.items()} for i in range(len(self.beats))]

    def _values(self, name: str) -> Floats:
        return np.array([pose[name] for pose in self.keys])

    def _between(self, values: Floats, progress: Floats) -> Floats:
        return values[self.at] + (values[self.at + 1] - values[self.at]) * progress

    def _body(self, name: str) -> Floats:
        """A spline through the keys that lingers a little on the beat; arms half way to plain easing."""
        values = self._values(name)
        if name == "yaw" or name.startswith("meet"):
            return self._between(values, smoothstep(0, 1, self.phase))
        lingering = np.clip(self.phase - 0.10 * np.sin(2 * np.pi * self.phase), 0, 1)
        curve = CubicSpline(np.arange(len(values)), values, bc_type="natural")(self.at + lingering)
        if name[0] in "he":
            return 0.6 * curve + 0.4 * self._between(values, smoothstep(0, 0.9, self.phase))
        return curve

    # ---- feet

    def _step_windows(self) -> dict[str, tuple[Floats, Floats]]:
        """When in each beat each foot moves; where both must, the one ahead goes first and the other follows."""
        change = {side: np.stack([np.diff(self._values(f"f{side}{c}")) for c in ("x", "y", "yaw")], 1) for side in "LR"}
        moves = {side: self._travel(d) > 0.03 for side, d in change.items()}
        both = moves["L"] & moves["R"] & (self.leap[1:] == 0)
        turning = np.abs(change["L"][:, 2]) > 0.3
        left_first = np.where(turning, change["L"][:, 2] > 0, change["L"][:, 0] + change["R"][:, 0] > 0)
        windows = {}
        for side, first in (("L", left_first), ("R", ~left_first)):
            start = np.where(both, np.where(first, 0.02, 0.48), 0.12)
            end = np.where(both, np.where(first, 0.52, 0.98), 0.85)
            windows[side] = (start[self.at], end[self.at])
        return windows

    @staticmethod
    def _travel(change: Floats) -> Floats:
        return np.hypot(change[:, 0], change[:, 1]) + 0.12 * np.abs(change[:, 2])

    def _foot(self, side: str, channel: str) -> Floats:
        return self._between(self._values(f"f{side}{channel}"), smoothstep(*self.windows[side], self.phase))

    def _lift_steps(self, channels: dict[str, Floats], side: str) -> None:
        change = np.stack([np.diff(self._values(f"f{side}{c}")) for c in ("x", "y", "yaw")], 1)
        travel = self._travel(change)
        lift = (np.clip(travel * 0.5, 0.02, 0.09) * (travel > 0.02))[self.at]
        start, end = self.windows[side]
        progress = np.clip((self.phase - start) / (end - start), 0, 1)
        arc = np.sin(np.pi * progress)
        channels[f"f{side}z"] = channels[f"f{side}z"] + lift * arc
        channels[f"f{side}p"] = channels[f"f{side}p"] + lift * 3.0 * arc * (1 - 0.5 * progress)

    def _jump(self, channels: dict[str, Floats]) -> None:
        flight = np.clip((self.phase - 0.1) / 0.8, 0, 1)
        channels["jump"] = self.leap[self.at + 1] * 4 * flight * (1 - flight)
        for side in "LR":
            channels[f"f{side}p"] = channels[f"f{side}p"] + 0.5 * smoothstep(0, 0.1, channels["jump"])

    def _bounce(self, channels: dict[str, Floats]) -> None:
        """What never stops in a dancer: knees on the beat, shoulders and head across it."""
        t = np.pi * self.beats
        channels["pz"] = channels["pz"] - 0.022 * (0.5 + 0.5 * np.cos(2 * t))
        channels["croll"] = channels["croll"] + 0.03 * np.sin(t)
        channels["cyaw"] = channels["cyaw"] + 0.05 * np.sin(t + 0.6)
        channels["hpitch"] = channels["hpitch"] + 0.05 * np.cos(2 * t)
        channels["wtL"] = channels["wtL"] + 0.25 * np.sin(t / 2)
        channels["wtR"] = channels["wtR"] - 0.25 * np.sin(t / 2 + 1)
