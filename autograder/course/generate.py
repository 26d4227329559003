"""nbgrader's converter from solution to release, with its logged errors raised as exceptions."""

from __future__ import annotations

import logging
from contextlib import chdir
from typing import TYPE_CHECKING

from autograder.errors import AutograderError

if TYPE_CHECKING:
    from traitlets.config import Config


class _Complaints(logging.Handler):
    """Stores log messages."""

    def __init__(self, level: int):
        super().__init__(level)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def generate_assignment(config: Config, name: str) -> None:
    """Runs nbgrader's converter on an assignment with a configuration.

    Raises
    ------
    AutograderError
        If it refuses; the message is nbgrader's, with the next command.
    """
    from nbgrader.converters import GenerateAssignment
    from nbgrader.converters.base import NbGraderException
    from nbgrader.coursedir import CourseDirectory

    config.CourseDirectory.assignment_id = name
    config.GenerateAssignment.force = True
    log = logging.getLogger("autograder.nbgrader")
    log.propagate = False
    log.handlers = [complaints := _Complaints(logging.ERROR)]
    directory = CourseDirectory(config=config)
    converter = GenerateAssignment(coursedir=directory, config=config)
    directory.log = converter.log = log
    try:
        with chdir(directory.root):  # paths in a course's settings are relative to its root
            converter.start()
    except (NbGraderException, SystemExit) as e:
        messages = complaints.messages or [str(e)]
        cause = next((m for m in messages if "Traceback" in m), messages[0])
        told = cause.strip().splitlines()[-1]
        if (
            "submissions associated" in told
        ):  # nbgrader raises the same class for all refusals, so only the text tells them apart
            told = (
                "the gradebook has marks for it, but its graded cells or notebooks have been renamed. "
                "Restore the old names, or move the gradebook away (mv gradebook.db gradebook-old.db) and grade again. "
                f"nbgrader's message: {told}"
            )
        raise AutograderError(f"{name}: {told}") from e
