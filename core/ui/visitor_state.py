"""What one visitor chose and owns. Lives in the session; nothing of it is seen by anybody else."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import UnusableInput
from core.services.file_store import SessionFiles, StoredFile
from core.services.job_queue import Job
from core.targets.store import TargetSummary, find_target
from core.ui.app_services import ActiveVisitors, AppServices, app_services
from core.ui.compare_job import CompareJob, CompareRequest
from core.ui.dance_job import DanceJob, DanceRequest, JobRequest
from core.ui.server import BROWSER
from core.ui.session_end import notice_leaving

if TYPE_CHECKING:
    from core.transfer import SourceAnalysis
    from core.ui.person_choice import PersonSearch

OWN = "own"
"""Stands for the visitor's own video where a dance's id is asked."""

UPLOAD = "upload"
BACKDROP = "backdrop"
RECORDING = "recording"
_AT_HAND = 5


@dataclass
class PageResults:
    """What one page shows of a visitor's work.

    Attributes:
        address: under which name the address tells the job on it.
        job: id of the job on it.
        results: ids of the visitor's newest jobs, newest first.
    """

    address: str
    job: str | None = None
    results: list[str] = field(default_factory=list)

    def jobs(self) -> list[Job[Any, Any]]:
        """Their newest jobs that can still be found, newest first."""
        found = [app_services().jobs.find(job_id) for job_id in self.results]
        return [job for job in found if job is not None]

    def put(self, job: Job[Any, Any]) -> None:
        """Show that job, in the address too, so that it can be come back to."""
        self.job = job.id
        if job.id not in self.results:
            self.results = [job.id, *self.results][:_AT_HAND]
        st.query_params[self.address] = job.id

    def clear(self) -> None:
        """Show none."""
        self.job = None
        st.query_params.pop(self.address, None)


@dataclass
class VisitorState:
    """One visitor's choices.

    Attributes:
        id: what their files and jobs carry, so that it is known whose they are.
        browser: the secret by which their browser is known again; empty where it has none.
        dance: id of the chosen dance, ``OWN`` for the upload; None before a choice.
        performer: id of the chosen performer; None before a choice.
        dances, comparisons: what the pages of that name show.
        shelf: the files they hold.
        looking: the look for whom to follow in the upload, with what they chose of it; None before the first.
        notice: a sentence to show once, as Markdown.
        refused: why the last upload in a role was not taken, as Markdown, until another one is.
        uploads, backdrops: count the uploads of each kind, so that each gets a fresh uploader.
        guests: ids of the performers whom they brought to a public app; on the shelf under the same names.
    """

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    browser: str = ""
    dance: str | None = None
    performer: str | None = None
    dances: PageResults = field(default_factory=lambda: PageResults("job"))
    comparisons: PageResults = field(default_factory=lambda: PageResults("comparison"))
    session_files: SessionFiles = field(default_factory=SessionFiles)
    looking: PersonSearch | None = None
    notice: str | None = None
    refused: dict[str, str] = field(default_factory=dict)
    uploads: int = 0
    backdrops: int = 0
    guests: list[str] = field(default_factory=list)

    @property
    def upload(self) -> StoredFile | None:
        """Their own video."""
        return self.session_files.get(UPLOAD)

    def in_view(self) -> set[str]:
        """Ids of the jobs that their pages show."""
        shown = {job_id for job_id in (self.dances.job, self.comparisons.job) if job_id is not None}
        comparison = None if self.comparisons.job is None else app_services().jobs.find(self.comparisons.job)
        # read once: it is taken away when its time is over
        compared = None if comparison is None else comparison.result
        measuring = None if compared is None else compared.measuring
        return shown if measuring is None else {*shown, measuring}

    def performers(self) -> list[TargetSummary]:
        """The performers whom they brought, the first one first; nobody else sees them."""
        found = [find_target(guest) for guest in self.guests if self.guest(guest) is not None]
        return [performer for performer in found if performer is not None]

    def guest(self, performer: str) -> StoredFile | None:
        """What is held of that performer; None where it is none whom they brought."""
        return self.session_files.get(performer) if performer in self.guests else None

    def seen(self, request: DanceRequest | CompareRequest) -> SourceAnalysis | None:
        """What earlier work of this visit saw of the same person in the same stretch of the same source."""
        for earlier in (*self.dances.jobs(), *self.comparisons.jobs()):
            if earlier.result is not None and earlier.about.watched == request.watched:
                found: SourceAnalysis | None = earlier.result.seen.get()
                if found is not None:
                    return found
        return None

    def forget(self, shared: AppServices) -> None:
        """Let go of what nobody but this visitor can ask for. Their results stay for whoever has the address."""
        for job_id in (*self.dances.results, *self.comparisons.results):
            job = shared.jobs.find(job_id)
            if job is not None and job.result is not None:
                job.result.seen.forget()


@dataclass
class _Presence:
    """Kept by Streamlit for as long as the visitor's browser is there."""

    visitor: VisitorState
    visitors: ActiveVisitors

    def end(self) -> None:
        """The browser is gone."""
        self.visitors.leave(self.visitor.id)
        self.visitor.session_files.away()


def current_visitor() -> VisitorState:
    """The visit of this session."""
    if "visit" not in st.session_state:
        browser = st.context.cookies.get(BROWSER, "")
        # a session without a request, as AppTest runs it, has stand-ins for cookies
        st.session_state["visit"] = VisitorState(browser=browser if isinstance(browser, str) else "")
        _find_again(st.session_state["visit"])
    visitor: VisitorState = st.session_state["visit"]
    shared = app_services()
    _present(visitor).visitors.come(visitor.id, visitor)

    def left() -> None:
        visitor.forget(shared)
        shared.somebody_left()

    notice_leaving(left)
    visitor.session_files.back()
    return visitor


def _find_again(visitor: VisitorState) -> None:
    """What the same browser made before a reload, or beside this in another window."""
    if not visitor.browser:
        return
    for job in app_services().jobs.results():
        request = job.about
        if isinstance(request, JobRequest) and secrets.compare_digest(visitor.browser, request.browser):
            stage = visitor.dances if isinstance(request, DanceRequest) else visitor.comparisons
            stage.results = [job.id, *stage.results][:_AT_HAND]


@st.cache_resource(scope="session", show_spinner=False, on_release=lambda presence: presence.end())
def _present(_here: VisitorState) -> _Presence:
    return _Presence(_here, app_services().visitors)


def job_on_stage(visitor: VisitorState) -> DanceJob | None:
    """The dance that the address names, else the visitor's last one. A sentence is left where it is no longer known."""
    return _on_stage(visitor, visitor.dances, DanceRequest, "dance")


def comparison_on_stage(visitor: VisitorState) -> CompareJob | None:
    """The same of comparisons."""
    return _on_stage(visitor, visitor.comparisons, CompareRequest, "comparison")


def _on_stage(
    visitor: VisitorState, stage: PageResults, kind: type[DanceRequest | CompareRequest], word: str
) -> Job[Any, Any] | None:
    wanted = st.query_params.get(stage.address) or stage.job
    if wanted is None:
        return None
    job = app_services().jobs.find(wanted)
    if job is None or not isinstance(job.about, kind):
        visitor.notice = f"That {word} is no longer here: results are kept for a while only. Make a new one?"
        stage.clear()
        return None
    if job.id != stage.job:
        _adopt(visitor, job.about)
    stage.put(job)
    return job


def _adopt(visitor: VisitorState, request: DanceRequest | CompareRequest) -> None:
    """Somebody came by the address: choose what was chosen for that.

    The address gives nobody the upload that it was made from, but for the browser that uploaded it.
    """
    if request.guest is None or request.performer in visitor.guests:
        visitor.performer = request.performer
    if request.upload is None:
        visitor.dance = request.dance
        return
    if visitor.browser and secrets.compare_digest(visitor.browser, request.browser):
        try:
            visitor.session_files.put(UPLOAD, request.upload.hold())
            visitor.dance = OWN
        except UnusableInput:
            visitor.dance = None
