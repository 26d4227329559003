"""Sentences that a student may read about code that stopped.

What a student's code raises in a hidden check may quote a hidden input, so only its kind is told.
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from autograder.plain_text import plain

if TYPE_CHECKING:
    from autograder.run.results import Ran

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


def kind(name: str) -> str:
    """How an exception is called in a message: "a ValueError", "an IndexError", "an error of its own kind"."""
    if name not in KNOWN:
        return "an error of its own kind"
    return f"an {name}" if name[0] in "AEIOU" else f"a {name}"


_TOLD_BY_NAME = {
    "NotImplementedError": "not answered yet (the function raises NotImplementedError).",
    "RecursionError": "the function calls itself without end (RecursionError).",
}


def stopped(key: str, name: str, line: str = "") -> str:
    """What a student reads whose function stopped with the exception `name`; `line` is where, " at line 3 of its cell"."""
    other = f"the function stopped with {kind(name)}{line}. It must work for other values than those of the example."
    return f"{key}: {_TOLD_BY_NAME.get(name, other)}"


def cell_stopped(key: str, cell: str, ran: Ran, line: int | None = None) -> str:
    """What a student reads whose function is not there because the cell that should define it did not end well.

    `line` is where its text is no Python. The text of the error is never told: it comes from the student's process, and may
    say what a hidden check gave it.
    """
    whose = "its cell" if cell == key else cell
    if not ran.alive:
        return plain(f"{key}: there is no function to check, because {whose} ended the kernel{_why(ran)}.")
    if ran.late:
        return f"{key}: there is no function to check, because {whose} did not end in time."
    name = ran.error.partition(":")[0]
    where = f" at line {line}" if line and name in ("SyntaxError", "IndentationError", "TabError") else ""
    return f"{key}: there is no function to check, because {whose} stopped with {kind(name)}{where}."


def call_ended(key: str, ran: Ran) -> str:
    """What a student reads whose function took its kernel down when it was called."""
    return plain(f"{key}: calling the function ended the kernel{_why(ran)}.")


def _why(ran: Ran) -> str:
    why = ran.error.removeprefix("the kernel died").strip(" ()")
    return f" ({why})" if why else ""
