"""Why a check cell failed: what the check says, and nothing that a student wrote where the check is hidden.

A hidden check's own message is shown as far as it is a constant in its text; what it fills in may come from the student's
process, which knows the hidden inputs, so that is shown as an ellipsis.
"""

from __future__ import annotations

import ast
import traceback
from dataclasses import replace

from autograder.check.checker.standins import Lost, student_error
from autograder.check.protocol.verdict import Cause, Finding, safe_exception
from autograder.notebook.syntax import statements

BY_EXCEPTION = {"NotImplementedError": Cause.NOT_IMPLEMENTED, "RecursionError": Cause.RECURSION}


class WrongCredit(AssertionError):
    """The number that a check cell ends with cannot be its points; `finding` says why not."""

    def __init__(self, finding: Finding):
        super().__init__(finding.cause)
        self.finding = finding


def of_error(error: BaseException, tree: ast.AST, hidden: bool, answers: frozenset[str] = frozenset()) -> Finding:
    """What a student may know of the end of a check.

    Parameters
    ----------
    error : BaseException
        What the cell raised.
    tree : ast.AST
        The cell.
    hidden : bool
        Whether students must not learn what the cell holds.
    answers : frozenset of str
        The names that the student should have defined.
    """
    if isinstance(error, Lost):
        return error.untold if hidden else error.finding
    if isinstance(error, WrongCredit):
        # The number may be what the student's function was asked about.
        return replace(error.finding, credit=None) if hidden else error.finding
    raised = student_error(error)
    if isinstance(error, NameError) and error.name in answers and not raised:
        return Finding(Cause.MISSING_NAME, name=str(error.name))
    if raised == "NotImplementedError":
        return _raised(raised)
    failed = isinstance(error, AssertionError) or type(error).__name__ == "Failed"  # pytest.fail
    if not hidden:
        if isinstance(error, AssertionError) and not raised and not str(error):
            return Finding(Cause.ASSERTION, text=_line(error))
        cause = BY_EXCEPTION.get(raised, Cause.RAISED) if raised else Cause.PROPERTY if failed else Cause.UNUSABLE
        return Finding(cause, exception=type(error).__name__, text=str(error), quoted=True)
    if raised:
        return _raised(raised)
    if failed:
        return Finding(Cause.PROPERTY, text=_constant_part(str(error), tree))
    return Finding(Cause.UNUSABLE, exception=safe_exception(type(error).__name__))


def of_error_inside(exception: str, text: str, source: str, hidden: bool) -> Finding:
    """The same for a check that ran in the student's kernel, which says what stopped it."""
    failed = exception == "AssertionError"
    if not hidden:
        cause = Cause.PROPERTY if failed else BY_EXCEPTION.get(exception, Cause.RAISED)
        return Finding(cause, exception=exception, text=text, quoted=True)
    told = _constant_part(text.strip(), ast.Module(statements(source), [])) if failed else ""
    return Finding(Cause.PROPERTY, text=told) if told else _raised(exception)


def _raised(exception: str) -> Finding:
    return Finding(BY_EXCEPTION.get(exception, Cause.RAISED), exception=safe_exception(exception))


def _line(error: BaseException) -> str:
    """The line of the check that raised."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith("<check")]
    return (frames[-1].line or "") if frames else ""


def _constant_part(text: str, tree: ast.AST) -> str:
    """A message as its check's source holds it, "" where it does not."""
    constants = [
        n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str) and n.value
    ]
    if text in constants:
        return text
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [str(v.value) if isinstance(v, ast.Constant) else None for v in node.values]
            if any(p and p.strip() for p in parts) and _made_of(text, parts):
                return "".join("…" if p is None else p for p in parts)
    own = [c for c in constants if text.endswith(f" : {c}")]  # unittest: what it found, then the check's own words
    return max(own, key=len, default="")


def _made_of(text: str, parts: list[str | None]) -> bool:
    """Whether a text is these parts in a row, with anything for None. In linear time: the text may be a student's."""
    at, free = 0, False
    for n, part in enumerate(parts):
        if part is None:
            free = True
            continue
        last = n == len(parts) - 1
        found = text.rfind(part) if last and free else text.find(part, at)
        if found < at or (not free and found != at):
            return False
        at, free = found + len(part), False
    return free or at == len(text)
