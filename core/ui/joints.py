"""Thirteen points over a photo, to be dragged to the joints of a body in which no pose was found."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import streamlit as st

from core.ui.images import as_url, jpeg

if TYPE_CHECKING:
    from core.pose.joints import Joints
    from core.types import Frame

_HERE: Final = Path(__file__)
# Once: Streamlit knows components by name, for all visitors.
_COMPONENT: Final = st.components.v2.component(
    "everybody_dance_joints",
    html=_HERE.with_name("joints.html").read_text(encoding="utf-8"),
    css=_HERE.with_name("joints.css").read_text(encoding="utf-8"),
    js=_HERE.with_name("joints.js").read_text(encoding="utf-8"),
)
_SIDE: Final = 900


def set_joints(image: Frame, guess: Joints, *, key: str) -> Joints:
    """Show the points over a picture; returns where they are, the guess before anybody moved one.

    Args:
        key: of this picture; the browser keeps the points by it.
    """
    from core.pose.joints import BONES, TITLES

    data = {
        "key": key,
        "url": as_url(jpeg(image, _SIDE)),
        "names": list(TITLES),
        "bones": [list(bone) for bone in BONES],
        "points": [[round(float(x), 4), round(float(y), 4)] for x, y in guess],
    }
    result = _COMPONENT(key=key, data=data, default={"points": None}, on_points_change=lambda: None)
    return _points(result.get("points"), guess)


def _points(told: object, guess: Joints) -> Joints:
    """The points that a browser, which may tell anything, has told."""
    if not isinstance(told, list) or len(told) != len(guess):
        return guess
    for point in told:
        if not isinstance(point, list) or len(point) != 2 or not all(_is_share(value) for value in point):
            return guess
    return np.asarray(told, np.float64)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1
