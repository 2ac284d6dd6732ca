"""Which frames of a performer are held out, and the performer without them.

Neighbouring frames are near copies of each other, so a random split leaks; ``blocks`` is the one that counts and ``random``
is there for comparison with the course project's table alone. Training and evaluation both take their split from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from core.targets.footage import FOLDER_RATE
from core.targets.store import Target
from core.types import Pose
from core.utils.parsing import one_of

SplitName: TypeAlias = Literal["blocks", "random", "all"]
SPLITS: Final[tuple[SplitName, ...]] = get_args(SplitName)

Flags: TypeAlias = NDArray[np.bool_]

_RANDOM_SHARE: Final = 0.2
_BLOCKS: Final = 5
_BLOCK_SHARE: Final = 0.04
_GUARD_SECONDS: Final = Fraction(1, 2)

_FIRST, _PERIOD, _LENGTH, _GUARD = 100, 250, 50, 3


@dataclass(frozen=True, slots=True)
class Split:
    """Frames to learn from and frames to be judged by: (N,) bool each. Frames in neither are a guard between the two."""

    train: Flags
    held_out: Flags

    def stretches(self) -> list[NDArray[np.int64]]:
        """The held-out frames as stretches of frames that follow each other."""
        held = np.flatnonzero(self.held_out)
        return [part for part in np.split(held, np.flatnonzero(np.diff(held) > 1) + 1) if len(part)]


def parse_split(text: str) -> SplitName:
    """The split of that name.

    Raises:
        UnusableInput: there is none.
    """
    return one_of(text, SPLITS, "Split")


def split_of(target: Target, name: SplitName, seed: int = 0) -> Split:
    """The split of a performer's frames; training and evaluation agree because both ask here.

    ``all`` learns from every frame and is judged by every frame. ``seed`` is that of ``random``.
    """
    count = target.manifest.frames
    if name == "all":
        return Split(np.ones(count, np.bool_), np.ones(count, np.bool_))
    if name == "random":
        return random_split(count, seed)
    numbers = np.arange(count) + target.runs
    if target.rate == FOLDER_RATE and numbers[-1] >= _FIRST + _LENGTH:
        return numbered_blocks(numbers)
    return even_blocks(count, target.rate)


def random_split(count: int, seed: int = 0) -> Split:
    """One frame in five, drawn by ``seed``. The protocol of the original course project; it leaks."""
    held = np.zeros(count, np.bool_)
    held[np.random.default_rng(seed).permutation(count)[: round(count * _RANDOM_SHARE)]] = True
    return Split(~held, held)


def numbered_blocks(numbers: NDArray[np.int64]) -> Split:
    """The blocks of the tai-chi frames, whose numbers are their places in the original footage with frames missing.

    From number 100 on, the first 50 of every 250, and 3 dropped on either side.
    """

    def inside(number: NDArray[np.int64]) -> Flags:
        return (number >= _FIRST) & ((number - _FIRST) % _PERIOD < _LENGTH)

    near = np.any([inside(numbers + shift) for shift in range(-_GUARD, _GUARD + 1)], axis=0)
    return Split(~near, inside(numbers))


def even_blocks(count: int, rate: Fraction) -> Split:
    """Five blocks of 4 % of the frames, each in the middle of its fifth, and half a second dropped on either side."""
    length, guard = max(1, round(count * _BLOCK_SHARE)), -(-_GUARD_SECONDS * rate // 1)
    held, near = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    for block in range(_BLOCKS):
        start = round(count * (2 * block + 1) / (2 * _BLOCKS) - length / 2)
        held[max(start, 0) : start + length] = True
        near[max(start - guard, 0) : start + length + guard] = True
    return Split(~near, held)


class Subset(Target):
    """A performer of whom only some frames are known: in all others nobody is found. Everything else is the performer's.

    Generators made for it neither retrieve nor learn from what is left out. Frames keep their numbers. Footage stays the
    performer's, who is closed on their own.

    Args:
        target: the performer.
        kept: (N,) bool, the frames that stay known.
    """

    def __init__(self, target: Target, kept: Flags) -> None:
        self.__dict__.update(target.__dict__)
        self.found = target.found & kept
        poses = np.array(target.poses)
        poses[~self.found] = np.nan
        self.poses = poses
        # what lies on two sides of a gap does not flow from one to the other
        parted = (np.diff(target.runs) != 0) | (kept[1:] != kept[:-1])
        self.runs = np.concatenate([[0], np.cumsum(parted)]).astype(np.int32)
        for array in (self.found, self.poses, self.runs):
            array.flags.writeable = False

    def pose(self, index: int) -> Pose | None:
        """The pose in frame ``index``, None where nobody was found or the frame is left out."""
        return Pose(self.poses[index]) if self.found[index] else None

    def close(self) -> None:
        """Nothing: the footage belongs to the whole performer."""
