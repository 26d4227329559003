"""nbgrader's settings for a course of labs in any folder: for `autograder`, and for nbgrader itself via nbgrader_config.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autograder.course.markers import BEGIN_HIDDEN, BEGIN_SOLUTION, END_HIDDEN, END_SOLUTION, PRIVATE, STUB

if TYPE_CHECKING:
    from traitlets.config import Config

CELL_SECONDS = 600  # nbgrader's default of 30 is too short for the first import of TensorFlow on a busy machine


def settings() -> Config:
    """The settings that do not depend on the course's folder."""
    from traitlets.config import Config

    c = Config()
    c.CourseDirectory.course_id = "medxai"
    c.CourseDirectory.source_directory = "solutions"
    c.CourseDirectory.release_directory = "notebooks"
    # nbgrader copies all files next to a notebook. These contain answers, hidden checks, leftovers of runs, or build
    # files.
    c.CourseDirectory.ignore = [
        ".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*_extracted", "desktop.ini", ".DS_Store", "*.keras",
        "my_boxes.txt", "maps", "quiz-*.json", "poll-*.json", *PRIVATE,
    ]  # fmt: skip
    # Students see a meaningful error, and a text cell that shows where to write.
    c.ClearSolutions.code_stub = {"python": STUB}
    c.ClearSolutions.text_stub = "YOUR ANSWER HERE"
    c.ClearSolutions.begin_solution_delimeter = BEGIN_SOLUTION
    c.ClearSolutions.end_solution_delimeter = END_SOLUTION
    c.ClearHiddenTests.begin_test_delimeter = BEGIN_HIDDEN
    c.ClearHiddenTests.end_test_delimeter = END_HIDDEN
    c.Execute.timeout = CELL_SECONDS
    c.Autograde.exporter_class = "autograder.course.stock_autograde.Refusal"
    return c
