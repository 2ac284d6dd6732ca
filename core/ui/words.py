"""Words for pages."""

from __future__ import annotations

import re

from core.names import clean_text

_MARKDOWN = frozenset(r"\`*_{}[]()#+-!|~$<>:&=")
# Streamlit looks for these in the finished text, where a backslash is gone: emoji and icons, addresses that become links
_FOUND_LATER = re.compile(r":(?=[\w+/-]+:)|:(?=//)|@|www(?=\.)", re.IGNORECASE)
_NUMBERED = re.compile(r"^(\d+)(?=\.)", re.MULTILINE)
_JOINER = "\u2060"
"""A character without a width; nothing that is looked for has it inside."""


def plain(text: str) -> str:
    """``text`` with nothing in it that Markdown, or what Streamlit makes of it, would take for its own."""
    apart = _FOUND_LATER.sub(lambda found: found[0] + _JOINER, clean_text(text))
    escaped = "".join(f"\\{c}" if c in _MARKDOWN else c for c in apart)
    return _NUMBERED.sub(r"\1\\", escaped)


def in_words(seconds: float) -> str:
    """A length of time as people say it."""
    seconds = round(seconds)
    if seconds < 90:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} minutes" if rest < 10 else f"{minutes} min {rest} s"
