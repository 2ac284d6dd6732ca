from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.evaluation.grid import Tile
from core.ui import compare_player as reels
from core.ui.compare_player import ReelCurve, reel
from tests.waiting import PATIENCE

HERE = Path(reels.__file__)
TILES = (
    Tile("nearest", "Nearest neighbour, single frame", "generator", (0, 0, 64, 64)),
    Tile("answer", "Right answer", "answer", (68, 0, 64, 64)),
)


def curve(*values: float | None) -> ReelCurve:
    return ReelCurve("ssim", "Likeness", "", "higher", (("nearest", values),))


def told(**changes: Any) -> dict[str, Any]:
    """What the browser is told, through JSON and back, of a video of three frames."""
    given: dict[str, Any] = {"url": "", "size": (132, 64), "times": [0.0, 0.04, 0.08], "tiles": TILES, "curves": ()}
    data: dict[str, Any] = json.loads(json.dumps(reels._data(**given | changes), allow_nan=False))
    return data


def page(video: str) -> None:
    """A script of its own, for AppTest."""
    from pathlib import Path

    import streamlit as st

    from core.evaluation.grid import Tile
    from core.ui.compare_player import reel

    tile = Tile("source", "The dance", "source", (0, 0, 64, 64))
    st.text(f"frame {reel(Path(video), (64, 64), [0.0, 0.04, 0.08], [tile], [], key='grid')}")


def opened(video: Path) -> AppTest:
    return AppTest.from_function(page, kwargs={"video": str(video)}, default_timeout=PATIENCE)


def data_sent(app: AppTest) -> dict[str, Any]:
    [element] = [node for node in app.main.children.values() if node.type == "bidi_component"]
    data: dict[str, Any] = json.loads(element.proto.json)
    return data


@pytest.mark.parametrize(
    ("from_browser", "frame"),
    [(0, 0), (2, 2), (3, 2), (-1, 0), (10**30, 2), (1.0, 0), ("1", 0), (True, 0), (None, 0), ([1], 0), (math.nan, 0)],
)
def test_whatever_a_browser_tells_becomes_a_frame_of_the_video(from_browser: object, frame: int) -> None:
    assert reels._frame(from_browser, 3) == frame


def test_a_video_of_no_frames_is_at_its_beginning() -> None:
    assert reels._frame(5, 0) == 0


def test_data_is_what_json_can_say() -> None:
    values: tuple[Any, ...] = (np.float32(0.25), None, math.nan)
    data = told(size=(np.int64(132), 64), times=np.array([0, 0.04, 0.08]), curves=[curve(*values)])

    assert data["size"] == [132, 64]
    assert data["times"] == [0, 0.04, 0.08]
    assert data["tiles"][1] == {"name": "answer", "title": "Right answer", "kind": "answer", "box": [68, 0, 64, 64]}
    assert data["curves"][0]["lines"] == [["nearest", [0.25, None, None]]]


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, None])
def test_what_is_no_number_is_a_gap(value: float | None) -> None:
    assert told(curves=[curve(value)])["curves"][0]["lines"][0][1] == [None]


def test_values_are_sent_short() -> None:
    assert told(curves=[curve(1 / 3)])["curves"][0]["lines"][0][1] == [0.33333]


def test_without_a_server_it_is_at_the_first_frame(tmp_path: Path) -> None:
    assert reel(tmp_path / "grid.mp4", (132, 64), [0.0, 0.04], TILES, [], key="grid") == 0


def test_without_a_browser_it_is_at_the_first_frame_and_gives_an_address(tmp_path: Path) -> None:
    video = tmp_path / "grid.mp4"
    video.write_bytes(bytes(5000))

    app = opened(video).run()

    assert not app.exception
    assert app.text[0].value == "frame 0"
    data = data_sent(app)
    assert data["url"].startswith("/")
    assert data["url"].endswith(".mp4")
    assert data["key"] == "grid"
    assert len(json.dumps(data)) < 1000, "the video itself is not to be sent"
    assert data_sent(app.run()) == data, "a rerun must not begin the video anew"


def test_a_video_that_is_gone_is_told_to_the_browser(tmp_path: Path) -> None:
    app = opened(tmp_path / "gone.mp4").run()

    assert not app.exception
    assert data_sent(app)["url"] == ""


def test_nothing_in_the_player_comes_from_elsewhere_or_is_made_of_data() -> None:
    script, look, page = (HERE.with_suffix(kind).read_text(encoding="utf-8") for kind in (".js", ".css", ".html"))

    for text in (script, look, page):
        assert "://" not in text.replace("http://www.w3.org/2000/svg", "")
    for unsafe in ("innerHTML", "insertAdjacentHTML", "eval(", "Function(", "document.write"):
        assert unsafe not in script
    assert look.count("{") == look.count("}")
    assert "<script" not in page
