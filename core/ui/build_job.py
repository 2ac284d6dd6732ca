"""The second step of the train page: from videos to a performer in training, in the background."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from core.errors import DanceError, UnusableInput
from core.services.file_store import StoredFile
from core.services.job_queue import Job, JobHandle
from core.services.training_runs import TrainingRun
from core.targets.manifest import is_slug
from core.targets.store import find_place

if TYPE_CHECKING:
    from core.ui.app_services import AppServices

LICENCE: Final = "private: for the person filmed"
_LONGEST_ID: Final = 30


@dataclass(frozen=True, slots=True)
class MakeRequest:
    """A performer to make and what to train for them.

    Attributes:
        name: of the performer.
        parts: their videos.
        consent: whether the person filmed agreed.
        generator: to train.
        minutes: for how long.
    """

    name: str
    parts: tuple[StoredFile, ...]
    consent: bool
    generator: str
    minutes: float


MakeJob: TypeAlias = "Job[float, str]"
"""Its result is the id of the run."""


def free_id(name: str) -> str:
    """An id for a performer of that name that none has yet.

    Raises:
        UnusableInput: nothing of the name can be an id.
    """
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:_LONGEST_ID].strip("-") or "performer"
    for number in range(1, 1000):
        candidate = base if number == 1 else f"{base}-{number}"
        if is_slug(candidate) and find_place(candidate) is None:
            return candidate
    raise UnusableInput("There are too many performers of that name: choose another one.")


def make(app_services: AppServices, request: MakeRequest) -> MakeJob:
    """Queue the making of a performer; their training begins when they are made.

    Raises:
        TooBusy: too many wait.
        UnusableInput: a video is no longer there.
    """
    with contextlib.ExitStack() as holding:
        for part in request.parts:
            holding.callback(part.hold().release)
        release = holding.pop_all().close
    return app_services.jobs.submit(_work(app_services, request, release), about=request, release=release, kind="build")


def _work(
    app_services: AppServices, request: MakeRequest, release: Callable[[], None]
) -> Callable[[JobHandle[float]], str]:
    def work(handle: JobHandle[float]) -> str:
        from core.targets.build import build_target

        # only now: whoever was made while this one waited may have the same name
        target = free_id(request.name)
        with contextlib.ExitStack() as names:
            for part in request.parts:
                names.enter_context(part.named())
            build_target(
                [part.path for part in request.parts], id=target, name=request.name, licence=LICENCE,
                source_note="Filmed for this app.", consent=request.consent, progress=handle.tell, cancelled=handle.cancelled,
            ).close()  # fmt: skip
        # made, the performer has all that is needed of them
        release()
        if app_services.training_service is None:
            raise DanceError("Training is switched off here.")
        return app_services.training_service.start(
            TrainingRun(target=target, generator=request.generator, minutes=request.minutes)
        )

    return work
