"""Who dances what: the performers' long footage and the short dances, each a list of phrases and sampled keys."""

from .keys import TURN, facing, key, mirrored, stance
from .phrases import CROUCH, PHRASES, turned, view
from .sampler import Item, Sample

QUARTER, HALF = TURN / 4, TURN / 2
ACTIVE = ("knee", "knee", "lunge", "squat", "step")


def _mira() -> list[Item]:
    return [
        *PHRASES["groove"][1:],
        *PHRASES["side-steps"][:4],
        Sample(5),
        *view(QUARTER / 2),
        Sample(3, QUARTER / 2),
        *view(QUARTER, "hip"),
        *facing(PHRASES["knees"][:3], QUARTER),
        Sample(4, QUARTER),
        *view(HALF * 0.75),
        Sample(2, HALF * 0.75),
        *view(HALF),
        *facing(PHRASES["roll"][:2], HALF),
        Sample(4, HALF),
        *view(-QUARTER, "back"),
        *facing(PHRASES["lunges"][4:], -QUARTER),
        Sample(4, -QUARTER),
        *view(-QUARTER / 2),
        Sample(2, -QUARTER / 2, ACTIVE),
        *PHRASES["kicks"],
        *PHRASES["squat-claps"],
        *turned(0, HALF, 2, key("cross", pz=-0.06)),
        *facing(PHRASES["fast-hands"][:4], HALF),
        *turned(HALF, -HALF, 2, key("flexin", pz=-0.06)),
        *PHRASES["walk"],
        *PHRASES["side-kicks"],
        *facing(PHRASES["floor"], 0.45, wy=0.25),
        *PHRASES["slow-wave"][1:],
        *PHRASES["full-turn"],
        Sample(4, 0.0, ACTIVE),
        *PHRASES["bend"],
        *PHRASES["jump"],
        *facing(PHRASES["kicks"][4:], HALF * 0.5),
        *facing(PHRASES["back-kicks"][:2], QUARTER),
        *turned(QUARTER, -QUARTER, 1, key("bentup", pz=-0.06)),
        *PHRASES["hips"],
        *PHRASES["fast-hands"],
        *PHRASES["fast-turn"],
        Sample(3),
        *PHRASES["bow"],
    ]


def _theo() -> list[Item]:
    return [
        *mirrored(PHRASES["groove"][1:]),
        *PHRASES["twist"],
        Sample(5),
        *view(-QUARTER / 2),
        Sample(3, -QUARTER / 2),
        *view(-QUARTER, "hip"),
        *facing(mirrored(PHRASES["kicks"])[:4], -QUARTER),
        Sample(4, -QUARTER),
        *view(-HALF * 0.75),
        Sample(2, -HALF * 0.75, ACTIVE),
        *view(HALF, "hip"),
        *facing(PHRASES["sway"], HALF),
        Sample(4, HALF),
        *view(QUARTER, "back"),
        *facing(PHRASES["back-kicks"][2:], QUARTER),
        Sample(4, QUARTER),
        *view(QUARTER / 2),
        Sample(2, QUARTER / 2),
        *mirrored(PHRASES["knees"]),
        *mirrored(PHRASES["full-turn"]),
        *facing(PHRASES["crouch"], -0.4, wy=0.20),
        *mirrored(PHRASES["kicks"][2:]),
        *turned(0, -HALF, 2, key("cross", pz=-0.06)),
        *facing(PHRASES["shimmy"], HALF),
        *turned(HALF, HALF, 2, key("flexin", pz=-0.06)),
        *mirrored(PHRASES["walk"]),
        *mirrored(PHRASES["one-knee"]),
        *mirrored(PHRASES["point"])[:3],
        Sample(4, 0.0, ACTIVE),
        *mirrored(PHRASES["roll"]),
        *mirrored(PHRASES["side-kicks"]),
        *facing(PHRASES["bend"][1:2], -QUARTER),
        *turned(-QUARTER, QUARTER, 1, key("low", pz=-0.1)),
        *mirrored(PHRASES["squat-claps"]),
        *PHRASES["jump"],
        *mirrored(PHRASES["lunges"]),
        *mirrored(PHRASES["fast-turn"]),
        Sample(3),
        *mirrored(PHRASES["bow"]),
    ]


def _lina() -> list[Item]:
    """Disco: hips and points off the axis, leaning far, a turn with open arms and a low end."""
    return [
        key("straightup", "behind", **stance(0, 0.26, px=0.14), proll=-0.2, croll=0.42, hroll=0.2, pz=-0.14),
        Sample(3, 0.35, ("lunge", "step"), bend=2.2),
        key("across", "straightup", **stance(0, 0.26, px=-0.14), proll=0.2, croll=-0.42, hroll=-0.2, pz=-0.14),
        Sample(3, -0.55, ("knee", "lunge"), bend=2.2),
        *turned(-0.55, -TURN + 1.1, 4, key("straightup", "straightside", croll=0.25), key("backout", "head", pz=-0.12)),
        Sample(4, 0.85, ("squat", "knee"), bend=2.2),
        Sample(3, -1.1, ("lunge", "step"), bend=2.2),
        Sample(3, 0.15, ("squat", "lunge"), bend=2.2),
    ]


def _omar() -> list[Item]:
    """Street: low and wide, sharp arms, kicks off one hand and quick changes of side."""
    return [
        Sample(3, 0.6, ("squat", "lunge"), bend=1.9),
        Sample(3, -0.8, ("knee",), bend=1.9),
        key("floor", "straightup", **CROUCH, yaw=-1.0, ppitch=0.55, cpitch=0.2, croll=0.3, cyaw=-0.6, wy=0.2),
        key("backout", "floor", **CROUCH, yaw=-0.2, ppitch=0.55, cpitch=0.2, croll=-0.3, cyaw=0.6, wy=0.2),
        Sample(3, 0.7, ("lunge", "knee"), bend=1.9),
        Sample(2, 2.4, ("squat", "lunge"), bend=1.7),
        Sample(3, -2.3, ("knee", "squat"), bend=1.7),
        Sample(4, -0.6, ("knee", "lunge"), bend=2.0),
    ]


def _june() -> list[Item]:
    """Slow and wide: side bends, deep lunges and a look over the shoulder."""
    return [
        key("straightup", "across", **stance(0, 0.3, px=-0.16), croll=-0.5, proll=0.12, hroll=-0.2, pz=-0.12),
        key("across", "straightup", **stance(0, 0.3, px=0.16), croll=0.5, proll=-0.12, hroll=0.2, pz=-0.16, beats=1.5),
        Sample(4, -0.5, ("lunge", "squat"), bend=2.1),
        Sample(3, -2.0, ("lunge", "step"), bend=1.9),
        Sample(3, 2.1, ("knee", "lunge"), bend=1.9),
        Sample(3, 0.75, ("squat", "knee"), bend=2.1),
        Sample(3, -0.2, ("lunge", "knee"), bend=2.1),
    ]


ROUTINES = {"mira": _mira, "theo": _theo, "lina": _lina, "omar": _omar, "june": _june}
