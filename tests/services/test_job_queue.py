from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from time import sleep
from typing import Any

import pytest

from core.errors import Cancelled, UnusableInput
from core.services.job_queue import UNEXPECTED, Job, JobHandle, JobQueue, TooBusy
from tests.waiting import PATIENCE, until


@pytest.fixture
def centre() -> Iterator[JobQueue]:
    made = JobQueue(workers=1, keep_seconds=60, longest_queue=3)
    yield made
    made.close()


class Gate:
    """Work that starts, says so, and ends when it is let or cancelled."""

    def __init__(self) -> None:
        self.started, self.go = threading.Event(), threading.Event()

    def __call__(self, handle: JobHandle[int]) -> str:
        self.started.set()
        while not self.go.wait(0.005):
            if handle.cancelled():
                raise Cancelled("Stopped.")
        return "danced"


def test_a_job_runs_and_its_id_brings_job_and_result_back(centre: JobQueue) -> None:
    released = threading.Event()
    job: Job[Any, Any] = centre.submit(lambda handle: 6 * 7, about="the question", release=released.set)

    assert job.wait(PATIENCE)
    found = centre.find(job.id)
    assert found is job
    assert (job.state, job.result, job.about, job.error) == ("done", 42, "the question", None)
    assert not released.is_set()


def test_ids_cannot_be_guessed(centre: JobQueue) -> None:
    ids = {centre.submit(lambda handle: None).id for _ in range(3)}

    assert len(ids) == 3
    assert all(len(job_id) >= 20 for job_id in ids)
    assert centre.find("1") is None
    assert centre.find("") is None


def test_only_the_newest_progress_and_preview_are_kept(centre: JobQueue) -> None:
    gate = Gate()

    def work(handle: JobHandle[int]) -> str:
        for n in range(100):
            handle.tell(n)
            handle.show(f"picture {n}")
        return gate(handle)

    job = centre.submit(work)
    assert gate.started.wait(PATIENCE)
    assert (job.state, job.progress, job.preview) == ("running", 99, "picture 99")

    gate.go.set()
    assert job.wait(PATIENCE)
    assert job.preview is None
    assert job.progress == 99


def test_jobs_wait_in_order_of_arrival_and_know_their_place(centre: JobQueue) -> None:
    order: list[int] = []
    gate = Gate()
    first: Job[Any, Any] = centre.submit(gate)
    assert gate.started.wait(PATIENCE)

    def note(n: int) -> Callable[[JobHandle[int]], None]:
        return lambda handle: order.append(n)

    waiting: list[Job[Any, Any]] = [centre.submit(note(n)) for n in (1, 2, 3)]
    assert [centre.place(job) for job in (first, *waiting)] == [0, 1, 2, 3]
    assert {job.state for job in waiting} == {"waiting"}

    gate.go.set()
    assert all(job.wait(PATIENCE) for job in waiting)
    assert order == [1, 2, 3]
    assert centre.place(waiting[2]) == 0


def test_a_bounded_number_runs_side_by_side() -> None:
    centre = JobQueue(workers=2)
    gates = [Gate(), Gate(), Gate()]
    jobs = [centre.submit(gate) for gate in gates]
    try:
        assert gates[0].started.wait(PATIENCE)
        assert gates[1].started.wait(PATIENCE)
        assert not gates[2].started.wait(0.1)
        assert centre.place(jobs[2]) == 1
        gates[1].go.set()
        assert gates[2].started.wait(PATIENCE)
    finally:
        centre.close()
    assert jobs[1].state == "done"


def test_a_full_queue_refuses_with_a_sentence_and_lets_go(centre: JobQueue) -> None:
    gate = Gate()
    centre.submit(gate)
    assert gate.started.wait(PATIENCE)
    for _ in range(3):
        centre.submit(lambda handle: None)
    released: list[str] = []

    with pytest.raises(TooBusy, match="try again"):
        centre.submit(lambda handle: None, release=lambda: released.append("fourth"))

    assert released == ["fourth"]


def test_cancel_while_waiting(centre: JobQueue) -> None:
    gate, released, ran = Gate(), threading.Event(), threading.Event()
    centre.submit(gate)
    assert gate.started.wait(PATIENCE)
    waiting: Job[Any, Any] = centre.submit(lambda handle: ran.set(), release=released.set)

    centre.cancel(waiting)

    assert waiting.wait(PATIENCE)
    assert waiting.state == "cancelled"
    assert released.is_set()
    gate.go.set()
    assert centre.submit(lambda handle: None).wait(PATIENCE)
    assert not ran.is_set()


def test_cancel_while_running(centre: JobQueue) -> None:
    gate, released = Gate(), threading.Event()
    job = centre.submit(gate, release=released.set)
    assert gate.started.wait(PATIENCE)

    centre.cancel(job)

    assert job.wait(PATIENCE)
    assert (job.state, job.result, job.error) == ("cancelled", None, None)
    assert released.is_set()


def test_cancel_after_the_end_changes_nothing(centre: JobQueue) -> None:
    job: Job[Any, Any] = centre.submit(lambda handle: "kept")
    assert job.wait(PATIENCE)

    centre.cancel(job)

    assert (job.state, job.result) == ("done", "kept")


def test_work_that_ends_although_it_was_cancelled_leaves_no_result(centre: JobQueue) -> None:
    started, go, released = threading.Event(), threading.Event(), threading.Event()

    def deaf(handle: JobHandle[int]) -> str:
        started.set()
        go.wait(PATIENCE)
        return "result"

    job = centre.submit(deaf, release=released.set)
    assert started.wait(PATIENCE)
    centre.cancel(job)
    go.set()

    assert job.wait(PATIENCE)
    assert (job.state, job.result) == ("cancelled", None)
    assert released.is_set()


def test_an_error_with_a_sentence_is_shown_as_it_is(centre: JobQueue) -> None:
    def work(handle: JobHandle[int]) -> None:
        raise UnusableInput("holiday.mp4 holds sound but no picture: choose a video.")

    job = centre.submit(work)

    assert job.wait(PATIENCE)
    assert (job.state, job.error) == ("failed", "holiday.mp4 holds sound but no picture: choose a video.")


def test_any_other_error_is_logged_and_the_next_job_runs(centre: JobQueue, caplog: pytest.LogCaptureFixture) -> None:
    def work(handle: JobHandle[int]) -> None:
        raise ZeroDivisionError("secret detail")

    job = centre.submit(work)

    assert job.wait(PATIENCE)
    assert (job.state, job.error) == ("failed", UNEXPECTED)
    assert "secret detail" in caplog.text
    assert "Traceback" in caplog.text
    assert centre.submit(lambda handle: 1).wait(PATIENCE)


def test_a_job_is_forgotten_when_its_time_is_over() -> None:
    centre = JobQueue(keep_seconds=0.15)
    released = threading.Event()
    try:
        job: Job[Any, Any] = centre.submit(lambda handle: "result", release=released.set)
        assert job.wait(PATIENCE)
        until(lambda: centre.find(job.id) is None)
        assert released.wait(PATIENCE)
        assert job.result is None
    finally:
        centre.close()


def test_the_time_starts_at_the_end_of_the_work() -> None:
    centre = JobQueue(keep_seconds=0.1)
    gate = Gate()
    try:
        job = centre.submit(gate)
        assert gate.started.wait(PATIENCE)
        sleep(0.3)
        assert centre.find(job.id) is job
    finally:
        centre.close()


def test_closing_stops_everything_and_lets_go_of_everything() -> None:
    centre = JobQueue()
    released: list[str] = []
    done: Job[Any, Any] = centre.submit(lambda handle: "kept until now", release=lambda: released.append("done"))
    assert done.wait(PATIENCE)
    gate = Gate()
    running = centre.submit(gate, release=lambda: released.append("running"))
    assert gate.started.wait(PATIENCE)
    waiting: Job[Any, Any] = centre.submit(lambda handle: None, release=lambda: released.append("waiting"))

    centre.close()

    assert sorted(released) == ["done", "running", "waiting"]
    assert (running.state, waiting.state) == ("cancelled", "cancelled")
    assert not centre.busy
    with pytest.raises(TooBusy):
        centre.submit(lambda handle: None)


def test_results_are_told_oldest_first_and_can_be_forgotten_before_their_time(centre: JobQueue) -> None:
    released: list[str] = []

    def made(name: str, owner: str) -> Job[Any, Any]:
        job: Job[Any, Any] = centre.submit(lambda handle: name, owner=owner, release=lambda: released.append(name))
        assert job.wait(PATIENCE)
        return job

    def fail(handle: JobHandle[None]) -> None:
        raise UnusableInput("Nobody was found.")

    mine, yours = made("mine", "me"), made("yours", "you")
    made("nobody's", "")
    assert centre.submit(fail, owner="me").wait(PATIENCE)
    gate = Gate()
    running = centre.submit(gate, owner="me")
    assert gate.started.wait(PATIENCE)

    assert centre.results() == [mine, yours]
    assert centre.results("me") == [mine]

    centre.forget(mine)
    centre.forget(mine)
    centre.forget(running)
    assert released == ["mine"]
    assert mine.result is None
    assert centre.find(mine.id) is None
    assert centre.find(running.id) is running
    assert centre.results() == [yours]


def test_things_are_let_go_once(centre: JobQueue) -> None:
    times: list[int] = []
    job: Job[int, None] = centre.submit(lambda handle: None, release=lambda: times.append(1))
    assert job.wait(PATIENCE)

    centre.close()
    centre.close()

    assert times == [1]


def test_many_visitors_at_once() -> None:
    centre = JobQueue(workers=3, longest_queue=200)
    jobs: list[Job[int, int]] = []
    lock = threading.Lock()

    def square(n: int) -> Callable[[JobHandle[int]], int]:
        return lambda handle: n * n

    def visitor(first: int) -> None:
        for n in range(first, first + 20):
            job = centre.submit(square(n), about=n)
            if n % 5 == 0:
                centre.cancel(job)
            with lock:
                jobs.append(job)

    threads = [threading.Thread(target=visitor, args=(20 * n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert all(job.wait(PATIENCE) for job in jobs)
        assert all(job.result == job.about**2 for job in jobs if job.state == "done")
        assert {job.state for job in jobs} <= {"done", "cancelled"}
        assert sum(job.state == "done" for job in jobs) >= 96
    finally:
        centre.close()


def test_who_is_ahead_is_known_in_order() -> None:
    centre = JobQueue()
    go = threading.Event()
    jobs: list[Job[None, bool]] = [centre.submit(lambda handle: go.wait(PATIENCE)) for _ in range(3)]
    first, second, third = jobs
    until(lambda: first.state == "running")
    assert centre.ahead(first) == []
    assert centre.ahead(second) == [first]
    assert centre.ahead(third) == [first, second]
    go.set()
    centre.close()
