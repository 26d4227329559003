"""nbgrader's converter from solution to release, with its logged errors raised as exceptions."""

from __future__ import annotations

import logging
from contextlib import chdir
from typing import TYPE_CHECKING

from autograder.errors import AutograderError

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from traitlets.config import Config


class _Complaints(logging.Handler):
    """Stores log messages."""

    def __init__(self, level: int):
        super().__init__(level)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def _keeping() -> type:
    """nbgrader's SaveCells, which also accepts that cells are gone from a notebook with submissions.

    It refuses, so as not to lose marks; here the old cells, with their marks, stay in the gradebook. Its hook for this is
    private; without it, an exercise could never be left out of a lab that has been graded (tests/autograder/author).
    """
    from nbgrader.api import MissingEntry
    from nbgrader.preprocessors import SaveCells

    class SaveCellsAndKeepOldOnes(SaveCells):
        def _create_notebook(self, nb: NotebookNode) -> None:
            try:
                old = self.gradebook.find_notebook(self.notebook_id, self.assignment_id)
            except MissingEntry:
                old = None
            if old is not None and old.submissions:
                kinds = (
                    (self.new_grade_cells, old.grade_cells), (self.new_solution_cells, old.solution_cells),
                    (self.new_task_cells, old.task_cells), (self.new_source_cells, old.source_cells),
                )  # fmt: skip
                for new, cells in kinds:
                    for cell in cells:
                        about = cell.to_dict()
                        kept = {key: about[key] for key in about.keys() - {"id", "name", "notebook", "assignment"}}
                        new.setdefault(cell.name, kept)
            super()._create_notebook(nb)

    return SaveCellsAndKeepOldOnes


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
    converter.preprocessors = [_keeping() if one.__name__ == "SaveCells" else one for one in converter.preprocessors]
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
