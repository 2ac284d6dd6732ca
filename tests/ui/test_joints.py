"""Joints that are set by hand: what a browser may tell, and the page with a figure in which nobody is found."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.ui.footage import WAY
from core.ui.joints import _points
from tests.figures import robot
from tests.ui.conftest import run_until
from tests.ui.test_photo import give
from tests.ui.test_train_page import opened, pictures_of, words

Open = Callable[..., AppTest]
GUESS = np.full((3, 2), 0.5)
TOLD = [[0.0, 1], [0.25, 0.5], [1, 0.75]]


def test_points_of_a_browser_are_taken() -> None:
    assert _points(TOLD, GUESS).tolist() == TOLD


@pytest.mark.parametrize(
    "told",
    [
        None, [], "points", TOLD[:2], [*TOLD, [0, 0]], [*TOLD[:2], [0.5]], [*TOLD[:2], [0.5, "x"]], [*TOLD[:2], [0.5, math.nan]],
        [*TOLD[:2], [0.5, 1.01]], [*TOLD[:2], [-1, 0]], [*TOLD[:2], [True, 0]], [*TOLD[:2], {"x": 0, "y": 0}],
    ],
)  # fmt: skip
def test_anything_else_is_the_guess(told: Any) -> None:
    assert _points(told, GUESS) is GUESS


def test_a_figure_in_whom_nobody_is_found_dances_with_joints_set_by_hand(open_app: Open, tmp_path: Path) -> None:
    photo = tmp_path / "robot.jpg"
    Image.fromarray(robot()[0]).save(photo, quality=95)
    app = opened(open_app)
    app.segmented_control(key=WAY).set_value("photo").run()
    give(app, photo)
    assert "Nobody was found in robot.jpg" in words(app)
    assert "data:image/webp" not in pictures_of(app)
    app.button(key="photo-joints-dance").click().run()
    assert not app.exception
    run_until(app, lambda: app.session_state["photos"].found().over)
    app.run()
    assert not app.exception
    assert "data:image/webp" in pictures_of(app)
    assert not app.button(key="photo-dance").disabled
