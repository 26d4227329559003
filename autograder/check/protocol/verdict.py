"""What one check cell found."""

from __future__ import annotations

from dataclasses import dataclass

PASSED, PARTIAL, FAILED, NOT_RUN = "passed", "partial", "failed", "not run"


@dataclass
class Verdict:
    """What one check cell found.

    `status` is "passed", "partial", "failed" or "not run"; only the first two earn points. `in_place` says that the
    student's function changed its arguments, `calls` how many questions were asked.
    """

    id: str
    status: str
    points: float = 0.0
    message: str = ""
    seconds: float = 0.0
    calls: int = 0
    in_place: bool = False


def not_run(id: str, why: str) -> Verdict:
    """The verdict of a cell that was never judged."""
    return Verdict(id, NOT_RUN, message=why)
