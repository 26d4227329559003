"""Errors for people: what is wrong, where, what was expected, and what to type next.

The command line prints any AutograderError as text and ends with status 2; a traceback means a defect of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class AutograderError(Exception):
    """Base of every error that the command line shows as a message instead of a traceback."""


class SourceError(AutograderError):
    """A lab's source breaks the contract of an exercise; says the file, the line, what is wrong and how to mend it.

    Attributes
    ----------
    path : Path
        The file to open.
    line : int or None
        1-based line in that file, None when the file as a whole is meant (or is missing).
    message : str
        What is wrong and how to mend it.
    """

    def __init__(self, path: Path, line: int | None, message: str):
        self.path, self.line, self.message = Path(path), line, message
        super().__init__(f"{_short(self.path)}{f':{line}' if line else ''}: {message}")


class SourceErrors(SourceError):
    """Several of them at once, so that an author mends a lab in one round. Behaves as its first problem."""

    def __init__(self, problems: Iterable[SourceError]):
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(first.path, first.line, first.message)
        self.args = ("\n".join(str(problem) for problem in self.problems),)


class LeakError(AutograderError):
    """Something of the solutions, the hidden checks or the autograder would reach a student."""


def _short(path: Path) -> str:
    """The path from the course's root, as a person would type it."""
    parts = path.parts
    for anchor in ("solutions", "notebooks", "submitted"):
        if anchor in parts:
            return str(Path(*parts[len(parts) - 1 - parts[::-1].index(anchor) :]))
    return str(path)


def read_source(path: Path) -> str:
    """The text of a source file; SourceError where it is not UTF-8."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as e:
        raise SourceError(path, None, f"this is not UTF-8 text ({e.reason} at byte {e.start}).") from None
