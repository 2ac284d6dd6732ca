"""The three dances that are chosen as sources, each written out by hand.

They share nothing with the performers' footage on purpose: the trunk leans far to a side nearly always, legs are crossed,
thrown out sideways or folded under, arms are rarely alike. All face the camera more or less, so that a pose detector sees
both arms, and every key has the beats that its longest way needs.
"""

from .keys import TURN, Key, key, mirrored
from .phrases import turned

OPEN: Key = {"fLx": 0.36, "fRx": -0.36, "fLyaw": 0.45, "fRyaw": -0.45, "pz": -0.13}
SQUAT: Key = {"fLx": 0.38, "fRx": -0.38, "fLyaw": 0.7, "fRyaw": -0.7, "pz": -0.40, "py": 0.06, "ppitch": 0.15}
LUNGE: Key = {"fLx": 0.58, "fRx": -0.36, "px": 0.26, "pz": -0.30, "fLyaw": 1.0, "fRyaw": -0.25}
"""Deep to the left, the right leg long."""
COSSACK: Key = {"fLx": 0.24, "fRx": -0.84, "px": 0.14, "pz": -0.50, "py": 0.06, "fLyaw": 0.75, "fRyaw": -0.3}
"""All the way down on the left leg, the right one thrown out."""
CROSSED: Key = {"fLx": -0.24, "fLy": -0.16, "fRx": -0.06, "fRy": 0.06, "px": -0.10, "pz": -0.08}
"""The left foot in front of and beyond the right one."""
SIDE_KICK: Key = {"fLx": 0.86, "fLz": 0.58, "px": -0.14, "proll": -0.22, "fRyaw": -0.5}
LOW_KICK: Key = {"fLx": 0.62, "fLz": 0.20, "px": -0.10, "proll": -0.10, "fRyaw": -0.4}
OPEN_KNEE: Key = {"fLx": 0.34, "fLy": -0.22, "fLz": 0.50, "fLyaw": 0.8, "px": -0.08}
FLAMINGO: Key = {"fLx": 0.14, "fLy": -0.10, "fLz": 0.40, "fLyaw": 1.2, "px": -0.07}
"""On the right leg, the left foot at its knee and the knee turned out."""
BEHIND: Key = {"fLx": 0.34, "fLy": 0.52, "fLz": 0.36, "px": -0.10, "ppitch": 0.25}
"""The left leg raised to the back and the side."""
ONE_KNEE: Key = {
    "fRx": -0.20, "fRy": 0.46, "fRp": 1.15, "fRyaw": 0.0, "fLx": 0.36, "fLy": -0.18, "fLyaw": 0.7, "pz": -0.57,
}  # fmt: skip
TIPTOE: Key = {"fLx": 0.10, "fRx": -0.10, "fLp": 0.7, "fRp": 0.7, "pz": 0.05}


def other(left: str, right: str, legs: Key, **channels: float) -> Key:
    """A key in which `legs` are mirrored; arms and channels are as written."""
    shape = mirrored([legs])[0]
    return key(left, right, **(shape | channels))


def lina() -> list[Key]:
    """Disco in a narrow picture: crossed feet, an arm high, hits of the hip, a turn on the spot, an end on the knee."""
    high, low = ("straightup", "up"), ("up", "hip")
    return [
        key("straightup", "hip", **CROSSED, croll=0.40, hroll=0.15),
        other("straightup", "low", LUNGE, croll=-0.45, hroll=-0.1, wx=0.12, beats=2.0),
        key("upout", "straightup", **CROSSED, croll=0.45, hroll=0.1, beats=2.5),
        key("straightup", "low", **LOW_KICK, croll=-0.45, hroll=-0.2, pz=-0.08, wx=-0.08, beats=2.5),
        key(*low, **OPEN, croll=-0.50, proll=0.16, beats=1.5),
        other("straightup", "straightup", FLAMINGO, croll=-0.50, hroll=-0.1, pz=-0.11, beats=2.0),
        key(*high, croll=0.30, pz=-0.05, beats=1.5),
        *turned(0.0, TURN, 4, key(*high, croll=0.30, pz=-0.05)),
        key("straightup", "straightup", **LUNGE, croll=0.45, hroll=0.1, yaw=TURN, wx=-0.10, beats=1.5),
        key("straightup", "upout", **SQUAT, croll=0.45, yaw=TURN, beats=1.0),
        key("straightup", "low", **OPEN_KNEE, croll=-0.45, pz=-0.13, yaw=TURN + 0.4, beats=2.0),
        key("straightup", "straightup", **ONE_KNEE, croll=-0.45, yaw=TURN + 0.3, beats=2.0),
        key("up", "upout", **ONE_KNEE, croll=0.40, yaw=TURN + 0.3, beats=1.5),
        key("point", "low", **ONE_KNEE, croll=-0.40, yaw=TURN + 0.3, beats=2.0),
    ]


def omar() -> list[Key]:
    """Street: low and wide, a hand on the floor, a kick to the side, quick changes of side."""
    return [
        key("bentup", "side", **SQUAT, croll=-0.40),
        key("bentup", "up", **COSSACK, croll=0.40, wx=0.10, beats=2.0),
        other("up", "low", COSSACK, croll=-0.30, wx=-0.10, beats=2.0),
        key("upout", "side", **SQUAT, croll=0.40, beats=1.5),
        other("low", "up", LUNGE, croll=-0.45, wx=0.10, beats=1.5),
        key("hip", "up", **SIDE_KICK, croll=-0.40, wx=-0.05, beats=2.0),
        other("straightup", "floorout", COSSACK, croll=-0.75, ppitch=0.25, proll=-0.25, hroll=0.1, beats=2.0),
        key("upout", "point", **ONE_KNEE, croll=-0.40, yaw=0.4, beats=2.0),
        key("upout", "low", **BEHIND, croll=-0.35, yaw=-0.7, beats=2.0),
        other("up", "straightup", COSSACK, croll=-0.40, wx=-0.10, beats=2.0),
        key("bentup", "flexin", **OPEN_KNEE, croll=-0.40, beats=1.5),
        key("low", "up", **LUNGE, croll=0.40, wx=-0.10, beats=2.0),
    ]


def june() -> list[Key]:
    """Slow and wide: sideways across the room with crossed feet, long lunges, up on the toes, an arabesque."""
    return [
        key("up", "straightside", **CROSSED, croll=0.45, hroll=0.2, wx=-0.30),
        key("low", "straightup", **LUNGE, croll=0.45, hroll=0.1, wx=-0.30, beats=2.0),
        other("up", "side", CROSSED, croll=-0.50, wx=-0.05, beats=1.5),
        key("up", "low", **LOW_KICK, croll=-0.45, hroll=-0.2, wx=0.10, beats=2.0),
        key("upout", "up", **CROSSED, croll=0.50, wx=0.15, beats=1.5),
        key("straightup", "straightup", **LUNGE, croll=0.45, wx=0.05, beats=1.5),
        key("bentup", "frontlow", **TIPTOE, croll=-0.50, yaw=-0.5, wx=0.10, beats=2.0),
        key("side", "low", **BEHIND, croll=-0.40, yaw=-0.9, wx=0.15, beats=2.0),
        key("straightup", "upout", **SQUAT, croll=0.50, wx=0.05, beats=2.0),
        other("straightup", "straightup", LUNGE, croll=-0.50, yaw=-0.5, wx=-0.05, beats=2.0),
        key("up", "low", **OPEN_KNEE, croll=-0.45, yaw=0.4, beats=2.0),
    ]


DANCES = {"lina": lina, "omar": omar, "june": june}
