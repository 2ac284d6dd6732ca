"""What somebody who films themselves is told: where to stand, when it begins, what to do next, when it is enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Phase: TypeAlias = Literal["waiting", "counting", "recording", "over"]

STEP_BACK: Final = "Step back until all of you is in view."
STAY: Final = "Stay there: it begins by itself."
FREE: Final = "Now dance as you like."
PLENTY: Final = "That is plenty: stopped."

COUNT_SECONDS: Final = 5
"""How long somebody who is whole in view has until the recording begins."""

LONGEST: Final = 180.0
"""Seconds after which a recording ends by itself."""

_HOLD: Final = 4.0
"""A sentence stays at least so long, as nobody reads one that flickers."""
_SKIP: Final = 10.0
"""What was not done in that time is asked for again later."""
_PATIENCE: Final = 1.0
"""Seconds that a hand may leave the picture, or a look may fail, before it is talked of."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What to tell at one moment.

    Attributes:
        phase: how far it is.
        words: one sentence.
        count: seconds until the recording begins, while they are counted.
        recorded: seconds recorded so far.
    """

    phase: Phase
    words: str
    count: int | None = None
    recorded: float = 0.0


class Guide:
    """Leads one person through one recording.

    Args:
        longest: see :data:`LONGEST`.
    """

    def __init__(self, longest: float = LONGEST) -> None:
        self._longest = longest
        self._phase: Phase = "waiting"
        self._began = 0.0
        self._whole_at = -math.inf
        self._asked: str | None = None
        self._asked_at = 0.0
        self._last = 0.0
        self._later: set[str] = set()

    def tell(self, seconds: float, missing: Sequence[str], *, whole: bool, hint: str | None) -> Prompt:
        """What to tell now.

        Args:
            seconds: of a clock that only grows.
            missing: what was not seen yet, a sentence each, most important first.
            whole: whether the body is in view from head to foot.
            hint: what hinders everything, a sentence.
        """
        if whole:
            self._whole_at = seconds
        blocked = hint or (None if seconds - self._whole_at < _PATIENCE else STEP_BACK)
        since, self._last = seconds - self._last, seconds
        if self._phase in {"waiting", "counting"}:
            self._get_ready(seconds, blocked)
        if self._phase == "waiting":
            return Prompt("waiting", blocked or STEP_BACK)
        recorded = seconds - self._began
        if self._phase == "counting":
            return Prompt("counting", STAY, count=math.ceil(-recorded))
        if recorded >= self._longest:
            self._phase = "over"
            return Prompt("over", PLENTY, recorded=self._longest)
        if blocked is not None:
            # what was asked for cannot be done meanwhile
            self._asked_at += since
            return Prompt("recording", blocked, recorded=recorded)
        return Prompt("recording", self._ask(seconds, missing), recorded=recorded)

    def _get_ready(self, seconds: float, blocked: str | None) -> None:
        """Go on to counting and to recording, or back to waiting."""
        if blocked is not None:
            self._phase = "waiting"
        elif self._phase == "waiting":
            self._phase, self._began = "counting", seconds + COUNT_SECONDS
        elif seconds >= self._began:
            self._phase, self._began = "recording", seconds

    def _ask(self, seconds: float, missing: Sequence[str]) -> str:
        """What to do now: what was asked for until it was done or given up, then the next."""
        asked, held = self._asked, seconds - self._asked_at
        done = asked not in missing and asked != FREE
        if asked is not None and held < (_HOLD if done else _SKIP):
            return asked
        if asked is not None and not done:
            self._later.add(asked)
        self._asked, self._asked_at = self._next(missing), seconds
        return self._asked

    def _next(self, missing: Sequence[str]) -> str:
        """The most important of what is missing and was not given up; after all of it, something for free and once more."""
        for sentence in missing:
            if sentence not in self._later:
                return sentence
        self._later.clear()
        return FREE
