"""Somebody who was pointed at in a video: known by where they were at one moment, and by the colours of their clothes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from core.pose.person_selection import Body

Colours: TypeAlias = tuple[float, ...]
"""``core.pose.detection.clothes_colours`` as plain numbers; empty where nobody knows them."""

_WEIGHTS: Final = np.array([0.4, 1.0, 1.0, 0.4, 1.0, 1.0], np.float32)
"""Lightness counts less than hue: it changes with the light."""
OTHER_CLOTHES: Final = 30.0
"""Distance of colours from which two people are certainly dressed differently."""
_LIKE_CLOTHES: Final = 8.0
"""Distance within which two people are dressed alike, so that colours do not tell them apart."""
_KNOWN_CLOTHES: Final = 15.0
"""Distance within which somebody wears what was seen on them before."""
_REACH: Final = 0.5
"""Heights of a body within which whoever is there at the moment pointed at is the one who was pointed at."""


def colours_apart(one: NDArray[np.float32] | Colours, other: NDArray[np.float32] | Colours) -> float:
    """How far apart the colours of two people's clothes are; both known."""
    return float(np.linalg.norm((np.asarray(one, np.float32) - np.asarray(other, np.float32)) * _WEIGHTS))


@dataclass(frozen=True, slots=True)
class Chosen:
    """Whom to follow: the person who is at (``x``, ``y``) at ``seconds``. Can be compared and hashed.

    Attributes:
        seconds: from the first picture that is looked at.
        x, y: the middle of their trunk then, in shares of the picture's width and height.
        colours: of their clothes; by them they are known before that moment, and after an absence.
        others: the same of whoever else might be followed, so that none of them is taken for the chosen one.
        patience: seconds of absence after which somebody else is followed; forever unless given.
    """

    seconds: float
    x: float
    y: float
    colours: Colours = ()
    others: tuple[Colours, ...] = ()
    patience: float = math.inf

    def pointed_at(self, bodies: Sequence[Body], size: tuple[int, int]) -> int | None:
        """Number of the body that stands where the chosen one was, None where nobody does; ``size`` is (width, height)."""
        place = self._nearest(bodies, range(len(bodies)), size)
        if place is None:
            return None
        return place if self._apart(bodies[place], size) <= _REACH * bodies[place].height else None

    def among(
        self,
        bodies: Sequence[Body],
        colours: Sequence[NDArray[np.float32] | None],
        size: tuple[int, int],
        *,
        before: bool,
        absent: float,
    ) -> int | None:
        """Number of the body that is the chosen one's, at another moment; None where it may be anybody else's.

        Args:
            colours: of each body's clothes.
            before: whether the moment that was pointed at is still to come.
            absent: seconds since the chosen one was seen.
        """
        if absent > self.patience:
            return self._nearest(bodies, range(len(bodies)), size)
        twins = any(colours_apart(self.colours, other) <= _LIKE_CLOTHES for other in self.others if self.colours)
        if before and (twins or not self.colours):
            # it will be known soon enough
            return None
        alike = [i for i, seen in enumerate(colours) if self._may_be(seen)]
        if len(alike) > 1 and not twins:
            alike = [min(alike, key=lambda i: self._unlike(colours[i]))]
        return self._nearest(bodies, alike, size)

    def is_other(self, colours: NDArray[np.float32] | None) -> bool:
        """Whether somebody is dressed as one of the others is, and not as the chosen one, wherever they are.

        Under another light nobody is dressed as anybody was, and nobody is told apart by that.
        """
        if colours is None or not self.colours:
            return False
        nearest = min((colours_apart(other, colours) for other in self.others), default=math.inf)
        return nearest <= _KNOWN_CLOTHES and self._unlike(colours) > nearest + _LIKE_CLOTHES

    def _unlike(self, colours: NDArray[np.float32] | None) -> float:
        return 0.0 if colours is None or not self.colours else colours_apart(self.colours, colours)

    def _may_be(self, colours: NDArray[np.float32] | None) -> bool:
        """Whether somebody dressed so is rather the chosen one than any of the others."""
        if colours is None or not self.colours:
            return True
        mine = self._unlike(colours)
        rivals = [other for other in self.others if colours_apart(self.colours, other) > _LIKE_CLOTHES]
        return mine < OTHER_CLOTHES and all(mine < colours_apart(other, colours) for other in rivals)

    def _nearest(self, bodies: Sequence[Body], which: Sequence[int], size: tuple[int, int]) -> int | None:
        return min(which, key=lambda i: self._apart(bodies[i], size), default=None)

    def _apart(self, body: Body, size: tuple[int, int]) -> float:
        return float(np.hypot(body.x - self.x * size[0], body.y - self.y * size[1]))
