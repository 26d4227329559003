"""The queue of submissions: any `concurrent.futures.Executor`, so that other machines can be used.

`dask.distributed.Client(...).get_executor()` works too. It receives `run.job.grade` with plain data.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from autograder.run.job import Job, Outcome, Terms, grade

Ticket = TypeVar("Ticket")


def local(workers: int | None = None) -> Executor:
    """An executor on this machine, with as many workers as processors by default.

    Threads are enough: students' code and checks run in their own processes.
    """
    return ThreadPoolExecutor(workers or os.cpu_count() or 1, thread_name_prefix="grade")


def graded(
    executor: Executor, jobs: Iterable[tuple[Ticket, Terms, Job]], at_once: int
) -> Iterator[tuple[Ticket, Outcome | Exception | None]]:
    """Grades jobs from an iterator, and fetches the next one only when a worker is free.

    Yields
    ------
    (ticket, None)
        When a job has been submitted to the executor.
    (ticket, Outcome or Exception)
        When a job is done, in order of completion; an exception is a failure of the grader itself.
    """
    running: dict[Future[Outcome], Ticket] = {}
    waiting = iter(jobs)
    exhausted = False
    while running or not exhausted:
        while not exhausted and len(running) < at_once:
            try:
                ticket, terms, job = next(waiting)
            except StopIteration:
                exhausted = True
                break
            running[executor.submit(grade, terms, job)] = ticket
            yield ticket, None
        if not running:
            break
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            error = future.exception()
            result = (
                future.result()
                if error is None
                else error
                if isinstance(error, Exception)
                else RuntimeError(repr(error))
            )
            yield running.pop(future), result
