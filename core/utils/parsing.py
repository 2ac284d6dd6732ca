"""Words and numbers from outside, where only some can be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from core.errors import UnusableInput

Word = TypeVar("Word", bound=str)


def one_of(text: str, known: Sequence[Word], what: str) -> Word:
    """The one of ``known`` that ``text`` is; ``what`` names the kind of word.

    Raises:
        UnusableInput: it is none of them; the message lists them.
    """
    for word in known:
        if word == text:
            return word
    raise UnusableInput(f"{what} '{text[:40]}' is not known: there are {', '.join(known)}.")


def check_number(value: float, least: float, most: float, what: str) -> None:
    """Make sure that a number lies from ``least`` to ``most``; ``what`` begins the sentence that says so.

    Raises:
        UnusableInput: it does not, or is no number at all.
    """
    # not the other way round: nothing is true of NaN
    if not least <= value <= most:
        raise UnusableInput(f"{what} is a number from {least:.10g} to {most:.10g}, not {value:.10g}.")
