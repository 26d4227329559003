"""Every sentence that people read about a graded cell, made from what was found; nothing reads them back.

What a student's code raises in a hidden check may quote a hidden input: no `Finding` of such a check holds its text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autograder.check.protocol.flaws import Flaw
from autograder.check.protocol.limits import LONGEST_MESSAGE
from autograder.check.protocol.verdict import Cause, Finding, safe_exception
from autograder.plain_text import plain
from autograder.record.records import CellGrade, ManualGrade, shown
from autograder.remarks import About, Remark

SYNTAX_ERRORS = ("SyntaxError", "IndentationError", "TabError")


def message(id: str, finding: Finding) -> str:
    """What a student reads of one graded cell, "" where it earned everything.

    Parameters
    ----------
    id : str
        Of the cell; its exercise stands before what is said of it.
    finding : Finding
    """
    if finding.quoted:
        return plain(f"{finding.exception}: {finding.text}", LONGEST_MESSAGE)
    if finding.cause is Cause.PROPERTY and finding.text:
        return plain(finding.text, LONGEST_MESSAGE)
    text = _SENTENCES[finding.cause](finding)
    return plain(f"{id.rsplit('-', 1)[0]}: {text}" if finding.cause in _ABOUT_THE_EXERCISE else text, LONGEST_MESSAGE)


def tell(cell: CellGrade, finding: Finding) -> None:
    """Notes in a record what was found, and the words for it."""
    cell.finding, cell.message = finding, message(cell.id, finding)


def comment(cell: CellGrade) -> str:
    """What stands beside a graded cell on a page."""
    return "Passed." if cell.passed else cell.message or "Not graded."


def comment_on_answer(task: ManualGrade, points: float | None) -> str:
    """What stands beside an answer that a person marks; `points` are what the person gave, None while nobody did."""
    if points is None:
        return "A person will read this."
    return "Nothing was written." if task.points == 0 else "Read."


def verdict(cell: CellGrade) -> str:
    """One graded cell in words: points, and what went wrong."""
    points = f"{shown(cell.points)} of {cell.max:g} points" if cell.max else "bonus, no points"
    if cell.passed:
        return f"{points}: passed."
    return f"{points}: {cell.message}" if cell.passed is False else f"not graded: {cell.message}"


def _property(finding: Finding) -> str:
    return "this property does not hold."


def _raised(finding: Finding) -> str:
    return (
        f"the function stopped with {kind(finding.exception)}. It must work for other values than those of the example."
    )


def _unusable(finding: Finding) -> str:
    return f"what came back could not be used ({kind(finding.exception)}). Does it have the type that it should have?"


def _missing_name(finding: Finding) -> str:
    return f"there is no `{finding.name}`. Did its cell stop before it was defined, or was it renamed?"


def _credit_not_a_number(finding: Finding) -> str:
    if not finding.text:  # of a hidden check
        return _property(finding)
    return f"this cell gave a {finding.text} for its points, which is no number."


def _credit(finding: Finding) -> str:
    if finding.credit is None:  # of a hidden check
        return _property(finding)
    return f"this cell gave {finding.credit:g} points, but it has from 0 to {finding.limit:g}."


def _not_plain(finding: Finding) -> str:
    what = ": ".join(part for part in (finding.text, _flaw(finding)) if part)
    if what and not what.startswith(("a ", "an ")):
        what = f"{'an' if what[0].lower() in 'aeiou' else 'a'} {what}"
    return f"what came back is {f'{what}, which' if what else 'something that'} cannot be judged from outside."


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


# Of the student's process; of a value; of a network, after its article.
_FLAWS = {
    Flaw.NOT_ASKED: "sent an answer to a question that was not asked",
    Flaw.NO_ANSWER: "sent an answer that is none",
    Flaw.NO_MESSAGE: "sent something that is not a message, or one that is too large",
    Flaw.MESSAGE_UNREADABLE: "sent a message that cannot be read",
    Flaw.CHANGED_NOT_GIVEN: "changed something that it was not given",
    Flaw.CHANGED_KIND: "changed something into something else",
    Flaw.CHANGED_SHAPE: "changed the shape of something that is a part of something else",
    Flaw.CALLED_NOT_GIVEN: "called a function that it was not given",
    Flaw.NO_ARGUMENT: "called a function with something that is no argument",
    Flaw.NO_EXCEPTION: "raised something that is no exception",
    Flaw.FUNCTION_NOT_GIVEN: "sent a function that it was not given",
    Flaw.NO_FUNCTION: "sent a function that is none",
    Flaw.TOO_MANY_FUNCTIONS: "sent too many functions",
    Flaw.NO_CLASS: "sent a class that is none",
    Flaw.TOO_MANY_CLASSES: "sent too many classes",
    Flaw.NO_WEIGHTS: "sent a network without weights",
    Flaw.UNKNOWN_TYPE: "sent a value of an unknown type",
    Flaw.NO_TYPE: "sent a value without a type",
    Flaw.NO_VALUE: "sent a value that is none",
    Flaw.NESTED: "sent a value that is nested too deeply",
    Flaw.TOO_MANY_VALUES: "sent too many values",
    Flaw.MORE_BYTES: "sent more bytes than its message speaks of",
    Flaw.FEWER_BYTES: "sent fewer bytes than its message speaks of",
    Flaw.NO_REFERENCE: "sent a reference to nothing",
    Flaw.NUMBER_TOO_LARGE: "sent a number that is too large",
    Flaw.ARRAY_TYPE: "sent an array of a type that is not plain",
    Flaw.ARRAY_SHAPE: "sent an array of an impossible shape",
    Flaw.NO_TEXT: "sent a text that is none",
    Flaw.NO_COLUMN: "sent a table without a column",
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
    Flaw.NETWORK_FUNCTION: "network with a function of its own in it",
    Flaw.NETWORK_FOREIGN: "network with a part that is not of Keras",
    Flaw.NETWORK_NAME: "network with a name that is too long",
    Flaw.NETWORK_BUILD: "network that cannot be built again ({name})",
    Flaw.NETWORK_PART: "network with a layer or part `{name}`, which is not rebuilt for checks",
    Flaw.NETWORK_ACTIVATION: "network with the activation `{name}`, which is not rebuilt for checks",
    Flaw.NETWORK_SETTING: "network with `{name}`, which is not rebuilt for checks",
    Flaw.NETWORK_TYPE: "network of the type `{name}`",
}
_SENTENCES: dict[Cause, Callable[[Finding], str]] = {
    Cause.PASSED: lambda _: "",
    Cause.PARTIAL: lambda f: f"Partly right: {f.credit:g} of {f.limit:g}.",
    Cause.PROPERTY: _property,
    Cause.ASSERTION: lambda f: f"this does not hold: {f.text}" if f.text else _property(f),
    Cause.MISSING_NAME: _missing_name,
    Cause.NOT_IMPLEMENTED: lambda _: "not answered yet (the function raises NotImplementedError).",
    Cause.RECURSION: lambda _: "the function calls itself without end (RecursionError).",
    Cause.RAISED: _raised,
    Cause.UNUSABLE: _unusable,
    Cause.CREDIT_NOT_A_NUMBER: _credit_not_a_number,
    Cause.CREDIT_OUT_OF_RANGE: _credit,
    Cause.OUT_OF_TIME: lambda f: (
        f"the check was stopped after {f.limit:g} s. Is there a loop that never ends, or one step per pixel?"
    ),
    Cause.PROCESS_GONE: lambda _: "the student's process is gone.",
    Cause.PROTOCOL_BROKEN: _protocol_broken,
    Cause.UNREADABLE: lambda f: f"the student's process sent what cannot be read ({_exception(f.exception)}).",
    Cause.CANNOT_CROSS: lambda f: f"the check gives the student {_flaw(f)}, which cannot cross.",
    Cause.TOO_LARGE: lambda _: "the check gives the student more than a message may have.",
    Cause.NESTED_CALLBACKS: lambda _: "callbacks call each other without end.",
    Cause.TOO_MANY_CALLS: lambda f: f"there were more than {f.limit:g} calls.",
    Cause.NAME_OF_INSTRUCTOR: lambda f: (
        f"{f'`{f.name}`' if f.name else 'a name'} is the instructor's, but it lives in the student's process."
    ),
    Cause.NOT_PLAIN: _not_plain,
    Cause.CHECKER_ENDED: lambda f: f"the check was stopped after {f.limit:g} s, or ran out of memory.",
    Cause.KERNEL_ENDED: lambda f: f"calling the function ended the kernel{_in_brackets(f)}.",
    Cause.CELL_RAISED: _cell_raised,
    Cause.CELL_OUT_OF_TIME: lambda f: _no_function(f, "did not end in time"),
    Cause.CELL_ENDED_KERNEL: lambda f: _no_function(f, f"ended the kernel{_in_brackets(f)}"),
    Cause.NOT_RUN_NO_TIME: lambda _: "This cell was not run: there was no time left.",
    Cause.NOT_RUN_KERNELS: lambda _: "This cell was not run: the kernel died too often before.",
    Cause.NOTEBOOK_UNREADABLE: lambda _: "Not graded: its notebook could not be read.",
    Cause.NO_NOTEBOOK: lambda _: "Not graded: no notebook of this lab could be read.",
    Cause.GRADER_FAILED: lambda _: "Not graded: the grader itself failed.",
}
_ABOUT_THE_EXERCISE = frozenset(Cause) - {
    Cause.PASSED, Cause.PARTIAL, Cause.NOT_RUN_NO_TIME, Cause.NOT_RUN_KERNELS, Cause.NOTEBOOK_UNREADABLE, Cause.NO_NOTEBOOK,
    Cause.GRADER_FAILED,
}  # fmt: skip


def kind(name: str) -> str:
    """How an exception is called in a message: "a ValueError", "an IndexError", "an error of its own kind"."""
    if not safe_exception(name):
        return _exception(name)
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"


def _exception(name: str) -> str:
    return safe_exception(name) or "an error of its own kind"


def how_it_ended(finding: Finding) -> str:
    """How a cell ended that did not end well, for who answers for the notebook or the machine."""
    if finding.cause in (Cause.KERNEL_ENDED, Cause.CELL_ENDED_KERNEL):
        return _not_stopped(finding) or f"the kernel died{_in_brackets(finding)}"
    if finding.cause in (Cause.OUT_OF_TIME, Cause.CELL_OUT_OF_TIME):
        return f"stopped after {finding.limit:g} s"
    return plain(f"{finding.exception}: {finding.text}")


def ending(finding: Finding) -> Remark:
    """What a person should know of a cell that did not end well."""
    if finding.cause is Cause.CELL_ENDED_KERNEL:
        return Remark(About.CELL_ENDED_KERNEL, finding.cell, text=how_it_ended(finding))
    if finding.cause is Cause.CELL_OUT_OF_TIME:
        return Remark(About.CELL_OUT_OF_TIME, finding.cell, text=how_it_ended(finding))
    return Remark(About.CELL_RAISED, finding.cell, text=kind(finding.exception))


def not_run(ids: Sequence[str], finding: Finding | None = None) -> Remark:
    """Why a submission needs a person: cells without a verdict, and what is known of the first of them."""
    return Remark(About.NOT_RUN, names=tuple(ids), text=message(ids[0], finding) if finding else "")


def submissions(count: int, without: int) -> str:
    """How many submissions there are, and how many of them have no mark yet."""
    return f"{count} submissions" + (f", {without} of them without a mark" if without else "")


def _in_brackets(finding: Finding) -> str:
    why = _not_stopped(finding) or finding.ended_by
    if not why and finding.exit_status:
        why = f"exit status {finding.exit_status}"
    return f" ({why})" if why else ""


def _not_stopped(finding: Finding) -> str:
    return f"did not stop after {finding.limit:g} s" if finding.limit is not None else ""
