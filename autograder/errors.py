"""Errors shown to the user: what is wrong, where, what was expected, and the next command.

The command line prints any AutograderError as text and exits with status 2; a traceback means a bug in the grader.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class AutograderError(Exception):
    """Base of every error that the command line shows as a message instead of a traceback."""


class SourceError(AutograderError):
    """A lab's source breaks the rules for exercises; gives the file, the line, the problem and its fix.

    Attributes
    ----------
    path : Path
        The file to open.
    line : int or None
        1-based line in that file, None if the whole file is meant (or is missing).
    message : str
        What is wrong and how to fix it.
    """

    def __init__(self, path: Path, line: int | None, message: str):
        self.path, self.line, self.message = Path(path), line, message
        super().__init__(f"{_short(self.path)}{f':{line}' if line else ''}: {message}")


class SourceErrors(SourceError):
    """Several problems at once, so that an author can fix a lab in one pass. Behaves like the first of them."""

    def __init__(self, problems: Iterable[SourceError]):
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(first.path, first.line, first.message)
        self.args = ("\n".join(str(problem) for problem in self.problems),)


class LeakError(AutograderError):
    """Parts of the solutions, the hidden checks or the autograder would reach students."""


def _short(path: Path) -> str:
    """The path relative to the course's root, as a user would type it."""
    parts = path.parts
    for anchor in ("solutions", "notebooks", "submitted"):
        if anchor in parts:
            return str(Path(*parts[len(parts) - 1 - parts[::-1].index(anchor) :]))
    return str(path)


def read_source(path: Path) -> str:
    """The text of a source file; SourceError if it is not UTF-8."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as e:
        raise SourceError(path, None, f"not valid UTF-8 ({e.reason} at byte {e.start}).") from None
