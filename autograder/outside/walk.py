"""Walks the cells of one submission over a kernel: answers and locked cells run there, check cells outside it (or, where an
assignment's calibration says so, inside, as nbgrader does)."""

from __future__ import annotations

import math
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from autograder.outside.checker import FAILED, PARTIAL, PASSED, Verdict
from autograder.outside.plan import CHECK, PlanCell
from autograder.outside.server import Submission, not_run


@dataclass(frozen=True)
class Ran:
    """How a cell ended in a kernel: `error` is "" or what it raised, `value` the text of its last expression's value."""

    error: str = ""
    value: str | None = None
    alive: bool = True


class Kernel(Protocol):
    """What a walk needs of a kernel; who starts it, and in which sandbox, is not its matter.

    `control` is the runner's end of a socket pair that the kernel has inherited. `begin_serving` starts a cell that calls
    `responder.serve` on the other end and does not wait for it; `end_serving` waits until that cell is over, interrupts it
    when it is not, and says whether the kernel can go on.
    """

    control: socket.socket

    def run(self, source: str, seconds: float) -> Ran: ...

    def begin_serving(self) -> None: ...

    def end_serving(self, seconds: float) -> bool: ...


@dataclass(frozen=True)
class Policy:
    """How one check cell is judged: outside or inside, `in_place` see `Checker.check` (None: to be found out)."""

    outside: bool = True
    in_place: bool | None = False
    why: str = ""


def walk(
    plan: Sequence[PlanCell],
    kernel: Kernel,
    submission: Submission | None,
    policies: dict[str, Policy],
    check_seconds: float = 60.0,
    cell_seconds: float = 300.0,
) -> dict[str, Verdict]:
    """Runs a submission from the first cell to the last.

    Parameters
    ----------
    plan : sequence of PlanCell
        The assignment with the student's sources in its solution cells.
    kernel : Kernel
        Fresh.
    submission : Submission or None
        None where all cells are judged inside.
    policies : dict
        For each check cell; outside where there is none.

    Returns
    -------
    dict
        A verdict for every check cell, "not run" for those behind the death of the kernel.
    """
    verdicts: dict[str, Verdict] = {}
    alive = True
    for cell in plan:
        if not alive:
            break
        if cell.kind != CHECK:
            alive = kernel.run(cell.source, cell_seconds).alive
            continue
        policy = policies.get(cell.id, Policy())
        if policy.outside and submission is not None:
            verdicts[cell.id], alive = judge_outside(cell, kernel, submission, policy, check_seconds)
        else:
            ran = kernel.run(cell.source, check_seconds)
            alive, verdicts[cell.id] = ran.alive, inside_verdict(cell, ran)
    for cell in plan:
        if cell.kind == CHECK and cell.id not in verdicts:
            verdicts[cell.id] = not_run(cell.id, "This cell was not run, because the kernel had died before.")
    return verdicts


def judge_outside(
    cell: PlanCell, kernel: Kernel, submission: Submission, policy: Policy, seconds: float
) -> tuple[Verdict, bool]:
    """The verdict of one check cell, and whether the kernel lives on."""
    checkers, students = socket.socketpair()
    with checkers:
        with students:
            try:
                kernel.control.settimeout(seconds)
                socket.send_fds(kernel.control, [b"c"], [students.fileno()])
            except OSError:
                return not_run(cell.id, "This cell was not run, because the kernel had died before."), False
        kernel.begin_serving()
        verdict = submission.check(cell.id, checkers, seconds, policy.in_place)
    return verdict, kernel.end_serving(2.0)


def inside_verdict(cell: PlanCell, ran: Ran) -> Verdict:
    """nbgrader's verdict on a check cell that ran in the student's kernel."""
    if ran.error:
        return Verdict(cell.id, FAILED, message=ran.error[:500])
    try:
        credit = float(ran.value or "")
    except ValueError:
        return Verdict(cell.id, PASSED, cell.points)
    if not (math.isfinite(credit) and 0 <= credit <= cell.points):
        return Verdict(
            cell.id, FAILED, message=f"this cell gave {credit:g} points, but it has from 0 to {cell.points:g}"
        )
    return Verdict(cell.id, PASSED if credit == cell.points else PARTIAL, credit)
