"""Check words and numbers that come from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from core.errors import UnusableInput

Word = TypeVar("Word", bound=str)


def one_of(text: str, known: Sequence[Word], what: str) -> Word:
    """Return the member of ``known`` that equals ``text``; ``what`` names the kind of word in the error.

    Raises:
        UnusableInput: there is none; the message lists ``known``.
    """
    for word in known:
        if word == text:
            return word
    raise UnusableInput(f"{what} '{text[:40]}' is not known: there are {', '.join(known)}.")


def check_number(value: float, least: float, most: float, what: str) -> None:
    """Check that a number lies between ``least`` and ``most``; ``what`` begins the sentence of the error.

    Raises:
        UnusableInput: it does not, or is NaN.
    """
    # comparisons with NaN are False, so this order refuses it
    if not least <= value <= most:
        raise UnusableInput(f"{what} is a number from {least:.10g} to {most:.10g}, not {value:.10g}.")
