"""Words for pages."""

from __future__ import annotations

import os
import re
from typing import Final

from core import paths
from core.settings import settings
from core.utils.display_names import clean_text

WITHIN: Final = 4 / 3
"""By how much two measures of a time may differ of which one is told."""
_MARKDOWN = frozenset(r"\`*_{}[]()#+-!|~$<>:&=")
# Streamlit looks for these in the finished text, where a backslash is gone: emoji and icons, addresses that become links
_FOUND_LATER = re.compile(r":(?=[\w+/-]+:)|:(?=//)|@|www(?=\.)", re.IGNORECASE)
_NUMBERED = re.compile(r"^(\d+)(?=\.)", re.MULTILINE)
_JOINER = "\u2060"
"""A character without a width; nothing that is looked for has it inside."""
_PATH = re.compile(
    r"""
    (?<![\w.:/\\])                             # not in the middle of an address, a ratio or a relative path
    (?:[A-Za-z]:[\\/]|~?/|\\\\)                # C:\ / ~/ \\server
    [^\s/\\'"“”‘’<>|,;:*?]+                     # a folder
    (?:[\\/][^\s/\\'"“”‘’<>|,;:*?]+)+           # what is in it
    """,
    re.VERBOSE,
)


def plain(text: str) -> str:
    """``text`` with nothing in it that Markdown or Streamlit would take for its own, and no path of this computer."""
    apart = _FOUND_LATER.sub(lambda found: found[0] + _JOINER, clean_text(without_paths(text)))
    escaped = "".join(f"\\{c}" if c in _MARKDOWN else c for c in apart)
    return _NUMBERED.sub(r"\1\\", escaped)


def without_paths(text: str) -> str:
    """``text`` with the last name alone of each path: where things lie here is nobody's business but the log's."""
    for root in (paths.work_root(), paths.cache_root(), paths.data_root(), paths.PROJECT):
        # those may have blanks in them, which would end a path in any other text
        text = text.replace(f"{root}{os.sep}", "/_/").replace(str(root), root.name)
    return _PATH.sub(lambda found: re.split(r"[\\/]", found.group())[-1], text)


def what_leaves() -> str:
    """What is sent from the computer that runs the app, in a sentence or two."""
    if settings().pose_engine == "openvino":
        return "Nothing leaves this computer."
    return (
        "Your pictures stay on this computer. MediaPipe, which was chosen here to find people, sends Google figures about "
        "its performance and use."
    )


def in_words(seconds: float) -> str:
    """A length of time as people say it."""
    seconds = round(seconds)
    if seconds < 90:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} minutes" if rest < 10 else f"{minutes} min {rest} s"


def about(least: float, most: float) -> str:
    """A length of time that is known only within bounds: one where they are within a third of each other."""
    return in_words((least + most) / 2) if most <= least * WITHIN else f"{in_words(least)} to {in_words(most)}"
