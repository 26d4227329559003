"""What one check cell found, as data: its verdict, and why.

No sentence for people is made or read here: `record.sentences` makes all of them, from a `Finding`.
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

    # The name is missing because the cell that should define it did not end well.
    CELL_RAISED = "cell_raised"
    CELL_OUT_OF_TIME = "cell_out_of_time"
    CELL_ENDED_KERNEL = "cell_ended_kernel"

    # No verdict.
    NOT_RUN_NO_TIME = "not_run_no_time"
    NOT_RUN_KERNELS = "not_run_kernels"
    NOTEBOOK_UNREADABLE = "notebook_unreadable"
    NO_NOTEBOOK = "no_notebook"
    GRADER_FAILED = "grader_failed"


# Why a checker can fail a cell; all other causes are the runner's to state.
FAILURES = frozenset(Cause) - {
    Cause.PASSED, Cause.PARTIAL, Cause.CHECKER_ENDED, Cause.KERNEL_ENDED, Cause.CELL_RAISED, Cause.CELL_OUT_OF_TIME,
    Cause.CELL_ENDED_KERNEL, Cause.NOT_RUN_NO_TIME, Cause.NOT_RUN_KERNELS, Cause.NOTEBOOK_UNREADABLE, Cause.NO_NOTEBOOK,
    Cause.GRADER_FAILED,
}  # fmt: skip
LONGEST_NAME = 200  # characters of a name
LARGEST = 2**53  # of integers: a float holds all up to here
SAFE_EXCEPTIONS = {
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
} | {"InvalidArgumentError", "ResourceExhaustedError", "NotFittedError", "LinAlgError", "AxisError"}


def safe_exception(name: str) -> str:
    """The name of an exception where it may be told, "" elsewhere: a student can invent one that spells out a hidden input."""
    return name if name in SAFE_EXCEPTIONS else ""


@dataclass(frozen=True)
class Fields:
    """Which fields a finding has beside its cause.

    Attributes
    ----------
    needed, others : frozenset of str
        Those without which there is no sentence, and those that it can have.
    told : frozenset of str
        Those that may be told of a hidden check; what may stand in them, `hidden.told` says.
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
        What is missing, or stands where it should not.
    exception : str
        The class of what was raised; of a hidden check only where it is safe to tell, see `safe_exception`.
    text : str
        The check's own words, the line of it that does not hold, or the type of what could not be used.
    quoted : bool
        Whether `text` is what `exception` said, word for word. Only in checks that students have seen.
    cell : str
        Which cell did not end well, by its id or its first line.
    line : int or None
        Where that cell is not Python, from 1.
    limit : float or None
        The limit that was exceeded: seconds or calls; points where `credit` is meant.
    credit : float or None
        The points that a check gave.
    ended_by : str
        The sandbox's limit that ended a kernel, in its words.
    exit_status : int or None
        Of a kernel that ended.
    flaw : Flaw or None
        What is wrong with what was sent or came back; `name` is then the part or the type that it is about.
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
        """The same, with texts that a record can hold: no control characters, and not too long."""
        return replace(
            self,
            name=plain(self.name, LONGEST_NAME),
            exception=plain(self.exception, LONGEST_NAME),
            text=plain(self.text, LONGEST_MESSAGE),
            cell=plain(self.cell, LONGEST_NAME),
            ended_by=plain(self.ended_by, LONGEST_NAME),
        )

    def only(self, names: frozenset[str]) -> Finding:
        """The same cause with these fields and no others."""
        return Finding(self.cause, **{name: getattr(self, name) for name in names})

    def to_json(self) -> dict[str, Any]:
        """As plain data, without what is not known."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {f.name: values[f.name] for f in fields(self) if f.name == "cause" or values[f.name] != f.default}

    @classmethod
    def from_json(cls, data: Any) -> Finding:
        """What `to_json` made.

        Raises
        ------
        ValueError
            If it is something else: an unknown cause, a field that the cause has not or one that it lacks, a wrong type, a
            number or a text that is not bounded.
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
            raise ValueError("not a finding: a text is too long, or holds control characters")
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
    """Whether a value is a number that can be compared and written: True is none, nor NaN, nor an integer beyond any float."""
    return (type(value) is int and abs(value) <= LARGEST) or (type(value) is float and math.isfinite(value))


def _fits(value: Any, kinds: tuple[type, ...]) -> bool:
    return type(value) in kinds and (type(value) in (str, bool, Cause, Flaw) or is_number(value))


@dataclass
class Verdict:
    """What one check cell found.

    `status` is "passed", "partial", "failed" or "not run"; only the first two earn points. `finding` says why. `in_place` says
    that the student's function changed its arguments, `calls` how many questions were asked.
    """

    id: str
    status: str
    points: float
    finding: Finding
    seconds: float = 0.0
    calls: int = 0
    in_place: bool = False

    def to_json(self) -> dict[str, Any]:
        """As plain data, for `check.runner.servers`, which does not believe all of it."""
        return {f.name: getattr(self, f.name) for f in fields(self)} | {"finding": self.finding.to_json()}


def passed(id: str, points: float) -> Verdict:
    """The verdict of a cell that earned all its points."""
    return Verdict(id, PASSED, points, Finding(Cause.PASSED))


def partial(id: str, credit: float, most: float) -> Verdict:
    """The verdict of a cell that earned a part of its points."""
    return Verdict(id, PARTIAL, credit, Finding(Cause.PARTIAL, credit=credit, limit=most))


def failed(id: str, finding: Finding) -> Verdict:
    """The verdict of a cell that earned nothing."""
    return Verdict(id, FAILED, 0.0, finding)


def not_run(id: str, cause: Cause) -> Verdict:
    """The verdict of a cell that was never judged."""
    return Verdict(id, NOT_RUN, 0.0, Finding(cause))
