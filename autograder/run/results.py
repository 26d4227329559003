"""How a cell ended in a kernel, how a check is run, and the time limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autograder.check.protocol.verdict import Cause, Finding, Verdict


@dataclass(frozen=True)
class Ran:
    """How a cell ended in a kernel.

    Attributes
    ----------
    ended : Finding or None
        None: it completed. Else RAISED, with the exception and its text (both untrusted, from the student's process),
        OUT_OF_TIME, or KERNEL_ENDED.
    value : str or None
        The value of its last expression, as text.
    """

    ended: Finding | None = None
    value: str | None = None

    @property
    def alive(self) -> bool:
        """Whether the kernel is still usable."""
        return self.ended is None or self.ended.cause is not Cause.KERNEL_ENDED


def raised(exception: str, text: str = "") -> Ran:
    """The result of a cell that raised an exception."""
    return Ran(Finding(Cause.RAISED, exception=exception, text=text))


def out_of_time(seconds: float) -> Ran:
    """The result of a cell that was interrupted and stopped."""
    return Ran(Finding(Cause.OUT_OF_TIME, limit=seconds))


def kernel_ended(by: str = "", exit_status: int | None = None) -> Ran:
    """The result of a cell whose kernel ended; `by` is the sandbox limit that ended it, if any."""
    return Ran(Finding(Cause.KERNEL_ENDED, ended_by=by, exit_status=exit_status))


def not_stopped(seconds: float) -> Ran:
    """The result of a cell that did not react to the interrupt, so its kernel was ended."""
    return Ran(Finding(Cause.KERNEL_ENDED, limit=seconds))


@dataclass(frozen=True)
class Difference:
    """Why a check is run inside: an answer to which it gave one verdict there and another outside.

    Attributes
    ----------
    answer : str
        The answer's name.
    inside, outside : Verdict
    needed_by : str
        The later check whose verdicts differed, because it needs a name that this one defines; "" if they are this check's.
    """

    answer: str
    inside: Verdict
    outside: Verdict
    needed_by: str = ""


@dataclass(frozen=True)
class Policy:
    """How one check cell is run: outside, or inside because of a `Difference`; for `in_place`, see `Checker.check` (None: not
    determined yet)."""

    outside: bool = True
    in_place: bool | None = False
    why: Difference | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain data; `from_json` reads it."""
        why = self.why and {
            **vars(self.why),
            "inside": self.why.inside.to_json(),
            "outside": self.why.outside.to_json(),
        }
        return {"outside": self.outside, "in_place": self.in_place, "why": why}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Policy:
        """The inverse of `to_json`. Raises ValueError, TypeError or KeyError for other data."""
        why = data["why"]
        if why is not None:
            both = {
                side: Verdict(**{**why[side], "finding": Finding.from_json(why[side]["finding"])})
                for side in ("inside", "outside")
            }
            why = Difference(**{**why, **both})
        return cls(**{**data, "why": why})


@dataclass(frozen=True)
class Seconds:
    """Time limits of a check cell, of any other cell, and of a whole submission including kernels and replays."""

    check: float = 60.0
    cell: float = 300.0
    total: float = 1800.0


USUAL = Seconds()
