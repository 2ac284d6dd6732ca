"""From key poses to one set of channels a frame: planted feet that step one at a time, jumps, and what never stops."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from .keys import REST, TIMING, Key, key
from .meshes import Floats, smoothstep
from .motion import Rig

BLINK = np.array([0.45, 1.0, 1.0, 0.6, 0.2])
"""How far eyes are closed in the frames of a blink."""
AIRBORNE = 0.1
"""Height of a foot in a key, in leg lengths, above which the dancer stands on the other one."""
CLEARANCE = 0.62
"""Least distance of a swinging hand from its shoulder, arm lengths."""
SINK_SECONDS = 0.28
"""How long before and after a planted foot is out of reach the pelvis sinks and rises."""
BLINK_GAP = (1.6, 4.5)
"""Seconds between blinks."""


def choreograph(routine: Sequence[Key], bpm: float, fps: int, seed: int = 0) -> list[Key]:
    """One set of channels a frame; the first key is reached at once, and the last frame is on the last key.

    `seed` places the blinks and the small moves of head and fingers.
    """
    keys = [to_world(pose) for pose in _unwind(list(routine))]
    beats = np.concatenate([[0.0], np.cumsum([pose["beats"] for pose in keys[1:]])])
    count = int(beats[-1] * 60 / bpm * fps) + 1
    dance = _Dance(keys, beats, np.arange(count) / fps * bpm / 60)
    channels = dance.channels()
    _live(channels, np.arange(count) / fps, fps, np.random.default_rng(seed))
    return [{name: float(values[i]) for name, values in channels.items()} for i in range(count)]


def sink_smoothly(dance: list[Key], rig: Rig, fps: int) -> list[Key]:
    """The same dance with the pelvis lowered beforehand where a planted foot would be out of reach.

    `Rig` lowers it at once and lets go at once when the foot leaves the floor: where legs are thrown far out, the whole
    body would jump within one frame.
    """
    width = round(SINK_SECONDS * fps)
    sunk = maximum_filter1d([rig.sunk(channels) for channels in dance], 2 * width + 1)
    ahead = gaussian_filter1d(sunk, width / 2, truncate=2.0)
    return [{**channels, "pz": channels["pz"] - float(by)} for channels, by in zip(dance, ahead, strict=True)]


def _unwind(keys: list[Key]) -> list[Key]:
    """Make headings continuous: every turn goes on from the one before by at most half a turn."""
    yaw = np.unwrap([pose["yaw"] for pose in keys])
    return [{**pose, "yaw": float(value)} for pose, value in zip(keys, yaw, strict=True)]


def to_world(pose: Key) -> Key:
    """Feet and pelvis are written in the dancer's heading; turn them into the world."""
    c, s = math.cos(pose["yaw"]), math.sin(pose["yaw"])
    world = dict(pose)
    for name in ("fL", "fR", "p"):
        x, y = pose[f"{name}x"], pose[f"{name}y"]
        world[f"{name}x"], world[f"{name}y"] = c * x - s * y + pose["wx"], s * x + c * y + pose["wy"]
    for side in "LR":
        world[f"f{side}yaw"] += pose["yaw"]
    return world


class _Dance:
    """Interpolates key poses over time in beats."""

    def __init__(self, keys: list[Key], at_beats: Floats, beats: Floats) -> None:
        self.keys, self.beats = keys, beats
        self.at = np.clip(np.searchsorted(at_beats, beats, side="right") - 1, 0, len(keys) - 2)
        self.lasts = np.diff(at_beats)[self.at]
        self.phase = np.clip((beats - at_beats[self.at]) / self.lasts, 0, 1)
        self.leap = np.array([pose["leap"] for pose in keys])
        self.windows = self._step_windows()

    def channels(self) -> dict[str, Floats]:
        channels = {name: self._body(name) for name in REST | key("down") if name not in TIMING}
        for side in "LR":
            self._swing_wide(channels, side)
            channels |= {f"f{side}{c}": self._foot(side, c) for c in ("x", "y", "z", "yaw", "p")}
            self._lift_steps(channels, side)
        self._jump(channels)
        self._bounce(channels)
        return channels

    def _values(self, name: str) -> Floats:
        return np.array([pose[name] for pose in self.keys])

    def _between(self, values: Floats, progress: Floats) -> Floats:
        return values[self.at] + (values[self.at + 1] - values[self.at]) * progress

    def _body(self, name: str) -> Floats:
        """A monotone spline through the keys that lingers a little on the beat; arms half way to plain easing."""
        values = self._values(name)
        if name == "yaw" or name.startswith(("meet", "floor")):
            return self._between(values, smoothstep(0, 1, self.phase))
        lingering = np.clip(self.phase - 0.08 * np.sin(2 * np.pi * self.phase), 0, 1)
        curve = PchipInterpolator(np.arange(len(values)), values)(self.at + lingering)
        if name[0] in "he":
            return 0.6 * curve + 0.4 * self._between(values, smoothstep(0, 0.95, self.phase))
        return curve

    def _swing_wide(self, channels: dict[str, Floats], side: str) -> None:
        """A hand whose straight way would pass close to the shoulder swings around it, or the elbow would flip over."""
        keys = np.stack([self._values(f"h{side}{c}") for c in "xyz"], 1)
        start, way = keys[:-1], np.diff(keys, axis=0)
        nearest = np.clip(-(start * way).sum(1) / ((way**2).sum(1) + 1e-9), 0, 1)
        lack = np.maximum(CLEARANCE - np.linalg.norm(start + nearest[:, None] * way, axis=1), 0)
        lack = np.where((nearest > 0.05) & (nearest < 0.95), lack, 0)
        bulge = 1.3 * lack[self.at] * np.sin(np.pi * self.phase) ** 2
        channels[f"h{side}x"] = channels[f"h{side}x"] + 0.8 * bulge
        channels[f"h{side}y"] = channels[f"h{side}y"] + 0.6 * bulge

    # ---- feet

    def _step_windows(self) -> dict[str, tuple[Floats, Floats]]:
        """When in each beat each foot moves; where both must, the one ahead goes first and the other follows."""
        change = {side: np.stack([np.diff(self._values(f"f{side}{c}")) for c in ("x", "y", "yaw")], 1) for side in "LR"}
        moves = {
            side: (self._travel(d) > 0.03) | (np.abs(np.diff(self._values(f"f{side}z"))) > AIRBORNE)
            for side, d in change.items()
        }
        both = moves["L"] & moves["R"] & (self.leap[1:] == 0)
        turning = np.abs(change["L"][:, 2]) > 0.3
        left_first = np.where(turning, change["L"][:, 2] > 0, change["L"][:, 0] + change["R"][:, 0] > 0)
        # what is in the air comes down before the other foot leaves the floor
        raised = {side: self._values(f"f{side}z") > AIRBORNE for side in "LR"}
        left_first = np.where(raised["L"][:-1] | raised["R"][1:], True, left_first)
        left_first = np.where(raised["R"][:-1] | raised["L"][1:], False, left_first)
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
        """Knees on the beat, shoulders and head across it; less where a key is held or reached slowly."""
        t = np.pi * self.beats
        values = np.array([1 - pose["calm"] for pose in self.keys])
        lively = self._between(values, smoothstep(0, 1, self.phase))
        channels["pz"] = channels["pz"] - lively * 0.022 * (0.5 + 0.5 * np.cos(2 * t))
        channels["croll"] = channels["croll"] + lively * 0.03 * np.sin(t)
        channels["cyaw"] = channels["cyaw"] + lively * 0.05 * np.sin(t + 0.6)
        channels["hpitch"] = channels["hpitch"] + lively * 0.05 * np.cos(2 * t)
        channels["wtL"] = channels["wtL"] + lively * 0.25 * np.sin(t / 2)
        channels["wtR"] = channels["wtR"] - lively * 0.25 * np.sin(t / 2 + 1)


def _live(channels: dict[str, Floats], seconds: Floats, fps: int, rng: np.random.Generator) -> None:
    """Blinks, glances, and fingers that open and close."""
    blink = np.zeros(len(seconds))
    start = int(rng.uniform(*BLINK_GAP) * fps)
    while start < len(blink):
        part = BLINK[: len(blink) - start]
        blink[start : start + len(part)] = part
        start += int(rng.uniform(*BLINK_GAP) * fps)
    channels["blink"] = blink
    for name, size, period in (("hyaw", 0.14, 4.3), ("hroll", 0.06, 3.1), ("hpitch", 0.05, 5.7)):
        channels[name] = channels[name] + size * _wander(seconds, period, rng)
    for side in "LR":
        resting = 1 - np.maximum(channels[f"meet{side}"], channels[f"floor{side}"])
        channels[f"curl{side}"] = np.clip(channels[f"curl{side}"] + 0.7 * resting * _wander(seconds, 2.3, rng), 0, 3.2)


def _wander(seconds: Floats, period: float, rng: np.random.Generator) -> Floats:
    """Smooth and aperiodic within -1..1: three sines whose periods have no common multiple."""
    total = sum(np.sin(2 * np.pi * (seconds / (period * ratio) + rng.random())) for ratio in (1.0, 1.618, 0.731))
    return np.asarray(total) / 3
