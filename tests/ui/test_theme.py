from __future__ import annotations

from core.ui import theme


def test_the_style_sheet_reaches_the_browser() -> None:
    """One "<" in it, even in a comment, and the browser's sanitiser drops all of it without a word."""
    css = theme._CSS.read_text(encoding="utf-8")

    assert "st-key-card-" in css
    assert "<" not in css
    assert css.count("{") == css.count("}")
