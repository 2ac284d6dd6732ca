"""Recordings are read back with what wrote them out of sight."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from time import monotonic

import av
import numpy as np
import pytest

from core.live.recording import Recorder
from core.video.provenance import Provenance
from tests.live.camera import tone
from tests.media import frames_of, loudness, sound_seconds, times_of
from tests.waiting import PATIENCE, until


def keep_up(recorder: Recorder) -> None:
    """Wait until all that was shown is written: what it has no time for it leaves out."""
    until(recorder._queue.empty, every=0.001)


def test_pictures_and_sound_are_as_long_as_it_took(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mp4", sound=True, longest=60, provenance=Provenance())
    now = monotonic()
    for n in range(30):
        recorder.show(np.full((64, 96, 3), 8 * n, np.uint8), now + n / 20)
        for k in range(2 * n, 2 * n + 3):
            recorder.hear(tone(k), now + n / 20 + (k - 2 * n + 1) / 50)
        keep_up(recorder)
    recorded = recorder.stop(PATIENCE)
    assert recorded is not None
    assert recorded.left_out == 0
    assert recorded.seconds == pytest.approx(29 / 20 + 1 / 30, abs=0.01)
    assert times_of(recorded.path) == [Fraction(n, 20) for n in range(30)]
    assert sound_seconds(recorded.path) == pytest.approx(recorded.seconds, abs=0.06)
    assert loudness(recorded.path) > 0.05
    with av.open(recorded.path) as container:
        assert [s.codec_context.name for s in container.streams] == ["h264", "aac"]


def test_a_pause_of_the_microphone_is_silence_in_its_place(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mp4", sound=True, longest=60, provenance=Provenance())
    now = monotonic()
    recorder.show(np.zeros((64, 64, 3), np.uint8), now)
    for n in (*range(20), *range(60, 80)):
        recorder.hear(tone(n), now + (n + 1) / 50)
    for n in range(1, 40):
        recorder.show(np.zeros((64, 64, 3), np.uint8), now + n / 25)
        keep_up(recorder)
    recorded = recorder.stop(PATIENCE)
    assert recorded is not None
    with av.open(recorded.path) as container:
        whole = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
    loud = [
        float(np.abs(whole[int(a * 48_000) : int(b * 48_000)]).mean()) for a, b in ((0.1, 0.3), (0.6, 1.0), (1.3, 1.5))
    ]
    assert loud[0] > 20 * loud[1] < loud[2]


def test_pictures_of_another_size_are_fitted_in(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mp4", sound=False, longest=60, provenance=Provenance())
    now = monotonic()
    recorder.show(np.full((64, 64, 3), 200, np.uint8), now)
    recorder.show(np.full((64, 128, 3), 200, np.uint8), now + 0.1)
    recorded = recorder.stop(PATIENCE)
    assert recorded is not None
    first, second = frames_of(recorded.path)
    assert first.shape == second.shape == (64, 64, 3)
    assert second[:8].mean() < 40
    assert second[24:40].mean() > 150


def test_it_ends_by_itself_when_it_becomes_too_long(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mp4", sound=False, longest=1.0, provenance=Provenance())
    now = monotonic()
    for n in range(40):
        recorder.show(np.zeros((64, 64, 3), np.uint8), now + n / 20)
        keep_up(recorder)
    assert recorder.over
    recorded = recorder.stop(PATIENCE)
    assert recorded is not None
    assert recorded.seconds <= 1.0 + 1 / 30


def test_nothing_shown_is_no_recording(tmp_path: Path) -> None:
    assert Recorder(tmp_path / "a.mp4", sound=True, longest=60, provenance=Provenance()).stop(PATIENCE) is None
    assert list(tmp_path.iterdir()) == []
