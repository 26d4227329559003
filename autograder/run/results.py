"""How a cell ended in a kernel, how a check is judged, and how long things may take."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.check.protocol.verdict import Cause, Finding


@dataclass(frozen=True)
class Ran:
    """How a cell ended in a kernel.

    Attributes
    ----------
    ended : Finding or None
        None: it ran to its end. Else RAISED, with the exception and its text (both are the student's, who can write anything
        there), OUT_OF_TIME, or KERNEL_ENDED.
    value : str or None
        The text of its last expression's value.
    """

    ended: Finding | None = None
    value: str | None = None

    @property
    def alive(self) -> bool:
        """Whether the kernel can go on."""
        return self.ended is None or self.ended.cause is not Cause.KERNEL_ENDED


def raised(exception: str, text: str = "") -> Ran:
    """A cell that ended with an exception."""
    return Ran(Finding(Cause.RAISED, exception=exception, text=text))


def out_of_time(seconds: float) -> Ran:
    """A cell that was interrupted, and heard it."""
    return Ran(Finding(Cause.OUT_OF_TIME, limit=seconds))


def kernel_ended(by: str = "", exit_status: int | None = None) -> Ran:
    """A cell whose kernel ended; `by` is the sandbox's limit that ended it."""
    return Ran(Finding(Cause.KERNEL_ENDED, ended_by=by, exit_status=exit_status))


def not_stopped(seconds: float) -> Ran:
    """A cell that did not hear that its time was over, so that its kernel was ended."""
    return Ran(Finding(Cause.KERNEL_ENDED, limit=seconds))


@dataclass(frozen=True)
class Policy:
    """How one check cell is judged: outside or inside, `in_place` see `Checker.check` (None: to be found out)."""

    outside: bool = True
    in_place: bool | None = False
    why: str = ""


@dataclass(frozen=True)
class Seconds:
    """Time limits: of a check cell, of any other cell, and of a whole submission, kernels and replays included."""

    check: float = 60.0
    cell: float = 300.0
    total: float = 1800.0


USUAL = Seconds()
