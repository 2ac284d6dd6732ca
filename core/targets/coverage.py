"""Which poses footage has seen: where arms and legs pointed, which way the body faced, which moves were made.

A generator shows well what its footage has seen and guesses the rest, so this says what to film more of. Left and right
are the person's own. Directions are those of the picture, turned over where somebody is seen from behind, so that
outwards is outwards in every view; from the side there is no outwards, and only the facing counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from core.pose import skeleton
from core.targets.coverage_chart import draw_repertoire
from core.types import LANDMARKS, Frame

SECTORS: Final = 8
"""Directions of a bone, 45° each: 0 outwards, 2 down, 4 inwards, 6 up, and those between. Also directions of the body:
0 towards the camera, 2 to the person's left, 4 away, 6 to the right."""

SEEN: Final = 0.5
"""Seconds from which a direction or a move counts as seen."""

PLENTY: Final = 2.0
"""Seconds that are all that is wanted of it."""

Move: TypeAlias = Literal[
    "left_arm_up", "right_arm_up", "left_arm_out", "right_arm_out", "left_hand_in", "right_hand_in",
    "left_foot_up", "right_foot_up", "feet_apart", "crouch", "lean_left", "lean_right",
]  # fmt: skip
MOVES: Final[tuple[Move, ...]] = get_args(Move)

Flags: TypeAlias = NDArray[np.bool_]
_Values: TypeAlias = NDArray[np.float32]

_ONE: Final[dict[Move, str]] = {
    "left_arm_up": "Raise your left arm above your head.",
    "right_arm_up": "Raise your right arm above your head.",
    "left_arm_out": "Stretch your left arm out to the side.",
    "right_arm_out": "Stretch your right arm out to the side.",
    "left_hand_in": "Bring your left hand in front of your chest.",
    "right_hand_in": "Bring your right hand in front of your chest.",
    "left_foot_up": "Lift your left knee.",
    "right_foot_up": "Lift your right knee.",
    "feet_apart": "Stand with your feet wide apart.",
    "crouch": "Bend your knees and go down low.",
    "lean_left": "Lean to your left.",
    "lean_right": "Lean to your right.",
}
_BOTH: Final[dict[tuple[Move, Move], str]] = {
    ("left_arm_up", "right_arm_up"): "Raise both arms above your head for a few seconds.",
    ("left_arm_out", "right_arm_out"): "Stretch both arms out to the sides.",
    ("left_hand_in", "right_hand_in"): "Bring both hands together in front of your chest.",
    ("left_foot_up", "right_foot_up"): "Lift one knee, then the other.",
    ("lean_left", "lean_right"): "Lean to your left, then to your right.",
}

_JOINT_SEEN: Final = 0.5
_DEPTH: Final = 0.4
"""MediaPipe tells depth about two and a half times too large: with this the way a body faces is right within 10°."""

_LEGS_IN_TORSOS, _ARMS_IN_TORSOS = 1.6, 1.05
_SHORTEST_BONE: Final = 0.25
"""Torso lengths that a bone spans in the picture; a shorter one points at the camera and nowhere else."""
_LEVEL_ARM: Final = 0.6
_IN_REACH: Final = 0.12
_LIFTED: Final = 0.3
_APART: Final = 0.95
_LOW_HIPS: Final = 1.2
_LEANING: Final = np.tan(np.radians(12.0))
_MANY_TURNS: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """How long each part of a body's repertoire was seen, in seconds.

    Attributes:
        seconds: somebody was seen at all.
        bones: (8, 8), by bone in the order of ``skeleton.LIMBS`` and by direction (:data:`SECTORS`).
        turns: (8,), by the direction that the body faces.
        moves: every one of :data:`MOVES`.
    """

    seconds: float
    bones: _Values
    turns: _Values
    moves: dict[Move, float]

    @property
    def share(self) -> float:
        """How much of all facings and moves was seen, 0 to 1."""
        seen = [*(self.turns >= SEEN), *(seconds >= SEEN for seconds in self.moves.values())]
        return float(np.mean(seen))

    @property
    def missing(self) -> tuple[str, ...]:
        """What to film more of, most important first, a sentence each."""
        lacking = {move for move, seconds in self.moves.items() if seconds < SEEN}
        sentences = _missing_turns(self.turns >= SEEN)
        for move in MOVES:
            pair = next((pair for pair in _BOTH if move in pair), None)
            if pair is not None and lacking.issuperset(pair):
                if move == pair[0]:
                    sentences.append(_BOTH[pair])
            elif move in lacking:
                sentences.append(_ONE[move])
        return tuple(sentences)

    def picture(self, size: tuple[int, int] = (960, 640)) -> Frame:
        """All of it as one picture of ``size`` (width, height): bright is seen, faint is missing."""
        moves: dict[str, float] = {move: float(_level(np.float32(seconds))) for move, seconds in self.moves.items()}
        return draw_repertoire(_level(self.bones), _level(self.turns), moves, size)


def coverage_of(poses: NDArray[np.float32], rate: float) -> Coverage:
    """What was seen in poses of one person.

    Args:
        poses: (N, 33, 4) as in :class:`core.types.Pose`, NaN where nobody was seen; the order does not matter.
        rate: poses a second; each counts for 1 / rate seconds.
    """
    known = poses[np.isfinite(poses).all(axis=(1, 2))] if len(poses) else np.zeros((0, LANDMARKS, 4), np.float32)
    body = _Bodies(known)
    facing = np.rint(body.turn / (2 * np.pi / SECTORS)).astype(int) % SECTORS
    moves = {move: float(flags.sum() / rate) for move, flags in body.moves().items()}
    turns = np.bincount(facing, minlength=SECTORS).astype(np.float32)
    return Coverage(len(known) / rate, body.bones() / np.float32(rate), turns / np.float32(rate), moves)


class _Bodies:
    """N poses measured in torso lengths; every method answers for each of them.

    Args:
        poses: (N, 33, 4), all known.
    """

    def __init__(self, poses: NDArray[np.float32]) -> None:
        self._seen = poses[..., 3] >= _JOINT_SEEN
        lefts, rights = (list(side) for side in zip(skeleton.SHOULDERS, skeleton.HIPS, strict=True))
        across = (poses[:, lefts, :3] - poses[:, rights, :3]).sum(axis=1)
        self.turn = np.arctan2(_DEPTH * across[:, 2], across[:, 0])
        # from behind, the person's left is on the left of the picture
        outwards = np.where(np.abs(self.turn) > np.pi / 2, -1.0, 1.0).astype(np.float32)
        self._flat = np.abs(np.cos(self.turn)) > np.cos(3 * np.pi / SECTORS)
        # x to the person's own left from here on
        self._xy = poses[..., :2] * np.stack([outwards, np.ones_like(outwards)], axis=1)[:, None]
        self._xy = self._xy / self._unit()[:, None, None]
        self._shoulders = self._xy[:, skeleton.SHOULDERS].mean(axis=1)
        self._hips = self._xy[:, skeleton.HIPS].mean(axis=1)

    def _unit(self) -> _Values:
        """(N,) pixels of a torso: the largest of what torso, legs and arms say, as bones only ever look too short."""
        torso = self._xy[:, skeleton.SHOULDERS].mean(axis=1) - self._xy[:, skeleton.HIPS].mean(axis=1)
        bones = np.stack([self._length(a, b) for a, b, _ in skeleton.LIMBS], axis=1)
        limbs = bones[:, 0::2] + bones[:, 1::2]
        arms, legs = limbs[:, :2].max(axis=1) / _ARMS_IN_TORSOS, limbs[:, 2:].max(axis=1) / _LEGS_IN_TORSOS
        return np.asarray(
            np.maximum.reduce([np.linalg.norm(torso, axis=1), arms, legs, np.ones_like(arms)]), np.float32
        )

    def _length(self, a: int, b: int) -> _Values:
        return np.asarray(np.linalg.norm(self._xy[:, a] - self._xy[:, b], axis=1), np.float32)

    def _sure(self, *joints: int) -> Flags:
        return np.asarray(self._seen[:, list(joints)].all(axis=1))

    def bones(self) -> _Values:
        """(8, 8) how many poses had each bone in each direction."""
        counts = np.zeros((len(skeleton.LIMBS), SECTORS), np.float32)
        for bone, (parent, child, _) in enumerate(skeleton.LIMBS):
            along = (self._xy[:, child] - self._xy[:, parent]) * (_side(parent), 1)
            use = self._flat & self._sure(parent, child) & (np.linalg.norm(along, axis=1) >= _SHORTEST_BONE)
            angle = np.arctan2(along[use, 1], along[use, 0])
            sector = np.rint(angle / (2 * np.pi / SECTORS)).astype(int) % SECTORS
            counts[bone] = np.bincount(sector, minlength=SECTORS)
        return counts

    def moves(self) -> dict[Move, Flags]:
        """(N,) whether each pose makes each move."""
        left, right = self._arm(0), self._arm(1)
        left_foot, right_foot = self._lifted(0), self._lifted(1)
        ankles = self._xy[:, [skeleton.LEFT_ANKLE, skeleton.RIGHT_ANKLE]]
        legs_seen = self._sure(skeleton.LEFT_ANKLE, skeleton.RIGHT_ANKLE, *skeleton.HIPS)
        trunk = self._shoulders - self._hips
        lean = self._flat & (trunk[:, 1] < 0)
        slope = trunk[:, 0] / np.maximum(-trunk[:, 1], 1e-3)
        return {
            "left_arm_up": left[0],
            "right_arm_up": right[0],
            "left_arm_out": left[1],
            "right_arm_out": right[1],
            "left_hand_in": left[2],
            "right_hand_in": right[2],
            "left_foot_up": left_foot,
            "right_foot_up": right_foot,
            "feet_apart": legs_seen & (np.abs(ankles[:, 0, 0] - ankles[:, 1, 0]) > _APART),
            "crouch": legs_seen & (ankles[..., 1].max(axis=1) - self._hips[:, 1] < _LOW_HIPS),
            "lean_left": lean & (slope > _LEANING),
            "lean_right": lean & (slope < -_LEANING),
        }

    def _arm(self, side: int) -> tuple[Flags, Flags, Flags]:
        """Whether the hand is above the head, the arm stretched out to the side, the hand before the chest."""
        shoulder, wrist = skeleton.SHOULDERS[side], (skeleton.LEFT_WRIST, skeleton.RIGHT_WRIST)[side]
        hand, seen = self._xy[:, wrist], self._sure(shoulder, wrist)
        reach = (hand - self._xy[:, shoulder]) * (_side(shoulder), 1)
        up = seen & (hand[:, 1] < self._xy[:, skeleton.HEAD, 1].mean(axis=1))
        out = seen & self._flat & (reach[:, 0] > _LEVEL_ARM) & (np.abs(reach[:, 1]) < reach[:, 0])
        level = (hand[:, 1] > self._shoulders[:, 1]) & (hand[:, 1] < self._hips[:, 1])
        inside = (hand[:, 0] - self._shoulders[:, 0]) * _side(shoulder) < _IN_REACH
        return up, out, seen & self._flat & level & inside

    def _lifted(self, side: int) -> Flags:
        """Whether that foot is well above the other."""
        ankles = skeleton.LEFT_ANKLE, skeleton.RIGHT_ANKLE
        rise = self._xy[:, ankles[1 - side], 1] - self._xy[:, ankles[side], 1]
        return self._sure(*ankles) & (rise > _LIFTED)


def _level(seconds: NDArray[np.float32] | np.float32) -> NDArray[np.float32]:
    """0 for never, a half for just seen, 1 for plenty; what is not seen enough stays well below the half."""
    little, enough = 0.3 * seconds / SEEN, 0.5 + 0.5 * (seconds - SEEN) / (PLENTY - SEEN)
    return np.asarray(np.where(seconds < SEEN, little, np.minimum(enough, 1.0)), np.float32)


def _side(joint: int) -> int:
    # MediaPipe numbers the left side odd and the right side even
    return 1 if joint % 2 else -1


def _missing_turns(seen: Flags) -> list[str]:
    """Sentences for the facings that were not ``seen`` (8,)."""
    if int((~seen[1:]).sum()) > _MANY_TURNS:
        sentences = ["Turn slowly on the spot, once all the way round."]
    else:
        left, right = bool(seen[1:4].sum() < 2), bool(seen[5:].sum() < 2)
        sides = {
            (True, True): "Turn to your left, then to your right, so that both your sides are seen.",
            (True, False): "Turn to your left for a few seconds.",
            (False, True): "Turn to your right for a few seconds.",
        }
        sentences = [sides[left, right]] if left or right else []
        if not seen[3:6].any():
            sentences.append("Turn your back to the camera for a few seconds.")
    return sentences if seen[[7, 0, 1]].any() else ["Face the camera for a while.", *sentences]
