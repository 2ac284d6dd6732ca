"""What a live stream does when the machine cannot keep up: smaller pictures first, then every second pose."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from core.live.stream_stats import Summary

WANTED_FPS: Final = 20.0
"""Pictures a second below which a machine is said not to keep up (a slower camera counts as keeping up)."""

_SHARE: Final = 0.85
_SLOW_SECONDS: Final = 3.0
_TRY_AGAIN: Final = 60.0
_LONGEST_WAIT: Final = 960.0


class Quality(IntEnum):
    """Steps of a ladder, best first."""

    FULL = 0
    SMALLER = 1
    """The generator draws at a smaller size."""
    SECOND_POSE = 2
    """Also, only every second camera picture is looked at; the pose of the others is guessed from those before."""

    @property
    def sentence(self) -> str | None:
        """What a person is told."""
        return _SENTENCES[self]


_SENTENCES: Final[dict[Quality, str | None]] = {
    Quality.FULL: None,
    Quality.SMALLER: "This computer is busy, so the performer is drawn smaller.",
    Quality.SECOND_POSE: "This computer is busy, so only every second move is looked at.",
}


class QualityController:
    """Decides the step from the figures of one stream, asked about once a second.

    Steps down after three slow seconds. After a minute it tries the better step again, and when that does not last as long
    as it was waited for, it waits twice as long before the next try.
    """

    def __init__(self) -> None:
        self._wait = _TRY_AGAIN
        self.reset()

    def reset(self, now: float | None = None) -> None:
        """Begin at the top, as when another generator is chosen."""
        self.step = Quality.FULL
        self._slow_since: float | None = None
        self._changed = now
        self._climbed = False

    def judge(self, figures: Summary, now: float, *, smaller_offered: bool) -> Quality:
        """The step to be on from now on."""
        if self._changed is None:
            self._changed = now
        wanted = _SHARE * min(figures.camera_fps, WANTED_FPS)
        slow = figures.made_fps < wanted and now - self._changed >= _SLOW_SECONDS
        if not slow:
            self._slow_since = None
            self._climb(now, smaller_offered)
        elif self._slow_since is None:
            self._slow_since = now
        elif now - self._slow_since >= _SLOW_SECONDS and self.step is not Quality.SECOND_POSE:
            self._descend(now, smaller_offered)
        return self.step

    def _descend(self, now: float, smaller_offered: bool) -> None:
        if self._climbed and self._changed is not None and now - self._changed < self._wait:
            self._wait = min(2 * self._wait, _LONGEST_WAIT)
        full_to = Quality.SMALLER if smaller_offered else Quality.SECOND_POSE
        self._move(full_to if self.step is Quality.FULL else Quality.SECOND_POSE, now, climbed=False)

    def _climb(self, now: float, smaller_offered: bool) -> None:
        if self.step is Quality.FULL or self._changed is None or now - self._changed < self._wait:
            return
        better = Quality.SMALLER if smaller_offered and self.step is Quality.SECOND_POSE else Quality.FULL
        self._move(better, now, climbed=True)

    def _move(self, step: Quality, now: float, *, climbed: bool) -> None:
        self.step, self._changed, self._slow_since, self._climbed = step, now, None, climbed
