"""The wording of everything reported about a graded cell, made from findings; it is never parsed.

An exception in a hidden check may quote a hidden input: no `Finding` of such a check holds its text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autograder.check.protocol.flaws import Flaw
from autograder.check.protocol.limits import LONGEST_MESSAGE
from autograder.check.protocol.verdict import Cause, Finding, safe_exception
from autograder.plain_text import count, plain
from autograder.record.records import CellGrade, ManualGrade, shown
from autograder.remarks import About, Remark

SYNTAX_ERRORS = ("SyntaxError", "IndentationError", "TabError")


def message(id: str, finding: Finding) -> str:
    """The message to the student about one graded cell, "" if it earned full points.

    Parameters
    ----------
    id : str
        The cell's id; the message begins with its exercise.
    finding : Finding
    """
    if finding.quoted:
        return plain(f"{finding.exception}: {finding.text}", LONGEST_MESSAGE)
    if finding.cause is Cause.PROPERTY and finding.text:
        return plain(finding.text, LONGEST_MESSAGE)
    text = _SENTENCES[finding.cause](finding)
    return plain(f"{id.rsplit('-', 1)[0]}: {text}" if finding.cause in _ABOUT_THE_EXERCISE else text, LONGEST_MESSAGE)


def tell(cell: CellGrade, finding: Finding) -> None:
    """Stores a finding and its wording in a record."""
    cell.finding, cell.message = finding, message(cell.id, finding)


def comment(cell: CellGrade) -> str:
    """The comment on a graded cell on a feedback page."""
    return "Passed." if cell.passed else cell.message or "Not graded."


def comment_on_answer(task: ManualGrade, points: float | None) -> str:
    """The comment on a manually graded answer; `points` is the manual score, None until it is given."""
    if points is None:
        return "Awaiting manual grading."
    return "No answer given." if task.points == 0 else "Graded manually."


def verdict(cell: CellGrade) -> str:
    """The verdict on one graded cell: points, and what went wrong."""
    points = f"{shown(cell.points)} of {cell.max:g} points" if cell.max else "bonus, no points"
    if cell.passed:
        return f"{points}: passed."
    return f"{points}: {cell.message}" if cell.passed is False else f"not graded: {cell.message}"


def _property(finding: Finding) -> str:
    return "this property does not hold."


def _raised(finding: Finding) -> str:
    return (
        f"the function raised {kind(finding.exception)}. It must also work for values other than those in the example."
    )


def _unusable(finding: Finding) -> str:
    return f"the return value could not be used ({kind(finding.exception)}). Check its type."


def _missing_name(finding: Finding) -> str:
    return f"`{finding.name}` is not defined. Was it renamed, or did its cell stop before defining it?"


def _credit_not_a_number(finding: Finding) -> str:
    if not finding.text:  # of a hidden check
        return _property(finding)
    return f"this cell returned {finding.text} as its points, expected a number."


def _credit(finding: Finding) -> str:
    if finding.credit is None:  # of a hidden check
        return _property(finding)
    return f"this cell returned {finding.credit:g} points, expected 0 to {finding.limit:g}."


def _not_plain(finding: Finding) -> str:
    what = ": ".join(part for part in (finding.text, _flaw(finding)) if part)
    if what and not what.startswith(("a ", "an ")):
        what = f"{'an' if what[0].lower() in 'aeiou' else 'a'} {what}"
    return f"the return value is {f'{what}, which' if what else 'something that'} cannot be checked outside the student's process."


def _protocol_broken(finding: Finding) -> str:
    what = f" ({_exception(finding.exception)})" if finding.exception else ""
    return f"the student's process {_flaw(finding)}{what}."


def _flaw(finding: Finding) -> str:
    return _FLAWS[finding.flaw].format(name=finding.name or "thing") if finding.flaw else ""


def _no_function(finding: Finding, how: str) -> str:
    return f"there is no function to check, because {finding.cell or 'its cell'} {how}."


def _cell_raised(finding: Finding) -> str:
    where = f" at line {finding.line}" if finding.line and finding.exception in SYNTAX_ERRORS else ""
    return _no_function(finding, f"stopped with {kind(finding.exception)}{where}")


# Wording for flaws of the student's process, of a value, and of a network (after its article).
_FLAWS = {
    Flaw.NOT_ASKED: "sent an unexpected reply",
    Flaw.NO_ANSWER: "sent an invalid reply",
    Flaw.NO_MESSAGE: "sent an invalid message, or one that is too large",
    Flaw.MESSAGE_UNREADABLE: "sent an unreadable message",
    Flaw.CHANGED_NOT_GIVEN: "changed an object that it was not given",
    Flaw.CHANGED_KIND: "changed the type of an object",
    Flaw.CHANGED_SHAPE: "changed the shape of a part of another object",
    Flaw.CALLED_NOT_GIVEN: "called a function that it was not given",
    Flaw.NO_ARGUMENT: "called a function with an invalid argument",
    Flaw.NO_EXCEPTION: "raised something that is not an exception",
    Flaw.FUNCTION_NOT_GIVEN: "sent a function that it was not given",
    Flaw.NO_FUNCTION: "sent an invalid function",
    Flaw.TOO_MANY_FUNCTIONS: "sent too many functions",
    Flaw.NO_CLASS: "sent an invalid class",
    Flaw.TOO_MANY_CLASSES: "sent too many classes",
    Flaw.NO_WEIGHTS: "sent a network without weights",
    Flaw.UNKNOWN_TYPE: "sent a value of an unknown type",
    Flaw.NO_TYPE: "sent a value without a type",
    Flaw.NO_VALUE: "sent an invalid value",
    Flaw.NESTED: "sent a value that is nested too deeply",
    Flaw.TOO_MANY_VALUES: "sent too many values",
    Flaw.MORE_BYTES: "sent more bytes than its message announced",
    Flaw.FEWER_BYTES: "sent fewer bytes than its message announced",
    Flaw.NO_REFERENCE: "sent a reference to an unknown object",
    Flaw.NUMBER_TOO_LARGE: "sent a number that is too large",
    Flaw.ARRAY_TYPE: "sent an array of an unsupported type",
    Flaw.ARRAY_SHAPE: "sent an array of an impossible shape",
    Flaw.NO_TEXT: "sent an invalid string",
    Flaw.NO_COLUMN: "sent a table without columns",
    Flaw.TOO_DEEP: "a value that is nested too deeply",
    Flaw.CONTAINS_ITSELF: "a container that contains itself",
    Flaw.TOO_LARGE: "a value that is too large",
    Flaw.TOO_MANY_PARTS: "a value with too many parts",
    Flaw.TOO_MANY_DIGITS: "a number with too many digits",
    Flaw.RECORD: "a record of a structured array",
    Flaw.MASKED: "a masked array",
    Flaw.ARRAY_OF: "an array of {name}",
    Flaw.OF_TYPE: "a {name}",
    Flaw.NETWORK_KIND: "network that is neither Sequential nor functional",
    Flaw.NETWORK_TOO_LARGE: "network whose description is too large",
    Flaw.NETWORK_UNREADABLE: "network whose description cannot be read",
    Flaw.NETWORK_NUMBERS: "network whose weights are not numbers",
    Flaw.NETWORK_WEIGHTS: "network whose weights do not fit its layers",
    Flaw.NETWORK_LAYER: "network with a layer that is too large",
    Flaw.NETWORK_FUNCTION: "network with a custom function",
    Flaw.NETWORK_FOREIGN: "network with a part from outside Keras",
    Flaw.NETWORK_NAME: "network with a name that is too long",
    Flaw.NETWORK_BUILD: "network that cannot be rebuilt ({name})",
    Flaw.NETWORK_PART: "network with a layer or part `{name}`, which checks do not support",
    Flaw.NETWORK_ACTIVATION: "network with the activation `{name}`, which checks do not support",
    Flaw.NETWORK_SETTING: "network with `{name}`, which checks do not support",
    Flaw.NETWORK_TYPE: "network of type `{name}`",
}
_SENTENCES: dict[Cause, Callable[[Finding], str]] = {
    Cause.PASSED: lambda _: "",
    Cause.PARTIAL: lambda f: f"Partly correct: {f.credit:g} of {f.limit:g} points.",
    Cause.PROPERTY: _property,
    Cause.ASSERTION: lambda f: f"this does not hold: {f.text}" if f.text else _property(f),
    Cause.MISSING_NAME: _missing_name,
    Cause.NOT_IMPLEMENTED: lambda _: "not answered yet (the function raises NotImplementedError).",
    Cause.RECURSION: lambda _: "infinite recursion (RecursionError).",
    Cause.RAISED: _raised,
    Cause.UNUSABLE: _unusable,
    Cause.CREDIT_NOT_A_NUMBER: _credit_not_a_number,
    Cause.CREDIT_OUT_OF_RANGE: _credit,
    Cause.OUT_OF_TIME: lambda f: (
        f"the check was stopped after {f.limit:g} s. Is there an infinite loop, or a slow loop over pixels?"
    ),
    Cause.PROCESS_GONE: lambda _: "the student's process has died.",
    Cause.PROTOCOL_BROKEN: _protocol_broken,
    Cause.UNREADABLE: lambda f: f"the student's process sent unreadable data ({_exception(f.exception)}).",
    Cause.CANNOT_CROSS: lambda f: (
        f"the check passes the student's code {_flaw(f)}, which cannot be sent to its process."
    ),
    Cause.TOO_LARGE: lambda _: "the check passes the student's code more data than one message may contain.",
    Cause.NESTED_CALLBACKS: lambda _: "infinite recursion of callbacks.",
    Cause.TOO_MANY_CALLS: lambda f: f"more than {f.limit:g} calls were made.",
    Cause.NAME_OF_INSTRUCTOR: lambda f: (
        f"{f'`{f.name}`' if f.name else 'a name'} belongs to the instructor but is defined in the student's process."
    ),
    Cause.NOT_PLAIN: _not_plain,
    Cause.CHECKER_ENDED: lambda f: f"the check ran out of memory, or was stopped after {f.limit:g} s.",
    Cause.KERNEL_ENDED: lambda f: f"calling the function ended the kernel{_in_brackets(f)}.",
    Cause.CELL_RAISED: _cell_raised,
    Cause.CELL_OUT_OF_TIME: lambda f: _no_function(f, "ran out of time"),
    Cause.CELL_ENDED_KERNEL: lambda f: _no_function(f, f"ended the kernel{_in_brackets(f)}"),
    Cause.NOT_RUN_NO_TIME: lambda _: "This cell was not run: no time was left.",
    Cause.NOT_RUN_KERNELS: lambda _: "This cell was not run: the kernel had died too often.",
    Cause.NOTEBOOK_UNREADABLE: lambda _: "Not graded: its notebook could not be read.",
    Cause.NO_NOTEBOOK: lambda _: "Not graded: no notebook of this lab could be read.",
    Cause.GRADER_FAILED: lambda _: "Not graded: the grader itself failed.",
}
_ABOUT_THE_EXERCISE = frozenset(Cause) - {
    Cause.PASSED, Cause.PARTIAL, Cause.NOT_RUN_NO_TIME, Cause.NOT_RUN_KERNELS, Cause.NOTEBOOK_UNREADABLE, Cause.NO_NOTEBOOK,
    Cause.GRADER_FAILED,
}  # fmt: skip


def kind(name: str) -> str:
    """An exception's name with its article: "a ValueError", "an IndexError", "a custom exception"."""
    if not safe_exception(name):
        return _exception(name)
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"


def _exception(name: str) -> str:
    return safe_exception(name) or "a custom exception"


def how_it_ended(finding: Finding) -> str:
    """How a failed cell ended, for the author of the notebook or the administrator of the machine."""
    if finding.cause in (Cause.KERNEL_ENDED, Cause.CELL_ENDED_KERNEL):
        return _not_stopped(finding) or f"the kernel died{_in_brackets(finding)}"
    if finding.cause in (Cause.OUT_OF_TIME, Cause.CELL_OUT_OF_TIME):
        return f"stopped after {finding.limit:g} s"
    return plain(f"{finding.exception}: {finding.text}")


def ending(finding: Finding) -> Remark:
    """The remark on a cell that failed."""
    if finding.cause is Cause.CELL_ENDED_KERNEL:
        return Remark(About.CELL_ENDED_KERNEL, finding.cell, text=how_it_ended(finding))
    if finding.cause is Cause.CELL_OUT_OF_TIME:
        return Remark(About.CELL_OUT_OF_TIME, finding.cell, text=how_it_ended(finding))
    return Remark(About.CELL_RAISED, finding.cell, text=kind(finding.exception))


def not_run(ids: Sequence[str], finding: Finding | None = None) -> Remark:
    """The remark on cells without a verdict, with the cause of the first: the submission needs manual review."""
    return Remark(About.NOT_RUN, names=tuple(ids), text=message(ids[0], finding) if finding else "")


def submissions(number: int, without: int) -> str:
    """The number of submissions, and how many have no mark yet."""
    return count(number, "submission") + (f", {without} without a mark" if without else "")


def _in_brackets(finding: Finding) -> str:
    why = _not_stopped(finding) or finding.ended_by
    if not why and finding.exit_status:
        why = f"exit status {finding.exit_status}"
    return f" ({why})" if why else ""


def _not_stopped(finding: Finding) -> str:
    return f"did not stop after {finding.limit:g} s" if finding.limit is not None else ""
