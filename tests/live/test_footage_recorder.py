"""Somebody films themselves, without a browser: real pictures in, real MediaPipe, a real file."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from core.live import recording_guide
from core.live.footage_recorder import SHORTEST, FootageRecorder, Repertoire, kept_size
from core.live.recording_guide import PLENTY, STEP_BACK
from core.live.session import Shown
from core.live.text_overlay import lay_count, lay_time, lay_words
from core.types import Frame
from tests.bodies import moved, standing
from tests.live.camera import SIZE, dance_frames, framed, picture
from tests.media import frames_of, times_of
from tests.waiting import PATIENCE, until

MARK = (210, 40, 60)
Start = Callable[..., tuple[FootageRecorder, list[Shown]]]


@pytest.fixture(autouse=True)
def counts_from_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from five: the counting itself is in tests/live/test_recording_guide.py."""
    monkeypatch.setattr(recording_guide, "COUNT_SECONDS", 2)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    begun: list[FootageRecorder] = []

    def begin(**options: float) -> tuple[FootageRecorder, list[Shown]]:
        shown: list[Shown] = []
        begun.append(FootageRecorder(tmp_path / "me.mp4", shown.append, **options))  # type: ignore[arg-type]
        return begun[-1], shown

    yield begin
    for filming in begun:
        filming.close()


def marked(size: tuple[int, int] = SIZE) -> list[Frame]:
    """A dance with a coloured square at the left, half way up, so that a mirror and words can be told."""
    frames = [framed(image, size) for image in dance_frames()]
    side = size[1] // 12
    for image in frames:
        image[size[1] // 2 : size[1] // 2 + side, :side] = MARK
    return [*frames, *frames[::-1]]


def feed(filming: FootageRecorder, frames: list[Frame], until: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Hold these pictures before the camera, 15 a second and over and over, until something is so."""
    begin = monotonic()
    number = 0
    while not until():
        assert monotonic() - begin < seconds, f"not within {seconds:g} s: {filming.status()}"
        filming.put(picture(frames[number % len(frames)], number, 15))
        number += 1
        sleep(max(0.0, begin + number / 15 - monotonic()))


def small(image: Frame) -> NDArray[np.float32]:
    """What the codec's noise is gone from."""
    return np.asarray(cv2.resize(image, (80, 60), interpolation=cv2.INTER_AREA), np.float32)


def is_marked(corner: Frame) -> bool:
    return bool(np.abs(corner.reshape(-1, 3).mean(axis=0) - MARK).max() < 30)


@pytest.mark.parametrize("size", [SIZE, (1280, 960)])
def test_what_the_camera_gave_is_kept_and_what_is_shown_tells(start: Start, size: tuple[int, int]) -> None:
    filming, shown = start()
    frames = marked(size)
    assert filming.status().words == STEP_BACK
    feed(filming, frames, lambda: filming.status().count is not None)
    assert filming.status().recorded == 0
    begun, first = monotonic(), len(shown)
    feed(filming, frames, lambda: filming.status().recorded > 4 and len(shown) >= first + 20)
    passed = monotonic() - begun
    status = filming.status()
    assert status.phase == "recording"
    assert 0 < status.coverage.seconds < status.recorded + 1
    assert 0 < status.coverage.share < 1
    assert status.words in status.coverage.missing
    assert status.hint is None
    filming.close()

    assert filming.finished
    assert filming.error is None
    assert filming.recorded is not None
    assert SHORTEST < filming.recorded.seconds <= passed
    with av.open(filming.recorded.path) as container:
        assert [stream.codec_context.name for stream in container.streams] == ["h264"]
    kept = frames_of(filming.recorded.path)
    assert (kept[0].shape[1], kept[0].shape[0]) == kept_size(*size)
    assert max(kept[0].shape) <= 960
    assert float(times_of(filming.recorded.path)[-1]) == pytest.approx(filming.recorded.seconds, abs=0.1)
    assert len(kept) >= 12
    side = kept[0].shape[0] // 12
    middle = kept[0].shape[0] // 2
    plain = [small(image) for image in frames]
    for image in kept[:: len(kept) // 6]:
        assert is_marked(image[middle + 4 : middle + side - 4, 4 : side - 4])
        # nothing was laid over it: it is one of the pictures that were held before the camera
        assert min(np.abs(small(image) - known).max() for known in plain) < 40

    last = shown[-1]
    assert last.pose is not None
    height, width = last.image.shape[:2]
    assert is_marked(last.image[height // 2 + 4 : height // 2 + height // 12 - 4, width - height // 12 + 4 : -4])
    assert (last.image[-height // 5 :].min(axis=2) > 240).mean() > 0.01, "words are white"


def test_nobody_in_view_is_told_to_come_and_nothing_is_recorded(start: Start, tmp_path: Path) -> None:
    filming, shown = start()
    empty = [np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)] * 10
    feed(filming, empty, lambda: "Nobody is in view" in filming.status().words)
    assert filming.status().phase == "waiting"
    filming.close()
    assert filming.recorded is None
    assert list(tmp_path.iterdir()) == []
    assert shown


def test_whoever_is_cut_off_is_asked_to_step_back(start: Start) -> None:
    filming, _ = start()
    # to the knees only
    cut = [np.ascontiguousarray(image[:330, 150:490]) for image in dance_frames()[:20]]
    feed(filming, cut, lambda: filming._to_look._item is None and filming._count > 40)
    status = filming.status()
    assert (status.phase, status.words) == ("waiting", STEP_BACK)


def test_it_ends_by_itself_when_it_is_plenty(tmp_path: Path) -> None:
    ended: list[bool] = []
    with FootageRecorder(
        tmp_path / "me.mp4", lambda shown: None, ended=lambda: ended.append(True), longest=4.0
    ) as filming:
        feed(filming, marked(), lambda: filming.over)
        assert filming.status().ended == PLENTY
    assert ended == [True]
    assert filming.recorded is not None
    assert SHORTEST < filming.recorded.seconds <= 4.1


def test_whoever_forgets_it_is_switched_off(start: Start) -> None:
    filming, _ = start(idle_seconds=0.5)
    feed(filming, [np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)], lambda: filming.over)
    assert "switched off" in (filming.status().ended or "")


def test_the_end_ends_its_threads(start: Start) -> None:
    filming, _ = start()
    feed(filming, marked(), lambda: filming.status().phase == "counting")
    filming.close()
    until(lambda: not any(thread.name.startswith("live-") for thread in threading.enumerate()))


def test_time_counts_as_it_went_however_many_pictures_were_looked_at() -> None:
    arms_down = standing(x=320, floor=460, torso=110)
    for rate in (3, 12, 30):
        seen = Repertoire()
        for n in range(6 * rate):
            seen.add(arms_down, 50 + n / rate)
        for n in range(6 * rate):
            # ten seconds in between nobody was seen
            seen.add(moved(arms_down, dx=5), 66 + n / rate)
        assert seen.coverage.seconds == pytest.approx(12, abs=1.5)


@pytest.mark.parametrize(
    ("size", "kept"), [((640, 480), (640, 480)), ((1920, 1080), (960, 540)), ((721, 1281), (540, 960))]
)
def test_recordings_are_as_large_as_the_camera_up_to_a_limit(size: tuple[int, int], kept: tuple[int, int]) -> None:
    assert kept_size(*size) == kept


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (320, 96)])
def test_words_fit(size: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), 200, np.uint8)
    lay_words(image, "Turn to your left, then to your right, so that both your sides are seen.")
    lay_words(image, "A word that is wider than any picture: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.")
    lay_time(image, 102)
    lay_count(image, 5)
    assert (image == 255).any()
