"""nbgrader's own converter from a solution to a release, with its complaints turned into errors."""

from __future__ import annotations

import logging
from contextlib import chdir
from typing import TYPE_CHECKING

from autograder.errors import AutograderError

if TYPE_CHECKING:
    from traitlets.config import Config


class _Complaints(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, level: int):
        super().__init__(level)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def generate_assignment(config: Config, name: str) -> None:
    """Runs nbgrader's converter of that name with a configuration.

    Raises
    ------
    AutograderError
        If it refuses; the message is nbgrader's, with what to type.
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
        if "submissions associated" in told:  # nbgrader has one class for all its refusals, and no other sign
            told = (
                "marks for it are in the gradebook, and its graded cells or notebooks have changed their names. "
                "Take the old names again, or put gradebook.db aside (mv gradebook.db gradebook-old.db) and grade anew. "
                f"nbgrader said: {told}"
            )
        raise AutograderError(f"{name}: {told}") from e
