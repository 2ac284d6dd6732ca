"""Words for pages."""

from __future__ import annotations

_MARKDOWN = frozenset(r"\`*_{}[]()#+-!|~$<>:")


def plain(text: str) -> str:
    """``text`` with nothing in it that Markdown would take for its own."""
    return "".join(f"\\{c}" if c in _MARKDOWN else c for c in text)


def in_words(seconds: float) -> str:
    """A length of time as people say it."""
    seconds = round(seconds)
    if seconds < 90:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} minutes" if rest < 10 else f"{minutes} min {rest} s"
