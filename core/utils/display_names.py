"""Names that people give: cleaned once on their way in, so that they are harmless wherever they are shown.

What turns text round, has no width or steers a terminal is no part of a name. What Markdown or a terminal's markup takes for
its own is left in it: that is the business of whoever shows it.
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
"""Accents on one letter; more of them climb over the lines above and below."""


def clean_line(text: str) -> str:
    """``text`` as one line of what can be seen: runs of white space become one space, all else without a shape goes."""
    spaced = "".join(" " if c.isspace() else c for c in text)
    return " ".join(_seen(spaced).split())


def clean_text(text: str) -> str:
    """The same of a text of several lines, which stay."""
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
