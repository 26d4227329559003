"""From what a hidden check's cell left behind to a sentence that a student may read.

A hidden check speaks through the AssertionError that it raises itself. Anything else that comes out of such a cell (an
exception inside the student's function, one of NumPy's comparisons) may quote the hidden input, so only its kind is
told. Who raised it is read from the traceback: the innermost frame must lie in the graded cell's own code.
"""

from __future__ import annotations

import builtins
import re
from typing import Any

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
FRAME = re.compile(r"\s*Cell\s+In\[(\d+)\], line (\d+)")
# Names of exceptions that are safe to show: a student can invent one that spells out what a check gave it.
KNOWN = {
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
} | {
    "InvalidArgumentError",
    "ResourceExhaustedError",
    "NotFittedError",
    "LinAlgError",
    "AxisError",
}
LONGEST = 600


def plain(text: str, longest: int = LONGEST) -> str:
    """Text without colours and control characters, cut to a length that a table and a page can hold."""
    text = CONTROL.sub("", ANSI.sub("", str(text))).strip()
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def frames(error: Any) -> list[tuple[int, int] | None]:
    """(execution count, line) of each frame of an IPython error output, outermost first; None for a frame in a file.

    The last element of the traceback is the exception's own text, which anybody can make look like a frame, so it is
    never read; neither are the lines of code that follow a frame's heading.
    """
    found: list[tuple[int, int] | None] = []
    for entry in list(error.get("traceback", []))[2:-1]:
        heading = ANSI.sub("", entry).split("\n", 1)[0]
        match = FRAME.match(heading)
        if match:
            found.append((int(match[1]), int(match[2])))
        elif heading.lstrip().startswith("File "):
            found.append(None)
    return found


def kind(name: str) -> str:
    """How an exception is called in a message: "a ValueError", "an IndexError", "an error of its own kind"."""
    if name not in KNOWN:
        return "an error of its own kind"
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"


def say(
    error: Any,
    key: str,
    check_count: int,
    answer_count: int | None = None,
    answer_error: Any = None,
    limit: float | None = None,
) -> str:
    """The message for a graded cell that failed.

    Parameters
    ----------
    error : mapping with `ename`, `evalue`, `traceback`
        What the graded cell raised.
    key : str
        The exercise.
    check_count, answer_count : int
        Execution counts of the graded cell and of the student's answer.
    answer_error : mapping, optional
        What the student's own cell raised when it ran, if it did.
    limit : float, optional
        Seconds that the cell was given.
    """
    name, where = error.get("ename", ""), frames(error)
    if name == "CellTimeoutError":
        return (
            f"{key}: the check was stopped after {limit:g} s. Is there a loop that never ends, or one step per pixel?"
            if limit
            else f"{key}: the check was stopped because it took too long."
        )
    own = bool(where) and where[-1] is not None and where[-1][0] == check_count
    if name == "AssertionError" and own:
        return plain(error.get("evalue", "")) or f"{key}: this property does not hold."
    if name == "NameError" and own:
        if answer_error is not None:
            failed = answer_error.get("ename", "")
            line = _line(frames(answer_error), answer_count) or _syntax_line(answer_error)
            return f"{key}: there is no function to check, because its cell stopped with {kind(failed)}{line}."
        return f"{key}: there is no function of this name. Was its cell deleted, or the function renamed?"
    line = _line(where, answer_count)
    if own and name not in _TOLD_BY_NAME:  # the check tripped over what came back: the wrong kind of thing was returned
        return f"{key}: what the function returned could not be used ({kind(name)}). Does it return what its docstring says?"
    return stopped(key, name, line)


_TOLD_BY_NAME = {
    "NotImplementedError": "not answered yet (the function raises NotImplementedError).",
    "RecursionError": "the function calls itself without end (RecursionError).",
}


def stopped(key: str, name: str, line: str = "") -> str:
    """What a student reads whose function stopped with the exception `name`; `line` is where, " at line 3 of its cell"."""
    other = f"the function stopped with {kind(name)}{line}. It must work for other values than those of the example."
    return f"{key}: {_TOLD_BY_NAME.get(name, other)}"


def _line(where: list[tuple[int, int] | None], count: int | None) -> str:
    lines = [frame[1] for frame in where if frame is not None and count is not None and frame[0] == count]
    return f" at line {lines[-1]} of its cell" if lines else ""


def _syntax_line(error: Any) -> str:
    if error.get("ename") not in ("SyntaxError", "IndentationError", "TabError"):
        return ""
    match = FRAME.match(ANSI.sub("", "".join(error.get("traceback", [])[:1])))
    return f" at line {match[2]}" if match else ""
