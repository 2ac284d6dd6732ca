"""Short phrases of a few beats each, facing the camera unless they turn; routines put them together."""

from .keys import TURN, Key, held, key, paced, stance

HALF, QUARTER = TURN / 2, TURN / 4
WIDE = {"fLx": 0.30, "fRx": -0.30, "fLyaw": 0.45, "fRyaw": -0.45}
ONE_KNEE: Key = {
    "fRx": -0.16, "fRy": 0.46, "fRp": 1.15, "fRyaw": 0.0, "fLx": 0.19, "fLy": -0.22, "fLyaw": 0.1, "pz": -0.57,
}  # fmt: skip
BOTH_KNEES: Key = {
    "fRx": -0.15, "fRy": 0.46, "fRp": 1.15, "fRyaw": 0.0, "fLx": 0.15, "fLy": 0.46, "fLp": 1.15, "fLyaw": 0.0,
    "pz": -0.57,
}  # fmt: skip
CROUCH: Key = {
    "fLx": 0.20, "fRx": -0.20, "fLyaw": 0.5, "fRyaw": -0.5, "fLp": 0.55, "fRp": 0.55, "pz": -0.68, "py": 0.10,
}  # fmt: skip


def turned(start: float, by: float, steps: int, *shapes: Key) -> list[Key]:
    """Keys that turn from heading `start` by `by` radians in equal steps, with the arms of `shapes` in turn."""
    return [{**shapes[k % len(shapes)], "yaw": start + by * (k + 1) / steps} for k in range(steps)]


PHRASES: dict[str, list[Key]] = {
    "groove": [
        key("down"),
        key("hip", pz=-0.06, proll=0.06, px=0.05),
        key("down", "hip", pz=-0.05, proll=-0.06, px=-0.05),
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
        key("up", **stance(0, 0.24, px=0.10), croll=0.16, hroll=0.1, proll=-0.09, pz=-0.12),
        key("up", **stance(0, 0.24, px=-0.10), croll=-0.16, hroll=-0.1, proll=0.09, pz=-0.12),
        key("straightup", **stance(0, 0.24, px=0.10), croll=0.2, hroll=0.1, proll=-0.09, pz=-0.12),
        key("upout", **stance(0, 0.24), pz=-0.08),
    ],
    "hips": [
        key("hip", **stance(0, 0.2, px=0.12), proll=-0.18, croll=0.16, pz=-0.10, beats=0.5),
        key("hip", **stance(0, 0.2, px=-0.12), proll=0.18, croll=-0.16, pz=-0.10, beats=0.5),
        key("head", "hip", **stance(0, 0.2, px=0.13), proll=-0.2, croll=0.2, pz=-0.12),
        key("hip", "head", **stance(0, 0.2, px=-0.13), proll=0.2, croll=-0.2, pz=-0.12),
    ],
    "squat-claps": [
        key("clap", **WIDE, pz=-0.30, ppitch=0.24, hpitch=-0.2),
        key("straightside", **WIDE, pz=-0.05),
        key("highclap", **WIDE, pz=-0.06, hpitch=-0.15),
        key("side", **WIDE, pz=-0.12),
        key("lowclap", **WIDE, pz=-0.36, ppitch=0.35, hpitch=-0.2),
        key("upout", **stance(0, 0.24), pz=-0.06),
    ],
    "kicks": [
        key("front", "back", fRx=-0.10, fRy=-0.62, fRz=0.22, px=0.08, cpitch=-0.05),
        key("flexin", pz=-0.08),
        key("straightside", "front", fLx=0.10, fLy=-0.90, fLz=0.74, px=-0.08, py=0.08, cpitch=-0.16, hpitch=0.1),
        key("low", pz=-0.10),
        key("upout", fRx=-0.08, fRy=-0.80, fRz=1.06, px=0.08, py=0.10, cpitch=-0.10, pz=-0.04),
        key("flexin", pz=-0.12),
    ],
    "side-kicks": [
        key("side", "bentup", fRx=-0.66, fRz=0.24, px=0.10, croll=-0.10, proll=0.06),
        key("flexin", pz=-0.08),
        key("bentup", "straightside", fLx=0.84, fLz=0.66, px=-0.14, croll=0.28, proll=-0.22, fRyaw=-0.5),
        key("cross", pz=-0.08),
    ],
    "back-kicks": [
        key("front", fRx=-0.08, fRy=0.62, fRz=0.36, ppitch=0.35, cpitch=0.1, hpitch=-0.3, px=0.07),
        key("low", pz=-0.10),
        key("frontup", "backout", fLx=0.06, fLy=0.80, fLz=0.62, ppitch=0.75, cpitch=0.1, hpitch=-0.5, px=-0.07, py=-0.06),
        key("bentup", pz=-0.10),
    ],
    "knees": [
        key("bentup", "low", fLx=0.12, fLy=-0.34, fLz=0.52, px=-0.06),
        key("flexin", pz=-0.08, beats=0.5),
        key("low", "bentup", fRx=-0.12, fRy=-0.34, fRz=0.52, px=0.06, beats=1.0),
        key("flexin", pz=-0.08, beats=0.5),
        key("straightup", fLx=0.26, fLy=-0.30, fLz=0.62, px=-0.07, cpitch=-0.05),
        key("low", pz=-0.10),
    ],
    "lunges": [
        key("straightside", "flexin", fLx=0.46, fRx=-0.34, px=0.20, pz=-0.24, fLyaw=0.9, croll=0.06, hyaw=0.3),
        key("cross", fLx=0.22, fRx=-0.20, pz=-0.05),
        key("flexin", "straightside", fLx=0.34, fRx=-0.46, px=-0.20, pz=-0.24, fRyaw=-0.9, croll=-0.06, hyaw=-0.3),
        key("low", fLx=0.20, fRx=-0.20, pz=-0.05),
        key("frontup", "back", fLx=0.14, fLy=-0.42, fRx=-0.14, fRy=0.36, fRp=0.5, pz=-0.30, beats=1.5),
        key("flexin", pz=-0.06),
    ],
    "crouch": [
        key("low", **WIDE, pz=-0.35, ppitch=0.3, hpitch=-0.2),
        key("floor", **CROUCH, ppitch=0.95, cpitch=0.4, hpitch=-0.55, beats=1.5),
        key("floor", "straightside", **CROUCH, ppitch=0.8, cpitch=0.35, croll=0.15, hpitch=-0.5),
        key("flexin", **CROUCH, ppitch=0.30, cpitch=0.1, hpitch=-0.25),
        key("low", **WIDE, pz=-0.30, ppitch=0.3, hpitch=-0.2),
    ],
    "one-knee": [
        key("low", fRy=0.30, fLy=-0.15, pz=-0.20, fRp=0.5),
        key("hip", "low", **ONE_KNEE, beats=1.5),
        key("upout", "hip", **ONE_KNEE, croll=0.1),
        key("front", "backout", **ONE_KNEE, cyaw=-0.3),
        key("flexin", fRy=0.24, fLy=-0.15, pz=-0.16, fRp=0.4, beats=1.5),
    ],
    "floor": [
        key("low", fRy=0.30, fLy=-0.15, pz=-0.20, fRp=0.5),
        key("low", **ONE_KNEE, beats=1.5),
        key("low", **BOTH_KNEES),
        key("straightup", **BOTH_KNEES, cpitch=-0.1, beats=1.5),
        key("floorout", **{**BOTH_KNEES, "pz": -0.60}, ppitch=1.22, cpitch=0.35, hpitch=-0.7, beats=1.5),
        key("floor", "straightside", **{**BOTH_KNEES, "pz": -0.60}, ppitch=1.08, cpitch=0.3, cyaw=-0.45, hpitch=-0.5),
        key("chest", **{**BOTH_KNEES, "pz": -0.68, "py": 0.16}, ppitch=0.15, beats=1.5),
        key("upout", **ONE_KNEE, beats=1.5),
        key("low", fRy=0.24, fLy=-0.15, pz=-0.16, fRp=0.4, beats=1.5),
    ],
    "bend": [
        key("straightup", **stance(0, 0.24), pz=-0.04, cpitch=-0.15, hpitch=-0.1),
        key("frontlow", **WIDE, pz=-0.10, ppitch=0.8, cpitch=0.4, hpitch=-0.2, beats=1.5),
        key("straightside", **WIDE, pz=-0.08, ppitch=0.7, cpitch=0.2, cyaw=0.7, hpitch=-0.3),
        key("straightside", **WIDE, pz=-0.08, ppitch=0.7, cpitch=0.2, cyaw=-0.7, hpitch=-0.3),
        key("head", **WIDE, pz=-0.06, croll=0.35, proll=0.08, beats=1.5),
        key("head", **WIDE, pz=-0.06, croll=-0.35, proll=-0.08, beats=1.5),
    ],
    "jump": [
        key("back", pz=-0.30, ppitch=0.32, hpitch=-0.2),
        key("straightup", fLx=0.32, fRx=-0.32, pz=-0.10, leap=0.22),
        key("low", pz=-0.24, ppitch=0.2, hpitch=-0.15),
        key("straightside", fLx=0.12, fRx=-0.12, pz=-0.08, leap=0.14),
    ],
    "roll": [
        key("front", "hip", cyaw=0.45, hyaw=-0.2),
        key("hip", "front", cyaw=-0.45, hyaw=0.2),
        key("chest", cpitch=-0.20, hpitch=-0.1),
        key("low", cpitch=0.45, ppitch=0.1, pz=-0.14, hpitch=0.05),
    ],
    "point": [
        key("point", "hip", px=0.07, proll=-0.10, cyaw=-0.15, croll=-0.08, hyaw=0.25, hpitch=-0.08, fLx=0.2),
        key("across", "hip", px=-0.05, proll=0.08, cyaw=-0.35, pz=-0.10, hpitch=0.1, fLx=0.2),
        key("point", "behind", px=0.07, proll=-0.10, cyaw=-0.15, croll=-0.08, hyaw=0.25, hpitch=-0.08, fLx=0.2),
        key("flexin", pz=-0.10),
    ],
    "twist": [
        key("flexin", pyaw=0.35, cyaw=-0.55, fLyaw=0.55, fRyaw=0.15, pz=-0.12, px=0.04),
        key("flexin", pyaw=-0.35, cyaw=0.55, fLyaw=-0.15, fRyaw=-0.55, pz=-0.18, px=-0.04),
        key("bentup", pyaw=0.35, cyaw=-0.45, fLyaw=0.55, fRyaw=0.15, pz=-0.26, px=0.04),
        key("down", pyaw=-0.25, cyaw=0.35, fLyaw=-0.05, fRyaw=-0.45, pz=-0.08, px=-0.04),
    ],
    "shimmy": [
        key("side", cyaw=0.25, croll=0.05, pz=-0.10, hyaw=-0.1, fLx=0.22, fRx=-0.22, beats=0.5),
        key("side", cyaw=-0.25, croll=-0.05, pz=-0.14, hyaw=0.1, fLx=0.22, fRx=-0.22, beats=0.5),
        key("bentup", cyaw=0.25, croll=0.05, pz=-0.18, hyaw=-0.1, fLx=0.22, fRx=-0.22, beats=0.5),
        key("shoulder", cyaw=-0.25, pz=-0.14, hyaw=0.1, fLx=0.22, fRx=-0.22, beats=0.5),
    ],
    "fast-hands": [
        key("straightup", "down", **stance(0, 0.2), beats=0.5),
        key("shoulder", "straightside", **stance(0, 0.2), pz=-0.08, beats=0.5),
        key("down", "straightup", **stance(0, 0.2), beats=0.5),
        key("straightside", "shoulder", **stance(0, 0.2), pz=-0.08, beats=0.5),
        key("crosshigh", **stance(0, 0.2), pz=-0.1, beats=0.5),
        key("backout", **stance(0, 0.2), cpitch=-0.1, beats=0.5),
        key("front", **stance(0, 0.2), pz=-0.08, beats=0.5),
        key("low", **stance(0, 0.2), pz=-0.1, beats=0.5),
    ],
    "slow-wave": paced(
        [
            key("straightside", "down", **stance(0, 0.22), croll=-0.12),
            key("upout", "straightside", **stance(0, 0.22, px=0.06)),
            key("crosshigh", "upout", **stance(0, 0.22, px=-0.06), croll=0.12),
            key("backout", **stance(0, 0.22), cpitch=-0.18, hpitch=-0.12),
        ],
        1.75,
    ),
    "walk": [
        key("frontlow", "back", yaw=QUARTER * 0.8, fLx=0.09, fRx=-0.09, fLy=-0.22, fRy=0.2, fRp=0.4, wx=-0.16),
        key("back", "frontlow", yaw=QUARTER, fLx=0.09, fRx=-0.09, fRy=-0.26, fLy=0.2, fLp=0.4, wx=0.02),
        key("frontlow", "back", yaw=QUARTER, fLx=0.09, fRx=-0.09, fLy=-0.26, fRy=0.2, fRp=0.4, wx=0.22),
        key("bentup", yaw=QUARTER * 0.5, wx=0.22, pz=-0.06),
        key("side", "hip", wx=0.14, px=-0.04),
    ],
    "full-turn": [
        *turned(0, -TURN * 5 / 6, 5, key("cross", pz=-0.06), key("upout", pz=-0.08), key("flexin", pz=-0.06)),
        key("side", yaw=-TURN, pz=-0.05),
    ],
    "fast-turn": [
        *turned(0, TURN * 3 / 4, 3, key("cross", pz=-0.05, fLx=0.1, fRx=-0.1)),
        key("upout", yaw=TURN, pz=-0.08),
    ],
    "bow": [
        key("upout", **stance(0, 0.24), pz=-0.08),
        key("behind", "across", pz=-0.05, fRy=0.12, ppitch=0.6, cpitch=0.4, hpitch=0.15, beats=1.5),
        key("down", pz=-0.03, beats=1.5),
    ],
}  # fmt: skip


def view(heading: float, arm: str = "down", beats: float = 1.0) -> list[Key]:
    """Arrive at a heading and stand still in it."""
    return held(key(arm, yaw=heading), beats)
