"""Finds the course of a folder, and its kind."""

from __future__ import annotations

from pathlib import Path

from autograder.course.course import Course
from autograder.course.lab_course import LabCourse
from autograder.course.nbgrader_course import NbgraderCourse


def course_around(start: str | Path | None = None) -> Course:
    """The course that contains `start` (default: the current folder).

    Raises
    ------
    AutograderError
        If there is none.
    """
    start = Path(start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "solutions").is_dir() or _is_nbgraders(folder):
            return course_at(folder)
    return course_at(start)  # raises, with the expected contents


def course_at(root: str | Path) -> Course:
    """The course whose root is `root`: of this project's kind if it has `solutions/`, else an nbgrader course.

    Raises
    ------
    AutograderError
        If it is neither.
    """
    root = Path(root)
    if (root / "solutions").is_dir() or not _is_nbgraders(root):
        return LabCourse(root)
    return NbgraderCourse(root)


def _is_nbgraders(folder: Path) -> bool:
    return (folder / "nbgrader_config.py").is_file() or any(folder.glob("source/*/*.ipynb"))
