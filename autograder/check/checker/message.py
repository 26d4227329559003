"""The message for a check cell that failed: what the check says, and nothing that a student wrote where the check is hidden.

A hidden check's own message is shown as far as it is a constant in its text; what it fills in may come from the student's
process, which knows the hidden inputs, so that is shown as an ellipsis.
"""

from __future__ import annotations

import ast
import traceback

from autograder.check.checker.standins import Lost, student_error
from autograder.check.protocol.limits import LONGEST_MESSAGE
from autograder.notebook.syntax import statements
from autograder.plain_text import plain
from autograder.report.messages import kind, stopped


def message(error: BaseException, tree: ast.AST, key: str, hidden: bool, answers: frozenset[str] = frozenset()) -> str:
    """What a student reads.

    Parameters
    ----------
    error : BaseException
        What the cell raised.
    tree : ast.AST
        The cell.
    key : str
        The exercise, or the cell's id.
    hidden : bool
        Whether students must not learn what the cell holds.
    answers : frozenset of str
        The names that the student should have defined.
    """
    if isinstance(error, Lost):
        said = error.untold if hidden else str(error)
        return plain(f"{key}: {said}" + "." * (not said.endswith("?")), LONGEST_MESSAGE)
    if isinstance(error, NameError) and error.name in answers and not student_error(error):
        return f"{key}: there is no `{error.name}`. Did its cell stop before it was defined, or was it renamed?"
    raised = student_error(error)
    if raised == "NotImplementedError":
        return stopped(key, raised)
    if not hidden and isinstance(error, AssertionError) and not raised and not str(error):
        return plain(f"{key}: this does not hold: {_line(error)}", LONGEST_MESSAGE)
    if not hidden:
        return plain(f"{type(error).__name__}: {error}", LONGEST_MESSAGE)
    if raised:
        return stopped(key, raised)
    if isinstance(error, AssertionError) or type(error).__name__ == "Failed":
        return plain(_constant_part(str(error), tree), LONGEST_MESSAGE) or f"{key}: this property does not hold."
    return f"{key}: what came back could not be used ({kind(type(error).__name__)}). Does it have the type that it should have?"


def message_inside(error: str, source: str, key: str, hidden: bool) -> str:
    """The same for a check that ran in the student's kernel, which says "Name: text" of what stopped it."""
    name, _, text = error.partition(":")
    if not hidden:
        return plain(error, LONGEST_MESSAGE)
    told = _constant_part(text.strip(), ast.Module(statements(source), [])) if name == "AssertionError" else ""
    return plain(told, LONGEST_MESSAGE) or stopped(key, name)


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
