"""Validates a checker's reply: its child interprets values returned by students, so it is not fully trusted.

For a hidden check, it may give one of a few causes, data that `protocol.hidden` lets through, and numbers known to the runner.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import fields
from typing import Any

from autograder.check.protocol.hidden import told
from autograder.check.protocol.limits import FIRST_ANSWER, MAX_CALLS
from autograder.check.protocol.verdict import (
    FAILED,
    FAILURES,
    PARTIAL,
    PASSED,
    Cause,
    Finding,
    Verdict,
    failed,
    is_number,
    partial,
    passed,
)
from autograder.notebook.code_cells import CodeCell
from autograder.notebook.syntax import statements

KEYS = {f.name for f in fields(Verdict)}


def believed(cell: CodeCell, answer: dict[str, Any], seconds: float, names: Collection[str]) -> Verdict | None:
    """The verdict on a cell, None if the reply is impossible for this cell.

    Parameters
    ----------
    cell : CodeCell
        The instructor's cell, as used for this submission.
    answer : dict
        The child's reply: `Verdict.to_json`, unless it was tampered with.
    seconds : float
        The time limit of the cell.
    names : collection of str
        The names outside checks.
    """
    if answer.keys() != KEYS or answer["id"] != cell.id or type(answer["in_place"]) is not bool:
        return None
    points, took, calls = numbers = (answer["points"], answer["seconds"], answer["calls"])
    if not all(is_number(n) and n >= 0 for n in numbers) or type(calls) is not int:
        return None
    try:
        finding = Finding.from_json(answer["finding"])
    except ValueError:
        return None
    status = answer["status"]
    if status == PASSED and points == cell.points:
        verdict = passed(cell.id, points)
    elif status == PARTIAL and points <= cell.points:
        verdict = partial(cell.id, points, cell.points)
    elif status == FAILED and points == 0 and _can_be(finding, cell, seconds, names):
        verdict = failed(cell.id, finding)
    else:
        return None
    verdict.seconds, verdict.calls, verdict.in_place = took, calls, answer["in_place"]
    return verdict


def _can_be(finding: Finding, cell: CodeCell, seconds: float, names: Collection[str]) -> bool:
    """Whether the cell's check can give this finding."""
    limits = {
        Cause.OUT_OF_TIME: (seconds, min(seconds, FIRST_ANSWER)),
        Cause.TOO_MANY_CALLS: (MAX_CALLS,),
        Cause.CREDIT_OUT_OF_RANGE: (cell.points,),
    }
    if finding.cause not in FAILURES or finding.limit not in limits.get(finding.cause, (None,)):
        return False
    return not cell.hidden or finding == told(finding, ast.Module(statements(cell.source), []), names)
