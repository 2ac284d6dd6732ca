"""Words that a person may type where only some are known."""

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
