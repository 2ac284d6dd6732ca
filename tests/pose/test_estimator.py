from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core import dances
from core.errors import WeightsMissing
from core.pose.estimator import CrowdWatcher, Landmarker, PoseEstimator
from core.types import Frame
from core.video.reader import VideoReader
from tests.conftest import PROJECT


@pytest.fixture(scope="module")
def single() -> Frame:
    dance = dances.find("omar-street")
    assert dance is not None
    with VideoReader(dance, start=1) as reader:
        return next(iter(reader)).image


@pytest.fixture(scope="module")
def couple(single: Frame) -> Frame:
    return np.ascontiguousarray(np.hstack([single, single[:, ::-1]]))


def test_a_missing_model_is_named() -> None:
    with pytest.raises(WeightsMissing, match=r"absent\.task"):
        Landmarker(model=Path("absent.task"))


def test_the_mask_lies_on_the_person(single: Frame) -> None:
    with PoseEstimator(masks=True) as estimator:
        found = estimator.detect(single, 0)
    assert found is not None
    assert found.mask is not None
    assert found.mask.shape == single.shape[:2]
    hips = found.pose.xy[[23, 24]].mean(axis=0).round().astype(int)
    assert found.mask[hips[1], hips[0]] > 0.8
    assert found.mask[10, 10] < 0.2


def test_the_one_on_the_right_is_followed_when_asked_for(couple: Frame) -> None:
    with PoseEstimator(person="right") as right, PoseEstimator(person="left") as left:
        for i in range(3):
            there, here = right.detect(couple, i * 40), left.detect(couple, i * 40)
            assert there is not None
            assert here is not None
            assert there.pose.xy[0, 0] > 512 > here.pose.xy[0, 0]


def test_a_second_person_is_noticed_within_a_second_and_forgotten_later(single: Frame, couple: Frame) -> None:
    with CrowdWatcher() as watcher:
        assert [len(watcher.people(single, i * 0.1)) for i in range(10)] == [1] * 10
        assert len(watcher.people(couple, 1.05)) == 2
        assert len(watcher.people(couple, 1.15)) == 2
        assert [len(watcher.people(single, 2.1 + i)) for i in range(5)] == [1] * 5


def test_two_threads_that_begin_at_once_both_find_somebody() -> None:
    # in a process of its own, where MediaPipe was never imported
    code = (
        "import threading, numpy as np\n"
        "from core.pose.estimator import Landmarker\n"
        "made = []\n"
        "def begin():\n"
        "    with Landmarker() as landmarker:\n"
        "        made.append(landmarker.people(np.zeros((64, 64, 3), np.uint8)))\n"
        "threads = [threading.Thread(target=begin) for _ in range(4)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "print(len(made))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "4", done.stderr[-2000:]
