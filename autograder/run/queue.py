"""Where submissions wait to be graded: any `concurrent.futures.Executor`, so that other machines can take over.

`dask.distributed.Client(...).get_executor()` is one too. What is submitted to it is `run.job.grade` with plain data.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from autograder.run.job import Job, Outcome, Terms, grade

Ticket = TypeVar("Ticket")


def local(workers: int | None = None) -> Executor:
    """Grades on this machine, as many submissions at a time as it has processors.

    Threads are enough: a student's code runs in processes of its own, and so do the checks.
    """
    return ThreadPoolExecutor(workers or os.cpu_count() or 1, thread_name_prefix="grade")


def graded(
    executor: Executor, jobs: Iterable[tuple[Ticket, Terms, Job]], at_once: int
) -> Iterator[tuple[Ticket, Outcome | Exception | None]]:
    """Grades jobs as they come from an iterator, which is asked for the next only when there is room for it.

    Yields
    ------
    (ticket, None)
        When a job has been handed to the executor.
    (ticket, Outcome or Exception)
        When it is done, in the order in which they end; the exception is what the grader itself failed with.
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
