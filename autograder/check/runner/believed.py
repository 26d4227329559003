"""What of a checker's answer is believed: its child interprets what students return, so even its word is bounded."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

from autograder.check.protocol.verdict import (
    FAILED,
    FAILURES,
    PARTIAL,
    PASSED,
    Finding,
    Verdict,
    failed,
    partial,
    passed,
)
from autograder.notebook.code_cells import CodeCell

KEYS = {f.name for f in fields(Verdict)}


def believed(cell: CodeCell, answer: dict[str, Any]) -> Verdict | None:
    """The verdict on a cell, None where the answer is not one that the cell can give.

    Parameters
    ----------
    cell : CodeCell
        The instructor's.
    answer : dict
        What the child said, `Verdict.to_json` if it is honest.
    """
    if answer.keys() != KEYS or answer["id"] != cell.id or type(answer["in_place"]) is not bool:
        return None
    points, seconds, calls = numbers = (answer["points"], answer["seconds"], answer["calls"])
    if not all(type(n) in (int, float) and math.isfinite(n) and n >= 0 for n in numbers):
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
    elif status == FAILED and points == 0 and finding.cause in FAILURES and not (cell.hidden and finding.quoted):
        verdict = failed(cell.id, finding)
    else:
        return None
    verdict.seconds, verdict.calls, verdict.in_place = seconds, calls, answer["in_place"]
    return verdict
