"""What every generator is: a pose in, the performer's picture out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from core.types import Frame, Picture, Pose

if TYPE_CHECKING:
    from core.targets.split import SplitName

Shares = tuple[tuple[int, float], ...]
"""Of the performer's own frames those that one part of the body is taken from, each with its share, the largest first."""

Choice = int | tuple[Shares, ...] | None
"""Which of the performer's own frames a picture is made from, one, or some for each part; None where a generator uses none."""


def frames_of(choice: Choice) -> list[int]:
    """Return every frame of the performer that a choice takes anything from."""
    if choice is None:
        return []
    return [choice] if isinstance(choice, int) else [frame for shares in choice for frame, _ in shares]


_BEST, _UNTRAINED = "realtime", "nearest"


def default_generator(offered: Collection[str]) -> str:
    """The one to use of those that a performer offers when nobody chose."""
    return _BEST if _BEST in offered else _UNTRAINED


@dataclass(frozen=True, slots=True)
class GeneratorSpec:
    """What a person is told about a generator.

    Attributes:
        name: how it is called on the command line and in manifests.
        title: how it is called on pages.
        strength: one line on what it is good at.
        needs_weights: whether a performer must have been trained for it.
    """

    name: str
    title: str
    strength: str
    needs_weights: bool


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A picture for people of what a generator worked from.

    Attributes:
        title: what it shows, in a few words.
        note: one plain line about it; may be empty.
    """

    title: str
    image: Frame
    note: str = ""


class Generator(ABC):
    """Makes pictures of one performer. Holds no state of a stream: shared between users and threads.

    A file asks ``choose_all`` once and then ``generate`` for each frame; a stream asks a ``Chooser`` of its own for each.
    """

    spec: GeneratorSpec

    copies: bool = False
    """Whether it takes pixels from the performer's footage when it is served."""

    @property
    def trained_on(self) -> SplitName | None:
        """What of the footage a trained generator learnt from; None where nothing was learnt."""
        return None

    @property
    def held_bytes(self) -> int:
        """About how much memory it takes just now, beside its performer."""
        return 0

    def warm_up(self) -> None:
        """Load whatever the first picture would wait for. May be left out, and called again."""
        return

    def prepare(self, going: Callable[[], bool]) -> None:
        """Load what later pictures would wait for, while ``going``; takes seconds, and is for a thread beside others."""
        return

    def smaller(self) -> Generator | None:
        """The same, drawn at half the size and so faster; None where that is not offered."""
        return None

    def for_height(self, height: int) -> Generator:
        """The same, drawn no finer than where it is shown that many pixels high."""
        return self

    @abstractmethod
    def choose_all(
        self, poses: Sequence[Pose | None], times: Sequence[Fraction], cuts: Sequence[int] = ()
    ) -> list[Choice]:
        """For all frames of a file at once, the performer's frame to work from; knows the future.

        Args:
            poses: asked in each frame; None for nobody.
            times: seconds of the frames, growing.
            cuts: numbers of the frames that begin another shot.
        """

    @abstractmethod
    def chooser(self) -> Chooser:
        """The same for one live stream, which does not know it."""

    @abstractmethod
    def generate(self, pose: Pose, choice: Choice) -> Picture:
        """The performer in ``pose`` (performer pixels), at the performer's size."""

    def look_inside(self, pose: Pose, choice: Choice) -> list[Glimpse]:
        """What the picture of that pose was made from, as pictures for people."""
        return []


class Chooser(ABC):
    """State of one live stream."""

    @abstractmethod
    def choose(self, pose: Pose, seconds: float) -> Choice:
        """The performer's frame for the next pose of the stream."""
