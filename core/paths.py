"""Where things lie. Every root can be moved by an environment variable; nothing else in the project builds such a path."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

PROJECT = Path(__file__).resolve().parent.parent
ASSETS = PROJECT / "assets"
WEIGHTS = PROJECT / "weights"
BUNDLED_PERFORMERS = ASSETS / "performers"
BUNDLED_DANCES = ASSETS / "dances"
ANSWERS = ASSETS / "answers"
SIDE_BY_SIDE = ASSETS / "side-by-side.mp4"
BEFORE_AFTER = ASSETS / "before-after.mp4"
SEGMENTER = WEIGHTS / "segmenter"
POSE_MODEL = WEIGHTS / "pose_landmarker_full.task"

_APP = "everybody-dance-now"


def data_root() -> Path:
    """The user's own performers live below it. ``DANCE_DATA`` moves it."""
    override = os.environ.get("DANCE_DATA")
    return Path(override) if override else Path(platformdirs.user_data_dir(_APP, appauthor=False))


def user_performers() -> Path:
    """Performers that were built or imported here, one folder each."""
    return data_root() / "performers"


def cache_root() -> Path:
    """What can be made again at any time. ``DANCE_CACHE`` moves it."""
    override = os.environ.get("DANCE_CACHE")
    return Path(override) if override else Path(platformdirs.user_cache_dir(_APP, appauthor=False)) / "cache"


def work_root() -> Path:
    """Uploads and results of running sessions; emptied at start-up of the app. ``DANCE_WORK`` moves it."""
    override = os.environ.get("DANCE_WORK")
    return Path(override) if override else Path(platformdirs.user_cache_dir(_APP, appauthor=False)) / "work"
