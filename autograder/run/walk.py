"""Walks through the cells of one submission: answers and locked cells run in the kernel, check cells outside it (or inside,
as in nbgrader, if the assignment's calibration requires it)."""

from __future__ import annotations

import ast
import math
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from autograder.check.protocol.hidden import BY_EXCEPTION, own_words, raised
from autograder.check.protocol.verdict import Cause, Finding, Verdict, failed, not_run, partial, passed
from autograder.check.runner.servers import Submission
from autograder.notebook.code_cells import CHECK, CodeCell
from autograder.notebook.syntax import statements
from autograder.run.results import USUAL, Policy, Ran, Seconds, kernel_ended

KERNELS = 6  # maximum number started for one submission


class Kernel(Protocol):
    """The interface of a kernel for a walk, however it is started and sandboxed.

    `control` is the runner's end of a socket pair that the kernel has inherited. `run` runs a cell, interrupts it when its time
    is up, and reports whether the kernel is still usable. `begin_serving` starts a cell that calls `responder.serve` on the
    other end and does not wait for it; `end_serving` waits for that cell, interrupts it if necessary, and reports how it
    ended, like `run`.
    """

    control: socket.socket

    def run(self, source: str, seconds: float) -> Ran:
        """Runs a cell for at most `seconds`."""

    def begin_serving(self) -> None:
        """Starts the responder without waiting for it."""

    def end_serving(self, seconds: float) -> Ran:
        """Waits at most `seconds` for the responder to end."""


def walk(
    cells: Sequence[CodeCell],
    kernel: Callable[[], AbstractContextManager[Kernel]],
    submission: Submission | None,
    policies: Mapping[str, Policy],
    seconds: Seconds = USUAL,
    hear: Callable[[CodeCell, Ran], None] = lambda *_: None,
) -> dict[str, Verdict]:
    """Runs a submission from the first cell to the last.

    A cell that kills the kernel is skipped, and the others are run again in a fresh kernel. Check cells that already have
    a verdict are not run again, so no points are lost.

    Parameters
    ----------
    cells : sequence of CodeCell
        The assignment with the student's sources in its solution cells.
    kernel : callable
        Starts a fresh kernel.
    submission : Submission or None
        None if all checks run inside.
    policies : mapping
        For each check cell; default: outside.
    seconds : Seconds
    hear : callable, optional
        Called with each failed cell and how it ended.

    Returns
    -------
    dict
        A verdict for every check cell, in order; "not run" for cells not reached.
    """
    verdicts: dict[str, Verdict] = {}
    left_out: set[int] = set()
    end = time.monotonic() + seconds.total
    for _ in range(KERNELS):
        with kernel() as started:
            died_in = _pass(cells, started, submission, policies, seconds, verdicts, left_out, end, hear)
        if died_in is None:
            break
        left_out.add(died_in)
        if submission is not None:
            submission.close()  # its functions and networks belong to the dead kernel
    why = Cause.NOT_RUN_NO_TIME if time.monotonic() > end else Cause.NOT_RUN_KERNELS
    checks = [cell.id for cell in cells if cell.kind == CHECK]
    return {id: verdicts.get(id) or not_run(id, why) for id in checks}


def _pass(
    cells: Sequence[CodeCell],
    kernel: Kernel,
    submission: Submission | None,
    policies: Mapping[str, Policy],
    seconds: Seconds,
    verdicts: dict[str, Verdict],
    left_out: set[int],
    end: float,
    hear: Callable[[CodeCell, Ran], None],
) -> int | None:
    """Walks once; returns the index of the cell in which the kernel died, None if nothing is left to do."""
    for number, cell in enumerate(cells):
        if time.monotonic() > end:
            return None
        if number in left_out or cell.id in verdicts:
            continue
        policy = policies.get(cell.id, Policy())
        if cell.kind == CHECK and policy.outside and submission is not None:
            verdict, ran = judge_outside(cell, kernel, submission, policy, min(seconds.check, _left(end)))
        else:
            ran = kernel.run(cell.source, min(seconds.check if cell.kind == CHECK else seconds.cell, _left(end)))
            verdict = inside_verdict(cell, ran) if cell.kind == CHECK else None
        if ran.ended is not None:
            hear(cell, ran)
        if verdict is not None:
            verdicts[cell.id] = verdict
        if not ran.alive:
            return number
    return None


def _left(end: float) -> float:
    """Seconds left, at least enough for a cell to time out properly."""
    return max(0.5, end - time.monotonic())


def judge_outside(
    cell: CodeCell, kernel: Kernel, submission: Submission, policy: Policy, seconds: float
) -> tuple[Verdict | None, Ran]:
    """The verdict of one check cell (None if the kernel was already dead), and the state of the kernel."""
    checkers, students = socket.socketpair()
    with checkers:
        with students:
            try:
                kernel.control.settimeout(seconds)
                socket.send_fds(kernel.control, [b"c"], [students.fileno()])
            except OSError:
                return None, kernel_ended()
        kernel.begin_serving()
        verdict = submission.check(cell.id, checkers, seconds, policy.in_place)
    return verdict, kernel.end_serving(2.0)


def inside_verdict(cell: CodeCell, ran: Ran) -> Verdict:
    """nbgrader's verdict on a check cell that ran in the student's kernel."""
    if ran.ended is not None:
        ended = ran.ended
        if ended.cause is Cause.RAISED:
            ended = _of_error(ended.exception, ended.text, cell)
        return failed(cell.id, ended.bounded())
    try:
        credit = float(ran.value or "")
    except ValueError:
        return passed(cell.id, cell.points)
    if not math.isfinite(credit):
        return failed(cell.id, Finding(Cause.CREDIT_NOT_A_NUMBER, text=f"{credit:g}"))
    if not 0 <= credit <= cell.points:
        # In a hidden cell, the number may be an input of the student's function.
        told = None if cell.hidden else credit
        return failed(cell.id, Finding(Cause.CREDIT_OUT_OF_RANGE, credit=told, limit=cell.points))
    return passed(cell.id, cell.points) if credit == cell.points else partial(cell.id, credit, cell.points)


def _of_error(exception: str, text: str, cell: CodeCell) -> Finding:
    """What a student may learn of an exception, reported by their kernel, that ended a check there."""
    failed = exception == "AssertionError"
    if not cell.hidden:
        cause = Cause.PROPERTY if failed else BY_EXCEPTION.get(exception, Cause.RAISED)
        return Finding(cause, exception=exception, text=text, quoted=True)
    words = own_words(text.strip(), ast.Module(statements(cell.source), [])) if failed else ""
    return Finding(Cause.PROPERTY, text=words) if words else raised(exception)
