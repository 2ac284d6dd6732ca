"""Clean names that people type, once, on input, so that they are safe to show anywhere.

Characters that change the direction of text, have no width or control a terminal are removed. Markdown and terminal markup
stay: escaping them is up to what shows the name.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Unicode's "default ignorable" characters beside those of the categories Cc, Cf, Co, Cs and Cn: letters and marks without a shape
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_MOST_MARKS: Final = 4
"""The most combining marks on one letter; more would run into the lines above and below."""


def clean_line(text: str) -> str:
    """Return ``text`` as one line of visible characters, each run of white space as one space."""
    spaced = "".join(" " if c.isspace() else c for c in text)
    return " ".join(_seen(spaced).split())


def clean_text(text: str) -> str:
    """Clean each line of a text as :func:`clean_line` does; keep the line breaks."""
    return "\n".join(clean_line(line) for line in text.replace("\r\n", "\n").split("\n"))


def _seen(text: str) -> str:
    kept: list[str] = []
    marks = 0
    for c in _INVISIBLE.sub("", text):
        kind = unicodedata.category(c)
        marks = marks + 1 if kind in {"Mn", "Me"} else 0
        if kind[0] != "C" and marks <= _MOST_MARKS:
            kept.append(c)
    return "".join(kept)
