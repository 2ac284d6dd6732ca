from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from core.types import Frame
from core.video.bars import Bars, bars_in, find_bars
from tests.video.media import make_video


def scene(seed: int, width: int = 120, height: int = 90, light: float = 1.0) -> Frame:
    """A patterned picture, another one for each seed."""
    coarse = np.random.default_rng(seed).integers(60, 240, (6, 8, 3)).astype(np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(picture * light, np.uint8)


def framed(picture: Frame, left: int = 0, top: int = 0, right: int = 0, bottom: int = 0) -> Frame:
    return np.pad(picture, ((top, bottom), (left, right), (0, 0)))


@pytest.mark.parametrize(
    "bars",
    [
        {"top": 20, "bottom": 20},
        {"left": 60, "right": 60},
        {"top": 30},
        {"left": 40, "right": 24, "top": 12, "bottom": 18},
    ],
)
def test_bars_are_found_whole_and_hardly_more(tmp_path: Path, bars: dict[str, int]) -> None:
    pictures = [framed(scene(i), **bars) for i in range(10)]
    clip = make_video(tmp_path / "film.mp4", pictures, rate=10)
    rows, columns = find_bars(clip).inside((pictures[0].shape[1], pictures[0].shape[0]))
    height, width = pictures[0].shape[:2]
    found = {"top": rows.start, "bottom": height - rows.stop, "left": columns.start, "right": width - columns.stop}
    for side, count in found.items():
        real = bars.get(side, 0)
        assert real <= count <= real + 2 * (real > 0), side


def test_a_cut_picture_has_nothing_of_its_bars(tmp_path: Path) -> None:
    pictures = [framed(scene(i, 640, 360), top=90, bottom=90) for i in range(6)]
    bars = bars_in(pictures)
    assert bars.cut(pictures[0]).min() > 30
    large = cv2.resize(pictures[0], (1280, 1080), interpolation=cv2.INTER_NEAREST)
    assert bars.cut(large).min() > 30
    mask = np.zeros(pictures[0].shape[:2], np.uint8)
    assert bars.cut(mask).shape == bars.cut(pictures[0]).shape[:2]


def test_footage_without_bars_stays_as_it_is() -> None:
    picture = scene(0)
    assert bars_in([picture]) == Bars()
    assert Bars().cut(picture) is picture


def test_subtitles_in_a_bar_do_not_hide_it() -> None:
    pictures = [framed(scene(i, 320, 180), top=40, bottom=40) for i in range(9)]
    for i, picture in enumerate(pictures):
        cv2.putText(picture, "word " * (1 + i % 4), (10 + 9 * i, 248), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255,) * 3, 2)
    rows, _ = bars_in(pictures).inside((320, 260))
    assert 40 <= rows.start <= 42
    assert 218 <= rows.stop <= 220


def test_a_fade_to_black_is_no_bar() -> None:
    pictures = [scene(i, light=light) for i, light in enumerate((0, 0.3, 1, 1, 1, 1, 1, 0.3, 0))]
    assert bars_in(pictures) == Bars()


def test_a_dark_room_and_a_black_curtain_have_no_bars() -> None:
    dark = [scene(i, light=0.06) for i in range(5)]
    assert bars_in(dark) == Bars()
    curtain = []
    for x in range(100, 200, 20):
        stage = np.zeros((180, 320, 3), np.uint8)
        cv2.rectangle(stage, (x, 40), (x + 30, 150), (200, 150, 120), -1)
        curtain.append(stage)
    assert bars_in(curtain) == Bars()


def test_a_black_video_has_no_bars(tmp_path: Path) -> None:
    clip = make_video(tmp_path / "black.mp4", [np.zeros((48, 64, 3), np.uint8)] * 4, rate=10)
    assert find_bars(clip) == Bars()
