"""From a pose in channels (feet in the world, hands in the chest's frame) to the rotation and place of every bone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .body import Body
from .meshes import Floats, smoothstep
from .rotations import TwoBoneLimb, about, between, rot_x, rot_y, rot_z, rotation_vector, slerp, twist_angle
from .wardrobe import Landmarks

SIDES = (("L", 1), ("R", -1))
SPINE = ("spine05", "spine04", "spine03", "spine02", "spine01")
NECK = ("neck01", "neck02", "neck03", "head")
BALL_OF_FOOT = 0.13
"""From ankle forward to where the foot pivots when the heel lifts, metres."""
PALM = 0.026
"""From the midline to the wrist when hands meet, metres."""
FLAT_PALM = 0.055
"""Height of the wrist above the floor when the palm lies on it, metres."""
TORSO = (0.205, 0.185)
"""Half width and half depth around the spine that wrists keep out of, metres."""
SKULL = 0.17
"""Distance from the middle of the head that wrists keep, metres."""
EYES_TURN = 0.40
"""How far eyes turn in the head, radians."""
Channels = Mapping[str, float]


@dataclass
class Pose:
    """One posed skeleton: `rotations` (bones, 3, 3) from rest, `heads` (bones, 3) metres, joint bends in radians."""

    rotations: Floats
    heads: Floats
    bend: dict[str, float] = field(default_factory=dict)
    blink: float = 0.0
    """0 eyes open, 1 closed."""


class Rig:
    """Poses one body. Lengths in channels are in leg lengths (feet, pelvis) or arm lengths (hands)."""

    def __init__(self, body: Body, marks: Landmarks) -> None:
        self.bones, self.rest, self.parents = body.index, body.heads, body.parents
        self.labels = body.labels
        self.floor, self.ankle_height = marks.floor, marks.ankle - marks.floor
        self.arms = {s: self._limb(("upperarm01", "lowerarm01", "wrist"), s, (0, -1, 0)) for s, _ in SIDES}
        self.legs = {s: self._limb(("upperleg01", "lowerleg01", "foot"), s, (0, 1, 0)) for s, _ in SIDES}
        self.leg_length = self.legs["L"].length
        self.curl_axis = {side: self._curl_axis(side) for side, _ in SIDES}

    def _limb(self, names: tuple[str, str, str], side: str, bends: tuple[float, float, float]) -> TwoBoneLimb:
        a, b, c = (self.rest[self.bones[f"{name}.{side}"]] for name in names)
        return TwoBoneLimb(a, b, c, bends)

    def _curl_axis(self, side: str) -> Floats:
        """About which fingers bend towards the palm."""
        head = {n: self.rest[self.bones[f"{n}.{side}"]] for n in ("wrist", "finger3-2", "metacarpal1", "metacarpal4")}
        hand = head["finger3-2"] - head["wrist"]
        palm = np.cross(hand, head["metacarpal4"] - head["metacarpal1"])
        axis = np.cross(palm / np.linalg.norm(palm), hand) * (1 if side == "L" else -1)
        return axis / np.linalg.norm(axis)

    def pose(self, channels: Channels) -> Pose:
        """The skeleton for one set of channels (see `choreography.REST` for their names)."""
        return _Posing(self, channels).run()

    def sunk(self, channels: Channels) -> float:
        """How far the pelvis is lowered for planted feet to stay where they are, in leg lengths."""
        return _Posing(self, channels).place_pelvis() / self.leg_length


class _Posing:
    """The state of posing one frame, bone by bone from the root outwards."""

    def __init__(self, rig: Rig, channels: Channels) -> None:
        self.rig, self.p = rig, channels
        count = len(rig.parents)
        self.rotations, self.heads = np.tile(np.eye(3), (count, 1, 1)), np.zeros((count, 3))
        self.bend: dict[str, float] = {}
        self.foot_rotation: dict[str, Floats] = {}
        self.ankle: dict[str, Floats] = {}

    def run(self) -> Pose:
        self.place_pelvis()
        self._bend_chain("c", SPINE, self.rotations[0])
        self._bend_chain("h", NECK, self.rotation("spine01"))
        for side, sign in SIDES:
            self._leg(side, sign)
            self._arm(side, sign)
            self._toes_and_fingers(side)
            self.place(f"eye.{side}", self._gaze() @ self.rotation("head"))
        return Pose(self.rotations, self.heads, self.bend, float(np.clip(self.p["blink"], 0, 1)))

    def rotation(self, name: str) -> Floats:
        return self.rotations[self.rig.bones[name]]

    def head(self, name: str) -> Floats:
        return self.heads[self.rig.bones[name]]

    def rest(self, name: str) -> Floats:
        return self.rig.rest[self.rig.bones[name]]

    def attach(self, name: str) -> Floats:
        """Put a bone where its parent leaves it; returns that place."""
        bone = self.rig.bones[name]
        parent = self.rig.parents[bone]
        self.heads[bone] = self.heads[parent] + self.rotations[parent] @ (self.rig.rest[bone] - self.rig.rest[parent])
        return self.heads[bone]

    def place(self, name: str, rotation: Floats) -> None:
        self.attach(name)
        self.rotations[self.rig.bones[name]] = rotation

    # ---- pelvis and spine

    def place_pelvis(self) -> float:
        """Returns how far it had to be lowered for planted feet to stay where they are, metres."""
        p, rig = self.p, self.rig
        scale = rig.leg_length
        turn = rot_z(p["yaw"]) @ rot_z(p["pyaw"]) @ rot_y(p["proll"]) @ rot_x(p["ppitch"])
        for side, _ in SIDES:
            self._foot_goal(side, scale)
        height = rig.rest[0][2] - rig.floor + (p["pz"] + p["jump"]) * scale
        root = np.array([p["px"] * scale, p["py"] * scale, height])
        for _ in range(3):
            for side, _ in SIDES:
                root[2] -= self._out_of_reach(side, root, turn)
        self.rotations[0], self.heads[0] = turn, root
        return float(height - root[2])

    def _foot_goal(self, side: str, scale: float) -> None:
        p = self.p
        pitch, heading = p[f"f{side}p"], rot_z(p[f"f{side}yaw"])
        rotation = heading @ rot_x(pitch)
        ball = np.array([0, -BALL_OF_FOOT, -self.rig.ankle_height])
        pivot = heading @ ball - rotation @ ball if pitch > 0 else np.zeros(3)
        above = self.rig.ankle_height + (p[f"f{side}z"] + p["jump"]) * scale
        self.foot_rotation[side] = rotation
        self.ankle[side] = np.array([p[f"f{side}x"] * scale, p[f"f{side}y"] * scale, above]) + pivot

    def _out_of_reach(self, side: str, root: Floats, turn: Floats) -> float:
        """How far the pelvis must sink for a planted foot to stay where it is, metres."""
        if self.p[f"f{side}z"] > 0.25:
            return 0.0
        hip = root + turn @ (self.rest(f"upperleg01.{side}") - self.rig.rest[0])
        d = self.ankle[side] - hip
        reach = self.rig.legs[side].length * 0.992
        if np.linalg.norm(d) <= reach:
            return 0.0
        return max(0.0, -d[2] - math.sqrt(max(reach * reach - d[0] ** 2 - d[1] ** 2, 0.01)))

    def _bend_chain(self, prefix: str, names: tuple[str, ...], base: Floats) -> None:
        """Spread yaw, roll and pitch evenly over a chain of bones."""
        p = self.p
        whole = rotation_vector(rot_z(p[f"{prefix}yaw"]) @ rot_y(p[f"{prefix}roll"]) @ rot_x(p[f"{prefix}pitch"]))
        angle = float(np.linalg.norm(whole))
        axis = whole / max(angle, 1e-12)
        for k, name in enumerate(names, 1):
            self.place(name, base @ about(axis, angle * k / len(names)))

    def _gaze(self) -> Floats:
        """Eyes look into the camera (along -y) as far as they turn, and ahead when the head is turned away."""
        ahead = self.rotation("head") @ [0, -1.0, 0]
        turn = rotation_vector(between(ahead, np.array([0, -1.0, 0])))
        angle = float(np.linalg.norm(turn))
        if angle < 1e-6:
            return np.eye(3)
        wanted = min(angle, EYES_TURN) * float(smoothstep(1.3, 0.8, angle))
        return about(turn / angle, wanted)

    # ---- limbs

    def _leg(self, side: str, sign: int) -> None:
        p, rig, pelvis = self.p, self.rig, self.rotations[0]
        self.place(f"pelvis.{side}", pelvis)
        hip = self.attach(f"upperleg01.{side}")
        toes = self.foot_rotation[side] @ [0, -1, 0]
        toes[2] = 0
        knee = toes / (np.linalg.norm(toes) + 1e-9) + 0.8 * (pelvis @ [0, -1, 0]) + np.array([0, 0, 0.15])
        knee = knee + pelvis @ [sign * 0.12, 0, 0]
        upper, lower, self.bend[f"knee{side}"] = rig.legs[side].solve(hip, self.ankle[side], knee)
        self.rotations[rig.bones[f"pelvis.{side}"]] = slerp(pelvis, upper, 0.12)
        self._twist_upper("upperleg", side, self.rotation(f"pelvis.{side}"), upper, rig.legs[side].upper_axis, 0.5)
        for name in ("lowerleg01", "lowerleg02"):
            self.place(f"{name}.{side}", lower)
        in_air = float(smoothstep(0.12, 0.4, p[f"f{side}z"]))
        self.place(f"foot.{side}", slerp(self.foot_rotation[side], lower @ rot_x(0.30), in_air))
        self.toe_bend = max(p[f"f{side}p"], 0) * (1 - in_air)

    def _arm(self, side: str, sign: int) -> None:
        p, rig, chest = self.p, self.rig, self.rotation("spine01")
        limb = rig.arms[side]
        hand = np.array([sign * p[f"h{side}x"], -p[f"h{side}y"], p[f"h{side}z"]])
        hand *= min(1, 0.995 / np.linalg.norm(hand))
        raised = float(smoothstep(-0.1, 1, hand[2]))
        forward = float(smoothstep(0.2, 1, -hand[1])) * (1 - raised)
        collar = chest @ rot_y(-sign * 0.42 * raised) @ rot_z(-sign * 0.30 * forward)
        self.place(f"clavicle.{side}", collar)
        self.place(f"shoulder01.{side}", collar)
        pole = chest @ np.array([sign * p[f"e{side}x"], -p[f"e{side}y"], p[f"e{side}z"]])
        meet = p[f"meet{side}"]
        for blend in (0.18, 0.0):  # the shoulder follows the arm a little, which moves the arm's root
            root = self.attach(f"upperarm01.{side}")
            goal: Floats = root + chest @ self._towards_midline(hand * limb.length, root, sign, meet)
            goal = self._outside_body(goal, meet)
            goal = self._above_floor(goal, root, side, sign)
            upper, lower, self.bend[f"elbow{side}"] = limb.solve(root, goal, pole)
            shoulder = rig.bones[f"shoulder01.{side}"]
            self.rotations[shoulder] = slerp(self.rotations[shoulder], upper, blend)
        self._twist_upper("upperarm", side, collar, upper, limb.upper_axis, 0.45)
        twist = sign * p[f"wt{side}"]
        for name, share in (("lowerarm01", 0.25), ("lowerarm02", 0.75)):
            self.place(f"{name}.{side}", lower @ about(limb.lower_axis, twist * share))
        wrist = self._straighten_hand(side, lower @ about(limb.lower_axis, twist), meet)
        self.place(f"wrist.{side}", self._palm_down(side, wrist, p[f"floor{side}"]))

    def _outside_body(self, goal: Floats, meet: float) -> Floats:
        """A wrist on its way from front to back goes around the trunk and the head, not through them."""
        for bone, low, high in (("spine04", -0.22, 0.12), ("spine02", -0.12, 0.26)):
            turned = self.rotation(bone)
            d = turned.T @ (goal - self.head(bone))
            reach = math.hypot(d[0] / TORSO[0], d[1] / TORSO[1])
            within = float(smoothstep(low - 0.08, low, d[2]) * smoothstep(high + 0.08, high, d[2]))
            if reach < 1:
                d[:2] *= 1 + within * (1 - meet) * (1 / max(reach, 0.05) - 1)
                goal = self.head(bone) + turned @ d
        skull = self.head("head") + self.rotation("head") @ [0, -0.02, 0.09]
        away = goal - skull
        distance = float(np.linalg.norm(away))
        return skull + away * (SKULL / distance) if distance < SKULL else goal

    def _above_floor(self, goal: Floats, root: Floats, side: str, sign: int) -> Floats:
        """Hands never sink into the floor, and lie on it where `floorS` is 1: outwards and forwards of the shoulder."""
        p, length = self.p, self.rig.arms[side].length
        flat = float(p[f"floor{side}"])
        if flat > 0:
            offset = rot_z(p["yaw"]) @ [sign * p[f"h{side}x"], -p[f"h{side}y"], 0.0] * length
            goal = goal + flat * (np.array([root[0] + offset[0], root[1] + offset[1], FLAT_PALM]) - goal)
        return np.array([goal[0], goal[1], max(goal[2], FLAT_PALM)])

    def _palm_down(self, side: str, wrist: Floats, flat: float) -> Floats:
        """Turn the hand until fingers lie along the floor and the palm faces it."""
        if flat <= 0:
            return wrist
        rig = self.rig
        fingers: Floats = self.rest(f"finger3-2.{side}") - self.rest(f"wrist.{side}")
        fingers = fingers / np.linalg.norm(fingers)
        along: Floats = rot_z(self.p["yaw"]) @ np.array([0.25 if side == "L" else -0.25, -1.0, 0.0])
        palm: Floats = np.cross(rig.curl_axis[side], fingers)
        palm = palm / np.linalg.norm(palm)
        rest = np.stack([fingers, palm, np.cross(fingers, palm)], 1)
        along = along / np.linalg.norm(along)
        down = np.array([0, 0, -1.0])
        wanted = np.stack([along, down, np.cross(along, down)], 1) @ rest.T
        return slerp(wrist, wanted, float(smoothstep(0.3, 1.0, flat)))

    def _towards_midline(self, hand: Floats, root: Floats, sign: int, meet: float) -> Floats:
        """Hands that meet stop at the body's midline, whatever the width of the shoulders."""
        chest = self.rotation("spine01")
        lateral = float((root - self.head("spine01")) @ chest[:, 0])
        return np.array([hand[0] + meet * (sign * PALM - lateral - hand[0]), hand[1], hand[2]])

    def _straighten_hand(self, side: str, wrist: Floats, meet: float) -> Floats:
        """Take the sideways part out of the hand's direction, so that clapping palms are parallel."""
        if meet <= 0:
            return wrist
        rest = self.rest(f"finger3-2.{side}") - self.rest(f"wrist.{side}")
        direction = wrist @ rest / np.linalg.norm(rest)
        sideways = self.rotation("spine01")[:, 0]
        straight = direction - meet * sideways * (direction @ sideways)
        return between(direction, straight / np.linalg.norm(straight)) @ wrist

    def _twist_upper(self, name: str, side: str, parent: Floats, whole: Floats, axis: Floats, share: float) -> None:
        """Spread the twist of a limb's upper half over its two bones, so that skin does not wring."""
        back = -twist_angle(parent.T @ whole, axis) * (1 - share)
        self.place(f"{name}01.{side}", whole @ about(axis, back))
        self.place(f"{name}02.{side}", whole @ about(axis, back * 0.35))

    def _toes_and_fingers(self, side: str) -> None:
        rig = self.rig
        for bone, label in enumerate(rig.labels):
            if not label.endswith(f".{side}"):
                continue
            parent = self.rotations[rig.parents[bone]]
            if label.startswith(("finger", "metacarpal")):
                first = label.startswith("metacarpal") or label[6] == "1"
                curl = 0 if first else (0.26 + 0.05 * int(label[6])) * self.p[f"curl{side}"]
                self.place(label, parent @ about(rig.curl_axis[side], curl))
            elif label.startswith("toe"):
                on_foot = rig.parents[bone] == rig.bones[f"foot.{side}"]
                self.place(label, parent @ rot_x(-self.toe_bend * 0.8) if on_foot else parent)
