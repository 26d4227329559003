"""The result of one check cell, as data: its verdict, and why.

No messages are made or parsed here: `record.sentences` makes them all from a `Finding`.
"""

from __future__ import annotations

import builtins
import math
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from autograder.check.protocol.flaws import Flaw
from autograder.check.protocol.limits import LONGEST_MESSAGE
from autograder.plain_text import plain

PASSED, PARTIAL, FAILED, NOT_RUN = "passed", "partial", "failed", "not run"


class Cause(StrEnum):
    """Why a cell has the verdict that it has."""

    PASSED = "passed"
    PARTIAL = "partial"

    # What a check found.
    PROPERTY = "property"
    ASSERTION = "assertion"
    MISSING_NAME = "missing_name"
    NOT_IMPLEMENTED = "not_implemented"
    RECURSION = "recursion"
    RAISED = "raised"
    UNUSABLE = "unusable"
    CREDIT_NOT_A_NUMBER = "credit_not_a_number"
    CREDIT_OUT_OF_RANGE = "credit_out_of_range"

    # A check that could not be finished.
    OUT_OF_TIME = "out_of_time"
    PROCESS_GONE = "process_gone"
    PROTOCOL_BROKEN = "protocol_broken"
    UNREADABLE = "unreadable"
    CANNOT_CROSS = "cannot_cross"
    TOO_LARGE = "too_large"
    NESTED_CALLBACKS = "nested_callbacks"
    TOO_MANY_CALLS = "too_many_calls"
    NAME_OF_INSTRUCTOR = "name_of_instructor"
    NOT_PLAIN = "not_plain"
    CHECKER_ENDED = "checker_ended"
    KERNEL_ENDED = "kernel_ended"

    # The name is missing because the cell that should define it failed.
    CELL_RAISED = "cell_raised"
    CELL_OUT_OF_TIME = "cell_out_of_time"
    CELL_ENDED_KERNEL = "cell_ended_kernel"

    # No verdict.
    NOT_RUN_NO_TIME = "not_run_no_time"
    NOT_RUN_KERNELS = "not_run_kernels"
    NOTEBOOK_UNREADABLE = "notebook_unreadable"
    NO_NOTEBOOK = "no_notebook"
    GRADER_FAILED = "grader_failed"


# Causes that a checker may report; all others can only come from the runner.
FAILURES = frozenset(Cause) - {
    Cause.PASSED, Cause.PARTIAL, Cause.CHECKER_ENDED, Cause.KERNEL_ENDED, Cause.CELL_RAISED, Cause.CELL_OUT_OF_TIME,
    Cause.CELL_ENDED_KERNEL, Cause.NOT_RUN_NO_TIME, Cause.NOT_RUN_KERNELS, Cause.NOTEBOOK_UNREADABLE, Cause.NO_NOTEBOOK,
    Cause.GRADER_FAILED,
}  # fmt: skip
LONGEST_NAME = 200  # characters of a name
LARGEST = 2**53  # largest integer: a float represents all up to here
SAFE_EXCEPTIONS = {
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
} | {"InvalidArgumentError", "ResourceExhaustedError", "NotFittedError", "LinAlgError", "AxisError"}


def safe_exception(name: str) -> str:
    """The name of an exception if it may be shown, else "": a student could define one whose name spells out a hidden input."""
    return name if name in SAFE_EXCEPTIONS else ""


@dataclass(frozen=True)
class Fields:
    """The fields of a finding in addition to its cause.

    Attributes
    ----------
    needed, others : frozenset of str
        The required fields, and the optional ones.
    told : frozenset of str
        Those that may be shown for a hidden check; `hidden.told` restricts their contents.
    """

    needed: frozenset[str]
    others: frozenset[str]
    told: frozenset[str]


def _with(needed: str = "", others: str = "", told: str = "") -> Fields:
    return Fields(frozenset(needed.split()), frozenset(others.split()), frozenset(told.split()))


FIELDS = {
    Cause.PASSED: _with(),
    Cause.PARTIAL: _with("credit limit", told="credit limit"),
    Cause.PROPERTY: _with(others="exception text quoted", told="text"),
    Cause.ASSERTION: _with(others="text"),
    Cause.MISSING_NAME: _with("name", told="name"),
    Cause.NOT_IMPLEMENTED: _with(others="exception text quoted", told="exception"),
    Cause.RECURSION: _with(others="exception text quoted", told="exception"),
    Cause.RAISED: _with(others="exception text quoted", told="exception"),
    Cause.UNUSABLE: _with(others="exception text quoted", told="exception"),
    Cause.CREDIT_NOT_A_NUMBER: _with(others="text", told="text"),
    Cause.CREDIT_OUT_OF_RANGE: _with("limit", "credit", told="limit"),
    Cause.OUT_OF_TIME: _with("limit", told="limit"),
    Cause.PROCESS_GONE: _with(),
    Cause.PROTOCOL_BROKEN: _with("flaw", "exception", told="flaw exception"),
    Cause.UNREADABLE: _with(others="exception", told="exception"),
    Cause.CANNOT_CROSS: _with("flaw", "name", told="flaw"),
    Cause.TOO_LARGE: _with(),
    Cause.NESTED_CALLBACKS: _with(),
    Cause.TOO_MANY_CALLS: _with("limit", told="limit"),
    Cause.NAME_OF_INSTRUCTOR: _with(others="name", told="name"),
    Cause.NOT_PLAIN: _with(others="text flaw name"),
    Cause.CHECKER_ENDED: _with("limit", told="limit"),
    Cause.KERNEL_ENDED: _with(others="limit ended_by exit_status", told="limit ended_by exit_status"),
    Cause.CELL_RAISED: _with(others="name exception cell line", told="name exception cell line"),
    Cause.CELL_OUT_OF_TIME: _with("limit", "name cell line", told="limit name cell line"),
    Cause.CELL_ENDED_KERNEL: _with(
        others="name cell line limit ended_by exit_status", told="name cell line limit ended_by exit_status"
    ),
    Cause.NOT_RUN_NO_TIME: _with(),
    Cause.NOT_RUN_KERNELS: _with(),
    Cause.NOTEBOOK_UNREADABLE: _with(),
    Cause.NO_NOTEBOOK: _with(),
    Cause.GRADER_FAILED: _with(),
}


@dataclass(frozen=True)
class Finding:
    """Why a cell ended as it did, with the FIELDS of its cause. Every field may be shown to the student.

    Attributes
    ----------
    cause : Cause
    name : str
        The name of the missing or misplaced object.
    exception : str
        The exception's class; for a hidden check only if it is safe to show, see `safe_exception`.
    text : str
        The check's message, its line that failed, or the type of an unusable value.
    quoted : bool
        Whether `text` is the literal message of `exception`. Only for checks visible to students.
    cell : str
        The cell that failed, by its id or its first line.
    line : int or None
        The line of that cell's syntax error, from 1.
    limit : float or None
        The limit that was exceeded: seconds or calls; for `credit`, points.
    credit : float or None
        The points returned by a check.
    ended_by : str
        The sandbox limit that ended a kernel, as named by the sandbox.
    exit_status : int or None
        The exit status of a kernel that ended.
    flaw : Flaw or None
        The flaw of a value sent or returned; `name` is then the part or type concerned.
    """

    cause: Cause
    name: str = ""
    exception: str = ""
    text: str = ""
    quoted: bool = False
    cell: str = ""
    line: int | None = None
    limit: float | None = None
    credit: float | None = None
    ended_by: str = ""
    exit_status: int | None = None
    flaw: Flaw | None = None

    def bounded(self) -> Finding:
        """The same finding with texts safe for a record: truncated and without control characters."""
        return replace(
            self,
            name=plain(self.name, LONGEST_NAME),
            exception=plain(self.exception, LONGEST_NAME),
            text=plain(self.text, LONGEST_MESSAGE),
            cell=plain(self.cell, LONGEST_NAME),
            ended_by=plain(self.ended_by, LONGEST_NAME),
        )

    def only(self, names: frozenset[str]) -> Finding:
        """The same cause with only these fields."""
        return Finding(self.cause, **{name: getattr(self, name) for name in names})

    def to_json(self) -> dict[str, Any]:
        """As plain data, without empty fields."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {f.name: values[f.name] for f in fields(self) if f.name == "cause" or values[f.name] != f.default}

    @classmethod
    def from_json(cls, data: Any) -> Finding:
        """The inverse of `to_json`.

        Raises
        ------
        ValueError
            For other data: an unknown cause, a missing field or one that the cause does not have, a wrong type, or a number or
            text beyond the limits.
        """
        if not isinstance(data, dict) or type(data.get("cause")) not in (str, Cause):
            raise ValueError("not a finding")
        cause = Cause(data["cause"])
        given, may = data.keys() - {"cause"}, FIELDS[cause]
        if wrong := sorted(given - may.needed - may.others):
            raise ValueError(f"not a finding: {cause} has no {wrong[0]}")
        if lacking := sorted(name for name in may.needed if data.get(name, "") == ""):
            raise ValueError(f"not a finding: {cause} needs {lacking[0]}")
        if wrong := sorted(name for name in given if not _fits(data[name], _KINDS[name])):
            raise ValueError(f"not a finding: {wrong[0]}")
        made = cls(**{**data, "cause": cause} | ({"flaw": Flaw(data["flaw"])} if "flaw" in given else {}))
        if made != made.bounded():
            raise ValueError("not a finding: a text is too long or contains control characters")
        return made


_BY_TYPE: dict[str, tuple[type, ...]] = {
    "Cause": (str, Cause),
    "str": (str,),
    "Flaw | None": (str, Flaw),
    "bool": (bool,),
    "int | None": (int,),
    "float | None": (int, float),
}
_KINDS = {f.name: _BY_TYPE[str(f.type)] for f in fields(Finding)}


def is_number(value: Any) -> bool:
    """Whether a value is a finite number that can be compared and stored: not True, NaN, or an integer too large for a float."""
    return (type(value) is int and abs(value) <= LARGEST) or (type(value) is float and math.isfinite(value))


def _fits(value: Any, kinds: tuple[type, ...]) -> bool:
    return type(value) in kinds and (type(value) in (str, bool, Cause, Flaw) or is_number(value))


@dataclass
class Verdict:
    """The result of one check cell.

    `status` is "passed", "partial", "failed" or "not run"; only the first two earn points. `finding` gives the reason. `in_place` is
    True if the student's function changed its arguments, `calls` the number of requests.
    """

    id: str
    status: str
    points: float
    finding: Finding
    seconds: float = 0.0
    calls: int = 0
    in_place: bool = False

    def to_json(self) -> dict[str, Any]:
        """As plain data, for `check.runner.servers`, which does not trust all of it."""
        return {f.name: getattr(self, f.name) for f in fields(self)} | {"finding": self.finding.to_json()}


def passed(id: str, points: float) -> Verdict:
    """The verdict of a cell that earned full points."""
    return Verdict(id, PASSED, points, Finding(Cause.PASSED))


def partial(id: str, credit: float, most: float) -> Verdict:
    """The verdict of a cell that earned partial credit."""
    return Verdict(id, PARTIAL, credit, Finding(Cause.PARTIAL, credit=credit, limit=most))


def failed(id: str, finding: Finding) -> Verdict:
    """The verdict of a cell that earned nothing."""
    return Verdict(id, FAILED, 0.0, finding)


def not_run(id: str, cause: Cause) -> Verdict:
    """The verdict of a cell that was not checked."""
    return Verdict(id, NOT_RUN, 0.0, Finding(cause))
