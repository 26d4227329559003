"""Why a check cell failed: the check's message, reduced for hidden checks to what students may see."""

from __future__ import annotations

import ast
import traceback
from collections.abc import Collection

from autograder.check.checker.standins import Lost, student_error
from autograder.check.protocol.hidden import BY_EXCEPTION, raised, told
from autograder.check.protocol.verdict import Cause, Finding


class WrongCredit(AssertionError):
    """The number at the end of a check cell is not valid as its points; `finding` gives the reason."""

    def __init__(self, finding: Finding):
        super().__init__(finding.cause)
        self.finding = finding


def of_error(
    error: BaseException,
    tree: ast.AST,
    hidden: bool,
    answers: frozenset[str] = frozenset(),
    names: Collection[str] = frozenset(),
) -> Finding:
    """What a student may learn of how a check ended.

    Parameters
    ----------
    error : BaseException
        What the cell raised.
    tree : ast.AST
        The cell.
    hidden : bool
        Whether the cell's contents must be kept from students.
    answers : frozenset of str
        The names that the student should have defined.
    names : collection of str
        All names outside checks.
    """
    found = _of_error(error, hidden, answers)
    return told(found, tree, names) if hidden else found


def _of_error(error: BaseException, hidden: bool, answers: frozenset[str]) -> Finding:
    if isinstance(error, (Lost, WrongCredit)):
        return error.finding
    theirs = student_error(error)
    if isinstance(error, NameError) and error.name in answers and not theirs:
        return Finding(Cause.MISSING_NAME, name=str(error.name))
    if theirs == "NotImplementedError" or (theirs and hidden):
        return raised(theirs)
    failed = isinstance(error, AssertionError) or type(error).__name__ == "Failed"  # pytest.fail
    if not hidden and isinstance(error, AssertionError) and not theirs and not str(error):
        return Finding(Cause.ASSERTION, text=_line(error))
    cause = BY_EXCEPTION.get(theirs, Cause.RAISED) if theirs else Cause.PROPERTY if failed else Cause.UNUSABLE
    return Finding(cause, exception=type(error).__name__, text=str(error), quoted=True)


def _line(error: BaseException) -> str:
    """The line of the check that raised."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith("<check")]
    return (frames[-1].line or "") if frames else ""
