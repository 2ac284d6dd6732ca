"""Who dances what: the performers' long footage, each a list of phrases and sampled keys, and the short dances."""

from collections.abc import Callable, Sequence

from .dances import DANCES
from .keys import TURN, facing, key, mirrored
from .phrases import PHRASES, turned, view
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


ROUTINES: dict[str, Callable[[], Sequence[Item]]] = {"mira": _mira, "theo": _theo, **DANCES}
