"""What a person wishes to see live, and what has to be opened for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeAlias

from core.bundled import dances
from core.generators.base import Generator
from core.live.adaptive_quality import Quality
from core.live.dance_follow import DanceMoves, DancePlayer, Score, learn_moves
from core.live.layout import BESIDE_HEIGHT, LiveLayout
from core.pipeline import PerformerRenderer, background_for
from core.pose.live_tracker import TrackedPose
from core.rendering.compositing import Background
from core.targets.store import Target
from core.types import Frame

logger = logging.getLogger(__name__)

OpenCast: TypeAlias = Callable[[str, str], tuple[Target, Generator]]
"""Gives the performer and the generator of those names; may raise any ``DanceError``."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """What a person wishes to see.

    Attributes:
        performer, generator: by name.
        layout: what is beside or over the performer.
        background: as ``core.rendering.compositing.parse_background`` reads it.
        flip: as in a mirror.
        dance: id of a bundled dance to follow, None for none.
    """

    performer: str
    generator: str
    layout: LiveLayout = "mirror"
    background: str = "stage"
    flip: bool = True
    dance: str | None = None

    @property
    def scenery(self) -> tuple[str, str, str, bool]:
        """What of it has to be opened."""
        return self.performer, self.generator, self.background, self.beside

    @property
    def beside(self) -> bool:
        """Whether the performer is shown beside something else, and so smaller than they are."""
        return self.layout == "side-by-side" or self.dance is not None


@dataclass(frozen=True, slots=True)
class Scene:
    """A performer on a stage, ready to be drawn.

    Attributes:
        smaller_offered: whether the generator could draw them smaller.
        generator: as it was opened, of which the act may draw with a smaller one: it is in use as long as this is.
    """

    act: PerformerRenderer
    background: Background
    smaller_offered: bool
    generator: Generator


def open_scene(wish: LiveSettings, quality: Quality, open_cast: OpenCast) -> Scene:
    """Open what a wish needs.

    Raises:
        DanceError: the performer, the generator or the background cannot be had.
    """
    target, opened = open_cast(wish.performer, wish.generator)
    generator = opened.for_height(BESIDE_HEIGHT) if wish.beside else opened
    smaller = generator.smaller()
    drawing = smaller if smaller is not None and quality >= Quality.SMALLER else generator
    drawing.warm_up()
    return Scene(
        PerformerRenderer(target, drawing), background_for(target, wish.background), smaller is not None, opened
    )


@dataclass(slots=True)
class Following:
    """A dance that is followed, from ``started`` (monotonic seconds) on, over and over."""

    dance: str
    moves: DanceMoves
    player: DancePlayer
    score: Score
    started: float = field(default_factory=monotonic)
    now: float | None = None

    def again(self, started: float) -> Following:
        """The same dance from its beginning, at ``started``."""
        return Following(self.dance, self.moves, self.player.again(), Score(self.moves), started)

    def take_in(self, sight: TrackedPose, at: float) -> None:
        """A pose that was seen ``at`` a monotonic clock."""
        if not sight.held and at >= self.started:
            self.now = self.score.add(sight.pose, at - self.started)

    def picture(self, at: float) -> Frame | None:
        """The dance ``at`` a monotonic clock."""
        return self.player.at(at - self.started, self.moves.length)


def open_following(dance: str) -> Following | None:
    """A bundled dance, its moves learnt; None where there is none of that id.

    Raises:
        NotAVideo: it cannot be read.
    """
    video = dances.find(dance)
    if video is None:
        return None
    moves = learn_moves(video)
    return Following(dance, moves, DancePlayer(video), Score(moves))
