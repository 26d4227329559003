"""nbgrader's settings for a course of labs, wherever it lies: for `autograder`, and for nbgrader itself by nbgrader_config.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autograder.course.markers import BEGIN_HIDDEN, BEGIN_SOLUTION, END_HIDDEN, END_SOLUTION, PRIVATE, STUB

if TYPE_CHECKING:
    from traitlets.config import Config

CELL_SECONDS = 600  # nbgrader's own 30 are too few for the first import of TensorFlow on a busy machine


def settings() -> Config:
    """The settings that do not depend on the course's folder."""
    from traitlets.config import Config

    c = Config()
    c.CourseDirectory.course_id = "medxai"
    c.CourseDirectory.source_directory = "solutions"
    c.CourseDirectory.release_directory = "notebooks"
    # nbgrader copies whatever lies beside a notebook. These hold answers, hidden checks, what a run leaves behind, and
    # the build's own files.
    c.CourseDirectory.ignore = [
        ".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*_extracted", "desktop.ini", ".DS_Store", "*.keras",
        "my_boxes.txt", "maps", "quiz-*.json", "poll-*.json", *PRIVATE,
    ]  # fmt: skip
    # A student sees an error that says what it is, and a text cell that says where to write.
    c.ClearSolutions.code_stub = {"python": STUB}
    c.ClearSolutions.text_stub = "YOUR ANSWER HERE"
    c.ClearSolutions.begin_solution_delimeter = BEGIN_SOLUTION
    c.ClearSolutions.end_solution_delimeter = END_SOLUTION
    c.ClearHiddenTests.begin_test_delimeter = BEGIN_HIDDEN
    c.ClearHiddenTests.end_test_delimeter = END_HIDDEN
    c.Execute.timeout = CELL_SECONDS
    return c
