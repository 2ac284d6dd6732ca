"""Whom to follow in the visitor's own video: asked where several people are in it, after a look at pictures across it."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

from core.errors import Cancelled
from core.ui.app_services import app_services
from core.ui.image_picker import Card, pick
from core.ui.images import as_url, jpeg

if TYPE_CHECKING:
    from core.pose.candidates import Candidate
    from core.pose.person_selection import Person

logger = logging.getLogger(__name__)

_LOOK_AGAIN_SECONDS: Final = 0.5
_PORTRAIT_SIDE: Final = 280
_LATER: Final = 0.5
"""Seconds after the start from which it is told when somebody is seen."""

_one_at_a_time = threading.Lock()


@dataclass
class PersonSearch:
    """A look at one stretch of a video, and whom the visitor chose in it.

    Attributes:
        video, start, end: the stretch, in seconds; ``end`` is None for the end of the file.
        done: whether all of it was looked at.
        chosen: whom the visitor chose; None before they did.
    """

    video: Path
    start: float
    end: float | None
    done: bool = False
    chosen: Candidate | None = None
    _first: list[Candidate] = field(default_factory=list, repr=False)
    _found: list[Candidate] | None = field(default=None, repr=False)
    _stopped: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def stretch(self) -> tuple[Path, float, float | None]:
        """Which part of which video."""
        return self.video, self.start, self.end

    def begin(self) -> None:
        """Look at the first picture now, and at others in the background."""
        from core.pose.candidates import look_at_start

        self._first = look_at_start(self.video, self.start)
        app_services().in_background(self._look, name="whom")

    def stop(self) -> None:
        """Nobody waits for it any more."""
        self._stopped.set()

    @property
    def people(self) -> list[Candidate]:
        """Whom there is to choose, by what was looked at so far; nobody where there is no choice."""
        found, chosen = self._found, self.chosen
        if found is None:
            return self._first
        # whom somebody chose meanwhile stays
        lost = chosen is not None and chosen in self._first and not any(one.is_also(chosen) for one in found)
        return self._first if lost else found

    def followed(self, people: list[Candidate]) -> Candidate:
        """Which of ``people``, who are some, to follow: the chosen one, else who is most to be seen."""
        chosen = self.chosen
        same = None if chosen is None else next((one for one in people if one.is_also(chosen)), None)
        return same or max(people, key=lambda one: one.count * one.height)

    def _look(self) -> None:
        from core.pose.candidates import look_across

        closing = app_services().closing
        try:
            with _one_at_a_time:
                self._found = look_across(
                    self.video, self.start, self.end, lambda: self._stopped.is_set() or closing.is_set()
                )
        except Cancelled:
            logger.debug("nobody waits for a look at %s", self.video.name)
        except Exception:
            # the first picture has to do
            logger.exception("whom to follow could not be looked for")
        finally:
            self.done = True


def choose_person(looking: PersonSearch) -> Person:
    """The choice among the people in a stretch of a video, where there is one."""
    if not looking.done:
        st.fragment(_wait, run_every=_LOOK_AGAIN_SECONDS)(looking)
    # read once: it is replaced when the look is over
    people = looking.people
    if not people:
        return "largest"
    followed = looking.followed(people)

    def choose(number: str) -> None:
        looking.chosen = people[int(number)]

    st.markdown("**Who should we follow?**")
    cards = [_card(number, one, looking.start) for number, one in enumerate(people)]
    pick("person", cards, str(people.index(followed)), choose, columns=4)
    return followed.person


def _wait(looking: PersonSearch) -> None:
    if looking.done:
        st.rerun()


def _card(number: int, candidate: Candidate, start: float) -> Card:
    title = f"Dancer {number + 1}"
    if candidate.seconds - start >= _LATER:
        # no break within the time
        title += f" at\N{NO-BREAK SPACE}{candidate.seconds:.1f}\N{NO-BREAK SPACE}s"
    return Card(str(number), title, as_url(jpeg(candidate.portrait, _PORTRAIT_SIDE)))
